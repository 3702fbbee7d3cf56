"""Pages of a listing out of keys in order: prefixes, delimiters, where the next page starts. Pure; keys are bytes, UTF-8.

Source: Amazon S3 API reference, "ListObjectsV2". Keys with the delimiter behind the prefix collapse into one common prefix;
objects and common prefixes are one sequence, in the order of their bytes, and each counts one."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

BLOCK: Final = 512  # names held together
SORTED_AT_ONCE: Final = 4096  # names sorted by one call: it keeps the interpreter to itself meanwhile


class Paged(NamedTuple):
    """A page."""

    keys: list[bytes]
    common_prefixes: list[bytes]
    next: bytes | None  # the last of them, when there is more behind it


def page(seek: Callable[[bytes], Iterator[bytes]], prefix: bytes, delimiter: bytes, after: bytes, limit: int) -> Paged:
    """Up to *limit* keys and common prefixes behind *after*; *seek* gives the keys with *prefix* from a bound on, in order."""
    keys, common, last = list[bytes](), list[bytes](), None
    start = _start(prefix, delimiter, after)
    source = seek(start) if start is not None and limit > 0 else iter(())
    while (key := next(source, None)) is not None:
        if len(keys) + len(common) == limit:
            return Paged(keys, common, last)
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        if cut < 0:
            keys.append(key)
            last = key
            continue
        last = key[: cut + len(delimiter)]
        common.append(last)
        beyond = behind(last)
        source = seek(beyond) if beyond is not None else iter(())
    return Paged(keys, common, None)


def behind(prefix: bytes) -> bytes | None:
    """The least bytes greater than all that begin with *prefix*; None: there are none."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes((stem[-1] + 1,)) if stem else None


def _start(prefix: bytes, delimiter: bytes, after: bytes) -> bytes | None:
    """The bound from which keys are wanted; None: no key can be."""
    if not after:
        return prefix
    if delimiter and after.startswith(prefix) and 0 <= after.find(delimiter, len(prefix)) == len(after) - len(delimiter):
        bound = behind(after)  # a common prefix that was given: nothing below it again
        return None if bound is None else max(prefix, bound)
    return max(prefix, after + b"\0")


class Names:
    """The names of a directory in order, held compactly. Those of directories end in "/", which puts them where their keys are."""

    def __init__(self, names: list[bytes]) -> None:
        """Takes *names*, in any order, without a NUL in them."""
        self._firsts, self._blocks = list[bytes](), list[bytes]()
        self.size = 0  # bytes held, about
        for part in _parts(names):
            part.sort()
            for start in range(0, len(part), BLOCK):
                block = part[start : start + BLOCK]
                self._firsts.append(block[0])
                self._blocks.append(b"\0".join(block))
                self.size += len(self._blocks[-1]) + len(block[0]) + 100

    def __iter__(self) -> Iterator[bytes]:
        return self.since(b"")

    def since(self, bound: bytes) -> Iterator[bytes]:
        """Those not less than *bound*."""
        index = max(0, bisect_right(self._firsts, bound) - 1)
        for number in range(index, len(self._blocks)):
            block = self._blocks[number].split(b"\0")
            yield from block[bisect_left(block, bound) :] if number == index else block


def _parts(names: list[bytes]) -> Sequence[list[bytes]]:
    """The names in parts, each wholly before the next, none too large to be sorted at once."""
    if len(names) <= SORTED_AT_ONCE:
        return [names] if names else []
    pivots = sorted(set(names[:: SORTED_AT_ONCE // 4]))
    parts: list[list[bytes]] = [[] for _ in range(len(pivots) + 1)]
    for name in names:
        parts[bisect_right(pivots, name)].append(name)
    return [part for part in parts if part]


def merged(one: Iterator[bytes], other: Iterator[bytes]) -> Iterator[bytes]:
    """Two sequences in order as one; what both have comes once."""
    first, second = next(one, None), next(other, None)
    while first is not None and second is not None:
        least = min(first, second)
        yield least
        if first == least:
            first = next(one, None)
        if second == least:
            second = next(other, None)
    if first is not None:
        yield first
        yield from one
    if second is not None:
        yield second
        yield from other
