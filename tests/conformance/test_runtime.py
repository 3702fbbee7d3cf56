"""What every runtime does with a function, whatever language it is written in.

A runtime is one entry in samples.SAMPLES: how each behaviour below is written in its language."""

import asyncio
import base64
import json
import os
import re
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from router import names
from router.config.types import Function
from router.dispatch.flow import HIGH, Flow
from router.errors import EnvironmentUnavailable, SpawnerDied, StreamBroken
from router.model import PRELUDE_END, RESPONSE_LIMIT, STREAM_LIMIT, Outcome, Stream
from router.runtime import node_programs, processes
from router.runtime.base import Invocation
from router.runtime.lifecycle import State
from router.runtime.pool import WarmPool
from router.telemetry.metrics import Metrics
from tests.conformance.samples import SAMPLES, Sample, cases, each, needs, only
from tests.helpers.confined import here, left
from tests.helpers.logs import MemoryLogs
from tests.helpers.pools import serving, written


class Bench:
    """A pool over one sample's files."""

    def __init__(self, pool: WarmPool, logs: MemoryLogs, metrics: Metrics, code: Path, sample: Sample) -> None:
        self.pool, self.logs, self.metrics, self.code, self.sample = pool, logs, metrics, code, sample

    def function(self, handler: str, **rest: Any) -> Function:
        """A function of app, named after its handler."""
        return self.other(handler, f"app.{handler}", **rest)

    def other(self, name: str, handler: str, **rest: Any) -> Function:
        """A function with any handler."""
        command = (*self.sample.command, handler) if self.sample.command else ()
        given = {"name": name, "code": self.code, "handler": handler, "runtime": self.sample.runtime, "timeout": 5.0, "command": command}
        return Function(**(given | rest))

    async def run(self, handler: str | Function, event: Any = None, **rest: Any) -> Outcome:
        """Invoke it with *event*."""
        function = self.function(handler) if isinstance(handler, str) else handler
        return await self.pool.invoke(
            Invocation(function, json.dumps(event).encode(), names.request_id(), f"arn:f:{function.name}", **rest)
        )

    async def stream(self, handler: str | Function, event: Any = None) -> tuple[Stream, asyncio.Task[Outcome]]:
        """Invoke it for a stream: the stream once it has begun, and the run."""
        flow = Flow()

        async def run() -> Outcome:
            try:
                outcome = await self.run(handler, event, sink=flow)
            except EnvironmentUnavailable as error:
                flow.fail(error)
                raise
            flow.finish(outcome)
            return outcome

        running = asyncio.create_task(run())
        return await flow.stream(), running


@pytest.fixture(params=each(), scope="module")
def sample(request: pytest.FixtureRequest) -> Sample:
    return SAMPLES[request.param]


@pytest.fixture
async def bench(sample: Sample, tmp_path: Path) -> AsyncIterator[Bench]:
    code = written(tmp_path / "code", sample.files)
    for name, tree in sample.trees.items():
        shutil.copytree(tree, code / name)
    logs, metrics = MemoryLogs(), Metrics()
    async with serving(tmp_path, logs, metrics, variables=lambda _: {"BUCKET_UPLOADS": "/data/uploads", "EXTRA": "daemon"}) as pool:
        yield Bench(pool, logs, metrics, code, sample)
    assert all(stream.closed for stream in logs.streams)
    assert list((tmp_path / "state" / "tmp").iterdir()) == []


def alive(pid: int) -> bool:
    """Whether any thread of it still runs: the last one to go closes its descriptors."""
    try:
        threads = [thread.read_text() for thread in Path(f"/proc/{pid}/task").glob("*/stat")]
    except OSError:
        return False
    return any(text.rpartition(")")[2].split()[0] not in "ZX" for text in threads)


def kill_and_see(pid: int) -> None:
    """Kill it and wait until it is gone, without a turn of the loop."""
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 2
    while alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.001)


def processes_of(title: str) -> list[int]:
    """Live processes with this name, below this one: others may test at the same time."""
    found = []
    for row in processes.below([os.getpid()], processes.table()):
        try:
            name = Path(f"/proc/{row.pid}/comm").read_text().strip()
        except OSError:
            continue
        if name == title and not row.zombie:
            found.append(row.pid)
    return found


def busy(environment: Any, handler: str) -> bool:
    """Whether it runs *handler*, and its worker has the event."""
    return environment.function.handler == handler and environment.state is State.BUSY and environment._channel.taken


