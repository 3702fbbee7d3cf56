"""One environment's log stream, in the format of its function, and the tail of the running invocation for X-Amz-Log-Result."""

import uuid
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from router.config.types import Function
from router.model import LOG_TAIL
from router.runtime.telemetry_feed import Telemetry
from router.telemetry import logfiles, platform, report
from router.telemetry.levels import Level, admitted, parsed
from router.telemetry.platform import Phase, PlatformEvent, Status
from router.telemetry.report import InitStart, LogStream, Report

TAIL: Final = LOG_TAIL  # characters; never more than bytes


class InvocationLog:
    """Writes events to the stream and remembers the last of them."""

    def __init__(self, stream: LogStream, now: Callable[[], float], function: Function, initialization: str = platform.ON_DEMAND) -> None:
        """*now*: epoch seconds; *initialization*: AWS's word for why the environment is made."""
        self._stream, self._now, self._function = stream, now, function
        self.name = stream.name
        self._json = function.logging.format == "json"
        self._application, self._system = Level[function.logging.application_level], Level[function.logging.system_level]
        self._initialization = initialization
        self._instance = str(uuid.uuid4()) if self._json else ""
        self.telemetry: Telemetry | None = None  # who else is told; set while nothing is
        self._done = False  # the runtime's part of the running invocation has been told
        self._tail: deque[str | Report] = deque()
        self._size = 0  # characters in the tail, without reports

    # -- what the platform tells

    def init_started(self, told: InitStart, phase: Phase) -> None:
        """An init begins."""
        self._tell(platform.init_start(told, self._function, self._instance, phase, self._initialization))

    def init_ended(self, init_ms: float, phase: Phase, status: Status = "", error_type: str = "") -> None:
        """It has ended."""
        self._tell(platform.init_runtime_done(phase, status, error_type, self._initialization))
        self._tell(platform.init_report(init_ms, phase, status, error_type, self._initialization))

    def restore_started(self, told: InitStart, phase: Phase) -> None:  # noqa: ARG002  # a restore tells of no phase
        """A snapshot is restored."""
        self._tell(platform.restore_start(told, self._function, self._instance))

    def restore_ended(self, restore_ms: float, phase: Phase, status: Status = "", error_type: str = "") -> None:  # noqa: ARG002
        """It has been, or has not."""
        self._tell(platform.restore_runtime_done(status, error_type))
        self._tell(platform.restore_report(restore_ms, status, error_type))

    def started(self, request_id: str, trace: str = "") -> None:
        """A new invocation: its tail starts here."""
        tail = self._tail
        tail.clear()
        self._size = 0
        self._done = False
        if self._json or self.telemetry is not None:
            self._tell(platform.start(request_id, self._function.version, trace))
        else:
            event = report.start(request_id, self._function.version)
            self._stream.add(logfiles.started(self._now(), event), 1)
            tail.append(event)
            self._size = len(event) + 1

    def runtime_done(self, told: Report) -> bool:
        """The runtime has answered, and the invocation may go on for others; *told* as of now. False: it was told before."""
        if self._done:
            return False
        self._done = True
        self._tell(platform.runtime_done(told))
        if self.telemetry is not None:
            self.telemetry.flush()  # extensions wait for this one
        return True

    def ended(self, told: Report) -> None:
        """The invocation is over."""
        if self._json or self.telemetry is not None:
            if not self._done:
                self._tell(platform.runtime_done(told))
            self._tell(platform.reported(told))
        elif plain := logfiles.ended(self._now(), told):
            self._stream.add(plain, 2)
            self._tail.append(told)  # its text is made when somebody asks for it, which is seldom
        else:
            self.write(report.end(told.request_id))
            self.write(told.line())

    def timed_out(self, request_id: str, timeout: float) -> None:
        """It ran into its timeout (seconds)."""
        if self._json:
            self.failed(request_id, f"Task timed out after {timeout:.2f} seconds\nSandbox.Timedout")
        else:
            self.write(report.timed_out(request_id, timeout, self._now()))

    def failed(self, request_id: str, line: str) -> None:
        """Its process failed. *line*: message, newline, error type."""
        message, _, error_type = line.rpartition("\n")
        self.write(platform.fault(request_id, message or line, error_type if message else "", self._now()) if self._json else line)

    def _tell(self, event: PlatformEvent) -> None:
        if self.telemetry is not None:
            self.telemetry.tell(event)
        if self._json and event.level >= self._system:
            self.write(platform.encoded(event.spelled(self._now())))
        elif not self._json and event.text:
            self.write(event.text)

    def extension(self, name: str, state: str, events: Sequence[str], error_type: str = "") -> None:
        """An extension is ready, or is not going to be."""
        self._tell(platform.extension(name, state, events, error_type))

    def subscribed(self, name: str, types: Sequence[str]) -> None:
        """An extension is told of these types."""
        self._tell(platform.telemetry_subscription(name, "Subscribed", types))

    # -- what the function tells

    def output(self, line: str) -> None:
        """A line of the function's output, or a record of its runtime's logger."""
        self._output(line, "function")

    def extension_output(self, line: str) -> None:
        """A line of an extension's output."""
        self._output(line, "extension")

    def _output(self, line: str, kind: str) -> None:
        if self._json and not admitted(line, self._application):
            return
        self.write(line)
        if self.telemetry is not None:
            self.telemetry.line(kind, line, parsed(line) if self._json else None)

    def write(self, event: str) -> None:
        """Append one event."""
        self._stream.write(event, self._now())
        self._tail.append(event)
        self._size += len(event) + 1
        if self._size > TAIL:
            self._trim()

    def tail(self) -> tuple[str | Report, ...]:
        """The last events since started(), each as its str(): TAIL characters or, with their newlines, a little more."""
        return tuple(self._tail)

    def _trim(self) -> None:
        """Forget what is too old or too long for the tail."""
        tail = self._tail
        while self._size - _size(tail[0]) >= TAIL:
            self._size -= _size(tail.popleft())
        if isinstance(first := tail[0], str) and len(first) > TAIL:
            self._size -= len(first) - TAIL
            tail[0] = first[-TAIL:]

    def close(self) -> None:
        """No more events come."""
        self._stream.close()


def _size(event: str | Report) -> int:
    """Characters in the tail."""
    return len(event) + 1 if isinstance(event, str) else 0
