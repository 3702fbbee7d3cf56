"""One bucket as the object store sees it: its root, its threads, and the facts of each object.

An eTag is the one that the note of a version has; else the one that the source recorded; else, of a file up to INLINE bytes, the MD5
of its content, which is then noted; of a larger one that nobody has read yet it has the form of a multipart upload's, as it would be
had it been uploaded by a client: those take parts from 8 MiB on."""

import asyncio
import contextlib
import errno
import os
import stat
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, Self, TypeVar

from router.buckets import contents, roots, versions
from router.buckets.beneath import beneath
from router.buckets.contents import facts
from router.buckets.facts import NOTHING, Identity, ObjectFacts
from router.buckets.keys import Ignored
from router.buckets.ledger import Ledger, Recorder
from router.buckets.notes import Note, Notes
from router.buckets.object_errors import NoSuchKey, ObjectError, StorageTrouble
from router.buckets.object_keys import Place, place
from router.buckets.roots import Root, RootGone
from router.buckets.staging import Staged
from router.buckets.upload import Gathered
from router.buckets.version_table import VersionTable
from router.buckets.versions import Seen
from router.config.types import Bucket
from router.errors import JournalError
from router.journal.database import Database

T = TypeVar("T")

INLINE: Final = 8 * 1024**2  # bytes of a file that is read to say its eTag
EXTRAS: Final = 1000  # notes read at once
SHORT, LONG = 8, 2  # threads
MUCH: Final = 32 * 1024**2  # bytes whose copying or syncing is for the threads of much data
KNOWN: Final = 20_000  # objects whose facts are remembered

ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV, errno.ENAMETOOLONG, errno.ENXIO, errno.EISDIR})


class Tools:
    """What all buckets share: the database, the measure of what uploads hold, and threads apart for what is short, for listings, and for much data at once.

    A large copy, or a directory of a million files, is in nobody's way but its like's."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.gathered = Gathered()
        self.threads = ThreadPoolExecutor(SHORT, thread_name_prefix="s3-objects")
        self.lists = ThreadPoolExecutor(LONG, thread_name_prefix="s3-lists")
        self.bulk = ThreadPoolExecutor(LONG, thread_name_prefix="s3-bulk")

    def close(self) -> None:
        """Take nothing more."""
        for threads in (self.threads, self.lists, self.bulk):
            threads.shutdown(wait=False, cancel_futures=True)


class Handle:
    """A version of an object that is open (objects.OpenObject)."""

    def __init__(self, facts_: ObjectFacts, descriptor: int, tools: Tools) -> None:
        self.facts, self.descriptor, self._tools = facts_, descriptor, tools

    async def read(self, offset: int, size: int) -> bytes:
        """See OpenObject."""
        if self.descriptor < 0:
            return b""
        data, intact = await asyncio.get_running_loop().run_in_executor(self._tools.threads, self._read, offset, size)
        if not intact or len(data) < min(size, self.facts.size - offset):
            raise StorageTrouble("the file was rewritten in place while it was read")
        return data

    def intact(self) -> bool:
        """See OpenObject."""
        return self.descriptor < 0 or _identity(os.fstat(self.descriptor)) == self.facts.identity

    async def close(self) -> None:
        """See OpenObject."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _read(self, offset: int, size: int) -> tuple[bytes, bool]:
        data = os.pread(self.descriptor, size, offset)
        return data, self.intact()


class Found(NamedTuple):
    """A file of a listing whose eTag is asked for."""

    key: str
    seen: Seen


