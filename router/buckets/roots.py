"""The directory behind a bucket: found, told apart from what stood there before, opened.

A directory whose file system is not mounted looks like an empty one. So each root has a number made of its file system and
inode; only files that were seen under the very root that is attached now can be missing from it. Whoever may write beside it could put
a link there, which led the daemon where it may look and they may not: no link is followed that was not there when the config was read."""

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from router.buckets.beneath import beneath
from router.errors import SourceError

MOUNTS: Final = Path("/proc/self/mountinfo")  # proc(5)
_LOCAL: Final = frozenset({"ext2", "ext3", "ext4", "f2fs", "tmpfs", "xfs"})  # those of btrfs have devices that no mount names
_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY
_LINKED: Final = frozenset({errno.ELOOP, errno.ENOTDIR})


class RootGone(SourceError):
    """The directory of a bucket is not there, or another one is there now; the text says which."""


@dataclass(frozen=True, slots=True)
class Root:
    """A directory as it was found."""

    number: int  # names file system and inode across restarts; negative for a mount point, positive for any other directory
    device: int  # st_dev, good while the daemon runs
    inode: int

    @property
    def mounted(self) -> bool:
        """Whether a file system is mounted right here."""
        return self.number < 0


def find(path: Path, *, required: bool) -> Root:
    """The root at *path* now; *required*: it must be a mount point. Raises RootGone with a sentence. Touches the disk."""
    with _opened(path) as directory:
        state = os.fstat(directory)
        mounted = _mounted(directory, path)
        if required and not mounted:
            raise RootGone(f"{path} is not a mount point and the bucket says mount: required; mount its file system")
        identity = f"{os.fstatvfs(directory).f_fsid}:{state.st_ino}".encode()
        number = int.from_bytes(hashlib.blake2b(identity, digest_size=8).digest()) >> 1 or 1
        return Root(-number if mounted else number, state.st_dev, state.st_ino)


def open_root(path: Path, root: Root) -> int:
    """Open the directory at *path* if it is still *root*; the caller closes it. Raises RootGone."""
    with _opened(path) as directory:
        state = os.fstat(directory)
        if (state.st_dev, state.st_ino) != (root.device, root.inode):
            raise RootGone(f"{path} is not the directory it was: another one was mounted, unmounted or made there")
        return os.dup(directory)


def local(device: int) -> bool:
    """Whether the kernel knows all who write to the files of a file system (st_dev): no other machine has it, and no program stands behind it."""
    number = f"{os.major(device)}:{os.minor(device)}"
    with contextlib.suppress(OSError):
        for line in MOUNTS.read_text(errors="replace").splitlines():
            mount, _, system = line.partition(" - ")
            if number in mount.split(" ")[2:3]:
                return system.split(" ")[0] in _LOCAL
    return False


def make(path: Path) -> None:
    """Make the directory when it is missing, mode from the umask; none through a link, of which find() tells. Raises RootGone when that
    fails. Touches the disk."""
    if os.path.realpath(path) != str(path):
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RootGone(f"{path} cannot be made: {error.strerror}") from error


def opened(path: Path) -> int:
    """Open a directory that is reached without a link; the caller closes it. Raises OSError."""
    top = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return beneath(top, str(path)[1:], _OPEN)
    finally:
        os.close(top)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        directory = opened(path)
    except FileNotFoundError as error:
        raise RootGone(f"{path} is missing") from error
    except OSError as error:
        if error.errno in _LINKED and path.is_dir():
            since = "a link was put in its way since the config was read, or leads where no bucket may lie (`router check` tells)"
            raise RootGone(f"{path} leads elsewhere: {since}; reload if it is meant") from error
        raise RootGone(f"{path} cannot be read: {error.strerror}") from error
    try:
        yield directory
    finally:
        os.close(directory)


def _mounted(directory: int, path: Path) -> bool:
    """Whether the directory belongs to another mount than its parent; bind mounts of one file system too."""
    try:
        parent = os.open("..", os.O_PATH | os.O_CLOEXEC, dir_fd=directory)
        try:
            return _mount_id(directory) != _mount_id(parent)
        finally:
            os.close(parent)
    except (OSError, ValueError):
        return path.is_mount()  # no /proc: tells all but bind mounts


def _mount_id(descriptor: int) -> int:
    for line in Path(f"/proc/self/fdinfo/{descriptor}").read_text(encoding="ascii").splitlines():
        if line.startswith("mnt_id:"):
            return int(line.split()[1])
    raise ValueError("fdinfo without mnt_id")
