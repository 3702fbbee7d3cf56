"""Who would have to start an environment waits for a moment where several start already: for one of them, or for the turn to start (ramp.py)."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from router.clock import Clock
from router.errors import EnvironmentUnavailable
from router.runtime.base import Environment
from router.runtime.ramp import Ramp

PATIENCE: Final = 0.01  # seconds between two looks whether a function that has somebody waiting moves at all: what two starts take


class Way(Ramp):
    """One function's starts, and who waits for one."""

    __slots__ = ("line",)

    def __init__(self, few: int) -> None:
        super().__init__(few)
        self.line: deque[asyncio.Future[Environment | int]] = deque()


class Starts:
    """Of all functions. Used from the loop's thread only."""

    def __init__(self, clock: Clock, few: int, put_back: Callable[[Environment], None]) -> None:
        """*few*: how many environments of a function may start at once; *put_back*: takes one that was for somebody who has left."""
        self._clock, self._few, self._put_back = clock, few, put_back
        self._ways: dict[str, Way] = {}  # by function and version
        self.held: set[Way] = set()  # those with a line, and of late
        self._watcher: asyncio.Task[None] | None = None

    async def turn(self, key: str) -> Environment | int:
        """Wait for the function's next idle environment, or for the turn to start one: then the ticket for ended().

        Raises EnvironmentUnavailable when all is over."""
        way = self._ways.get(key)
        if way is None:
            way = self._ways[key] = Way(self._few)
        if way not in self.held:
            way.blocked = False  # by somebody, some time ago
        if not way.full and not way.line:
            return way.begin()
        turn: asyncio.Future[Environment | int] = asyncio.get_running_loop().create_future()
        if not way.line:
            way.moved = True  # a whole interval counts, not the rest of one
            self.held.add(way)
        way.line.append(turn)
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._watch(), name="environment-starts")
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with suppress(ValueError):
                    way.line.remove(turn)
            elif turn.exception() is None:
                self._pass_on(key, turn.result())
            raise

    def ended(self, key: str, ticket: int) -> None:
        """What began with this ticket has ended."""
        way = self._ways[key]
        way.end(ticket)
        self._admit(way)

    def hand_over(self, key: str, environment: Environment) -> bool:
        """Give an idle environment to who waits longest for one; False when nobody does."""
        way = self._ways.get(key)
        while way is not None and way.line:
            turn = way.line.popleft()
            if not turn.done():
                way.move()
                turn.set_result(environment)
                return True
        return False

    def block(self, key: str) -> None:
        """There is no room for one that has its turn to start: those in line wait for what becomes idle."""
        if (way := self._ways.get(key)) is not None:
            way.blocked = True

    def close(self) -> None:
        """All is over."""
        for way in self.held:
            for turn in way.line:
                if not turn.done():
                    turn.set_exception(EnvironmentUnavailable("the daemon is shutting down"))
            way.line.clear()

    def _pass_on(self, key: str, turn: Environment | int) -> None:
        if isinstance(turn, int):
            self.ended(key, turn)
        else:
            self._put_back(turn)

    def _admit(self, way: Way) -> None:
        while way.line and not way.full:
            turn = way.line.popleft()
            if not turn.done():
                turn.set_result(way.begin())

    async def _watch(self) -> None:
        """Let those start whose function does not move; for as long as anybody waits."""
        while self.held:
            await self._clock.sleep(PATIENCE)
            for way in [*self.held]:
                if not way.moved:
                    way.stalled()
                way.moved = way.blocked = False
                self._admit(way)
                if not way.line:
                    self.held.discard(way)
        self._watcher = None
