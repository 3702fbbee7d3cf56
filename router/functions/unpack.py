"""A .zip into a directory of its own. Blocking.

Which entries may be there at all is decided by config/archive_names.py; sizes are counted here, as they come out of the decompressor.
Nothing is ever written through a link: links are made last, and stay only when they lead inside."""

import os
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Final

from router.config import archive
from router.config.archive_names import LONGEST_PATH, BadEntry, target
from router.errors import CodeRefused
from router.functions import files
from router.functions.files import Budget

_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)  # what zipfile raises


def unpack(source: Path, into: Path, budget: Budget) -> None:
    """Unpack all of *source* into the empty directory *into*. Raises CodeRefused, OSError."""
    try:
        with archive.opened(source) as opened:
            _entries(opened, into, budget)
    except archive.BadArchive as error:
        raise CodeRefused(str(error)) from error


def _entries(opened: zipfile.ZipFile, into: Path, budget: Budget) -> None:
    links: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.entries(opened):
        path, kind = entry.member.path, entry.member.kind
        budget.entry()
        if kind == "directory":
            _directory(into / path)
        elif kind == "link":
            links[path] = entry.info
        else:
            _file(opened, entry, into, budget)
            links.pop(path, None)
    for path, info in links.items():
        if any(str(above) in links for above in PurePosixPath(path).parents):
            raise CodeRefused(f"{path!r:.200} lies below a link")  # which may lead anywhere until all of them are looked at
        _link(into, path, _content(opened, info, budget))
    for path in links:
        if not Path(os.path.realpath(into / path)).is_relative_to(os.path.realpath(into)):
            raise CodeRefused(f"{path!r:.200} is a link that leads out of the directory by way of another")


def _file(opened: zipfile.ZipFile, entry: archive.Entry, into: Path, budget: Budget) -> None:
    place = into / entry.member.path
    _directory(place.parent)
    if place.is_dir():
        raise CodeRefused(f"{entry.member.path!r:.200} is a file and a directory")
    place.unlink(missing_ok=True)  # the last of two entries with one name counts, as for unzip
    try:
        with opened.open(entry.info) as source:
            files.write(place, source, budget, executable=entry.member.executable)
    except _DAMAGED as error:
        raise CodeRefused(f"{entry.member.path!r:.200} is damaged ({error})") from error


def _directory(place: Path) -> None:
    try:
        place.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise CodeRefused(f"{place.name!r:.200} is a file and a directory") from error


def _content(opened: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> str:
    """A link's target."""
    try:
        with opened.open(info) as source:
            text = source.read(LONGEST_PATH + 1)
    except _DAMAGED as error:
        raise CodeRefused(f"{info.filename!r:.200} is damaged ({error})") from error
    if len(text) > LONGEST_PATH:
        raise CodeRefused(f"{info.filename!r:.200} is a link whose target is too long")
    budget.take(len(text))
    return os.fsdecode(text)


def _link(into: Path, path: str, text: str) -> None:
    try:
        target(path, text)
    except BadEntry as error:
        raise CodeRefused(str(error)) from error
    place = into / path
    _directory(place.parent)
    if place.is_dir() and not place.is_symlink():
        raise CodeRefused(f"{path!r:.200} is a link and a directory")
    place.unlink(missing_ok=True)
    try:
        place.symlink_to(text)
    except OSError as error:
        raise CodeRefused(f"{path!r:.200} is a link that cannot be made: {error.strerror}") from error
