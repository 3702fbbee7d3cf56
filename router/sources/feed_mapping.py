"""One event source mapping: a function, its cursor in a feed, and the loop that takes it forward.

The cursor moves only after what is before it is done, so order is kept and nothing is left out: a failing batch is tried again as its
settings say, and holds up what comes after it in its lane. A throttle or a lack of environments is not the function's failure."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import apsw
import structlog

from router.clock import Clock
from router.errors import JournalError
from router.events import batching, tumbling
from router.events.lanes import Lanes, lane_of
from router.journal.base import Beside
from router.journal.database import Database
from router.queues.outbox import Outbox, Parcel
from router.sources.base import Outlet
from router.sources.feed_cursors import Cursor, Cursors
from router.sources.feed_delivery import Delivery, Settings, Work
from router.sources.feed_outbox import Batch, Item
from router.sources.feed_reader import Reader
from router.sources.feed_schema import FeedFault
from router.sources.feed_tables import Bell, TableReader
from router.sources.feed_watch import Watch
from router.sources.feed_windows import FeedWindow
from router.telemetry.metrics import Metrics

log = structlog.get_logger("router.sources.feed")

AHEAD: Final = 4  # batches that are read ahead for each lane, so that one that fails holds up the others late


@dataclass(frozen=True, slots=True)
class Parts:
    """What the mappings of one feed share."""

    reader: Reader | TableReader
    cursors: Cursors
    watch: Watch | Bell
    clock: Clock
    metrics: Metrics
    chance: random.Random
    database: Database
    outbox: Outbox | None = None  # None: nothing goes to destinations


class EventSourceMapping:
    """Reads, invokes, moves its cursor."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self.settings, self._parts = settings, parts
        self.cursor: Cursor | None = None  # None: not known yet
        self.head = 0  # newest row of the outbox when it was last read
        self._fault = ""  # why nothing can be read or recorded
        self._due = parts.watch.looker()
        self._delivery = Delivery(settings, parts.clock, parts.metrics, parts.chance)

    @property
    def error(self) -> str:
        """Why what is under way has not succeeded; "" when all is well."""
        return self._fault or self._delivery.error

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
        if self.settings.lanes > 1:
            await self._run_lanes(outlet, stop)
            return
        if self.settings.window:
            await self._run_windows(outlet, stop)
            return
        while not stop.is_set():
            self._due.clear()
            batch = await self._read(None, stop)
            if batch is None:
                await self._due.wait()
            elif not batch.items or await self._deliver(outlet, batch, stop):
                await self._move(batch.last, stop)

    async def _deliver(self, outlet: Outlet, batch: Batch, stop: asyncio.Event) -> bool:
        """One batch; the last move is the caller's, for it may be behind records that do not pass."""

        async def advance(done: int, parcels: Sequence[Parcel]) -> bool:
            if done == len(batch.items) and not parcels:
                return True
            return await self._move(batch.items[done - 1].behind, stop, parcels)

        return await self._delivery.work(outlet, Work(batch.items, batch.shard, batch.arn), stop, advance)

    # -- tumbling windows

    async def _run_windows(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """Batches of one window each; a window that is over has a last invocation, once nothing of it is left to read."""
        window = FeedWindow(self._parts.database, self.settings.feed, self.settings.function, self.settings.window)
        loaded = False
        while not stop.is_set():
            self._due.clear()
            try:
                if not loaded:
                    await window.load()
                    loaded = True
            except JournalError as error:
                self._fault = str(error)
                await self._due.wait()
                continue
            batch = await self._read(None, stop)
            if batch is not None:
                await self._deliver_in_windows(outlet, batch, window, stop)
            elif (left := window.left(self._parts.clock.now())) is None or self._fault:
                await self._due.wait()
            elif left > 0:
                await self._parts.clock.wait(self._due, left)
            else:
                await self._close(outlet, window, stop)

    async def _deliver_in_windows(self, outlet: Outlet, batch: Batch, window: FeedWindow, stop: asyncio.Event) -> None:
        arrivals = [item.at for item in batch.items]
        since = window.open.start if window.open is not None else None
        for start, first, end in tumbling.runs(arrivals, window.length, since):
            if window.open is not None and start > window.open.start and not await self._close(outlet, window, stop):
                return
            window.begin(start, batch.shard, batch.arn)
            items = batch.items[first:end]

            async def advance(done: int, parcels: Sequence[Parcel], items: Sequence[Item] = items) -> bool:
                return await self._move(items[done - 1].behind, stop, parcels, window.note())

            if not await self._delivery.work(outlet, Work(items, batch.shard, batch.arn), stop, advance, window):
                return
            if window.overflowed and not await self._close(outlet, window, stop, early=True):
                return
        await self._move(batch.last, stop)

    async def _close(self, outlet: Outlet, window: FeedWindow, stop: asyncio.Event, *, early: bool = False) -> bool:
        """The last invocation of a window; False when told to stop before."""
        assert window.open is not None
        assert self.cursor is not None  # a window has records
        payload = window.open.dressed(b'{"Records":[]}', window.length, final=True, early=early)
        failures = 0
        while (attempt := await self._delivery.invoke(outlet, payload, stop)) is not None:
            if attempt.outcome.function_error:
                failures += 1
                pause = self._delivery.window_failed(attempt, failures)
                if pause is not None:
                    await self._parts.clock.wait(stop, pause)
                    continue
            window.open = None
            return await self._move(self.cursor, stop, (), window.note())
        return False

    # -- lanes

    async def _run_lanes(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """Read ahead into lanes, each with a loop of its own; the cursor stands before the first record that is not done."""
        lanes = _LanesAtWork(self.settings.lanes)
        at: Cursor | None = None
        async with asyncio.TaskGroup() as group:
            for number in range(self.settings.lanes):
                group.create_task(self._lane(outlet, lanes, number, stop), name=f"lane-{number}")
            while not stop.is_set():
                self._due.clear()
                lanes.room.clear()
                full = lanes.entries.waiting >= AHEAD * self.settings.batch_size * self.settings.lanes
                batch = None if full else await self._read(at, stop)
                if batch is None:
                    await self._either(lanes.room, self._due)
                    if not lanes.entries.waiting:
                        at = None  # all is done: the stored cursor is where to go on
                    continue
                at = batch.last
                await self._spread(lanes, batch, stop)
            lanes.wake()

    async def _spread(self, lanes: "_LanesAtWork", batch: Batch, stop: asyncio.Event) -> None:
        """Hand the records of a batch to their lanes, but for those that a lane had done before a restart."""
        if lanes.stream != batch.last.stream or batch.notice:
            while lanes.entries.waiting:  # what is on its way is of the stream before
                if stop.is_set():
                    return
                lanes.room.clear()
                self._due.clear()
                await self._either(lanes.room, self._due)
            if batch.notice:
                await self._parts.cursors.forget_lanes(self.settings.function)
            known = await self._parts.cursors.lanes(self.settings.function, self.settings.lanes, batch.last.stream)
            lanes.done, lanes.stream = dict.fromkeys(range(self.settings.lanes), -1) | known, batch.last.stream
        lanes.shard, lanes.arn = batch.shard, batch.arn
        if not batch.items:
            if not lanes.entries.waiting:
                await self._move(batch.last, stop)
            return
        for item in batch.items:
            lane = lane_of(item.key, self.settings.lanes)
            lanes.entries.add(lane, item)
            lanes.work[lane].set()

    async def _lane(self, outlet: Outlet, lanes: "_LanesAtWork", number: int, stop: asyncio.Event) -> None:
        while not stop.is_set():
            items = lanes.entries.next(number, self.settings.batch_size)
            if not items:
                lanes.work[number].clear()
                await lanes.work[number].wait()
                continue
            before = sum(item.number <= lanes.done[number] for item in items)
            if before:  # of the time before a restart
                await self._finish(lanes, number, before, (), stop)
                continue
            finished = 0

            async def advance(done: int, parcels: Sequence[Parcel]) -> bool:
                nonlocal finished
                count, finished = done - finished, done
                return await self._finish(lanes, number, count, parcels, stop)

            await self._delivery.work(outlet, Work(items, lanes.shard, lanes.arn), stop, advance)

    async def _finish(self, lanes: "_LanesAtWork", lane: int, count: int, parcels: Sequence[Parcel], stop: asyncio.Event) -> bool:
        """Records of a lane are done: put that down, and the cursor if nothing before it is left."""
        last = lanes.entries.next(lane, count)[-1]
        over = lanes.entries.finish(lane, count)
        lanes.done[lane] = max(lanes.done[lane], last.number)
        if over:
            lanes.cursor = over[-1].behind
        lanes.room.set()
        note = self._parts.cursors.lane(self.settings.function, lane, self.settings.lanes, last.behind.stream, lanes.done[lane])
        return await self._move(lambda: lanes.cursor or self.cursor, stop, parcels, note)

    @staticmethod
    async def _either(*events: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    # -- reading

    async def _read(self, at: Cursor | None, stop: asyncio.Event) -> Batch | None:
        """The next batch after *at*, else after the cursor; None when there is none now, or stop was set."""
        try:
            cursor = at or self.cursor or await self._begin()
            if self.settings.batch_window and not await self._gather(cursor, stop):
                return None
            batch = await self._parts.reader.read(cursor, self._most, self.settings.filters)
        except FeedFault as fault:
            if fault.passing:
                self._parts.watch.stir()
            return None
        except JournalError as error:
            self._fault = str(error)
            return None
        self.head = batch.head
        if batch.notice and batch.items:
            log.warning("feed_position_odd", feed=self.settings.feed, function=self.settings.function, reason=batch.notice)
        moved = batch.items or (self.settings.filters.patterns and batch.last != cursor)
        return batch if moved and not stop.is_set() else None

    @property
    def _most(self) -> int:
        return min(10_000, self.settings.batch_size * self.settings.lanes)

    async def _begin(self) -> Cursor:
        """The stored cursor, or a first one, which is stored at once: LATEST means the moment of the first start."""
        cursor = await self._parts.cursors.load(self.settings.function)
        if cursor is None:
            cursor = await self._first()
            await self._parts.cursors.save(self.settings.function, cursor)
        self.cursor, self._fault = cursor, ""
        return cursor

    async def _first(self) -> Cursor:
        try:
            if self.settings.since is not None:
                return await self._parts.reader.seek(self.settings.since)
            head = await self._parts.reader.head()
        except FeedFault as fault:
            if not fault.absent:
                raise
            return Cursor("", 0, 0)
        return Cursor(head.stream, 2 * head.seq + 1, head.mark) if self.settings.latest and head.seq else Cursor(head.stream, 0, 0)

    async def _gather(self, cursor: Cursor, stop: asyncio.Event) -> bool:
        """Wait for a record, then until the batch is full or its time is over; whether to read. At once when the cursor is odd.

        In a tumbling window it ends without a record too: who waits for the window's end waits for records as well. What
        comes from then on is not to be read before its own time, so nothing is."""
        clock = self._parts.clock
        since = clock.monotonic()
        while not stop.is_set():
            self._due.clear()
            head = await self._parts.reader.head()
            waiting = head.seq - cursor.rest + 1
            if head.stream != cursor.stream or waiting < 0:
                return True
            if not waiting:
                if self.settings.window:
                    return False
                await self._due.wait()
                since = clock.monotonic()
                continue
            waited = clock.monotonic() - since
            wait = batching.patience(waiting, most=self._most, window=self.settings.batch_window, waited=waited)
            if not wait:
                return True
            await clock.wait(self._due, wait)
        return False

    # -- recording

    async def _move(
        self, where: Cursor | Callable[[], Cursor | None], stop: asyncio.Event, parcels: Sequence[Parcel] = (), note: Beside | None = None
    ) -> bool:
        """Store the cursor, with what goes to destinations and what is to be noted beside it.

        What the store does not take now is tried again; only a stop leaves it (False), then the batch comes twice."""
        outbox, tries = self._parts.outbox, 0

        def beside(connection: apsw.Connection) -> None:
            if parcels and outbox is not None:
                outbox.post(connection, parcels)

        while True:
            cursor = where() if callable(where) else where  # of lanes the newest: another one may have moved it meanwhile
            assert cursor is not None  # known since the first read
            try:
                await self._parts.cursors.move(self.settings.function, cursor, beside, note)
            except JournalError as error:
                tries += 1
                self._fault = str(error)
                if await self._parts.clock.wait(stop, batching.backoff(tries, self._parts.chance.random())):
                    return False
            else:
                self.cursor = cursor
                self._fault = ""
                if outbox is not None:
                    outbox.landed(parcels)
                return True


class _LanesAtWork:
    """The lanes of a mapping that runs."""

    def __init__(self, lanes: int) -> None:
        self.entries: Lanes[Item] = Lanes(lanes)
        self.work = [asyncio.Event() for _ in range(lanes)]
        self.room = asyncio.Event()
        self.done: dict[int, int] = dict.fromkeys(range(lanes), 0)  # of each the number of the last change that is done
        self.stream = ""  # whose changes they are
        self.cursor: Cursor | None = None  # before the first record that is not done; None: none was done yet
        self.shard = self.arn = ""

    def wake(self) -> None:
        """Have all look."""
        for event in self.work:
            event.set()
