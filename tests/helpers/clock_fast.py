"""Real time, run faster: what takes minutes in a daemon takes seconds in a fault test."""

import asyncio
import time


class FastClock:
    """A Clock whose seconds are *factor* times shorter; wall time starts at *base*, so it goes on across restarts."""

    def __init__(self, base: float, factor: float) -> None:
        self._base, self._factor = base, factor

    def now(self) -> float:
        """Wall time, epoch seconds."""
        return self._base + (time.time() - self._base) * self._factor

    def monotonic(self) -> float:
        """Monotonic time, seconds."""
        return time.monotonic() * self._factor

    async def sleep(self, seconds: float) -> None:
        """Sleep for the shortened time."""
        await asyncio.sleep(seconds / self._factor)

    async def wait(self, event: asyncio.Event, timeout: float) -> bool:
        """Wait for the shortened time."""
        try:
            async with asyncio.timeout(timeout / self._factor):  # as SystemClock: wait_for() of Python 3.11 loses a cancellation
                await event.wait()
        except TimeoutError:
            return event.is_set()
        return True
