"""The seam to file-system notifications: hints that make a bucket fast. The scan and the version table are the truth.

A watcher may report too much or twice; what it fails to report, the next scan finds. Implementations: inotify.py (Linux),
notifications.py (the watchdog library), Unwatched (none: the scan's interval alone). All pass tests/conformance/test_watchers.py."""

import asyncio
import sys
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol

# What a hint says beyond the signs of router.buckets.versions, which are about one key.
DIRECTORY: Final = 256  # a directory came or went: list it, with everything below
OVERFLOW: Final = 512  # hints were lost: anything may have changed
ROOT: Final = 1024  # the bucket's own directory was deleted, moved or unmounted

QUEUE: Final = 65_536  # hints held for a slow consumer; more become one OVERFLOW

Kind = Literal["inotify", "watchdog", "scan"]


class Hint(NamedTuple):
    """Something happened at a path below the root ("" when it is about everything)."""

    path: str  # segments joined by "/", decoded with surrogateescape
    sign: int  # a sign of router.buckets.versions, or one of the above


class Watcher(Protocol):
    """Notifications for one root."""

    async def open(self) -> None:
        """Begin. Raises OSError when notifications cannot be had."""

    def cover(self, directory: str, descriptor: int) -> bool:
        """From now on report changes in *directory*, open as *descriptor* (not those below); False: cannot.

        Called from any thread, before the directory is listed: so no change falls between watch and scan."""

    async def hints(self) -> list[Hint]:
        """Wait for hints and give all there are, in order; never an empty list. One caller at a time."""

    def alive(self) -> bool:
        """Whether hints can still come."""

    def close(self) -> None:
        """End; idempotent."""


class Unwatched:
    """No notifications."""

    async def open(self) -> None:
        """Nothing to begin."""

    def cover(self, directory: str, descriptor: int) -> bool:  # noqa: ARG002 - the Protocol's
        """Nothing is missed that was promised."""
        return True

    async def hints(self) -> list[Hint]:
        """Never."""
        never: asyncio.Future[list[Hint]] = asyncio.get_running_loop().create_future()
        return await never

    def alive(self) -> bool:
        """Nothing can fail."""
        return True

    def close(self) -> None:
        """Nothing to end."""


class Mailbox:
    """Hints on their way to the one who asks for them; bounded. Belongs to one event loop."""

    def __init__(self) -> None:
        self._hints: list[Hint] = []
        self._there = asyncio.Event()

    def put(self, hints: list[Hint]) -> None:
        """Hand over; past the bound one OVERFLOW stands for all that was not taken."""
        self._hints += hints
        if len(self._hints) > QUEUE:
            self._hints = [Hint("", OVERFLOW)]
        if self._hints:
            self._there.set()

    async def take(self) -> list[Hint]:
        """All hints there are; waits for the first."""
        await self._there.wait()
        self._there.clear()
        taken, self._hints = self._hints, []
        return taken


def chosen(setting: Literal["auto", "inotify", "watchdog", "scan"]) -> Kind:
    """What `watcher: auto` means on this machine."""
    if setting == "auto":
        return "inotify" if sys.platform == "linux" else "watchdog"
    return setting


def make(kind: Kind, root: Path) -> Watcher:
    """A watcher for *root*, not open yet."""
    if kind == "inotify":
        from router.buckets.inotify import InotifyWatcher  # noqa: PLC0415 - Linux only

        return InotifyWatcher()
    if kind == "watchdog":
        from router.buckets.notifications import WatchdogWatcher  # noqa: PLC0415 - imports the library

        return WatchdogWatcher(root)
    return Unwatched()
