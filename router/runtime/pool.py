"""Environments kept warm. The caller holds a concurrency slot already: here is no waiting for one."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import structlog

from router.clock import Clock
from router.config.types import Function, Limits
from router.errors import EnvironmentUnavailable
from router.model import Outcome
from router.runtime import RUNTIMES, resolve
from router.runtime.backoff import FREE, InitBackoff
from router.runtime.base import ExecutionEnvironment, Invocation
from router.runtime.lifecycle import READY, State
from router.runtime.outcomes import Failure
from router.runtime.shared import Shared
from router.telemetry.metrics import Labels, Metrics
from router.telemetry.report import LogStore, LogStream

log: Final = structlog.get_logger(__name__)


class Environment(ExecutionEnvironment, Protocol):
    """What the pool needs to know of an environment beside running it."""

    function: Function
    state: State
    init_failure: Failure | None  # why its last init failed

    async def refuse(self, invocation: Invocation, payload: bytes, error_type: str) -> Outcome:
        """Answer with an error object without starting a process."""

    def take_dropped(self) -> int:
        """Bytes of output that were not logged since this was last asked."""


class Runtime(Protocol):
    """A family of runtimes; see RUNTIMES."""

    async def open(self) -> None:
        """Make ready to start environments. Raises EnvironmentUnavailable."""

    def environment(self, function: Function, stream: LogStream) -> Environment:
        """A cold environment."""

    async def close(self) -> None:
        """End everything that is left."""


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
    """See base.Pool. Total bounded by limits.concurrency, idle ones by limits.idle."""

    def __init__(self, runtimes: Mapping[str, Runtime], *, logs: LogStore, clock: Clock, limits: Limits, metrics: Metrics) -> None:
        self._runtimes, self._logs, self._clock, self._limits = runtimes, logs, clock, limits
        self._all: set[Environment] = set()
        self._idle: dict[Environment, float] = {}  # since when, monotonic; the least recently used first
        self._stacks: dict[str, list[Environment]] = {}  # idle ones of a function's version, the most recently used last
        self._stale: set[Environment] = set()  # busy ones whose function has changed
        self._closing: set[asyncio.Task[None]] = set()
        self._starved = 0  # callers that wait for room
        self._backoff = InitBackoff()
        self._told: set[str] = set()
        self._evictor: asyncio.Task[None] | None = None
        self._closed = False
        self._cold = metrics.counter("router_cold_starts_total", "Environments initialised.", "function")
        self._dropped = metrics.counter("router_output_dropped_bytes_total", "Function output over its allowance, not logged.", "function")
        metrics.gauge("router_environments", "Execution environments.", "function", "state", read=self._counts)

    async def open(self) -> None:
        """Open the runtimes. Raises EnvironmentUnavailable, OSError."""
        for runtime in self._runtimes.values():
            await runtime.open()
        self._evictor = asyncio.create_task(self._evict(), name="idle-environments")

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run in the function's most recently used idle environment, or a new one. Raises EnvironmentUnavailable.

        Cancelled, the run is cut short: the environment is ended with all its processes."""
        environment = self._take(invocation.function) or await self._add(invocation.function)
        try:
            outcome = await (environment.invoke(invocation) if environment.state is READY else self._first(environment, invocation))
        except BaseException:
            self._retire(environment)
            raise
        self._give_back(environment)
        return outcome

    def retire(self, function: str) -> None:
        """The code or configuration of *function* (Function.qualified) changed: idle environments end now, busy ones after what they run."""
        for environment in list(self._all):
            if environment.function.qualified == function:
                if environment in self._idle:
                    self._retire(environment)
                else:
                    self._stale.add(environment)
        self._backoff.succeeded(function)

    def rows(self) -> list[Row]:
        """One row for each function that has or had environments."""
        counts = self._counts()
        functions = {environment.function.name: environment.function for environment in self._all}
        rows = []
        for name in sorted({name for name, _ in counts}):
            idle, busy = int(counts[name, "idle"]), int(counts[name, "busy"])
            runs = resolve(functions[name].runtime).runs
            rows.append(Row(name, runs, idle + busy, idle, busy, int(self._cold.value(name))))
        return rows

    async def close(self) -> None:
        """End every environment; what still runs is cut short with EnvironmentUnavailable."""
        self._closed = True
        if self._evictor is not None:
            self._evictor.cancel()
            await asyncio.gather(self._evictor, return_exceptions=True)
        for environment in list(self._all):
            self._retire(environment)
        if self._closing:
            await asyncio.wait(self._closing)
        for runtime in self._runtimes.values():
            await runtime.close()

    async def _first(self, environment: Environment, invocation: Invocation) -> Outcome:
        """Run it in an environment that is not initialised, unless that would start a process of a function whose init keeps failing."""
        name, key = invocation.function.name, invocation.function.qualified
        refusal = self._backoff.refusal(key, self._clock.monotonic(), invocation.request_id)
        if refusal is not None:
            return await environment.refuse(invocation, *refusal)
        self._cold.add(name)
        outcome = await environment.invoke(invocation)
        failure = environment.init_failure
        if failure is None:
            self._backoff.succeeded(key)
        else:
            now = self._clock.monotonic()
            failures = self._backoff.failed(key, now, failure.payload, failure.error_type, invocation.request_id)
            if failures == FREE + 1:
                log.warning("function_init_backed_off", function=name, failures=failures, error_type=failure.error_type)
        return outcome

    def _take(self, function: Function) -> Environment | None:
        """An idle environment of exactly this function, an initialised one if there is any."""
        stack = self._stacks.get(function.qualified, [])
        broken = None
        for environment in reversed(stack[:] if stack and stack[-1].state is not READY else stack[-1:]):
            if environment.function is not function and environment.function != function:
                self.retire(function.qualified)
                return None
            if environment.state is READY:
                return self._taken(environment)
            broken = broken or environment
        return self._taken(broken) if broken is not None else None

    def _taken(self, environment: Environment) -> Environment:
        del self._idle[environment]
        stack = self._stacks[environment.function.qualified]
        if stack[-1] is environment:
            stack.pop()
        else:
            stack.remove(environment)
        return environment

    def _give_back(self, environment: Environment) -> None:
        dropped = environment.take_dropped()
        if dropped:
            self._dropped.add(environment.function.name, amount=dropped)
        if environment in self._stale or self._closed:
            self._retire(environment)
            return
        self._idle[environment] = self._clock.monotonic()
        self._stacks.setdefault(environment.function.qualified, []).append(environment)

    async def _add(self, function: Function) -> Environment:
        """A cold environment, once there is room for it."""
        self._starved += 1
        try:
            while len(self._all) >= self._limits.concurrency:
                if len(self._closing) < self._starved and self._idle:
                    self._retire(next(iter(self._idle)))
                if not self._closing:
                    break  # all are busy, and the caller has a slot: this one is within the bound
                await asyncio.wait(self._closing, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._starved -= 1
        if self._closed:
            raise EnvironmentUnavailable("the daemon is shutting down")
        resolved = resolve(function.runtime)
        if resolved.note and resolved.name not in self._told:
            self._told.add(resolved.name)
            log.warning("runtime_mapped", runtime=resolved.name, runs=resolved.runs)
        environment = self._runtimes[resolved.family].environment(function, self._logs.stream(function.name, function.version))
        self._all.add(environment)
        return environment

    def _retire(self, environment: Environment) -> None:
        """Close it in the background; it counts until it is gone."""
        if environment in self._idle:
            self._taken(environment)
        self._stale.discard(environment)
        task = asyncio.create_task(self._close_one(environment), name="environment-close")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close_one(self, environment: Environment) -> None:
        try:
            await environment.close()
        finally:
            self._all.discard(environment)
            if not self._stacks.get(environment.function.qualified):
                self._stacks.pop(environment.function.qualified, None)

    async def _evict(self) -> None:
        """End what has been idle for limits.idle; until cancelled."""
        while True:
            now = self._clock.monotonic()
            for environment, since in list(self._idle.items()):
                if now - since < self._limits.idle:
                    break
                self._retire(environment)
            oldest = next(iter(self._idle.values()), now)
            await self._clock.sleep(max(0.001, oldest + self._limits.idle - now))

    def _counts(self) -> dict[Labels, float]:
        counts: dict[Labels, float] = {}
        for environment in self._all:
            name = environment.function.name
            state = "idle" if environment in self._idle else "busy"
            counts.setdefault((name, "idle"), 0)
            counts.setdefault((name, "busy"), 0)
            counts[name, state] += 1
        return counts


def warm_pool(
    *,
    state: Path,
    lock_fd: int | None,
    region: str,
    variables: Callable[[Function], Mapping[str, str]],
    logs: LogStore,
    clock: Clock,
    limits: Limits,
    metrics: Metrics,
) -> WarmPool:
    """The daemon's pool over all RUNTIMES, not open yet.

    *state*: the state directory; *lock_fd*: its lock (an flock), shared with the spawners until no worker is left;
    *variables*: what the daemon adds to a function's environment, e.g. BUCKET_<NAME>."""
    restarts = metrics.counter("router_spawner_restarts_total", "Spawners that died and were replaced.")
    shared = Shared(state=state, lock_fd=lock_fd, region=region, clock=clock, variables=variables, on_restart=restarts.add)
    return WarmPool({family: load()(shared) for family, load in RUNTIMES.items()}, logs=logs, clock=clock, limits=limits, metrics=metrics)
