"""The environments that there are, from their making until they are gone: which are out of date, and which are on their way out."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from typing import Final

from router.clock import Clock
from router.config.types import Function
from router.iam.sessions import LIFETIME
from router.runtime.base import Environment
from router.runtime.room import Room
from router.runtime.shelf import Shelf
from router.telemetry.metrics import Labels

OLDEST: Final = LIFETIME * 3 / 4  # seconds of the wall clock: an environment ends hours before the credentials in its variables do


class Roster:
    """Enters environments and ends them; one counts until its processes are gone."""

    def __init__(self, shelf: Shelf, room: Room, clock: Clock, on_gone: Callable[[str], None]) -> None:
        """*shelf*: where the idle ones are; *on_gone*: called with the Function.qualified of one that is gone."""
        self._shelf, self._room, self._clock, self._on_gone = shelf, room, clock, on_gone
        self._made: dict[Environment, float] = {}  # all there are, and when each was made, epoch seconds
        self._closing: dict[Environment, asyncio.Task[None]] = {}
        self.stale: set[Environment] = set()  # busy ones whose function has changed

    def __iter__(self) -> Iterator[Environment]:
        """All, also those on their way out."""
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    @property
    def closing(self) -> Collection[Environment]:
        """Those on their way out."""
        return self._closing.keys()

    def enter(self, environment: Environment) -> None:
        """It was made."""
        self._made[environment] = self._clock.now()
        self._room.hold(environment)

    def retire(self, environment: Environment) -> None:
        """Close it in the background; it counts until it is gone."""
        if environment in self._closing or environment not in self._made:
            return
        if environment in self._shelf:
            self._shelf.remove(environment)
        self.stale.discard(environment)
        self._room.leave(environment)
        self._closing[environment] = asyncio.create_task(self._close(environment), name="environment-close")

    def retire_when_idle(self, environment: Environment) -> None:
        """Close it now, or after what it runs."""
        if environment in self._shelf:
            self.retire(environment)
        else:
            self.stale.add(environment)

    def retire_of(self, function: str) -> None:
        """The same of all environments of a function (Function.qualified)."""
        for environment in [one for one in self._made if one.function.qualified == function]:
            self.retire_when_idle(environment)

    def retire_old(self) -> None:
        """The same of those that have had their time."""
        now = self._clock.now()
        for environment in [one for one, made in self._made.items() if now - made > OLDEST]:
            self.retire_when_idle(environment)

    def counts(self) -> dict[Labels, float]:
        """(function's name, "idle" or "busy") → how many."""
        counts: dict[Labels, float] = {}
        for environment in self._made:
            name = environment.function.name
            state = "idle" if environment in self._shelf else "busy"
            counts.setdefault((name, "idle"), 0)
            counts.setdefault((name, "busy"), 0)
            counts[name, state] += 1
        return counts

    def functions(self) -> list[Function]:
        """The function of each."""
        return [environment.function for environment in self._made]

    async def close(self) -> None:
        """Retire all, return when they are gone."""
        for environment in list(self._made):
            self.retire(environment)
        if self._closing:
            await asyncio.wait(self._closing.values())

    async def _close(self, environment: Environment) -> None:
        try:
            await environment.close()
        finally:
            self._made.pop(environment, None)
            self.stale.discard(environment)
            del self._closing[environment]
            self._on_gone(environment.function.qualified)
            self._room.gone(environment)
