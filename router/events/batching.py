"""Decisions of an event source mapping: how much goes into a batch, how long to wait for more, when to try again.

Pure. Source: Lambda developer guide, "Using AWS Lambda with Amazon DynamoDB", batching and error handling."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

PAUSE_FIRST: Final = 0.5  # seconds before the first try again, at most
PAUSE_LIMIT: Final = 8.0  # seconds between two tries, at most: work resumes within 10 s of a fault's end

_HEAD: Final = b'{"Records":['
_TAIL: Final = b"]}"


@dataclass(frozen=True, slots=True)
class Packed:
    """The event of one batch."""

    payload: bytes  # {"Records": [...]}; b"" when there is no record, or one that can never be delivered
    records: int  # how many were taken off the front
    oversize: bool = False  # the one record taken does not even fit alone
    full: bool = False  # more were there, or no more would go in


def pack(records: Iterable[bytes | None], *, most: int, limit: int) -> Packed:
    """Take encoded records (JSON text; None: one known to be too large) until *most* of them or *limit* bytes of payload are reached.

    Takes one record at a time and stops at the first that does not fit."""
    taken: list[bytes] = []
    size = len(_HEAD) + len(_TAIL) - 1  # the first record has no comma before it
    for encoded in records:
        if encoded is None or size + 1 + len(encoded) > limit:
            return Packed(_joined(taken), len(taken), full=True) if taken else Packed(b"", 1, oversize=True, full=True)
        taken.append(encoded)
        size += 1 + len(encoded)
        if len(taken) == most:
            break
    return Packed(_joined(taken), len(taken), full=len(taken) == most)


def _joined(records: list[bytes]) -> bytes:
    return _HEAD + b",".join(records) + _TAIL if records else b""


def patience(waiting: int, *, most: int, window: float, waited: float) -> float:
    """Seconds that a batch of *waiting* records still waits for others; 0: it goes now."""
    return 0.0 if waiting >= most else max(0.0, window - waited)


def backoff(tries: int, draw: float) -> float:
    """Seconds before the next try after *tries* in vain; *draw* from [0, 1): exponential with full jitter, capped."""
    return min(PAUSE_LIMIT, PAUSE_FIRST * 2.0 ** min(tries - 1, 10)) * draw
