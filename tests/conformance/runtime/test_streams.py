"""Answers that are streamed."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from router.dispatch.flow import HIGH
from router.errors import EnvironmentUnavailable, StreamBroken
from router.model import PRELUDE_END, STREAM_LIMIT
from tests.conformance.runtime.bench import Bench, processes_of, until
from tests.conformance.samples import cases, needs, only


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
    while (now := int(mark.read_text() or 0)) != before or now == 0:  # until it stands still
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
