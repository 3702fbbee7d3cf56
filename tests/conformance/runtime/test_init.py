"""The init phase: its errors, its end, and the processes that are started ahead."""

import json
import os
import signal
from pathlib import Path

import pytest

from router.runtime.lifecycle import State
from tests.conformance.runtime.bench import Bench, alive, until
from tests.conformance.samples import cases, needs, only
from tests.helpers.confined import here


@pytest.mark.parametrize(("sample", "handler", "error_type", "message"), cases(lambda sample: sample.inits, "init"), indirect=["sample"])
async def test_an_init_error_is_tried_twice_and_answered(bench: Bench, handler: str, error_type: str, message: str) -> None:
    outcome = await bench.run(bench.other("f", handler))
    error = json.loads(outcome.payload)
    message = message.replace("CODE", str(bench.code))
    assert list(error) == list(bench.sample.error)
    assert (error["errorType"], error["errorMessage"], error.get("requestId", "")) == (error_type, message, "")
    assert (outcome.error_type, outcome.function_error, outcome.init_ms) == (error_type, "Unhandled", None)
    log = bench.logs.of("f")
    assert len([line for line in log if bench.sample.logged(error_type, message) in line]) == 2
    phases = [line for line in log if line.startswith("INIT_REPORT")]
    assert ["Phase: init" in phases[0], "Phase: invoke" in phases[1], len(phases)] == [True, True, 2]
    assert phases[0].endswith(f"Status: error\tError Type: {error_type}")
    assert log[-1].endswith(f"Status: error\tError Type: {error_type}")


@needs("init")
async def test_leaving_in_init_is_an_exit_error(bench: Bench) -> None:
    outcome = await bench.run(bench.other("f", "leaves.f"))
    assert json.loads(outcome.payload)["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")


@needs("init")
async def test_a_slow_init_counts_against_the_timeout_when_repeated(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.runtime.lifecycle.INIT_LIMIT", 0.2)
    late = await bench.run(
        bench.other("late", "slow_init.f", timeout=10, environment={"INIT": "2.55"})
    )  # it has begun a moment before it is counted
    assert (late.payload, late.init_ms) == (b'"late"', None)
    assert late.duration_ms >= 2500
    assert any(line.startswith("INIT_REPORT") and line.endswith("Phase: init\tStatus: timeout") for line in bench.logs.of("late"))
    never = await bench.run(bench.other("never", "slow_init.f", timeout=0.3, environment={"INIT": "60"}))
    assert never.error_type == "Sandbox.Timedout"


@needs("init")
async def test_a_function_whose_init_keeps_failing_does_not_start_processes_without_end(bench: Bench) -> None:
    function = bench.other("f", "raises.f")
    outcomes = [await bench.run(function) for _ in range(30)]
    assert {outcome.error_type for outcome in outcomes} == {bench.sample.raised}
    assert len([line for line in bench.logs.of("f") if line == "importing"]) <= 8
    assert bench.logs.of("f")[-1].endswith(f"Error Type: {bench.sample.raised}")


@only("python")
@pytest.mark.parametrize("leaves", [True, False])
async def test_one_that_listens_is_told_of_its_end(bench: Bench, tmp_path: Path, leaves: bool) -> None:
    mark = tmp_path / "mark"
    pid = here(json.loads((await bench.run("bye", {"mark": str(mark), "leaves": leaves})).payload))
    bench.pool.retire("bye")
    await until(lambda: not bench.pool._roster, 5)
    assert (mark.exists(), alive(pid)) == (True, False)
    assert bench.logs.of("bye")[-1] == "bye"


@needs("init", "warm")
async def test_a_provisioned_environment_is_initialised_before_its_first_event_and_again_when_it_dies(bench: Bench) -> None:
    function = bench.function("counted", provisioned_concurrency=1)
    bench.pool.provision([function])
    assert await bench.pool.provisioned(30)
    assert not any(line.startswith("START") for line in bench.logs.of("counted"))
    outcomes = [await bench.run(function) for _ in range(2)]
    assert [outcome.init_ms is not None for outcome in outcomes] == [True, False]  # told by the first REPORT, as on AWS
    (count, pid) = json.loads(outcomes[1].payload)
    assert count == 2
    workers = {one._worker.pid for one in bench.pool._roster}
    os.kill(here(pid), signal.SIGKILL)
    await until(lambda: any(one.state is State.READY and one._worker.pid not in workers for one in bench.pool._roster), 30)
    assert json.loads((await bench.run(function)).payload)[0] == 1
    bench.pool.provision([bench.function("environment", provisioned_concurrency=1)])
    await bench.pool.provisioned(30)
    seen = json.loads((await bench.run(bench.function("environment", provisioned_concurrency=1))).payload)
    assert seen["AWS_LAMBDA_INITIALIZATION_TYPE"] == "provisioned-concurrency"
