"""Waiting for room."""

import asyncio
from dataclasses import dataclass
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


@dataclass(eq=False)
class Held:
    """What room looks at."""

    function: Function = F
    initialization: Initialization = Initialization.ON_DEMAND
    state: State = State.READY


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def room(clock: VirtualClock) -> Any:
    return Room(Limits(concurrency=9, memory=512), Shelf(), clock)


async def test_a_change_is_heard_of_until_the_time_is_up(room: Any, clock: VirtualClock) -> None:
    until = clock.monotonic() + 1
    hearing = asyncio.create_task(room.changed(until))
    await settle()
    room.tell()
    await hearing
    waiting = asyncio.create_task(room.changed(until))
    await clock.advance(1.1)
    for late in (waiting, room.changed(until)):
        with pytest.raises(TooManyRequests):
            await late


async def test_what_is_ending_is_waited_for(room: Any) -> None:
    one, two = Held(), Held()
    room.hold(one)
    room.hold(two)
    room.leave(one)
    clearing = asyncio.create_task(room.cleared(256))
    await settle()
    assert not clearing.done()
    assert room.victims(256) is None  # the room that comes is taken
    room.gone(one)
    await clearing
    assert room.victims(256) == []


async def test_after_the_end_there_is_none(room: Any, clock: VirtualClock) -> None:
    waiting = asyncio.create_task(room.changed(clock.monotonic() + 9))
    await settle()
    room.close()
    for late in (waiting, room.cleared(128)):
        with pytest.raises(EnvironmentUnavailable):
            await late


async def test_it_is_wanted_while_somebody_waits(room: Any, clock: VirtualClock) -> None:
    assert not room.waiting
    waiting = asyncio.create_task(room.changed(clock.monotonic() + 1))
    await settle()
    assert room.waiting
    room.tell()
    await waiting
    assert not room.waiting
