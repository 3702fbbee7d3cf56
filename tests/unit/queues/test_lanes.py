"""FIFO queues beyond the model, and who is told at once: what holds across restarts, moves and long polls."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from router.config.types import Destination, Queue, Redrive
from router.events.sqs_errors import QueueDoesNotExist
from router.queues.outbox import Outbox, Parcel
from router.queues.units import Wanted
from tests.helpers.clock import VirtualClock
from tests.unit.queues.rig import QUEUES, Rig, rig


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path) as made:
        yield made


async def waits(house: Rig, name: str) -> asyncio.Task[Any]:
    """A long poll that has looked and found nothing."""
    waiting = asyncio.create_task(house.queues.receive(name, wait=20))
    while not house.clock.sleepers:
        await asyncio.sleep(0)
    return waiting


async def told(waiting: Awaitable[Any]) -> list[str]:
    """What it gets without any time passing."""
    return [message.body for message in await asyncio.wait_for(waiting, 10)]


@pytest.mark.parametrize(("scope", "alike"), [("queue", True), ("messageGroup", False)])
async def test_one_deduplication_id_in_two_groups(house: Rig, scope: str, alike: bool) -> None:
    house.queues.settings = {**QUEUES, "line.fifo": replace(QUEUES["line.fifo"], deduplication_scope=scope)}
    sent = [await house.sent("line.fifo", body, group=body, deduplication="d") for body in "ab"]
    assert (sent[0] == sent[1]) is alike
    assert await house.bodies("line.fifo") == (["a"] if alike else ["a", "b"])


async def test_a_purge_forgets_what_deduplication_remembers(house: Rig) -> None:
    """Recorded of AWS: the same deduplication id sent after a purge is a message; it had been dropped in silence."""
    await house.sent("line.fifo", "a", group="g", deduplication="d")
    assert await house.queues.purge("line.fifo") == 1
    await house.sent("line.fifo", "b", group="g", deduplication="d")
    assert await house.bodies("line.fifo") == ["b"]


async def test_sequence_numbers_grow_over_a_restart_also_of_a_queue_that_was_emptied(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with rig(tmp_path, clock) as house:
        first = await house.sent("line.fifo", "a", group="g")
        (message,) = await house.queues.receive("line.fifo", wait=0)
        assert await house.queues.delete("line.fifo", [message.handle]) == [None]
    async with rig(tmp_path, clock) as house:
        second = await house.sent("line.fifo", "b", group="g")
        assert second.sequence > first.sequence


async def test_what_a_mapping_of_a_dead_daemon_held_of_a_group_is_free_at_once(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with rig(tmp_path, clock) as house:
        for body in "ab":
            await house.sent("line.fifo", body, group="g")
        assert len((await house.queues.take("line.fifo", Wanted(1, 30, holder="f"))).messages) == 1
        assert await house.bodies("line.fifo") == []
    async with rig(tmp_path, clock) as house:
        house.queues.settings = {**QUEUES, "line.fifo": replace(QUEUES["line.fifo"], redrive=None)}
        assert await house.bodies("line.fifo") == ["a", "b"]


@pytest.mark.parametrize("name", ["jobs", "line.fifo"])
async def test_a_holder_keeps_what_it_holds_by_asking_again(house: Rig, name: str) -> None:
    await house.sent(name, "x", **({"group": "g"} if name == "line.fifo" else {}))
    (message,) = (await house.queues.take(name, Wanted(1, 30, holder="f"))).messages
    await house.clock.advance(25)
    await house.queues.extend(name, [message.handle], 30, "f")
    await house.clock.advance(25)
    assert await house.bodies(name) == []
    assert await house.queues.delete(name, [message.handle]) == [None]


async def test_a_long_poll_of_a_fifo_queue_has_what_becomes_visible_when_it_does(house: Rig) -> None:
    house.queues.settings = {**QUEUES, "line.fifo": replace(QUEUES["line.fifo"], redrive=None, visibility_timeout=5)}
    await house.sent("line.fifo", "a", group="g")
    assert await house.bodies("line.fifo") == ["a"]
    waiting = await waits(house, "line.fifo")
    await house.clock.advance(4.9)
    assert not waiting.done()
    await house.clock.advance(0.2)
    assert await told(waiting) == ["a"]


async def test_a_long_poll_has_of_several_what_becomes_visible_first(house: Rig) -> None:
    for visibility, body in ((9, "later"), (3, "sooner"), (12, "last")):
        await house.sent("dead", body)
        assert await house.bodies("dead", visibility=visibility) == [body]
    waiting = await waits(house, "dead")
    await house.clock.advance(3.1)
    assert await told(waiting) == ["sooner"]


async def test_who_waits_is_told_of_what_is_made_visible_and_of_records_that_landed(house: Rig) -> None:
    await house.sent("jobs", "x")
    (message,) = await house.queues.receive("jobs", wait=0)
    waiting = await waits(house, "jobs")
    assert await house.queues.change_visibility("jobs", [(message.handle, 0)]) == [None]
    assert await told(waiting) == ["x"]
    outbox = await Outbox.open(house.database, house.queues)
    parcels = [Parcel(Destination("queue", "dead"), b"{}", "f", "arn", "id", 0.0)]
    waiting = await waits(house, "dead")
    await house.database.land(lambda connection: outbox.post(connection, parcels), lambda _: outbox.landed(parcels))
    assert await told(waiting) == ["{}"]


async def test_a_dead_letter_queue_that_is_not_there_buries_nothing(house: Rig) -> None:
    house.queues.settings = {"lone": Queue("lone", visibility_timeout=1, redrive=Redrive("gone", 1))}
    await house.sent("lone", "x")
    for _ in range(3):
        assert await house.bodies("lone") == ["x"]
        await house.clock.advance(2)


async def test_a_fifo_queue_tells_how_many_are_in_flight_and_who_is_unknown_is_said(house: Rig) -> None:
    for body in "abc":
        await house.sent("line.fifo", body, group=body)
    assert len(await house.bodies("line.fifo", most=2)) == 2
    count = await house.queues.count("line.fifo")
    assert (count.messages, count.in_flight) == (3, 2)
    for call in (house.queues.delete("other", []), house.queues.change_visibility("other", [])):
        with pytest.raises(QueueDoesNotExist):
            await call


@pytest.fixture
async def groups(house: Rig) -> Rig:
    """A FIFO queue without dead letters: group g holds a, b and c, h holds x."""
    house.queues.settings = {**QUEUES, "line.fifo": replace(QUEUES["line.fifo"], redrive=None)}
    for body, group in (("a", "g"), ("b", "g"), ("c", "g"), ("x", "h")):
        await house.sent("line.fifo", body, group=group)
    return house


async def test_the_first_of_a_group_that_is_visible_again_waits_for_no_other(groups: Rig) -> None:
    """Recorded of AWS."""
    first, second = await groups.queues.receive("line.fifo", most=2, wait=0)
    assert (first.body, second.body) == ("a", "b")
    await groups.clock.advance(1)
    assert await groups.queues.change_visibility("line.fifo", [(first.handle, 0)]) == [None]
    assert await groups.bodies("line.fifo") == ["x", "a"], "b is in flight, so nothing beyond it is given out"
    assert await groups.queues.delete("line.fifo", [second.handle]) == [None]
    assert await groups.bodies("line.fifo") == [], "a is in flight"


@pytest.mark.parametrize("deleted", [False, True])
async def test_nothing_of_a_group_is_given_out_beyond_one_in_flight(groups: Rig, deleted: bool) -> None:
    """Also when one behind it is visible again, or the one before it was deleted, which is recorded of AWS."""
    first, second = await groups.queues.receive("line.fifo", most=2, wait=0)
    if deleted:
        assert await groups.queues.delete("line.fifo", [first.handle]) == [None]
    else:
        assert await groups.queues.change_visibility("line.fifo", [(second.handle, 0)]) == [None]
    assert await groups.bodies("line.fifo") == ["x"]


async def test_a_group_waits_for_no_other(groups: Rig) -> None:
    got = {message.body: message for message in await groups.queues.receive("line.fifo", most=10, wait=0)}
    assert [*got] == ["a", "b", "c", "x"]
    assert await groups.queues.change_visibility("line.fifo", [(got[body].handle, 0) for body in "abc"]) == [None] * 3
    assert await groups.bodies("line.fifo") == ["a", "b", "c"], "x is in flight still"


async def test_a_group_is_given_out_in_order_from_where_it_stands(groups: Rig) -> None:
    given = []
    while got := await groups.queues.receive("line.fifo", most=1, wait=0):
        given += [message.body for message in got]
        assert await groups.queues.delete("line.fifo", [got[0].handle]) == [None]
    assert [body for body in given if body != "x"] == ["a", "b", "c"]
    await groups.sent("line.fifo", "d", group="g")
    assert await groups.bodies("line.fifo") == ["d"]
