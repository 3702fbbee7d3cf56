"""The daemon: the only place that builds and wires. Start order, readiness, drain.

Start: lock → store → journal → environments → listeners of our own → sources. Stop: the same way back, in the
order of the data flow: sources take nothing new, what is leased runs on, environments end, the store closes."""

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import structlog

from router import VERSION
from router.api import reload_rules
from router.api.aws import services
from router.api.aws.door import Door
from router.api.aws.gate import Gate
from router.api.aws.identities import Identities, port_of, url_of
from router.api.aws.routing import streamed
from router.api.calls import Calls, Parts
from router.api.control import Control
from router.api.declared import Declared, kept
from router.api.doctor import Doctor
from router.api.hot_reload import HotReload
from router.api.keys import Keys
from router.api.queueing import QueueCalls
from router.api.reload import Parts as Reloads
from router.api.reload import Places, Reloader
from router.api.upkeep import Upkeep
from router.api.versions import Versions
from router.buckets.object_store import Objects
from router.clock import Clock, SystemClock
from router.config.fragments import Fragment
from router.config.load import load
from router.config.types import Config, Function, Listen
from router.console.health import Health
from router.credentials import KeyStore, Signers
from router.dispatch.destinations import Destinations, refuse_loops
from router.dispatch.dispatcher import Dispatcher
from router.dispatch.figures import count_store, reading
from router.dispatch.fleet import Fleet
from router.dispatch.housekeeping import Housekeeping
from router.dispatch.janitor import Janitor
from router.dispatch.pulse import Pulse
from router.dispatch.relay import Relay
from router.dispatch.slots import Slots
from router.errors import ConfigError, InvalidParameter
from router.functions.deployer import Deployer
from router.functions.layer_store import LayerStore
from router.functions.permissions import Permissions
from router.functions.registry import Functions
from router.iam.reading import mistakes_in
from router.journal.database import Database
from router.journal.lock import StateLock, prepare_state
from router.journal.restore import refuse_unfinished
from router.journal.sqlite import SqliteJournal
from router.queues.keeper import Keeper
from router.queues.moves import Moves
from router.queues.outbox import Outbox
from router.queues.store import Queues
from router.runtime import python_programs, resolve
from router.runtime.pool import WarmPool, warm_pool
from router.runtime.sandbox_controls import CONTROLS, effective, refusal
from router.runtime.sandbox_site import Ground
from router.sources import SECTIONS, SOURCES, TRIGGERS
from router.sources.base import Binding, House, Source
from router.tables.store import Tables
from router.tables.upkeep import Upkeep as TablesUpkeep
from router.telemetry.loggroups import LogGroups
from router.telemetry.logs import LogStore
from router.telemetry.metrics import Labels, Metrics
from router.telemetry.setup import configure, hide
from router.telemetry.systemd import ServiceManager
from router.web import Limits, Listener

log = structlog.get_logger("router.daemon")

SWITCH: Final = 0.0005  # seconds; the store's thread must win the interpreter back after every step, also from a busy loop
GARBAGE: Final = (10_000, 20, 50)  # gc thresholds: a request makes hundreds of short-lived objects and no cycles
PROVISION_WAIT: Final = 30.0  # seconds that sources wait for provisioned environments; then invocations start what is missing
LOCK_WAIT: Final = 5.0  # seconds a dying predecessor gets to end its last worker
AWS_LIMITS: Final = Limits(
    body_bytes=80 * 1024 * 1024, connections=2000, per_address=2000
)  # a zip of 50 MB in base64; functions all come from here
CONSOLE_HOSTS: Final = ("localhost", "127.0.0.1", "[::1]")  # a page that rebinds its own name to us gets 421


