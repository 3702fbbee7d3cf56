"""What every runtime does with a function, whatever language it is written in.

A runtime is one entry in SAMPLES: how each behaviour below is written in its language."""

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from router import names
from router.clock import SystemClock
from router.config.types import Function, Limits
from router.dispatch.flow import HIGH, Flow
from router.errors import EnvironmentUnavailable, SpawnerDied, StreamBroken
from router.model import PRELUDE_END, RESPONSE_LIMIT, STREAM_LIMIT, Outcome, Stream
from router.runtime.base import Invocation
from router.runtime.pool import WarmPool, warm_pool
from router.telemetry.metrics import Metrics
from tests.helpers.logs import MemoryLogs

PYTHON = '''
import ctypes, datetime, json, logging, os, signal, socket, subprocess, sys, threading, time
print("module level")
count = 0

def echo(event, context): return event
def say(event, context):
    print("one"); sys.stderr.write("two\\n"); logging.getLogger().error("three\\nlines"); print("four", end="")
def fail(event, context): raise ValueError("it broke")
def nameless(event, context): raise type("", (Exception,), {})("it broke")
def slow(event, context): time.sleep(event)
def counted(event, context):
    global count
    count += 1
    return [count, os.getpid()]
def sized(event, context): return "x" * (event - 2)
def leave(event, context): sys.exit(event)
def interrupt(event, context): raise KeyboardInterrupt
def vanish(event, context): os._exit(event)
def signalled(event, context): os.kill(os.getpid(), event); time.sleep(9)
def unserialisable(event, context): return datetime.datetime(2024, 1, 1)
def described(event, context):
    return {name: getattr(context, name) for name in ("aws_request_id", "log_group_name", "log_stream_name", "function_name",
            "memory_limit_in_mb", "function_version", "invoked_function_arn", "tenant_id")} | {
            "remaining": context.get_remaining_time_in_millis(), "repr": repr(context), "identity": context.identity.cognito_identity_id,
            "custom": context.client_context and context.client_context.custom,
            "title": context.client_context and context.client_context.client.app_title}
def environment(event, context): return dict(os.environ)
def descriptors(event, context):
    found = {}
    for number in os.listdir("/proc/self/fd"):
        try: found[number] = os.readlink("/proc/self/fd/" + number)
        except OSError: pass
    return found
def isolated(event, context):
    import resource
    status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
    return {"sid": os.getsid(0) == os.getpid(), "nnp": status["NoNewPrivs"].strip(), "dumpable": ctypes.CDLL(None).prctl(3, 0, 0, 0, 0),
            "nofile": resource.getrlimit(resource.RLIMIT_NOFILE), "core": resource.getrlimit(resource.RLIMIT_CORE),
            "fsize": resource.getrlimit(resource.RLIMIT_FSIZE), "oom": int(open("/proc/self/oom_score_adj").read()),
            "cwd": os.getcwd(), "umask": os.umask(0o22), "tmp": os.environ["TMPDIR"], "mode": oct(os.stat(os.environ["TMPDIR"]).st_mode & 0o777),
            "argv": open("/proc/self/cmdline").read(), "term": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
            "mask": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())), "path0": sys.path[0],
            "router": [name for name in sys.modules if name.startswith("router")], "batch": os.sched_getscheduler(0) == os.SCHED_BATCH}
def detach(event, context):
    """A double-forked, setsid grandchild that ignores signals and keeps the output open."""
    if os.fork() == 0:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
        if os.fork() == 0:
            with open(event["mark"], "a") as file: file.write(str(os.getpid()) + "\\n")
            time.sleep(600)
        os._exit(0)
    while not os.path.exists(event["mark"]): time.sleep(0.005)
    time.sleep(event["sleep"])
def bomb(event, context):
    """63 processes that fork a successor in a session of its own and die, again and again."""
    worker = os.getpid()
    for _ in range(6):
        if os.fork() == 0: os.setsid()
    if os.getpid() == worker: time.sleep(600)
    while True:
        time.sleep(0.02)
        if os.fork(): os._exit(0)
        os.setsid()
def flood(event, context):
    block = b"x" * 65536
    for _ in range(event // len(block)): os.write(1, block)
def lines(event, context): os.write(1, b"x\\n" * event)
def binary(event, context): os.write(1, b"\\x00\\xff\\x1b[31m\\nREPORT RequestId: forged\\tDuration: 0.00 ms\\n")
def close_all(event, context): os.closerange(0, 1024)
def kill_parent(event, context): os.kill(os.getppid(), signal.SIGKILL); time.sleep(9)
def forked_answer(event, context):
    os.fork()
    return os.getpid()
def keep_tmp(event, context):
    path = os.path.join(os.environ["TMPDIR"], "kept")
    seen = os.path.exists(path)
    open(path, "w").close()
    if not seen: time.sleep(9)
    return seen
def ask_boto(event, context):
    import boto3, botocore
    found = []
    for name in ("aiohttp", "yaml", "pip", "structlog", "orjson"):
        try: __import__(name)
        except ImportError: continue
        found.append(name)
    return [boto3.__name__, found]
def traced(event, context): return os.environ.get("_X_AMZN_TRACE_ID")
def stop_self(event, context): os.kill(os.getpid(), signal.SIGSTOP)
def pieces(event, context):
    print("begins")
    yield "é"
    while event and not os.path.exists(event): time.sleep(0.005)
    yield b"two"
    yield ""
    yield bytearray(b"three")
    print("ends")
def page(event, context):
    yield {"statusCode": 201, "headers": {"x": "y"}, "cookies": ["a=b"]}
    yield "body"
def silent(event, context):
    return
    yield
def broken(event, context):
    if event == "at once": raise ValueError("it broke")
    yield "one"
    if event == "odd": yield 7
    if event == "leave": sys.exit(3)
    if event == "hang":
        if os.fork() == 0: time.sleep(600)
        time.sleep(600)
    raise ValueError("it broke")
def blocks(event, context):
    for number in range(event["count"]):
        with open(event["mark"], "w") as file: file.write(str(number + 1))
        yield b"x" * event["size"]
    with open(event["mark"], "w") as file: file.write("done")
def deaf(event, context):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True: pass
'''


