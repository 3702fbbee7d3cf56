"""The version table of one bucket: what was reported of each object. With the scan of the directory it is the truth.

A row is written only after every event of the change is durable. Rows are kept by directory, so that one directory is one
range of the table. Lists go in and rows come out as JSON, one statement for many keys: each step of a statement has to win the
interpreter back from a busy event loop (see journal/queries.sql). `floor` is the greatest sequencer of an object that is gone: none of its key may come before it."""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

import apsw
import orjson

from router.buckets.keys import join, split
from router.buckets.versions import Version
from router.journal.base import Beside
from router.journal.database import Database

_STEPS: Final = (
    """
    CREATE TABLE s3_versions (
        bucket TEXT NOT NULL, directory TEXT NOT NULL, name TEXT NOT NULL,
        root INTEGER NOT NULL, inode INTEGER NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL, ctime INTEGER NOT NULL,
        etag TEXT NOT NULL, sequencer TEXT NOT NULL, racy INTEGER NOT NULL,
        PRIMARY KEY (bucket, directory, name)
    ) WITHOUT ROWID, STRICT;
    CREATE TABLE s3_floors (bucket TEXT PRIMARY KEY, floor TEXT NOT NULL) WITHOUT ROWID, STRICT;
    """,
)
_FACTS: Final = attrgetter("root", "inode", "size", "mtime", "ctime", "etag", "sequencer", "racy")  # in the table's order
_COLUMNS: Final = "v.root, v.inode, v.size, v.mtime, v.ctime, v.etag, v.sequencer, v.racy"
_BY_KEYS: Final = f"""
    SELECT json_group_array(json_array(v.directory, v.name, {_COLUMNS})) FROM json_each(?2) AS k
    CROSS JOIN s3_versions AS v ON v.bucket = ?1 AND v.directory = k.value ->> 0 AND v.name = k.value ->> 1
"""  # noqa: S608 - column names
_BY_NAMES: Final = f"""
    SELECT json_group_array(json_array(v.name, {_COLUMNS})) FROM json_each(?3) AS k
    CROSS JOIN s3_versions AS v ON v.bucket = ?1 AND v.directory = ?2 AND v.name = k.value
"""  # noqa: S608 - column names
_COUNT: Final = "SELECT count(*) FROM s3_versions WHERE bucket = ? AND directory = ?"
_PAGE: Final = """
    SELECT json_group_array(name) FROM (
        SELECT name FROM s3_versions WHERE bucket = ? AND directory = ? AND name > ? ORDER BY name LIMIT ?
    )
"""
_DIRECTORIES: Final = """
    WITH RECURSIVE d(directory) AS (
        SELECT min(directory) FROM s3_versions WHERE bucket = ?1 AND directory > ?2 AND directory < ?3
        UNION ALL
        SELECT (SELECT min(directory) FROM s3_versions WHERE bucket = ?1 AND directory > d.directory AND directory < ?3)
        FROM d WHERE d.directory IS NOT NULL
    )
    SELECT directory FROM d WHERE directory IS NOT NULL LIMIT ?4
"""  # one seek for each directory, not one step for each row
_TOLD: Final = """
    SELECT directory, name, sequencer FROM s3_versions WHERE bucket = ?1 AND (directory, name) > (?2, ?3) ORDER BY directory, name LIMIT ?4
"""
_OF_ROOT: Final = "SELECT 1 FROM s3_versions WHERE bucket = ? AND root = ? LIMIT 1"
_FLOOR: Final = "SELECT floor FROM s3_floors WHERE bucket = ?"
_PUT: Final = """
    INSERT OR REPLACE INTO s3_versions SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
    value ->> 6, value ->> 7, value ->> 8, value ->> 9 FROM json_each(?2)
"""
_DROP: Final = """
    DELETE FROM s3_versions
    WHERE bucket = ?1 AND (directory, name) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?2))
"""
_RAISE_FLOOR: Final = "INSERT INTO s3_floors VALUES (?, ?) ON CONFLICT DO UPDATE SET floor = max(floor, excluded.floor)"
_CONFIRM: Final = """
    UPDATE s3_versions SET root = ?3, racy = 0
    WHERE bucket = ?1 AND directory = ?2 AND name IN (SELECT value FROM json_each(?4))
"""
_END: Final = "\U0010ffff"  # after every text


async def prepare(database: Database) -> None:
    """Bring the tables up to date. Raises JournalError."""
    await database.migrate("s3dir", _STEPS)


