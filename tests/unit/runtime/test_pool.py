"""Which environment an invocation gets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from router.config.types import Function, Limits
from router.errors import EnvironmentUnavailable, TooManyRequests
from router.model import Outcome
from router.runtime.base import Invocation
from router.runtime.lifecycle import Initialization, State
from router.runtime.outcomes import Failure
from router.runtime.pool import LOOK, WarmPool
from router.runtime.roster import OLDEST
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock, settle
from tests.helpers.logs import MemoryLogs


class FakeEnvironment:
    """Runs until released; an init of function "bad" fails."""

    def __init__(self, runtime: "FakeRuntime", function: Function, number: int, initialization: Initialization) -> None:
        self.function, self.number, self._runtime, self.initialization = function, number, runtime, initialization
        self.on_lost: Callable[[], None] = lambda: None
        self.state = State.COLD
        self.init_failure: Failure | None = None
        self.refused = 0
        self.dropped = 0

    async def invoke(self, invocation: Invocation) -> Outcome:
        if self._runtime.exhausted:
            raise EnvironmentUnavailable("no processes")
        if self.function.name == "bad":
            self._runtime.starts += 1
            self.state, self.init_failure = State.BROKEN, Failure("E", b"bad", "", "error")
            return Outcome(b"bad", "Unhandled", "E")
        self.state = State.BUSY
        self.dropped = 5
        if self._runtime.gate is not None:
            await self._runtime.gate.wait()
        self.state = State.BROKEN if invocation.payload == b"crash" else State.READY
        return Outcome(str(self.number).encode())

    async def warm(self) -> Failure | None:
        if self.function.name == "bad":
            self._runtime.starts += 1
            return Failure("E", b"bad", "", "error")
        self.state = State.READY
        return None

    async def refuse(self, invocation: Invocation, payload: bytes, error_type: str) -> Outcome:
        self.refused += 1
        return Outcome(payload, "Unhandled", error_type)

    async def close(self) -> None:
        self.state = State.CLOSED
        await asyncio.sleep(0)
        self._runtime.living.discard(self)


class FakeRuntime:
    """Makes fake environments and counts the living."""

    def __init__(self) -> None:
        self.living: set[FakeEnvironment] = set()
        self.made = 0
        self.starts = 0
        self.most = 0
        self.gate: asyncio.Event | None = None
        self.exhausted = False
        self.refusing = False
        self.preparations = 0
        self.snapshots: set[str] = set()

    def on_unprepared(self, function: str) -> None:
        """Replaced by the pool."""

    async def open(self) -> None:
        """Nothing to do."""

    async def prepare(self, function: Function, stream: object) -> Failure | None:
        self.preparations += 1
        self.snapshots |= set() if self.refusing else {function.qualified}
        return Failure("Runtime.SnapshotRefused", b"no", "", "error") if self.refusing else None

    def prepared(self, function: Function) -> bool:
        return not function.snap_start or function.qualified in self.snapshots

    def forget(self, function: str) -> None:
        self.snapshots.discard(function)

    def refusal(self, function: Function) -> str:
        return "it requires what is not there" if function.require else ""

    def environment(self, function: Function, stream: object, initialization: Initialization) -> FakeEnvironment:
        self.made += 1
        environment = FakeEnvironment(self, function, self.made, initialization)
        self.living.add(environment)
        self.most = max(self.most, len(self.living))
        return environment

    async def close(self) -> None:
        assert not self.living


@pytest.fixture
def runtime() -> FakeRuntime:
    return FakeRuntime()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def pool(runtime: FakeRuntime, clock: VirtualClock, metrics: Metrics) -> AsyncIterator[WarmPool]:
    pool = WarmPool({"python": runtime}, logs=MemoryLogs(), clock=clock, limits=Limits(concurrency=3, idle=600), metrics=metrics)
    await pool.open()
    yield pool
    await pool.close()
    assert not runtime.living


def function(name: str) -> Function:
    return Function(name, Path("/f"), "app.handler")


async def run(pool: WarmPool, name: str = "f") -> int:
    return int((await pool.invoke(Invocation(function(name), b"", "id", "arn"))).payload)


async def test_the_most_recently_used_is_taken(pool: WarmPool, runtime: FakeRuntime) -> None:
    runtime.gate = asyncio.Event()
    first = asyncio.create_task(run(pool))
    await settle()
    second = asyncio.create_task(run(pool))
    await settle()
    runtime.gate.set()
    assert await asyncio.gather(first, second) == [1, 2]
    assert [await run(pool), await run(pool)] == [2, 2]


async def test_when_full_the_least_recently_used_of_another_function_makes_room(pool: WarmPool, runtime: FakeRuntime) -> None:
    for name in "abcdef":
        await run(pool, name)
    await run(pool, "a")
    await run(pool, "g")
    assert sorted(environment.function.name for environment in runtime.living) == ["a", "c", "d", "e", "f", "g"]
    assert runtime.most == 6, "three that may be busy, and as many that are spared"


async def test_for_a_function_that_is_refused_nobody_makes_room(pool: WarmPool, runtime: FakeRuntime) -> None:
    for name in "abcdef":
        await run(pool, name)
    with pytest.raises(EnvironmentUnavailable, match="requires what is not there"):
        await pool.invoke(Invocation(replace(function("g"), require=("no_network",)), b"", "id", "arn"))
    await settle()
    assert sorted(environment.function.name for environment in runtime.living) == list("abcdef")


async def test_a_busy_function_leaves_the_others_their_only_environment(pool: WarmPool, runtime: FakeRuntime) -> None:
    for name in "ab":
        await run(pool, name)
    runtime.gate = asyncio.Event()
    flood = [asyncio.create_task(run(pool, "flood")) for _ in range(3)]
    await settle()
    runtime.gate.set()
    await asyncio.gather(*flood)
    made = runtime.made
    for name in "ab":
        await run(pool, name)
    assert runtime.made == made


async def test_many_newcomers_at_once_never_exceed_the_bound(pool: WarmPool, runtime: FakeRuntime) -> None:
    for round_ in range(5):
        await asyncio.gather(*(run(pool, f"{round_}{name}") for name in "abc"))
    assert runtime.most == 6


async def test_idle_ones_end_after_their_time(pool: WarmPool, runtime: FakeRuntime, clock: VirtualClock) -> None:
    await run(pool, "a")
    await clock.advance(300)
    await run(pool, "b")
    await clock.advance(301)
    assert [environment.function.name for environment in runtime.living] == ["b"]
    await clock.advance(300)
    assert not runtime.living
    assert pool.rows() == []


async def test_used_again_it_lives_on(pool: WarmPool, runtime: FakeRuntime, clock: VirtualClock) -> None:
    for _ in range(5):
        await run(pool, "a")
        await clock.advance(500)
    assert runtime.made == 1


async def test_a_changed_function_gets_new_environments(pool: WarmPool, runtime: FakeRuntime) -> None:
    await run(pool, "a")
    changed = replace(function("a"), memory=512)
    outcome = await pool.invoke(Invocation(changed, b"", "id", "arn"))
    assert outcome.payload == b"2"
    await settle()
    assert [environment.function.memory for environment in runtime.living] == [512]


async def test_versions_of_a_function_leave_each_others_environments_alone(pool: WarmPool, runtime: FakeRuntime) -> None:
    third, fourth = replace(function("a"), version="3", memory=512), replace(function("a"), version="4")
    runs = [await pool.invoke(Invocation(one, b"", "id", "arn")) for one in (third, fourth, third, function("a"), fourth)]
    assert [outcome.payload for outcome in runs] == [b"1", b"2", b"1", b"3", b"2"]
    pool.retire("a:3")
    await settle()
    assert sorted(environment.function.version for environment in runtime.living) == ["$LATEST", "4"]


async def test_retired_while_busy_it_ends_after_what_it_runs(pool: WarmPool, runtime: FakeRuntime) -> None:
    runtime.gate = asyncio.Event()
    running = asyncio.create_task(run(pool, "a"))
    await settle()
    pool.retire("a")
    await settle()
    assert len(runtime.living) == 1
    runtime.gate.set()
    assert await running == 1
    await settle()
    assert not runtime.living


async def test_an_init_that_keeps_failing_is_not_started_again_and_again(pool: WarmPool, runtime: FakeRuntime, clock: VirtualClock) -> None:
    for _ in range(50):
        outcome = await pool.invoke(Invocation(function("bad"), b"", "id", "arn"))
        assert (outcome.payload, outcome.error_type) == (b"bad", "E")
    assert runtime.starts == 3
    assert await run(pool, "good") == 2
    await clock.advance(1.1)
    await pool.invoke(Invocation(function("bad"), b"", "id", "arn"))
    assert runtime.starts == 4


async def test_without_a_process_the_caller_hears_it_and_nothing_stays(pool: WarmPool, runtime: FakeRuntime) -> None:
    runtime.exhausted = True
    with pytest.raises(EnvironmentUnavailable):
        await run(pool)
    await settle()
    assert not runtime.living
    runtime.exhausted = False
    assert await run(pool) == 2


async def test_cancelled_the_environment_goes(pool: WarmPool, runtime: FakeRuntime) -> None:
    runtime.gate = asyncio.Event()
    running = asyncio.create_task(run(pool))
    await settle()
    running.cancel()
    await settle()
    assert not runtime.living


async def test_rows_and_metrics(pool: WarmPool, runtime: FakeRuntime, metrics: Metrics) -> None:
    runtime.gate = asyncio.Event()
    running = asyncio.create_task(run(pool, "a"))
    await settle()
    (row,) = pool.rows()
    assert (row.function, row.environments, row.idle, row.busy, row.cold_starts) == ("a", 1, 0, 1, 1)
    runtime.gate.set()
    await running
    (row,) = pool.rows()
    assert (row.idle, row.busy) == (1, 0)
    text = metrics.exposition()
    assert 'router_environments{function="a",state="idle"} 1' in text
    assert 'router_cold_starts_total{function="a"} 1' in text
    assert 'router_output_dropped_bytes_total{function="a"} 5' in text


async def test_closed_it_starts_nothing(pool: WarmPool) -> None:
    await pool.close()
    with pytest.raises(EnvironmentUnavailable):
        await run(pool)


# room -----------------------------------------------------------------------------------------------------------------------


def sized(name: str, memory: int = 128, provisioned: int = 0) -> Function:
    return replace(function(name), memory=memory, provisioned_concurrency=provisioned)


async def call(pool: WarmPool, of: Function, payload: bytes = b"") -> int:
    return int((await pool.invoke(Invocation(of, payload, "id", "arn"))).payload)


@pytest.fixture
async def small(runtime: FakeRuntime, clock: VirtualClock, metrics: Metrics) -> AsyncIterator[WarmPool]:
    """A pool of 512 MB."""
    limits = Limits(concurrency=10, idle=600, memory=512)
    pool = WarmPool({"python": runtime}, logs=MemoryLogs(), clock=clock, limits=limits, metrics=metrics)
    await pool.open()
    yield pool
    await pool.close()
    assert not runtime.living


async def test_idle_ones_of_others_end_for_one_that_would_not_fit(small: WarmPool, runtime: FakeRuntime, metrics: Metrics) -> None:
    for name in "abcd":
        await call(small, sized(name))
    await call(small, sized("a"))
    await call(small, sized("e", 256))
    assert sorted(environment.function.name for environment in runtime.living) == ["a", "d", "e"]
    assert 'router_evictions_total{function="b"} 1' in metrics.exposition()


async def test_without_room_a_caller_waits_for_it(small: WarmPool, runtime: FakeRuntime, clock: VirtualClock) -> None:
    runtime.gate = asyncio.Event()
    busy = asyncio.create_task(call(small, sized("a", 512)))
    await settle()
    waiting = asyncio.create_task(call(small, sized("b")))
    await clock.advance(0.9)
    assert not waiting.done()
    runtime.gate.set()
    assert [await busy, await waiting] == [1, 2]


async def test_one_that_waits_takes_its_functions_own_when_that_becomes_idle(small: WarmPool, runtime: FakeRuntime) -> None:
    runtime.gate = asyncio.Event()
    calls = [asyncio.create_task(call(small, sized("a", 512))) for _ in range(3)]
    await settle()
    runtime.gate.set()
    assert await asyncio.gather(*calls) == [1, 1, 1]


async def test_without_room_for_a_second_a_caller_is_throttled(small: WarmPool, runtime: FakeRuntime, clock: VirtualClock) -> None:
    runtime.gate = asyncio.Event()
    busy = asyncio.create_task(call(small, sized("a", 512)))
    await settle()
    waiting = asyncio.create_task(call(small, sized("b")))
    await clock.advance(1.1)
    with pytest.raises(TooManyRequests):
        await waiting
    runtime.gate.set()
    assert await busy == 1


async def test_one_that_waits_hears_of_the_end(small: WarmPool, runtime: FakeRuntime) -> None:
    runtime.gate = asyncio.Event()
    busy = asyncio.create_task(call(small, sized("a", 512)))
    await settle()
    waiting = asyncio.create_task(call(small, sized("b")))
    await settle()
    await small.close()
    with pytest.raises(EnvironmentUnavailable):
        await waiting
    runtime.gate.set()
    await busy


async def test_who_comes_later_is_not_served_before_those_who_wait(small: WarmPool, runtime: FakeRuntime) -> None:
    """Each asks again as soon as it is served; with room for one environment they take turns."""
    runtime.gate, served = asyncio.Event(), []

    async def client(name: int) -> None:
        for _ in range(4):
            await call(small, sized("a", 512))
            served.append(name)

    clients = [asyncio.create_task(client(name)) for name in range(6)]
    await settle()
    runtime.gate.set()
    await asyncio.gather(*clients)
    assert runtime.made == 1
    rounds = [served[at : at + 6] for at in range(0, 24, 6)]
    assert [sorted(one) for one in rounds] == [[*range(6)]] * 4


async def test_what_is_of_no_use_to_who_waits_for_room_goes_to_its_own_line(small: WarmPool, runtime: FakeRuntime) -> None:
    runtime.gate, small._starts._few = asyncio.Event(), 1
    stranger = asyncio.create_task(small._room.wait(1024, None, 1e9))  # has waited longest, and never fits
    await settle()
    both = [asyncio.create_task(call(small, sized("a"))) for _ in range(2)]
    await settle()
    small._starts.block("a")
    runtime.gate.set()
    assert await asyncio.gather(*both) == [1, 1]
    stranger.cancel()


async def test_who_has_waited_longest_for_room_comes_before_the_line_of_what_makes_it(small: WarmPool, runtime: FakeRuntime) -> None:
    runtime.gate, small._starts._few = asyncio.Event(), 1
    first, other, second = [asyncio.create_task(call(small, sized(name, 512))) for name in ("a", "b", "a")]
    await settle()
    assert small._starts.held
    runtime.gate.set()
    assert await first == 1
    assert await other == 2
    assert await second == 3
    assert not small._room.waiting


async def test_what_is_of_no_use_to_anybody_stays_idle(small: WarmPool, runtime: FakeRuntime) -> None:
    """Who stood in its line is gone, and has had no turn of the loop to leave it."""
    runtime.gate, small._starts._few = asyncio.Event(), 1
    stranger = asyncio.create_task(small._room.wait(1024, None, 1e9))
    first, second = [asyncio.create_task(call(small, sized("a"))) for _ in range(2)]
    await settle()
    environment = next(iter(runtime.living))
    second.cancel()
    small._give_back(environment)  # in the same turn
    assert environment in small._shelf
    stranger.cancel()
    first.cancel()
    await asyncio.gather(stranger, first, second, return_exceptions=True)


async def test_one_that_leaves_passes_on_what_it_was_given(small: WarmPool, runtime: FakeRuntime) -> None:
    runtime.gate = asyncio.Event()
    busy, leaving, staying = [asyncio.create_task(call(small, sized("a", 512))) for _ in range(3)]
    await settle()
    assert len(small._room.waiting) == 2
    runtime.gate.set()
    assert await busy == 1
    assert len(small._room.waiting) == 1  # it was handed over, and nobody has heard of it
    leaving.cancel()
    assert await staying == 1
    assert leaving.cancelled()
    assert not small._room.waiting


async def test_many_sizes_at_once_stay_within_the_memory(small: WarmPool, runtime: FakeRuntime) -> None:
    for round_ in range(20):
        await asyncio.gather(*(call(small, sized(f"{name}{round_ % 3}", size)) for name, size in (("a", 128), ("b", 256), ("c", 128))))
        assert sum(environment.function.memory for environment in runtime.living) <= 512


# provisioned ----------------------------------------------------------------------------------------------------------------


def started(runtime: FakeRuntime) -> list[str]:
    return sorted(f"{one.function.name} {one.initialization}" for one in runtime.living)


async def test_provisioned_ones_are_there_before_anybody_asks(pool: WarmPool, runtime: FakeRuntime, metrics: Metrics) -> None:
    a = sized("a", provisioned=2)
    pool.provision([a, sized("b")])
    assert pool.problems() == ["function a: not all of its 2 provisioned environments are initialised yet"]
    assert await pool.provisioned(5)
    assert started(runtime) == ["a provisioned-concurrency"] * 2
    assert await call(pool, a) in {1, 2}
    assert "router_cold_starts_total{" not in metrics.exposition()
    runtime.gate = asyncio.Event()
    calls = [asyncio.create_task(call(pool, a)) for _ in range(3)]
    await settle()
    runtime.gate.set()
    assert sorted(await asyncio.gather(*calls)) == [1, 2, 3]
    assert started(runtime) == ["a on-demand", *["a provisioned-concurrency"] * 2]
    assert 'router_provisioned_spillover_total{function="a"} 1' in metrics.exposition()


async def test_provisioned_ones_neither_expire_nor_make_room(small: WarmPool, runtime: FakeRuntime, clock: VirtualClock) -> None:
    a = sized("a", 256, provisioned=1)
    small.provision([a])
    await small.provisioned(5)
    await clock.advance(10_000)
    await call(small, sized("b"))
    await call(small, sized("c", 256))
    assert started(runtime) == ["a provisioned-concurrency", "c on-demand"]


async def test_one_that_crashed_is_replaced(pool: WarmPool, runtime: FakeRuntime) -> None:
    a = sized("a", provisioned=1)
    pool.provision([a])
    await pool.provisioned(5)
    await call(pool, a, b"crash")
    await settle()
    assert [(one.number, one.state) for one in runtime.living] == [(2, State.READY)]
    (idle,) = runtime.living
    idle.on_lost()
    await settle()
    assert [one.number for one in runtime.living] == [3]


async def test_a_changed_function_is_provisioned_anew(pool: WarmPool, runtime: FakeRuntime) -> None:
    pool.provision([sized("a", provisioned=1)])
    await pool.provisioned(5)
    pool.retire("a")  # its code changed
    await settle()
    assert [one.number for one in runtime.living] == [2]
    pool.provision([sized("a", 256, provisioned=1)])
    await pool.provisioned(5)
    await settle()
    assert [one.function.memory for one in runtime.living] == [256]
    pool.provision([])
    await settle()
    assert not runtime.living


async def test_provisioned_ones_that_fail_leave_nothing_behind(pool: WarmPool, runtime: FakeRuntime, clock: VirtualClock) -> None:
    pool.provision([sized("bad", provisioned=2)])
    assert await pool.provisioned(5)
    await clock.advance(30)
    assert not runtime.living
    assert runtime.starts <= 16


async def test_a_snapshot_is_there_before_anybody_asks_and_again_when_it_is_lost(pool: WarmPool, runtime: FakeRuntime) -> None:
    f = replace(function("f"), snap_start=True)
    pool.provision([f])
    assert await pool.provisioned(5)
    assert (runtime.preparations, runtime.made) == (1, 0)
    await call(pool, f)
    assert runtime.preparations == 1
    pool.retire("f")
    await settle()
    assert runtime.preparations == 2
    runtime.snapshots.clear()
    runtime.on_unprepared("f")
    await settle()
    assert runtime.preparations == 3


async def test_a_snapshot_that_cannot_be_taken_is_every_callers_error(pool: WarmPool, runtime: FakeRuntime, clock: VirtualClock) -> None:
    runtime.refusing = True
    f = replace(function("f"), snap_start=True)
    for _ in range(10):
        outcome = await pool.invoke(Invocation(f, b"", "id", "arn"))
        assert (outcome.payload, outcome.error_type) == (b"no", "Runtime.SnapshotRefused")
    assert runtime.preparations == 3
    runtime.refusing = False
    await clock.advance(2)
    assert await call(pool, f) == 1


async def test_evicted_by_name(pool: WarmPool, runtime: FakeRuntime) -> None:
    await run(pool, "a")
    await run(pool, "b")
    pool.evict("a")
    await settle()
    assert [environment.function.name for environment in runtime.living] == ["b"]


# --- many at once


async def wide(runtime: FakeRuntime, clock: VirtualClock, metrics: Metrics) -> WarmPool:
    pool = WarmPool({"python": runtime}, logs=MemoryLogs(), clock=clock, limits=Limits(concurrency=100, idle=600), metrics=metrics)
    pool._starts._few = 4
    await pool.open()
    return pool


async def test_who_waits_for_the_turn_to_start_looks_at_what_was_put_back(
    runtime: FakeRuntime, clock: VirtualClock, metrics: Metrics
) -> None:
    pool = await wide(runtime, clock, metrics)
    stranger = asyncio.create_task(pool._room.wait(128, None, clock.monotonic() + 1))  # another function, which comes first
    pool._starts._few = 1
    runtime.gate = asyncio.Event()
    both = [asyncio.create_task(run(pool)) for _ in range(2)]
    await settle()
    runtime.gate.set()
    assert await asyncio.gather(*both) == [1, 1]
    stranger.cancel()
    await pool.close()


async def test_a_burst_is_run_by_the_few_that_start_first(runtime: FakeRuntime, clock: VirtualClock, metrics: Metrics) -> None:
    pool = await wide(runtime, clock, metrics)
    assert len(await asyncio.gather(*(run(pool) for _ in range(60)))) == 60
    assert runtime.made < 20
    await pool.close()


async def test_a_burst_of_slow_ones_has_them_all_run_at_once(runtime: FakeRuntime, clock: VirtualClock, metrics: Metrics) -> None:
    pool, runtime.gate = await wide(runtime, clock, metrics), asyncio.Event()
    tasks = [asyncio.create_task(run(pool)) for _ in range(60)]
    await clock.advance(0.05)
    assert runtime.made == 60
    runtime.gate.set()
    assert sorted(await asyncio.gather(*tasks)) == [*range(1, 61)]
    await pool.close()


async def test_one_whose_function_has_changed_is_not_handed_over(runtime: FakeRuntime, clock: VirtualClock, metrics: Metrics) -> None:
    pool, runtime.gate = await wide(runtime, clock, metrics), asyncio.Event()
    tasks = [asyncio.create_task(run(pool)) for _ in range(4)]
    await settle()
    changed = replace(function("f"), timeout=7.0)
    later = asyncio.create_task(pool.invoke(Invocation(changed, b"", "id", "arn")))
    await settle()
    assert not later.done()
    runtime.gate.set()
    await asyncio.gather(*tasks, later)
    assert runtime.made == 5
    assert {environment.function.timeout for environment in runtime.living} >= {7.0}
    await pool.close()


async def test_who_waits_for_a_start_hears_of_the_end(runtime: FakeRuntime, clock: VirtualClock, metrics: Metrics) -> None:
    pool, runtime.gate = await wide(runtime, clock, metrics), asyncio.Event()
    tasks = [asyncio.create_task(run(pool)) for _ in range(6)]
    await settle()
    closing = asyncio.create_task(pool.close())
    await settle()
    assert [task.done() for task in tasks[4:]] == [True, True]
    assert all(isinstance(task.exception(), EnvironmentUnavailable) for task in tasks[4:])
    runtime.gate.set()
    await asyncio.gather(closing, *tasks, return_exceptions=True)


async def test_what_was_proved_is_nobodys_until_it_is_taken_on(pool: WarmPool, runtime: FakeRuntime) -> None:
    await run(pool, "a")
    changed = replace(function("a"), memory=512)
    environment, wrong = await pool.prove(changed)
    assert environment is not None
    assert wrong == ""
    assert await run(pool, "a") == 1, "the old code is in force"
    pool.retire("a")
    pool.take_on(environment)
    assert (await pool.invoke(Invocation(changed, b"", "id", "arn"))).payload == b"2"
    await settle()
    assert [one.function for one in runtime.living] == [changed]


async def test_what_was_proved_for_nobody_ends(pool: WarmPool, runtime: FakeRuntime) -> None:
    environment, _ = await pool.prove(function("a"))
    assert environment is not None
    pool.take_on(environment, keep=False)
    await settle()
    assert not runtime.living


async def test_an_init_that_fails_proves_the_code_wrong(pool: WarmPool, runtime: FakeRuntime) -> None:
    assert await pool.prove(function("bad")) == (None, "E")
    await settle()
    assert not runtime.living


async def test_what_cannot_be_known_beforehand_is_not_held_against_the_code(pool: WarmPool, runtime: FakeRuntime) -> None:
    assert await pool.prove(replace(function("a"), snap_start=True)) == (None, "")
    assert await pool.prove(replace(function("a"), runtime="command", command=("true",))) == (None, "")
    runtime.gate = asyncio.Event()
    running = [asyncio.create_task(run(pool, name)) for name in "abc"]
    await settle()
    assert await pool.prove(function("d")) == (None, ""), "no room"
    runtime.gate.set()
    await asyncio.gather(*running)


async def test_limits_may_change(pool: WarmPool, runtime: FakeRuntime) -> None:
    runtime.gate = asyncio.Event()
    running = [asyncio.create_task(run(pool, name)) for name in "abcd"]
    await settle()
    assert len(runtime.living) == 3
    pool.limit(Limits(concurrency=4, idle=600))
    await settle()
    assert len(runtime.living) == 4
    runtime.gate.set()
    await asyncio.gather(*running)
    assert sorted(one.name for one in pool.functions()) == ["a", "b", "c", "d"]


async def test_an_environment_ends_before_its_credentials_do(pool: WarmPool, runtime: FakeRuntime, clock: VirtualClock) -> None:
    await run(pool)
    idle = set(runtime.living)
    clock.jump(OLDEST - LOOK)
    await run(pool)
    assert runtime.living == idle
    clock.jump(LOOK)
    await clock.advance(LOOK)
    assert not runtime.living
    runtime.gate = asyncio.Event()
    busy = asyncio.create_task(run(pool))
    await settle()
    clock.jump(OLDEST + 1)
    await clock.advance(LOOK)  # it is noticed while it runs, so that one that is never idle for long is not missed
    assert runtime.living
    runtime.gate.set()
    await busy
    await settle()
    assert not runtime.living
