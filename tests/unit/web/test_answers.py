"""Answers on the wire: heads, lengths, chunks."""

import re
from collections.abc import AsyncIterator

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.http import Response
from router.web import answers


def written(response: Response, *, close: bool = False, old: bool = False) -> list[str]:
    head = answers.framed(response, at=1_790_000_000.0, close=close, old=old).head.decode()
    assert head.endswith("\r\n\r\n")
    return head[:-4].split("\r\n")


def test_an_answer_has_its_length_and_date() -> None:
    assert written(Response(200, [("A", "b"), ("A", "ü")], b"xyz")) == [
        "HTTP/1.1 200 OK",
        "A: b",
        "A: ü",
        "content-length: 3",
        "date: Mon, 21 Sep 2026 14:13:20 GMT",
    ]


def test_the_connections_fate_is_told_where_it_is_not_understood() -> None:
    assert "connection: close" in written(Response(200), close=True)
    assert "connection: keep-alive" in written(Response(200), old=True)
    assert not any(line.startswith("connection") for line in written(Response(200)))


def test_an_answer_may_end_its_connection_and_say_no_more_about_it() -> None:
    ends, stays = Response(200, [("connection", "close")]), Response(200, [("connection", "keep-alive, x")])
    assert [line for line in written(ends) if line.startswith("connection")] == ["connection: close"]
    assert answers.framed(ends, at=0.0, close=False, old=True).close
    assert not any(line.startswith("connection") for line in written(stays))
    assert not answers.framed(stays, at=0.0, close=False, old=False).close


async def pieces() -> AsyncIterator[bytes]:
    yield b""


def test_a_streamed_answer_is_chunked_but_in_http_1_0() -> None:
    assert "transfer-encoding: chunked" in written(Response(200, (), pieces()))
    assert not any(line.startswith(("transfer", "content-length")) for line in written(Response(200, (), pieces()), old=True))
    assert answers.chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"
    assert answers.chunk(b"") == b""


def test_204_and_304_have_no_length() -> None:
    for status in (204, 304):
        assert not any(line.startswith("content-length") for line in written(Response(status, (), b"x")))


def test_an_unknown_status_has_a_phrase() -> None:
    assert re.fullmatch(r"HTTP/1\.1 599 \S+", written(Response(599))[0])


@pytest.mark.parametrize("headers", [[("a", "b\r\nc: d")], [("a", "b\nc")], [("a\r\nb", "c")], [("a", "b\rc")], [("a", "b\0c")]])
def test_a_header_that_would_split_the_answer_is_an_error(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(ValueError, match=r"CR, LF or NUL|no header name"):
        answers.framed(Response(200, headers), at=0.0, close=False, old=False)


NAMES = [
    "content-length",
    "Content-Length",
    "Transfer-Encoding",
    "connection",
    "Date",
    "X",
    "Set-Cookie",
    "trailer",
    "Upgrade",
    "content-length ",
    "a:b",
    "",
]
VALUES = ["0", "5", "99", "chunked", "gzip", "close", "keep-alive", "", "a\r\nb: c", "a\n", "ü", "\0", "x-y"]


@given(
    status=st.sampled_from([200, 204, 205, 206, 304, 404, 500]),
    headers=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=5),
    body=st.binary(max_size=20),
    method=st.sampled_from(["GET", "HEAD"]),
    streamed=st.booleans(),
    close=st.booleans(),
)
def test_a_client_reads_just_the_body_whatever_the_headers_say(
    *, status: int, headers: list[tuple[str, str]], body: bytes, method: str, streamed: bool, close: bool
) -> None:
    """Two answers one after another, as h11 reads them: the second begins where the first ends."""
    response = Response(status, headers, pieces() if streamed else body)
    try:
        framing = answers.framed(response, at=0.0, close=close, old=False, head_only=method == "HEAD")
    except ValueError:
        return
    if streamed and framing.length is not None:
        body = body.ljust(framing.length, b".")[: framing.length]  # the exchange breaks off any other
    wire = b"" if framing.bodiless else answers.chunk(body) + answers.LAST if framing.chunked else body
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(framing.head + wire)
    event = client.next_event()
    assert isinstance(event, h11.Response)
    assert event.status_code == status
    received = b""
    while isinstance(data := client.next_event(), h11.Data):
        received += bytes(data.data)
    assert isinstance(data, h11.EndOfMessage)
    assert received == (b"" if framing.bodiless else body)
    assert not client.trailing_data[0]
    names = [name.lower() for name, _ in event.headers]
    assert names.count(b"date") == 1
    assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1
    assert (client.their_state is h11.DONE) != (close or framing.close)
