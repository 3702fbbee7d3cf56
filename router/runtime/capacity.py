"""How many environments there may be, and which idle ones end for a new one. Pure.

limits.concurrency bounds how many there are besides one idle environment a function, which is spared: else a function that is
called now and then would be cold each time, because another one is busy. Of those too there are no more than limits.concurrency.
limits.memory bounds what all are promised together: each counts with its function's `memory`, whatever it uses now, because it may
come to use it. One that is ending counts until it is gone."""

from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

from router.config.types import Limits

T = TypeVar("T")


class Idle(NamedTuple, Generic[T]):
    """An environment that may go."""

    environment: T
    size: int  # MB
    only: bool = False  # the only idle one of its function, or its most recently used


class Capacity:
    """What is held. Sizes are MB. An environment goes through claim (or not), hold, leave, gone; in that order."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._here, self._here_mb = 0, 0  # environments, those that are ending included
        self._leaving, self._leaving_mb = 0, 0
        self._claims, self._claims_mb = 0, 0  # of callers for whom others are ending

    def _most(self, spared: int) -> int:
        """How many environments there may be when *spared* functions have an idle one."""
        return self._limits.concurrency + min(spared, self._limits.concurrency)

    def limit(self, limits: Limits) -> None:
        """These are the limits from now on, whatever is here."""
        self._limits = limits

    def victims(self, idle: Iterable[Idle[T]], need: int, spared: int) -> list[T] | None:
        """Which of *idle* end so that *need* fits once they and all that is ending are gone; [] when it fits as it is.

        *idle*: those that may go, the ones first that are missed least. Those are taken, less the ones without which it fits too.
        None: it does not fit whoever goes, so nobody does. *spared*: how many functions have an idle one."""
        count = self._here - self._leaving + self._claims + 1 - self._most(spared)  # over the limit
        bound = self._limits.memory
        memory = 0 if bound is None else self._here_mb - self._leaving_mb + self._claims_mb + need - bound
        beyond = max(0, spared - self._limits.concurrency)  # functions whose only one is not spared
        chosen: list[tuple[T, int, bool]] = []  # with the memory that it gives
        onlys = 0  # of those chosen; the number gains by the first so many as are not spared
        for environment, size, only in idle:
            if count <= 0 and memory <= 0:
                break
            gives, room = not only or onlys < beyond, 0 if bound is None else size
            if (gives and count > 0) or (room and memory > 0):
                chosen.append((environment, room, only))
                count, memory, onlys = count - gives, memory - room, onlys + only
        if count > 0 or memory > 0:
            return None
        ending = []
        for environment, room, only in reversed(chosen):
            gives = not only or onlys <= beyond
            if count + gives <= 0 and memory + room <= 0:
                count, memory, onlys = count + gives, memory + room, onlys - only
            else:
                ending.append(environment)
        return ending[::-1]

    def fits(self, need: int, spared: int) -> bool:
        """Whether *need* fits now, beside all that is here."""
        return self._here < self._most(spared) and (self._limits.memory is None or self._here_mb + need <= self._limits.memory)

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
