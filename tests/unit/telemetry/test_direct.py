"""Lines of every invocation: in order, none lost, none twice, whoever flushes."""

import asyncio
import threading

from hypothesis import given
from hypothesis import strategies as st

from router.telemetry import direct
from router.telemetry.direct import DirectLines, Fields
from router.telemetry.styles import Names

NAMES = ("info", "router.test", "seen")


class Sink:
    """What was handed over."""

    def __init__(self) -> None:
        self.pieces: list[tuple[bytes, int]] = []
        self.lines = DirectLines(look, lambda content, count: self.pieces.append((content, count)))

    def numbers(self) -> list[int]:
        return [int(line) for content, _ in self.pieces for line in content.split()]


def look(names: Names, fields: Fields, now: float) -> bytes:
    assert now > 0
    assert names == NAMES
    return b"%d\n" % int(fields["number"])


@given(count=st.integers(0, 3 * direct.MOST))
def test_lines_come_in_order_and_with_their_number(count: int) -> None:
    sink = Sink()

    async def add() -> None:
        for number in range(count):
            sink.lines.add(NAMES, {"number": number})

    asyncio.run(add())
    sink.lines.flush()
    assert sink.numbers() == list(range(count))
    assert sum(lines for _, lines in sink.pieces) == count
    assert all(len(content.split()) == lines for content, lines in sink.pieces)


def test_where_no_loop_runs_a_line_is_handed_over_at_once() -> None:
    sink = Sink()
    sink.lines.add(NAMES, {"number": 7})
    assert sink.pieces == [(b"7\n", 1)]


async def test_the_loop_hands_over_what_waits_by_itself() -> None:
    sink = Sink()
    for number in range(3):
        sink.lines.add(NAMES, {"number": number})
    assert not sink.pieces
    while not sink.pieces:
        await asyncio.sleep(0)
    assert sink.pieces == [(b"0\n1\n2\n", 3)]


async def test_other_threads_flush_while_the_loop_adds() -> None:
    sink, done = Sink(), threading.Event()

    def flush() -> None:
        while not done.is_set():
            sink.lines.flush()

    thread = threading.Thread(target=flush)
    thread.start()
    for number in range(20_000):
        sink.lines.add(NAMES, {"number": number})
    done.set()
    thread.join()
    sink.lines.flush()
    assert sorted(sink.numbers()) == list(range(20_000))
