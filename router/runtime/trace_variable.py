"""_X_AMZN_TRACE_ID in a worker's environment: another value for every invocation, in one piece of memory.

The C library's setenv() keeps every value that a variable ever had, about a hundred bytes an invocation for ever; putenv()
takes our own memory, which may be written to (POSIX). Standard library only; runs in the worker."""

import ctypes
import os
from typing import Final

NAME: Final = "_X_AMZN_TRACE_ID"
ROOM: Final = 4096  # bytes of NAME=VALUE; a header that is longer goes the usual way
_libc: Final = ctypes.CDLL(None)


class TraceVariable:
    """The variable, as os.environ and as child processes see it."""

    def __init__(self) -> None:
        self._key = NAME.encode()
        self._start = self._key + b"="
        self._held = ctypes.create_string_buffer(self._start, ROOM)  # lives as long as this: the environment points to it
        self._last = b""  # what os.environ holds, as long as nobody else has set the variable

    def set(self, value: str) -> None:
        """Set it; "" unsets it."""
        data = value.encode("utf-8", "replace")
        seen = getattr(os.environ, "_data", None)  # a function may have put something else there
        if not value:
            os.environ.pop(NAME, None)
        elif len(self._start) + len(data) >= ROOM or b"\0" in data or not isinstance(seen, dict):
            os.environ[NAME] = value
        else:
            self._held.value = self._start + data  # and a NUL behind it
            if seen.get(self._key) is not self._last:
                _libc.putenv(self._held)
            seen[self._key] = self._last = data
