"""The stream of a table of items as a feed: what feed_reader.py and feed_watch.py are to a user's database.

Records lie in the tables' own store (router/tables/), written in the transaction of the change; nothing is installed, nobody else writes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, TypeVar

import orjson

from router import names
from router.clock import Clock
from router.config.types import ItemTable
from router.errors import JournalError, SourceError
from router.events import batching
from router.events.filters import Filters
from router.items.errors import Refused
from router.model import SYNC_LIMIT
from router.sources.feed_cursors import Cursor
from router.sources.feed_outbox import KEEP_SECONDS, LOAD_LIMIT, TRIM_ROWS, Batch, Head, Item
from router.sources.feed_schema import FeedFault
from router.tables import records
from router.tables.store import Tables
from router.tables.stored import StreamRow
from router.tables.streams import Streams

T = TypeVar("T")

IDLE: Final = 1.0  # seconds between two looks when nothing is heard: what failed is tried again


class Bell:
    """Sets an event of each who looks when a record was written, and every second."""

    def __init__(self, tables: Tables, table: str, clock: Clock) -> None:
        self._tables, self._table, self._clock = tables, table, clock
        self._lookers: list[asyncio.Event] = []

    def looker(self) -> asyncio.Event:
        """An event of the caller's own: set means look; to be cleared before looking."""
        due = asyncio.Event()
        self._lookers.append(due)
        return due

    def stir(self) -> None:
        """Have all look."""
        self.wake()

    def wake(self) -> None:
        """Have all look now."""
        for due in self._lookers:
            due.set()

    async def run(self) -> None:
        """Until cancelled."""
        self._tables.listen(self._table, self.wake)
        try:
            while True:
                self.wake()
                await self._clock.sleep(IDLE)
        finally:
            self._tables.unlisten(self._table, self.wake)


class _At(NamedTuple):
    """Where a function reads on."""

    stream: StreamRow
    cursor: Cursor
    notice: str


class TableReader:
    """One table's stream. Calls raise FeedFault."""

    def __init__(self, tables: Tables, table: ItemTable) -> None:
        self._tables, self._name = tables, table.name
        self._streams = Streams(tables)
        self._looked = False
        self._fault = ""

    async def head(self) -> Head:
        """Where the stream stands."""
        row = (await self._called(self._rows))[-1]
        return Head(row.identity, row.last, row.mark)

    async def seek(self, since: float) -> Cursor:
        """Where to begin with the first change since *since*, epoch seconds."""
        row = (await self._called(self._rows))[-1]
        seq = await self._called(lambda: self._streams.first(row, since=since))
        return Cursor(row.identity, 2 * (seq if seq is not None else row.last + 1) - 1, 0)

    async def read(self, cursor: Cursor, most: int, filters: Filters) -> Batch:
        """The records after *cursor* that pass the filters, *most* and 6 MB at most. A stream that has ended is read to its end first."""
        rows = await self._called(self._rows)
        at = await self._called(lambda: self._placed(rows, cursor))
        found = await self._called(lambda: self._streams.read(at.stream, at.cursor.rest, most=most, limit=LOAD_LIMIT))
        last, items = at.cursor, list[Item]()
        for one in found:
            last = Cursor(at.stream.identity, records.number_of(one.seq) + 1, one.mark)
            made = records.decoded(one.record)
            if filters.passes(made):
                key = orjson.dumps(made["dynamodb"]["Keys"], option=orjson.OPT_SORT_KEYS).decode()
                items.append(Item(records.number_of(one.seq), one.record, records.sequence(one.seq), one.at, key, last))
            elif items:
                items[-1] = items[-1]._replace(behind=last)
        count = batching.fitting((item.encoded for item in items), most=most, limit=SYNC_LIMIT)
        taken = tuple(items[:count])
        notice = at.notice or _gap(at.cursor, found[0].seq if found else None)
        arn = names.stream_arn(self._tables.region, self._tables.account, self._name, at.stream.label)
        return Batch(taken[-1].behind if taken else last, at.stream.last, notice if taken else "", taken, at.stream.shard, arn)

    async def trim(self, stream: str, done: int, paused: int | None = None) -> bool:  # noqa: ARG002 - all goes by its age
        """Remove a few records older than a day up to *done*; say whether there are more."""
        with suppress(FeedFault):
            rows = await self._called(self._rows)
            before = self._tables.clock.now() - KEEP_SECONDS
            if (row := next((row for row in rows if row.identity == stream), None)) is not None:
                return await self._called(lambda: self._streams.trim(row, done, before=before, most=TRIM_ROWS)) == TRIM_ROWS
        return False

    async def present(self) -> Head | None:
        """Where the stream stands."""
        return await self.head()

    async def tidy(self) -> bool:
        """Nothing: the tables' own upkeep does that."""
        return False

    async def install(self) -> None:
        """Raises SourceError: there is nothing to install."""
        raise SourceError(f"table {self._name} is one of the daemon's own: its stream needs no triggers, and none can be installed")

    async def uninstall(self) -> int:
        """Raises SourceError: there is nothing to take out."""
        raise SourceError(f"table {self._name} is one of the daemon's own: there are no triggers to take out")

    async def close(self) -> None:
        """Nothing is open."""

    def health(self) -> str:
        """Why the stream is not read; "" when it is well."""
        return self._fault if self._looked else f"the feed of table {self._name} has not been read yet"

    # -- inside

    async def _rows(self) -> list[StreamRow]:
        await self._tables.settled()
        rows = await self._tables.streams(self._name)
        if not rows:
            raise FeedFault(f"table {self._name} has no stream", absent=True)
        return rows

    async def _placed(self, rows: Sequence[StreamRow], cursor: Cursor) -> _At:
        """The stream that *cursor* belongs to while it has records left, else the one after it, from its start."""
        newest = rows[-1]
        for row, following in zip(rows, [*rows[1:], None], strict=True):
            if row.identity != cursor.stream:
                continue
            mark = await self._streams.mark(row, cursor.seq)
            if row.last < cursor.seq or (mark and cursor.mark and mark != cursor.mark):
                return _At(row, Cursor(row.identity, 0, 0), "the tables are older than the cursor, as after a restored backup; read from the start of the stream")  # fmt: skip
            if following is not None and row.last < cursor.rest:
                return _At(following, Cursor(following.identity, 0, 0), "")
            return _At(row, cursor, "")
        return _At(newest, Cursor(newest.identity, 0, 0), "the stream was made anew; read from its start" if cursor.stream else "")

    async def _called(self, call: Callable[[], Awaitable[T]]) -> T:
        try:
            result = await call()
        except (JournalError, Refused) as error:
            self._looked, self._fault = True, str(error)
            raise FeedFault(str(error)) from error
        except FeedFault as fault:
            self._looked, self._fault = True, str(fault)
            raise
        self._looked, self._fault = True, ""
        return result


def _gap(cursor: Cursor, first: int | None) -> str:
    missing = 0 if first is None or not cursor.number else first - cursor.rest
    return f"{missing} changes were removed from the stream before they were read" if missing > 0 else ""
