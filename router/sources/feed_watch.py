"""When to look into a database that others write: inotify on its files is the hint, a look every second is the truth.

A hint comes when a writer writes, which is before its commit can be read (that is after the sync of the WAL, or when the
journal is deleted): so after a hint the looks go on, first after 2 ms, then each time after as long as has passed since."""

import asyncio
import contextlib
import ctypes
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

from router.clock import Clock

SOON: Final = 0.002  # seconds
IDLE: Final = 1.0  # seconds

_MODIFY, _CREATE, _DELETE, _MOVED = 0x2, 0x100, 0x200, 0xC0  # include/uapi/linux/inotify.h
_HEADER: Final = struct.Struct("iIII")  # watch, mask, cookie, length of the name
_BUFFER: Final = 64 * 1024  # bytes read at once


def pace(since_hint: float) -> float:
    """Seconds until the next look."""
    return min(IDLE, max(SOON, since_hint))


class Watch:
    """Sets an event of each who looks when there may be something to see."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._hint = asyncio.Event()
        self._hinted = clock.monotonic()
        self._lookers: list[asyncio.Event] = []

    def looker(self) -> asyncio.Event:
        """An event of the caller's own: set means look; to be cleared before looking."""
        due = asyncio.Event()
        self._lookers.append(due)
        return due

    def stir(self) -> None:
        """Something is going on: look soon, and often for a while."""
        self._hinted = self._clock.monotonic()
        self._hint.set()

    def wake(self) -> None:
        """Have all look now."""
        for due in self._lookers:
            due.set()

    async def run(self) -> None:
        """Until cancelled."""
        notices = Notices(self._path, self.stir)
        try:
            while True:
                self._hint.clear()
                if notices.stale or pace(self._clock.monotonic() - self._hinted) == IDLE:
                    await asyncio.to_thread(notices.cover)
                self.wake()
                await self._clock.wait(self._hint, pace(self._clock.monotonic() - self._hinted))
        finally:
            notices.close()


class Notices:
    """inotify(7) on a database, its WAL, its journal and their directory, read on the running loop.

    Where there is no inotify, or no watch left, it says nothing."""

    def __init__(self, path: Path, tell: Callable[[], None]) -> None:
        self.stale = True  # whether cover() should be called: files came or went
        self._path, self._tell = path, tell
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._file: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self._names = {os.fsencode(path.name) + suffix for suffix in (b"", b"-wal", b"-journal")}
        if self._file >= 0:
            asyncio.get_running_loop().add_reader(self._file, self._read)

    def cover(self) -> None:
        """Watch what is there now; watching again what is watched already changes nothing. Blocking; any thread."""
        self.stale = False
        directory = os.fsencode(self._path.parent)
        for place, mask in ((directory, _CREATE | _DELETE | _MOVED), *((os.path.join(directory, name), _MODIFY) for name in self._names)):  # noqa: PTH118
            self._libc.inotify_add_watch(self._file, place, mask)  # fails for what is not there: it comes with a notice

    def close(self) -> None:
        """Give the watches back."""
        if self._file >= 0:
            asyncio.get_running_loop().remove_reader(self._file)
            os.close(self._file)
            self._file = -1

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._heed(os.read(self._file, _BUFFER))

    def _heed(self, data: bytes) -> None:
        """Tell of changes of our files; other names in the directory are not our business."""
        at = 0
        while at < len(data):
            _, mask, _, length = _HEADER.unpack_from(data, at)
            name = data[at + _HEADER.size : at + _HEADER.size + length].rstrip(b"\0")
            at += _HEADER.size + length
            if length and name not in self._names:
                continue
            self.stale = self.stale or not mask & _MODIFY
            self._tell()
