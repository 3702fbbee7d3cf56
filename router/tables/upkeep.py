"""What happens in tables while nobody calls: items expire, new indexes fill, streams are trimmed, what belonged to deleted tables goes."""

import asyncio
from typing import Final

import apsw
import structlog

from router.clock import Clock
from router.errors import JournalError
from router.items.keys import Place, indexed, place
from router.journal.database import Row
from router.tables.codec import decode
from router.tables.queries import SQL
from router.tables.store import TOKEN_SECONDS, Tables
from router.tables.stored import Stored
from router.tables.streams import KEEP_SECONDS, Streams
from router.tables.writing import FURTHEST, Work, expiry

log = structlog.get_logger("router.tables")

PERIOD: Final = 10.0  # seconds between two rounds
AT_ONCE: Final = 200  # items of one transaction: others' writes wait for it
BREATH: Final = 0.01  # seconds between two of them
FAULT_PAUSE: Final = 5.0  # seconds after a fault of the store


class Upkeep:
    """Runs until the daemon stops."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables, self._clock = tables, clock
        self._streams = Streams(tables)

    async def run(self, stop: asyncio.Event) -> None:
        """A round every few seconds until *stop*; what is cut short goes on in the next."""
        while not stop.is_set():
            try:
                await self.round()
                pause = PERIOD
            except JournalError as error:
                log.warning("table_upkeep_failed", error=str(error))
                pause = FAULT_PAUSE
            await self._clock.wait(stop, pause)

    async def round(self) -> None:
        """Do all there is to do. Raises JournalError."""
        await self._tables.database.check()
        await self._tables.settled()
        for stored in self._tables.live().values():
            await self._fill(stored)
        for stored in self._tables.live().values():
            if stored.definition.ttl and stored.dated:
                await self._expire(stored)
        await self._trim()
        await self._sweep()

    # -- new indexes, another attribute of time to live

    async def _fill(self, stored: Stored) -> None:
        """Enter what was there before into indexes and expiries that are new."""
        if stored.whole:
            return
        while await self._tables.database.transact(lambda connection: _fill(connection, stored)):
            await self._clock.sleep(BREATH)
        await self._tables.adopt(self._tables.definitions)

    # -- time to live

    async def _expire(self, stored: Stored) -> None:
        removed = 0
        while (count := await self._tables.work(lambda work: self._expired(work, stored), grows=False)) > 0:
            removed += count
            if count < AT_ONCE:
                break
            await self._clock.sleep(BREATH)
        if removed:
            log.info("items_expired", table=stored.definition.name, items=removed)

    def _expired(self, work: Work, stored: Stored) -> int:
        now = self._clock.now()
        found = work.due(stored, low=int(now - FURTHEST), high=int(now), most=AT_ONCE)
        for where in found:
            work.expire(stored, where)
        return len(found)

    # -- streams

    async def _trim(self) -> None:
        """Records older than a day go, but for those of a stream that a function reads: they wait until it has done them."""
        before = self._clock.now() - KEEP_SECONDS
        for row in await self._tables.streams():
            if row.ended is None and self._tables.heard(row.table):
                continue
            while await self._streams.trim(row, row.last, before=before, most=AT_ONCE) == AT_ONCE:
                await self._clock.sleep(BREATH)
        await self._tables.database.write(SQL["drop_streams"], before)
        await self._tables.database.write(SQL["forget_tokens"], self._tables.time() - TOKEN_SECONDS)

    # -- what is nobody's

    async def _sweep(self) -> None:
        """Items of tables, and entries of indexes, that are there no more."""
        for owners, known, drop in (("owners", "known_tables", "drop_items"), ("entry_owners", "known_indexes", "drop_entries")):
            there = {row[0] for row in await self._tables.database.read(SQL[owners])}
            mine = {row[0] for row in await self._tables.database.read(SQL[known])}
            for owner in there - mine:
                while await self._tables.database.write(SQL[drop], owner, AT_ONCE) == AT_ONCE:
                    await self._clock.sleep(BREATH)


def _fill(connection: apsw.Connection, stored: Stored) -> bool:
    """Enter some items into what is not whole yet; whether there may be more."""
    found = connection.execute(SQL["table"], (stored.definition.name,)).fetchall()
    if not found or found[0][0] != stored.id:
        return False
    ttl_filled = found[0][-1]
    filled = {name: mark for _, name, _, mark in connection.execute(SQL["indexes"], (stored.id,)).fetchall()}
    open_ = [(index, mark) for name, index in stored.indexes.items() if (mark := filled.get(name)) is not None]
    marks = [mark for _, mark in open_] + ([ttl_filled] if ttl_filled is not None else [])
    if not marks:
        return False
    items: list[Row] = connection.execute(SQL["items_after"], (stored.id, min(marks), AT_ONCE)).fetchall()
    for number, item_hash, item_range, data in items:
        item, where = decode(data), Place(item_hash, item_range)
        if ttl_filled is not None:
            connection.execute(SQL["set_expiry"], (expiry(stored, item), number)).fetchall()
        for index, _ in open_:
            if indexed(index.schema, item):
                connection.execute(SQL["enter"], (index.id, *place(index.schema, item), *where, number)).fetchall()
    last = items[-1][0] if len(items) == AT_ONCE else None
    for index, _ in open_:
        connection.execute(SQL["index_filled"], (last, index.id)).fetchall()
    if ttl_filled is not None:
        connection.execute(SQL["ttl_filled"], (last, stored.id)).fetchall()
    return last is not None
