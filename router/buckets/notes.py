"""Notes of one bucket: what the store remembers of versions of objects beyond their bytes. In the daemon's database.

A note belongs to one version of a file (inode, size, mtime) under one key. It is durable before the file is renamed into place, so
a version that was put through the API is never seen without: whoever finds the file knows who put it, how, and its eTag. A note
without its file means nothing, and is swept. Files dropped by hand get one when their MD5 was computed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import apsw
import orjson

from router.buckets.facts import NOBODY, UNSAID, Identity, Metadata
from router.buckets.keys import join, split
from router.events.s3 import CREATED, Caller
from router.journal.base import Beside
from router.journal.database import Database

_STEPS: Final = (
    """
    CREATE TABLE s3_notes (
        bucket TEXT NOT NULL, directory TEXT NOT NULL, name TEXT NOT NULL,
        inode INTEGER NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL,
        etag TEXT NOT NULL, event TEXT NOT NULL, caller TEXT NOT NULL, metadata TEXT NOT NULL, extra TEXT,
        PRIMARY KEY (bucket, directory, name, inode, size, mtime)
    ) WITHOUT ROWID, STRICT;
    CREATE INDEX s3_extra_notes ON s3_notes (bucket, extra) WHERE extra IS NOT NULL;
    """,
    "ALTER TABLE s3_notes ADD COLUMN ctime INTEGER NOT NULL DEFAULT 0",
)
_COLUMNS: Final = "n.inode, n.size, n.mtime, n.etag, n.event, n.caller, n.metadata, n.extra IS NOT NULL, n.ctime"
_BY_KEYS: Final = f"""
    SELECT json_group_array(json_array(n.directory, n.name, {_COLUMNS})) FROM json_each(?2) AS k
    CROSS JOIN s3_notes AS n ON n.bucket = ?1 AND n.directory = k.value ->> 0 AND n.name = k.value ->> 1
"""  # noqa: S608 - column names
_EXTRAS: Final = f"""
    SELECT json_group_array(json_array(n.directory, n.name, {_COLUMNS})) FROM (
        SELECT * FROM s3_notes WHERE bucket = ?1 AND extra > ?2 ORDER BY extra LIMIT ?3
    ) AS n
"""  # noqa: S608 - column names
_PAGE: Final = f"""
    SELECT json_group_array(json_array(n.directory, n.name, {_COLUMNS})) FROM (
        SELECT * FROM s3_notes WHERE bucket = ?1 AND (directory, name, inode, size, mtime) > (?2, ?3, ?4, ?5, ?6)
        ORDER BY directory, name, inode, size, mtime LIMIT ?7
    ) AS n
"""  # noqa: S608 - column names
_PUT: Final = """
    INSERT OR REPLACE INTO s3_notes SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
    value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10 FROM json_each(?2)
"""
_ADD: Final = "INSERT OR IGNORE INTO s3_notes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_CHANGE: Final = """
    UPDATE s3_notes SET etag = ?7, event = ?8, caller = ?9, metadata = ?10, extra = ?11, ctime = ?12
    WHERE bucket = ?1 AND directory = ?2 AND name = ?3 AND inode = ?4 AND size = ?5 AND mtime = ?6 AND etag = ?13 AND ctime = ?14
"""
_SHOW: Final = """
    UPDATE s3_notes SET extra = ? WHERE bucket = ? AND directory = ? AND name = ? AND inode = ? AND size = ? AND mtime = ?
"""
_SETTLE: Final = """
    UPDATE s3_notes SET ctime = ? WHERE bucket = ? AND directory = ? AND name = ? AND inode = ? AND size = ? AND mtime = ?
"""
_DROP_OTHERS: Final = """
    DELETE FROM s3_notes WHERE bucket = ? AND directory = ? AND name = ? AND NOT (inode = ? AND size = ? AND mtime = ?)
"""
_DROP: Final = "DELETE FROM s3_notes WHERE bucket = ? AND directory = ? AND name = ?"
_DROP_THESE: Final = """
    DELETE FROM s3_notes WHERE bucket = ?1 AND (directory, name, inode, size, mtime) IN
    (SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?2))
