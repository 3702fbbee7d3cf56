"""Which deliveries were taken: the durable memory that tells a repeated webhook from a new one.

A row is written after the event is durable and before the sender is answered. A crash between the two leaves an event without a row;
the delivery then comes again, and the journal knows it by its sequencer. Rows outlive the journal's own memory of an event, which
ends with its retention."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from hashlib import sha256
from typing import Final, NamedTuple
from uuid import UUID

import apsw
import structlog

from router.clock import Clock
from router.errors import JournalError, RouterError
from router.journal.batch import Batcher
from router.journal.database import Database

log = structlog.get_logger("router.webhooks")

STEPS: Final = (
    """
    CREATE TABLE webhook_deliveries (
        key BLOB PRIMARY KEY,       -- digest of route and delivery
        request_id TEXT NOT NULL,   -- of the event it became
        until INTEGER NOT NULL      -- epoch seconds: forgotten after
    ) WITHOUT ROWID, STRICT;
    CREATE INDEX webhook_deliveries_until ON webhook_deliveries (until);
    """,
)
BATCH: Final = 200  # rows forgotten in one transaction
PERIOD: Final = 60.0  # seconds between rounds
BREATH: Final = 0.05  # seconds between batches, for others' writes

AT_ONCE: Final = 64  # deliveries looked up by one read

_PUT: Final = "INSERT INTO webhook_deliveries VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_FORGET: Final = """
    DELETE FROM webhook_deliveries WHERE key IN (SELECT key FROM webhook_deliveries WHERE until < ? ORDER BY until LIMIT ?)
"""


class _Row(NamedTuple):
    key: bytes
    request_id: str
    until: int


class Memory:
    """The table, and who is at work on which delivery. Every call raises JournalError when the store cannot do it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._rows: Batcher[_Row, None]
        self._asked: list[tuple[bytes, asyncio.Future[str]]] = []
        self._reading: asyncio.Task[None] | None = None
        self._under_way: dict[bytes, asyncio.Event] = {}

    async def open(self) -> None:
        """Bring the table up to date."""
        await self._database.migrate("webhooks", STEPS)
        self._rows = Batcher(self._database, _put, lambda _row, _answer: None)

    async def find(self, key: bytes) -> str:
        """The request id of the event that this delivery became; "" when it is new."""
        found: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._asked.append((key, found))
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(), name="webhook-lookup")
        return await found

    async def _read(self) -> None:
        """Look up what is asked for, and what is asked for meanwhile: a read costs more than what it reads."""
        asked: list[tuple[bytes, asyncio.Future[str]]] = []
        try:
            while self._asked:
                asked, self._asked = self._asked[:AT_ONCE], self._asked[AT_ONCE:]
                await self._answer(asked)
        finally:
            self._reading = None
            for _, found in (*asked, *self._asked):  # left over when the task was cancelled
                found.cancel()
            self._asked.clear()

    async def _answer(self, asked: Sequence[tuple[bytes, asyncio.Future[str]]]) -> None:
        failure: JournalError | None = None
        known: dict[bytes, str] = {}
        try:
            known = dict(await self._database.read(_find(len(asked)), *(key for key, _ in asked)))
        except JournalError as error:
            failure = error
        for key, found in asked:
            if found.done():
                continue
            if failure is not None:
                found.set_exception(JournalError(str(failure)))
            else:
                found.set_result(known.get(key, ""))

    async def remember(self, key: bytes, request_id: str, seconds: float) -> None:
        """Record that the delivery became this event; durable on return. It is forgotten after *seconds*."""
        await self._rows.do(_Row(key, request_id, int(self._clock.now() + seconds)))

    @asynccontextmanager
    async def alone(self, key: bytes) -> AsyncIterator[None]:
        """Of those who are at work on one delivery, let one in at a time."""
        while (before := self._under_way.get(key)) is not None:
            await before.wait()
        self._under_way[key] = mine = asyncio.Event()
        try:
            yield
        finally:
            del self._under_way[key]
            mine.set()

    async def keep(self) -> None:
        """Forget what is past its time, a little at a time, until cancelled."""
        while True:
            try:
                await self._round()
            except JournalError as error:
                log.warning("webhook_memory_failed", error=str(error))
            await self._clock.sleep(PERIOD)

    async def _round(self) -> None:
        while await self._database.write(_FORGET, int(self._clock.now()), BATCH) == BATCH:
            await self._clock.sleep(BREATH)


@cache
def _find(count: int) -> str:
    return f"SELECT key, request_id FROM webhook_deliveries WHERE key IN ({', '.join('?' * count)})"  # noqa: S608 - question marks


def key_of(route: str, delivery: str) -> bytes:
    """What a delivery is remembered by."""
    return sha256(f"{len(route)} {route} {delivery}".encode()).digest()[:16]


def request_id_of(function: str, key: bytes) -> str:
    """The request id of the event that a delivery becomes: the same whenever it is asked for, also after a crash."""
    return str(UUID(bytes=sha256(key + function.encode()).digest()[:16], version=4))


def _put(connection: apsw.Connection, rows: Sequence[_Row]) -> Sequence[RouterError | None]:
    connection.executemany(_PUT, rows)
    return [None] * len(rows)
