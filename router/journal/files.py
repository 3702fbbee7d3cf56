"""The store's files: opening a connection that can be trusted, and exact words when that fails.

Blocking; called on the store's own threads only."""

import errno
import os
import stat
import time
from pathlib import Path
from typing import Final

import apsw

from router.errors import JournalError, StoreFull

CHECK_SECONDS: Final = 0.5  # of quick_check, then it is cut short: a long queue must not keep the daemon from starting
CHECK_OPCODES: Final = 1000  # of SQLite's virtual machine between two looks at the time
WAL_HEADER: Final = 32  # bytes; SQLite file format, "WAL file format"
FRAME_HEADER: Final = 24  # bytes
WAL_KEPT: Final = 64 * 1024 * 1024  # bytes of -wal that stay allocated after a reset

RESERVE: Final = 16 * 1024 * 1024  # bytes of the device kept for outcomes of what runs (a twentieth of a small device)

_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # NORMAL does not sync a commit at all
    f"PRAGMA journal_size_limit={WAL_KEPT}",
    "PRAGMA cache_size=-16384",  # KiB
    "PRAGMA temp_store=MEMORY",  # no second place on disk that can be full
    "PRAGMA foreign_keys=OFF",
)

STORE_FAULTS: Final = (  # the store failed, whatever the statement was; anything else is the statement's own mistake
    apsw.IOError,
    apsw.FullError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.CantOpenError,
    apsw.ReadOnlyError,
    apsw.PermissionsError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.ProtocolError,
    apsw.NoMemError,
    apsw.VFSFileClosedError,
)


def explain(error: BaseException, path: Path, system_errno: int = 0) -> JournalError:
    """Our words for what the store ran into; *system_errno* is what the last system call gave, 0 when unknown."""
    number = system_errno or (error.errno if isinstance(error, OSError) and error.errno else 0)
    if isinstance(error, JournalError):
        return error
    if isinstance(error, apsw.NotADBError):
        return JournalError(f"{path} is not a journal: move it away, or point state: at another directory")
    if isinstance(error, apsw.CorruptError):
        return JournalError(f"{path} is damaged ({error}): stop, keep a copy, then restore a backup")
    if number == errno.EDQUOT:
        return StoreFull(f"{path}: disk quota exceeded; raise it or free some space, work then resumes by itself")
    if number == errno.ENOSPC or isinstance(error, apsw.FullError):
        return StoreFull(f"{path}: no space left on the device; free some space, work then resumes by itself")
    reason = os.strerror(number) if number else str(error) or type(error).__name__
    return JournalError(f"{path}: {reason}; nothing was recorded")


def prepare(path: Path) -> None:
    """Make the file, mode 0600, when there is none. Raises JournalError when it cannot be ours to write, or was lost while its WAL was not."""
    _refuse_lost(path)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        _refuse_foreign(path)
    except FileNotFoundError as error:
        raise JournalError(f"{path.parent} does not exist: create it, or correct state: in the configuration") from error
    except OSError as error:
        raise JournalError(f"cannot create {path}: {os.strerror(error.errno or 0)}; {_needed(path.parent)}") from error
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise JournalError(f"{path.parent} cannot be written, the journal needs to make files there; {_needed(path.parent)}")


def _refuse_lost(path: Path) -> None:
    """Raise JournalError when there is a WAL and nothing that it could belong to: a new file would begin without what waits there."""
    wal = Path(f"{path}-wal")
    found, waits = (one.stat().st_size if one.is_file() else 0 for one in (path, wal))
    if waits and not found and not (path.exists() and not path.is_file()):
        state = "is empty" if path.exists() else "is gone"
        raise JournalError(
            f"{path} {state}, and what was recorded last waits in {wal.name}: put the right file back, or restore a backup;"
            f" to begin with nothing, remove {wal.name} too"
        )


def _refuse_foreign(path: Path) -> None:
    """Raise JournalError when *path* is no regular file or not ours to read and write."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise JournalError(f"{path} is no regular file: move it away, or point state: at another directory")
    if not os.access(path, os.R_OK | os.W_OK):
        raise JournalError(f"{path} cannot be opened for writing; {_needed(path)}")


def _needed(path: Path) -> str:
    """Who must own *path*, who does, and its mode."""
    found = path.stat()
    return f"it must belong to uid {os.geteuid()} and be writable, it belongs to uid {found.st_uid} with mode {found.st_mode & 0o7777:04o}"


def connect(path: Path, vfs: str) -> apsw.Connection:
    """The connection that writes. WAL, synchronous=FULL; it never checkpoints on its own accord, close() included."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs or None)
    try:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.set_busy_timeout(2000)  # ms; only a backup or a person with sqlite3 can be in the way
        for pragma in _PRAGMAS:
            connection.execute(pragma).fetchall()
        connection.wal_autocheckpoint(0)
    except BaseException:
        connection.close(True)
        raise
    return connection


def connect_reader(path: Path, vfs: str) -> apsw.Connection:
    """A connection that reads. It may write the shared memory of the WAL and nothing else."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs or None)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.set_busy_timeout(2000)  # ms
    connection.execute("PRAGMA query_only=ON")
    return connection


def short_of_space(path: Path) -> bool:
    """Whether the device has less left than the reserve."""
    device = os.statvfs(path.parent)
    return device.f_bavail * device.f_frsize < min(RESERVE, device.f_blocks * device.f_frsize // 20)


def check(connection: apsw.Connection, path: Path) -> None:
    """quick_check, cut short after CHECK_SECONDS. Raises JournalError when it finds damage."""
    until = time.monotonic() + CHECK_SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > until, CHECK_OPCODES)
    try:
        found = [row[0] for row in connection.execute("PRAGMA quick_check(5)")]
    except apsw.InterruptError:
        return  # so big that a full check is the operator's: router doctor
    finally:
        connection.set_progress_handler(None)
    if found != ["ok"]:
        raise JournalError(f"{path} is damaged ({'; '.join(found)}): stop, keep a copy, then restore a backup")


def wal_header(path: Path) -> bytes:
    """The first bytes of the WAL, its salts among them: b"" when it is empty."""
    try:
        with Path(f"{path}-wal").open("rb") as wal:
            return wal.read(WAL_HEADER)
    except FileNotFoundError:
        return b""


def cut_wal(path: Path, frames: int, header: bytes, page: int) -> None:
    """Cut off what a failed commit left behind the last *frames* good frames, all connections being closed.

    After a failed sync the kernel may hold those bytes as clean although they never reached the disk: recovery
    would take them for a commit, and what is acknowledged after them would stand on nothing. *header* is the WAL's
    at the last good commit; another one means that the failed commit was the first after a full checkpoint."""
    size = WAL_HEADER + frames * (FRAME_HEADER + page) if frames and header == wal_header(path) else 0
    wal = Path(f"{path}-wal")
    if wal.exists() and wal.stat().st_size > size:
        with wal.open("rb+") as file:
            file.truncate(size)
            os.fsync(file.fileno())
