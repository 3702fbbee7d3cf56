"""Log events in pages, as the API gives them: one stream forwards and backwards, or all streams of a group by time.

A place in a stream is its segment and an offset: it stays good while segments are added and old ones go. A search goes on behind a
mark, which is the last event that was looked at, in the order of time, stream and place. Blocking; for a thread."""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple
from urllib.parse import unquote

from router.telemetry.logfiles import NAMED, dated, decoded, parse_segment, segment, time_of
from router.telemetry.logreader import Tail, Wanted, segments
from router.telemetry.selection import Selection

PAGE: Final = 1024 * 1024  # bytes of a page: GetLogEvents and FilterLogEvents
EVENTS: Final = 10_000  # of a page
OVERHEAD: Final = 26  # bytes that count for each event
SLACK: Final = 2.0  # seconds between an event's time and its file's: buffering, coarse file times
AHEAD: Final = 2 * 3600.0  # seconds that an event which somebody put may be ahead of the clock, and so of its file


class Spot(NamedTuple):
    """A place in a stream."""

    segment: int = 0
    offset: int = 0


END: Final = Spot(2**31, 0)


class Found(NamedTuple):
    """One event."""

    stream: str
    at: int  # epoch milliseconds
    message: str
    spot: Spot  # where it begins


class Page(NamedTuple):
    """Some events of a stream, oldest first."""

    events: list[Found]
    before: Spot  # from where it goes on backwards
    behind: Spot  # and forwards


class Span(NamedTuple):
    """Of which times, epoch milliseconds; both ends included."""

    since: int = 0
    until: int = 2**63

    def holds(self, line: bytes) -> float | None:
        """The time of an event that is wanted, epoch seconds; None for another, or a torn line."""
        at = time_of(line)
        return at if at is not None and self.since <= round(at * 1000) <= self.until else None


class Stream(NamedTuple):
    """A stream on disk."""

    folder: Path
    name: str

    def tail(self) -> Tail:
        """What reads it."""
        return Tail(self.folder, "", self.name, Wanted(), Selection())

    def forwards(self, start: Spot, span: Span, limit: int) -> Page:
        """The events from *start* on."""
        events: list[Found] = []
        size, behind, first = 0, start, None
        for number, offset, next_number, next_offset, line in self.tail().placed(*start):
            if span.holds(line) is not None and (event := event_at(self.name, line, Spot(number, offset))) is not None:
                size += size_in(event.message)
                if len(events) >= limit or (size > PAGE and events):
                    break
                events.append(event)
                first = first or event.spot
            behind = Spot(next_number, next_offset)
        return Page(events, first or start, behind)

    def backwards(self, stop: Spot, span: Span, limit: int) -> Page:
        """The last events before *stop*."""
        stop = self.end() if stop == END else stop
        kept: deque[tuple[Spot, bytes]] = deque()
        for number in reversed([number for number in segments(self.folder, self.name) if number <= stop.segment]):
            kept.extendleft(reversed(self._last(number, stop, span, limit - len(kept))))
            if len(kept) >= limit or sum(len(line) for _, line in kept) > PAGE:
                break
        events = self._newest(kept)
        return Page(events, events[0].spot if events else stop, stop)

    def _last(self, number: int, stop: Spot, span: Span, limit: int) -> deque[tuple[Spot, bytes]]:
        """The last lines of a segment before *stop*: as many as a page may need."""
        found: deque[tuple[Spot, bytes]] = deque()
        size = 0
        for at, offset, _, _, line in self.tail().placed(number, 0):
            if at != number or (at, offset) >= stop:
                break
            if span.holds(line) is None:
                continue
            found.append((Spot(number, offset), line))
            size += len(line)
            while len(found) > limit or (size > 2 * PAGE and len(found) > 1):
                size -= len(found.popleft()[1])
        return found

    def end(self) -> Spot:
        """Behind the last whole line."""
        numbers = segments(self.folder, self.name)
        if not numbers:
            return Spot()
        with suppress(OSError), (self.folder / segment(self.name, numbers[-1])).open("rb") as file:
            return Spot(numbers[-1], _whole(file.seek(0, os.SEEK_END), lambda at, size: _read(file, at, size)))
        return Spot(numbers[-1], 0)

    def _newest(self, kept: Iterable[tuple[Spot, bytes]]) -> list[Found]:
        """As many of the newest as fit a page."""
        events: deque[Found] = deque()
        size = 0
        for spot, line in reversed(list(kept)):
            event = event_at(self.name, line, spot)
            if event is None:
                continue
            size += size_in(event.message)
            if size > PAGE and events:
                break
            events.appendleft(event)
        return list(events)

    def times(self) -> tuple[int, int] | None:
        """When its first and its last event were, epoch milliseconds; None when it has none."""
        first, end = self.tail().first(), self.end()
        if first is None:
            return None
        last = None
        with suppress(OSError), (self.folder / segment(self.name, end.segment)).open("rb") as file:
            start = _whole(max(0, end.offset - 1), lambda at, size: _read(file, at, size))
            last = time_of(_read(file, start, 64))
        return round(first * 1000), round((first if last is None else last) * 1000)

    def written(self) -> float | None:
        """When it was written to last, epoch seconds; None when nothing of it is on disk."""
        found = [(self.folder / segment(self.name, number)) for number in segments(self.folder, self.name)[-1:]]
        with suppress(OSError):
            return found[0].stat().st_mtime if found else None
        return None

    def remove(self) -> None:
        """Delete what is on disk."""
        for number in segments(self.folder, self.name):
            (self.folder / segment(self.name, number)).unlink(missing_ok=True)


