"""The platform's lines in a function's log, and where log lines go. Pure: facts in, text out.

Lines carry no newline at their end: one message is one log event. Formats: CloudWatch recordings quoted in
docs/telemetry.md; numbers: durations in milliseconds with two decimals, billed duration rounded up, memory in MB.
The JSON form of the same events: platform.py."""

import hashlib
import math
from typing import Final, Literal, NamedTuple, Protocol

from router import names
from router.events import tracing

_ID: Final = 64  # characters
NOISE: Final = 5e-7  # milliseconds that a whole number of them may be over by rounding


class LogStream(Protocol):
    """One environment's stream. write() is synchronous, cheap and buffered."""

    name: str  # 2020/01/31/[$LATEST]3893ab7fac4485b47bb75b671a283c00

    def write(self, message: str, at: float) -> None:
        """Append one log event; it may hold newlines. *at*: epoch seconds."""

    def add(self, lines: bytes, events: int) -> None:
        """Append *events* as the lines that logfiles.py spells them as."""

    def close(self) -> None:
        """No more events come."""


class LogStore(Protocol):
    """All log groups."""

    def stream(self, function: str, version: str = names.LATEST, group: str = "") -> LogStream:
        """A fresh stream for an environment of this version, in the function's own group or the named one."""


class Report(NamedTuple):
    """What the REPORT line says."""

    request_id: str
    duration_ms: float
    billed_ms: int
    memory_mb: int  # configured
    max_memory_mb: int  # high-water mark of the environment over its life
    init_ms: float | None = None  # on a cold start whose init phase succeeded
    status: Literal["", "error", "timeout"] = ""  # "": the platform did its part, whatever the handler raised
    error_type: str = ""
    produced: int = 0  # bytes of the answer
    trace: str = ""  # X-Ray header; "" when there is none
    restore_ms: float | None = None  # in place of init_ms where a snapshot was restored

    def __str__(self) -> str:
        """END and REPORT."""
        return f"{end(self.request_id)}\n{self.line()}"

    def line(self) -> str:
        """REPORT RequestId: …; ends in a TAB when there is no status, as AWS's does. A sampled trace is named on a second line."""
        request_id, duration, billed, memory, most, init, status, error_type, _, trace, restore = self
        text = (
            f"REPORT RequestId: {request_id}\tDuration: {duration:.2f} ms\tBilled Duration: {billed} ms"
            f"\tMemory Size: {memory} MB\tMax Memory Used: {most} MB\t"
        )
        if init is not None:
            text += f"Init Duration: {init:.2f} ms\t"
        if restore is not None:
            text += f"Restore Duration: {restore:.2f} ms\tBilled Restore Duration: {math.ceil(restore)} ms\t"
        if status:
            text += _status(status, error_type)
        return text + _xray(trace) if tracing.sampled(trace) else text


def _xray(trace: str) -> str:
    found = tracing.fields(trace)
    return f"\nXRAY TraceId: {found.get('Root', '')[:_ID]}\tSegmentId: {found.get('Parent', '')[:_ID]}\tSampled: true\t"


def _status(status: str, error_type: str) -> str:
    if not status:
        return ""
    return f"Status: {status}\tError Type: {error_type}" if error_type else f"Status: {status}"


def billed_ms(duration_ms: float, init_ms: float | None) -> int:
    """Billed duration: rounded up to 1 ms. AWS bills the init phase too since 2025-08-01."""
    return math.ceil(duration_ms + (init_ms or 0.0) - NOISE)


class InitStart(NamedTuple):
    """What initialises."""

    version: str  # of the runtime, e.g. python:3.11.v2
    arn: str  # of that version

    def line(self) -> str:
        """INIT_START."""
        return f"INIT_START Runtime Version: {self.version}\tRuntime Version ARN: {self.arn}"


def init_start(region: str, runtime: str, build: str) -> InitStart:
    """An environment begins to initialise *runtime*, e.g. python:3.11.v2, whose ARN is a hash that names its *build*, any text."""
    return InitStart(runtime, f"arn:aws:lambda:{region}::runtime:{hashlib.sha256(build.encode()).hexdigest()}")


def init_report(init_ms: float, phase: Literal["init", "invoke"], status: Literal["", "error", "timeout"], error_type: str = "") -> str:
    """INIT_REPORT: of an init that did not succeed, and of any that no REPORT tells of."""
    said = f"\tPhase: {phase}\t{_status(status, error_type)}" if status else ""
    return f"INIT_REPORT Init Duration: {init_ms:.2f} ms{said}"


def restore_start(told: InitStart) -> str:
    """RESTORE_START."""
    return f"RESTORE_START Runtime Version: {told.version}\tRuntime Version ARN: {told.arn}"


def restore_report(restore_ms: float, status: Literal["", "error", "timeout"], error_type: str = "") -> str:
    """RESTORE_REPORT."""
    return f"RESTORE_REPORT Restore Duration: {restore_ms:.2f} ms" + (f"\t{_status(status, error_type)}" if status else "")


def start(request_id: str, version: str = names.LATEST) -> str:
    """START of an invocation."""
    return f"START RequestId: {request_id} Version: {version}"


def end(request_id: str) -> str:
    """END of an invocation."""
    return f"END RequestId: {request_id}"


def timed_out(request_id: str, timeout: float, at: float) -> str:
    """The line between output and END of an invocation that ran into its timeout (seconds)."""
    return f"{names.iso_ms(at)} {request_id} Task timed out after {timeout:.2f} seconds"


def failed(message: str, error_type: str) -> str:
    """The line between output and END of an invocation whose process failed."""
    return f"{message}\n{error_type}"
