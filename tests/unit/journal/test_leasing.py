"""Leases against a store that answers when the test says so; time stands still but where it is moved."""

import asyncio
from collections.abc import Callable, Mapping
from typing import cast

import apsw
import pytest

from router.errors import JournalError
from router.journal.ahead import FOREVER, LEASE_BYTES, Waiting
from router.journal.base import always
from router.journal.database import Database
from router.journal.leasing import Leasing
from router.journal.units import Read
from router.model import Delivery, Envelope
from tests.helpers.clock import VirtualClock, settle
from tests.unit.journal.held import Held


def delivery(number: int, function: str = "f", *, size: int = 1) -> Delivery:
    return Delivery(number, Envelope(function, b"x" * size, "s", "", "", f"r{number}"), 1, 0, 0.0)


class Rig:
    """A Leasing, its store and its time."""

    def __init__(self, earliest: Mapping[str, float] | None = None) -> None:
        self.clock, self.store = VirtualClock(), Held()
        self.leasing = Leasing(cast("Database", self.store), self.clock, time=self.clock.monotonic, earliest=earliest or {})
        self.free: dict[str, int] = {}  # functions with less room than plenty

    def room(self, function: str) -> int:
        return self.free.get(function, 1000)

    def lease(self, limit: int = 10, *, wait: float = 30, room: Callable[[str], int] | None = None) -> asyncio.Task[list[Delivery]]:
        return asyncio.create_task(self.leasing.lease(limit, wait=wait, room=room or self.room, take=always))

    def found(self, *found: Delivery, due: float = 0.0, earliest: Mapping[str, float] | None = None, looked: str = "f") -> None:
        """The store's answer to the reading that waits."""
        self.store.answer(Read({looked}, [Waiting(due, it) for it in found], [], dict(earliest or {})))


async def test_what_is_accepted_is_handed_out_without_a_look_at_the_store() -> None:
    rig = Rig()
    task = rig.lease()
    await settle()
    rig.leasing.accepted(Waiting(0.0, delivery(1)))
    assert await task == [delivery(1)]
    assert not rig.store.units


async def test_what_the_store_has_is_read_first() -> None:
    rig = Rig({"f": 0.0})
    task = rig.lease()
    await settle()
    assert len(rig.store.units) == 1
    rig.found(delivery(1), delivery(2))
    assert await task == [delivery(1), delivery(2)]


async def test_room_that_comes_while_the_store_is_read_counts() -> None:
    """The one that was full when the look began has room when it ends, and nobody will say so again."""
    rig = Rig({"f": 0.0, "full": 0.0})
    rig.free = {"full": 0}
    task = rig.lease()
    await settle()
    rig.free = {}
    rig.leasing.nudge()
    rig.found()  # nothing of f after all
    await settle()
    rig.found(delivery(7, "full"), looked="full")
    await settle()
    assert task.done()
    assert await task == [delivery(7, "full")]


async def test_room_that_goes_while_the_store_is_read_is_not_handed_out() -> None:
    rig = Rig({"f": 0.0})
    rig.free = {"f": 2}
    task = rig.lease(wait=5)
    await settle()
    rig.free = {"f": 1}
    rig.found(delivery(1), delivery(2))
    assert await task == [delivery(1)]


async def test_an_end_of_waiting_gives_nothing_and_a_due_time_ends_it() -> None:
    rig = Rig({"f": 1010.0})
    task = rig.lease(wait=5)
    await rig.clock.advance(5)
    assert await task == []
    task = rig.lease(wait=30)
    await rig.clock.advance(5)
    rig.found(delivery(1), due=1010.0)
    await settle()
    assert await task == [delivery(1)]


async def test_closing_refuses_who_waits_and_who_comes() -> None:
    rig = Rig()
    task = rig.lease()
    await settle()
    rig.leasing.close()
    for refused in (task, rig.lease()):
        with pytest.raises(JournalError, match="closed"):
            await refused


