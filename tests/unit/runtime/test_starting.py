"""Two programs in one process say that they are ready; the second counts."""

from hypothesis import given
from hypothesis import strategies as st

from router.runtime import frames
from router.runtime.frames import Frame
from router.runtime.starting import Starting


def heard(*told: Frame) -> list[Frame]:
    seen: list[Frame] = []
    starting = Starting(seen.append)
    for frame in told:
        starting(frame)
    return seen


def test_ready_is_heard_when_the_program_says_it() -> None:
    first, second, result = Frame(frames.READY), Frame(frames.READY, b"", b"", 41_000), Frame(frames.RESULT, b"", b"1", 41_001)
    assert heard(first) == []
    assert heard(first, second, result) == [second, result]


def test_why_there_is_no_program_is_passed_on() -> None:
    refusal = Frame(frames.NO_PROGRAM, b"Runtime.InvalidEntrypoint", b"gone")
    assert heard(refusal) == [refusal]


@given(st.lists(st.builds(Frame, st.integers(0, 255), st.binary(max_size=4), st.binary(max_size=4), st.integers(0, 9))))
def test_everything_but_the_first_ready_passes_in_its_order(told: list[Frame]) -> None:
    ready = next((at for at, frame in enumerate(told) if frame.kind == frames.READY), len(told))
    assert heard(*told) == told[:ready] + told[ready + 1 :]
