"""How values are spelled: text in, value out, None when it is no such value. Pure.

A bare number has AWS's unit: seconds, MB."""

import re
from typing import Any, Final

ANY: Final = r"[\s\S]*"  # a pattern: whatever text there is, an empty one too
NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FRACTION: Final = re.compile(r"-?(0|[1-9][0-9]{0,307})(\.[0-9]{1,308})?([eE][-+]?[0-9]{1,3})?")
_DURATION: Final = re.compile(r"(-?[0-9]{1,12}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)?")
_SIZE: Final = re.compile(r"(-?[0-9]{1,12})(MB|GB)?")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

DURATION_HINT: Final = "write seconds as a bare number, or 500ms, 30s, 5m, 6h, 14d"
SIZE_HINT: Final = "write MB as a bare number, or 256MB, 1GB"

_LARGER: Final = {  # unit → (from where on, how many of it, the larger unit), the largest first
    " MB": ((2**20, 2**20, " TB"), (2**10, 2**10, " GB")),
    " s": ((2 * 86400, 86400, " d"), (3600, 3600, " h")),
}


def whole(text: str) -> int | None:
    """A whole number in decimal; no leading zeros, no underscores."""
    return int(text) if NUMBER.fullmatch(text) else None


def number(text: str) -> float | None:
    """A number in decimal, with or without a fraction."""
    return float(text) if _FRACTION.fullmatch(text) and abs(float(text)) < float("inf") else None


def truth(text: str) -> bool | None:
    """True or false, and nothing else that YAML 1.1 would take for them."""
    return {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}.get(text)


def empty(text: str) -> bool:
    """Whether this unquoted text is YAML's null."""
    return text in {"", "~", "null", "Null", "NULL"}


def seconds(text: str) -> float | None:
    """A duration in seconds; one below zero is for the limits to refuse."""
    found = _DURATION.fullmatch(text)
    if not found:
        return None
    number, unit = found.groups()
    return float(number) * _SECONDS[unit or "s"] if unit != "ms" else float(number) / 1000


def megabytes(text: str) -> int | None:
    """A size in MB (of 1,024 × 1,024 bytes, as Lambda counts them)."""
    found = _SIZE.fullmatch(text)
    return int(found[1]) * (1024 if found[2] == "GB" else 1) if found else None


def json_scalar(text: str) -> Any:
    """The JSON value an unquoted scalar spells: null, true, false, a number as JSON writes it, else a string."""
    if empty(text):
        return None
    known = truth(text)
    if known is not None:
        return known
    if NUMBER.fullmatch(text):
        return int(text)
    if _FRACTION.fullmatch(text):
        number = float(text)
        return text if number in {float("inf"), float("-inf")} else number
    return text


def spoken(number: float) -> str:
    """A number without a needless fraction: 900, 0.5."""
    return str(int(number)) if number == int(number) else repr(number)


def told(number: float, unit: str) -> str:
    """*number* of *unit*, in the largest unit in which it is whole: 64 MB, 10 GB, 900 s, 24 h, 14 d."""
    for least, many, larger in _LARGER.get(unit, ()):
        if abs(number) >= least and number % many == 0:
            return f"{spoken(number / many)}{larger}"
    return f"{spoken(number)}{unit}"


def told_range(low: float, high: float, unit: str) -> str:
    """Two limits as `1 to 900 s`, `128 MB to 64 TB`, `0 to 12 h`: a unit that both have is said once."""
    first, last = told(low, unit).partition(" "), told(high, unit).partition(" ")
    return f"{first[0] if not low or first[2] == last[2] else ''.join(first)} to {''.join(last)}"
