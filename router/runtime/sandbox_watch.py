"""What running environments use, looked at again and again: memory and, where /tmp is a directory, what lies in it.

Where the kernel keeps a bound itself this is what makes it exact: a group of processes is given room for /tmp too, and a limit of the
kernel's would count that as memory. A look at a process takes the interpreter from the event loop a dozen times, so memory is looked at
every time of what has been running since the time before, and of all that runs one time in ten."""

import asyncio
import itertools
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

import structlog

from router.runtime import peers, sandbox_cgroups

EVERY: Final = 0.1  # seconds; real ones: it is the kernel's figures that change
_SLOW: Final = 10  # looks at memory for one at directories, and at the memory of what ends sooner; of those for one at mounted ones
_MOST: Final = 10_000  # entries of a directory that are counted
_FAMILY: Final = 128  # processes that are looked at one by one
_SHARED: Final = 16 * 2**20  # bytes that a fork of a small interpreter has in common with its parent
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
log: Final = structlog.get_logger(__name__)


class Look(NamedTuple):
    """What is measured of one that runs."""

    roots: tuple[int, ...]  # processes, each with all below it: together, or what they have forked each by itself
    limit: int  # bytes
    directory: str = ""  # what lies in there is measured, and no memory
    forks: bool = False  # the roots are templates: it is their forks that count
    init: bool = False  # the template is the child of a root, which is its namespace's init


class Watched(Protocol):
    """What is looked at while it runs."""

    def look(self, *, storage: bool) -> Look | None:
        """What to measure; None: nothing of that kind, or not now."""

    def exceeded(self, processes: tuple[int, ...]) -> None:
        """It has more memory than it may: of a template these forks, by the numbers that they know themselves by."""

    def overfull(self) -> None:
        """More lies in its directory than may."""


class Running(Protocol):
    """What runs."""

    def watched(self) -> tuple[Watched, ...]:
        """Who is looked at meanwhile."""


Runs = Callable[[], Iterable[tuple[Running, float]]]
"""Gives what runs, each with a number that tells one run of it from the next."""


async def watch(running: Runs, busy: asyncio.Event, measure: Callable[[], None]) -> None:
    """Have everything that runs looked at; until cancelled. *busy*: set while anything does; *measure*: asks for the figures of mounted
    directories."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_watch(running, busy, EVERY, storage=False), name="memory-watch")
        tasks.create_task(_watch(running, busy, EVERY * _SLOW, storage=True), name="storage-watch")
        while True:
            await asyncio.sleep(EVERY * _SLOW * _SLOW)
            measure()


async def _watch(running: Runs, busy: asyncio.Event, every: float, *, storage: bool) -> None:
    told = Told()
    before: set[tuple[Running, float]] = set()
    for number in itertools.count(1):
        await busy.wait()  # an idle daemon sleeps
        await asyncio.sleep(every)
        now = set(running())
        chosen = now if storage or number % _SLOW == 0 else now & before
        before = now
        looks: list[tuple[Watched, Look]] = []
        for one in dict.fromkeys(one for run, _ in chosen for one in run.watched()):
            with told:
                looks += [(one, look)] if (look := one.look(storage=storage)) is not None else []
        if not looks:
            continue
        found = await asyncio.to_thread(_measured, [look for _, look in looks], told)
        for (one, look), over in zip(looks, found, strict=True):
            with told:
                if over and one.look(storage=storage) == look:  # it is still the same that runs
                    one.overfull() if storage else one.exceeded(over)


class Told:
    """What went wrong with one look ends no other; it is logged when it is not what went wrong the last time."""

    def __init__(self) -> None:
        self._last = ""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, _: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, Exception):
            return False
        if repr(error) != self._last:
            self._last = repr(error)
            log.error("environment_not_measured", error=self._last, exc_info=error)
        return True


def _measured(looks: Sequence[Look], told: Told) -> list[tuple[int, ...]]:
    """Of each the processes that exceed its limit. Blocking."""
    found: list[tuple[int, ...]] = []
    for look in looks:
        over: tuple[int, ...] = ()
        with told:
            over = measured(look)
        found.append(over)
    return found


def measured(look: Look) -> tuple[int, ...]:
    """The processes that exceed the limit; for a directory all or none. Blocking."""
    if look.directory:
        return look.roots if stored(look.directory) > look.limit else ()
    if not look.forks:
        return look.roots if exceeds(look.roots, look.limit) else ()
    templates = [child for root in look.roots for child in peers.children(root)] if look.init else look.roots
    forks = [child for template in templates for child in peers.children(template)]
    return tuple(_own_number(fork) for fork in forks if exceeds([fork], look.limit, grouped=False))


def exceeds(pids: Sequence[int], limit: int, *, grouped: bool = True) -> bool:
    """Whether processes and those below them hold more than *limit* bytes for themselves, files and shared memory left out.

    What forks share counts once where the kernel tells how much that is, else it is guessed. *grouped*: the spawner may have put
    each into a group of its own, whose figure is exact."""
    groups = {pid: _group(pid) if grouped else None for pid in pids}
    left = limit - sum(size for size in groups.values() if size is not None)
    members = itertools.chain.from_iterable(peers.family(pid) for pid, size in groups.items() if size is None)
    family = [(member, _anonymous(member)) for member in itertools.islice(members, _FAMILY)]
    if sum(size for _, size in family) <= left:
        return False
    exact = [_proportional(member) for member, _ in family]
    if all(size is not None for size in exact):
        return sum(size or 0 for size in exact) > left
    sizes = sorted((size for _, size in family), reverse=True)
    return sizes[0] + sum(max(0, size - _SHARED) for size in sizes[1:]) > left


def _own_number(pid: int) -> int:
    """The number that a process in a namespace of its own knows itself by; 0 when it is gone."""
    try:
        _, _, rest = _read(f"/proc/{pid}/status").partition(b"\nNSpid:")
    except OSError:
        return 0
    return int(rest.partition(b"\n")[0].split()[-1])


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
