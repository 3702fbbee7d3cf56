"""Environments that are ready before anybody asks."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from router.config.types import Function
from router.errors import EnvironmentUnavailable, TooManyRequests
from router.runtime.provisioning import Provisioner
from tests.helpers.clock import VirtualClock, settle

F = Function("f", Path("/f"), "a.b", provisioned_concurrency=2)


class Made:
    """Environments, or why there are none."""

    def __init__(self, clock: VirtualClock) -> None:
        self.there: Counter[str] = Counter()
        self.tries = 0
        self.wrong: str | Exception = ""
        self.gate = asyncio.Event()
        self.gate.set()
        self.provisioner = Provisioner(self.warm, lambda function: self.there[function.qualified], clock)

    async def warm(self, function: Function) -> str:
        self.tries += 1
        await self.gate.wait()
        if isinstance(self.wrong, Exception):
            raise self.wrong
        if not self.wrong:
            self.there[function.qualified] += 1
        return self.wrong


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def made(clock: VirtualClock) -> AsyncIterator[Made]:
    made = Made(clock)
    yield made
    await made.provisioner.close()


async def test_as_many_as_wanted_and_again_when_one_is_lost(made: Made) -> None:
    made.provisioner.want([F, Function("g", Path("/f"), "a.b")])
    assert await made.provisioner.settled(5)
    assert made.there == {"f": 2}
    made.there["f"] -= 1
    made.provisioner.nudge("f")
    made.provisioner.nudge("unknown")
    await settle()
    assert (made.there, made.tries) == ({"f": 2}, 3)


async def test_problems_until_they_were_ready_once(made: Made) -> None:
    made.gate.clear()
    made.provisioner.want([F])
    await settle()
    assert made.provisioner.problems() == ["function f: not all of its 2 provisioned environments are initialised yet"]
    made.gate.set()
    await settle()
    assert made.provisioner.problems() == []
    made.there["f"] = 0
    made.wrong = "E"
    made.provisioner.nudge("f")
    await settle()
    assert made.provisioner.problems() == []


async def test_waiting_for_them_ends(made: Made, clock: VirtualClock) -> None:
    made.gate.clear()
    made.provisioner.want([F])
    waiting = asyncio.create_task(made.provisioner.settled(5))
    await clock.advance(4.9)
    assert not waiting.done()
    await clock.advance(0.2)
    assert await waiting is False


@pytest.mark.parametrize("wrong", ["Runtime.ImportModuleError", TooManyRequests("x"), EnvironmentUnavailable("x")])
async def test_what_fails_is_tried_again_ever_more_seldom(made: Made, clock: VirtualClock, wrong: str | Exception) -> None:
    made.wrong = wrong
    made.provisioner.want([F])
    assert await made.provisioner.settled(5)  # traffic does not wait for what fails
    await clock.advance(60)
    assert 7 <= made.tries <= 14  # two at first, then one at a time
    made.wrong = ""
    await clock.advance(10)
    assert made.there == {"f": 2}


async def test_only_what_changes_starts_anew(made: Made) -> None:
    made.provisioner.want([F])
    await made.provisioner.settled(5)
    made.provisioner.want([replace(F)])
    await settle()
    assert (made.tries, made.provisioner.wants(F)) == (2, True)
    made.provisioner.want([replace(F, provisioned_concurrency=3)])
    await settle()
    assert (made.there, made.provisioner.wants(F)) == ({"f": 3}, False)
    made.provisioner.want([])
    made.there["f"] = 0
    made.provisioner.nudge("f")
    await settle()
    assert made.there["f"] == 0
