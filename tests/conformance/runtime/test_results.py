"""An event in, a result or an error out; and the environment that is used again."""

import asyncio
import json
import re
from typing import Any

import pytest

from router import names
from router.model import RESPONSE_LIMIT
from router.runtime.base import Invocation
from tests.conformance.runtime.bench import Bench
from tests.conformance.samples import needs, only


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