class Shelf:
    """One bucket. Belongs to one event loop."""

    def __init__(self, bucket: Bucket, tools: Tools, ledger: Ledger) -> None:
        self.bucket, self.tools, self.ledger = bucket, tools, ledger
        self.notes = Notes(tools.database, bucket.name, ledger.presence)
        self.table = VersionTable(tools.database, bucket.name)
        self.recorder = Recorder(tools.database, ledger, self.notes, bucket.name)
        self.ignored = Ignored(bucket.ignore)
        self.root: Root | None = None
        self._known: dict[str, ObjectFacts] = {}
        self._extras: list[bytes] | None = None  # in order; None: not read yet
        self._extra_changes = 0

    async def in_thread(self, function: Callable[..., T], /, *arguments: object) -> T:
        """Run what touches the disk in a thread. Raises StorageTrouble for an OSError, or when the root is not there."""
        return await self.run(self.tools.threads, function, *arguments)

    async def moving(self, size: int, function: Callable[..., T], /, *arguments: object) -> T:
        """The same for what copies or syncs so many bytes."""
        return await self.run(self.tools.bulk if size > MUCH else self.tools.threads, function, *arguments)

    async def run(self, threads: ThreadPoolExecutor, function: Callable[..., T], /, *arguments: object) -> T:
        """The same in threads of the caller's choice."""
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, function, *arguments)
        except RootGone as gone:
            raise StorageTrouble(str(gone)) from gone
        except (OSError, EOFError) as error:
            raise StorageTrouble(f"bucket {self.bucket.name}: {error}") from error

    def opened(self) -> int:
        """The root, open; the caller closes it. In a thread. Raises RootGone."""
        if self.root is not None:
            with contextlib.suppress(RootGone):
                return roots.open_root(self.bucket.path, self.root)
        self.root = roots.find(self.bucket.path, required=self.bucket.mount == "required")
        return roots.open_root(self.bucket.path, self.root)

    def stage(self) -> Staged:
        """A body, empty. In a thread."""
        root = self.opened()
        try:
            return Staged(root)
        finally:
            os.close(root)

    async def rooted(self, function: Callable[..., T], /, *arguments: object) -> T:
        """Run *function* in a thread with the open root before its arguments. Raises as in_thread does."""
        return await self.in_thread(self._rooted, function, *arguments)

    async def listing(self, function: Callable[..., T], /, *arguments: object) -> T:
        """The same in the threads of listings."""
        return await self.run(self.tools.lists, self._rooted, function, *arguments)

    def _rooted(self, function: Callable[..., T], *arguments: object) -> T:
        root = self.opened()
        try:
            return function(root, *arguments)
        finally:
            os.close(root)

    # --- the facts of objects

    async def open(self, key: str) -> Handle:
        """Raises NoSuchKey, StorageTrouble, JournalError."""
        where = self._place(key)
        if where.marker:
            return Handle(await self._marker(key, where), -1, self.tools)
        file, seen = await self.rooted(self._open, key)
        try:
            return Handle(await self._facts(key, file, seen), file, self.tools)
        except BaseException:
            os.close(file)
            raise

    async def facts(self, key: str) -> ObjectFacts | None:
        """Of the object that is there now, or None. Raises StorageTrouble, JournalError."""
        try:
            async with await self.open(key) as handle:
                return handle.facts
        except NoSuchKey:
            return None

    async def etags(self, found: Sequence[Found]) -> dict[str, Note]:
        """For each file of a listing a note, made up where there is none: its eTag and what was said of it."""
        identities = {one.key: identity(one.seen) for one in found}
        known = self._remembered(identities)
        new = [one for one in found if one.key not in known]
        notes = await self.notes.matching({one.key: identities[one.key] for one in new})
        if missing := [one for one in new if one.key not in notes]:
            notes |= await self._dropped(missing)
        for one in new:
            note = notes.get(one.key)
            if note is not None and note.identity == identities[one.key] and not self._may_change(one.seen):
                self._remember(note)
        return known | notes

    async def _dropped(self, found: Sequence[Found]) -> dict[str, Note]:
        """Of files that were dropped by hand: what the source told of them, or what reading them tells."""
        rows = await self.table.versions([one.key for one in found])
        told = {one.key: row for one in found if (row := rows.get(one.key)) is not None and _told_of(row, one.seen)}
        notes = {one.key: Note(one.key, identity(one.seen), told[one.key].etag) for one in found if one.key in told}
        return notes | await self._read_all([one for one in found if one.key not in told])

    def _remembered(self, identities: Mapping[str, Identity]) -> dict[str, Note]:
        """Notes made of what is remembered of just these versions."""
        known = {key: self._known[key] for key in identities if key in self._known}
        return {
            key: Note(key, one.identity, one.etag, one.metadata, extra=self.ignored.key(key))
            for key, one in known.items()
            if one.identity == identities[key]
        }

    def _remember(self, note: Note) -> None:
        passing = note.made_by_hand and "-" in note.etag  # until the source has read it
        if not passing and (note.extra or not self.ignored.key(note.key)):
            self.remember(ObjectFacts(self.bucket.name, note.key, note.identity, note.etag, note.metadata))

    async def extras(self) -> Sequence[bytes]:
        """Keys that are objects only because of a note, in order of their bytes. Nobody but us makes them."""
        while self._extras is None:
            keys, after, began = list[bytes](), "", self._extra_changes
            while notes := await self.notes.extras(after, EXTRAS):
                after = notes[-1].key
                keys += [note.key.encode() for note in notes]
            if began == self._extra_changes:
                self._extras = sorted(set(keys))
        return self._extras

    def note_extra(self, key: str, *, there: bool) -> None:
        """A note makes *key* an object, or does no longer."""
        self._extra_changes += 1
        if self._extras is None:
            return
        name = key.encode()
        index = bisect_left(self._extras, name)
        known = index < len(self._extras) and self._extras[index] == name
        if there and not known:
            self._extras.insert(index, name)
        elif known and not there:
            del self._extras[index]

    def forget(self, key: str) -> None:
        """What is remembered of *key* may not hold any more."""
        self._known.pop(key, None)

    def remember(self, known: ObjectFacts) -> None:
        """What is known of a version that nobody else writes to."""
        if len(self._known) >= KNOWN:
            self._known.clear()
        self._known[known.key] = known

    def _place(self, key: str) -> Place:
        try:
            return place(key)
        except ObjectError as error:
            raise NoSuchKey(self.bucket.name, key) from error

    def _open(self, root: int, key: str) -> tuple[int, Seen]:
        """The file of a key and what it is, in a thread. Raises NoSuchKey."""
        try:
            before = os.stat(key, dir_fd=root, follow_symlinks=False)
            if not stat.S_ISREG(before.st_mode):
                raise NoSuchKey(self.bucket.name, key)
            file = beneath(root, key)
        except OSError as error:
            if error.errno in ABSENT:
                raise NoSuchKey(self.bucket.name, key) from error
            raise
        state = os.fstat(file)
        if stat.S_ISREG(state.st_mode):
            return file, facts(state)
        os.close(file)
        raise NoSuchKey(self.bucket.name, key)

    async def _marker(self, key: str, where: Place) -> ObjectFacts:
        note = await self.notes.newest(key)
        if note is None or not await self.rooted(is_directory, where.directory):
            raise NoSuchKey(self.bucket.name, key)
        return ObjectFacts(self.bucket.name, key, note.identity, NOTHING, note.metadata)

    async def _facts(self, key: str, file: int, seen: Seen) -> ObjectFacts:
        """Of the open file. Raises NoSuchKey when the bucket ignores the name and nobody put it through the API."""
        version = identity(seen)
        known = self._known.get(key)
        if known is not None and known.identity == version:
            return known
        note = (await self.notes.matching({key: version})).get(key)
        if note is None and self.ignored.key(key):
            raise NoSuchKey(self.bucket.name, key)
        if note is None:
            note = await self._of_a_drop(key, file, seen)
        if not self._may_change(seen):
            self._remember(note)
        return ObjectFacts(self.bucket.name, key, version, note.etag, note.metadata)

    async def _of_a_drop(self, key: str, file: int, seen: Seen) -> Note:
        """What can be said of a file that was dropped by hand."""
        row = (await self.table.versions([key])).get(key)
        if row is not None and _told_of(row, seen):
            return Note(key, identity(seen), row.etag)
        note, steady = await self.in_thread(_read_file, key, file, seen)
        if steady:
            await self._cache([note])
        return note

    async def _read_all(self, found: Sequence[Found]) -> dict[str, Note]:
        """The MD5s of files, read; what is gone is left out."""
        if not found:
            return {}
        read = await self.listing(_read_files, found)
        await self._cache([note for note, steady in read.values() if steady])
        return {key: note for key, (note, _) in read.items()}

    async def _cache(self, notes: Sequence[Note]) -> None:
        """Spare the next one the reading. Only that: a store that takes nothing is no reason to answer nothing."""
        if notes:
            with contextlib.suppress(JournalError):
                await self.notes.put(notes)

    @staticmethod
    def _may_change(seen: Seen) -> bool:
        return versions.racy(max(seen.mtime, seen.ctime), time.time_ns())


