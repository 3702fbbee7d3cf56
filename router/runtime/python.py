"""The Python runtime: the handler's file imported by our own bootstrap, in a process forked off the spawner."""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from router.config.types import Function
from router.runtime import assignment, packages, resolve
from router.runtime.family import Family
from router.runtime.pipes import Channel
from router.runtime.recipe import OnEnd, OnFrame
from router.runtime.shared import Shared
from router.telemetry import report


class PythonRuntime(Family):
    """See Family."""

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self.packages = shared.state / "runtime" / f"python{sys.version_info[0]}.{sys.version_info[1]}"

    async def open(self) -> None:
        """Start the spawner, make boto3's directory. Raises EnvironmentUnavailable, OSError."""
        await asyncio.gather(asyncio.to_thread(packages.build, self.packages), self.shared.open())

    def spec(self, function: Function, *, log_stream: str, tmp: str, separator: str) -> Mapping[str, Any]:
        """See Recipe."""
        return assignment.worker(
            function,
            runtime=resolve(function.runtime).told,
            region=self.shared.region,
            interpreter=self.shared.interpreter,
            packages=str(self.packages),
            language={"LC_CTYPE": "C.UTF-8", "PYTHONPATH": str(self.packages)},  # the former is set by Python itself on AWS
            log_stream=log_stream,
            tmp=tmp,
            separator=separator,
            extra=self.shared.added(function),
        )

    def link(self, spec: Mapping[str, Any], on_frame: OnFrame, on_end: OnEnd) -> tuple[Channel, Mapping[str, Any]]:
        """See Recipe."""
        return Channel(on_frame, on_end), spec

    def init_start(self, function: Function) -> report.InitStart:  # noqa: ARG002  # all of them run on the daemon's own version
        """See Recipe."""
        major, minor, micro = sys.version_info[:3]
        return report.init_start(self.shared.region, f"python:{major}.{minor}.v{micro}", sys.version)
