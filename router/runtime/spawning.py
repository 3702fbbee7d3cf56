"""The guard and spawner of a daemon as one process to start and to end, and what a launcher needs of whatever forks workers for it."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final, Protocol

_PROGRAM: Final = Path(__file__).with_name("guard.py")
_GONE: Final = 8.0  # seconds for guard and spawner to end everything and leave


class Spawning(Protocol):
    """A process that forks workers, from start to end."""

    control: socket.socket
    pid: int

    def leave(self) -> None:
        """Have everything ended; blocking, until it is gone."""


class Process:
    """One spawner (and its guard), from start to end."""

    def __init__(self, interpreter: str, lock_fd: int | None, house: Path) -> None:
        """Blocking, some milliseconds. Raises OSError."""
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        reading, self._life = os.pipe()
        lock = -1 if lock_fd is None else lock_fd
        try:
            self._guard = subprocess.Popen(
                [interpreter, "-I", "-S", "-u", str(_PROGRAM), str(theirs.fileno()), str(reading), str(lock), str(house)],
                stdin=subprocess.DEVNULL,
                stdout=sys.__stderr__.fileno() if sys.__stderr__ else None,
                env=_environment(),
                pass_fds=[theirs.fileno(), reading, *([] if lock_fd is None else [lock_fd])],
                start_new_session=True,
            )
        except OSError:
            self.control.close()
            os.close(self._life)
            raise
        finally:
            theirs.close()
            os.close(reading)
        self.control.setblocking(False)
        self.pid = self._guard.pid

    def leave(self) -> None:
        """Have everything ended; blocking, until guard and spawner are gone."""
        self.control.close()
        os.close(self._life)
        try:
            self._guard.wait(_GONE)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()


def _environment() -> dict[str, str]:
    """The spawner's own: nothing of the daemon's but what its interpreter may need to load."""
    needed = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
    return {"LANG": "C.UTF-8", "LC_CTYPE": "C.UTF-8", "PATH": "/usr/bin:/bin"} | needed
