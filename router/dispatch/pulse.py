"""How late the loop comes round: whoever blocks it is heard of, though nothing fails of it."""

import asyncio
from typing import Final

import structlog

from router.clock import Clock
from router.telemetry.metrics import Metrics

log = structlog.get_logger("router.pulse")

BEAT: Final = 0.5  # seconds
BLOCKED: Final = 1.0  # seconds late that are worth a line


class Pulse:
    """Runs until the daemon stops."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._lag = metrics.histogram("router_loop_lag_seconds", "How much later than asked for the event loop woke.")

    async def run(self, stop: asyncio.Event) -> None:
        """Measure until *stop* is set."""
        while not stop.is_set():
            due = self._clock.monotonic() + BEAT
            await self._clock.wait(stop, BEAT)
            late = self._clock.monotonic() - due
            if late < 0:  # stopped
                return
            self._lag.observe(late)
            if late > BLOCKED:
                log.warning("loop_blocked", late_s=round(late, 3))
