"""What the dispatcher does with envelopes, on virtual time and without processes."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest

from router.config.types import Config, Function
from router.dispatch.dispatcher import Dispatcher
from router.dispatch.slots import Slots
from router.errors import EnvironmentUnavailable, JournalError, RequestTooLarge, ShuttingDown, SpawnerDied, StreamBroken, TooManyRequests
from router.functions.registry import Functions
from router.journal.base import Query
from router.journal.memory import MemoryJournal
from router.model import ASYNC_LIMIT, HTTP_INTEGRATION, SYNC_LIMIT, Envelope, Outcome, State
from router.runtime.base import Invocation
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock, settle

FAILED = Outcome(b'{"errorMessage":"no","errorType":"ValueError"}', "Unhandled", "ValueError")


class ScriptedPool:
    """Answers invocations from a script, one entry each; the last one repeats."""

    def __init__(self, *answers: Outcome | Exception | Callable[[Invocation], Any]) -> None:
        self.answers = list(answers)
        self.seen: list[Invocation] = []

    async def invoke(self, invocation: Invocation) -> Outcome:
        self.seen.append(invocation)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer) and not isinstance(answer, Exception):
            answer = await answer(invocation)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        pass


class Bench:
    """A dispatcher with everything around it."""

    def __init__(self, *answers: Any, limit: int = 4, **settings: Any) -> None:
        self.clock = VirtualClock()
        function = Function("f", Path("/code"), "app.handler", **settings)
        functions = {"f": function, **{name: Function(name, Path("/code"), "app.handler") for name in "gh"}}
        config = Config(Path("/config.yaml"), Path("/state"), functions=functions)
        self.journal = MemoryJournal(self.clock)
        self.pool = ScriptedPool(*(answers or (Outcome(b"1"),)))
        slots = Slots(config.functions, limit=limit, clock=self.clock)
        self.dispatcher = Dispatcher(self.journal, self.pool, Functions(config), slots, clock=self.clock, metrics=Metrics())
        self.stop = asyncio.Event()

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self.dispatcher.run(self.stop))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop.set()
        await self.clock.advance(2)
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def states(self) -> list[State]:
        return [row.state for row in await self.journal.list(Query())]


def envelope(function: str = "f", **over: Any) -> Envelope:
    return Envelope(function, **{"payload": b"{}", "source": "test", **over})


async def test_an_event_that_succeeds_is_recorded_so_after_the_answer() -> None:
    async with Bench() as bench:
        sent = envelope()
        await bench.dispatcher.emit(sent)
        await settle()
        assert [i.request_id for i in bench.pool.seen] == [sent.request_id]
        assert await bench.states() == [State.SUCCEEDED]


async def test_a_failing_event_is_tried_three_times_under_one_request_id() -> None:
    async with Bench(FAILED) as bench:
        await bench.dispatcher.emit(envelope())
        await settle()
        assert await bench.states() == [State.RETRYING]
        await bench.clock.advance(59)
        assert len(bench.pool.seen) == 1
        await bench.clock.advance(2)
        assert len(bench.pool.seen) == 2
        await bench.clock.advance(121)
        assert len(bench.pool.seen) == 3
        assert len({i.request_id for i in bench.pool.seen}) == 1
        assert await bench.states() == [State.DEAD]
        (row,) = await bench.journal.list(Query())
        assert json.loads(row.error)["errorMessage"] == "no"


@pytest.mark.parametrize("fault", [EnvironmentUnavailable("no processes left"), RuntimeError("a defect of ours")])
async def test_a_fault_of_the_machine_spends_no_attempt(fault: Exception) -> None:
    async with Bench(fault, fault, fault, fault, fault, Outcome(b"1"), maximum_retry_attempts=0) as bench:
        await bench.dispatcher.emit(envelope())
        await bench.clock.advance(60)
        assert await bench.states() == [State.SUCCEEDED]
        assert len(bench.pool.seen) == 6


async def test_a_request_without_room_for_its_environment_is_counted_as_throttled() -> None:
    async with Bench(TooManyRequests("ConcurrentInvocationLimitExceeded")) as bench:
        with pytest.raises(TooManyRequests):
            await bench.dispatcher.invoke(envelope())
        assert bench.dispatcher._throttles.value("f") == 1


async def test_an_event_for_an_alias_that_is_gone_expires_and_one_for_a_function_that_is_gone_waits() -> None:
    async with Bench(maximum_event_age=60.0) as bench:
        await bench.dispatcher.emit(envelope("f:gone"))
        await bench.dispatcher.emit(envelope("gone"))
        await bench.clock.advance(60)
        assert await bench.states() == [State.QUEUED, State.QUEUED]
        await bench.clock.advance(30_000)
        assert {row.function: row.state for row in await bench.journal.list(Query())} == {"f:gone": State.EXPIRED, "gone": State.QUEUED}
        assert bench.pool.seen == []


async def test_an_event_without_room_for_its_environment_is_put_back_as_throttled(capsys: pytest.CaptureFixture[str]) -> None:
    async with Bench(TooManyRequests("ConcurrentInvocationLimitExceeded"), Outcome(b"1"), maximum_retry_attempts=0) as bench:
        await bench.dispatcher.emit(envelope())
        await settle()
        assert bench.dispatcher._throttles.value("f") == 1
        (row,) = await bench.journal.list(Query())
        assert (row.state, row.error) == (State.QUEUED, "ConcurrentInvocationLimitExceeded")
        await bench.clock.advance(2)
        assert await bench.states() == [State.SUCCEEDED]
    assert "delivery_failed" not in capsys.readouterr().out


async def test_a_spawner_that_dies_spends_no_attempt_unless_it_always_does() -> None:
    died = [SpawnerDied() for _ in range(4)]
    async with Bench(*died[:3], Outcome(b"1"), maximum_retry_attempts=0) as bench:
        await bench.dispatcher.emit(envelope())
        await bench.clock.advance(60)
        assert await bench.states() == [State.SUCCEEDED]
    async with Bench(*died, maximum_retry_attempts=0) as bench:
        await bench.dispatcher.emit(envelope())
        await bench.clock.advance(60)
        (row,) = await bench.journal.list(Query())
        assert (row.state, row.attempts) == (State.DEAD, 4)
        assert row.error == "the spawner died and took the execution environment with it"


async def test_what_else_put_an_event_back_is_no_death_of_a_spawner() -> None:
    """Five times without a process, then three deaths: all of that is our fault still."""
    faults: list[Any] = [EnvironmentUnavailable("no processes left") for _ in range(5)] + [SpawnerDied() for _ in range(3)]
    async with Bench(*faults, Outcome(b"1"), maximum_retry_attempts=0) as bench:
        await bench.dispatcher.emit(envelope())
        await bench.clock.advance(1000)
        assert await bench.states() == [State.SUCCEEDED]
        assert bench.dispatcher.deliveries._deaths == {}


async def test_deaths_of_a_spawner_count_in_a_row() -> None:
    deaths = [SpawnerDied() for _ in range(3)]
    async with Bench(*deaths, FAILED, *deaths, Outcome(b"1"), maximum_retry_attempts=1) as bench:
        await bench.dispatcher.emit(envelope())
        await bench.clock.advance(1000)
        assert await bench.states() == [State.SUCCEEDED]


async def test_an_event_past_its_age_is_not_tried() -> None:
    bench = Bench(maximum_event_age=60)
    await bench.dispatcher.emit(envelope())
    await bench.clock.advance(61)
    async with bench:
        await settle()
        assert await bench.states() == [State.EXPIRED]
        assert bench.pool.seen == []


async def test_reserved_zero_buries_events_and_refuses_requests() -> None:
    async with Bench(reserved_concurrency=0) as bench:
        await bench.dispatcher.emit(envelope())
        await settle()
        (row,) = await bench.journal.list(Query())
        assert (row.state, row.error) == (State.DEAD, "ZeroReservedConcurrency")
        with pytest.raises(TooManyRequests):
            await bench.dispatcher.invoke(envelope())


async def test_no_more_run_at_once_than_there_are_slots() -> None:
    running, most, gate = 0, 0, asyncio.Event()

    async def busy(_: Invocation) -> Outcome:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await gate.wait()
        running -= 1
        return Outcome(b"1")

    async with Bench(busy, limit=3) as bench:
        for _ in range(10):
            await bench.dispatcher.emit(envelope())
        await settle()
        assert running == 3
        gate.set()
        for _ in range(20):
            await settle()
        assert most == 3
        assert await bench.states() == [State.SUCCEEDED] * 10


async def test_functions_that_share_slots_are_handed_no_more_than_can_start() -> None:
    """Each is told of the same room, and the idle lane of a third makes for a longer lease: what is too much stays in the queue."""
    gate = asyncio.Event()

    async def busy(_: Invocation) -> Outcome:
        await gate.wait()
        return Outcome(b"1")

    async with Bench(busy, limit=4, reserved_concurrency=2) as bench:
        for name in "gh" * 4:
            await bench.journal.append(envelope(name))
        await bench.clock.advance(5)
        waiting = [row for row in await bench.journal.list(Query()) if row.state is State.QUEUED]
        assert len(waiting) == 6
        assert [(row.attempts, row.error) for row in waiting] == [(0, "")] * 6
        gate.set()
        for _ in range(20):
            await settle()
        assert {(row.state, row.attempts) for row in await bench.journal.list(Query())} == {(State.SUCCEEDED, 1)}


async def test_a_function_at_its_cap_starts_the_next_event_as_soon_as_one_ends() -> None:
    """Not a lease wait later: time stands still here."""
    async with Bench(reserved_concurrency=1) as bench:
        for _ in range(5):
            await bench.dispatcher.emit(envelope())
        for _ in range(20):
            await settle()
        assert await bench.states() == [State.SUCCEEDED] * 5


async def test_a_request_wakes_a_waiting_lease_only_when_that_found_no_room() -> None:
    gate = asyncio.Event()

    async def busy(_: Invocation) -> Outcome:
        await gate.wait()
        return Outcome(b"1")

    async with Bench(busy, limit=2, reserved_concurrency=1) as bench:
        nudge, nudges = bench.journal.nudge, 0

        def counted() -> None:
            nonlocal nudges
            nudges += 1
            nudge()

        bench.journal.nudge = counted  # type: ignore[method-assign]
        gate.set()
        await settle()
        for _ in range(5):
            await bench.dispatcher.invoke(envelope())
        assert nudges == 0
        gate.clear()
        first = asyncio.create_task(bench.dispatcher.invoke(envelope()))
        await settle()
        await bench.dispatcher.emit(envelope())
        await settle()
        assert (len(bench.pool.seen), nudges) == (6, 1)  # the append's own
        gate.set()
        await first
        await settle()
        assert len(bench.pool.seen) == 7


async def test_a_full_pool_throttles_a_request_after_a_second() -> None:
    gate = asyncio.Event()

    async def busy(_: Invocation) -> Outcome:
        await gate.wait()
        return Outcome(b"1")

    bench = Bench(busy, limit=1)
    first = asyncio.create_task(bench.dispatcher.invoke(envelope()))
    await settle()
    second = asyncio.create_task(bench.dispatcher.invoke(envelope()))
    await bench.clock.advance(1.1)
    with pytest.raises(TooManyRequests):
        await second
    gate.set()
    assert (await first).payload == b"1"


async def test_a_result_that_is_not_streamed_is_a_stream_of_one_piece() -> None:
    bench = Bench(Outcome(b'{"a": 1}'))
    stream = await bench.dispatcher.stream(envelope())
    assert (stream.whole, stream.content_type, stream.http) == (True, "application/json", False)
    assert [piece async for piece in stream.pieces] == [b'{"a": 1}']
    assert (await stream.outcome).payload == b'{"a": 1}'


async def test_a_function_error_before_the_first_byte_is_an_outcome_without_pieces() -> None:
    stream = await Bench(FAILED).dispatcher.stream(envelope())
    assert [piece async for piece in stream.pieces] == []
    assert await stream.outcome == FAILED


async def test_a_stream_is_given_out_as_soon_as_it_begins_and_holds_its_slot_to_the_end() -> None:
    gate = asyncio.Event()

    async def streaming(invocation: Invocation) -> Outcome:
        assert invocation.sink is not None
        invocation.sink.begin(HTTP_INTEGRATION)
        invocation.sink.feed(b"one")
        await gate.wait()
        invocation.sink.feed(b"two")
        return Outcome(b"")

    bench = Bench(streaming, limit=1)
    stream = await bench.dispatcher.stream(envelope())
    assert (stream.http, stream.whole) == (True, False)
    assert await anext(stream.pieces) == b"one"
    refused = asyncio.create_task(bench.dispatcher.invoke(envelope()))
    await bench.clock.advance(1.1)
    with pytest.raises(TooManyRequests):
        await refused
    gate.set()
    assert [piece async for piece in stream.pieces] == [b"two"]
    assert (await stream.outcome).function_error == ""
    assert bench.dispatcher._slots.room("f") == 1


async def test_a_stream_that_breaks_says_so_after_what_was_sent() -> None:
    async def breaking(invocation: Invocation) -> Outcome:
        assert invocation.sink is not None
        invocation.sink.begin("text/plain")
        invocation.sink.feed(b"one")
        return FAILED

    stream = await Bench(breaking).dispatcher.stream(envelope())
    assert await anext(stream.pieces) == b"one"
    with pytest.raises(StreamBroken) as broken:
        await anext(stream.pieces)
    assert (broken.value.error_type, broken.value.payload) == ("ValueError", FAILED.payload)
    assert await stream.outcome == FAILED


@pytest.mark.parametrize("fault", [EnvironmentUnavailable("no processes left"), RuntimeError("a defect of ours")])
async def test_a_fault_before_the_first_byte_is_raised_as_by_invoke(fault: Exception) -> None:
    bench = Bench(fault)
    with pytest.raises(type(fault)):
        await bench.dispatcher.stream(envelope())
    await settle()
    assert bench.dispatcher._slots.room("f") == 4


async def test_cut_short_in_the_middle_the_reader_and_the_outcome_know() -> None:
    async def cut(invocation: Invocation) -> Outcome:
        assert invocation.sink is not None
        invocation.sink.begin("text/plain")
        await settle()
        raise EnvironmentUnavailable("closed meanwhile")

    stream = await Bench(cut).dispatcher.stream(envelope())
    with pytest.raises(StreamBroken):
        await anext(stream.pieces)
    with pytest.raises(EnvironmentUnavailable):
        await stream.outcome


async def test_cancelled_before_it_begins_the_run_is_cut_short() -> None:
    ended = asyncio.Event()

    async def busy(_: Invocation) -> Outcome:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    bench = Bench(busy)
    waiting = asyncio.create_task(bench.dispatcher.stream(envelope()))
    await settle()
    waiting.cancel()
    await ended.wait()
    await settle()
    assert bench.dispatcher._slots.room("f") == 4


async def test_a_drain_waits_for_a_function_whose_reader_has_left() -> None:
    gate = asyncio.Event()

    async def streaming(invocation: Invocation) -> Outcome:
        assert invocation.sink is not None
        invocation.sink.begin("text/plain")
        await gate.wait()
        return Outcome(b"")

    async with Bench(streaming) as bench:
        stream = await bench.dispatcher.stream(envelope())
        await stream.pieces.aclose()
        bench.stop.set()
        await bench.clock.advance(1)
        assert not bench.task.done()
        gate.set()
        await settle()
        assert bench.task.done()


async def test_limits_of_payloads() -> None:
    bench = Bench()
    with pytest.raises(RequestTooLarge):
        await bench.dispatcher.emit(envelope(payload=b"x" * (ASYNC_LIMIT + 1)))
    with pytest.raises(RequestTooLarge):
        await bench.dispatcher.invoke(envelope(payload=b"x" * (SYNC_LIMIT + 1)))


async def test_an_outcome_is_recorded_when_the_disk_comes_back() -> None:
    async with Bench() as bench:
        ack, failures = bench.journal.ack, [JournalError("disk full")] * 3

        async def unsure(delivery: Any, **how: Any) -> None:
            if failures:
                raise failures.pop()
            await ack(delivery, **how)

        bench.journal.ack = unsure  # type: ignore[method-assign]
        await bench.dispatcher.emit(envelope())
        await bench.clock.advance(30)
        assert await bench.states() == [State.SUCCEEDED]
        assert len(bench.pool.seen) == 1


async def test_a_payload_goes_with_the_success_where_it_is_not_to_be_kept() -> None:
    async with Bench() as bench:
        functions = bench.dispatcher._functions
        functions._functions = {name: replace(function, payloads=False) for name, function in functions._functions.items()}
        event = envelope()
        await bench.dispatcher.emit(event)
        await bench.clock.advance(1)
        assert await bench.states() == [State.SUCCEEDED]
        assert (await bench.journal.find(event.request_id)).payload is None


async def test_events_of_one_shard_run_one_after_another_even_when_the_first_fails() -> None:
    async with Bench(FAILED, Outcome(b"1"), Outcome(b"2")) as bench:
        first = envelope(shard="k", sequencer="1")
        second = envelope(shard="k", sequencer="2")
        await bench.dispatcher.emit(first)
        await bench.dispatcher.emit(second)
        await bench.clock.advance(61)
        assert [i.request_id for i in bench.pool.seen] == [first.request_id, first.request_id, second.request_id]


async def test_draining_finishes_what_runs_and_starts_nothing() -> None:
    gate = asyncio.Event()

    async def busy(_: Invocation) -> Outcome:
        await gate.wait()
        return Outcome(b"1")

    bench = Bench(busy, limit=1)
    task = asyncio.create_task(bench.dispatcher.run(bench.stop))
    await bench.dispatcher.emit(envelope())
    await bench.dispatcher.emit(envelope())
    await settle()
    bench.stop.set()
    bench.dispatcher.closing = True
    await bench.clock.advance(1)
    assert not task.done()
    gate.set()
    await bench.clock.advance(1)
    await task
    assert sorted(await bench.states()) == [State.QUEUED, State.SUCCEEDED]
    with pytest.raises(ShuttingDown):
        await bench.dispatcher.invoke(envelope())
