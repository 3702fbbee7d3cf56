"""What is to outlast a power cut, or a process that is killed in the middle."""

import contextlib
import ctypes
import errno
import os
import secrets
from pathlib import Path
from typing import Final

_HERE: Final = -100  # AT_FDCWD, fcntl.h
_NOREPLACE: Final = 1  # RENAME_NOREPLACE, rename(2)
_renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)


def sync(path: Path) -> None:
    """Have the content of a file, or the names in a directory, on the disk. Blocking. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_private(path: Path, data: bytes) -> None:
    """Put a file that is this user's alone in the place of *path*, synced. Blocking. Raises OSError: what was there is there still."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        sync(path.parent)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def rename_new(name: str, directory: int, goal: Path, to: int | None = None) -> None:
    """Give the file *name* in an open directory the name *goal*, in one step. Blocking. Raises OSError: FileExistsError where one of that name is.

    *to*: an open directory that *goal* is in.

    A file system that cannot has the name claimed by an empty file first."""
    if _renameat2 is not None:
        if not _renameat2(directory, os.fsencode(name), _HERE if to is None else to, os.fsencode(goal), _NOREPLACE):
            return
        if (number := ctypes.get_errno()) not in {errno.EINVAL, errno.ENOSYS}:
            raise OSError(number, os.strerror(number), str(goal))
    os.close(os.open(goal, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=to))
    try:
        os.rename(name, goal, src_dir_fd=directory, dst_dir_fd=to)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(goal, dir_fd=to)
        raise
