"""What confines workers on this machine, found out by doing it: each control in a child of its own. Standard library only.

Runs in the spawner as it starts, before its first worker; never a version number is asked instead."""

import errno
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from router.runtime import isolation, sandbox_cgroups, sandbox_enter, sandbox_landlock, sandbox_mounts, sandbox_seccomp
from router.runtime import sandbox_calls as calls

_NOBODY: Final = 65534
_LIMIT: Final = 8 * 2**20  # bytes of the group that a child has to fill
_FEW: Final = 4  # processes that it may have
_PART: Final = 2**18  # bytes read at once
_SIZE: Final = 2**20  # bytes of the /tmp that a child has to see
_SAID: Final = 4096  # bytes of an error's text
_SANDBOX: Final = {"namespaces": True, "view": {"steps": [("/tmp", "tmp")], "opt": ""}}  # noqa: S108

Grounds = tuple[str, sandbox_cgroups.Tree | None, tuple[int, int] | None]
Try = Callable[[], None]  # raises OSError when the control does not work


def probe(house: str, guard: int) -> tuple[Grounds, dict[str, Any]]:
    """Settle in, try everything; what workers get, and control → "" when it works, else why not.

    *house*: an empty directory; *guard*: its pid, child of the daemon."""
    user, group = os.geteuid(), os.getegid()
    found: dict[str, Any] = {"root": user == 0, "landlock_abi": 0, "groups": 0}
    found["seccomp"] = _tried(_seccomp)
    found["landlock"] = _tried(_landlock)
    if not found["landlock"]:
        found["landlock_abi"] = calls.landlock_abi()
    found["user"] = _tried(_other_user)
    found["watch"] = _watched()
    found["always"] = ", ".join(filter(None, (_tried(_always), found["watch"] and "subreaper")))  # who is not seen is not found in time
    tree = sandbox_cgroups.find((os.getpid(), guard, _parent(guard)))
    found["groups_why"] = "no control group with memory and pids may be written" if tree is None else _tried_group(tree, house)
    if tree is not None and not found["groups_why"]:
        found["groups"] = tree.version
    else:
        tree = None
    users = None if user == 0 else (user, group)
    found["namespaces"] = found["network"] = _settled(house, users)
    if not found["namespaces"]:
        for name, offline in (("namespaces", False), ("network", True)):
            found[name] = _tried_namespaces(house, users, offline=offline)
    if users is not None and not found["namespaces"]:
        found["user"] = "a user namespace of an ordinary user's knows no other user"
    return (house if not found["namespaces"] else "", tree, users), found


def _tried(attempt: Try, *, namespaces: int = 0) -> str:
    """Run it in a child: "" when it worked, else what it said."""
    reading, writing = os.pipe()
    try:
        pid = calls.fork_into(namespaces)
    except OSError as error:
        os.close(reading)
        os.close(writing)
        return error.strerror or "?"
    if pid == 0:
        _attempt(attempt, writing)
    os.close(writing)
    said = os.read(reading, _SAID).decode()
    os.close(reading)
    _, status = os.waitpid(pid, 0)
    return said or ("" if status == 0 else f"ended with {os.waitstatus_to_exitcode(status)}")


def _attempt(attempt: Try, writing: int) -> None:
    said = ""
    try:
        attempt()
    except OSError as error:
        said = f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror)
    except BaseException as error:  # noqa: BLE001  # whatever it is, it must not go on as a second spawner
        said = repr(error)
    with suppress(OSError):
        os.write(writing, said.encode()[:_SAID])
    os._exit(0)


def _expect(number: int, call: Callable[[], object], what: str) -> None:
    """The call has to fail with this error."""
    try:
        call()
    except OSError as error:
        if error.errno == number:
            return
        raise
    raise OSError(0, f"{what} was not refused")


def _seccomp() -> None:
    isolation.prctl(isolation.PR_SET_NO_NEW_PRIVS, 1)
    sandbox_seccomp.restrict(network=False)
    _expect(errno.EPERM, lambda: calls.unshare(0), "unshare")
    _expect(errno.EAFNOSUPPORT, lambda: socket.socket(socket.AF_INET), "a socket")
    socket.socketpair()[0].close()


def _landlock() -> None:
    isolation.prctl(isolation.PR_SET_NO_NEW_PRIVS, 1)
    sandbox_landlock.restrict([("/dev", False)], abi=calls.landlock_abi())
    os.close(os.open("/dev/null", os.O_RDONLY))
    _expect(errno.EACCES, lambda: os.open("/proc/self/status", os.O_RDONLY), "a file outside the allowed directories")


def _always() -> None:
    """What every worker takes on, without capabilities as those in a sandbox. This child keeps its descriptors, to tell with."""
    nothing = os.open(os.devnull, os.O_RDWR)
    highest = isolation.RESPONSES  # none is closed
    variables, niceness = dict(os.environ), os.getpriority(os.PRIO_PROCESS, 0)
    refused = isolation.apply(
        os.getppid(),
        descriptors=(nothing,) * 3,
        highest=highest,
        niceness=niceness,
        title="router-probe",
        tmp="",
        variables=variables,
        confining=sandbox_enter.Confinement({}, count=False),
    )
    if refused:
        raise OSError(0, ", ".join(refused))


