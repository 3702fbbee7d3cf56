"""Snapshots on the daemon's side: one template process for each function with snap_start, and the environments forked off it.

A template runs the function's own code, so nothing that it says is trusted: not its process numbers, not the descriptors it
sends. What it does not end when told to goes with it."""

import asyncio
import json
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar, Final

import structlog

from router.config.types import Function
from router.errors import EnvironmentUnavailable
from router.runtime.endings import Exhausted
from router.runtime.environment import ProcessEnvironment
from router.runtime.launcher import Launcher
from router.runtime.lifecycle import Initialization
from router.runtime.outcomes import Failure
from router.runtime.recipe import Recipe
from router.runtime.sandbox_plan import MB
from router.runtime.sandbox_watch import Look, Watched
from router.runtime.shared import Shared
from router.runtime.snapshot_template import Template, TemplateRecipe
from router.runtime.worker import Worker
from router.telemetry.report import LogStream

_INSIST: Final = 2.0  # seconds after which a template that has not ended an environment is ended itself
log: Final = structlog.get_logger(__name__)


class _Forking:
    """See spawning.Spawning."""

    pid = 0  # nobody's to signal

    def __init__(self, control: socket.socket) -> None:
        self.control = control

    def leave(self) -> None:
        """See Spawning: the template is ended by its own launcher."""


