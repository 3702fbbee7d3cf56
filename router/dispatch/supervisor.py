"""Keeps sources running: one that fails is started again, alone, with back-off."""

import asyncio
import random
from typing import Final

import structlog

from router.clock import Clock
from router.errors import SourceError
from router.sources.base import Outlet, Source
from router.telemetry.metrics import Metrics

log = structlog.get_logger("router.sources")

PAUSE_FIRST: Final = 0.5  # seconds
PAUSE_LIMIT: Final = 8.0  # seconds: work resumes within 10 s of a fault's end
STEADY: Final = 60.0  # seconds of running after which the back-off starts anew


class Supervisor:
    """Runs one source for as long as the daemon lives."""

    def __init__(self, source: Source, *, clock: Clock, metrics: Metrics, chance: random.Random) -> None:
        self.source, self._clock, self._chance = source, clock, chance
        self._restarts = metrics.counter("router_source_restarts_total", "Restarts of a source after a failure.", "source")
        self._failure = ""

    @property
    def name(self) -> str:
        """The source's name."""
        return self.source.name

    def health(self) -> str:
        """What is wrong with the source, in one sentence; nothing when it is well."""
        return self._failure or self.source.health()

    async def run(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """Run the source until *stop*; a failure costs this source a pause and nobody else anything."""
        failures = 0
        while not stop.is_set():
            started = self._clock.monotonic()
            try:
                self._failure = ""
                await self.source.run(outlet, stop)
            except SourceError as error:
                self._failure = str(error)
                log.warning("source_failed", source=self.name, error=self._failure)
            except Exception as error:  # a defect in one source must not end the others
                self._failure = f"{type(error).__name__}: {error}"
                log.exception("source_crashed", source=self.name)
            else:
                return  # stop was set
            failures = 1 if self._clock.monotonic() - started > STEADY else failures + 1
            self._restarts.add(self.name)
            await self._clock.wait(stop, pause(failures, self._chance.random()))


def pause(failures: int, draw: float) -> float:
    """Seconds before the n-th restart in a row; *draw* from [0, 1) spreads it over the upper half of the back-off."""
    return float(min(PAUSE_LIMIT, PAUSE_FIRST * 2 ** min(failures - 1, 10))) * (0.5 + draw / 2)
