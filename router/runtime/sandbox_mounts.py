"""What a function sees of the file system, made of mounts in a namespace of its own. Standard library only; runs in spawner and worker.

The spawner has a namespace too, and in it the HOUSE: a tmpfs over a directory of the state directory, where the devices that
every function gets stand ready and every environment's /tmp outlives its processes. Nothing of that shows outside."""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from router.runtime import sandbox_calls as calls

DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS: Final = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
_SHARED_MEMORY: Final = 64  # MB of /dev/shm; Lambda has none, and its functions need none
_KERNEL: Final = ("/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/sysrq-trigger")  # root could write there without capabilities
_QUIET: Final = calls.MS_NOSUID | calls.MS_NODEV
_KEPT: Final = ((os.ST_NOSUID, calls.MS_NOSUID), (os.ST_NODEV, calls.MS_NODEV), (os.ST_NOEXEC, calls.MS_NOEXEC), (os.ST_NOATIME, 0x400))
_RELATIME: Final = 0x200000
_EMPTY: Final = "size=64k,mode=0755"

Step = tuple[str, str]  # a path, and hide, read, write, tmp or pin


def settle(house: str) -> None:
    """In the spawner, in a mount namespace of its own: take nothing of it outside, furnish *house*. Raises OSError."""
    calls.mount("", "/", flags=calls.MS_REC | calls.MS_SLAVE)
    calls.mount("router", house, "tmpfs", _QUIET, "size=1m,mode=0700")
    devices = f"{house}/dev"
    os.mkdir(devices)  # noqa: PTH102  # here and below: no pathlib, every worker would copy its pages
    calls.mount("dev", devices, "tmpfs", calls.MS_NOSUID | calls.MS_NOEXEC, "size=64k,mode=0755")
    for name in DEVICES:
        os.close(os.open(f"{devices}/{name}", os.O_CREAT | os.O_WRONLY, 0o666))
        calls.mount(f"/dev/{name}", f"{devices}/{name}", flags=calls.MS_BIND)
    for name, target in _DEVICE_LINKS.items():
        os.symlink(target, f"{devices}/{name}")  # noqa: PTH211
    os.mkdir(f"{devices}/shm")  # noqa: PTH102
    _read_only(devices)
    calls.mount("", house, flags=calls.MS_SHARED)  # workers that wait see what is mounted here later


def furnish(tmp: str, size: int, owner: int | None) -> None:
    """Mount an environment's /tmp of *size* bytes, unless it is there since the process before. Raises OSError."""
    with suppress(FileExistsError):
        os.mkdir(tmp)  # noqa: PTH102
        owned = "" if owner is None else f",uid={owner},gid={os.getegid()}"
        calls.mount("tmp", tmp, "tmpfs", _QUIET, f"size={size},mode=0700{owned}")


def clear(tmp: str) -> None:
    """An environment's /tmp goes."""
    with suppress(OSError):
        calls.unmount(tmp)
    with suppress(OSError):
        os.rmdir(tmp)  # noqa: PTH106


def used(tmp: str) -> int:
    """Bytes in a mounted /tmp; 0 when there is none."""
    try:
        found = os.statvfs(tmp)
    except OSError:
        return 0
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def settle_worker(house: str) -> None:
    """In the worker, in a mount namespace of its own: what every function sees, whatever its view. Raises OSError."""
    calls.mount("", house, flags=calls.MS_SLAVE)  # an environment's /tmp that is mounted from now on has to show
    calls.mount(f"{house}/dev", "/dev", flags=calls.MS_BIND | calls.MS_REC)
    calls.mount("shm", "/dev/shm", "tmpfs", _QUIET, f"size={_SHARED_MEMORY}m,mode=1777")  # noqa: S108
    calls.mount("proc", "/proc", "proc", _QUIET | calls.MS_NOEXEC)
    _seal_kernel()


