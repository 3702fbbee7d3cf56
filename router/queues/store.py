"""The queues of a daemon: SQS's calls, durable on return. The HTTP endpoint, sources and destinations all come through here.

Time: as in the journal, *visible* and the like are the queues' own time, which starts at the wall clock's, or where the last
instance left off when that is later, and then moves with the monotonic clock. What people and AWS read is wall time."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple, Self, TypeVar

import apsw
import structlog

from router import names
from router.clock import Clock, steady
from router.config.types import Queue
from router.errors import RouterError
from router.events.http import NOBODY, Client
from router.events.sqs import Message
from router.events.sqs_errors import PurgeQueueInProgress, QueueDoesNotExist
from router.events.sqs_rules import New, Rules, check, check_batch_size, check_visibility, deduplication_id
from router.journal import leavings
from router.journal.database import Database, Row
from router.journal.leavings import Leavings
from router.queues.queries import SQL
from router.queues.units import Received, Sent, Settled, Wanted, Work

log = structlog.get_logger("router.queues")

T = TypeVar("T")

STEPS: Final = (SQL["schema_1"], SQL["schema_2"])
PURGE_EVERY: Final = 60.0  # seconds between two purges of one queue
PATIENCE: Final = 20.0  # seconds between two looks of who waits, at most


class Count(NamedTuple):
    """How full a queue is."""

    messages: int  # all of them
    in_flight: int
    delayed: int
    size: int  # bytes
    oldest: float | None  # seconds since the oldest was sent
    made: int  # epoch seconds

    @property
    def visible(self) -> int:
        """Messages that may be received now."""
        return max(0, self.messages - self.in_flight - self.delayed)


class Queues:
    """All queues of the config. Its database is closed by whoever opened it."""

    def __init__(self, database: Database, clock: Clock, queues: Mapping[str, Queue], *, region: str, account: str) -> None:
        self.settings, self._database, self._clock = queues, database, clock
        self._region, self._account = region, account
        self.time = steady(clock)  # the queues' own
        self._last_id = 0  # the writer thread's
        self.depths: dict[str, int] = {}  # queue → messages, as of the last look
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._former: dict[str, Queue] = {}  # settings that were in force before
        self._purged: dict[str, float] = {}  # queue → monotonic time of its last purge
        self._leavings = Leavings(database, "queue", lambda _: self._last_id, self._drop)

    @classmethod
    async def open(cls, database: Database, clock: Clock, queues: Mapping[str, Queue], *, region: str, account: str) -> Self:
        """Bring the tables up to date; make visible at once what event source mappings of a dead instance held. Raises JournalError.

        What is left of a deleted queue goes before one of its name, which config.yaml has meanwhile, is served."""
        made = cls(database, clock, queues, region=region, account=account)
        await database.migrate("queues", STEPS)
        await database.migrate("leavings", leavings.STEPS)

        def unit(connection: apsw.Connection) -> None:
            found: list[Row] = connection.execute(SQL["latest"]).fetchall()
            made._last_id, at = found[0]
            made.time = steady(clock, at)
            work = made.work(connection)
            work.release_orphans()
            known = {row[0] for row in connection.execute(SQL["tallies"])}
            for name in queues.keys() - known:
                connection.execute(SQL["tally"], (name, 0, 0, 0, work.now, work.wall // 1000)).fetchall()

        await database.transact(unit)
        await made.make_room(queues)
        return made

    async def make_room(self, queues: Collection[str]) -> None:
        """For queues that are about to be served: what is left of deleted ones of their names goes. Raises JournalError."""
        for name in await self.deleted():
            if name in queues:
                await self.drop(name)

    def adopt(self, queues: Mapping[str, Queue]) -> None:
        """These are the queues from now on. Messages of one that is gone stay until it is back or purged."""
        self._former = {**self._former, **self.settings}
        self.settings = queues
        for name in queues:
            self.ring(name)

    # --- naming

    def of(self, name: str) -> Queue:
        """A queue's settings. Raises QueueDoesNotExist."""
        try:
            return self.settings[name]
        except KeyError:
            raise QueueDoesNotExist(name) from None

    def known(self, name: str) -> Queue:
        """The same of a queue that is on the router's own way: also of one that a reload has just taken out, whose messages stay."""
        return self.settings.get(name) or self._former.get(name) or Queue(name, fifo=name.endswith(".fifo"))

    def arn(self, name: str) -> str:
        """A queue's ARN."""
        return names.queue_arn(self._region, self._account, name)

    def sources_of(self, name: str) -> list[str]:
        """Queues whose dead letters go to this one."""
        return [queue.name for queue in self.settings.values() if queue.redrive is not None and queue.redrive.queue == name]

    # --- sending

    async def send(self, name: str, messages: Sequence[New]) -> list[Sent | RouterError]:
        """Store messages, all in one commit; for each its ids, or what is wrong with it. Raises QueueDoesNotExist, BatchRequestTooLong, JournalError."""
        queue = self.of(name)
        check_batch_size(messages)
        checked = [self._checked(queue, message) for message in messages]

        def unit(connection: apsw.Connection) -> list[Sent | RouterError]:
            self._database.refuse_when_full()
            work = self.work(connection)
            sent = [item if isinstance(item, RouterError) else work.send(queue, *item) for item in checked]
            work.finish()
            return sent

        if all(isinstance(item, RouterError) for item in checked):
            return [item for item in checked if isinstance(item, RouterError)]
        return await self._database.land(unit, lambda _: self.ring(name))

    def _checked(self, queue: Queue, message: New) -> tuple[New, int, str] | RouterError:
        rules = rules_of(queue)
        try:
            return self._signed(message), check(message, rules), deduplication_id(message, rules)
        except RouterError as refusal:
            return refusal

    def _signed(self, message: New) -> New:
        return message if message.sender else replace(message, sender=self._account)

    def put(self, connection: apsw.Connection, name: str, message: New, size: int) -> None:
        """Store a message of the router's own inside somebody else's unit, whatever its size; ring() is for afterwards."""
        work = self.work(connection)
        work.send(self.known(name), self._signed(message), size, message.deduplication)
        work.finish()

    # --- receiving

    async def receive(
        self, name: str, *, most: int = 1, visibility: float | None = None, wait: float | None = None, client: Client = NOBODY
    ) -> list[Message]:
        """Hand out up to *most* messages, waiting up to *wait* seconds for the first. Raises QueueDoesNotExist, OverLimit, JournalError.

        None for a *client* that has left; that is seen when there may be something, or the wait is over."""
        queue = self.of(name)
        if visibility is not None:
            check_visibility(visibility)
        until = self._clock.monotonic() + (wait := queue.receive_wait if wait is None else wait)
        wanted = Wanted(most, queue.visibility_timeout if visibility is None else visibility, client=client, patient=wait > 0)
        with self.bell(name) as bell:
            while True:
                bell.event.clear()
                got = await self.take(name, wanted)
                left = until - self._clock.monotonic()
                if got.messages or left <= 0 or client.left:
                    return got.messages
                await self._clock.wait(bell.event, min(left, self.until(got)))

    async def take(self, name: str, wanted: Wanted) -> Received:
        """One look: hand out what can be received now. Raises as receive() does."""
        queue = self.of(name)
        dead_letters = self.settings.get(queue.redrive.queue) if queue.redrive is not None else None
        got = await self._database.land(lambda connection: self.work(connection).receive(queue, dead_letters, wanted, self.arn))
        if got.buried and dead_letters is not None:
            log.info("messages_buried", queue=name, dead_letter_queue=dead_letters.name, count=got.buried)
            self.ring(dead_letters.name)
        if got.damaged:
            log.error("messages_damaged", queue=name, count=got.damaged)
        return got

    def until(self, got: Received) -> float:
        """Seconds to wait before it is worth another look, unless the bell rings."""
        return PATIENCE if got.due is None else min(PATIENCE, max(0.0, got.due - self.time()))

    # --- settling

    async def delete(self, name: str, handles: Sequence[str]) -> list[RouterError | None]:
        """Remove received messages; for each what is wrong, or None. Raises QueueDoesNotExist, JournalError."""
        self.of(name)
        return await self.settle(name, [Settled(handle) for handle in handles])

    async def change_visibility(self, name: str, changes: Sequence[tuple[str, float]]) -> list[RouterError | None]:
        """Have received messages (handle, seconds from now) become visible then; for each what is wrong, or None.

        In a standard queue any handle of a message will do, also when its time is over: recorded of AWS."""
        late = not self.of(name).fifo
        for _, seconds in changes:
            check_visibility(seconds)
        return await self.settle(name, [Settled(handle, seconds, late=late) for handle, seconds in changes])

    async def settle(self, name: str, items: Sequence[Settled]) -> list[RouterError | None]:
        """Remove some, make others visible: one commit."""
        queue = self.known(name)
        again = queue.fifo or any(item.visible is not None for item in items)
        landed: Callable[[object], None] = (lambda _: self.ring(name)) if again else (lambda _: None)
        return await self._database.land(lambda connection: self.work(connection).settle(queue, items), landed)

    async def extend(self, name: str, handles: Sequence[str], seconds: float, holder: str) -> None:
        """Hold for *holder* what it holds for *seconds* from now."""
        queue = self.known(name)
        await self._database.land(lambda connection: self.work(connection).extend(queue, handles, seconds, holder))

    # --- people's own calls

    async def count(self, name: str) -> Count:
        """How full a queue is. Raises QueueDoesNotExist."""
        queue = self.of(name)
        now, never = self.time(), 1_000_000
        row = await self._database.read(SQL["tallies"])
        messages, size, _, made = next((tally[1:] for tally in row if tally[0] == name), (0, 0, 0.0, 0))
        held = await self._database.read(SQL["lanes_in_flight" if queue.fifo else "in_flight"], name, now, never)
        delayed = await self._database.read(SQL["delayed"], name, now)
        oldest = (await self._database.read(SQL["oldest"], name))[0][0]
        return Count(messages, held[0][0], delayed[0][0], size, None if oldest is None else max(0.0, now - oldest), made)

    async def left_behind(self) -> dict[str, int]:
        """Queues that are not in the config any more but hold messages, and how many."""
        return {row[0]: row[1] for row in await self._database.read(SQL["tallies"]) if row[1] and row[0] not in self.settings}

    async def look(self) -> None:
        """Bring *depths* up to date."""
        found = {row[0]: row[1] for row in await self._database.read(SQL["tallies"])}
        self.depths = {name: found.get(name, 0) for name in self.settings}

    async def purge(self, name: str) -> int:
        """Remove all messages that are in the queue now, held ones too; how many. Raises PurgeQueueInProgress within a minute of the last.

        What deduplication remembers of them goes first: who sends one of them again means a message, not its repetition."""
        if name in self.settings:
            last = self._purged.get(name)
            if last is not None and self._clock.monotonic() < last + PURGE_EVERY:
                raise PurgeQueueInProgress(name)
            self._purged[name] = self._clock.monotonic()
        elif name not in await self.left_behind():
            raise QueueDoesNotExist(name)
        upto, gone = self._last_id, 0
        await self._database.land(lambda connection: self.work(connection).forget_duplicates(name, upto))
        while step := await self._database.land(lambda connection: self.work(connection).purge(name, upto)):
            gone += step
        return gone

    async def enrol(self, name: str) -> None:
        """Note when a queue was made, unless that is known."""

        def unit(connection: apsw.Connection) -> None:
            work = self.work(connection)
            connection.execute(SQL["tally"], (name, 0, 0, 0, work.now, work.wall // 1000)).fetchall()

        await self._database.land(unit)

    def deleting(self, name: str) -> Callable[[apsw.Connection], None]:
        """What marks all that a queue has as gone, in the transaction that ends its declaration; drop() is for afterwards."""
        return self._leavings.marking(name)

    async def deleted(self) -> list[str]:
        """Deleted queues of which something is left."""
        return await self._leavings.names()

    async def drop(self, name: str, breath: Callable[[], Awaitable[None]] | None = None) -> None:
        """Remove all that is left of a deleted queue: messages, what deduplication remembers, when it was made. Raises JournalError."""
        if await self._leavings.sweep(name, declared=name in self.settings, breath=breath) and name not in self.settings:
            self._purged.pop(name, None)
            self._former.pop(name, None)

    def _drop(self, connection: apsw.Connection, name: str, upto: int) -> bool:
        if self.work(connection).purge(name, upto):
            return True
        self.work(connection).forget_duplicates(name, upto)
        if name not in self.settings:
            connection.execute(SQL["forget_tally"], (name,)).fetchall()
        return False

    async def expire(self, name: str) -> int:
        """Remove some messages past their retention; how many."""
        queue = self.known(name)
        return await self._database.land(lambda connection: self.work(connection).expire(queue))

    # --- waiting

    def bell(self, name: str) -> "Bell":
        """A context in which an event is set whenever there may be something to receive."""
        return Bell(self._waiting.setdefault(name, set()))

    def ring(self, name: str) -> None:
        """Have all look who wait for this queue."""
        for event in self._waiting.get(name, ()):
            event.set()

    # --- the store and the time

    def work(self, connection: apsw.Connection) -> Work:
        """A unit at work; on the writer's thread."""
        return Work(connection, self.time(), int(self._clock.now() * 1000), self._number)

    async def transact(self, unit: Callable[[apsw.Connection], T], landed: Callable[[T], None]) -> T:
        """For what stands beside this: moves, destinations."""
        return await self._database.land(unit, landed)

    async def read(self, sql: str, *params: object) -> list[Row]:
        """For the same."""
        return await self._database.read(sql, *params)

    def _number(self) -> int:
        self._last_id += 1
        return self._last_id

    @property
    def newest(self) -> int:
        """The newest id given out."""
        return self._last_id


class Bell:
    """See Queues.bell()."""

    def __init__(self, waiting: set[asyncio.Event]) -> None:
        self._waiting, self.event = waiting, asyncio.Event()

    def __enter__(self) -> Self:
        self._waiting.add(self.event)
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.discard(self.event)


def rules_of(queue: Queue) -> Rules:
    """What a queue's settings say of the messages it takes."""
    return Rules(queue.fifo, queue.content_based_deduplication, queue.max_message_size)