class VersionTable:
    """The rows of one bucket. Every call raises JournalError when the store cannot do it."""

    def __init__(self, database: Database, bucket: str) -> None:
        self._database, self._bucket = database, bucket

    async def versions(self, keys: Iterable[str]) -> dict[str, Version]:
        """The rows of *keys*; keys without one are left out."""
        rows = await self._json(_BY_KEYS, self._bucket, _text([split(key) for key in keys]))
        return {join(directory, name): _version(columns) for directory, name, *columns in rows}

    async def named(self, directory: str, names: Iterable[str]) -> dict[str, Version]:
        """The rows of *names* in one directory, by name."""
        rows = await self._json(_BY_NAMES, self._bucket, directory, _text([*names]))
        return {name: _version(columns) for name, *columns in rows}

    async def count(self, directory: str) -> int:
        """How many rows a directory has, not counting those below it."""
        return int((await self._database.read(_COUNT, self._bucket, directory))[0][0])

    async def page(self, directory: str, after: str, limit: int) -> list[str]:
        """Names with a row in *directory*, in order, from behind *after*."""
        names: list[str] = await self._json(_PAGE, self._bucket, directory, after, limit)
        return names

    async def directories(self, below: str, after: str, limit: int) -> list[str]:
        """Directories with rows below *below* ("": the whole bucket), in order, from behind *after*."""
        start, end = (f"{below}/", f"{below}0") if below else ("", _END)  # "0" is the character behind "/"
        rows = await self._database.read(_DIRECTORIES, self._bucket, max(start, after), end, limit)
        return [directory for (directory,) in rows]

    async def told(self, after: str, limit: int) -> list[tuple[str, str]]:
        """Keys and sequencers in the order of the table, from behind the key *after* ("": from the first on)."""
        directory, name = split(after)
        rows = await self._database.read(_TOLD, self._bucket, directory, name, limit)
        return [(join(above, below), sequencer) for above, below, sequencer in rows]

    async def holds(self, root: int) -> bool:
        """Whether any object was last seen under *root*."""
        return bool(await self._database.read(_OF_ROOT, self._bucket, root))

    async def floor(self) -> str:
        """The greatest sequencer of an object that is gone; "" when there is none."""
        rows = await self._database.read(_FLOOR, self._bucket)
        return str(rows[0][0]) if rows else ""

    async def store(self, changes: Mapping[str, Version | None], floor: str = "", *beside: Beside) -> None:
        """Record the versions of keys, None: gone; raise the floor to *floor*, do what is *beside*. One transaction, for which nobody waits."""
        await self._database.transact(together(self.storing(changes, floor), *beside), patient=True)

    def storing(self, changes: Mapping[str, Version | None], floor: str = "") -> Beside:
        """The same as part of another transaction."""
        kept = [(*split(key), *_FACTS(version)) for key, version in changes.items() if version is not None]
        dropped = [split(key) for key, version in changes.items() if version is None]
        texts = [(statement, _text(rows)) for statement, rows in ((_PUT, kept), (_DROP, dropped)) if rows]

        def unit(connection: apsw.Connection) -> None:
            for statement, text in texts:
                connection.execute(statement, (self._bucket, text))
            if floor:
                connection.execute(_RAISE_FLOOR, (self._bucket, floor))

        return unit

    async def drop_all(self) -> None:
        """Forget the bucket."""
        await self._database.write("DELETE FROM s3_versions WHERE bucket = ?", self._bucket)

    async def confirm(self, directory: str, names: Sequence[str], root: int) -> None:
        """Record that these rows are as they are under *root*, and that no write can have gone unnoticed."""
        await self._database.write(_CONFIRM, self._bucket, directory, root, _text(names))

    async def _json(self, statement: str, *params: object) -> Any:
        """The answer of a statement that gives one JSON text."""
        return orjson.loads((await self._database.read(statement, *params))[0][0])


def together(*units: Beside) -> Beside:
    """Several units as one."""

    def unit(connection: apsw.Connection) -> None:
        for one in units:
            one(connection)

    return unit


def _text(value: object) -> str:
    return orjson.dumps(value).decode()


def _version(columns: Sequence[Any]) -> Version:
    root, inode, size, mtime, ctime, etag, sequencer, racy = columns
    return Version(root, inode, size, mtime, ctime, etag, sequencer, bool(racy))
