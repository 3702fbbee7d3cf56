"""The keys of a bucket in the order of their bytes, out of its directories. Touches the disk: run in a thread.

The names of a directory are remembered and used again as long as the directory proves that nothing came or went, and the bucket leaves out
the same names: same inode, same times, and those older, when it was read, than its clock can hide a change. A file that was dropped a
moment ago is always there; what it costs is reading its directory anew. What is remembered is bounded by CACHE for all buckets together."""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, NamedTuple

from router.buckets import versions
from router.buckets.beneath import beneath
from router.buckets.contents import facts
from router.buckets.keys import Ignored, unfit
from router.buckets.object_keys import fits
from router.buckets.paging import Names, behind
from router.buckets.versions import Seen

CACHE: Final = 128 * 1024**2  # bytes of names
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY
_NONE: Final = Names([])

Proof = tuple[int, int, int, int, int, tuple[str, ...]]
"""Device, inode, mtime and ctime of a directory; how long its path is, and the globs: names that made too long a key, or that one of those
matches, were left out."""


class Read(NamedTuple):
    """A directory as it was read."""

    proof: Proof
    names: Names
    settled: bool  # whether a change after it was read must show in its times


class Directories:
    """What is remembered of directories, the longest unused forgotten first. Used from several threads."""

    def __init__(self, limit: int = CACHE) -> None:
        self._limit, self._size = limit, 0
        self._read: OrderedDict[tuple[int, int], Read] = OrderedDict()  # device, inode
        self._lock = threading.Lock()

    def get(self, proof: Proof) -> Names | None:
        """The names of a directory that is as it was when it was read."""
        with self._lock:
            read = self._read.get(proof[:2])
            if read is None or not read.settled or read.proof != proof:
                return None
            self._read.move_to_end(proof[:2])
            return read.names

    def put(self, read: Read) -> None:
        """Remember a directory."""
        with self._lock:
            former = self._read.pop(read.proof[:2], None)
            self._size += read.names.size - (former.names.size if former is not None else 0)
            self._read[read.proof[:2]] = read
            while self._size > self._limit and self._read:
                self._size -= self._read.popitem(last=False)[1].names.size


class Tree:
    """A bucket's directory for the time of one page; each directory is looked at once."""

    def __init__(self, root: int, ignored: Ignored, directories: Directories) -> None:
        self._root, self._ignored, self._directories = root, ignored, directories
        self._looked: dict[bytes, Names] = {}

    def keys(self, prefix: bytes, bound: bytes) -> Iterator[bytes]:
        """Keys of files with *prefix*, not less than *bound*, in order."""
        bound = max(bound, prefix)
        above = prefix[: prefix.rfind(b"/") + 1]
        if above and (not fits(os.fsdecode(above)) or self._ignored.directory(os.fsdecode(above[:-1]))):
            return
        end = behind(prefix) if prefix else None
        pending = [self._since(above, bound)]
        while pending:
            path = next(pending[-1], None)
            if path is None:
                pending.pop()
            elif end is not None and path >= end:
                return
            elif path.endswith(b"/"):
                pending.append(self._since(path, bound))
            elif path >= bound:
                yield path

    def _since(self, directory: bytes, bound: bytes) -> Iterator[bytes]:
        """What is in a directory ("a/b/", or nothing) from where keys not less than *bound* may be."""
        names = self._names(directory)
        start = bound[len(directory) :] if bound.startswith(directory) else b""  # greater ones were passed over above
        cut = start.find(b"/")
        for name in names.since(start[: cut + 1] if cut >= 0 else start):
            yield directory + name

    def _names(self, directory: bytes) -> Names:
        if directory not in self._looked:
            try:
                self._looked[directory] = self._look(directory)
            except OSError:
                self._looked[directory] = _NONE  # gone, or not ours to read: there are no objects that we know of
        return self._looked[directory]

    def _look(self, directory: bytes) -> Names:
        path = os.fsdecode(directory[:-1])
        opened = beneath(self._root, path, _DIRECTORY)
        try:
            began, state = time.time_ns(), os.fstat(opened)
            proof = state.st_dev, state.st_ino, state.st_mtime_ns, state.st_ctime_ns, len(directory), self._ignored.patterns
            names = self._directories.get(proof)
            if names is None:
                names = Names(self._listed(opened, os.fsdecode(directory)))
                settled = not versions.racy(max(state.st_mtime_ns, state.st_ctime_ns), began)
                self._directories.put(Read(proof, names, settled))
            return names
        finally:
            os.close(opened)

    def _listed(self, opened: int, directory: str) -> list[bytes]:
        names = []
        with os.scandir(opened) as entries:
            for entry in entries:
                name = entry.name
                if self._ignored.name(name) or unfit(directory + name):
                    continue
                if entry.is_file(follow_symlinks=False):
                    names.append(name.encode())
                elif entry.is_dir(follow_symlinks=False):
                    names.append(name.encode() + b"/")
        return names


def examined(root: int, keys: list[bytes]) -> dict[str, Seen]:
    """What the files of *keys*, in order, are; those that are gone, or no regular files any more, are left out."""
    seen: dict[str, Seen] = {}
    directory, opened = None, -1
    try:
        for key in keys:
            above, _, name = key.rpartition(b"/")
            if above != directory:
                opened = _changed(root, above, opened)
                directory = above
            if opened >= 0 and (state := _state(opened, name)) is not None:
                seen[key.decode()] = state
    finally:
        if opened >= 0:
            os.close(opened)
    return seen


def _changed(root: int, directory: bytes, former: int) -> int:
    if former >= 0:
        os.close(former)
    try:
        return beneath(root, os.fsdecode(directory), _DIRECTORY)
    except OSError:
        return -1


def _state(directory: int, name: bytes) -> Seen | None:
    try:
        state = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except OSError:
        return None
    return facts(state) if state.st_mode & 0o170000 == 0o100000 else None
