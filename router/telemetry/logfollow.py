"""A log stream followed from a mark that is kept somewhere: over segments, a lost end, and a stream that was made anew.

Blocking; for a thread."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from router.telemetry.logfiles import segment
from router.telemetry.logpages import Spot, Stream
from router.telemetry.logreader import segments
from router.telemetry.logwriter import SEGMENT


class Mark(NamedTuple):
    """How far a stream was read."""

    file: int = 0  # inode of the segment; 0: there was none yet
    segment: int = 0
    offset: int = 0


class Read(NamedTuple):
    """Whole lines, each with where it begins, and the mark behind them."""

    lines: Sequence[tuple[Spot, bytes]]
    mark: Mark
    gap: bool = False  # what came right behind the former mark is gone: the stream grew faster than it was read


def end(stream: Stream) -> Mark:
    """Behind all that is there."""
    return _mark(stream, stream.end())


def ends(streams: Iterable[Stream]) -> dict[str, Mark]:
    """The same of several, by their names."""
    return {stream.name: end(stream) for stream in streams}


def read(stream: Stream, mark: Mark, most: int) -> Read:
    """The lines behind *mark*: *most* bytes, or as much more as the last line has."""
    start, gap = _start(stream, mark)
    spot = start
    lines: list[tuple[Spot, bytes]] = []
    size = 0
    for number, offset, next_number, next_offset, line in stream.tail().placed(*spot):
        lines.append((Spot(number, offset), line))
        spot, size = Spot(next_number, next_offset), size + len(line)
        if size >= most:
            break
    moved = bool(lines) or start != (mark.segment, mark.offset)
    return Read(lines, _mark(stream, spot) if moved else mark, gap)


def _start(stream: Stream, mark: Mark) -> tuple[Spot, bool]:
    """Where to read on, and whether there is a gap before it.

    A file that is another one is that of a stream which was deleted and made anew: it is read from its beginning. One that is shorter lost
    its end with the machine's power: what it held was read."""
    left = segments(stream.folder, stream.name)
    try:
        found = (stream.folder / segment(stream.name, mark.segment)).stat()
    except FileNotFoundError:
        newer = [number for number in left if number > mark.segment]
        gap = bool(mark.file and newer) and (newer[0] > mark.segment + 1 or mark.offset < SEGMENT)
        return Spot((newer or left or [0])[0]), gap
    if found.st_ino == mark.file:
        return Spot(mark.segment, min(mark.offset, found.st_size)), False
    return Spot((left or [0])[0]), False


def _mark(stream: Stream, spot: Spot) -> Mark:
    with suppress(FileNotFoundError):
        return Mark((stream.folder / segment(stream.name, spot.segment)).stat().st_ino, *spot)
    return Mark(0, *spot)
