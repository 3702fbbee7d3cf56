"""A process that runs one environment, as the daemon knows it."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from router.runtime.endings import Exit


@dataclass(slots=True)
class Worker:
    """A process that runs one environment."""

    number: int
    exited: asyncio.Future[Exit]
    on_exit: Callable[[Exit], None]
    pid: int = 0
    handle: int = -1  # pidfd
    listens: bool = False  # its Runtime API has a listener in a network of its own
    on_exceeded: Callable[[], None] = lambda: None  # it has more memory than it may, says who looks at forks
    listener: int = -1  # of its Runtime API, when it has a network of its own; whoever takes it closes it
    endpoint: int = -1  # in that network, of the AWS endpoint; the same

    def end(self, exit_: Exit) -> None:
        """Note the end, once."""
        for descriptor in (self.handle, self.take_listener(), self.take_endpoint()):
            if descriptor >= 0:
                os.close(descriptor)
        self.handle = -1
        if not self.exited.done():
            self.exited.set_result(exit_)
            self.on_exit(exit_)

    def take_listener(self) -> int:
        """The listener of its Runtime API, from now on the caller's to close; -1 without one."""
        listener, self.listener = self.listener, -1
        return listener

    def take_endpoint(self) -> int:
        """The listener of the AWS endpoint, from now on the caller's to close; -1 without one."""
        endpoint, self.endpoint = self.endpoint, -1
        return endpoint

    def signal(self, number: int) -> None:
        """Send a signal to this very process, if it is still there."""
        if self.handle >= 0:
            with suppress(OSError):
                signal.pidfd_send_signal(self.handle, number)
