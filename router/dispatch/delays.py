"""What could not be handed over, said by target: a line now and then for all of it, however many records wait for one that is not there."""

from dataclasses import dataclass
from typing import Final

import structlog

from router.clock import Clock

log = structlog.get_logger("router.destinations")

EVERY: Final = 10.0  # seconds between two lines of one target


@dataclass(slots=True)
class _Delay:
    """Of one target."""

    count: int = 0  # tries in vain since the last line
    tries: int = 0  # most of one record
    error: str = ""
    after: float = 0.0  # monotonic time before which there is no other line


class Delays:
    """Those of one relay."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._delays: dict[tuple[str, str], _Delay] = {}  # by kind and target

    def add(self, kind: str, target: str, error: str, tries: int) -> None:
        """A record was put off, once more."""
        delay = self._delays.setdefault((kind, target), _Delay())
        delay.count, delay.tries, delay.error = delay.count + 1, max(delay.tries, tries), error

    def tell(self) -> None:
        """A line for each target of which there is something to say, the first one at once."""
        now = self._clock.monotonic()
        for (kind, target), delay in self._delays.items():
            if delay.count and now >= delay.after:
                log.warning("record_delayed", kind=kind, target=target, count=delay.count, tries=delay.tries, error=delay.error)
                delay.count, delay.tries, delay.after = 0, 0, now + EVERY

    def clear(self) -> None:
        """Nothing waits any more."""
        self._delays.clear()
