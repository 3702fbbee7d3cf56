"""The state directory is one daemon's: whose it is, and the lock that says who runs on it.

The lock is a flock on STATE/lock. It belongs to the open file, not to a process: whoever holds a duplicate of the
descriptor keeps it, so that it outlives a killed daemon until the last of its processes is gone."""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Final, Self

from router.clock import Clock
from router.errors import JournalError, StateLocked

POLL: Final = 0.05  # seconds between looks at a lock that somebody holds


def prepare_state(state: Path) -> None:
    """Make the state directory, mode 0700, when there is none; raise JournalError unless it is ours to write.

    The message names the path, the owner wanted and the owner found."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = state.stat()
    except OSError as error:
        raise JournalError(f"cannot use the state directory {state}: {os.strerror(error.errno or 0)}") from error
    wanted, mode = os.geteuid(), found.st_mode & 0o7777
    if found.st_uid != wanted:
        raise JournalError(
            f"the state directory {state} must belong to uid {wanted}, it belongs to uid {found.st_uid}:"
            f" chown it, or point state: at a directory of your own"
        )
    if mode & 0o700 != 0o700:
        raise JournalError(
            f"the state directory {state} has mode {mode:04o}, its owner (uid {wanted}) needs to write there: chmod u+rwx it"
        )
    if not os.access(state, os.W_OK):
        raise JournalError(
            f"the state directory {state} cannot be written although it is ours (uid {wanted}): its file system is read-only"
        )


class StateLock:
    """The lock, held."""

    def __init__(self, fd: int, path: Path) -> None:
        self.fd, self.path = fd, path

    @classmethod
    async def acquire(cls, state: Path, *, wait: float, clock: Clock) -> Self:
        """Take the lock, waiting up to *wait* seconds for a predecessor that is about to go. Raises StateLocked, JournalError."""
        path = state / "lock"
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise JournalError(f"cannot open {path}: {os.strerror(error.errno or 0)}") from error
        try:
            await _wait_for(fd, state, wait, clock)
            with contextlib.suppress(OSError):  # no space to say who holds it: it is held all the same
                os.ftruncate(fd, 0)
                os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        except BaseException:
            os.close(fd)
            raise
        return cls(fd, path)

    def share(self) -> int:
        """Let processes started from now on inherit the descriptor; give it. The lock is theirs too, until all have closed it."""
        os.set_inheritable(self.fd, True)
        return self.fd

    def held(self) -> bool:
        """Whether STATE/lock is still the file that is locked: with it deleted, somebody else could take another one."""
        try:
            found, ours = self.path.stat(follow_symlinks=False), os.fstat(self.fd)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)

    def release(self) -> None:
        """Let go of our part of it."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


async def _wait_for(fd: int, state: Path, wait: float, clock: Clock) -> None:
    until = clock.monotonic() + wait
    while not _locked(fd):
        if clock.monotonic() >= until:
            raise StateLocked(_held_by(fd, state))
        await clock.sleep(POLL)


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise JournalError(
            f"the state directory's file system cannot lock files: {os.strerror(error.errno or 0)}; use a local one"
        ) from error
    return True


def _held_by(fd: int, state: Path) -> str:
    """What to tell a person who starts a second daemon."""
    pid = os.pread(fd, 32, 0).decode(errors="replace").strip()
    if not pid.isdecimal():
        return f"another process holds the state directory {state}: stop it, or give this daemon a state: of its own"
    if Path(f"/proc/{pid}").exists():
        return f"another daemon (pid {pid}) holds the state directory {state}: stop it (kill {pid}), or give this one a state: of its own"
    return (
        f"processes left by a daemon that died (pid {pid}) hold the state directory {state}: end them (fuser {state / 'lock'} shows them)"
    )
