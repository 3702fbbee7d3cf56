"""How a forked process becomes a confined one. Standard library only; runs in the worker.

Three parts: settle() furnishes new namespaces as every function has them and leaves a small init in charge; enter() shows what this
function may see; Confinement, asked by isolation.apply() at the right moments, takes away who the process is and what it may ask of
the kernel. What fails here raises: a function never runs with less than it was promised."""

import ctypes
import fcntl
import mmap
import os
import resource
import signal
import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, Final, NoReturn

from router.runtime import isolation, sandbox_landlock, sandbox_mounts, sandbox_seccomp, titles
from router.runtime import sandbox_calls as calls

PORT: Final = 9001  # of the Runtime API in a network of its own, as on AWS
_USER: Final = struct.Struct("=q")  # how init is told whom to become
_NOBODY: Final = -1  # it stays who it is
SLOT: Final = struct.Struct("=ii")  # how init tells the spawner of the function's end: 1, wait status
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 1
_BACKLOG: Final = 16
_INIT: Final = "router-init"


def namespaces(sandbox: dict[str, Any], *, own_users: bool) -> int:
    """What fork_into() is asked for. *own_users*: the spawner is no root, so that every worker gets a user namespace too."""
    if not sandbox.get("namespaces"):
        return 0
    made = calls.CLONE_NEWNS | calls.CLONE_NEWPID | calls.CLONE_NEWIPC
    return made | (calls.CLONE_NEWNET if sandbox.get("offline") else 0) | (calls.CLONE_NEWUSER if own_users else 0)


def map_users(user: int, group: int) -> None:
    """In a new user namespace: stay who one is, and know nobody else. Raises OSError."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        file = os.open(f"/proc/self/{name}", os.O_WRONLY)
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)


class Confinement:
    """What is still to be taken from a process that is to run a function."""

    def __init__(self, sandbox: dict[str, Any], *, count: bool) -> None:
        """*count*: no group of processes bounds their number, so that a limit of the user's has to."""
        self._sandbox, self._count = sandbox, count

    def identify(self) -> None:
        """Become the function's own user, with no capability left. Raises OSError."""
        user = self._sandbox.get("user")
        if self._count and (user is not None or os.geteuid() != 0):
            _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
            wanted = self._sandbox["processes"]
            wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NPROC, (wanted, wanted))
        if user is not None:
            os.setgroups([])
            os.setresgid(*[os.getegid()] * 3)
            os.setresuid(user, user, user)
        calls.drop_capabilities()

    def restrict(self) -> None:
        """Landlock and seccomp; the last thing before the function's code. Raises OSError."""
        abi = self._sandbox.get("landlock", 0)
        if abi:
            sandbox_landlock.restrict(self._rules(), abi=abi)
        if self._sandbox.get("seccomp"):
            unix_only = self._sandbox.get("offline") and not self._sandbox.get("namespaces")
            sandbox_seccomp.restrict(network=not unix_only)

    def _rules(self) -> list[sandbox_landlock.Rule] | None:
        hidden, rules = self._sandbox.get("all_but"), self._sandbox.get("rules")
        if hidden is None and rules is None:
            return None
        found = [(path, writable) for path, writable in rules or ()]
        if hidden is not None:
            found += [(path, True) for path in sandbox_landlock.all_but(hidden)]
        return found


def settle(house: str, users: tuple[int, int] | None, *, offline: bool, slot: mmap.mmap) -> int:
    """In a process that fork_into() put into new namespaces: furnish them as all are, fork the process that goes on, be its init.

    Returns in that process only, with the descriptor on which enter() tells init whom to become. *users*: user and group to map, in a
    user namespace. Raises OSError."""
    if users is not None:
        map_users(*users)
    os.setsid()
    sandbox_mounts.settle_worker(house)
    if offline:
        _loopback()
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        _keep(child, reading, slot)
    os.close(reading)
    slot.close()
    return writing


def enter(sandbox: dict[str, Any], *, house: str, init: int, told: socket.socket | None) -> None:
    """In the process that came out of settle(), whose *init* that is: see what the function may see. *told*: who wants the listeners of
    ports(). Raises OSError."""
    os.write(init, _USER.pack(_NOBODY if sandbox.get("user") is None else sandbox["user"]))
    os.close(init)
    sandbox_mounts.enter(sandbox["view"], house)
    if told is not None and ports(sandbox):
        with ExitStack() as open_:
            listeners = [open_.enter_context(_listening(port)) for port in ports(sandbox)]
            socket.send_fds(told, [b"listening"], [listener.fileno() for listener in listeners])


def _keep(child: int, told: int, slot: mmap.mmap) -> NoReturn:
    """Be init: reap, pass signals on, end with the function; the kernel ends the rest."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _passing(child))
    os.closerange(0, told)
    os.closerange(told + 1, isolation.NOFILE)
    isolation.prctl(isolation.PR_SET_NO_NEW_PRIVS, 1)
    _belong()
    said = os.read(told, _USER.size)  # nothing, when the child has gone before it was told
    if said:
        titles.set_title(_INIT)
        (user,) = _USER.unpack(said)
        with suppress(OSError):
            Confinement({"user": None if user == _NOBODY else user}, count=False).identify()
        _belong()
    while True:
        pid, status = os.wait()
        if pid == child:
            slot[: SLOT.size] = SLOT.pack(1, status)
            os._exit(0)


def _belong() -> None:
    """End with the spawner, be nobody's to look into: a change of user takes back both."""
    isolation.prctl(isolation.PR_SET_PDEATHSIG, signal.SIGKILL)
    isolation.prctl(isolation.PR_SET_DUMPABLE, 0)


def _passing(child: int) -> Callable[[int, object], None]:
    def told(number: int, _: object) -> None:
        with suppress(OSError):
            os.kill(child, number)

    return told


def _loopback() -> None:
    """Bring up lo of a network that has nothing else."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("=16sh22x", b"lo", _IFF_UP))


def ports(sandbox: dict[str, Any]) -> list[int]:
    """Where a network of its own is listened at for the daemon: the Runtime API, the AWS endpoint."""
    return [*([PORT] if sandbox.get("listen") else ()), *([sandbox["endpoint"]] if sandbox.get("endpoint") else ())]


def _listening(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.bind(("127.0.0.1", port))
    made.listen(_BACKLOG)
    made.setblocking(False)
    return made


def ended(slot: mmap.mmap) -> int | None:
    """The function's wait status, as init left it; None when init was ended first."""
    there, status = SLOT.unpack(slot[: SLOT.size])
    return status if there else None


def page() -> mmap.mmap:
    """Memory that a worker's init shares with the spawner."""
    return mmap.mmap(-1, ctypes.sizeof(ctypes.c_int) * 2)