Flow = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the data flow that stops softly by its event, hard by cancellation."""

    name: str
    task: asyncio.Task[None]
    stop: asyncio.Event


class Stores(NamedTuple):
    """The state directory, open."""

    lock: StateLock
    database: Database
    declared: Declared
    journal: SqliteJournal
    queues: Queues
    moves: Moves
    outbox: Outbox
    tables: Tables


def check(path: Path, fragments: Sequence[Fragment] | None = None, text: str | None = None) -> Config:
    """Read the config as run() does. *fragments*: what the API declared, None: what its state directory keeps; *text*: of config.yaml.

    Raises ConfigError with every mistake, JournalError when the store cannot be read."""
    config = load(
        path,
        TRIGGERS,
        runtimes=_wrong_with_runtime,
        interpreters=python_programs.wrong,
        policies=mistakes_in,
        resource_policies=partial(mistakes_in, kind="resource"),
        sections=SECTIONS,
        declared=kept if fragments is None else lambda _: fragments,
        text=text,
    )
    sources(
        House(config, SystemClock(), cast("Database", None), Metrics())
    )  # building opens nothing: no store is needed to see that it fails
    refuse_loops(config)
    return config


def sources(house: House) -> list[Source]:
    """The sources that the config's triggers ask for. Raises ConfigError for what only all triggers together show."""
    return [source for built in by_class(house) for source in built]


def by_class(house: House) -> list[list[Source]]:
    """The same, by class. Raises ConfigError for what only all triggers together show."""
    bindings: dict[type[Any], list[Binding]] = {kind: [] for kind in SOURCES.values()}
    for function in house.config.functions.values():
        for (index, trigger), qualifier in zip(function.placed(), function.qualifiers or ("",) * len(function.triggers), strict=True):
            bindings[SOURCES[trigger.word]].append(Binding(function, trigger, index, qualifier))
    return [kind.build(found, house) for kind, found in bindings.items()]


def _wrong_with_runtime(name: str) -> str:
    try:
        resolve(name)
    except InvalidParameter as error:
        return str(error)
    return ""


def main(
    path: Path,
    *,
    clock: Clock | None = None,
    on_ready: Callable[[Calls], None] = lambda _: None,
    render: Callable[[], str | None] = lambda: None,
) -> int:
    """Run the daemon of this config in the foreground until SIGTERM or SIGINT; the exit status. *render*: the config's text, now and at
    every reload; None: what the file holds. Raises ConfigError, StateLocked."""
    config = check(path, text=render())
    writer = configure(secrets=config.secrets)
    sys.setswitchinterval(SWITCH)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        daemon = Daemon(config, clock or SystemClock(), render)
        daemon.metrics.gauge("router_log_lines_dropped", "Lines of the own log that nobody took.", read=reading(lambda: writer.dropped))
        runner.run(daemon.run(on_ready))
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - optional, and slow to import where it is not used
    except ImportError:
        return None
    return uvloop.new_event_loop


