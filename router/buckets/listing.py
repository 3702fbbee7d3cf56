"""Listing one directory of a bucket in slices, so that memory does not grow with it. Touches the disk: run in a thread.

Links are not followed, neither on the way to the directory nor in it."""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from router.buckets import keys
from router.buckets.beneath import beneath
from router.buckets.contents import facts
from router.buckets.versions import Seen

SLICE: Final = 512  # entries


@dataclass(slots=True)
class Slice:
    """Some entries of a directory."""

    files: dict[str, Seen] = field(default_factory=dict)  # by name; regular files that can be objects, content not read
    directories: list[str] = field(default_factory=list)  # keys
    refused: list[tuple[str, str]] = field(default_factory=list)  # key and why it cannot be an object's
    ignored: int = 0  # by name
    special: int = 0  # links, FIFOs, sockets, devices


class Listing:
    """One directory being listed. Used from one thread at a time."""

    def __init__(self, root: int, directory: str, ignored: keys.Ignored) -> None:
        """Open *directory* (a key, "" for the bucket's own) below the directory open as *root*. Raises OSError."""
        self.directory, self._ignored = directory, ignored
        self.descriptor = beneath(root, directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._entries = os.scandir(self.descriptor)
        except BaseException:
            os.close(self.descriptor)
            raise

    def slice(self) -> Slice | None:
        """The next entries; None when there are no more. Raises OSError."""
        slice_, count = Slice(), 0
        for entry in self._entries:
            self._sort(entry, slice_)
            count += 1
            if count == SLICE:
                break
        return slice_ if count else None

    def missing(self, names: Iterable[str]) -> list[str]:
        """Those of *names* that are no regular files here. Raises OSError when it cannot be told."""
        return [name for name in names if not self._holds(name)]

    def close(self) -> None:
        """Close the directory; once."""
        self._entries.close()
        os.close(self.descriptor)

    def _sort(self, entry: os.DirEntry[str], slice_: Slice) -> None:
        if self._ignored.name(entry.name):
            slice_.ignored += 1
            return
        key = keys.join(self.directory, entry.name)
        directory, file = entry.is_dir(follow_symlinks=False), entry.is_file(follow_symlinks=False)
        if not directory and not file:
            slice_.special += 1
        elif why := keys.unfit(key):
            slice_.refused.append((key, why))
        elif directory:
            slice_.directories.append(key)
        else:
            try:
                slice_.files[entry.name] = facts(entry.stat(follow_symlinks=False))
            except FileNotFoundError:
                return

    def _holds(self, name: str) -> bool:
        try:
            return stat.S_ISREG(os.stat(name, dir_fd=self.descriptor, follow_symlinks=False).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False
