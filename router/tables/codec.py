"""Items as the bytes that are stored: JSON in the API's own form, bytes in base64."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Final

import orjson

from router.items.values import Item, Value, parts

_HINTS: Final = (b'"B":', b'"BS":')  # without one there are no bytes in it


def encode(item: Mapping[str, Value]) -> bytes:
    """An item as bytes."""
    return orjson.dumps(item, default=_base64)


def decode(stored: bytes) -> Item:
    """The item that was stored."""
    item: Item = orjson.loads(stored)
    return plain(item) if any(hint in stored for hint in _HINTS) else item


def plain(item: Mapping[str, Value]) -> Item:
    """An item whose bytes are in base64, with bytes."""
    return {name: _value(value) for name, value in item.items()}


def _base64(value: object) -> str:
    assert isinstance(value, bytes)  # nothing else of what values.checked() lets through is unknown to JSON
    return b64encode(value).decode()


def _value(value: Value) -> Value:
    kind, held = parts(value)
    return {kind: _HELD[kind](held)} if kind in _HELD else value


_HELD: Final[Mapping[str, Any]] = {
    "B": b64decode,
    "BS": lambda held: [b64decode(member) for member in held],
    "L": lambda held: [_value(element) for element in held],
    "M": lambda held: {name: _value(element) for name, element in held.items()},
}
