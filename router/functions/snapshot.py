"""A code directory as it is at one moment, copied. Blocking.

A directory is read while others may write to it. It is taken only when nothing in it changed from before its first byte was read
until after its last: no environment ever sees half of a new tree."""

import hashlib
import os
from collections.abc import Collection
from pathlib import Path

from router.errors import CodeRefused
from router.functions import digest, files
from router.functions.digest import Line
from router.functions.files import Budget
from router.functions.walk import Row, Walker, fingerprint


class Unsettled(Exception):
    """The tree changed while it was read."""


def look(source: Path, excluded: Collection[str]) -> tuple[list[Row], str]:
    """What *source* holds, and its fingerprint. Raises CodeRefused, OSError; Unsettled when something went away under our eyes."""
    try:
        rows = Walker(source, excluded).rows()
    except FileNotFoundError as error:
        if not source.is_dir():
            raise
        raise Unsettled from error
    return rows, fingerprint(rows)


def copy(source: Path, into: Path, rows: Collection[Row], budget: Budget) -> bytes:
    """Copy *rows* of *source* into the empty directory *into*; the digest. Raises Unsettled, CodeRefused, OSError."""
    lines = []
    parents = {row.path.rpartition("/")[0] for row in rows}
    for row in rows:
        budget.entry()
        line = _entry(source, into, row, budget, empty=row.path not in parents)
        if line is not None and row.counts:
            lines.append(line)
    return digest.of_lines(lines)


def unchanged(source: Path, excluded: Collection[str], before: str) -> None:
    """Raise Unsettled when the fingerprint is another one now."""
    if look(source, excluded)[1] != before:
        raise Unsettled


def _entry(source: Path, into: Path, row: Row, budget: Budget, *, empty: bool) -> Line | None:
    place, path = into / row.path, os.fsencode(row.path)
    if row.kind == "directory":
        place.mkdir()
        return Line(path, "dir", digest.of_text()) if empty else None
    if row.kind == "link":
        place.symlink_to(row.text)
        return Line(path, "link", digest.of_text(os.fsencode(row.text)))
    sha256 = _file(source / row.path, place, row, budget)
    return Line(path, "exec" if row.executable else "file", sha256)


def _file(source: Path, place: Path, row: Row, budget: Budget) -> str:
    try:
        with source.open("rb", buffering=0) as file:
            sha256 = files.write(place, file, budget, executable=row.executable)
            found = os.fstat(file.fileno())
    except FileNotFoundError as error:
        raise Unsettled from error
    except PermissionError as error:
        raise CodeRefused(f"{row.path!r:.200} cannot be read") from error
    if (found.st_ino, found.st_mtime_ns, found.st_ctime_ns) != row.changed:
        raise Unsettled
    os.utime(place, ns=(row.changed[1], row.changed[1]))  # what Python compiled is good for the source of this time
    return sha256


def digest_of_archive(file: Path) -> bytes:
    """The SHA-256 of a whole file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").digest()
