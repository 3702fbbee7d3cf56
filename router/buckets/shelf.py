"""One bucket as the object store sees it: its root, its threads, and the facts of each object."""

import asyncio
import contextlib
import errno
import os
import stat
from bisect import bisect_left
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice, takewhile
from typing import Final, Self, TypeVar

from router.buckets import contents, roots
from router.buckets.beneath import beneath
from router.buckets.contents import facts
from router.buckets.etags import Etags, Found, identity, read_all, read_open
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
from router.journal.database import Database

T = TypeVar("T")

EXTRAS: Final = 1000  # notes read at once
SHORT, LONG = 8, 2  # threads
MUCH: Final = 32 * 1024**2  # bytes whose copying or syncing is for the threads of much data

ABSENT: Final = contents.ABSENT | {errno.EISDIR}


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


class Shelf:
    """One bucket. Belongs to one event loop."""

    def __init__(self, bucket: Bucket, tools: Tools, ledger: Ledger) -> None:
        self.bucket, self.tools, self.ledger = bucket, tools, ledger
        self.notes = Notes(tools.database, bucket.name, ledger.presence)
        self.table = VersionTable(tools.database, bucket.name)
        self.recorder = Recorder(tools.database, ledger, self.notes, bucket.name)
        self.ignored = Ignored(bucket.ignore)
        self.etags = Etags(bucket.name, self.notes, self.table, self.ignored)
        self.root: Root | None = None
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
                return roots.open_root(self.bucket.place, self.root)
        self.root = roots.find(self.bucket.place, required=self.bucket.mount == "required")
        return roots.open_root(self.bucket.place, self.root)

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

    async def noted(self, found: Sequence[Found]) -> dict[str, Note]:
        """For each file of a listing that is an object a note, made up where there is none: its eTag and what was said of it."""
        return await self.etags.notes(found, partial(self.listing, read_all))

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

    async def is_folder(self, directory: str) -> bool:
        """Whether a note makes a directory an object."""
        keys, key = await self.extras(), f"{directory}/".encode()
        index = bisect_left(keys, key)
        return index < len(keys) and keys[index] == key

    async def folders(self, prefix: str) -> list[str]:
        """The directories of folder markers whose keys begin with *prefix*."""
        keys, sought = await self.extras(), prefix.encode()
        found = takewhile(lambda key: key.startswith(sought), islice(keys, bisect_left(keys, sought), None))
        return [key[:-1].decode() for key in found if key.endswith(b"/")]

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
        if (known := self.etags.known(key, seen)) is not None:
            return known

        async def read(_: Sequence[Found]) -> dict[str, Note]:
            return {key: await self.in_thread(read_open, key, file, seen)}

        note = (await self.etags.notes([Found(key, seen)], read)).get(key)
        if note is None:
            raise NoSuchKey(self.bucket.name, key)
        return ObjectFacts(self.bucket.name, key, identity(seen), note.etag, note.metadata)


def _identity(state: os.stat_result) -> Identity:
    return identity(facts(state))


def is_directory(root: int, directory: str) -> bool:
    """Whether a directory is there, not through a link. In a thread. Raises OSError when that cannot be told."""
    try:
        os.close(beneath(root, directory, os.O_PATH | os.O_DIRECTORY))
    except OSError as error:
        if error.errno in ABSENT:
            return False
        raise
    return True
