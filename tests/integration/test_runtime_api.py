"""The Runtime API over real sockets, with a bootstrap that does what no good client does, and with strangers at its door."""

import asyncio
import base64
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router import names
from router.clock import SystemClock
from router.config.types import Function
from router.dispatch.flow import HIGH, Flow
from router.errors import StreamBroken
from router.model import PRELUDE_END, RESPONSE_LIMIT, Outcome, Stream
from router.runtime.base import Invocation
from router.runtime.pool import WarmPool
from tests.helpers.confined import here
from tests.helpers.logs import MemoryLogs
from tests.helpers.pools import serving

BOOTSTRAP = """#!INTERPRETER -ISu
import base64, http.client, json, os, socket, sys, time

HOST, PORT = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
BASE = "/2018-06-01/runtime/"
count = 0

def ask(method, path, body=None, headers={}):
    connection = http.client.HTTPConnection(HOST, int(PORT))
    connection.request(method, BASE + path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), dict(answer.getheaders())

def raw(data, *, end=True, wait=True):
    peer = socket.create_connection((HOST, int(PORT)))
    peer.sendall(data)
    if end: peer.shutdown(socket.SHUT_WR)
    found = b""
    if not wait: time.sleep(0.2)  # it is to be seen who it is
    while wait and (chunk := peer.recv(65536)): found += chunk
    peer.close()
    return found.decode()

def cut(respond):
    peer = expecting(respond, 100)
    peer.sendall(b'{"half')
    peer.close()

def post(path, body, *, more="", length=None):
    length = len(body) if length is None else length
    return f"POST {BASE}{path} HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: {length}\\r\\n{more}\\r\\n".encode() + body

def chunked(id, pieces, *, headers="", trailers="", pause=0.0):
    peer = socket.create_connection((HOST, int(PORT)))
    peer.sendall((f"POST {BASE}invocation/{id}/response HTTP/1.1\\r\\nHost: x\\r\\nTransfer-Encoding: chunked\\r\\n"
                  f"Lambda-Runtime-Function-Response-Mode: streaming\\r\\n{headers}\\r\\n").encode())
    for piece in pieces:
        peer.sendall(b"%x\\r\\n%b\\r\\n" % (len(piece), piece))
        time.sleep(pause)
    peer.sendall(b"0\\r\\n" + trailers.encode() + b"\\r\\n")
    return peer.recv(65536).decode()

def bursts(event):
    for number in range(event["count"]):
        with open(event["mark"], "w") as file: file.write(str(number + 1))
        yield b"x" * event["size"]

def run(id, event):
    do, respond = event.get("do"), f"invocation/{id}/response"
    if do == "refused":
        found = [ask("GET", "invocation/next"), ask("POST", "init/error", "{}"), ask("POST", "invocation/other/response", "{}"),
                 ask("POST", "invocation/other/error", "{}"), ask("GET", "nowhere"), ask("GET", respond), ask("GET", "../../ping")]
        ask("POST", respond, json.dumps([[status, body] for status, body, _ in found]))
        time.sleep(0.2)
        again = ask("POST", respond, '"twice"')
        open(event["mark"], "w").write(json.dumps(again[:2]))
    elif do == "truncated": open(event["mark"], "w").write(raw(post(respond, b'{"half', length=100)))
    elif do == "cut": cut(respond)
    elif do == "malformed": ask("POST", respond, json.dumps([raw(b"nonsense\\r\\n\\r\\n"), raw(post(respond, b"", more="Bad Header: x\\r\\n"))]))
    elif do == "sized": ask("POST", respond, b"x" * event["size"])
    elif do == "expect":
        peer = expecting(respond, 4)
        peer.sendall(b"true")
        peer.recv(1000)
    elif do == "leave":
        ask("POST", respond, '"answered"')
        os._exit(0)
    elif do == "errors": ask("POST", f"invocation/{id}/error", json.dumps(event["body"]), event["headers"])
    elif do == "mode": ask("POST", respond, "{}", {"Lambda-Runtime-Function-Response-Mode": "buffered"})
    elif do == "stream": chunked(id, [piece.encode() for piece in event["pieces"]], headers=event.get("headers", ""),
                                 trailers=event.get("trailers", ""), pause=event.get("pause", 0.0))
    elif do == "bursts": chunked(id, bursts(event))
    elif do == "steal":
        try: stolen = steal(event["port"])
        except OSError as error: stolen = type(error).__name__
        ask("POST", respond, json.dumps(stolen))
    elif do == "impatient":
        ask("POST", respond, "true")
        for _ in range(2): raw(f"GET {BASE}invocation/next HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n".encode(), end=False, wait=False)
        open(event["mark"], "w").close()
    elif do == "count": ask("POST", respond, json.dumps([count, os.getpid()]))
    elif do == "look": ask("POST", respond, json.dumps({"fds": sorted(os.listdir("/proc/self/fd"))[:-1], "cwd": os.getcwd(), "argv": sys.argv[0],
                           "env": dict(os.environ), "api": f"{HOST}:{PORT}", "sid": os.getsid(0) == os.getpid(),
                           "status": open("/proc/self/status").read()}))

def expecting(respond, length):
    peer = socket.create_connection((HOST, int(PORT)))
    peer.sendall(post(respond, b"", length=length, more="Expect: 100-continue\\r\\n"))
    first = peer.recv(100)
    assert first.startswith(b"HTTP/1.1 100 "), first
    return peer

def steal(port):
    peer = socket.create_connection((HOST, port))
    peer.sendall(f"GET {BASE}invocation/next HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n".encode())
    return peer.recv(1000).decode()

mode = os.environ.get("MODE", "")
if mode == "init error":
    ask("POST", "init/error", '{"errorMessage":"m","errorType":"E"}', {"Lambda-Runtime-Function-Error-Type": "Function.E"})
    sys.exit(1)
while True:
    status, body, headers = ask("GET", "invocation/next")
    count += 1
    event = json.loads(body)
    if event == "headers": ask("POST", f"invocation/{headers['Lambda-Runtime-Aws-Request-Id']}/response", json.dumps(headers))
    else: run(headers["Lambda-Runtime-Aws-Request-Id"], event)
"""


