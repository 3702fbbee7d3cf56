"""Notifications from the watchdog library: its threads on one side, hints on the event loop on the other.

The library covers new directories itself, late: the scan that each new directory gets makes up for it. It has no call for a
full kernel queue, it logs a warning; that warning is our OVERFLOW. A closed file may only have been touched: the library
does not say, so its CLOSED comes with CHANGED and the content decides."""

import asyncio
import contextlib
import errno
import logging
import os
import sys
import threading
import warnings
from pathlib import Path
from typing import Final

from watchdog import events
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from router.buckets import versions
from router.buckets.watch import DIRECTORY, OVERFLOW, QUEUE, ROOT, Hint, Mailbox

_WANTED: Final[list[type[events.FileSystemEvent]]] = [
    events.FileCreatedEvent,
    events.FileClosedEvent,
    events.FileMovedEvent,
    events.FileDeletedEvent,
    events.FileModifiedEvent,
    events.FileAttribEvent,
    events.DirCreatedEvent,
    events.DirMovedEvent,
    events.DirDeletedEvent,
]
_SIGNS: Final = {
    events.EVENT_TYPE_CREATED: versions.CREATED,
    events.EVENT_TYPE_CLOSED: versions.CLOSED | versions.CHANGED,
    events.EVENT_TYPE_DELETED: versions.GONE,
    events.EVENT_TYPE_MODIFIED: versions.CHANGED,
    events.EVENT_TYPE_ATTRIB: versions.CHANGED,
}
_READER: Final = "watchdog.observers.inotify_c"  # its logger, and the module of its reader thread


class WatchdogWatcher(events.FileSystemEventHandler):
    """One observer for one root."""

    def __init__(self, root: Path) -> None:
        self._root = os.fspath(root)
        self._mailbox = Mailbox()
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._held: list[Hint] = []  # from the library's threads, not handed over yet
        self._overflows = _Overflows(self)
        self._observer: BaseObserver | None = None

    async def open(self) -> None:
        """Start the library's threads; they watch the tree when this returns. Raises OSError."""
        await self._loop.run_in_executor(None, self._start)
        if not self.alive():
            raise OSError(errno.EIO, "the library's reader thread has died in this process")

    def cover(self, directory: str, descriptor: int) -> bool:  # noqa: ARG002 - the Protocol's
        """The library covers what it finds."""
        return True

    async def hints(self) -> list[Hint]:
        """All hints since the last call; waits for the first."""
        return await self._mailbox.take()

    def alive(self) -> bool:
        """Whether every thread of the library that leads here still runs, the reader that all watches share too."""
        if self._observer is None:
            return False
        shared = [thread for thread in threading.enumerate() if type(thread).__module__ == _READER]
        return all(thread.is_alive() for thread in (self._observer, *self._observer.emitters)) and (bool(shared) or sys.platform != "linux")

    def close(self) -> None:
        """Stop the library's threads; they end by themselves."""
        logging.getLogger(_READER).removeHandler(self._overflows)
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.unschedule_all()
            observer.stop()

    def on_any_event(self, event: events.FileSystemEvent) -> None:
        """Called in the library's thread: hand over, nothing else."""
        self.hold(self._translated(event))

    def hold(self, hints: list[Hint]) -> None:
        """Have *hints* delivered on the event loop, many at a time. From any thread."""
        with self._lock:
            first = not self._held
            self._held += hints
            if len(self._held) > QUEUE:
                self._held = [Hint("", OVERFLOW)]
        if first and hints:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                self._loop.call_soon_threadsafe(self._hand_over)

    def _hand_over(self) -> None:
        with self._lock:
            held, self._held = self._held, []
        self._mailbox.put(held)

    def _start(self) -> None:
        observer = Observer()
        observer.schedule(self, self._root, recursive=True, event_filter=_WANTED)
        logging.getLogger(_READER).addHandler(self._overflows)
        warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"watchdog\.")  # it warns of a directory covered twice
        observer.start()
        self._observer = observer

    def _translated(self, event: events.FileSystemEvent) -> list[Hint]:
        source, target = self._below(event.src_path), self._below(event.dest_path)
        if source == "":
            return [Hint("", ROOT)] if event.event_type in {events.EVENT_TYPE_DELETED, events.EVENT_TYPE_MOVED} else []
        if event.is_directory:
            return [Hint(path, DIRECTORY) for path in (source, target) if path]
        if event.event_type == events.EVENT_TYPE_MOVED:
            moved = ((source, versions.GONE), (target, versions.MOVED))
            return [Hint(path, sign) for path, sign in moved if path]
        sign = _SIGNS.get(event.event_type)
        return [Hint(source, sign)] if source and sign else []

    def _below(self, path: bytes | str) -> str | None:
        """*path* relative to the root; "" for the root itself, None for nothing of ours."""
        text = os.fsdecode(path)
        if text == self._root:
            return ""
        return text[len(self._root) + 1 :] if text.startswith(self._root + "/") else None


class _Overflows(logging.Handler):
    """Turns the library's warning about lost events into a hint."""

    def __init__(self, watcher: WatchdogWatcher) -> None:
        super().__init__(logging.WARNING)
        self._watcher = watcher

    def emit(self, record: logging.LogRecord) -> None:
        """Called where the library logs."""
        if "overflow" in record.getMessage():
            self._watcher.hold([Hint("", OVERFLOW)])
