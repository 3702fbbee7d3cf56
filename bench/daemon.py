"""Daemons to measure: as a process of its own, started as `router run` is, or in this very process, to call from inside."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from router import daemon
from router.api.calls import Calls, Parts
from tests.helpers.house import ROOT, House

T = TypeVar("T")

ROUTER = (sys.executable, "-c", "from router.cli import main; main()")  # what the console script does
FUNCTIONS = ROOT / "bench/functions"


class Running(House):
    """A daemon on the machine's own clock; stopped and gone after the with block."""

    def start(self, *, step: str = "", count: int = 0) -> None:
        """Start `router run`. *step* and *count* are for fault tests only."""
        assert not step, count
        with self.log.open("ab") as out:
            self.process = subprocess.Popen([*ROUTER, "--config", str(self.config), "run"], cwd=ROOT, stdout=out, stderr=out)

    @property
    def pid(self) -> int:
        """The daemon's."""
        assert self.process is not None
        return self.process.pid

    def serving(self) -> bool:
        """Whether every source is attached."""
        return self.answers() and self.get("/status")["ready"]

    def serve(self, timeout: float = 60.0, *, step: float = 0.005) -> None:
        """Start and wait until it serves. Raises RuntimeError with the end of its log when it does not."""
        self.start()
        if not self.until(lambda: not self.alive() or self.serving(), timeout, step=step) or not self.alive():
            raise RuntimeError(f"the daemon does not serve: {self.log.read_text()[-2000:]}")


def inside(config: Path, work: Callable[[Parts], Awaitable[T]]) -> T:
    """Run *work* on the loop of a daemon in this process, wired and logging as any daemon is; then drain it. Once a process."""
    started: list[asyncio.Task[T]] = []

    async def run(calls: Calls) -> T:
        while calls.problems():
            await asyncio.sleep(0.01)
        return await work(calls._parts)  # noqa: SLF001 - what is measured is inside

    def ready(calls: Calls) -> None:
        started.append(asyncio.get_running_loop().create_task(run(calls)))
        started[0].add_done_callback(lambda _: signal.raise_signal(signal.SIGTERM))

    daemon.main(config, on_ready=ready)
    return started[0].result()
