"""The clocks that daemons run on, the tests' fast one too."""

import asyncio

import pytest

from router.clock import Clock, SystemClock
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
