"""Log streams written to disk: memory first, the page cache a moment later, and never an error for who logs.

A stream keeps at most SEGMENTS files of SEGMENT bytes; older ones go. A disk that takes no more costs the events of
that moment, which are counted, told once, and not retried. Who has promised that an event is kept calls LogStore.record().
Used from the event loop's thread only."""

import asyncio
import errno
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

import structlog

from router.clock import Clock
from router.disk import sync
from router.names import LATEST, log_group, log_stream
from router.telemetry.emf import MARK
from router.telemetry.logfiles import NAMED, directory, encoded, parse_segment, segment, shared
from router.telemetry.metrics import Metrics

log = structlog.get_logger("router.logs")

BUFFER: Final = 64 * 1024  # bytes of one stream that wait for the disk, about
DELAY: Final = 0.05  # seconds an event waits in memory at most; a shorter one costs a write for each few invocations
SEGMENT: Final = 16 * 1024 * 1024  # bytes of one file
SEGMENTS: Final = 4  # files of one stream
SYNCS: Final = 2  # under way at once: on a slow disk many of them must not take all threads, which are everybody's
OPEN: Final = 160  # files open at once: more than environments run at the default concurrency, or every flush opens them all again


class LogStore:
    """The log groups of all functions under one directory."""

    def __init__(self, root: Path, clock: Clock, metrics: Metrics | None = None) -> None:
        self._root, self._clock = root, clock
        self._open: OrderedDict[LogStream, int] = OrderedDict()  # stream → descriptor, least recently used first
        self._waiting: set[LogStream] = set()
        self.kept: Mapping[Path, float] = {}  # directories of groups that are kept for another time than others: seconds
        self.listeners: set[Callable[[LogStream], None]] = set()  # told of each stream that has grown on disk
        self.measured: Callable[[str], None] | None = None  # told of each event that may hold metrics
        self._syncs = asyncio.Semaphore(SYNCS)
        self._armed = False
        self._failing = False
        self._dropped = (metrics or Metrics()).counter(
            "router_log_events_dropped_total", "Log events of functions that the disk did not take."
        )

    @property
    def dropped(self) -> int:
        """How many events the disk did not take."""
        return int(self._dropped.value())

    def stream(self, function: str, version: str = LATEST, group: str = "") -> "LogStream":
        """A fresh stream for one execution environment. It has no file until something is written.

        *group*: the name of its log group, "" for the function's own."""
        group = "" if group == log_group(function) else group
        return LogStream(self, function, log_stream(self._clock.now(), version, function=function if group else ""), group)

    def flush(self) -> None:
        """Hand everything to the operating system now."""
        self._armed = False
        waiting, self._waiting = self._waiting, set()
        for stream in waiting:
            stream.flush()

    def close(self) -> None:
        """Flush and close every file; streams may still be written to, each opens again by itself."""
        self.flush()
        while self._open:
            os.close(self._open.popitem()[1])

    async def expire(self, before: float, *, now: float | None = None, step: int = 500) -> int:
        """Remove the files last written before *before* (epoch seconds), *step* at a time in a thread; give how many went.

        *now*: by which groups with a retention of their own go; None: the clock's."""
        now = self._clock.now() if now is None else now
        own = {place: now - seconds for place, seconds in self.kept.items()}
        removed = last = await asyncio.to_thread(expire, self._root, before, step, own)
        while last >= step:
            last = await asyncio.to_thread(expire, self._root, before, step, own)
            removed += last
        return removed

    def wait(self, stream: "LogStream") -> None:
        """Have *stream* flushed soon; at the latest by flush() when no loop runs."""
        self._waiting.add(stream)
        if not self._armed:
            with suppress(RuntimeError):  # no running loop
                asyncio.get_running_loop().call_later(DELAY, self.flush)
                self._armed = True

    def append(self, stream: "LogStream", content: bytes | bytearray, events: int) -> bool:
        """Write whole lines to the stream's current segment; False when that failed: what of its *events* is not on disk is dropped."""
        rest = memoryview(content)
        try:
            descriptor = self._descriptor(stream)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        except OSError as error:
            self.forget(stream)
            self._dropped.add(amount=min(events, bytes(rest).count(b"\n")))  # events whose line is not whole
            if not self._failing:
                log.warning("logs_dropped", function=stream.function, stream=stream.name, error=error.strerror)
            self._failing = True
            return False
        if self._failing:
            log.info("logs_resumed", dropped=self.dropped)
        self._failing = False
        for heard in self.listeners:
            heard(stream)
        return True

    async def record(self, stream: "LogStream", events: Iterable[tuple[float, str]]) -> None:
        """Add events (epoch seconds, message); synced on return. Raises OSError: some of them may be there all the same."""
        first, before = stream.segment, self.dropped
        for at, message in events:
            stream.write(message, at)
        stream.flush()
        if self.dropped > before:
            raise OSError(errno.ENOSPC, "the disk took no more of the log")
        folder, opened = directory(self._root, stream.function, stream.name, stream.group), stream.opened
        files = [folder / segment(stream.name, number) for number in range(first, stream.segment + 1)]
        async with self._syncs:
            await asyncio.to_thread(_sync, files, self._root if opened > stream.entered else None)
        stream.entered = max(stream.entered, opened)

    def forget(self, stream: "LogStream") -> None:
        """Close the stream's file, if it is open."""
        descriptor = self._open.pop(stream, None)
        if descriptor is not None:
            os.close(descriptor)

    def remove(self, stream: "LogStream", number: int) -> None:
        """Delete one segment of the stream."""
        with suppress(OSError):
            (directory(self._root, stream.function, stream.name, stream.group) / segment(stream.name, number)).unlink()

    def _descriptor(self, stream: "LogStream") -> int:
        descriptor = self._open.get(stream)
        if descriptor is not None:
            if os.fstat(descriptor).st_nlink:
                self._open.move_to_end(stream)
                return descriptor
            self.forget(stream)  # retention removed the file of an environment that was idle for long
        folder = directory(self._root, stream.function, stream.name, stream.group)
        descriptor = _opened(folder, segment(stream.name, stream.segment))
        self._open[stream] = descriptor
        stream.opened += 1
        if len(self._open) > OPEN:
            os.close(self._open.popitem(last=False)[1])
        return descriptor