def _watched() -> str:
    """A child that nobody may look into, as a worker is, has to be seen in /proc, or its memory and what it leaves behind are not."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            isolation.prctl(isolation.PR_SET_DUMPABLE, 0)
            os.write(writing, b"1")
            os.close(writing)
            signal.pause()
        finally:
            os._exit(1)  # whatever it is, it must not go on as a second spawner
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    try:
        os.close(os.open(f"/proc/{pid}/statm", os.O_RDONLY))
    except OSError as error:
        return f"/proc hides functions' processes: {error.strerror}"
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return ""


def _other_user() -> None:
    os.setgroups([])
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def _tried_group(tree: sandbox_cgroups.Tree, house: str) -> str:
    """What a child does in a group has to reach its limit of memory, and no more processes than it may have.

    A file's pages fill the group, which the kernel takes back: nobody is ended, and no alarm goes off, for each start of a daemon. Only
    where the file system keeps none, a child has to be ended for want of memory."""
    try:
        group = tree.group("probe")
        tree.limit(group, memory=_LIMIT, processes=_FEW)
    except OSError as error:
        return error.strerror or "?"
    try:
        said = _tried(lambda: _fill(group, f"{house}/fill"))
        if said:
            return said
        if not group.pressed():
            _tried(lambda: _burst(group))
        return "a group's limit of memory did not hold" if group.endless() or not (group.pressed() or group.starved()) else ""
    finally:
        group.remove()


def _fill(group: sandbox_cgroups.Group, path: str) -> None:
    group.join()
    with suppress(OSError):  # a full disk says nothing of the group
        _read_holes(path)
    _expect(errno.EAGAIN, _multiply, "one process too many")


def _read_holes(path: str) -> None:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    os.unlink(path)  # noqa: PTH108
    os.ftruncate(file, 2 * _LIMIT)  # nothing is written, and a hole's pages are kept like any others
    for _ in range(0, 2 * _LIMIT, _PART):
        os.read(file, _PART)
    os.close(file)


def _burst(group: sandbox_cgroups.Group) -> None:
    group.join()
    bytearray(4 * _LIMIT)


def _multiply() -> None:
    """Be more than _FEW. Raises OSError."""
    reading, writing = os.pipe()
    made: list[int] = []
    try:
        for _ in range(_FEW):
            pid = os.fork()
            if pid == 0:
                os.close(writing)
                os.read(reading, 1)  # until the first of us has counted
                os._exit(0)
            made.append(pid)
    finally:
        os.close(reading)
        os.close(writing)
        for pid in made:
            os.waitpid(pid, 0)


def _settled(house: str, users: tuple[int, int] | None) -> str:
    """Give this process a mount namespace, with a user namespace when it is no root; tried in a child first."""

    def settle() -> None:
        calls.unshare(calls.CLONE_NEWNS | (0 if users is None else calls.CLONE_NEWUSER))
        if users is not None:
            sandbox_enter.map_users(*users)
        sandbox_mounts.settle(house)

    said = _tried(settle)
    if not said:
        settle()
    return said


def _tried_namespaces(house: str, users: tuple[int, int] | None, *, offline: bool) -> str:
    tmp, slot = f"{house}/probe", sandbox_enter.page()
    sandbox = {**_SANDBOX, "offline": offline, "view": {**_SANDBOX["view"], "tmp": tmp}}  # type: ignore[dict-item]

    def attempt() -> None:
        init = sandbox_enter.settle(house, users, offline=offline, slot=slot)
        sandbox_enter.enter(sandbox, house=house, init=init, told=None)
        _seen(offline=offline)

    try:
        sandbox_mounts.furnish(tmp, _SIZE, None)
        return _tried(attempt, namespaces=sandbox_enter.namespaces(sandbox, own_users=users is not None))
    except OSError as error:
        return error.strerror or "?"
    finally:
        sandbox_mounts.clear(tmp)
        slot.close()


def _seen(*, offline: bool) -> None:
    """What a function would see has to be what was promised."""
    numbers = [name for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    if os.getpid() != 2 or len(numbers) > 3:
        raise OSError(0, "processes outside are still seen")
    found = os.statvfs("/tmp")  # noqa: S108
    if found.f_blocks * found.f_frsize != _SIZE:
        raise OSError(0, "the directory of temporary files is not private")
    with open("/proc/self/net/dev", encoding="utf-8") as file:  # noqa: PTH123
        interfaces = [line.split(":")[0].strip() for line in file if ":" in line]
    if offline and interfaces != ["lo"]:
        raise OSError(0, "the network is still seen")


def _parent(pid: int) -> int:
    """The parent of a process."""
    file = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    try:
        return int(os.read(file, 512).rpartition(b")")[2].split()[1])
    finally:
        os.close(file)
