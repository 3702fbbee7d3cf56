"""What a handler sees: context, variables, traces, descriptors, controls, packages."""

import json
import os
import re

import pytest

from tests.conformance.runtime.bench import Bench
from tests.conformance.samples import only


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
    assert seen["argv"].rstrip("\0") == "fn:isolated"
    assert seen["router"] == []
    assert seen["batch"] == (os.sched_getscheduler(0) in {os.SCHED_OTHER, os.SCHED_BATCH})


@only("python")
async def test_boto3_and_what_it_needs_and_nothing_else_of_the_daemons(bench: Bench) -> None:
    assert json.loads((await bench.run(bench.function("ask_boto", timeout=30.0))).payload) == ["boto3", []]
