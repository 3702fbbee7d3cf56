"""Log events read back from disk, without the daemon: merged by time, in bounded memory, followed while they grow.

A tail knows its stream by position only (segment and offset): files are open for one bite at a time, and what a
selection holds back is read again instead of kept. Torn lines are skipped, the last line waits for its end."""

import asyncio
import heapq
import os
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from router.clock import Clock, SystemClock
from router.telemetry.logfiles import LogEvent, decoded, owner, parse_segment, segment, shared, time_of
from router.telemetry.selection import Selection, Verdict

FOREVER: Final = float("inf")
POLL: Final = 0.1  # seconds between looks at growing files
_BITE: Final = 64 * 1024  # bytes of one stream in memory at once, about
_ALIVE: Final = 25 * 3600.0  # seconds; no environment is idle for longer (limits.idle), so no older file grows
_DAY: Final = 86400.0
_SLACK: Final = 2.0  # seconds between an event's time and its file's, at most: buffering, coarse file times
_LAST: Final = 253402214400.0  # 9999-12-31, epoch seconds
_PIECE: Final = 500  # events handed over at once


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events a reader is asked for."""

    function: str | None = None  # None: all
    since: float = 0.0  # epoch seconds, inclusive
    until: float = FOREVER  # epoch seconds, inclusive
    request_id: str = ""  # only this request's invocations, whole
    failed: bool = False  # only invocations that failed, whole


@dataclass(order=True, slots=True)
class _Position:
    segment: int = 0
    offset: int = 0


@dataclass(slots=True)
class Tail:
    """One stream, read from where the last reading ended."""

    folder: Path
    function: str
    name: str
    wanted: Wanted
    selection: Selection
    at: _Position = field(default_factory=_Position)
    held: _Position | None = None  # where the events begin that the selection holds back

    def events(self) -> Iterator[LogEvent]:
        """What was written since the last call and is wanted, in the order of the file."""
        for start, end, line in self._lines(self.at):
            self.at = end
            moment = time_of(line)
            if moment is None or (self.selection.everything and not self.wanted.since <= moment <= self.wanted.until):
                continue
            yield from self._chosen(line, start)

    def first(self) -> float | None:
        """The time of the next event, epoch seconds; None when there is none yet."""
        for _, _, line in self._lines(self.at):
            moment = time_of(line)
            if moment is not None:
                return moment
        return None

    @property
    def key(self) -> tuple[str, str]:
        """Names the stream among all."""
        return self.function, self.name

    def grown(self) -> bool:
        """Whether there is something to read."""
        try:
            return (self.folder / segment(self.name, self.at.segment)).stat().st_size > self.at.offset or self._following(
                self.at.segment
            ) is not None
        except OSError:
            return self._following(self.at.segment) is not None

    def _chosen(self, line: bytes, start: _Position) -> Iterator[LogEvent]:
        event = self._event(line)
        if event is None:
            return
        verdict = self.selection.feed(event.message)
        if verdict is Verdict.BEGIN or (verdict is Verdict.HOLD and self.held is None):
            self.held = start
        elif verdict is Verdict.DROP:
            self.held = None
        elif verdict is Verdict.KEEP:
            held, self.held = self.held, None
            if held is not None:
                yield from self._again(held, start)
            if self._timely(event):
                yield event

    def _again(self, start: _Position, stop: _Position) -> Iterator[LogEvent]:
        """The events from one position to another, read a second time."""
        for _, end, line in self._lines(start):
            event = self._event(line)
            if event is not None and self._timely(event):
                yield event
            if end >= stop:
                return

    def _event(self, line: bytes) -> LogEvent | None:
        found = decoded(line)
        return LogEvent(self.function, self.name, *found) if found else None

    def _timely(self, event: LogEvent) -> bool:
        return self.wanted.since <= event.at <= self.wanted.until

    def placed(self, number: int, offset: int) -> Iterator[tuple[int, int, int, int, bytes]]:
        """Whole lines from a place on: segment and offset of where each begins and of where it ends, and its bytes."""
        for start, end, line in self._lines(_Position(number, offset)):
            yield start.segment, start.offset, end.segment, end.offset, line

    def _lines(self, start: _Position) -> Iterator[tuple[_Position, _Position, bytes]]:
        """Whole lines from *start* on: where each begins, where it ends, and its bytes; over segments, to the end of what is there."""
        number, offset = start.segment, start.offset
        while True:
            following = self._following(number)  # looked up before reading: nothing is added to a segment that has a successor
            lines = self._bite(number, offset)
            for line in lines:
                begin, offset = offset, offset + len(line)
                yield _Position(number, begin), _Position(number, offset), line
            if not lines:
                if following is None:
                    return
                number, offset = following, 0

    def _bite(self, number: int, offset: int) -> list[bytes]:
        try:
            with (self.folder / segment(self.name, number)).open("rb") as file:
                file.seek(offset)
                lines = file.readlines(_BITE)
        except OSError:
            return []
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()
        return lines

    def _following(self, number: int) -> int | None:
        """The next segment that exists; None when *number* is the last."""
        if (self.folder / segment(self.name, number + 1)).exists():
            return number + 1
        if (self.folder / segment(self.name, number)).exists():
            return None
        return min((other for other in segments(self.folder, self.name) if other > number), default=None)


def segments(folder: Path, stream: str) -> list[int]:
    """The numbers of a stream's segments that are there, sorted."""
    numbers = (parsed[1] for path in folder.glob("*.jsonl") if (parsed := parse_segment(path.name)))
    return sorted(number for number in set(numbers) if (folder / segment(stream, number)).exists())


