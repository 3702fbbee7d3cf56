"""How many environments there may be, and which idle ones end for a new one. Pure.

limits.concurrency bounds their number, limits.memory what they are promised together: each counts with its function's `memory`,
whatever it uses now, because it may come to use it. One that is ending counts until it is gone."""

from collections.abc import Iterable
from typing import TypeVar

from router.config.types import Limits

T = TypeVar("T")


class Capacity:
    """What is held. Sizes are MB. An environment goes through claim (or not), hold, leave, gone; in that order."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._here, self._here_mb = 0, 0  # environments, those that are ending included
        self._leaving, self._leaving_mb = 0, 0
        self._claims, self._claims_mb = 0, 0  # of callers for whom others are ending

    def victims(self, idle: Iterable[tuple[T, int]], need: int) -> list[T] | None:
        """Which of *idle* end so that *need* fits once they and all that is ending are gone; [] when it fits as it is.

        *idle*: those that may go, with their sizes, the least recently used first. Those are taken, less the ones without which
        it fits too. None: it does not fit whoever goes, so nobody does."""
        count = self._here - self._leaving + self._claims + 1 - self._limits.concurrency  # over the limit
        memory = 0 if self._limits.memory is None else self._here_mb - self._leaving_mb + self._claims_mb + need - self._limits.memory
        chosen: list[tuple[T, int]] = []
        for environment, size in idle:
            if count <= 0 and memory <= 0:
                break
            chosen.append((environment, size))
            count, memory = count - 1, memory - size if self._limits.memory is not None else 0
        if count > 0 or memory > 0:
            return None
        ending = []
        for environment, size in reversed(chosen):
            if count < 0 and (self._limits.memory is None or memory + size <= 0):
                count, memory = count + 1, memory + size if self._limits.memory is not None else 0
            else:
                ending.append(environment)
        return ending[::-1]

    def fits(self, need: int) -> bool:
        """Whether *need* fits now, beside all that is here."""
        return self._here < self._limits.concurrency and (self._limits.memory is None or self._here_mb + need <= self._limits.memory)

    def claim(self, need: int) -> None:
        """Somebody waits for room that is on its way: nobody else gets it."""
        self._claims += 1
        self._claims_mb += need

    def release(self, need: int) -> None:
        """A claim is over: the room is taken, or not wanted any more."""
        self._claims -= 1
        self._claims_mb -= need

    def hold(self, size: int) -> None:
        """An environment is made."""
        self._here += 1
        self._here_mb += size

    def leave(self, size: int) -> None:
        """It is ending."""
        self._leaving += 1
        self._leaving_mb += size

    def gone(self, size: int) -> None:
        """It has ended."""
        self._leaving -= 1
        self._leaving_mb -= size
        self._here -= 1
        self._here_mb -= size
