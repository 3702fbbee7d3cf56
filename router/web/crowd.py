"""How many requests are under way before others wait: as few as keep the loop busy. Pure; times are parameters.

Where the loop has no time to spare, requests come no sooner to their end for being under way: each is in an environment of its own, which
finds the processor's caches cold when many take turns. Where it has, because handlers wait for something else, more of them begin. A loop
that waits for a processor has none: while it counted as idle then, a bound grew, more environments wanted processors, the loop waited
longer, and the bound grew further. One that was idle once may have had nothing to do because all environments stood in line for a processor
that something else kept for a millisecond or two: twice as many then, and new ones started for them, only made that line longer."""

from math import inf
from typing import Final

SPAN: Final = 0.005  # seconds of a generation; who runs for longer than one or two of them counts no more
LEAST: Final = 12  # of a bound
MOST: Final = 512  # likewise
BUSY: Final = 0.97  # of the time that passes: the loop has none to spare


class Crowd:
    """Counts requests that began of late and go on, in generations. The bound is finite only while some have to wait."""

    __slots__ = ("_former", "_idle", "_latter", "_since", "_spent", "bound", "generation", "pressed", "young")

    def __init__(self) -> None:
        self.bound = inf  # of *young*: as long as it is reached the next one waits
        self.young = 0  # under way, of this generation and the one before it
        self.generation = 0
        self.pressed = False  # somebody had to wait in this one
        self._former = self._latter = 0  # what is young, by generation
        self._idle = False  # the loop had time to spare in the generation before this one
        self._since = self._spent = 0.0  # at the beginning of this one: monotonic seconds and busy ones

    def enter(self) -> int:
        """A request begins; what to say when it ends."""
        self.young += 1
        self._latter += 1
        return self.generation

    def leave(self, generation: int) -> None:
        """It has ended."""
        if generation == self.generation:
            self._latter -= 1
        elif generation == self.generation - 1:
            self._former -= 1
        else:
            return
        self.young -= 1

    def watch(self, now: float, spent: float) -> None:
        """Somebody waits, for the first time in a while. *spent*: seconds for which the loop's thread was busy (busy.py)."""
        self._since, self._spent = now, spent
        self._idle = False
        self.pressed = True

    def age(self, now: float, spent: float) -> None:
        """A SPAN has passed: another generation begins, with a bound from what the loop did meanwhile."""
        idle = spent - self._spent < BUSY * (now - self._since)
        if not self.pressed:
            self.bound = inf
        elif not idle:
            self.bound = max(LEAST, min(self.bound, self.young) * 7 // 8)
        elif self.bound < MOST:
            self.bound = 2 * self.bound if self._idle else self.bound * 8 // 7 + 1
        else:
            self.bound = inf
        self._idle = idle
        self._former, self._latter = self._latter, 0
        self.young = self._former
        self.generation += 1
        self._since, self._spent, self.pressed = now, spent, False