def merged(tails: Iterable[Tail]) -> Iterator[LogEvent]:
    """The new events of all *tails* by time; those of one stream never change places. A stream is read only when its time has come."""
    waiting = sorted((moment, index, tail) for index, tail in enumerate(tails) if (moment := tail.first()) is not None)
    waiting.reverse()
    ready: list[tuple[float, int, LogEvent, Iterator[LogEvent]]] = []
    while ready or waiting:
        while waiting and (not ready or waiting[-1][0] <= ready[0][0]):
            moment, index, tail = waiting.pop()
            _push(ready, moment, index, tail.events())
        if ready:
            moment, index, event, events = heapq.heappop(ready)
            yield event
            _push(ready, moment, index, events)


def _push(ready: list[tuple[float, int, LogEvent, Iterator[LogEvent]]], after: float, index: int, events: Iterator[LogEvent]) -> None:
    event = next(events, None)
    if event is not None:
        heapq.heappush(ready, (max(after, event.at), index, event, events))


def read(
    root: Path,
    function: str | None = None,
    *,
    since: float = 0.0,
    until: float = FOREVER,
    request_id: str = "",
    failed: bool = False,
) -> Iterator[LogEvent]:
    """The events under *root* (STATE/logs) by time. *since*, *until*: epoch seconds, inclusive.

    *request_id*: only the invocations of this request; *failed*: only those that did not succeed; both keep an
    invocation whole, from its START (or INIT_START) to its REPORT."""
    return merged(Streams(root, Wanted(function, since, until, request_id, failed)).find(since))


async def follow(
    root: Path,
    function: str | None = None,
    *,
    since: float,
    request_id: str = "",
    failed: bool = False,
    clock: Clock | None = None,
    poll: float = POLL,
) -> AsyncIterator[LogEvent]:
    """As read(), and then what is added, for ever; looks every *poll* seconds."""
    clock = clock or SystemClock()
    streams = Streams(root, Wanted(function, since, FOREVER, request_id, failed))
    tails = {tail.key: tail for tail in await asyncio.to_thread(list, streams.find(min(since, clock.now() - _ALIVE)))}
    while True:
        events = merged(await asyncio.to_thread(_grown, list(tails.values())))
        while piece := await asyncio.to_thread(list, islice(events, _PIECE)):
            for event in piece:
                yield event
        await clock.sleep(poll)
        for tail in await asyncio.to_thread(list, streams.find(0.0, days=_recent(clock.now()))):
            tails.setdefault(tail.key, tail)


def _grown(tails: Iterable[Tail]) -> list[Tail]:
    return [tail for tail in tails if tail.grown()]


def _day(at: float) -> str:
    return datetime.fromtimestamp(min(at, _LAST), UTC).strftime("%Y/%m/%d")


def _recent(now: float) -> frozenset[str]:
    """The days in whose directories a new stream can appear."""
    return frozenset((_day(now - _DAY), _day(now), _day(now + _DAY)))


class Streams:
    """Finds the streams under a root that may hold wanted events."""

    def __init__(self, root: Path, wanted: Wanted) -> None:
        self._root, self._wanted = root, wanted

    def find(self, changed_since: float, days: Collection[str] | None = None) -> Iterator[Tail]:
        """Streams with a file changed at or after *changed_since*, named after one of *days* (None: any day up to the end of what is wanted)."""
        for function, folder in self._groups():
            for day in self._days(folder) if days is None else days:
                yield from self._streams(function, folder / day, day, changed_since - _SLACK)

    def _days(self, folder: Path) -> list[str]:
        last = _day(self._wanted.until + _DAY)
        found = sorted("/".join(path.parts[-3:]) for path in folder.glob("[0-9]*/[0-9]*/[0-9]*"))
        return [day for day in found if day <= last]

    def _groups(self) -> Iterator[tuple[str, Path]]:
        """Log groups in which there may be wanted streams: of which function, "" when the streams tell, and where. A function's own, too, is
        one that others may share."""
        for path in _listed(self._root / "aws" / "lambda"):
            yield unquote(path.name), path
        for path in _listed(shared(self._root)):
            yield "", path

    def _streams(self, function: str, folder: Path, day: str, changed_since: float) -> Iterator[Tail]:
        for stem, number in sorted(_changed(folder, changed_since).items()):
            name = owner(stem, function)
            if self._wanted.function in {None, name}:
                selection = Selection(request_id=self._wanted.request_id, failed=self._wanted.failed)
                yield Tail(folder, name, f"{day}/{stem}", self._wanted, selection, _Position(number))


def _listed(directory: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(directory.iterdir(), key=lambda path: unquote(path.name))
    return []


def _changed(folder: Path, since: float) -> dict[str, int]:
    """The streams in a day's directory that changed since then, and each one's first segment that is left."""
    first: dict[str, int] = {}
    changed: dict[str, float] = {}
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            parsed = parse_segment(entry.name)
            if parsed:
                stem, number = parsed
                first[stem] = min(first.get(stem, number), number)
                changed[stem] = max(changed.get(stem, 0.0), entry.stat(follow_symlinks=False).st_mtime)
    return {stem: number for stem, number in first.items() if changed[stem] >= since}
