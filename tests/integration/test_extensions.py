"""Extensions as processes over HTTP, started from a layer's directory, beside Python, Node.js and custom runtimes."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from router.config.types import Function, Logging
from router.errors import EnvironmentUnavailable
from router.runtime import extension_processes
from router.runtime.lifecycle import Initialization
from router.runtime.node_programs import installed
from tests.helpers.pools import PoolBench, opened_pool
from tests.helpers.record import read_record

EXTENSION = (Path(__file__).parents[1] / "helpers/extension.py").read_text()
PYTHON = """
import http.client, json, os, threading, time

HOST, PORT = os.environ.get("AWS_LAMBDA_RUNTIME_API", ":").split(":")
heard = []

def ask(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(HOST, int(PORT))
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), dict(answer.getheaders())

def internal():
    status, text, headers = ask("POST", "/2020-01-01/extension/register", '{"events": ["INVOKE"]}', Lambda_Extension_Name="inside")
    heard.append([status, json.loads(text)])
    while True:
        heard.append(json.loads(ask("GET", "/2020-01-01/extension/event/next", Lambda_Extension_Identifier=headers["Lambda-Extension-Identifier"])[1]))

if os.environ.get("INTERNAL"):
    threading.Thread(target=internal, daemon=True).start()
    while not heard: time.sleep(0.001)

count = 0

def handler(event, context):
    global count
    count += 1
    print("handler")
    if event == "leave": os._exit(1)
    if event == "sleep": time.sleep(60)
    if event: open(event, "w").close()
    born = open("/proc/self/stat").read().rpartition(")")[2].split()[19]
    return {"count": count, "born": born, "heard": heard}

def holds(event, context):
    held = b"x" * (event * 2**20)
    time.sleep(8 if event > 20 else 0.5)

def logs(event, context):
    import logging
    print("plain")
    logging.getLogger().info("too little")
    logging.getLogger().warning("careful")

def floods(event, context):
    for number in range(3000): print(number, "x" * 500)

def asks(event, context):
    return [ask(*call["call"], **call.get("headers", {}))[:2] for call in event]
"""
NODE = "exports.handler = async (event) => ({ count: 1, api: process.env.AWS_LAMBDA_RUNTIME_API })\n"
BOOTSTRAP = """#!/usr/bin/env python3
import http.client, os
HOST, PORT = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
while True:
    connection = http.client.HTTPConnection(HOST, int(PORT))
    connection.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = connection.getresponse()
    answer.read()
    connection.request("POST", f"/2018-06-01/runtime/invocation/{answer.getheader('Lambda-Runtime-Aws-Request-Id')}/response", '{"count": 1}')
    connection.getresponse().read()
