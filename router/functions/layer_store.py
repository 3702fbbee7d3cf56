"""Layers that were published through the API: which archives their versions are. Kept in the store; numbers are never given twice.

Source: Lambda API reference, PublishLayerVersion."""

from typing import Any, Final, NamedTuple, Self

import apsw
import orjson

from router.journal.database import Database

_STEPS: Final = (
    """
    CREATE TABLE layer_versions (
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        sha256 TEXT NOT NULL,     -- CodeSha256, base64
        size INTEGER NOT NULL,    -- bytes of the archive
        about BLOB NOT NULL,      -- JSON: what was said of it
        made REAL NOT NULL,       -- epoch seconds
        PRIMARY KEY (name, version)
    ) WITHOUT ROWID;
    CREATE TABLE layer_numbers (name TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
    """,
)
_ALL: Final = "SELECT name, version, sha256, size, about, made FROM layer_versions ORDER BY name, version"
_NEXT: Final = "INSERT INTO layer_numbers VALUES (?, 1) ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last"
_ADD: Final = "INSERT INTO layer_versions VALUES (?, ?, ?, ?, ?, ?)"
_DELETE: Final = "DELETE FROM layer_versions WHERE name = ? AND version = ?"


class LayerVersion(NamedTuple):
    """One version of a layer."""

    name: str
    version: int
    sha256: str
    size: int
    about: dict[str, Any]  # Description, CompatibleRuntimes, CompatibleArchitectures, LicenseInfo
    made: float


class LayerStore:
    """All layers of a daemon."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._versions: dict[tuple[str, int], LayerVersion] = {}

    @classmethod
    async def open(cls, database: Database) -> Self:
        """What is kept, read. Raises JournalError."""
        await database.migrate("layers", _STEPS)
        found = cls(database)
        for name, version, sha256, size, about, made in await database.read(_ALL):
            found._note(LayerVersion(name, version, sha256, size, orjson.loads(about), made))
        return found

    def all(self) -> list[LayerVersion]:
        """Every version, by name, the first first."""
        return [self._versions[key] for key in sorted(self._versions)]

    def get(self, name: str, version: int) -> LayerVersion | None:
        """One of them."""
        return self._versions.get((name, version))

    async def publish(self, name: str, sha256: str, size: int, about: dict[str, Any], made: float) -> LayerVersion:
        """The next version of a layer, durable on return. Raises JournalError."""

        def unit(connection: apsw.Connection) -> LayerVersion:
            version = int(connection.execute(_NEXT, (name,)).get)
            connection.execute(_ADD, (name, version, sha256, size, orjson.dumps(about), made)).fetchall()
            return LayerVersion(name, version, sha256, size, about, made)

        return await self._database.land(unit, self._note)

    async def delete(self, name: str, version: int) -> None:
        """Take a version away: functions that have it keep it. Raises JournalError."""
        await self._database.write(_DELETE, name, version)
        self._versions.pop((name, version), None)

    def _note(self, version: LayerVersion) -> None:
        self._versions[version.name, version.version] = version