def enter(view: dict[str, Any], house: str) -> None:
    """In a worker that has settled: see what *view* says and nothing else of that kind. Raises OSError.

    view: steps, [[path, how], …] in the order of the paths; tmp, where the environment's /tmp is mounted; opt, a directory that is
    to be /opt, or ""."""
    steps = dict(view["steps"])
    sources = {path: _shown(path, steps) for path, how in steps.items() if how in {"read", "write"}}
    tmp, layers = _opened(view["tmp"]), os.open(view["opt"], os.O_RDONLY | os.O_CLOEXEC) if view["opt"] else -1
    calls.mount("", house, flags=calls.MS_REC | calls.MS_PRIVATE)  # others' are none of its business
    empty: list[str] = []
    for path, how in view["steps"]:
        if how == "hide":
            _hide(path, empty)
        elif how == "tmp":
            _bind(tmp, path, read_only=False)
        elif how == "pin":
            _pin(path)
        elif sources[path] >= 0:
            _bind(sources[path], path, read_only=how == "read")
    if layers >= 0:
        _merge(layers, "/opt", {path: source for path, source in sources.items() if path.startswith("/opt/")})
    for path in empty:
        _read_only(path)
    for descriptor in {*sources.values(), tmp, layers} - {-1}:
        os.close(descriptor)


def _pin(path: str) -> None:
    """Leave a directory as it is, but for its name: what has a mount cannot be renamed. Another could be put in its place, with other code."""
    with suppress(FileNotFoundError):
        calls.mount(path, path, flags=calls.MS_BIND | calls.MS_REC)


def _opened(path: str) -> int:
    try:
        return os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return -1  # not there: nothing to show


def _shown(path: str, steps: dict[str, str]) -> int:
    """What is to be seen at *path*. A link in its way, which another function may have put there, leads to nothing that is hidden."""
    source = _opened(path)
    if source < 0:
        return source
    place = os.readlink(f"/proc/self/fd/{source}")  # noqa: PTH115
    while place and place not in steps:
        place = place.rpartition("/")[0]
    if steps.get(place) == "hide":
        os.close(source)
        return -1
    return source


def _hide(path: str, empty: list[str]) -> None:
    """Put nothing over a file or directory."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116
    except OSError:
        return  # not there, or hidden with what it lies in
    if stat.S_ISDIR(mode):
        calls.mount("hidden", path, "tmpfs", _QUIET, _EMPTY)
        empty.append(path)
    else:
        calls.mount("/dev/null", path, flags=calls.MS_BIND)


def _bind(source: int, path: str, *, read_only: bool) -> None:
    """Show what is open as *source* at *path*, which is made if need be."""
    origin = f"/proc/self/fd/{source}"
    if not os.path.exists(path):  # noqa: PTH110
        _make(path, directory=stat.S_ISDIR(os.stat(origin).st_mode))  # noqa: PTH116
    calls.mount(origin, path, flags=calls.MS_BIND | calls.MS_REC)
    if read_only:
        _read_only(path)


def _make(path: str, *, directory: bool) -> None:
    os.makedirs(path if directory else os.path.dirname(path), mode=0o755, exist_ok=True)  # noqa: PTH103, PTH120
    if not directory:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))


def _read_only(path: str) -> None:
    """Remount it so; flags that the mount has may not get lost, or the kernel refuses."""
    now = os.statvfs(path).f_flag
    kept = sum(flag for seen, flag in _KEPT if now & seen) | (_RELATIME if now & os.ST_RELATIME else 0)
    calls.mount("", path, flags=calls.MS_BIND | calls.MS_REMOUNT | calls.MS_RDONLY | kept)


def _merge(layers: int, path: str, beneath: dict[str, int]) -> None:
    """A tree at *path*, with what has to stay visible there in its place: an interpreter may live in /opt."""
    calls.mount("layers", path, "tmpfs", _QUIET, _EMPTY)
    for name in os.listdir(layers):
        entry = os.open(name, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=layers)
        try:
            if stat.S_ISLNK(os.fstat(entry).st_mode):
                os.symlink(os.readlink(name, dir_fd=layers), f"{path}/{name}")  # noqa: PTH211
            else:
                _bind(entry, f"{path}/{name}", read_only=True)
        finally:
            os.close(entry)
    for target, source in beneath.items():
        if source >= 0 and not os.path.exists(target):  # noqa: PTH110
            _bind(source, target, read_only=True)
    _read_only(path)


def _seal_kernel() -> None:
    """The kernel's switches, read-only."""
    if os.geteuid() == 0:  # nobody else may write there anyway
        _seal(_KERNEL)
        with suppress(OSError):
            calls.mount("/sys", "/sys", flags=calls.MS_BIND)  # not recursively: what is mounted beneath it goes, groups of processes too
            _read_only("/sys")


def _seal(paths: Iterable[str]) -> None:
    for path in paths:
        with suppress(OSError):
            calls.mount(path, path, flags=calls.MS_BIND)
            _read_only(path)
