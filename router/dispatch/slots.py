"""Slots: how many invocations may run at once, in all and for one function.

Reserved concurrency is taken out of the whole and belongs to its function alone, as a cap and as a guarantee;
the others share the rest. Source: AWS Lambda developer guide, "Configuring reserved concurrency"."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from router.clock import Clock
from router.config.types import Function
from router.errors import TooManyRequests

SHARED: Final = ""  # the lane of all functions without reserved concurrency


class Slots:
    """Counts what runs. Used from the loop's thread only."""

    def __init__(self, functions: Mapping[str, Function], *, limit: int, clock: Clock) -> None:
        reserved = {name: f.reserved_concurrency for name, f in functions.items() if f.reserved_concurrency is not None}
        self._lane = {name: name if name in reserved else SHARED for name in functions}
        self._free = {SHARED: limit - sum(reserved.values()), **reserved}
        self._capacity = dict(self._free)
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._running: dict[str, int] = dict.fromkeys(functions, 0)
        self._clock = clock
        self._given = asyncio.Event()
        self.on_room: Callable[[], None] = lambda: None  # called when a slot became free that nobody waits for here

    def room(self, function: str) -> int:
        """How many more invocations of *function* may start now; 0 for a function we do not know."""
        lane = self._lane.get(function)
        return 0 if lane is None or self._waiting.get(lane) else self._free[lane]

    def total_room(self) -> int:
        """How many more invocations may start now, of whatever functions."""
        return sum(self._free.values())

    def running(self, function: str) -> int:
        """How many invocations of *function* run now."""
        return self._running.get(function, 0)

    def take(self, function: str) -> bool:
        """Take a slot if there is one."""
        if self.room(function) < 1:
            return False
        self._occupy(function)
        return True

    async def acquire(self, function: str, *, wait: float) -> None:
        """Take a slot, waiting up to *wait* seconds for one. Raises TooManyRequests with Lambda's reason."""
        if self.take(function):
            return
        lane = self._lane[function]
        if self._capacity[lane] > 0 and wait > 0 and await self._queue(lane, wait):
            self._running[function] += 1
            return
        raise TooManyRequests(
            "ConcurrentInvocationLimitExceeded" if lane == SHARED else "ReservedFunctionConcurrentInvocationLimitExceeded",
        )

    async def _queue(self, lane: str, wait: float) -> bool:
        """Stand in line for a slot of the lane; a slot handed over is ours already."""
        turn = asyncio.Event()
        handed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        handed.add_done_callback(lambda _: turn.set())
        line = self._waiting.setdefault(lane, deque())
        line.append(handed)
        try:
            await self._clock.wait(turn, wait)
        except asyncio.CancelledError:
            if handed.done() and not handed.cancelled():
                self._hand_on(lane)
            raise
        finally:
            if not handed.done():
                line.remove(handed)
                handed.cancel()
            if not line:
                self._waiting.pop(lane, None)
        return not handed.cancelled()

    def _occupy(self, function: str) -> None:
        self._free[self._lane[function]] -= 1
        self._running[function] += 1

    def give(self, function: str) -> None:
        """Give a slot back: to who waits longest for its lane, else to the free ones."""
        self._running[function] -= 1
        self._hand_on(self._lane[function])

    def _hand_on(self, lane: str) -> None:
        line = self._waiting.get(lane)
        while line:
            handed = line.popleft()
            if not handed.done():
                handed.set_result(None)
                return
        self._free[lane] += 1
        self._given.set()
        self.on_room()

    async def given(self) -> None:
        """Return once a slot was given back since the last call."""
        await self._given.wait()
        self._given.clear()
