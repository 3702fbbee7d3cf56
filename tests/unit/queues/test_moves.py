"""The way back out of a dead-letter queue."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.errors import RouterError
from router.queues.keeper import LOOK, PERIOD, Keeper
from router.queues.moves import AT_ONCE
from tests.helpers.clock import VirtualClock, settle
from tests.unit.queues.rig import Rig, rig


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path) as made:
        yield made


async def bury(house: Rig, *bodies: str) -> None:
    """Have jobs give up on messages."""
    for body in bodies:
        await house.sent("jobs", body)
    for _ in range(3):
        while await house.bodies("jobs"):
            pass
        await house.clock.advance(30)


async def test_messages_go_back_to_where_they_came_from_as_new_ones(house: Rig) -> None:
    await bury(house, "a", "b")
    await house.sent("dead", "sent here by hand")
    before = [message.id for message in await house.queues.receive("dead", most=10, wait=0, visibility=0)]
    await house.moves.start("dead")
    assert await house.moves.step() is None
    found = await house.queues.receive("jobs", most=10, wait=0)
    assert [(message.body, message.receives, message.dead_letter_source) for message in found] == [("a", 1, ""), ("b", 1, "")]
    assert not {message.id for message in found} & set(before)
    assert (await house.queues.count("dead")).messages == 1
    (task,) = await house.moves.list("dead")
    assert (task["state"], task["moved"], task["wanted"]) == ("COMPLETED", 2, 3)


async def test_a_task_goes_on_after_a_restart_at_its_rate(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with rig(tmp_path, clock) as house:
        for number in range(25):
            await house.sent("dead", str(number))
        await house.moves.start("dead", "short", rate=10)
        assert await house.moves.step() == 1.0
        await house.sent("dead", "came later")
    async with rig(tmp_path, clock) as house:
        assert await house.moves.step() == 1.0
        assert await house.moves.step() is None
        assert (await house.queues.count("short")).messages == 25
        assert await house.bodies("dead") == ["came later"]


async def test_a_task_can_be_cancelled(house: Rig) -> None:
    for number in range(AT_ONCE + 1):
        await house.sent("dead", str(number))
    task = await house.moves.start("dead", "short")
    await house.moves.step()
    assert await house.moves.cancel(task) == AT_ONCE
    assert await house.moves.step() is None
    with pytest.raises(RouterError, match="not there or has ended"):
        await house.moves.cancel(task)


@pytest.mark.parametrize(
    ("source", "to", "rate", "text"),
    [
        ("nowhere", "", 500, "does not exist"),
        ("dead", "nowhere", 500, "does not exist"),
        ("short", "", 500, "must be configured as a Dead Letter Queue"),
        ("dead", "dead", 500, "different queues"),
        ("dead", "line.fifo", 500, "both be FIFO"),
        ("dead", "", 501, "between 1 and 500"),
    ],
)
async def test_what_cannot_be_moved_is_told(house: Rig, source: str, to: str, rate: int, text: str) -> None:
    with pytest.raises(RouterError, match=text):
        await house.moves.start(source, to, rate=rate)


async def test_one_task_a_queue_at_a_time(house: Rig) -> None:
    await house.moves.start("dead")
    with pytest.raises(RouterError, match="already a task running"):
        await house.moves.start("dead")


async def test_the_keeper_moves_and_forgets_by_itself(house: Rig) -> None:
    stop = asyncio.Event()
    keeper = asyncio.create_task(Keeper(house.queues, house.moves, house.clock).run(stop))
    await house.sent("short", "old")
    await house.sent("dead", "back")
    await house.moves.start("dead", "patient")
    while not (await house.queues.count("patient")).messages:
        await settle()
    while (await house.queues.count("short")).messages:
        await house.clock.advance(PERIOD + 1)
    while house.queues.depths.get("patient") != 1:
        await house.clock.advance(LOOK)
    stop.set()
    await keeper
