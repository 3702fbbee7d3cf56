"""Tasks are used again, and never by a request while another one runs in them."""

import asyncio
from math import inf
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from router.events.http import Response
from router.web import runners
from router.web.runners import Runners

BROKEN = 500  # the status of an answer that cannot be sent


class Job:
    """Stands for an exchange."""

    def __init__(self, status: int, order: "list[Any] | None" = None) -> None:
        self.status = status
        self.order = order if order is not None else []
        self.go = asyncio.Event()
        self.task: asyncio.Task[Any] | None = None
        self.cancelled = False
        self.ended = 0

    async def begin(self, _: Any) -> Response:
        self.task = asyncio.current_task()
        self.order.append(self)
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return Response(self.status, [], b"")

    def answer(self, response: Response) -> None:
        if response.status == BROKEN:
            raise ValueError("no answer")

    def end(self) -> None:
        self.ended += 1


def made(abreast: float = inf) -> Runners:
    under = Runners(abreast)
    under.loop = asyncio.get_running_loop()
    under.on_ended = Job.end  # type: ignore[assignment]
    return under


def begin(under: Runners, status: int = 200) -> tuple[Job, asyncio.Task[None]]:
    job: Any = Job(status)
    under.begin(job, None)  # type: ignore[arg-type]
    return job, under.running[job]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_task_that_is_through_runs_the_next_request() -> None:
    under = made()
    first, task = begin(under)
    second, other = begin(under)
    await settle()
    assert first.task is task
    assert second.task is other
    assert task is not other
    first.go.set()
    await settle()
    third, again = begin(under)
    assert again is task
    assert third.task is None, "it begins in another turn of the loop"
    await settle()
    assert third.task is task
    assert not second.go.is_set()
    await under.close()
    assert (second.cancelled, third.cancelled) == (True, True)
    assert (first.ended, second.ended, third.ended) == (1, 1, 1)


async def test_a_task_that_was_cancelled_or_failed_is_not_used_again() -> None:
    under = made()
    cut, task = begin(under)
    failed, other = begin(under, BROKEN)
    await settle()
    task.cancel()
    failed.go.set()
    await settle()
    assert cut.cancelled
    assert task.cancelled()
    assert isinstance(other.exception(), ValueError)
    assert (cut.ended, failed.ended) == (1, 1)
    _, fresh = begin(under)
    assert fresh not in {task, other}
    await under.close()


async def test_one_that_is_cancelled_before_it_is_woken_serves_nobody() -> None:
    under = made()
    first, task = begin(under)
    first.go.set()
    await settle()
    second, again = begin(under)
    assert again is task
    await under.close()
    assert second.task is None
    assert task.cancelled()


async def test_only_some_rest_and_none_after_the_end() -> None:
    under = made()
    begun = [begin(under) for _ in range(runners.RESTING + 3)]
    await settle()
    for job, _ in begun:
        job.go.set()
    await settle()
    resting = [task for _, task in begun if not task.done()]
    assert len(resting) == runners.RESTING
    await under.close()
    assert all(task.done() for _, task in begun)
    job, task = begin(under)
    job.go.set()
    await settle()
    assert not task.done(), "another start begins anew"
    await under.close()


def crowded() -> tuple[Runners, Job, Job]:
    """One that runs, and one that has to wait for it."""
    under = made(2)
    under.crowd.bound = 1
    first, _ = begin(under)
    second: Any = Job(200)
    under.begin(second, None)  # type: ignore[arg-type]
    return under, first, second


async def test_where_few_may_be_under_way_one_begins_when_another_has_ended() -> None:
    under, first, second = crowded()
    await settle()
    assert (second.task, len(under.waiting)) == (None, 1)
    first.go.set()
    await settle()
    assert second.task is not None
    assert not under.waiting
    await under.close()
    assert (first.ended, second.ended) == (1, 1)


STEPS = st.lists(st.sampled_from(["ask", "ask", "ask", "end", "end", "turn", "look", "fewer", "more"]), min_size=10, max_size=60)


@given(steps=STEPS, abreast=st.integers(1, 3))
def test_requests_begin_in_their_order_whatever_the_bound(steps: list[str], abreast: int) -> None:
    order: list[Any] = []

    async def run() -> None:
        under, jobs = made(abreast), list[Any]()
        for step in steps:
            if step == "ask":
                jobs.append(Job(200, order))
                under.begin(jobs[-1], None)  # type: ignore[arg-type]
            elif step == "end" and (running := [job for job in order if not job.go.is_set()]):
                running[0].go.set()
            elif step == "look":
                under._look()
            elif step in {"fewer", "more"}:
                under.crowd.bound = 2 if step == "fewer" else inf
                under._next()  # as whoever changes it does
            await asyncio.sleep(0)
            assert not under.waiting or under._timer is not None
        for job in jobs:
            job.go.set()
        under.crowd.bound = inf
        under._look()
        for _ in range(3 * len(jobs) + 5):
            await asyncio.sleep(0)
        assert order == jobs
        assert [job.ended for job in jobs] == [1] * len(jobs)
        await under.close()

    asyncio.run(run())


async def test_one_that_goes_on_for_long_holds_nobody_up() -> None:
    under, first, second = crowded()
    await settle()
    for _ in range(2):
        assert second.task is None
        under._look()
        under.crowd.bound = 1  # whatever the loop had to do meanwhile
    under._look()
    await settle()
    assert (first.ended, second.task is None) == (0, False)
    await under.close()
    assert (first.cancelled, second.cancelled) == (True, True)


async def test_nothing_is_looked_at_once_nobody_waits() -> None:
    under, first, second = crowded()
    first.go.set()
    second.go.set()
    await settle()
    assert (first.ended, second.ended) == (1, 1)
    under._look()
    assert under._timer is not None, "some waited in this generation"
    under._look()
    assert (under._timer, under.crowd.bound) == (None, inf)


async def test_the_end_comes_also_while_some_wait() -> None:
    under, first, second = crowded()
    await settle()
    await under.close()
    assert (first.ended, second.ended, second.task) == (1, 0, None)
    assert (under._timer, under.crowd.young) == (None, 0)


def test_nothing_of_ours_sets_a_context_variable() -> None:
    """A task that serves one client after another would show it to the next."""
    told = ("ContextVar", "bind_contextvars", "bound_contextvars")
    for path in sorted((Path(__file__).parents[3] / "router").rglob("*.py")):
        assert not any(word in path.read_text() for word in told), path
