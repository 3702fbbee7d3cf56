"""A regular file read whole, up to a limit; never held up by a FIFO or a device."""

import os
import stat
from pathlib import Path


class NotRegular(Exception):
    """A directory, FIFO, socket or device."""


def content(path: Path, limit: int) -> bytes:
    """The first *limit* bytes. Raises NotRegular, OSError, ValueError (no path at all: a NUL in it)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRegular
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(limit)
    finally:
        os.close(descriptor)
