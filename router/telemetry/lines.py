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


class LineWriter:
    """Writes lines with *write* (bytes → None, may block, may raise OSError) in a thread of its own. Safe to use from any thread."""

    def __init__(self, write: Callable[[bytes], object], told: Callable[[int], bytes]) -> None:
        """*told*: how many lines were dropped → the line that says so."""
        self._write, self._told = write, told
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self.waiting = 0  # bytes
        self._untold = 0
        self._thread: threading.Thread | None = None
        self._closed = False
        self.dropped = 0  # lines, since the start

    def put(self, line: bytes) -> None:
        """Have *line* written soon; it ends in a newline. Never blocks, never raises."""
        with self._lock:
            if self._closed or self.waiting + len(line) > WAITING:
                self.dropped += 1
                self._untold += 1
                return
            if self._untold:
                line = self._told(self._untold) + line
                self._untold = 0
            self.waiting += len(line)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log-lines", daemon=True)
                self._thread.start()
        self._lines.put(line)

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
            piece, ended = self._next()
            if piece:
                self._hand_over(piece)

    def _next(self) -> tuple[list[bytes], bool]:
        """At least one line, and those that came within a moment of it; whether close() was asked for."""
        piece: list[bytes] = []
        size = 0
        while True:
            line = self._lines.get()
            if line is None:
                return piece, True
            if not piece and not self._closed:
                time.sleep(_GATHER)
            piece.append(line)
            size += len(line)
            if size >= _PIECE or self._lines.empty():
                return piece, False

    def _hand_over(self, piece: list[bytes]) -> None:
        content = b"".join(piece)
        try:
            self._write(content)
        except (OSError, ValueError):  # closed, broken pipe, full disk: a daemon goes on without its log
            with self._lock:
                self.dropped += len(piece)
                self._untold += len(piece)
        with self._lock:
            self.waiting -= len(content)
