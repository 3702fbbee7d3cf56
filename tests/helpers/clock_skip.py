"""Real time that a test can move on: for what waits for the kernel and for a time of its own alike."""

import asyncio
import time


class SkippingClock:
    """A Clock. The wall clock is the file system's; monotonic time is ahead of the real one by what was skipped."""

    def __init__(self) -> None:
        self._skipped = 0.0
        self._skips = asyncio.Event()
        self.waiting = 0  # who waits now

    def now(self) -> float:
        """Epoch seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Monotonic seconds."""
        return time.monotonic() + self._skipped

    def skip(self, seconds: float) -> None:
        """Have so much time have passed."""
        self._skipped += seconds
        skips, self._skips = self._skips, asyncio.Event()
        skips.set()

    async def sleep(self, seconds: float) -> None:
        """Wait *seconds*, less what is skipped meanwhile."""
        await self.wait(asyncio.Event(), seconds)

    async def wait(self, event: asyncio.Event, timeout: float) -> bool:
        """Wait for the event or for the time."""
        until = self.monotonic() + timeout
        self.waiting += 1
        try:
            while not event.is_set() and (left := until - self.monotonic()) > 0:
                waits = [asyncio.ensure_future(one.wait()) for one in (event, self._skips)]
                await asyncio.wait(waits, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                for one in waits:
                    one.cancel()
                await asyncio.gather(*waits, return_exceptions=True)
        finally:
            self.waiting -= 1
        return event.is_set()
