"""Log groups that a test can read."""

import json
import time

from router import names


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

    def write_spelled(self, messages: tuple[str, ...], at: float) -> None:
        """Remember what they spell."""
        for message in messages:
            self.write(json.loads(f'"{message}"'), at)

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
