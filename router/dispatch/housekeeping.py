"""What a daemon does for itself while it serves: signs of life for systemd, an eye on the store's file, old logs away."""

import asyncio
from typing import Final

import structlog

from router.clock import Clock
from router.errors import JournalError, StoreFull
from router.journal.calendar import Calendar
from router.journal.database import Database
from router.telemetry.logs import LogStore
from router.telemetry.systemd import ServiceManager

log = structlog.get_logger("router.housekeeping")

LOOK: Final = 3.0  # seconds between looks at the store's file: a deleted one is noticed within 5 s
LOGS: Final = 600.0  # seconds between rounds of log retention


class Housekeeping:
    """Runs until the daemon stops."""

    def __init__(self, database: Database, logs: LogStore, manager: ServiceManager, *, clock: Clock, retention: float) -> None:
        self._database, self._logs, self._manager, self._clock, self.retention = database, logs, manager, clock, retention
        self._calendar = Calendar(clock, "logs")

    async def run(self, stop: asyncio.Event) -> None:
        """Keep house until *stop* is set."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look(stop), name="store-look")
            group.create_task(self._expire_logs(stop), name="log-retention")
            if self._manager.watchdog:
                group.create_task(self._feed_watchdog(stop), name="watchdog")

    async def _feed_watchdog(self, stop: asyncio.Event) -> None:
        """A sign of life only when the loop came round to it and the store took a synced write, or said that there is no space for one:
        a restart would free none, and run again what waits in memory to be recorded."""
        full = False
        while not stop.is_set():
            try:
                await self._database.ping()
            except StoreFull as error:
                self._manager.notify("WATCHDOG=1")
                if not full:
                    log.error("store_full", error=str(error))
                full = True
            except JournalError as error:
                log.error("watchdog_unfed", error=str(error))
            else:
                self._manager.notify("WATCHDOG=1")
                full = False
            await self._clock.wait(stop, self._manager.watchdog)

    async def _look(self, stop: asyncio.Event) -> None:
        """Say once when the store's file was deleted or replaced under us, and once when it is well again."""
        well = True
        while not stop.is_set():
            try:
                await self._database.check()
            except JournalError as error:
                if well:
                    log.error("store_lost", error=str(error))
                well = False
            else:
                well = True
            await self._clock.wait(stop, LOOK)

    async def _expire_logs(self, stop: asyncio.Event) -> None:
        """Remove logs past their retention."""
        while not stop.is_set():
            now = self._calendar.now()
            removed = await self._logs.expire(now - self.retention, now=now)
            if removed:
                log.info("logs_expired", files=removed)
            await self._clock.wait(stop, LOGS)
