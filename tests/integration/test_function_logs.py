"""What functions log, from real processes: JSON records and levels, whose lines they are, and more of them than anybody can keep."""

import json
import logging
import resource
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.config.types import Function, Logging
from router.runtime.node_programs import installed
from tests.helpers.pools import PoolBench, opened_pool

PYTHON = """
import json, logging, multiprocessing, os, subprocess, sys, threading

def told(event, context):
    logger = logging.getLogger("shop")
    print("plain")
    print(json.dumps({"timestamp": "2026-01-01T00:00:00Z", "level": "DEBUG", "message": "mine"}))
    logger.debug("too little")
    logger.warning("a\\n%s", "b", extra={"order": 7})
    try:
        raise KeyError("lost")
    except KeyError:
        logger.exception("caught")

def raises(event, context):
    raise ValueError("no")

def leaves(event, context):
    os._exit(3)

def sleeps(event, context):
    import time
    time.sleep(60)

def variables(event, context):
    return {name: value for name, value in os.environ.items() if "_LOG_" in name}

def chorus(event, context):
    def sing(who):
        for number in range(50):
            print(f"{who} {context.aws_request_id} {number}", flush=True)
            logging.getLogger().warning("%s %s %s", who, context.aws_request_id, number)
    voices = [threading.Thread(target=sing, args=[f"thread{number}"]) for number in range(4)]
    voices += [multiprocessing.get_context("fork").Process(target=sing, args=[f"child{number}"]) for number in range(2)]
    for voice in voices: voice.start()
    subprocess.run([sys.executable, "-c", f"for n in range(50): print('program {context.aws_request_id}', n)"], check=True)
    for voice in voices: voice.join()

def floods(event, context):
    line = b"x" * 999 + b"\\n"
    block = line * 64
    for _ in range(event * 1_000_000 // len(block)):
        os.write(1, block)
    print("last words")
"""
NODE = """
exports.told = async (event) => {
  process.stdout.write('plain\\n')
  console.debug('too little')
  console.log('a\\n%s', 'b')
  console.warn({ order: 7 })
  console.error('caught', new RangeError('lost'))
  console.error(new RangeError('alone'))
  const round = {}
  round.round = round
  console.log(round)
}
exports.raises = async () => { throw new TypeError('no') }
"""
BOOTSTRAP = """#!/bin/sh
while true; do
  HEADERS=$(mktemp)
  curl -sS -D "$HEADERS" -o /dev/null "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next" || exit 1
  ID=$(grep -i lambda-runtime-aws-request-id "$HEADERS" | tr -d '\\r' | cut -d' ' -f2)
  echo '{"timestamp":"2026-01-01T00:00:00Z","level":"DEBUG","message":"too little"}'
  echo '{"timestamp":"2026-01-01T00:00:00Z","level":"ERROR","message":"enough"}'
  echo plain
  curl -sS -o /dev/null -d '"ok"' "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$ID/response" || exit 1
done
"""
JSON = Logging("json")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[PoolBench]:
    async with opened_pool(tmp_path, {"app.py": PYTHON, "index.js": NODE, "bootstrap": BOOTSTRAP}) as opened:
        yield opened


def parsed(messages: list[str]) -> list[Any]:
    """Objects where a message is one, text as it is."""
    return [json.loads(message) if message.startswith("{") else message for message in messages]


def platform_events(messages: list[str]) -> list[str]:
    return [one["type"] for one in parsed(messages) if isinstance(one, dict) and "type" in one]


async def records(bench: PoolBench, function: Function) -> list[Any]:
    """What it logged itself in one run."""
    outcome = await bench.run(function)
    found = parsed(bench.logs.of(function.name))
    assert [one for one in found if isinstance(one, dict) and one.get("type") == "platform.report"], found
    assert b"platform.report" in outcome.log_tail
    return [one for one in found if not (isinstance(one, dict) and "type" in one)]


async def test_python_logs_json(bench: PoolBench) -> None:
    plain, warning, caught = await records(bench, bench.function("app.told", logging=JSON))
    assert plain == "plain"
    assert list(warning) == ["timestamp", "level", "message", "logger", "requestId", "order"]
    assert (warning["level"], warning["message"], warning["logger"], warning["order"]) == ("WARNING", "a\nb", "shop", 7)
    assert list(caught) == ["timestamp", "level", "message", "logger", "stackTrace", "errorType", "errorMessage", "requestId", "location"]
    assert (caught["errorType"], caught["errorMessage"], caught["message"]) == ("KeyError", "'lost'", "caught")
    assert caught["location"].startswith(f"{bench.code}/app.py:told:")
    events = [one for one in parsed(bench.logs.of("told")) if isinstance(one, dict) and "type" in one]
    assert [one["type"] for one in events] == ["platform.initStart", "platform.start", "platform.report"]
    assert {events[1]["record"]["requestId"], events[2]["record"]["requestId"]} == {warning["requestId"]}
    assert events[2]["record"]["metrics"]["initDurationMs"] > 0


@pytest.mark.parametrize(("level", "expected"), [("DEBUG", 4), ("ERROR", 1)])
async def test_levels_hold_for_records_and_for_printed_objects(bench: PoolBench, level: str, expected: int) -> None:
    found = await records(bench, bench.function("app.told", logging=Logging("json", level)))
    assert len([one for one in found if isinstance(one, dict)]) == expected
    assert "plain" in found


