"""Heads of requests: what is read, what is refused, and with what status; beside the verdict of another parser."""

from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.web import heads
from router.web.heads import Head
from router.web.limits import Limits
from router.web.refused import Refused
from tests.helpers.oracles import Llhttp

LIMITS = Limits()


def head(*lines: str | bytes, limits: Limits = LIMITS) -> Head:
    raw = b"".join((line if isinstance(line, bytes) else line.encode()) + b"\r\n" for line in (*lines, ""))
    return heads.Reader(limits).read(raw)


def refused(*lines: str | bytes) -> int:
    with pytest.raises(Refused) as caught:
        head(*lines)
    assert caught.value.told
    return caught.value.status


def test_a_head_is_read() -> None:
    found = head(
        "POST /a%20b?c=d HTTP/1.1", "Host: Example.com:80", "X-One:  1 ", "x-one: 2", b"X-L: caf\xe9", "X-U: ü", "Content-Length: 5"
    )
    assert found._replace(raw_headers=(), learned=None) == Head(
        "POST",
        "/a%20b?c=d",
        "HTTP/1.1",
        (("host", "Example.com:80"), ("x-one", "1"), ("x-one", "2"), ("x-l", "café"), ("x-u", "ü"), ("content-length", "5")),
        "Example.com:80",
        5,
        close=False,
        expects=False,
    )
    assert list(found.raw_headers) == [
        (b"Host", b"Example.com:80"),
        (b"X-One", b"1"),
        (b"x-one", b"2"),
        (b"X-L", b"caf\xe9"),
        (b"X-U", "ü".encode()),
        (b"Content-Length", b"5"),
    ]
    assert (len(found.raw_headers), found.raw_headers[0]) == (6, (b"Host", b"Example.com:80"))
    assert not head("GET / HTTP/1.0").raw_headers


@pytest.mark.parametrize(
    ("lines", "close"),
    [
        (("GET / HTTP/1.1", "Host: a"), False),
        (("GET / HTTP/1.1", "Host: a", "Connection: close"), True),
        (("GET / HTTP/1.0",), True),
        (("GET / HTTP/1.0", "Connection: keep-alive"), False),
    ],
)
def test_who_closes(lines: tuple[str, ...], close: bool) -> None:
    assert head(*lines).close is close


def test_nothing_of_a_head_reaches_the_next() -> None:
    assert head("GET /a HTTP/1.1", "Host: a", "Connection: close").close
    assert refused("GET / HTTP/1.1", "Host: a", "X: a\x01b") == 400
    assert head("GET /b HTTP/1.1", "Host: a", "Upgrade: websocket", "Connection: upgrade").target == "/b"
    assert head("GET /c HTTP/1.1", "Host: a").headers == (("host", "a"),)


def test_body_framing() -> None:
    post = ("POST / HTTP/1.1", "Host: a")
    assert head(*post).length == 0
    assert head(*post, "Content-Length: 007").length == 7
    assert head(*post, "Transfer-Encoding: chunked").length is None
    assert head(*post, "Transfer-Encoding: Chunked").length is None


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
def test_what_two_readers_could_read_differently_is_refused(lines: tuple[str, ...]) -> None:
    assert refused("POST / HTTP/1.1", "Host: a", *lines) == 400


def test_chunked_is_no_part_of_http_1_0() -> None:
    assert refused("POST / HTTP/1.0", "Host: a", "Transfer-Encoding: chunked") == 400


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
def test_request_lines_that_are_refused(line: str | bytes, status: int) -> None:
    assert refused(line, "Host: a") == status


@pytest.mark.parametrize("host", ["", "a b", "a/b", "a@b", "a:b", "a:123456", "[::1", "ü", "a,b"])
def test_a_host_that_names_none_is_refused(host: str) -> None:
    assert refused("GET / HTTP/1.1", f"Host: {host}") == 400


def test_no_host_is_refused_but_in_http_1_0() -> None:
    assert refused("GET / HTTP/1.1", "X: a") == 400
    assert head("GET / HTTP/1.0").host == ""


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
def test_targets_in_origin_form(target: str, origin: str) -> None:
    assert head(f"GET {target} HTTP/1.1", "Host: a.b:8080").target == origin


@pytest.mark.parametrize(
    "target", ["http://evil/x", "http://a.b:8080@evil/", "http://user@a.b:8080/", "http://a.b/", "http:///x", "http://a.b:8080#x"]
)
def test_an_absolute_target_must_name_the_host(target: str) -> None:
    assert refused(f"GET {target} HTTP/1.1", "Host: a.b:8080") == 400