VARIABLES = set(
    """AWS_DEFAULT_REGION AWS_EXECUTION_ENV AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_FUNCTION_NAME AWS_LAMBDA_FUNCTION_VERSION
    AWS_LAMBDA_INITIALIZATION_TYPE AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME AWS_REGION AWS_XRAY_CONTEXT_MISSING
    BUCKET_UPLOADS EXTRA LAMBDA_RUNTIME_DIR LAMBDA_TASK_ROOT LANG LC_CTYPE LD_LIBRARY_PATH MINE PATH PWD PYTHONPATH SHLVL TMPDIR TZ
    _HANDLER""".split()  # noqa: SIM905  # names read best so
)


@dataclass(frozen=True)
class Sample:
    """A runtime's name and its files."""

    runtime: str
    files: dict[str, str]


SAMPLES = {
    "python": Sample(
        "python",
        {
            "app.py": PYTHON,
            "pkg/__init__.py": "",
            "pkg/mod.py": "def f(event, context): return 'found'\n",
            "raises.py": "print('importing')\nraise RuntimeError('at import')\n",
            "leaves.py": "import sys\nsys.exit(3)\n",
            "missing_import.py": "import no_such_module\n",
            "syntax.py": "def f(:\n",
            "slow_init.py": "import time, os\ntime.sleep(float(os.environ['INIT']))\ndef f(event, context): return 'late'\n",
            "own/resource.py": "def f(event, context): return 'my own resource'\n",
        },
    )
}


