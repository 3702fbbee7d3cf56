"""Lines that come with every invocation: rendered some at a time, and handed to the writer for a moment together.

Rendered one by one, each between other work, they cost twice as much, as they do when so many wait that they have left the
processor's cache; rendered in the writer's thread they took the interpreter from the loop."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

Fields = dict[str, str | float]

GATHER: Final = 0.01  # seconds a line waits at most, but for what holds up the loop
TOGETHER: Final = 16  # lines rendered at a time
PIECE: Final = 64  # times that, before they are handed over


class DirectLines:
    """Lines yet to be handed over. add() is for the event loop's thread, flush() for any."""

    def __init__(self, look: Callable[[Fields, float], bytes], put: Callable[[bytes, int], None]) -> None:
        """*look*: fields and epoch seconds to a line with its newline; *put*: takes some lines, and how many they are."""
        self._look, self._put = look, put
        self._held: deque[tuple[Fields, Sequence[str], Sequence[str | float | None], float]] = deque()
        self._made: deque[list[bytes]] = deque()

    def add(self, names: Fields, keys: Sequence[str], values: Sequence[str | float | None]) -> None:
        """Have a line written soon; at once where no loop runs. *names*: what it begins with; *values*: those that are None are left out."""
        self._held.append((names, keys, values, time.time()))
        waiting = len(self._held)
        if waiting == 1 and not self._made:
            self._soon()
        elif waiting >= TOGETHER:
            self._render()
            if len(self._made) >= PIECE:
                self.flush()

    def flush(self) -> None:
        """Hand over what waits."""
        self._render()
        lines = []
        with suppress(IndexError):
            while True:
                lines += self._made.popleft()
        if lines:
            self._put(b"".join(lines), len(lines))

    def _render(self) -> None:
        lines = []
        with suppress(IndexError):
            while True:
                names, keys, values, at = self._held.popleft()
                told = {key: value for key, value in zip(keys, values, strict=True) if value is not None}
                lines.append(self._look({**names, **told}, at))
        if lines:
            self._made.append(lines)

    def _soon(self) -> None:
        try:
            asyncio.get_running_loop().call_later(GATHER, self.flush)
        except RuntimeError:  # no running loop
            self.flush()
