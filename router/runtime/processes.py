"""Process trees, read from /proc, and how to end them. Standard library only; used by the spawner.

Nothing escapes: a worker's descendants stay below the worker (a subreaper), and when it is gone below the spawner (a
subreaper too), so a scan that finds no unknown child of the spawner proves that nothing is left: only the spawner reaps its
children, so one that dies during the scan is still seen, as a zombie."""

import os
import signal
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Final, NamedTuple

PATIENCE: Final = 5.0  # seconds of a last sweep


class Process(NamedTuple):
    """One line of the process table."""

    pid: int
    parent: int
    group: int
    zombie: bool


def table() -> list[Process]:
    """Every process that this user may see."""
    rows = []
    for name in os.listdir("/proc"):  # noqa: PTH208  # this runs under a fork bomb: no objects per entry
        if name.isdigit():
            with suppress(OSError):
                rows.append(_read(name))
    return rows


def _read(name: str) -> Process:
    file = os.open(f"/proc/{name}/stat", os.O_RDONLY)
    try:
        text = os.read(file, 512)
    finally:
        os.close(file)
    state, parent, group = text[text.rindex(b")") + 2 :].split(b" ", 3)[:3]  # the name before it may hold anything
    return Process(int(name), int(parent), int(group), state in b"ZX")


def below(roots: Iterable[int], rows: Iterable[Process]) -> list[Process]:
    """All descendants of *roots*, without the roots."""
    children: dict[int, list[Process]] = {}
    for row in rows:
        children.setdefault(row.parent, []).append(row)
    found: list[Process] = []
    waiting = list(roots)
    while waiting:
        more = children.pop(waiting.pop(), [])
        found += more
        waiting += [row.pid for row in more]
    return found


def orphans(parent: int, known: Collection[int], rows: Collection[Process]) -> list[Process]:
    """Children of *parent* that are none of *known*, and all that is below them; zombies included."""
    roots = [row for row in rows if row.parent == parent and row.pid not in known]
    return roots + below([row.pid for row in roots], rows)


def kill(rows: Iterable[Process], *, spare: int) -> None:
    """SIGKILL to each process and, where it leads or joined one, to its whole group: that reaches every member at once, new
    forks included. *spare*: the process group that must live (the caller's)."""
    done = {0, 1, spare}
    for row in rows:
        if row.zombie:
            continue
        if row.group not in done:
            done.add(row.group)
            with suppress(OSError):
                os.killpg(row.group, signal.SIGKILL)
        with suppress(OSError):
            os.kill(row.pid, signal.SIGKILL)


def sweep(parent: int) -> None:
    """Kill and reap everything below *parent*, which is this process; PATIENCE seconds at most."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with suppress(ChildProcessError):
            while os.wait4(-1, os.WNOHANG)[0]:
                pass
        left = orphans(parent, (), table())
        if not left:
            return
        kill(left, spare=os.getpgrp())
        time.sleep(0.001)