async def test_an_unhandled_error_is_one_record(bench: PoolBench) -> None:
    (found,) = await records(bench, bench.function("app.raises", logging=Logging("json", "ERROR")))
    assert (found["errorType"], found["errorMessage"], found["level"]) == ("ValueError", "no", "ERROR")
    assert "/app.py" in found["stackTrace"][0]


@pytest.mark.parametrize(
    ("handler", "status", "error_type"), [("leaves", "error", "Runtime.ExitError"), ("sleeps", "timeout", "Sandbox.Timedout")]
)
async def test_the_ends_of_processes_are_records_and_statuses(bench: PoolBench, handler: str, status: str, error_type: str) -> None:
    function = bench.function(f"app.{handler}", logging=JSON, timeout=1.0 if handler == "sleeps" else 10.0)
    (found,) = await records(bench, function)
    assert found["errorType"] == error_type
    assert platform_events(bench.logs.of(handler)) == ["platform.initStart", "platform.start", "platform.runtimeDone", "platform.report"]
    report = json.loads(bench.logs.of(handler)[-1])["record"]
    assert report["status"] == status
    await bench.run(function)
    assert "platform.initStart" in platform_events(bench.logs.of(handler)[5:])  # inside the invocation
    assert json.loads(bench.logs.of(handler)[6])["record"]["phase"] == "invoke"


async def test_the_runtime_is_told_format_and_level(bench: PoolBench) -> None:
    told = json.loads((await bench.run(bench.function("app.variables", logging=Logging("json", "WARN", group="/shop/all")))).payload)
    assert told.pop("AWS_LAMBDA_LOG_STREAM_NAME")
    assert told == {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "WARN", "AWS_LAMBDA_LOG_GROUP_NAME": "/shop/all"}
    plain = json.loads((await bench.run(bench.function("app.variables", name="plain"))).payload)
    assert {name for name in plain if "FORMAT" in name or "LEVEL" in name} == set()


@pytest.mark.skipif(not installed(), reason="node 18 or later: apt-get install nodejs")
async def test_node_logs_json(bench: PoolBench) -> None:
    function = bench.function("index.told", runtime="nodejs", logging=JSON)
    plain, log, warning, caught, alone, circular = await records(bench, function)
    assert plain == "plain"
    assert list(log) == ["timestamp", "level", "requestId", "message"]
    assert (log["level"], log["message"]) == ("INFO", "a\nb")
    assert (warning["level"], warning["message"]) == ("WARN", {"order": 7})
    assert (caught["errorType"], caught["errorMessage"], caught["stackTrace"][0]) == ("RangeError", "lost", "RangeError: lost")
    assert alone["message"]["errorType"] == "RangeError"
    assert "Circular" in circular["message"]


@pytest.mark.skipif(not installed(), reason="node 18 or later: apt-get install nodejs")
async def test_an_unhandled_error_of_node_is_one_record(bench: PoolBench) -> None:
    (found,) = await records(bench, bench.function("index.raises", runtime="nodejs", logging=Logging("json", "ERROR")))
    assert (found["level"], found["message"]["errorType"], found["message"]["errorMessage"]) == ("ERROR", "TypeError", "no")


async def test_lines_of_a_custom_runtime_pass_by_their_level(bench: PoolBench) -> None:
    found = await records(bench, bench.function("", name="f", runtime="provided.al2023", logging=JSON))
    assert [one if isinstance(one, str) else one["message"] for one in found] == ["enough", "plain"]


@pytest.mark.parametrize("format_", ["text", "json"])
async def test_lines_of_threads_and_children_belong_to_their_request(bench: PoolBench, format_: Any) -> None:
    function = bench.function("app.chorus", logging=Logging(format_))
    for _ in range(2):
        await bench.run(function)
    invocations = "\n".join(bench.logs.of("chorus")).split("platform.start" if format_ == "json" else "START RequestId")[-2:]
    ids = []
    for lines in invocations:
        request_id = lines.split("requestId")[1].split('"')[2] if format_ == "json" else lines.split()[1]
        ids.append(request_id)
        assert lines.count(f"thread1 {request_id}") == 100
        assert lines.count(f"child1 {request_id}") == 100
        assert lines.count(f"program {request_id}") == 50
    assert ids[0] not in invocations[1]
    assert ids[1] not in invocations[0]


async def test_a_flood_is_counted_and_does_not_grow_the_daemon(bench: PoolBench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    function = bench.function("app.floods", timeout=120.0)
    await bench.run(function, 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = await bench.run(function, 300)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert not outcome.function_error
    dropped = bench.metrics.counter("router_output_dropped_bytes_total", "", "function").value("floods")
    kept = sum(map(len, bench.logs.of("floods")))
    assert grown < 32 * 1024 + 4 * kept / 1024  # KiB; what is kept, this test's log keeps in memory
    assert 100_000_000 < dropped < 301_000_000
    assert dropped + kept > 300_900_000
    assert "[dropped: " in "\n".join(bench.logs.of("floods"))
