"""What a code directory holds, and whether that has changed. Blocking.

Left out: what is data of the router's own (state directory, buckets, tables), version control, virtual environments (an interpreter
runs from where it is), what editors leave behind. Links that stay inside are kept as links; what any other link leads to is taken in
its place, as zip does, so that a tree needs nothing beside it."""

import hashlib
import os
import stat
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, Literal, NamedTuple

from router.config.archive import ENTRIES
from router.config.archive_names import BadEntry, target
from router.errors import CodeRefused

IGNORED: Final = (".git", ".hg", ".svn", ".DS_Store", "*~", "*.swp", "*.swx", ".#*", "4913")  # glob patterns of one name
COMPILED: Final = "__pycache__"  # comes along, as it makes cold starts faster, and counts for nothing: Python checks it against its source
_VENV: Final = "pyvenv.cfg"


class Row(NamedTuple):
    """One entry of a directory, or of what its links lead to."""

    path: str  # below the root, segments joined by "/"
    kind: Literal["file", "directory", "link"]
    size: int  # bytes
    changed: tuple[int, int, int]  # inode, mtime and ctime in nanoseconds; zeroes for directories
    executable: bool
    text: str  # a link's target

    @property
    def counts(self) -> bool:
        """Whether it is code, and not made from code."""
        return COMPILED not in self.path.split("/")


class Walker:
    """Lists one directory."""

    def __init__(self, root: Path, excluded: Collection[str]) -> None:
        """*excluded*: real paths that are left out, with all below them."""
        self._root = os.path.realpath(root)
        self._excluded = excluded
        self._count = 0

    def rows(self) -> list[Row]:
        """All entries, sorted by path. Raises CodeRefused (too many, a loop of links), OSError."""
        return sorted(self._below(self._root, "", (self._root,)))

    def _below(self, place: str, prefix: str, above: tuple[str, ...]) -> Iterator[Row]:
        """*place*: the real directory; *above*: it, and those that it was come by."""
        waiting = [(place, prefix, above)]
        while waiting:
            place, prefix, above = waiting.pop()
            with os.scandir(place) as found:
                entries = list(found)
            for entry in entries:
                row, real = self._row(entry, prefix)
                if row is None:
                    continue
                self._count += 1
                if self._count > ENTRIES:
                    raise CodeRefused(f"more than {ENTRIES} files and directories")
                if real:
                    if real in above:
                        raise CodeRefused(f"{row.path!r:.200} is a link to a directory above it")
                    waiting.append((real, f"{row.path}/", (*above, real)))
                yield row

    def _row(self, entry: os.DirEntry[str], prefix: str) -> tuple[Row | None, str]:
        """The row, and the directory to go on with."""
        path = prefix + entry.name
        if any(fnmatchcase(entry.name, pattern) for pattern in IGNORED) or entry.path in self._excluded:
            return None, ""
        if entry.is_symlink():
            text = os.readlink(entry.path)  # noqa: PTH115 - thousands of entries
            if self._inside(path, text, entry.path) or not os.path.exists(entry.path):  # noqa: PTH110 - thousands of entries
                return Row(path, "link", 0, (0, 0, 0), executable=False, text=text), ""
        found = entry.stat()
        if stat.S_ISDIR(found.st_mode):
            real = os.path.realpath(entry.path)
            if real in self._excluded or os.path.exists(f"{real}/{_VENV}"):  # noqa: PTH110 - as above
                return None, ""
            return Row(path, "directory", 0, (0, 0, 0), executable=False, text=""), real
        if not stat.S_ISREG(found.st_mode):
            return None, ""  # a socket or a pipe is no code
        changed = (found.st_ino, found.st_mtime_ns, found.st_ctime_ns)
        return Row(path, "file", found.st_size, changed, executable=bool(found.st_mode & 0o111), text=""), ""

    def _inside(self, path: str, text: str, place: str) -> bool:
        """Whether a link leads to something that is in the tree under the same relative path."""
        try:
            target(path, text)
        except BadEntry:
            return False
        real = os.path.realpath(place)
        return real.startswith(f"{self._root}/") and place.startswith(f"{self._root}/")


def fingerprint(rows: Collection[Row]) -> str:
    """What changes when anything that counts does."""
    total = hashlib.blake2b(digest_size=16)
    for row in rows:
        if row.counts:
            total.update(repr(row).encode("utf-8", "surrogateescape"))
    return total.hexdigest()
