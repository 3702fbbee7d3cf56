"""Trees on disk for functions, from the loop: one at a time in a thread, and away when nothing uses them any more."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Final

import structlog

from router.clock import Clock
from router.config.types import Config, Function
from router.functions import deploy
from router.functions.deploy import Deployed
from router.functions.store import Trees

log: Final = structlog.get_logger("router.functions")

GRACE: Final = 60.0  # seconds that a tree stays after its last use: an invocation that waits for a slot may be about to need it


class Deployer:
    """Deploys functions into one state directory."""

    def __init__(self, state: Path, clock: Clock) -> None:
        self._trees = Trees(state / "code")
        self._clock = clock
        self._turn = asyncio.Lock()
        self._unused: dict[str, float] = {}  # tree → since when nobody uses it, monotonic

    async def open(self) -> None:
        """Make the directory; what a crash left behind goes. Raises OSError."""
        await asyncio.to_thread(self._trees.open)

    async def deploy(self, config: Config, functions: Iterable[Function] | None = None, *, patience: float = deploy.PATIENCE) -> Deployed:
        """The functions of *config*, or some of them, as they run. *patience*: seconds for a tree to come to rest."""
        async with self._turn:
            wanted = list(config.functions.values() if functions is None else functions)
            deployed = await asyncio.to_thread(self._deploy, config, wanted, patience)
            for function in deployed.functions.values():
                for path in trees_of(function):  # one that nobody used of late is about to be used again
                    self._unused.pop(path.name, None)
            return deployed

    def _deploy(self, config: Config, functions: Sequence[Function], patience: float) -> Deployed:
        self._trees.excluded = deploy.excluded(config)
        of_api = {one.name for one in functions if config.owners.get(("functions", one.name)) == "api"}
        return deploy.deploy(functions, self._trees, unchecked=of_api, patience=patience)

    async def collect(self, used: Iterable[Function]) -> int:
        """Remove the trees that none of *used* has had for a while; how many."""
        async with self._turn:
            now, kept = self._clock.monotonic(), {path.name for function in used for path in trees_of(function)}
            there = await asyncio.to_thread(self._trees.names)
            self._unused = {name: self._unused.get(name, now) for name in there - kept}
            old = {name for name, since in self._unused.items() if now - since >= GRACE}
            removed = await asyncio.to_thread(self._trees.collect, there - old) if old else 0
        if removed:
            log.info("code_removed", trees=removed)
        return removed


def trees_of(function: Function) -> Collection[Path]:
    """Where the function, deployed, has its code and layers."""
    return [path for path in (function.code, function.opt, *function.layers) if path is not None]
