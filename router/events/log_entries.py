"""What a log group gets of an event: the event as its rule made it, or what a template said. Pure.

Source: EventBridge API reference, Target: the template of a log group's target is {"timestamp": …, "message": …}."""

from datetime import datetime
from typing import Any, Final

import orjson

PAST: Final = 14 * 86400.0  # seconds: how far back CloudWatch Logs takes events, see PutLogEvents
AHEAD: Final = 2 * 3600.0  # seconds: and how far ahead
_MEMBERS: Final = {"timestamp", "message"}


def entry(body: bytes, at: float) -> tuple[float, str]:
    """Time (epoch seconds) and message of the log event that *body*, a JSON text of epoch seconds *at*, comes to.

    A template's time that is none, or too far away, is *at*: an event is not lost for it."""
    try:
        found = orjson.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.keys() != _MEMBERS:
        return at, body.decode(errors="replace")
    message = found["message"]
    text = message if isinstance(message, str) else orjson.dumps(message).decode()
    when = _seconds(found["timestamp"])
    return (when if when is not None and -PAST <= when - at <= AHEAD else at), text


def _seconds(timestamp: Any) -> float | None:
    """Epoch seconds of a text as an event's `time`, or of a number of milliseconds; None of anything else."""
    if isinstance(timestamp, int | float) and not isinstance(timestamp, bool):
        return timestamp / 1000
    try:
        when = datetime.fromisoformat(timestamp) if isinstance(timestamp, str) else None
    except ValueError:
        return None
    return when.timestamp() if when is not None and when.tzinfo is not None else None
