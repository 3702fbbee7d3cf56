"""The directories that keys need: made when an object wants them, gone when it was the last.

S3 has none, people do. What the store makes bears MADE, an attribute of the directory itself, and only that is removed again; where
the file system keeps no attributes nothing is. Touches the disk: run in a thread. Raises OSError where nothing else is said."""

import contextlib
import os
from collections.abc import Collection
from typing import Final

from router.buckets.beneath import beneath

MADE: Final = "user.event-router.made"
DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY
BELOW: Final = DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def made(root: int, directory: str) -> int:
    """Open *directory* (a key) below *root*; what is missing of it is made, durably. The caller closes it."""
    here = os.dup(root)
    try:
        for segment in directory.split("/"):
            new = _made(here, segment)
            below = os.open(segment, BELOW, dir_fd=here)
            os.close(here)
            here = below
            if new:
                with contextlib.suppress(OSError):
                    os.setxattr(here, MADE, b"1")
    except BaseException:
        os.close(here)
        raise
    return here


def _made(here: int, name: str) -> bool:
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, dir_fd=here)
        os.fsync(here)
        return True
    return False


def deserted(directory: int) -> bool:
    """Whether the store made what is open as *directory*, and nothing is in it."""
    try:
        os.getxattr(directory, MADE)
        with os.scandir(directory) as entries:
            return next(entries, None) is None
    except OSError:
        return False


def prune(root: int, directory: str, kept: Collection[str]) -> None:
    """Remove *directory* and those above it, as far as they are deserted and not among *kept*. Raises nothing."""
    while directory and directory not in kept:
        with contextlib.suppress(OSError):
            here = beneath(root, directory, DIRECTORY)
            try:
                if not deserted(here):
                    return
            finally:
                os.close(here)
        if not remove_directory(root, directory):
            return
        directory = directory.rpartition("/")[0]


def remove_directory(root: int, directory: str) -> bool:
    """Remove a directory when it is empty; else, or when it is gone, do nothing. Raises nothing."""
    above, _, name = directory.rpartition("/")
    with contextlib.suppress(OSError):
        opened = beneath(root, above, DIRECTORY)
        try:
            os.rmdir(name, dir_fd=opened)
        finally:
            os.close(opened)
        return True
    return False


def remove_empty(parent: int, name: str) -> None:
    """Remove a directory that holds nothing but directories of the kind. Raises OSError when it holds more."""
    with contextlib.suppress(OSError):
        os.rmdir(name, dir_fd=parent)
        return
    directory = os.open(name, BELOW, dir_fd=parent)
    try:
        for entry in names_in(directory):
            remove_empty(directory, entry)
    finally:
        os.close(directory)
    os.rmdir(name, dir_fd=parent)


def names_in(directory: int) -> list[str]:
    """What is in the directory open as *directory*."""
    with os.scandir(directory) as entries:
        return [entry.name for entry in entries]
