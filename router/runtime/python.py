"""The Python runtime: the handler's file imported by our own bootstrap, in a process forked off the spawner.

A function's own interpreter, and one whose code or layers have shared libraries or whose variables are for the interpreter, get a
program instead (python_program.py)."""

import asyncio
import json
import os
import platform
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from router.config.entries import names
from router.config.types import Function
from router.runtime import Resolved, assignment, outcomes, packages, resolve
from router.runtime.environment import ProcessEnvironment
from router.runtime.extensible import has_extensions
from router.runtime.family import Family
from router.runtime.launcher import Launcher
from router.runtime.layers import python_paths
from router.runtime.lifecycle import Initialization
from router.runtime.outcomes import Failure
from router.runtime.pipes import Channel
from router.runtime.recipe import OnEnd, OnFrame
from router.runtime.shared import Shared
from router.runtime.snapshot_template import ForkRecipe
from router.runtime.snapshots import RestoredEnvironment, Snapshots
from router.runtime.starting import Starting
from router.telemetry import report
from router.telemetry.report import LogStream

PROGRAM: Final = Path(__file__).with_name("python_program.py")
_TO_PYTHON: Final = re.compile(r"PYTHON[A-Z0-9]+")
_SETTLED: Final = frozenset({"PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONNOUSERSITE"})
NEEDED: Final = ("handler", "code", "packages", "separator", "layers")  # what it has to know


class PythonRuntime(Family):
    """See Family."""

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._snapshots = Snapshots(self, self._lost)
        self.packages = shared.state / "runtime" / f"python{sys.version_info[0]}.{sys.version_info[1]}"

    async def open(self) -> None:
        """Start the spawner, make boto3's directory. Raises EnvironmentUnavailable, OSError."""
        await asyncio.gather(asyncio.to_thread(packages.build, self.packages), self.shared.open())

    def environment(self, function: Function, stream: LogStream, initialization: Initialization) -> ProcessEnvironment:
        """A cold environment."""
        if function.snap_start:
            return RestoredEnvironment(ForkRecipe(self), function, stream, Initialization.SNAP_START)
        return super().environment(function, stream, initialization)

    async def prepare(self, function: Function, stream: Callable[[], LogStream]) -> Failure | None:
        """See base.Runtime."""
        if function.snap_start and has_extensions(function):
            return outcomes.extension_failed("", "of its layers", "Extension.LaunchError", "extensions and snap_start do not go together")
        return await self._snapshots.prepare(function, stream) if function.snap_start else None

    def prepared(self, function: Function) -> bool:
        """See base.Runtime."""
        return not function.snap_start or self._snapshots.of(function) is not None

    def _lost(self, function: str) -> None:
        self.on_unprepared(function)

    def forget(self, function: str) -> None:
        """See base.Runtime."""
        self._snapshots.forget(function)

    def launcher(self, function: Function) -> Launcher:
        """See Recipe."""
        return self._snapshots.launcher(function) if function.snap_start else super().launcher(function)

    async def close(self) -> None:
        """See base.Runtime."""
        await self._snapshots.close()
        await super().close()

    def spec(self, function: Function, *, log_stream: str, tmp: str, separator: str) -> Mapping[str, Any]:
        """See Recipe. A fork of the spawner where that will do, else a program of its own."""
        resolved = resolve(function.runtime, function.python)
        layers = python_paths(function.opt, version_of(resolved))
        own = () if resolved.program else (str(self.packages),)  # of an interpreter of the function's, its own packages come first
        spec = assignment.worker(
            function,
            runtime=resolved.told,
            region=self.shared.region,
            interpreter=resolved.program or self.shared.interpreter,
            packages=str(self.packages),
            language={"LC_CTYPE": "C.UTF-8", "PYTHONPATH": os.pathsep.join((*layers, *own))},  # the former is set by Python itself on AWS
            log_stream=log_stream,
            tmp=tmp,
            separator=separator,
            extra=self.shared.added(function),
        ) | {"layers": layers}
        heeding = bool(resolved.program) or speaks_to_python(function.environment)
        if heeding or has_libraries(function.code, function.opt):
            return {**spec, **_program(resolved.program or self.shared.interpreter, spec, ours=not resolved.program, heeding=heeding)}
        return spec

    def link(self, spec: Mapping[str, Any], on_frame: OnFrame, on_end: OnEnd) -> tuple[Channel, Mapping[str, Any]]:
        """See Recipe."""
        return Channel(Starting(on_frame) if "argv" in spec else on_frame, on_end), spec

    def init_start(self, function: Function) -> report.InitStart:
        """See Recipe."""
        resolved = resolve(function.runtime, function.python)
        major, minor, micro = (resolved.version or platform.python_version()).split(".")[:3]
        return report.init_start(self.shared.region, f"python:{major}.{minor}.v{micro}", resolved.version or sys.version)


def version_of(resolved: Resolved) -> tuple[int, int]:
    """Of the interpreter that runs the function."""
    major, minor = (resolved.version or platform.python_version()).split(".")[:2]
    return int(major), int(minor)


def has_libraries(*trees: Path | None) -> bool:
    """Whether LD_LIBRARY_PATH leads to a shared library in one of these."""
    places = [place for tree in trees if tree is not None for place in (tree, tree / "lib")]
    return any(name.startswith("lib") and ".so" in name for place in places for name in names(place))


def speaks_to_python(environment: Iterable[str]) -> bool:
    """Whether one of these variables changes how an interpreter starts, as PYTHONHASHSEED: a fork of one that runs would not notice.

    Not those that our own start has settled already (-B, -u, -s), or the bootstrap heeds."""
    return any(_TO_PYTHON.fullmatch(name) and name not in _SETTLED for name in environment)


def _program(path: str, spec: Mapping[str, Any], *, ours: bool, heeding: bool) -> dict[str, Any]:
    """What a worker's message says when it becomes a program; see program.py.

    *ours*: our own interpreter, in which the daemon's packages are out of reach; *heeding*: PYTHON* variables are meant for it."""
    options = ["-s", "-P"] if heeding else ["-I"]
    told = json.dumps({key: spec[key] for key in NEEDED})
    argv = [path, *options, *(["-S"] if ours else []), "-B", "-u", str(PROGRAM), told]
    return {"argv": argv, "passes": "frames", "absent": f"{path} is gone"}
