"""The journal in SQLite: one file, one writer, every call group-committed; statements in queries.sql.

Time: *due* is stored in the journal's own time. It starts at the wall clock's, or where the last instance left off when that
is later, and then moves with the monotonic clock. So a wall clock that jumps, running or across a restart, neither fires
retries early nor holds them back.

Memory: of a queue of any length only one number a function is held: a lower bound of when its first event is due."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, Self, TypeVar

import apsw

from router import names
from router.clock import Clock
from router.errors import EventNotFound, InvalidParameter, JournalError, RouterError
from router.journal import rows, units
from router.journal.base import Attempt, EventDetail, EventRow, Query
from router.journal.batch import Batcher
from router.journal.database import Database, Row
from router.journal.queries import SQL
from router.journal.rows import Accepted, Settled
from router.journal.turns import rotated
from router.model import TERMINAL, Delivery, Envelope, State

T = TypeVar("T")

STEPS: Final = (SQL["schema_1"],)
STRETCH: Final = 20_000  # ids that one read of a list looks at: long reads would keep the WAL from starting again
FOREVER: Final = float("inf")


class SqliteJournal:
    """See Journal. Its database is closed by whoever opened it, after the journal."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._offset = 0.0  # of the journal's time from the monotonic clock
        self._last_id = 0  # the writer thread's, once open
        self._earliest: dict[str, float] = {}  # function → lower bound of when its first event is due; absent: there is none
        self._served = ""  # the function that was served last
        self._changed = asyncio.Event()
        self._closed = False
        self._appends = Batcher(database, self._append_unit, self._appended)
        self._settlements = Batcher(database, self._settle_unit, self._settled)
        self.damaged = 0  # events buried because their payload did not match its checksum

    @classmethod
    async def open(cls, database: Database, clock: Clock) -> Self:
        """Bring the tables up to date and queue at once what a dead instance ran. Raises JournalError."""
        await database.migrate("journal", STEPS)
        journal = cls(database, clock)
        journal._offset = max(clock.now(), await database.transact(units.last_time)) - clock.monotonic()
        now = journal._time()
        start = await database.transact(lambda connection: units.recover(connection, now))
        journal._last_id, journal._earliest = start.last_id, start.earliest
        return journal

    # --- accepting

    async def append(self, envelope: Envelope) -> bool:
        """See Journal."""
        self._check_open()
        item = Accepted(envelope, rows.dedup_key(envelope), self._clock.now())
        return await self._appends.do(item, len(envelope.payload))

    def _append_unit(self, connection: apsw.Connection, batch: Sequence[Accepted]) -> Sequence[bool | RouterError]:
        if self._database.short_of_space:
            raise JournalError(f"{self._database.path}: the device is full but for a reserve; free some space, work then resumes by itself")
        first = self._last_id + 1
        self._last_id += len(batch)
        return units.append(connection, batch, first=first, now=self._time())

    def _appended(self, item: Accepted, fresh: bool) -> None:  # noqa: FBT001  the answer of append
        if fresh:
            self._due(item.envelope.function, self._time())

    # --- leasing

    async def lease(self, limit: int, *, wait: float, room: Callable[[str], int]) -> list[Delivery]:
        """See Journal."""
        until = self._time() + wait
        while True:
            self._check_open()
            changed, now = self._changed, self._time()
            rooms = [(name, free) for name in self._ready(now) if (free := room(name)) > 0]
            if rooms:
                if taken := await self._take(rooms, limit):
                    return taken
                continue  # what we thought of as due was not, and now we know better
            pause = min(until, self._next_due(now)) - now
            if pause <= 0:
                return []
            await self._clock.wait(changed, pause)

    def _ready(self, now: float) -> list[str]:
        return rotated([name for name, due in self._earliest.items() if due <= now + units.PROMPT], self._served)

    def _next_due(self, now: float) -> float:
        return min((due for due in self._earliest.values() if due > now + units.PROMPT), default=FOREVER)

    async def _take(self, rooms: Sequence[tuple[str, int]], limit: int) -> list[Delivery]:
        """Lease of these functions. A caller that is cancelled leaves nothing leased."""
        now, wall = self._time(), self._clock.now()
        assumed = {name: self._earliest.pop(name) for name, _ in rooms}  # what is appended meanwhile puts it in again
        answer: asyncio.Future[list[Delivery]] = asyncio.get_running_loop().create_future()

        def done(taken: units.Taken, error: BaseException | None) -> None:
            for name, due in (assumed if error is not None else taken.earliest).items():
                self._due(name, due)
            if error is not None:
                _fail(answer, error)
                return
            self.damaged += len(taken.damaged)
            self._served = taken.deliveries[-1].envelope.function if taken.deliveries else self._served
            if answer.done():
                self._unwanted(taken.deliveries)
            else:
                answer.set_result(taken.deliveries)

        self._database.submit(lambda connection: units.take(connection, rooms, limit, now=now, wall=wall), done)
        try:
            return await answer
        except asyncio.CancelledError:
            if answer.done() and not answer.cancelled() and answer.exception() is None:
                self._unwanted(answer.result())
            raise

    def _unwanted(self, deliveries: Sequence[Delivery]) -> None:
        """Put back what was leased for somebody who no longer waits."""
        for it in deliveries:
            self._settlements.post(Settled(it, _waiting(it.failures), self._time(), it.failures, it.throttles))

    def nudge(self) -> None:
        """See Journal."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _due(self, function: str, due: float) -> None:
        """An event of *function* is due at *due*, or earlier."""
        self._earliest[function] = min(self._earliest.get(function, FOREVER), due)
        self.nudge()

    # --- settling

    async def ack(self, delivery: Delivery) -> None:
        """See Journal."""
        await self._settle(Settled(delivery, State.SUCCEEDED, None, delivery.failures, delivery.throttles, self._clock.now(), ""))

    async def retry(self, delivery: Delivery, *, delay: float, error: str) -> None:
        """See Journal."""
        due, kept = self._time() + delay, rows.kept_error(error)
        await self._settle(Settled(delivery, State.RETRYING, due, delivery.failures + 1, 0, None, kept, self._clock.now()))

    async def release(self, delivery: Delivery, *, delay: float, reason: str = "") -> None:
        """See Journal."""
        due, kept = self._time() + delay, rows.kept_error(reason) or None
        await self._settle(Settled(delivery, _waiting(delivery.failures), due, delivery.failures, delivery.throttles + 1, None, kept))

    async def bury(self, delivery: Delivery, state: State, *, error: str) -> None:
        """See Journal."""
        now, kept = self._clock.now(), rows.kept_error(error)
        await self._settle(Settled(delivery, state, None, delivery.failures, delivery.throttles, now, kept, now))

    async def _settle(self, item: Settled) -> None:
        self._check_open()
        await self._settlements.do(item)

    def _settle_unit(self, connection: apsw.Connection, batch: Sequence[Settled]) -> Sequence[RouterError | None]:
        return units.settle(connection, batch, now=self._time())

    def _settled(self, item: Settled, _: None) -> None:
        if item.due is not None:
            self._due(item.delivery.envelope.function, item.due)
        elif item.delivery.envelope.shard:
            self._due(item.delivery.envelope.function, self._time())  # perhaps the next of its shard

    # --- looking

    async def find(self, event_id: str) -> EventDetail:
        """See Journal."""
        self._check_open()
        found = await self._database.read(SQL["row"], event_id)
        if not found:
            raise EventNotFound(event_id)
        number = found[0][0]
        payload = await self._database.read(SQL["payload"], number)
        history = await self._database.read(SQL["history"], number)
        return EventDetail(self._row(found[0]), payload[0][0] if payload else b"", tuple(Attempt(*row) for row in history))

    async def list(self, query: Query) -> list[EventRow]:
        """See Journal."""
        self._check_open()
        found: list[EventRow] = []
        states = rows.json_text(sorted(query.states))
        high = await self._newest(query.before)
        while high > 0 and len(found) < query.limit:
            low = max(1, high - STRETCH + 1)
            filters = (query.since, query.function, query.source, states, query.limit - len(found))
            found += [self._row(row) for row in await self._database.read(SQL["page"], low, high, *filters)]
            newest, below = (await self._database.read(SQL["stretch"], low, high))[0]
            if newest is not None and newest < query.since:
                break  # accepts are in the order of time, all further ones are older
            high = below or 0
        return found

    async def _newest(self, before: str) -> int:
        """The highest id to list; 0 when there is nothing."""
        if not before:
            return int((await self._database.read(SQL["newest"]))[0][0])
        found = await self._database.read(SQL["number"], before)
        return found[0][0] - 1 if found else 0

    async def counts(self) -> Mapping[str, Mapping[State, int]]:
        """See Journal."""
        self._check_open()
        counts: dict[str, dict[State, int]] = {}
        for function, state, count in await self._database.read(SQL["counts"]):
            counts.setdefault(function, {})[State(state)] = count
        return counts

    def _row(self, row: Row) -> EventRow:
        return rows.event_row(row, self._clock.now() - self._time())

    # --- people's own calls

    async def replay(self, event_id: str, *, function: str = "", request_id: str = "") -> str:
        """See Journal."""
        self._check_open()
        found = await self._database.read(SQL["copied"], event_id)
        if not found:
            raise EventNotFound(event_id)
        state, owner, source, shard, payload, check = found[0]
        if state not in TERMINAL:
            raise InvalidParameter(f"event {event_id} is {state}: only a finished one can be replayed")
        if payload is None or rows.checksum(payload) != check:
            raise InvalidParameter(f"event {event_id} cannot be replayed: its payload on disk is damaged")
        copy = request_id or names.request_id()
        await self.append(Envelope(function or owner, payload, source, copy, shard, copy))
        return copy

    async def redrive(self, event_id: str) -> None:
        """See Journal."""
        self._check_open()

        def unit(connection: apsw.Connection) -> str:
            self._last_id += 1
            return units.redrive(connection, event_id, number=self._last_id, now=self._time(), wall=self._clock.now())

        await self._transact(unit, lambda function: self._due(function, self._time()))

    async def forget(self, *, before: float, limit: int) -> int:
        """See Journal."""
        self._check_open()
        gone = 0
        while gone < limit:
            step = min(units.FORGET_AT_ONCE, limit - gone)
            unit = partial(units.forget, before=before, limit=step, now=self._time())
            count = await self._transact(unit, lambda _: None)
            gone += count
            if count < step:
                break
        return gone

    async def close(self) -> None:
        """See Journal."""
        if self._closed:
            return
        self._closed = True
        self.nudge()
        await self._database.transact(lambda _: None)  # behind all that was handed over

    # --- the store and the time

    async def _transact(self, unit: Callable[[apsw.Connection], T], landed: Callable[[T], None]) -> T:
        """Run *unit*; *landed* hears its result even when the caller no longer waits."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def done(result: T, error: BaseException | None) -> None:
            if error is not None:
                _fail(answer, error)
                return
            landed(result)
            if not answer.done():
                answer.set_result(result)

        self._database.submit(unit, done)
        return await answer

    def _time(self) -> float:
        """The journal's time. Any thread."""
        return self._clock.monotonic() + self._offset

    def _check_open(self) -> None:
        if self._closed:
            raise JournalError("the journal is closed")


def _fail(answer: "asyncio.Future[T]", error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error if isinstance(error, RouterError) else JournalError(f"the journal could not do this: {error}"))


def _waiting(failures: int) -> State:
    """The state of an event that is put back."""
    return State.RETRYING if failures else State.QUEUED
