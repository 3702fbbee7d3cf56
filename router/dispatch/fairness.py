"""Who may start when slots are short, so that one function that floods keeps no other waiting. Pure; time is a parameter.

Functions without reserved concurrency share their slots. As long as several of them are about, one slot in HEADROOM is kept from
those that run more than an equal share of them: a function that wakes up finds it free, and leaves it free again soon. A function
that is alone may have all. Lambda has nothing of the kind, its answer is reserved concurrency: here that stays the way to have more
than this."""

from typing import Final

HEADROOM: Final = 8  # one slot in so many
RECENT: Final = 60.0  # seconds for which a function that asked for a slot is about
NOTED: Final = 1.0  # seconds for which it is not noted again


def room(free: int, running: int, capacity: int, about: int) -> int:
    """How many more a function may start that runs *running*, with *free* of *capacity* slots free and *about* functions about."""
    if about < 2:
        return free
    share = max(1, capacity // about)
    return max(min(free, share - running), free - capacity // HEADROOM, 0)


class About:
    """Which functions have asked for a slot of late. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}  # in the order of their times

    def count(self, function: str, now: float) -> int:
        """Note that *function* asks at *now*; how many have of late, itself included."""
        last = self._last
        if now - last.get(function, -RECENT) < NOTED:
            return len(last)
        last.pop(function, None)
        last[function] = now
        while last[first := next(iter(last))] < now - RECENT:
            del last[first]
        return len(last)
