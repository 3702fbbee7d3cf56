"""What all runtimes of a daemon share: the spawner, the timer of deadlines, the temporary directories."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from router.clock import Clock
from router.config.types import Function
from router.functions.files import remove_tree
from router.runtime.deadlines import Deadlines
from router.runtime.launcher import Launcher


class Shared:
    """One for each daemon; opened by the first runtime, closed by the first."""

    def __init__(
        self,
        *,
        state: Path,
        lock_fd: int | None,
        region: str,
        clock: Clock,
        variables: Callable[[Function], Mapping[str, str]],
        on_restart: Callable[[], None],
        account: str = "",
    ) -> None:
        self.interpreter: str = (
            getattr(sys, "_base_executable", "") or sys.executable
        )  # not the virtual environment's: that is the daemon's
        self.state, self.region, self.clock, self.added = state, region, clock, variables
        self.account = account  # "" when nobody is to know it
        self.launcher = Launcher(self.interpreter, lock_fd=lock_fd, clock=clock, on_restart=on_restart)
        self.deadlines = Deadlines(clock)
        self.missing: frozenset[str] = frozenset()  # always-on controls (isolation.CONTROLS) that this machine refused
        self.tmp = state / "tmp"
        self._timer: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start the spawner; what a dead daemon left in tmp goes. Raises EnvironmentUnavailable, OSError."""
        if self._timer is None:
            self._timer = asyncio.create_task(self.deadlines.run(), name="invocation-deadlines")
            await asyncio.gather(asyncio.to_thread(self._prepare), self.launcher.open())

    async def close(self) -> None:
        """End the spawner with all that is below it."""
        if self._timer is not None:
            timer, self._timer = self._timer, None
            timer.cancel()
            await asyncio.gather(timer, return_exceptions=True)
            await self.launcher.close()

    @staticmethod
    def remove(directory: Path) -> None:
        """Remove an environment's temporary directory. Blocking."""
        remove_tree(directory)

    def _prepare(self) -> None:
        remove_tree(self.tmp)
        self.tmp.mkdir(parents=True, exist_ok=True, mode=0o700)
