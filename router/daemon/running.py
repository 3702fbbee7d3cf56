"""A daemon in the foreground: started, told by signals, drained."""

import asyncio
import contextlib
import gc
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import structlog

from router import VERSION
from router.api.calls import Calls
from router.clock import Clock, SystemClock
from router.config.astray import led_astray
from router.config.types import Config
from router.daemon.checking import check
from router.daemon.stages import Step, drain, started
from router.daemon.wiring import Wiring
from router.dispatch.figures import reading
from router.errors import CannotStart
from router.telemetry.metrics import Metrics
from router.telemetry.setup import configure
from router.telemetry.systemd import ServiceManager

log = structlog.get_logger("router.daemon")

SWITCH: Final = 0.0005  # seconds; the store's thread must win the interpreter back after every step, also from a busy loop
GARBAGE: Final = (10_000, 20, 50)  # gc thresholds: a request makes hundreds of short-lived objects and no cycles


def main(
    path: Path,
    *,
    clock: Clock | None = None,
    on_ready: Callable[[Calls], None] = lambda _: None,
    render: Callable[[], str | None] = lambda: None,
) -> int:
    """Run the daemon of this config in the foreground until SIGTERM or SIGINT; the exit status. *render*: the config's text, now and at
    every reload; None: what the file holds. Raises ConfigError, StateLocked."""
    config = check(path, text=render(), apart=True)
    writer = configure(secrets=config.secrets)
    for bucket, place, real in led_astray(config):
        log.error("bucket_led_astray", bucket=bucket, place=place, leads_to=real)
    allow_descriptors()
    sys.setswitchinterval(SWITCH)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        daemon = Daemon(config, clock or SystemClock(), render)
        daemon.metrics.gauge("router_log_lines_dropped", "Lines of the own log that nobody took.", read=reading(lambda: writer.dropped))
        runner.run(daemon.run(on_ready))
    return 0


def allow_descriptors() -> None:
    """Let this process open as many descriptors as it may: a shell's 1024 are for programs that select(2), which none of ours does."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # what there is has to do
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - optional, and slow to import where it is not used
    except ImportError:
        return None
    return uvloop.new_event_loop


class Daemon:
    """One daemon over one state directory."""

    def __init__(self, config: Config, clock: Clock, render: Callable[[], str | None] = lambda: None) -> None:
        self.metrics = Metrics()
        self._manager = ServiceManager()
        self._wiring = Wiring(config, clock, self.metrics, self._manager, render)
        self._stop = asyncio.Event()
        self._signal = ""  # that asked for the stop
        self._reloads: set[asyncio.Task[None]] = set()  # that a signal asked for

    async def run(self, on_ready: Callable[[Calls], None]) -> None:
        """Serve until a signal, then drain. Raises StateLocked, JournalError, CannotStart when it cannot start."""
        self._listen_to_signals()
        async with contextlib.AsyncExitStack() as opened:
            calls, flows = await self._built(opened)
            gc.collect()
            gc.freeze()  # what start-up made stays for good: not to be looked through again and again while serving
            gc.set_threshold(*GARBAGE)
            gc.enable()
            async with asyncio.TaskGroup() as group:
                steps = [[started(group, name, run) for name, run in step] for step in flows]
                config = self._wiring.config
                log.info("daemon_started", version=VERSION, pid=os.getpid(), config=str(config.file), state=str(config.state))
                self._manager.notify("READY=1", f"STATUS=serving {len(config.functions)} functions")
                self._tell(on_ready, calls)
                await self._stop.wait()
                grace = self._wiring.config.drain
                self._manager.notify("STOPPING=1", "STATUS=draining")
                log.info("drain_started", signal=self._signal, grace_s=grace)
                await drain(steps, grace=grace)
        log.info("daemon_stopped")

    async def _built(self, opened: contextlib.AsyncExitStack) -> tuple[Calls, Sequence[Step]]:
        """What serves. Raises as Wiring.build() does, and CannotStart."""
        try:
            return await self._wiring.build(opened, self._stop)
        except OSError as error:
            raise CannotStart(f"cannot start: {_words(error)}") from error

    @staticmethod
    def _tell(on_ready: Callable[[Calls], None], calls: Calls) -> None:
        """A terminal that cannot be written to is no reason to stop serving."""
        try:
            on_ready(calls)
        except OSError as error:
            log.warning("banner_failed", error=str(error))

    def _listen_to_signals(self) -> None:
        """First SIGTERM or SIGINT drains, the second leaves at once: the journal and the spawner survive that."""

        def told(number: int) -> None:
            if self._stop.is_set():
                os._exit(128 + number)
            self._signal = signal.Signals(number).name
            self._stop.set()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload)

    def _reload(self) -> None:
        """SIGHUP: as `router reload`; what is wrong is in the log."""
        if self._wiring.reloader is not None:
            task = asyncio.create_task(self._wiring.reloader.quietly(), name="reload")
            self._reloads.add(task)
            task.add_done_callback(self._reloads.discard)


def _words(error: OSError) -> str:
    """What went wrong where, and the remedy for a file that stands where a directory is wanted."""
    reason = error.strerror or str(error)
    if not isinstance(error.filename, str):
        return reason
    where = Path(error.filename)
    if isinstance(error, FileExistsError | NotADirectoryError):
        for path in (where, *where.parents):
            if path.exists() and not path.is_dir():
                return f"{path} is no directory: move it away"
    return f"{where}: {reason}"
