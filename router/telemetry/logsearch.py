"""Events of many log streams by time, as a search over a group gives them. Reads files: run in a thread."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from router.telemetry.logpages import PAGE, Found, Span, Spot, Stream, event_at, size_in

BUDGET: Final = 32 * 1024 * 1024  # bytes that one search looks at before it hands out what it has


class Mark(NamedTuple):
    """How far a search has come."""

    at: int  # epoch milliseconds
    stream: str
    spot: Spot  # behind the event


class Hits(NamedTuple):
    """What a search found, by time."""

    events: list[Found]
    mark: Mark | None  # None: there is no more


def search(found: Iterable[Stream], span: Span, mark: Mark | None, wanted: Callable[[str], bool], limit: int) -> Hits:
    """Events of all these streams whose message is *wanted*, by time, behind *mark*."""
    events: list[Found] = []
    size, looked = 0, 0
    for at, stream, start, end, line in _merged(found, span, mark):
        event = event_at(stream, line, start)
        looked += len(line)
        if event is not None and wanted(event.message):
            size += size_in(event.message)
            if size > PAGE and events:
                return Hits(events, mark)
            events.append(event)
        mark = Mark(at, stream, end)
        if len(events) >= limit or looked > BUDGET:
            return Hits(events, mark)
    return Hits(events, None)


_Placed = tuple[int, str, Spot, Spot, bytes]  # time, stream, where it begins and ends, the line


def _merged(found: Iterable[Stream], span: Span, mark: Mark | None) -> Iterator[_Placed]:
    """The events of all streams by time; a stream is opened only when its time has come. Those of one never change places."""
    waiting: list[tuple[int, str, Iterator[_Placed]]] = []
    for stream in found:
        first = stream.tail().first()
        if first is not None:
            waiting.append((round(first * 1000), stream.name, _behind(stream, span, mark, round(first * 1000))))
    waiting.sort(key=lambda one: one[:2], reverse=True)
    ready: list[tuple[_Placed, Iterator[_Placed]]] = []
    while ready or waiting:
        while waiting and (not ready or waiting[-1][:2] <= ready[0][0][:2]):
            _push(ready, waiting.pop()[2])
        if ready:
            one, rest = heapq.heappop(ready)
            yield one
            _push(ready, rest)


def _push(ready: list[tuple[_Placed, Iterator[_Placed]]], events: Iterator[_Placed]) -> None:
    one = next(events, None)
    if one is not None:
        heapq.heappush(ready, (one, events))


def _behind(stream: Stream, span: Span, mark: Mark | None, first: int) -> Iterator[_Placed]:
    """One stream's events behind the mark. Their times never go back: an event that is older than one before it comes right after that."""
    mine = mark is not None and mark.stream == stream.name
    time, start = (mark.at, mark.spot) if mark is not None and mine else (first, Spot())
    for number, offset, next_number, next_offset, line in stream.tail().placed(*start):
        at = span.holds(line)
        if at is None:
            continue
        time = max(time, round(at * 1000))
        if mark is None or mine or (time, stream.name) > (mark.at, mark.stream):
            yield time, stream.name, Spot(number, offset), Spot(next_number, next_offset), line