@pytest.mark.parametrize("error", [JournalError("the disk is gone"), RuntimeError("the disk is gone")])
async def test_a_reading_that_fails_is_told_and_tried_again_by_who_asks_next(error: Exception) -> None:
    rig = Rig({"f": 0.0})
    task = rig.lease()
    await settle()
    rig.store.units.pop()[1](None, error)
    with pytest.raises(JournalError, match="the disk is gone"):
        await task
    again = rig.lease()
    await settle()
    rig.found(delivery(1))
    assert await again == [delivery(1)]


async def test_a_store_that_takes_nothing_is_told() -> None:
    rig = Rig({"f": 0.0})
    rig.store.fault = JournalError("closed")
    with pytest.raises(JournalError, match="closed"):
        await rig.lease()
    rig.store.fault = None
    task = rig.lease()
    await settle()
    rig.found(delivery(1))
    assert await task == [delivery(1)]


async def test_cancelled_while_it_reads_nobody_was_handed_anything() -> None:
    rig = Rig({"f": 0.0})
    task = rig.lease()
    await settle()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    again = rig.lease()
    await settle()
    assert len(rig.store.units) == 1  # the reading that is under way is waited for
    rig.found(delivery(1))
    assert await again == [delivery(1)]


async def test_what_was_accepted_during_a_reading_is_not_missed() -> None:
    rig = Rig({"f": 0.0})
    task = rig.lease()
    await settle()
    rig.leasing.accepted(Waiting(1.0, delivery(2)))
    rig.found(delivery(1))
    await settle()
    rig.found(delivery(2), due=1.0)
    assert await task == [delivery(1), delivery(2)]


async def test_a_short_line_is_read_on_while_its_events_run() -> None:
    rig = Rig({"f": 0.0})
    task = rig.lease(1)
    await settle()
    rig.found(delivery(1), delivery(2), earliest={"f": 0.0})
    assert await task == [delivery(1)]
    assert len(rig.store.units) == 1
    rig.found()
    assert await rig.lease(1) == [delivery(2)]


async def test_payloads_that_fill_the_memory_are_handed_out_before_more_is_read() -> None:
    rig = Rig({"f": 0.0})
    task = rig.lease(1)
    await settle()
    rig.found(delivery(1), delivery(2, size=LEASE_BYTES), earliest={"f": 0.0})
    assert await task == [delivery(1)]
    assert [len(it.envelope.payload) for it in await rig.lease(5)] == [LEASE_BYTES]


async def test_of_many_long_queues_no_more_is_read_than_a_lease_takes_in_turn() -> None:
    names = "abcdefghij"
    rig = Rig(dict.fromkeys(names, 0.0))
    task = rig.lease(20)
    await settle()
    found = [Waiting(0.0, delivery(number, name)) for number, name in enumerate(names * 3, 1)]
    rig.store.answer(Read({*names}, found, [], dict.fromkeys(names, 0.0)))
    assert [it.id for it in await task] == [*range(1, 21)]
    await settle()
    assert len(rig.store.units) == 1  # ahead of need


async def test_damaged_payloads_are_counted() -> None:
    rig = Rig({"f": 0.0})
    task = rig.lease(wait=0)
    await settle()
    rig.store.answer(Read({"f"}, [], [delivery(1)], {}))
    assert await task == []
    assert rig.leasing.damaged == 1


async def test_functions_take_turns() -> None:
    rig = Rig()
    for number in range(1, 5):
        rig.leasing.accepted(Waiting(0.0, delivery(number, "a" if number < 4 else "b")))
    assert [it.envelope.function for it in await rig.lease(1)] == ["a"]
    assert [it.envelope.function for it in await rig.lease(1)] == ["b"]
    assert [it.id for it in await rig.lease(9)] == [2, 3]


async def test_the_store_is_read_as_a_unit_of_its_own() -> None:
    """Against SQLite in memory without tables: its complaint comes out as ours."""
    rig = Rig({"f": 0.0})
    task = rig.lease()
    await settle()
    unit, done = rig.store.units.pop()
    try:
        unit(apsw.Connection(":memory:"))
    except apsw.SQLError as error:
        done(None, error)
    with pytest.raises(JournalError, match="no such table"):
        await task
    assert rig.leasing._ahead.next_due(-1.0) < FOREVER
