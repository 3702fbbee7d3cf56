"""Concurrency accounting."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.types import Function
from router.dispatch.slots import Slots
from router.errors import TooManyRequests
from tests.helpers.clock import VirtualClock, settle


def slots(clock: VirtualClock | None = None, *, limit: int = 3, **reserved: int | None) -> Slots:
    functions = {name: Function(name, Path("/code"), "app.handler", reserved_concurrency=count) for name, count in reserved.items()}
    return Slots(functions, limit=limit, clock=clock or VirtualClock())


async def test_reserved_concurrency_is_a_cap_and_a_guarantee() -> None:
    subject = slots(limit=3, small=1, other=None, third=None)
    assert subject.take("small")
    assert not subject.take("small")
    assert subject.take("other")
    assert subject.take("third")
    assert not subject.take("other")
    subject.give("small")
    assert subject.room("small") == 1
    assert subject.room("other") == 0


async def test_a_full_pool_throttles_after_a_bounded_wait() -> None:
    clock = VirtualClock()
    subject = slots(clock, limit=1, f=None)
    assert subject.take("f")
    waiting = asyncio.create_task(subject.acquire("f", wait=1.0))
    await clock.advance(0.9)
    assert not waiting.done()
    await clock.advance(0.2)
    with pytest.raises(TooManyRequests) as thrown:
        await waiting
    assert thrown.value.reason == "ConcurrentInvocationLimitExceeded"


async def test_a_slot_given_back_goes_to_who_waits_longest() -> None:
    clock = VirtualClock()
    subject = slots(clock, limit=1, f=None, g=None)
    assert subject.take("f")
    first = asyncio.create_task(subject.acquire("g", wait=1.0))
    await settle()
    second = asyncio.create_task(subject.acquire("f", wait=1.0))
    await settle()
    subject.give("f")
    await settle()
    assert first.done()
    assert not second.done()
    assert subject.room("f") == 0
    assert subject.running("g") == 1
    subject.give("g")
    await settle()
    assert second.done()
    subject.give("f")
    assert subject.room("f") == 1


async def test_reserved_zero_refuses_at_once() -> None:
    subject = slots(f=0)
    with pytest.raises(TooManyRequests) as thrown:
        await subject.acquire("f", wait=100.0)
    assert thrown.value.reason == "ReservedFunctionConcurrentInvocationLimitExceeded"


async def test_a_waiter_that_is_cancelled_takes_no_slot_with_it() -> None:
    clock = VirtualClock()
    subject = slots(clock, limit=1, f=None)
    assert subject.take("f")
    waiting = asyncio.create_task(subject.acquire("f", wait=1.0))
    await settle()
    subject.give("f")  # handed over, and cancelled before it could run
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert subject.room("f") == 1


@given(steps=st.lists(st.tuples(st.sampled_from("abr"), st.booleans()), max_size=60))
def test_slots_are_neither_lost_nor_made(steps: list[tuple[str, bool]]) -> None:
    """Whatever is taken and given: running never passes a cap, and all of it comes back."""
    subject = slots(limit=5, a=None, b=None, r=2)
    held = {"a": 0, "b": 0, "r": 0}
    for name, take in steps:
        if take:
            held[name] += subject.take(name)
        elif held[name]:
            held[name] -= 1
            subject.give(name)
        assert held["r"] <= 2
        assert held["a"] + held["b"] <= 3
        assert subject.total_room() == 5 - sum(held.values())
    for name, count in held.items():
        for _ in range(count):
            subject.give(name)
    assert subject.total_room() == 5
