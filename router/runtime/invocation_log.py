"""One environment's log stream, and the tail of the running invocation for X-Amz-Log-Result."""

from collections import deque
from collections.abc import Callable
from typing import Final

from router.model import LOG_TAIL
from router.telemetry.report import LogStream

TAIL: Final = LOG_TAIL  # characters; never more than bytes


class InvocationLog:
    """Writes events to the stream and remembers the last of them."""

    def __init__(self, stream: LogStream, now: Callable[[], float]) -> None:
        self._stream, self._now = stream, now
        self._tail: deque[str] = deque()
        self._size = 0  # characters in the tail

    @property
    def name(self) -> str:
        """The stream's name."""
        return self._stream.name

    def write(self, event: str) -> None:
        """Append one event."""
        self._stream.write(event, self._now())
        self._tail.append(event)
        self._size += len(event) + 1
        if self._size > TAIL:
            self._trim()

    def begin(self) -> None:
        """A new invocation: its tail starts here."""
        self._tail.clear()
        self._size = 0

    def tail(self) -> tuple[str, ...]:
        """The last events since begin(): TAIL characters or, with their newlines, a little more."""
        return tuple(self._tail)

    def _trim(self) -> None:
        """Forget what is too old or too long for the tail."""
        while self._size - len(self._tail[0]) - 1 >= TAIL:
            self._size -= len(self._tail.popleft()) + 1
        if len(self._tail[0]) > TAIL:
            self._size -= len(self._tail[0]) - TAIL
            self._tail[0] = self._tail[0][-TAIL:]

    def close(self) -> None:
        """No more events come."""
        self._stream.close()
