"""Bodies that are handed over as they arrive: who waits for whom, what is sent at all, and what a slow client gets."""

import asyncio
import hashlib
from typing import Final

import pytest

from router.web import BodyBroken, Request, Response
from router.web.body import HIGH
from router.web.heads import Head
from tests.helpers.wire import until
from tests.integration.web.conftest import GET, QUICK, Connect, Serve

SIZE: Final = 8 * 1024 * 1024


def puts(head: Head) -> bool:
    return head.method == "PUT"


async def digest(request: Request) -> Response:
    if request.stream is None:
        return Response(200, (), b"whole " + hashlib.md5(request.body).hexdigest().encode())
    made = hashlib.md5()
    try:
        async for piece in request.stream:
            made.update(piece)
    except BodyBroken as broken:
        return Response(400, (), broken.trouble.encode())
    return Response(200, (), b"streamed " + made.hexdigest().encode())


def put(size: int, *headers: bytes, path: bytes = b"/digest") -> bytes:
    return b"PUT %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n%b\r\n" % (path, size, b"".join(b"%b\r\n" % line for line in headers))


async def test_a_body_over_every_cap_goes_through_and_the_connection_stays(serve: Serve, connect: Connect) -> None:
    served = await serve(streams=puts)
    served.answers["/digest"] = digest
    client = await connect(served)
    data = bytes(range(256)) * (SIZE // 256)
    client.send(put(SIZE) + data + GET)
    assert (await client.answer()).body == b"streamed " + hashlib.md5(data).hexdigest().encode()
    assert (await client.answer()).body == b"GET / 0"
    chunks = b"".join(b"%x\r\n%b\r\n" % (65_536, data[at : at + 65_536]) for at in range(0, SIZE, 65_536))
    client.send(b"PUT /digest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n" + GET)
    assert (await client.answer()).body == b"streamed " + hashlib.md5(data).hexdigest().encode()
    assert (await client.answer()).body == b"GET / 0"
    small = await client.ask(put(5) + b"hello")
    assert small.body == b"whole " + hashlib.md5(b"hello").hexdigest().encode()


async def test_a_reader_that_is_behind_holds_the_client_back(serve: Serve, connect: Connect) -> None:
    go = asyncio.Event()

    async def late(request: Request) -> Response:
        await go.wait()
        return await digest(request)

    served = await serve(streams=puts)
    served.answers["/digest"] = late
    client = await connect(served)
    client.send(put(4 * SIZE) + bytes(4 * SIZE))
    await until(lambda: bool(served.requests))
    (connection,) = served.listener.door.inside
    await until(lambda: connection._held)
    await asyncio.sleep(0.2)
    assert connection.holds < HIGH + 1024 * 1024  # one read of the loop's may be on top
    go.set()
    assert (await client.answer()).status == 200


async def test_a_refused_put_sends_no_body(serve: Serve, connect: Connect) -> None:
    async def refuse(request: Request) -> Response:
        return Response(403, (), b"no")

    served = await serve(streams=puts)
    served.answers["/digest"] = refuse
    client = await connect(served)
    answer = await client.ask(put(SIZE, b"Expect: 100-continue"))
    assert (answer.status, answer.headers["connection"], answer.body) == (403, "close", b"no")
    assert await client.rest() == b""


async def test_who_waits_to_send_nothing_is_asked_to_go_on_too(serve: Serve, connect: Connect) -> None:
    """With botocore as the client: it takes a final answer that comes without 100 for the status of the next request on the connection as well."""
    client = await connect(await serve(streams=puts))
    client.send(put(0, b"Expect: 100-continue"))
    assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert (await client.answer()).status == 200


async def test_the_client_is_asked_to_go_on_when_the_handler_begins_to_read(serve: Serve, connect: Connect) -> None:
    go = asyncio.Event()

    async def late(request: Request) -> Response:
        await go.wait()
        return await digest(request)

    served = await serve(streams=puts)
    served.answers["/digest"] = late
    client = await connect(served)
    client.send(put(5, b"Expect: 100-continue"))
    await until(lambda: bool(served.requests))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.reader.readexactly(1), 0.1)
    go.set()
    assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"hello")
    assert (await client.answer()).status == 200
    assert (await client.ask(GET)).status == 200


@pytest.mark.parametrize("piece", [b"", b"0"])
async def test_a_client_that_does_not_keep_its_pace_is_told_so(serve: Serve, connect: Connect, piece: bytes) -> None:
    served = await serve(QUICK, streams=puts)
    served.answers["/digest"] = digest
    client = await connect(served)
    client.send(put(SIZE) + b"some")
    for _ in range(20):
        await asyncio.sleep(0.1)
        if client.reader._buffer:  # type: ignore[attr-defined]
            break
        client.send(piece)
    answer = await client.answer()
    assert (answer.status, answer.body, answer.headers["connection"]) == (400, b"slow", "close")
    assert served.counted('router_http_deadlines_total{listener="test",phase="body"} 1')


async def test_a_slow_reader_costs_the_client_nothing(serve: Serve, connect: Connect) -> None:
    async def slow(request: Request) -> Response:
        await asyncio.sleep(1.5)  # longer than every deadline for bodies
        return await digest(request)

    served = await serve(QUICK, streams=puts)
    served.answers["/digest"] = slow
    client = await connect(served)
    client.send(put(SIZE) + bytes(SIZE))
    assert (await client.answer()).status == 200


async def test_broken_framing_ends_the_body_and_the_connection(serve: Serve, connect: Connect) -> None:
    served = await serve(streams=puts)
    served.answers["/digest"] = digest
    client = await connect(served)
    client.send(b"PUT /digest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloGET" + GET)
    answer = await client.answer()
    assert (answer.status, answer.body, answer.headers["connection"]) == (400, b"malformed", "close")
    assert await client.rest() == b""
    assert len(served.requests) == 1


async def test_a_client_that_leaves_ends_the_body(serve: Serve, connect: Connect) -> None:
    seen: list[str] = []

    async def watch(request: Request) -> Response:
        answer = await digest(request)
        assert isinstance(answer.body, bytes)
        seen.append(answer.body.decode())
        return answer

    served = await serve(streams=puts)
    served.answers["/digest"] = watch
    client = await connect(served)
    client.send(put(SIZE) + b"some")
    await until(lambda: bool(served.requests))
    client.reset()
    await until(lambda: seen == ["left"])
    half = await connect(served)
    half.send(put(SIZE) + b"some")
    half.writer.write_eof()
    assert (await half.answer()).body == b"left"
    await until(lambda: not served.listener.door.inside)
