"""Lines handed to a small thread, so that a blocked pipe or a slow terminal never holds the event loop.

What waits is bounded; what does not fit is dropped and counted, and the count is told with the next line that does."""

import queue
import threading
import time
from collections.abc import Callable
from typing import Final

WAITING: Final = 4 * 1024 * 1024  # bytes in memory at most
_PIECE: Final = 64 * 1024  # bytes of one write, about
_GATHER: Final = 0.01  # seconds; to wake this thread for each line cost the event loop more than the line itself


Line = bytes | Callable[[], bytes]


class LineWriter:
    """Writes lines with *write* (bytes → None, may block, may raise OSError) in a thread of its own. Safe to use from any thread."""

    def __init__(self, write: Callable[[bytes], object], told: Callable[[int], bytes]) -> None:
        """*told*: how many lines were dropped → the line that says so."""
        self._write, self._told = write, told
        self._lines: queue.SimpleQueue[tuple[Line, int] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self.waiting = 0  # bytes
        self._untold = 0
        self._thread: threading.Thread | None = None
        self._closed = False
        self.dropped = 0  # lines, since the start

    def put(self, line: bytes) -> None:
        """Have *line* written soon; it ends in a newline. Never blocks, never raises."""
        self._take(line, len(line))

    def defer(self, line: Callable[[], bytes], size: int) -> None:
        """As put(), but *line* is made in the writer's thread, many at a time: a third of the cost. *size*: bytes, about."""
        self._take(line, size)

    def _take(self, line: Line, size: int) -> None:
        with self._lock:
            if self._closed or self.waiting + size > WAITING:
                self.dropped += 1
                self._untold += 1
                return
            if self._untold:
                told = self._told(self._untold)
                self._lines.put((told, len(told)))
                self._untold = 0
                self.waiting += len(told)
            self.waiting += size
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log-lines", daemon=True)
                self._thread.start()
        self._lines.put((line, size))

    def close(self, timeout: float = 1.0) -> None:
        """Write what waits, for *timeout* seconds at most; later lines are dropped."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is not None:
            self._lines.put(None)
            thread.join(timeout)

    def _run(self) -> None:
        ended = False
        while not ended:
            piece, size, ended = self._next()
            if piece:
                self._hand_over(piece, size)

    def _next(self) -> tuple[list[Line], int, bool]:
        """At least one line, and those that came within a moment of it; their size; whether close() was asked for."""
        piece: list[Line] = []
        total = 0
        while True:
            found = self._lines.get()
            if found is None:
                return piece, total, True
            if not piece and not self._closed:
                time.sleep(_GATHER)
            line, size = found
            piece.append(line)
            total += size
            if total >= _PIECE or self._lines.empty():
                return piece, total, False

    def _hand_over(self, piece: list[Line], size: int) -> None:
        try:
            self._write(b"".join([line if isinstance(line, bytes) else line() for line in piece]))
        except (OSError, ValueError):  # closed, broken pipe, full disk: a daemon goes on without its log
            with self._lock:
                self.dropped += len(piece)
                self._untold += len(piece)
        with self._lock:
            self.waiting -= size
