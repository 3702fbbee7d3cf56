"""Which log events of a stream to show: those of one request, of failed invocations, or all. Pure.

A stream tells one invocation after another: [INIT_START …] START … END REPORT. What stands between belongs to the
invocation, whether it carries the request id or not. Line formats: AWS Lambda's plain-text platform events."""

import re
from enum import Enum, auto
from typing import Final

_START: Final = re.compile(r"START RequestId: (\S+)")
_FAILED: Final = re.compile(
    r"\[ERROR\] [\w.]+(?::|\s|$)|LAMBDA_WARNING: Unhandled exception|RequestId: \S+ Error: |\d{4}-\S+Z \S+ Task timed out after |(?:INIT_)?REPORT .*\tStatus: ",
    re.DOTALL,
)


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
        if message.startswith("INIT_START "):
            self._at, self._bad = _At.INIT, False
            return Verdict.BEGIN
        started = _START.match(message)
        return self._start(started[1]) if started else self._line(message)

    def _start(self, request_id: str) -> Verdict:
        before, self._at = self._at, _At.OUTSIDE
        if self._request_id not in {"", request_id}:
            return Verdict.DROP
        if not self._failed or (before is _At.INIT and self._bad):
            self._at = _At.SHOWN
            return Verdict.KEEP
        self._at = _At.OPEN
        return Verdict.HOLD if before is _At.INIT else Verdict.BEGIN

    def _line(self, message: str) -> Verdict:
        last = message.startswith("REPORT RequestId: ")
        bad = self._failed and _FAILED.match(message) is not None
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
