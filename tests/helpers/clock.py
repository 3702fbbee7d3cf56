"""Time that moves only when a test says so."""

import asyncio
import heapq
import itertools


class VirtualClock:
    """A Clock whose sleepers wake when advance() passes their time. Wall and monotonic time move together unless set apart."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self._wall = now
        self._monotonic = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> float:
        """Wall time, epoch seconds."""
        return self._wall

    def monotonic(self) -> float:
        """Monotonic time, seconds."""
        return self._monotonic

    def jump(self, seconds: float) -> None:
        """Step the wall clock alone, as an operator or NTP would."""
        self._wall += seconds

    async def sleep(self, seconds: float) -> None:
        """Wait for advance() to pass the time."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic + seconds, next(self._order), woken))
        await woken

    async def wait(self, event: asyncio.Event, timeout: float) -> bool:
        """Wait for the event or for advance() to pass the time."""
        setting = asyncio.ensure_future(event.wait())
        timer = asyncio.ensure_future(self.sleep(timeout))
        try:
            await asyncio.wait({setting, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            setting.cancel()
            timer.cancel()
            await asyncio.gather(setting, timer, return_exceptions=True)
        return event.is_set()

    async def advance(self, seconds: float) -> None:
        """Move time on, waking sleepers in the order of their times and letting each run before the next."""
        goal = self._monotonic + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= goal:
            due, _, woken = heapq.heappop(self._sleepers)
            self._wall += max(0.0, due - self._monotonic)
            self._monotonic = max(due, self._monotonic)
            if not woken.done():
                woken.set_result(None)
                await settle()
        self._wall += goal - self._monotonic
        self._monotonic = goal
        await settle()

    @property
    def sleepers(self) -> int:
        """How many sleep now."""
        return sum(not woken.done() for _, _, woken in self._sleepers)


async def settle(turns: int = 20) -> None:
    """Give the loop a few turns, so that what is ready runs."""
    for _ in range(turns):
        await asyncio.sleep(0)