class Bench:
    """A pool over one sample's files."""

    def __init__(self, pool: WarmPool, logs: MemoryLogs, metrics: Metrics, code: Path, runtime: str) -> None:
        self.pool, self.logs, self.metrics, self.code, self.runtime = pool, logs, metrics, code, runtime

    def function(self, handler: str, **rest: Any) -> Function:
        """A function named after its handler."""
        return Function(
            handler.rsplit(".", 1)[-1],
            self.code,
            handler if "." in handler else f"app.{handler}",
            **({"runtime": self.runtime, "timeout": 5.0} | rest),
        )

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


@pytest.fixture(params=SAMPLES, scope="module")
def sample(request: pytest.FixtureRequest) -> Sample:
    return SAMPLES[request.param]


@pytest.fixture
async def bench(sample: Sample, tmp_path: Path) -> AsyncIterator[Bench]:
    code = tmp_path / "code"
    for name, text in sample.files.items():
        (code / name).parent.mkdir(parents=True, exist_ok=True)
        (code / name).write_text(text)
    logs, metrics = MemoryLogs(), Metrics()
    pool = warm_pool(
        state=tmp_path / "state",
        lock_fd=None,
        region="eu-west-1",
        variables=lambda function: {"BUCKET_UPLOADS": "/data/uploads", "EXTRA": "daemon"},
        logs=logs,
        clock=SystemClock(),
        limits=Limits(concurrency=8),
        metrics=metrics,
    )
    await pool.open()
    yield Bench(pool, logs, metrics, code, sample.runtime)
    await pool.close()
    assert all(stream.closed for stream in logs.streams)
    assert list((tmp_path / "state" / "tmp").iterdir()) == []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def processes_of(title: str) -> list[int]:
    """Live processes with this name."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            text = Path(f"/proc/{name}/stat").read_text()
        except OSError:
            continue
        if f"({title})" in text and text.rpartition(")")[2].split()[0] not in "ZX":
            found.append(int(name))
    return found


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
    for handler in ("pkg/mod.f", "pkg.mod.f"):
        assert (await bench.run(Function("x", bench.code, handler))).payload == b'"found"'


async def test_a_functions_own_module_wins_over_one_that_only_we_have_loaded(bench: Bench) -> None:
    assert (await bench.run(Function("own", bench.code / "own", "resource.f"))).payload == b'"my own resource"'


async def test_an_exception_is_an_error_object_in_awss_order(bench: Bench) -> None:
    outcome = await bench.run("fail")
    error = json.loads(outcome.payload)
    assert list(error) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert (error["errorMessage"], error["errorType"]) == ("it broke", "ValueError")
    assert re.fullmatch(r'  File ".*/app\.py", line \d+, in fail\n    def fail.*raise ValueError\("it broke"\)\n', error["stackTrace"][0])
    assert len(error["stackTrace"]) == 1
    assert (outcome.function_error, outcome.error_type) == ("Unhandled", "ValueError")
    log = bench.logs.of("fail")
    assert [line for line in log if line.startswith("[ERROR] ValueError: it broke\nTraceback (most recent call last):\n\xa0\xa0File")]
    assert "Status:" not in log[-1]


async def test_an_error_without_a_name_is_an_error_all_the_same(bench: Bench) -> None:
    outcome = await bench.run("nameless")
    assert (outcome.function_error, outcome.error_type) == ("Unhandled", "")


async def test_six_megabytes_go_in_and_out(bench: Bench) -> None:
    event = "x" * (6 * 1024 * 1024 - 2)
    outcome = await bench.run("echo", event)
    assert outcome.payload == json.dumps(event).encode()


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
    assert error["errorType"] == "Runtime.MarshalError"
    assert error["errorMessage"] == "Unable to marshal response: Object of type datetime is not JSON serializable"
    assert error["stackTrace"] == []


async def test_an_event_that_is_no_json_is_an_unmarshal_error(bench: Bench) -> None:
    outcome = await bench.pool.invoke(Invocation(bench.function("echo"), b"NaN", names.request_id(), "arn"))
    assert json.loads(outcome.payload)["errorMessage"] == "Unable to unmarshal input: Expecting value: line 1 column 1 (char 0)"


async def test_a_forked_child_that_returns_does_not_answer(bench: Bench) -> None:
    function = bench.function("forked_answer")
    first, second = [json.loads((await bench.run(function)).payload) for _ in range(2)]
    assert first == second


# reuse -----------------------------------------------------------------------------------------------------------------------


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


# logs ------------------------------------------------------------------------------------------------------------------------


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
    assert re.fullmatch(r"\[ERROR\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t" + request_id + "\tthree\nlines", three)
    assert "Init Duration" in report
    assert len(log) == 16
    assert "Init Duration" not in log[-1]
    tail = cold.log_tail.decode()
    assert tail.startswith("START RequestId: ")
    assert tail.endswith("\t\n")
    assert "INIT_START" not in tail


async def test_a_record_stays_whole_whatever_the_chance(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", lambda size: b"\n" * size)
    await bench.run("say")
    assert "\tthree\nlines" in bench.logs.of("say")[5]


async def test_the_log_tail_is_the_last_4_kb(bench: Bench) -> None:
    outcome = await bench.run("lines", 5000)
    assert len(outcome.log_tail) == 4096
    assert b"\nREPORT RequestId: " in outcome.log_tail


async def test_binary_output_and_forged_lines_are_text_of_the_function(bench: Bench) -> None:
    await bench.run("binary")
    log = bench.logs.of("binary")
    assert log[3:5] == ["\x00\\xff\x1b[31m", "REPORT RequestId: forged\tDuration: 0.00 ms"]
    assert [line.startswith("END") for line in log].index(True) == 5


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
    function = bench.function(handler, timeout=0.3)
    began = time.monotonic()
    outcome = await bench.run(function, 30)
    assert 0.3 <= time.monotonic() - began < 2.3
    error = json.loads(outcome.payload)
    assert list(error) == ["errorType", "errorMessage"]
    assert error["errorType"] == outcome.error_type == "Sandbox.Timedout"
    assert re.fullmatch(r"RequestId: [0-9a-f-]{36} Error: Task timed out after 0\.30 seconds", error["errorMessage"])
    assert outcome.duration_ms == 300
    said, end, report = bench.logs.of(handler)[-3:]
    assert said.endswith("Task timed out after 0.30 seconds")
    assert end.startswith("END")
    assert report.rstrip().endswith("Status: timeout")
    if handler == "slow":
        again = await bench.run(function, 0)
        assert again.payload == b"null"
        assert again.init_ms is None  # a suppressed init is part of the invocation
        assert again.log_stream == outcome.log_stream


async def test_tmp_survives_the_reset_of_an_environment(bench: Bench) -> None:
    function = bench.function("keep_tmp", timeout=0.5)
    assert (await bench.run(function)).error_type == "Sandbox.Timedout"
    assert (await bench.run(function)).payload == b"true"


async def test_a_detached_grandchild_dies_with_the_timeout_and_does_not_delay_it(bench: Bench, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    outcome = await bench.run(bench.function("detach", timeout=0.5), {"mark": str(mark), "sleep": 30})
    assert outcome.error_type == "Sandbox.Timedout"
    (pid,) = map(int, mark.read_text().split())
    assert not alive(pid)


async def test_a_detached_grandchild_does_not_delay_the_answer_and_dies_with_its_environment(bench: Bench, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    began = time.monotonic()
    outcome = await bench.run("detach", {"mark": str(mark), "sleep": 0})
    assert (outcome.payload, time.monotonic() - began < 2) == (b"null", True)
    (pid,) = map(int, mark.read_text().split())
    assert alive(pid)
    bench.pool.retire("detach")
    await until(lambda: not alive(pid))


async def test_a_fork_bomb_is_gone_soon_after_the_timeout(bench: Bench) -> None:
    other = bench.function("counted")
    await bench.run(other)
    began = time.monotonic()
    outcome = await bench.run(bench.function("bomb", timeout=0.5))
    assert outcome.error_type == "Sandbox.Timedout"
    assert time.monotonic() - began < 2.5
    assert processes_of("fn:bomb") == []
    assert json.loads((await bench.run(other)).payload)[0] == 2


# ends ------------------------------------------------------------------------------------------------------------------------


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


async def test_base_exceptions_end_the_process(bench: Bench) -> None:
    assert (await bench.run("interrupt")).error_type == "Runtime.ExitError"


async def test_a_worker_without_descriptors_is_an_exit_error(bench: Bench) -> None:
    assert (await bench.run("close_all")).error_type == "Runtime.ExitError"


async def test_killed_from_outside_mid_invocation(bench: Bench) -> None:
    function = bench.function("counted")
    pid = json.loads((await bench.run(function)).payload)[1]
    slow = asyncio.create_task(bench.run(Function("counted", bench.code, "app.slow", timeout=9), 8))
    os.kill(pid, signal.SIGKILL)
    await until(lambda: len([line for line in bench.logs.of("counted") if line.startswith("START")]) == 2)
    worker = next(environment._worker for environment in bench.pool._all if environment.function.handler == "app.slow")
    os.kill(worker.pid, signal.SIGKILL)
    assert (await slow).error_type == "Runtime.ExitError"


async def test_a_worker_that_died_idle_costs_the_next_event_nothing(bench: Bench) -> None:
    function = bench.function("counted")
    pid = json.loads((await bench.run(function)).payload)[1]
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not alive(pid))
    count, fresh = json.loads((await bench.run(function)).payload)
    assert (count, fresh != pid) == (1, True)


async def test_the_spawner_dies_and_is_replaced(bench: Bench) -> None:
    slow = asyncio.create_task(bench.run(bench.function("slow", timeout=30.0), 20))
    await until(lambda: any(line.startswith("START") for line in bench.logs.of("slow")))
    for running in (bench.run("kill_parent"), slow):
        with pytest.raises(SpawnerDied):  # nobody can tell by whose hand, so it is no function's error
            await running
    assert any("the spawner died" in line for line in bench.logs.of("slow"))
    assert (await bench.run("echo", 5)).payload == b"5"
    assert bench.metrics.counter("router_spawner_restarts_total", "").value() == 1


# init ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handler", "error_type", "message"),
    [
        ("raises.f", "RuntimeError", "at import"),
        ("missing_import.f", "Runtime.ImportModuleError", "Unable to import module 'missing_import': No module named 'no_such_module'"),
        ("nowhere.f", "Runtime.ImportModuleError", "Unable to import module 'nowhere': No module named 'nowhere'"),
        ("app.nothing", "Runtime.HandlerNotFound", "Handler 'nothing' missing on module 'app'"),
        ("syntax.f", "Runtime.UserCodeSyntaxError", "Syntax error in module 'syntax': invalid syntax (syntax.py, line 1)"),
        ("time.sleep", "Runtime.BuiltInModuleConflict", "Cannot use built-in module time as a handler module"),
        ("nodot", "Runtime.MalformedHandlerName", "Bad handler 'nodot': not enough values to unpack (expected 2, got 1)"),
    ],
)
async def test_an_init_error_is_tried_twice_and_answered(bench: Bench, handler: str, error_type: str, message: str) -> None:
    outcome = await bench.run(Function("f", bench.code, handler))
    error = json.loads(outcome.payload)
    assert list(error) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert (error["errorType"], error["errorMessage"], error["requestId"]) == (error_type, message, "")
    assert (outcome.error_type, outcome.function_error, outcome.init_ms) == (error_type, "Unhandled", None)
    log = bench.logs.of("f")
    assert len([line for line in log if line.startswith(f"[ERROR] {error_type}: {message}")]) == 2
    phases = [line for line in log if line.startswith("INIT_REPORT")]
    assert ["Phase: init" in phases[0], "Phase: invoke" in phases[1], len(phases)] == [True, True, 2]
    assert phases[0].endswith(f"Status: error\tError Type: {error_type}")
    assert log[-1].endswith(f"Status: error\tError Type: {error_type}")


async def test_leaving_in_init_is_an_exit_error(bench: Bench) -> None:
    outcome = await bench.run("leaves.f")
    assert json.loads(outcome.payload)["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")


async def test_a_slow_init_counts_against_the_timeout_when_repeated(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.runtime.environment.INIT_LIMIT", 0.2)
    late = await bench.run(Function("late", bench.code, "slow_init.f", timeout=3, environment={"INIT": "0.4"}))
    assert (late.payload, late.init_ms) == (b'"late"', None)
    assert late.duration_ms >= 400
    assert any(line.startswith("INIT_REPORT") and line.endswith("Phase: init\tStatus: timeout") for line in bench.logs.of("late"))
    never = await bench.run(Function("never", bench.code, "slow_init.f", timeout=0.3, environment={"INIT": "60"}))
    assert never.error_type == "Sandbox.Timedout"


async def test_a_function_whose_init_keeps_failing_does_not_start_processes_without_end(bench: Bench) -> None:
    function = Function("f", bench.code, "raises.f")
    outcomes = [await bench.run(function) for _ in range(30)]
    assert {outcome.error_type for outcome in outcomes} == {"RuntimeError"}
    assert len([line for line in bench.logs.of("f") if line == "importing"]) <= 8
    assert bench.logs.of("f")[-1].endswith("Error Type: RuntimeError")


# what a handler sees ---------------------------------------------------------------------------------------------------------


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
    assert error["errorType"] == "Runtime.LambdaContextUnmarshalError"
    assert error["errorMessage"].startswith("Unable to parse Client Context JSON: ")


async def test_only_the_variables_a_function_should_see(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAEMON_SECRET", "hush")
    own = {"MINE": "1", "EXTRA": "mine", "TZ": "Europe/Berlin", "AWS_REGION": "mars", "_HANDLER": "x"}
    seen = json.loads((await bench.run(bench.function("environment", environment=own))).payload)
    assert set(seen) == VARIABLES
    assert (seen["AWS_REGION"], seen["_HANDLER"], seen["EXTRA"], seen["TZ"]) == ("eu-west-1", "app.environment", "mine", "Europe/Berlin")
    assert seen["LAMBDA_TASK_ROOT"] == str(bench.code)
    assert re.fullmatch(r"AWS_Lambda_python3\.\d+", seen["AWS_EXECUTION_ENV"])


async def test_the_trace_header_lasts_for_one_invocation(bench: Bench) -> None:
    function = bench.function("traced")
    assert (await bench.run(function, trace="Root=1-2-3")).payload == b'"Root=1-2-3"'
    assert (await bench.run(function)).payload == b"null"


async def test_only_the_documented_descriptors_are_open(bench: Bench) -> None:
    found = json.loads((await bench.run("descriptors")).payload)
    assert sorted(found) == ["0", "1", "2", "3", "4"]
    assert found["0"] == "/dev/null"
    assert found["1"] == found["2"]
    assert found["1"].startswith("pipe:")
    assert len({found["1"], found["3"], found["4"]}) == 3


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


async def test_boto3_and_what_it_needs_and_nothing_else_of_the_daemons(bench: Bench) -> None:
    assert json.loads((await bench.run(bench.function("ask_boto", timeout=30.0))).payload) == ["boto3", []]


# the pool --------------------------------------------------------------------------------------------------------------------


# streams ---------------------------------------------------------------------------------------------------------------------


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


async def test_a_prelude_says_what_the_http_answer_is(bench: Bench) -> None:
    stream, _ = await bench.stream("page")
    assert stream.http
    prelude, _, body = b"".join([piece async for piece in stream.pieces]).partition(PRELUDE_END)
    assert (json.loads(prelude), body) == ({"statusCode": 201, "headers": {"x": "y"}, "cookies": ["a=b"]}, b"body")


async def test_a_stream_of_nothing_is_complete(bench: Bench) -> None:
    stream, running = await bench.stream("silent")
    assert [piece async for piece in stream.pieces] == []
    assert not stream.whole
    assert (await running).function_error == ""


async def test_any_other_result_is_whole_and_errors_are_as_ever(bench: Bench) -> None:
    stream, _ = await bench.stream("echo", {"a": 1})
    assert stream.whole
    assert [piece async for piece in stream.pieces] == [b'{"a": 1}']
    stream, running = await bench.stream("broken", "at once")
    assert [piece async for piece in stream.pieces] == []
    assert json.loads((await running).payload)["errorMessage"] == "it broke"
    stream, running = await bench.stream(bench.function("slow", timeout=0.3), 9)
    assert [piece async for piece in stream.pieces] == []
    assert (await running).error_type == "Sandbox.Timedout"


async def test_nobody_asked_for_a_stream_so_a_generator_is_a_marshal_error(bench: Bench) -> None:
    assert (await bench.run("pieces")).error_type == "Runtime.MarshalError"


@pytest.mark.parametrize(
    ("how", "error_type", "said"),
    [
        ("raise", "ValueError", "it broke"),
        ("odd", "Runtime.MarshalError", "a streamed piece is bytes or str, not int"),
        ("leave", "Runtime.ExitError", "exit status 3"),
        ("hang", "Sandbox.Timedout", "Task timed out after 0.50 seconds"),
    ],
)
async def test_an_error_in_the_middle_breaks_the_stream_after_what_was_sent(bench: Bench, how: str, error_type: str, said: str) -> None:
    function = bench.function("broken", timeout=0.5)
    stream, running = await bench.stream(function, how)
    assert await anext(stream.pieces) == b"one"
    with pytest.raises(StreamBroken) as broken:
        await anext(stream.pieces)
    outcome = await running
    assert (outcome.error_type, outcome.function_error) == (error_type, "Unhandled")
    assert said in json.loads(outcome.payload)["errorMessage"]
    assert (broken.value.error_type, broken.value.payload) == (error_type, outcome.payload)
    assert len(processes_of("fn:broken")) == (how in {"raise", "odd"})  # those two have cost no process
    stream, running = await bench.stream(function, "raise")
    assert await anext(stream.pieces) == b"one"
    assert (await running).error_type == "ValueError"


async def test_a_slow_reader_stops_the_worker_and_costs_bounded_memory(bench: Bench, tmp_path: Path) -> None:
    mark, size, count = tmp_path / "mark", 50_000, 400
    stream, running = await bench.stream("blocks", {"mark": str(mark), "size": size, "count": count})
    before = -1
    while (now := int(mark.read_text() or 0)) != before:  # until it stands still
        before = now
        await asyncio.sleep(0.1)
    assert now * size < HIGH + 4 * 65536
    assert not running.done()
    assert sum([len(piece) async for piece in stream.pieces]) == size * count
    assert (await running).function_error == ""


async def test_a_reader_that_leaves_does_not_end_the_function(bench: Bench, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    stream, running = await bench.stream("blocks", {"mark": str(mark), "size": 50_000, "count": 200})
    await anext(stream.pieces)
    await stream.pieces.aclose()
    assert (await running).function_error == ""
    assert mark.read_text() == "done"


async def test_the_next_invocation_is_not_held_up_by_who_read_the_last_one(bench: Bench, tmp_path: Path) -> None:
    event = {"mark": str(tmp_path / "mark"), "size": HIGH, "count": 1}
    stream, running = await bench.stream("blocks", event)
    await running  # unread, its buffer full
    assert (await bench.run(bench.function("blocks"), event)).error_type == "Runtime.MarshalError"
    assert len(processes_of("fn:blocks")) == 1
    assert sum([len(piece) async for piece in stream.pieces]) == HIGH


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
    await until(lambda: any(line.startswith("START") for line in bench.logs.of("slow")))
    pids = [environment._worker.pid for environment in bench.pool._all]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await until(lambda: not any(map(alive, pids)))
    assert (await bench.run("echo", 1)).payload == b"1"
