"""Functions in sandboxes, seen from outside: which of our processes they mean, and where a test's files lie."""

import os
from collections.abc import Callable
from pathlib import Path

from router.runtime import processes, sandbox_site
from router.runtime.blanks import TITLE
from router.runtime.sandbox_plan import Site


def place(directory: Path) -> Callable[[], Site]:
    """The site of a daemon whose config and state lie in *directory*: what else lies there is its functions' to reach."""
    found = Site(str(directory / "state"), str(directory / "config.yaml"), runtime=sandbox_site.runtime())
    return lambda: found


def here(seen: int) -> int:
    """The process that a function, in a namespace or not, knows by this number; the one that is alive and no blank."""
    found = []
    for row in processes.below([os.getpid()], processes.table()):
        try:
            status = Path(f"/proc/{row.pid}/status").read_text()
        except OSError:
            continue
        if (
            not row.zombie
            and f"Name:\t{TITLE}\n" not in status
            and int(status.partition("NSpid:")[2].partition("\n")[0].split()[-1]) == seen
        ):
            found.append(row.pid)
    (pid,) = found
    return pid


def left() -> list[str]:
    """Names of the processes below this one that are neither spawner nor guard, and no worker yet."""
    names = []
    for row in processes.below([os.getpid()], processes.table()):
        try:
            names.append(Path(f"/proc/{row.pid}/comm").read_text().strip())
        except OSError:
            continue
    return [name for name in names if name not in {"router-spawner", "router-guard", TITLE}]