def test_asterisk_is_for_options() -> None:
    assert head("OPTIONS * HTTP/1.1", "Host: a").target == "*"


def test_expectations() -> None:
    assert head("PUT / HTTP/1.1", "Host: a", "Expect: 100-Continue").expects
    assert not head("PUT / HTTP/1.0", "Expect: 100-continue").expects
    assert refused("PUT / HTTP/1.1", "Host: a", "Expect: a-miracle") == 417


def test_sizes() -> None:
    get = ("GET / HTTP/1.1", "Host: a")
    assert len(head(*get, *(f"X{number}: a" for number in range(99))).headers) == 100
    assert refused(*get, *(f"X{number}: a" for number in range(100))) == 431
    assert head(*get, "X: " + "a" * 30_000)
    assert refused(*get, "X: " + "a" * 33_000) == 431
    assert refused(*get, *(f"X{number}: {'a' * 9000}" for number in range(4))) == 431
    assert head("GET /" + "a" * 8000 + " HTTP/1.1", "Host: a")


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
        heads.check_partial(bytearray(partial), LIMITS)
    assert caught is None or caught.value.status == status


# -- beside other parsers


@pytest.fixture(scope="module")
def llhttp() -> Iterator[Llhttp]:
    made = Llhttp()
    yield made
    made.close()


def verdict(raw: bytes) -> Head | None:
    try:
        return heads.Reader(LIMITS).read(raw)
    except Refused:
        return None


def compare(raw: bytes, llhttp: Llhttp) -> bool:
    """Fail where ours is the more lenient, or reads something else; say whether ours took it."""
    ours = verdict(raw)
    if ours is None:
        return False
    theirs = llhttp.read(raw)
    assert theirs is not None, raw
    assert (ours.method, ours.version) == (theirs.method, theirs.version)
    assert [(name, value) for name, value in ours.headers] == [(name, heads.text(value)) for name, value in theirs.headers]
    assert [(name.decode().lower(), value) for name, value in ours.raw_headers] == theirs.headers
    assert ours.close or not theirs.close
    assert (ours.length is None) == theirs.chunked
    if theirs.target.startswith(("/", "*")):
        assert ours.target == theirs.target
    return True


PIECES = [
    *(b"GET", b"POST", b"HEAD", b"OPTIONS", b"get", b"M-SEARCH", b"PRI", b"QUERY", b"FOO"),
    *(b" ", b"  ", b"\t", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\0", b"\x0b", b"\x7f", b"\x80", b"\xff", "ü".encode()),
    *(b"/", b"*", b"/a%20b?c=d", b"http://a/", b"http://a:80/x", b"https://[::1]/", b"//b/", b"a:1", b"#x", b'"<>\\^`{|}'),
    *(b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.2", b"http/1.1", b"HTTP/1.1 "),
    *(b"Host", b"Host: a\r\n", b"Host: a:80\r\n", b"Host: [::1]\r\n", b"Host: [zz]\r\n", b"Host: a:99999\r\n", b"Host : a\r\n"),
    *(b":", b": ", b",", b";", b"a", b"1", b"close", b"chunked", b"keep-alive", b"upgrade"),
    *(b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"connection: Upgrade, HTTP2-Settings\r\n", b"Upgrade: h2c\r\n"),
    *(b"Upgrade: websocket\r\n", b"Content-Length: 3\r\n", b"Content-Length: +3\r\n", b"Content-Length: 3, 3\r\n", b"Content-Length:"),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"Transfer-Encoding:\x0bchunked\r\n", b"X: y\r\n", b"X:y \t\r\n"),
    *(b"Content-Type: a\r\n", b"User-Agent: b\r\n", b"Expect: 100-continue\r\n", b" folded\r\n", b"\tfolded\r\n", b"Cookie: a=b; c\r\n"),
]


@st.composite
def mutated_heads(draw: st.DrawFn) -> bytes:
    """A head that could be right, and then a few pieces of it left out, doubled, or put in elsewhere."""
    lines = draw(st.lists(st.sampled_from([piece for piece in PIECES if piece.endswith(b"\r\n")]), max_size=4, unique=True))
    start = draw(st.sampled_from([b"GET / HTTP/1.1\r\nHost: a\r\n", b"POST /x HTTP/1.1\r\nHost: a:80\r\n", b"GET http://a/x HTTP/1.0\r\n"]))
    raw = start + b"".join(lines) + b"\r\n"
    for _ in range(draw(st.sampled_from([0, 1, 1, 2, 3]))):
        at = draw(st.integers(0, len(raw)))
        gone = draw(st.sampled_from([0, 0, 1, 2, 8]))
        raw = raw[:at] + draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=3))) + raw[at + gone :]
    return raw


