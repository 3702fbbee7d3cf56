"""What the source of a bucket and the object store share: who has a key in hand, and how a change gets told and recorded.

The rule that makes it one event, once: the note of a version is durable before its file is renamed into place; whoever tells of it
(the store at once, or the source that finds the file after a crash) takes name and caller from the note; and the row of the version
table that keeps it from being told again is written in the transaction that accepts the event."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from router.buckets.facts import NOBODY
from router.buckets.holds import Holds
from router.buckets.notes import Note, Notes, Presence
from router.buckets.object_errors import StorageTrouble
from router.buckets.roots import Root
from router.buckets.version_table import VersionTable, together
from router.buckets.versions import Seen, Version, stir
from router.events import s3
from router.events.s3 import Caller
from router.journal.base import Beside
from router.journal.database import Database


class Told(NamedTuple):
    """What is told of a change."""

    key: str
    name: str  # of the event
    sequencer: str
    at: float  # epoch seconds
    size: int = 0  # bytes
    etag: str = ""
    caller: Caller = NOBODY


Tell = Callable[[Told, Beside], Awaitable[None]]
"""Accept the events of a change, and what is beside, in one transaction; durable on return. Raises JournalError."""


class Serving(NamedTuple):
    """A source at work."""

    tell: Tell
    root: Root


class Ledger:
    """Of one bucket; as long as the daemon runs. Belongs to one event loop."""

    def __init__(self) -> None:
        self.holds = Holds()
        self.folders = asyncio.Lock()  # while directories are removed, or one becomes an object; after a hold, never before
        self.presence = Presence()
        self.expected = False  # whether a source serves the bucket, or will in a moment
        self.serving: Serving | None = None  # None: none does right now
        self.floor = ""  # the table's, once it was read: the greatest sequencer of what is gone


class Ledgers:
    """Those of all buckets, made when they are asked for."""

    def __init__(self) -> None:
        self._ledgers: dict[str, Ledger] = {}

    def of(self, bucket: str) -> Ledger:
        """The ledger of a bucket, whether it exists or not."""
        return self._ledgers.setdefault(bucket, Ledger())

    def expect(self, buckets: Iterable[str]) -> None:
        """Sources are being built for these buckets, and for no others."""
        wanted = set(buckets)
        for name in wanted | self._ledgers.keys():
            self.of(name).expected = name in wanted


class Recorder:
    """Tells and records the changes that the object store makes in one bucket. The key is in hand (Holds) meanwhile."""

    def __init__(self, database: Database, ledger: Ledger, notes: Notes, bucket: str) -> None:
        self._database, self._ledger, self._notes = database, ledger, notes
        self._table = VersionTable(database, bucket)

    async def row(self, key: str) -> Version | None:
        """What was last told of *key*."""
        return (await self._table.versions([key])).get(key)

    async def told(self, after: str, limit: int) -> list[tuple[str, str]]:
        """Keys and sequencers of what was told, from behind the key *after*."""
        return await self._table.told(after, limit)

    async def created(self, root: Root, note: Note, seen: Seen, row: Version | None) -> None:
        """The file of *note* is in place under *root* as *seen*; *row*: what was told of its key before.

        Raises JournalError: the source will tell, as soon as it can."""
        told, version = await self._creation(root, note, seen, row)
        mine = note.key, note.identity
        beside = [self._table.storing({note.key: version}), self._notes.dropping_others(*mine), self._notes.settling(*mine, seen.ctime)]
        await self._tell(told, together(*beside), root)

    async def overdue(self, root: Root, note: Note, seen: Seen, row: Version | None) -> Version:
        """The same of a version that was left to the source and is about to go: nobody will find it; what was told of it now.

        Raises StorageTrouble, JournalError: it has to stay."""
        told, version = await self._creation(root, note, seen, row)
        await self._tell(told, self._table.storing({note.key: version}))
        return version

    async def _creation(self, root: Root, note: Note, seen: Seen, row: Version | None) -> tuple[Told, Version]:
        previous = row.sequencer if row is not None else await self._floor()
        sequencer = s3.sequencer(seen.ctime, previous, stir(seen))
        version = Version(root.number, seen.inode, seen.size, seen.mtime, seen.ctime, note.etag, sequencer, racy=False)
        return Told(note.key, note.event_name, sequencer, seen.ctime / 1e9, seen.size, note.etag, note.caller), version

    async def marked(self, note: Note, at_ns: int) -> None:
        """A folder marker was made, or replaced: its note is recorded with the event. Raises StorageTrouble, JournalError."""
        sequencer = s3.sequencer(at_ns, await self._floor(), 1)
        told = Told(note.key, note.event_name, sequencer, at_ns / 1e9, 0, note.etag, note.caller)
        beside = [self._notes.putting([note]), self._notes.dropping_others(note.key, note.identity)]
        await self._tell(told, together(*beside, self._table.storing({}, sequencer)))
        self._raised(sequencer)

    async def removed(self, root: Root, key: str, row: Version | None, at_ns: int, caller: Caller) -> None:
        """The file of *key* is gone; *row* as for created. Raises JournalError: the source will tell, as soon as it can."""
        await self._gone(key, s3.sequencer(at_ns, row.sequencer if row is not None else await self._floor(), 1), at_ns, caller, root)

    async def vanished(self, key: str, row: Version, at_ns: int) -> None:
        """The file that *row* tells of is gone, which was left to the source, and another is about to be there: nobody will miss it.

        The notes stay: that of the next version is among them. Raises StorageTrouble, JournalError: its place has to stay empty."""
        sequencer = s3.sequencer(at_ns, row.sequencer, 1)
        await self._tell(Told(key, s3.REMOVED, sequencer, at_ns / 1e9), self._table.storing({key: None}, sequencer))
        self._raised(sequencer)

    async def unmarked(self, key: str, at_ns: int, caller: Caller) -> None:
        """A folder marker goes: from here on it is none. Raises StorageTrouble, JournalError."""
        await self._gone(key, s3.sequencer(at_ns, await self._floor(), 1), at_ns, caller)

    async def _gone(self, key: str, sequencer: str, at_ns: int, caller: Caller, root: Root | None = None) -> None:
        told = Told(key, s3.REMOVED, sequencer, at_ns / 1e9, caller=caller)
        await self._tell(told, together(self._table.storing({key: None}, sequencer), self._notes.dropping(key)), root)
        self._raised(sequencer)

    async def retagged(self, note: Note, name: str, at_ns: int, caller: Caller) -> None:
        """The tags of an object changed: its note is recorded with the event *name*. Raises StorageTrouble, JournalError."""
        sequencer = s3.sequencer(at_ns, "", 1)
        told = Told(note.key, name, sequencer, at_ns / 1e9, note.identity.size, note.etag, caller)
        await self._tell(told, self._notes.putting([note]))

    async def _tell(self, told: Told, beside: Beside, root: Root | None = None) -> None:
        """Have it told; where nobody listens, recorded: nobody will hear of it later either.

        *root*: where a file changed. When the source is not there now, or elsewhere, that is left to it: it finds the change when it
        is, and the note beside it. What no source finds, None, is refused meanwhile: raises StorageTrouble."""
        serving = self._ledger.serving
        if serving is None and not self._ledger.expected:
            await self._database.transact(beside)
        elif root is not None and (serving is None or serving.root != root):
            return
        elif serving is None:
            raise StorageTrouble("the bucket is being attached: try again")
        else:
            await serving.tell(told, beside)

    async def _floor(self) -> str:
        if not self._ledger.floor:
            self._raised(await self._table.floor())
        return self._ledger.floor

    def _raised(self, sequencer: str) -> None:
        self._ledger.floor = max(self._ledger.floor, sequencer)
