"""A daemon for fault tests: `python -m tests.helpers.daemon CONFIG BASE FACTOR [STEP COUNT]`.

BASE and FACTOR make its FastClock. STEP (see STEPS and MORE) makes the process kill itself with SIGKILL the COUNT-th time that
it comes to that step, so that a death at a chosen place needs no hook in the code that ships."""

import functools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from router import daemon
from router.api.declared import Declared
from router.buckets.object_store import Objects
from router.journal.database import Database
from router.journal.sqlite import SqliteJournal
from router.runtime.pool import WarmPool
from router.sources.webhook_memory import Memory
from tests.helpers.clock_fast import FastClock

# step → class and method, and whether the death comes before or after it
STEPS: dict[str, tuple[type[Any], str, str]] = {
    "before-append": (SqliteJournal, "append", "before"),
    "after-append": (SqliteJournal, "append", "after"),
    "before-lease": (SqliteJournal, "lease", "before"),
    "after-lease": (SqliteJournal, "lease", "after"),
    "before-invoke": (WarmPool, "invoke", "before"),
    "after-invoke": (WarmPool, "invoke", "after"),
    "before-ack": (SqliteJournal, "ack", "before"),
    "after-ack": (SqliteJournal, "ack", "after"),
    "before-retry": (SqliteJournal, "retry", "before"),
    "after-retry": (SqliteJournal, "retry", "after"),
    "before-store": (Database, "transact", "before"),
    "after-store": (Database, "transact", "after"),
}
# reached under other loads than that of tests/faults/test_kill.py
MORE: dict[str, tuple[type[Any], str, str]] = {
    "before-remember": (Memory, "remember", "before"),
    "after-remember": (Memory, "remember", "after"),
    "before-append-all": (SqliteJournal, "append_all", "before"),
    "after-append-all": (SqliteJournal, "append_all", "after"),
    "before-clear": (Objects, "clear", "before"),
    "after-clear": (Objects, "clear", "after"),
    "before-declared": (Declared, "_keep", "before"),
    "after-declared": (Declared, "_keep", "after"),
}


def die() -> None:
    """As a power cut would have it, but for the disk cache."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(step: str, count: int) -> None:
    """Wrap the step's method so that its *count*-th call is the last thing this process does."""
    owner, method, when = (STEPS | MORE)[step]
    inner: Callable[..., Any] = getattr(owner, method)
    calls = 0

    @functools.wraps(inner)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        mine = calls
        if mine == count and when == "before":
            die()
        result = await inner(*args, **kwargs)
        if mine == count and when == "after":
            die()
        return result

    setattr(owner, method, wrapped)


def main() -> int:
    """Run the daemon until it is told to stop, or dies."""
    config, base, factor = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    if len(sys.argv) > 4:
        arm(sys.argv[4], int(sys.argv[5]))
    return daemon.main(config, clock=FastClock(base, factor))


if __name__ == "__main__":
    sys.exit(main())
