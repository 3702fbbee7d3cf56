"""The outbox of one table as the daemon reads it: batches after a cursor, repair of the triggers, trimming. Blocking.

Every call looks first whether the file is still the one that was opened and whether its schema is still the same; every
read transaction ends with its statement, so the writers' WAL can be checkpointed. What stands in the way is a FeedFault."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

import apsw
import orjson

from router import names
from router.config.types import Table
from router.events import batching
from router.events.dynamodb import Stream, record, sequence_number, split
from router.events.filters import ALL, Filters
from router.model import SYNC_LIMIT
from router.sources import feed_install
from router.sources.feed_cursors import Cursor
from router.sources.feed_files import BUSY_MS, connect, explain, identity
from router.sources.feed_install import Installation, Layout
from router.sources.feed_rows import Rows
from router.sources.feed_schema import FeedFault, quoted, rows

LOAD_LIMIT: Final = 2 * SYNC_LIMIT  # bytes of values read at once; a change's two halves may each be a record of 6 MB
KEEP_SECONDS: Final = 86400.0  # delivered changes stay so long: DynamoDB Streams, "24 hours"
KEEP_ROWS: Final = 100_000  # and so many at most: a busy table must not fill the user's disk in a day
TRIM_ROWS: Final = 500  # removed in one transaction of the user's database, so that it is short


class Item(NamedTuple):
    """One record of a batch."""

    number: int  # of its change
    encoded: bytes | None  # JSON text; None: too large to be read
    sequence: str  # number, 21 digits
    at: float  # epoch seconds of its arrival
    key: str  # of the row: changes of one row are alike
    behind: Cursor  # where the function stands once it is done


@dataclass(frozen=True, slots=True)
class Batch:
    """What one invocation gets."""

    last: Cursor  # where the function stands once it is done
    head: int  # row of the newest change ever noted
    notice: str = ""  # what an operator should know about where it was read
    items: tuple[Item, ...] = ()  # its records
    shard: str = ""
    arn: str = ""  # of the stream


@dataclass(frozen=True, slots=True)
class Head:
    """Where a stream stands."""

    stream: str
    seq: int  # row of the newest change ever noted; 0: none
    mark: int  # of that row while it is there, else 0


@dataclass(frozen=True, slots=True)
class _Attached:
    """An open database and what was found in it."""

    file: tuple[int, int]
    connection: apsw.Connection
    schema: int
    found: Installation


class Outbox:
    """One table's outbox. Not for two threads at once."""

    def __init__(self, table: Table, *, region: str, account: str) -> None:
        self.table, self._region, self._account = table, region, account
        self.repairs = 0  # times that the triggers were made by us
        self._at: _Attached | None = None
        self._in_vain = -1  # the schema that a repair left as wrong as it was: not repaired again before it changes

    def close(self) -> None:
        """Hang up."""
        at, self._at = self._at, None
        if at is not None:
            with suppress(apsw.Error):
                at.connection.close(True)

    @property
    def complaint(self) -> str:
        """Why changes are not noted (rightly), although those noted are delivered; as of the last call."""
        at = self._at  # of another thread
        return str(at.found.complaint or "") if at is not None else ""

    def head(self) -> Head:
        """Where the stream stands; makes one first when the table says so. Raises FeedFault."""
        with explain(self.table.sqlite, self.close):
            return _head(self._stream())

    def read(self, cursor: Cursor, most: int, filters: Filters = ALL) -> Batch:
        """The records after *cursor* that pass the filters: *most*, and 6 MB, at most. Raises FeedFault.

        Without any, the batch's cursor stands behind those that were looked at."""
        with explain(self.table.sqlite, self.close):
            at = self._stream()
            head = _head(at)
            if (head.stream, head.seq, head.mark) == (cursor.stream, cursor.rest - 1, cursor.mark):
                return Batch(cursor, head.seq)
            cursor, notice = self._placed(at, cursor, head)
            items: list[Item] = []
            first = [cursor]
            count = batching.fitting(self._records(at, cursor, most, _Found(items, first), filters), most=most, limit=SYNC_LIMIT)
            taken = tuple(items[:count])
            last = taken[-1].behind if taken else first[0]
            shard = f"shardId-{int(at.found.made * 1000):020d}-{at.found.stream[:8]}"
            return Batch(last, head.seq, notice, taken, shard, self._stream_arn(at.found))

    def trim(self, stream: str, done: int, now: float, paused: int | None = None) -> bool:
        """Remove a few old changes of *stream* up to row *done*; say whether there are more. Raises FeedFault.

        *paused*: how far others are, who are switched off: what is behind that goes by its age alone.

        The newest row stays: with it gone, SQLite could use its number again (see head())."""
        with explain(self.table.sqlite, self.close):
            at = self._stream()
            return at.found.stream == stream and self._trimmed(
                at, done, now, many=min(done, done if paused is None else paused) - KEEP_ROWS
            )

    def tidy(self, now: float) -> bool:
        """The same of a stream that nobody reads: what is old goes, but none for there being many: who is switched off for a while has
        read none of it. Repairs nothing; False when there is no stream."""
        with explain(self.table.sqlite, self.close):
            at = self._attached()
            return bool(at.found.stream) and self._trimmed(at, _head(at).seq, now, many=0)

    def _trimmed(self, at: _Attached, done: int, now: float, *, many: int) -> bool:
        """*many*: the last row that goes for there being many, whatever its age."""
        outbox = quoted(at.found.names.outbox)
        spared = f"seq < (SELECT max(seq) FROM {outbox})"  # noqa: S608  quoted
        old = f"SELECT seq FROM {outbox} WHERE seq <= ? AND (at < ? OR seq <= ?) AND {spared} ORDER BY seq LIMIT {TRIM_ROWS}"  # noqa: S608
        before = at.connection.total_changes()
        bounds = (done, int((now - KEEP_SECONDS) * 1000), many)
        at.connection.execute(f"DELETE FROM {outbox} WHERE seq IN ({old})", bounds).fetchall()  # noqa: S608  quoted
        return at.connection.total_changes() - before == TRIM_ROWS

    def present(self) -> Head | None:
        """Where the stream stands that is there; None when nothing is installed. Repairs nothing. Raises FeedFault."""
        with explain(self.table.sqlite, self.close):
            at = self._attached()
            return _head(at) if at.found.stream else None

    def uninstall(self) -> int:
        """Take triggers and outbox out of the database; how many noted changes went with it. Raises FeedFault, also when there is nothing."""
        with explain(self.table.sqlite, self.close):
            at = self._attached()
            try:
                return feed_install.uninstall(at.connection, self.table)
            finally:
                self.close()

    def install(self) -> None:
        """Make the outbox and its triggers, or bring them up to date. Raises FeedFault."""
        with explain(self.table.sqlite, self.close):
            self._install(self._attached())
            self._attached()

    # -- the database

    def _stream(self) -> _Attached:
        """The open database that has a stream; repaired when the table says so. Raises FeedFault when there is none."""
        at = self._attached()
        if at.found.mendable and self.table.install == "auto" and at.schema != self._in_vain:
            self._install(at)
            at = self._attached()
            self._in_vain = at.schema if at.found.mendable else -1
        if not at.found.stream:
            raise at.found.complaint or FeedFault(f"{self.table.sqlite} has no stream")
        return at

    def _attached(self) -> _Attached:
        """The open database, looked at anew when the file or its schema is another one."""
        file = identity(self.table.sqlite)
        if self._at is not None and self._at.file != file:
            self.close()
        connection = self._at.connection if self._at is not None else connect(self.table.sqlite)
        try:
            schema = connection.execute("PRAGMA main.schema_version").get
            if self._at is None or self._at.schema != schema:
                self._at = _Attached(file, connection, schema, feed_install.inspect(connection, self.table))
        finally:
            if self._at is None:
                connection.close(True)
        return self._at

    def _install(self, at: _Attached) -> None:
        try:
            feed_install.install(at.connection, self.table)
        finally:
            at.connection.set_busy_timeout(BUSY_MS)
        self.repairs += 1

    # -- reading

    def _placed(self, at: _Attached, cursor: Cursor, head: Head) -> tuple[Cursor, str]:
        """Where to read on: from the start when *cursor* belongs to another stream, or to a later state of a restored one."""
        start = Cursor(at.found.stream, 0, 0)
        if cursor.stream != at.found.stream:
            return start, "the stream was made anew; read from its start" if cursor.stream else ""
        outbox = quoted(at.found.names.outbox)
        mark = at.connection.execute(f"SELECT mark FROM {outbox} WHERE seq = ?", (cursor.seq,)).get  # noqa: S608  quoted
        if head.seq < cursor.seq or (mark and cursor.mark and mark != cursor.mark):
            return start, "the database is older than the cursor, as after a restored backup; read from the start of its outbox"
        first = at.connection.execute(f"SELECT min(seq) FROM {outbox} WHERE seq >= ?", (cursor.rest,)).get  # noqa: S608  quoted
        if cursor.number and first is not None and first > cursor.rest:
            return cursor, f"{first - cursor.rest} changes were removed from the outbox before they were read"
        return cursor, ""

    def seek(self, since: float) -> Cursor:
        """Where a function stands that begins with the first change since *since* (epoch seconds). Raises FeedFault."""
        with explain(self.table.sqlite, self.close):
            at = self._stream()
            outbox = quoted(at.found.names.outbox)
            seq = at.connection.execute(f"SELECT min(seq) FROM {outbox} WHERE at >= ?", (int(since * 1000),)).get  # noqa: S608  quoted
            return Cursor(at.found.stream, 2 * (seq if seq is not None else _head(at).seq + 1) - 1, 0)

    def _records(self, at: _Attached, cursor: Cursor, most: int, found: "_Found", filters: Filters) -> Iterator[bytes | None]:
        """Encoded records after *cursor*; None: a change too large to be read. Adds each to what was *found*, with where the cursor
        stands after it and after those behind it that do not pass."""
        outbox = quoted(at.found.names.outbox)
        number = at.connection.execute(f"SELECT layout FROM {outbox} WHERE seq >= ? ORDER BY seq LIMIT 1", (cursor.rest,)).get  # noqa: S608
        if number is None:
            return
        layout = at.found.layouts.get(number)
        if layout is None:
            raise FeedFault(f"the outbox of table {self.table.table} in {self.table.sqlite} has changes of a layout that is not there")
        reading = Rows(at.connection, outbox, number, layout, self.table.view)
        last, mark, too_large = reading.span(cursor.rest, most, LOAD_LIMIT)
        if too_large:
            found.items.append(Item(2 * last, None, sequence_number(2 * last), 0.0, "", Cursor(cursor.stream, 2 * last + 1, mark)))
            yield None
            return
        stream = self._dynamodb_stream(at.found, layout)
        for change in reading.changes(cursor.rest, last):
            halves = split(change, stream.keys)
            for half in halves:
                if half.number <= cursor.number:
                    continue
                behind = Cursor(cursor.stream, half.number | (half is halves[-1]), half.mark)
                made = record(half, stream)
                if filters.passes(made):
                    key = orjson.dumps(made["dynamodb"]["Keys"], option=orjson.OPT_SORT_KEYS).decode()
                    encoded = orjson.dumps(made)
                    found.items.append(Item(half.number, encoded, made["dynamodb"]["SequenceNumber"], half.at, key, behind))
                    yield encoded
                else:
                    found.skip(behind)

    def _dynamodb_stream(self, found: Installation, layout: Layout) -> Stream:
        return Stream(found.stream, self._stream_arn(found), self._region, self.table.view, layout.key)

    def _stream_arn(self, found: Installation) -> str:
        label = names.iso_ms(found.made).removesuffix("Z")
        return names.stream_arn(self._region, self._account, self.table.name, label)


class _Found(NamedTuple):
    """What reading comes upon."""

    items: list[Item]
    first: list[Cursor]  # one: where the cursor stands before the first item

    def skip(self, behind: Cursor) -> None:
        """A record that does not pass is done with the one before it."""
        if self.items:
            self.items[-1] = self.items[-1]._replace(behind=behind)
        else:
            self.first[0] = behind


def _head(at: _Attached) -> Head:
    outbox = at.found.names.outbox
    numbered = rows(at.connection, "SELECT seq FROM main.sqlite_sequence WHERE lower(name) = lower(?)", outbox)
    newest = rows(at.connection, f"SELECT seq, mark FROM {quoted(outbox)} ORDER BY seq DESC LIMIT 1")  # noqa: S608  quoted
    used = numbered[0][0] if numbered else 0  # stays behind the rows after INSERT OR FAIL, which ends before it is written
    seq, mark = newest[0] if newest else (0, 0)
    return Head(at.found.stream, seq, mark) if seq >= used else Head(at.found.stream, used, 0)
