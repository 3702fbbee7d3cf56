"""Changes that wait are made together; what cannot be is made alone, and its refusal is its own."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.together import AT_ONCE, Together


class Maker:
    """Makes numbers; refuses some, and waits for a gate before each batch."""

    def __init__(self, refused: Sequence[int] = ()) -> None:
        self.refused, self.batches, self.made = refused, list[list[int]](), list[int]()
        self.gate = asyncio.Event()
        self.line = Together(self.make, lambda number: [number % 100])

    async def make(self, numbers: Sequence[int]) -> None:
        await self.gate.wait()
        self.batches.append([*numbers])
        if wrong := [number for number in numbers if number in self.refused]:
            raise ValueError(wrong)
        self.made += numbers


async def outcomes(maker: Maker, numbers: Sequence[int]) -> list[BaseException | None]:
    tasks = [asyncio.create_task(maker.line.made(number)) for number in numbers]
    await asyncio.sleep(0)
    maker.gate.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_waits_while_one_is_made_goes_together() -> None:
    maker = Maker()
    first = asyncio.create_task(maker.line.made(0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await outcomes(maker, range(1, 10)) == [None] * 9
    await first
    assert maker.batches == [[0], [*range(1, 10)]]


async def test_two_about_the_same_go_one_after_the_other_and_nobody_overtakes() -> None:
    maker = Maker()
    assert await outcomes(maker, [1, 2, 101, 3, 201]) == [None] * 5
    assert maker.batches == [[1, 2], [101, 3], [201]]


async def test_a_batch_has_an_end() -> None:
    maker = Maker()
    assert await outcomes(maker, range(AT_ONCE + 1)) == [None] * (AT_ONCE + 1)
    assert [len(batch) for batch in maker.batches] == [AT_ONCE, 1]


@given(numbers=st.lists(st.integers(0, 300), unique=True, max_size=40), refused=st.sets(st.integers(0, 300), max_size=300))
async def test_each_hears_of_its_own(numbers: list[int], refused: set[int]) -> None:
    """Whatever else is wrong in its batch; and all that is right is made, in the order in which it came."""
    maker = Maker([*refused])
    told = await outcomes(maker, numbers)
    assert [str(one) if one is not None else "" for one in told] == [f"[{number}]" if number in refused else "" for number in numbers]
    assert maker.made == [number for number in numbers if number not in refused]


async def test_who_leaves_leaves_the_change_to_be_made() -> None:
    maker = Maker()
    task = asyncio.create_task(maker.line.made(1))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await outcomes(maker, [2]) == [None]
    assert maker.made == [1, 2]


async def test_the_other_half_does_not_wait_for_ever_either() -> None:
    """When all ends while the first half of what cannot be made together is being made."""
    maker = Maker()
    halves: list[Sequence[int]] = []

    async def make(numbers: Sequence[int]) -> None:
        halves.append(numbers)
        if len(numbers) > 1:
            raise ValueError(numbers)
        await maker.gate.wait()

    line = Together(make, lambda number: [number])
    tasks = [asyncio.create_task(line.made(number)) for number in (1, 2)]
    while len(halves) < 2:
        await asyncio.sleep(0)
    (work,) = (task for task in asyncio.all_tasks() if task.get_name() == "changes")
    work.cancel()
    ended, _ = await asyncio.wait(tasks, timeout=5)
    assert [task.cancelled() for task in tasks] == [True] * 2, ended


async def test_who_waits_when_all_ends_does_not_wait_for_ever() -> None:
    maker = Maker()
    tasks = [asyncio.create_task(maker.line.made(number)) for number in (1, 101)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    (work,) = (task for task in asyncio.all_tasks() if task.get_name() == "changes")
    work.cancel()
    assert [type(one) for one in await asyncio.gather(*tasks, return_exceptions=True)] == [asyncio.CancelledError] * 2