def identity(seen: Seen) -> Identity:
    """What names a version."""
    return Identity(seen.inode, seen.size, seen.mtime)


def _identity(state: os.stat_result) -> Identity:
    return identity(facts(state))


def _told_of(row: versions.Version, seen: Seen) -> bool:
    """Whether the source has told the eTag of just this content. Where it cannot be sure of that, a small file is read again; of a
    large one all that we could say is made of the same times."""
    if not row.etag or (row.inode, row.size, row.mtime) != (seen.inode, seen.size, seen.mtime):
        return False
    return not row.racy or seen.size > INLINE


def is_directory(root: int, directory: str) -> bool:
    """Whether a directory is there, not through a link. In a thread. Raises OSError when that cannot be told."""
    try:
        os.close(beneath(root, directory, os.O_PATH | os.O_DIRECTORY))
    except OSError as error:
        if error.errno in ABSENT:
            return False
        raise
    return True


def _read_file(key: str, file: int, seen: Seen) -> tuple[Note, bool]:
    """The eTag of an open file, and whether it will stay that of this version. In a thread."""
    version = identity(seen)
    if seen.size > INLINE:
        return Note(key, version, contents.synthetic(seen)), False
    os.lseek(file, 0, os.SEEK_SET)
    etag, count = contents.digest(file, seen.size, lambda: False)
    steady = count == seen.size and facts(os.fstat(file)) == seen
    return Note(key, version, etag), steady and not versions.racy(max(seen.mtime, seen.ctime), time.time_ns())


def _read_files(root: int, found: Sequence[Found]) -> dict[str, tuple[Note, bool]]:
    """The eTags of files as they are now; those that are gone are left out. In a thread."""
    read = {}
    for one in found:
        if one.seen.size > INLINE:
            read[one.key] = Note(one.key, identity(one.seen), contents.synthetic(one.seen)), False
            continue
        try:
            file = beneath(root, one.key)
        except PermissionError:
            read[one.key] = Note(one.key, identity(one.seen), contents.synthetic(one.seen)), False
            continue
        except OSError:
            continue
        try:
            state = os.fstat(file)
            if stat.S_ISREG(state.st_mode):
                read[one.key] = _read_file(one.key, file, facts(state))
        finally:
            os.close(file)
    return read