class Snapshot(Launcher):
    """A function that is initialised, and its forks. Never restarted: what follows a lost one is another."""

    KNOWS: ClassVar[bool] = False  # a template may have a namespace of its own, and is not trusted anyway

    def __init__(self, template: Template, shared: Shared, on_lost: Callable[[], None]) -> None:
        """*template* is warm. *on_lost*: it has ended by itself, or had to be."""
        super().__init__("", lock_fd=None, clock=shared.clock, on_restart=lambda: None)
        self._template, self._lost_told = template, on_lost
        self._strangers: set[int] = set()  # forks that use too much and that nobody told of
        self._over = False  # out of date: it goes with its last fork
        self._ending: asyncio.Task[None] | None = None
        self._process = _Forking(template.control)
        asyncio.get_running_loop().add_reader(template.control.fileno(), self._readable)
        template.on_lost = self._lost
        self._ready.set()

    @property
    def function(self) -> Function:
        """What is initialised."""
        return self._template.function

    @property
    def has_storage(self) -> bool:
        """See Template."""
        return self._template.has_storage

    @property
    def usable(self) -> bool:
        """Whether it can be forked."""
        return self._process is not None and not self._over

    async def open(self) -> None:
        """See Launcher: it is open from the start."""

    def expire(self) -> None:
        """No more forks; those that run go on."""
        self._over = True
        self._end_if_unused()

    async def close(self) -> None:
        """End the template and all its forks."""
        self._closed = True
        self._finish()
        if self._ending is not None:
            await asyncio.wait([self._ending])

    def kill(self, worker: Worker) -> None:
        """See Launcher."""
        super().kill(worker)
        asyncio.get_running_loop().call_later(_INSIST, self._insist, worker)

    def terminate(self, worker: Worker) -> None:
        """See Launcher: the template does it, as nobody else knows which process that is."""
        with suppress(EnvironmentUnavailable):
            self._send({"term": worker.number})

    def look(self, *, storage: bool) -> Look | None:
        """See Watched: all forks, as soon as one of them runs."""
        return None if storage or self._process is None else self._template.look_at_forks

    def exceeded(self, processes: tuple[int, ...]) -> None:
        """See Watched. One that the template did not tell of, or of another number, is of a template that lies."""
        known = {worker.pid: worker for worker in self._workers.values() if worker.pid}
        strangers = {pid for pid in processes if pid and pid not in known}
        if strangers & self._strangers:  # at the second look: it is not on its way any more
            self._lost()
            return
        self._strangers = strangers
        for worker in [known[pid] for pid in processes if pid in known]:
            worker.on_exceeded()

    def overfull(self) -> None:
        """See Watched: each fork's directory is its environment's to have looked at."""

    def _insist(self, worker: Worker) -> None:
        if not worker.exited.done():
            self._lost()

    def _received(self, data: bytes, descriptors: list[int]) -> None:
        for descriptor in descriptors:
            os.close(descriptor)
        try:
            message = checked(json.loads(data))
        except (ValueError, RecursionError):
            self._lost()
            return
        number = message.get("spawned", message.get("failed", message.get("exited")))
        if number in self._workers:
            self._heard(message, [])
        self._end_if_unused()

    def _end_if_unused(self) -> None:
        if self._over and not self._workers:
            self._finish()

    def _lost(self) -> None:
        """It is gone, or not what it should be: its forks go with it."""
        if self._process is None:
            return
        log.warning("snapshot_lost", function=self.function.name, environments=len(self._workers))
        self._finish()
        self._lost_told()

    def _finish(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        asyncio.get_running_loop().remove_reader(process.control.fileno())
        self._ready.clear()
        self._ending = asyncio.create_task(self._end(), name="snapshot-end")

    async def _end(self) -> None:
        await self._template.close()
        self._end_workers()


def checked(message: Any) -> dict[str, Any]:
    """A message of a template's, as spawner.py has them. Raises ValueError."""
    kinds = {"spawned": ("pid",), "failed": (), "exited": ("status", "memory", "left")}
    for kind, numbers in kinds.items():
        if isinstance(message, dict) and kind in message:
            found = {name: message.get(name) for name in (kind, *numbers)}
            if not all(type(value) is int and 0 <= value < 2**31 for value in found.values()):
                raise ValueError(f"no message of a spawner's: {kind}")
            os.waitstatus_to_exitcode(found.get("status") or 0)
            return {**found, "error": str(message.get("error"))[:1000]} if kind == "failed" else found
    raise ValueError("no message of a spawner's")


class RestoredEnvironment(ProcessEnvironment):
    """An environment whose processes are forks of a snapshot."""

    RESTORES: ClassVar[bool] = True

    def watched(self) -> tuple[Watched, ...]:
        """See ProcessEnvironment: the memory of all forks of one template is looked at together."""
        return (self, self._launcher) if isinstance(self._launcher, Snapshot) else (self,)

    def look(self, *, storage: bool) -> Look | None:
        """See ProcessEnvironment: what it knows of its process is what its template says."""
        snapshot = self._launcher
        if not storage or not isinstance(snapshot, Snapshot) or not snapshot.has_storage or not self._pids():
            return None
        return Look(tuple(self._pids()), self.function.ephemeral_storage * MB, str(self._tmp))

    async def _launch(self) -> None:
        """See ProcessEnvironment."""
        await super()._launch()
        worker = self._worker
        if worker is not None:
            worker.on_exceeded = lambda: self._too_much(worker)

    def _too_much(self, worker: Worker) -> None:
        if self._waiting is None:
            self._launcher.kill(worker)
        else:
            self._resolve(Exhausted("memory"))

    async def close(self) -> None:
        """See ProcessEnvironment."""
        await super().close()
        self._launcher.drop(self._tmp.name)


class Snapshots:
    """The snapshots of one family's functions."""

    def __init__(self, recipe: Recipe, on_lost: Callable[[str], None]) -> None:
        """*on_lost*: called with Function.qualified."""
        self._recipe, self._on_lost = recipe, on_lost
        self._of: dict[str, Snapshot] = {}  # by Function.qualified
        self._turns: dict[str, asyncio.Lock] = {}
        self._outdated: set[Snapshot] = set()

    def of(self, function: Function) -> Snapshot | None:
        """The one that can be forked now."""
        found = self._of.get(function.qualified)
        return found if found is not None and found.usable and found.function == function else None

    async def prepare(self, function: Function, stream: Callable[[], LogStream]) -> Failure | None:
        """Have one; why there is none. Raises EnvironmentUnavailable."""
        async with self._turns.setdefault(function.qualified, asyncio.Lock()):
            if self.of(function) is not None:
                return None
            self.forget(function.qualified)
            template = Template(TemplateRecipe(self._recipe), function, stream(), Initialization.SNAP_START)
            try:
                failure = await template.warm()
            except BaseException:
                await template.close()
                raise
            if failure is not None:
                await template.close()
                return failure
            key = function.qualified
            self._of[key] = Snapshot(template, self._recipe.shared, lambda: self._on_lost(key))
            return None

    def launcher(self, function: Function) -> Launcher:
        """Who forks it. Raises EnvironmentUnavailable."""
        found = self.of(function)
        if found is None:
            raise EnvironmentUnavailable("the function's snapshot is gone")
        return found

    def forget(self, function: str) -> None:
        """The snapshot of this function (Function.qualified) is out of date: it goes when nobody uses it."""
        found = self._of.pop(function, None)
        if found is not None:
            self._outdated = {one for one in self._outdated if one.usable or one._workers} | {found}  # noqa: SLF001  # of this file
            found.expire()

    async def close(self) -> None:
        """End all."""
        await asyncio.gather(*(one.close() for one in (*self._of.values(), *self._outdated)))
        self._of.clear()
        self._outdated.clear()
