"""Environments kept warm. The caller holds a concurrency slot already: here is no waiting for one."""

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from router.clock import Clock
from router.config.types import Function, Limits
from router.errors import EnvironmentUnavailable, TooManyRequests
from router.model import Outcome
from router.runtime import outcomes, resolve
from router.runtime.backoff import FREE, InitBackoff
from router.runtime.base import Environment, Invocation, Runtime
from router.runtime.lifecycle import COLD, ON_DEMAND, PROVISIONED, READY, Initialization
from router.runtime.outcomes import Failure
from router.runtime.provisioning import Provisioner
from router.runtime.room import Room
from router.runtime.roster import Roster
from router.runtime.sandbox_controls import Machine
from router.runtime.shared import Adopt
from router.runtime.shelf import Shelf
from router.runtime.starts import Starts
from router.telemetry.metrics import Metrics
from router.telemetry.report import LogStore, LogStream

LOOK: Final = 60.0  # seconds between two looks for idle ones that are that old, at most
ROOM_WAIT: Final = 1.0  # seconds that an invocation waits for room when nothing idle can make it

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Row:
    """One function's environments, for `router ps`."""

    function: str
    runtime: str  # what it runs on
    environments: int
    idle: int
    busy: int
    cold_starts: int


class WarmPool:
    """See base.Pool. All together bounded by limits.concurrency and limits.memory, idle ones by limits.idle."""

    def __init__(self, runtimes: Mapping[str, Runtime], *, logs: LogStore, clock: Clock, limits: Limits, metrics: Metrics) -> None:
        self._runtimes, self._logs, self._clock, self._limits = runtimes, logs, clock, limits
        self._shelf = Shelf()
        self._room = Room(limits, self._shelf, clock, evict=self._make_way, put_back=self._give_back)
        self._starts = Starts(clock, max(4, 2 * (os.cpu_count() or 1)), self._give_back)
        self._backoff = InitBackoff()
        self._provisioner = Provisioner(self._warm, self._provisioned, clock)
        self._roster = Roster(self._shelf, self._room, clock, self._provisioner.nudge)
        self._told: set[str] = set()
        self._evictor: asyncio.Task[None] | None = None
        self.machine: Callable[[], Machine] = Machine  # what there is to confine functions with
        self.reach: Callable[[Adopt], None] = lambda _: None  # told who serves the AWS endpoint in networks of functions' own
        self._cold = metrics.counter("router_cold_starts_total", "Environments initialised for an invocation.", "function")
        self._dropped = metrics.counter("router_output_dropped_bytes_total", "Function output over its allowance, not logged.", "function")
        self._evicted = metrics.counter("router_evictions_total", "Idle environments ended to make room for another.", "function")
        self._spilled = metrics.counter(
            "router_provisioned_spillover_total", "Invocations that found no provisioned environment idle.", "function"
        )
        metrics.gauge("router_environments", "Execution environments.", "function", "state", read=self._roster.counts)

    async def open(self) -> None:
        """Open the runtimes. Raises EnvironmentUnavailable, OSError."""
        for runtime in self._runtimes.values():
            await runtime.open()
            runtime.on_unprepared = self._provisioner.nudge
        self._evictor = asyncio.create_task(self._evict(), name="idle-environments")

    def provision(self, functions: Iterable[Function]) -> None:
        """Keep these functions' provisioned environments ready from now on, and no others."""
        self._provisioner.want(functions)
        for environment in [one for one in self._roster if one.initialization is PROVISIONED]:
            if not self._provisioner.wants(environment.function):
                self._roster.retire_when_idle(environment)

    async def provisioned(self, wait: float) -> bool:
        """Wait until what is provisioned was ready once, or has failed; *wait* seconds at most."""
        return await self._provisioner.settled(wait)

    def problems(self) -> list[str]:
        """What is provisioned and was not ready yet, a sentence each."""
        return self._provisioner.problems()

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run in an idle environment of the function, or a new one. Raises EnvironmentUnavailable, TooManyRequests when there is no room.

        Cancelled, the run is cut short: the environment is ended with all its processes."""
        function = invocation.function
        environment, ticket = self._take(function), None
        if environment is None:
            environment, ticket = await self._another(function)
        try:
            if function.provisioned_concurrency and environment.initialization is not PROVISIONED:
                self._spilled.add(function.name)
            outcome = await (environment.invoke(invocation) if environment.state is READY else self._first(environment, invocation))
            self._give_back(environment)
        except BaseException:
            self._roster.retire(environment)
            raise
        finally:
            if ticket is not None:
                self._starts.ended(function.qualified, ticket)
        return outcome

    async def _another(self, function: Function) -> tuple[Environment, int | None]:
        """One that became idle meanwhile, or a new one and the ticket of its start. Raises as invoke() does."""
        turn = await self._starts.turn(function.qualified)
        if isinstance(turn, int):
            if (idle := self._take(function)) is not None:  # put back while somebody wanted room, who comes before those in line
                self._starts.ended(function.qualified, turn)
                return idle, None
            try:
                return await self._add(function, wait=ROOM_WAIT), turn
            except BaseException:
                self._starts.ended(function.qualified, turn)
                raise
        if turn.function is function or turn.function == function:
            return turn, None
        self._roster.retire(turn)
        return await self._another(function)

    def retire(self, function: str) -> None:
        """The code or configuration of *function* (Function.qualified) changed: idle environments end now, busy ones after what they run."""
        self._roster.retire_of(function)
        for runtime in self._runtimes.values():
            runtime.forget(function)
        self._provisioner.nudge(function)
        self._backoff.succeeded(function)

    def evict(self, function: str) -> None:
        """End the idle environments of *function* (Function.qualified), as if there were no room for them."""
        for environment in [one for one in self._roster if one.function.qualified == function and one in self._shelf]:
            self._roster.retire(environment)

    def limit(self, limits: Limits) -> None:
        """These are the limits from now on; idle environments over them end as soon as another needs the room."""
        self._limits = limits
        self._room.limit(limits)

    def functions(self) -> list[Function]:
        """The function of each environment that is not gone: what their code is still needed for."""
        return self._roster.functions()

    def rows(self) -> list[Row]:
        """One row for each function that has or had environments."""
        counts = self._roster.counts()
        functions = {function.name: function for function in self._roster.functions()}
        rows = []
        for name in sorted({name for name, _ in counts}):
            idle, busy = int(counts[name, "idle"]), int(counts[name, "busy"])
            runs = resolve(functions[name].runtime, functions[name].python).runs
            rows.append(Row(name, runs, idle + busy, idle, busy, int(self._cold.value(name))))
        return rows

    async def close(self) -> None:
        """End every environment; what still runs is cut short with EnvironmentUnavailable."""
        self._room.close()
        self._starts.close()
        await self._provisioner.close()
        if self._evictor is not None:
            self._evictor.cancel()
            await asyncio.gather(self._evictor, return_exceptions=True)
        await self._roster.close()
        for runtime in self._runtimes.values():
            await runtime.close()

    async def _first(self, environment: Environment, invocation: Invocation) -> Outcome:
        """Run it in an environment that is not initialised, unless that would start a process of a function whose init keeps failing."""
        name, key = invocation.function.name, invocation.function.qualified
        refusal = self._backoff.refusal(key, self._clock.monotonic(), invocation.request_id)
        if refusal is not None:
            return await environment.refuse(invocation, *refusal)
        failure = await self._prepare(invocation.function)
        if failure is None:
            self._cold.add(name)
            outcome = await environment.invoke(invocation)
            failure = environment.init_failure
        else:
            outcome = await environment.refuse(invocation, failure.payload, failure.error_type)
        if failure is None:
            self._backoff.succeeded(key)
        else:
            now = self._clock.monotonic()
            failures = self._backoff.failed(key, now, failure.payload, failure.error_type, invocation.request_id)
            if failures == FREE + 1:
                log.warning("function_init_backed_off", function=name, failures=failures, error_type=failure.error_type)
        return outcome

    async def _prepare(self, function: Function) -> Failure | None:
        """Have what its environments are made from; why not. Raises EnvironmentUnavailable."""
        runtime = self._runtime(function)
        return None if runtime.prepared(function) else await runtime.prepare(function, lambda: self._stream(function))

    async def prove(self, function: Function) -> tuple[Environment | None, str]:
        """Initialise an environment of *function* before anybody is given one: it, for take_on(), or why its init failed.

        Neither where that cannot be known beforehand: a command, a snapshot, an init that takes longer than its phase may, no room."""
        if function.runtime == "command" or function.snap_start:
            return None, ""
        try:
            environment = await self._add(function, wait=0.0)
        except (TooManyRequests, EnvironmentUnavailable):
            return None, ""
        try:
            failure = await environment.warm()
        except EnvironmentUnavailable:
            failure = None
        except BaseException:
            self._roster.retire(environment)
            raise
        if environment.state is READY:
            return environment, ""
        self._roster.retire(environment)
        return None, "" if failure is None or failure.status == "timeout" else failure.error_type or "its init failed"

    def take_on(self, environment: Environment, *, keep: bool = True) -> None:
        """Give what was proved to whoever comes next: its function is in force now. Not *keep*: nobody used it of late, so end it."""
        self._roster.stale.discard(environment)
        if keep:
            self._give_back(environment)
        else:
            self._roster.retire(environment)

    async def _warm(self, function: Function) -> str:
        """Have one more provisioned environment, or the snapshot; "" or why not. Raises TooManyRequests, EnvironmentUnavailable."""
        if function.snap_start:
            failure = await self._prepare(function)
            return outcomes.told(failure) if failure else ""
        environment = await self._add(function, PROVISIONED, wait=ROOM_WAIT)
        try:
            failure = await environment.warm()
        except BaseException:
            self._roster.retire(environment)
            raise
        if failure is not None:
            self._roster.retire(environment)
            return outcomes.told(failure)
        self._give_back(environment)
        return ""

    def _provisioned(self, function: Function) -> int:
        """How many provisioned environments of exactly this function there are or are being made; whether there is a snapshot."""
        if function.snap_start:
            return int(self._runtime(function).prepared(function))
        return sum(
            one.initialization is PROVISIONED
            and one.function == function
            and one not in self._roster.stale
            and one not in self._roster.closing
            for one in self._roster
        )

    def _take(self, function: Function) -> Environment | None:
        """An idle environment of exactly this function."""
        environment = self._shelf.take(function)
        if environment is None or environment.function is function or environment.function == function:
            return environment
        self._roster.retire(environment)
        self._roster.retire_of(function.qualified)
        self._backoff.succeeded(function.qualified)
        return None

    def _give_back(self, environment: Environment) -> None:
        if environment.dropped:
            self._dropped.add(environment.function.name, amount=environment.dropped)
            environment.dropped = 0
        lost = environment.initialization is not ON_DEMAND and environment.state not in {READY, COLD}
        if lost or environment in self._roster.stale or self._room.closed:
            self._roster.retire(environment)
            return
        if self._room.waiting:
            self._offer(environment)
        elif not self._starts.held or not self._starts.hand_over(environment.function.qualified, environment):
            self._shelf.put(environment, self._clock.monotonic())

    def _offer(self, environment: Environment) -> None:
        """One is idle while somebody waits for room: they come first, unless it is of no use to them."""
        key = environment.function.qualified
        self._shelf.put(environment, self._clock.monotonic())
        self._room.serve(environment)
        if self._starts.held and environment in self._shelf:
            self._shelf.remove(environment)
            if not self._starts.hand_over(key, environment):
                self._shelf.put(environment, self._clock.monotonic())

    async def _add(self, function: Function, initialization: Initialization = ON_DEMAND, *, wait: float) -> Environment:
        """A cold environment, once there is room for it; or one of the function's own that became idle meanwhile.

        Raises TooManyRequests when there is no room within *wait* seconds, EnvironmentUnavailable."""
        runtime = self._runtime(function)
        if refused := runtime.refusal(function):  # before others make room for it
            raise EnvironmentUnavailable(refused)
        victims = self._room.victims(function.memory)
        if victims is None:
            own = None if initialization is PROVISIONED else function
            if own is not None:
                self._starts.block(function.qualified)
            idle = await self._room.wait(function.memory, own, self._clock.monotonic() + wait)
            if idle is not None:
                return idle
        else:
            self._make_way(victims)
        await self._room.cleared(function.memory, claimed=victims is None)
        environment = runtime.environment(function, self._stream(function), initialization)
        environment.on_lost = lambda: self._lost(environment)
        self._roster.enter(environment)
        return environment

    def _make_way(self, idle: Iterable[Environment]) -> None:
        """End idle ones for another."""
        for environment in idle:
            self._evicted.add(environment.function.name)
            self._roster.retire(environment)

    def _runtime(self, function: Function) -> Runtime:
        resolved = resolve(function.runtime, function.python)
        if resolved.note and resolved.name not in self._told:
            self._told.add(resolved.name)
            log.warning("runtime_mapped", runtime=resolved.name, runs=resolved.runs)
        return self._runtimes[resolved.family]

    def _stream(self, function: Function) -> LogStream:
        return self._logs.stream(function.name, function.version, function.logging.group)

    def _lost(self, environment: Environment) -> None:
        """Its process ended while nothing ran in it. One on demand starts another when it is asked to."""
        if environment.initialization is not ON_DEMAND:
            self._roster.retire_when_idle(environment)

    async def _evict(self) -> None:
        """End what has been idle for limits.idle, and what is too old; until cancelled."""
        while True:
            now = self._clock.monotonic()
            for environment in self._shelf.expired(now - self._limits.idle):
                self._roster.retire(environment)
            self._roster.retire_old()
            await self._clock.sleep(min(LOOK, max(0.001, self._shelf.oldest(now) + self._limits.idle - now)))
