"""Retention: removes finished events past their time, in batches small enough that nobody waits for them."""

import asyncio
from typing import Final

import structlog

from router.clock import Clock
from router.errors import JournalError
from router.journal.base import Journal

log = structlog.get_logger("router.retention")

BATCH: Final = 500  # events a transaction
PERIOD: Final = 600.0  # seconds between rounds
BREATH: Final = 0.05  # seconds between batches, for others' writes


class Janitor:
    """Forgets terminal events older than *history* seconds."""

    def __init__(self, journal: Journal, *, history: float, clock: Clock) -> None:
        self._journal, self._history, self._clock = journal, history, clock

    async def run(self, stop: asyncio.Event) -> None:
        """A round now and then until *stop* is set."""
        while not stop.is_set():
            try:
                await self._round(stop)
            except JournalError as error:
                log.warning("retention_failed", error=str(error))
            await self._clock.wait(stop, PERIOD)

    async def _round(self, stop: asyncio.Event) -> None:
        before = self._clock.now() - self._history
        forgotten = 0
        while not stop.is_set():
            count = await self._journal.forget(before=before, limit=BATCH)
            forgotten += count
            if count < BATCH:
                break
            await self._clock.wait(stop, BREATH)
        if forgotten:
            log.info("events_forgotten", count=forgotten)
