"""Who waits for an environment that is there, and who starts one."""

import asyncio
from typing import Any, cast

import pytest

from router.errors import EnvironmentUnavailable
from router.runtime.base import Environment
from router.runtime.starts import PATIENCE, Starts
from tests.helpers.clock import VirtualClock, settle


class Rig:
    """Starts of four at once, and who asked for one of function f."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.put_back: list[Environment] = []
        self.starts = Starts(self.clock, 4, self.put_back.append)
        self.asked: list[asyncio.Task[Environment | int]] = []

    async def ask(self, count: int, key: str = "f") -> None:
        self.asked += [asyncio.create_task(self.starts.turn(key)) for _ in range(count)]
        await settle()

    @property
    def answered(self) -> int:
        return sum(task.done() for task in self.asked)

    def environment(self) -> Environment:
        return cast("Environment", object())


async def test_a_few_start_and_the_others_wait() -> None:
    rig = Rig()
    await rig.ask(10)
    assert rig.answered == 4
    rig.starts.ended("f", cast("int", rig.asked[0].result()))
    await settle()
    assert rig.answered == 5
    await rig.ask(4, "g")
    assert rig.answered == 9  # another function's starts are its own affair
    rig.starts.close()
    await asyncio.gather(*rig.asked, return_exceptions=True)


async def test_an_idle_environment_goes_to_who_waits_longest() -> None:
    rig = Rig()
    assert not rig.starts.hand_over("f", rig.environment())
    await rig.ask(6)
    first, second = rig.environment(), rig.environment()
    assert rig.starts.hand_over("f", first)
    assert not rig.starts.hand_over("g", second)
    assert rig.starts.hand_over("f", second)
    assert not rig.starts.hand_over("f", rig.environment())
    assert [await task for task in rig.asked[4:]] == [first, second]


async def test_slow_ones_hold_nobody_up() -> None:
    """A hundred handlers that wait for something have all begun within six looks."""
    rig = Rig()
    await rig.ask(100)
    seen = []
    for _ in range(6):
        seen.append(rig.answered)
        await rig.clock.advance(PATIENCE)
    assert seen == [4, 4, 12, 28, 60, 100]
    for task in rig.asked:
        rig.starts.ended("f", cast("int", task.result()))
    await rig.ask(5)
    assert rig.answered == 104


async def test_as_long_as_it_moves_nobody_starts_for_impatience() -> None:
    rig = Rig()
    await rig.ask(20)
    for done in range(10):
        await rig.clock.advance(PATIENCE)
        assert rig.starts.hand_over("f", rig.environment())
        await settle()
        assert rig.answered == 5 + done
    rig.starts.close()
    await asyncio.gather(*rig.asked, return_exceptions=True)


async def test_without_room_those_in_line_wait_for_what_becomes_idle() -> None:
    rig = Rig()
    await rig.ask(8)
    rig.starts.block("f")
    rig.starts.block("nobody's")
    rig.starts.ended("f", cast("int", rig.asked[0].result()))
    await settle()
    assert rig.answered == 4  # no turn to start, though only three do
    assert rig.starts.hand_over("f", rig.environment())
    await rig.clock.advance(PATIENCE)
    assert rig.answered == 6  # the next look: there may be room again
    rig.starts.block("f")
    await rig.clock.advance(PATIENCE)
    await rig.clock.advance(PATIENCE)
    assert rig.answered == 8  # nothing moves: each finds out for itself
    await rig.clock.advance(2 * PATIENCE)
    rig.starts.block("f")  # by somebody, some time ago
    await rig.ask(1)
    assert rig.answered == 9


@pytest.mark.parametrize("turn", ["none", "environment", "ticket"])
async def test_who_is_cancelled_leaves_what_it_was_given_to_others(turn: str) -> None:
    rig = Rig()
    await rig.ask(6)
    given = rig.environment()
    if turn == "environment":
        rig.starts.hand_over("f", given)
    elif turn == "ticket":
        rig.starts.ended("f", cast("int", rig.asked[0].result()))
    rig.asked[4].cancel()
    await settle()
    assert rig.asked[4].cancelled()
    assert rig.put_back == ([given] if turn == "environment" else [])
    assert rig.asked[5].done() == (turn == "ticket")
    rig.starts.close()
    await asyncio.gather(*rig.asked, return_exceptions=True)


async def test_at_the_end_who_waits_is_told_and_nothing_keeps_time() -> None:
    rig = Rig()
    await rig.ask(6)
    rig.starts.close()
    answers: list[Any] = await asyncio.gather(*rig.asked, return_exceptions=True)
    assert [type(answer) for answer in answers] == [int] * 4 + [EnvironmentUnavailable] * 2
    await rig.clock.advance(3 * PATIENCE)
    assert rig.clock.sleepers == 0
    assert rig.starts._watcher is None