async def until(holds: Callable[[], bool], seconds: float = 2.0) -> None:
    """Wait for it; TimeoutError after *seconds*."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.005)


# results ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", [None, {"a": [1, 2.5, "é\u2028\U0001f600"]}, "text", 7])
async def test_an_event_comes_back(bench: Bench, event: Any) -> None:
    outcome = await bench.run("echo", event)
    assert (json.loads(outcome.payload), outcome.function_error, outcome.error_type) == (event, "", "")


async def test_handlers_are_found_by_dotted_and_slashed_paths(bench: Bench) -> None:
    for handler in bench.sample.paths:
        assert (await bench.run(bench.other("x", handler))).payload == b'"found"', handler


@only("python")
async def test_a_functions_own_module_wins_over_one_that_only_we_have_loaded(bench: Bench) -> None:
    assert (await bench.run(bench.other("own", "resource.f", code=bench.code / "own"))).payload == b'"my own resource"'


async def test_an_exception_is_an_error_object_in_awss_order(bench: Bench) -> None:
    outcome = await bench.run("fail")
    error = json.loads(outcome.payload)
    assert list(error) == list(bench.sample.error)
    assert (error["errorMessage"], error["errorType"]) == ("it broke", bench.sample.failed)
    assert re.fullmatch(bench.sample.frame, error[bench.sample.trace][0])
    assert "router/runtime" not in str(error)
    assert (outcome.function_error, outcome.error_type) == ("Unhandled", bench.sample.failed)
    log = bench.logs.of("fail")
    assert len([line for line in log if bench.sample.logged(bench.sample.failed, "it broke") in line]) == 1
    assert "Status:" not in log[-1]


async def test_an_error_without_a_name_is_an_error_all_the_same(bench: Bench) -> None:
    outcome = await bench.run("nameless")
    assert (outcome.function_error, outcome.error_type) == ("Unhandled", "")


async def test_six_megabytes_go_in_and_out(bench: Bench) -> None:
    event = "x" * (6 * 1024 * 1024 - 2)
    outcome = await bench.run("echo", event)
    assert outcome.payload == json.dumps(event).encode()


@needs("warm")
async def test_a_response_over_the_limit_is_an_error_and_the_environment_lives(bench: Bench) -> None:
    first = json.loads((await bench.run("counted")).payload)[1]
    function = bench.function("sized")
    assert len((await bench.run(function, RESPONSE_LIMIT)).payload) == RESPONSE_LIMIT
    outcome = await bench.run(function, RESPONSE_LIMIT + 1)
    assert outcome.error_type == "Function.ResponseSizeTooLarge"
    assert json.loads(outcome.payload)["errorMessage"].startswith("Response payload size exceeded")
    assert bench.logs.of("sized")[-1].endswith("Status: error\tError Type: Function.ResponseSizeTooLarge")
    assert (await bench.run(function, 10)).payload == b'"xxxxxxxx"'
    assert json.loads((await bench.run("counted")).payload) == [2, first]


async def test_what_cannot_be_serialised_is_a_marshal_error(bench: Bench) -> None:
    outcome = await bench.run("unserialisable")
    error = json.loads(outcome.payload)
    assert (error["errorType"], error["errorMessage"]) == bench.sample.marshal
    assert list(error) == list(bench.sample.error)


async def test_an_event_that_is_no_json_is_an_unmarshal_error(bench: Bench) -> None:
    outcome = await bench.pool.invoke(Invocation(bench.function("echo"), b"NaN", names.request_id(), "arn"))
    error_type, message = bench.sample.unmarshal
    assert outcome.error_type == error_type
    assert re.fullmatch(message, json.loads(outcome.payload)["errorMessage"])


@only("python")
async def test_a_forked_child_that_returns_does_not_answer(bench: Bench) -> None:
    function = bench.function("forked_answer")
    first, second = [json.loads((await bench.run(function)).payload) for _ in range(2)]
    assert first == second


# reuse -----------------------------------------------------------------------------------------------------------------------


@needs("warm")
async def test_a_warm_environment_keeps_its_globals_and_its_stream(bench: Bench) -> None:
    function = bench.function("counted")
    outcomes = [await bench.run(function) for _ in range(3)]
    assert [json.loads(outcome.payload)[0] for outcome in outcomes] == [1, 2, 3]
    assert [outcome.init_ms is not None for outcome in outcomes] == [True, False, False]
    assert len({outcome.log_stream for outcome in outcomes}) == 1
    assert outcomes[0].max_memory_mb > 0
    assert outcomes[0].billed_ms >= outcomes[0].duration_ms + (outcomes[0].init_ms or 0) - 1


async def test_one_event_at_a_time_so_two_at_once_get_two_environments(bench: Bench) -> None:
    function = bench.function("slow")
    await asyncio.gather(*(bench.run(function, 0.05) for _ in range(2)))
    assert len({stream.name for stream in bench.logs.streams}) == 2


@only("python")
async def test_max_memory_used_is_the_environments_own(bench: Bench) -> None:
    small = await bench.run("echo")
    assert 4 <= small.max_memory_mb < 40
    function = bench.function("hungry", timeout=20.0)
    large, after = await bench.run(function, 100 * 2**20), await bench.run(function, 1)
    assert 100 <= large.max_memory_mb < 150
    assert after.max_memory_mb >= large.max_memory_mb  # over its life, as on AWS
    assert (await bench.run("echo")).max_memory_mb < 40
    assert (await bench.run(bench.function("parent", timeout=20.0, memory=512), 200 * 2**20)).max_memory_mb >= 200  # a program that it ran


# logs ------------------------------------------------------------------------------------------------------------------------


@needs("records")
async def test_output_is_attributed_to_its_request_and_records_stay_whole(bench: Bench) -> None:
    cold = await bench.run("say")
    await bench.run("say")
    log = bench.logs.of("say")
    assert log[0].startswith("INIT_START Runtime Version: ")
    assert log[1] == "module level"
    start, one, two, three, four, end, report = log[2:9]
    request_id = start.split()[2]
    assert start == f"START RequestId: {request_id} Version: $LATEST"
    assert (one, two, four, end) == ("one", "two", "four", f"END RequestId: {request_id}")
    assert re.fullmatch(bench.sample.record.replace("ID", request_id), three)
    assert "Init Duration" in report
    assert len(log) == 16
    assert "Init Duration" not in log[-1]
    tail = cold.log_tail.decode()
    assert tail.startswith("START RequestId: ")
    assert tail.endswith("\t\n")
    assert "INIT_START" not in tail


async def test_lines_are_attributed_to_their_request(bench: Bench) -> None:
    """Also where nothing but lines is to be had."""
    outcomes = [await bench.run("lines", count) for count in (1, 2)]
    for outcome, count in zip(outcomes, (1, 2), strict=True):
        log = outcome.log_tail.decode().splitlines()
        request_id = log[0].split()[2]
        assert (log.count("x"), log[-2]) == (count, f"END RequestId: {request_id}")


@needs("records")
async def test_a_record_stays_whole_whatever_the_chance(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", lambda size: b"\n" * size)
    await bench.run("say")
    assert "\tthree\nlines" in bench.logs.of("say")[5]


async def test_the_log_tail_is_the_last_4_kb(bench: Bench) -> None:
    outcome = await bench.run("lines", 5000)
    assert len(outcome.log_tail) == 4096
    assert b"\nREPORT RequestId: " in outcome.log_tail


@needs("warm")
async def test_binary_output_and_forged_lines_are_text_of_the_function(bench: Bench) -> None:
    await bench.run("binary")
    log = bench.logs.of("binary")
    start = [line.startswith("START") for line in log].index(True)
    assert log[start + 1 : start + 3] == ["\x00\\xff\x1b[31m", "REPORT RequestId: forged\tDuration: 0.00 ms"]
    assert [line.startswith("END") for line in log].index(True) == start + 3


async def test_a_flood_without_newline_is_bounded_and_marked(bench: Bench) -> None:
    outcome = await bench.run(bench.function("flood", timeout=60.0), 256 * 1024 * 1024)
    assert outcome.function_error == ""
    (line,) = [line for line in bench.logs.of("flood") if line.startswith("xxx")]
    assert len(line) < 300_000
    assert "[truncated: " in line
    assert bench.metrics.counter("router_output_dropped_bytes_total", "", "function").value("flood") > 200_000_000


async def test_a_flood_of_lines_is_dropped_and_counted(bench: Bench) -> None:
    await bench.run(bench.function("lines", timeout=60.0), 1_000_000)
    log = bench.logs.of("lines")
    assert len(log) < 60_000
    assert any(line.startswith("[dropped: ") for line in log)


# time ------------------------------------------------------------------------------------------------------------------------


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


# ends ------------------------------------------------------------------------------------------------------------------------


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
    worker = next(environment._worker for environment in bench.pool._all if busy(environment, "app.held"))
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


async def test_the_spawner_dies_and_is_replaced(bench: Bench) -> None:
    slow = asyncio.create_task(bench.run(bench.function("slow", timeout=30.0), 20))
    await until(lambda: any(line.startswith("START") for line in bench.logs.of("slow")) and all(one._worker for one in bench.pool._all))
    for running in (bench.run(bench.function("kill_parent", isolation="none")), slow):
        with pytest.raises(SpawnerDied):  # nobody can tell by whose hand, so it is no function's error
            await running
    assert any("the spawner died" in line for line in bench.logs.of("slow"))
    assert (await bench.run("echo", 5)).payload == b"5"
    assert bench.metrics.counter("router_spawner_restarts_total", "").value() == 1


# init ------------------------------------------------------------------------------------------------------------------------


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
    late = await bench.run(bench.other("late", "slow_init.f", timeout=3, environment={"INIT": "0.4"}))
    assert (late.payload, late.init_ms) == (b'"late"', None)
    assert late.duration_ms >= 400
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
    await until(lambda: not bench.pool._all, 5)
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
    workers = {one._worker.pid for one in bench.pool._all}
    os.kill(here(pid), signal.SIGKILL)
    await until(lambda: any(one.state is State.READY and one._worker.pid not in workers for one in bench.pool._all), 30)
    assert json.loads((await bench.run(function)).payload)[0] == 1
    bench.pool.provision([bench.function("environment", provisioned_concurrency=1)])
    await bench.pool.provisioned(30)
    seen = json.loads((await bench.run(bench.function("environment", provisioned_concurrency=1))).payload)
    assert seen["AWS_LAMBDA_INITIALIZATION_TYPE"] == "provisioned-concurrency"


# what a handler sees ---------------------------------------------------------------------------------------------------------


@only("python", "awslambdaric")
async def test_the_context(bench: Bench) -> None:
    client = json.dumps({"custom": {"k": "v"}, "env": {}, "client": {"app_title": "App"}})
    outcome = await bench.run(bench.function("described", memory=256, timeout=7.0), client_context=client)
    seen = json.loads(outcome.payload)
    assert seen["aws_request_id"] == bench.logs.of("described")[-2].split()[-1]
    assert seen["log_stream_name"] == outcome.log_stream
    assert re.fullmatch(r"\d{4}/\d{2}/\d{2}/\[\$LATEST\][0-9a-f]{32}", seen["log_stream_name"])
    assert (seen["log_group_name"], seen["function_name"]) == ("/aws/lambda/described", "described")
    assert (seen["memory_limit_in_mb"], seen["function_version"], seen["invoked_function_arn"]) == ("256", "$LATEST", "arn:f:described")
    assert 6000 < seen["remaining"] <= 7000
    assert (seen["custom"], seen["title"], seen["identity"], seen["tenant_id"]) == ({"k": "v"}, "App", None, None)
    assert seen["repr"].startswith(f"LambdaContext([aws_request_id={seen['aws_request_id']},log_group_name=/aws/lambda/described,")
    assert json.loads((await bench.run("described")).payload)["custom"] is None


async def test_a_client_context_that_is_no_json(bench: Bench) -> None:
    error = json.loads((await bench.run("echo", client_context="{")).payload)
    error_type, message = bench.sample.client
    assert error["errorType"] == error_type
    assert error["errorMessage"].startswith(message)


async def test_only_the_variables_a_function_should_see(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAEMON_SECRET", "hush")
    own = {"MINE": "1", "EXTRA": "mine", "TZ": "Europe/Berlin", "AWS_REGION": "mars", "_HANDLER": "x"}
    seen = json.loads((await bench.run(bench.function("environment", environment=own))).payload)
    assert set(seen) == bench.sample.variables
    assert (seen["AWS_REGION"], seen["_HANDLER"], seen["EXTRA"], seen["TZ"]) == ("eu-west-1", "app.environment", "mine", "Europe/Berlin")
    assert seen["LAMBDA_TASK_ROOT"] == str(bench.code)
    assert re.fullmatch(bench.sample.execution_env, seen.get("AWS_EXECUTION_ENV", ""))


async def test_the_trace_header_lasts_for_one_invocation(bench: Bench) -> None:
    function = bench.function("traced")
    assert (await bench.run(function, trace="Root=1-2-3")).payload == b'"Root=1-2-3"'
    assert (await bench.run(function)).payload == b"null"


@only("python")
async def test_traces_leave_nothing_behind(bench: Bench) -> None:
    """setenv() of the C library keeps every value that a variable ever had."""
    function = bench.function("traced", timeout=30.0)
    first = [await bench.run(function, trace=f"Root={number:02000}") for number in range(300)][-1]
    last = [await bench.run(function, trace=f"Root={number:02000}") for number in range(300, 6000)][-1]
    assert last.payload == f'"Root={5999:02000}"'.encode()
    assert last.max_memory_mb - first.max_memory_mb < 4  # kept, they are 11 MB


@only("nodejs")
async def test_traces_are_no_business_of_the_c_librarys(bench: Bench) -> None:
    assert (await bench.run("traced_below", trace="Root=1")).payload == b'["Root=1",null]'


@only("python", "nodejs")
async def test_a_child_process_inherits_the_trace(bench: Bench) -> None:
    function = bench.function("traced_child", timeout=30.0)
    assert (await bench.run(function, trace="Root=1")).payload == b'"Root=1"'
    assert (await bench.run(function)).payload == b'""'


@only("python")
async def test_only_the_documented_descriptors_are_open(bench: Bench) -> None:
    found = json.loads((await bench.run("descriptors")).payload)
    assert sorted(found) == ["0", "1", "2", "3", "4"]
    assert found["0"] == "/dev/null"
    assert found["1"] == found["2"]
    assert found["1"].startswith("pipe:")
    assert len({found["1"], found["3"], found["4"]}) == 3


@only("python")
async def test_the_always_on_controls(bench: Bench) -> None:
    seen = json.loads((await bench.run("isolated")).payload)
    assert (seen["sid"], seen["nnp"], seen["dumpable"]) == (True, "1", 0)
    assert (seen["core"], seen["umask"], seen["mask"], seen["term"]) == ([0, 0], 0o22, 0, True)
    assert seen["nofile"] == [1024, 1024]
    assert seen["fsize"] == [10240 * 1024 * 1024] * 2
    assert seen["oom"] >= 500
    assert seen["cwd"] == seen["path0"] == str(bench.code)
    assert seen["mode"] == "0o700"
    assert "isolated" not in seen["argv"]
    assert seen["router"] == []
    assert seen["batch"] == (os.sched_getscheduler(0) in {os.SCHED_OTHER, os.SCHED_BATCH})


@only("python")
async def test_boto3_and_what_it_needs_and_nothing_else_of_the_daemons(bench: Bench) -> None:
    assert json.loads((await bench.run(bench.function("ask_boto", timeout=30.0))).payload) == ["boto3", []]


# the pool --------------------------------------------------------------------------------------------------------------------


# streams ---------------------------------------------------------------------------------------------------------------------


@needs("streams")
async def test_pieces_arrive_as_they_are_given(bench: Bench, tmp_path: Path) -> None:
    stream, running = await bench.stream("pieces", str(tmp_path / "go"))
    assert (stream.content_type, stream.http, stream.whole) == ("application/octet-stream", False, False)
    assert await anext(stream.pieces) == "é".encode()
    assert not running.done()
    (tmp_path / "go").touch()
    assert b"".join([piece async for piece in stream.pieces]) == b"twothree"
    outcome = await running
    assert (outcome.payload, outcome.function_error) == (b"", "")
    log = outcome.log_tail.decode()
    assert re.search(r"START .*\nbegins\nends\nEND .*\nREPORT ", log, re.DOTALL)


@needs("streams")
async def test_a_prelude_says_what_the_http_answer_is(bench: Bench) -> None:
    stream, _ = await bench.stream("page")
    assert stream.http
    prelude, _, body = b"".join([piece async for piece in stream.pieces]).partition(PRELUDE_END)
    assert (json.loads(prelude), body) == ({"statusCode": 201, "headers": {"x": "y"}, "cookies": ["a=b"]}, b"body")


@needs("streams")
async def test_a_stream_of_nothing_is_complete(bench: Bench) -> None:
    stream, running = await bench.stream("silent")
    assert [piece async for piece in stream.pieces] == []
    assert not stream.whole
    assert (await running).function_error == ""


@needs("streams")
async def test_any_other_result_is_whole_and_errors_are_as_ever(bench: Bench) -> None:
    stream, _ = await bench.stream("echo", {"a": 1})
    assert stream.whole
    (piece,) = [piece async for piece in stream.pieces]
    assert json.loads(piece) == {"a": 1}
    stream, running = await bench.stream(bench.function("slow", timeout=bench.sample.short), 9)
    assert [piece async for piece in stream.pieces] == []
    assert (await running).error_type == "Sandbox.Timedout"


@needs("streams", "unbegun")
async def test_a_stream_that_fails_at_once_has_no_pieces(bench: Bench) -> None:
    stream, running = await bench.stream("broken", "at once")
    assert [piece async for piece in stream.pieces] == []
    assert json.loads((await running).payload)["errorMessage"] == "it broke"


@only("python")
async def test_nobody_asked_for_a_stream_so_a_generator_is_a_marshal_error(bench: Bench) -> None:
    assert (await bench.run("pieces")).error_type == "Runtime.MarshalError"


@pytest.mark.parametrize(
    ("sample", "how", "error_type", "said", "lives"), cases(lambda sample: sample.breaks, "streams"), indirect=["sample"]
)
async def test_an_error_in_the_middle_breaks_the_stream_after_what_was_sent(
    bench: Bench, how: str, error_type: str, said: str, lives: bool
) -> None:
    function = bench.function("broken", timeout=bench.sample.short)
    stream, running = await bench.stream(function, how)
    assert await anext(stream.pieces) == b"one"
    with pytest.raises(StreamBroken) as broken:
        await anext(stream.pieces)
    outcome = await running
    assert (outcome.error_type, outcome.function_error) == (error_type, "Unhandled")
    assert said in json.loads(outcome.payload)["errorMessage"]
    assert (broken.value.error_type, broken.value.payload) == (error_type, outcome.payload)
    assert len(processes_of("fn:broken")) == lives
    stream, running = await bench.stream(function, "raise")
    assert await anext(stream.pieces) == b"one"
    assert (await running).error_type == bench.sample.failed


@needs("streams")
async def test_a_slow_reader_stops_the_worker_and_costs_bounded_memory(bench: Bench, tmp_path: Path) -> None:
    mark, size, count = tmp_path / "mark", 50_000, 400
    stream, running = await bench.stream("blocks", {"mark": str(mark), "size": size, "count": count})
    before = -1
    while (now := int(mark.read_text() or 0)) != before:  # until it stands still
        before = now
        await asyncio.sleep(0.1)
    assert now * size < HIGH + bench.sample.ahead
    assert not running.done()
    assert sum([len(piece) async for piece in stream.pieces]) == size * count
    assert (await running).function_error == ""


@needs("streams")
async def test_a_reader_that_leaves_does_not_end_the_function(bench: Bench, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    stream, running = await bench.stream("blocks", {"mark": str(mark), "size": 50_000, "count": 200})
    await anext(stream.pieces)
    await stream.pieces.aclose()
    assert (await running).function_error == ""
    await until(lambda: mark.read_text() == "done", 5)  # whose client answers first goes on after it


@needs("streams")
async def test_the_next_invocation_is_not_held_up_by_who_read_the_last_one(bench: Bench, tmp_path: Path) -> None:
    event = {"mark": str(tmp_path / "mark"), "size": HIGH, "count": 1}
    stream, running = await bench.stream("blocks", event)
    await running  # unread, its buffer full
    assert (await bench.run(bench.function("blocks"), event)).error_type == bench.sample.unasked
    assert len(processes_of("fn:blocks")) == 1
    assert sum([len(piece) async for piece in stream.pieces]) == HIGH


@needs("streams")
async def test_a_stream_over_the_limit_is_broken_and_the_environment_lives(bench: Bench, tmp_path: Path) -> None:
    stream, running = await bench.stream("blocks", {"mark": str(tmp_path / "mark"), "size": 2**20, "count": 210})
    size = 0

    async def read() -> None:
        nonlocal size
        async for piece in stream.pieces:
            size += len(piece)

    with pytest.raises(StreamBroken, match=r"Function\.ResponseSizeTooLarge"):
        await read()
    assert size == STREAM_LIMIT
    assert json.loads((await running).payload)["errorMessage"].endswith("(209715200 bytes).")
    assert len(processes_of("fn:blocks")) == 1


@needs("streams")
async def test_closed_in_the_middle_a_stream_is_broken(bench: Bench) -> None:
    stream, running = await bench.stream("pieces", "/nowhere")
    await anext(stream.pieces)
    await bench.pool.close()
    with pytest.raises(StreamBroken):
        await anext(stream.pieces)
    with pytest.raises(EnvironmentUnavailable):
        await running


# ends ------------------------------------------------------------------------------------------------------------------------


async def test_cancelled_the_run_is_cut_short(bench: Bench) -> None:
    running = asyncio.create_task(bench.run(bench.function("slow", timeout=30.0), 20))
    await until(lambda: any(line.startswith("START") for line in bench.logs.of("slow")) and all(one._worker for one in bench.pool._all))
    pids = [environment._worker.pid for environment in bench.pool._all]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await until(lambda: not any(map(alive, pids)))
    assert (await bench.run("echo", 1)).payload == b"1"


# what Node.js alone has ------------------------------------------------------------------------------------------------------


@only("nodejs")
async def test_the_context_of_node(bench: Bench) -> None:
    client = json.dumps({"custom": {"k": "v"}, "client": {"app_title": "App"}})
    outcome = await bench.run(bench.function("described", memory=256, timeout=7.0), client_context=client)
    seen = json.loads(outcome.payload)
    assert seen["awsRequestId"] == bench.logs.of("described")[-2].split()[-1]
    assert seen["logStreamName"] == outcome.log_stream
    assert (seen["logGroupName"], seen["functionName"]) == ("/aws/lambda/described", "described")
    assert (seen["memoryLimitInMB"], seen["functionVersion"], seen["invokedFunctionArn"]) == ("256", "$LATEST", "arn:f:described")
    assert 6000 < seen["remaining"] <= 7000
    assert (seen["clientContext"], seen["callbackWaitsForEmptyEventLoop"]) == (json.loads(client), True)
    own = """awsRequestId callbackWaitsForEmptyEventLoop clientContext done fail functionName functionVersion getRemainingTimeInMillis identity
        invokedFunctionArn logGroupName logStreamName memoryLimitInMB succeed tenantId"""
    assert seen["keys"] == own.split()
    assert "clientContext" not in json.loads((await bench.run("described")).payload)


@only("nodejs")
async def test_nodes_own_descriptors_are_the_only_others(bench: Bench) -> None:
    found = json.loads((await bench.run("descriptors")).payload)
    assert found["0"] == "/dev/null"
    assert found["1"] == found["2"]
    assert found["1"].startswith("pipe:")
    assert len({found["1"], found["3"], found["4"]}) == 3
    assert all(re.match(r"anon_inode:|pipe:|/dev/null|/proc/", found[number]) for number in found.keys() - set("01234"))


@only("nodejs")
async def test_the_always_on_controls_outlive_exec(bench: Bench) -> None:
    seen = json.loads((await bench.run("isolated")).payload)
    assert (seen["sid"], seen["nnp"]) == (True, "1")
    assert (seen["core"], seen["umask"], seen["mask"], seen["ignored"]) == (
        [0, 0],
        0o22,
        0,
        0,
    )  # SIGPIPE and SIGXFSZ apart, which node ignores itself
    assert seen["nofile"] == [1024, 1024]
    assert seen["fsize"] == [10240 * 1024 * 1024] * 2
    assert seen["oom"] >= 500
    assert (seen["cwd"], seen["mode"]) == (str(bench.code), "0o700")
    assert "isolated" not in seen["argv"]
    assert seen["batch"] == (os.sched_getscheduler(0) in {os.SCHED_OTHER, os.SCHED_BATCH})
    assert bench.pool._runtimes["nodejs"].shared.missing >= {"dumpable"}  # and is said to be missing


STYLES = """
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
exports.later = (event, context, callback) => { setTimeout(() => console.log('drained'), 30); callback(null, event) }
exports.now = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = false
  setTimeout(() => console.log('thawed'), 30)
  callback(null, event)
}
exports.error = (event, context, callback) => callback(new RangeError('no'))
exports.text = (event, context, callback) => callback('no')
exports.twice = (event, context, callback) => { callback(null, 1); callback(new Error('late')); context.fail(new Error('later')) }
exports.done = (event, context) => context.done(null, event)
exports.undone = (event, context) => context.done(new RangeError('no'))
exports.fail = (event, context) => context.fail()
exports.nothing = (event, context, callback) => {}
exports.nobody = async () => {}
exports.thrown = () => { throw new RangeError('no') }
exports.thenable = () => ({ then: (resolve) => setTimeout(resolve, 5, 'thenable') })
exports.hollow = async () => { throw undefined }
exports.strange = async () => { throw Object.create(null) }
exports.wide = async () => { throw Object.assign(new Error('no'), { code: 'E', cause: new Error('why'), big: 1n }) }
exports.huge = async () => { throw new Error('é'.repeat(4 * 1024 * 1024)) }
exports.functions = async () => () => 1
exports.never = async () => { await new Promise(() => {}) }
exports.rejects = async () => { Promise.reject(new RangeError('no')); await sleep(1000) }
exports.throws = async () => { setTimeout(() => { throw new RangeError('no') }); await sleep(1000) }
exports.levels = async () => { for (const name of ['trace', 'debug', 'log', 'info', 'warn', 'error', 'fatal']) console[name]('%s!', name, { a: 1 }) }
exports.tables = async () => { console.table([[1]]); console.dir({ a: 1 }) }
let due = 0
exports.frozen = async (event) => { if (event) { setTimeout(() => { due++ }, event); return due } await sleep(1); return due }
exports.timed = async () => { const began = performance.now(); await sleep(100); return performance.now() - began }
exports.child = async () => require('node:child_process').execSync('ls -l /proc/self/fd | wc -l; echo seen >&2').toString().trim()
exports.loud = async () => { process.stdout.write('x'.repeat(200000) + '\\n'); process.exit(0) }
exports.greedy = async () => { const all = []; for (;;) all.push(new Array(1e5).fill(Math.random())) }
exports.fetches = async () => typeof fetch
exports.debugged = async () => { process.kill(process.pid, 'SIGUSR1'); await sleep(200); return require('node:inspector').url() ?? null }
const real = setTimeout
exports.faked = async () => {
  globalThis.setImmediate = () => {}
  globalThis.setTimeout = () => {}
  globalThis.Date = class extends Date { static now () { return 0 } }
  await new Promise((resolve) => real(resolve, 1))
  return 'faked'
}
exports.dangling = async () => { setImmediate(() => Promise.reject(new RangeError('late'))); return 1 }
exports.constant = 7
exports.stray = awslambda.streamifyResponse(async (event, stream) => {
  if (!event) { stream.end('clean'); return }
  stream.write('first')
  setTimeout(() => { stream.write('stray') }, 20)
  await sleep(5)
  throw new RangeError('no')
})
exports.early = awslambda.streamifyResponse(async (event, stream) => {
  if (!event) { await sleep(100); stream.end('clean'); return }
  setTimeout(() => { stream.write('stray') }, 20)
  throw new RangeError('no')
})
exports.streamed = awslambda.streamifyResponse(async (event, stream) => {
  if (event === 'page') stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 })
  if (event === 'late') { stream.write('x'); stream.setContentType('text/plain') }
  if (event === 'typed') stream.setContentType('text/html')
  stream.write({ an: 'object' })
  stream.end(Buffer.from([0xff]))
  return event === 'returns' ? 1 : undefined
})
exports.callback_stream = awslambda.streamifyResponse((event, stream) => { stream.end('x') })
exports.piped = awslambda.streamifyResponse(async (event, stream) => {
  const { pipeline } = require('node:stream/promises')
  await pipeline(require('node:stream').Readable.from([Buffer.alloc(100000, 'a'), Buffer.alloc(100000, 'b')]), stream)
})
"""


@pytest.fixture
def styles(bench: Bench) -> Bench:
    (bench.code / "styles.js").write_text(STYLES)
    return bench


async def result(bench: Bench, name: str, event: Any = None, **rest: Any) -> Any:
    return json.loads((await bench.run(bench.other(name, f"styles.{name}", **rest), event)).payload)


@only("nodejs")
@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("later", "event"),
        ("now", "event"),
        ("twice", 1),
        ("done", "event"),
        ("nothing", None),
        ("nobody", None),
        ("thenable", "thenable"),
        ("functions", None),
        ("fetches", "function"),
    ],
)
async def test_every_way_to_answer(styles: Bench, name: str, found: Any) -> None:
    for _ in range(2):
        assert await result(styles, name, "event") == found


@only("nodejs")
async def test_a_callback_waits_for_the_event_loop_unless_told_not_to(styles: Bench) -> None:
    await result(styles, "later")
    log = styles.logs.of("later")
    assert [line.rpartition("\t")[2] for line in log].index("drained") < [line.split()[0] for line in log].index("END")
    await result(styles, "now")
    assert not [line for line in styles.logs.of("now") if "thawed" in line]


@only("nodejs")
@pytest.mark.parametrize(
    ("name", "error_type", "message"),
    [
        ("error", "RangeError", "no"),
        ("text", "string", "no"),
        ("undone", "RangeError", "no"),
        ("fail", "string", "handled"),
        ("thrown", "RangeError", "no"),
        ("hollow", "string", "handled"),
        ("wide", "Error", "no"),
        ("never", "Runtime.NodeJsExit", "The event loop is empty and the handler's promise was never settled."),
    ],
)
async def test_every_way_to_fail_costs_no_process(styles: Bench, name: str, error_type: str, message: str) -> None:
    function = styles.other(name, f"styles.{name}")
    outcome = await styles.run(function)
    error = json.loads(outcome.payload)
    assert (error["errorType"], error["errorMessage"], outcome.error_type) == (error_type, message, error_type)
    assert sum("ERROR\tInvoke Error \t{" in line for line in styles.logs.of(name)) == 1
    assert (await styles.run(function)).init_ms is None
    assert len(processes_of(f"fn:{name}")) == 1


@only("nodejs")
async def test_a_thrown_thing_that_cannot_be_told_is_told_to_be_that(styles: Bench) -> None:
    assert (await result(styles, "strange"))["errorType"] == "handled"


@only("nodejs")
async def test_an_error_over_the_limit_is_cut(styles: Bench) -> None:
    error = await result(styles, "huge")
    assert (error["errorType"], len(error["errorMessage"]), error["trace"]) == ("Error", 65536, [])


@only("nodejs")
@pytest.mark.parametrize(
    ("name", "error_type", "message", "label"),
    [
        ("rejects", "Runtime.UnhandledPromiseRejection", "RangeError: no", "Unhandled Promise Rejection"),
        ("throws", "RangeError", "no", "Uncaught Exception"),
    ],
)
async def test_what_nobody_caught_is_the_answer_and_the_end_of_the_process(
    styles: Bench, name: str, error_type: str, message: str, label: str
) -> None:
    function = styles.other(name, f"styles.{name}")
    for _ in range(3):  # one after another at once: the next never meets a process that is about to end
        outcome = await styles.run(function)
        error = json.loads(outcome.payload)
        assert (error["errorType"], error["errorMessage"], outcome.function_error) == (error_type, message, "Unhandled")
        assert processes_of(f"fn:{name}") == []
    assert sum(f"ERROR\t{label} \t{{" in line for line in styles.logs.of(name)) == 3


@only("nodejs")
async def test_what_breaks_behind_an_answer_costs_the_next_event_nothing(styles: Bench) -> None:
    function = styles.other("dangling", "styles.dangling")
    assert [(await styles.run(function)).payload for _ in range(8)] == [b"1"] * 8
    assert any('"errorMessage":"RangeError: late"' in line for line in styles.logs.of("dangling"))


@only("nodejs")
async def test_console_lines_have_time_request_and_level(styles: Bench) -> None:
    await result(styles, "levels")
    request_id = styles.logs.of("levels")[1].split()[2]
    lines = [line.split("\t") for line in styles.logs.of("levels") if "!" in line]
    assert [(line[1], line[2]) for line in lines] == [
        (request_id, level) for level in ["TRACE", "DEBUG", "INFO", "INFO", "WARN", "ERROR", "FATAL"]
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line[0]) for line in lines)
    assert lines[2][3] == "log! { a: 1 }"
    await result(styles, "tables")
    assert "{ a: 1 }" in styles.logs.of("tables")


@only("nodejs")
async def test_between_invocations_the_process_is_frozen(styles: Bench) -> None:
    function = styles.other("frozen", "styles.frozen")
    assert (await styles.run(function, 20)).payload == b"0"
    await asyncio.sleep(0.2)
    assert (await styles.run(function, 20)).payload == b"0"  # due long ago, and not before this one has begun
    await asyncio.sleep(0.2)
    assert (await styles.run(function)).payload == b"2"


@only("nodejs")
async def test_a_timer_made_after_a_long_pause_lasts_as_long_as_it_should(styles: Bench) -> None:
    function = styles.other("timed", "styles.timed")
    await styles.run(function)
    await asyncio.sleep(0.3)
    assert float((await styles.run(function)).payload) >= 99


@only("nodejs")
async def test_a_child_has_no_channel_and_its_output_belongs_to_the_invocation(styles: Bench) -> None:
    assert await result(styles, "child") == "5"  # total, 0, 1, 2 and what ls reads
    assert "seen" in styles.logs.of("child")


@only("nodejs")
async def test_what_was_written_before_leaving_is_logged(styles: Bench) -> None:
    assert (await result(styles, "loud"))["errorType"] == "Runtime.ExitError"
    assert any(len(line) == 200_000 for line in styles.logs.of("loud"))


@only("nodejs")
async def test_a_heap_over_the_functions_memory_ends_the_process(styles: Bench) -> None:
    outcome = await styles.run(styles.other("greedy", "styles.greedy", timeout=30.0))
    assert json.loads(outcome.payload)["errorMessage"].endswith("signal: aborted")
    assert any("JavaScript heap out of memory" in line for line in styles.logs.of("greedy"))


@only("nodejs")
async def test_a_node_that_is_gone_is_an_init_error(styles: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_programs, "installed", lambda: (node_programs.Program("/nowhere/node", "20.0.0"),))
    outcome = await styles.run(styles.function("echo"))
    assert outcome.error_type == "Runtime.InvalidEntrypoint"
    assert "/nowhere/node is gone" in json.loads(outcome.payload)["errorMessage"]


@only("nodejs")
async def test_a_handler_is_a_function(styles: Bench) -> None:
    assert (await result(styles, "constant"))["errorMessage"] == "styles.constant is not a function"


@only("nodejs")
async def test_node_24_has_no_callbacks(styles: Bench) -> None:
    assert (await result(styles, "later", runtime="nodejs24.x"))["errorType"] == "Runtime.CallbackHandlerDeprecated"
    assert await result(styles, "nobody", runtime="nodejs24.x") is None
    assert "done" not in json.loads((await styles.run(styles.function("described", runtime="nodejs24.x"))).payload)["keys"]


@only("nodejs")
async def test_a_stream_that_nobody_asked_for_is_a_result(styles: Bench) -> None:
    assert (await styles.run(styles.other("streamed", "styles.streamed"))).payload == b'{"an":"object"}\xff'
    body = base64.b64encode(b'{"an":"object"}\xff').decode()
    assert await result(styles, "streamed", "page") == {"statusCode": 201, "body": body, "isBase64Encoded": True}
    assert (await result(styles, "callback_stream"))["errorMessage"] == "Streaming does not support non-async handlers."
    assert (await result(styles, "streamed", "late"))["errorType"] == "Runtime.InvalidStreamingOperation"
    outcome = await styles.run(styles.function("blocks"), {"mark": "/dev/null", "size": 2**20, "count": 7})
    assert outcome.error_type == "Function.ResponseSizeTooLarge"


@only("nodejs")
async def test_no_peer_can_open_nodes_debugger(styles: Bench) -> None:
    assert await result(styles, "debugged") is None


@only("nodejs")
async def test_faked_timers_are_the_functions_own_affair(styles: Bench) -> None:
    assert [await result(styles, "faked"), await result(styles, "faked")] == ["faked", "faked"]


@only("nodejs")
@pytest.mark.parametrize("name", ["stray", "early"])
async def test_what_is_written_after_the_answer_reaches_no_other_invocation(styles: Bench, name: str) -> None:
    function = styles.other(name, f"styles.{name}")
    for _ in range(3):
        _, running = await styles.stream(function, "fail")
        assert (await running).error_type == "RangeError"
        await asyncio.sleep(0.05)
        stream, running = await styles.stream(function)
        assert b"".join([piece async for piece in stream.pieces]) == b"clean"
        assert (await running).function_error == ""
    assert len(processes_of(f"fn:{name}")) == 1


@only("nodejs")
async def test_what_is_piped_arrives_whole(styles: Bench) -> None:
    stream, running = await styles.stream(styles.other("piped", "styles.piped"))
    assert b"".join([piece async for piece in stream.pieces]) == b"a" * 100_000 + b"b" * 100_000
    assert (await running).function_error == ""
    stream, running = await styles.stream(styles.other("streamed", "styles.streamed"), "typed")
    assert stream.content_type == "text/html"
    stream, running = await styles.stream(styles.other("streamed", "styles.streamed"), "returns")
    assert (await running).function_error == ""
    assert any("WARN\tStreaming handlers ignore return values." in line for line in styles.logs.of("streamed"))
