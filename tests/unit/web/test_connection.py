"""One connection without a socket: whatever comes, in whatever pieces, it is read in one way, and h11 reads it so too."""

import asyncio
import gc
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from router.config.types import Listen
from router.telemetry.metrics import Metrics
from router.web import BodyBroken, Limits, Listener, Request, Response, heads
from router.web.connection import Connection, Phase
from tests.helpers.clock import VirtualClock
from tests.helpers.hostile import CORPUS
from tests.helpers.oracles import read_all

LIMITS = Limits(body_bytes=10_000)


class Transport:
    """Remembers what is written; takes everything at once."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = self.ended = self.reading_paused = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        assert not self.ended
        self.written += data

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None:
        assert not self.reading_paused
        self.reading_paused = True

    def resume_reading(self) -> None:
        assert self.reading_paused
        self.reading_paused = False

    def can_write_eof(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return self.closed

    def set_write_buffer_limits(self, high: int) -> None:
        assert high == 0

    def get_extra_info(self, name: str) -> Any:
        return {"peername": ("127.0.0.1", 50_000), "sockname": ("127.0.0.1", 80)}[name]


class Outcome(NamedTuple):
    """What became of everything that was sent."""

    requests: list[Request]
    written: bytes
    open: bool  # a further request would be read


class Rig:
    """A loop of its own, for many connections."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._crashes: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda _, context: self._crashes.append(context))

    def feed(self, pieces: list[bytes], *, eof: bool, streams: bool = False) -> Outcome:
        """A new connection that is sent these pieces, and perhaps the end; *streams*: bodies are read as they arrive."""
        return self.loop.run_until_complete(self._feed(pieces, eof=eof, streams=streams))

    async def _feed(self, pieces: list[bytes], *, eof: bool, streams: bool) -> Outcome:
        requests: list[Request] = []

        async def handle(request: Request) -> Response:
            await asyncio.sleep(0)
            if request.stream is not None:
                try:
                    request = request._replace(body=b"".join([piece async for piece in request.stream]), stream=None)
                except BodyBroken:
                    return Response(400)
            requests.append(request)
            return Response(200, (), b"ok")

        wanted = (lambda _: True) if streams else None
        listener = Listener("test", Listen("off"), handle, clock=VirtualClock(), metrics=Metrics(), limits=LIMITS, streams=wanted)
        connection, transport = Connection(listener), Transport()
        connection.connection_made(transport)  # type: ignore[arg-type]
        for piece in pieces:
            if not transport.closed:
                connection.data_received(piece)
        if eof and not transport.closed and not connection.eof_received():
            transport.closed = True
        for _ in range(50 if streams else 10_000):  # a streamed body may wait for more that never comes
            if not listener.runners.running:
                break
            await asyncio.sleep(0)
        assert streams or not listener.runners.running
        still = not transport.closed and connection.phase in (Phase.IDLE, Phase.HEAD, Phase.BODY)
        still = still or (streams and bool(listener.runners.running))
        connection.connection_lost(None)
        while listener.runners.running:
            await asyncio.sleep(0)
        assert not listener.door.inside
        await listener.close()
        gc.collect(0)  # a task that failed says so when it goes
        assert not self._crashes
        return Outcome(requests, transport.written, still)


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.loop.close()


SOUND = [
    b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /b?c HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\nContent-Type: x/y\r\n\r\nhello",
    b"PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n",
    b"POST /d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1f\r\nGET /in HTTP/1.1\r\nHost: a\r\n\r\n\r\n0\r\nX: y\r\n\r\n"[:-4]
    + b"\r\n\r\n",
    b"DELETE /e HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n\r\n",
    b"HEAD /f HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nCookie: a=b\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: [::1]\r\n\r\n",
    b"GET /g HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"GET /h HTTP/1.0\r\n\r\n",
    b"\r\nGET http://a/i HTTP/1.1\r\nHost: a\r\n\r\n",
]
TRICKS = [
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b"\0",
        b":",
        b",",
        b";",
        b"0",
        b"5",
        b"\xff",
        b"\r\n\r\n",
        b"0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    *(
        b"Content-Length: 3\r\n",
        b"Content-Length: 0\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: x\r\n",
        b"Connection: close\r\n",
    ),
    *(
        b"X: y\r\n",
        b"Expect: 100-continue\r\n",
        b"chunked",
        b"HTTP/1.0",
        b"HTTP/1.1",
        b"Host: b\r\n",
        b";ext=1",
        b"ffffffff",
        b"Upgrade: h2c\r\n",
    ),
]


