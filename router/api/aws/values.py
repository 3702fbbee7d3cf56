"""Values between JSON and the members of AWS's models: types are checked strictly, what is required must be there.

Pure. Sources: AWS JSON protocols as botocore's serializers and parsers spell them; texts of refusals as AWS sends them."""

import binascii
import math
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any, Final

from router.api.aws.shapes import Shape

DEPTH: Final = 64  # structures, lists and maps inside one another: more than any model has; a DynamoDB value has 32
FARTHEST: Final = 253_402_300_800.0  # epoch seconds: the year 10000
_PIECE: Final = 4 * 1024 * 256  # characters of base64 that are decoded at one go: a multiple of four
_SPECIAL: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_SAID: Final = {str: "STRING_VALUE", int: "NUMBER_VALUE", float: "NUMBER_VALUE", bool: "TRUE_VALUE"}
_WANTED: Final = {"string": "a String", "boolean": "a Boolean", "integer": "an Integer", "long": "a Long", "blob": "a ByteBuffer"}
_BITS: Final = {"integer": 31, "long": 63}


class Malformed(ValueError):
    """A request that is not what its model says; the text is AWS's."""


class Incomplete(ValueError):
    """Required members are missing; *places* name them: entries.1.member.id."""

    def __init__(self, places: list[str]) -> None:
        super().__init__(", ".join(places))
        self.places = places


# -- in


def parsed(shape: Shape, value: Any) -> dict[str, Any]:
    """The body's members of a structure, from its JSON object. Raises Malformed."""
    if not isinstance(value, dict):
        raise Malformed(_misplaced(value))
    return _structure(shape, value, 0)


def complete(shape: Shape, members: Mapping[str, Any]) -> None:
    """Whether everything that is required is there, at any depth. Raises Incomplete."""
    missing: list[str] = []
    _missing(shape, members, "", missing)
    if missing:
        raise Incomplete(missing)


def _structure(shape: Shape, value: dict[str, Any], depth: int) -> dict[str, Any]:
    wires = shape.wires
    found: dict[str, Any] = {}
    for key, one in value.items():
        if one is not None and (member := wires.get(key)) is not None:
            found[member.name] = _parsed(member.shape, one, depth + 1)
    return found


def _parsed(shape: Shape, value: Any, depth: int) -> Any:
    kind = shape.kind
    if kind == "string":
        if isinstance(value, str):
            return value
    elif kind == "structure":
        if isinstance(value, dict):
            return _structure(shape, value, _deeper(depth))
    elif kind == "list":
        if isinstance(value, list) and shape.item is not None:
            item, depth = shape.item, _deeper(depth)
            return [_parsed(item, one, depth + 1) for one in value if one is not None]
    elif kind == "map":
        if isinstance(value, dict) and shape.value is not None:
            item, depth = shape.value, _deeper(depth)
            return {key: _parsed(item, one, depth + 1) for key, one in value.items() if one is not None}
    else:
        return scalar(kind, value)
    raise Malformed(_misplaced(value, kind))


def _deeper(depth: int) -> int:
    if depth > DEPTH:
        raise Malformed("Nesting level too deep")
    return depth


