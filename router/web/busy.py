"""How long a thread had something to do."""

import os
import time
from contextlib import suppress
from typing import Final

_WAITS: Final = "/proc/thread-self/schedstat"  # proc(5): nanoseconds on a processor and waiting for one, time slices


class Busy:
    """Of the thread that makes it. Who asks a thread's processor time alone takes one that has to wait for a processor for an idle one."""

    def __init__(self) -> None:
        self._waits = -1
        with suppress(OSError):  # no such file: the processor time alone
            self._waits = os.open(_WAITS, os.O_RDONLY | os.O_CLOEXEC)

    def seconds(self) -> float:
        """For which it ran, or could have run and another did."""
        ran = time.thread_time()  # the file's first number lags behind by a tick
        with suppress(OSError, IndexError, ValueError):
            return ran + int(os.pread(self._waits, 80, 0).split()[1]) / 1e9
        return ran

    def close(self) -> None:
        """Not asked any more."""
        if self._waits >= 0:
            os.close(self._waits)
            self._waits = -1
