"""Webhooks on a port: what is read of a body, and whose, before anything is verified."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from router.clock import SystemClock
from router.config.types import Config, Function, Listen
from router.events import routes
from router.events.webhook_keys import HmacKey, NoKey
from router.events.webhook_limit import BURST
from router.events.webhook_schemes import GITHUB, Unsigned
from router.journal.database import Database
from router.model import Envelope
from router.sources.base import Binding, House
from router.sources.http import HttpSource
from router.sources.webhook_trigger import WebhookTrigger
from router.telemetry.metrics import Metrics
from tests.helpers.outlet import MemoryOutlet
from tests.helpers.webhooks import github
from tests.helpers.wire import LOOPBACK, Client, until

LIMIT = 64 * 1024
SIGNED = WebhookTrigger(routes.parse("POST /hook"), GITHUB, (HmacKey("secret", b"hush-hush"),), body_limit=LIMIT)
STRANGER = ("127.0.0.2", 0)  # no proxy of ours: those are at 127.0.0.1


class Hook:
    """A source with one webhook, running."""

    def __init__(self, database: Database, trigger: WebhookTrigger = SIGNED, where: Listen = LOOPBACK) -> None:
        self.metrics, self.outlet, self.stop = Metrics(), MemoryOutlet(), asyncio.Event()
        function = Function("f", Path("/code"), "app.handler", triggers=(trigger,))
        config = Config(Path("/c/config.yaml"), Path("/s"), http=where, functions={"f": function})
        self.source = HttpSource([Binding(function, trigger, 0)], House(config, SystemClock(), database, self.metrics))

    async def client(self, **options: object) -> Client:
        return await Client.open(int(self.source.addresses[0].rpartition(":")[2]), **options)

    @property
    def emitted(self) -> list[Envelope]:
        return self.outlet.emitted


@pytest.fixture
async def hook(tmp_path: Path) -> AsyncIterator[Hook]:
    database = await Database.open(tmp_path / "store.db")
    made = Hook(database)
    task = asyncio.create_task(made.source.run(made.outlet, made.stop))
    await until(lambda: task.done() or bool(made.source.addresses))
    yield made
    made.stop.set()
    await task
    await database.close()


def head(*lines: bytes, length: int | None = None) -> bytes:
    framing = [b"Content-Length: %d" % length] if length is not None else []
    return b"\r\n".join([b"POST /hook HTTP/1.1", b"Host: a", *lines, *framing]) + b"\r\n\r\n"


def signed(body: bytes, delivery: str) -> tuple[bytes, ...]:
    return tuple(f"{name}: {value}".encode() for name, value in github("hush-hush", body, delivery).items())


async def test_a_delivery_in_one_piece_and_in_many(hook: Hook) -> None:
    client = await hook.client()
    for number, size in enumerate((0, 10, LIMIT)):
        body = b"x" * size
        request = head(*signed(body, f"guid-{number}"), length=size) + body
        assert (await client.ask(request)).status == 202
        for start in range(0, len(request), 7000):
            client.send(request[start : start + 7000])
            await asyncio.sleep(0)
        assert (await client.answer()).status == 200
    chunked = head(*signed(b"hello", "guid-9"), b"Transfer-Encoding: chunked")
    client.send(chunked)
    client.send(b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")
    assert (await client.answer()).status == 202
    assert len(hook.emitted) == 4
    await client.close()


async def test_a_compressed_body_is_signed_as_it_is_sent(hook: Hook) -> None:
    body = gzip.compress(b'{"a": 1}')
    client = await hook.client()
    request = head(*signed(body, "guid-1"), b"Content-Encoding: gzip", length=len(body)) + body
    assert (await client.ask(request)).status == 202
    assert hook.outlet.events()[0]["isBase64Encoded"] is True
    await client.close()


async def test_a_body_over_the_limit_is_refused_before_it_is_sent(hook: Hook) -> None:
    for request in (
        head(length=LIMIT + 1),
        head(b"Expect: 100-continue", length=LIMIT + 1),
        head(b"Transfer-Encoding: chunked") + b"%x\r\n" % (LIMIT + 1),
    ):
        client = await hook.client()
        assert (await client.ask(request)).status == 413
        await client.close()
    client = await hook.client()
    client.send(head(b"Expect: 100-continue", *signed(b"x" * LIMIT, "guid-1"), length=LIMIT))
    assert (await client.answer(bodiless=True)).status == 100
    assert (await client.ask(b"x" * LIMIT)).status == 202
    await client.close()


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (b"X-Hub-Signature-256: sha256=\xe9\xff\x80",),
        (b"X-Hub-Signature-256: sha256=\xc3\xa9",),
        (b"X-Hub-Signature-256:",),
        (*signed(b"", "guid-1"), b"x-hub-signature-256: sha256=" + b"0" * 64),
        (*signed(b"", "guid-1"), b"x-github-delivery: guid-2"),
        (b"X-Hub-Signature-256: sha256=" + b"A" * 64,),
    ],
)
async def test_no_header_makes_it_anything_but_401(hook: Hook, lines: tuple[bytes, ...]) -> None:
    client = await hook.client()
    answer = await client.ask(head(*lines, length=0))
    assert (answer.status, answer.body) == (401, b'{"message":"Unauthorized"}')
    assert (await client.ask(head(*signed(b"", "guid-3"), length=0))).status == 202, "the connection goes on"
    await client.close()


async def test_who_failed_too_often_is_not_read_any_more(hook: Hook) -> None:
    client = await hook.client(local_addr=STRANGER)
    assert [(await client.ask(head(length=0))).status for _ in range(BURST + 1)] == [401] * BURST + [429]
    answer = await client.ask(head(length=LIMIT))
    assert answer.status == 429, "without a byte of its body"
    assert answer.headers["retry-after"]
    assert await client.rest() == b""
    assert 'router_webhook_limited_total{route="POST /hook"} 2\n' in hook.metrics.exposition()
    other = await hook.client()
    assert (await other.ask(head(*signed(b"", "guid-1"), length=0))).status == 202
    for one in (client, other):
        await one.close()


async def test_one_delivery_on_ten_connections_is_one_event(hook: Hook) -> None:
    clients = [await hook.client() for _ in range(10)]
    request = head(*signed(b"{}", "guid-1"), length=2) + b"{}"
    answers = await asyncio.gather(*(client.ask(request) for client in clients))
    assert sorted(answer.status for answer in answers) == [200] * 9 + [202]
    assert len({answer.body for answer in answers}) == 1
    assert len(hook.emitted) == 1
    for client in clients:
        await client.close()


async def test_what_stands_open_to_strangers_is_said_at_the_start(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "store.db")
    open_hook = WebhookTrigger(routes.parse("POST /hook"), Unsigned(), (NoKey(),))
    for where, said in ((Listen("tcp", "0.0.0.0", 0), 1), (LOOPBACK, 0)):
        with capture_logs() as logs:
            made = Hook(database, open_hook, where)
            task = asyncio.create_task(made.source.run(made.outlet, made.stop))
            await until(lambda task=task, made=made: task.done() or bool(made.source.addresses))
            made.stop.set()
            await task
        notes = [line["note"] for line in logs if line["event"] == "webhook_exposed"]
        assert len(notes) == said
        assert all("POST /hook takes what anybody sends" in note for note in notes)
    await database.close()
