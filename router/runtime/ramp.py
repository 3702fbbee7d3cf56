"""How many environments of one function may be starting at once. Pure.

A start keeps a processor busy for a hundred invocations' time: more of them at once than there are processors to run them end no sooner,
and hold up what could run meanwhile in the environments that are ready. So a few start, and then the next few. An init or a handler
that waits for something is another matter: once nothing has ended for a while, those that run no longer count, and twice as many may start.
Where there is no room for another one, nobody else tries for a moment: what becomes idle comes sooner."""

from typing import Final

DOUBLINGS: Final = 16


class Ramp:
    """The starts of one function: invocations that began in a new environment."""

    __slots__ = ("_doublings", "_epoch", "_few", "_starting", "blocked", "moved")

    def __init__(self, few: int) -> None:
        """*few*: how many may start at once."""
        self._few = few
        self._starting = 0  # those that count
        self._epoch = 0  # since the last time that they ceased to
        self._doublings = 0
        self.moved = True  # whether anything ended since this was last set to False
        self.blocked = False  # there was no room for one

    @property
    def full(self) -> bool:
        """Whether another start had better wait."""
        return self.blocked or self._starting >= self._few << self._doublings

    def begin(self) -> int:
        """One starts; what end() is to be told."""
        self._starting += 1
        return self._epoch

    def end(self, epoch: int) -> None:
        """The first invocation of one that started has ended."""
        if epoch == self._epoch:
            self._starting -= 1
        self.move()

    def move(self) -> None:
        """An environment became idle."""
        self.moved, self._doublings = True, 0

    def stalled(self) -> None:
        """Nothing ended for a while."""
        self._epoch += 1
        self._starting = 0
        self._doublings = min(self._doublings + 1, DOUBLINGS)
