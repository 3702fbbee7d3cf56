"""The process that a function with snap_start is initialised in: a template, told what to fork over a socket of its own."""

import json
import socket
from collections.abc import Mapping
from typing import Any, Final

from router.config.types import Function
from router.runtime.environment import ProcessEnvironment
from router.runtime.launcher import Launcher
from router.runtime.pipes import Channel
from router.runtime.recipe import Link, OnEnd, OnFrame, Recipe
from router.runtime.sandbox_watch import Look
from router.runtime.starting import Starting
from router.telemetry import report

_PROGRAM: Final = frozenset({"argv", "passes", "absent", "path"})  # what makes a worker another program; see program.py


class TemplateLink(Channel):
    """A channel whose requests are messages to a spawner."""

    def __init__(self, on_frame: OnFrame, on_end: OnEnd) -> None:
        self.control, self._control_theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.setblocking(False)
        try:
            super().__init__(on_frame, on_end)
        except OSError:
            self.control.close()
            self._control_theirs.close()
            raise

    @property
    def theirs(self) -> tuple[int, ...]:
        """See Link."""
        return (self._control_theirs.fileno(), *self._theirs[1:])

    def passed_on(self, pid: int = 0, listener: int = -1) -> None:
        """See Link."""
        super().passed_on(pid, listener)
        self._control_theirs.close()

    def close(self) -> None:
        """See Link."""
        super().close()
        self.control.close()


class ForkRecipe:
    """A recipe whose processes are forks of a template, whatever its interpreter."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe, self.shared = recipe, recipe.shared

    def spec(self, function: Function, *, log_stream: str, tmp: str, separator: str) -> Mapping[str, Any]:
        """See Recipe."""
        spec = self._recipe.spec(function, log_stream=log_stream, tmp=tmp, separator=separator)
        return {name: value for name, value in spec.items() if name not in _PROGRAM}

    def link(self, spec: Mapping[str, Any], on_frame: OnFrame, on_end: OnEnd) -> tuple[Link, Mapping[str, Any]]:
        """See Recipe."""
        return Channel(on_frame, on_end), spec

    def launcher(self, function: Function) -> Launcher:
        """See Recipe."""
        return self._recipe.launcher(function)

    def init_start(self, function: Function) -> report.InitStart:
        """See Recipe."""
        return self._recipe.init_start(function)


class TemplateRecipe(ForkRecipe):
    """A recipe whose processes are templates."""

    def spec(self, function: Function, *, log_stream: str, tmp: str, separator: str) -> Mapping[str, Any]:
        """See Recipe."""
        spec = self._recipe.spec(function, log_stream=log_stream, tmp=tmp, separator=separator)
        added = {"template": True, "tmp": tmp}
        if "argv" not in spec:
            return {**spec, **added}
        *argv, told = spec["argv"]
        return {**spec, "argv": [*argv, json.dumps(json.loads(told) | added)]}

    def link(self, spec: Mapping[str, Any], on_frame: OnFrame, on_end: OnEnd) -> tuple[Link, Mapping[str, Any]]:
        """See Recipe."""
        return TemplateLink(Starting(on_frame) if "argv" in spec else on_frame, on_end), spec

    def launcher(self, function: Function) -> Launcher:  # noqa: ARG002
        """See Recipe."""
        return self.shared.launcher


class Template(ProcessEnvironment):
    """The environment in which a function is initialised for good; it runs no invocation."""

    @property
    def look_at_forks(self) -> Look | None:
        """How its forks' memory is measured; None when nothing confines them."""
        look, sandbox = self.look(storage=False), self._spec.get("sandbox")
        return look and look._replace(forks=True, init=bool(sandbox and sandbox["namespaces"]))

    @property
    def has_storage(self) -> bool:
        """Whether nothing but looking bounds what lies in a fork's temporary directory."""
        sandbox = self._spec.get("sandbox")
        return sandbox is not None and not sandbox["namespaces"]

    @property
    def control(self) -> socket.socket:
        """Our end of its socket. It has been warmed."""
        assert isinstance(self._channel, TemplateLink)
        return self._channel.control