@st.composite
def wires(draw: st.DrawFn) -> bytes:
    """Sound requests one behind another, then a few bytes out of place."""
    wire = b"".join(draw(st.lists(st.sampled_from(SOUND), min_size=1, max_size=4)))
    for _ in range(draw(st.sampled_from([0, 1, 1, 2, 4]))):
        at = draw(st.integers(0, len(wire)))
        gone = draw(st.sampled_from([0, 0, 1, 2, 10]))
        wire = wire[:at] + draw(st.one_of(st.sampled_from(TRICKS), st.binary(max_size=3))) + wire[at + gone :]
    return wire


def pieces_of(wire: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(wire), *(cut % (len(wire) + 1) for cut in cuts)})
    return [wire[start:end] for start, end in pairwise(edges)]


def facts(requests: list[Request]) -> list[tuple[str, str, list[tuple[str, str]], bytes]]:
    return [(request.method, request.target, list(request.headers), request.body) for request in requests]


def statuses(written: bytes) -> list[bytes]:
    return [line[9:12] for line in written.split(b"\r\n") if line.startswith((b"HTTP/1.1 ", b"okHTTP/1.1 "))]


def compare(wire: bytes, outcome: Outcome) -> None:
    """What was handled is what h11 reads, request by request. It reads on where we are stricter, never the other way round."""
    theirs = read_all(wire)
    for number, ours in enumerate(outcome.requests):
        assert number < len(theirs), wire
        other = theirs[number]
        assert (ours.method, ours.body) == (other.method, other.body)
        assert [name for name, _ in ours.headers] == [name for name, _ in other.headers]
        for (name, value), (_, raw) in zip(ours.headers, other.headers, strict=True):
            assert value == heads.text(raw) or (name == "transfer-encoding" and value.lower() == raw.decode())  # h11 lowers it
        assert ours.target == other.target or other.target.lower().startswith("http")
        if ours.version == "HTTP/1.0":  # h11 keeps no such connection open
            return


@given(wire=wires(), cuts=st.lists(st.integers(0, 10_000), max_size=12), eof=st.booleans())
@settings(max_examples=600, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
def test_a_mutated_wire_has_one_reading(wire: bytes, cuts: list[int], eof: bool, rig: Rig) -> None:
    whole, cut = rig.feed([wire], eof=eof), rig.feed(pieces_of(wire, cuts), eof=eof)
    assert facts(whole.requests) == facts(cut.requests)
    assert whole.open == cut.open
    refusals = [status for status in (*statuses(whole.written), *statuses(cut.written)) if status >= b"400"]
    assert len(refusals) in (0, 2)  # both or neither, and nothing behind
    assert not refusals or not whole.open
    compare(wire, whole)


@given(noise=st.lists(st.binary(max_size=50), max_size=10), eof=st.booleans())
def test_noise_does_no_harm(noise: list[bytes], eof: bool, rig: Rig) -> None:
    outcome = rig.feed([piece for piece in noise if piece], eof=eof)
    assert not outcome.requests or read_all(b"".join(noise))


@pytest.mark.parametrize("name", [name for name in CORPUS if "large" not in name])
def test_the_corpus_has_one_reading(name: str, rig: Rig) -> None:
    for attempt in CORPUS[name]:
        outcome = rig.feed([attempt.sent], eof=attempt.eof)
        bytewise = rig.feed(
            [attempt.sent[at : at + 1] for at in range(min(len(attempt.sent), 3000))] + [attempt.sent[3000:]] * (len(attempt.sent) > 3000),
            eof=attempt.eof,
        )
        assert facts(outcome.requests) == facts(bytewise.requests)
        compare(attempt.sent, outcome)


@given(wire=wires(), cuts=st.lists(st.integers(0, 10_000), max_size=12), eof=st.booleans())
@example(
    wire=b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nPUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\r\n", cuts=[], eof=True
)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
def test_bodies_that_are_read_as_they_arrive_are_the_same_bodies(wire: bytes, cuts: list[int], eof: bool, rig: Rig) -> None:
    whole = rig.feed([wire], eof=eof)
    streamed, cut = rig.feed([wire], eof=eof, streams=True), rig.feed(pieces_of(wire, cuts), eof=eof, streams=True)
    assert facts(whole.requests) == facts(streamed.requests) == facts(cut.requests)
    assert whole.open == streamed.open == cut.open


@pytest.mark.parametrize("name", [name for name in CORPUS if "large" not in name])
def test_the_corpus_is_read_the_same_way_as_it_arrives(name: str, rig: Rig) -> None:
    for attempt in CORPUS[name]:
        outcome = rig.feed([attempt.sent], eof=attempt.eof, streams=True)
        assert facts(outcome.requests) == facts(rig.feed([attempt.sent], eof=attempt.eof).requests)
        compare(attempt.sent, outcome)
