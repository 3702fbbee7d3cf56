"""What all runtimes of a daemon share: the spawner, what it confines workers with, the timer of deadlines, the temporary directories."""

import asyncio
import json
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from router.clock import Clock
from router.config.types import Function
from router.errors import EnvironmentUnavailable
from router.functions.files import remove_tree
from router.runtime import sandbox_controls, sandbox_plan, sandbox_site, sandbox_watch
from router.runtime.deadlines import Deadlines
from router.runtime.extensible import has_extensions
from router.runtime.launcher import Launcher
from router.runtime.sandbox_controls import Machine
from router.runtime.sandbox_plan import Site
from router.runtime.worker import Worker

Adopt = Callable[[socket.socket], Awaitable[Callable[[], None]]]
"""Serve whoever connects there, until what it gives is called; that closes the socket."""


class Shared:
    """One for each daemon; opened by the first runtime, closed by the first."""

    def __init__(
        self,
        *,
        state: Path,
        lock_fd: int | None,
        region: str,
        clock: Clock,
        variables: Callable[[Function], Mapping[str, str]],
        on_restart: Callable[[], None],
        account: str = "",
        site: Callable[[], Site] = Site,
        users: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        """*site*: where things lie, *users*: function → its user, both as of now."""
        self.interpreter: str = (
            getattr(sys, "_base_executable", "") or sys.executable
        )  # not the virtual environment's: that is the daemon's
        self.state, self.region, self.clock, self.added = state, region, clock, variables
        self.account = account  # "" when nobody is to know it
        self.house = state / "sandbox"
        self.launcher = Launcher(self.interpreter, lock_fd=lock_fd, house=self.house, clock=clock, on_restart=on_restart)
        self._site, self._users = site, users
        self.deadlines = Deadlines(clock)
        self.tmp = state / "tmp"
        self._endpoint: Adopt | None = None
        self._timer: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._rooms: dict[str, str] = {}  # environment's room → function

    async def open(self) -> None:
        """Start the spawner; what a dead daemon left in tmp goes. Raises EnvironmentUnavailable, OSError."""
        if self._timer is None:
            self._timer = asyncio.create_task(self.deadlines.run(), name="invocation-deadlines")
            await asyncio.to_thread(self._prepare)
            await self.launcher.open()
            await self.launcher.probed()
            self._watch = asyncio.create_task(
                sandbox_watch.watch(self.deadlines.running, self.deadlines.busy, self.launcher.measure), name="environment-watch"
            )

    async def close(self) -> None:
        """End the spawner with all that is below it."""
        if self._timer is not None:
            timer, self._timer = self._timer, None
            watch, self._watch = self._watch, None
            tasks = [task for task in (timer, watch) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.launcher.close()

    def used(self) -> dict[str, int]:
        """Function → bytes in the /tmp of its environments, as far as they have one of their own; seconds old."""
        found: dict[str, int] = {}
        for room, size in self.launcher.used.items():
            if room in self._rooms:
                found[self._rooms[room]] = found.get(self._rooms[room], 0) + size
        return found

    @property
    def machine(self) -> Machine:
        """What there is to confine functions with, as of now."""
        return Machine(self.launcher.controls, self._users())

    def refusal(self, function: Function) -> str:
        """Why the function may not run here, a sentence for its operator; "" when it may."""
        return sandbox_controls.refusal(self.machine, function) or _apart(function)

    def confined(self, function: Function, spec: Mapping[str, Any], tmp: Path) -> dict[str, Any]:
        """The spawner's message for an environment with its sandbox in it. Raises EnvironmentUnavailable where the function is refused.

        *tmp*: its temporary directory where it gets no /tmp of its own; its name is that of the environment's room."""
        if refused := self.refusal(function):
            raise EnvironmentUnavailable(refused)
        found = self._confined(function, spec, tmp)
        self._rooms[tmp.name] = function.name  # from here on somebody removes it
        return found

    def _confined(self, function: Function, spec: Mapping[str, Any], tmp: Path) -> dict[str, Any]:
        machine = self.machine
        template = "template" in spec
        if function.snap_start and not template:  # a fork: it is born in its template's sandbox
            inside = f"{sandbox_plan.TMP[0]}/{tmp.name}" if function.isolation != "none" and machine.works("namespaces") else str(tmp)
            return {**spec, "tmp": inside, "variables": {**spec["variables"], "TMPDIR": inside}}
        sandbox = sandbox_plan.plan(machine, self._site(), function, sandbox_site.needs(function, spec), room=tmp.name)
        if sandbox is None:
            return dict(spec)
        if template:
            sandbox["memory"] = sandbox_plan.BOUNDLESS  # of all forks together
        if not sandbox["namespaces"]:
            sandbox["rules"] = [*(sandbox.get("rules") or ()), (str(self.tmp if template else tmp), True)]
            return {**spec, "sandbox": sandbox}
        return _with_tmp({**spec, "sandbox": sandbox}, sandbox_plan.TMP[0])

    def reach(self, adopt: Adopt) -> None:
        """From now on this serves the AWS endpoint in networks of functions' own."""
        self._endpoint = adopt

    async def let_in(self, worker: Worker) -> None:
        """A process with a network of its own reaches the AWS endpoint there, as long as it lives."""
        descriptor = worker.take_endpoint()
        if descriptor < 0:
            return
        listener = socket.socket(fileno=descriptor)
        if self._endpoint is None:
            listener.close()
            return
        close = await self._endpoint(listener)
        worker.exited.add_done_callback(lambda _: close())

    def remove(self, directory: Path) -> None:
        """Remove an environment's temporary directory. Blocking."""
        self._rooms.pop(directory.name, None)
        self.launcher.drop(directory.name)
        remove_tree(directory)

    def _prepare(self) -> None:
        remove_tree(self.tmp)
        for directory in (self.tmp, self.house):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)


def _with_tmp(spec: dict[str, Any], tmp: str) -> dict[str, Any]:
    """The message of a worker that sees its temporary directory there."""
    spec = {**spec, "variables": {**spec["variables"], "TMPDIR": tmp}}
    if "template" not in spec:
        return spec
    spec["tmp"] = tmp
    if "argv" in spec:  # it is told by its command line
        *argv, told = spec["argv"]
        spec["argv"] = [*argv, json.dumps(json.loads(told) | {"tmp": tmp})]
    return spec


def _apart(function: Function) -> str:
    """Extensions are heard on this machine's own loopback: without a network they would not be."""
    if "no_network" in function.require and has_extensions(function):
        return f"function {function.name} requires no_network, and its extensions need one; leave out one of them"
    return ""
