"""Lines that come with every invocation: rendered where they are told, and handed to the writer some at a time.

Rendered in the writer's thread they took the interpreter from the loop; kept as fields until some were rendered together, they had
left the processor's cache."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from router.telemetry.styles import Names

Fields = dict[str, str | float]
Look = Callable[[Names, Fields, float], bytes]
"""Names, fields and epoch seconds to the line with its newline."""

GATHER: Final = 0.02  # seconds a line waits at most, but for what holds up the loop
MOST: Final = 1000  # lines that wait


class DirectLines:
    """Lines yet to be handed over. add() is for the event loop's thread, flush() for any."""

    def __init__(self, look: Look, put: Callable[[bytes, int], None]) -> None:
        """*put*: takes some lines, and how many they are."""
        self._look, self._put = look, put
        self._made: deque[bytes] = deque()

    def add(self, names: Names, fields: Fields) -> None:
        """Have a line written soon; at once where no loop runs."""
        self._made.append(self._look(names, fields, time.time()))
        waiting = len(self._made)
        if waiting == 1:
            self._soon()
        elif waiting >= MOST:
            self.flush()

    def flush(self) -> None:
        """Hand over what waits."""
        lines = []
        with suppress(IndexError):
            while True:
                lines.append(self._made.popleft())
        if lines:
            self._put(b"".join(lines), len(lines))

    def _soon(self) -> None:
        try:
            asyncio.get_running_loop().call_later(GATHER, self.flush)
        except RuntimeError:  # no running loop
            self.flush()