@given(raw=mutated_heads())
@settings(max_examples=1500, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_is_taken_that_llhttp_refuses_or_reads_differently(raw: bytes, llhttp: Llhttp) -> None:
    end = raw.find(b"\r\n\r\n")
    if end >= 0:  # what the connection hands over: everything up to the first empty line
        compare(raw[: end + 4], llhttp)


@given(
    method=st.sampled_from(sorted(heads.METHODS - {"CONNECT", "TRACE"})),
    target=st.from_regex(r"/[!\"$-~]*", fullmatch=True),
    fields=st.lists(
        st.tuples(
            st.from_regex(r"x-[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}", fullmatch=True),
            st.from_regex(rb"([!-~\x80-\xff]([\t -~\x80-\xff]*[!-~\x80-\xff])?)?", fullmatch=True),
        ),
        max_size=8,
    ),
)
def test_everything_well_formed_is_taken(method: str, target: str, fields: list[tuple[str, bytes]], llhttp: Llhttp) -> None:
    raw = f"{method} {target} HTTP/1.1\r\nhost: a\r\n".encode()
    raw += b"".join(b"%b: %b\r\n" % (name.encode(), value) for name, value in fields) + b"\r\n"
    found = heads.Reader(LIMITS).read(raw)
    assert (found.method, found.target, found.length) == (method, target, 0)
    assert found.headers == (("host", "a"), *((name.lower(), heads.text(value)) for name, value in fields))
    assert compare(raw, llhttp)


@pytest.mark.parametrize("lines", SMUGGLING.values(), ids=SMUGGLING.keys())
def test_the_corpus_beside_llhttp(lines: tuple[str, ...], llhttp: Llhttp) -> None:
    """Ours refuses all of it; llhttp is there to show that the comparison works: it takes at least what is well-formed."""
    assert not compare("\r\n".join(("POST / HTTP/1.1", "Host: a", *lines, "", "")).encode(), llhttp)
    assert compare(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", llhttp)


def test_a_line_that_is_too_long_is_so_behind_headers_that_are_known() -> None:
    reader, block = heads.Reader(LIMITS), b" HTTP/1.1\r\nhost: a\r\n\r\n"
    reader.read(b"GET /" + block)
    with pytest.raises(Refused) as refused:
        reader.read(b"GET /" + b"a" * LIMITS.line + block)
    assert refused.value.status == 414


@given(raws=st.lists(mutated_heads(), min_size=2, max_size=4), again=st.booleans())
def test_what_a_connection_remembers_changes_no_reading(raws: list[bytes], again: bool) -> None:
    reader = heads.Reader(LIMITS)
    for raw in raws * (2 if again else 1):
        end = raw.find(b"\r\n\r\n")
        for whole in (raw[: end + 4], raw[: end + 4].replace(b"/1.1", b"/1.0")) if end >= 0 else ():
            fresh = verdict(whole)
            try:
                found = reader.read(whole)
            except Refused:
                assert fresh is None
            else:
                assert fresh is not None
                assert found._replace(raw_headers=()) == fresh._replace(raw_headers=())
                assert list(found.raw_headers) == list(fresh.raw_headers)


@given(raw=st.one_of(st.binary(max_size=200), mutated_heads()), cuts=st.lists(st.integers(0, 300), max_size=6))
def test_a_partial_head_is_refused_only_when_the_whole_would_be(raw: bytes, cuts: list[int]) -> None:
    """However it arrives: what check_partial refuses could not have become a head that is taken."""
    end = raw.find(b"\r\n\r\n")
    whole = raw[: end + 4] if end >= 0 else raw + b"\r\n\r\n"
    seen = 0
    for cut in sorted({cut for cut in cuts if 0 < cut < len(whole) - 4}):
        try:
            heads.check_partial(bytearray(whole[:cut]), LIMITS, seen)
        except Refused:
            assert verdict(whole) is None
            return
        seen = cut
