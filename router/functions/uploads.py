"""Archives that came through the API: STATE/uploads/SHA256.zip, written once, synced, never changed. Blocking.

Functions that the API declares have their code there; what no function, version or layer has any more goes."""

import base64
import hashlib
import os
import threading
import uuid
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from router.config import archive
from router.disk import sync
from router.errors import CodeRefused

DIRECTORY: Final = "uploads"
LARGEST: Final = 52_428_800  # bytes of one archive: Lambda quotas
UNPACKED: Final = archive.UNPACKED
GRACE: Final = 600.0  # seconds that an archive stays after its last use: a backup that is being taken may have what names it
_SUFFIX: Final = ".zip"
_FRESH: Final = ".new-"


class Uploads:
    """The archives of one state directory."""

    def __init__(self, state: Path) -> None:
        self._directory = state / DIRECTORY
        self._unused: dict[str, float] = {}  # file name → since when nothing has it, monotonic
        self._named = False  # whether this process has synced the directory's name
        self._turn = threading.Lock()  # of looking and removing: threads keep and collect at the same time

    def keep(self, data: bytes) -> str:
        """Have an archive on the disk; its name, relative to the state directory. Raises CodeRefused, OSError."""
        if len(data) > LARGEST:
            raise CodeRefused(f"Zipped size must be smaller than {LARGEST} bytes")
        with self._turn:  # nobody answers before the directory's own name is on disk, whoever made it
            if not self._named or not self._directory.is_dir():
                self._directory.mkdir(mode=0o700, exist_ok=True)
                sync(self._directory.parent)
                self._named = True
        name = name_of(hashlib.sha256(data).digest())
        final = self._directory / name
        with self._turn:
            self._unused.pop(name, None)  # who asks for it is about to have it
            there = final.is_file()
        if not there:
            fresh = self._directory / f"{_FRESH}{uuid.uuid4().hex}{_SUFFIX}"
            try:
                self._write(fresh, data)
                look(fresh)
                fresh.rename(final)
            finally:
                fresh.unlink(missing_ok=True)
        sync(self._directory)  # of an archive that was there too: who put it there may have been killed before this
        return f"{DIRECTORY}/{name}"

    def path(self, sha256: str) -> Path | None:
        """The archive with this CodeSha256; None when there is none."""
        try:
            found = self._directory / name_of(base64.b64decode(sha256, validate=True))
        except ValueError:
            return None
        return found if found.is_file() else None

    def collect(self, used: Collection[str], now: float) -> int:
        """Remove what is none of *used*, CodeSha256 each, and has been none for GRACE; how many. *now*: monotonic. Raises OSError."""
        kept = set()
        for sha256 in used:
            with suppress(ValueError):
                kept.add(name_of(base64.b64decode(sha256, validate=True)))
        with self._turn:
            there = {entry.name for entry in self._directory.iterdir() if entry.suffix == _SUFFIX} if self._directory.is_dir() else set()
            self._unused = {name: self._unused.get(name, now) for name in there - kept}
            old = [name for name, since in self._unused.items() if now - since >= GRACE]
            for name in old:
                (self._directory / name).unlink(missing_ok=True)
        return len(old)

    @staticmethod
    def _write(path: Path, data: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def name_of(digest: bytes) -> str:
    """What an archive is called."""
    return f"{digest.hex()}{_SUFFIX}"


def sha256_of(name: str) -> str:
    """The CodeSha256 in an archive's name, as keep() gives it; "" for another."""
    stem = name.removeprefix(f"{DIRECTORY}/").removesuffix(_SUFFIX)
    try:
        return base64.b64encode(bytes.fromhex(stem)).decode()
    except ValueError:
        return ""


def look(path: Path) -> None:
    """Raise CodeRefused, in AWS's words where it has them, for what cannot be unpacked."""
    try:
        archive.read(path)
    except archive.BadArchive as error:
        if str(error).startswith("unpacked it is larger"):
            raise CodeRefused(f"Unzipped size must be smaller than {UNPACKED} bytes") from error
        raise CodeRefused(f"Could not unzip uploaded file. Please check your file, then try to upload again. ({error})") from error