async def drain(stages: Sequence[Stage], *, grace: float) -> None:
    """Stop in the order of the data flow; cancel what runs past *grace* seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(grace):
            for stage in stages:
                stage.stop.set()
                await asyncio.wait([stage.task])  # unlike awaiting it: our timeout spares the task
    for stage in stages:
        stage.stop.set()
        if stage.task.cancel():
            log.warning("stage_cancelled", stage=stage.name, grace_s=grace)


class Daemon:
    """One daemon over one state directory."""

    def __init__(self, config: Config, clock: Clock, render: Callable[[], str | None] = lambda: None) -> None:
        self._config, self._clock, self._render = config, clock, render
        self.metrics = Metrics()
        self._manager = ServiceManager()
        self._ground = Ground(lambda: self._config)
        self._signers = Signers(config)  # at the AWS endpoint
        self._stop = asyncio.Event()
        self._reloader: Reloader | None = None  # once there is something to reload
        self._reloads: set[asyncio.Task[None]] = set()  # that a signal asked for

    async def run(self, on_ready: Callable[[Calls], None]) -> None:
        """Serve until a signal, then drain. Raises StateLocked, JournalError when it cannot start."""
        self._listen_to_signals()
        async with contextlib.AsyncExitStack() as opened:
            calls, flows = await self._open(opened)
            gc.collect()
            gc.freeze()  # what start-up made stays for good: not to be looked through again and again while serving
            gc.set_threshold(*GARBAGE)
            async with asyncio.TaskGroup() as group:
                stages = [self._stage(group, name, run) for name, run in flows]
                log.info("daemon_started", version=VERSION, pid=os.getpid(), config=str(self._config.file), state=str(self._config.state))
                self._manager.notify("READY=1", f"STATUS=serving {len(self._config.functions)} functions")
                self._tell(on_ready, calls)
                await self._stop.wait()
                self._manager.notify("STOPPING=1", "STATUS=draining")
                log.info("drain_started", grace_s=self._config.drain)
                await drain(stages, grace=self._config.drain)
        log.info("daemon_stopped")

    @staticmethod
    def _tell(on_ready: Callable[[Calls], None], calls: Calls) -> None:
        """A terminal that cannot be written to is no reason to stop serving."""
        try:
            on_ready(calls)
        except OSError as error:
            log.warning("banner_failed", error=str(error))

    def _listen_to_signals(self) -> None:
        """First SIGTERM or SIGINT drains, the second leaves at once: the journal and the spawner survive that."""

        def told(number: int) -> None:
            if self._stop.is_set():
                os._exit(128 + number)
            self._stop.set()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload)

    def _reload(self) -> None:
        """SIGHUP: as `router reload`; what is wrong is in the log."""
        if self._reloader is not None:
            task = asyncio.create_task(self._reloader.quietly(), name="reload")
            self._reloads.add(task)
            task.add_done_callback(self._reloads.discard)

    def _stage(self, group: asyncio.TaskGroup, name: str, run: Flow) -> Stage:
        stop = asyncio.Event()
        return Stage(name, group.create_task(run(stop), name=name), stop)

    async def _stores(self, opened: contextlib.AsyncExitStack) -> Stores:
        """The state directory, locked, and all that it keeps, open. Raises JournalError, StateLocked, BackupError."""
        config, clock = self._config, self._clock
        prepare_state(config.state)
        await asyncio.to_thread(_make_buckets, config)
        lock = await StateLock.acquire(config.state, wait=LOCK_WAIT, clock=clock)
        opened.callback(lock.release)
        refuse_unfinished(config.state)
        database = await Database.open(config.state / "journal.db")
        opened.push_async_callback(database.close)
        declared = await Declared.open(database, partial(check, config.file), clock)
        if declared.fragments() != config.declared:  # a predecessor that was still there declared more
            config = self._config = await asyncio.to_thread(check, config.file, declared.fragments(), config.text)
            hide(config.secrets)
        journal = await SqliteJournal.open(database, clock)
        queues = await Queues.open(database, clock, config.queues, region=config.region, account=config.account)
        count_store(self.metrics, database, journal, queues)
        opened.push_async_callback(journal.close)
        tables = await Tables.open(config.state, clock, config.item_tables, region=config.region, account=config.account)
        opened.push_async_callback(tables.database.close)
        return Stores(lock, database, declared, journal, queues, Moves(queues, clock), await Outbox.open(database, queues), tables)

    async def _open(self, opened: contextlib.AsyncExitStack) -> tuple[Calls, list[tuple[str, Flow]]]:
        """Build everything, floor by floor; the calls, and the stages in the order in which they stop."""
        clock, metrics = self._clock, self.metrics
        lock, database, declared, journal, queues, moves, outbox, tables = await self._stores(opened)
        config = self._config
        logs = LogStore(config.state / "logs", clock, metrics)
        opened.callback(logs.close)
        log_groups = await LogGroups.open(config.state / "logs", database, logs, clock)
        places = Places(reload_rules.places(config))
        pool = await self._pool(opened, logs, lock, places)
        deployer = Deployer(config.state, clock)
        functions = Functions(config, await self._deploy(deployer))
        versions = Versions(database, functions, pool, config.state / "code", clock)
        await versions.open(config)
        slots = Slots(config.functions, limit=config.limits.concurrency, clock=clock)
        dispatcher = Dispatcher(journal, pool, functions, slots, clock=clock, metrics=metrics)
        dispatcher.destinations = Destinations(outbox, functions, journal, clock)
        house = House(config, clock, database, metrics, queues, outbox, tables=tables)

        def build(config: Config) -> list[list[Source]]:
            return by_class(replace(house, config=config))

        fleet = Fleet([source for built in build(config) for source in built], clock=clock, metrics=metrics)
        calls = Calls(Parts(config, functions, journal, dispatcher, slots, pool, fleet, clock.now(), os.getpid()))
        relay = Relay(outbox, dispatcher, house)
        relay.logs = logs
        health = Health(metrics, problems=lambda: calls.problems() + tables.problems(), ping=partial(_ping, database, tables.database))
        janitor = Janitor(journal, retention=config.retention, clock=clock)
        housekeeping = Housekeeping(database, logs, self._manager, clock=clock, retention=config.retention.logs)

        objects = await Objects.prepared(config.buckets, database, house.ledgers, clock)
        opened.push_async_callback(objects.close)
        followers = (
            relay.adopt,
            lambda config: queues.adopt(config.queues),
            lambda config: objects.adopt(config.buckets),
            lambda config: tables.take(config.item_tables),
        )
        took = partial(self._took, janitor, housekeeping, followers)
        reloads = Reloads(
            *(calls, functions, slots, pool, fleet, deployer, journal, places),
            lambda: check(config.file, declared.fragments(), self._render()),
            build,
            _make_buckets,
            took,
        )
        self._reloader = Reloader(reloads, metrics)
        declared.serve(self._reloader)
        doctor = Doctor(calls, database, journal, lock, clock=clock, machine=pool.machine)
        keys = Keys(KeyStore(config.state), clock)
        control = Control(calls, doctor, QueueCalls(queues, moves), keys, reloader=self._reloader, versions=versions, declared=declared)
        permissions, layers = await Permissions.open(database), await LayerStore.open(database)
        parts = services.Parts(
            *(house, calls, functions, versions, dispatcher, self._reloader, declared, queues, moves, outbox),
            *(permissions, layers, log_groups, objects, tables),
        )
        identities = await self._identities()
        endpoint = self._endpoint(parts, identities)
        listeners = await self._listen(opened, control, health, endpoint, calls)
        identities.url = url_of(calls.listeners["aws"])
        self._ground.reach(port_of(identities.url))
        pool.reach(next(one.adopt for one in listeners if one.name == "aws"))
        places.identity = identities.variables
        await self._provision(pool, functions)
        return calls, [
            ("sources", lambda stop: _sources(fleet, dispatcher, stop)),
            ("dispatch", dispatcher.run),
            ("destinations", relay.run),
            ("listeners", lambda stop: _listeners(listeners, stop)),
            ("retention", janitor.run),
            ("code", Upkeep(self._reloader, clock).run),
            ("hot-reload", HotReload(self._reloader, clock).run),
            ("housekeeping", housekeeping.run),
            ("queues", Keeper(queues, moves, clock).run),
            ("objects", objects.run),
            ("tables", TablesUpkeep(tables, clock).run),
            ("pulse", Pulse(clock, metrics).run),
        ]

    def _took(self, janitor: Janitor, housekeeping: Housekeeping, followers: Sequence[Callable[[Config], None]], config: Config) -> None:
        """Another config is in force: those that a reload does not know of follow."""
        self._config = config
        self._signers.adopt(config)
        janitor.retention, housekeeping.retention = config.retention, config.retention.logs
        for follow in followers:
            follow(config)
        hide(config.secrets)
        self._manager.notify(f"STATUS=serving {len(config.functions)} functions")

    async def _identities(self) -> Identities:
        """The credentials of environments. Raises JournalError where keys are kept that cannot be read."""
        store = KeyStore(self._config.state)
        if self._config.aws.kind != "off":
            await asyncio.to_thread(store.master)
        return Identities(store, self._clock)

    def _endpoint(self, parts: services.Parts, identities: Identities) -> Door:
        """The AWS endpoint and every service of it."""
        return Door(parts, Gate(self._config, self._signers, self._clock), identities, self.metrics)

    async def _listen(
        self, opened: contextlib.AsyncExitStack, control: Control, health: Health, endpoint: Door, calls: Calls
    ) -> Sequence[Listener]:
        """The daemon's own listeners, bound: who finds the control socket finds the rest. Raises CannotListen."""
        config, clock, metrics = self._config, self._clock, self.metrics
        socket = Listen("unix", path=config.state / "control.sock")
        console = Listener("console", config.console, health, hosts=CONSOLE_HOSTS, clock=clock, metrics=metrics)
        aws = Listener("aws", config.aws, endpoint.handle, clock=clock, metrics=metrics, limits=AWS_LIMITS, streams=streamed)
        listeners = (Listener("control", socket, control, clock=clock, metrics=metrics), console, aws)
        for listener in reversed(listeners):
            await listener.start()
            opened.push_async_callback(listener.close)
        calls.listeners.update({"aws": aws.addresses, "console": console.addresses})
        return listeners

    async def _deploy(self, deployer: Deployer) -> Mapping[str, Function]:
        """The functions as they run. Raises ConfigError."""
        await deployer.open()
        deployed = await deployer.deploy(self._config)
        if deployed.problems:
            raise ConfigError(deployed.problems)
        return deployed.functions

    async def _pool(self, opened: contextlib.AsyncExitStack, logs: LogStore, lock: StateLock, places: Places) -> WarmPool:
        config = self._config
        ground = self._ground
        pool = warm_pool(
            state=config.state,
            lock_fd=lock.fd,
            region=config.region,
            account=config.account,
            variables=places.of,
            logs=logs,
            clock=self._clock,
            limits=config.limits,
            metrics=self.metrics,
            site=ground.site,
            users=ground.users,
        )
        await pool.open()
        self._tell_isolation(pool)
        opened.push_async_callback(pool.close)
        return pool

    async def _provision(self, pool: WarmPool, functions: Functions) -> None:
        """Have what is provisioned ready before there is traffic, within reason. /readyz answers 503 meanwhile."""
        pool.provision(functions)
        waits = [asyncio.create_task(pool.provisioned(PROVISION_WAIT)), asyncio.create_task(self._stop.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        for problem in pool.problems():
            log.warning("provisioning_slow", problem=problem)

    def _tell_isolation(self, pool: WarmPool) -> None:
        """Which functions are refused, once; and what confines each, whenever somebody asks."""
        functions, machine = self._config.functions, pool.machine()
        for function in functions.values():
            refused = refusal(machine, function)
            if refused:
                log.error("function_refused", function=function.name, error=refused)

        def read() -> dict[Labels, float]:
            now = pool.machine()
            return {
                (name, function.name): effective(now, function, name) for function in self._config.functions.values() for name in CONTROLS
            }

        said = "Whether a control confines a function."
        self.metrics.gauge("router_isolation_control", said, "control", "function", read=read)


def _make_buckets(config: Config) -> None:
    """Make the directories of buckets that are none yet, also of those that only functions write to; not a missing mount."""
    for bucket in config.buckets.values():
        if bucket.mount == "optional":
            try:
                bucket.path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                log.warning("bucket_not_made", bucket=bucket.name, error=str(error))


async def _ping(*databases: Database) -> None:
    """Raise JournalError when one of them cannot record anything now."""
    for database in databases:
        await database.ping()


async def _sources(fleet: Fleet, dispatcher: Dispatcher, stop: asyncio.Event) -> None:
    """Run every source; afterwards nothing new is taken by the other doors either."""
    await fleet.run(dispatcher, stop)
    dispatcher.closing = True


async def _listeners(listeners: Sequence[Listener], stop: asyncio.Event) -> None:
    """Serve the daemon's own listeners; last to stop, so that a drain can be watched."""
    async with asyncio.TaskGroup() as group:
        for listener in listeners:
            group.create_task(listener.serve(stop), name=listener.name)
