"""The timer of the machine's wall clock: one APScheduler job, for the earliest of all schedules.

APScheduler keeps time here and computes none: its cron trigger loses and doubles runs at clock changes, and a job for
each schedule costs 330 µs to add and 1 ms to fire. Imported only when a daemon runs (timer.py): it imports APScheduler."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from router.sources.timer import HEARTBEAT


class Beat(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Keeps the job alive between wakes: due again a heartbeat from now, unless wait() sets it earlier."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:  # noqa: ARG002 - APScheduler's signature
        """A heartbeat from *now*."""
        return now + timedelta(seconds=HEARTBEAT)


class SchedulerTimer:
    """Waits on an AsyncIOScheduler of its own, started by the first wait."""

    def __init__(self) -> None:
        self._scheduler: Any = None
        self._job: Any = None
        self._rung = asyncio.Event()

    async def wait(self, at: float | None, stop: asyncio.Event) -> None:
        """Have the job fire at *at*; wait for it, for *stop*, or for a heartbeat of monotonic time."""
        if self._scheduler is None:
            self._start()
        self._rung.clear()
        if at is not None:
            self._job.modify(next_run_time=datetime.fromtimestamp(at, UTC))
        waits = [asyncio.ensure_future(self._rung.wait()), asyncio.ensure_future(stop.wait())]
        try:
            await asyncio.wait(waits, timeout=HEARTBEAT, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def close(self) -> None:
        """Shut the scheduler down; the next wait starts another."""
        scheduler, self._scheduler, self._job = self._scheduler, None, None
        if scheduler is not None:
            scheduler.shutdown(wait=False)
            await asyncio.sleep(0)  # it shuts down in a callback of the loop

    def _start(self) -> None:
        logging.getLogger("apscheduler").setLevel(logging.WARNING)  # it tells of every wake
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._scheduler.start()
        # never late by its own judgement, never merged, never refused: what is due is decided by the agenda
        self._job = self._scheduler.add_job(self._ring, Beat(), misfire_grace_time=None, coalesce=True, max_instances=1000)

    async def _ring(self) -> None:
        self._rung.set()
