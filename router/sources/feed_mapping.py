"""One event source mapping: a function, its cursor in a feed, and the loop that takes it forward.

The cursor moves only after the function succeeded, so order is kept and nothing is left out: a failing batch is tried again,
without end, and holds up what comes after it. A throttle or a lack of environments is not the function's failure."""

import asyncio
import random
from dataclasses import dataclass
from typing import Any, Final

import structlog

from router.clock import Clock
from router.errors import JournalError, RouterError
from router.events import batching
from router.events.filters import ALL, Filters
from router.model import Envelope, Outcome
from router.sources.base import Outlet
from router.sources.feed_cursors import Cursor, Cursors
from router.sources.feed_outbox import Batch
from router.sources.feed_reader import Reader
from router.sources.feed_schema import FeedFault
from router.sources.feed_watch import Watch
from router.telemetry.metrics import Metrics

log = structlog.get_logger("router.sources.feed")

ERROR_SHOWN: Final = 500  # characters of a function's error kept for people


@dataclass(frozen=True, slots=True)
class Settings:
    """What the trigger says."""

    feed: str
    function: str
    batch_size: int
    batch_window: float  # seconds
    latest: bool  # a new mapping begins with what comes next, not with what the outbox holds
    filters: Filters = ALL  # records that do not pass are done without the function


@dataclass(frozen=True, slots=True)
class Parts:
    """What the mappings of one feed share."""

    reader: Reader
    cursors: Cursors
    watch: Watch
    clock: Clock
    metrics: Metrics
    chance: random.Random


