"""What happens in queues while nobody calls: messages past their retention go, what is left of deleted queues too, move tasks go on."""

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from router.clock import Clock
from router.errors import JournalError
from router.queues.moves import Moves
from router.queues.store import Queues
from router.queues.units import EXPIRE_AT_ONCE

log = structlog.get_logger("router.queues")

PERIOD: Final = 60.0  # seconds between rounds of retention; a receive never hands out what is too old
LOOK: Final = 10.0  # seconds between two looks at how full queues are
BREATH: Final = 0.05  # seconds between two removals, for others' writes
FAULT_PAUSE: Final = 5.0  # seconds after a fault of the store


class Keeper:
    """Runs until the daemon stops."""

    def __init__(self, queues: Queues, moves: Moves, clock: Clock) -> None:
        self._queues, self._moves, self._clock = queues, moves, clock
        self._work = asyncio.Event()
        moves.on_start = self._work.set

    async def run(self, stop: asyncio.Event) -> None:
        """Keep house until *stop*; a task that is cut short goes on at the next start."""
        async with asyncio.TaskGroup() as group:
            duties = {"queue-retention": self._expire(), "queue-moves": self._move(), "queue-depths": self._look()}
            tasks = [group.create_task(duty, name=name) for name, duty in duties.items()]
            await stop.wait()
            for task in tasks:
                task.cancel()

    async def _expire(self) -> None:
        while True:
            try:
                for name in list(self._queues.settings):
                    while await self._queues.expire(name) == EXPIRE_AT_ONCE:
                        await self._clock.sleep(BREATH)
                await self._drop()
            except JournalError as error:
                log.warning("queue_retention_failed", error=str(error))
            await self._clock.sleep(PERIOD)

    async def _drop(self) -> None:
        """Go on with what a daemon that died, or a caller that left, had begun. One that is still served: its declaration is about to end;
        where it is served again, it was made room for (Queues.make_room)."""
        for name in await self._queues.deleted():
            if name not in self._queues.settings:
                await self._queues.drop(name, lambda: self._clock.sleep(BREATH))

    async def _look(self) -> None:
        """For metrics: they must not wait for the store."""
        while True:
            with suppress(JournalError):
                await self._queues.look()
            await self._clock.sleep(LOOK)

    async def _move(self) -> None:
        while True:
            self._work.clear()
            try:
                pause = await self._moves.step()
            except JournalError as error:
                log.warning("move_failed", error=str(error))
                pause = FAULT_PAUSE
            if pause is None:
                await self._work.wait()
            else:
                await self._clock.sleep(pause)
