"""What wakes the schedules: a seam as narrow as one method, because what is due is decided elsewhere.

ClockTimer waits on the house's Clock, whatever it is; the machine's wall clock is kept by APScheduler (wake.py)."""

import asyncio
from typing import Final, Protocol

from router.clock import Clock, SystemClock

HEARTBEAT: Final = 30.0  # seconds of monotonic time: after a step of the wall clock nobody sleeps longer than this


class Timer(Protocol):
    """Wakes one waiter."""

    async def wait(self, at: float | None, stop: asyncio.Event) -> None:
        """Return when wall time reaches *at* (epoch seconds), when *stop* is set, or after HEARTBEAT seconds.

        May return early: whoever waits looks at the clock and waits again."""

    async def close(self) -> None:
        """Let go of what keeps time; nobody waits any more."""


class ClockTimer:
    """Waits on a Clock's monotonic time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def wait(self, at: float | None, stop: asyncio.Event) -> None:
        """Wait for as long as the wall clock says now."""
        seconds = HEARTBEAT if at is None else min(HEARTBEAT, at - self._clock.now())
        await self._clock.wait(stop, max(0.0, seconds))

    async def close(self) -> None:
        """Nothing is held."""


def timer_for(clock: Clock) -> Timer:
    """The timer that keeps the time of *clock*."""
    if not isinstance(clock, SystemClock):
        return ClockTimer(clock)
    from router.sources.wake import SchedulerTimer  # noqa: PLC0415 - APScheduler costs 95 ms of import

    return SchedulerTimer()
