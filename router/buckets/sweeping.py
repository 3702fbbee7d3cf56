"""What is left of bodies on their way when their daemon died, or when their bucket goes, removed. As in staging.py, every step works
on one name relative to a directory that was opened beneath the root, and touches the disk.
Raises OSError, but for what object_errors.py has a word for."""

import contextlib
import errno
import fcntl
import os
from pathlib import Path

from router.buckets.beneath import beneath
from router.buckets.clearing import GONE, sweep_gone
from router.buckets.folders import BELOW, DIRECTORY, names_in, remove_empty
from router.buckets.keys import STAGING, split
from router.buckets.object_errors import BucketNotEmpty
from router.buckets.staging import BODY, TRACE


def sweep(root: int) -> int:
    """Remove bodies that nobody works on any more, give their number; their daemon died."""
    removed = 0
    with contextlib.suppress(FileNotFoundError):
        directory = beneath(root, STAGING, DIRECTORY)
        try:
            for name in names_in(directory):
                removed += name.startswith(BODY) and _swept(directory, name)
                removed += name.startswith(GONE) and sweep_gone(root, directory, name)
                removed += name.startswith(TRACE) and _swept_beside(root, directory, name)
        finally:
            os.close(directory)
    return removed


def remove_bucket(root: int, path: Path) -> None:
    """Remove the directory of a bucket that holds nothing but empty directories and uploads under way. Raises BucketNotEmpty."""
    try:
        for name in names_in(root):
            if name != STAGING:
                remove_empty(root, name)
        with contextlib.suppress(FileNotFoundError):
            remove_uploads(root)
        path.rmdir()
    except OSError as error:
        if error.errno in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.ELOOP}:
            raise BucketNotEmpty("the bucket's directory holds files, or links") from error
        raise


def remove_uploads(root: int) -> None:
    """Remove the staging directory with all in it. Raises OSError."""
    directory = beneath(root, STAGING, DIRECTORY)
    try:
        for name in names_in(directory):
            remove_tree(directory, name)
    finally:
        os.close(directory)
    os.rmdir(STAGING, dir_fd=root)


def remove_tree(directory: int, name: str) -> None:
    """Remove a file, or a directory of files, in the directory open as *directory*. Raises OSError."""
    try:
        os.unlink(name, dir_fd=directory)
    except (IsADirectoryError, PermissionError):
        below = os.open(name, BELOW, dir_fd=directory)
        try:
            for entry in names_in(below):
                os.unlink(entry, dir_fd=below)
        finally:
            os.close(below)
        os.rmdir(name, dir_fd=directory)


def _swept(directory: int, name: str) -> bool:
    with contextlib.suppress(OSError):
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=directory)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(name, dir_fd=directory)
        finally:
            os.close(file)
        return True
    return False


def _swept_beside(root: int, home: int, trace: str) -> bool:
    """The same of a body that waited beside its place; its trace goes with it, or when it became an object."""
    swept = False
    with contextlib.suppress(OSError):
        above, name = split(os.readlink(trace, dir_fd=home))
        try:
            directory = beneath(root, above, DIRECTORY)
            try:
                os.stat(name, dir_fd=directory, follow_symlinks=False)
                if not name.startswith(f"{STAGING}-") or not (swept := _swept(directory, name)):
                    return False
            finally:
                os.close(directory)
        except FileNotFoundError:
            pass
        os.unlink(trace, dir_fd=home)
    return swept
