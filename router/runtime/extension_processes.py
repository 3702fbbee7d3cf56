"""The processes of an environment's external extensions: one for each executable below its layers' `extensions` directory."""

import asyncio
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final

from router.runtime import frames, outcomes
from router.runtime.api_link import ApiPort, high_water
from router.runtime.endings import Exit, ExtensionFailed
from router.runtime.invocation_log import InvocationLog
from router.runtime.output import Lines
from router.runtime.pipes import Channel, Output
from router.runtime.shared import Shared
from router.runtime.worker import Worker

# Variables of the runtime's process alone: Lambda developer guide, "Extensions API", "Accessing environment variables".
_NOT_THEIRS: Final = frozenset(
    {
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_XRAY_CONTEXT_MISSING",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)
_KILLED: Final = 3.0  # seconds to wait for a killed tree


def found(opt: Path | None) -> dict[str, Path]:
    """The external extensions of a tree of layers, name → file, in the order in which they start. Blocking."""
    if opt is None:
        return {}
    try:
        entries = sorted((opt / "extensions").iterdir(), key=lambda path: path.name)
    except OSError:
        return {}
    return {path.name: path for path in entries if path.is_file()}


def variables(given: Mapping[str, str], address: str) -> dict[str, str]:
    """What an extension sees of its function's variables. *address*: of the port where it registers."""
    theirs = {name: value for name, value in given.items() if name not in _NOT_THEIRS and not name.startswith("_")}
    return {**theirs, "AWS_LAMBDA_RUNTIME_API": address, "PWD": "/"}


class ExtensionProcess:
    """One of them, from its start to its end."""

    def __init__(self, name: str, on_failure: Callable[[ExtensionFailed], None]) -> None:
        self.name, self._on_failure = name, on_failure
        self.worker: Worker | None = None
        self.ending = False  # it is to end, so its end is no failure
        self._channel: Channel | None = None
        self._output: Output | None = None

    async def start(self, shared: Shared, spec: Mapping[str, Any], log: InvocationLog, port: ApiPort) -> None:
        """Start it. Raises EnvironmentUnavailable, OSError (no descriptors)."""
        self._channel = Channel(self._framed, lambda: None)
        try:
            self._output = Output(Lines(os.urandom(12)), log.extension_output, shared.clock.monotonic)
            port.expect()
            try:
                self.worker = await shared.launcher.spawn(spec, (*self._channel.theirs, self._output.theirs), self._exited)
            except BaseException:
                port.forgo()
                raise
        except BaseException:
            self.close()
            raise
        port.admit(self.worker.pid)
        self._channel.passed_on()
        self._output.passed_on()

    def memory(self) -> int:
        """Its high-water mark, KiB."""
        return high_water(self.worker.pid) if self.worker is not None and not self.worker.exited.done() else 0

    def drain(self) -> None:
        """Log what it has written up to now."""
        if self._output is not None:
            self._output.drain()

    async def end(self, shared: Shared, until: float) -> None:
        """Wait for it until *until* (monotonic), then end it with all below it."""
        if self.worker is None:
            return
        left = max(0.0, until - shared.clock.monotonic())
        done, _ = await asyncio.wait([self.worker.exited], timeout=left)
        if not done:
            shared.launcher.kill(self.worker)
            await asyncio.wait([self.worker.exited], timeout=_KILLED)
        self.drain()
        self.close()

    def close(self) -> None:
        """Drop our ends."""
        if self._channel is not None:
            self._channel.close()
        if self._output is not None:
            self._output.close()
        self._channel = self._output = None

    def _framed(self, frame: frames.Frame) -> None:
        if frame.kind == frames.NO_PROGRAM:
            self._failed("Extension.LaunchError", frame.body.decode("utf-8", "replace"))

    def _exited(self, exit_: Exit) -> None:
        if self._channel is not None:
            self._channel.pump()  # why there was nothing to start
        self._failed("Extension.Crash", outcomes.exit_text(exit_.status) or "exit status 0")

    def _failed(self, error_type: str, why: str) -> None:
        if not self.ending:
            self.ending = True
            self._on_failure(ExtensionFailed(self.name, error_type, why))


class ExtensionProcesses:
    """All of one environment."""

    def __init__(self, shared: Shared, log: InvocationLog, port: ApiPort, on_failure: Callable[[ExtensionFailed], None]) -> None:
        self._shared, self._log, self._port, self._on_failure = shared, log, port, on_failure
        self._all: list[ExtensionProcess] = []
        self._over = False

    async def start(self, files: Mapping[str, Path], base: Mapping[str, Any]) -> None:
        """Start one for each file. *base*: the spawner's message for the runtime. Raises EnvironmentUnavailable, OSError."""
        kept = {name: value for name, value in base.items() if name in {"function", "tmp", "sandbox"}}
        told = variables(base["variables"], self._port.address)
        for name, path in files.items():
            absent = f"fork/exec {path}: permission denied"
            spec = {"code": "/", "argv": [str(path)], "path": str(path), "passes": "", "absent": absent, "variables": told}
            process = ExtensionProcess(name, self._on_failure)
            self._all.append(process)
            await process.start(self._shared, {**kept, **spec}, self._log, self._port)
            if self._over:  # meanwhile
                await process.end(self._shared, 0.0)
                return

    def pids(self) -> list[int]:
        """Those that run."""
        workers = [process.worker for process in self._all if process.worker is not None]
        return [worker.pid for worker in workers if worker.pid and not worker.exited.done()]

    def expected_to_end(self) -> None:
        """From now on the end of one is no failure."""
        for process in self._all:
            process.ending = True

    def memory(self) -> int:
        """What they needed at most, KiB."""
        return sum(process.memory() for process in self._all)

    def drain(self) -> None:
        """Log what they have written up to now."""
        for process in self._all:
            process.drain()

    async def end(self, seconds: float, patiently: Collection[str]) -> None:
        """End all; those named *patiently* have so many seconds to do it themselves."""
        self._over = True
        until = self._shared.clock.monotonic() + seconds
        await asyncio.gather(*(process.end(self._shared, until if process.name in patiently else 0.0) for process in self._all))
