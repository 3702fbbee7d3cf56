"""The clocks that daemons run on, the tests' fast one too."""

import asyncio

import pytest

from router.clock import Clock, SystemClock, woken
from tests.helpers.clock_fast import FastClock


@pytest.mark.parametrize("clock", [SystemClock(), FastClock(0.0, 1.0)], ids=["system", "fast"])
@pytest.mark.parametrize("turns", [0, 1, 2])
async def test_a_cancellation_that_comes_with_the_event_is_not_lost(clock: Clock, turns: int) -> None:
    """Who waits in a loop would wait for ever, and who cancelled it for him."""
    event = asyncio.Event()

    async def look() -> None:
        while True:
            event.clear()
            await clock.wait(event, 3600)

    task = asyncio.create_task(look())
    for _ in range(3):
        await asyncio.sleep(0)
    event.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=1)
    assert task.cancelled()


async def test_who_waits_for_work_hears_of_the_end() -> None:
    work, stop = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(5), woken(work, stop):
        stop.set()
        await work.wait()


async def test_a_stop_that_comes_later_wakes_nobody() -> None:
    work, stop = asyncio.Event(), asyncio.Event()
    async with woken(work, stop):
        before = asyncio.all_tasks()
    assert not before & asyncio.all_tasks() - {asyncio.current_task()}
    stop.set()
    for _ in range(3):
        await asyncio.sleep(0)
    assert not work.is_set()


async def test_what_fails_while_it_waits_fails_as_it_did() -> None:
    with pytest.raises(ZeroDivisionError):
        async with woken(asyncio.Event(), asyncio.Event()):
            raise ZeroDivisionError
