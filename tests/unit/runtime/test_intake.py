"""What a worker sends of a streamed answer, in and out of order."""

import pytest

from router.runtime import frames, intake
from router.runtime.frames import Frame
from router.runtime.intake import Intake

BEGIN, ONE = Frame(frames.BEGIN, b"text/plain"), Frame(frames.PIECE, b"", b"one")


class Recorder:
    """A sink that says what it got; full after every piece when told so."""

    def __init__(self, *, full: bool = False) -> None:
        self.got: list[str | bytes] = []
        self.full = full
        self.on_room = lambda: None

    def begin(self, content_type: str) -> None:
        self.got.append(content_type)

    def feed(self, piece: bytes) -> bool:
        self.got.append(piece)
        return not self.full


def test_parts_become_the_sinks() -> None:
    sink = Recorder()
    made = Intake(sink, lambda: pytest.fail("there is room"), lambda: None)
    assert not made.begun
    assert all(made.take(frame) for frame in (BEGIN, ONE, ONE))
    assert made.begun
    assert sink.got == ["text/plain", b"one", b"one"]


def test_what_comes_out_of_order_is_dropped() -> None:
    sink = Recorder()
    made = Intake(sink, lambda: None, lambda: None)
    assert all(made.take(frame) for frame in (ONE, BEGIN, ONE, Frame(frames.BEGIN, b"text/html"), Frame(frames.BEGIN, b"\xff")))
    assert sink.got == ["text/plain", b"one"]


def test_a_full_sink_holds_the_worker_up_until_it_has_room_or_the_invocation_ends() -> None:
    calls: list[str] = []
    sink = Recorder(full=True)
    made = Intake(sink, lambda: calls.append("pause"), lambda: calls.append("resume"))
    made.take(BEGIN)
    assert made.take(ONE)
    sink.on_room()
    made.end()
    sink.on_room()  # no say in the next invocation
    assert calls == ["pause", "resume", "resume"]


def test_more_than_a_stream_may_have_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "STREAM_LIMIT", 5)
    sink = Recorder()
    made = Intake(sink, lambda: None, lambda: None)
    assert [made.take(frame) for frame in (BEGIN, ONE, ONE)] == [True, True, False]
    assert sink.got == ["text/plain", b"one"]
