"""The listener against raw sockets: framing, deadlines, caps, drain."""

import asyncio
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from router.config.types import Listen
from router.web import Limits, Request, Response
from router.web.sockets import CannotListen
from tests.helpers.wire import Client, Served, until
from tests.integration.web.conftest import GET, PATIENT, QUICK, Connect, Serve
from tests.unit.web.test_heads import SMUGGLING

# -- requests and answers


async def test_requests_follow_one_another_on_one_connection(serve: Serve, connect: Connect) -> None:
    client = await connect(served := await serve())
    for number in range(3):
        answer = await client.ask(b"POST /%d?q HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" % number)
        assert (answer.status, answer.body) == (200, f"POST /{number}?q 3".encode())
        assert "connection" not in answer.headers
    first = served.requests[0]
    assert (first.peer, first.port, first.host, first.version, first.body) == ("127.0.0.1", served.port, "a", "HTTP/1.1", b"abc")
    assert served.counted('router_http_requests_total{listener="test",status="2xx"} 3')
    assert served.counted('router_http_connections_opened_total{listener="test"} 1')


async def test_a_request_may_come_byte_by_byte(serve: Serve, connect: Connect) -> None:
    client = await connect(await serve())
    for byte in b"\r\nPOST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n":
        client.send(bytes([byte]))
        await asyncio.sleep(0)
    assert (await client.answer()).body == b"POST / 3"


async def test_pipelined_requests_are_answered_in_order(serve: Serve, connect: Connect) -> None:
    served = await serve()
    release = asyncio.Event()

    async def slow(request: Request) -> Response:
        await release.wait()
        return Response(200, (), b"slow")

    served.answers["/slow"] = slow
    client = await connect(served)
    client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + b"POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxx" + GET)
    await until(lambda: bool(served.requests))
    await asyncio.sleep(0.02)
    assert len(served.requests) == 1  # one at a time: order is the client's
    release.set()
    assert [(await client.answer()).body for _ in range(3)] == [b"slow", b"POST /b 2", b"GET / 0"]


async def test_a_flood_of_pipelined_requests_is_not_read_ahead(serve: Serve, connect: Connect) -> None:
    served = await serve()
    release = asyncio.Event()

    async def slow(request: Request) -> Response:
        await release.wait()
        return Response(200)

    served.answers["/slow"] = slow
    client = await connect(served)
    flood = GET * 200_000  # 5 MB
    client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + flood)
    await until(lambda: bool(served.requests))
    await asyncio.sleep(0.1)
    (connection,) = served.listener.door.inside
    assert connection.holds < 1_000_000
    release.set()
    for _ in range(1000):
        assert (await client.answer()).status == 200


async def test_head_and_bodiless_answers(serve: Serve, connect: Connect) -> None:
    served = await serve()

    async def nothing(request: Request) -> Response:
        return Response(204, (), b"ignored")

    served.answers["/204"] = nothing
    client = await connect(served)
    client.send(b"HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n")
    answer = await client.answer(bodiless=True)
    assert answer.headers["content-length"] == str(len(b"HEAD /x 0"))
    answer = await client.ask(b"GET /204 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (answer.status, "content-length" in answer.headers) == (204, False)
    assert (await client.ask(GET)).body == b"GET / 0"  # nothing was left on the wire


async def test_100_continue_comes_when_the_body_is_waited_for(serve: Serve, connect: Connect) -> None:
    client = await connect(await serve())
    put = b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: "
    client.send(put + b"3\r\n\r\n")
    assert (await client.answer()).status == 100
    assert (await client.ask(b"abc")).body == b"PUT / 3"
    assert (await client.ask(put + b"3\r\n\r\nabc")).status == 200  # it did not wait: no 100
    client.send(put + b"9999999\r\n\r\n")
    assert (await client.answer()).status == 413


@pytest.mark.parametrize(("ask", "kept"), [(b"", False), (b"Connection: keep-alive\r\n", True)])
async def test_http_1_0(serve: Serve, connect: Connect, ask: bytes, kept: bool) -> None:
    client = await connect(await serve())
    answer = await client.ask(b"GET / HTTP/1.0\r\n" + ask + b"\r\n")
    assert (answer.status, answer.headers["connection"]) == (200, "keep-alive" if kept else "close")
    if kept:
        assert (await client.ask(b"GET / HTTP/1.0\r\n\r\n")).status == 200
    assert await client.rest() == b""


async def test_connection_close_is_kept(serve: Serve, connect: Connect) -> None:
    client = await connect(served := await serve())
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + GET)
    assert (await client.answer()).headers["connection"] == "close"
    assert await client.rest() == b""
    assert len(served.requests) == 1


