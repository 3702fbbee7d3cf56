"""One timer for the deadlines of all environments: setting one costs a dictionary entry, not a task."""

import asyncio
import math
from collections.abc import Collection
from typing import Final, Protocol

from router.clock import Clock
from router.runtime.sandbox_watch import Watched

_IDLE: Final = 3600.0  # seconds of sleep when nothing is due
_STALL: Final = 1.0  # seconds; a wake-up this late means that the daemon itself stood still
_GRACE: Final = 1.0  # seconds that overdue environments then get to hand over what they have finished meanwhile


class Expires(Protocol):
    """What has a deadline, and is looked at while it has one."""

    def watched(self) -> tuple[Watched, ...]:
        """Who is looked at meanwhile: see sandbox_watch.py."""

    def expired(self) -> None:
        """Its time is up."""


class Deadlines:
    """Deadlines in monotonic seconds of the clock, one for each holder."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: dict[Expires, float] = {}
        self._next = math.inf  # when the timer wakes up
        self._sooner = asyncio.Event()
        self.busy = asyncio.Event()  # set while there are any

    def set(self, holder: Expires, at: float) -> None:
        """Have *holder* expire at *at*, unless cleared before."""
        if not self._due:
            self.busy.set()
        self._due[holder] = at
        if at < self._next:
            self._next = at
            self._sooner.set()

    def clear(self, holder: Expires) -> None:
        """Not any more."""
        self._due.pop(holder, None)
        if not self._due:
            self.busy.clear()

    def running(self) -> Collection[tuple[Expires, float]]:
        """Those that have one, each with it: they run, or initialise. For each invocation it is another one."""
        return self._due.items()

    async def run(self) -> None:
        """Call expired() of what is due; until cancelled."""
        while True:
            self._expire(self._clock.monotonic())
            self._next = min(self._due.values(), default=math.inf)
            self._sooner.clear()
            await self._clock.wait(self._sooner, max(0.0, min(self._next - self._clock.monotonic(), _IDLE)))

    def _expire(self, now: float) -> None:
        stalled = now - self._next > _STALL
        for holder, at in list(self._due.items()):
            if at > now:
                continue
            if stalled:
                self._due[holder] = now + _GRACE
            else:
                self.clear(holder)
                holder.expired()