class LogStream:
    """The log stream of one execution environment."""

    __slots__ = ("_buffer", "_events", "_store", "_torn", "_written", "entered", "function", "group", "name", "opened", "segment")

    def __init__(self, store: LogStore, function: str, name: str, group: str = "") -> None:
        self._store, self.function, self.name, self.group = store, function, name, group
        self._buffer = bytearray()  # whole lines
        self._events = 0  # how many
        self.segment = 0  # the current one
        self._written = 0  # bytes of it
        self._torn = False  # its last line may lack its end
        self.opened = 0  # how often a file of it was opened, and maybe made
        self.entered = 0  # of these, after how many the directories were synced

    def resume(self, number: int, size: int) -> None:
        """Go on behind what is there already: its last segment and the bytes of that."""
        self.segment, self._written, self._torn = number, size, size > 0

    def write(self, message: str, at: float) -> None:
        """Add one event at *at* (epoch seconds). Cheap; never raises for the disk's sake."""
        if MARK in message and self._store.measured is not None:
            self._store.measured(message)
        self.add(encoded(at, message), 1)  # now: by the time of the flush the message has left the processor's cache

    def add(self, lines: bytes, events: int) -> None:
        """Add *events* as lines that are spelled already."""
        if not self._buffer:
            self._store.wait(self)
        self._buffer += lines
        self._events += events
        size = len(self._buffer)
        if size > BUFFER or self._written + size >= SEGMENT:
            self.flush()

    def flush(self) -> None:
        """Hand what waits to the operating system."""
        content, self._buffer, events, self._events = self._buffer, bytearray(), self._events, 0
        if content:
            self._append(content, events)

    def close(self) -> None:
        """Flush and close the file."""
        self.flush()
        self._store.forget(self)

    def _append(self, content: bytearray, events: int) -> None:
        self._written += len(content)
        self._torn = not self._store.append(self, b"\n" + content if self._torn else content, events)
        if self._written >= SEGMENT:
            self._store.forget(self)
            self.segment, self._written, self._torn = self.segment + 1, 0, False
            self._store.remove(self, self.segment - SEGMENTS)


def _opened(folder: Path, name: str) -> int:
    """A descriptor to append with; directories are made on the way."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(folder / name, flags, 0o640)
    except FileNotFoundError:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        return os.open(folder / name, flags, 0o640)


def _sync(files: Sequence[Path], root: Path | None) -> None:
    """Sync files, and the directories down to them from what *root* lies in; None: their names are on disk."""
    for path in files:
        with suppress(FileNotFoundError):  # removed meanwhile, or a segment that is yet to begin
            sync(path)
    if root is not None:
        place = files[0].parent
        for folder in (place, *(one for one in place.parents if one.is_relative_to(root)), root.parent):
            with suppress(FileNotFoundError):
                sync(folder)


def expire(root: Path, before: float, limit: int, own: Mapping[Path, float] = MappingProxyType({})) -> int:
    """Remove up to *limit* segments last written before *before*, oldest days first, and directories that become empty.

    *own*: directories of groups with a time of their own."""
    removed = 0
    places = (root / "aws" / "lambda", shared(root))
    days = [(day, own.get(day.parents[2], before)) for groups in places for day in groups.glob("*/[0-9]*/[0-9]*/[0-9]*")]
    for day, time in sorted(days, key=lambda one: one[0].parts[-3:]):
        if "/".join(day.parts[-3:]) <= datetime.fromtimestamp(time, UTC).strftime("%Y/%m/%d"):
            removed += _expire_day(day, time, limit - removed)
            _prune(day)
        if removed >= limit:
            return removed
    for named in (named for groups in places for named in groups.glob(f"*/{NAMED}")):
        removed += _expire_day(named, own.get(named.parent, before), limit - removed)
    return removed


def _expire_day(day: Path, before: float, limit: int) -> int:
    removed = 0
    with suppress(OSError), os.scandir(day) as entries:
        for entry in entries:
            if removed >= limit:
                break
            if parse_segment(entry.name) and entry.stat(follow_symlinks=False).st_mtime < before:
                Path(entry.path).unlink()
                removed += 1
    return removed


def _prune(day: Path) -> None:
    """Remove the directories of day, month, year and function that hold nothing."""
    with suppress(OSError):  # not empty
        for path in (day, *list(day.parents)[:3]):
            path.rmdir()
