"""Log levels, and which lines of a function pass the level of its log. Pure.

Source: Lambda developer guide, "Log-level filtering". A line counts by its own level where it is a JSON object with a
`level` and a time; any other object counts as INFO, and what is no object is never dropped."""

from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum
from typing import Any, Final

import orjson


class Level(IntEnum):
    """From all there is to say to the worst."""

    TRACE = 1
    DEBUG = 2
    INFO = 3
    WARN = 4
    ERROR = 5
    FATAL = 6


_NAMED: Final[Mapping[str, Level]] = {**{level.name: level for level in Level}, "WARNING": Level.WARN, "CRITICAL": Level.FATAL}


def admitted(line: str, minimum: Level) -> bool:
    """Whether a line of output belongs in a JSON log whose application level is *minimum*."""
    found = parsed(line)
    return found is None or _level(found) >= minimum


def parsed(line: str) -> Mapping[str, Any] | None:
    """The object that a line is; None when it is text, or a record cut short."""
    if not line.startswith("{"):
        return None
    try:
        found: Mapping[str, Any] = orjson.loads(line)
    except ValueError:
        return None
    return found


def _level(record: Mapping[str, Any]) -> Level:
    level, at = record.get("level"), record.get("timestamp")
    if isinstance(level, str) and isinstance(at, str) and _is_time(at):
        return _NAMED.get(level.upper(), Level.INFO)
    return Level.INFO


def _is_time(text: str) -> bool:
    """Whether *text* is a time of RFC 3339: with its date, its clock and its offset."""
    try:
        return "T" in text.upper() and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
