"""Lines of every invocation: in order, none lost, none twice, whoever flushes."""

import asyncio
import threading

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.telemetry import direct
from router.telemetry.direct import DirectLines, Fields, Telling
from router.telemetry.redaction import LONGEST
from router.telemetry.styles import Names

NAMES = ("info", "router.test", "seen")


class Sink:
    """What was handed over."""

    def __init__(self) -> None:
        self.pieces: list[tuple[bytes, int]] = []
        self.lines = DirectLines(Look(), lambda content, count: self.pieces.append((content, count)))

    def numbers(self) -> list[int]:
        return [orjson.loads(line)["number"] for content, _ in self.pieces for line in content.splitlines()]


class Look:
    """Some lines are rendered from their fields, others write themselves."""

    def opening(self, names: Names, ms: int) -> str:
        assert names == NAMES
        return '{"written":true,' if ms % 2 else ""

    def line(self, names: Names, fields: Fields, now: float) -> bytes:
        assert now > 0
        assert names == NAMES
        return orjson.dumps(fields) + b"\n"


NUMBER = Telling(lambda facts: {"number": facts[0]}, lambda facts: f'"number":{facts[0]},"more":"{facts[1]}"')
"""What a line tells: a number, and where it writes itself some text more."""


@given(count=st.integers(0, 3 * direct.MOST))
def test_lines_come_in_order_and_with_their_number(count: int) -> None:
    sink = Sink()

    async def add() -> None:
        for number in range(count):
            sink.lines.add(NAMES, NUMBER, (number, ""))

    asyncio.run(add())
    sink.lines.flush()
    assert sink.numbers() == list(range(count))
    assert sum(lines for _, lines in sink.pieces) == count
    assert all(content.count(b"\n") == lines for content, lines in sink.pieces)


def test_where_no_loop_runs_a_line_is_handed_over_at_once() -> None:
    sink = Sink()
    sink.lines.add(NAMES, NUMBER, (7, ""))
    assert (sink.numbers(), len(sink.pieces)) == ([7], 1)


async def test_the_loop_hands_over_what_waits_by_itself() -> None:
    sink = Sink()
    for number in range(3):
        sink.lines.add(NAMES, NUMBER, (number, ""))
    assert not sink.pieces
    while not sink.pieces:
        await asyncio.sleep(0)
    assert (sink.numbers(), [lines for _, lines in sink.pieces]) == ([0, 1, 2], [3])


async def test_other_threads_flush_while_the_loop_adds() -> None:
    sink, done = Sink(), threading.Event()

    def flush() -> None:
        while not done.is_set():
            sink.lines.flush()

    thread = threading.Thread(target=flush)
    thread.start()
    for number in range(20_000):
        sink.lines.add(NAMES, NUMBER, (number, ""))
    done.set()
    thread.join()
    sink.lines.flush()
    assert sorted(sink.numbers()) == list(range(20_000))


@pytest.mark.parametrize("more", ["\ud800", "x" * LONGEST])
def test_what_cannot_write_itself_or_is_too_long_is_rendered_from_its_fields(more: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct.time, "time", lambda: 0.125)
    sink = Sink()
    sink.lines.add(NAMES, NUMBER, (1, "fits"))
    sink.lines.add(NAMES, NUMBER, (2, more))
    assert [content for content, _ in sink.pieces] == [b'{"written":true,"number":1,"more":"fits"}\n', b'{"number":2}\n']


def test_lines_look_different_once_they_are_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct.time, "time", lambda: 0.125)
    sink = Sink()
    sink.lines.add(NAMES, NUMBER, (1, ""))
    monkeypatch.setattr(Look, "opening", lambda *_: "")
    sink.lines.add(NAMES, NUMBER, (2, ""))
    sink.lines.renew()
    sink.lines.add(NAMES, NUMBER, (3, ""))
    assert [b"written" in content for content, _ in sink.pieces] == [True, True, False]
