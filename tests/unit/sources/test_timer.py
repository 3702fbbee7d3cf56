"""Both timers: whoever waits is woken by the time, by the stop, by the heartbeat."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from router.clock import SystemClock
from router.sources.timer import HEARTBEAT, ClockTimer, Timer, timer_for
from router.sources.wake import SchedulerTimer
from tests.helpers.clock import VirtualClock, settle


@pytest.fixture(params=[SchedulerTimer, lambda: ClockTimer(SystemClock())], ids=["scheduler", "clock"])
async def timer(request: pytest.FixtureRequest) -> AsyncIterator[Timer]:
    timer: Timer = request.param()
    yield timer
    await timer.close()


async def test_a_time_that_has_come_wakes_at_once(timer: Timer) -> None:
    async with asyncio.timeout(5):
        await timer.wait(time.time() - 10, asyncio.Event())
        await timer.wait(time.time() + 0.01, asyncio.Event())
        await timer.wait(time.time(), asyncio.Event())


async def test_it_is_never_woken_before_the_time(timer: Timer) -> None:
    for _ in range(5):
        at = time.time() + 0.004
        async with asyncio.timeout(5):
            await timer.wait(at, asyncio.Event())
        assert time.time() >= at - 0.001


async def test_the_stop_wakes_whoever_waits(timer: Timer) -> None:
    for at in (None, time.time() + 3600):
        stop = asyncio.Event()
        waiting = asyncio.create_task(timer.wait(at, stop))
        await settle()
        assert not waiting.done()
        stop.set()
        async with asyncio.timeout(5):
            await waiting


async def test_it_can_be_closed_and_used_again(timer: Timer) -> None:
    for _ in range(2):
        async with asyncio.timeout(5):
            await timer.wait(time.time(), asyncio.Event())
        await timer.close()
    await timer.close()


async def test_nobody_waits_longer_than_a_heartbeat_of_monotonic_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.sources.wake.HEARTBEAT", 0.01)
    timer = SchedulerTimer()
    async with asyncio.timeout(5):
        await timer.wait(time.time() + 3600, asyncio.Event())
        await timer.wait(None, asyncio.Event())
    await timer.close()


async def test_on_a_virtual_clock_the_heartbeat_is_virtual() -> None:
    clock = VirtualClock()
    waiting = asyncio.create_task(ClockTimer(clock).wait(clock.now() + 3600, asyncio.Event()))
    await clock.advance(HEARTBEAT - 0.5)
    assert not waiting.done()
    await clock.advance(0.5)
    assert waiting.done()


async def test_each_clock_has_its_timer() -> None:
    assert isinstance(timer_for(VirtualClock()), ClockTimer)
    assert isinstance(timer_for(SystemClock()), SchedulerTimer)
