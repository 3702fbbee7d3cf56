"""From an envelope to its outcome: the router's side of the two doors, and the loop that runs what the journal leases."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from router import names
from router.clock import Clock
from router.config.types import Function
from router.dispatch import policy
from router.dispatch.destinations import Destinations
from router.dispatch.finished import Finished
from router.dispatch.flow import Flow
from router.dispatch.slots import Slots
from router.dispatch.tally import Tallies
from router.errors import (
    EnvironmentUnavailable,
    FunctionNotFound,
    JournalError,
    LeaseLost,
    RecursiveInvocation,
    RequestTooLarge,
    ShuttingDown,
    SpawnerDied,
    TooManyRequests,
)
from router.events import lineage, tracing
from router.functions.registry import Functions
from router.journal.base import Beside, Journal
from router.model import ASYNC_LIMIT, SYNC_LIMIT, Delivery, Envelope, Outcome, State, Stream
from router.names import base
from router.runtime.base import Invocation, Pool, Sink
from router.runtime.extensible import has_extensions
from router.telemetry.cost import Bill
from router.telemetry.metrics import Metrics
from router.telemetry.setup import DirectLog

log = structlog.get_logger("router.dispatch")
finished = DirectLog("router.dispatch", "invocation_finished")

LEASE_WAIT: Final = 30.0  # seconds that one lease waits for work
JOURNAL_PAUSE: Final = 1.0  # seconds between tries while the journal cannot be read
RECORD_PAUSE: Final = 8.0  # seconds between tries to record an outcome, at most: work resumes within 10 s of a fault's end


@dataclass(frozen=True, slots=True)
class Facts:
    """What a caller may add to an invocation."""

    client_context: str = ""
    whole: bool = False  # the outcome is wanted with all of its log, though extensions may take their time


NO_FACTS: Final = Facts()


class Dispatcher:
    """An Outlet. emit() returns once durable; invoke() runs now; run() works the journal off."""

    def __init__(self, journal: Journal, pool: Pool, functions: Functions, slots: Slots, *, clock: Clock, metrics: Metrics) -> None:
        self._journal, self._pool, self._functions, self._slots, self._clock = journal, pool, functions, slots, clock
        self.destinations: Destinations | None = None  # None: outcomes go nowhere
        self._deaths: dict[int, int] = {}  # unfinished event → attempts in a row under which the spawner died
        self._streams: set[asyncio.Task[None]] = set()
        self.closing = False
        self._accepted = metrics.counter("router_events_accepted_total", "Events committed and synced.", "function")
        self._known = metrics.counter("router_events_duplicate_total", "Events that the journal knew already.", "function")
        self._ended = metrics.counter("router_events_finished_total", "Events that reached a terminal state.", "function", "state")
        self._invocations = metrics.counter("router_invocations_total", "Invocations finished.", "function", "outcome")
        self._throttles = metrics.counter(
            "router_throttles_total", "Invocations refused or put back for want of a slot or of room.", "function"
        )
        duration = metrics.histogram("router_invocation_duration_seconds", "Run time of handlers.", "function")
        self.bill = Bill(metrics, lambda: [function.name for function in functions], self.invocations)
        self._tallies = Tallies(self._invocations, duration, self.bill)
        self._faults = metrics.counter("router_dispatch_faults_total", "Deliveries that a fault of ours put back.", "function")

    def invocations(self, function: str) -> int:
        """How many invocations of *function* finished since the start."""
        return sum(int(self._invocations.value(function, outcome)) for outcome in ("ok", "error"))

    def errors(self, function: str) -> int:
        """How many invocations of *function* ended in a function error since the start."""
        return int(self._invocations.value(function, "error"))

    async def emit(self, envelope: Envelope) -> None:
        """Accept an Event, also during a drain: it is durable and stays queued. Raises RequestTooLarge over 1 MB, JournalError: nothing was accepted."""
        if len(envelope.payload) > ASYNC_LIMIT:
            raise RequestTooLarge(ASYNC_LIMIT)
        fresh = await self._journal.append(envelope)
        (self._accepted if fresh else self._known).add(envelope.function)

    async def emit_all(self, envelopes: Sequence[Envelope], beside: Beside | None = None) -> None:
        """Accept Events for several functions and do *beside* in the store: all durable, or nothing. Raises as emit() does.

        The limit is each event's own affair: an event of a bus may have 1 MB before it is wrapped."""
        fresh = await self._journal.append_all(envelopes, beside)
        for envelope, new in zip(envelopes, fresh, strict=True):
            (self._accepted if new else self._known).add(envelope.function)

    async def invoke(self, envelope: Envelope, facts: Facts | None = None) -> Outcome:
        """Run now (RequestResponse). Raises FunctionNotFound, RequestTooLarge, TooManyRequests, EnvironmentUnavailable, ShuttingDown."""
        function = self._admitted(envelope)
        facts = facts or NO_FACTS
        if not self._slots.take(function.name):
            await self._slot(function.name)
        if has_extensions(function) and not facts.whole:
            return await self._answered(function, envelope, facts)
        try:  # as _invoke() does, which would be one more coroutine to keep for every request that waits for its answer
            outcome = await self._pool.invoke(self._invocation(function, envelope, facts, None, None))
        except TooManyRequests:
            self._throttles.add(function.name)
            raise
        finally:
            self._slots.give(function.name)
        return self._ended_with(function, envelope, outcome)

    async def _answered(self, function: Function, envelope: Envelope, facts: Facts) -> Outcome:
        """Run and return once the runtime has answered, while the function's extensions go on. Cancelled before that, the run is cut short."""
        flow = Flow()
        task = asyncio.create_task(self._flow(function, envelope, facts, None, flow), name=f"invocation-{envelope.request_id}")
        self._streams.add(task)
        task.add_done_callback(self._streams.discard)
        try:
            return await (await flow.stream()).outcome
        except asyncio.CancelledError:
            task.cancel()
            raise

    async def stream(self, envelope: Envelope, facts: Facts | None = None) -> Stream:
        """Run now and return once the answer has begun. Raises as invoke() does.

        Cancelled before that, the run is cut short as invoke()'s is; after it, the invocation is nobody's but its reader's."""
        function = self._admitted(envelope)
        if not self._slots.take(function.name):
            await self._slot(function.name)
        flow = Flow()
        task = asyncio.create_task(self._flow(function, envelope, facts or NO_FACTS, flow, flow), name=f"stream-{envelope.request_id}")
        self._streams.add(task)
        task.add_done_callback(self._streams.discard)
        try:
            return replace(await flow.stream(), version=function.version)
        except asyncio.CancelledError:
            task.cancel()
            raise

    async def _flow(self, function: Function, envelope: Envelope, facts: Facts, sink: Flow | None, flow: Flow) -> None:
        """The invocation behind a stream, or behind an answer that does not wait for extensions. *sink*: None when it is not to be streamed."""
        try:
            flow.finish(await self._invoke(function, envelope, facts, sink, flow.finish))
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told to who waits for the stream
            flow.fail(error)
        except BaseException:
            flow.fail(EnvironmentUnavailable("the invocation was cut short"))
            raise
        finally:
            self._slots.give(function.name)

    def _admitted(self, envelope: Envelope) -> Function:
        """The function of a request that may run now. Raises FunctionNotFound, RequestTooLarge, ShuttingDown."""
        if self.closing:
            raise ShuttingDown("the daemon is shutting down")
        if len(envelope.payload) > SYNC_LIMIT:
            raise RequestTooLarge(SYNC_LIMIT)
        return self._functions.get(envelope.function)

    async def _slot(self, function: str) -> None:
        """Wait for a slot. Raises TooManyRequests."""
        try:
            await self._slots.acquire(function)
        except TooManyRequests:
            self._throttles.add(function)
            raise

    async def _invoke(
        self,
        function: Function,
        envelope: Envelope,
        facts: Facts,
        sink: Sink | None = None,
        on_answer: Callable[[Outcome], None] | None = None,
    ) -> Outcome:
        """Run in an environment; count it and log it. The slot is taken."""
        invocation = self._invocation(function, envelope, facts, sink, on_answer)
        try:
            outcome = await self._pool.invoke(invocation)
        except TooManyRequests:  # there is a slot, and no room for an environment
            self._throttles.add(function.name)
            raise
        return self._ended_with(function, envelope, outcome)

    def _invocation(
        self, function: Function, envelope: Envelope, facts: Facts, sink: Sink | None, on_answer: Callable[[Outcome], None] | None
    ) -> Invocation:
        """What an environment is given. Raises RecursiveInvocation."""
        name = function.name
        target, payload, _, _, _, request_id, caused = envelope
        arn = self._functions.invoked_arn(name)
        if lineage.NAME in caused and lineage.passes(caused, arn) >= lineage.LIMIT:  # nearly never
            raise RecursiveInvocation(name)
        trace = lineage.passed(tracing.of_invocation(caused, request_id, names.chance()[:16]), arn)
        invoked = arn if target == name else self._functions.invoked_arn(target)
        return tuple.__new__(Invocation, (function, payload, request_id, invoked, facts.client_context, trace, sink, on_answer))

    def _ended_with(self, function: Function, envelope: Envelope, outcome: Outcome) -> Outcome:
        """Count it and log it."""
        self._tallies.count(function, outcome)
        finished.info(tuple.__new__(Finished, (function.name, envelope.request_id, envelope.source, outcome)))
        return outcome

    async def run(self, stop: asyncio.Event) -> None:
        """Soft stop: no new lease, finish what runs. Cancelled: what runs is redelivered at the next start."""
        async with asyncio.TaskGroup() as executions:
            leasing = executions.create_task(self._lease_on(executions, stop), name="lease")
            await stop.wait()
            leasing.cancel()  # a lease that is cut short leaves nothing leased
            if self._streams:
                await asyncio.wait(self._streams)  # those whose readers have left: nobody else waits for them

    async def _lease_on(self, executions: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        while not stop.is_set():
            for delivery in await self._leased():
                executions.create_task(self._execute(delivery), name=f"delivery-{delivery.id}")

    async def _leased(self) -> list[Delivery]:
        """Lease only what can start at once, its slots taken; [] when nothing came for a while."""
        while (room := self._slots.total_room()) < 1:
            await self._slots.given()
        try:
            return await self._journal.lease(room, wait=LEASE_WAIT, room=self._room, take=self._take)
        except JournalError as error:
            log.error("lease_failed", error=str(error))
            await self._clock.sleep(JOURNAL_PAUSE)
            return []

    def _room(self, function: str) -> int:
        """How many deliveries of *function* can be taken now. One that is switched off takes them to bury them."""
        room = 1 if self._functions.is_off(function) else self._slots.room(base(function))
        if room < 1:
            self._slots.on_room = self._journal.nudge  # for every slot it would cost each invocation 5 µs
        return room

    def _take(self, function: str) -> bool:
        """A slot for a delivery of *function*: others that were told of the same room may have had it."""
        if self._functions.is_off(function):
            self._slots.force(base(function))
            return True
        return self._slots.take(base(function))

    async def _execute(self, delivery: Delivery) -> None:
        """One delivery from its slot, which is taken, to its record in the journal."""
        name = delivery.envelope.function
        try:
            verdict, error = await self._attempt(delivery)
        except TooManyRequests as throttle:
            verdict, error = policy.Release(policy.backoff(delivery.throttles + 1), throttle.reason), ""
        except RecursiveInvocation:
            verdict, error = policy.Bury(State.DISCARDED, "RecursiveInvocation"), ""
        except SpawnerDied as fault:
            verdict, error = self._after_spawner_death(delivery, fault)
        except (EnvironmentUnavailable, FunctionNotFound) as fault:  # no process; or it left the config while the event was on its way
            verdict, error = policy.Release(policy.backoff(delivery.throttles + 1), str(fault)), ""
        except Exception:  # the bulkhead around a single invocation: the others go on, this one is redelivered
            self._faults.add(name)
            log.exception("delivery_failed", function=name, request_id=delivery.envelope.request_id)
            verdict, error = policy.Release(policy.backoff(delivery.throttles + 1), "a fault of the router; see its log"), ""
        if not isinstance(verdict, policy.Release):  # what is put back has its deaths remembered
            self._deaths.pop(delivery.id, None)
        await self._record(delivery, verdict, error)

    def _after_spawner_death(self, delivery: Delivery, fault: SpawnerDied) -> tuple[policy.Verdict, str]:
        deaths = self._deaths[delivery.id] = self._deaths.get(delivery.id, 0) + 1
        function, age = self._functions.known(delivery.envelope.function), self._clock.now() - delivery.created
        verdict = policy.after_spawner_death(function, age=age, failures=delivery.failures, deaths=deaths)
        return verdict, "" if isinstance(verdict, policy.Release) else str(fault)

    async def _attempt(self, delivery: Delivery) -> tuple[policy.Verdict, str]:
        """Run the delivery if it may run, and give its slot back; the verdict, and the error to keep with it."""
        try:
            function = self._functions.get(delivery.envelope.function)
            doom = policy.before_attempt(function, age=self._clock.now() - delivery.created, failures=delivery.failures)
            if doom is not None:
                return doom, ""
            outcome = await self._invoke(function, delivery.envelope, NO_FACTS)
        finally:
            self._slots.give(base(delivery.envelope.function))
        if not outcome.function_error:
            return policy.Ack(outcome.payload if function.on_success is not None else b""), ""
        age = self._clock.now() - delivery.created
        return policy.after_failure(function, age=age, failures=delivery.failures + 1), outcome.payload.decode(errors="replace")

    async def _record(self, delivery: Delivery, verdict: policy.Verdict, error: str) -> None:
        """Write the verdict down, as often as it takes: an outcome that is not recorded would run again."""
        tries = 0
        while True:
            try:
                await self._settle(delivery, verdict, error)
            except LeaseLost:
                log.error("lease_lost", function=delivery.envelope.function, request_id=delivery.envelope.request_id)
            except JournalError as fault:
                tries += 1
                log.error("record_failed", request_id=delivery.envelope.request_id, tries=tries, error=str(fault))
                await self._clock.sleep(min(policy.backoff(tries), RECORD_PAUSE))
                continue
            return

    async def _settle(self, delivery: Delivery, verdict: policy.Verdict, error: str) -> None:
        name = delivery.envelope.function
        match verdict:
            case policy.Ack():
                await self._end(delivery, verdict, error)
                self._ended.add(name, State.SUCCEEDED)
            case policy.Retry(delay):
                await self._journal.retry(delivery, delay=delay, error=error)
                log.info("event_retried", function=name, request_id=delivery.envelope.request_id, delay_s=delay)
            case policy.Release(delay, reason):
                await self._journal.release(delivery, delay=delay, reason=reason)
            case policy.Bury(state, condition):
                await self._end(delivery, verdict, error)
                self._ended.add(name, state)
                log.warning("event_buried", function=name, request_id=delivery.envelope.request_id, state=state, condition=condition)

    async def _end(self, delivery: Delivery, verdict: policy.Ack | policy.Bury, error: str) -> None:
        """Record a terminal state, and in the same transaction what goes to destinations."""
        end = await self.destinations.of(delivery, verdict, error) if self.destinations is not None else None
        beside = end.beside if end is not None else None
        if isinstance(verdict, policy.Ack):
            await self._journal.ack(delivery, beside=beside, keep=self._functions.known(delivery.envelope.function).payloads)
        else:
            await self._journal.bury(delivery, verdict.state, error=error or verdict.condition, beside=beside)
        if end is not None:
            end.landed()
