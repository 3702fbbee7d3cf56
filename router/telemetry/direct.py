"""Lines that come with every invocation: rendered where they are told, and handed to the writer some at a time.

Rendered in the writer's thread they took the interpreter from the loop; kept as fields until some were rendered together, they had
left the processor's cache."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from math import floor
from typing import Any, Final, NamedTuple, Protocol

from router.telemetry.redaction import LONGEST
from router.telemetry.styles import Names

Fields = dict[str, str | float]


Facts = tuple[Any, ...]
"""What one line tells, as its Telling knows it."""


class Telling(NamedTuple):
    """What lines of one event tell, in two spellings of the same."""

    fields: Callable[[Facts], Fields]  # texts and numbers by their keys
    json: Callable[[Facts], str]  # these as JSON, without the braces; never nothing. Raises TypeError where UTF-8 has no spelling for them


class Look(Protocol):
    """What lines look like."""

    def opening(self, names: Names, ms: int) -> str:
        """What lines of that millisecond (of the epoch) begin with, up to json(); "" where each is to be rendered from its fields."""

    def line(self, names: Names, fields: Fields, now: float) -> bytes:
        """The line of that time (epoch seconds), with its newline."""


GATHER: Final = 0.02  # seconds a line waits at most, but for what holds up the loop
MOST: Final = 1000  # lines that wait


class DirectLines:
    """Lines yet to be handed over. add() is for the event loop's thread, flush() for any."""

    def __init__(self, look: Look, put: Callable[[bytes, int], None]) -> None:
        """*put*: takes some lines, and how many they are."""
        self._look, self._put = look, put
        self._made: deque[bytes] = deque()
        self._ms, self._names, self._opening = 0, ("", "", ""), ""  # of the line before this one

    def add(self, names: Names, telling: Telling, facts: Facts) -> None:
        """Have a line written soon; at once where no loop runs."""
        now = time.time()
        ms = floor(now * 1000)  # at 0.4 times the instructions of int()
        if ms != self._ms or names is not self._names:
            self._ms, self._names, self._opening = ms, names, self._look.opening(names, ms)
        line = b""
        if self._opening:
            try:  # noqa: SIM105 - suppress() costs as much as the line
                line = f"{self._opening}{telling.json(facts)}}}\n".encode()
            except (TypeError, UnicodeEncodeError):  # half a surrogate pair
                pass
        if not 0 < len(line) <= LONGEST:  # no longer: nothing in it is
            line = self._look.line(names, telling.fields(facts), now)
        self._made.append(line)
        waiting = len(self._made)
        if waiting == 1:
            self._soon()
        elif waiting >= MOST:
            self.flush()

    def renew(self) -> None:
        """Lines look different from now on."""
        self._ms = 0

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
