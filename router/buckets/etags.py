"""What is known of the files of one bucket: the eTag of each, and what was said of it.

An eTag is the one that the note of a version has; else the one that the source recorded; else, of a file up to INLINE bytes, the MD5
of its content, which is then noted; of a larger one that nobody has read yet it has the form of a multipart upload's, as it would be
had it been uploaded by a client: those take parts from 8 MiB on. A listing reads READ bytes at most, and takes that form for the rest.

Whoever rewrites a file can put its time back, and its size may be the same: its ctime moves on all the same. Where that is not the
one that a note or a row knows, the content is read again, and a note that it contradicts is void."""

import contextlib
import os
import stat
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from router.buckets import contents, versions
from router.buckets.beneath import beneath
from router.buckets.contents import facts
from router.buckets.facts import Identity, ObjectFacts
from router.buckets.keys import Ignored
from router.buckets.notes import Note, Notes
from router.buckets.version_table import VersionTable
from router.buckets.versions import Seen
from router.errors import JournalError

INLINE: Final = 8 * 1024**2  # bytes of a file that is read to say its eTag
READ: Final = 64 * 1024**2  # bytes of all files that one listing reads
KNOWN: Final = 20_000  # objects whose facts are remembered


class Found(NamedTuple):
    """A file whose eTag is asked for."""

    key: str
    seen: Seen


Reader = Callable[[Sequence[Found]], Awaitable[Mapping[str, Note]]]
"""Reads files: by key a note of what each is now, with a ctime when that will not change unnoticed. What is gone is left out."""


class Etags:
    """Of one bucket. Belongs to one event loop. Every call raises JournalError, and what reading raises."""

    def __init__(self, bucket: str, notes: Notes, table: VersionTable, ignored: Ignored) -> None:
        self._bucket, self._notes, self._table, self._ignored = bucket, notes, table, ignored
        self._known: dict[str, tuple[int, ObjectFacts]] = {}  # by key: ctime, and what holds as long as the file has it

    async def notes(self, found: Sequence[Found], read: Reader) -> dict[str, Note]:
        """For each file a note, made up where there is none; what is no object, or gone, is left out."""
        known = {one.key: self._as_known(facts_) for one in found if (facts_ := self.known(*one)) is not None}
        new = [one for one in found if one.key not in known]
        if not new:
            return known
        seen = {one.key: one.seen for one in new}
        settled = await self._settled(seen, read)
        for key, note in settled.items():
            if _holds(note, seen[key]) and not may_change(seen[key]):
                self.remember(ObjectFacts(self._bucket, key, note.identity, note.etag, note.metadata), seen[key].ctime)
        return known | settled

    def known(self, key: str, seen: Seen) -> ObjectFacts | None:
        """What is remembered of just this file."""
        ctime, known = self._known.get(key, (0, None))
        return known if known is not None and (ctime, known.identity) == (seen.ctime, identity(seen)) else None

    def forget(self, key: str) -> None:
        """What is remembered of *key* may not hold any more."""
        self._known.pop(key, None)

    def remember(self, known: ObjectFacts, ctime: int) -> None:
        """What is known of a version that nobody else writes to."""
        if len(self._known) >= KNOWN:
            self._known.clear()
        self._known[known.key] = ctime, known

    @staticmethod
    def _as_known(known: ObjectFacts) -> Note:
        return Note(known.key, known.identity, known.etag, known.metadata)

    async def _settled(self, seen: Mapping[str, Seen], read: Reader) -> dict[str, Note]:
        """The same of what is not remembered. A name that the bucket ignores is an object only when it was put through the API."""
        notes = await self._notes.matching({key: identity(one) for key, one in seen.items()})
        ignored = {key for key in seen if self._ignored.key(key) and not (key in notes and notes[key].event)}
        certain = {key: note for key, note in notes.items() if key not in ignored and _holds(note, seen[key])}
        doubtful = {key: one for key, one in seen.items() if key not in certain and key not in ignored}
        if not doubtful:
            return certain
        rows = await self._table.versions(doubtful)
        told = {key: _as_told(key, row) for key, row in rows.items() if _told_of(row, seen[key])}
        untold = [Found(key, one) for key, one in doubtful.items() if key not in told]
        learned = told | dict(await read(untold) if untold else {})
        pairs = {key: _judged(notes.get(key), learned.get(key)) for key in doubtful}
        await self._learn([(note, notes.get(key)) for key, note in pairs.items() if note is not None and key not in told])
        hidden = {key for key, note in pairs.items() if note is not None and not note.event and self._ignored.key(key)}
        return certain | {key: note for key, note in pairs.items() if note is not None and key not in hidden}

    async def _learn(self, pairs: Sequence[tuple[Note, Note | None]]) -> None:
        """Spare the next one the reading. Only that: a store that takes nothing is no reason to answer nothing."""
        new = [
            (note, former) for note, former in pairs if note.ctime and note != former and (note.event or not self._ignored.key(note.key))
        ]
        if new:
            with contextlib.suppress(JournalError):
                await self._notes.learn(new)


