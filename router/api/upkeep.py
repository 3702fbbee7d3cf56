"""What is done for code while the daemon serves: what nothing needs any more goes."""

import asyncio
from typing import Final

import structlog

from router.api.reload import Reloader
from router.clock import Clock

log: Final = structlog.get_logger("router.functions")

PERIOD: Final = 60.0  # seconds between two removals


class Upkeep:
    """Runs until the daemon stops."""

    def __init__(self, reloader: Reloader, clock: Clock) -> None:
        self._reloader, self._clock = reloader, clock

    async def run(self, stop: asyncio.Event) -> None:
        """Look again and again until *stop*."""
        while not stop.is_set():
            try:
                await self._reloader.collect()
            except OSError as error:
                log.warning("code_not_removed", error=str(error))
            await self._clock.wait(stop, PERIOD)
