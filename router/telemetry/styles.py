"""How one line of the daemon's own log looks: JSON, JSON behind a journal priority, or short and coloured. Pure.

In: plain fields (redaction.py) with "event" and "level", and the time as epoch seconds. Out: one line with its newline."""

import json
import time
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Final

import orjson

from router.names import iso_ms, iso_of_ms

Names = tuple[str, str, str]
"""Level, logger and event."""

Style = Callable[[Mapping[str, Any], float], bytes]

_PRIORITIES: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}  # sd-daemon(3)
_COLOURS: Final = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "31;1"}
FIRST: Final = ("level", "logger", "event")


def structured(fields: Mapping[str, Any], now: float) -> bytes:
    """A JSON object: time, level, logger, event, then the rest."""
    return _json({"time": iso_ms(now), **_ordered(fields)})


def opening(style: Style, names: Names, ms: int) -> str:
    """What a line of JSON of that millisecond (of the epoch) begins with, in front of what is not its names; "" where lines are no JSON."""
    if style is structured:
        return _opened({"time": iso_of_ms(ms)}, names)
    return f"<{_PRIORITIES.get(names[0], 6)}>{_opened({}, names)}" if style is journal else ""


def _opened(time: Mapping[str, str], names: Names) -> str:
    return f"{_json({**time, **dict(zip(FIRST, names, strict=True))})[:-2].decode()},"


def journal(fields: Mapping[str, Any], now: float) -> bytes:  # noqa: ARG001 - a Style; the journal has the time itself
    """A JSON object behind the priority that `journalctl -p` goes by."""
    return b"<%d>" % _PRIORITIES.get(fields.get("level", ""), 6) + _json(_ordered(fields))


def terminal(fields: Mapping[str, Any], now: float) -> bytes:
    """Local time, level, event, key=value; without colour. A traceback follows on lines of its own."""
    return _short(fields, now, lambda _, text: text)


def coloured(fields: Mapping[str, Any], now: float) -> bytes:
    """As terminal(), coloured."""
    return _short(fields, now, lambda colour, text: f"\x1b[{colour}m{text}\x1b[0m")


def _ordered(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    if (*islice(fields, len(FIRST)),) == FIRST:
        return fields  # as a direct line's are: to build them anew costs 1 µs
    return {**{key: fields[key] for key in FIRST if key in fields}, **fields}


def _json(fields: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # half a surrogate pair
        return json.dumps(fields).encode() + b"\n"


def _short(fields: Mapping[str, Any], now: float, paint: Callable[[str, str], str]) -> bytes:
    level = str(fields.get("level", "info"))
    rest = [f"{paint('2', f'{_visible(key)}=')}{_value(value)}" for key, value in fields.items() if key not in {*FIRST, "exception"}]
    head = (
        paint("2", time.strftime("%H:%M:%S", time.localtime(now))),
        paint(_COLOURS.get(level, "0"), f"{level:<7}"),
        paint("1", _visible(str(fields.get("event", "")))),
    )
    trace = "".join(f"\n    {_visible(line)}" for line in str(fields.get("exception", "")).splitlines())
    return (" ".join((*head, *rest)) + trace + "\n").encode()


def _value(value: Any) -> str:
    if not isinstance(value, str):
        return _visible(_json({"": value})[4:-2].decode())
    return json.dumps(_visible(value), ensure_ascii=False) if not value or " " in value or '"' in value else _visible(value)


def _visible(text: str) -> str:
    """*text* with what a terminal would act upon spelled out."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
