"""Leases of the SQLite journal: events are read ahead of need and handed out from memory, so that a lease waits for no disk.

Why a lease need not be on disk when it is handed out: the lock on the state directory has one daemon hold the journal, and at
its next opening everything that was not settled is queued again, whether its start had been recorded or not. While the daemon
lives, memory knows what it handed out. A start is recorded with the next unit of the store, at the latest after
batch.LINGER; an attempt that ended before that is recorded once, with its end.

Memory: of a queue of any length what ahead.py holds, and one number a function."""

import asyncio
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Final

import apsw

from router.clock import Clock
from router.errors import JournalError
from router.journal import units
from router.journal.ahead import AHEAD, LEASE_BYTES, Ahead, Waiting
from router.journal.database import Database, as_ours
from router.journal.turns import rounds
from router.journal.units import Look, Read
from router.model import Delivery

LOW: Final = AHEAD // 2  # a line shorter than this is read on while its events run


class Leasing:
    """Who may run next. Belongs to one event loop."""

    def __init__(self, database: Database, clock: Clock, *, time: Callable[[], float], earliest: Mapping[str, float]) -> None:
        """*time*: the journal's. *earliest*: function → when its first event is due."""
        self._database, self._clock, self._time = database, clock, time
        self._ahead = Ahead(earliest)
        self._served = ""  # the function that was served last
        self._reading: asyncio.Future[None] | None = None
        self._changed = asyncio.Event()
        self._closed = False
        self.damaged = 0  # events buried because their payload did not match its checksum

    async def lease(self, limit: int, *, wait: float, room: Callable[[str], int], take: Callable[[str], bool]) -> list[Delivery]:
        """See Journal; the starts have still to be recorded. Nobody was handed anything when it is cancelled or raises."""
        until = self._time() + wait
        while True:
            if self._closed:
                raise JournalError("the journal is closed")
            self._changed.clear()
            now = self._time()
            rooms = {name: left for name in self._ahead.ready(now, self._served) if (left := room(name)) > 0}  # anew: others may have gone
            if self._wants(rooms, limit, now):
                await self._read(rooms, limit)
            elif rooms:
                return self._hand_out(rooms, limit, now, take)
            elif (pause := min(until, self._ahead.next_due(now)) - now) <= 0:
                return []
            else:
                await self._clock.wait(self._changed, pause)

    def nudge(self) -> None:
        """Have a waiting lease look again."""
        self._changed.set()

    def close(self) -> None:
        """Refuse, also who waits already."""
        self._closed = True
        self._changed.set()

    def expect(self, function: str, due: float, number: int = 0) -> None:
        """An event of *function* in the store, perhaps *number*, is due at *due*, or earlier."""
        self._ahead.expect(function, due, number)
        self._changed.set()

    def accepted(self, waiting: Waiting) -> None:
        """A new event may start, and is on disk."""
        self._ahead.accept(waiting)
        self._changed.set()

    def settled(self, delivery: Delivery) -> None:
        """The end of *delivery* is recorded."""
        self._ahead.settled(delivery)

    def lost(self, delivery: Delivery) -> None:
        """The store says that *delivery* is not held: whatever it has of the event now is looked for."""
        self._ahead.settled(delivery)
        self.expect(delivery.envelope.function, 0.0, delivery.id)

    def _wants(self, rooms: Mapping[str, int], limit: int, now: float) -> bool:
        """Whether the store has to be read before anything is handed out: who is served first would not be the right one."""
        ahead = self._ahead
        first = [*islice(rooms.items(), limit)]
        short = [(name, room) for name, room in first if ahead.holds(name) < min(room, limit) and ahead.more(name, now)]
        if not short or (ahead.bytes >= LEASE_BYTES and any(ahead.holds(name) for name in rooms)):
            return False
        each = rounds([room if ahead.more(name, now) else min(room, ahead.holds(name)) for name, room in first], limit)
        return any(ahead.holds(name) < min(room, each) for name, room in short)

    def _hand_out(self, rooms: Mapping[str, int], limit: int, now: float, take: Callable[[str], bool]) -> list[Delivery]:
        taken = self._ahead.hand_out(rooms, limit, take)
        self._served = taken[-1].envelope.function if taken else self._served
        low = [name for name in rooms if self._ahead.holds(name) < LOW and self._ahead.more(name, now)]
        if low and self._reading is None and self._ahead.spare() > LOW:
            self._begin(dict.fromkeys(low, 0), 0)
        return taken

    # --- reading ahead

    async def _read(self, rooms: Mapping[str, int], limit: int) -> None:
        """Read what the store has for these functions, or wait for a reading that is under way. Raises JournalError."""
        if self._reading is None:
            await asyncio.shield(self._begin(rooms, limit))
        else:
            await asyncio.wait([self._reading])

    def _begin(self, rooms: Mapping[str, int], limit: int) -> asyncio.Future[None]:
        """Begin to read: as much as can start, and as much more as may be held. What fails is tried again by who asks next."""
        ahead, now, wall = self._ahead, self._time(), self._clock.now()
        more = {name: max(0, room - ahead.holds(name)) for name, room in rooms.items() if ahead.more(name, now)}
        look = Look(more, {name: ahead.taken(name) for name in more}, limit, ahead.spare())
        assumed = ahead.look(more)
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda it: it.cancelled() or it.exception())  # perhaps nobody waits for it

        def done(read: Read, error: BaseException | None) -> None:
            self._reading = None
            if error is None:
                self.damaged += len(read.damaged)
                ahead.read(read.found, {**{n: d for n, d in assumed.items() if n not in read.looked}, **read.earliest})
                answer.set_result(None)
            else:
                ahead.read((), assumed)
                answer.set_exception(as_ours(error))
            self._changed.set()

        def unit(connection: apsw.Connection) -> Read:
            return units.read_ahead(connection, look, now=now, wall=wall)

        self._reading = answer
        try:
            self._database.submit(unit, done)
        except JournalError as error:
            done(Read(), error)
        return answer
