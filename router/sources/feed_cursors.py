"""Where each function stands in a feed: rows of the store."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import apsw
import orjson

from router.journal.base import Beside
from router.journal.database import Database

_STEPS: Final = (
    """
    CREATE TABLE feed_cursors (
        feed TEXT NOT NULL,         -- name under tables:
        function TEXT NOT NULL,
        stream TEXT NOT NULL,       -- the cursor, as below
        number INTEGER NOT NULL,
        mark INTEGER NOT NULL,
        PRIMARY KEY (feed, function)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE feed_lanes (           -- how far a lane is that is ahead of the cursor
        feed TEXT NOT NULL,
        function TEXT NOT NULL,
        lane INTEGER NOT NULL,
        lanes INTEGER NOT NULL,         -- with another number of them keys lie otherwise
        stream TEXT NOT NULL,
        number INTEGER NOT NULL,
        PRIMARY KEY (feed, function, lane)
    ) WITHOUT ROWID;
    """,
)
_LOAD: Final = "SELECT stream, number, mark FROM feed_cursors WHERE feed = ? AND function = ?"
_SAVE: Final = (
    "INSERT INTO feed_cursors VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET stream = excluded.stream, number = excluded.number, mark = excluded.mark"
)
_MOVE: Final = "UPDATE feed_cursors SET stream = ?, number = ?, mark = ? WHERE feed = ? AND function = ? RETURNING 1"
_LEAST: Final = "SELECT min(number) FROM feed_cursors WHERE feed = ? AND stream = ? AND function IN (SELECT value FROM json_each(?))"


_LANES: Final = "SELECT lane, number FROM feed_lanes WHERE feed = ? AND function = ? AND lanes = ? AND stream = ?"
_LANE: Final = (
    "INSERT INTO feed_lanes VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET lanes = excluded.lanes, stream = excluded.stream, number = excluded.number"
)


_THERE: Final = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
_FORGET: Final = {  # by table; the windows' statements are in feed_windows.py
    table: f"DELETE FROM {table} WHERE feed = ? AND function = ?"  # noqa: S608 - our own names
    for table in ("feed_cursors", "feed_lanes", "feed_windows")
}


def forgetting(feed: str, function: str) -> Beside:
    """What makes a function begin anew with a feed: done where a mapping is declared that is not the one that was there."""

    def unit(connection: apsw.Connection) -> None:
        for table, sql in _FORGET.items():
            if connection.execute(_THERE, (table,)).get is not None:
                connection.execute(sql, (feed, function)).fetchall()

    return unit


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far one function has read."""

    stream: str  # identity; "": there was none yet, so all that comes is new
    number: int  # of the last change done: 2 × its row in the outbox, and 1 more unless only the first half of it is done
    mark: int  # of that row, to notice a database restored from a backup; 0: not known

    @property
    def seq(self) -> int:
        """The row of the last change done."""
        return self.number // 2

    @property
    def rest(self) -> int:
        """The first row that is not wholly done; rows count from 1."""
        return max(1, self.seq + self.number % 2)


class Cursors:
    """The cursors of one feed. Calls raise JournalError."""

    def __init__(self, database: Database, feed: str) -> None:
        self._database, self._feed = database, feed

    async def prepare(self) -> None:
        """Make the table; to be called before the others."""
        await self._database.migrate("feed", _STEPS)

    async def load(self, function: str) -> Cursor | None:
        """Where *function* stands; None: it has never read this feed."""
        rows = await self._database.read(_LOAD, self._feed, function)
        return Cursor(*rows[0]) if rows else None

    async def save(self, function: str, cursor: Cursor) -> None:
        """Where *function* begins; durable on return."""
        await self._database.write(_SAVE, self._feed, function, cursor.stream, cursor.number, cursor.mark)

    async def move(self, function: str, cursor: Cursor, beside: Beside | None = None, note: Beside | None = None) -> None:
        """Where it stands now, with the *note* of its lane or window, and what is *beside*; durable on return.

        What was forgotten meanwhile stays so: the mapping that comes next begins anew, whatever this one had in hand."""

        def unit(connection: apsw.Connection) -> None:
            there = connection.execute(_MOVE, (cursor.stream, cursor.number, cursor.mark, self._feed, function)).fetchall()
            if there and note is not None:
                note(connection)
            if beside is not None:
                beside(connection)

        await self._database.transact(unit)

    async def lanes(self, function: str, lanes: int, stream: str) -> dict[int, int]:
        """How far each of so many lanes is: the number of the last change it has done."""
        found = await self._database.read(_LANES, self._feed, function, lanes, stream)
        return dict.fromkeys(range(lanes), 0) | dict(found)

    async def least(self, functions: Collection[str], stream: str) -> int | None:
        """The row that all of these have done which have read this stream; None: none has."""
        found = await self._database.read(_LEAST, self._feed, stream, orjson.dumps([*functions]).decode())
        return None if found[0][0] is None else int(found[0][0]) // 2

    async def forget_lanes(self, function: str) -> None:
        """The database is another one than that which lanes have read: nothing of it is done. Durable on return."""
        await self._database.write("DELETE FROM feed_lanes WHERE feed = ? AND function = ?", self._feed, function)

    def lane(self, function: str, lane: int, lanes: int, stream: str, number: int) -> Beside:
        """What puts down how far a lane is: the number of the last change it has done."""

        def unit(connection: apsw.Connection) -> None:
            connection.execute(_LANE, (self._feed, function, lane, lanes, stream, number)).fetchall()

        return unit
