"""Provisioned concurrency: environments that are initialised before anybody asks, and again whenever one is lost. And snapshots.

Source: AWS Lambda developer guide, "Configuring provisioned concurrency"."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import structlog

from router.clock import Clock
from router.config.types import Function
from router.errors import RouterError, TooManyRequests
from router.runtime import backoff

log: Final = structlog.get_logger(__name__)


class _Wanted:
    """One function's provisioned environments."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.look = asyncio.Event()  # something may be missing
        self.settled = asyncio.Event()  # all were ready once, or an init has failed
        self.task: asyncio.Task[None] | None = None


class Provisioner:
    """Keeps as many environments of each wanted function as its provisioned_concurrency says."""

    def __init__(self, warm: Callable[[Function], Awaitable[str]], have: Callable[[Function], int], clock: Clock) -> None:
        """*warm*: make one ready, "" or why it is not; *have*: how many there are, those that are being made included."""
        self._warm, self._have, self._clock = warm, have, clock
        self._wanted: dict[str, _Wanted] = {}

    def want(self, functions: Iterable[Function]) -> None:
        """These are the functions from now on; one that is provisioned as before is left alone."""
        wanted = {function.qualified: function for function in functions if _number(function)}
        for key, old in list(self._wanted.items()):
            if wanted.get(key) != old.function:
                del self._wanted[key]
                _cancel(old)
        for key, function in wanted.items():
            if key not in self._wanted:
                new = self._wanted[key] = _Wanted(function)
                new.task = asyncio.create_task(self._keep(new), name=f"provision-{key}")

    def wants(self, function: Function) -> bool:
        """Whether environments of exactly this function are kept."""
        wanted = self._wanted.get(function.qualified)
        return wanted is not None and wanted.function == function

    def nudge(self, key: str) -> None:
        """An environment of this function (Function.qualified) is no more, or there is room again."""
        wanted = self._wanted.get(key)
        if wanted is not None:
            wanted.look.set()

    async def settled(self, wait: float) -> bool:
        """Wait until each function's were all ready once or one failed, *wait* seconds at most; whether that is so."""
        until = self._clock.monotonic() + wait
        for wanted in list(self._wanted.values()):
            await self._clock.wait(wanted.settled, max(0.0, until - self._clock.monotonic()))
        return not self.problems()

    def problems(self) -> list[str]:
        """Functions whose first environments are still on their way, a sentence each."""
        return [
            f"function {key}: {_told(wanted.function)} initialised yet"
            for key, wanted in self._wanted.items()
            if not wanted.settled.is_set()
        ]

    async def close(self) -> None:
        """Make no more."""
        tasks = [wanted.task for wanted in self._wanted.values() if wanted.task]
        for wanted in self._wanted.values():
            _cancel(wanted)
        self._wanted.clear()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, wanted: _Wanted) -> None:
        """Until cancelled."""
        function, failures = wanted.function, 0
        while True:
            wanted.look.clear()
            missing = _number(function) - self._have(function)
            if missing < 1:
                wanted.settled.set()
                await wanted.look.wait()
                continue
            several = 1 if failures else missing  # a function that does not initialise starts few processes
            wrong = [why for why in await asyncio.gather(*(self._try(function) for _ in range(several))) if why]
            if not wrong:
                failures = 0
                continue
            failures += 1
            wanted.settled.set()
            if failures == 1:
                log.error("provisioning_failed", function=function.name, missing=missing, error=wrong[0])
            await self._clock.sleep(max(1.0, backoff.delay(failures)))

    async def _try(self, function: Function) -> str:
        try:
            return await self._warm(function)
        except TooManyRequests:
            return "no room within limits.concurrency and limits.memory"
        except RouterError as error:
            return str(error)


def _number(function: Function) -> int:
    """How many environments are wanted; or one snapshot, from which any number is had at once."""
    return function.provisioned_concurrency or int(function.snap_start)


def _told(function: Function) -> str:
    many = function.provisioned_concurrency
    return f"not all of its {many} provisioned environments are" if many else "what its snapshot is taken of is not"


def _cancel(wanted: _Wanted) -> None:
    if wanted.task is not None:
        wanted.task.cancel()
