"""Slots: how many invocations may run at once, in all and for one function.

Reserved concurrency is taken out of the whole and belongs to its function alone, as a cap and as a guarantee;
the others share the rest, fairly (fairness.py). Source: AWS Lambda developer guide, "Configuring reserved concurrency"."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from router.clock import Clock
from router.config.types import Function
from router.dispatch import fairness
from router.errors import TooManyRequests

SHARED: Final = ""  # the lane of all functions without reserved concurrency
WAIT: Final = 1.0  # seconds that an invocation waits in line for a slot before it is throttled


class Turn:
    """Somebody's place in the line: awaited, it says whether a slot came in time."""

    __slots__ = ("due", "function", "handed")

    def __init__(self, function: str, due: float) -> None:
        self.function, self.due = function, due
        self.handed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()


class Slots:
    """Counts what runs. Used from the loop's thread only."""

    def __init__(self, functions: Mapping[str, Function], *, limit: int, clock: Clock) -> None:
        self._lane: dict[str, str] = {}
        self._free: dict[str, int] = {}
        self._capacity: dict[str, int] = {}
        self._about = fairness.About()
        self._lines: dict[str, deque[Turn]] = {}  # who waits, by function; the function served last comes last. None is empty
        self._turns: deque[Turn] = deque()  # the same and those of late, in the order of their times
        self._timer: asyncio.Task[None] | None = None
        self._running: dict[str, int] = {}  # also of functions that are gone, until they have finished
        self._clock = clock
        self._given = asyncio.Event()
        self.on_room: Callable[[], None] = lambda: None  # called when a slot became free that nobody waits for here
        self.configure(functions, limit=limit)

    def configure(self, functions: Mapping[str, Function], *, limit: int) -> None:
        """These are the functions from now on. What runs goes on, and counts in the lane that is its function's now.

        So more may run than a lane has, until enough of it has finished; nothing new starts there before that."""
        reserved = {name: f.reserved_concurrency for name, f in functions.items() if f.reserved_concurrency is not None}
        self._lane = {name: name if name in reserved else SHARED for name in functions}
        self._capacity = {SHARED: limit - sum(reserved.values()), **reserved}
        there = dict.fromkeys((*functions, *self._lines, *(name for name, count in self._running.items() if count)), 0)
        self._running = there | {name: self._running[name] for name in there if name in self._running}
        self._free = dict(self._capacity)
        for name, count in self._running.items():
            self._free[self._lane.get(name, SHARED)] -= count
        for lane in self._free:
            while self._lines and (turn := self._next(lane)) is not None:
                self._occupy(turn.function)
                turn.handed.set_result(True)
        self._given.set()
        self.on_room()

    def room(self, function: str) -> int:
        """How many more invocations of *function* may start now; 0 for a function we do not know."""
        lane = self._lane.get(function)
        return 0 if lane is None or function in self._lines else self._room(function, lane)

    def _room(self, function: str, lane: str) -> int:
        """The same, whoever waits in line."""
        free = max(0, self._free[lane])  # less than none while what a former config let start goes on
        if lane != SHARED:
            return free
        about = self._about.count(function, self._clock.monotonic())
        return fairness.room(free, self._running.get(function, 0), self._capacity[SHARED], about)

    def total_room(self) -> int:
        """How many more invocations may start now, of whatever functions."""
        return sum(free for free in self._free.values() if free > 0)

    def running(self, function: str) -> int:
        """How many invocations of *function* run now."""
        return self._running.get(function, 0)

    def take(self, function: str) -> bool:
        """Take a slot if there is one."""
        if self.room(function) < 1:
            return False
        self._occupy(function)
        return True

    def force(self, function: str) -> None:
        """Take a slot whether there is one or not."""
        self._occupy(function)

    async def acquire(self, function: str) -> None:
        """Take a slot, waiting up to WAIT seconds for one. Raises TooManyRequests with Lambda's reason."""
        if self.take(function):
            return
        lane = self._lane.get(function, SHARED)
        if not self._capacity[lane] or not await self._queue(function):
            kind = "" if lane == SHARED else "ReservedFunction"
            raise TooManyRequests(f"{kind}ConcurrentInvocationLimitExceeded")

    async def _queue(self, function: str) -> bool:
        """Stand in line; whether a slot was handed over, which is taken then."""
        turn = Turn(function, self._clock.monotonic() + WAIT)
        self._lines.setdefault(function, deque()).append(turn)
        self._turns.append(turn)
        if self._timer is None:
            self._timer = asyncio.create_task(self._expire(), name="slots")
        try:
            return await turn.handed
        except asyncio.CancelledError:
            if turn.handed.cancelled():
                self._leave(turn)
            elif turn.handed.result():
                self.give(function)
            raise

    async def _expire(self) -> None:
        """End the turns of those who have waited for too long: one timer for all, for a task each would cost more than most invocations."""
        while self._turns:
            await self._clock.sleep(max(0.0, self._turns[0].due - self._clock.monotonic()))
            now = self._clock.monotonic()
            while self._turns and self._turns[0].due <= now:
                turn = self._turns.popleft()
                if not turn.handed.done():
                    self._leave(turn)
                    turn.handed.set_result(False)
        self._timer = None

    def _leave(self, turn: Turn) -> None:
        line = self._lines.get(turn.function, deque())
        if turn in line:
            line.remove(turn)
            if not line:
                del self._lines[turn.function]

    def _occupy(self, function: str) -> None:
        self._free[self._lane.get(function, SHARED)] -= 1
        self._running[function] = self._running.get(function, 0) + 1

    def give(self, function: str) -> None:
        """Give a slot back: to who waits for one of its lane, the functions in turn and of each the longest; else to the free ones."""
        lane = self._lane.get(function, SHARED)
        self._running[function] -= 1
        self._free[lane] += 1
        if self._lines and (turn := self._next(lane)) is not None:
            self._occupy(turn.function)
            turn.handed.set_result(True)
            return
        self._given.set()
        self.on_room()

    def _next(self, lane: str) -> Turn | None:
        """Who is next in a lane, no longer in line; None when nobody waits who may start."""
        for function in [lane] if lane != SHARED else list(self._lines):
            line = self._lines.get(function)
            if line is None or self._lane.get(function, SHARED) != lane or self._room(function, lane) < 1:
                continue
            del self._lines[function]
            turn = line.popleft()
            while turn.handed.done() and line:  # cancelled, and not yet gone
                turn = line.popleft()
            if line:
                self._lines[function] = line
            if not turn.handed.done():
                return turn
        return None

    async def given(self) -> None:
        """Return once a slot was given back since the last call."""
        await self._given.wait()
        self._given.clear()
