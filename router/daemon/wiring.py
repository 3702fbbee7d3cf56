"""One daemon, built floor by floor."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from router.api import reload_rules
from router.api.aws import services, sizes
from router.api.aws.door import Door
from router.api.aws.gate import Gate
from router.api.aws.identities import Identities, port_of, url_of
from router.api.aws.routing import streamed
from router.api.calls import Calls, Parts
from router.api.control import Control
from router.api.doctor import Doctor
from router.api.hot_reload import HotReload
from router.api.keys import Keys
from router.api.queueing import QueueCalls
from router.api.reload import Built, Places, Reloader
from router.api.reload import Parts as Reloads
from router.api.upkeep import Upkeep
from router.api.versions import Versions
from router.buckets.object_store import Objects
from router.clock import Clock
from router.config.places import placed
from router.config.types import Config, Function, Listen
from router.console import access
from router.console.console import Console
from router.console.health import Health
from router.console.tail import Tail
from router.credentials import KeyStore, Signers
from router.daemon.checking import built, by_class, read
from router.daemon.environments import opened_pool, provision
from router.daemon.stages import Step, run_listeners, run_sources
from router.daemon.stores import Stores, make_buckets, opened_stores
from router.dispatch.clearing import Clearing
from router.dispatch.destinations import Destinations
from router.dispatch.dispatcher import Dispatcher
from router.dispatch.fleet import Fleet
from router.dispatch.housekeeping import Housekeeping
from router.dispatch.janitor import Janitor
from router.dispatch.pulse import Pulse
from router.dispatch.relay import Relay
from router.dispatch.slots import Slots
from router.errors import ConfigError
from router.functions.deployer import Deployer
from router.functions.layer_store import LayerStore
from router.functions.registry import Functions
from router.queues.keeper import Keeper
from router.runtime.pool import WarmPool
from router.runtime.sandbox_site import Ground
from router.sources.base import House, Listening
from router.sources.metric_filters import MetricFilters
from router.tables.upkeep import Upkeep as TablesUpkeep
from router.telemetry.loggroups import LogGroups
from router.telemetry.logs import LogStore
from router.telemetry.measured import Measured
from router.telemetry.metrics import Metrics
from router.telemetry.setup import hide
from router.telemetry.systemd import ServiceManager
from router.web import Limits, Listener
from router.web.sockets import CannotListen

CONSOLE_HOSTS: Final = ("localhost", "127.0.0.1", "[::1]")  # a page that rebinds its own name to us gets 421
AWS_LIMITS: Final = Limits(body_bytes=sizes.LARGEST, connections=2000, per_address=2000)  # functions all come from one address


class Core(NamedTuple):
    """What takes events and runs functions."""

    logs: LogStore
    measured: Measured
    groups: LogGroups
    places: Places
    pool: WarmPool
    deployer: Deployer
    functions: Functions
    versions: Versions
    slots: Slots
    dispatcher: Dispatcher
    house: House
    fleet: Fleet
    calls: Calls


class Beside(NamedTuple):
    """What works beside that: hands over, keeps, forgets."""

    relay: Relay
    janitor: Janitor
    housekeeping: Housekeeping
    objects: Objects
    clearing: Clearing
    filters: MetricFilters


class Wiring:
    """Builds one daemon; knows the config in force."""

    def __init__(self, config: Config, clock: Clock, metrics: Metrics, manager: ServiceManager, render: Callable[[], str | None]) -> None:
        self.config = config
        self.reloader: Reloader | None = None  # once there is something to reload
        self._clock, self._metrics, self._manager, self._render = clock, metrics, manager, render
        self._ground = Ground(lambda: self.config)
        self._signers = Signers(config)  # at the AWS endpoint
        self._followers: tuple[Callable[[Config], None], ...] = ()  # who is told of another config

    async def build(self, opened: contextlib.AsyncExitStack, stop: asyncio.Event) -> tuple[Calls, Sequence[Step]]:
        """Everything, to be closed by *opened*; the calls, and the stages in the order in which they stop.

        Raises StateLocked, JournalError, ConfigError, CannotListen, EnvironmentUnavailable when it cannot start."""
        stores = await opened_stores(opened, self.config, self._clock, self._metrics, self._took)
        core = await self._core(opened, stores)
        beside = await self._beside(opened, stores, core)
        self.reloader = self._reloads(stores, core)
        stores.declared.serve(self.reloader)
        listeners = await self._faces(opened, stores, core, beside, self.reloader, stop=stop)
        await provision(core.pool, core.functions, stop)
        return core.calls, self._flows(stores, core, beside, self.reloader, listeners)

    async def _core(self, opened: contextlib.AsyncExitStack, stores: Stores) -> Core:
        config, clock, metrics = self.config, self._clock, self._metrics
        logs = LogStore(config.state / "logs", clock, metrics)
        measured = Measured(metrics)
        logs.measured = measured.take
        opened.callback(logs.close)
        places = Places(reload_rules.places(config))
        pool = await opened_pool(
            *(opened, lambda: self.config),
            ground=self._ground,
            places=places,
            logs=logs,
            lock=stores.lock,
            clock=clock,
            metrics=metrics,
        )
        deployer = Deployer(config.state, clock)
        functions = Functions(config, await self._deploy(deployer))
        versions = Versions(stores.database, functions, pool, config.state / "code", clock, declared=stores.declared)
        await versions.open(config)
        stores.declared.attach("functions", versions, stores.permissions)
        slots = Slots(config.functions, limit=config.limits.concurrency, clock=clock)
        dispatcher = Dispatcher(stores.journal, pool, functions, slots, clock=clock, metrics=metrics)
        dispatcher.deliveries.destinations = Destinations(stores.outbox, functions, stores.journal, clock)
        groups = await LogGroups.open(config.state / "logs", stores.database, logs, clock)
        groups.adopt(config.log_groups)
        house = House(
            *(config, clock, stores.database, metrics, stores.queues, stores.outbox),
            tables=stores.tables,
            logs=groups,
            policy=stores.permissions.policy,
        )
        fleet = Fleet([source for found in by_class(house) for source in found], clock=clock, metrics=metrics)
        house.in_force()
        calls = Calls(Parts(config, functions, stores.journal, dispatcher, slots, pool, fleet, clock.now(), os.getpid()))
        return Core(logs, measured, groups, places, pool, deployer, functions, versions, slots, dispatcher, house, fleet, calls)

    async def _deploy(self, deployer: Deployer) -> Mapping[str, Function]:
        """The functions as they run. Raises ConfigError."""
        await deployer.open()
        deployed = await deployer.deploy(self.config)
        if deployed.problems:
            raise ConfigError(placed(self.config, deployed.problems))
        return deployed.functions

    async def _beside(self, opened: contextlib.AsyncExitStack, stores: Stores, core: Core) -> Beside:
        config, clock, house = self.config, self._clock, core.house
        relay = Relay(stores.outbox, core.dispatcher, house)
        relay.logs = core.logs
        janitor = Janitor(stores.journal, retention=config.retention, clock=clock)
        housekeeping = Housekeeping(stores.database, core.logs, self._manager, clock=clock, retention=config.retention.logs)
        objects = await Objects.prepared(config.buckets, stores.database, house.ledgers, clock)
        opened.push_async_callback(objects.close)
        clearing = Clearing(config, stores.journal, objects, stores.database, clock=clock, metrics=self._metrics)
        await clearing.prepare()
        core.dispatcher.deliveries.on_success = clearing.succeeded

        filters = MetricFilters(core.groups, core.measured, clock)
        filters.adopt(config.metric_filters)

        def keep(config: Config) -> None:
            janitor.retention, housekeeping.retention = config.retention, config.retention.logs

        self._followers = (
            self._signers.adopt,
            keep,
            relay.adopt,
            lambda config: stores.queues.adopt(config.queues),
            lambda config: objects.adopt(config.buckets),
            clearing.adopt,
            lambda config: core.groups.adopt(config.log_groups),
            lambda config: filters.adopt(config.metric_filters),
            lambda config: stores.tables.take(config.item_tables),
        )
        return Beside(relay, janitor, housekeeping, objects, clearing, filters)

    def _reloads(self, stores: Stores, core: Core) -> Reloader:
        def build(config: Config) -> Built:
            house = replace(core.house, config=config, running=core.fleet.source, later=[])
            return Built(built(house), house.in_force)

        parts = Reloads(
            *(core.calls, core.functions, core.slots, core.pool, core.fleet, core.deployer, stores.journal, core.places),
            lambda: read(self.config.file, stores.declared.fragments(), self._render()),
            build,
            make_buckets,
            lambda config: stores.queues.make_room(config.queues),
            self._took,
        )
        return Reloader(parts, self._metrics)

    def _took(self, config: Config) -> None:
        """Another config is in force: those that a reload does not know of follow."""
        self.config = config
        for follow in self._followers:
            follow(config)
        hide(config.secrets)
        self._manager.notify(f"STATUS=serving {len(config.functions)} functions")

    async def _faces(
        self, opened: contextlib.AsyncExitStack, stores: Stores, core: Core, beside: Beside, reloader: Reloader, *, stop: asyncio.Event
    ) -> Sequence[Listener]:
        """The daemon's own listeners, bound, and what answers behind them; functions know the AWS endpoint from now on."""
        identities = await self._identities()
        control = self._control(stores, core, reloader)
        listeners = (
            Listener("control", self._socket(), control, clock=self._clock, metrics=self._metrics),
            await self._console(stores, core, control, stop),
            await self._aws(stores, core, beside, reloader, identities),
        )
        for source in (supervisor.source for supervisor in core.fleet):
            if isinstance(source, Listening):
                await _told(source.name, source.bind())
                opened.push_async_callback(source.close)
        for listener in reversed(listeners):  # who finds the control socket finds the rest
            await _told(listener.name, listener.start())
            opened.push_async_callback(listener.close)
        _, console, aws = listeners
        core.calls.listeners.update({"aws": aws.addresses, "console": console.addresses})
        identities.url = url_of(aws.addresses)
        self._ground.reach(port_of(identities.url))
        core.pool.reach(aws.adopt)
        core.places.identity, identities.published = identities.variables, core.functions.versions
        self._followers += (identities.adopt,)
        return listeners

    def _socket(self) -> Listen:
        return Listen("unix", path=self.config.state / "control.sock")

    def _control(self, stores: Stores, core: Core, reloader: Reloader) -> Control:
        doctor = Doctor(core.calls, stores.database, stores.journal, stores.lock, clock=self._clock, machine=core.pool.machine)
        keys = Keys(KeyStore(self.config.state), self._clock)
        queues = QueueCalls(stores.queues, stores.moves)
        return Control(core.calls, doctor, queues, keys, reloader=reloader, versions=core.versions, declared=stores.declared)

    async def _console(self, stores: Stores, core: Core, control: Control, stop: asyncio.Event) -> Listener:
        def problems() -> list[str]:
            return core.calls.problems() + stores.tables.problems()

        health = Health(self._metrics, problems=problems, ping=stores.ping)
        where, state = self.config.console, self.config.state
        token = "" if where.kind == "off" else await asyncio.to_thread(access.token_of, state)
        console = Console(token, health, Tail(state / "logs", stop, self._clock), control)
        return Listener("console", where, console, hosts=CONSOLE_HOSTS, clock=self._clock, metrics=self._metrics)

    async def _aws(self, stores: Stores, core: Core, beside: Beside, reloader: Reloader, identities: Identities) -> Listener:
        """The AWS endpoint and every service of it."""
        config, clock, metrics = self.config, self._clock, self._metrics
        parts = services.Parts(
            *(core.house, core.calls, core.functions, core.versions, core.dispatcher, reloader),
            *(stores.declared, stores.queues, stores.moves, stores.outbox),
            *(stores.permissions, await LayerStore.open(stores.database)),
            *(core.groups, core.measured),
            *(beside.objects, stores.tables),
        )
        door = Door(parts, Gate(config, self._signers, clock), identities, metrics)
        return Listener("aws", config.aws, door.handle, clock=clock, metrics=metrics, limits=AWS_LIMITS, room=sizes.room, streams=streamed)

    async def _identities(self) -> Identities:
        """The credentials of environments. Raises JournalError where keys are kept that cannot be read."""
        store = KeyStore(self.config.state)
        if self.config.aws.kind != "off":
            await asyncio.to_thread(store.master)
        return Identities(store, self._clock)

    def _flows(self, stores: Stores, core: Core, beside: Beside, reloader: Reloader, listeners: Sequence[Listener]) -> Sequence[Step]:
        """The stages, in the order in which they stop. Dispatch with the sources: a request that takes its time must not have queued
        events started after the stop, to be cut short at its end; what sources take meanwhile is queued."""
        clock, hot = self._clock, HotReload(reloader, self._clock)
        self._followers += (hot.adopt,)
        together: Step = [("sources", lambda stop: run_sources(core.fleet, core.dispatcher, stop)), ("dispatch", core.dispatcher.run)]
        after: Step = [
            ("destinations", beside.relay.run),
            ("clearing", beside.clearing.run),
            ("listeners", lambda stop: run_listeners(listeners, stop)),
            ("retention", beside.janitor.run),
            ("code", Upkeep(reloader, clock).run),
            ("hot-reload", hot.run),
            ("housekeeping", beside.housekeeping.run),
            ("metric-filters", beside.filters.run),
            ("queues", Keeper(stores.queues, stores.moves, clock).run),
            ("objects", beside.objects.run),
            ("tables", TablesUpkeep(stores.tables, clock).run),
            ("pulse", Pulse(clock, self._metrics).run),
        ]
        return [together, *([stage] for stage in after)]


async def _told(name: str, binding: Awaitable[None]) -> None:
    """Have a listener bound. Raises CannotListen that names it: an address alone does not say what wanted it."""
    try:
        await binding
    except CannotListen as error:
        remedy = "" if name == "control" else f"; listen.{name} in the config says where, or off"
        raise CannotListen(f"{name} listener: {error}{remedy}") from error
