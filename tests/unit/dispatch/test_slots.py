"""Concurrency accounting."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.types import Function
from router.dispatch import fairness
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
    waiting = asyncio.create_task(subject.acquire("f"))
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
    first = asyncio.create_task(subject.acquire("g"))
    await settle()
    second = asyncio.create_task(subject.acquire("f"))
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


async def test_everybody_in_a_line_has_their_turn() -> None:
    subject = slots(limit=1, f=None)
    tasks = [asyncio.create_task(subject.acquire("f")) for _ in range(4)]
    await settle()
    for served in range(1, 5):
        assert [one.done() for one in tasks] == [True] * served + [False] * (4 - served)
        assert (subject.running("f"), subject.room("f")) == (1, 0)
        subject.give("f")
        await settle()


@pytest.mark.parametrize("cancelled", [True, False])
async def test_who_has_left_the_line_stands_in_nobodys_way(cancelled: bool) -> None:
    """What is kept for others is free for who is alone again, without anything having ended."""
    clock = VirtualClock()
    subject = slots(clock, limit=16, flood=None, quiet=None)
    assert (subject.room("quiet"), sum(subject.take("flood") for _ in range(16))) == (16, 14)
    waiting = asyncio.create_task(subject.acquire("flood"))
    await settle()
    if cancelled:
        waiting.cancel()
    await clock.advance(2)
    assert waiting.cancelled() is cancelled
    assert cancelled or isinstance(waiting.exception(), TooManyRequests)
    await clock.advance(fairness.RECENT)
    assert subject.take("flood")


async def test_reserved_zero_refuses_at_once() -> None:
    subject = slots(f=0)
    with pytest.raises(TooManyRequests) as thrown:
        await subject.acquire("f")
    assert thrown.value.reason == "ReservedFunctionConcurrentInvocationLimitExceeded"


async def test_a_waiter_that_is_cancelled_takes_no_slot_with_it() -> None:
    clock = VirtualClock()
    subject = slots(clock, limit=1, f=None)
    assert subject.take("f")
    waiting = asyncio.create_task(subject.acquire("f"))
    await settle()
    subject.give("f")  # handed over, and cancelled before it could run
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert subject.room("f") == 1


async def test_who_waits_in_a_flood_waits_for_no_more_than_a_turn() -> None:
    subject = slots(limit=2, f=None, g=None)
    assert [subject.take("f") for _ in range(3)] == [True, True, False]
    flood = [asyncio.create_task(subject.acquire("f")) for _ in range(5)]
    await settle()
    quiet = asyncio.create_task(subject.acquire("g"))
    await settle()
    for _ in range(2):
        subject.give("f")
    await settle()
    assert quiet.done()
    assert sum(task.done() for task in flood) == 1
    for task in flood:
        task.cancel()
    await asyncio.gather(*flood, return_exceptions=True)


async def test_a_function_that_floods_leaves_slots_for_the_others() -> None:
    clock = VirtualClock()
    subject = slots(clock, limit=16, flood=None, quiet=None, third=None)
    assert subject.room("flood") == 16, "it is alone"
    assert subject.room("quiet") == 14, "all but the two that are kept"
    for _ in range(14):
        assert subject.take("flood")
    assert not subject.take("flood")
    waiting = asyncio.create_task(subject.acquire("flood"))
    await settle()
    assert subject.take("quiet")
    assert subject.take("third")
    subject.give("quiet")
    await settle()
    subject.give("flood")
    await settle()
    assert not waiting.done(), "what is kept is kept"
    subject.give("third")
    await settle()
    assert waiting.done()
    await clock.advance(fairness.RECENT + 1)
    assert subject.room("flood") == 2, "it is alone again"


async def test_many_wait_and_their_time_ends_in_order() -> None:
    clock = VirtualClock()
    subject = slots(clock, limit=1, f=None)
    assert subject.take("f")
    waiting = []
    for _ in range(4):
        waiting.append(asyncio.create_task(subject.acquire("f")))
        await clock.advance(0.3)
    assert [task.done() for task in waiting] == [True, False, False, False]
    subject.give("f")
    await settle()
    assert waiting[1].done()
    assert waiting[1].exception() is None
    await clock.advance(1.0)
    assert [type(task.exception()) for task in waiting] == [TooManyRequests, type(None), TooManyRequests, TooManyRequests]
    subject.give("f")
    assert subject.room("f") == 1
    await clock.advance(1.0)
    assert subject._timer is None


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


def functions(reserved: dict[str, int | None]) -> dict[str, Function]:
    return {name: Function(name, Path("/code"), "app.handler", reserved_concurrency=count) for name, count in reserved.items()}


async def test_what_runs_counts_in_the_lane_that_is_its_functions_now() -> None:
    subject = slots(limit=4, f=None, g=None)
    assert all(subject.take(name) for name in "fff")
    subject.configure(functions({"f": 2, "g": None}), limit=4)
    assert (subject.room("f"), subject.room("g"), subject.total_room()) == (0, 2, 2)
    subject.give("f")
    assert not subject.take("f"), "one over its reservation still runs"
    subject.give("f")
    assert subject.take("f")
    subject.configure(functions({"g": None}), limit=1)
    assert (subject.running("f"), subject.room("f"), subject.room("g")) == (2, 0, 0)
    subject.give("f")
    subject.give("f")
    assert (subject.running("f"), subject.room("g")) == (0, 1)


async def test_who_waits_gets_the_room_that_a_new_config_makes() -> None:
    clock = VirtualClock()
    subject = slots(clock, limit=1, f=None, g=None)
    assert subject.take("f")
    waiting = [asyncio.create_task(subject.acquire(name)) for name in "fg"]
    await settle()
    subject.configure(functions({"f": None, "g": 1}), limit=2)
    await settle()
    assert [one.done() for one in waiting] == [False, True]
    subject.configure(functions({"g": 1}), limit=3)
    await settle()
    assert waiting[0].done(), "its function is gone, and it had been let in line"
    assert (subject.running("f"), subject.running("g")) == (2, 1)
    for name in "ffg":
        subject.give(name)
    assert (subject.total_room(), subject.room("f")) == (3, 0)


async def test_a_slot_may_be_forced_and_comes_back() -> None:
    subject = slots(limit=2, off=0, other=None)
    subject.force("off")
    assert (subject.running("off"), subject.room("off"), subject.total_room()) == (1, 0, 2)
    subject.give("off")
    assert (subject.running("off"), subject.room("off")) == (0, 0)


RESERVED = st.dictionaries(st.sampled_from("abc"), st.none() | st.integers(0, 3))
STEPS = st.lists(
    st.tuples(st.just("take"), st.sampled_from("abc"))
    | st.tuples(st.just("give"), st.sampled_from("abc"))
    | st.tuples(st.just("configure"), RESERVED)
)


@given(STEPS)
def test_slots_are_never_lost_whatever_is_configured_meanwhile(steps: list[tuple[str, object]]) -> None:
    """Once nothing runs there is as much room as the last config gives."""
    subject = Slots(functions({"a": None}), limit=9, clock=VirtualClock())
    last: dict[str, int | None] = {"a": None}
    running = dict.fromkeys("abc", 0)
    for step, what in steps:
        if step == "configure":
            last = what  # type: ignore[assignment]
            subject.configure(functions(last), limit=9)
        elif step == "take":
            running[str(what)] += subject.take(str(what))
        elif running[str(what)]:
            subject.give(str(what))
            running[str(what)] -= 1
        assert {name: subject.running(name) for name in "abc"} == running
    for name, count in running.items():
        for _ in range(count):
            subject.give(name)
    assert subject.total_room() == 9


async def test_who_wants_room_is_told_once_of_the_next_slot_that_nobody_waits_for_in_line() -> None:
    subject = slots(limit=1, f=None)
    told: list[str] = []
    subject.on_room = lambda: told.append("room")
    assert subject.take("f")
    waiting = asyncio.create_task(subject.acquire("f"))
    await settle()
    subject.give("f")
    await waiting
    assert told == [], "it was handed over"
    subject.give("f")
    assert told == ["room"]
    assert subject.take("f")
    subject.give("f")
    assert told == ["room"], "once"


async def test_a_slot_or_another_config_ends_the_wait_for_room() -> None:
    subject = slots(limit=1, f=None)
    for more in (lambda: subject.give("f"), lambda: subject.configure({}, limit=2)):
        subject.force("f")
        waiting = asyncio.create_task(subject.given())
        await settle()
        assert not waiting.done()
        more()
        await settle()
        assert waiting.done()
