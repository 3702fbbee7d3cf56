"""Room for environments: who waits for it, and for how long. What fits is decided in capacity.py."""

import asyncio
from typing import Final

from router.clock import Clock
from router.config.types import Limits
from router.errors import EnvironmentUnavailable, TooManyRequests
from router.runtime.base import Environment
from router.runtime.capacity import Capacity
from router.runtime.shelf import Shelf

CLOSED: Final = "the daemon is shutting down"


class Room:
    """The room that limits.concurrency and limits.memory leave."""

    def __init__(self, limits: Limits, shelf: Shelf, clock: Clock) -> None:
        self._shelf, self._clock = shelf, clock
        self._capacity = Capacity(limits)
        self._leaving = 0
        self.waiting: set[asyncio.Event] = set()  # who waits for it: they come first when an environment is idle
        self.closed = False

    def limit(self, limits: Limits) -> None:
        """These are the limits from now on."""
        self._capacity.limit(limits)
        self.tell()

    def victims(self, need: int) -> list[Environment] | None:
        """Which idle ones end for one of *need* MB; see Capacity."""
        return self._capacity.victims(self._shelf.evictable(), need, self._shelf.spared())

    async def changed(self, until: float) -> None:
        """Return when there may be more. Raises TooManyRequests at *until* (monotonic), EnvironmentUnavailable when closed."""
        left = until - self._clock.monotonic()
        if left <= 0 or not await self._told(left):
            raise TooManyRequests("ConcurrentInvocationLimitExceeded")
        if self.closed:
            raise EnvironmentUnavailable(CLOSED)

    async def cleared(self, need: int) -> None:
        """Wait until what is ending has left enough; meanwhile nobody else gets it. Raises EnvironmentUnavailable."""
        if not self._fits(need):
            self._capacity.claim(need)
            try:
                while self._leaving and not self._fits(need) and not self.closed:
                    await self._told(None)
            finally:
                self._capacity.release(need)
                self.tell()
        if self.closed:
            raise EnvironmentUnavailable(CLOSED)

    def hold(self, environment: Environment) -> None:
        """It is made."""
        self._capacity.hold(environment.function.memory)

    def leave(self, environment: Environment) -> None:
        """It is ending."""
        self._leaving += 1
        self._capacity.leave(environment.function.memory)

    def gone(self, environment: Environment) -> None:
        """It has ended."""
        self._leaving -= 1
        self._capacity.gone(environment.function.memory)
        self.tell()

    def tell(self) -> None:
        """Something changed: an environment is idle, or gone, or not wanted any more."""
        for event in self.waiting:
            event.set()

    def close(self) -> None:
        """There is no more."""
        self.closed = True
        self.tell()

    def _fits(self, need: int) -> bool:
        return self._capacity.fits(need, self._shelf.spared())

    async def _told(self, wait: float | None) -> bool:
        news = asyncio.Event()
        self.waiting.add(news)
        try:
            return await self._clock.wait(news, wait) if wait is not None else await news.wait()
        finally:
            self.waiting.discard(news)
