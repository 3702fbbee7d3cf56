"""Time as a parameter, so that tests jump it instead of sleeping (tests/helpers/clock.py: VirtualClock)."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol


class Clock(Protocol):
    """Wall time for what people and AWS read, monotonic time for every duration."""

    def now(self) -> float:
        """Wall time, epoch seconds. May jump; never used for a duration."""

    def monotonic(self) -> float:
        """Seconds that only grow; comparable within one process."""

    async def sleep(self, seconds: float) -> None:
        """Return after *seconds* of monotonic time."""

    async def wait(self, event: asyncio.Event, timeout: float) -> bool:
        """Wait until *event* is set, *timeout* seconds at most; say whether it is set."""


@asynccontextmanager
async def woken(work: asyncio.Event, stop: asyncio.Event) -> AsyncIterator[None]:
    """While this lasts, *stop* sets *work* too: who waits for work hears of the end."""

    async def wake() -> None:
        await stop.wait()
        work.set()

    waker = asyncio.create_task(wake())
    try:
        yield
    finally:
        waker.cancel()
        await asyncio.wait([waker])


def steady(clock: Clock, newest: float = 0.0) -> Callable[[], float]:
    """A store's own time, epoch seconds, for any thread: it starts at the wall clock's, or at the *newest* that the store has seen where that
    is later, and no step of the wall clock moves it."""
    offset = max(clock.now(), newest) - clock.monotonic()
    return lambda: clock.monotonic() + offset


class SystemClock:
    """The machine's own clocks."""

    now = staticmethod(time.time)  # wall time, epoch seconds
    monotonic = staticmethod(time.monotonic)  # seconds

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running loop."""
        await asyncio.sleep(seconds)

    async def wait(self, event: asyncio.Event, timeout: float) -> bool:
        """Wait on the running loop."""
        try:
            async with asyncio.timeout(timeout):  # wait_for() of Python 3.11 loses a cancellation that comes with the event
                await event.wait()
        except TimeoutError:
            return event.is_set()
        return True
