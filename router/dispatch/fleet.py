"""The sources that run, each under a supervisor of its own, and how a reload exchanges some of them while the others go on."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from typing import Final

import structlog

from router.clock import Clock
from router.dispatch.supervisor import Supervisor
from router.sources.base import Listening, Outlet, Source, Successor
from router.telemetry.metrics import Metrics

log: Final = structlog.get_logger("router.sources")


class Berth:
    """Where the source of one name runs: the next one starts when the one before it has stopped."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor  # the one that runs, or waits for its predecessor to stop
        self.stop = asyncio.Event()
        self.wanted = True

    def exchange(self, supervisor: Supervisor | None) -> None:
        """Stop what runs; then run this one, or nothing. A source that was still waiting for its turn never runs."""
        self.wanted = supervisor is not None
        self.supervisor = supervisor or self.supervisor
        self.stop.set()

    async def run(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """One source after another, until *stop* or until none is wanted any more."""
        while self.wanted and not stop.is_set():
            self.stop = asyncio.Event()
            await self.supervisor.run(outlet, self.stop)


class Exchange:
    """Which sources stay, which are succeeded where they are, which start, which stop. See Fleet.plan()."""

    def __init__(self) -> None:
        self.sources: list[Source] = []  # all that are wanted: those that stay as they are now
        self.started: list[Source] = []
        self.succeeded: list[tuple[Source, Source]] = []  # what serves, and what it is to become
        self.stopped: list[str] = []  # names

    @property
    def changed(self) -> list[str]:
        """The names of those that do not go on as they were."""
        return sorted({source.name for source in self.started} | {now.name for now, _ in self.succeeded} | {*self.stopped})


class Fleet:
    """All sources of a daemon."""

    def __init__(self, sources: Sequence[Source], *, clock: Clock, metrics: Metrics) -> None:
        self._clock, self._metrics = clock, metrics
        self._berths = {source.name: Berth(self._supervised(source)) for source in sources}
        self._leaving: dict[str, Berth] = {}  # of those that are wanted no more and have something in hand yet
        self._unserved: list[Listening] = []  # that have an address, and were exchanged before they ran
        self._group: asyncio.TaskGroup | None = None
        self._outlet: Outlet
        self._stop = asyncio.Event()

    def __iter__(self) -> Iterator[Supervisor]:
        """The supervisors of the sources that are wanted."""
        return iter([berth.supervisor for berth in self._berths.values()])

    def source(self, name: str) -> Source | None:
        """The source of this name that is wanted."""
        berth = self._berths.get(name)
        return berth.supervisor.source if berth is not None else None

    async def run(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """Run all of them until *stop*; return when the last one has stopped."""
        self._outlet, self._stop = outlet, stop
        for source in self._unserved:
            await source.close()
        async with asyncio.TaskGroup() as group:
            self._group = group
            for name, berth in self._berths.items():
                group.create_task(self._run(name, berth), name=name)
            await stop.wait()
            self._group = None
            for berth in self._berths.values():
                berth.stop.set()

    async def _run(self, name: str, berth: Berth) -> None:
        """One berth, until nothing is wanted there any more."""
        await berth.run(self._outlet, self._stop)
        if self._leaving.get(name) is berth:
            del self._leaving[name]

    def plan(self, wanted: Sequence[Source]) -> Exchange:
        """What it takes to run *wanted* instead; a source with the same basis stays."""
        plan = Exchange()
        for source in wanted:
            berth = self._berths.get(source.name)
            now = berth.supervisor.source if berth else None
            if now is not None and (now is source or now.basis == source.basis):
                plan.sources.append(now)
                continue
            if isinstance(now, Successor) and now.can_become(source):
                plan.succeeded.append((now, source))
                plan.sources.append(now)
            else:
                plan.started.append(source)
                plan.sources.append(source)
        plan.stopped = sorted(self._berths.keys() - {source.name for source in wanted})
        return plan

    async def prepare(self, plan: Exchange) -> None:
        """Open what successors need. Raises SourceError, JournalError; then nothing has changed."""
        for now, source in plan.succeeded:
            if isinstance(source, Successor):
                await source.prepare(now)

    def exchange(self, plan: Exchange) -> None:
        """Do it. Those that serve as they are notice nothing; the others stop when what they have in hand is done."""
        for now, source in plan.succeeded:
            if isinstance(now, Successor):
                now.become(source)
        if self._group is None:
            self._note_unserved(plan)
        for name in plan.stopped:
            berth = self._berths.pop(name)
            berth.exchange(None)
            if self._group is not None:
                self._leaving[name] = berth
        for source in plan.started:
            self._start(source)
        if plan.changed:
            log.info("sources_exchanged", started=[one.name for one in plan.started], stopped=plan.stopped, changed=plan.changed)

    def _start(self, source: Source) -> None:
        """Run it once one of its name that was wanted before has stopped; what listens has no need to wait: the address is free by then."""
        supervisor, name = self._supervised(source), source.name
        former = self._berths.get(name) or (None if isinstance(source, Listening) else self._leaving.pop(name, None))
        if former is not None:
            self._berths[name] = former
            former.exchange(supervisor)
            return
        berth = self._berths[name] = Berth(supervisor)
        if self._group is not None:
            self._group.create_task(self._run(name, berth), name=name)

    def _note_unserved(self, plan: Exchange) -> None:
        """Before the fleet runs an exchange may leave an address to a source that never will."""
        leaving = [
            self._berths[name].supervisor.source for name in (*plan.stopped, *(one.name for one in plan.started)) if name in self._berths
        ]
        self._unserved += [source for source in leaving if isinstance(source, Listening)]

    def _supervised(self, source: Source) -> Supervisor:
        return Supervisor(source, clock=self._clock, metrics=self._metrics, chance=random.Random())  # noqa: S311 - spreads restarts
