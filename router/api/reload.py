"""Another config, or changed code, in a daemon that goes on serving.

All that can be wrong is found out before anything changes: the config is read as at the start, code is deployed, sources are built and
what they need is opened. Then everything changes in one turn of the loop. What runs ends as it began; its environments end after it."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import structlog

from router.api import reload_rules
from router.api.calls import Calls
from router.api.history import by_function, unfinished
from router.api.reload_rules import Changes
from router.config.places import placed
from router.config.types import Config, Function
from router.dispatch.fleet import Exchange, Fleet
from router.dispatch.slots import Slots
from router.errors import ConfigError, RouterError
from router.functions.aliases import unpublished
from router.functions.deploy import Deployed
from router.functions.deployer import Deployer
from router.functions.registry import Functions
from router.journal.base import Journal
from router.runtime.pool import WarmPool
from router.sources.base import Source
from router.telemetry.metrics import Metrics

log: Final = structlog.get_logger("router.daemon")

AT_ONCE: Final = 4  # functions whose changed code is proved at one time: a directory may be shared by a thousand


@dataclass(slots=True)
class Places:
    """The variables that the daemon adds to every function's environment, as they are now."""

    variables: dict[str, str]
    identity: Callable[[Function], Mapping[str, str]] = lambda _: {}  # the credentials of a new environment of the function

    def of(self, function: Function) -> Mapping[str, str]:
        """Those of a new environment of a function. Raises EnvironmentUnavailable."""
        return {**self.variables, **self.identity(function)}


class Built(NamedTuple):
    """What a config asks for, and is not in force yet."""

    sources: list[list[Source]]  # by class
    in_force: Callable[[], None]  # to be called when it is


@dataclass(frozen=True, slots=True)
class Parts:
    """What a reload reaches."""

    calls: Calls
    functions: Functions
    slots: Slots
    pool: WarmPool
    fleet: Fleet
    deployer: Deployer
    journal: Journal
    places: Places
    read: Callable[[], Config]  # config.yaml as it is now; blocking. Raises ConfigError
    build: Callable[[Config], "Built"]  # the sources of a config, those that run where they go on; blocking. Raises ConfigError
    make: Callable[[Config], None]  # what a config wants on disk; blocking
    clear: Callable[[Config], Awaitable[None]]  # of what the store has left of former ones. Raises JournalError
    took: Callable[[Config], None]  # told of the config that is in force now


