"""From an envelope to its outcome: the router's side of the two doors. What comes through the durable one: deliveries.py."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from router import names
from router.clock import Clock
from router.config.types import Function
from router.dispatch.deliveries import Deliveries
from router.dispatch.finished import FINISHED
from router.dispatch.flow import Flow
from router.dispatch.slots import Slots
from router.dispatch.tally import Tallies
from router.errors import (
    EnvironmentUnavailable,
    RecursiveInvocation,
    RequestTooLarge,
    ShuttingDown,
    TooManyRequests,
)
from router.events import lineage, tracing
from router.functions.registry import Functions
from router.journal.base import Beside, Journal
from router.model import ASYNC_LIMIT, SYNC_LIMIT, Envelope, Outcome, Stream
from router.runtime.base import Invocation, Pool, Sink
from router.runtime.extensible import has_extensions
from router.telemetry.cost import Bill
from router.telemetry.metrics import Metrics
from router.telemetry.setup import DirectLog

finished = DirectLog("router.dispatch", "invocation_finished", FINISHED)


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
        self._streams: set[asyncio.Task[None]] = set()
        self.closing = False
        self._accepted = metrics.counter("router_events_accepted_total", "Events committed and synced.", "function")
        self._known = metrics.counter("router_events_duplicate_total", "Events that the journal knew already.", "function")
        self._invocations = metrics.counter("router_invocations_total", "Invocations finished.", "function", "outcome")
        self._throttles = metrics.counter(
            "router_throttles_total", "Invocations refused or put back for want of a slot or of room.", "function"
        )
        duration = metrics.histogram("router_invocation_duration_seconds", "Run time of handlers.", "function")
        self.bill = Bill(metrics, lambda: [function.name for function in functions], self.invocations)
        self._tallies = Tallies(self._invocations, duration, self.bill)
        self.deliveries = Deliveries(journal, functions, slots, self._invoke, clock=clock, metrics=metrics)

    def invocations(self, function: str) -> int:
        """How many invocations of *function* finished since the start."""
        return sum(int(self._invocations.value(function, outcome)) for outcome in ("ok", "error"))

    def errors(self, function: str) -> int:
        """How many invocations of *function* ended in a function error since the start."""
        return int(self._invocations.value(function, "error"))

    async def emit(self, envelope: Envelope) -> bool:
        """Accept an Event, also during a drain: it is durable and stays queued. False: it was known already.

        Raises RequestTooLarge over 1 MB, JournalError: nothing was accepted."""
        if len(envelope.payload) > ASYNC_LIMIT:
            raise RequestTooLarge(ASYNC_LIMIT)
        fresh = await self._journal.append(envelope)
        (self._accepted if fresh else self._known).add(envelope.function)
        return fresh

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
        facts: Facts = NO_FACTS,
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
        trace = lineage.passed(tracing.of_invocation(caused, request_id, names.span()), arn)
        invoked = arn if target == name else self._functions.invoked_arn(target)
        return tuple.__new__(Invocation, (function, payload, request_id, invoked, facts.client_context, trace, sink, on_answer))

    def _ended_with(self, function: Function, envelope: Envelope, outcome: Outcome) -> Outcome:
        """Count it and log it."""
        self._tallies.count(function, outcome)
        finished.info((function.name, envelope.request_id, envelope.source, outcome))
        return outcome

    async def run(self, stop: asyncio.Event) -> None:
        """Work the journal off. Soft stop: no new lease, finish what runs. Cancelled: what runs is redelivered at the next start."""
        await self.deliveries.run(stop)
        if self._streams:
            await asyncio.wait(self._streams)  # those whose readers have left: nobody else waits for them
