"""The http source on a port: routes, bodies, refusals with a request id, timeouts, drain."""

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from router.clock import SystemClock
from router.config.types import Config, Function, Listen
from router.errors import SourceError
from router.events import routes
from router.model import SYNC_LIMIT, Envelope, Outcome
from router.sources.base import Binding, House
from router.sources.http import HttpSource
from router.sources.http_triggers import HttpTrigger
from router.telemetry.metrics import Metrics
from router.web import Limits
from tests.helpers.outlet import MemoryOutlet
from tests.helpers.wire import LOOPBACK, Client, until

ROUTES = ("POST /images/{id}", "GET /pets/{proxy+}", "ANY /echo", "GET /slow")


class Running:
    """A source that runs, and a client of it."""

    def __init__(self, where: Listen = LOOPBACK, limits: Limits | None = None) -> None:
        self.metrics = Metrics()
        house = House(Config(Path("/c/config.yaml"), Path("/s"), http=where), SystemClock(), None, self.metrics)  # type: ignore[arg-type]
        function = Function("f", Path("/code"), "app.handler")
        triggers = [HttpTrigger(routes.parse(text), 0.1 if text == "GET /slow" else 30.0) for text in ROUTES]
        self.source = HttpSource([Binding(function, trigger, index) for index, trigger in enumerate(triggers)], house, limits)
        self.outlet: Any = MemoryOutlet(
            lambda envelope: Outcome(json.dumps({"statusCode": 200, "body": envelope.payload.decode()}).encode())
        )
        self.stop = asyncio.Event()

    async def start(self) -> asyncio.Task[None]:
        task = asyncio.create_task(self.source.run(self.outlet, self.stop))
        await until(lambda: task.done() or bool(self.source.addresses))
        return task

    async def client(self) -> Client:
        return await Client.open(int(self.source.addresses[0].rpartition(":")[2]))


@pytest.fixture
async def running() -> AsyncIterator[Callable[..., Awaitable[Running]]]:
    tasks: list[tuple[Running, asyncio.Task[None]]] = []

    async def start(**options: Any) -> Running:
        made = Running(**options)
        tasks.append((made, await made.start()))
        return made

    yield start
    for made, task in tasks:
        made.stop.set()
        async with asyncio.timeout(5):
            await task


Start = Callable[..., Awaitable[Running]]


async def ask(client: Client, method: str, target: str, body: bytes = b"", content_type: str = "") -> Any:
    typed = f"Content-Type: {content_type}\r\n" if content_type else ""
    client.send(f"{method} {target} HTTP/1.1\r\nHost: localhost:1\r\n{typed}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    answer = await client.answer(bodiless=method == "HEAD")
    assert len(answer.headers["apigw-requestid"]) == 16
    return answer


async def test_events_over_the_wire(running: Start) -> None:
    made = await running()
    assert made.source.health() == ""
    client = await made.client()
    event = json.loads((await ask(client, "POST", "/images/7?x=1&x=2", b'{"n":1}', "application/json")).body)
    assert (event["routeKey"], event["pathParameters"], event["body"]) == ("POST /images/{id}", {"id": "7"}, '{"n":1}')
    assert event["queryStringParameters"] == {"x": "1,2"}
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"
    assert event["requestContext"]["domainName"] == "localhost"
    event = json.loads((await ask(client, "GET", "/pets/%C3%BC/x%20y")).body)
    assert (event["rawPath"], event["pathParameters"]) == ("/pets/ü/x y", {"proxy": "ü/x y"})
    assert [envelope.source for envelope in made.outlet.invoked] == ["http:POST /images/{id}", "http:GET /pets/{proxy+}"]
    await client.close()


async def test_every_answer_has_a_request_id(running: Start) -> None:
    made = await running()
    client = await made.client()
    assert (await ask(client, "GET", "/nowhere")).status == 404
    assert (await ask(client, "GET", "/pets/%00")).status == 400
    assert (await ask(client, "HEAD", "/echo")).status == 200
    assert (await ask(client, "GET", "/echo")).status == 200
    client.send(b"GET / HTTP/1.1\r\n\r\n")
    refused = await client.answer()
    assert (refused.status, refused.body, len(refused.headers["apigw-requestid"])) == (400, b'{"message":"Bad Request"}', 16)
    await client.close()


async def test_bodies_up_to_the_limit_arrive_unharmed(running: Start) -> None:
    made = await running()
    made.outlet._answer = lambda envelope: Outcome(b'{"statusCode": 204}')
    client = await made.client()
    body = os.urandom(3_000_000)
    assert (await ask(client, "POST", "/echo", body, "image/png")).status == 204
    assert base64.b64decode(json.loads(made.outlet.invoked[0].payload)["body"]) == body
    assert (await ask(client, "POST", "/echo", bytes(SYNC_LIMIT * 3 // 4 + 3), "image/png")).status == 413
    client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (SYNC_LIMIT + 1))
    refused = await client.answer()
    assert (refused.status, refused.body) == (413, b'{"message":"Request Too Long"}')
    assert len(made.outlet.invoked) == 1
    await client.close()


async def test_a_slow_function_is_given_up_at_the_routes_timeout(running: Start) -> None:
    made = await running()
    release, ended = asyncio.Event(), asyncio.Event()

    class Slow:
        async def invoke(self, envelope: Envelope) -> Outcome:
            await release.wait()
            ended.set()
            return Outcome(b"null")

    made.source.places.line.outlet = Slow()  # type: ignore[assignment]
    client = await made.client()
    answer = await ask(client, "GET", "/slow")
    assert (answer.status, answer.body) == (503, b'{"message":"Service Unavailable"}')
    assert (await ask(client, "GET", "/nowhere")).status == 404
    made.stop.set()
    assert await client.rest() == b""
    release.set()
    await asyncio.wait_for(ended.wait(), 5)
    await client.close()


async def test_a_handlers_headers_cannot_split_the_answer(running: Start) -> None:
    made = await running()
    made.outlet._answer = lambda _: Outcome(b'{"statusCode": 200, "headers": {"x": "a\\r\\n\\r\\nHTTP/1.1 200 OK"}}')
    client = await made.client()
    assert (await ask(client, "GET", "/echo")).status == 500
    made.outlet._answer = lambda _: Outcome(
        b'{"statusCode": 200, "headers": {"Transfer-Encoding": "chunked", "Connection": "close"}, "body": "x"}'
    )
    answer = await ask(client, "GET", "/echo")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"x", "1")
    assert (await ask(client, "GET", "/echo")).status == 200
    await client.close()


async def test_an_address_in_use_is_a_source_error_that_names_it(running: Start) -> None:
    port = int((await running()).source.addresses[0].rpartition(":")[2])
    second = Running(where=Listen("tcp", "127.0.0.1", port))
    with pytest.raises(SourceError, match=f"127.0.0.1:{port}"):
        await (await second.start())
    assert second.source.health() == "the http listener is not bound"


async def test_who_connects_to_a_source_that_is_only_bound_waits_for_it(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    made = Running(where=Listen("unix", path=path))
    await made.source.bind()
    await made.source.close()
    assert not path.exists()
    await made.source.bind()
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert made.source.addresses == ()
    task = await made.start()
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()
    made.stop.set()
    await task
    assert not path.exists()


async def test_a_source_can_be_started_again(running: Start) -> None:
    made = await running()
    made.stop.set()
    await until(lambda: not made.source.addresses)
    made.stop.clear()
    task = await made.start()
    client = await made.client()
    assert (await ask(client, "GET", "/echo")).status == 200
    await client.close()
    made.stop.set()
    await task