class Reloader:
    """Reloads, one at a time."""

    def __init__(self, parts: Parts, metrics: Metrics) -> None:
        self._parts = parts
        self._turn = asyncio.Lock()
        self.refused: dict[str, str] = {}  # function → why its changed code is not taken: the old is in force
        self._count = metrics.counter("router_reloads_total", "Reloads of the config.", "outcome")

    async def reload(self) -> dict[str, Any]:
        """Take up config.yaml as it is now; what has changed. Raises RouterError (ConfigError with every mistake): nothing has."""
        async with self._turn:
            try:
                told = await self._reload()
            except RouterError as error:
                self._count.add("refused")
                problems = error.problems if isinstance(error, ConfigError) else (str(error),)
                log.error("reload_refused", problems=list(problems))
                raise
        self._count.add("done")
        log.info("config_reloaded", **told)
        return told

    async def change(self, read: Callable[[Config], Config], keep: Callable[[], Awaitable[None]]) -> None:
        """Take up the config that *read* (blocking) makes of the one in force, after *keep* has made it last; only what it has changed is
        deployed.

        Raises RouterError: nothing has changed."""
        async with self._turn:
            now = {function.name: function for function in self._parts.functions}
            wanted, built, fresh = await asyncio.to_thread(self._redeployed, now, read)
            deployed = await self._parts.deployer.deploy(wanted, fresh) if fresh else Deployed({}, ())
            known = now | deployed.functions
            running = {name: known[name] for name in wanted.functions if name in known}
            await self._replace(wanted, built, Deployed(running, deployed.problems), keep)

    def _redeployed(self, now: Mapping[str, Function], read: Callable[[Config], Config]) -> tuple[Config, Built, list[Function]]:
        """Another config, what it asks for, and which of its functions are to be deployed. *now*: those that run. Raises ConfigError."""
        wanted, built = self._read(lambda: read(self.config))
        return wanted, built, reload_rules.redeployed(self.config, wanted, now)

    async def quietly(self) -> None:
        """The same for who cannot be answered; what is wrong is in the log."""
        with suppress(RouterError):
            await self.reload()

    async def _reload(self) -> dict[str, Any]:
        parts, before = self._parts, self.config
        wanted, built = await asyncio.to_thread(self._read, parts.read)
        deployed = await parts.deployer.deploy(wanted)
        removed = await self._removed(wanted)
        plan, changes = await self._replace(wanted, built, deployed)
        return {
            "functions": len(wanted.functions),
            "added": changes.added,
            "changed": changes.changed,
            "removed": [{"function": name, "queued": removed.get(name, 0)} for name in changes.removed],
            "sources": plan.changed,
            "keys": reload_rules.keys(before, wanted),
        }

    def _read(self, read: Callable[[], Config]) -> tuple[Config, Built]:
        """A config and what it asks for; blocking. Raises ConfigError."""
        wanted = read()
        built = self._parts.build(wanted)
        if problems := reload_rules.refused(self.config, wanted):
            raise ConfigError(placed(wanted, problems))
        return wanted, built

    async def _replace(
        self, wanted: Config, built: Built, deployed: Deployed, keep: Callable[[], Awaitable[None]] | None = None
    ) -> tuple[Exchange, Changes]:
        """Have *wanted* in force instead of what is. Raises RouterError: nothing has changed."""
        parts = self._parts
        published = {function.qualified for function in parts.functions.versions()}
        await asyncio.to_thread(self._prepare, wanted, deployed, published)
        await parts.clear(wanted)
        plan = parts.fleet.plan([source for sources in built.sources for source in sources])
        await parts.fleet.prepare(plan)  # last: from here on nothing can fail, but the store
        if keep is not None:
            await keep()
        return plan, self._take_up(wanted, deployed.functions, plan, built)

    def _prepare(self, wanted: Config, deployed: Deployed, published: Collection[str]) -> None:
        """The last look, then what it wants on disk; blocking. Raises ConfigError."""
        if problems := (*deployed.problems, *unpublished(wanted, published)):
            raise ConfigError(placed(wanted, problems))
        self._parts.make(wanted)

    def _take_up(self, config: Config, deployed: Mapping[str, Function], plan: Exchange, built: Built) -> Changes:
        """All of it, in one turn of the loop."""
        parts, reopened = self._parts, reload_rules.reopened(self.config, config)
        parts.took(config)
        everywhere = parts.places.variables != reload_rules.places(config)
        parts.places.variables = reload_rules.places(config)
        parts.slots.configure(config.functions, limit=config.limits.concurrency)
        parts.pool.limit(config.limits)
        parts.fleet.exchange(plan)
        going_on = {one.name: one for one in plan.sources}
        for sources in built.sources:  # gauges read these lists
            sources[:] = [going_on[one.name] for one in sources]
        built.in_force()
        changes = self.deployed(config, deployed, everywhere=everywhere, roles=reopened)
        parts.calls.adopt(config)
        return changes

    @property
    def config(self) -> Config:
        """The config in force."""
        return self._parts.calls.config

    async def refresh(self, names: Collection[str]) -> None:
        """Take up the code of these functions as it is now, of those where it has come to rest, is complete and initialises."""
        async with self._turn:
            config, parts = self.config, self._parts
            chosen = [config.functions[name] for name in sorted(names) if name in config.functions]
            found = await parts.deployer.deploy(config, chosen, patience=0.0)
            now = {function.name: function for function in parts.functions}
            refused = dict(problem.removeprefix("functions.").split(": ", 1) for problem in found.problems)
            changed = [function for name, function in found.functions.items() if now.get(name) != function]
            for at in range(0, len(changed), AT_ONCE):
                refused |= await self._proved(config, changed[at : at + AT_ONCE])
        self._tell(names, refused)

    async def _proved(self, config: Config, changed: Sequence[Function]) -> dict[str, str]:
        """Put those of *changed* in force that initialise; why the others do not."""
        pool = self._parts.pool
        used = {function.qualified for function in pool.functions()}
        proved = list(zip(changed, await asyncio.gather(*(pool.prove(function) for function in changed)), strict=True))
        good = {function.name: function for function, (_, wrong) in proved if not wrong}
        if good:
            self.deployed(config, {function.name: function for function in self._parts.functions} | good)
        for function, (environment, wrong) in proved:
            if environment is not None:
                pool.take_on(environment, keep=function.qualified in used)
            if not wrong:
                log.info("code_reloaded", function=function.name, sha256=function.sha256)
        return {function.name: wrong for function, (_, wrong) in proved if wrong}

    def _tell(self, names: Collection[str], refused: Mapping[str, str]) -> None:
        """Log once what is wrong with code that is not taken."""
        for name, why in refused.items():
            if self.refused.get(name) != why:
                log.error("code_refused", function=name, error=why)
        self.refused = {name: why for name, why in self.refused.items() if name not in names} | dict(refused)

    def deployed(
        self, config: Config, deployed: Mapping[str, Function], *, everywhere: bool = False, roles: Collection[str] = ()
    ) -> Changes:
        """Have these run from now on; environments of what was end when they are idle. *everywhere*: of all functions; *roles*: of all
        that have one of these."""
        parts = self._parts
        now = {function.name: function for function in parts.functions}
        changes = reload_rules.changes(now, deployed)
        settled = reload_rules.settled(now, deployed)
        parts.functions.adopt(config, settled)
        retired = {*changes.changed, *changes.removed, *(one.name for one in now.values() if everywhere or one.role in roles)}
        versions = [one.qualified for one in parts.functions.versions() if one.name in changes.removed or everywhere or one.role in roles]
        for name in (*retired, *versions):
            parts.pool.retire(name)
        parts.pool.provision(parts.functions)
        return changes

    async def _removed(self, wanted: Config) -> dict[str, int]:
        """Functions that the config has no more, and how many of their events stay queued."""
        counts = by_function(await self._parts.journal.counts())
        return {name: unfinished(states) for name, states in counts.items() if name not in wanted.functions}

    async def collect(self) -> None:
        """Remove code that nothing needs any more."""
        parts = self._parts
        await parts.deployer.collect([*parts.functions, *parts.functions.versions(), *parts.pool.functions()])
