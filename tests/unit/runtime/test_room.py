"""Waiting for room."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from router.config.types import Function, Limits
from router.errors import EnvironmentUnavailable, TooManyRequests
from router.runtime.lifecycle import Initialization, State
from router.runtime.room import Room
from router.runtime.shelf import Shelf
from tests.helpers.clock import VirtualClock, settle

F = Function("f", Path("/f"), "a.b", memory=256)
BIG = Function("big", Path("/f"), "a.b", memory=512)


@dataclass(eq=False)
class Held:
    """What room looks at."""

    function: Function = F
    initialization: Initialization = Initialization.ON_DEMAND
    state: State = State.READY


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


class Rig:
    """Room for two of F beside their shelf; what is evicted begins to end, and takes its time."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock, self.shelf = clock, Shelf()
        self.evicted: list[Any] = []
        self.put_back: list[Any] = []
        self.room: Any = Room(Limits(concurrency=9, memory=512), self.shelf, clock, evict=self._evict, put_back=self.put_back.append)

    def _evict(self, idle: Iterable[Any]) -> None:
        for one in idle:
            self.shelf.remove(one)
            self.room.leave(one)
            self.evicted.append(one)

    def hold(self, function: Function = F) -> Any:
        one = Held(function)
        self.room.hold(one)
        return one

    def idle(self, one: Any) -> None:
        self.shelf.put(one, self.clock.monotonic())
        self.room.serve(one)

    async def wait(self, need: int = 256, own: Function | None = None, seconds: float = 1.0) -> Any:
        task = asyncio.create_task(self.room.wait(need, own, self.clock.monotonic() + seconds))
        await settle()
        return task


@pytest.fixture
def rig(clock: VirtualClock) -> Rig:
    return Rig(clock)


async def test_who_waits_is_told_when_the_time_is_up(rig: Rig, clock: VirtualClock) -> None:
    rig.hold(BIG)
    waiting = await rig.wait()
    await clock.advance(0.9)
    assert not waiting.done()
    await clock.advance(0.2)
    for late in (waiting, await rig.wait(seconds=0.0)):
        with pytest.raises(TooManyRequests):
            await late
    assert not rig.room.waiting


async def test_what_is_ending_is_waited_for(rig: Rig) -> None:
    one, _ = rig.hold(), rig.hold()
    rig.room.leave(one)
    clearing = asyncio.create_task(rig.room.cleared(256, claimed=False))
    await settle()
    assert not clearing.done()
    assert rig.room.victims(256) is None  # the room that comes is taken
    rig.room.gone(one)
    await clearing
    assert rig.room.victims(256) == []


async def test_after_the_end_there_is_none(rig: Rig) -> None:
    rig.hold(BIG)
    waiting = await rig.wait(seconds=9.0)
    rig.room.close()
    for late in (waiting, rig.room.cleared(128, claimed=False)):
        with pytest.raises(EnvironmentUnavailable):
            await late


async def test_room_is_the_first_ones_from_the_moment_it_comes(rig: Rig) -> None:
    """Nobody who asks between that moment and their turn of the loop gets it."""
    busy = rig.hold(BIG)
    first, second = await rig.wait(), await rig.wait(512)
    rig.idle(busy)
    assert rig.evicted == [busy]
    assert rig.room.victims(512) is None
    assert await first is None
    clearing = asyncio.create_task(rig.room.cleared(256, claimed=True))
    await settle()
    assert not clearing.done()
    rig.room.gone(busy)
    await clearing
    rig.hold()
    await settle()
    assert not second.done()
    assert rig.room.victims(256) == []
    second.cancel()
    await settle()
    assert not rig.room.waiting


async def test_an_idle_one_goes_to_the_first_for_whom_it_will_do(rig: Rig) -> None:
    one, two = rig.hold(), rig.hold()
    large, own, next_own = await rig.wait(512), await rig.wait(own=F), await rig.wait(own=F)
    rig.idle(one)
    assert await own is one
    assert not rig.evicted  # the first would not fit, though it ended
    assert one not in rig.shelf
    rig.idle(two)
    assert await next_own is two
    assert not large.done()
    rig.idle(two)
    rig.idle(one)
    assert rig.evicted == [two, one]
    assert await large is None


async def test_another_version_of_the_function_makes_room(rig: Rig) -> None:
    former = rig.hold(replace(F, memory=512))
    waiting = await rig.wait(own=F)
    rig.idle(former)
    assert rig.evicted == [former]
    assert await waiting is None


async def test_who_leaves_before_the_others_are_gone_passes_on_the_room(rig: Rig) -> None:
    busy = rig.hold(BIG)
    leaving, staying = await rig.wait(512), await rig.wait(512)
    rig.idle(busy)
    assert await leaving is None
    clearing = asyncio.create_task(rig.room.cleared(512, claimed=True))
    await settle()
    clearing.cancel()
    await settle()
    assert await staying is None
    rig.room.gone(busy)
    await rig.room.cleared(512, claimed=True)


@pytest.mark.parametrize("given", ["environment", "room"])
async def test_who_leaves_passes_on_what_they_were_given(rig: Rig, given: str) -> None:
    busy = rig.hold(BIG)
    leaving = await rig.wait(own=BIG if given == "environment" else F)
    staying = await rig.wait(own=F)
    rig.idle(busy)
    leaving.cancel()
    await settle()
    assert leaving.cancelled()
    assert rig.put_back == ([busy] if given == "environment" else [])
    assert staying.done() is (given == "room")
    if given == "room":
        rig.room.gone(busy)
        assert rig.room.victims(256) == []  # beside what is promised to who stays
    staying.cancel()
    await settle()
    assert not rig.room.waiting


async def test_what_comes_in_the_last_moment_counts(rig: Rig, clock: VirtualClock) -> None:
    busy = rig.hold(BIG)
    waiting = asyncio.create_task(rig.room.wait(512, BIG, clock.monotonic() + 1))
    await settle()
    rig.idle(busy)
    await clock.advance(1.1)
    assert await waiting is busy
