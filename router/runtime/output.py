"""A function's output bytes as log events: bounded, whatever is written. Pure; time is a parameter.

One event per line. A record of the worker's logging handler arrives as one line, in which the environment's *separator*
stands for its newlines. Nothing in the text is ever a control record: a function that prints REPORT printed REPORT.
Bounds: LINE_LIMIT per event (the rest of a longer line is dropped), an allowance of lines and bytes per second."""

from collections.abc import Callable
from typing import Final

LINE_LIMIT: Final = 256 * 1024  # bytes; CloudWatch's classic bound of one event
LINES: Final = (20_000.0, 5_000.0)  # burst, then per second
BYTES: Final = (4.0 * 1024 * 1024, 1024.0 * 1024)


class Allowance:
    """A token bucket."""

    def __init__(self, burst: float, rate: float) -> None:
        self._burst, self._rate = burst, rate
        self._left, self._at = burst, 0.0

    def left(self, now: float) -> float:
        """What may be taken now."""
        self._left = min(self._burst, self._left + max(0.0, now - self._at) * self._rate)
        self._at = now
        return self._left

    def take(self, amount: float) -> None:
        """Take it; the last take may overdraw."""
        self._left -= amount


class Lines:
    """Chunks in, log events out. Holds LINE_LIMIT bytes at most."""

    def __init__(
        self,
        separator: bytes,
        on_dropped: Callable[[int], None] = lambda _: None,
        *,
        lines: tuple[float, float] = LINES,
        size: tuple[float, float] = BYTES,
    ) -> None:
        """*on_dropped*: told of bytes that become no event."""
        self._separator, self._on_dropped = separator, on_dropped
        self._lines, self._bytes = Allowance(*lines), Allowance(*size)
        self._held = bytearray()  # the unfinished line
        self._cut = 0  # bytes dropped from the unfinished line
        self._lost_lines = 0
        self._lost_bytes = 0

    def feed(self, chunk: bytes, now: float) -> list[str]:
        """The events that *chunk* completes. *now*: monotonic seconds."""
        last = chunk.rfind(b"\n")
        if last < 0:
            self._hold(chunk)
            return []
        if not self._may(now):
            self._lose(chunk.count(b"\n"), last + 1 + len(self._held) + self._cut)
            self._held.clear()
            self._cut = 0
            self._hold(chunk[last + 1 :])
            return []
        first, *rest = chunk[:last].split(b"\n")
        self._hold(first)
        events = self._lost()
        events.append(self._finish())
        for at, line in enumerate(rest):
            if not self._may(now):
                self._lose(len(rest) - at, sum(map(len, rest[at:])) + len(rest) - at)
                break
            self._take(len(line))
            events.append(self._text(line[:LINE_LIMIT], max(0, len(line) - LINE_LIMIT)))
        self._hold(chunk[last + 1 :])
        return events

    def flush(self) -> list[str]:
        """The end of an invocation: the unfinished line, and what was lost, as events."""
        events = [self._finish()] if self._held else []
        if self._lost_bytes:
            events += self._lost()
        return events

    def _may(self, now: float) -> bool:
        return self._lines.left(now) >= 1 and self._bytes.left(now) >= 1

    def _take(self, size: int) -> None:
        self._lines.take(1)
        self._bytes.take(size)

    def _hold(self, part: bytes) -> None:
        room = LINE_LIMIT - len(self._held)
        self._held += part[:room]
        self._cut += max(0, len(part) - room)

    def _finish(self) -> str:
        self._take(len(self._held))
        event = self._text(bytes(self._held), self._cut)
        self._held = bytearray()
        self._cut = 0
        return event

    def _text(self, line: bytes, cut: int) -> str:
        text = line.replace(self._separator, b"\n").decode("utf-8", "backslashreplace")
        if not cut:
            return text
        self._on_dropped(cut)
        return f"{text} [truncated: {cut} more bytes]"

    def _lose(self, lines: int, size: int) -> None:
        self._lost_lines += lines
        self._lost_bytes += size
        self._on_dropped(size)

    def _lost(self) -> list[str]:
        if not self._lost_bytes:
            return []
        text = f"[dropped: {self._lost_lines} lines, {self._lost_bytes} bytes, over the allowance of {LINES[1]:.0f} lines and {BYTES[1]:.0f} bytes a second]"
        self._lost_lines = self._lost_bytes = 0
        return [text]
