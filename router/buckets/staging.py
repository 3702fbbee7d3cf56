"""A body on its way to being an object: a file in the bucket's own staging directory, renamed into place when it is whole.

Every step works on one name relative to a directory that was opened beneath the root, without following links. Touches the disk:
run in a thread, one at a time. Raises OSError, but for what object_errors.py has a word for."""

import contextlib
import errno
import fcntl
import os
import secrets
import stat
import threading
import time
from collections.abc import Iterator
from enum import IntEnum
from typing import Final

from router.buckets.beneath import beneath
from router.buckets.contents import ABSENT, facts
from router.buckets.facts import Identity
from router.buckets.folders import DIRECTORY, deserted, made, remove_empty
from router.buckets.keys import STAGING, join
from router.buckets.object_errors import FolderThere, KeyConflict
from router.buckets.object_keys import Place
from router.buckets.versions import Seen

BODY: Final = "put-"  # how the names of bodies begin
TRACE: Final = "beside-"  # and those of links that lead to bodies beside their place
COPY: Final = 64 * 1024**2  # bytes copied by one call: the thread looks up in between
_ZEROS: Final = bytes(1024**2)
_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_RANGE: Final = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF})
_TRIES: Final = 8  # directories that vanish between their making and their use


class Staged:
    """One body. Ends with publish() and close(), or with close() alone, which removes it."""

    def __init__(self, root: int) -> None:
        """Make it, empty, below the directory open as *root*."""
        self.directory = staging(root)
        self._name = f"{BODY}{secrets.token_hex(12)}"
        try:
            self.file = os.open(self._name, _NEW, 0o666, dir_fd=self.directory)
        except BaseException:
            os.close(self.directory)
            raise
        fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # tells a sweep that somebody is at it
        self.size = 0
        self.closed = False
        self._trace, self._home = "", -1  # a link in the staging directory, once the body has left that

    def write(self, data: bytes | memoryview) -> None:
        """Append. Whole mebibytes of zeros become holes."""
        if data == _ZEROS:
            self.size += len(data)
            return
        view = memoryview(data)
        while view:
            count = os.pwrite(self.file, view, self.size)
            self.size, view = self.size + count, view[count:]

    def take(self, source: int, first: int, size: int) -> None:
        """Append *size* bytes of another file from byte *first*, its holes as holes; inside the kernel where it can.

        Raises EOFError when it has fewer."""
        for begin, end in _data(source, first, first + size):
            self.size += begin - first
            self._copy(source, begin, end - begin)
            first, size = end, size - (end - first)
        if os.fstat(source).st_size < first + size:
            raise EOFError("the source was cut short")
        self.size += size

    def _copy(self, source: int, first: int, size: int) -> None:
        kernel = True
        while size:
            wanted = min(size, COPY)
            count = 0
            if kernel:
                try:
                    count = os.copy_file_range(source, self.file, wanted, first, self.size)
                except OSError as error:
                    if error.errno not in _NO_RANGE:
                        raise
                    kernel = False
            if not kernel:
                data = os.pread(source, min(wanted, len(_ZEROS)), first)
                count = os.pwrite(self.file, data, self.size) if data else 0
            if not count:
                raise EOFError("the source was cut short")
            first, size, self.size = first + count, size - count, self.size + count

    def seal(self) -> Identity:
        """Nothing more is written: give it its length and a time that no other version has, and say what names this version.

        What is open for writing is closed here, where nobody watches: whoever finds the object finds it whole."""
        os.ftruncate(self.file, self.size)  # zeros at the end
        now = _moment()
        os.utime(self.file, ns=(now, now))
        sealed = os.open(self._name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.directory)
        os.close(self.file)
        self.file = sealed
        fcntl.flock(sealed, fcntl.LOCK_EX | fcntl.LOCK_NB)
        seen = facts(os.fstat(sealed))
        return Identity(seen.inode, seen.size, seen.mtime)

    def sync(self) -> None:
        """Have the content on disk."""
        os.fsync(self.file)

    def move_beside(self, parent: int, directory: str = "") -> None:
        """Go on in the directory open as *parent* when that is on another file system, where a rename would not reach it.

        *directory*: which one it is below the root. A link in the staging directory leads a sweep there."""
        if os.fstat(parent).st_dev == os.fstat(self.file).st_dev:
            return
        name = f"{STAGING}-{secrets.token_hex(12)}"
        file, size = os.open(name, _NEW, 0o666, dir_fd=parent), self.size
        source, former, home = self.file, self._name, self.directory
        self.file, self._name, self.directory, self.size = file, name, os.dup(parent), 0
        self._home, self._trace = home, f"{TRACE}{secrets.token_hex(12)}"
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.symlink(join(directory, name), self._trace, dir_fd=home)
            self.take(source, 0, size)
        finally:
            os.unlink(former, dir_fd=home)
            os.close(source)

    def publish(self, parent: int, name: str) -> Seen:
        """Rename it to *name* in the directory open as *parent*, durably: from here on it is the object. Closes. Raises KeyConflict."""
        try:
            os.rename(self._name, name, src_dir_fd=self.directory, dst_dir_fd=parent)
        except IsADirectoryError as error:
            raise KeyConflict("objects are below this key: a directory stands where its file would be") from error
        self._name = ""
        os.fsync(parent)
        seen = facts(os.fstat(self.file))
        self.close()
        return seen

    def keep(self, name: str) -> None:
        """Keep it in the staging directory under *name*, durably: a part."""
        os.rename(self._name, name, src_dir_fd=self.directory, dst_dir_fd=self.directory)
        self._name = ""
        os.fsync(self.directory)

    def close(self) -> None:
        """Close, and remove what was not published; once or more."""
        if self.closed:
            return
        self.closed = True
        if self._name:
            with contextlib.suppress(OSError):
                os.unlink(self._name, dir_fd=self.directory)
        os.close(self.file)
        os.close(self.directory)
        if self._trace:
            with contextlib.suppress(OSError):
                os.unlink(self._trace, dir_fd=self._home)
            os.close(self._home)


