"""A file leaves a bucket after its events have succeeded: it is deleted, or moved to a directory outside. Only the very version that was handled.

Between a look at a name and what is done to it another file can come to have that name. So the file is renamed first, which nobody
can come between, and looked at then: one that is another is put back, by a sweep if the daemon dies before that.
Touches the disk: run in a thread. Raises OSError."""

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Callable
from functools import partial
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from router.buckets import object_keys, roots
from router.buckets.beneath import beneath
from router.buckets.facts import Identity
from router.buckets.keys import join
from router.buckets.object_errors import ObjectError
from router.buckets.object_keys import Place
from router.buckets.staging import parent, staging
from router.buckets.versions import Seen, Version
from router.disk import rename_new, sync

GONE: Final = "gone-"  # how names in the staging directory begin: of files on their way out
_WHENCE: Final = ".from"  # and how those of their notes end: links that lead nowhere, "INODE-SIZE-MTIME/KEY"
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
_TRIES: Final = 100  # names looked for beside those that are taken


class _Source(NamedTuple):
    """The file of a key that is to leave its bucket."""

    directory: int  # open
    name: str
    version: Identity
    remove: Callable[[], bool]  # this very version, durably; False: it is not there


def untouched(seen: Seen | None, row: Version) -> bool:
    """Whether a file is the version that was told, and nothing has happened to it since."""
    return seen is not None and (seen.inode, seen.size, seen.mtime, seen.ctime) == (row.inode, row.size, row.mtime, row.ctime)


def delete(root: int, where: Place, version: Identity) -> bool:
    """Remove the file of a key, durably; False: that version is not there.

    It goes by way of the staging directory, with a note of where from: if the daemon dies in between, a sweep knows what to do."""
    try:
        directory = beneath(root, where.directory, _DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return False
    aside, name = staging(root), f"{GONE}{secrets.token_hex(8)}"
    try:
        if not _is(version, where.name, directory):
            return False
        os.symlink(f"{'-'.join(map(str, version))}/{join(*where)}", f"{name}{_WHENCE}", dir_fd=aside)
        os.rename(where.name, name, src_dir_fd=directory, dst_dir_fd=aside)
        gone = _gone(aside, name, version, directory, where.name)
        if gone:
            os.fsync(directory)
    except FileNotFoundError:
        return False
    finally:
        _forget(aside, name)
        os.close(aside)
        os.close(directory)
    return gone


def sweep_gone(root: int, aside: int, name: str) -> bool:
    """Remove what a daemon that died had put *aside* to remove it, or put back what turns out to be another version; whether it was there.

    What has no note is left alone, and what cannot be put back: nobody knows that it may go."""
    name = name.removesuffix(_WHENCE)
    there = False
    with contextlib.suppress(OSError, ObjectError, ValueError):
        named, _, key = os.readlink(f"{name}{_WHENCE}", dir_fd=aside).partition("/")
        where, version = object_keys.place(key), Identity(*map(int, named.split("-")))
        os.stat(name, dir_fd=aside, follow_symlinks=False)  # died before it was put aside: nothing to make a directory for
        directory = parent(root, where.directory)
        try:
            _gone(aside, name, version, directory, where.name)
            there = True
        finally:
            os.close(directory)
    _forget(aside, name)
    return there


def _gone(aside: int, name: str, version: Identity, directory: int, former: str) -> bool:
    """Remove the file that was put aside if it is this version, else put it back; whether it is gone."""
    if not _is(version, name, aside):
        _put_back(aside, name, directory, former)
        return False
    os.unlink(name, dir_fd=aside)
    return True


def _forget(aside: int, name: str) -> None:
    """Remove the note of a file that is not aside, or no longer."""
    with contextlib.suppress(FileNotFoundError):
        try:
            os.stat(name, dir_fd=aside, follow_symlinks=False)
        except FileNotFoundError:
            os.unlink(f"{name}{_WHENCE}", dir_fd=aside)


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
        if os.path.realpath(place) != str(place):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(place))
        _made(place)
        holder = roots.opened(place)
        try:
            source = _Source(directory, where.name, version, partial(delete, root, where, version))
            goal = _carried(source, holder, sequencer)
            if goal:
                os.fsync(holder)  # first: at no moment is it on the disk in neither
                os.fsync(directory)
        finally:
            os.close(holder)
    except FileNotFoundError:
        return None
    finally:
        os.close(directory)
    return place / goal if goal else None


def _made(place: Path) -> None:
    """Make a directory and what is missing above it, durably: a power cut must not take away where files are moved to."""
    missing = list(takewhile(lambda one: not one.exists(), (place, *place.parents)))
    place.mkdir(parents=True, exist_ok=True)
    for one in missing:
        sync(one.parent)


def _is(version: Identity, name: str, directory: int) -> bool:
    found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    return (found.st_ino, found.st_size, found.st_mtime_ns) == (version.inode, version.size, version.mtime)


def _put_back(aside: int, name: str, directory: int, former: str) -> None:
    """Under its own name; unless another has taken that since, as it would have taken its place."""
    try:
        rename_new(name, aside, former, directory)  # no link: not every file system has them, nor may anybody link to another's file
    except FileExistsError:
        os.unlink(name, dir_fd=aside)


def _carried(source: _Source, holder: int, sequencer: str) -> str:
    """Move a file into the directory open as *holder*; its name there, "" when it was another one, which stays where it was."""
    directory, name, version, _ = source
    try:
        goal = _renamed(name, directory, name, holder, sequencer)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return _copied(source, holder, sequencer)
    if _is(version, goal, holder):
        return goal
    _put_back(holder, goal, directory, name)
    return ""


def _renamed(name: str, directory: int, wanted: str, holder: int, sequencer: str) -> str:
    """Give a file the first of its names in *holder* that is free: *wanted*, or one like it."""
    key = PurePosixPath(wanted)
    for number in range(_TRIES):
        more = "" if not number else f".{sequencer}" if number == 1 else f".{sequencer}-{number}"
        goal = f"{key.stem}{more}{key.suffix}"
        with contextlib.suppress(FileExistsError):
            rename_new(name, directory, goal, holder)
            return goal
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), wanted)


def _copied(source: _Source, holder: int, sequencer: str) -> str:
    """To another file system: copied, synced, and gone here once that is done.

    Until it is whole it has a name of its own, always the same: what a killed daemon left is written over by the next try."""
    directory, name, version, remove = source
    part = f".{sequencer}-{version.inode:x}.part"
    try:
        _copy(directory, name, part, holder)
        if not _is(version, name, directory):
            return ""
        goal = _renamed(part, holder, name, holder, sequencer)
        os.fsync(holder)
        if remove():
            return goal
        os.unlink(goal, dir_fd=holder)
        return ""
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part, dir_fd=holder)


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
