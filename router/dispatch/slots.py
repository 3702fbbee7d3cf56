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


class Lane:
    """Slots that belong together: a function's reserved ones, or those that all others share."""

    __slots__ = ("capacity", "free", "name")

    def __init__(self, name: str, capacity: int) -> None:
        self.name, self.capacity = name, capacity
        self.free = capacity  # less than none while what a former config let start goes on


class Count:
    """What runs of one function."""

    __slots__ = ("function", "known", "lane", "running")

    def __init__(self, function: str, lane: Lane) -> None:
        self.function, self.lane = function, lane
        self.running = 0
        self.known = True  # it is configured; nothing new starts of others


class Slots:
    """Counts what runs. Used from the loop's thread only."""

    def __init__(self, functions: Mapping[str, Function], *, limit: int, clock: Clock) -> None:
        self._lanes: dict[str, Lane] = {}
        self._counts: dict[str, Count] = {}  # by function; also of those that are gone, until they have finished
        self._about = fairness.About()
        self._lines: dict[str, deque[Turn]] = {}  # who waits, by function; the function served last comes last. None is empty
        self._turns: deque[Turn] = deque()  # the same and those of late, in the order of their times
        self._timer: asyncio.Task[None] | None = None
        self._clock = clock
        self.on_room: Callable[[], None] | None = None  # called once, when a slot became free that nobody waits for here
        self.configure(functions, limit=limit)

    def configure(self, functions: Mapping[str, Function], *, limit: int) -> None:
        """These are the functions from now on. What runs goes on, and counts in the lane that is its function's now.

        So more may run than a lane has, until enough of it has finished; nothing new starts there before that."""
        reserved = {name: f.reserved_concurrency for name, f in functions.items() if f.reserved_concurrency is not None}
        capacities = {SHARED: limit - sum(reserved.values()), **reserved}
        self._lanes = {name: Lane(name, capacity) for name, capacity in capacities.items()}
        former = {name: count for name, count in self._counts.items() if count.running or name in self._lines}
        self._counts = {name: Count(name, self._lanes[name if name in reserved else SHARED]) for name in functions}
        for name, count in former.items():
            now = self._count(name)
            now.running = count.running
            now.lane.free -= count.running
        for lane in self._lanes.values():
            while self._lines and (turn := self._next(lane)) is not None:
                self._occupy(self._count(turn.function))
                turn.handed.set_result(True)
        self._tell()

    def room(self, function: str) -> int:
        """How many more invocations of *function* may start now; 0 for a function we do not know."""
        count = self._startable(function)
        return 0 if count is None else max(0, self._room(count))

    def _startable(self, function: str) -> Count | None:
        """What is counted of a function that we know and that nobody waits for in line."""
        count = self._counts.get(function)
        return None if count is None or not count.known or function in self._lines else count

    def _room(self, count: Count) -> int:
        """The same, whoever waits in line; may be less than none."""
        lane = count.lane
        if lane.name:
            return lane.free
        return fairness.room(lane.free, count.running, lane.capacity, self._about.count(count.function, self._clock.monotonic()))

    def total_room(self) -> int:
        """How many more invocations may start now, of whatever functions."""
        return sum(lane.free for lane in self._lanes.values() if lane.free > 0)

    def running(self, function: str) -> int:
        """How many invocations of *function* run now."""
        count = self._counts.get(function)
        return 0 if count is None else count.running

    def take(self, function: str) -> bool:
        """Take a slot if there is one."""
        count = self._counts.get(function)  # as _startable() and _occupy() do, in fewer steps: for every invocation
        if count is None or not count.known or function in self._lines or self._room(count) < 1:
            return False
        count.lane.free -= 1
        count.running += 1
        return True

    def force(self, function: str) -> None:
        """Take a slot whether there is one or not."""
        self._occupy(self._count(function))

    async def acquire(self, function: str) -> None:
        """Take a slot, waiting up to WAIT seconds for one. Raises TooManyRequests with Lambda's reason."""
        if self.take(function):
            return
        lane = self._count(function).lane
        if not lane.capacity or not await self._queue(function):
            kind = "ReservedFunction" if lane.name else ""
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

    def _count(self, function: str) -> Count:
        """What is counted of a function; one that is not configured is of the shared lane, and counted until it has finished."""
        count = self._counts.get(function)
        if count is None:
            count = self._counts[function] = Count(function, self._lanes[SHARED])
            count.known = False
        return count

    def _occupy(self, count: Count) -> None:
        count.lane.free -= 1
        count.running += 1

    def give(self, function: str) -> None:
        """Give a slot back: to who waits for one of its lane, the functions in turn and of each the longest; else to the free ones."""
        count = self._counts[function]
        count.running -= 1
        count.lane.free += 1
        if self._lines and (turn := self._next(count.lane)) is not None:
            self._occupy(self._count(turn.function))
            turn.handed.set_result(True)
            return
        if self.on_room is not None:
            self._tell()

    def _next(self, lane: Lane) -> Turn | None:
        """Who is next in a lane, no longer in line; None when nobody waits who may start."""
        for function in [lane.name] if lane.name else list(self._lines):
            line, count = self._lines.get(function), self._count(function)
            if line is None or count.lane is not lane or self._room(count) < 1:
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
        """Return once there may be more room than now. Takes on_room's place meanwhile."""
        more = asyncio.Event()
        self.on_room = more.set
        await more.wait()

    def _tell(self) -> None:
        """There is more room."""
        if self.on_room is not None:
            told, self.on_room = self.on_room, None
            told()
