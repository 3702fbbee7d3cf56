"""Events into Python values and results into JSON text, as AWS's Python runtime does it. Pure, standard library only.

AWS's runtime serialises with simplejson; the standard encoder is faster and starts sooner, so plain values go straight to
it and the rest (Decimal, named tuples, bytes) is put into its terms first. Facts: measured with awslambdaric 4.2.2."""

import json
import os
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, NoReturn

_PLAIN: Final = frozenset({str, int, float, bool, type(None)})
_MARK: Final = f"\x00{os.urandom(12).hex()}:"  # before a Decimal's text while it travels as a string; nobody can know it
_MARKED: Final = re.compile('"' + re.escape(json.dumps(_MARK)[1:-1]) + '([^"]*)"')
_RAW_UTF8: Final = re.compile(r"AWS_Lambda_python3\.(1[2-9])$")  # ≤ 3.11 escapes


class Fault(Exception):
    """A failure of the runtime itself rather than of the function: no stack trace."""

    def __init__(self, error_type: str, message: str, trace: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.trace = trace


class _Absent(Exception):
    """NaN or Infinity in an event."""


def raw_utf8(execution_env: str) -> bool:
    """Whether a runtime, by AWS_EXECUTION_ENV, writes non-ASCII text as it is; older ones escape it."""
    return bool(_RAW_UTF8.match(execution_env))


def _refuse(constant: str) -> NoReturn:
    raise _Absent(constant)


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse)
_SCAN: Final[Callable[[str, int], tuple[Any, int]]] = getattr(_DECODER, "scan_once")  # noqa: B009 - what raw_decode() calls
_ENCODERS: Final = {raw: json.JSONEncoder(ensure_ascii=not raw) for raw in (False, True)}


def _quick(standard: json.JSONEncoder) -> Callable[[Any], str]:
    """What that encoder does, for values without circles: its C part made once instead of for each value, where it can be had."""
    try:
        make = getattr(json.encoder, "c_make_encoder")  # noqa: B009 - no part of the documented module
        spell = json.encoder.encode_basestring_ascii if standard.ensure_ascii else json.encoder.encode_basestring
        separators = standard.key_separator, standard.item_separator
        encoder = make(None, standard.default, spell, None, *separators, False, False, True)
        "".join(encoder({"": [0.5, None]}, 0))
    except (AttributeError, TypeError):  # another implementation or version of Python
        return standard.encode
    return lambda value: "".join(encoder(value, 0))


_QUICK: Final = {raw: _quick(encoder) for raw, encoder in _ENCODERS.items()}


def unmarshal(body: bytes) -> Any:
    """The event. Raises Fault (Runtime.UnmarshalError)."""
    text = ""
    try:
        text = body.decode()
        try:
            value, end = _SCAN(text, 0)
        except (StopIteration, json.JSONDecodeError):
            end = -1
        return value if end == len(text) else _DECODER.decode(text)  # white space around it, or no JSON
    except _Absent as absent:
        cause: Exception = json.JSONDecodeError("Expecting value", text, text.index(str(absent)))
    except (ValueError, RecursionError) as error:
        cause = error
    raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {cause}") from cause


def marshal(value: Any, raw: bool) -> bytes:  # noqa: FBT001 - a fact of the runtime; by keyword every result would cost more
    """The result as bytes: JSON text; bytes go out as they are. Raises Fault (Runtime.MarshalError)."""
    if isinstance(value, bytes):
        return value
    try:
        return to_json(value, raw)
    except Exception as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def to_json(value: Any, raw: bool) -> bytes:  # noqa: FBT001 - as above
    """JSON text, UTF-8. Raises TypeError, ValueError, RecursionError as the encoder does."""
    try:
        if _is_plain(value):
            return _QUICK[raw](value).encode()
    except RecursionError:  # circular or too deep: the encoder says which
        return _ENCODERS[raw].encode(value).encode()
    text = _ENCODERS[raw].encode(_plain(value, frozenset()))
    return _MARKED.sub(r"\1", text).encode()


def _is_plain(value: Any) -> bool:
    """Whether the standard encoder treats it, and all in it, as AWS's does. Looks at most values once, by exact type."""
    kind = type(value)
    if kind in _PLAIN:
        return True
    if kind is dict:
        for key, held in value.items():  # noqa: SIM110 - a generator costs a small result as much as its encoding
            if type(key) is not str or (type(held) not in _PLAIN and not _is_plain(held)):
                return False
        return True
    if kind is list or kind is tuple:
        for held in value:  # noqa: SIM110 - as above
            if type(held) not in _PLAIN and not _is_plain(held):
                return False
        return True
    return False


def _plain(value: Any, around: frozenset[int]) -> Any:
    """*value* in the standard encoder's terms; *around*: ids of the containers it is in."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (str, int, float)) or value is None:
        return value
    if isinstance(value, Decimal):
        return _MARK + _number(value)
    if id(value) in around:
        raise ValueError("Circular reference detected")
    inside = around | {id(value)}
    if isinstance(value, dict):
        return {_key(key): _plain(v, inside) for key, v in value.items()}
    if isinstance(value, list):
        return [_plain(v, inside) for v in value]
    as_dict = getattr(value, "_asdict", None)
    if callable(as_dict):  # a named tuple, or whatever says it is like one
        return _plain(as_dict(), inside)
    if isinstance(value, tuple):
        return [_plain(v, inside) for v in value]
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _key(key: Any) -> Any:
    if isinstance(key, bytes):
        return key.decode()
    return _number(key) if isinstance(key, Decimal) else key


def _number(value: Decimal) -> str:
    """A Decimal's own text; NaN and Infinity as the encoder spells them for float."""
    return str(value) if value.is_finite() else json.dumps(float(value))
