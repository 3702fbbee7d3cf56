"""Error objects that the platform writes itself, when the runtime in the worker cannot. Pure.

Source: AWS recordings of Invoke; field order is AWS's (errorType first for all but the response size)."""

import json
import os
import signal
from contextlib import suppress
from typing import Final, Literal, NamedTuple

from router.errors import EnvironmentUnavailable, SpawnerDied
from router.model import RESPONSE_LIMIT

TIMED_OUT: Final = "Sandbox.Timedout"
EXITED: Final = "Runtime.ExitError"
SNAPSHOT_REFUSED: Final = "Runtime.SnapshotRefused"
OUT_OF_MEMORY: Final = "Runtime.OutOfMemory"
OUT_OF_STORAGE: Final = "Runtime.OutOfStorage"  # AWS has none: there a write fails, as it does here in a /tmp of its own
TOO_LARGE: Final = "Function.ResponseSizeTooLarge"

_SIGNALS: Final = {  # as Lambda's supervisor, a Go program, spells them
    signal.SIGHUP: "hangup",
    signal.SIGINT: "interrupt",
    signal.SIGQUIT: "quit",
    signal.SIGILL: "illegal instruction",
    signal.SIGTRAP: "trace/breakpoint trap",
    signal.SIGABRT: "aborted",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "floating point exception",
    signal.SIGKILL: "killed",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGPIPE: "broken pipe",
    signal.SIGALRM: "alarm clock",
    signal.SIGTERM: "terminated",
}


class Failure(NamedTuple):
    """Why an invocation has no answer of its runtime's own."""

    error_type: str
    payload: bytes  # the error object
    line: str  # for the log, between output and END; "" when there is none
    status: Literal["error", "timeout"]


def exit_text(status: int) -> str:
    """A raw wait status as "exit status 1" or "signal: killed"; "" for exit status 0."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return f"signal: {_SIGNALS.get(-code, f'signal {-code}')}"  # type: ignore[call-overload]  # a Signals is an int
    return f"exit status {code}" if code else ""


def exited(request_id: str, status: int) -> Failure:
    """The worker ended, with raw wait status *status*, before it answered."""
    reason = exit_text(status)
    said = f"Runtime exited with error: {reason}" if reason else "Runtime exited without providing a reason"
    message = f"RequestId: {request_id} Error: {said}"
    return Failure(EXITED, _platform_error(EXITED, message), f"{message}\n{EXITED}", "error")


def out_of_memory(request_id: str) -> Failure:
    """It needed more memory than it has, and was ended for that."""
    message = f"RequestId: {request_id} Error: Runtime exited with error: signal: killed"
    return Failure(OUT_OF_MEMORY, _platform_error(OUT_OF_MEMORY, message), f"{message}\n{OUT_OF_MEMORY}", "error")


def out_of_storage(request_id: str, size: int) -> Failure:
    """More lies in its temporary directory than *size* MB, and nothing but its end could keep it from writing."""
    message = f"RequestId: {request_id} Error: its temporary files take more than the {size} MB of ephemeral_storage"
    return Failure(OUT_OF_STORAGE, _platform_error(OUT_OF_STORAGE, message), f"{message}\n{OUT_OF_STORAGE}", "error")


def orphaned(request_id: str) -> str:
    """What the log says when an invocation was cut short by a fault of ours."""
    return unavailable(request_id, SpawnerDied())


def unavailable(request_id: str, why: EnvironmentUnavailable) -> str:
    """What the log says when an invocation has no process by no fault of the function's."""
    return f"RequestId: {request_id} Error: {why}; an event is run again"


def not_started(request_id: str, error_type: str, why: str) -> Failure:
    """There was no program to start."""
    message = f"RequestId: {request_id} Error: {why}"
    return Failure(error_type, _platform_error(error_type, message), f"{message}\n{error_type}", "error")


def extension_failed(request_id: str, name: str, error_type: str, why: str) -> Failure:
    """An extension did not start, or reported an error, or ended."""
    message = f"RequestId: {request_id} Error: extension {name}: {why}"
    return Failure(error_type, _platform_error(error_type, message), f"{message}\n{error_type}", "error")


def timed_out(request_id: str, timeout: float) -> Failure:
    """The function's timeout (seconds) passed."""
    message = f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds"
    return Failure(TIMED_OUT, _platform_error(TIMED_OUT, message), "", "timeout")


def too_large(limit: int = RESPONSE_LIMIT) -> Failure:
    """The response is over *limit* bytes: what the Runtime API takes, or what a stream may be."""
    message = f"Response payload size exceeded maximum allowed payload size ({limit} bytes)."
    payload = json.dumps({"errorMessage": message, "errorType": TOO_LARGE}, separators=(",", ":")).encode()
    return Failure(TOO_LARGE, payload, "", "error")


def told(failure: Failure) -> str:
    """Why an init failed, for the daemon's own log: the type, and what is said with it when that is ours and not the function's."""
    said = ""
    if failure.error_type == SNAPSHOT_REFUSED:
        with suppress(ValueError, TypeError, KeyError):
            said = f": {json.loads(failure.payload)['errorMessage']}"
    return f"{failure.error_type or 'its init failed'}{said}"


def _platform_error(error_type: str, message: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": message}, separators=(",", ":")).encode()
