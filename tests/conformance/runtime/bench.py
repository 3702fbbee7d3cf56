"""One sample of a runtime and a pool that serves it; and what is seen of its processes from outside."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from router import names
from router.config.types import Function
from router.dispatch.flow import Flow
from router.errors import EnvironmentUnavailable
from router.model import Outcome, Stream
from router.runtime import processes
from router.runtime.base import Invocation
from router.runtime.lifecycle import State
from router.runtime.pool import WarmPool
from router.telemetry.metrics import Metrics
from tests.conformance.samples import Sample
from tests.helpers.logs import MemoryLogs


class Bench:
    """A pool over one sample's files."""

    def __init__(self, pool: WarmPool, logs: MemoryLogs, metrics: Metrics, code: Path, sample: Sample) -> None:
        self.pool, self.logs, self.metrics, self.code, self.sample = pool, logs, metrics, code, sample

    def function(self, handler: str, **rest: Any) -> Function:
        """A function of app, named after its handler."""
        return self.other(handler, f"app.{handler}", **rest)

    def other(self, name: str, handler: str, **rest: Any) -> Function:
        """A function with any handler."""
        command = (*self.sample.command, handler) if self.sample.command else ()
        given = {"name": name, "code": self.code, "handler": handler, "runtime": self.sample.runtime, "timeout": 5.0, "command": command}
        return Function(**(given | rest))

    async def run(self, handler: str | Function, event: Any = None, **rest: Any) -> Outcome:
        """Invoke it with *event*."""
        function = self.function(handler) if isinstance(handler, str) else handler
        return await self.pool.invoke(
            Invocation(function, json.dumps(event).encode(), names.request_id(), f"arn:f:{function.name}", **rest)
        )

    async def stream(self, handler: str | Function, event: Any = None) -> tuple[Stream, asyncio.Task[Outcome]]:
        """Invoke it for a stream: the stream once it has begun, and the run."""
        flow = Flow()

        async def run() -> Outcome:
            try:
                outcome = await self.run(handler, event, sink=flow)
            except EnvironmentUnavailable as error:
                flow.fail(error)
                raise
            flow.finish(outcome)
            return outcome

        running = asyncio.create_task(run())
        return await flow.stream(), running


def alive(pid: int) -> bool:
    """Whether any thread of it still runs: the last one to go closes its descriptors."""
    try:
        threads = [thread.read_text() for thread in Path(f"/proc/{pid}/task").glob("*/stat")]
    except OSError:
        return False
    return any(text.rpartition(")")[2].split()[0] not in "ZX" for text in threads)


def kill_and_see(pid: int) -> None:
    """Kill it and wait until it is gone, without a turn of the loop."""
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 2
    while alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.001)


def processes_of(title: str) -> list[int]:
    """Live processes with this name, below this one: others may test at the same time."""
    found = []
    for row in processes.below([os.getpid()], processes.table()):
        try:
            name = Path(f"/proc/{row.pid}/comm").read_text().strip()
        except OSError:
            continue
        if name == title and not row.zombie:
            found.append(row.pid)
    return found


def busy(environment: Any, handler: str) -> bool:
    """Whether it runs *handler*, and its worker has the event."""
    return environment.function.handler == handler and environment.state is State.BUSY and environment._channel.taken


async def until(holds: Callable[[], bool], seconds: float = 2.0) -> None:
    """Wait for it; TimeoutError after *seconds*."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.005)
