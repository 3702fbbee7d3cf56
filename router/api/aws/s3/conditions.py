"""Conditional requests: which hold, and which of them counts first. Pure.

Sources: RFC 9110, 13; S3 API reference, "GetObject", "CopyObject", "PutObject". Dates count whole seconds."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final, Literal

from router.api.aws.s3.errors import S3Error
from router.buckets.facts import ANYWAY, Condition, matches

_COPY: Final = "x-amz-copy-source-"
_BYPASS: Final = "x-amz-bypass-governance-retention"


def of_read(headers: Mapping[str, str], etag: str, modified: float) -> Literal["", "not modified"]:
    """Whether an object is sent. Raises S3Error: PreconditionFailed.

    If-Match that holds makes If-Unmodified-Since void, If-None-Match that is there makes If-Modified-Since void."""
    if match := headers.get("if-match", ""):
        if not matches(etag, match):
            raise S3Error("PreconditionFailed", Condition="If-Match")
    elif (since := _date(headers.get("if-unmodified-since", ""))) is not None and int(modified) > since:
        raise S3Error("PreconditionFailed", Condition="If-Unmodified-Since")
    if none := headers.get("if-none-match", ""):
        return "not modified" if matches(etag, none) else ""
    since = _date(headers.get("if-modified-since", ""))
    return "not modified" if since is not None and int(modified) <= since else ""


def of_copy(headers: Mapping[str, str], etag: str, modified: float) -> None:
    """Whether a source is copied. Raises S3Error: PreconditionFailed."""
    given = {name.removeprefix(_COPY): value for name, value in headers.items() if name.startswith(f"{_COPY}if-")}
    if match := given.get("if-match", ""):
        if not matches(etag, match):
            raise S3Error("PreconditionFailed", Condition=f"{_COPY}If-Match")
    elif (since := _date(given.get("if-unmodified-since", ""))) is not None and int(modified) > since:
        raise S3Error("PreconditionFailed", Condition=f"{_COPY}If-Unmodified-Since")
    if none := given.get("if-none-match", ""):
        if matches(etag, none):
            raise S3Error("PreconditionFailed", Condition=f"{_COPY}If-None-Match")
        return
    since = _date(given.get("if-modified-since", ""))
    if since is not None and int(modified) <= since:
        raise S3Error("PreconditionFailed", Condition=f"{_COPY}If-Modified-Since")


def of_write(headers: Mapping[str, str]) -> Condition:
    """What must hold of the object that is there when it is replaced. Raises S3Error: NotImplemented."""
    match, none = headers.get("if-match", "").strip(), headers.get("if-none-match", "").strip()
    if none and none != "*":
        raise S3Error(
            "NotImplemented",
            Header="If-None-Match",
            additionalMessage="We don't accept the provided value of If-None-Match header for this API",
        )
    if match and none:
        raise S3Error(
            "NotImplemented",
            Header="If-Match,If-None-Match",
            additionalMessage="Multiple conditional request headers present in the request",
        )
    if match == "*":
        raise S3Error(
            "NotImplemented", Header="If-Match", additionalMessage="We don't accept the provided value of If-Match header for this API"
        )
    return Condition(match, bool(none)) if match or none else ANYWAY


def check_unlocked(headers: Mapping[str, str]) -> None:
    """Nothing is locked here, so no lock is there to be gone past, as recorded of AWS. Raises S3Error."""
    if _BYPASS in headers:
        raise S3Error("InvalidArgument", f"{_BYPASS} is only applicable to Object Lock enabled buckets.", ArgumentName=_BYPASS)


def of_delete(headers: Mapping[str, str]) -> Condition:
    """What must hold of the object that is removed: with a condition there has to be one. Raises S3Error: NotImplemented.

    The conditions on size and time are those of directory buckets."""
    if undone := next(
        (name for name in ("x-amz-if-match-size", "x-amz-if-match-last-modified-time", "if-none-match") if name in headers), ""
    ):
        raise S3Error("NotImplemented", Header=undone)
    match = headers.get("if-match", "").strip()
    return Condition(match) if match else ANYWAY


def _date(text: str) -> float | None:
    """Epoch seconds; None for what is no date of HTTP: such a header is ignored."""
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
