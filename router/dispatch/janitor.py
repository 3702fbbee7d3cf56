"""Retention: removes finished events past their time, and those beyond the store's size, in batches small enough that nobody waits for them."""

import asyncio
from typing import Final

import structlog

from router.clock import Clock
from router.config.types import Retention
from router.errors import JournalError
from router.journal.base import Journal
from router.journal.calendar import Calendar

log = structlog.get_logger("router.retention")

BATCH: Final = 500  # events a transaction
PERIOD: Final = 600.0  # seconds between rounds
BREATH: Final = 0.05  # seconds between batches, for others' writes
MB: Final = 2**20
GRAIN: Final = 2**16  # bytes: events of less together may not free a page
FOREVER: Final = float("inf")


class Janitor:
    """Forgets terminal events older than the history, and the oldest of them while the store is larger than it may be."""

    def __init__(self, journal: Journal, *, retention: Retention, clock: Clock) -> None:
        self._journal, self._clock, self._calendar = journal, clock, Calendar(clock, "events")
        self.retention = retention  # may be set anew at any time
        self._told = False  # that the store is too large and nothing is left to forget

    async def run(self, stop: asyncio.Event) -> None:
        """A round now and then until *stop* is set."""
        while not stop.is_set():
            try:
                await self._round(stop)
            except JournalError as error:
                log.warning("retention_failed", error=str(error))
            await self._clock.wait(stop, PERIOD)

    async def _round(self, stop: asyncio.Event) -> None:
        before = self._calendar.now() - self.retention.history
        forgotten, count = 0, BATCH
        while count == BATCH and not stop.is_set():
            forgotten += (count := await self._journal.forget(before=before, limit=BATCH))
            await self._clock.wait(stop, BREATH if count == BATCH else 0)
        if forgotten:
            log.info("events_forgotten", count=forgotten)
        if self.retention.size is not None:
            await self._shrink(self.retention.size * MB, stop)

    async def _shrink(self, most: int, stop: asyncio.Event) -> None:
        """Forget the events that finished first until the store takes *most* bytes."""
        forgotten = 0
        while (size := await self._journal.size()) > most and not stop.is_set():
            if not (count := await self._journal.forget(before=FOREVER, limit=BATCH, worth=max(size - most, GRAIN))):
                break
            forgotten += count
            await self._clock.wait(stop, BREATH)
        if forgotten:
            log.warning("events_forgotten_early", count=forgotten, size_mb=size // MB, limit_mb=most // MB)
        if size > most and not self._told:
            log.warning(
                "store_too_large", size_mb=size // MB, limit_mb=most // MB, reason="what is left is not finished, or not the journal's"
            )
        self._told = size > most