def scalar(kind: str, value: Any) -> Any:
    """A value that has no parts. Raises Malformed."""
    if kind == "boolean":
        if isinstance(value, bool):
            return value
    elif kind in ("integer", "long"):
        return _whole(kind, value)
    elif kind in ("float", "double"):
        if isinstance(value, str) and value in _SPECIAL:
            return _SPECIAL[value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    elif kind == "timestamp":
        return moment(value)
    elif kind == "blob":
        return _blob(value)
    raise Malformed(_misplaced(value, kind))


def _blob(value: Any) -> bytes:
    """Bytes, as CBOR has them, or base64."""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise Malformed(_misplaced(value, "blob"))
    if len(value) % 4 or value.endswith("==="):  # b64decode() lets any padding pass behind what needs none
        raise Malformed("Invalid Base64 encoded value")
    try:
        if len(value) <= _PIECE:
            return b64decode(value, validate=True)
        return b"".join(_pieces(value))
    except (binascii.Error, ValueError):
        raise Malformed("Invalid Base64 encoded value") from None


def _pieces(value: str) -> Iterator[bytes]:
    """A long value, decoded a piece at a time: other threads get their turns. Raises ValueError."""
    for at in range(0, len(value), _PIECE):
        piece = value[at : at + _PIECE]
        if piece.endswith("=") and at + _PIECE < len(value):
            raise ValueError("padding before the end")
        yield b64decode(piece, validate=True)


def _whole(kind: str, value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Malformed(_misplaced(value, kind))
    if not -(2 ** _BITS[kind]) <= value < 2 ** _BITS[kind]:
        raise Malformed(f"{value!s:.40} is out of range for {_WANTED[kind]}")
    return value


def moment(value: Any) -> float:
    """A timestamp in any of its three forms as epoch seconds. Raises Malformed."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) < FARTHEST:
            raise Malformed(f"{value!s:.40} is no timestamp")
        return float(value)
    if not isinstance(value, str):
        raise Malformed(_misplaced(value, "timestamp"))
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
        except (ValueError, OverflowError, TypeError, IndexError):
            raise Malformed(f"{value[:40]!r} is no timestamp") from None
    try:
        return (when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise Malformed(f"{value[:40]!r} is no timestamp") from None


def _misplaced(value: Any, kind: str = "structure") -> str:
    if isinstance(value, dict):
        return "Start of structure or map found where not expected."
    if isinstance(value, list):
        return "Start of list found where not expected"
    if kind in ("structure", "list", "map"):
        return "Unexpected field type"
    said = "FALSE_VALUE" if value is False else _SAID.get(type(value), "NULL_VALUE")
    return f"{said} can not be converted to {_WANTED.get(kind, 'a Double' if kind in ('float', 'double') else 'a Date')}"


def _missing(shape: Shape, value: Any, place: str, found: list[str]) -> None:
    if shape.kind == "structure":
        found += [f"{place}{_camel(name)}" for name in shape.required if value.get(name) is None]
        for name, one in value.items():
            member = shape.members.get(name)
            if member is not None and member.shape.kind in ("structure", "list", "map") and isinstance(one, dict | list):
                _missing(member.shape, one, f"{place}{_camel(name)}.", found)
    elif shape.kind == "list" and shape.item is not None and shape.item.kind in ("structure", "list", "map"):
        for index, one in enumerate(value, 1):
            _missing(shape.item, one, f"{place}{index}.member.", found)
    elif shape.kind == "map" and shape.value is not None and shape.value.kind in ("structure", "list", "map"):
        for key, one in value.items():
            _missing(shape.value, one, f"{place}{key}.member.", found)


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


# -- out


def spelled(shape: Shape, value: Mapping[str, Any]) -> dict[str, Any]:
    """A structure's members of the body, as JSON has them. Raises KeyError for a member that the model does not know."""
    found: dict[str, Any] = {}
    members = shape.members
    for name, one in value.items():
        member = members[name]
        if one is not None and not member.location:
            found[member.wire] = spelled_one(member.shape, one, member.timestamp)
    return found


def spelled_one(shape: Shape, value: Any, stamp: str = "") -> Any:
    """One value as JSON has it."""
    kind = shape.kind
    if kind == "structure":
        return spelled(shape, value)
    if kind == "list":
        assert shape.item is not None
        if shape.item.kind in ("string", "integer", "long", "boolean"):
            return list(value)
        return [spelled_one(shape.item, one) for one in value]
    if kind == "map":
        assert shape.value is not None
        return {key: spelled_one(shape.value, one) for key, one in value.items()}
    if kind == "blob":
        return b64encode(value if isinstance(value, bytes) else str(value).encode()).decode()
    if kind == "timestamp":
        return stamped(value, stamp or shape.timestamp or "unixTimestamp")
    if kind in ("float", "double") and isinstance(value, float) and not math.isfinite(value):
        return next(text for text, special in _SPECIAL.items() if str(special) == str(value))
    return value


def stamped(at: float, form: str) -> str | float:
    """Epoch seconds in one of the three forms of timestamps."""
    if form == "unixTimestamp":
        return int(at) if float(at).is_integer() else round(at, 3)
    when = datetime.fromtimestamp(at, UTC)
    if form == "rfc822":
        return format_datetime(when, usegmt=True)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z" if when.microsecond >= 1000 else f"{when:%Y-%m-%dT%H:%M:%SZ}"
