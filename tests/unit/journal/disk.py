"""A disk that fails when told to, and that knows what a power cut would leave."""

import itertools
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from router.journal import files

_NUMBERS = itertools.count()

Change = tuple[int, bytes | None]  # an offset and the bytes written there; None: the file was cut at the offset


class Disk(apsw.VFS):
    """Passes everything on to the real disk but for syncs, which take time and are ours to keep. The *fail_at*-th write or sync of the files fails, and *fail_for* - 1 more."""

    def __init__(self) -> None:
        self.name = f"disk{next(_NUMBERS)}"
        super().__init__(self.name, "")
        self.calls = 0
        self.fail_at, self.fail_for = 0, 1
        self.error: type[apsw.Error] = apsw.IOError
        self.only = ""  # "sync" or "write"; "": both count
        self.before_sync: Callable[[], None] | None = None
        self.synced: dict[str, bytearray] = {}  # what is on the platter
        self.unsynced: dict[str, list[Change]] = {}  # what the cache holds beyond it

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802  SQLite's name
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        super().xDelete(filename, syncdir)
        self.synced.pop(filename, None)
        self.unsynced.pop(filename, None)

    def count(self, kind: str) -> None:
        """One more write or sync; raise when it is this one's turn to fail."""
        if self.only in {"", kind}:
            self.calls += 1
            if self.fail_at and self.fail_at <= self.calls < self.fail_at + self.fail_for:
                raise self.error(f"injected into {kind} {self.calls}")

    def heal(self) -> None:
        self.fail_at = 0

    @contextmanager
    def in_place(self) -> Iterator[str]:
        """Register under a name, and cut the WAL on our platter too when the store does."""
        real = files.cut_wal

        def cut(path: Path, *args: Any) -> None:
            real(path, *args)
            wal = f"{path}-wal"
            self.unsynced[wal] = []
            del self.synced.setdefault(wal, bytearray())[os.path.getsize(wal) :]

        files.cut_wal = cut
        try:
            yield self.name
        finally:
            files.cut_wal = real
            self.unregister()

    def after_power_cut(self, into: Path, chance: random.Random | None = None) -> Path:
        """Write what a power cut leaves of the files beside *into*: all that was synced and, with *chance*, any part of the rest."""
        into.mkdir()
        for name, content in self.synced.items():
            if Path(name).parent != into.parent:
                continue
            image = bytearray(content)
            for offset, data in self.unsynced.get(name, []):
                if chance is not None and chance.random() < 0.5:
                    _apply(image, offset, data if data is None else data[: chance.choice([len(data), chance.randrange(len(data) + 1)])])
            (into / Path(name).name).write_bytes(image)
        return into


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self.disk, self.name = disk, name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        disk.synced.setdefault(self.name, bytearray())
        disk.unsynced.setdefault(self.name, [])
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self.disk.count("write")
        super().xWrite(data, offset)
        self.disk.unsynced[self.name].append((offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        super().xTruncate(newsize)
        self.disk.unsynced[self.name].append((newsize, None))

    def xSync(self, flags: int) -> None:  # noqa: N802
        if self.disk.before_sync is not None:
            self.disk.before_sync()
        pending, self.disk.unsynced[self.name] = self.disk.unsynced[self.name], []
        self.disk.count("sync")  # a sync that fails leaves pages that look clean and never get written: pending is lost
        for offset, data in pending:
            _apply(self.disk.synced[self.name], offset, data)


def _apply(image: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del image[offset:]
        return
    if len(image) < offset:
        image.extend(bytes(offset - len(image)))
    image[offset : offset + len(data)] = data