class Gone(IntEnum):
    """What became of a file that was to be removed."""

    ABSENT = 0  # no regular file was there
    REMOVED = 1
    EMPTIED = 2  # and it was the last in a directory that the store made


def staging(root: int) -> int:
    """Open the staging directory of a bucket, made when it is missing; for the daemon's user alone. The caller closes it."""
    with contextlib.suppress(FileNotFoundError):
        return beneath(root, STAGING, DIRECTORY)
    with contextlib.suppress(FileExistsError):
        os.mkdir(STAGING, 0o700, dir_fd=root)
        os.fsync(root)
    return beneath(root, STAGING, DIRECTORY)


def parent(root: int, directory: str) -> int:
    """Open *directory* (a key) below *root*, made with all above it when missing. The caller closes it. Raises KeyConflict."""
    try:
        for _ in range(_TRIES):
            with contextlib.suppress(FileNotFoundError):  # or it was removed again meanwhile
                return beneath(root, directory, DIRECTORY)
            with contextlib.suppress(FileNotFoundError):
                return made(root, directory)
    except OSError as error:
        if error.errno in {errno.ENOTDIR, errno.ELOOP}:
            raise KeyConflict("a file, or a link, stands where this key needs a directory") from error
        raise
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), directory)


def clear(parent: int, name: str, *, emptying: bool = True) -> Seen | None:
    """Make room for a file: remove empty directories under its name, if *emptying*. Gives the file that is there.

    Raises KeyConflict for anything but a file or nothing; FolderThere for a directory unless *emptying*."""
    try:
        state = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISREG(state.st_mode):
        return facts(state)
    if not stat.S_ISDIR(state.st_mode):
        raise KeyConflict("something that is no regular file stands under this key")
    if not emptying:
        raise FolderThere("a directory stands where its file would be")
    try:
        remove_empty(parent, name)
    except OSError as error:
        raise KeyConflict("objects are below this key: a directory stands where its file would be") from error
    return None


def remove(root: int, place: Place) -> Gone:
    """Remove the file of a key, durably."""
    try:
        directory = beneath(root, place.directory, DIRECTORY)
        try:
            if not stat.S_ISREG(os.stat(place.name, dir_fd=directory, follow_symlinks=False).st_mode):
                return Gone.ABSENT
            os.unlink(place.name, dir_fd=directory)
            os.fsync(directory)
            return Gone.EMPTIED if place.directory and deserted(directory) else Gone.REMOVED
        finally:
            os.close(directory)
    except OSError as error:
        if error.errno in ABSENT:
            return Gone.ABSENT
        raise


def _data(source: int, first: int, end: int) -> Iterator[tuple[int, int]]:
    """The ranges of a file that are no holes, within two bounds."""
    while first < end:
        try:
            begin = os.lseek(source, first, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return  # nothing but a hole, or its end
            yield first, end
            return
        if begin >= end:
            return
        first = min(end, os.lseek(source, begin, os.SEEK_HOLE))
        yield begin, first


class _Moments:
    """Times that are given once only: a version is named by its time too, and a clock may stand still or be set back."""

    def __init__(self) -> None:
        self._last, self._lock = 0, threading.Lock()

    def next(self) -> int:
        with self._lock:
            now = time.time_ns()
            self._last = now if not self._last - 1_000_000_000 < now <= self._last else self._last + 1
            return self._last


_moment: Final = _Moments().next
