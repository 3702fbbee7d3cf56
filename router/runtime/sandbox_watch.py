"""What running environments use, looked at again and again: memory and, where /tmp is a directory, what lies in it.

Where the kernel keeps a bound itself this is what makes it exact: a group of processes is given room for /tmp too, and a limit of the
kernel's would count that as memory."""

import asyncio
import itertools
import os
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Final, Protocol

from router.runtime import peers, sandbox_cgroups

EVERY: Final = 0.1  # seconds; real ones: it is the kernel's figures that change
_SLOW: Final = 10  # rounds between looks at directories, and at mounted ones
_MOST: Final = 10_000  # entries of a directory that are counted
_FAMILY: Final = 128  # processes that are looked at one by one
_SHARED: Final = 16 * 2**20  # bytes that a fork of a small interpreter has in common with its parent
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class Watched(Protocol):
    """What is looked at while it runs."""

    def look(self, *, thoroughly: bool) -> None:
        """End it when it uses more than it may."""


async def watch(running: Callable[[], Collection[object]], measure: Callable[[], None]) -> None:
    """Have everything that runs looked at; until cancelled. *measure*: asks for the figures of mounted directories."""
    rounds = 0
    while True:
        await asyncio.sleep(EVERY)
        rounds += 1
        thoroughly = rounds % _SLOW == 0
        for one in list(running()):
            look = getattr(one, "look", None)
            if look is not None:
                look(thoroughly=thoroughly)
        if rounds % (_SLOW * _SLOW) == 0:
            measure()


def exceeds(pid: int, limit: int) -> bool:
    """Whether a process and those below it hold more than *limit* bytes for themselves, files and shared memory left out.

    What forks share counts once where the kernel tells how much that is, else it is guessed."""
    group = _group(pid)
    if group is not None:
        return group > limit
    family = [(member, _anonymous(member)) for member in itertools.islice(peers.family(pid), _FAMILY)]
    if sum(size for _, size in family) <= limit:
        return False
    exact = [_proportional(member) for member, _ in family]
    if all(size is not None for size in exact):
        return sum(size or 0 for size in exact) > limit
    sizes = sorted((size for _, size in family), reverse=True)
    return sizes[0] + sum(max(0, size - _SHARED) for size in sizes[1:]) > limit


def _group(pid: int) -> int | None:
    """Anonymous memory of the control group that the spawner put it into, bytes; None when it is in none."""
    try:
        lines = _read(f"/proc/{pid}/cgroup").decode().splitlines()
        version, path = next(
            (line.split(":", 2)[1], line.split(":", 2)[2])
            for line in lines
            if sandbox_cgroups.is_ours(line) and line.split(":", 2)[1] in {"memory", ""}
        )
        text = _read(f"/sys/fs/cgroup/{version}{path}/memory.stat").decode()
    except (OSError, StopIteration):
        return None
    wanted = "total_rss " if version else "anon "
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith(wanted)), None)


def _anonymous(pid: int) -> int:
    try:
        _, all_pages, shared, *_ = _read(f"/proc/{pid}/statm").split()
    except (OSError, ValueError):
        return 0
    return (int(all_pages) - int(shared)) * _PAGE


def _proportional(pid: int) -> int | None:
    """Its share of anonymous memory, bytes; None when that is not ours to know, 0 when it is gone."""
    try:
        _, found, rest = _read(f"/proc/{pid}/smaps_rollup").partition(b"\nPss_Anon:")
    except PermissionError:
        return None
    except OSError:
        return 0
    return int(rest.split(None, 1)[0]) * 1024 if found else 0


def _read(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, 4096)
    finally:
        os.close(file)


def stored(directory: str) -> int:
    """Bytes that files below a directory take on the disk; of the first _MOST entries."""
    total, waiting, seen = 0, [directory], 0
    while waiting and seen < _MOST:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                seen += 1
                with suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    return total
