"""inotify(7) read on the event loop: no thread between the kernel and the hint.

The scan covers each directory before it lists it (watch, then scan), so a directory that is made and filled at once loses
nothing. A full kernel queue is told as OVERFLOW, an exhausted watch limit by cover()."""

import asyncio
import ctypes
import os
import struct
import threading
from typing import Final

from router.buckets import versions
from router.buckets.keys import join
from router.buckets.watch import DIRECTORY, OVERFLOW, ROOT, Hint, Mailbox

_ATTRIB, _CLOSE_WRITE, _MOVED_FROM, _MOVED_TO = 0x4, 0x8, 0x40, 0x80  # include/uapi/linux/inotify.h
_CREATE, _DELETE, _DELETE_SELF, _MOVE_SELF = 0x100, 0x200, 0x400, 0x800
_UNMOUNT, _Q_OVERFLOW, _IGNORED = 0x2000, 0x4000, 0x8000
_ONLYDIR, _EXCL_UNLINK, _ISDIR = 0x0100_0000, 0x0400_0000, 0x4000_0000
_MASK: Final = _ATTRIB | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF | _ONLYDIR | _EXCL_UNLINK
_ENDS_ROOT: Final = _DELETE_SELF | _MOVE_SELF | _UNMOUNT
_LEAVES: Final = _MOVED_FROM | _DELETE

_SIGNS: Final = (
    (_CLOSE_WRITE, versions.CLOSED),
    (_MOVED_TO, versions.MOVED),
    (_LEAVES, versions.GONE),
    (_CREATE, versions.CREATED),
    (_ATTRIB, versions.CHANGED),
)
_HEADER: Final = struct.Struct("iIII")  # wd, mask, cookie, length of the name
_BUFFER: Final = 64 * 1024  # bytes read at once: some 1,500 events, 5 ms of the loop


class InotifyWatcher:
    """One inotify instance for one root."""

    def __init__(self) -> None:
        self._mailbox = Mailbox()
        self._lock = threading.Lock()  # cover() runs in the scan's thread
        self._paths: dict[int, str] = {}  # watch → directory
        self._watches: dict[str, int] = {}
        self._file = -1
        self._failed = False
        self._libc = ctypes.CDLL(None, use_errno=True)

    async def open(self) -> None:
        """Make the instance and read it on this loop. Raises OSError: too many instances."""
        self._file = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._file < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        asyncio.get_running_loop().add_reader(self._file, self._read)

    def cover(self, directory: str, descriptor: int) -> bool:
        """Watch the very directory that is open, whatever its path has become. False: no watch left."""
        with self._lock:
            if self._file < 0:
                return True  # closed: nobody reads hints any more
            watch = self._libc.inotify_add_watch(self._file, b"/proc/self/fd/%d" % descriptor, _MASK)
            if watch < 0:
                return False
            former = self._paths.get(watch)  # the same inode under another name: it was moved
            if former is not None and self._watches.get(former) == watch:
                del self._watches[former]
            self._paths[watch] = directory
            self._watches[directory] = watch
            return True

    async def hints(self) -> list[Hint]:
        """All hints since the last call; waits for the first."""
        return await self._mailbox.take()

    def close(self) -> None:
        """Give the instance and all its watches back."""
        with self._lock:
            if self._file >= 0:
                asyncio.get_running_loop().remove_reader(self._file)
                os.close(self._file)
            self._file = -1
            self._paths.clear()
            self._watches.clear()

    def alive(self) -> bool:
        """Whether the kernel still answers."""
        return self._file >= 0 and not self._failed

    def _read(self) -> None:
        try:
            self._mailbox.put(self.parse(os.read(self._file, _BUFFER)))
        except BlockingIOError:
            return
        except OSError:
            self._failed = True  # somebody closed it: the guard attaches anew
            asyncio.get_running_loop().remove_reader(self._file)

    def parse(self, data: bytes) -> list[Hint]:
        """What a read from the kernel says."""
        hints: list[Hint] = []
        offset, end = 0, len(data)
        while offset < end:
            watch, mask, _, length = _HEADER.unpack_from(data, offset)
            offset += _HEADER.size + length
            if mask & _Q_OVERFLOW:
                hints.append(Hint("", OVERFLOW))
                continue
            directory = self._paths.get(watch)
            if directory is None and (directory := self._path(watch)) is None:
                continue  # no longer watched: its parent told why
            if length:
                name = os.fsdecode(data[offset - length : offset].rstrip(b"\0"))
                self._about(join(directory, name), mask, hints)
            elif mask & _IGNORED:
                self._forget(watch)
            elif mask & _ENDS_ROOT and not directory:
                hints.append(Hint("", ROOT))
        return hints

    def _about(self, path: str, mask: int, hints: list[Hint]) -> None:
        if mask & _ISDIR:
            if mask & _LEAVES:
                self._uncover(path)
            if mask & (_LEAVES | _CREATE | _MOVED_TO | _ATTRIB):
                hints.append(Hint(path, DIRECTORY))
            return
        for bit, sign in _SIGNS:
            if mask & bit:
                hints.append(Hint(path, sign))
                return

    def _path(self, watch: int) -> str | None:
        with self._lock:  # cover() may be about to say
            return self._paths.get(watch)

    def _forget(self, watch: int) -> None:
        with self._lock:
            directory = self._paths.pop(watch, None)
            if directory is not None and self._watches.get(directory) == watch:
                del self._watches[directory]

    def _uncover(self, path: str) -> None:
        """Stop watching what left the root, or its changes would be taken for changes here."""
        below = path + "/"
        with self._lock:
            for directory in [one for one in self._watches if one == path or one.startswith(below)]:
                watch = self._watches.pop(directory)
                self._paths.pop(watch, None)
                self._libc.inotify_rm_watch(self._file, watch)
