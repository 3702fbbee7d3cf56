"""Timeouts, deaths of workers and of the spawner, and invocations that nobody awaits any more."""

import asyncio
import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from router.errors import SpawnerDied
from router.model import Outcome
from tests.conformance.runtime.bench import Bench, alive, busy, kill_and_see, processes_of, until
from tests.conformance.samples import needs, only
from tests.helpers.confined import here, left


@pytest.mark.parametrize("handler", ["slow", "deaf", "stop_self"])
async def test_a_timeout_kills_and_the_next_event_gets_a_fresh_worker(bench: Bench, handler: str) -> None:
    short = bench.sample.short
    function = bench.function(handler, timeout=short)
    began = time.monotonic()
    outcome = await bench.run(function, 30)
    assert short <= time.monotonic() - began < short + 2
    error = json.loads(outcome.payload)
    assert list(error) == ["errorType", "errorMessage"]
    assert error["errorType"] == outcome.error_type == "Sandbox.Timedout"
    assert re.fullmatch(rf"RequestId: [0-9a-f-]{{36}} Error: Task timed out after {short:.2f} seconds", error["errorMessage"])
    assert outcome.duration_ms == short * 1000
    said, end, report = bench.logs.of(handler)[-3:]
    assert said.endswith(f"Task timed out after {short:.2f} seconds")
    assert end.startswith("END")
    assert report.rstrip().endswith("Status: timeout")
    if handler == "slow":
        again = await bench.run(function, 0)
        assert again.payload == b"null"
        assert again.init_ms is None  # a suppressed init is part of the invocation
        assert again.log_stream == outcome.log_stream


async def test_tmp_survives_the_reset_of_an_environment(bench: Bench) -> None:
    function = bench.function("keep_tmp", timeout=bench.sample.short)
    assert (await bench.run(function)).error_type == "Sandbox.Timedout"
    assert (await bench.run(function)).payload == b"true"