def streams(group: Path, named: Iterable[str], since: float = 0.0, wanted: Callable[[str], bool] = lambda _: True) -> list[Stream]:
    """The streams of a group that are wanted and were written to at or after *since* (epoch seconds); those of environments are found on
    disk, others are *named* by who knows of them, and may hold events that were ahead of the clock."""
    found: dict[str, Stream] = {}
    for day in sorted(group.glob("[0-9]*/[0-9]*/[0-9]*")):
        name = "/".join(day.parts[-3:])
        for stem in _stems(day, since - SLACK):
            if wanted(f"{name}/{stem}"):
                found[f"{name}/{stem}"] = Stream(day, f"{name}/{stem}")
    for name in named:
        if name not in found and wanted(name):
            stream = placed(group, name)
            if (at := stream.written()) is not None and at >= since - SLACK - AHEAD:
                found[name] = stream
    return [found[name] for name in sorted(found)]


def placed(group: Path, name: str) -> Stream:
    """A stream of this name, whether it is there or not."""
    return Stream(group.joinpath(*name.split("/")[:-1]) if dated(name) else group / NAMED, name)


def _stems(day: Path, since: float) -> list[str]:
    """The last parts of the names of streams in a day's directory; not of those whose names are too long to stand there."""
    changed: dict[str, float] = {}
    with suppress(OSError), os.scandir(day) as entries:
        for entry in entries:
            parsed = parse_segment(entry.name)
            if parsed is not None and not entry.name.startswith("~"):
                changed[parsed[0]] = max(changed.get(parsed[0], 0.0), entry.stat(follow_symlinks=False).st_mtime)
    return sorted(stem for stem, at in changed.items() if at >= since)


def size_of(group: Path) -> int:
    """Bytes of a group on disk."""
    return sum(path.stat().st_size for path in group.rglob("*.jsonl"))


def groups(root: Path) -> list[str]:
    """The names of the log groups on disk; not of those whose names are too long to stand there."""
    found: Sequence[tuple[Path, str]] = ((root / "aws" / "lambda", "/aws/lambda/"), (root / "groups", ""))
    return [
        prefix + unquote(path.name)
        for place, prefix in found
        for path in (place.iterdir() if place.is_dir() else ())
        if not path.name.startswith("~")
    ]


def event_at(stream: str, line: bytes, spot: Spot) -> Found | None:
    """The event of a line; None for a torn one."""
    found = decoded(line)
    return None if found is None else Found(stream, round(found[0] * 1000), found[1], spot)


def event_id(group: str, event: Found) -> str:
    """56 digits: always the same for an event, unlike those of all others."""
    digest = int.from_bytes(hashlib.sha256(f"{group}\n{event.stream}".encode()).digest()[:8], "big")
    return f"{event.at:014d}{digest:020d}{event.spot.segment:09d}{event.spot.offset:013d}"


def size_in(message: str) -> int:
    """What it counts for in a page, bytes."""
    return len(message.encode()) + OVERHEAD


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


def _whole(size: int, read: Callable[[int, int], bytes]) -> int:
    """How much of a file of *size* bytes is whole lines."""
    step = 64 * 1024
    end = size
    while end:
        start = max(0, end - step)
        newline = read(start, end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0
