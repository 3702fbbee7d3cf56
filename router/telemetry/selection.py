"""Which log events of a stream to show: those of one request, of failed invocations, or all. Pure.

A stream tells one invocation after another: [INIT_START … or RESTORE_START …] START … END REPORT, or the JSON events of the same. What stands
between belongs to the invocation, whether it carries the request id or not. Formats: AWS Lambda's platform events, as text
(report.py) and as JSON (platform.py); records of handlers that failed, as AWS's runtimes write them."""

import re
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, Final, NamedTuple

import orjson

_START: Final = re.compile(r"START RequestId: (\S+)")
_FAILED: Final = re.compile(
    r"\[ERROR\] [\w.]+(?::|\s|$)|LAMBDA_WARNING: Unhandled exception|RequestId: \S+ Error: |\d{4}-\S+Z \S+ Task timed out after "
    r"|\S+Z\t\S+\tERROR\t(?:Invoke Error|Uncaught Exception|Unhandled Promise Rejection) |(?:INIT_|RESTORE_)?REPORT .*\tStatus: ",
    re.DOTALL,
)
_RECORD: Final = re.compile(r'\{"(?:time|timestamp)":')


class _Kind(Enum):
    INIT = auto()
    START = auto()
    REPORT = auto()
    OTHER = auto()


class _Mark(NamedTuple):
    """What one event is to a selection."""

    kind: _Kind
    request_id: str = ""
    bad: bool = False  # it tells of a failure


_OTHER: Final = _Mark(_Kind.OTHER)
_PLATFORM: Final = {
    "platform.initStart": _Kind.INIT,
    "platform.restoreStart": _Kind.INIT,
    "platform.start": _Kind.START,
    "platform.report": _Kind.REPORT,
}


class Verdict(Enum):
    """What to do with an event, and with those held back before it."""

    KEEP = auto()  # show what is held, then it
    HOLD = auto()  # not known yet
    BEGIN = auto()  # not known yet; drop what was held before it
    DROP = auto()  # drop it and what is held


class _At(Enum):
    OUTSIDE = auto()  # of any invocation that may be shown
    INIT = auto()  # between INIT_START and START
    OPEN = auto()  # between START and REPORT, not known yet whether it is shown
    SHOWN = auto()  # between START and REPORT, shown


class Selection:
    """The verdicts for one stream, event by event."""

    __slots__ = ("_at", "_bad", "_failed", "_request_id", "everything")

    def __init__(self, *, request_id: str = "", failed: bool = False) -> None:
        """Everything by default; *request_id*: only its invocations; *failed*: only failed ones."""
        self._request_id, self._failed = request_id, failed
        self.everything = not request_id and not failed  # no event is ever held or dropped
        self._at = _At.OUTSIDE
        self._bad = False  # initialising failed

    def feed(self, message: str) -> Verdict:
        """The verdict for the stream's next event."""
        if self.everything:
            return Verdict.KEEP
        mark = _marked(message)
        if mark.kind is _Kind.INIT:
            self._at, self._bad = _At.INIT, False
            return Verdict.BEGIN
        return self._start(mark.request_id) if mark.kind is _Kind.START else self._line(mark)

    def _start(self, request_id: str) -> Verdict:
        before, self._at = self._at, _At.OUTSIDE
        if self._request_id not in {"", request_id}:
            return Verdict.DROP
        if not self._failed or (before is _At.INIT and self._bad):
            self._at = _At.SHOWN
            return Verdict.KEEP
        self._at = _At.OPEN
        return Verdict.HOLD if before is _At.INIT else Verdict.BEGIN

    def _line(self, mark: _Mark) -> Verdict:
        last = mark.kind is _Kind.REPORT
        bad = self._failed and mark.bad
        match self._at:
            case _At.INIT:
                self._bad = self._bad or bad
                return Verdict.HOLD
            case _At.OPEN if bad:
                self._at = _At.OUTSIDE if last else _At.SHOWN
                return Verdict.KEEP
            case _At.SHOWN:
                self._at = _At.OUTSIDE if last else _At.SHOWN
                return Verdict.KEEP
            case _At.OPEN if not last:
                return Verdict.HOLD
        self._at = _At.OUTSIDE
        return Verdict.DROP


def _marked(message: str) -> _Mark:
    if _RECORD.match(message):
        return _record(message)
    if message.startswith(("INIT_START ", "RESTORE_START ")):
        return _Mark(_Kind.INIT)
    started = _START.match(message)
    if started:
        return _Mark(_Kind.START, started[1])
    return _Mark(_Kind.REPORT if message.startswith("REPORT RequestId: ") else _Kind.OTHER, "", _FAILED.match(message) is not None)


def _record(message: str) -> _Mark:
    """A platform event, or a record of a logger."""
    try:
        found = orjson.loads(message)
    except ValueError:
        return _OTHER
    kind, record = found.get("type"), found.get("record")
    if isinstance(kind, str) and kind.startswith("platform.") and isinstance(record, dict):
        repeated = record.get("phase") == "invoke"  # an init inside an invocation is part of it
        found_kind = _Kind.OTHER if repeated else _PLATFORM.get(kind, _Kind.OTHER)
        return _Mark(found_kind, str(record.get("requestId", "")), record.get("status", "success") != "success")
    return _Mark(_Kind.OTHER, "", _tells_of_a_failure(found))


def _tells_of_a_failure(record: Mapping[str, Any]) -> bool:
    """An error that nobody caught: its own object in Python's log, the message of a record in that of Node.js."""
    if record.get("level") != "ERROR":
        return False
    message = record.get("message")
    told = record if message is None and "logger" not in record else message
    return isinstance(told, dict) and "errorType" in told and "errorMessage" in told
