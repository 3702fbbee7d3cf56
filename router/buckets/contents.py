"""Looking at one file: is it a regular file, what are its size and times, what is its MD5. Touches the disk: run in a thread.

The eTag is the MD5 of the content up to WHOLE bytes. Above, it has the form of a multipart upload's and is made of inode, size
and time: a sparse file of a terabyte is not read to say that it arrived."""

import contextlib
import errno
import fcntl
import hashlib
import os
import signal
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from router.buckets.beneath import beneath
from router.buckets.versions import MAX, Seen

SMALL: Final = 256 * 1024  # bytes; read at once, among others
WHOLE: Final = 1024**3  # bytes; the largest file whose content is read
_PART: Final = 128 * 1024**2  # bytes of a part, in the number of parts that a large file's eTag names
_CHUNK: Final = 1024**2  # bytes read at once
ELSEWHERE: Final = -1  # no file system's st_dev

ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV, errno.ENAMETOOLONG, errno.ENXIO})  # no file is there


@dataclass(frozen=True, slots=True)
class Trouble:
    """A file that is there and cannot be looked at."""

    reason: str  # for people and metrics: "unreadable" or the name of the error
    told: str  # the system's words
    ctime: int = 0  # epoch nanoseconds; tells whether it changed since


Look = Seen | Trouble | None  # None: no object under this key


class CutShort(Exception):
    """Nobody waits for this look any more: what was read so far says nothing."""


def facts(state: os.stat_result) -> Seen:
    """What the file system says of a file, each number cut to what the store can hold."""
    mtime, ctime = state.st_mtime_ns, state.st_ctime_ns
    if not (0 <= mtime <= MAX and 0 <= ctime <= MAX):
        mtime, ctime = _within(mtime), _within(ctime)
    return Seen(state.st_ino & MAX, state.st_size & MAX, mtime, ctime)


def _within(moment: int) -> int:
    """A time from 1970 on and until the 23rd century: others count as the nearest."""
    return min(max(0, moment), MAX)


def look(root: int, key: str, *, upto: int, device: int = ELSEWHERE, ended: Callable[[], bool] = lambda: False) -> Look:
    """Look at *key* below the directory open as *root*; read the content when it has at most *upto* bytes.

    *device*: st_dev of a file system of which the kernel knows all who write; of others' files nobody can say that none does.
    Links, FIFOs, sockets, devices and directories are no objects, and are not opened. Raises CutShort within a content once *ended*."""
    try:
        before = os.stat(key, dir_fd=root, follow_symlinks=False)
        if not stat.S_ISREG(before.st_mode):
            return None
        file = beneath(root, key)
    except OSError as error:
        return _trouble(root, key, error)
    try:
        return _read(file, upto, device, ended)
    except OSError as error:
        return Trouble(errno.errorcode.get(error.errno or 0, "error"), error.strerror or str(error))
    finally:
        os.close(file)


def gone_since(root: int, key: str) -> int:
    """When *key* went, at the latest: epoch nanoseconds at which the nearest directory above it that is left last changed.

    The file system's own clock: whatever was in the file before, its times are not later than this."""
    directory = key
    while directory:
        directory = directory.rpartition("/")[0]
        with contextlib.suppress(OSError):
            return _within(os.stat(directory or ".", dir_fd=root, follow_symlinks=False).st_mtime_ns)
    return 0


def _read(file: int, upto: int, device: int, ended: Callable[[], bool]) -> Seen | None:
    before = os.fstat(file)
    if not stat.S_ISREG(before.st_mode):
        return None
    seen, known = facts(before), before.st_dev == device
    if seen.size > WHOLE:
        return replace(seen, etag=synthetic(seen), writing=_written(file, known=known))
    if seen.size > upto:
        return replace(seen, writing=_written(file, known=known))
    etag, count = digest(file, seen.size, ended)
    steady = count == seen.size and facts(os.fstat(file)) == seen
    return replace(seen, etag=etag, writing=_written(file, known=known) if steady else True)


def digest(file: int, size: int, ended: Callable[[], bool]) -> tuple[str, int]:
    """MD5 of the content and how many bytes it was made of; stops when the file outgrows *size*. Raises CutShort."""
    made, count = hashlib.md5(usedforsecurity=False), 0
    while count <= size and (chunk := os.read(file, wanted := min(_CHUNK, size + 1))):
        made.update(chunk)
        count += len(chunk)
        if count == size and len(chunk) < wanted:
            break  # the end, without one more call that gives the interpreter away
        if ended():
            raise CutShort
    return made.hexdigest(), count


def synthetic(seen: Seen) -> str:
    """The eTag of a file whose content is not read: made of inode, size and time, in the form of a multipart upload's."""
    made = hashlib.md5(f"{seen.inode} {seen.size} {seen.mtime}".encode(), usedforsecurity=False).hexdigest()
    return f"{made}-{min(10_000, -(-seen.size // _PART))}"


def _written(file: int, *, known: bool) -> bool | None:
    """Whether some process has the file open for writing: then the kernel grants no read lease. None: it cannot be said.

    Only the file's owner may ask; for everybody else there is no answer, and standing still has to do. So it is where somebody may write whom
    the kernel does not know (not *known*), and it grants the lease. That ends with the descriptor, which the caller closes next; a writer
    who comes in between waits for that, and the signal that tells us of him is one that is ignored."""
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
        try:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except OSError as error:
            return True if error.errno == errno.EAGAIN else None
        return False if known else None
    return None


def _trouble(root: int, key: str, error: OSError) -> Trouble | None:
    """What an error on the way to the file means: no object there, or one that cannot be opened."""
    if error.errno in ABSENT:
        return None
    changed = 0
    with contextlib.suppress(OSError):
        changed = facts(os.stat(key, dir_fd=root, follow_symlinks=False)).ctime
    reason = "unreadable" if error.errno in {errno.EACCES, errno.EPERM} else errno.errorcode.get(error.errno or 0, "error")
    return Trouble(reason, error.strerror or str(error), changed)
