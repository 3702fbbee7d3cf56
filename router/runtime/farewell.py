"""A process is told of its end before it is killed, if it listens.

On AWS a function with a registered extension gets SIGTERM and 500 ms, any other is killed at once. Here whoever handles
SIGTERM gets them; asking the kernel who does spares all others the wait."""

import asyncio
import os
import signal
from typing import Final

from router.runtime.launcher import Launcher
from router.runtime.worker import Worker

GRACE: Final = 0.5  # seconds between SIGTERM and SIGKILL: Lambda developer guide, "Shutdown phase"


async def bid(worker: Worker, launcher: Launcher) -> None:
    """Give the idle *worker* its chance to end by itself."""
    if not worker.exited.done() and (not launcher.KNOWS or listens(status(worker.pid), signal.SIGTERM)):
        launcher.terminate(worker)
        await asyncio.wait([worker.exited], timeout=GRACE)


def status(pid: int) -> bytes:
    """/proc/PID/status; b"" when it is gone."""
    try:
        file = os.open(f"/proc/{pid}/status", os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(file, 8192)
    except OSError:
        return b""
    finally:
        os.close(file)


def listens(text: bytes, number: int) -> bool:
    """Whether the process of this /proc/PID/status has a handler for the signal."""
    _, found, rest = text.partition(b"\nSigCgt:")
    try:
        return bool(found) and bool(int(rest.split(None, 1)[0], 16) >> (number - 1) & 1)
    except (ValueError, IndexError):
        return False
