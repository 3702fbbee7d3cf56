"""Stages stop in the order of the data flow, those of a step together."""

import asyncio

import structlog.testing

from router.daemon.stages import drain, started


class Part:
    """A part of the data flow that ends when it is told to, and allowed to."""

    def __init__(self) -> None:
        self.asked, self.allowed = asyncio.Event(), asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Until *stop*, and until it is allowed to end."""
        await stop.wait()
        self.asked.set()
        await self.allowed.wait()


async def settle() -> None:
    """Let everybody take a turn."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_step_is_told_at_once_and_the_next_when_all_of_it_has_ended() -> None:
    first, beside, then = Part(), Part(), Part()
    async with asyncio.TaskGroup() as group:
        steps = [[started(group, "first", first.run), started(group, "beside", beside.run)], [started(group, "then", then.run)]]
        await settle()
        draining = asyncio.create_task(drain(steps, grace=60))
        await settle()
        assert (first.asked.is_set(), beside.asked.is_set(), then.asked.is_set()) == (True, True, False)
        beside.allowed.set()
        await settle()
        assert not then.asked.is_set()
        first.allowed.set()
        await settle()
        assert then.asked.is_set()
        then.allowed.set()
        await draining


async def test_what_runs_past_the_grace_is_cancelled_and_said() -> None:
    first, then = Part(), Part()
    with structlog.testing.capture_logs() as said:
        async with asyncio.TaskGroup() as group:
            steps = [[started(group, "first", first.run)], [started(group, "then", then.run)]]
            await settle()
            await drain(steps, grace=0)
    assert [line["stage"] for line in said if line["event"] == "stage_cancelled"] == ["first", "then"]
    assert not then.asked.is_set()
