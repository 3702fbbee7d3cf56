"""Multipart uploads under way, in the daemon's database: they survive a restart. The bytes of parts are files in the staging directory.

A part's row names its file: a part that is uploaded again has another file, and the row is what changes over."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import apsw
import orjson

from router.buckets.facts import NOBODY, ChecksumType, Identity, Metadata, Part, UploadFacts
from router.buckets.object_errors import NoSuchUpload
from router.events.s3 import Caller
from router.journal.base import Beside
from router.journal.database import Database

_STEPS: Final = (
    """
    CREATE TABLE s3_uploads (
        bucket TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL, begun REAL NOT NULL, said TEXT NOT NULL,
        made TEXT, done INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (bucket, key, id)
    ) WITHOUT ROWID, STRICT;
    CREATE TABLE s3_parts (
        upload TEXT NOT NULL, number INTEGER NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
        checksums TEXT NOT NULL, modified REAL NOT NULL, PRIMARY KEY (upload, number)
    ) WITHOUT ROWID, STRICT;
    """,
)
_INSERT: Final = "INSERT INTO s3_uploads (bucket, key, id, begun, said) VALUES (?, ?, ?, ?, ?)"
_ONE: Final = "SELECT key, id, begun, said, made, done FROM s3_uploads WHERE bucket = ? AND key = ? AND id = ?"
_OPEN: Final = "SELECT 1 FROM s3_uploads WHERE bucket = ? AND key = ? AND id = ? AND done = 0"
_PAGE: Final = """
    SELECT key, id, begun, said, made, done FROM s3_uploads
    WHERE bucket = ?1 AND done = 0 AND (key, id) > (?2, ?3) AND key >= ?4 ORDER BY key, id LIMIT ?5
"""
_OLD: Final = "SELECT key, id, begun, said, made, done FROM s3_uploads WHERE bucket = ? AND begun < ? LIMIT 1000"
_UNFINISHED: Final = "SELECT key, id, begun, said, made, done FROM s3_uploads WHERE bucket = ? AND done = 0 AND made IS NOT NULL"
_MADE: Final = "UPDATE s3_uploads SET made = ? WHERE bucket = ? AND key = ? AND id = ?"
_DONE: Final = "UPDATE s3_uploads SET done = 1 WHERE bucket = ? AND key = ? AND id = ?"
_REMOVE: Final = "DELETE FROM s3_uploads WHERE bucket = ? AND key = ? AND id = ?"
_FILE: Final = "SELECT file FROM s3_parts WHERE upload = ? AND number = ?"
_PUT_PART: Final = "INSERT OR REPLACE INTO s3_parts VALUES (?, ?, ?, ?, ?, ?, ?)"
_PARTS: Final = """
    SELECT number, size, etag, checksums, modified, file FROM s3_parts WHERE upload = ? AND number > ? ORDER BY number LIMIT ?