def identity(seen: Seen) -> Identity:
    """What names a version."""
    return Identity(seen.inode, seen.size, seen.mtime)


def may_change(seen: Seen) -> bool:
    """Whether the file may change again without its times moving on."""
    return versions.racy(max(seen.mtime, seen.ctime), time.time_ns())


def _holds(note: Note, seen: Seen) -> bool:
    """Whether the note speaks of the file as it is; the eTag of parts is not the content's, which cannot contradict it."""
    if note.identity != identity(seen):
        return False
    return note.ctime == seen.ctime or (bool(note.event) and "-" in note.etag)


def _judged(note: Note | None, learned: Note | None) -> Note | None:
    """The note that holds, of one that is in doubt and of what was learned of the file meanwhile."""
    if note is None or learned is None:
        return note or learned
    if learned.identity != note.identity or ("-" in learned.etag and not learned.ctime):
        return note  # another file by now, or not read
    guessed = not note.event and "-" in note.etag  # when somebody tagged it, nobody had read it
    return replace(note, etag=learned.etag, ctime=learned.ctime) if guessed or note.etag == learned.etag else learned


def _told_of(row: versions.Version, seen: Seen) -> bool:
    """Whether the source has told the eTag of just this content. Where it cannot be sure of that, a small file is read again; of a
    large one all that we could say is made of the same times."""
    if not row.etag or (row.inode, row.size, row.mtime) != identity(seen):
        return False
    return (row.ctime == seen.ctime and not row.racy) or seen.size > INLINE


def _as_told(key: str, row: versions.Version) -> Note:
    return Note(key, Identity(row.inode, row.size, row.mtime), row.etag, ctime=0 if row.racy else row.ctime)


def read_open(key: str, file: int, seen: Seen) -> Note:
    """What an open file is. In a thread."""
    version = identity(seen)
    if seen.size > INLINE:
        return Note(key, version, contents.synthetic(seen))
    os.lseek(file, 0, os.SEEK_SET)
    etag, count = contents.digest(file, seen.size, lambda: False)
    steady = count == seen.size and facts(os.fstat(file)) == seen and not may_change(seen)
    return Note(key, version, etag, ctime=seen.ctime if steady else 0)


def read_all(root: int, found: Sequence[Found]) -> dict[str, Note]:
    """What files are now; those that are gone are left out. In a thread."""
    read, left = dict[str, Note](), READ
    for one in found:
        if one.seen.size > min(INLINE, left):
            read[one.key] = Note(one.key, identity(one.seen), contents.synthetic(one.seen))
            continue
        try:
            file = beneath(root, one.key)
        except PermissionError:
            read[one.key] = Note(one.key, identity(one.seen), contents.synthetic(one.seen))
            continue
        except OSError:
            continue
        try:
            state = os.fstat(file)
            if stat.S_ISREG(state.st_mode):
                read[one.key] = read_open(one.key, file, facts(state))
                left -= one.seen.size
        finally:
            os.close(file)
    return read
