"""What a look at a key of a bucket found, and what is to be told of it. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from router.buckets.facts import Identity
from router.buckets.notes import Note
from router.buckets.versions import Seen, Version, same_file
from router.buckets.worklist import Work


class Found(NamedTuple):
    """A key that was looked at."""

    key: str
    work: Work
    row: Version | None
    seen: Seen | None
    wall_ns: int  # before the look
    turn: int  # of the bucket's holds, before the look
    note: Note | None = None  # what the object store left of this very version
    void: bool = False  # it left a note, and the content is another
    gone: int = 0  # of one that is gone: when its directory changed last, epoch nanoseconds


class Change(NamedTuple):
    """What is to be recorded of a key, and told before."""

    found: Found
    version: Version | None  # None: gone
    name: str  # of the event; "": none
    sequencer: str


def floor_of(changes: Sequence[Change]) -> str:
    """The greatest sequencer of an object that is gone; "" when there is none."""
    return max((change.sequencer for change in changes if change.version is None), default="")


def doubtful(row: Version | None, seen: Seen) -> bool:
    """Whether the row alone does not tell that this is what was recorded. A content's MD5 may be another than the eTag: of parts."""
    return row is None or row.racy or not same_file(row, seen) or seen.etag not in {"", row.etag}


def identity_of(seen: Seen) -> Identity:
    """By what a file is known again."""
    return Identity(seen.inode, seen.size, seen.mtime)


def noted(found: Found, note: Note) -> Found:
    """The same, knowing what the object store left of this version: its eTag is the note's, unless the content is another.

    One that was not read yet may be: size and time can be put back."""
    seen = found.seen
    if seen is None or _contradicts(note, seen):
        return found._replace(void=True)
    if not seen.etag and "-" not in note.etag:
        return found._replace(note=note)
    return found._replace(note=note, seen=replace(seen, etag=note.etag))


def _contradicts(note: Note, seen: Seen) -> bool:
    """Whether the content that was read is another than the note says. The eTag of parts is not the content's, nor one that was made up."""
    return bool(seen.etag) and "-" not in seen.etag and "-" not in note.etag and seen.etag != note.etag