async def test_a_handler_that_fails_costs_its_request_alone(serve: Serve, connect: Connect) -> None:
    served = await serve()

    async def crash(request: Request) -> Response:
        raise KeyError("secret")

    async def inject(request: Request) -> Response:
        return Response(200, [("x", "a\r\nset-cookie: b=1")], b"")

    served.answers |= {"/crash": crash, "/inject": inject}
    client = await connect(served)
    answer = await client.ask(b"GET /crash HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (answer.status, answer.body) == (500, b'{"message":"Internal Server Error"}')
    answer = await client.ask(b"GET /inject HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (answer.status, "set-cookie" in answer.headers) == (500, False)
    assert await client.rest() == b""


async def test_an_early_answer_frees_the_connection_and_the_handler_goes_on(serve: Serve, connect: Connect) -> None:
    served = await serve()
    release, ended = asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> Response:
        request.client.answer(Response(503, (), b"early"))
        request.client.answer(Response(503, (), b"twice"))
        await release.wait()
        ended.set()
        return Response(200, (), b"late")

    served.answers["/slow"] = slow
    client = await connect(served)
    assert (await client.ask(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")).body == b"early"
    assert (await client.ask(GET)).body == b"GET / 0"
    release.set()
    await asyncio.wait_for(ended.wait(), 5)
    assert (await client.ask(GET)).body == b"GET / 0"


@pytest.mark.parametrize("how", ["close", "reset", "half"])
async def test_a_handler_sees_that_its_client_has_left(serve: Serve, connect: Connect, how: str) -> None:
    served = await serve()
    asked: asyncio.Queue[Request] = asyncio.Queue()

    async def slow(request: Request) -> Response:
        await asked.put(request)
        await asyncio.Event().wait()
        raise AssertionError

    served.answers["/slow"] = slow
    client = await connect(served)
    client.writer.write(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    request = await asyncio.wait_for(asked.get(), 5)
    assert not request.client.left
    if how == "half":
        client.writer.write_eof()
    elif how == "reset":
        client.writer.transport.abort()
    else:
        client.writer.close()
    async with asyncio.timeout(5):
        while not request.client.left:
            await asyncio.sleep(0.01)


# -- streams


async def test_a_streamed_answer_comes_in_chunks(serve: Serve, connect: Connect) -> None:
    served = await serve()

    async def stream(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"one"
            yield b""
            yield b"two" * 50_000

        return Response(200, (), pieces())

    served.answers["/stream"] = stream
    client = await connect(served)
    client.send(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n" + b"HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n" + b"GET /stream HTTP/1.0\r\n\r\n")
    assert (await client.answer()).headers["transfer-encoding"] == "chunked"
    assert await client.reader.readexactly(8) == b"3\r\none\r\n"
    assert await client.reader.readexactly(150_000 + 12) == b"249f0\r\n" + b"two" * 50_000 + b"\r\n0\r\n"[:5]
    assert await client.reader.readexactly(2) == b"\r\n"
    assert (await client.answer()).status == 200
    assert (await client.answer()).headers["connection"] == "close"
    assert await client.rest() == b"one" + b"two" * 50_000


async def test_a_stream_ends_when_its_client_leaves(serve: Serve, connect: Connect) -> None:
    served = await serve()
    closed = asyncio.Event()

    async def stream(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"tick"
                    await asyncio.sleep(0.01)
            finally:
                closed.set()

        return Response(200, (), pieces())

    served.answers["/stream"] = stream
    client = await connect(served)
    client.send(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
    await client.answer()
    client.reset()
    await asyncio.wait_for(closed.wait(), 5)


async def test_a_stream_that_fails_is_broken_off_visibly(serve: Serve, connect: Connect) -> None:
    served = await serve()

    async def stream(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"one"
            raise KeyError("secret")

        return Response(200, (), pieces())

    served.answers["/stream"] = stream
    client = await connect(served)
    client.send(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
    assert not (await client.rest()).endswith(b"0\r\n\r\n")


# -- smuggling and sizes: one answer, and the connection ends


@pytest.mark.parametrize("lines", SMUGGLING.values(), ids=SMUGGLING.keys())
async def test_ambiguous_requests_get_one_400_and_the_end(serve: Serve, connect: Connect, lines: tuple[str, ...]) -> None:
    client = await connect(served := await serve())
    head = "\r\n".join(("POST / HTTP/1.1", "Host: a", *lines)).encode()
    client.send(head + b"\r\n\r\n0\r\n\r\n" + GET)
    answer = await client.answer()
    assert (answer.status, answer.headers["connection"]) == (400, "close")
    assert await client.rest() == b""
    assert not served.requests


@pytest.mark.parametrize(
    "body",
    [
        b"3;x=y\r\nabc\r\n0\r\n\r\n",
        b"3\nabc\n0\n\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\n",
        b"zz\r\n",
        b"3\r\nabc\r\n0\r\nbad\r\n\r\n",
    ],
)
async def test_bad_chunks_get_one_400_and_the_end(serve: Serve, connect: Connect, body: bytes) -> None:
    client = await connect(served := await serve())
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body + GET)
    assert (await client.answer()).status == 400
    assert await client.rest() == b""
    assert not served.requests


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"FROB / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /" + b"a" * 65_536 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X%d: y\r\n" % number for number in range(200)) + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X%d: y\r\n" % number for number in range(40_000)) + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", 431),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: a-miracle\r\n\r\n", 417),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000001\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n" + b"a" * 5_000_000, 413),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f4240\r\n" + b"a" * 1_000_000 + b"\r\n1\r\na\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n" + b"a" * 3_000_000, 413),
    ],
    ids=lambda value: value[:40].decode("latin-1") + str(len(value)) if isinstance(value, bytes) else str(value),
)
async def test_refusals_reach_the_client(serve: Serve, connect: Connect, data: bytes, status: int) -> None:
    client = await connect(served := await serve())
    client.send(data)
    answer = await client.answer()
    assert (answer.status, answer.headers["connection"]) == (status, "close")
    assert await client.rest() == b""
    assert not served.requests
    assert served.counted(f'router_http_refused_total{{listener="test",status="{status}"}} 1')


async def test_a_body_of_just_the_limit_is_taken(serve: Serve, connect: Connect) -> None:
    client = await connect(served := await serve())
    body = os.urandom(1_000_000)
    assert (await client.ask(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + body)).status == 200
    assert served.requests[0].body == body


async def test_what_is_served_elsewhere_is_421(serve: Serve, connect: Connect) -> None:
    served = await serve(hosts={"localhost", "127.0.0.1", "[::1]"})
    for host in (b"localhost", b"LOCALHOST:8081", b"127.0.0.1:1", b"[::1]:8081"):
        assert (await (await connect(served)).ask(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")).status == 200
    for host in (b"evil.example", b"localhost.evil.example", b"127.0.0.1.evil"):
        assert (await (await connect(served)).ask(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")).status == 421


# -- deadlines


@pytest.mark.parametrize(
    ("data", "phase", "status"),
    [
        (b"", "idle", b""),
        (b"GET / HTTP/1.1\r\nHost:", "head", b"408"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", "body", b"408"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", "body", b"408"),
    ],
)
async def test_who_stops_sending_is_cut_off(serve: Serve, connect: Connect, data: bytes, phase: str, status: bytes) -> None:
    client = await connect(served := await serve(QUICK))
    client.send(data)
    assert (await client.rest())[9:12] == status
    assert served.counted(f'router_http_deadlines_total{{listener="test",phase="{phase}"}} 1')
    assert not served.requests


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\r\nX: ", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n"])
async def test_who_sends_a_byte_now_and_then_is_cut_off(serve: Serve, connect: Connect, head: bytes) -> None:
    client = await connect(await serve(QUICK))
    client.send(head)

    async def trickle() -> None:
        while True:
            client.send(b"a")
            await asyncio.sleep(0.02)

    trickling = asyncio.create_task(trickle())
    assert (await client.rest())[9:12] == b"408"
    trickling.cancel()


async def test_who_waits_between_its_bytes_has_no_more_time_for_a_second_head(serve: Serve, connect: Connect) -> None:
    """The head's time counts from its first byte, whatever is left of the time between two requests."""
    served = await serve(replace(QUICK, header=0.3, idle=30.0))
    client = await connect(served)
    assert (await client.ask(GET)).status == 200
    client.send(b"GET / HT")
    assert (await client.rest()).startswith(b"HTTP/1.1 408 ")


async def test_an_idle_connection_is_closed_without_a_word(serve: Serve, connect: Connect) -> None:
    client = await connect(await serve(QUICK))
    await client.ask(GET)
    assert await client.rest() == b""


async def test_who_does_not_read_is_cut_off_and_others_are_served(serve: Serve, connect: Connect) -> None:
    served = await serve(QUICK)

    async def large(request: Request) -> Response:
        return Response(200, (), bytes(20_000_000))

    async def endless(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            while True:
                yield bytes(1_000_000)

        return Response(200, (), pieces())

    served.answers |= {"/large": large, "/endless": endless}
    for path in (b"/large", b"/endless"):
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.setblocking(False)
            await asyncio.get_running_loop().sock_connect(slow, ("127.0.0.1", served.port))
            await asyncio.get_running_loop().sock_sendall(slow, b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n")
            client = await connect(served)
            assert (await client.ask(GET)).status == 200
            await client.close()
            await until(lambda: not served.listener.door.inside)
    assert served.counted('router_http_deadlines_total{listener="test",phase="writing"} 2')


async def test_who_reads_slowly_but_reads_gets_everything(serve: Serve, connect: Connect) -> None:
    served = await serve(replace(QUICK, write=2.0))

    async def endless(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(12):
                yield bytes(500_000)

        return Response(200, (), pieces())

    served.answers["/"] = endless
    client = await connect(served)
    client.send(b"GET / HTTP/1.0\r\n\r\n")
    size, began = 0, time.monotonic()
    async with asyncio.timeout(10):
        while data := await client.reader.read(100_000):
            size += len(data)
            await asyncio.sleep(0.05)  # in all it takes longer than it may without any reading
    assert size > 12 * 500_000
    assert time.monotonic() - began > 2.0


async def test_a_large_answer_that_is_taken_late_frees_its_connection(serve: Serve, connect: Connect) -> None:
    served = await serve()

    async def large(request: Request) -> Response:
        return Response(200, (), bytes(20_000_000))

    served.answers["/large"] = large
    client = await connect(served)
    client.send(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
    await until(lambda: any(held.holds > 1_000_000 for held in served.listener.door.inside))  # the kernel did not take it all
    assert len((await client.answer()).body) == 20_000_000
    assert (await client.ask(GET)).status == 200


async def test_a_handler_has_no_deadline_of_the_listeners(serve: Serve, connect: Connect) -> None:
    served = await serve(QUICK)

    async def slow(request: Request) -> Response:
        await asyncio.sleep(1.0)
        return Response(200, (), b"slow")

    served.answers["/"] = slow
    assert (await (await connect(served)).ask(GET)).body == b"slow"


# -- caps


async def test_connections_over_the_cap_are_told_503(serve: Serve, connect: Connect) -> None:
    served = await serve(Limits(connections=3))
    clients = [await connect(served) for _ in range(3)]
    for client in clients:
        await client.ask(GET)
    answer = await (await connect(served)).answer()
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert (await clients[0].ask(GET)).status == 200
    await clients[0].close()
    await until(lambda: len(served.listener.door.inside) == 2)
    assert (await (await connect(served)).ask(GET)).status == 200


async def test_clients_that_do_not_wait_keep_their_place(serve: Serve, connect: Connect) -> None:
    """Their requests are under way still, with all that those hold."""
    served = await serve(Limits(connections=2))
    release = asyncio.Event()

    async def slow(request: Request) -> Response:
        await release.wait()
        return Response(200)

    served.answers["/slow"] = slow
    for count in range(4):
        client = await connect(served)
        client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        await until(lambda count=count: len(served.requests) > count)
        client.reset()
        await until(lambda: not served.listener.door.inside)
    assert (await (await connect(served)).answer()).status == 503
    release.set()
    await until(lambda: not served.listener.runners.running)
    assert (await (await connect(served)).ask(GET)).status == 200


async def test_a_request_behind_ones_that_hang_is_answered_soon_whatever_the_bound(serve: Serve, connect: Connect) -> None:
    served, release = await serve(), asyncio.Event()

    async def slow(request: Request) -> Response:
        await release.wait()
        return Response(200)

    served.answers["/slow"] = slow
    runners = served.listener.runners
    runners.crowd.bound = 2  # as a busy loop has it
    for _ in range(2):
        (await connect(served)).send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    await until(lambda: len(served.requests) == 2)
    behind = await connect(served)
    behind.send(GET)
    async with asyncio.timeout(5):
        assert (await behind.answer()).status == 200
    assert len(runners.running) == 2, "those that hang still do"
    await until(lambda: runners.crowd.bound == inf)  # once nobody waits
    release.set()


async def test_connections_of_one_address_over_the_cap_are_told_503(serve: Serve, connect: Connect) -> None:
    served = await serve(Limits(per_address=2))
    clients = [await Client.open(served.port, local_addr=("127.0.0.3", 0)) for _ in range(3)]
    for client in clients[:2]:
        await client.ask(GET)
    assert (await clients[2].answer()).status == 503
    other = await Client.open(served.port, local_addr=("127.0.0.2", 0))
    assert (await other.ask(GET)).status == 200
    for client in (*clients, other):
        await client.close()


async def test_all_clients_of_a_proxy_on_this_machine_have_one_address(serve: Serve, connect: Connect) -> None:
    served = await serve(Limits(per_address=2, per_local=5))
    for _ in range(5):
        assert (await (await connect(served)).ask(GET)).status == 200
    assert (await (await connect(served)).answer()).status == 503


async def test_the_operator_learns_of_connections_that_were_too_many(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.web.door.TURNED_AWAY", 1)
    served = await serve(Limits(per_local=0))
    with capture_logs() as lines:
        opened = [await Client.open(served.port) for _ in range(4)]
        await until(lambda: served.counted('router_http_turned_away_total{listener="test"} 4'))
    told = [line for line in lines if line["event"] == "connections_turned_away"]
    assert [(line["listener"], line["reason"], line["peer"]) for line in told] == [
        ("test", "over 0 connections of one address", "127.0.0.1")
    ]
    for client in opened:
        await client.close()


async def test_hundreds_of_idle_connections_leave_nothing_behind(serve: Serve) -> None:
    served = await serve(QUICK)
    opened: list[Client] = []
    for _ in range(600):
        opened.append(await Client.open(served.port, local_addr=("127.0.0.2", 0)))  # noqa: PERF401
    assert len(served.listener.door.inside) <= QUICK.per_address
    await until(lambda: not served.listener.door.inside and not served.listener.door.turned_away)
    assert not served.listener.door.addresses
    for client in opened:
        await client.close()


# -- leaving


async def test_a_client_that_half_closes_gets_its_answers(serve: Serve, connect: Connect) -> None:
    served = await serve()

    async def slow(request: Request) -> Response:
        await asyncio.sleep(0.1)
        return Response(200, (), b"slow")

    served.answers["/slow"] = slow
    client = await connect(served)
    client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
    client.writer.write_eof()
    assert [(await client.answer()).body for _ in range(2)] == [b"slow", b"GET / 0"]
    assert await client.rest() == b""


@pytest.mark.parametrize("data", [b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", b"GET / HTTP/1.1\r\nHo"])
async def test_a_request_cut_short_is_400_and_never_handled(serve: Serve, connect: Connect, data: bytes) -> None:
    client = await connect(served := await serve())
    client.send(data)
    client.writer.write_eof()
    assert (await client.answer()).status == 400
    assert await client.rest() == b""
    assert not served.requests


async def test_a_client_that_leaves_changes_nothing_for_the_handler(serve: Serve, connect: Connect) -> None:
    served = await serve()
    release, ended = asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> Response:
        await release.wait()
        ended.set()
        return Response(200, (), b"nobody reads this")

    served.answers["/slow"] = slow
    client = await connect(served)
    client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    await until(lambda: bool(served.requests))
    client.reset()
    await until(lambda: not served.listener.door.inside)
    release.set()
    await asyncio.wait_for(ended.wait(), 5)
    assert (await (await connect(served)).ask(GET)).status == 200


# -- drain


async def test_a_drain_finishes_what_runs_and_closes_what_is_idle(serve: Serve, connect: Connect) -> None:
    served = await serve()
    release = asyncio.Event()

    async def slow(request: Request) -> Response:
        await release.wait()
        return Response(200, (), b"slow")

    served.answers["/slow"] = slow
    idle, busy, sending = [await connect(served) for _ in range(3)]
    await idle.ask(GET)
    busy.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
    sending.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab")
    await until(lambda: len(served.requests) == 2)
    port = served.port
    served.stop.set()
    assert await idle.rest() == b""
    await until(lambda: not served.listener.addresses)
    with pytest.raises(ConnectionError):
        await Client.open(port)
    assert (await sending.ask(b"c")).headers["connection"] == "close"
    release.set()
    answer = await busy.answer()
    assert (answer.body, answer.headers["connection"]) == (b"slow", "close")
    assert await busy.rest() == b""
    assert served.listener.addresses == ()


async def test_a_drain_answers_what_is_on_its_way(serve: Serve, connect: Connect) -> None:
    served = await serve()
    fresh, silent, kept = [await connect(served) for _ in range(3)]
    await kept.ask(GET)
    await until(lambda: len(served.listener.door.inside) == 3)
    kept.send(GET)  # in the socket's buffer: the loop has had no turn to read it
    draining = asyncio.create_task(served.listener.drain())
    assert (await kept.answer()).headers["connection"] == "close"
    fresh.send(GET)
    answer = await fresh.answer()
    assert (answer.status, answer.headers["connection"], await fresh.rest()) == (200, "close", b"")
    assert await silent.rest() == b""
    await asyncio.wait_for(draining, 5)
    assert len(served.requests) == 3


@pytest.mark.parametrize("turns", range(6))
async def test_who_connects_as_a_drain_begins_is_answered_or_left_to_who_listens_next(turns: int, serve: Serve) -> None:
    """Also when nobody else is connected: from accepting a connection to its first byte the loop takes turns."""
    with socket.create_server(("127.0.0.1", 0)) as held:  # as systemd does
        served = await serve(PATIENT, Listen("off"))

        async def slow(request: Request) -> Response:
            await asyncio.sleep(0.02)
            return Response(200)

        served.answers["/"] = slow
        await served.listener.adopt(held.dup())
        with socket.create_connection(held.getsockname(), 5) as client:
            client.sendall(GET)
            for _ in range(turns):
                await asyncio.sleep(0)
            await served.listener.drain()
            await served.listener.close()
            if served.requests:
                assert client.recv(12) == b"HTTP/1.1 200"
            else:
                held.setblocking(False)
                held.accept()[0].close()  # raises where nobody has it


async def test_what_came_in_time_is_answered_though_the_loop_was_late(serve: Serve, connect: Connect) -> None:
    client = await connect(served := await serve(QUICK))
    await client.ask(GET)
    client.send(GET)
    time.sleep(QUICK.idle + 0.1)  # the loop has no turn: the request waits in the socket
    served.listener.sweep()
    assert (await client.answer()).status == 200


async def test_a_drain_waits_for_a_handler_whose_client_has_left(serve: Serve, connect: Connect) -> None:
    served = await serve()
    release, ended = asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> Response:
        await release.wait()
        ended.set()
        return Response(200)

    served.answers["/"] = slow
    client = await connect(served)
    client.send(GET)
    await until(lambda: bool(served.requests))
    client.reset()
    await until(lambda: not served.listener.door.inside)
    draining = asyncio.create_task(served.listener.drain())
    await asyncio.sleep(0.02)
    assert not draining.done()
    release.set()
    await asyncio.wait_for(draining, 5)
    assert ended.is_set()


async def test_a_hard_stop_ends_handlers(serve: Serve, connect: Connect) -> None:
    served = Served(PATIENT)
    cancelled = asyncio.Event()

    async def slow(request: Request) -> Response:
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()
        return Response(200)

    served.answers["/"] = slow
    await served.listener.start()
    serving = asyncio.create_task(served.listener.serve(served.stop))
    client = await connect(served)
    client.send(GET)
    await until(lambda: bool(served.requests))
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert cancelled.is_set()
    assert await client.rest() == b""


# -- sockets


async def test_a_unix_socket_has_its_mode_and_goes_with_the_listener(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    served = await serve(PATIENT, Listen("unix", path=path), mode=0o660)
    assert served.listener.addresses == (f"unix:{path}",)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert os.listdir(tmp_path) == ["control.sock"]
    client = Client(*await asyncio.open_unix_connection(path))
    assert (await client.ask(GET)).status == 200
    assert (served.requests[0].peer, served.requests[0].port) == ("", 0)
    with pytest.raises(CannotListen, match="another process listens there"):
        await Served(PATIENT, Listen("unix", path=path)).listener.start()
    served.stop.set()
    assert await client.rest() == b""
    await client.close()
    await until(lambda: not path.exists())


async def test_a_port_in_use_is_named(serve: Serve) -> None:
    port = (await serve()).port
    with pytest.raises(CannotListen, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
        await Served(PATIENT, Listen("tcp", "127.0.0.1", port)).listener.start()


@pytest.mark.parametrize("early", [True, False])
async def test_a_port_that_somebody_else_comes_to_listen_on_is_named(early: bool) -> None:
    """Two may bind to one address, where neither listens yet (SO_REUSEADDR); one of them may listen."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        listener = Served(PATIENT, Listen("tcp", "127.0.0.1", port)).listener
        if early:
            await listener.bind()
        other.listen()
        with pytest.raises(CannotListen, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
            await listener.start()
        assert listener.addresses == ()


async def test_a_name_is_listened_on_at_all_its_addresses(serve: Serve) -> None:
    served = await serve(PATIENT, Listen("tcp", "localhost", 0))
    assert any(address.startswith("127.0.0.1:") for address in served.listener.addresses)
    assert len(set(served.listener.addresses)) == len(served.listener.addresses)


PASSED = """
import asyncio, os, socket, sys
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "other:test"}
from router.config.types import Listen
from tests.helpers.wire import Served, Client
from router.web import Limits
async def main():
    for _ in range(2):  # a restart of the listener finds the socket again
        served = Served(Limits(), Listen("systemd"))
        await served.listener.start()
        serving = asyncio.create_task(served.listener.serve(served.stop))
        client = await Client.open(served.port)
        print((await client.ask(b"GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")).body.decode(), served.port)
        served.stop.set()
        await serving
asyncio.run(main())
"""


def test_a_socket_passed_by_systemd_is_served_again_and_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, socket.create_server(("127.0.0.1", 0)) as ours:
        port = ours.getsockname()[1]

        def pass_on() -> None:
            high = os.dup(other.fileno()), os.dup(ours.fileno())
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        run = subprocess.run(
            [sys.executable, "-c", PASSED],
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
            close_fds=False,
            preexec_fn=pass_on,
            cwd=Path(__file__).parents[3],
        )
    assert run.stdout.split("\n")[:2] == [f"GET / 0 {port}"] * 2


async def test_one_sweep_serves_all_deadlines(serve: Serve, connect: Connect) -> None:
    """No timer for each connection: fifty of them leave one task behind, and die in one sweep."""
    served = await serve(PATIENT)
    await asyncio.sleep(0)
    before = len(asyncio.all_tasks())
    clients = [await connect(served) for _ in range(50)]
    assert len(asyncio.all_tasks()) == before
    await until(lambda: len(served.listener.door.inside) == 50)
    for connection in served.listener.door.inside:
        connection.deadline = served.listener.now()
    served.listener.sweep()
    async with asyncio.timeout(10):
        for client in clients:
            assert await client.rest() == b""


def test_a_listener_needs_no_http_library() -> None:
    """They take a third of a second to import, which is most of what a daemon has to be ready."""
    asked = "import sys, router.web; print({'aiohttp', 'yarl', 'multidict', 'http.client', 'http.server'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True, timeout=30)
    assert run.stdout == "set()\n"
