"""The journal in SQLite: one file, one writer, every call group-committed; statements in queries.sql.

Time: *due* and *accepted* are stored in the journal's own time. It starts at the wall clock's, or where the last instance left off when that
is later, and then moves with the monotonic clock. So a wall clock that jumps, running or across a restart, neither fires
retries early nor holds them back, and makes no event older than it is."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf
from typing import Final, Self, TypeVar

import apsw

from router import names
from router.clock import Clock, steady
from router.errors import EventNotFound, InvalidParameter, JournalError, LeaseLost, RouterError
from router.journal import batch, rows, units
from router.journal.ahead import Waiting
from router.journal.base import Attempt, Beside, EventDetail, EventRow, Query, always
from router.journal.batch import Batcher
from router.journal.database import Database, Row
from router.journal.leasing import Leasing
from router.journal.queries import SQL
from router.journal.rows import Accepted, Placed, Settled
from router.model import TERMINAL, Delivery, Envelope, State

T = TypeVar("T")

STEPS: Final = (SQL["schema_1"], SQL["schema_2"], SQL["schema_3"], SQL["schema_4"])
STRETCH: Final = 20_000  # ids that one read of a list looks at: long reads would keep the WAL from starting again


class SqliteJournal:
    """See Journal. Its database is closed by whoever opened it, after the journal."""

    def __init__(self, database: Database, clock: Clock, time: Callable[[], float], start: units.Start) -> None:
        self._database, self._clock = database, clock
        self._time = time  # the journal's
        self._last_id = start.last_id  # the writer thread's
        self._leasing = Leasing(database, clock, time=self._time, earliest=start.earliest)
        self._closed = False
        self._together = 0  # bytes that wait in append_all()
        self._appends: Batcher[Accepted, Placed | None] = Batcher(database, self._append_unit, self._appended)
        self._settlements: Batcher[Delivery | Settled, float | None] = Batcher(database, self._settle_unit, self._settled, patient=True)

    @classmethod
    async def open(cls, database: Database, clock: Clock) -> Self:
        """Bring the tables up to date and queue at once what a dead instance ran. Raises JournalError."""
        await database.migrate("journal", STEPS)
        time = steady(clock, await database.transact(units.last_time))
        return cls(database, clock, time, await database.transact(lambda connection: units.recover(connection, time())))

    # --- accepting

    async def append(self, envelope: Envelope) -> bool:
        """See Journal."""
        self._check_open()
        item = Accepted(envelope, rows.dedup_key(envelope), self._clock.now(), self._time())
        return await self._appends.do(item, len(envelope.payload)) is not None

    async def append_all(self, envelopes: Sequence[Envelope], beside: Beside | None = None) -> list[bool]:
        """See Journal."""
        self._check_open()
        items = [Accepted(envelope, rows.dedup_key(envelope), self._clock.now(), self._time()) for envelope in envelopes]

        def unit(connection: apsw.Connection) -> Sequence[Placed | None]:
            self._database.refuse_when_full()
            placed = [_accepted(answer) for answer in self._append_unit(connection, items)] if items else []
            if beside is not None:
                beside(connection)
            return placed

        def landed(placed: Sequence[Placed | None]) -> None:
            for item, place in zip(items, placed, strict=True):
                self._appended(item, place)

        size = sum(len(envelope.payload) for envelope in envelopes)
        if self._together and self._together + size > batch.WAITING_BYTES:
            raise JournalError("the disk does not keep up, too much waits for it already; try again in a moment")
        self._together += size
        try:
            placed = await self._database.land(unit, landed)
        finally:
            self._together -= size
        return [place is not None for place in placed]

    def _append_unit(self, connection: apsw.Connection, items: Sequence[Accepted]) -> Sequence[Placed | RouterError | None]:
        self._database.refuse_when_full()
        first = self._last_id + 1
        self._last_id += len(items)
        return units.append(connection, items, first=first, now=self._time())

    def _appended(self, item: Accepted, placed: Placed | None) -> None:
        if placed is not None and placed.due is not None:
            self._leasing.accepted(Waiting(placed.due, Delivery(placed.id, item.envelope, 1, 0, item.created, 0, item.accepted)))

    # --- leasing

    async def lease(self, limit: int, *, wait: float, room: Callable[[str], int], take: Callable[[str], bool] = always) -> list[Delivery]:
        """See Journal."""
        self._check_open()
        taken = await self._leasing.lease(limit, wait=wait, room=room, take=take)
        for delivery in taken:
            self._settlements.post(delivery)
        return taken

    def nudge(self) -> None:
        """See Journal."""
        self._leasing.nudge()

    @property
    def damaged(self) -> int:
        """Events buried because their payload did not match its checksum."""
        return self._leasing.damaged

    # --- settling

    async def ack(self, delivery: Delivery, *, beside: Beside | None = None, keep: bool = True) -> None:
        """See Journal."""
        now, failures, throttles = self._clock.now(), delivery.failures, delivery.throttles
        await self._settle(Settled(delivery, State.SUCCEEDED, None, failures, throttles, now, "", beside=beside, keep=keep))

    async def retry(self, delivery: Delivery, *, delay: float, error: str) -> None:
        """See Journal."""
        due, kept = self._time() + delay, rows.kept_error(error)
        await self._settle(Settled(delivery, State.RETRYING, due, delivery.failures + 1, 0, None, kept, self._clock.now()))

    async def release(self, delivery: Delivery, *, delay: float, reason: str = "") -> None:
        """See Journal."""
        due, kept = self._time() + delay, rows.kept_error(reason) or None
        await self._settle(
            Settled(delivery, rows.waiting_state(delivery.failures), due, delivery.failures, delivery.throttles + 1, None, kept)
        )

    async def bury(self, delivery: Delivery, state: State, *, error: str, beside: Beside | None = None) -> None:
        """See Journal."""
        now, kept = self._clock.now(), rows.kept_error(error)
        await self._settle(Settled(delivery, state, None, delivery.failures, delivery.throttles, now, kept, now, beside))

    async def _settle(self, item: Settled) -> None:
        self._check_open()
        try:
            await self._settlements.do(item)
        except LeaseLost:
            self._leasing.lost(item.delivery)
            raise

    def _settle_unit(self, connection: apsw.Connection, batch: Sequence[Delivery | Settled]) -> Sequence[RouterError | float | None]:
        return units.settle(connection, batch, now=self._time())

    def _settled(self, item: Delivery | Settled, next_due: float | None) -> None:
        """*next_due*: when the next of a shard became due; None: none did."""
        if isinstance(item, Delivery):
            return
        self._leasing.settled(item.delivery)
        if item.due is not None:
            self._leasing.expect(item.delivery.envelope.function, item.due, item.delivery.id)
        elif next_due is not None and item.delivery.envelope.shard:
            self._leasing.expect(item.delivery.envelope.function, next_due)

    # --- looking

    def age(self, delivery: Delivery) -> float:
        """See Journal. Across a restart by the wall clock, which is all there is then."""
        return self._time() - delivery.accepted

    async def find(self, event_id: str) -> EventDetail:
        """See Journal."""
        await self._current()
        found = await self._database.read(SQL["row"], event_id)
        if not found:
            raise EventNotFound(event_id)
        number = found[0][0]
        payload = await self._database.read(SQL["payload"], number)
        history = await self._database.read(SQL["history"], number)
        return EventDetail(self._row(found[0]), payload[0][0] if payload else None, tuple(Attempt(*row) for row in history))

    async def alike(self, envelopes: Sequence[Envelope]) -> list[EventRow]:
        """See Journal."""
        await self._current()
        keys = [key.hex() for envelope in envelopes if (key := rows.dedup_key(envelope)) is not None]
        return [self._row(row) for row in await self._database.read(SQL["alike"], rows.json_text(keys))]

    async def list(self, query: Query) -> list[EventRow]:
        """See Journal."""
        await self._current()
        found: list[EventRow] = []
        states = rows.json_text(sorted(query.states))
        kind = "exhausted_" if query.states and query.states <= rows.EXHAUSTED else ""
        wanted = min(query.limit, await self._at_most(query))
        high = await self._newest(query.before) if wanted else 0
        while high > 0 and len(found) < wanted:
            low = max(1, high - STRETCH + 1)
            filters = (query.since, query.function, query.source, states, wanted - len(found))
            found += [self._row(row) for row in await self._database.read(SQL[f"{kind}page"], low, high, *filters)]
            newest, below = (await self._database.read(SQL[f"{kind}stretch"], low, high))[0]
            if newest is not None and newest < query.since:
                break  # accepts are in the order of time, all further ones are older
            high = below or 0
        return found

    async def _at_most(self, query: Query) -> int:
        """How many events there are of a query's states, where that is known: what is not there need not be looked for."""
        if not query.states or not query.states <= rows.COUNTED:
            return query.limit
        tallies = await self._database.read(SQL["counts"])
        return sum(count for function, state, count in tallies if state in query.states and names.covers(query.function, function))

    async def _newest(self, before: str) -> int:
        """The highest id to list; 0 when there is nothing."""
        if not before:
            return int((await self._database.read(SQL["newest"]))[0][0])
        found = await self._database.read(SQL["number"], before)
        return found[0][0] - 1 if found else 0

    async def counts(self) -> Mapping[str, Mapping[State, int]]:
        """See Journal."""
        await self._current()
        counts: dict[str, dict[State, int]] = {}
        for function, state, count in await self._database.read(SQL["counts"]):
            counts.setdefault(function, {})[State(state)] = count
        return counts

    async def size(self) -> int:
        """See Journal."""
        await self._current()
        return int((await self._database.read(SQL["size"]))[0][0])

    def _row(self, row: Row) -> EventRow:
        return rows.event_row(row, self._clock.now() - self._time())

    # --- people's own calls

    async def copy(self, event_id: str, *, function: str = "", request_id: str = "") -> Envelope:
        """See Journal."""
        await self._current()
        found = await self._database.read(SQL["copied"], event_id)
        if not found:
            raise EventNotFound(event_id)
        state, owner, source, shard, payload, check = found[0]
        if state not in TERMINAL:
            raise InvalidParameter(f"event {event_id} is {state}: only a finished one can be replayed")
        if payload is None and state == State.SUCCEEDED:
            raise InvalidParameter(f"event {event_id} cannot be replayed: its payload was not kept (payloads: off)")
        if payload is None or rows.checksum(payload) != check:
            raise InvalidParameter(f"event {event_id} cannot be replayed: its payload on disk is damaged")
        copy = request_id or names.request_id()
        return Envelope(function or owner, payload, source, copy, shard, copy)

    async def replay(self, event_id: str, *, function: str = "", request_id: str = "") -> str:
        """See Journal."""
        copy = await self.copy(event_id, function=function, request_id=request_id)
        await self.append(copy)
        return copy.request_id

    async def redrive(self, ids: Sequence[str]) -> int:
        """See Journal."""
        await self._current()
        wanted = list(dict.fromkeys(ids))

        def unit(connection: apsw.Connection) -> tuple[set[str], float]:
            first, now, wall = self._last_id + 1, self._time(), self._clock.now()
            self._last_id += len(wanted)
            return {units.redrive(connection, one, number=n, now=now, wall=wall) for n, one in enumerate(wanted, first)}, now

        def landed(queued: tuple[set[str], float]) -> None:
            for function in queued[0]:
                self._leasing.expect(function, queued[1])

        await self._database.land(unit, landed)
        return len(wanted)

    async def purge(self, ids: Sequence[str]) -> int:
        """See Journal."""
        self._check_open()
        return await self._database.land(partial(units.purge, ids=ids, now=self._time()))

    async def forget(self, *, before: float, limit: int, worth: float = inf) -> int:
        """See Journal."""
        self._check_open()
        gone = 0
        while gone < limit and worth > 0:
            step = min(units.FORGET_AT_ONCE, limit - gone)
            unit = partial(units.forget, before=before, limit=step, worth=worth, now=self._time())
            count, freed = await self._database.land(unit)
            gone, worth = gone + count, worth - freed
            if count < step:
                break
        return gone

    async def close(self) -> None:
        """See Journal."""
        if self._closed:
            return
        self._closed = True
        self._leasing.close()
        await self._settlements.flush()
        await self._database.transact(lambda _: None)  # behind all that was handed over

    # --- the store

    async def _current(self) -> None:
        """Have the store know what was handed out: people ask it."""
        self._check_open()
        await self._settlements.flush()

    def _check_open(self) -> None:
        if self._closed:
            raise JournalError("the journal is closed")


def _accepted(answer: Placed | RouterError | None) -> Placed | None:
    """Raises what stands in an answer's place."""
    if isinstance(answer, RouterError):
        raise answer
    return answer
