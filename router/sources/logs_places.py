"""How far subscription filters have handed over each stream of their groups: rows of the store."""

from collections.abc import Iterable, Mapping
from typing import Final

import apsw
import orjson

from router.journal.base import Beside
from router.journal.database import Database
from router.telemetry.logfollow import Mark

STEPS: Final = (
    """
    CREATE TABLE log_filters (              -- those that have begun
        grp TEXT NOT NULL,                  -- name of the log group
        filter TEXT NOT NULL,
        PRIMARY KEY (grp, filter)
    ) WITHOUT ROWID;
    CREATE TABLE log_places (               -- streams that a filter has read from; others are read from their beginning
        grp TEXT NOT NULL,
        filter TEXT NOT NULL,
        stream TEXT NOT NULL,
        file INTEGER NOT NULL,              -- inode of the segment
        segment INTEGER NOT NULL,
        offset INTEGER NOT NULL,            -- bytes
        PRIMARY KEY (grp, filter, stream)
    ) WITHOUT ROWID;
    """,
)
Key = tuple[str, str]  # group, filter
Marks = dict[str, Mark]  # by stream

_BEGUN: Final = "SELECT grp, filter FROM log_filters"
_PLACES: Final = "SELECT grp, filter, stream, file, segment, offset FROM log_places"
_BEGIN: Final = "INSERT OR IGNORE INTO log_filters VALUES (?, ?)"
_ANEW: Final = "DELETE FROM log_places WHERE grp = ? AND filter = ?"
_GONE: Final = "(grp, filter) NOT IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))"
_END: Final = tuple(f"DELETE FROM {table} WHERE {_GONE}" for table in ("log_filters", "log_places"))  # noqa: S608 - our own names
_MOVE: Final = """
INSERT INTO log_places SELECT ?, ?, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?) WHERE true
ON CONFLICT DO UPDATE SET file = excluded.file, segment = excluded.segment, offset = excluded.offset
"""
_FORGET: Final = "DELETE FROM log_places WHERE grp = ? AND filter = ? AND stream IN (SELECT value FROM json_each(?))"


class Places:
    """The rows of one daemon."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def prepare(self) -> None:
        """Bring the tables up to date. Raises JournalError."""
        await self._database.migrate("log_filters", STEPS)

    async def load(self, wanted: Iterable[Key]) -> dict[Key, Marks]:
        """What is known of filters that have begun; of all others what was known is forgotten. Raises JournalError."""
        await self.prepare()
        keys = orjson.dumps([list(key) for key in wanted]).decode()

        def unit(connection: apsw.Connection) -> None:
            for sql in _END:
                connection.execute(sql, (keys,)).fetchall()

        await self._database.transact(unit)
        found: dict[Key, Marks] = {(group, name): {} for group, name in await self._database.read(_BEGUN)}
        for group, name, stream, *mark in await self._database.read(_PLACES):
            found.setdefault((group, name), {})[stream] = Mark(*mark)
        return found

    async def begin(self, key: Key, marks: Mapping[str, Mark]) -> None:
        """A filter begins behind these; durable on return. Raises JournalError."""
        await self._database.transact(beginning(key, marks))

    async def forget(self, key: Key, streams: Iterable[str]) -> None:
        """These are gone. Raises JournalError."""
        await self._database.write(_FORGET, *key, orjson.dumps(list(streams)).decode())

    async def move(self, key: Key, marks: Mapping[str, Mark]) -> None:
        """As moving(), by itself. Raises JournalError."""
        await self._database.transact(moving(key, marks))


def beginning(key: Key, marks: Mapping[str, Mark]) -> Beside:
    """What has a filter begin behind these, whatever was known of one of its name."""
    move = moving(key, marks)

    def unit(connection: apsw.Connection) -> None:
        connection.execute(_BEGIN, key).fetchall()
        connection.execute(_ANEW, key).fetchall()
        move(connection)

    return unit


def moving(key: Key, marks: Mapping[str, Mark]) -> Beside:
    """What records that a filter has handed over so much, in the transaction that makes the events durable."""
    rows = orjson.dumps([[stream, *mark] for stream, mark in marks.items()]).decode()

    def unit(connection: apsw.Connection) -> None:
        connection.execute(_MOVE, (*key, rows)).fetchall()

    return unit
