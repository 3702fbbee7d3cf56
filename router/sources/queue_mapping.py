"""One event source mapping over a queue: takes messages, makes batches, invokes, deletes what was done.

A thin shell over polling.py. Messages are held under the mapping's name: a daemon that dies leaves them to its successor at
once. What could not be handed to the function was not received: it goes back uncounted, so that a throttle kills no message."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import structlog

from router import names
from router.clock import woken
from router.errors import JournalError, RecursiveInvocation, RouterError, SourceError
from router.events import batching, lineage, polling, sqs
from router.events.polling import Scale
from router.events.sqs import Message
from router.model import SYNC_LIMIT, Envelope, Outcome
from router.queues.store import PATIENCE
from router.queues.units import Settled, Wanted
from router.sources.base import Binding, House, Outlet
from router.sources.queue import QueueTrigger

log = structlog.get_logger("router.sources.queue")

RAW_LIMIT: Final = 4 * 1024 * 1024  # bytes of bodies and attributes taken at once: as JSON with the rest they are more


@dataclass(slots=True)
class Batch:
    """Messages on their way."""

    taken: float  # monotonic seconds of the first receive
    messages: list[Message] = field(default_factory=list)
    records: list[bytes] = field(default_factory=list)  # of each, as JSON
    wait: float = PATIENCE  # seconds before another look is worth it, when there is nothing

    @property
    def handles(self) -> list[str]:
        """Of all messages."""
        return [message.handle for message in self.messages]


class QueueMapping:
    """Reads one queue for one function."""

    def __init__(self, trigger: QueueTrigger, binding: Binding, house: House, *, most: int, chance: random.Random) -> None:
        function = binding.function
        self._trigger, self._function, self._target, self._clock, self._chance = trigger, function, binding.target, house.clock, chance
        self._queues, self._region = house.queues, house.config.region
        queue = trigger.queue
        bounds = {"visibility": queue.visibility_timeout, "window": trigger.batch_window, "timeout": function.timeout}
        self._hidden, self._held = polling.hidden(**bounds), polling.held(**bounds)
        self._most = most
        self._arn = names.function_arn(house.config.region, house.config.account, function.name)
        self._scale = Scale.begun(max(1, most), house.clock.monotonic())
        self.attached = False  # whether messages are received
        self._running = 0
        self._due = asyncio.Event()
        labels = ("queue", "function")
        metrics = house.metrics
        self._delivered = metrics.counter("router_queue_messages_total", "Messages that a function took.", *labels)
        self._failures = metrics.counter("router_queue_failures_total", "Messages that a function failed to take.", *labels)
        self._filtered = metrics.counter("router_queue_filtered_total", "Messages deleted because no filter wanted them.", *labels)

    async def run(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """Until *stop*; batches under way are finished. Raises SourceError when the store cannot be used."""
        assert self._queues is not None, "a house that runs has queues"
        if not self._most:
            log.warning("mapping_switched_off", **self._about, reason="reserved_concurrency is 0")
            self.attached = True
            await stop.wait()
            return
        fault: JournalError | None = None
        with self._queues.bell(self._trigger.queue.name) as bell:
            self._due = bell.event
            async with asyncio.TaskGroup() as batches:
                try:
                    async with woken(self._due, stop):
                        await self._poll(outlet, stop, batches)
                except JournalError as error:
                    fault, self.attached = error, False
        if fault is not None:
            raise SourceError(str(fault)) from fault

    async def _poll(self, outlet: Outlet, stop: asyncio.Event, batches: asyncio.TaskGroup) -> None:
        while not stop.is_set():
            self._due.clear()
            self._scale = self._scale.seen(self._running, self._clock.monotonic())
            if self._running >= self._scale.batches:
                await self._clock.wait(self._due, 1.0)  # it may have grown by then
                continue
            batch = await self._gather(stop)
            if batch.messages:
                self._running += 1
                batches.create_task(self._deliver(outlet, batch, stop), name=f"batch-{self._trigger.queue.name}")
            elif batch.wait > 0:
                await self._clock.wait(self._due, batch.wait)

    # -- receiving

    async def _gather(self, stop: asyncio.Event) -> Batch:
        """What can be received now; with a window, what comes until it is over or the batch is full."""
        batch = await self._take(Batch(self._clock.monotonic()))
        window = self._trigger.batch_window
        while window and batch.messages and not stop.is_set():
            left = batching.patience(
                len(batch.messages), most=self._trigger.batch_size, window=window, waited=self._clock.monotonic() - batch.taken
            )
            if left <= 0 or sum(map(len, batch.records)) > RAW_LIMIT:
                break
            await self._clock.wait(self._due, min(left, max(batch.wait, 0.01)))
            if stop.is_set():
                break  # the queue itself may be gone from the config
            self._due.clear()
            try:
                batch = await self._take(batch)
            except JournalError as error:  # what is in hand was received: it is handed on, and not counted for nothing
                log.warning("window_cut_short", **self._about, error=str(error))
                break
        return batch

    async def _take(self, batch: Batch) -> Batch:
        """Add to a batch what can be received now and the filters want; what they do not want is deleted."""
        assert self._queues is not None
        name = self._trigger.queue.name
        wanted = Wanted(self._trigger.batch_size - len(batch.messages), self._held, self._function.name, RAW_LIMIT)
        got = await self._queues.take(name, wanted)
        self.attached = True
        unwanted: list[str] = []
        for message in got.messages:
            record = sqs.record(message, queue_arn=self._queues.arn(name), region=self._region)
            if self._trigger.filters.passes(record):
                batch.messages.append(message)
                batch.records.append(orjson.dumps(record))
            else:
                unwanted.append(message.handle)
        if unwanted:
            await self._unwanted(unwanted)
        batch.wait = 0.0 if got.messages else self._queues.until(got)
        return batch

    async def _unwanted(self, handles: list[str]) -> None:
        """Delete what the filters do not want; what cannot be deleted now comes again."""
        assert self._queues is not None
        try:
            await self._queues.settle(self._trigger.queue.name, [Settled(handle) for handle in handles])
        except JournalError as error:
            log.warning("unwanted_not_deleted", **self._about, error=str(error))
        else:
            self._filtered.add(*self._labels, amount=len(handles))

    # -- delivering

    async def _deliver(self, outlet: Outlet, batch: Batch, stop: asyncio.Event) -> None:
        try:
            packed = batching.pack(batch.records, most=self._trigger.batch_size, limit=SYNC_LIMIT)
            rest = batch.messages[packed.records :]
            del batch.messages[packed.records :]
            if rest:
                await self._give_back(rest, stop)
            if packed.oversize:
                log.error("message_too_large", **self._about, message=batch.messages[0].id, reason="over 6 MB as an event")
                await self._settle(batch, frozenset(message.id for message in batch.messages), stop)
                return
            outcome = await self._invoke(outlet, packed.payload, batch, stop)
            if outcome is None:
                await self._give_back(batch.messages, stop)
            else:
                await self._conclude(batch, outcome, stop)
        finally:
            self._running -= 1
            self._due.set()

    async def _invoke(self, outlet: Outlet, payload: bytes, batch: Batch, stop: asyncio.Event) -> Outcome | None:
        """Invoke as often as it takes to be let in; None when told to stop before."""
        refusals = 0
        trace = lineage.deepest([message.trace for message in batch.messages], self._arn)
        while True:
            try:
                return await outlet.invoke(Envelope(self._target, payload, f"queue:{self._trigger.queue.name}", trace=trace))
            except RecursiveInvocation as stopped:  # the queue's redrive has the last word
                log.error("recursion_stopped", **self._about, messages=len(batch.messages))
                return Outcome(orjson.dumps({"errorMessage": str(stopped)}), "Unhandled", stopped.code)
            except RouterError as refusal:
                refusals += 1
                self._scale = self._scale.throttled(self._running, self._clock.monotonic())
                pause = batching.backoff(refusals, self._chance.random())
                log.debug("batch_refused", **self._about, error=str(refusal), retry_s=round(pause, 3))
            if await self._clock.wait(stop, pause):
                return None
            await self._hold(batch)

    async def _hold(self, batch: Batch) -> None:
        """Go on holding messages whose turn has not come."""
        assert self._queues is not None
        try:
            await self._queues.extend(self._trigger.queue.name, batch.handles, self._held, self._function.name)
        except JournalError as error:
            log.debug("batch_not_held", **self._about, error=str(error))  # others may get it too, then

    async def _conclude(self, batch: Batch, outcome: Outcome, stop: asyncio.Event) -> None:
        """Do what the outcome says."""
        verdict = polling.verdict(
            [message.id for message in batch.messages],
            function_error=outcome.function_error,
            result=outcome.payload,
            partial=self._trigger.partial,
        )
        if verdict.failed:
            self._failures.add(*self._labels, amount=len(verdict.failed))
            log.warning("messages_failed", **self._about, count=len(verdict.failed), reason=verdict.reason, error_type=outcome.error_type)
        self._delivered.add(*self._labels, amount=len(batch.messages) - len(verdict.failed))
        await self._settle(batch, verdict.failed, stop)

    async def _settle(self, batch: Batch, failed: frozenset[str], stop: asyncio.Event) -> None:
        """Delete what was done; have the rest come again when its visibility timeout, counted from the receive, is over."""
        left = max(0.0, batch.taken + self._hidden - self._clock.monotonic())
        await self._record([Settled(m.handle, left if m.id in failed else None) for m in batch.messages], stop)

    async def _give_back(self, messages: Sequence[Message], stop: asyncio.Event) -> None:
        """What was never handed on was never received."""
        await self._record([Settled(message.handle, 0.0, uncounted=True) for message in messages], stop)

    async def _record(self, items: Sequence[Settled], stop: asyncio.Event) -> None:
        """As often as it takes; only a stop ends it, then messages come twice."""
        assert self._queues is not None
        tries = 0
        while True:
            try:
                await self._queues.settle(self._trigger.queue.name, items)
            except JournalError as error:
                tries += 1
                log.warning("batch_not_settled", **self._about, tries=tries, error=str(error))
                if await self._clock.wait(stop, batching.backoff(tries, self._chance.random())):
                    return
            else:
                return

    @property
    def queue(self) -> str:
        """The queue's name."""
        return self._trigger.queue.name

    @property
    def _labels(self) -> tuple[str, str]:
        return self._trigger.queue.name, self._function.name

    @property
    def _about(self) -> dict[str, Any]:
        return {"queue": self._trigger.queue.name, "function": self._function.name}
