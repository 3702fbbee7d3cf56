"""What the keeper does about deleted queues; what else it does is in test_moves.py."""

import asyncio
from pathlib import Path

from router.queues.keeper import LOOK, PERIOD, Keeper
from tests.unit.queues.rig import QUEUES, rig


async def test_it_goes_on_with_deletions_but_not_of_a_queue_that_is_still_served(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        for name in ("short", "patient"):
            await house.sent(name, "old")
            await house.database.transact(house.queues.deleting(name))
        house.queues.adopt({name: queue for name, queue in QUEUES.items() if name != "short"})
        stop = asyncio.Event()
        keeper = asyncio.create_task(Keeper(house.queues, house.moves, house.clock).run(stop))
        while "short" in await house.queues.deleted():
            await house.clock.advance(LOOK)
        for _ in range(12):  # rounds: the store answers in between
            await house.clock.advance(PERIOD)
            assert await house.queues.deleted() == ["patient"]
        assert (await house.queues.count("patient")).messages == 1
        assert await house.database.read("SELECT 1 FROM queue_messages WHERE queue = 'short'") == []
        stop.set()
        await keeper
