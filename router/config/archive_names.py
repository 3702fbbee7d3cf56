"""What an entry of a .zip may be, from what the archive says of it. Pure.

Nothing outside the directory that it is unpacked into: no absolute name, no `..`; no device, pipe or socket. A symbolic link
may stand where its target stays inside, as in layers with shared libraries. Source of the fields: PKWARE APPNOTE 4.4.15
(external attributes), Info-ZIP (a Unix mode in their upper half)."""

import stat
from typing import Final, Literal, NamedTuple

Kind = Literal["file", "directory", "link"]

LONGEST_NAME: Final = 255  # bytes of one segment: NAME_MAX
LONGEST_PATH: Final = 2048  # bytes; half of PATH_MAX, the other half is the state directory's
_ENCRYPTED: Final = 1  # bit of the general purpose flags
_KINDS: Final[dict[int, Kind]] = {0: "file", stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}


class BadEntry(ValueError):
    """An entry that is not unpacked; the text says why."""


class Member(NamedTuple):
    """One entry that may be unpacked."""

    path: str  # segments joined by "/"; never empty, absolute or with ".."
    kind: Kind
    executable: bool
    size: int  # bytes, as the archive says; links: of the target's path


def member(name: str, attributes: int, flags: int, size: int) -> Member | None:
    """What an entry is; None: the directory itself. *attributes*, *flags*: as in the archive. Raises BadEntry."""
    mode = attributes >> 16
    kind = "directory" if name.endswith("/") else _KINDS.get(stat.S_IFMT(mode))
    if flags & _ENCRYPTED:
        raise BadEntry(f"{name!r:.200} is encrypted")
    if kind is None:
        raise BadEntry(f"{name!r:.200} is a device, a pipe or a socket")
    path = "/".join(segments(name))
    return Member(path, kind, bool(mode & 0o111), size) if path else None


def segments(name: str) -> list[str]:
    """The segments of an entry's name, without empty ones and `.`. Raises BadEntry."""
    if "\0" in name or "\\" in name:
        raise BadEntry(f"{name!r:.200} has a NUL or a backslash in its name; paths in a .zip are written with /")
    if name.startswith("/"):
        raise BadEntry(f"{name!r:.200} is an absolute path")
    found = [segment for segment in name.split("/") if segment not in {"", "."}]
    if ".." in found:
        raise BadEntry(f"{name!r:.200} leads out of the directory")
    sizes = [_size(segment) for segment in found]
    if any(size > LONGEST_NAME for size in sizes) or sum(sizes) + len(sizes) > LONGEST_PATH:
        raise BadEntry(f"{name!r:.100}… is too long a name")
    return found


def target(member_path: str, text: str) -> str:
    """Where a link at *member_path* leads, within the tree, by spelling alone; "" is the tree itself. Raises BadEntry."""
    if not text or "\0" in text or text.startswith("/"):
        raise BadEntry(f"{member_path!r:.200} is a link to {text!r:.200}: only relative targets inside the archive are unpacked")
    place = member_path.split("/")[:-1]
    for step in text.split("/"):
        if step == "..":
            if not place:
                raise BadEntry(f"{member_path!r:.200} is a link to {text!r:.200}, which leads out of the directory")
            place.pop()
        elif step not in {"", "."}:
            place.append(step)
    return "/".join(place)


def _size(segment: str) -> int:
    """Bytes on disk. Raises BadEntry."""
    try:
        return len(segment.encode())
    except UnicodeEncodeError as error:
        raise BadEntry(f"{segment!r:.200} is no text that a file can be called") from error
