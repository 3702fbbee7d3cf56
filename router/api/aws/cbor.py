"""CBOR, as far as AWS's models need it: integers, floats, text, bytes, lists, maps with text keys, timestamps (tag 1).

Pure. Source: RFC 8949. Strict: nothing behind the value, no other tags, nothing nested deeper than any model."""

import math
import struct
from collections.abc import Mapping
from typing import Any, Final

from router.api.aws.values import DEPTH, Malformed

_BREAK: Final = 0xFF
_SIZES: Final = {24: 1, 25: 2, 26: 4, 27: 8}
_FLOATS: Final = {25: ">e", 26: ">f", 27: ">d"}
_SIMPLE: Final = {20: False, 21: True, 22: None, 23: None}
_INDEFINITE: Final = 31
_MOMENT: Final = 1


class Moment(float):
    """Epoch seconds, which are tagged."""


def loads(data: bytes) -> Any:
    """The one value of *data*. Raises Malformed."""
    reader = _Reader(data)
    value = reader.value(0)
    if reader.at != len(data):
        raise Malformed("more than one CBOR value")
    return value


def dumps(value: Any) -> bytes:
    """A value as CBOR: None, bool, int, float, Moment, str, bytes, lists and maps."""
    out = bytearray()
    _write(out, value)
    return bytes(out)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self.at = data, 0

    def _take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self._data):
            raise Malformed("the CBOR value is cut short")
        taken, self.at = self._data[self.at : end], end
        return taken

    def _number(self, low: int) -> int:
        if low < 24:
            return low
        if low not in _SIZES:
            raise Malformed("a length that CBOR does not have")
        return int.from_bytes(self._take(_SIZES[low]), "big")

    def value(self, depth: int) -> Any:
        """The value that begins here."""
        if depth > DEPTH:
            raise Malformed("Nesting level too deep")
        first = self._take(1)[0]
        major, low = first >> 5, first & 31
        match major:
            case 0:
                return self._number(low)
            case 1:
                return -1 - self._number(low)
            case 2 | 3:
                return self._string(major, low)
            case 4:
                return [self.value(depth + 1) for _ in self._each(low)]
            case 5:
                return dict(self._pair(depth) for _ in self._each(low))
            case 6:
                return self._tagged(self._number(low), depth)
        return self._simple(low)

    def _each(self, low: int) -> Any:
        """As often as there are elements. Of a declared number no more than there are bytes: nothing is made room for in advance."""
        if low != _INDEFINITE:
            yield from range(self._number(low))
            return
        while self._data[self.at : self.at + 1] != bytes([_BREAK]):
            yield None
        self.at += 1

    def _pair(self, depth: int) -> tuple[str, Any]:
        key = self.value(depth + 1)
        if not isinstance(key, str):
            raise Malformed("a key of a CBOR map that is no text")
        return key, self.value(depth + 1)

    def _string(self, major: int, low: int) -> Any:
        raw = self._take(self._number(low)) if low != _INDEFINITE else b"".join(self._chunks(major))
        if major == 2:
            return raw
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise Malformed("CBOR text that is not UTF-8") from None

    def _chunks(self, major: int) -> Any:
        while (first := self._take(1)[0]) != _BREAK:
            if first >> 5 != major or first & 31 == _INDEFINITE:
                raise Malformed("a chunk of another kind than its CBOR string")
            yield self._take(self._number(first & 31))

    def _tagged(self, tag: int, depth: int) -> Any:
        value = self.value(depth + 1)
        if tag != _MOMENT or isinstance(value, bool) or not isinstance(value, int | float):
            raise Malformed(f"the CBOR tag {tag} is not supported here")
        return value

    def _simple(self, low: int) -> Any:
        if low in _SIMPLE:
            return _SIMPLE[low]
        if low in _FLOATS:
            return struct.unpack(_FLOATS[low], self._take(_SIZES[low]))[0]
        raise Malformed("a CBOR value that no model has")


def _head(out: bytearray, major: int, number: int) -> None:
    if number < 24:
        out.append(major << 5 | number)
        return
    for low, size in _SIZES.items():
        if number < 1 << 8 * size:
            out.append(major << 5 | low)
            out += number.to_bytes(size, "big")
            return
    raise ValueError("an integer beyond 64 bits")


def _write(out: bytearray, value: Any) -> None:
    if value is None or isinstance(value, bool):
        out.append({False: 0xF4, True: 0xF5, None: 0xF6}[value])
    elif isinstance(value, Moment):
        _head(out, 6, _MOMENT)
        _write(out, int(value) if math.isfinite(value) and value.is_integer() else float(value))
    elif isinstance(value, int):
        _head(out, 0 if value >= 0 else 1, value if value >= 0 else -1 - value)
    elif isinstance(value, float):
        out += b"\xfb" + struct.pack(">d", value)
    elif isinstance(value, bytes | str):
        raw = value if isinstance(value, bytes) else value.encode()
        _head(out, 2 if isinstance(value, bytes) else 3, len(raw))
        out += raw
    elif isinstance(value, Mapping):
        _head(out, 5, len(value))
        for key, one in value.items():
            _write(out, key)
            _write(out, one)
    else:
        _head(out, 4, len(value))
        for one in value:
            _write(out, one)
