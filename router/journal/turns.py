"""Who is served next: functions in turn. Pure."""

from collections.abc import Iterable, Sequence
from itertools import islice, zip_longest
from typing import Any, Final, TypeVar

T = TypeVar("T")

_NONE: Final[Any] = object()


def rotated(functions: Iterable[str], after: str) -> list[str]:
    """The functions in the order of their names, starting behind *after*, so that who was served last comes last."""
    names = sorted(functions)
    return [name for name in names if name > after] + [name for name in names if name <= after]


def in_turn(lines: Iterable[Sequence[T]], limit: int) -> list[T]:
    """One of each line in turn, in the order of the lines, until *limit* are taken or all lines are empty."""
    rounds = zip_longest(*lines, fillvalue=_NONE)
    return list(islice((item for turn in rounds for item in turn if item is not _NONE), limit))


def rounds(lengths: Sequence[int], limit: int) -> int:
    """How many turns in_turn() takes over lines of these lengths: no line is asked for more than so many."""
    left = limit
    for rank, length in enumerate(sorted(lengths)):
        share = -(-left // (len(lengths) - rank))
        if length >= share:
            return share
        left -= length
    return max(lengths, default=0)
