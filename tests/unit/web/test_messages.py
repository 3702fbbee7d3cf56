"""Heads, framing and answers on the wire, with the parser that the listener uses."""

import re
from collections.abc import AsyncIterator
from contextlib import nullcontext
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.http import Response
from router.web import messages
from router.web.limits import Limits
from router.web.messages import Chunks, Head, Parse, Refused
from router.web.parser import SlowParser, head_parser

LIMITS = Limits()


@pytest.fixture
async def parse() -> Parse:
    return head_parser()


def head(parse: Parse, *lines: str | bytes, limits: Limits = LIMITS) -> Head:
    raw = b"".join((line if isinstance(line, bytes) else line.encode()) + b"\r\n" for line in (*lines, ""))
    return messages.read_head(raw, parse, limits)


def refused(parse: Parse, *lines: str | bytes) -> int:
    with pytest.raises(Refused) as caught:
        head(parse, *lines)
    assert caught.value.told
    return caught.value.status


async def test_a_head_is_read(parse: Parse) -> None:
    found = head(
        parse, "POST /a%20b?c=d HTTP/1.1", "Host: Example.com:80", "X-One:  1 ", "x-one: 2", b"X-L: caf\xe9", "X-U: ü", "Content-Length: 5"
    )
    assert found == Head(
        "POST",
        "/a%20b?c=d",
        "HTTP/1.1",
        [("host", "Example.com:80"), ("x-one", "1"), ("x-one", "2"), ("x-l", "café"), ("x-u", "ü"), ("content-length", "5")],
        "Example.com:80",
        5,
        close=False,
        expects=False,
        raw_headers=(
            (b"Host", b"Example.com:80"),
            (b"X-One", b"1"),
            (b"x-one", b"2"),
            (b"X-L", b"caf\xe9"),
            (b"X-U", "ü".encode()),
            (b"Content-Length", b"5"),
        ),
    )


@pytest.mark.parametrize(
    ("lines", "close"),
    [
        (("GET / HTTP/1.1", "Host: a"), False),
        (("GET / HTTP/1.1", "Host: a", "Connection: close"), True),
        (("GET / HTTP/1.0",), True),
        (("GET / HTTP/1.0", "Connection: keep-alive"), False),
    ],
)
async def test_who_closes(parse: Parse, lines: tuple[str, ...], close: bool) -> None:
    assert head(parse, *lines).close is close


async def test_a_parser_remembers_nothing_of_the_head_before(parse: Parse) -> None:
    assert head(parse, "GET /a HTTP/1.1", "Host: a", "Connection: close").close
    assert refused(parse, "GET / HTTP/1.1", "Host: a", "X: a\x01b") == 400
    assert head(parse, "GET /b HTTP/1.1", "Host: a", "Upgrade: websocket", "Connection: upgrade").target == "/b"
    assert head(parse, "GET /c HTTP/1.1", "Host: a").headers == [("host", "a")]


async def test_body_framing(parse: Parse) -> None:
    post = ("POST / HTTP/1.1", "Host: a")
    assert head(parse, *post).length == 0
    assert head(parse, *post, "Content-Length: 007").length == 7
    assert head(parse, *post, "Transfer-Encoding: chunked").length is None
    assert head(parse, *post, "Transfer-Encoding: Chunked").length is None


SMUGGLING = {
    "length and chunked": ("Content-Length: 3", "Transfer-Encoding: chunked"),
    "chunked and length": ("Transfer-Encoding: chunked", "Content-Length: 3"),
    "two lengths": ("Content-Length: 3", "Content-Length: 4"),
    "two equal lengths": ("Content-Length: 3", "Content-Length: 3"),
    "a list of lengths": ("Content-Length: 3, 3",),
    "signed length": ("Content-Length: +3",),
    "negative length": ("Content-Length: -1",),
    "hexadecimal length": ("Content-Length: 0x3",),
    "empty length": ("Content-Length:",),
    "endless length": ("Content-Length: " + "9" * 30,),
    "digits of another script": ("Content-Length: ٣",),
    "two codings": ("Transfer-Encoding: gzip, chunked",),
    "chunked twice": ("Transfer-Encoding: chunked, chunked",),
    "two transfer-encodings": ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
    "identity": ("Transfer-Encoding: identity",),
    "prefix": ("Transfer-Encoding: xchunked",),
    "suffix": ("Transfer-Encoding: chunkedx",),
    "parameter": ("Transfer-Encoding: chunked;a=b",),
    "vertical tab": ("Transfer-Encoding:\x0bchunked",),
    "space before the colon": ("Transfer-Encoding : chunked",),
    "tab before the colon": ("Transfer-Encoding\t: chunked",),
    "folded": ("X: a", " b"),
    "folded with a tab": ("X: a", "\tb"),
    "folded coding": ("Transfer-Encoding:", " chunked"),
    "no name": (": a",),
    "no colon": ("X",),
    "NUL in a value": ("X: a\0b",),
    "NUL in a name": ("X\0: a",),
    "control in a value": ("X: a\x01b",),
    "bare LF": ("X: a\nY: b",),
    "bare CR": ("X: a\rY: b",),
    "CR CR LF": ("X: a\r",),
    "two Hosts": ("Host: b",),
    "space in a name": ("X Y: a",),
    "non-ASCII name": ("Xü: a",),
}