"""
_REMOVE_PARTS: Final = "DELETE FROM s3_parts WHERE upload = ?"
_REMOVE_ALL: Final = (
    "DELETE FROM s3_parts WHERE upload IN (SELECT id FROM s3_uploads WHERE bucket = ?)",
    "DELETE FROM s3_uploads WHERE bucket = ?",
)


class Row(NamedTuple):
    """An upload as it is recorded."""

    facts: UploadFacts
    made: Identity | None  # the version that completing it makes, or made
    etag: str  # of that version
    done: bool  # completed, and its parts are gone


class Kept(NamedTuple):
    """A part, and the name of its file."""

    part: Part
    file: str


async def prepare(database: Database) -> None:
    """Bring the tables up to date. Raises JournalError."""
    await database.migrate("s3_uploads", _STEPS)


def new_id(at_ns: int) -> str:
    """An id for an upload; ids are in the order of their times."""
    return f"{at_ns:016x}{secrets.token_hex(24)}"


class UploadTable:
    """The uploads of one bucket. Every call raises JournalError when the store cannot do it."""

    def __init__(self, database: Database, bucket: str) -> None:
        self._database, self._bucket = database, bucket

    async def add(self, facts: UploadFacts) -> None:
        """Record one that begins; refused while only the store's reserve is left on the device."""
        said = orjson.dumps([facts.metadata.document(), facts.algorithm, facts.checksum_type, list(facts.caller)]).decode()

        def unit(connection: apsw.Connection) -> None:
            self._database.refuse_when_full()
            connection.execute(_INSERT, (self._bucket, facts.key, facts.upload_id, facts.begun, said))

        await self._database.transact(unit)

    async def get(self, key: str, upload_id: str) -> Row:
        """Raises NoSuchUpload."""
        rows = await self._database.read(_ONE, self._bucket, key, upload_id)
        if not rows:
            raise NoSuchUpload(upload_id)
        return self._row(rows[0])

    async def page(self, after: tuple[str, str], prefix: str, limit: int) -> list[UploadFacts]:
        """Those under way, by key and time, from behind a key and an id."""
        rows = await self._database.read(_PAGE, self._bucket, *after, prefix, limit)
        return [self._row(row).facts for row in rows]

    async def old(self, before: float) -> list[Row]:
        """Some that began before a time, done or not."""
        return [self._row(row) for row in await self._database.read(_OLD, self._bucket, before)]

    async def unfinished(self) -> list[Row]:
        """Those whose completing began and was not seen to end."""
        return [self._row(row) for row in await self._database.read(_UNFINISHED, self._bucket)]

    def making(self, facts: UploadFacts, identity: Identity, etag: str) -> Beside:
        """Note the version that completing makes, as part of another transaction."""
        made = orjson.dumps([*identity, etag]).decode()

        def unit(connection: apsw.Connection) -> None:
            connection.execute(_MADE, (made, self._bucket, facts.key, facts.upload_id))

        return unit

    async def finish(self, facts: UploadFacts) -> None:
        """It is completed: what repeats the call is told so, and the parts are forgotten."""

        def unit(connection: apsw.Connection) -> None:
            connection.execute(_DONE, (self._bucket, facts.key, facts.upload_id))
            connection.execute(_REMOVE_PARTS, (facts.upload_id,))

        await self._database.transact(unit)

    async def remove(self, facts: UploadFacts) -> None:
        """Forget it and its parts."""

        def unit(connection: apsw.Connection) -> None:
            connection.execute(_REMOVE, (self._bucket, facts.key, facts.upload_id))
            connection.execute(_REMOVE_PARTS, (facts.upload_id,))

        await self._database.transact(unit)

    async def remove_all(self) -> None:
        """Forget the bucket's."""

        def unit(connection: apsw.Connection) -> None:
            for statement in _REMOVE_ALL:
                connection.execute(statement, (self._bucket,))

        await self._database.transact(unit)

    # --- parts

    async def put_part(self, facts: UploadFacts, part: Part, file: str) -> str:
        """Record a part and its file; the file of the one that it replaces, or "". Raises NoSuchUpload: it ended meanwhile."""

        def unit(connection: apsw.Connection) -> str:
            self._database.refuse_when_full()
            if connection.execute(_OPEN, (self._bucket, facts.key, facts.upload_id)).get is None:
                raise NoSuchUpload(facts.upload_id)
            former = connection.execute(_FILE, (facts.upload_id, part.number)).get
            said = orjson.dumps(part.checksums).decode()
            row = (facts.upload_id, part.number, file, part.size, part.etag, said, part.modified)
            connection.execute(_PUT_PART, row)
            return former or ""

        return await self._database.transact(unit)

    async def parts(self, upload_id: str, after: int = 0, limit: int = 10_000) -> list[Kept]:
        """Those of an upload by number, from behind one."""
        rows = await self._database.read(_PARTS, upload_id, after, limit)
        return [
            Kept(Part(number, size, etag, _checksums(checksums), modified), file) for number, size, etag, checksums, modified, file in rows
        ]

    def _row(self, row: Sequence[Any]) -> Row:
        key, upload_id, begun, said, made, done = row
        document, algorithm, kind, caller = orjson.loads(said)
        checksum_type: ChecksumType = kind
        who = Caller(*caller) if caller else NOBODY
        facts = UploadFacts(self._bucket, key, upload_id, begun, Metadata.of(document), algorithm, checksum_type, who)
        *identity, etag = orjson.loads(made) if made else (None,)
        return Row(facts, Identity(*identity) if made else None, etag or "", bool(done))


def _checksums(text: str) -> Mapping[str, str]:
    found: Mapping[str, str] = orjson.loads(text)
    return found
