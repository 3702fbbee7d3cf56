"""Connections of the Runtime API without sockets: however bytes arrive, the calls are the same."""

import asyncio
import re
import socket
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, ClassVar

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.runtime import frames
from router.runtime.api_session import Session
from router.runtime.api_wire import Wire
from router.runtime.frames import Frame

BASE = "/2018-06-01/runtime/"
NEXT = f"GET {BASE}invocation/next HTTP/1.1\r\nHost: x\r\n\r\n".encode()
CHUNKS = b"3\r\none\r\n3\r\ntwo\r\n0\r\nLambda-Runtime-Function-Error-Type: E\r\nLambda-Runtime-Function-Error-Body: e30=\r\n\r\n"


def post(path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST {BASE}{path} HTTP/1.1", "Host: x", *headers, *([] if headers else [f"Content-Length: {len(body)}"])]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Transport:
    """What the loop would do with what is written."""

    silent: ClassVar[socket.socket]  # a real one, on which nothing is ever sent

    def __init__(self) -> None:
        self.written = b""
        self.closing = self.aborted = False
        self.reading = True

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = self.aborted = True

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def get_extra_info(self, name: str) -> Any:
        return self.silent if name == "socket" else ("127.0.0.1", 1)

    def get_write_buffer_size(self) -> int:
        return 0

    @property
    def statuses(self) -> list[int]:
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", self.written)]


@pytest.fixture(scope="module", autouse=True)
def silent() -> Iterator[None]:
    with socket.socket() as Transport.silent:
        yield


class Rig:
    """One connection to one session."""

    def __init__(self, on_made: Callable[[Wire], None] = Wire.serve) -> None:
        self.frames: list[Frame] = []
        self.session = Session(self.frames.append, lambda: 0.0, lambda: 0, lambda call: call())
        self.transport = Transport()
        self.wire = Wire(self.session, on_made, lambda: 0.0)
        self.wire.connection_made(self.transport)  # type: ignore[arg-type]

    def invoke(self, request_id: str, *, stream: bool = False) -> None:
        meta = [request_id, "a", 1, "", "", stream]
        self.session.invoke(orjson.dumps(meta), b"{}")

    async def feed(self, data: bytes) -> None:
        self.wire.data_received(data)
        await asyncio.sleep(0)

    @property
    def kinds(self) -> list[int]:
        return [frame.kind for frame in self.frames]


@given(cuts=st.lists(st.integers(0, 10_000), max_size=30))
def test_cut_anywhere_the_calls_are_the_same(cuts: list[int]) -> None:
    """A whole invocation sent without waiting for answers: next, response, next, in one go or byte by byte."""
    wire = NEXT + post("invocation/one/response", b'"done"') + NEXT
    edges = sorted({0, len(wire), *(cut % (len(wire) + 1) for cut in cuts)})

    async def run() -> Rig:
        rig = Rig()
        rig.invoke("one")
        for start, end in pairwise(edges):
            await rig.feed(wire[start:end])
        for _ in range(3):
            await asyncio.sleep(0)
        return rig

    rig = asyncio.run(run())
    assert rig.transport.statuses == [200, 202]
    assert [(frame.kind, frame.body) for frame in rig.frames] == [(frames.READY, b""), (frames.RESULT, b'"done"')]


@given(cuts=st.lists(st.integers(0, 10_000), max_size=30))
def test_a_stream_cut_anywhere_is_the_same_stream(cuts: list[int]) -> None:
    head = ("Transfer-Encoding: chunked", "Lambda-Runtime-Function-Response-Mode: streaming")
    wire = post("invocation/one/response", CHUNKS, *head)
    edges = sorted({0, len(wire), *(cut % (len(wire) + 1) for cut in cuts)})

    async def run() -> Rig:
        rig = Rig()
        await rig.feed(NEXT)
        rig.invoke("one", stream=True)
        await asyncio.sleep(0)
        for start, end in pairwise(edges):
            await rig.feed(wire[start:end])
        return rig

    rig = asyncio.run(run())
    assert rig.transport.statuses == [200, 202]
    assert b"".join(frame.body for frame in rig.frames if frame.kind == frames.PIECE) == b"onetwo"
    assert (rig.frames[-1].kind, rig.frames[-1].meta, rig.frames[-1].body) == (frames.BROKEN, b"E", b"{}")


async def test_nothing_is_read_of_a_stranger() -> None:
    rig = Rig(on_made=lambda _: None)
    assert not rig.transport.reading
    await rig.feed(NEXT)
    assert (rig.kinds, rig.transport.written) == ([], b"")
    rig.wire.serve()
    assert (rig.kinds, rig.transport.reading) == ([frames.READY], True)


async def test_what_comes_far_ahead_is_not_read() -> None:
    rig = Rig()
    await rig.feed(NEXT)
    await rig.feed(post("invocation/one/response", b"x" * 100_000))
    assert not rig.transport.reading
    rig.invoke("one")
    for _ in range(3):
        await asyncio.sleep(0)
    assert rig.transport.reading
    assert rig.transport.statuses == [200, 202]
    assert len(rig.frames[-1].body) == 100_000


async def test_a_client_that_waits_for_100_continue_gets_it_once() -> None:
    rig = Rig()
    await rig.feed(NEXT)
    rig.invoke("one")
    await asyncio.sleep(0)
    await rig.feed(post("invocation/one/response", b"", "Content-Length: 4", "Expect: 100-continue"))
    assert rig.transport.statuses == [200, 100]
    for byte in (b"t", b"r", b"u", b"e"):
        await rig.feed(byte)
    assert rig.transport.statuses == [200, 100, 202]


@pytest.mark.parametrize("line", ["Connection: close", ""])
async def test_a_connection_ends_when_its_client_says_so(line: str) -> None:
    rig = Rig()
    version = "HTTP/1.1" if line else "HTTP/1.0"
    await rig.feed(f"GET /ping {version}\r\nHost: x\r\n{line}\r\n\r\n".replace("\r\n\r\n\r\n", "\r\n\r\n").encode())
    assert rig.transport.written.endswith(b"pong")
    assert rig.transport.closing


async def test_what_is_no_http_ends_the_connection() -> None:
    rig = Rig()
    await rig.feed(b"nonsense\r\n\r\n")
    assert (rig.transport.statuses, rig.transport.closing) == ([400], True)


async def test_a_client_that_leaves_is_forgotten() -> None:
    rig = Rig()
    await rig.feed(NEXT)
    rig.wire.eof_received()
    rig.wire.connection_lost(None)
    rig.invoke("one")
    assert not rig.session.taken
    assert rig.transport.written == b""


@pytest.mark.parametrize("found", [None, OSError(107, "not connected")])
async def test_a_client_that_has_left_before_it_was_looked_at_has_no_address(
    found: OSError | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: Transport, __: str) -> None:
        if found is not None:
            raise found

    monkeypatch.setattr(Transport, "get_extra_info", gone)
    rig = Rig(on_made=Wire.drop)
    assert rig.wire.ends == (None, None)
    assert rig.transport.aborted


async def test_the_addresses_are_those_of_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that leaves later takes them along from the transport."""
    rig = Rig(on_made=lambda _: None)
    monkeypatch.setattr(Transport, "get_extra_info", lambda _, __: None)
    assert rig.wire.ends == (("127.0.0.1", 1), ("127.0.0.1", 1))


async def test_a_client_that_leaves_within_its_answer_has_cut_it_off() -> None:
    rig = Rig()
    await rig.feed(NEXT)
    rig.invoke("one")
    await asyncio.sleep(0)
    await rig.feed(post("invocation/one/response", b"half", "Content-Length: 100"))
    rig.wire.eof_received()
    assert (rig.transport.statuses, rig.transport.closing) == ([200, 400], True)
    rig.wire.connection_lost(None)
    assert rig.kinds == [frames.READY, frames.ERROR]