class Bench:
    """A pool whose functions are that bootstrap."""

    def __init__(self, pool: WarmPool, logs: MemoryLogs, code: Path) -> None:
        self.pool, self.logs, self.code = pool, logs, code

    def function(self, name: str = "f", **rest: Any) -> Function:
        return Function(**({"name": name, "code": self.code, "handler": "", "runtime": "provided.al2023", "timeout": 10.0} | rest))

    async def run(self, event: Any, function: Function | None = None, **rest: Any) -> Outcome:
        invocation = Invocation(function or self.function(), json.dumps(event).encode(), names.request_id(), "arn:f", **rest)
        return await self.pool.invoke(invocation)

    async def stream(self, event: Any) -> tuple[Stream, asyncio.Task[Outcome]]:
        flow = Flow()

        async def run() -> Outcome:
            outcome = await self.run(event, sink=flow)
            flow.finish(outcome)
            return outcome

        running = asyncio.create_task(run())
        return await flow.stream(), running

    async def count(self, function: Function | None = None) -> list[int]:
        found: list[int] = json.loads((await self.run({"do": "count"}, function)).payload)
        return found


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    code = tmp_path / "code"
    code.mkdir()
    (code / "bootstrap").write_text(BOOTSTRAP.replace("INTERPRETER", sys.executable))
    (code / "bootstrap").chmod(0o755)
    logs = MemoryLogs()
    async with serving(tmp_path, logs) as pool:
        yield Bench(pool, logs, code)


async def test_an_event_comes_with_its_headers(bench: Bench) -> None:
    outcome = await bench.run("headers", client_context='{"custom":{"é":1}}', trace="Root=1-2-3")
    seen = json.loads(outcome.payload)
    assert seen["Lambda-Runtime-Aws-Request-Id"] == bench.logs.of("f")[-1].split()[2]
    assert (seen["Lambda-Runtime-Invoked-Function-Arn"], seen["Lambda-Runtime-Trace-Id"]) == ("arn:f", "Root=1-2-3")
    assert json.loads(seen["Lambda-Runtime-Client-Context"]) == {"custom": {"é": 1}}
    assert abs(int(seen["Lambda-Runtime-Deadline-Ms"]) - (SystemClock().now() + 10) * 1000) < 5000
    assert seen["Content-Type"] == "application/json"
    seen = json.loads((await bench.run("headers")).payload)
    assert not {"Lambda-Runtime-Trace-Id", "Lambda-Runtime-Client-Context", "Lambda-Runtime-Cognito-Identity"} & seen.keys()