"""
_DROP_ALL: Final = "DELETE FROM s3_notes WHERE bucket = ?"
_ANY: Final = "SELECT 1 FROM s3_notes WHERE bucket = ? LIMIT 1"


@dataclass(frozen=True, slots=True)
class Note:
    """What is remembered of one version."""

    key: str
    identity: Identity
    etag: str
    metadata: Metadata = UNSAID
    event: str = ""  # how it came to be: ObjectCreated:Put; "": by hand
    caller: Caller = NOBODY
    extra: bool = False  # an object only because of this note: a folder marker, or a name that the bucket ignores
    ctime: int = 0  # epoch nanoseconds; of the file when it was known to have this content; 0: nobody looked

    @property
    def event_name(self) -> str:
        """The event that tells of it."""
        return self.event or CREATED

    def is_of(self, version: Identity) -> bool:
        """Whether it is of this version. What was put here has a time of its own, which a backup that keeps times brings back."""
        return version == self.identity or (bool(self.event) and version[1:] == self.identity[1:])

    def row(self) -> tuple[object, ...]:
        """As the table keeps it, without the bucket."""
        said = "" if self.metadata == UNSAID else orjson.dumps(self.metadata.document()).decode()
        caller = "" if self.caller == NOBODY else orjson.dumps(tuple(self.caller)).decode()
        return (*split(self.key), *self.identity, self.etag, self.event, caller, said, self.key if self.extra else None, self.ctime)

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """From a row of a select."""
        directory, name, inode, size, mtime, etag, event, caller, said, extra, ctime = row
        metadata = Metadata.of(orjson.loads(said)) if said else UNSAID
        who = Caller(*orjson.loads(caller)) if caller else NOBODY
        key = join(directory, name) if name else f"{directory}/"
        return cls(key, Identity(inode, size, mtime), etag, metadata, event, who, bool(extra), ctime)


async def prepare(database: Database) -> None:
    """Bring the table up to date. Raises JournalError."""
    await database.migrate("s3_notes", _STEPS)


class Presence:
    """Whether a bucket may have any notes: all who read its notes share it, so that buckets without are not asked for them."""

    def __init__(self) -> None:
        self.any: bool | None = None  # None: not known yet


class Notes:
    """The notes of one bucket. Every call raises JournalError when the store cannot do it."""

    def __init__(self, database: Database, bucket: str, presence: Presence) -> None:
        self._database, self._bucket, self._presence = database, bucket, presence

    async def matching(self, seen: dict[str, Identity]) -> dict[str, Note]:
        """The notes of just these versions; keys without one are left out."""
        if not seen or not await self._may_be():
            return {}
        text = orjson.dumps([split(key) for key in seen]).decode()
        notes = await self._read(_BY_KEYS, self._bucket, text)
        found = {note.key: note for note in notes if seen[note.key] == note.identity}
        others = (note for note in notes if note.key not in found and note.is_of(seen[note.key]))
        return {note.key: replace(note, identity=seen[note.key]) for note in others} | found

    async def newest(self, key: str) -> Note | None:
        """The note of a key's latest version."""
        return (await self.newest_of([key])).get(key)

    async def newest_of(self, keys: Sequence[str]) -> dict[str, Note]:
        """The same of many; keys without one are left out."""
        if not keys or not await self._may_be():
            return {}
        notes = await self._read(_BY_KEYS, self._bucket, orjson.dumps([split(key) for key in keys]).decode())
        return {note.key: note for note in sorted(notes, key=lambda note: note.identity.mtime)}

    async def extras(self, after: str, limit: int) -> list[Note]:
        """Notes that make an object of what is none by itself, in order of keys behind *after*."""
        return await self._read(_EXTRAS, self._bucket, after, limit) if await self._may_be() else []

    async def page(self, after: Note | None, limit: int) -> list[Note]:
        """All notes, in the order of the table, from behind *after*."""
        start = ("", "", -1, -1, -1) if after is None else (*split(after.key), *after.identity)
        return await self._read(_PAGE, self._bucket, *start, limit)

    async def put(self, notes: Iterable[Note], beside: Beside | None = None, *, accepting: bool = False) -> None:
        """Record, with *beside*; durable on return. *accepting*: refused while only the store's reserve is left on the device."""
        unit = self.putting(notes)

        def accept(connection: apsw.Connection) -> None:
            if accepting:
                self._database.refuse_when_full()
            unit(connection)
            if beside is not None:
                beside(connection)

        await self._database.transact(accept)

    def putting(self, notes: Iterable[Note]) -> Beside:
        """Recording, as part of another transaction."""
        self._presence.any = True
        text = orjson.dumps([note.row() for note in notes]).decode()

        def unit(connection: apsw.Connection) -> None:
            connection.execute(_PUT, (self._bucket, text))

        return unit

    async def learn(self, found: Sequence[tuple[Note, Note | None]]) -> None:
        """Record what was found out of versions, beside what was noted of each before; what was noted otherwise meanwhile stays."""
        self._presence.any = True
        new = [(self._bucket, *note.row()) for note, former in found if former is None]
        changed = [(self._bucket, *note.row(), former.etag, former.ctime) for note, former in found if former is not None]

        def unit(connection: apsw.Connection) -> None:
            for statement, rows in ((_ADD, new), (_CHANGE, changed)):
                connection.executemany(statement, rows)

        await self._database.transact(unit)

    async def show(self, notes: Sequence[Note]) -> None:
        """Record whether each is extra, and nothing else."""
        rows = [(note.key if note.extra else None, self._bucket, *split(note.key), *note.identity) for note in notes]

        def unit(connection: apsw.Connection) -> None:
            connection.executemany(_SHOW, rows)

        await self._database.transact(unit)

    def settling(self, key: str, identity: Identity, ctime: int) -> Beside:
        """Noting the ctime of a version that is in place, as part of another transaction."""

        def unit(connection: apsw.Connection) -> None:
            connection.execute(_SETTLE, (ctime, self._bucket, *split(key), *identity))

        return unit

    def dropping_others(self, key: str, identity: Identity) -> Beside:
        """Forgetting all versions of a key but one, as part of another transaction."""

        def unit(connection: apsw.Connection) -> None:
            connection.execute(_DROP_OTHERS, (self._bucket, *split(key), *identity))

        return unit

    def dropping(self, key: str) -> Beside:
        """Forgetting all versions of a key, as part of another transaction."""

        def unit(connection: apsw.Connection) -> None:
            connection.execute(_DROP, (self._bucket, *split(key)))

        return unit

    async def drop_these(self, notes: Sequence[Note]) -> None:
        """Forget notes whose files are gone."""
        text = orjson.dumps([(*split(note.key), *note.identity) for note in notes]).decode()
        await self._database.write(_DROP_THESE, self._bucket, text)

    async def drop_all(self) -> None:
        """Forget the bucket."""
        await self._database.write(_DROP_ALL, self._bucket)

    async def _may_be(self) -> bool:
        if self._presence.any is None:
            found = bool(await self._database.read(_ANY, self._bucket))
            self._presence.any = self._presence.any or found
        return self._presence.any

    async def _read(self, statement: str, *params: object) -> list[Note]:
        return [Note.of(row) for row in orjson.loads((await self._database.read(statement, *params))[0][0])]