@pytest.mark.parametrize("lines", SMUGGLING.values(), ids=SMUGGLING.keys())
async def test_what_two_readers_could_read_differently_is_refused(parse: Parse, lines: tuple[str, ...]) -> None:
    assert refused(parse, "POST / HTTP/1.1", "Host: a", *lines) == 400


async def test_chunked_is_no_part_of_http_1_0(parse: Parse) -> None:
    assert refused(parse, "POST / HTTP/1.0", "Host: a", "Transfer-Encoding: chunked") == 400


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET  / HTTP/1.1", 400),
        ("GET /a b HTTP/1.1", 400),
        ("GET / HTTP/1.1 ", 400),
        (" GET / HTTP/1.1", 400),
        ("GET /", 400),
        ("get / HTTP/1.1", 400),
        ("FROBNICATE / HTTP/1.1", 400),
        ("GET / ICE/1.1", 400),
        ("GET / HTTP/1.10", 400),
        (b"GET /\xff HTTP/1.1", 400),
        ("GET /a#b HTTP/1.1", 400),
        ("GET a HTTP/1.1", 400),
        ("GET * HTTP/1.1", 400),
        ("GET ftp://a/ HTTP/1.1", 400),
        ("GET / HTTP/2.0", 505),
        ("GET / HTTP/0.9", 505),
        ("GET / HTTP/1.2", 505),
        ("CONNECT a:1 HTTP/1.1", 405),
        ("TRACE / HTTP/1.1", 405),
        ("GET /" + "a" * 9000 + " HTTP/1.1", 414),
    ],
)
async def test_request_lines_that_are_refused(parse: Parse, line: str | bytes, status: int) -> None:
    assert refused(parse, line, "Host: a") == status


@pytest.mark.parametrize("host", ["", "a b", "a/b", "a@b", "a:b", "a:123456", "[::1", "ü", "a,b"])
async def test_a_host_that_names_none_is_refused(parse: Parse, host: str) -> None:
    assert refused(parse, "GET / HTTP/1.1", f"Host: {host}") == 400


async def test_no_host_is_refused_but_in_http_1_0(parse: Parse) -> None:
    assert refused(parse, "GET / HTTP/1.1", "X: a") == 400
    assert head(parse, "GET / HTTP/1.0").host == ""


@pytest.mark.parametrize(
    ("target", "origin"),
    [
        ("http://a.b:8080/x?y", "/x?y"),
        ("HTTP://A.B:8080", "/"),
        ("https://a.b:8080?y", "/?y"),
        ("//evil/x", "//evil/x"),
        ("/x//y/../z", "/x//y/../z"),
        ("/%2e%2e%2f%00", "/%2e%2e%2f%00"),
    ],
)
async def test_targets_in_origin_form(parse: Parse, target: str, origin: str) -> None:
    assert head(parse, f"GET {target} HTTP/1.1", "Host: a.b:8080").target == origin


@pytest.mark.parametrize(
    "target", ["http://evil/x", "http://a.b:8080@evil/", "http://user@a.b:8080/", "http://a.b/", "http:///x", "http://a.b:8080#x"]
)
async def test_an_absolute_target_must_name_the_host(parse: Parse, target: str) -> None:
    assert refused(parse, f"GET {target} HTTP/1.1", "Host: a.b:8080") == 400


async def test_asterisk_is_for_options(parse: Parse) -> None:
    assert head(parse, "OPTIONS * HTTP/1.1", "Host: a").target == "*"


async def test_expectations(parse: Parse) -> None:
    assert head(parse, "PUT / HTTP/1.1", "Host: a", "Expect: 100-Continue").expects
    assert not head(parse, "PUT / HTTP/1.0", "Expect: 100-continue").expects
    assert refused(parse, "PUT / HTTP/1.1", "Host: a", "Expect: a-miracle") == 417


async def test_sizes(parse: Parse) -> None:
    get = ("GET / HTTP/1.1", "Host: a")
    assert len(head(parse, *get, *(f"X{number}: a" for number in range(99))).headers) == 100
    assert refused(parse, *get, *(f"X{number}: a" for number in range(100))) == 431
    assert head(parse, *get, "X: " + "a" * 30_000)
    assert refused(parse, *get, "X: " + "a" * 33_000) == 431
    assert refused(parse, *get, *(f"X{number}: {'a' * 9000}" for number in range(4))) == 431
    assert head(parse, "GET /" + "a" * 8000 + " HTTP/1.1", "Host: a")


