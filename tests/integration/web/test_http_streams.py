"""Answers that come piece by piece: how they end, who is waited for, and what they may hold."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from router.errors import StreamBroken
from router.web import Limits, Request, Response
from tests.helpers.wire import Served, until
from tests.integration.web.conftest import GET, QUICK, Connect, Serve

Answer = Callable[[Request], Awaitable[Response]]
Lazy = Callable[[Served, bytes], Awaitable[socket.socket]]
STREAM = b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"


def streamed(pieces: Iterable[bytes], *headers: tuple[str, str]) -> Answer:
    async def answer(request: Request) -> Response:
        async def each() -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece

        return Response(200, headers, each())

    return answer


class Endless:
    """An iterator without end that says whether it was closed, and counts what was taken."""

    def __init__(self, size: int, *, wait: float = 0.0) -> None:
        self.taken, self.closed = 0, asyncio.Event()
        self._size, self._wait = size, wait

    async def answer(self, request: Request) -> Response:
        return Response(200, (), self.pieces())

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(self._size)
                self.taken += self._size
                if self._wait:
                    await asyncio.sleep(self._wait)
        finally:
            self.closed.set()


@pytest.fixture
async def lazy() -> AsyncIterator[Callable[[Served, bytes], Awaitable[socket.socket]]]:
    """Clients that ask and then do not read."""
    opened: list[socket.socket] = []

    async def ask(served: Served, request: bytes) -> socket.socket:
        opened.append(made := socket.socket())
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", served.port))
        await asyncio.get_running_loop().sock_sendall(made, request)
        return made

    yield ask
    for made in opened:
        made.close()


# -- how an answer ends


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
async def test_a_length_of_the_answers_own_frames_its_stream(serve: Serve, connect: Connect, version: bytes) -> None:
    served = await serve()
    served.answers["/stream"] = streamed([b"one", b"", b"two"], ("Content-Length", "6"), ("Transfer-Encoding", "chunked"))
    client = await connect(served)
    asked = b"GET /stream HTTP/%b\r\nHost: a\r\nConnection: keep-alive\r\n\r\n" % version
    for _ in range(2):
        answer = await client.ask(asked)
        assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"onetwo", "6")
        assert "transfer-encoding" not in answer.headers
    client.send(asked.replace(b"GET", b"HEAD"))
    assert (await client.answer(bodiless=True)).headers["content-length"] == "6"
    assert (await client.ask(GET)).body == b"GET / 0"


@pytest.mark.parametrize("pieces", [[b"one"], [b"one", b"two", b"three"], []])
async def test_a_stream_of_another_length_than_it_told_is_broken_off(serve: Serve, connect: Connect, pieces: list[bytes]) -> None:
    served = await serve()
    served.answers["/stream"] = streamed(pieces, ("content-length", "7"))
    client = await connect(served)
    client.send(STREAM + GET)
    head, _, body = (await client.rest()).partition(b"\r\n\r\n")
    assert b"content-length: 7" in head or not head  # a reset may have overtaken it
    assert len(body) < 7  # whoever counts sees that something is missing, and no second answer follows
    assert len(served.requests) == 1


@pytest.mark.parametrize(
    "headers", [[("content-length", "x")], [("content-length", "-1")], [("Content-Length", "3"), ("content-length", "4")]]
)
async def test_a_length_that_is_none_is_a_500(serve: Serve, connect: Connect, headers: list[tuple[str, str]]) -> None:
    served = await serve()
    endless = Endless(3)

    async def answer(request: Request) -> Response:
        return Response(200, headers, endless.pieces())

    served.answers["/stream"] = answer
    client = await connect(served)
    assert (await client.ask(STREAM)).status == 500
    assert await client.rest() == b""
    assert endless.taken == 0


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Length", "1"), ("content-length", "99")],
        [("Transfer-Encoding", "chunked")],
        [("transfer-encoding", "gzip, chunked"), ("Content-Length", "0")],
        [("Connection", "close"), ("Keep-Alive", "timeout=1"), ("Trailer", "x"), ("Upgrade", "h2c"), ("Date", "never")],
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_framing_in_an_answers_headers_is_left_out(
    serve: Serve, connect: Connect, headers: list[tuple[str, str]], stream: bool
) -> None:
    served = await serve()

    async def answer(request: Request) -> Response:
        return Response(200, [*headers, ("X", "y")], b"twelve bytes")

    served.answers["/x"] = answer
    if stream:
        served.answers["/x"] = streamed([b"twelve ", b"bytes"], *(pair for pair in headers if pair[0].lower() != "content-length"))
    client = await connect(served)
    for _ in range(2):
        client.send(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
        head = await client.reader.readuntil(b"\r\n\r\n")
        names = [line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:-2]]
        assert sorted(name for name in names if name != b"x") == [
            *([] if stream else [b"content-length"]),
            b"date",
            *([b"transfer-encoding"] if stream else []),
        ]
        body = b"7\r\ntwelve \r\n5\r\nbytes\r\n0\r\n\r\n" if stream else b"twelve bytes"
        assert await client.reader.readexactly(len(body)) == body


async def test_head_may_tell_the_length_of_what_get_would_send(serve: Serve, connect: Connect) -> None:
    served = await serve()

    async def answer(request: Request) -> Response:
        return Response(200, [("Content-Length", "123456789012")])

    served.answers["/object"] = answer
    client = await connect(served)
    client.send(b"HEAD /object HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (await client.answer(bodiless=True)).headers["content-length"] == "123456789012"
    assert (await client.ask(b"GET /object HTTP/1.1\r\nHost: a\r\n\r\n")).headers["content-length"] == "0"


async def test_a_stream_that_fails_before_its_first_piece_ends_without_the_last_chunk(serve: Serve, connect: Connect) -> None:
    served = await serve()

    async def fails(request: Request) -> Response:
        async def each() -> AsyncIterator[bytes]:
            raise KeyError("secret")
            yield b""

        return Response(200, (), each())

    served.answers["/stream"] = fails
    client = await connect(served)
    client.send(STREAM + GET)
    rest = await client.rest()
    assert b"0\r\n\r\n" not in rest
    assert b"secret" not in rest
    assert (await (await connect(served)).ask(GET)).status == 200


@pytest.mark.parametrize(("error", "ours"), [(StreamBroken("ValueError"), False), (KeyError("a defect"), True)])
async def test_a_stream_that_the_function_broke_is_no_fault_of_ours(serve: Serve, connect: Connect, error: Exception, ours: bool) -> None:
    async def answer(request: Request) -> Response:
        async def each() -> AsyncIterator[bytes]:
            yield b"one"
            raise error

        return Response(200, (), each())

    served = await serve()
    served.answers["/stream"] = answer
    client = await connect(served)
    with capture_logs() as told:
        client.send(STREAM)
        got = await client.rest()
    assert got.endswith(b"3\r\none\r\n")
    assert [line["event"] for line in told] == ["stream_crashed"] * ours


async def test_continue_and_head_before_a_stream(serve: Serve, connect: Connect) -> None:
    served = await serve()
    served.answers["/stream"] = streamed([b"one"])
    client = await connect(served)
    client.send(b"PUT /stream HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert await client.reader.readexactly(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"abc" + b"HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
    assert (await client.answer()).status == 200
    assert await client.reader.readexactly(13) == b"3\r\none\r\n0\r\n\r\n"
    answer = await client.answer(bodiless=True)
    assert (answer.status, answer.headers["transfer-encoding"]) == (200, "chunked")
    assert (await client.answer()).body == b"GET / 0"


async def test_who_waits_to_send_an_empty_body_is_asked_to_go_on_too(serve: Serve, connect: Connect) -> None:
    """Botocore takes a final answer that comes without that for the status of its next request as well."""
    client = await connect(await serve())
    client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n")
    assert (await client.answer(bodiless=True)).status == 100
    answer = await client.answer()
    assert (answer.status, answer.body) == (200, b"PUT / 0")


# -- who is waited for


async def test_a_large_stream_is_taken_as_fast_as_the_client_reads(serve: Serve, connect: Connect) -> None:
    """200 MB, of which the listener never holds more than a piece; and others are served meanwhile."""
    served = await serve()
    size, count = 64 * 1024, 3200
    served.answers["/stream"] = streamed([bytes(size)] * count, ("content-length", str(size * count)))
    client, other = await connect(served), await connect(served)
    client.send(STREAM)
    assert (await client.answer(bodiless=True)).headers["content-length"] == str(size * count)
    received, held, turns = 0, 0, 0
    while received < size * count:
        received += len(await client.reader.read(2**20))
        held = max(held, *(connection.holds for connection in served.listener.door.inside))
        if received > turns * 20_000_000:
            turns += 1
            assert (await other.ask(GET)).status == 200
    assert held <= size + 1024
    assert (await client.ask(GET)).body == b"GET / 0"


async def test_a_client_that_leaves_ends_a_stream_that_waits(serve: Serve, connect: Connect) -> None:
    """The next piece may be hours away; nobody has to write to notice that the client has gone."""
    served = await serve()
    endless = Endless(10, wait=3600)
    served.answers["/stream"] = endless.answer
    client = await connect(served)
    client.send(STREAM)
    await client.answer()
    client.reset()
    await asyncio.wait_for(endless.closed.wait(), 5)
    await until(lambda: not served.listener.runners.running)
    assert (await (await connect(served)).ask(GET)).status == 200


async def test_a_stream_that_will_not_be_cancelled_ends_at_its_next_piece(serve: Serve, connect: Connect) -> None:
    served = await serve()
    ended = asyncio.Event()

    async def stubborn(request: Request) -> Response:
        async def each() -> AsyncIterator[bytes]:
            yield b"one"
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                try:
                    yield b"two"
                finally:
                    ended.set()

        return Response(200, (), each())

    served.answers["/stream"] = stubborn
    client = await connect(served)
    client.send(STREAM)
    await client.answer()
    client.reset()
    await asyncio.wait_for(ended.wait(), 5)
    await until(lambda: not served.listener.runners.running)


async def test_who_takes_no_more_of_a_stream_is_cut_off_and_its_iterator_closed(serve: Serve, lazy: Lazy) -> None:
    served = await serve(QUICK)
    endless = Endless(100_000)
    served.answers["/stream"] = endless.answer
    await lazy(served, STREAM)
    await asyncio.wait_for(endless.closed.wait(), 5)
    assert served.counted('router_http_deadlines_total{listener="test",phase="writing"} 1')
    await until(lambda: not served.listener.door.inside and not served.listener.runners.running)


async def test_a_stream_that_pauses_has_no_deadline(serve: Serve, connect: Connect) -> None:
    served = await serve(QUICK)

    async def pausing(request: Request) -> Response:
        async def each() -> AsyncIterator[bytes]:
            yield b"one"
            await asyncio.sleep(1.0)
            yield b"two"

        return Response(200, [("content-length", "6")], each())

    served.answers["/stream"] = pausing
    assert (await (await connect(served)).ask(STREAM)).body == b"onetwo"


async def test_a_hard_stop_ends_a_stream(serve: Serve, connect: Connect) -> None:
    served = await serve()
    endless = Endless(10, wait=3600)
    served.answers["/stream"] = endless.answer
    client = await connect(served)
    client.send(STREAM)
    await client.answer()
    await asyncio.wait_for(served.listener.close(), 5)
    assert endless.closed.is_set()


async def test_a_stream_that_comes_too_late_is_closed_unread(serve: Serve, connect: Connect) -> None:
    served = await serve()
    closed = asyncio.Event()

    class Pieces:
        def __aiter__(self) -> "Pieces":
            return self

        async def __anext__(self) -> bytes:
            raise AssertionError("nobody waits for it")

        async def aclose(self) -> None:
            closed.set()
            raise OSError("what it stands for has gone")

    async def late(request: Request) -> Response:
        request.client.answer(Response(503, (), b"early"))
        return Response(200, (), Pieces())

    served.answers["/stream"] = late
    client = await connect(served)
    assert (await client.ask(STREAM)).body == b"early"
    await asyncio.wait_for(closed.wait(), 5)
    assert (await client.ask(GET)).body == b"GET / 0"


# -- what all may hold together


async def test_who_has_us_hold_too_much_is_dropped_the_longest_waiting_first(serve: Serve, connect: Connect, lazy: Lazy) -> None:
    served = await serve(replace(Limits(), held_bytes=45_000_000))

    async def large(request: Request) -> Response:
        return Response(200, (), bytes(20_000_000))

    served.answers["/large"] = large
    client = await connect(served)
    first = await lazy(served, b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
    await until(lambda: any(held.holds > 10_000_000 for held in served.listener.door.inside))
    for _ in range(2):
        await lazy(served, b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
    await until(lambda: len(served.requests) == 3)
    await until(lambda: served.counted('router_http_dropped_total{listener="test"} 1'))
    await until(lambda: len(served.listener.door.inside) == 3)
    served.listener.sweep()
    assert served.counted('router_http_dropped_total{listener="test"} 1')
    assert sum(held.holds for held in served.listener.door.inside) < 45_000_000
    assert (await client.ask(GET)).status == 200
    assert await asyncio.wait_for(all_of(first), 5) < 20_000_000


async def all_of(made: socket.socket) -> int:
    """Bytes up to the end of a connection, a reset included."""
    size = 0
    with contextlib.suppress(ConnectionError):
        while data := await asyncio.get_running_loop().sock_recv(made, 2**20):
            size += len(data)
    return size


async def test_bodies_that_arrive_count_too(serve: Serve, connect: Connect) -> None:
    served = await serve(Limits(held_bytes=5_000_000))
    clients = [await connect(served) for _ in range(3)]
    for framing, data in (
        (b"Content-Length: 3000000", bytes(2_900_000)),
        (b"Transfer-Encoding: chunked", b"%x\r\n" % 3_000_000 + bytes(2_900_000)),
    ):
        client = clients.pop()
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n" + data)
    await until(lambda: served.counted('router_http_dropped_total{listener="test"} 1'))
    assert (await clients[0].ask(GET)).status == 200
