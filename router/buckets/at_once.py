"""Looking at small files whose names and bytes the kernel has in memory, as just written ones are, in one go: run in a thread.

Every call of the system that gives the interpreter away has to win it back from a busy event loop, eight of them for each file:
that takes ten times as long as the looking. So here none does, and none may wait: names that are not cached (RESOLVE_CACHED),
bytes that are not (RWF_NOWAIT), larger files, other file systems than local ones and whatever else is not plain are left to
contents.look(), which comes to the same verdict."""

import ctypes
import errno
import fcntl
import hashlib
import os
import signal
import stat
import struct
import time
from typing import Final

from router.buckets.contents import Look
from router.buckets.versions import MAX, Seen

AT_MOST: Final = 16 * 1024  # bytes of a file
LONG: Final = 0.05  # seconds: a look that takes so long waited for something, whatever the kernel promises: a virus scanner,
REST: Final = 60.0  # and for so many seconds all files are left to threads that may wait

_LOCAL: Final = frozenset({0xEF53, 0x58465342, 0x9123683E, 0xF2F52010})  # ext4, XFS, Btrfs, F2FS: linux/magic.h
_MEMORY: Final = 0x01021994  # tmpfs
_OPENAT2: Final = 437  # on every architecture
_RESOLVE: Final = 0x02 | 0x04 | 0x08 | 0x20  # no magic links, no symbolic links, beneath, cached: linux/openat2.h
_NAMED: Final = getattr(os, "O_PATH", 0) | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_EMPTY_PATH, _DONT_SYNC, _BASIC = 0x1000, 0x4000, 0x7FF  # of statx(2)
_NOWAIT: Final = 0x08  # RWF_NOWAIT of preadv2(2)
_STATX: Final = struct.Struct("=28xH2xQQ48xqI4xqI12xII112x")  # mode, inode, size, ctime, mtime, device: linux/stat.h
SECOND: Final = 1_000_000_000  # nanoseconds
_MAGIC: Final = struct.Struct("l248x")  # struct statfs begins with it


class _How(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


class _Piece(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class Left:
    """The file is left to contents.look()."""


LEFT: Final = Left()


class _Failed(Exception):
    """A call of the system did not do it."""


class _Kernel:
    """The calls, without giving the interpreter away; and until when they are left alone."""

    def __init__(self) -> None:
        calls = ctypes.PyDLL(None, use_errno=True)
        self.able = all(hasattr(calls, name) for name in ("statx", "preadv2", "fstatfs")) and hasattr(os, "O_PATH")
        self.rests_until = 0.0  # monotonic seconds
        if self.able:
            self.calls = calls
            size, pointer, whole = ctypes.c_size_t, ctypes.c_void_p, ctypes.c_int
            calls.syscall.argtypes, calls.syscall.restype = (ctypes.c_long, whole, ctypes.c_char_p, pointer, size), ctypes.c_long
            calls.statx.argtypes = (whole, ctypes.c_char_p, whole, ctypes.c_uint, pointer)
            calls.preadv2.argtypes, calls.preadv2.restype = (whole, pointer, whole, ctypes.c_int64, whole), ctypes.c_ssize_t
            calls.fcntl.argtypes = (whole, whole, ctypes.c_long)
            calls.close.argtypes = (whole,)
            calls.fstatfs.argtypes = (whole, pointer)


_kernel: Final = _Kernel()


_State = tuple[int, int, int, int, int, int, int, int, int]


class AtOnce:
    """Looks at files below one directory. Of one thread."""

    def __init__(self, root: int) -> None:
        """*root*: open, and stays so."""
        self._root = root
        named, read = _How(_NAMED, 0, _RESOLVE), _How(_READ, 0, _RESOLVE)
        self._states, self._bytes = ctypes.create_string_buffer(_STATX.size), ctypes.create_string_buffer(AT_MOST)
        self._piece = piece = _Piece(ctypes.addressof(self._bytes), 0)
        self._held = named, read  # what follows points into them
        self._named, self._read, self._state_at, self._piece_at = map(ctypes.addressof, (named, read, self._states, piece))
        self._flags = _NOWAIT
        self._device: tuple[int, int] | None = None  # None: nothing here can be looked at so
        if _kernel.able and time.monotonic() >= _kernel.rests_until:
            self._device = self._local()

    def look(self, key: str) -> Look | Left:
        """What contents.look() says of a small file under *key*, or LEFT."""
        if self._device is None or "\0" in key:
            return LEFT
        began = time.monotonic()
        try:
            return self._look(os.fsencode(key))
        except _Failed:
            return LEFT
        finally:
            if (now := time.monotonic()) - began > LONG:
                _kernel.rests_until, self._device = now + REST, None

    def _look(self, name: bytes) -> Look | Left:
        """The same; a link, FIFO, socket or device is not opened but for its name."""
        file = self._open(name, self._named)
        try:
            mode, _, size, _, _, _, _, *device = self._state(file)
        finally:
            _kernel.calls.close(file)
        if not stat.S_ISREG(mode):
            return None
        if size >= AT_MOST or (*device,) != self._device:
            return LEFT
        file = self._open(name, self._read)
        try:
            return self._content(file)
        finally:
            _kernel.calls.close(file)

    def _content(self, file: int) -> Look | Left:
        before = self._state(file)
        mode, inode, size, ctime, ctime_ns, mtime, mtime_ns, _, _ = before
        if not stat.S_ISREG(mode) or size >= AT_MOST:
            return LEFT
        self._piece.length = size + 1
        if _kernel.calls.preadv2(file, self._piece_at, 1, 0, self._flags) != size:
            return LEFT
        etag = hashlib.md5(memoryview(self._bytes)[:size], usedforsecurity=False).hexdigest()
        writing = self._state(file) != before or self._open_for_writing(file)
        return Seen(inode & MAX, size, mtime * SECOND + mtime_ns & MAX, ctime * SECOND + ctime_ns & MAX, etag, writing)

    def _open_for_writing(self, file: int) -> bool:
        """As in contents.py."""
        if _kernel.calls.fcntl(file, fcntl.F_SETSIG, signal.SIGURG) < 0:
            return False
        return bool(_kernel.calls.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK) < 0 and ctypes.get_errno() == errno.EAGAIN)

    def _open(self, name: bytes, how: int) -> int:
        file: int = _kernel.calls.syscall(_OPENAT2, self._root, name, how, 24)
        if file < 0:
            raise _Failed
        return file

    def _state(self, file: int) -> _State:
        if _kernel.calls.statx(file, b"", _EMPTY_PATH | _DONT_SYNC, _BASIC, self._state_at) < 0:
            raise _Failed
        return _STATX.unpack(self._states)

    def _local(self) -> tuple[int, int] | None:
        """The device of the root, when it is a file system whose opening waits for no other machine or process."""
        told = ctypes.create_string_buffer(_MAGIC.size)
        if _kernel.calls.fstatfs(self._root, ctypes.addressof(told)) < 0:
            return None
        kind = _MAGIC.unpack(told)[0] & 0xFFFFFFFF
        if kind == _MEMORY:
            self._flags = 0  # it knows no RWF_NOWAIT, and has nothing to wait for
        elif kind not in _LOCAL:
            return None
        try:
            *_, major, minor = self._state(self._root)
        except _Failed:
            return None
        return major, minor
