"""What `router doctor` looks at on this machine, one function a thing; each says what was wanted, found and how to get there."""

import os
import resource
import shutil
import stat
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from router import VERSION
from router.cli.settings import NO_CONFIG
from router.errors import ConfigError, RouterError

MB: Final = 2**20
WATCHES: Final = 65_536  # directories; one watch each
QUEUE: Final = 16_384  # events the kernel holds before it overflows (we then rescan: slow, not lossy)
DESCRIPTORS: Final = 4_096
FREE_DISK: Final = 512 * MB
FREE_MEMORY: Final = 256 * MB
ENGINE: Final = (3, 51, 3)  # the first SQLite without the WAL-reset corruption
REMOTE: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs"})


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. *required*: the daemon cannot be trusted, or does not start, without it."""

    name: str
    wanted: str
    effective: str
    proof: str  # where the answer comes from
    remedy: str
    ok: bool
    required: bool = True


def machine() -> Iterator[Check]:
    """Everything that can be looked at without a config."""
    yield python(sys.version_info[:3])
    yield node()
    yield engine()
    yield process_handles()
    yield clock(time.time(), Path(__file__).stat().st_mtime)
    yield memory(Path("/proc/meminfo"))
    yield descriptors(resource.getrlimit(resource.RLIMIT_NOFILE))
    yield from notifications(Path("/proc/sys/fs/inotify"))
    yield event_loop()


def python(version: tuple[int, ...]) -> Check:
    """The interpreter."""
    return Check(
        "python",
        "3.11 or later",
        _dotted(version),
        "sys.version_info",
        "install a newer Python and make the venv again",
        version >= (3, 11),
    )


def node() -> Check:
    """What functions with a Node.js runtime run on; a config without any needs none."""
    from router.runtime import node_programs  # noqa: PLC0415 - starts processes

    found = node_programs.installed()
    remedy = "apt-get install nodejs, or put another node on the daemon's PATH"
    effective = ", ".join(f"{program.version} ({program.path})" for program in found) or "none"
    return Check("node", f"{node_programs.OLDEST} or later", effective, "node --version", remedy, bool(found), required=False)


def engine() -> Check:
    """The SQLite inside apsw, which is the one that holds the store."""
    import apsw  # noqa: PLC0415 - the CLI imports nothing it does not need

    text = apsw.sqlite_lib_version()
    found = tuple(int(part) for part in text.split("."))
    return Check("sqlite", f"{_dotted(ENGINE)} or later", text, "apsw.sqlite_lib_version()", "pip install -U apsw", found >= ENGINE)


def process_handles() -> Check:
    """pidfds, by which environments are ended without hitting a recycled process id."""
    try:
        os.close(os.pidfd_open(os.getpid()))
        effective = "works"
    except (AttributeError, OSError) as error:
        effective = str(error)
    return Check("pidfd", "works", effective, "pidfd_open(2)", "run Linux 5.3 or later", effective == "works")


def clock(now: float, built: float) -> Check:
    """The wall clock: schedules and event ages stand on it, and it cannot be before this program was written."""
    ok = now > built - 86400
    effective = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    return Check("clock", "later than this program's files", effective, "clock_gettime(2)", "set the time: timedatectl set-ntp true", ok)


def memory(source: Path) -> Check:
    """Memory that can be had without swapping."""
    values = dict(line.split(":", 1) for line in source.read_text().splitlines() if ":" in line)
    free = int(values["MemAvailable"].split()[0]) * 1024
    remedy = "free some, or lower limits.concurrency in the config"
    return Check("memory", f"{_mb(FREE_MEMORY)} available", _mb(free), str(source), remedy, free >= FREE_MEMORY, required=False)


def descriptors(limits: tuple[int, int]) -> Check:
    """Descriptors the daemon may open, which takes up to the hard limit: connections, environments, watched directories."""
    hard = limits[1]
    ok = hard == resource.RLIM_INFINITY or hard >= DESCRIPTORS
    effective = "unlimited" if hard == resource.RLIM_INFINITY else str(hard)
    remedy = "ulimit -Hn 65536 as root, or LimitNOFILE=65536 in the unit"
    return Check("descriptors", f"{DESCRIPTORS} or more", effective, "getrlimit(2)", remedy, ok, required=False)


def notifications(source: Path) -> Iterator[Check]:
    """Limits of inotify. Below them directories are still scanned: later, not less surely."""
    for name, wanted in (("max_user_watches", WATCHES), ("max_queued_events", QUEUE)):
        path = source / name
        found = int(path.read_text()) if path.exists() else 0
        remedy = f"sysctl -w fs.inotify.{name}={wanted}"
        yield Check(f"inotify.{name}", f"{wanted} or more", str(found), str(path), remedy, found >= wanted, required=False)


def event_loop() -> Check:
    """Whether uvloop is there."""
    from importlib.util import find_spec  # noqa: PLC0415 - only here

    there = find_spec("uvloop") is not None
    return Check("uvloop", "installed", "installed" if there else "missing", "importlib", "pip install uvloop", there, required=False)


def no_config(path: Path) -> Check:
    """That there is none, which the machine itself may be looked at without."""
    return Check("config", "a file", "none", str(path), f"no config at {path}: {NO_CONFIG}", ok=False, required=False)


def config(path: Path) -> Iterator[Check]:
    """The config, read as `router run` reads it; and what stands open to strangers by it."""
    from router.config.checks import exposures  # noqa: PLC0415 - imports the config's reader
    from router.daemon import check  # noqa: PLC0415 - imports the daemon

    open_routes: tuple[str, ...] = ()
    found = Check("config", "no mistakes", "no mistakes", str(path), f"router check --config {path}", ok=True)
    try:
        open_routes = exposures(check(path))
    except ConfigError as error:
        found = _mistaken(found, error.problems)
    except RouterError as error:
        found = replace(found, effective="cannot be read", remedy=str(error), ok=False)
    yield found
    for note in open_routes:
        yield Check("webhook", "signed, or this machine's alone", "open", str(path), note, ok=False, required=False)


def _mistaken(found: Check, problems: Sequence[str]) -> Check:
    """The verdict on a config with mistakes. That credentials are not here is none: the service has them, and only it."""
    from router.config.references import NO_DIRECTORY  # noqa: PLC0415 - imports the config's reader

    count = len(problems)
    if any(NO_DIRECTORY not in problem for problem in problems):
        return replace(found, effective=f"{count} mistake{'s' * (count > 1)}", ok=False)
    remedy = f"as root, with the directory of the files that LoadCredential= names: CREDENTIALS_DIRECTORY=DIRECTORY router doctor --config {found.proof}"
    return replace(found, effective="not judged: its credentials are not here", remedy=remedy, ok=False, required=False)


def confinement(path: Path) -> Iterator[Mapping[str, Any]]:
    """What would confine the functions of this config, by trying it; nothing for a config with mistakes."""
    from router.daemon import check  # noqa: PLC0415 - imports the daemon
    from router.runtime import fitness, sandbox_controls  # noqa: PLC0415 - imports the runtimes

    try:
        found = check(path)
        machine = fitness.machine(found)
    except ConfigError:
        return
    except (OSError, RouterError) as error:
        yield asdict(Check("isolation", "can be tried", str(error), "a spawner", "see what the sentence says", ok=False))
        return
    yield from sandbox_controls.rows(machine, list(found.functions.values()))


def state(path: Path) -> Iterator[Check]:
    """The state directory: ours, private, on a local disk with room. One that is not there yet is judged by its parent."""
    there = next(parent for parent in (path, *path.parents) if parent.exists())
    yield _owner(path, there)
    if there == path:
        yield _mode(path)
    yield _local(path, there, Path("/proc/self/mountinfo").read_text())
    free = shutil.disk_usage(there).free
    yield Check(
        "state space",
        f"{_mb(FREE_DISK)} free",
        _mb(free),
        f"statvfs {there}",
        "make room, or shorten retention in the config",
        free >= FREE_DISK,
    )


def daemon_version(running: str) -> Check:
    """Whether the daemon that runs is the program that is installed."""
    remedy = "restart the daemon: it still runs what was installed before"
    return Check("daemon version", VERSION, running, "control socket", remedy, running == VERSION, required=False)


def silent_daemon(told: str) -> Check:
    """A daemon that is there and does not answer."""
    return Check("daemon", "answers", told, "control socket", "see its log; restart it if that tells nothing", ok=False)


def _owner(path: Path, there: Path) -> Check:
    writable = os.access(there, os.W_OK | os.X_OK) and there.is_dir()
    ours = there != path or there.stat().st_uid == os.geteuid()
    effective = "writable" if writable and ours else "another user's" if writable else "not writable"
    remedy = f"chown -R $(id -un) {path}, or run as the user that owns it"
    return Check("state directory", "ours and writable", effective, str(there), remedy, writable and ours)


def _mode(path: Path) -> Check:
    mode = stat.S_IMODE(path.stat().st_mode)
    return Check("state mode", "0700", f"{mode:04o}", f"stat {path}", f"chmod 0700 {path}", not mode & 0o077)


def _local(path: Path, there: Path, mounts: str) -> Check:
    kind = file_system(there.resolve(), mounts)
    remedy = f"put state: on a local disk; locks and the WAL of {path} are not safe over a network"
    return Check("state file system", "a local one", kind, "/proc/self/mountinfo", remedy, kind not in REMOTE)


def file_system(path: Path, mounts: str) -> str:
    """The type of the file system that holds *path*, from mountinfo(5): the deepest mount point above it, the last of equals."""
    deepest, kind = -1, "unknown"
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = Path(before.split()[4].encode().decode("unicode_escape"))
        if path.is_relative_to(point) and len(point.parts) >= deepest:
            deepest, kind = len(point.parts), after.split()[0]
    return kind


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _mb(size: int) -> str:
    return f"{size // MB} MB"