@pytest.mark.parametrize(
    ("partial", "status"),
    [
        (b"", 0),
        (b"\r", 0),
        (b"G", 0),
        (b"GET / HTTP/1.1\r\nHost: a\r", 0),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 30_000, 0),
        (b"GET /" + b"a" * 9000, 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 40_000, 431),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"\x16\x03\x01", 400),
        (b"\0", 400),
    ],
)
def test_a_head_is_refused_as_soon_as_it_cannot_become_one(partial: bytes, status: int) -> None:
    with pytest.raises(Refused) if status else nullcontext() as caught:
        messages.check_partial(bytearray(partial), LIMITS)
    assert caught is None or caught.value.status == status


async def test_the_python_parser_is_refused_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from aiohttp import http_parser

    monkeypatch.setattr(http_parser, "HttpRequestParser", http_parser.HttpRequestParserPy)
    with pytest.raises(SlowParser, match="C extension"):
        head_parser()
    parse = head_parser(pure_python=True)
    assert head(parse, "POST / HTTP/1.1", "Host: a", "Content-Length: 3").length == 3
    assert head(parse, "POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked").length is None
    for lines in SMUGGLING.values():
        assert refused(parse, "POST / HTTP/1.1", "Host: a", *lines) == 400


# -- chunks


def unchunked(wire: bytes, cuts: list[int], limit: int = 10_000) -> tuple[bytes | None, bytes]:
    """The body and what is left behind it, fed in the pieces that *cuts* make of *wire*."""
    chunks, buffer = Chunks(limit), bytearray()
    edges = sorted({0, len(wire), *(cut % (len(wire) + 1) for cut in cuts)})
    complete = False
    for start, end in pairwise(edges):
        buffer += wire[start:end]
        complete = complete or chunks.feed(buffer)
    return (bytes(chunks.body) if complete else None), bytes(buffer)


@given(
    pieces=st.lists(st.binary(min_size=1, max_size=40), max_size=8),
    cuts=st.lists(st.integers(0, 10_000), max_size=20),
    rest=st.binary(max_size=20),
    trailer=st.sampled_from([b"", b"X: y\r\n", b"A: b\r\nC:\r\n"]),
    upper=st.booleans(),
)
def test_chunks_give_the_body_however_they_arrive(pieces: list[bytes], cuts: list[int], rest: bytes, trailer: bytes, upper: bool) -> None:
    size = "%X\r\n" if upper else "%04x\r\n"
    wire = b"".join((size % len(piece)).encode() + piece + b"\r\n" for piece in pieces) + b"0\r\n" + trailer + b"\r\n"
    assert unchunked(wire + rest, cuts) == (b"".join(pieces), rest)


@pytest.mark.parametrize(
    "wire",
    [
        b"3;a=b\r\nabc\r\n0\r\n\r\n",
        b"3 \r\nabc\r\n0\r\n\r\n",
        b" 3\r\nabc\r\n0\r\n\r\n",
        b"+3\r\nabc\r\n",
        b"0x3\r\nabc\r\n",
        b"-1\r\n",
        b"\r\n",
        b"\n",
        b"g\r\n",
        b"3\nabc\r\n",
        b"3\r\nabcd\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"3\r\nabc0\r\n\r\n",
        b"3\r\nabc\r\n0\r\n\n",
        b"3\r\nabc\r\n0\r\nbad trailer\r\n\r\n",
        b"3\r\nabc\r\n0\r\n folded: x\r\n\r\n",
        b"0\r\nX: " + b"y" * 9000 + b"\r\n\r\n",
        b"0\r\n" + b"X: y\r\n" * 3000 + b"\r\n",
        b"000000000003\r\nabc\r\n",
        b"1\r\na\r\n" * 20_000,
    ],
)
def test_bad_chunks_are_refused(wire: bytes) -> None:
    with pytest.raises(Refused) as caught:
        unchunked(wire, [], limit=10**6)
    assert caught.value.status == 400


@pytest.mark.parametrize("wire", [b"ffffffff\r\n", b"65\r\n", b"64\r\n" + b"a" * 100 + b"\r\n1\r\n"])
def test_too_many_chunks_are_too_large_before_they_are_read(wire: bytes) -> None:
    with pytest.raises(Refused) as caught:
        unchunked(wire, [], limit=100)
    assert caught.value.status == 413


# -- answers


def written(response: Response, *, close: bool = False, old: bool = False) -> list[str]:
    head = messages.write_head(response, at=1_790_000_000.0, close=close, old=old).decode()
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
    assert messages.chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"
    assert messages.chunk(b"") == b""


def test_204_and_304_have_no_length() -> None:
    for status in (204, 304):
        assert not any(line.startswith("content-length") for line in written(Response(status, (), b"x")))


def test_an_unknown_status_has_a_phrase() -> None:
    assert re.fullmatch(r"HTTP/1\.1 599 \S+", written(Response(599))[0])


@pytest.mark.parametrize("headers", [[("a", "b\r\nc: d")], [("a", "b\nc")], [("a\r\nb", "c")], [("a", "b\rc")], [("a", "b\0c")]])
def test_a_header_that_would_split_the_answer_is_an_error(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        messages.write_head(Response(200, headers), at=0.0, close=False, old=False)
