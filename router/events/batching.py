"""Decisions of an event source mapping: how much goes into a batch, how long to wait for more, when to try again.

Pure. Source: Lambda developer guide, "Using AWS Lambda with Amazon DynamoDB", batching and error handling."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

PAUSE_FIRST: Final = 0.5  # seconds before the first try again, at most
PAUSE_LIMIT: Final = 8.0  # seconds between two tries, at most: work resumes within 10 s of a fault's end

_HEAD: Final = b'{"Records":['
_TAIL: Final = b"]}"
_FRAME: Final = len(_HEAD) + len(_TAIL) - 1  # bytes; the first record has no comma before it


@dataclass(frozen=True, slots=True)
class Packed:
    """The event of one batch."""

    payload: bytes  # {"Records": [...]}; b"" when there is no record, or one that can never be delivered
    records: int  # how many were taken off the front
    oversize: bool = False  # the one record taken does not even fit alone
    full: bool = False  # more were there, or no more would go in


def fitting(records: Iterable[bytes | None], *, most: int, limit: int) -> int:
    """How many encoded records (JSON text; None: one known to be too large) make one event: *most* of them, *limit* bytes of payload at most.

    Takes one record at a time and stops at the first that does not fit, which counts when it is the very first."""
    number, size = 0, _FRAME
    for encoded in records:
        if encoded is None or size + 1 + len(encoded) > limit:
            return max(number, 1)
        number, size = number + 1, size + 1 + len(encoded)
        if number == most:
            break
    return number


def pack(records: Iterable[bytes | None], *, most: int, limit: int) -> Packed:
    """Take the records that make one event off the front; see fitting()."""
    seen: list[bytes | None] = []

    def noting() -> Iterator[bytes | None]:
        for encoded in records:
            seen.append(encoded)
            yield encoded

    number = fitting(noting(), most=most, limit=limit)
    taken = [encoded for encoded in seen[:number] if encoded is not None and _FRAME + 1 + len(encoded) <= limit]
    if len(taken) < number:
        return Packed(b"", 1, oversize=True, full=True)
    return Packed(_joined(taken), number, full=len(seen) > number or number == most)


def _joined(records: list[bytes]) -> bytes:
    return _HEAD + b",".join(records) + _TAIL if records else b""


def patience(waiting: int, *, most: int, window: float, waited: float) -> float:
    """Seconds that a batch of *waiting* records still waits for others; 0: it goes now."""
    return 0.0 if waiting >= most else max(0.0, window - waited)


def backoff(tries: int, draw: float) -> float:
    """Seconds before the next try after *tries* in vain; *draw* from [0, 1): exponential with full jitter, capped."""
    return min(PAUSE_LIMIT, PAUSE_FIRST * 2.0 ** min(tries - 1, 10)) * draw