class EventSourceMapping:
    """Reads, invokes, moves its cursor."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self.settings, self._parts = settings, parts
        self.cursor: Cursor | None = None  # None: not known yet
        self.head = 0  # newest row of the outbox when it was last read
        self.error = ""  # why the batch under way has not succeeded; "" when all is well
        self._due = parts.watch.looker()
        labels = ("feed", "function")
        self._delivered = parts.metrics.counter("router_feed_records_total", "Records that a function took.", *labels)
        self._retries = parts.metrics.counter("router_feed_retries_total", "Batches sent again after a failure.", *labels)
        self._skipped = parts.metrics.counter("router_feed_records_skipped_total", "Records over 6 MB, which no function can get.", *labels)

    @property
    def lag(self) -> int:
        """Changes noted and not yet done, as of the last look."""
        return max(0, self.head - self.done)

    @property
    def done(self) -> int:
        """The last row of the outbox that is wholly done; 0: none."""
        return self.cursor.rest - 1 if self.cursor is not None else 0

    async def run(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """Until *stop*; a batch under way is finished, one that waits for another try is left for the next start."""
        while not stop.is_set():
            self._due.clear()
            batch = await self._read(stop)
            if batch is None:
                await self._due.wait()
            elif not batch.packed.records or await self._deliver(outlet, batch, stop):
                await self._move(batch.last, stop)

    # -- reading

    async def _read(self, stop: asyncio.Event) -> Batch | None:
        """The next batch; None when there is none now, or stop was set."""
        try:
            cursor = self.cursor or await self._begin()
            if self.settings.batch_window:
                await self._gather(cursor, stop)
            batch = await self._parts.reader.read(cursor, self.settings.batch_size, self.settings.filters)
        except FeedFault as fault:
            if fault.passing:
                self._parts.watch.stir()
            return None
        except JournalError as error:
            self.error = str(error)
            return None
        self.head = batch.head
        if batch.notice and batch.packed.records:
            log.warning("feed_position_odd", feed=self.settings.feed, function=self.settings.function, reason=batch.notice)
        moved = batch.packed.records or (self.settings.filters.patterns and batch.last != cursor)
        return batch if moved and not stop.is_set() else None

    async def _begin(self) -> Cursor:
        """The stored cursor, or a first one, which is stored at once: LATEST means the moment of the first start."""
        cursor = await self._parts.cursors.load(self.settings.function)
        if cursor is None:
            cursor = await self._first()
            await self._parts.cursors.save(self.settings.function, cursor)
        self.cursor, self.error = cursor, ""
        return cursor

    async def _first(self) -> Cursor:
        try:
            head = await self._parts.reader.head()
        except FeedFault as fault:
            if not fault.absent:
                raise
            return Cursor("", 0, 0)
        return Cursor(head.stream, 2 * head.seq + 1, head.mark) if self.settings.latest and head.seq else Cursor(head.stream, 0, 0)

    async def _gather(self, cursor: Cursor, stop: asyncio.Event) -> None:
        """Wait for a record, then until the batch is full or the window is over. Ends at once at a stop or when the cursor is odd."""
        clock = self._parts.clock
        since = clock.monotonic()
        while not stop.is_set():
            self._due.clear()
            head = await self._parts.reader.head()
            waiting = head.seq - cursor.rest + 1
            if head.stream != cursor.stream or waiting < 0:
                return
            if not waiting:
                await self._due.wait()
                since = clock.monotonic()
                continue
            waited = clock.monotonic() - since
            wait = batching.patience(waiting, most=self.settings.batch_size, window=self.settings.batch_window, waited=waited)
            if not wait:
                return
            await clock.wait(self._due, wait)

    # -- delivering

    async def _deliver(self, outlet: Outlet, batch: Batch, stop: asyncio.Event) -> bool:
        """Invoke until the function took the batch; False when told to stop before."""
        if batch.packed.oversize:
            self._skip(batch)
            return True
        failures = refusals = 0
        while not stop.is_set():
            try:
                outcome = await outlet.invoke(Envelope(self.settings.function, batch.packed.payload, f"table:{self.settings.feed}"))
            except RouterError as error:
                refusals += 1
                pause = self._refused(error, refusals)
            else:
                if not outcome.function_error:
                    self._took(batch)
                    return True
                failures, refusals = failures + 1, 0
                pause = self._failed(outcome, batch, failures)
            await self._parts.clock.wait(stop, pause)
        return False

    def _took(self, batch: Batch) -> None:
        self.error = ""
        self._delivered.add(*self._labels, amount=batch.packed.records)

    def _failed(self, outcome: Outcome, batch: Batch, failures: int) -> float:
        """Note that the function failed; seconds until the next try."""
        self.error = outcome.payload.decode(errors="replace")[:ERROR_SHOWN]
        self._retries.add(*self._labels)
        pause = batching.backoff(failures, self._parts.chance.random())
        log.warning("batch_failed", **self._about(batch), failures=failures, error_type=outcome.error_type, retry_s=round(pause, 3))
        return pause

    def _refused(self, error: RouterError, refusals: int) -> float:
        """Note that the function could not be run; seconds until the next try."""
        self.error = str(error)
        pause = batching.backoff(refusals, self._parts.chance.random())
        log.debug("batch_refused", feed=self.settings.feed, function=self.settings.function, error=self.error, retry_s=round(pause, 3))
        return pause

    def _skip(self, batch: Batch) -> None:
        """A record that can never be delivered must not hold up the others for ever; it stays in the outbox for a while."""
        self._skipped.add(*self._labels)
        log.error("record_skipped", **self._about(batch), row=batch.last.seq, reason="over 6 MB, the limit of an invocation's payload")

    async def _move(self, cursor: Cursor, stop: asyncio.Event) -> None:
        """Store the cursor. What the store does not take now is tried again; only a stop leaves it, then the batch comes twice."""
        tries = 0
        while True:
            try:
                await self._parts.cursors.save(self.settings.function, cursor)
            except JournalError as error:
                tries += 1
                self.error = str(error)
                if await self._parts.clock.wait(stop, batching.backoff(tries, self._parts.chance.random())):
                    return
            else:
                self.cursor = cursor
                self.error = "" if tries else self.error
                return

    @property
    def _labels(self) -> tuple[str, str]:
        return self.settings.feed, self.settings.function

    def _about(self, batch: Batch) -> dict[str, Any]:
        return {"feed": self.settings.feed, "function": self.settings.function, "records": batch.packed.records}
