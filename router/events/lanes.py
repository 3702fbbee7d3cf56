"""Records of a shard in several lanes: order is kept in each, and how far all of them are done is known. Pure.

A key always has the same lane, so changes of one key never overtake one another. Source: Lambda developer guide, "Using Lambda with
Amazon DynamoDB", parallelization factor."""

from collections import deque
from collections.abc import Sequence
from typing import Final, Generic, TypeVar
from zlib import crc32

T = TypeVar("T")

MOST: Final = 10  # lanes: Lambda API reference, ParallelizationFactor


def lane_of(key: str, lanes: int) -> int:
    """The lane of a key, the same in every run."""
    return crc32(key.encode("utf-8", "surrogatepass")) % lanes


class Lanes(Generic[T]):
    """What is on its way."""

    def __init__(self, lanes: int) -> None:
        self._lanes: list[deque[int]] = [deque() for _ in range(lanes)]  # numbers of entries
        self._entries: deque[tuple[T, bool]] = deque()  # in the order of the shard; whether each is done
        self._first = 0  # number of the first of them

    @property
    def waiting(self) -> int:
        """How many are not known to be done with all before them."""
        return len(self._entries)

    def add(self, lane: int, entry: T) -> None:
        """Put the next record of the shard into a lane."""
        self._lanes[lane].append(self._first + len(self._entries))
        self._entries.append((entry, False))

    def next(self, lane: int, most: int) -> Sequence[T]:
        """The first records of a lane, *most* at most; they stay there."""
        line = self._lanes[lane]
        return [self._entries[number - self._first][0] for number in (line[place] for place in range(min(most, len(line))))]

    def finish(self, lane: int, count: int) -> Sequence[T]:
        """The first *count* records of a lane are done; give those of the whole shard before which nothing is left to do."""
        for _ in range(count):
            place = self._lanes[lane].popleft() - self._first
            self._entries[place] = (self._entries[place][0], True)
        over: list[T] = []
        while self._entries and self._entries[0][1]:
            over.append(self._entries.popleft()[0])
        self._first += len(over)
        return over
