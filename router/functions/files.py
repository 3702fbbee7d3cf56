"""Files of a tree that nobody changes any more: written, synced, removed. Blocking."""

import ctypes
import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from router.config.archive import ENTRIES, UNPACKED
from router.disk import sync
from router.errors import CodeRefused

READ: Final = 0o444  # modes of files and directories in a tree: code is read-only, as on Lambda
RUN: Final = 0o555
_CHUNK: Final = 1024 * 1024  # bytes
_FEW: Final = 64  # files that are synced one by one; more of them with one call for the whole file system
_libc: Final = ctypes.CDLL(None, use_errno=True)


class Readable(Protocol):
    """Where a file's bytes come from."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, b"" at the end."""


class Budget:
    """What a tree may still take, counted as it is written: what an archive or a listing says of itself is not believed."""

    def __init__(self, size: int = UNPACKED, entries: int = ENTRIES) -> None:
        self._size, self._entries = size, entries
        self.used = 0  # bytes
        self.count = 0  # entries

    def entry(self) -> None:
        """One more entry. Raises CodeRefused."""
        self.count += 1
        if self.count > self._entries:
            raise CodeRefused(f"more than {self._entries} files and directories")

    def take(self, size: int) -> None:
        """So many more bytes. Raises CodeRefused."""
        self.used += size
        if self.used > self._size:
            raise CodeRefused(f"larger than {self._size // 1024**2} MB unpacked, Lambda's limit for code and layers")


def write(path: Path, source: Readable, budget: Budget, *, executable: bool) -> str:
    """A new file with the bytes of *source*; the SHA-256 of them, hexadecimal. Raises CodeRefused, OSError."""
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while chunk := source.read(_CHUNK):
            budget.take(len(chunk))
            digest.update(chunk)
            view = memoryview(chunk)
            while view:
                view = view[os.write(descriptor, view) :]
        os.fchmod(descriptor, RUN if executable else READ)
    finally:
        os.close(descriptor)
    return digest.hexdigest()


def seal(tree: Path, count: int) -> None:
    """Make directories read-only and have everything on disk. *count*: files. Raises OSError."""
    directories = [Path(place) for place, _, _ in os.walk(tree)]
    if count > _FEW:
        _sync_all(tree)
    else:
        for place in directories:
            for entry in _files(place):
                sync(Path(entry.path))
    for place in reversed(directories):
        place.chmod(RUN)
        if count <= _FEW:
            sync(place)


def publish(made: Path, final: Path) -> None:
    """Give a finished tree its name, at once and for good; one that has the name already is the same. Raises OSError."""
    try:
        made.rename(final)
    except OSError:
        if not final.is_dir():
            raise
        remove_tree(made)
    sync(final.parent)


def remove_tree(path: Path) -> None:
    """Remove a directory and all in it, whatever its modes; what cannot go stays."""
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        for directory, _, _ in os.walk(path):  # top down: a directory is opened before it is listed
            _open_up(Path(directory))
        shutil.rmtree(path, ignore_errors=True)


def _files(place: Path) -> list[os.DirEntry[str]]:
    with os.scandir(place) as entries:
        return [entry for entry in entries if entry.is_file(follow_symlinks=False)]


def _sync_all(path: Path) -> None:
    """syncfs(2), which Python has no name for: 10,000 single syncs take half a minute."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(descriptor)


def _open_up(directory: Path) -> None:
    with suppress(OSError):
        directory.chmod(0o700)
        for entry in directory.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                entry.chmod(0o700)
