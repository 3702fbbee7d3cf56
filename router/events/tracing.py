"""X-Ray trace headers: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1. Pure.

Source: X-Ray developer guide, "Tracing header"; W3C Trace Context, "traceparent". An invocation always has a trace, as on AWS:
its caller's, or one that its request id names, so that all attempts of an event share it. Nothing here records a segment, so a
caller's parent stays the parent of what the function records, and nobody is sampled who did not come so."""

import re
from collections.abc import Mapping
from typing import Final

_ROOT: Final = re.compile(r"1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}")
_BARE: Final = re.compile(r"Root=1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}")
_PARENT: Final = re.compile(r"[0-9a-fA-F]{16}")
_LINEAGE: Final = re.compile(r"[0-9a-fA-F:|,]{1,256}")
_W3C: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_HEX: Final = re.compile(r"[0-9a-f]{32}")
_LONGEST: Final = 1024  # characters that are looked at


def fields(header: str) -> Mapping[str, str]:
    """The parts of a trace header, Root and so on; of equal names the first."""
    found: dict[str, str] = {}
    for part in header[:_LONGEST].split(";"):
        name, is_, value = part.partition("=")
        if is_:
            found.setdefault(name.strip(), value.strip())
    return found


def of_w3c(traceparent: str) -> str:
    """The trace of a traceparent header in X-Ray's spelling; "" when it is malformed."""
    found = _W3C.fullmatch(traceparent.strip()) if traceparent else None
    if not found:
        return ""
    trace, parent, flags = found.groups()
    return f"Root=1-{trace[:8]}-{trace[8:]};Parent={parent};Sampled={int(flags, 16) & 1}"


def of_invocation(header: str, request_id: str, span: str) -> str:
    """Root, Parent and Sampled of an invocation. *header*: its caller's, "" for none; *span*: 16 fresh hexadecimal digits."""
    if not header:
        return f"Root={_named(request_id, span)};Parent={span};Sampled=0"
    if _BARE.fullmatch(header):  # as our own listener begins them: nearly always
        return f"{header};Parent={span};Sampled=0"
    given = fields(header)
    root, parent, lineage = given.get("Root", ""), given.get("Parent", ""), given.get("Lineage", "")
    known = _ROOT.fullmatch(root) is not None
    kept = f";Lineage={lineage}" if known and _LINEAGE.fullmatch(lineage) else ""
    return (
        f"Root={root if known else _named(request_id, span)};Parent={parent if known and _PARENT.fullmatch(parent) else span}"
        f";Sampled={1 if known and given.get('Sampled') == '1' else 0}{kept}"
    )


def sampled(header: str) -> bool:
    """Whether whoever began the trace wants it recorded."""
    return ";Sampled=1" in header


def _named(request_id: str, span: str) -> str:
    """A trace id from a request id, whose first 48 bits are the time in milliseconds; see names.request_id()."""
    digits = request_id.replace("-", "")
    if not _HEX.fullmatch(digits):  # somebody else's
        digits = f"{request_id.encode().hex():0<32}"[:16] + span
    return f"1-{int(digits[:12], 16) // 1000 & 0xFFFFFFFF:08x}-{digits[8:]}"
