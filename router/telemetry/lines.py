"""Lines handed to a small thread, so that a blocked pipe or a slow terminal never holds the event loop.

What waits is bounded; what does not fit is dropped and counted, and the count is told with the next line that does."""

import queue
import threading
import time
from collections.abc import Callable
from typing import Final

WAITING: Final = 4 * 1024 * 1024  # bytes in memory at most
_PIECE: Final = 64 * 1024  # bytes of one write, about
_GATHERED: Final = 4 * 1024  # bytes that came together already
_GATHER: Final = 0.01  # seconds; to wake this thread for each line cost the event loop more than the line itself


class LineWriter:
    """Writes lines with *write* (bytes → None, may block, may raise OSError) in a thread of its own. Safe to use from any thread."""

    def __init__(self, write: Callable[[bytes], object], told: Callable[[int], bytes]) -> None:
        """*told*: how many lines were dropped → the line that says so."""
        self._write, self._told = write, told
        self._lines: queue.SimpleQueue[tuple[bytes, int] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self.waiting = 0  # bytes
        self._untold = 0
        self._thread: threading.Thread | None = None
        self._closed = False
        self.dropped = 0  # lines, since the start

    def put(self, line: bytes, count: int = 1) -> None:
        """Have *line* written soon; it ends in a newline. *count*: how many lines it is. Never blocks, never raises."""
        with self._lock:
            if self._closed or self.waiting + len(line) > WAITING:
                self.dropped += count
                self._untold += count
                return
            if self._untold:
                told = self._told(self._untold)
                self._lines.put((told, 1))
                self._untold = 0
                self.waiting += len(told)
            self.waiting += len(line)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log-lines", daemon=True)
                self._thread.start()
        self._lines.put((line, count))

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
            piece, count, ended = self._next()
            if piece:
                self._hand_over(b"".join(piece), count)

    def _next(self) -> tuple[list[bytes], int, bool]:
        """At least one line, and those that came within a moment of it; how many; whether close() was asked for."""
        piece: list[bytes] = []
        size = total = 0
        while True:
            found = self._lines.get()
            if found is None:
                return piece, total, True
            line, count = found
            if not piece and len(line) < _GATHERED and not self._closed:
                time.sleep(_GATHER)
            piece.append(line)
            size += len(line)
            total += count
            if size >= _PIECE or self._lines.empty():
                return piece, total, False

    def _hand_over(self, piece: bytes, count: int) -> None:
        try:
            self._write(piece)
        except (OSError, ValueError):  # closed, broken pipe, full disk: a daemon goes on without its log
            with self._lock:
                self.dropped += count
                self._untold += count
        with self._lock:
            self.waiting -= len(piece)
