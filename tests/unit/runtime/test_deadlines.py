"""One timer for all deadlines."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from router.runtime.deadlines import Deadlines
from router.runtime.sandbox_watch import Watched
from tests.helpers.clock import VirtualClock, settle


class Holder:
    """Remembers when it expired."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock, self.at = clock, []

    def watched(self) -> tuple[Watched, ...]:
        return ()

    def expired(self) -> None:
        self.at.append(self._clock.monotonic() - 1000)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def deadlines(clock: VirtualClock) -> AsyncIterator[Deadlines]:
    deadlines = Deadlines(clock)
    timer = asyncio.create_task(deadlines.run())
    await settle()
    yield deadlines
    timer.cancel()
    await asyncio.gather(timer, return_exceptions=True)


async def test_each_expires_at_its_time_whatever_the_order_of_setting(clock: VirtualClock, deadlines: Deadlines) -> None:
    holders = {seconds: Holder(clock) for seconds in (3, 1, 900, 2)}
    for seconds, holder in holders.items():
        deadlines.set(holder, clock.monotonic() + seconds)
    await clock.advance(10)
    assert {seconds: holder.at for seconds, holder in holders.items()} == {3: [3], 1: [1], 900: [], 2: [2]}


async def test_cleared_it_never_expires_and_set_again_it_does(clock: VirtualClock, deadlines: Deadlines) -> None:
    holder = Holder(clock)
    deadlines.set(holder, clock.monotonic() + 1)
    deadlines.clear(holder)
    await clock.advance(2)
    assert holder.at == []
    deadlines.set(holder, clock.monotonic() + 1)
    await clock.advance(2)
    assert holder.at == [3]


async def test_one_invocation_after_another_does_not_wake_the_timer_each_time(clock: VirtualClock, deadlines: Deadlines) -> None:
    holder = Holder(clock)
    deadlines.set(holder, clock.monotonic() + 3)
    await settle()
    deadlines.clear(holder)
    await clock.advance(1)
    deadlines.set(holder, clock.monotonic() + 3)
    assert not deadlines._sooner.is_set()
    await clock.advance(2.5)
    assert holder.at == []
    await clock.advance(1)
    assert holder.at == [4]


async def test_after_a_standstill_there_is_a_second_to_hand_over_what_is_done(clock: VirtualClock, deadlines: Deadlines) -> None:
    holder = Holder(clock)
    deadlines.set(holder, clock.monotonic() + 3)
    await settle()
    clock._monotonic += 60  # the daemon was stopped
    await clock.advance(0.5)
    assert holder.at == []
    await clock.advance(2)
    assert holder.at == [61]


async def test_busy_is_set_while_anything_has_a_deadline(clock: VirtualClock) -> None:
    deadlines, first, second = Deadlines(clock), Holder(clock), Holder(clock)
    assert not deadlines.busy.is_set()
    deadlines.set(first, 5.0)
    deadlines.set(second, 6.0)
    deadlines.clear(first)
    assert deadlines.busy.is_set()
    deadlines.clear(second)
    deadlines.clear(second)
    assert not deadlines.busy.is_set()
