"""Which names in a directory are objects, and under which key. Pure.

A key is the path below the bucket's directory with "/" between segments. AWS: a key is UTF-8, at most 1024 bytes
(S3 user guide, "Naming Amazon S3 objects"). What cannot be a key is refused, visibly, and never renamed or guessed."""

import re
from collections.abc import Sequence
from fnmatch import translate
from functools import lru_cache
from typing import Final

LIMIT: Final = 1024  # bytes of a key in UTF-8

STAGING: Final = ".router"  # in the bucket's own directory: bodies on their way to being objects; never looked at, whatever is configured,
BESIDE: Final = f"{STAGING}-*"  # nor those that wait beside their place because that is on another file system

NOT_UTF8: Final = "not_utf8"
TOO_LONG: Final = "key_too_long"


def unfit(key: str) -> str:
    """Why *key* (a path decoded with surrogateescape) cannot be an object's: NOT_UTF8, TOO_LONG, or "" when it can."""
    if key.isascii():
        return TOO_LONG if len(key) > LIMIT else ""
    try:
        return TOO_LONG if len(key.encode()) > LIMIT else ""
    except UnicodeEncodeError:
        return NOT_UTF8


def split(key: str) -> tuple[str, str]:
    """The directory ("" for the bucket's own) and the last segment of *key*."""
    directory, _, name = key.rpartition("/")
    return directory, name


def join(directory: str, name: str) -> str:
    """The key of *name* in *directory*."""
    return f"{directory}/{name}" if directory else name


def shown(key: str) -> str:
    """*key* for a log line: printable, whatever bytes the name has."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in key[:LIMIT])


class Ignored:
    """The names a bucket does not look at: globs that match one path segment, directories' too."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self.patterns = tuple(patterns)
        self._match = re.compile("|".join(map(translate, (STAGING, BESIDE, *patterns)))).match
        self.directory = lru_cache(maxsize=4096)(self._directory)

    def name(self, name: str) -> bool:
        """Whether a file or directory of this name is ignored wherever it is."""
        return self._match(name) is not None

    def key(self, key: str) -> bool:
        """Whether *key* is ignored: by its own name, or because it lies below an ignored directory."""
        directory, name = split(key)
        return self.name(name) or self.directory(directory)

    def _directory(self, directory: str) -> bool:
        return bool(directory) and any(map(self.name, directory.split("/")))
