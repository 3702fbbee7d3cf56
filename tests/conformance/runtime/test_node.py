"""What Node.js alone has."""

import asyncio
import base64
import json
import os
import re
from typing import Any

import pytest

from router.runtime import node_programs
from tests.conformance.runtime.bench import Bench, processes_of
from tests.conformance.samples import only


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
    )  # apart from SIGPIPE and SIGXFSZ, which node ignores itself, and from 32 and 33: whom posix_spawn starts has them ignored by glibc
    assert seen["nofile"] == [1024, 1024]
    assert seen["fsize"] == [10240 * 1024 * 1024] * 2
    assert seen["oom"] >= 500
    assert (seen["cwd"], seen["mode"]) == (str(bench.code), "0o700")
    assert "isolated" not in seen["argv"]
    assert seen["batch"] == (os.sched_getscheduler(0) in {os.SCHED_OTHER, os.SCHED_BATCH})


STYLES = """
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
exports.later = (event, context, callback) => { setTimeout(() => console.log('drained'), 30); callback(null, event) }
exports.now = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = false
  setTimeout(() => console.log('thawed'), 3000)
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
exports.deleted = async () => { throw new Error('a\x7fb') }
exports.blank = async () => { console.log(); console.log('%s') }
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
        ("deleted", "Error", "a%7Fb"),
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
    await result(styles, "blank")
    assert [line.split("\t")[3] for line in styles.logs.of("blank") if "INFO" in line] == ["undefined", "%s"]
    await result(styles, "tables")
    assert "{ a: 1 }" in styles.logs.of("tables")


@only("nodejs")
async def test_between_invocations_the_process_is_frozen(styles: Bench) -> None:
    function = styles.other("frozen", "styles.frozen")
    assert (await styles.run(function, 500)).payload == b"0"
    await asyncio.sleep(0.7)
    assert (await styles.run(function, 500)).payload == b"0"  # due long ago, and not before this one has begun
    await asyncio.sleep(0.7)
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