async def test_calls_out_of_order_are_refused_and_change_nothing(bench: Bench, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    told = json.loads((await bench.run({"do": "refused", "mark": str(mark)})).payload)
    assert [status for status, _ in told] == [403, 403, 400, 400, 404, 405, 404]
    assert [json.loads(body)["errorType"] for _, body in told[:4]] == ["InvalidStateTransition"] * 2 + ["InvalidRequestID"] * 2
    assert (await bench.count())[0] == 2
    assert json.loads(mark.read_text()) == [400, '{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}']


async def test_a_response_cut_off_is_told_and_the_environment_lives(bench: Bench, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    before = await bench.count()
    for event in ({"do": "truncated", "mark": str(mark)}, {"do": "cut"}):
        outcome = await bench.run(event)
        assert (outcome.error_type, outcome.function_error) == ("Runtime.TruncatedResponse", "Unhandled")
    assert await bench.count() == [before[0] + 3, before[1]]
    head, _, body = mark.read_bytes().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body) == {"errorMessage": "HTTP request detected as truncated", "errorType": "TruncatedHTTPRequest"}


async def test_what_is_no_http_is_refused_and_the_environment_lives(bench: Bench) -> None:
    told = json.loads((await bench.run({"do": "malformed"})).payload)
    assert [answer.split()[1] for answer in told] == ["400", "400"]
    assert (await bench.count())[0] == 2


async def test_sizes(bench: Bench) -> None:
    assert len((await bench.run({"do": "sized", "size": RESPONSE_LIMIT})).payload) == RESPONSE_LIMIT
    outcome = await bench.run({"do": "sized", "size": RESPONSE_LIMIT + 1})
    assert outcome.error_type == "Function.ResponseSizeTooLarge"
    assert (await bench.run({"do": "expect"})).payload == b"true"
    assert (await bench.count())[0] == 4  # one process all the time


async def test_a_runtime_that_left_after_its_answer_costs_the_next_event_nothing(bench: Bench) -> None:
    for _ in range(3):
        assert (await bench.run({"do": "leave"})).payload == b'"answered"'
    assert (await bench.count())[0] == 1


@pytest.mark.parametrize("size", [10, 3_000_000])
async def test_an_event_that_a_dying_runtime_has_not_read_goes_to_another(bench: Bench, size: int) -> None:
    function = bench.function()
    pid = here((await bench.count(function))[1])
    (environment,) = bench.pool._roster
    while environment._channel.session._waiting is None:  # type: ignore[attr-defined]
        await asyncio.sleep(0.001)
    os.kill(pid, signal.SIGSTOP)
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        await asyncio.sleep(0.001)
    running = asyncio.create_task(bench.run({"do": "count", "filled": "x" * size}, function))
    await asyncio.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    count, fresh = json.loads((await running).payload)
    assert (count, here(fresh) != pid) == (1, True)


async def test_errors_are_passed_on_as_they_are(bench: Bench) -> None:
    body = {"errorMessage": "m", "errorType": "MyError", "stackTrace": ["a"], "more": 1}
    outcome = await bench.run({"do": "errors", "body": body, "headers": {}})
    assert (json.loads(outcome.payload), outcome.error_type, outcome.function_error) == (body, "MyError", "Unhandled")
    outcome = await bench.run({"do": "errors", "body": {}, "headers": {"Lambda-Runtime-Function-Error-Type": "Function.Odd"}})
    assert (outcome.payload, outcome.error_type) == (b"{}", "Function.Odd")
    assert "Status:" not in bench.logs.of("f")[-1]
    assert (await bench.run({"do": "mode"})).error_type == "Runtime.InvalidResponseModeHeader"


async def test_an_init_error_is_tried_twice_and_answered(bench: Bench) -> None:
    outcome = await bench.run(1, bench.function(environment={"MODE": "init error"}))
    assert (outcome.payload, outcome.error_type) == (b'{"errorMessage":"m","errorType":"E"}', "E")
    assert len([line for line in bench.logs.of("f") if line.startswith("INIT_REPORT") and line.endswith("Error Type: E")]) == 2


async def test_a_client_that_gave_up_waiting_loses_no_event(bench: Bench, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    await bench.run({"do": "impatient", "mark": str(mark)})
    while not mark.exists():
        await asyncio.sleep(0.01)
    assert (await bench.count())[0] == 2


@pytest.mark.parametrize(
    ("body", "told"),
    [(None, "Couldn't find valid bootstrap(s): [CODE/bootstrap]"), ("no program", "CODE/bootstrap: Exec format error")],
)
async def test_a_bootstrap_that_cannot_be_started(bench: Bench, body: str | None, told: str) -> None:
    (bench.code / "bootstrap").unlink()
    if body is not None:
        (bench.code / "bootstrap").write_text(body)
        (bench.code / "bootstrap").chmod(0o755)
    outcome = await bench.run(1)
    request_id = bench.logs.of("f")[-1].split()[2]
    assert json.loads(outcome.payload) == {
        "errorType": "Runtime.InvalidEntrypoint",
        "errorMessage": f"RequestId: {request_id} Error: {told.replace('CODE', str(bench.code))}",
    }


# streams


async def test_a_stream_arrives_as_it_is_sent(bench: Bench) -> None:
    headers = "Content-Type: application/vnd.awslambda.http-integration-response\r\n"
    prelude = '{"statusCode": 201}' + PRELUDE_END.decode()
    stream, running = await bench.stream({"do": "stream", "pieces": [prelude, "one", "two"], "headers": headers, "pause": 0.1})
    assert stream.http
    assert not running.done()
    assert b"".join([piece async for piece in stream.pieces]) == f"{prelude}onetwo".encode()
    assert ((await running).function_error, (await running).payload) == ("", b"")
    outcome = await bench.run({"do": "stream", "pieces": ["one", "two"]})  # nobody asked for a stream
    assert outcome.payload == b"onetwo"


async def test_trailers_break_a_stream(bench: Bench) -> None:
    error = '{"errorMessage":"m","errorType":"Broken"}'
    trailers = (
        f"Lambda-Runtime-Function-Error-Type: Broken\r\nLambda-Runtime-Function-Error-Body: {base64.b64encode(error.encode()).decode()}\r\n"
    )
    stream, running = await bench.stream({"do": "stream", "pieces": ["one"], "trailers": trailers})
    assert (stream.content_type, await anext(stream.pieces)) == ("application/octet-stream", b"one")
    with pytest.raises(StreamBroken):
        await anext(stream.pieces)
    assert ((await running).error_type, (await running).payload) == ("Broken", error.encode())


async def test_a_slow_reader_holds_the_runtime_up(bench: Bench, tmp_path: Path) -> None:
    mark, size, count = tmp_path / "mark", 50_000, 800
    stream, running = await bench.stream({"do": "bursts", "mark": str(mark), "size": size, "count": count})
    before = -1
    while (now := int((mark.exists() and mark.read_text()) or 0)) != before or now == 0:  # until it stands still
        before = now
        await asyncio.sleep(0.2)
    assert now * size < HIGH + 12 * 1024 * 1024  # what the kernel holds for both ends of a loopback connection
    assert not running.done()
    assert sum([len(piece) async for piece in stream.pieces]) == size * count
    assert (await running).function_error == ""


# who may connect


async def test_a_stranger_is_not_heard(bench: Bench) -> None:
    host, port = json.loads((await bench.run({"do": "look"})).payload)["api"].split(":")

    def ask() -> bytes:
        with socket.create_connection((host, int(port))) as peer:
            peer.settimeout(5)
            try:
                peer.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n")
                return peer.recv(100)
            except ConnectionError:
                return b"refused"

    assert await asyncio.to_thread(ask) in {b"refused", b""}
    assert (await bench.count())[0] == 2


async def test_one_function_cannot_take_the_events_of_another(bench: Bench) -> None:
    api = json.loads((await bench.run({"do": "look"})).payload)["api"]
    stolen = json.loads((await bench.run({"do": "steal", "port": int(api.split(":")[1])}, bench.function("thief"))).payload)
    assert stolen in {"", "ConnectionResetError", "BrokenPipeError"}
    assert (await bench.count())[0] == 2


async def test_what_a_bootstrap_sees(bench: Bench) -> None:
    seen = json.loads(
        (await bench.run({"do": "look"}, bench.function(environment={"MINE": "1", "AWS_LAMBDA_RUNTIME_API": "mars"}))).payload
    )
    assert seen["fds"] == ["0", "1", "2"]
    assert (seen["cwd"], seen["argv"], seen["sid"]) == (str(bench.code), str(bench.code / "bootstrap"), True)
    assert seen["env"]["AWS_LAMBDA_RUNTIME_API"] == seen["api"]
    assert seen["env"]["MINE"] == "1"
    assert not {"AWS_EXECUTION_ENV", "PYTHONPATH", "_X_AMZN_TRACE_ID"} & seen["env"].keys()
    assert "NoNewPrivs:\t1" in seen["status"]
