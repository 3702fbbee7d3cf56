"""The file of a watched database: opening it, and exact words when that fails. Blocking."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from router.sources.feed_schema import FeedFault

BUSY_MS: Final = 100  # how long a call waits for another process's lock; whoever called tries again
INSTALL_BUSY_MS: Final = 2000  # a person waits, and it happens once


def identity(path: Path) -> tuple[int, int]:
    """Device and inode: which file it is, whatever its name. Raises OSError."""
    found = path.stat()
    return found.st_dev, found.st_ino


def connect(path: Path) -> apsw.Connection:
    """Open a database that others write. Raises apsw.Error; never makes a file."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.set_busy_timeout(BUSY_MS)
        connection.wal_autocheckpoint(0)  # the writers' business; ours may not keep them waiting
        connection.execute("PRAGMA synchronous=NORMAL").fetchall()  # trimming need not be durable
    except BaseException:
        connection.close(True)
        raise
    return connection


@contextmanager
def explain(path: Path, drop: Callable[[], None]) -> Iterator[None]:
    """Turn what SQLite and the system raise into a FeedFault; *drop* is called when the connection cannot be trusted any more."""
    try:
        yield
    except (apsw.BusyError, apsw.LockedError) as error:
        raise FeedFault(f"{path} is locked by another process", passing=True) from error
    except (apsw.Error, OSError) as error:
        drop()
        raise _fault(path, error) from error


def _fault(path: Path, error: Exception) -> FeedFault:
    if isinstance(error, FileNotFoundError) or not path.exists():
        return FeedFault(f"{path} does not exist; the feed starts when it is made", absent=True)
    if path.is_dir():
        return FeedFault(f"{path} is a directory; name the database file in it")
    if isinstance(error, apsw.NotADBError):
        return FeedFault(f"{path} is not a SQLite database, or is encrypted")
    if isinstance(error, apsw.CorruptError):
        return FeedFault(f"{path} is damaged ({error}): restore it from a backup")
    if isinstance(error, apsw.FullError):
        return FeedFault(f"{path}: no space left on the device")
    if isinstance(error, PermissionError) or not os.access(path, os.R_OK | os.W_OK):
        return FeedFault(f"{path} cannot be read and written by uid {os.geteuid()}: the feed needs both")
    if isinstance(error, apsw.ReadOnlyError | apsw.CantOpenError):
        return FeedFault(f"{path} cannot be opened for writing ({error}); its directory {path.parent} must be writable too")
    return FeedFault(f"{path}: {error}")
