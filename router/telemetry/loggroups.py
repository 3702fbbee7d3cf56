"""Log groups and streams that somebody made, and what is known of groups beside their files: retention, tags.

In the daemon's store, and in memory: there are few. Groups of functions need no row; they are there once there are files, and those of
config.yaml at once."""

import asyncio
import shutil
import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

import apsw
import orjson

from router.clock import Clock
from router.config.types import LogGroup
from router.disk import sync
from router.errors import JournalError, RouterError
from router.journal.database import Database
from router.telemetry import logpages
from router.telemetry.logfiles import group as directory_of
from router.telemetry.logfiles import owned
from router.telemetry.logpages import Spot, Stream
from router.telemetry.logwriter import LogStore, LogStream

DELETED: Final = "deleted"  # directory of groups that are being deleted
GROUPS: Final = 10_000
STREAMS: Final = 100_000  # that somebody made
WRITERS: Final = 100  # streams that are held open for those who write through the API
DAY: Final = 86_400.0
STEPS: Final = (
    """
    CREATE TABLE log_groups (
        name TEXT PRIMARY KEY,
        made INTEGER NOT NULL,      -- epoch milliseconds
        retention INTEGER,          -- days; NULL: as config.yaml says
        tags TEXT NOT NULL          -- JSON
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE log_streams (
        grp TEXT NOT NULL,
        name TEXT NOT NULL,
        made INTEGER NOT NULL,      -- epoch milliseconds
        PRIMARY KEY (grp, name)
    ) STRICT, WITHOUT ROWID;
    """,
)


class TooMany(RouterError):
    """More groups or streams than are kept."""

    status, code = 400, "LimitExceededException"

    def __init__(self) -> None:
        super().__init__("Resource limit exceeded.")


class Group(NamedTuple):
    """What is known of a group."""

    made: int  # epoch milliseconds
    retention: int | None = None  # days
    tags: Mapping[str, str] = {}


