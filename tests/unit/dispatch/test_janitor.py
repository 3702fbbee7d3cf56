"""Retention of finished events, on virtual time: what is old goes, in small batches, and a failing store is tried again."""

import asyncio
import itertools
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from structlog.testing import capture_logs

from router.config.types import Retention
from router.dispatch.janitor import BATCH, BREATH, FOREVER, MB, PERIOD, Janitor
from router.errors import JournalError
from router.journal.base import Query
from router.journal.memory import MemoryJournal
from router.model import Envelope
from tests.helpers.clock import VirtualClock, settle

DAY = 86400.0


class Old:
    """A journal that holds a number of old events and notes how they are removed."""

    def __init__(self, clock: VirtualClock, count: int, *faults: Exception) -> None:
        self.clock, self.left, self.faults = clock, count, list(faults)
        self.asked: list[tuple[float, float, int]] = []  # monotonic time, before, limit

    async def forget(self, *, before: float, limit: int, worth: float = FOREVER) -> int:
        self.asked.append((self.clock.monotonic(), before, limit))
        await asyncio.sleep(0)
        if self.faults:
            raise self.faults.pop(0)
        removed = min(limit, self.left)
        self.left -= removed
        return removed


@asynccontextmanager
async def running(
    journal: Any, clock: VirtualClock, history: float = 7 * DAY, size: int | None = None
) -> AsyncIterator[Callable[[], None]]:
    stop = asyncio.Event()
    task = asyncio.create_task(Janitor(journal, retention=Retention(history=history, size=size), clock=clock).run(stop))
    await settle()
    yield stop.set
    stop.set()
    await settle()
    await asyncio.wait_for(task, 1)  # without virtual time passing: a stop is heard at once


async def test_what_is_older_than_the_history_goes_and_nothing_else() -> None:
    clock = VirtualClock()
    journal = MemoryJournal(clock)
    for name in ("old", "young", "unfinished"):
        await journal.append(Envelope(name, b"{}", "test"))
        if name != "unfinished":
            (delivery,) = await journal.lease(1, wait=0, room=lambda function, name=name: int(function == name))
            await journal.ack(delivery)
        await clock.advance(DAY / 2)
    async with running(journal, clock, history=1.5 * DAY - 60):
        assert {row.function for row in await journal.list(Query())} == {"young", "unfinished"}
        await clock.advance(DAY)
        assert {row.function for row in await journal.list(Query())} == {"unfinished"}


async def test_batches_leave_room_for_others() -> None:
    clock = VirtualClock()
    journal = Old(clock, 3 * BATCH + 1)
    async with running(journal, clock):
        assert len(journal.asked) == 1, "the second waits for a breath"
        await clock.advance(3 * BREATH + 0.001)
        assert journal.left == 0
    assert {limit for _, _, limit in journal.asked} == {BATCH}
    times = [at for at, _, _ in journal.asked]
    assert all(later - earlier > 0.99 * BREATH for earlier, later in itertools.pairwise(times))


async def test_the_boundary_moves_with_the_clock_and_stays_in_a_round() -> None:
    clock = VirtualClock()
    journal = Old(clock, BATCH)
    async with running(journal, clock, history=DAY):
        await clock.advance(PERIOD + 1)
    start = 1_790_000_000.0
    boundaries = [before for _, before, _ in journal.asked]
    assert boundaries[:2] == [start - DAY] * 2, "what finishes meanwhile is the next round's"
    assert abs(boundaries[2] - (start - DAY + PERIOD + BREATH)) < 0.01


async def test_a_store_that_fails_is_tried_again_in_the_next_round() -> None:
    clock = VirtualClock()
    journal = Old(clock, 10, JournalError("no space left"))
    async with running(journal, clock):
        assert journal.left == 10
        await clock.advance(PERIOD - 1)
        assert len(journal.asked) == 1
        await clock.advance(2)
        assert journal.left == 0


async def test_a_stop_between_batches_is_heard() -> None:
    clock = VirtualClock()
    journal = Old(clock, 100 * BATCH)
    async with running(journal, clock) as stop:
        await clock.advance(2 * BREATH)
        stop()
        await settle()
        done = len(journal.asked)
        await clock.advance(10)
    assert len(journal.asked) == done
    assert journal.left > 0


class Large(Old):
    """A journal of *count* finished events of a megabyte each, and of *rest* megabytes of others."""

    def __init__(self, clock: VirtualClock, count: int, rest: int) -> None:
        super().__init__(clock, count)
        self.rest = rest

    async def size(self) -> int:
        return (self.left + self.rest) * MB

    async def forget(self, *, before: float, limit: int, worth: float = FOREVER) -> int:
        return await super().forget(before=before, limit=min(limit, math.ceil(worth / MB))) if before == FOREVER else 0


async def test_beyond_the_stores_size_the_oldest_go_early_and_no_more_than_needed() -> None:
    clock = VirtualClock()
    journal = Large(clock, 10 * BATCH, 3)
    with capture_logs() as said:
        async with running(journal, clock, size=8 * BATCH):
            await clock.advance(60)
            assert journal.left == 8 * BATCH - 3
            await clock.advance(PERIOD)
            assert journal.left == 8 * BATCH - 3
    assert [(line["event"], line["count"]) for line in said] == [("events_forgotten_early", 2 * BATCH + 3)]


async def test_a_store_that_is_too_large_for_other_reasons_is_told_once() -> None:
    clock = VirtualClock()
    journal = Large(clock, 5, 300)
    with capture_logs() as said:
        async with running(journal, clock, size=200):
            await clock.advance(5 * PERIOD)
    assert [line["event"] for line in said] == ["events_forgotten_early", "store_too_large"]
    assert journal.left == 0


async def test_a_clock_that_leaps_ahead_has_nothing_forgotten() -> None:
    clock = VirtualClock()
    journal = MemoryJournal(clock)
    await journal.append(Envelope("f", b"{}", "test"))
    (delivery,) = await journal.lease(1, wait=0, room=lambda _: 1)
    await journal.ack(delivery)
    async with running(journal, clock, history=7 * DAY):
        clock.jump(3650 * DAY)
        await clock.advance(2 * PERIOD)
        assert [row.function for row in await journal.list(Query())] == ["f"]
        clock.jump(-3650 * DAY)
        await clock.advance(6 * DAY)
        assert [row.function for row in await journal.list(Query())] == ["f"]
        await clock.advance(2 * DAY)
        assert await journal.list(Query()) == []
