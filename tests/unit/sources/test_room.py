"""Bytes in memory at one time: never more than there is room for, in the order of coming, and none that stay taken."""

import asyncio
import random

from hypothesis import given
from hypothesis import strategies as st

from router.sources.room import Room

SIZE = 10


@given(sizes=st.lists(st.integers(0, 25), max_size=20), seed=st.integers(0, 2**32))
def test_it_holds_no_more_than_fits_or_one(sizes: list[int], seed: int) -> None:
    asyncio.run(crowd(sizes, random.Random(seed)))


async def crowd(sizes: list[int], chance: random.Random) -> None:
    room, inside, entered = Room(SIZE), set[int](), []
    leave = [asyncio.Event() for _ in sizes]

    async def visit(number: int) -> None:
        async with room.holding(sizes[number]):
            entered.append(number)
            inside.add(number)
            taken = sum(sizes[one] for one in inside)
            assert taken <= SIZE or taken == sizes[number]
            try:
                await leave[number].wait()
            finally:
                inside.discard(number)

    tasks = [asyncio.create_task(visit(number)) for number in range(len(sizes))]
    gone: set[int] = set()
    for number in chance.sample(range(len(sizes)), len(sizes)):
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
        if chance.random() < 0.4:
            tasks[number].cancel()
            gone.add(number)
        leave[number].set()
    async with asyncio.timeout(10):
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(one is None or isinstance(one, asyncio.CancelledError) for one in results)
        assert entered == sorted(entered)
        assert set(range(len(sizes))) - set(entered) <= gone
        async with room.holding(SIZE):
            pass
        await asyncio.wait_for(asyncio.gather(*(visit_once(room) for _ in range(3))), 10)


async def visit_once(room: Room) -> None:
    async with room.holding(SIZE + 1):
        await asyncio.sleep(0)
