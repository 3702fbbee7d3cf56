"""What families of runtimes have in common: one process for each environment, made by a recipe of theirs."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from router.config.types import Function
from router.runtime.environment import ProcessEnvironment
from router.runtime.extended import ExtendedEnvironment
from router.runtime.extensible import has_extensions
from router.runtime.launcher import Launcher
from router.runtime.lifecycle import Initialization
from router.runtime.outcomes import Failure
from router.runtime.recipe import Link, OnEnd, OnFrame
from router.runtime.shared import Shared
from router.telemetry import report
from router.telemetry.report import LogStream


class Family(ABC):
    """See base.Runtime; and recipe.Recipe, which is left to the one that inherits."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.on_unprepared: Callable[[str], None] = lambda _: None

    async def open(self) -> None:
        """Start the spawner. Raises EnvironmentUnavailable, OSError."""
        await self.shared.open()

    def refusal(self, function: Function) -> str:
        """See base.Runtime."""
        return self.shared.refusal(function)

    def environment(self, function: Function, stream: LogStream, initialization: Initialization) -> ProcessEnvironment:
        """A cold environment; one with extensions when the function has any."""
        kind = ExtendedEnvironment if has_extensions(function) else ProcessEnvironment
        return kind(self, function, stream, initialization)

    async def prepare(self, function: Function, stream: Callable[[], LogStream]) -> Failure | None:  # noqa: ARG002
        """See base.Runtime: there is nothing to do."""
        return None

    def prepared(self, function: Function) -> bool:  # noqa: ARG002
        """See base.Runtime."""
        return True

    def forget(self, function: str) -> None:  # noqa: B027  # a choice, not a duty
        """See base.Runtime."""

    def launcher(self, function: Function) -> Launcher:  # noqa: ARG002
        """See Recipe: the spawner."""
        return self.shared.launcher

    async def close(self) -> None:
        """End the spawner with all that is below it."""
        await self.shared.close()

    @abstractmethod
    def spec(self, function: Function, *, log_stream: str, tmp: str, separator: str) -> Mapping[str, Any]:
        """See Recipe."""

    @abstractmethod
    def link(self, spec: Mapping[str, Any], on_frame: OnFrame, on_end: OnEnd) -> tuple[Link, Mapping[str, Any]]:
        """See Recipe."""

    @abstractmethod
    def init_start(self, function: Function) -> report.InitStart:
        """See Recipe."""
