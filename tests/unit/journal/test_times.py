"""When events of the journal on disk are due: across restarts, behind others of their shard, and when the clock goes back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from router.journal.database import Database
from router.journal.sqlite import SqliteJournal
from router.model import Delivery, Envelope, State
from tests.helpers.clock import VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@asynccontextmanager
async def opened(path: Path, clock: VirtualClock) -> AsyncIterator[SqliteJournal]:
    database = await Database.open(path / "journal.db")
    journal = await SqliteJournal.open(database, clock)
    try:
        yield journal
    finally:
        await journal.close()
        await database.close()


def envelope(function: str = "f", **over: Any) -> Envelope:
    return Envelope(function, **{"payload": b"{}", "source": "test", **over})


async def lease(journal: SqliteJournal) -> list[Delivery]:
    return await journal.lease(10, wait=0, room=lambda _: 1000)


def ids(deliveries: list[Delivery]) -> list[str]:
    return [delivery.envelope.request_id for delivery in deliveries]


async def test_after_a_restart_each_is_due_at_its_own_time(tmp_path: Path, clock: VirtualClock) -> None:
    events = [envelope() for _ in range(4)]
    async with opened(tmp_path, clock) as journal:
        for event in events:
            await journal.append(event)
        for number, delivery in enumerate((await lease(journal))[:3], 1):
            await journal.retry(delivery, delay=60 * number, error="e")
    async with opened(tmp_path, clock) as journal:
        assert ids(await lease(journal)) == [events[3].request_id]
        for event in events[:3]:
            await clock.advance(59)
            assert await lease(journal) == []
            await clock.advance(1)
            assert ids(await lease(journal)) == [event.request_id]


async def test_what_was_due_is_due_after_a_restart_whose_clock_is_behind(tmp_path: Path, clock: VirtualClock) -> None:
    """The journal's time goes on from the last change of any function."""
    async with opened(tmp_path, clock) as journal:
        for name in "fgf":
            await journal.append(envelope(name))
            await clock.advance(100)
    clock.jump(-3600)
    async with opened(tmp_path, clock) as journal:
        assert sorted(delivery.envelope.function for delivery in await lease(journal)) == ["f", "f", "g"]


@pytest.mark.parametrize("other", [{"source": "elsewhere"}, {"function": "g"}])
async def test_a_shard_of_another_source_or_function_holds_nobody_back(tmp_path: Path, clock: VirtualClock, other: dict[str, str]) -> None:
    async with opened(tmp_path, clock) as journal:
        for event in (envelope(shard="k", **other), first := envelope(shard="k"), second := envelope(shard="k")):
            await journal.append(event)
        running = await lease(journal)
        assert len(running) == 2
        await journal.ack(next(delivery for delivery in running if delivery.envelope == first))
        assert ids(await lease(journal)) == [second.request_id]


async def test_a_redriven_event_does_not_hurry_the_head_of_its_shard(tmp_path: Path, clock: VirtualClock) -> None:
    async with opened(tmp_path, clock) as journal:
        dead, head = envelope(shard="k"), envelope(shard="k")
        await journal.append(dead)
        await journal.bury((await lease(journal))[0], State.DEAD, error="e")
        await journal.append(head)
        await journal.release((await lease(journal))[0], delay=300, reason="throttled")
        await journal.redrive([dead.request_id])
        await clock.advance(299)
        assert await lease(journal) == []
        await clock.advance(1)
        (delivery,) = await lease(journal)
        assert delivery.envelope == head
        await journal.ack(delivery)
        assert ids(await lease(journal)) == [dead.request_id]
