"""Streams of tables, read and trimmed."""

from typing import Final, NamedTuple

import apsw

from router.journal.database import Row
from router.tables.queries import SQL
from router.tables.store import Tables
from router.tables.stored import StreamRow

KEEP_SECONDS: Final = 86400.0  # DynamoDB Streams, "24 hours"


class Noted(NamedTuple):
    """One record as it is stored."""

    seq: int
    at: float  # epoch seconds
    mark: int
    record: bytes  # JSON


class Streams:
    """What is done with the records of streams. Calls raise JournalError."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def read(self, stream: StreamRow, seq: int, *, most: int, limit: int) -> list[Noted]:
        """Records from *seq* on: *most*, and *limit* bytes, at most; one at least when there is one."""

        def look(connection: apsw.Connection) -> list[Noted]:
            found, size = list[Noted](), 0
            cursor = connection.execute(SQL["records"], (stream.id, seq))
            try:
                for row in cursor:
                    one = Noted(*row)
                    size += len(one.record)
                    if found and size > limit:
                        break
                    found.append(one)
                    if len(found) == most:
                        break
            finally:
                cursor.close(True)  # an open one would hold up the WAL
            return found

        return await self._tables.database.inquire(look)

    async def mark(self, stream: StreamRow, seq: int) -> int | None:
        """The mark of a record; None: it is not there any more."""
        rows: list[Row] = await self._tables.database.read(SQL["record_mark"], stream.id, seq)
        return rows[0][0] if rows else None

    async def first(self, stream: StreamRow, *, since: float | None = None) -> int | None:
        """The number of the oldest record that is there, of those since *since*; None: there is none."""
        if since is None:
            rows = await self._tables.database.read(SQL["first_record"], stream.id)
        else:
            rows = await self._tables.database.read(SQL["first_record_since"], stream.id, since)
        found: int | None = rows[0][0]
        return found

    async def trim(self, stream: StreamRow, seq: int, *, before: float, most: int) -> int:
        """Remove *most* records up to *seq* that were written before *before*; how many there were. Durable on return."""
        return await self._tables.database.write(SQL["trim_records"], stream.id, seq, most, before)
