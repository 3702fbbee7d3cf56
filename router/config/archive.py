"""What a .zip holds, without unpacking it: read from its end, checked name by name, bounded before it is believed.

The bounds are Lambda's own for unpacked code ("Lambda quotas": 250 MB, layers included), and a number of entries. What an archive
says of its sizes is only a first look: unpacking counts (router/functions/unpack.py)."""

import os
import struct
import zipfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from router.config.archive_names import BadEntry, Member, member

UNPACKED: Final = 250 * 1024 * 1024  # bytes of a function's code and layers: Lambda quotas
ENTRIES: Final = 100_000  # files and directories of one archive or code directory
_DIRECTORY: Final = 24 * 1024 * 1024  # bytes of the list of entries at the end of an archive
_END: Final = struct.Struct("<4s4H2LH")  # APPNOTE 4.3.16: signature, disks, entries twice, size and offset of the list, comment
_END64: Final = struct.Struct("<4sQ2H2L4Q")  # 4.3.14
_LOCATOR: Final = struct.Struct("<4sLQL")  # 4.3.15
_COMMENT: Final = 65535  # bytes at most, after the end record
_KEPT: Final = 64  # archives whose list is remembered


class BadArchive(ValueError):
    """No archive that can be used; the text says why."""


class Entry(NamedTuple):
    """A member and where zipfile finds it."""

    member: Member
    info: zipfile.ZipInfo


class Listing(NamedTuple):
    """What stands in an archive."""

    members: dict[str, Member]  # by path, directories in between included
    children: dict[str, list[str]]  # directory → names; "" is the archive itself


def read(path: Path) -> Listing:
    """The list of entries. Raises BadArchive with the first entry that will not be unpacked, OSError."""
    found = os.stat(path)  # noqa: PTH116 - as in entries.py
    return _listing(str(path), found.st_ino, found.st_size, found.st_mtime_ns)


def entries(archive: zipfile.ZipFile) -> list[Entry]:
    """All that is to be unpacked, in the archive's order. Raises BadArchive."""
    found = archive.infolist()
    if len(found) > ENTRIES:
        raise BadArchive(f"it has more than {ENTRIES} entries")
    try:
        read_ = [(member(info.orig_filename, info.external_attr, info.flag_bits, info.file_size), info) for info in found]
    except BadEntry as error:
        raise BadArchive(str(error)) from error
    return [Entry(one, info) for one, info in read_ if one is not None]


def opened(path: Path) -> zipfile.ZipFile:
    """The archive, its list of entries read and bounded. Raises BadArchive, OSError."""
    if path.stat().st_size > 2 * UNPACKED:
        raise BadArchive(f"it is larger than {2 * UNPACKED // 1024**2} MB")
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(-min(size, _COMMENT + _END.size + _LOCATOR.size), os.SEEK_END)
        tail = file.read()
        count, size = _end(tail, lambda offset: os.pread(file.fileno(), _END64.size, offset) if offset < size else b"")
    if count > ENTRIES or size > _DIRECTORY:
        raise BadArchive(f"it has more than {ENTRIES} entries")
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error, OverflowError) as error:
        raise BadArchive(f"it is damaged ({error})") from error


@lru_cache(maxsize=_KEPT)
def _listing(path: str, *_: int) -> Listing:
    with opened(Path(path)) as archive:
        found = [entry.member for entry in entries(archive)]
    if sum(one.size for one in found) > UNPACKED:
        raise BadArchive(f"unpacked it is larger than {UNPACKED // 1024**2} MB")
    members: dict[str, Member] = {}
    children: dict[str, list[str]] = {"": []}
    for one in found:
        _place(one, members, children)
    return Listing(members, children)


def _place(one: Member, members: dict[str, Member], children: dict[str, list[str]]) -> None:
    """Note an entry, and the directories above it that the archive does not list."""
    parent = ""
    for name in one.path.split("/"):
        path = f"{parent}/{name}" if parent else name
        here = one if path == one.path else Member(path, "directory", executable=False, size=0)
        known = members.get(path)
        if known is not None and (known.kind == "directory") != (here.kind == "directory"):
            raise BadArchive(f"{path!r:.200} is a file and a directory")
        if known is None:
            children[parent].append(name)
        if here.kind == "directory":
            children.setdefault(path, [])
        members[path] = here
        parent = path


def _end(tail: bytes, at: Callable[[int], bytes]) -> tuple[int, int]:
    """How many entries the archive says it has, and the bytes of their list. Raises BadArchive."""
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) - place < _END.size:
        raise BadArchive("it is no .zip file, or was cut short")
    _, _, _, _, count, size, _, _ = _END.unpack_from(tail, place)
    locator = place - _LOCATOR.size
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        record = at(_LOCATOR.unpack_from(tail, locator)[2])
        if len(record) == _END64.size and record.startswith(b"PK\x06\x06"):
            count, size = _END64.unpack(record)[7:9]
    return count, size
