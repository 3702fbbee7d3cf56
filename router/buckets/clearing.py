"""A file leaves a bucket after its events have succeeded: it is deleted, or moved to a directory outside. Only the very version that was handled.

Between a look at a name and what is done to it another file can come to have that name. So the file is renamed first, which nobody
can come between, and looked at then: one that is another is put back. Touches the disk: run in a thread. Raises OSError."""

import contextlib
import errno
import os
import secrets
import shutil
from pathlib import Path, PurePosixPath
from typing import Final

from router.buckets import roots
from router.buckets.beneath import beneath
from router.buckets.facts import Identity
from router.buckets.object_keys import Place
from router.buckets.staging import BODY, staging
from router.buckets.versions import Seen, Version

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY
_CLAIM: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
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

    Nothing is overwritten: where a file of this name is already, the *sequencer* stands in front of its suffix. Nor is a link followed."""
    try:
        directory = beneath(root, where.directory, _DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        if not _is(version, where.name, directory):
            return None
        place = to / where.directory
        place.mkdir(parents=True, exist_ok=True)
        holder = roots.opened(place)
        try:
            name = _into(holder, directory, where.name, version, sequencer)
        finally:
            os.close(holder)
    except FileNotFoundError:
        return None
    finally:
        os.close(directory)
    return place / name if name else None


def _into(holder: int, directory: int, name: str, version: Identity, sequencer: str) -> str:
    """Move a file into the directory open as *holder*; its name there, "" when it was another file."""
    goal = _claimed(holder, name, sequencer)
    try:
        there = _carried(directory, name, version, holder, goal)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(goal, dir_fd=holder)
        raise
    if there:
        os.fsync(directory)
        os.fsync(holder)
    return goal if there else ""


def _is(version: Identity, name: str, directory: int) -> bool:
    found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    return (found.st_ino, found.st_size, found.st_mtime_ns) == (version.inode, version.size, version.mtime)


def _put_back(aside: int, name: str, directory: int, former: str) -> None:
    """Under its own name; unless another has taken that since, as it would have taken its place."""
    with contextlib.suppress(FileExistsError):
        os.link(name, former, src_dir_fd=aside, dst_dir_fd=directory, follow_symlinks=False)
    os.unlink(name, dir_fd=aside)


def _claimed(holder: int, wanted: str, sequencer: str) -> str:
    """The name of an empty file of ours: *wanted*, or one like it."""
    key = PurePosixPath(wanted)
    for number in range(_TRIES):
        more = "" if not number else f".{sequencer}" if number == 1 else f".{sequencer}-{number}"
        goal = f"{key.stem}{more}{key.suffix}"
        with contextlib.suppress(FileExistsError):
            os.close(os.open(goal, _CLAIM, 0o600, dir_fd=holder))
            return goal
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), wanted)


def _carried(directory: int, name: str, version: Identity, holder: int, goal: str) -> bool:
    """The file as *goal* in *holder*, in place of what claims it; False: it was another one, which stays where it was."""
    try:
        os.rename(name, goal, src_dir_fd=directory, dst_dir_fd=holder)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return _copied(directory, name, version, holder, goal)
    if _is(version, goal, holder):
        return True
    _put_back(holder, goal, directory, name)
    return False


def _copied(directory: int, name: str, version: Identity, holder: int, goal: str) -> bool:
    """To another file system: copied, synced, and gone here once that is done."""
    source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    target = os.open(goal, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=holder)
    with os.fdopen(source, "rb") as file, os.fdopen(target, "r+b") as copy:
        shutil.copyfileobj(file, copy, 1024 * 1024)
        state = os.fstat(source)
        copy.flush()
        os.fchmod(copy.fileno(), state.st_mode & 0o7777)
        os.utime(copy.fileno(), ns=(state.st_atime_ns, state.st_mtime_ns))
        os.fsync(copy.fileno())
    if not _is(version, name, directory):
        os.unlink(goal, dir_fd=holder)
        return False
    os.unlink(name, dir_fd=directory)
    return True
