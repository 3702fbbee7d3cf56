"""What the loop that runs events does around an attempt: when it tries again, what it counts, whom it tells."""

from itertools import pairwise
from typing import Any

import pytest

from router.errors import EnvironmentUnavailable, JournalError, TooManyRequests
from router.model import Envelope, Outcome, State
from tests.helpers.clock import settle
from tests.unit.dispatch.test_dispatcher import FAILED, Bench, envelope

THROTTLE = TooManyRequests("ConcurrentInvocationLimitExceeded")


@pytest.mark.parametrize("fault", [THROTTLE, EnvironmentUnavailable("no processes left"), RuntimeError("a defect of ours")], ids=repr)
async def test_each_time_an_event_is_put_back_it_waits_twice_as_long(fault: Exception) -> None:
    async with Bench(fault) as bench:
        await bench.dispatcher.emit(envelope())
        for seconds in (1, 2, 4, 8):
            await settle()
            tried = len(bench.pool.seen)
            await bench.clock.advance(seconds - 0.1)
            assert len(bench.pool.seen) == tried
            await bench.clock.advance(0.1)
            assert len(bench.pool.seen) == tried + 1


async def test_while_the_disk_is_full_an_outcome_is_tried_at_growing_intervals_of_eight_seconds_at_most() -> None:
    """Work resumes within ten seconds of the end of a fault."""
    async with Bench() as bench:
        times = []

        async def full(_: Any, **__: Any) -> None:
            times.append(bench.clock.monotonic())
            raise JournalError("disk full")

        bench.journal.ack = full  # type: ignore[method-assign]
        await bench.dispatcher.emit(envelope())
        for _ in range(40):
            await bench.clock.advance(1)
        assert [round(later - sooner, 3) for sooner, later in pairwise(times)][:6] == [1, 2, 4, 8, 8, 8]


@pytest.mark.parametrize(("answer", "state"), [(Outcome(b"1"), State.SUCCEEDED), (FAILED, State.DEAD)])
async def test_every_end_of_an_event_is_counted_once(answer: Outcome, state: State) -> None:
    async with Bench(answer, maximum_retry_attempts=0) as bench:
        for _ in range(3):
            await bench.dispatcher.emit(envelope())
        await settle()
        assert {each: bench.dispatcher.deliveries._ended.value("f", each) for each in State} == {**dict.fromkeys(State, 0), state: 3}


async def test_what_puts_an_event_back_is_counted_as_a_fault_only_where_it_is_the_routers_own() -> None:
    for fault, count in ((THROTTLE, 0), (EnvironmentUnavailable("no processes left"), 0), (RuntimeError("a defect of ours"), 2)):
        async with Bench(fault) as bench:
            await bench.dispatcher.emit(envelope())
            await bench.clock.advance(1)
            assert (len(bench.pool.seen), bench.dispatcher.deliveries._faults.value("f")) == (2, count)


async def test_who_waits_for_successes_is_told_of_each_once_it_is_on_record_and_of_no_failure() -> None:
    async with Bench(FAILED, Outcome(b"1"), maximum_retry_attempts=0) as bench:
        told: list[Envelope] = []
        bench.dispatcher.deliveries.on_success = told.append
        failing, late = envelope(), envelope()
        ack, failures = bench.journal.ack, [JournalError("disk full")]

        async def unsure(delivery: Any, **how: Any) -> None:
            if failures:
                raise failures.pop()
            await ack(delivery, **how)

        bench.journal.ack = unsure  # type: ignore[method-assign]
        await bench.dispatcher.emit(failing)
        await settle()
        await bench.dispatcher.emit(late)
        await settle()
        assert (len(bench.pool.seen), told) == (2, [])
        await bench.clock.advance(1)
        assert [event.request_id for event in told] == [late.request_id]


async def test_a_journal_that_cannot_be_read_is_asked_again_a_second_later() -> None:
    bench = Bench()
    lease, times = bench.journal.lease, []

    async def unsure(*given: Any, **how: Any) -> Any:
        times.append(bench.clock.monotonic())
        if len(times) <= 3:
            raise JournalError("disk I/O error")
        return await lease(*given, **how)

    bench.journal.lease = unsure  # type: ignore[method-assign]
    async with bench:
        await bench.dispatcher.emit(envelope())
        await bench.clock.advance(2.9)
        assert (len(times), bench.pool.seen) == (3, [])
        await bench.clock.advance(0.2)
        assert await bench.states() == [State.SUCCEEDED]
        assert [round(later - sooner, 3) for sooner, later in pairwise(times)][:3] == [1, 1, 1]
