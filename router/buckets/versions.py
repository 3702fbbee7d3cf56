"""What counts as a new version of an object, and when a file is complete. Pure.

Rules (docs/fidelity.md): content that was rewritten is a new version, be it by rename over with an older time, or with the same
bytes when the writing was watched; a touch, a chmod or a new hard link alone is none. A file is complete when it was closed
after writing or moved in and nobody has it open for writing; when the kernel, which knows all who could, says that nobody has; or
when it stood still long enough."""

import zlib
from dataclasses import dataclass
from enum import Enum
from typing import Final

# Signs: why a key is looked at; one number may hold several.
CLOSED: Final = 1  # closed after it was open for writing
MOVED: Final = 2  # moved in, whole
CREATED: Final = 4  # a new name: perhaps still being written, perhaps a hard link
CHANGED: Final = 8  # its attributes changed (times, mode, links)
GONE: Final = 16  # deleted or moved out
FOUND: Final = 32  # a scan saw that it is not as it was recorded

COMPLETE: Final = CLOSED | MOVED  # the file was whole at that moment

PATIENCE: Final = 15  # settle times that a file may stand still while somebody has it open for writing
MAX: Final = 2**63 - 1  # what a column of the store holds


@dataclass(frozen=True, slots=True)
class Version:
    """A version that was reported: a row of the version table."""

    root: int  # number of the root it was seen under
    inode: int
    size: int  # bytes
    mtime: int  # epoch nanoseconds
    ctime: int  # epoch nanoseconds
    etag: str  # "" when no function wanted the key
    sequencer: str
    racy: bool  # looked at within the granularity of its times: a later write may have left them unchanged


@dataclass(frozen=True, slots=True)
class Seen:
    """A regular file as it was found."""

    inode: int
    size: int
    mtime: int
    ctime: int
    etag: str = ""  # "": content not read
    writing: bool | None = None  # somebody has it open for writing, or it changed while it was read; None: there is no telling


@dataclass(frozen=True, slots=True)
class Still:
    """A file that is watched standing still."""

    signature: tuple[int, int, int]  # inode, size, mtime
    since: float  # monotonic seconds


class Verdict(Enum):
    """What is to be done about a key."""

    NOTHING = "nothing"
    CREATED = "created"  # report a new version
    REMOVED = "removed"  # report that the object is gone
    REFRESH = "refresh"  # same content: record its new times, report nothing
    FORGET = "forget"  # the row belongs to a directory that was replaced: drop it, report nothing


def same_file(row: Version, seen: Seen) -> bool:
    """Whether nothing that the file system records has changed."""
    return (row.inode, row.size, row.mtime, row.ctime) == (seen.inode, seen.size, seen.mtime, seen.ctime)


def judge(row: Version | None, seen: Seen | None, *, signs: int, root: int) -> Verdict:
    """Compare what was recorded with what is there; *seen* None: no object is there."""
    if seen is None:
        return _judge_absent(row, root)
    if row is None:
        return Verdict.CREATED
    here = row.root == root
    if same_file(row, seen):
        if seen.etag not in {"", row.etag}:
            return Verdict.CREATED  # rewritten within one tick of the file system's clock
        return Verdict.NOTHING if here and not row.racy else Verdict.REFRESH
    if row.size != seen.size or (here and row.inode != seen.inode):
        return Verdict.CREATED
    rewritten = signs & CLOSED and not signs & CHANGED  # touch(1) closes too, but changes attributes
    if here and rewritten and row.mtime != seen.mtime:
        return Verdict.CREATED
    return Verdict.REFRESH if seen.etag == row.etag else Verdict.CREATED


def _judge_absent(row: Version | None, root: int) -> Verdict:
    if row is None:
        return Verdict.NOTHING
    if row.root == root:
        return Verdict.REMOVED
    plain = row.root > 0 and root > 0  # neither was a mount point: the former directory is not coming back
    return Verdict.FORGET if plain else Verdict.NOTHING


def needs_content(row: Version | None, seen: Seen, signs: int) -> bool:
    """Whether the verdict, or the event, needs the etag of the content."""
    if row is None or not same_file(row, seen):
        return True
    return row.racy and bool(signs & (CLOSED | FOUND))


def settle(seen: Seen, signs: int, before: Still | None, *, now: float, wall_ns: int, seconds: float) -> Still | None:
    """None when the file is complete; else what to compare with when it is looked at again, at most *seconds* later.

    *now* is monotonic, *wall_ns* the wall clock: a file last written long ago need not be watched standing still."""
    if seen.writing is False or (signs & COMPLETE and not seen.writing):
        return None
    signature = (seen.inode, seen.size, seen.mtime)
    since = before.since if before is not None and before.signature == signature else now
    still = max(now - since, (wall_ns - seen.mtime) / 1e9)
    return None if still >= seconds * (PATIENCE if seen.writing else 1) else Still(signature, since)


def racy(changed_ns: int, wall_ns: int) -> bool:
    """Whether a file changed at *changed_ns* and looked at *wall_ns* may change again without its times moving on.

    The kernel's tick is at most 10 ms; file systems that count in whole seconds (times without a fraction) tick every 1 or 2 s."""
    tick = 2_100_000_000 if changed_ns % 1_000_000_000 == 0 else 20_000_000
    return wall_ns - changed_ns < tick


def stir(seen: Seen) -> int:
    """A number from 1 to 65536 made of the version: keeps sequencers of different successors apart when time stands still."""
    return 1 + (zlib.crc32(f"{seen.inode} {seen.size} {seen.mtime} {seen.ctime} {seen.etag}".encode()) & 0xFFFF)
