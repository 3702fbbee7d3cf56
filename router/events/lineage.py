"""Which functions a chain of events has passed, and how often: what stops a function whose result sets itself off.

Pure. The chain travels in the trace header's Lineage, hash:count of each function, as AWS's recursion detection has it. Source: Lambda
developer guide, "Use Lambda recursive loop detection to prevent infinite loops"."""

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from router.events.tracing import fields

NAME: Final = "Lineage"  # of the header's part; few have one
LIMIT: Final = 16  # passes of one function in a chain of events
_KEPT: Final = 16  # functions of a chain: the header has a length
_ENTRY: Final = re.compile(r"([0-9a-f]{8}):([0-9]{1,4})")


def passes(header: str, arn: str) -> int:
    """How often the chain of events in a trace header has passed a function."""
    return dict(_entries(header)).get(_mark(arn), 0)


def passed(header: str, arn: str) -> str:
    """The header after one more pass."""
    if header and NAME not in header:
        return f"{header};{NAME}={_mark(arn)}:1"
    entries, mark = dict(_entries(header)), _mark(arn)
    count = entries.pop(mark, 0) + 1
    kept = [*list(entries.items())[-(_KEPT - 1) :], (mark, count)]
    parts = [f"{name}={value}" for name, value in fields(header).items() if name != NAME]
    return ";".join([*parts, f"{NAME}=" + "|".join(f"{mark}:{count}" for mark, count in kept)])


def deepest(headers: Iterable[str], arn: str) -> str:
    """Of several headers, of a batch, the one whose chain has passed the function most often; "" of none."""
    return max(headers, key=lambda header: passes(header, arn), default="")


def _entries(header: str) -> list[tuple[str, int]]:
    found = (_ENTRY.fullmatch(part) for part in fields(header).get(NAME, "").split("|"))
    return [(entry[1], int(entry[2])) for entry in found if entry]


@lru_cache(maxsize=4096)
def _mark(arn: str) -> str:
    return hashlib.blake2b(arn.encode(), digest_size=4).hexdigest()
