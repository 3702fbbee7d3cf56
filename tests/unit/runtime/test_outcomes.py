"""Error objects of the platform."""

import json
import signal

import pytest

from router.runtime import outcomes

ID = "1b9a3c1e-0f5e-4ef0-8d8b-6f1a3c1b2a3d"


def test_a_timeout_is_awss_recording() -> None:
    failure = outcomes.timed_out(ID, 1)
    assert (
        failure.payload.decode()
        == f'{{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: {ID} Error: Task timed out after 1.00 seconds"}}'
    )
    assert failure.status == "timeout"


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0, "Runtime exited without providing a reason"),
        (1 << 8, "Runtime exited with error: exit status 1"),
        (127 << 8, "Runtime exited with error: exit status 127"),
        (signal.SIGKILL, "Runtime exited with error: signal: killed"),
        (signal.SIGSEGV | 0x80, "Runtime exited with error: signal: segmentation fault"),
        (signal.SIGUSR1, "Runtime exited with error: signal: signal 10"),
    ],
)
def test_an_exit_says_how(status: int, text: str) -> None:
    failure = outcomes.exited(ID, status)
    assert json.loads(failure.payload) == {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {ID} Error: {text}"}
    assert failure.line == f"RequestId: {ID} Error: {text}\nRuntime.ExitError"


def test_a_response_over_the_limit_is_awss_recording() -> None:
    assert outcomes.too_large().payload == (
        b'{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).",'
        b'"errorType":"Function.ResponseSizeTooLarge"}'
    )


def test_what_the_daemons_log_has_of_an_init_that_failed() -> None:
    def failed(kind: str, payload: bytes) -> str:
        return outcomes.told(outcomes.Failure(kind, payload, "", "error"))

    refused = b'{"errorMessage": "there are: thread a", "errorType": "Runtime.SnapshotRefused"}'
    assert failed("Runtime.SnapshotRefused", refused) == "Runtime.SnapshotRefused: there are: thread a"
    assert failed("Runtime.SnapshotRefused", b"[]") == failed("Runtime.SnapshotRefused", b"{") == "Runtime.SnapshotRefused"
    assert failed("ValueError", b'{"errorMessage": "a secret"}') == "ValueError"
    assert failed("", b"") == "its init failed"
