"""The daemon: the only place that builds and wires. Start order, readiness, drain.

Start: lock → store → journal → environments → listeners of our own → sources. Stop: the same way back, in the
order of the data flow: sources take nothing new, what is leased runs on, environments end, the store closes."""

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from router import VERSION
from router.api.calls import Calls, Parts
from router.api.control import Control
from router.clock import Clock, SystemClock
from router.config.load import load
from router.config.types import Config, Function
from router.console.health import Health
from router.dispatch.dispatcher import Dispatcher
from router.dispatch.janitor import Janitor
from router.dispatch.slots import Slots
from router.dispatch.supervisor import Supervisor
from router.errors import JournalError
from router.functions.registry import Functions
from router.journal.database import Database
from router.journal.lock import StateLock
from router.journal.sqlite import SqliteJournal
from router.runtime.pool import WarmPool
from router.sources import SOURCES
from router.sources.base import Binding, House, Source
from router.telemetry.logs import LogStore
from router.telemetry.metrics import Metrics
from router.telemetry.setup import configure
from router.telemetry.systemd import ServiceManager

log = structlog.get_logger("router.daemon")

LOCK_WAIT: Final = 5.0  # seconds a dying predecessor gets to end its last worker


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the data flow that stops softly by its event, hard by cancellation."""

    name: str
    task: asyncio.Task[None]
    stop: asyncio.Event


def check(path: Path) -> Config:
    """Read the config as run() does. Raises ConfigError with every mistake."""
    return load(path, {word: source.Trigger for word, source in SOURCES.items()})


def main(path: Path, *, clock: Clock | None = None, on_ready: Callable[[Calls], None] = lambda _: None) -> int:
    """Run the daemon of this config in the foreground until SIGTERM or SIGINT; the exit status. Raises ConfigError, StateLocked."""
    config = check(path)
    configure()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(Daemon(config, clock or SystemClock()).run(on_ready))
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - optional, and slow to import where it is not used
    except ImportError:
        return None
    return uvloop.new_event_loop


async def drain(stages: Sequence[Stage], *, grace: float) -> None:
    """Stop in the order of the data flow; cancel what runs past *grace* seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(grace):
            for stage in stages:
                stage.stop.set()
                await asyncio.wait([stage.task])  # unlike awaiting it: our timeout spares the task
    for stage in stages:
        stage.stop.set()
        if stage.task.cancel():
            log.warning("stage_cancelled", stage=stage.name, grace_s=grace)


class Daemon:
    """One daemon over one state directory."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._config, self._clock = config, clock
        self._metrics = Metrics()
        self._manager = ServiceManager()
        self._stop = asyncio.Event()

    async def run(self, on_ready: Callable[[Calls], None]) -> None:
        """Serve until a signal, then drain. Raises StateLocked, JournalError when it cannot start."""
        self._listen_to_signals()
        async with contextlib.AsyncExitStack() as opened:
            calls, flows = await self._open(opened)
            async with asyncio.TaskGroup() as group:
                stages = [self._stage(group, name, run) for name, run in flows]
                log.info("daemon_started", version=VERSION, pid=os.getpid(), config=str(self._config.file), state=str(self._config.state))
                self._manager.notify("READY=1", f"STATUS=serving {len(self._config.functions)} functions")
                on_ready(calls)
                await self._stop.wait()
                self._manager.notify("STOPPING=1", "STATUS=draining")
                log.info("drain_started", grace_s=self._config.drain)
                await drain(stages, grace=self._config.drain)
        log.info("daemon_stopped")

    def _listen_to_signals(self) -> None:
        """First SIGTERM or SIGINT drains, the second leaves at once: the journal and the spawner survive that."""

        def told(number: int) -> None:
            if self._stop.is_set():
                os._exit(128 + number)
            self._stop.set()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told, number)
        loop.add_signal_handler(signal.SIGHUP, lambda: log.warning("reload_refused", error="reload is not supported yet: restart instead"))

    def _stage(self, group: asyncio.TaskGroup, name: str, run: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> Stage:
        stop = asyncio.Event()
        return Stage(name, group.create_task(run(stop), name=name), stop)
