"""What the object store changes in one bucket: bodies become objects, objects go, tags change. Each is told once.

The line that makes a put durable is the rename in Staged.publish, after the note was committed and the content synced. A death before
it leaves the former object, and nothing is told; a death after it leaves the new one with its note, and the source tells:
before that version is replaced or removed, the store does if nobody has told of it until then. What was begun ends even when its caller no longer waits."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from router.buckets import clearing, folders, staging
from router.buckets.etags import identity
from router.buckets.facts import ANYWAY, NOBODY, NOTHING, Condition, Identity, Metadata, ObjectFacts, matches
from router.buckets.notes import Note
from router.buckets.object_errors import BadName, Conflict, FolderThere, KeyConflict, NoSuchKey, PreconditionFailed, StorageTrouble
from router.buckets.object_keys import Place, place
from router.buckets.placing import any_there, prepared, published
from router.buckets.shelf import Shelf, is_directory
from router.buckets.staging import Gone, Staged
from router.buckets.tree import examined
from router.buckets.versions import Seen, Version
from router.errors import JournalError
from router.events.s3 import CREATED, TAGGED, UNTAGGED, Caller
from router.journal.base import Beside

T = TypeVar("T")


PAGE: Final = 500  # notes looked at together by a sweep

Making = Callable[[Note], Beside]
"""What is recorded with the note of a version, before it is in place."""


class Origin(NamedTuple):
    """How an object comes to be."""

    caller: Caller = NOBODY
    event: str = CREATED
    condition: Condition = ANYWAY
    beside: Making | None = None
    begun: float = 0.0  # epoch seconds: a conditional write that began then may not find an object that changed since; 0: at once


class Changes:
    """Of one bucket."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._under_way = set[asyncio.Task[Any]]()

    async def put(self, key: str, staged: Staged, etag: str, metadata: Metadata, origin: Origin) -> ObjectFacts:
        """Make a body the object. The body is closed whatever happens. Raises as objects.Upload.commit."""
        return await self.to_its_end(self._put(key, staged, etag, metadata, origin))

    async def delete(self, key: str, condition: Condition, caller: Caller) -> bool:
        """Remove an object; False: it was not there. Raises NoSuchKey where it was not, and *condition* wants one."""
        return await self.to_its_end(self._delete(key, condition, caller))

    async def clear(self, key: str, sequencer: str, to: Path | None) -> Path | bool:
        """Delete the version that was told with this *sequencer*, or move it below *to*, and tell that it is gone; False: it is not there any more.

        Where it was moved, its path. Raises StorageTrouble, JournalError."""
        return await self.to_its_end(self._clear(key, sequencer, to))

    async def tag(self, key: str, tags: Mapping[str, str], caller: Caller) -> ObjectFacts:
        """Set all tags of an object. Raises NoSuchKey."""
        return await self.to_its_end(self._tag(key, tags, caller))

    async def to_its_end(self, work: Coroutine[Any, Any, T]) -> T:
        """Have it done even when the caller is cancelled."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def sweep(self, before: float) -> None:
        """Forget notes from before a time (epoch seconds) whose versions are gone."""
        shelf, after = self._shelf, None
        while notes := await shelf.notes.page(after, PAGE):
            after = notes[-1]
            await self._show(notes)
            old = [note for note in notes if note.identity.mtime < before * 1e9]
            if gone := await shelf.rooted(_gone, old):
                await shelf.notes.drop_these(gone)
            for note in gone:
                if note.extra and await shelf.notes.newest(note.key) is None:
                    shelf.note_extra(note.key, there=False)

    async def _show(self, notes: Sequence[Note]) -> None:
        """The bucket may ignore other names than when these were put: they are objects all the same, and a listing has to know."""
        shelf, moved = self._shelf, list[Note]()
        for note in notes:
            extra = note.key.endswith("/") or shelf.ignored.key(note.key)
            if note.event and note.extra != extra:
                moved.append(replace(note, extra=extra))
        if moved:
            await shelf.notes.show(moved)
        for note in moved:
            shelf.note_extra(note.key, there=note.extra)

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        while self._under_way:
            await asyncio.wait(set(self._under_way))

    # --- putting

    async def _put(self, key: str, staged: Staged, etag: str, metadata: Metadata, origin: Origin) -> ObjectFacts:
        shelf = self._shelf
        try:
            where = place(key)
            async with shelf.ledger.holds.changing(key):
                await self._check(key, origin)
                if where.marker:
                    return await self._mark(key, where, staged.size, metadata, origin)
                return await self._place(
                    key, where, staged, Note(key, _NOWHERE, etag, metadata, origin.event, origin.caller), origin.beside
                )
        finally:
            if not staged.closed:
                await shelf.in_thread(staged.close)

    async def _place(self, key: str, where: Place, staged: Staged, draft: Note, making: Making | None) -> ObjectFacts:
        """Note, rename, tell."""
        shelf = self._shelf
        directory, version, former = await self._prepare(key, where, staged)
        try:
            note = replace(draft, identity=version, extra=shelf.ignored.key(key))
            beside = making(note) if making is not None else None
            noted = shelf.notes.put([note], beside, accepting=True)
            _, _, row = await asyncio.gather(noted, shelf.moving(staged.size, staged.sync), shelf.recorder.row(key))
            row = await self._caught_up(key, former, row) if former is not None else await self._cleared(key, row)
            seen: Seen = await shelf.in_thread(published, shelf, where, staged, directory)
        finally:
            os.close(directory)
        found = ObjectFacts(shelf.bucket.name, key, version, note.etag, note.metadata)
        shelf.etags.remember(found, seen.ctime)
        if note.extra:
            shelf.note_extra(key, there=True)
        if shelf.root is not None:
            await shelf.recorder.created(shelf.root, note, seen, row)
        return found

    async def _prepare(self, key: str, where: Place, staged: Staged) -> tuple[int, Identity, Seen | None]:
        """See placing.prepared(). Empty directories are in nobody's way, but for those that are objects. Raises KeyConflict."""
        shelf = self._shelf
        try:
            return await shelf.rooted(partial(prepared, emptying=False), where, staged)
        except FolderThere:
            async with shelf.ledger.folders:
                if await shelf.rooted(any_there, await shelf.folders(f"{key}/")):
                    raise KeyConflict("a folder that is an object stands under this key, or below it") from None
                return await shelf.rooted(partial(prepared, emptying=True), where, staged)

    async def _mark(self, key: str, where: Place, size: int, metadata: Metadata, origin: Origin) -> ObjectFacts:
        """A folder marker: a directory, and a note that makes it an object."""
        shelf = self._shelf
        if size:
            raise BadName("a key that ends in / is a folder here, and a folder has no content")
        async with shelf.ledger.folders:
            os.close(await shelf.rooted(staging.parent, where.directory))
            now = time.time_ns()
            version = Identity(0, 0, now)
            note = Note(key, version, NOTHING, metadata, origin.event, origin.caller, extra=True)
            await shelf.recorder.marked(note, now)
            shelf.note_extra(key, there=True)
        return ObjectFacts(shelf.bucket.name, key, version, NOTHING, metadata)

    async def _check(self, key: str, origin: Origin) -> None:
        """Raises PreconditionFailed, NoSuchKey, Conflict."""
        condition = origin.condition
        if condition == ANYWAY:
            return
        there = await self._shelf.facts(key)
        if condition.if_none_match and there is not None:
            raise PreconditionFailed("If-None-Match")
        if condition.if_match:
            if there is None:
                raise NoSuchKey(self._shelf.bucket.name, key)
            if not matches(there.etag, condition.if_match):
                raise PreconditionFailed("If-Match")
            if origin.begun and there.modified > origin.begun:
                raise Conflict("the object changed while it was uploaded")

    # --- removing

    async def _delete(self, key: str, condition: Condition, caller: Caller) -> bool:
        shelf = self._shelf
        where = place(key)
        async with shelf.ledger.holds.changing(key):
            if condition.if_match or where.marker or shelf.ignored.key(key):
                there = await shelf.facts(key)
                if there is None and condition.if_match:
                    raise NoSuchKey(shelf.bucket.name, key)
                if there is None:
                    return False
                if condition.if_match and not matches(there.etag, condition.if_match):
                    raise PreconditionFailed("If-Match")
            shelf.etags.forget(key)
            if where.marker:
                await self._unmark(key, where, caller)
                return True
            row, former = await asyncio.gather(shelf.recorder.row(key), shelf.rooted(examined, [key.encode()]))
            row = await self._caught_up(key, former.get(key), row)
            removed = await shelf.rooted(staging.remove, where)
            shelf.note_extra(key, there=False)
            if removed and shelf.root is not None:
                await shelf.recorder.removed(shelf.root, key, row, time.time_ns(), caller)
            if removed is Gone.EMPTIED:
                await self._prune(where.directory)
            return bool(removed)

    async def _prune(self, directory: str) -> None:
        """Directories that the store made go with their last object, but for those that are objects; what gives trouble stays."""
        shelf, above = self._shelf, list[str]()
        while directory:
            above.append(directory)
            directory = directory.rpartition("/")[0]
        with contextlib.suppress(StorageTrouble, JournalError):
            async with shelf.ledger.folders:
                kept = [one for one in above if await shelf.is_folder(one)]
                await shelf.rooted(folders.prune, above[0], kept)

    async def _cleared(self, key: str, row: Version | None) -> Version | None:
        """The row of *key*, under which no file is, once it has been told that what it tells of is gone: that may be left to the source still.

        Raises as _caught_up does."""
        shelf = self._shelf
        if row is None or shelf.root is None or row.root != shelf.root.number:
            return row
        await shelf.recorder.vanished(key, row, time.time_ns())
        return None

    async def _clear(self, key: str, sequencer: str, to: Path | None) -> Path | bool:
        shelf = self._shelf
        where = place(key)
        async with shelf.ledger.holds.changing(key):
            row, found = await asyncio.gather(shelf.recorder.row(key), shelf.rooted(examined, [key.encode()]))
            if row is None or row.sequencer != sequencer or not clearing.untouched(found.get(key), row):
                return False
            shelf.etags.forget(key)
            version = Identity(row.inode, row.size, row.mtime)
            done: Path | bool | None
            if to is None:
                done = await shelf.rooted(clearing.delete, where, version)
            else:
                done = await shelf.rooted(clearing.move, where, version, to, sequencer)
            if not done:
                return False
            shelf.note_extra(key, there=False)
            if shelf.root is not None:
                await shelf.recorder.removed(shelf.root, key, row, time.time_ns(), NOBODY)
            return done

    async def _caught_up(self, key: str, former: Seen | None, row: Version | None) -> Version | None:
        """The row of *key*, once the version that is about to go has been told, if it was put here: it may be left to the source still.

        *former*: its file. Raises StorageTrouble when it cannot be told now, JournalError."""
        shelf = self._shelf
        if former is None or shelf.root is None:
            return row
        version = identity(former)
        if row is not None and (row.inode, row.size, row.mtime) == version:
            return row
        note = (await shelf.notes.matching({key: version})).get(key)
        if note is None or not note.event:
            return row
        return await shelf.recorder.overdue(shelf.root, note, former, row)

    async def _unmark(self, key: str, where: Place, caller: Caller) -> None:
        """A folder that is empty goes with its marker."""
        shelf, above = self._shelf, where.directory.rpartition("/")[0]
        await shelf.recorder.unmarked(key, time.time_ns(), caller)
        shelf.note_extra(key, there=False)
        async with shelf.ledger.folders:
            gone = await shelf.rooted(folders.remove_directory, where.directory)
        if gone and above:
            await self._prune(above)

    # --- tags

    async def _tag(self, key: str, tags: Mapping[str, str], caller: Caller) -> ObjectFacts:
        shelf = self._shelf
        async with shelf.ledger.holds.changing(key):
            async with await shelf.open(key) as handle:
                there = handle.facts
            found = replace(there, metadata=replace(there.metadata, tags=dict(tags)))
            former = (await shelf.notes.matching({key: there.identity})).get(key)
            if former is None or former.etag != there.etag:
                former = Note(key, there.identity, there.etag, extra=False)
            note = replace(former, metadata=found.metadata)
            shelf.etags.forget(key)
            await shelf.recorder.retagged(note, TAGGED if tags else UNTAGGED, time.time_ns(), caller)
            return found


_NOWHERE: Final = Identity(0, 0, 0)


def _gone(root: int, notes: list[Note]) -> list[Note]:
    """Those whose version is not there. In a thread."""
    files = sorted((note for note in notes if not note.key.endswith("/")), key=lambda note: note.key.encode())
    seen = examined(root, [note.key.encode() for note in files])
    gone = [note for note in files if note.key not in seen or not note.is_of(identity(seen[note.key]))]
    return gone + [note for note in notes if note.key.endswith("/") and not is_directory(root, note.key[:-1])]
