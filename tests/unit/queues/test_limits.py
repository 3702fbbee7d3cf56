"""How many messages may be in flight, and who is told."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.events.sqs_errors import OverLimit
from router.queues import units
from router.queues.units import Wanted
from tests.unit.queues.rig import Rig, rig


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(units, "IN_FLIGHT", 3)
    async with rig(tmp_path) as made:
        for number in range(4):
            await made.sent("jobs", f"{number}")
            await made.sent("line.fifo", f"{number}", group=f"{number}")
        yield made


async def test_a_short_poll_of_a_standard_queue_is_refused_until_one_is_deleted(house: Rig) -> None:
    held = await house.queues.receive("jobs", most=3, wait=0)
    with pytest.raises(OverLimit):
        await house.queues.receive("jobs", wait=0)
    await house.queues.delete("jobs", [held[0].handle])
    assert await house.bodies("jobs") == ["3"]


async def test_what_is_visible_again_is_not_in_flight(house: Rig) -> None:
    assert len(await house.bodies("jobs", most=3)) == 3
    await house.clock.advance(31)
    assert len(await house.bodies("jobs", most=3)) == 3


async def test_a_long_poll_is_told_nothing_and_has_what_comes_free(house: Rig) -> None:
    held = await house.queues.receive("jobs", most=3, wait=0)
    waiting = asyncio.create_task(house.queues.receive("jobs", wait=20))
    await house.clock.advance(1)
    assert not waiting.done()
    await house.queues.delete("jobs", [held[0].handle])
    for _ in range(19):
        await house.clock.advance(1)
    assert [message.body for message in await waiting] == ["3"]


async def test_a_fifo_queue_refuses_nobody_and_gives_nothing(house: Rig) -> None:
    held = await house.queues.receive("line.fifo", most=3, wait=0)
    assert len(held) == 3
    assert await house.bodies("line.fifo") == []
    await house.queues.delete("line.fifo", [held[0].handle])
    assert await house.bodies("line.fifo") == ["3"]


async def test_an_event_source_mapping_has_no_such_limit(house: Rig) -> None:
    assert len(await house.bodies("jobs", most=3)) == 3
    got = await house.queues.take("jobs", Wanted(1, 30, holder="f"))
    assert [message.body for message in got.messages] == ["3"]
