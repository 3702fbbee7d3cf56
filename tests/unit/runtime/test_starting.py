"""Two programs in one process say that they are ready; the second counts."""

import json

from router.runtime import frames
from router.runtime.frames import Frame
from router.runtime.starting import Starting


def heard(*told: Frame, lost: tuple[str, ...] = ()) -> list[Frame]:
    seen: list[Frame] = []
    starting = Starting(seen.append, lost)
    for frame in told:
        starting(frame)
    return seen


def test_the_controls_that_did_not_take_in_either_are_told_once() -> None:
    first, second = Frame(frames.READY, b'["dumpable", "limits"]'), Frame(frames.READY, b'["tmp"]', b"", 7)
    assert heard(first) == []
    (frame,) = heard(first, second)
    assert (json.loads(frame.meta), frame.memory) == (["limits", "tmp"], 7)


def test_what_exec_took_back_is_lost_unless_it_is_set_again() -> None:
    first = Frame(frames.READY, b'["dumpable"]')
    assert json.loads(heard(first, Frame(frames.READY))[0].meta) == []
    assert json.loads(heard(first, Frame(frames.READY, b'["dumpable"]'))[0].meta) == ["dumpable"]
    assert json.loads(heard(first, Frame(frames.READY), lost=("dumpable",))[0].meta) == ["dumpable"]


def test_anything_else_passes() -> None:
    refusal = Frame(frames.NO_PROGRAM, b"Runtime.InvalidEntrypoint", b"gone")
    assert heard(refusal) == [refusal]


def test_what_no_worker_says_passes_as_it_is() -> None:
    forged, first = Frame(frames.READY, b"[[1]]"), Frame(frames.READY, b"[]")
    assert heard(forged) == [forged]
    assert heard(first, forged) == [forged]
