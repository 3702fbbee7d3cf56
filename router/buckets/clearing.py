"""A file leaves a bucket after its events have succeeded: it is deleted, or moved to a directory outside. Only the very version that was handled.

Between a look at a name and what is done to it another file can come to have that name. So the file is renamed first, which nobody
can come between, and looked at then: one that is another is put back. Touches the disk: run in a thread. Raises OSError."""

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

from router.buckets.beneath import beneath
from router.buckets.facts import Identity
from router.buckets.object_keys import Place
from router.buckets.staging import BODY, staging
from router.buckets.versions import Seen, Version
from router.disk import rename_new, sync

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
_TRIES: Final = 100  # names looked for beside those that are taken


def untouched(seen: Seen | None, row: Version) -> bool:
    """Whether a file is the version that was told, and nothing has happened to it since."""
    return seen is not None and (seen.inode, seen.size, seen.mtime, seen.ctime) == (row.inode, row.size, row.mtime, row.ctime)


def delete(root: int, where: Place, version: Identity) -> bool:
    """Remove the file of a key, durably; False: that version is not there.

    It goes by way of the staging directory, which a sweep empties if the daemon dies in between."""
    try:
        directory = beneath(root, where.directory, _DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return False
    aside, name = staging(root), f"{BODY}gone-{secrets.token_hex(8)}"
    try:
        if not _is(version, where.name, directory):
            return False
        os.rename(where.name, name, src_dir_fd=directory, dst_dir_fd=aside)
        if not _is(version, name, aside):
            _put_back(aside, name, directory, where.name)
            return False
        os.unlink(name, dir_fd=aside)
        os.fsync(directory)
    except FileNotFoundError:
        return False
    finally:
        os.close(aside)
        os.close(directory)
    return True


def move(root: int, where: Place, version: Identity, to: Path, sequencer: str) -> Path | None:
    """Move the file of a key below *to*, under its key, durably; None: that version is not there. Gives where it is now.

    Nothing is overwritten: where a file of this name is already, the *sequencer* stands in front of its suffix."""
    try:
        directory = beneath(root, where.directory, _DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        if not _is(version, where.name, directory):
            return None
        remove = partial(delete, root, where, version)
        goal = _carried(directory, version, to / where.directory / where.name, sequencer, remove)
        if goal is not None:
            os.fsync(directory)
            sync(goal.parent)
    except FileNotFoundError:
        return None
    finally:
        os.close(directory)
    return goal


def _is(version: Identity, name: str, directory: int) -> bool:
    found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    return (found.st_ino, found.st_size, found.st_mtime_ns) == (version.inode, version.size, version.mtime)


def _put_back(aside: int, name: str, directory: int, former: str) -> None:
    """Under its own name; unless another has taken that since, as it would have taken its place."""
    try:
        rename_new(name, aside, Path(former), directory)  # no link: not every file system has them, nor may anybody link to another's file
    except FileExistsError:
        os.unlink(name, dir_fd=aside)


def _carried(directory: int, version: Identity, wanted: Path, sequencer: str, remove: Callable[[], bool]) -> Path | None:
    """The file at *wanted*, or beside it, with the directories above it; None: it was another one, which stays where it was."""
    name = wanted.name
    wanted.parent.mkdir(parents=True, exist_ok=True)
    try:
        goal = _renamed(name, directory, wanted, sequencer)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return _copied(directory, version, wanted, sequencer, remove)
    holder = os.open(goal.parent, _DIRECTORY | os.O_CLOEXEC)
    try:
        if _is(version, goal.name, holder):
            return goal
        _put_back(holder, goal.name, directory, name)
        return None
    finally:
        os.close(holder)


def _renamed(name: str, directory: int, wanted: Path, sequencer: str) -> Path:
    """A file under the first name of those that is free."""
    key = PurePosixPath(wanted.name)
    for number in range(_TRIES):
        more = "" if not number else f".{sequencer}" if number == 1 else f".{sequencer}-{number}"
        goal = wanted.with_name(f"{key.stem}{more}{key.suffix}")
        with contextlib.suppress(FileExistsError):
            rename_new(name, directory, goal)
            return goal
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(wanted))


def _copied(directory: int, version: Identity, wanted: Path, sequencer: str, remove: Callable[[], bool]) -> Path | None:
    """To another file system: copied, synced, and gone here once that is done.

    Until it is whole it has a name of its own, always the same: what a killed daemon left is written over by the next try."""
    part = wanted.with_name(f".{sequencer}-{version.inode:x}.part")
    holder = os.open(wanted.parent, _DIRECTORY | os.O_CLOEXEC)
    try:
        _copy(directory, wanted.name, part.name, holder)
        if not _is(version, wanted.name, directory):
            return None
        goal = _renamed(part.name, holder, wanted, sequencer)
        os.fsync(holder)
        if remove():
            return goal
        goal.unlink()
        return None
    finally:
        part.unlink(missing_ok=True)
        os.close(holder)


def _copy(directory: int, name: str, to: str, holder: int) -> None:
    with (
        os.fdopen(os.open(name, _READ, dir_fd=directory), "rb") as file,
        os.fdopen(os.open(to, _WRITE, 0o600, dir_fd=holder), "wb") as copy,
    ):
        shutil.copyfileobj(file, copy, 1024 * 1024)
        state = os.fstat(file.fileno())
        copy.flush()
        os.fchmod(copy.fileno(), state.st_mode & 0o7777)
        os.utime(copy.fileno(), ns=(state.st_atime_ns, state.st_mtime_ns))
        os.fsync(copy.fileno())