async def test_a_detached_grandchild_dies_with_the_timeout_and_does_not_delay_it(bench: Bench, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    outcome = await bench.run(bench.function("detach", timeout=bench.sample.short), {"mark": str(mark), "sleep": 30})
    assert outcome.error_type == "Sandbox.Timedout"
    assert mark.read_text()
    assert left() == []


@needs("warm")
async def test_a_detached_grandchild_does_not_delay_the_answer_and_dies_with_its_environment(bench: Bench, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    began = time.monotonic()
    outcome = await bench.run("detach", {"mark": str(mark), "sleep": 0})
    assert (outcome.payload, time.monotonic() - began < 2) == (b"null", True)
    (pid,) = map(here, map(int, mark.read_text().split()))
    assert alive(pid)
    bench.pool.retire("detach")
    await until(lambda: not alive(pid))


async def test_a_fork_bomb_is_gone_soon_after_the_timeout(bench: Bench) -> None:
    other = bench.function("counted")
    await bench.run(other)
    began = time.monotonic()
    outcome = await bench.run(bench.function("bomb", timeout=bench.sample.short))
    assert outcome.error_type == "Sandbox.Timedout"
    assert time.monotonic() - began < bench.sample.short + 2
    assert processes_of("fn:bomb") == []
    assert json.loads((await bench.run(other)).payload)[0] == (1 if "warm" in bench.sample.lacks else 2)


@needs("warm")
@pytest.mark.parametrize(
    ("handler", "event", "said"),
    [
        ("leave", 0, "Runtime exited without providing a reason"),
        ("leave", 3, "Runtime exited with error: exit status 3"),
        ("leave", "text", "Runtime exited with error: exit status 1"),
        ("vanish", 0, "Runtime exited without providing a reason"),
        ("vanish", 7, "Runtime exited with error: exit status 7"),
        ("signalled", signal.SIGKILL, "Runtime exited with error: signal: killed"),
        ("signalled", signal.SIGABRT, "Runtime exited with error: signal: aborted"),
        ("signalled", signal.SIGSEGV, "Runtime exited with error: signal: segmentation fault"),
    ],
)
async def test_a_process_that_ends_is_an_exit_error(bench: Bench, handler: str, event: Any, said: str) -> None:
    outcome = await bench.run(handler, event)
    request_id = bench.logs.of(handler)[-2].split()[-1]
    assert json.loads(outcome.payload) == {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {request_id} Error: {said}"}
    crash, end, report = bench.logs.of(handler)[-3:]
    assert crash == f"RequestId: {request_id} Error: {said}\nRuntime.ExitError"
    assert end.startswith("END")
    assert report.endswith("Status: error\tError Type: Runtime.ExitError")
    assert outcome.max_memory_mb > 0
    assert (await bench.run("echo", 1)).payload == b"1"


@only("python")
async def test_base_exceptions_end_the_process(bench: Bench) -> None:
    assert (await bench.run("interrupt")).error_type == "Runtime.ExitError"


@only("python", "nodejs")
async def test_a_worker_without_descriptors_is_an_exit_error(bench: Bench) -> None:
    assert (await bench.run("close_all")).error_type == "Runtime.ExitError"


@needs("warm")
async def test_killed_from_outside_mid_invocation(bench: Bench, tmp_path: Path) -> None:
    function, mark = bench.function("counted"), tmp_path / "begun"
    pid = here(json.loads((await bench.run(function)).payload)[1])
    held = asyncio.create_task(bench.run(bench.other("counted", "app.held", timeout=9), str(mark)))
    os.kill(pid, signal.SIGKILL)
    await until(mark.exists, 10)
    worker = next(environment._worker for environment in bench.pool._roster if busy(environment, "app.held"))
    os.kill(worker.pid, signal.SIGKILL)
    assert (await held).error_type == "Runtime.ExitError"


@needs("warm")
@pytest.mark.parametrize("turns", [0, 1, 2, 100])
async def test_a_worker_that_died_idle_costs_the_next_event_nothing(bench: Bench, turns: int) -> None:
    """*turns*: of the loop, in which it may learn of the death before the event comes."""
    function = bench.function("counted")
    pid = here(json.loads((await bench.run(function)).payload)[1])
    await asyncio.sleep(0.1)  # a runtime that asks for its events does so by now
    kill_and_see(pid)
    for _ in range(turns):
        await asyncio.sleep(0)
    count, fresh = json.loads((await bench.run(function)).payload)
    assert (count, here(fresh) != pid) == (1, True)


@needs("warm")
@pytest.mark.parametrize("size", [10, 1_000_000])
async def test_an_event_that_a_dying_worker_has_not_read_goes_to_another(bench: Bench, size: int) -> None:
    function = bench.function("counted")
    pid = here(json.loads((await bench.run(function)).payload)[1])
    os.kill(pid, signal.SIGSTOP)
    await until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
    running = asyncio.create_task(bench.run(function, "x" * size))
    await asyncio.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    count, fresh = json.loads((await running).payload)
    assert (count, here(fresh) != pid) == (1, True)


async def started(bench: Bench) -> asyncio.Task[Outcome]:
    """An invocation of `slow` that has begun, in an environment that was there."""
    function = bench.function("slow", timeout=30.0)
    await bench.run(function, 0)
    running = asyncio.create_task(bench.run(function, 20))
    await until(
        lambda: sum(line.startswith("START") for line in bench.logs.of("slow")) == 2 and all(one._worker for one in bench.pool._roster)
    )
    return running


async def test_the_spawner_dies_and_is_replaced(bench: Bench) -> None:
    slow = await started(bench)
    for running in (bench.run(bench.function("kill_parent", isolation="none")), slow):
        with pytest.raises(SpawnerDied):  # nobody can tell by whose hand, so it is no function's error
            await running
    assert any("the spawner died" in line for line in bench.logs.of("slow"))
    assert (await bench.run("echo", 5)).payload == b"5"
    assert bench.metrics.counter("router_spawner_restarts_total", "").value() == 1


async def test_cancelled_the_run_is_cut_short(bench: Bench) -> None:
    running = await started(bench)
    pids = [environment._worker.pid for environment in bench.pool._roster]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await until(lambda: not any(map(alive, pids)))
    assert (await bench.run("echo", 1)).payload == b"1"
