"""Answers on the wire: heads, lengths, chunks."""

import re
from collections.abc import AsyncIterator

import pytest

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
