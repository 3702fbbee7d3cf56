"""Log groups that a test can read."""

import time

from router import names
from router.telemetry.logfiles import decoded


class MemoryStream:
    """A LogStream that remembers."""

    def __init__(self, function: str, version: str = names.LATEST) -> None:
        self.function = function
        self.name = names.log_stream(time.time(), version)
        self.messages: list[str] = []
        self.closed = False

    def write(self, message: str, at: float) -> None:
        """Remember the message."""
        assert not self.closed
        assert at > 0
        self.messages.append(message)

    def add(self, lines: bytes, events: int) -> None:
        """Remember what they spell."""
        found = [decoded(line) for line in lines.splitlines(keepends=True)]
        assert len(found) == events
        for event in found:
            assert event is not None
            self.write(event[1], event[0])

    def close(self) -> None:
        """No more."""
        self.closed = True


class MemoryLogs:
    """A LogStore that remembers."""

    def __init__(self) -> None:
        self.streams: list[MemoryStream] = []

    def stream(self, function: str, version: str = names.LATEST, group: str = "") -> MemoryStream:
        """A fresh stream."""
        stream = MemoryStream(function, version)
        self.streams.append(stream)
        return stream

    def of(self, function: str) -> list[str]:
        """All messages of a function."""
        return [message for stream in self.streams if stream.function == function for message in stream.messages]
