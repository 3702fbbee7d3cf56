"""Groups of processes with a limit of memory and of processes, version 2 when they are delegated to us, version 1 for root.

Standard library only; runs in the spawner. Nothing is ever moved but the daemon's own processes."""

import os
import signal
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final, NamedTuple

_ROOT: Final = "/sys/fs/cgroup"
_OURS: Final = "router-"
_DAEMON: Final = "router-daemon"
_AT_ONCE: Final = 2**20  # bytes; what the kernel takes from a limit in one go stays below


class Group(NamedTuple):
    """One environment's group; a directory for each controller, the same one twice with version 2."""

    memory: str
    pids: str

    def join(self) -> None:
        """Put this process into it. Raises OSError."""
        for directory in dict.fromkeys(self):
            _write(f"{directory}/cgroup.procs", "0")

    def starved(self) -> bool:
        """Whether the kernel ended one of its processes for want of memory."""
        return self._counted("memory.events", "oom_kill") or self._counted("memory.oom_control", "oom_kill")

    def pressed(self) -> bool:
        """Whether it has ever been at its limit of memory; what it can do without was taken from it then."""
        if self._counted("memory.events", "max"):
            return True
        peak, limit = (int(_read(f"{self.memory}/memory.{name}_in_bytes") or 0) for name in ("max_usage", "limit"))
        return 0 < peak <= limit <= peak + _AT_ONCE  # version 1's own count, failcnt, stays at 0 with some kernels

    def endless(self) -> bool:
        """Whether its processes would wait for memory instead of being ended: somebody has switched version 1's killer off, further up."""
        return self._counted("memory.oom_control", "oom_kill_disable")

    def _counted(self, name: str, what: str) -> bool:
        lines = (line.split() for line in _read(f"{self.memory}/{name}").splitlines())
        return any(word == what and count != "0" for word, count in lines)

    def kill(self) -> None:
        """End every process in it, at once where the kernel has a switch for that."""
        try:
            _write(f"{self.pids}/cgroup.kill", "1")
        except OSError:
            for pid in _read(f"{self.pids}/cgroup.procs").split():
                with suppress(OSError):
                    os.kill(int(pid), signal.SIGKILL)

    def remove(self) -> None:
        """It goes, once it is empty."""
        for directory in dict.fromkeys(self):
            with suppress(OSError):
                os.rmdir(directory)  # noqa: PTH106


class Tree(NamedTuple):
    """Where groups are made."""

    version: int
    memory: str
    pids: str

    def group(self, name: str) -> Group:
        """A new group. Raises OSError."""
        made = Group(f"{self.memory}/{name}", f"{self.pids}/{name}")
        for directory in dict.fromkeys(made):
            with suppress(FileExistsError):
                os.mkdir(directory)  # noqa: PTH102
        return made

    def limit(self, group: Group, *, memory: int, processes: int) -> None:
        """From now on it may have at most *memory* bytes and *processes* processes and threads. Raises OSError."""
        _write(f"{group.memory}/{'memory.max' if self.version == 2 else 'memory.limit_in_bytes'}", str(memory))
        for switch in ("memory.swap.max", "memory.oom.group") if self.version == 2 else ("memory.memsw.limit_in_bytes",):
            with suppress(OSError):  # not every kernel counts swap
                _write(f"{group.memory}/{switch}", {"memory.swap.max": "0", "memory.oom.group": "1"}.get(switch, str(memory)))
        _write(f"{group.pids}/pids.max", str(processes))

    def close(self) -> None:
        """Remove what is empty."""
        for directory in dict.fromkeys((self.memory, self.pids)):
            _sweep(directory)
            with suppress(OSError):
                os.rmdir(directory)  # noqa: PTH106


def find(pids: Iterable[int], *, membership: str = "/proc/self/cgroup", root: str = _ROOT) -> Tree | None:
    """A tree in which groups can be made; None where none can. *pids*: the daemon's own processes, this one among them."""
    where = dict(_places(_read(membership)))
    try:
        return _delegated(where, list(pids), root) or _legacy(where, root)
    except OSError:
        return None


def is_ours(line: str) -> bool:
    """Whether a line of /proc/PID/cgroup names a group that a Tree has made for an environment."""
    above, _, name = line.rpartition("/")
    return name.isdigit() and above.rpartition("/")[2].startswith(_OURS)


def _places(text: str) -> Iterable[tuple[str, str]]:
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            yield controller, path.rstrip("/")


def _delegated(where: Mapping[str, str], pids: list[int], root: str) -> Tree | None:
    """Version 2: a group holds either processes or groups, so the daemon's processes move into one of their own."""
    base = root + where.get("", "/nowhere")
    if not {"memory", "pids"} <= set(_read(f"{base}/cgroup.controllers").split()) or not os.access(f"{base}/cgroup.procs", os.W_OK):
        return None
    if base.endswith(f"/{_DAEMON}"):
        base = os.path.dirname(base)  # noqa: PTH120  # a spawner before this one moved us
    own = f"{base}/{_DAEMON}"
    with suppress(FileExistsError):
        os.mkdir(own)  # noqa: PTH102
    inside = set(_read(f"{base}/cgroup.procs").split())
    if not inside <= set(map(str, pids)):
        with suppress(OSError):
            os.rmdir(own)  # noqa: PTH106
        return None  # others live here: it is not ours alone
    for pid in inside:
        _write(f"{own}/cgroup.procs", pid)
    _write(f"{base}/cgroup.subtree_control", "+memory +pids")
    return _made(2, base, base)


def _legacy(where: Mapping[str, str], root: str) -> Tree | None:
    if "memory" not in where or "pids" not in where:
        return None
    bases = [f"{root}/{controller}{where[controller]}" for controller in ("memory", "pids")]
    if not all(os.access(base, os.W_OK) and os.path.exists(f"{base}/cgroup.procs") for base in bases):  # noqa: PTH110
        return None
    return _made(1, *bases)


def _made(version: int, *bases: str) -> Tree:
    """Our own directory below each; those of dead ones go."""
    made = []
    for base in bases:
        for name in os.listdir(base):  # noqa: PTH208
            if name.startswith(_OURS) and name != _DAEMON and not os.path.exists(f"/proc/{name.removeprefix(_OURS)}"):  # noqa: PTH110
                _sweep(f"{base}/{name}")
                with suppress(OSError):
                    os.rmdir(f"{base}/{name}")  # noqa: PTH106
        directory = f"{base}/{_OURS}{os.getpid()}"
        with suppress(FileExistsError):
            os.mkdir(directory)  # noqa: PTH102
        if version == 2:
            _write(f"{directory}/cgroup.subtree_control", "+memory +pids")
        made.append(directory)
    return Tree(version, *made)


def _sweep(directory: str) -> None:
    with suppress(OSError):
        for name in os.listdir(directory):  # noqa: PTH208
            if os.path.isdir(f"{directory}/{name}"):  # noqa: PTH112
                with suppress(OSError):
                    os.rmdir(f"{directory}/{name}")  # noqa: PTH106


def _read(path: str) -> str:
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return ""
    try:
        return os.read(file, 65536).decode()
    except OSError:
        return ""
    finally:
        os.close(file)


def _write(path: str, text: str) -> None:
    file = os.open(path, os.O_WRONLY)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)