class LogGroups:
    """All log groups of a daemon."""

    def __init__(self, root: Path, database: Database, store: LogStore, clock: Clock) -> None:
        self.root, self._database, self.store, self._clock = root, database, store, clock
        self._groups: dict[str, Group] = {}
        self._written: Mapping[str, LogGroup] = {}  # in config.yaml
        self._since = int(clock.now() * 1000)  # those are there
        self._writers: OrderedDict[tuple[str, str], LogStream] = OrderedDict()  # least recently used first
        self._streams: dict[str, dict[str, int]] = {}  # group → stream → epoch milliseconds

    @classmethod
    async def open(cls, root: Path, database: Database, store: LogStore, clock: Clock) -> Self:
        """Bring the tables up to date and read them. Raises JournalError."""
        await database.migrate("logs", STEPS)
        made = cls(root, database, store, clock)
        for name, at, retention, tags in await database.read("SELECT name, made, retention, tags FROM log_groups"):
            made._groups[name] = Group(at, retention, orjson.loads(tags))
        for group, name, at in await database.read("SELECT grp, name, made FROM log_streams"):
            made._streams.setdefault(group, {})[name] = at
        made._tell()
        await asyncio.to_thread(shutil.rmtree, root / DELETED, ignore_errors=True)
        return made

    def adopt(self, written: Mapping[str, LogGroup]) -> None:
        """These are the groups of config.yaml from now on."""
        self._written = written
        self._tell()

    # -- groups

    def place(self, name: str) -> Path:
        """Where a group's streams stand."""
        return directory_of(self.root, *owned(name))

    async def names(self) -> list[str]:
        """All groups, sorted."""
        self.store.flush()
        return sorted({*self._groups, *self._written, *await asyncio.to_thread(logpages.groups, self.root)})

    async def has(self, name: str) -> bool:
        """Whether there is such a group; what was just logged counts."""
        self.store.flush()
        return name in self._groups or name in self._written or await asyncio.to_thread(self.place(name).is_dir)

    async def group(self, name: str) -> Group:
        """What is known of a group that is there; of one that nobody made, since when its directory is there."""
        return self._groups.get(name) or Group(await asyncio.to_thread(_born, self.place(name)) or self._since)

    def retention(self, name: str) -> float | None:
        """How long a group's streams are kept, seconds: as PutRetentionPolicy says, else as config.yaml says of it. None: as of all."""
        own = self._groups.get(name)
        if own is not None and own.retention is not None:
            return own.retention * DAY
        return self._written[name].retention if name in self._written else None

    async def keep(self, name: str, group: Group) -> None:
        """Make a group, or change what is known of it; durable on return. Raises TooMany, JournalError."""
        if name not in self._groups and len(self._groups) >= GROUPS:
            raise TooMany
        row = (name, group.made, group.retention, orjson.dumps(dict(group.tags)).decode())
        await self._database.write("INSERT OR REPLACE INTO log_groups VALUES (?, ?, ?, ?)", *row)
        self._groups[name] = group
        self._tell()

    async def remove(self, name: str) -> None:
        """Delete a group with all its streams: at once, and for good on return. An environment that still writes to it makes it anew.

        Raises JournalError: it may be there whole, or empty."""
        self._forget(name)
        try:
            aside = await asyncio.to_thread(_set_aside, self.root, self.place(name))
        except OSError as error:
            raise JournalError(f"the log group was not deleted: {error}") from error

        def unit(connection: apsw.Connection) -> None:
            connection.execute("DELETE FROM log_groups WHERE name = ?", (name,)).fetchall()
            connection.execute("DELETE FROM log_streams WHERE grp = ?", (name,)).fetchall()

        await self._database.transact(unit)
        self._groups.pop(name, None)
        self._streams.pop(name, None)
        self._tell()
        await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)  # what is left goes at the next start

    # -- streams

    def made(self, group: str) -> Mapping[str, int]:
        """The streams of a group that somebody made: since when, epoch milliseconds."""
        return self._streams.get(group, {})

    async def make(self, group: str, stream: str) -> None:
        """Make a stream; durable on return. Raises TooMany, JournalError."""
        if sum(map(len, self._streams.values())) >= STREAMS:
            raise TooMany
        at = int(self._clock.now() * 1000)
        await self._database.write("INSERT OR REPLACE INTO log_streams VALUES (?, ?, ?)", group, stream, at)
        self._streams.setdefault(group, {})[stream] = at

    async def unmake(self, group: str, stream: str) -> None:
        """Delete a stream."""
        await self._database.write("DELETE FROM log_streams WHERE grp = ? AND name = ?", group, stream)
        self._forget(group, stream)
        self._streams.get(group, {}).pop(stream, None)
        await asyncio.to_thread(self.stream(group, stream).remove)

    def stream(self, group: str, stream: str) -> Stream:
        """A stream, whether it is there or not."""
        return logpages.placed(self.place(group), stream)

    def streams(self, group: str) -> list[Stream]:
        """All streams of a group that have something on disk. Blocking."""
        return logpages.streams(self.place(group), list(self.made(group)))

    async def has_stream(self, group: str, stream: str) -> bool:
        """Whether there is such a stream."""
        self.store.flush()
        return stream in self.made(group) or await asyncio.to_thread(self.stream(group, stream).written) is not None

    async def write(self, group: str, stream: str, events: Sequence[tuple[int, str]]) -> None:
        """Add events (epoch milliseconds, message) to a stream; durable on return. Raises JournalError."""
        writer = self._writers.pop((group, stream), None)
        if writer is None:
            end = await asyncio.to_thread(self.stream(group, stream).end)
            writer = self._writers.pop((group, stream), None) or self._writer(group, stream, end)
        self._writers[group, stream] = writer
        while len(self._writers) > WRITERS:
            self.store.forget(self._writers.popitem(last=False)[1])
        try:  # what is written is cut to whole milliseconds
            await self.store.record(writer, (((at + 0.5) / 1000, message) for at, message in events))
        except OSError as error:
            raise JournalError(f"log events were not kept: {error}") from error

    def _writer(self, group: str, stream: str, end: Spot) -> LogStream:
        function, name = owned(group)
        writer = LogStream(self.store, function, stream, name)
        writer.resume(*end)
        return writer

    def _forget(self, group: str, stream: str | None = None) -> None:
        for key in [key for key in self._writers if key[0] == group and stream in {None, key[1]}]:
            self.store.forget(self._writers.pop(key))

    def _tell(self) -> None:
        """The store removes what is too old; it hears of groups that have a time of their own."""
        own = {name: self.retention(name) for name in (*self._written, *self._groups)}
        self.store.kept = {self.place(name): seconds for name, seconds in own.items() if seconds is not None}


def _set_aside(root: Path, place: Path) -> Path:
    """Move a group's directory out of sight, whole; it is synced on return. Raises OSError."""
    aside = root / DELETED / uuid.uuid4().hex
    if place.is_dir():
        aside.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.rename(aside)
        sync(place.parent)
    return aside


def _born(path: Path) -> int:
    try:
        return int(min(one.stat().st_mtime for one in (path, *path.iterdir())) * 1000)
    except (OSError, ValueError):
        return 0
