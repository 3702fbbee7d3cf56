"""Room for environments: who waits for it, and for how long. What fits is decided in capacity.py."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from router.clock import Clock
from router.config.types import Function, Limits
from router.errors import EnvironmentUnavailable, TooManyRequests
from router.runtime.base import Environment
from router.runtime.capacity import Capacity
from router.runtime.shelf import Shelf

CLOSED: Final = "the daemon is shutting down"


class Wanted:
    """Somebody's place among those for whom there is no room."""

    __slots__ = ("claimed", "environment", "need", "news", "own")

    def __init__(self, need: int, own: Function | None) -> None:
        """*need*: MB; *own*: the function whose idle environment would do as well."""
        self.need, self.own = need, own
        self.environment: Environment | None = None  # such a one, handed over
        self.claimed = False  # the room is theirs as soon as others are gone
        self.news = asyncio.Event()


class Room:
    """The room that limits.concurrency and limits.memory leave."""

    def __init__(
        self,
        limits: Limits,
        shelf: Shelf,
        clock: Clock,
        *,
        evict: Callable[[Iterable[Environment]], None],
        put_back: Callable[[Environment], None],
    ) -> None:
        """*evict*: ends idle ones; *put_back*: takes one that was for somebody who has left."""
        self._shelf, self._clock, self._evict, self._put_back = shelf, clock, evict, put_back
        self._capacity = Capacity(limits)
        self._leaving = 0
        self.waiting: list[Wanted] = []  # in the order in which they came, and are served
        self._clearing: set[asyncio.Event] = set()  # who has it as soon as others are gone
        self.closed = False

    def limit(self, limits: Limits) -> None:
        """These are the limits from now on."""
        self._capacity.limit(limits)
        self._tell()

    def victims(self, need: int) -> list[Environment] | None:
        """Which idle ones end for one of *need* MB; see Capacity."""
        return self._capacity.victims(self._shelf.evictable(), need, self._shelf.spared())

    async def wait(self, need: int, own: Function | None, until: float) -> Environment | None:
        """Wait for room: an idle environment of *own* that was there first, or None: there is room, which cleared() gives.

        Raises TooManyRequests at *until* (monotonic), EnvironmentUnavailable when closed."""
        wanted, left = Wanted(need, own), until - self._clock.monotonic()
        self.waiting.append(wanted)
        try:
            if left > 0:
                await self._clock.wait(wanted.news, left)
        except BaseException:
            self._pass_on(wanted)
            raise
        finally:
            if wanted in self.waiting:
                self.waiting.remove(wanted)
        if wanted.environment is not None or wanted.claimed:
            return wanted.environment
        if self.closed:
            raise EnvironmentUnavailable(CLOSED)
        raise TooManyRequests("ConcurrentInvocationLimitExceeded")

    def _pass_on(self, wanted: Wanted) -> None:
        """Somebody has left who may have been served."""
        if wanted.environment is not None:
            self._put_back(wanted.environment)
        if wanted.claimed:
            self._capacity.release(wanted.need)
            self._tell()

    def serve(self, idle: Environment | None = None) -> None:
        """Give what there is by now to those who wait for it, in the order in which they came. *idle*: became so, and is on the shelf."""
        for wanted in tuple(self.waiting):
            if idle is not None and wanted.own == idle.function and idle in self._shelf:
                self._shelf.remove(idle)
                wanted.environment = idle
                self._told(wanted)
                return  # there is nothing else for those behind
            if (victims := self.victims(wanted.need)) is not None:
                self._capacity.claim(wanted.need)  # nobody who comes now gets it
                wanted.claimed = True
                self._evict(victims)
                self._told(wanted)

    def _told(self, wanted: Wanted) -> None:
        self.waiting.remove(wanted)
        wanted.news.set()

    async def cleared(self, need: int, *, claimed: bool) -> None:
        """Wait until what is ending has left enough; meanwhile nobody else gets it. *claimed*: by wait(). Raises EnvironmentUnavailable.

        To be followed by hold() in the same turn of the loop: until then it is nobody's."""
        if claimed or not self._fits(need):
            if not claimed:
                self._capacity.claim(need)
            try:
                while self._leaving and not self._fits(need) and not self.closed:
                    await self._news()
            except BaseException:
                self._capacity.release(need)
                self._tell()
                raise
            self._capacity.release(need)
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
        self._tell()

    def close(self) -> None:
        """There is no more."""
        self.closed = True
        for wanted in self.waiting:
            wanted.news.set()
        self._tell()

    def _tell(self) -> None:
        """Something changed: an environment is gone, or not wanted any more."""
        for event in self._clearing:
            event.set()
        if not self.closed:
            self.serve()

    def _fits(self, need: int) -> bool:
        return self._capacity.fits(need, self._shelf.spared())

    async def _news(self) -> None:
        news = asyncio.Event()
        self._clearing.add(news)
        try:
            await news.wait()
        finally:
            self._clearing.discard(news)
