"""The loop that runs what the journal leases, each event to the record of what became of it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from router.clock import Clock
from router.config.types import Function
from router.dispatch import policy
from router.dispatch.destinations import Destinations
from router.dispatch.slots import Slots
from router.errors import (
    EnvironmentUnavailable,
    FunctionNotFound,
    JournalError,
    LeaseLost,
    RecursiveInvocation,
    SpawnerDied,
    TooManyRequests,
)
from router.functions.registry import Functions
from router.journal.base import Journal
from router.model import Delivery, Envelope, Outcome, State
from router.names import base
from router.telemetry.metrics import Metrics

log = structlog.get_logger("router.dispatch")

LEASE_WAIT: Final = 30.0  # seconds that one lease waits for work
JOURNAL_PAUSE: Final = 1.0  # seconds between tries while the journal cannot be read
RECORD_PAUSE: Final = 8.0  # seconds between tries to record an outcome, at most: work resumes within 10 s of a fault's end

Run = Callable[[Function, Envelope], Awaitable[Outcome]]
"""Runs an envelope whose slot is taken. Raises as base.Pool does, and RecursiveInvocation."""


class Deliveries:
    """Leases deliveries as far as slots go, runs them, and records how they ended."""

    def __init__(self, journal: Journal, functions: Functions, slots: Slots, run: Run, *, clock: Clock, metrics: Metrics) -> None:
        self._journal, self._functions, self._slots, self._run, self._clock = journal, functions, slots, run, clock
        self.destinations: Destinations | None = None  # None: outcomes go nowhere
        self.on_success: Callable[[Envelope], None] | None = None  # told of each event that has succeeded, once that is on record
        self._deaths: dict[int, int] = {}  # unfinished event → attempts in a row under which the spawner died
        self._ended = metrics.counter("router_events_finished_total", "Events that reached a terminal state.", "function", "state")
        self._faults = metrics.counter("router_dispatch_faults_total", "Deliveries that a fault of ours put back.", "function")

    async def run(self, stop: asyncio.Event) -> None:
        """Soft stop: no new lease, finish what runs. Cancelled: what runs is redelivered at the next start."""
        async with asyncio.TaskGroup() as executions:
            leasing = executions.create_task(self._lease_on(executions, stop), name="lease")
            await stop.wait()
            leasing.cancel()  # a lease that is cut short leaves nothing leased

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
        """Run the delivery if it may run, and give its slot back; the verdict, and the error to keep with it.

        Whether it may is the function's to say, not a version's: an event for one that is gone gets no older than others."""
        target = delivery.envelope.function
        try:
            own = self._functions.get(base(target))
            doom = policy.before_attempt(own, age=self._clock.now() - delivery.created, failures=delivery.failures)
            if doom is not None:
                return doom, ""
            function = own if own.name == target else self._functions.get(target)
            outcome = await self._run(function, delivery.envelope)
        finally:
            self._slots.give(base(target))
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
                if self.on_success is not None:
                    self.on_success(delivery.envelope)
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
