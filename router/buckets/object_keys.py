"""Keys that files can carry, and where. Pure.

A key is a path below the bucket's directory. One that ends in "/" is a folder marker: a directory that the store remembers as an
object. Refused, never renamed or guessed: empty segments, `.` and `..`, NUL, what is not UTF-8, segments that no file system takes."""

from typing import Final, NamedTuple

from router.buckets.keys import LIMIT, STAGING
from router.buckets.object_errors import BadName, KeyTooLong, ObjectError

SEGMENT: Final = 255  # bytes of a file's name: NAME_MAX


class Place(NamedTuple):
    """Where the file of a key is."""

    directory: str  # "" for the bucket's own
    name: str  # "": a folder marker of the directory

    @property
    def marker(self) -> bool:
        """Whether it is a directory that stands for the object."""
        return not self.name


def place(key: str) -> Place:
    """Where *key* is kept. Raises BadName, KeyTooLong."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise BadName("the key is not UTF-8") from None
    if size > LIMIT:
        raise KeyTooLong(f"the key has {size} bytes, {LIMIT} at most")
    segments = key.removesuffix("/").split("/")
    for segment in segments:
        if why := _unfit(segment):
            raise BadName(f"a file in a directory cannot carry this key: {why}")
    if segments[0] == STAGING:
        raise BadName(f"{STAGING} is where uploads under way are kept")
    directory, _, name = key.rpartition("/")
    return Place(directory, name)


def fits(key: str) -> bool:
    """Whether a file can carry *key*."""
    try:
        place(key)
    except ObjectError:
        return False
    return True


def _unfit(segment: str) -> str:
    """Why a name cannot be a file's; "" when it can."""
    if not segment:
        return "it has an empty segment"
    if segment in {".", ".."}:
        return f"a segment is {segment}"
    if "\0" in segment:
        return "it has a NUL character"
    return f"a segment has more than {SEGMENT} bytes" if len(segment.encode()) > SEGMENT else ""
