"""The time that retention goes by: the wall clock's, but for one that leaps forward, which is not believed for a day.

A clock that is set wrong for a moment, by a mistaken server of time or a slip of the hand, would else have everything forgotten at
once, dead letters above all: that cannot be taken back. What is kept a day too long does no harm."""

from typing import Final

import structlog

from router.clock import Clock

log = structlog.get_logger("router.retention")

LEAP: Final = 60.0  # seconds; what is less is a correction
DOUBT: Final = 86400.0  # seconds of running


class Calendar:
    """Wall time for one kind of retention. As of its making, which is the daemon's start, the wall clock is believed."""

    def __init__(self, clock: Clock, kind: str) -> None:
        """*kind*: what is forgotten by it, for the log."""
        self._clock, self._kind = clock, kind
        self._ahead = clock.now() - clock.monotonic()  # of the monotonic clock, as last believed
        self._since: float | None = None  # monotonic; since when the wall clock has been further ahead

    def now(self) -> float:
        """Epoch seconds."""
        wall, monotonic = self._clock.now(), self._clock.monotonic()
        leap = wall - monotonic - self._ahead
        if leap >= LEAP and self._since is None:
            self._since = monotonic
            log.warning("clock_leapt", kind=self._kind, leap_s=round(leap), doubted_s=DOUBT)
        if leap >= LEAP and self._since is not None and monotonic - self._since < DOUBT:
            return monotonic + self._ahead
        self._ahead, self._since = wall - monotonic, None
        return wall