"""


class Bench:
    """A pool whose functions have extensions."""

    def __init__(self, pool: PoolBench, directory: Path) -> None:
        self.pool, self.directory, self.log = pool, directory, directory / "extension.log"

    def function(self, *names: str, handler: str = "app.handler", runtime: str = "python", **told: Any) -> Function:
        """One with these extensions, each told the same by *told*; those that begin with an underscore are no variables."""
        opt = self.directory / ("opt-" + "-".join(names))
        (opt / "extensions").mkdir(parents=True, exist_ok=True)
        for name in names:
            (opt / "extensions" / name).write_text(EXTENSION)
            (opt / "extensions" / name).chmod(0o755)
        environment = {"EXTENSION_LOG": str(self.log)}
        environment |= {"EXTENSION_" + name.upper().replace("-", "_"): json.dumps(told) for name in names}
        return self.pool.function(handler, name="f", runtime=runtime, opt=opt, environment=environment)

    async def run(self, function: Function, event: Any = None) -> Any:
        """The result of an invocation that succeeds."""
        outcome = await self.pool.run(function, event)
        assert not outcome.function_error, (outcome, self.pool.logs.of("f"))
        return json.loads(outcome.payload)

    def noted(self, key: str) -> list[Any]:
        """What extensions wrote down under a key."""
        return [row[key] for row in read_record(self.log) if key in row]

    def kinds(self) -> list[str]:
        return [event["eventType"] for event in self.noted("event")]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with opened_pool(tmp_path, {"app.py": PYTHON, "index.js": NODE, "bootstrap": BOOTSTRAP}) as pool:
        yield Bench(pool, tmp_path)


async def until(holds: Callable[[], Any], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.02)


RUNTIMES = [
    pytest.param("python", "app.handler", id="python"),
    pytest.param(
        "nodejs", "index.handler", id="nodejs", marks=pytest.mark.skipif(not installed(), reason="node 18 or later: apt-get install nodejs")
    ),
    pytest.param("provided.al2023", "app.handler", id="provided"),
]


@pytest.mark.parametrize(("runtime", "handler"), RUNTIMES)
async def test_an_extension_hears_of_every_invocation_and_of_the_end(bench: Bench, runtime: str, handler: str) -> None:
    function = bench.function("watch", runtime=runtime, handler=handler)
    for _ in range(2):
        assert (await bench.run(function))["count"]
    messages = bench.pool.logs.of("f")
    ids = [message.split()[2] for message in messages if message.startswith("START ")]
    assert [event["requestId"] for event in bench.noted("event")] == ids
    (first, _) = bench.noted("event")
    assert list(first) == ["eventType", "deadlineMs", "requestId", "invokedFunctionArn"]
    assert time.time() * 1000 < first["deadlineMs"] < time.time() * 1000 + 11_000
    assert first["invokedFunctionArn"] == "arn:f:f"
    ((status, told),) = bench.noted("registered")
    assert (status, told) == (200, {"functionName": "f", "functionVersion": "$LATEST", "handler": handler})
    assert "EXTENSION\tName: watch\tState: Ready\tEvents: [INVOKE, SHUTDOWN]" in messages
    assert "extension is up" in messages
    assert [f"extension saw {request_id}" in messages for request_id in ids] == [True, True]
    await bench.pool.pool.close()
    assert bench.kinds() == ["INVOKE", "INVOKE", "SHUTDOWN"]
    assert bench.noted("event")[-1]["shutdownReason"] == "SPINDOWN"
    assert bench.noted("ended") == [True]


async def test_an_extension_sees_what_is_meant_for_it(bench: Bench) -> None:
    await bench.run(bench.function("watch"))
    (environ,) = bench.noted("environ")
    assert bench.noted("cwd") == ["/"]
    assert {
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_REGION",
        "AWS_LAMBDA_RUNTIME_API",
        "EXTENSION_LOG",
        "PATH",
    } <= set(environ)
    assert not {"_HANDLER", "AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "AWS_LAMBDA_LOG_GROUP_NAME"} & set(environ)


async def test_init_waits_for_all_and_an_invocation_for_those_that_were_told(bench: Bench) -> None:
    function = bench.function("slow", do="slow", seconds=0.6)
    outcome = await bench.pool.run(function)
    assert outcome.duration_ms >= 600
    assert outcome.billed_ms >= 600
    quiet = bench.function("quiet", events=["SHUTDOWN"], do="slow", seconds=5)
    assert (await bench.pool.run(quiet)).duration_ms < 4000


async def test_an_extension_may_be_late_for_the_deadline(bench: Bench) -> None:
    function = bench.function("slow", do="slow", seconds=30)
    outcome = await bench.pool.run(
        bench.pool.function("app.handler", name="f", opt=function.opt, environment=function.environment, timeout=3.0)
    )
    assert json.loads(outcome.payload)["count"] == 1  # the runtime has answered
    assert bench.pool.logs.of("f")[-1].rstrip().endswith("\tStatus: timeout")
    await bench.pool.pool.close()
    assert bench.kinds() == ["INVOKE"]  # it did not ask again in the time that it had


@pytest.mark.parametrize(
    ("do", "error_type", "why"),
    [
        ("crash_at_start", "Extension.Crash", "exit status 3"),
        ("init_error", "Extension.InitError", "Extension.NoKey"),
    ],
)
async def test_an_extension_that_does_not_come_up_fails_init(bench: Bench, do: str, error_type: str, why: str) -> None:
    outcome = await bench.pool.run(bench.function("bad", do=do))
    error = json.loads(outcome.payload)
    assert (outcome.error_type, error["errorType"]) == (error_type, error_type)
    assert error["errorMessage"].endswith(f"Error: extension bad: {why}")
    messages = bench.pool.logs.of("f")
    assert any(message.startswith("INIT_REPORT ") and error_type in message for message in messages)
    assert f"Status: error\tError Type: {error_type}" in messages[-1]


async def test_a_file_that_is_no_program_fails_init(bench: Bench) -> None:
    function = bench.function("plain")
    assert function.opt is not None
    (function.opt / "extensions" / "plain").chmod(0o644)
    outcome = await bench.pool.run(function)
    assert outcome.error_type == "Extension.LaunchError"
    assert "permission denied" in outcome.payload.decode()
    assert any("EXTENSION\tName: plain\tState: LaunchError" in message for message in bench.pool.logs.of("f"))


async def test_eleven_are_too_many(bench: Bench) -> None:
    outcome = await bench.pool.run(bench.function(*(f"e{number}" for number in range(11))))
    assert outcome.error_type == "Extension.TooManyExtensions"
    assert bench.noted("registered") == []


@pytest.mark.parametrize(("do", "error_type"), [("crash", "Extension.Crash"), ("exit_error", "Extension.ExitError")])
async def test_an_extension_that_ends_during_an_invocation_resets_the_environment(bench: Bench, do: str, error_type: str) -> None:
    function = bench.function("bad", do=do, patient=True, telemetry=PLATFORM)  # until the runtime has answered
    first = await bench.run(function)
    assert f"Status: error\tError Type: {error_type}" in bench.pool.logs.of("f")[-1]
    second = await bench.run(function)
    assert (first["count"], second["count"]) == (1, 1)
    assert first["born"] != second["born"]
    assert len(bench.noted("registered")) == 2


async def test_extensions_share_the_memory_of_their_function(bench: Bench) -> None:
    function = replace(bench.function("big", hold=70, handler="app.holds"), memory=128)
    assert not (await bench.pool.run(function, 1)).function_error
    outcome = await bench.pool.run(function, 70)
    assert outcome.error_type == "Runtime.OutOfMemory"


async def test_an_extension_that_ends_before_the_handler_has_answered_is_the_answer(bench: Bench) -> None:
    outcome = await bench.pool.run(bench.function("bad", do="crash"), "sleep")
    assert json.loads(outcome.payload)["errorMessage"].endswith("Error: extension bad: exit status 7")
    assert outcome.error_type == "Extension.Crash"


async def test_an_extension_that_ends_between_invocations_costs_nothing(bench: Bench) -> None:
    function = bench.function("watch")
    first = await bench.run(function)
    (environment,) = bench.pool.pool._roster
    os.kill(environment._processes._all[0].worker.pid, 9)  # type: ignore[attr-defined]
    await until(lambda: environment._failed is not None)  # type: ignore[attr-defined]
    second = await bench.run(function)
    assert first["born"] != second["born"]
    assert "Status" not in bench.pool.logs.of("f")[-1]


@pytest.mark.parametrize(("event", "reason"), [("sleep", "TIMEOUT"), ("leave", "FAILURE")])
async def test_extensions_are_told_why_the_environment_is_reset(bench: Bench, event: str, reason: str) -> None:
    function = bench.function("watch")
    again = 4.0  # seconds in which it starts anew
    function = bench.pool.function("app.handler", name="f", opt=function.opt, environment=function.environment, timeout=again)
    assert (await bench.pool.run(function, event)).function_error
    await until(lambda: "SHUTDOWN" in bench.kinds())
    assert bench.noted("event")[-1]["shutdownReason"] == reason
    assert (await bench.run(function))["count"] == 1
    assert len(bench.noted("registered")) == 2


async def test_a_caller_who_leaves_ends_the_environment_with_its_extensions(bench: Bench) -> None:
    running = asyncio.create_task(bench.pool.run(bench.function("watch"), "sleep"))
    await until(lambda: bench.kinds() == ["INVOKE"])
    running.cancel()
    await until(lambda: bench.kinds() == ["INVOKE", "SHUTDOWN"])
    await until(lambda: not bench.pool.pool._roster)


async def test_an_extension_that_does_not_register_ends_with_its_environment(bench: Bench) -> None:
    running = asyncio.create_task(bench.pool.run(bench.function("silent", do="silent")))
    await until(lambda: bench.pool.pool._roster)
    (environment,) = bench.pool.pool._roster
    await until(lambda: environment._processes and environment._processes.pids())  # type: ignore[attr-defined]
    (pid,) = environment._processes.pids()  # type: ignore[attr-defined]
    running.cancel()
    await until(lambda: not bench.pool.pool._roster)
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("step", ["found", "spawn"])
async def test_one_that_is_closed_while_it_begins_starts_no_extension(bench: Bench, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function = bench.function("watch")
    environment = bench.pool.pool._runtime(function).environment(function, bench.pool.logs.stream("f"), Initialization.PROVISIONED)
    launcher, closing = environment._shared.launcher, list[asyncio.Task[None]]()  # type: ignore[attr-defined]
    loop, found, spawn = asyncio.get_running_loop(), extension_processes.found, launcher.spawn

    async def close() -> None:
        closing.append(asyncio.create_task(environment.close()))
        await asyncio.sleep(0.1)

    def find(opt: Path | None) -> dict[str, Path]:
        asyncio.run_coroutine_threadsafe(close(), loop).result(10)
        return found(opt)

    async def spawned(*given: Any) -> Any:
        await close()
        return await spawn(*given)

    monkeypatch.setattr(extension_processes, "found", find if step == "found" else found)
    monkeypatch.setattr(launcher, "spawn", spawned if step == "spawn" else spawn)
    began = time.monotonic()
    with pytest.raises(EnvironmentUnavailable, match="closed meanwhile"):
        await environment.warm()
    assert time.monotonic() - began < 8
    await asyncio.gather(*closing)
    assert (bench.noted("registered"), len(closing)) == ([], 1)


async def test_provisioned_environments_have_extensions_too(bench: Bench) -> None:
    function = replace(bench.function("watch"), provisioned_concurrency=1)
    environment = bench.pool.pool._runtime(function).environment(function, bench.pool.logs.stream("f"), Initialization.PROVISIONED)
    assert await environment.warm() is None
    assert len(bench.noted("registered")) == 1
    assert bench.kinds() == []
    await environment.close()
    assert bench.noted("event")[0]["shutdownReason"] == "SPINDOWN"


async def test_who_does_not_end_in_time_is_ended(bench: Bench) -> None:
    await bench.run(bench.function("hang", do="hang"))
    began = time.monotonic()
    await bench.pool.pool.close()
    assert 1.9 < time.monotonic() - began < 8
    assert bench.noted("ended") == []
    assert bench.kinds()[-1] == "SHUTDOWN"


async def test_an_internal_extension_is_told_too(bench: Bench) -> None:
    function = bench.pool.function("app.handler", name="f", internal_extensions=True, environment={"INTERNAL": "1"})
    await bench.run(function)
    second = await bench.run(function)
    assert second["heard"][0] == [200, {"functionName": "f", "functionVersion": "$LATEST", "handler": "app.handler"}]
    assert [event["eventType"] for event in second["heard"][1:]][:1] == ["INVOKE"]
    assert "EXTENSION\tName: inside\tState: Ready\tEvents: [INVOKE]" in bench.pool.logs.of("f")


async def test_calls_that_are_refused(bench: Bench) -> None:
    base, stranger = "/2020-01-01/extension/", {"Lambda_Extension_Identifier": "00000000-0000-4000-8000-000000000000"}
    calls = [
        {"call": ["POST", base + "register", "{}"]},
        {"call": ["POST", base + "register", "nonsense"], "headers": {"Lambda_Extension_Name": "x"}},
        {"call": ["POST", base + "register", '{"events": ["abcdef"]}'], "headers": {"Lambda_Extension_Name": "x"}},
        {"call": ["POST", base + "register", '{"events": ["SHUTDOWN"]}'], "headers": {"Lambda_Extension_Name": "x"}},
        {"call": ["POST", base + "register", '{"events": ["INVOKE"]}'], "headers": {"Lambda_Extension_Name": "x"}},
        {"call": ["POST", base + "register", '{"events": ["INVOKE"]}'], "headers": {"Lambda_Extension_Name": "watch"}},
        {"call": ["GET", base + "event/next"]},
        {"call": ["GET", base + "event/next"], "headers": {"Lambda_Extension_Identifier": "x"}},
        {"call": ["GET", base + "event/next"], "headers": stranger},
        {"call": ["POST", base + "event/next"]},
        {"call": ["GET", "/2018-06-01/runtime/invocation/next"]},
    ]
    found = await bench.run(bench.function("watch", handler="app.asks"), calls)
    told = [(status, json.loads(text)["errorType"] if status == 403 else "") for status, text in found]
    assert told == [
        (403, "Extension.InvalidExtensionName"),
        (403, "InvalidRequestFormat"),
        (403, "Extension.InvalidEventType"),
        (403, "Extension.InvalidEventType"),
        (403, "Extension.RegistrationClosed"),
        (403, "Extension.InvalidExtensionState"),
        (403, "Extension.MissingExtensionIdentifier"),
        (403, "Extension.InvalidExtensionIdentifier"),
        (403, "Extension.UnknownExtensionIdentifier"),
        (405, ""),
        (404, ""),
    ]
    assert json.loads(found[3][1])["errorMessage"] == "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"


PLATFORM = {"schemaVersion": "2022-12-13", "types": ["platform"], "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25}}
ALL = {**PLATFORM, "types": ["platform", "function", "extension"]}


def told(bench: Bench, kind: str) -> list[Any]:
    return [event["record"] for event in bench.noted("telemetry") if event["type"] == kind]


@pytest.mark.parametrize("protocol", ["HTTP", "TCP"])
@pytest.mark.parametrize(("runtime", "handler"), RUNTIMES)
async def test_a_subscriber_is_told_everything_from_the_start(bench: Bench, runtime: str, handler: str, protocol: str) -> None:
    function = bench.function("tells", runtime=runtime, handler=handler, telemetry=ALL, protocol=protocol)
    await bench.run(function)
    await until(lambda: told(bench, "platform.report"))
    assert bench.noted("subscribed") == [[200, '"OK"']]
    kinds = [event["type"] for event in bench.noted("telemetry") if event["type"].startswith("platform.")]
    rest = ["platform.initRuntimeDone", "platform.initReport", "platform.start", "platform.runtimeDone", "platform.report"]
    assert kinds == ["platform.initStart", "platform.telemetrySubscription", "platform.extension", *rest]
    assert told(bench, "platform.telemetrySubscription") == [
        {"name": "tells", "state": "Subscribed", "types": ["platform", "function", "extension"]}
    ]
    assert told(bench, "platform.extension") == [{"name": "tells", "state": "Ready", "events": ["INVOKE", "SHUTDOWN"]}]
    assert "extension is up" in told(bench, "extension")
    assert ("handler" in told(bench, "function")) == (runtime == "python")
    (report,), (done,) = told(bench, "platform.report"), told(bench, "platform.runtimeDone")
    assert (report["status"], done["status"]) == ("success", "success")
    assert report["metrics"]["durationMs"] >= done["metrics"]["durationMs"]
    assert done["metrics"]["producedBytes"] > 0
    assert report["requestId"] == done["requestId"] == bench.noted("event")[0]["requestId"]
    assert "TELEMETRY\tName: tells\tState: Subscribed\tTypes: [Platform, Function, Extension]" in bench.pool.logs.of("f")


async def test_an_extension_may_wait_for_the_runtimes_end_before_it_asks_again(bench: Bench) -> None:
    function = bench.function("tells", telemetry={**PLATFORM, "buffering": {"timeoutMs": 30_000}}, do="until_done")
    outcome = await bench.pool.run(function)
    assert not outcome.function_error
    assert outcome.duration_ms < 7500  # else it has given up waiting
    assert "Status" not in bench.pool.logs.of("f")[-1]


async def test_lines_of_a_json_log_are_objects(bench: Bench) -> None:
    function = bench.function("tells", telemetry=ALL, handler="app.logs")
    await bench.run(replace(function, logging=Logging("json", "WARN")))
    await until(lambda: told(bench, "platform.report"))
    (plain, warning) = told(bench, "function")
    assert plain == "plain"
    assert (warning["level"], warning["message"]) == ("WARNING", "careful")


async def test_a_slow_subscriber_costs_events_and_is_told(bench: Bench) -> None:
    function = bench.function("tells", telemetry={**ALL, "buffering": {"timeoutMs": 25}}, handler="app.floods", receiver_seconds=0.5)
    await bench.run(function)
    await until(lambda: told(bench, "platform.logsDropped"))
    dropped = told(bench, "platform.logsDropped")[0]
    assert dropped["droppedRecords"] > 0
    assert dropped["droppedBytes"] > 0
    assert "slower" in dropped["reason"]
    await until(lambda: told(bench, "platform.report") or bench.noted("telemetry")[-1]["type"] == "platform.logsDropped")


async def test_the_end_flushes_what_waits(bench: Bench) -> None:
    await bench.run(bench.function("tells", telemetry={**PLATFORM, "buffering": {"timeoutMs": 30_000}}, shutdown="until_reported"))
    assert told(bench, "platform.report") == []
    await bench.pool.pool.close()
    assert len(told(bench, "platform.report")) == 1


async def test_nothing_is_sent_to_somebody_elses_port(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1000))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        stranger = {**PLATFORM, "destination": {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{port}"}}
        function = bench.function("tells", telemetry=stranger)
        await bench.run(function)
        await asyncio.sleep(0.5)
        assert bench.noted("subscribed") == [[200, '"OK"']]
        assert heard == []


@pytest.mark.parametrize(
    ("subscription", "status", "said"),
    [
        (
            {"schemaVersion": "2022-12-13", "types": [], "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain"}},
            400,
            "types should not be empty; URI port is not provided",
        ),
        ({"schemaVersion": "2020-01-01", "types": ["platform"]}, 400, "schemaVersion should be one of 2022-07-01, 2022-12-13, 2025-01-29"),
    ],
)
async def test_subscriptions_that_make_no_sense_are_told_why(bench: Bench, subscription: Any, status: int, said: str) -> None:
    await bench.run(bench.function("tells", telemetry=subscription))
    ((found, text),) = bench.noted("subscribed")
    assert found == status
    assert json.loads(text)["errorType"] == "ValidationError"
    assert said in json.loads(text)["errorMessage"]


async def test_the_logs_api_says_that_it_is_not_there(bench: Bench) -> None:
    await bench.run(bench.function("tells", telemetry=ALL, path="/2020-08-15/logs"))
    ((status, text),) = bench.noted("subscribed")
    assert (status, json.loads(text)["errorType"]) == (202, "Logs.NotSupported")


async def test_after_init_nobody_can_subscribe(bench: Bench) -> None:
    path = "/2022-07-01/telemetry"
    calls = [{"call": ["PUT", path, "{}"]}, {"call": ["GET", path]}]
    found = await bench.run(bench.function("watch", handler="app.asks"), calls)
    assert [status for status, _ in found] == [403, 405]
    assert json.loads(found[0][1])["errorType"] == "Extension.MissingExtensionIdentifier"
    late = bench.function("late", telemetry=PLATFORM, do="late")
    await bench.run(late)
    await until(lambda: bench.noted("subscribed"))
    assert [json.loads(text)["errorType"] for _, text in bench.noted("subscribed")] == ["Telemetry.SubscriptionClosed"]


async def test_a_command_has_no_extensions_and_that_is_said(bench: Bench) -> None:
    opt = bench.function("watch").opt
    function = bench.pool.function("", name="f", runtime="command", command=("cat",), opt=opt)
    with capture_logs() as said:
        assert [await bench.run(function, "a"), await bench.run(function, "b")] == ["a", "b"]
    assert [line["function"] for line in said if line["event"] == "extensions_not_started"] == ["f"]
    assert bench.noted("registered") == []
