"""What the end of a worker says: one row for each way to end, and what holds for all of them."""

import json
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.runtime import frames, outcomes
from router.runtime.endings import Closed, Ending, Exhausted, Exit, Expired, ExtensionFailed, Flooded, Settled
from router.runtime.frames import Frame
from router.runtime.outcomes import Failure
from router.runtime.verdicts import out_of_memory, verdict

KILLED = Exit(signal.SIGKILL, 0)
STARVED = Exit(signal.SIGKILL, 0, starved=True)
ORPHANED = Exit(signal.SIGKILL, 0, orphaned=True)
LEFT = Exit(3 << 8, 0)
INIT_ERROR = Frame(frames.INIT_ERROR, b"Runtime.ImportModuleError", b'{"errorMessage":"no"}')
NO_PROGRAM = Frame(frames.NO_PROGRAM, b"Runtime.InvalidEntrypoint", "is no program: é".encode())


def judged(ending: Ending, exit_: Exit) -> Failure | None:
    return verdict(ending, exit_, "r", timeout=3.0, storage=512, limit=100)


@pytest.mark.parametrize(
    ("ending", "exit_", "error_type", "said"),
    [
        (Expired(), KILLED, "Sandbox.Timedout", "RequestId: r Error: Task timed out after 3.00 seconds"),
        (Expired(), STARVED, "Sandbox.Timedout", "RequestId: r Error: Task timed out after 3.00 seconds"),
        (Flooded(), KILLED, "Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (100 bytes)."),
        (Flooded(), STARVED, "Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (100 bytes)."),
        (Exhausted("memory"), KILLED, "Runtime.OutOfMemory", "RequestId: r Error: Runtime exited with error: signal: killed"),
        (Exhausted("memory"), LEFT, "Runtime.OutOfMemory", "RequestId: r Error: Runtime exited with error: signal: killed"),
        (STARVED, STARVED, "Runtime.OutOfMemory", "RequestId: r Error: Runtime exited with error: signal: killed"),
        (LEFT, LEFT._replace(starved=True), "Runtime.ExitError", "RequestId: r Error: Runtime exited with error: exit status 3"),
        (
            Exhausted("storage"),
            KILLED,
            "Runtime.OutOfStorage",
            "RequestId: r Error: its temporary files take more than the 512 MB of ephemeral_storage",
        ),
        (INIT_ERROR, KILLED, "Runtime.ImportModuleError", "no"),
        (INIT_ERROR, STARVED, "Runtime.OutOfMemory", "RequestId: r Error: Runtime exited with error: signal: killed"),
        (NO_PROGRAM, KILLED, "Runtime.InvalidEntrypoint", "RequestId: r Error: is no program: é"),
        (Frame(frames.NO_PROGRAM, b"\xff", b"x"), KILLED, "\ufffd", "RequestId: r Error: x"),
        (Frame(frames.READY, b"[[1]]"), KILLED, "Runtime.ExitError", "RequestId: r Error: Runtime exited with error: signal: killed"),
        (LEFT, LEFT, "Runtime.ExitError", "RequestId: r Error: Runtime exited with error: exit status 3"),
        (Exit(0, 0), Exit(0, 0), "Runtime.ExitError", "RequestId: r Error: Runtime exited without providing a reason"),
        (KILLED, KILLED, "Runtime.ExitError", "RequestId: r Error: Runtime exited with error: signal: killed"),
    ],
)
def test_every_way_to_end(ending: Ending, exit_: Exit, error_type: str, said: str) -> None:
    failure = judged(ending, exit_)
    assert failure is not None
    assert failure.error_type == error_type
    assert json.loads(failure.payload)["errorMessage"] == said
    assert failure.status == ("timeout" if isinstance(ending, Expired) else "error")


def test_an_exit_with_the_spawner_is_no_doing_of_the_functions() -> None:
    assert judged(ORPHANED, ORPHANED) is None
    assert judged(Settled(), ORPHANED) is None


@pytest.mark.parametrize("ending", [Expired(), Flooded(), Exhausted("memory"), Exhausted("storage"), INIT_ERROR, NO_PROGRAM])
def test_what_the_function_did_before_the_spawner_died_counts(ending: Ending) -> None:
    assert judged(ending, ORPHANED) is not None


EXITS = st.builds(Exit, st.sampled_from((0, 9, 15, 1 << 8, 3 << 8)), st.integers(0, 1 << 20), st.booleans(), st.booleans())
FRAMES = st.builds(Frame, st.integers(frames.INVOKE, frames.FATAL), st.binary(max_size=8), st.binary(max_size=8))
OTHERS: list[Ending] = [
    Expired(),
    Flooded(),
    Settled(),
    Closed(),
    Exhausted("memory"),
    Exhausted("storage"),
    ExtensionFailed("e", "t", "w"),
]


@given(FRAMES | EXITS | st.sampled_from(OTHERS), EXITS)
def test_none_is_said_of_orphans_alone_and_memory_is_what_both_say_it_is(ending: Ending, exit_: Exit) -> None:
    failure = judged(ending, exit_)
    assert (failure is not None) or exit_.orphaned
    assert out_of_memory(ending, exit_) == (failure is not None and failure.error_type == outcomes.OUT_OF_MEMORY)


@pytest.mark.parametrize("first", [Expired(), Flooded()])
def test_what_came_first_counts_and_not_that_the_kernel_ended_it_for_its_memory_then(first: Ending) -> None:
    assert not out_of_memory(first, STARVED)
    assert out_of_memory(Closed(), STARVED)
