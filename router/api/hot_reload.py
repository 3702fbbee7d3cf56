"""Changed code, taken up while the daemon serves: a directory or .zip that changes gives new environments the new code.

Notifications are hints; what changed is found by looking, at once after a hint and every SCAN seconds without one. New code is taken when
it has come to rest, is complete (its handler is there) and initialises: code that cannot start leaves the old in force, and is tried
again with every look. What runs ends on the code that it began with."""

import asyncio
import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final

import structlog

from router.api.reload import Reloader
from router.buckets import watch
from router.buckets.watch import OVERFLOW, Unwatched, Watcher
from router.clock import Clock, woken
from router.config.types import Config
from router.errors import CodeRefused
from router.functions import covering
from router.functions.deploy import excluded
from router.functions.walk import IGNORED, Walker

log: Final = structlog.get_logger("router.functions")

REST: Final = 0.3  # seconds without a hint after which code is looked at
LONGEST: Final = 10.0  # seconds of hints after which it is looked at all the same
SCAN: Final = 60.0  # seconds between looks without a hint
SCAN_BLIND: Final = 5.0  # the same where there are no notifications
DIRECTORIES: Final = 20_000  # that are watched at most; below the rest changes are found by the scan


class HotReload:
    """Runs until the daemon stops."""

    def __init__(self, reloader: Reloader, clock: Clock) -> None:
        self._reloader, self._clock = reloader, clock
        self._watcher: Watcher = Unwatched()
        self._covered: set[str] = set()
        self._blind = True
        self._places: dict[str, set[str]] = {}  # where code is → functions
        self._names: set[str] = set()  # that hints were about
        self._hint = asyncio.Event()
        self._looked: set[str] = set()  # places whose directories are watched, as far as they can be
        self._other = False  # another config is in force than that of the last look

    def adopt(self, config: Config) -> None:  # noqa: ARG002 - as all who are told of one
        """Another config is in force: code that lies elsewhere is watched from now on."""
        self._other = True
        self._hint.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Take up changed code until *stop*."""
        await self._open()
        listening = asyncio.create_task(self._listen(), name="code-hints")
        try:
            async with woken(self._hint, stop):
                await asyncio.to_thread(self._cover, self._reloader.config, set(self._reloader.config.functions))
                while not stop.is_set():
                    if names := await self._hinted(stop):
                        await asyncio.to_thread(self._cover, self._reloader.config, names)  # first: a change behind the look is hinted at
                        await self._reloader.refresh(names)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            self._watcher.close()

    async def _listen(self) -> None:
        """Note which functions hints are about."""
        while True:
            for hint in await self._watcher.hints():
                self._covered.discard(hint.path)  # a directory that comes again is another one
                found = set(self._reloader.config.functions) if hint.sign == OVERFLOW else self._about(hint.path)
                if found:
                    self._names |= found
                    self._hint.set()

    def _about(self, path: str) -> set[str]:
        return set() if _ignored(path) else covering.touched(path, self._places)

    async def _hinted(self, stop: asyncio.Event) -> set[str]:
        """The functions to look at: those that hints are about, once there are no more; all of them after a while without any."""
        if not await self._clock.wait(self._hint, SCAN_BLIND if self._blind else SCAN):
            return set(self._reloader.config.functions)
        until = self._clock.monotonic() + LONGEST
        while self._hint.is_set() and not stop.is_set() and self._clock.monotonic() < until:
            self._hint.clear()
            await self._clock.wait(self._hint, REST)
        names, self._names = self._names, set()
        if not stop.is_set():
            self._hint.clear()
        if self._other:
            self._other = False
            names |= await asyncio.to_thread(self._elsewhere, self._reloader.config)
        return names

    async def _open(self) -> None:
        if sys.platform != "linux":
            return
        watcher = watch.make("inotify", Path("/"))
        try:
            await watcher.open()
        except OSError as error:
            log.warning("code_not_watched", error=str(error))
        else:
            self._watcher, self._blind = watcher, False

    def _elsewhere(self, config: Config) -> set[str]:
        """The functions whose code lies where nobody has looked yet."""
        places = covering.by_place(config.functions.values())
        return {name for place, those in places.items() if place not in self._looked for name in those}

    def _cover(self, config: Config, names: Collection[str]) -> None:
        """Watch every directory of these functions' code that is not watched yet, and those in which code itself may be exchanged. Blocking."""
        places = covering.by_place(config.functions.values())
        self._places = {os.path.realpath(place): those for place, those in places.items()} | places
        apart = excluded(config)
        for place in (place for place, those in places.items() if not those.isdisjoint(names)):
            self._looked.add(place)
            for directory in (covering.watched(Path(place)), *self._below(place, apart)):
                if directory not in self._covered and len(self._covered) < DIRECTORIES:
                    self._cover_one(directory)

    @staticmethod
    def _below(place: str, apart: Collection[str]) -> list[str]:
        root = os.path.realpath(place)
        if not os.path.isdir(root):  # noqa: PTH112 - text all along
            return []
        try:
            rows = Walker(Path(root), apart).rows()
        except (OSError, CodeRefused):  # told where it is deployed
            return [root]
        return [root, *(f"{root}/{row.path}" for row in rows if row.kind == "directory")]

    def _cover_one(self, directory: str) -> None:
        try:
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            if self._watcher.cover(directory, descriptor):
                self._covered.add(directory)
        finally:
            os.close(descriptor)


def _ignored(path: str) -> bool:
    """Whether the change is one of what is no code anyway."""
    name = path.rpartition("/")[2]
    return "__pycache__" in path or any(Path(name).match(pattern) for pattern in IGNORED)
