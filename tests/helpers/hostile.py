"""Requests that must not be served, and some that look so and must be: what a client sends → the statuses of all answers.

Made up here from RFC 9112 and from the classes of request smuggling that are public knowledge. A 200 in front of other
statuses is the answer to a sound request in front of the bad one."""

from typing import NamedTuple

HOST = b"Host: localhost\r\n"
GET = b"GET /echo HTTP/1.1\r\n" + HOST + b"\r\n"
HEALTHY = b"POST /echo HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\nok"


class Hostile(NamedTuple):
    """One attempt."""

    sent: bytes
    statuses: tuple[int, ...]  # of all answers, in order
    eof: bool = False  # the client says that it has sent everything
    cut: bool = False  # the server ends the connection


def post(*lines: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    """A POST to a route that is there, with these header lines."""
    return b"POST /echo HTTP/" + version + b"\r\n" + HOST + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def get(target: bytes, *lines: bytes, method: bytes = b"GET", version: bytes = b"HTTP/1.1", host: bytes = HOST) -> bytes:
    """A request without a body."""
    return method + b" " + target + b" " + version + b"\r\n" + host + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def no(*requests: bytes, status: int = 400) -> list[Hostile]:
    """Each of them is refused."""
    return [Hostile(sent, (status,), cut=True) for sent in requests]


def yes(*requests: bytes) -> list[Hostile]:
    """Each of them is served."""
    return [Hostile(sent, (200,)) for sent in requests]


CHUNKED = b"Transfer-Encoding: chunked"
INNER = b"GET /pets/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"  # what must never be read as a request

TRANSFER = [
    *(
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding\t:chunked",
        b"Transfer-Encoding: chunked, identity",
    ),
    *(
        b"Transfer-Encoding: identity, chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: chunked,",
        b"Transfer-Encoding: ,chunked",
    ),
    *(
        b"Transfer-Encoding: chunked;q=1",
        b"Transfer-Encoding: \x0bchunked",
        b"Transfer-Encoding: \x0cchunked",
        b"Transfer-Encoding: chunked\x0b",
    ),
    *(b'Transfer-Encoding: "chunked"', b"Transfer-Encoding: 'chunked'", b"Transfer-Encoding: chunKed\x00", b"Transfer-Encoding:\n chunked"),
    *(
        b"Transfer-Encoding:\r\n chunked",
        b"Transfer-Encoding:\r\n\tchunked",
        b"X: y\nTransfer-Encoding: chunked",
        b"X: y\rTransfer-Encoding: chunked",
    ),
    *(b"Transfer-Encoding: identity", b"Transfer-Encoding:", b"Transfer-Encoding: c\x68unked\xa0", b"Transfer\x00-Encoding: chunked"),
    *(b" Transfer-Encoding: chunked", b"Transfer-Encoding: chunk", b"Transfer-Encoding: trailers", b"Transfer-Encoding: chunked chunked"),
]
LENGTHS = [
    *(b"+2", b"-2", b"2 2", b"2,2", b"2, 2", b"0x2", b"2.0", b"2e0", b"", b" ", b"\xd9\xa2", b"2\x00", b"two", b"2;", b'"2"'),
    *(b"1" * 19, b"9" * 400, b"2\x0b", b"\x0b2", b"2_0", b"NaN", b"0b10", b"\xef\xbc\x92", b"2\xa0"),
]
SIZES = [
    *(b"", b" ", b"0x2", b"+2", b"-2", b"2 ", b" 2", b"2\t", b"2;", b"2;a=b", b'2;a="b"', b"2 ;a", b"g", b"2\x00", b"2,2", b"2.0", b"two"),
    *(b"000000002", b"f" * 9, b"f" * 17, b"1" + b"0" * 16, b"2\r", b"\r2", b"2;" + b"a" * 20_000),
]
HOSTS = [
    *(b"Host:", b"Host: ", b"Host: a b", b"Host: a,b", b"Host: a/b", b"Host: u@a", b"Host: a?b", b"Host: a#b", b"Host: a:b", b"Host: a:"),
    *(b"Host: a:123456", b"Host: a:65536", b"Host: [::1", b"Host: ::1", b"Host: [::1]x", b"Host: [zz]", b"Host: a\\b", b"Host: \xff"),
    *(
        b"Host: a\x00",
        b"Host: http://a",
        b"Host : a",
        b"Host: a\r\nHost: a",
        b"Host: a\r\nhost: b",
        b"Host: <a>",
        b"Host: a%2eb",
        b"Host: a:8\x0b0",
    ),
]

SMUGGLED = {
    "length and chunked": no(
        post(b"Content-Length: 4", CHUNKED, body=b"0\r\n\r\n" + INNER),
        post(CHUNKED, b"Content-Length: 6", body=b"0\r\n\r\nG" + INNER),
        post(b"Content-Length: 0", CHUNKED, body=b"2\r\nok\r\n0\r\n\r\n"),
        post(b"content-length: 3", b"TRANSFER-ENCODING: CHUNKED", body=b"0\r\n\r\n"),
    ),
    "transfer-encodings": no(
        *(post(line, body=b"2\r\nok\r\n0\r\n\r\n" + INNER) for line in TRANSFER),
        post(CHUNKED, CHUNKED, body=b"0\r\n\r\n"),
        post(CHUNKED, b"Transfer-Encoding: identity", body=b"0\r\n\r\n"),
        post(b"Transfer-Encoding: x", CHUNKED, body=b"0\r\n\r\n"),
        post(CHUNKED, version=b"1.0", body=b"0\r\n\r\n"),
        post(CHUNKED, b"Connection: keep-alive", version=b"1.0", body=b"2\r\nok\r\n0\r\n\r\n" + INNER),
    ),
    "lengths": no(
        *(post(b"Content-Length: " + value, body=b"ok" + INNER) for value in LENGTHS),
        post(b"Content-Length: 2", b"Content-Length: 2", body=b"ok"),
        post(b"Content-Length: 2", b"Content-Length: 40", body=b"ok" + INNER),
        post(b"Content-Length: 2", b"X: y", b"content-length: 0", body=b"ok"),
        post(b"Content-Length : 2", body=b"ok"),
        post(b"Content-Length\t: 2", body=b"ok"),
        post(b"Content-Length: \r\n 2", body=b"ok"),
        post(b"Content Length: 2", body=b"ok"),
    ),
    "lengths that are": [
        *yes(post(b"Content-Length: 002", body=b"ok"), post(b"CONTENT-LENGTH:2", body=b"ok"), post(b"Content-Length:\t 2 \t", body=b"ok")),
        *yes(post(b"Content_Length: 9"), post(b"X-Content-Length: 9"), post(b"Content-Length: 0")),
    ],
    "chunks": [
        *no(*(post(CHUNKED, body=size + b"\r\nok\r\n0\r\n\r\n" + INNER) for size in SIZES if size not in (b"f" * 8, b"000000002"))),
        *no(
            post(CHUNKED, body=b"2\nok\n0\n\n"),
            post(CHUNKED, body=b"2\r\nok\n0\r\n\r\n"),
            post(CHUNKED, body=b"2\r\nokay\r\n0\r\n\r\n"),
            post(CHUNKED, body=b"2\r\nok0\r\n\r\n" + INNER),
            post(CHUNKED, body=b"2\r\nok\r\r\n0\r\n\r\n"),
            post(CHUNKED, body=b"0\r\nX y\r\n\r\n"),
            post(CHUNKED, body=b"0\r\nX : y\r\n\r\n"),
            post(CHUNKED, body=b"0\r\n folded\r\n\r\n"),
            post(CHUNKED, body=b"0\r\nX: y\x00\r\n\r\n"),
            post(CHUNKED, body=b"0\r\nX: y\n\r\n"),
            post(CHUNKED, body=b"0\n\n" + INNER),
            post(CHUNKED, body=b"0\r\n" + INNER.rstrip() + b"\r\n\r\n"),
            post(CHUNKED, body=b"0\r\nContent-Length: 99\r\n\r\n"),
            post(CHUNKED, b"Trailer: Transfer-Encoding", body=b"2\r\nok\r\n0\r\ntransfer-encoding: x\r\n\r\n"),
            post(CHUNKED, body=b"2\r\nok\r\n0\r\nX: y\r\nHost: b\r\n\r\n"),
            post(CHUNKED, body=b"0\r\n" + b"X: y\r\n" * 3000 + b"\r\n"),
            post(CHUNKED, body=b"1\r\na\r\n" * 30_000),
        ),
        *no(post(CHUNKED, body=b"ffffffff\r\n"), post(CHUNKED, body=b"600001\r\n"), status=413),
        *yes(
            post(CHUNKED, body=b"2\r\nok\r\n0\r\n\r\n"),
            post(b"transfer-encoding:  CHUNKED ", body=b"02\r\nok\r\n00\r\n\r\n"),
            post(CHUNKED, b"Trailer: X", body=b"2\r\nok\r\n0\r\nX: y\r\nX-Content-Length: 9\r\nZ:\r\n\r\n"),
        ),
    ],
}

MALFORMED = {
    "line ends": no(
        b"GET /echo HTTP/1.1\nHost: a\n\n",
        b"GET /echo HTTP/1.1\r\nHost: a\n\r\n",
        b"GET /echo HTTP/1.1\nHost: a\r\n\r\n",
        b"GET /echo HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
        b"GET /echo HTTP/1.1\r\r\nHost: a\r\n\r\n",
        b"GET /echo HTTP/1.1\r\nHost: a\r\r\n\r\n",
        b"\n\n" + GET,
        b"\r\r\n" + GET,
    ),
    "request lines": no(
        *(b"GET\r\n\r\n", b"GET /echo\r\n", b"GET /echo\r\n\r\n", b"/echo HTTP/1.1\r\n\r\n", b"\x00\r\n\r\n", b" " + GET, b"\t" + GET),
        *(
            get(b"/echo", method=method)
            for method in (b"get", b"Get", b"G\x00T", b"GET\t", b"FROB", b"GE T", b"G" * 30, b"\xff", b"G:T", b"DEBUG")
        ),
        *(
            get(target)
            for target in (b"", b"echo", b"/a b", b"/a\tb", b"/a\x00", b"/a\x7f", b"/\xff", "/ü".encode(), b"/a#b", b"*", b"?a", b"a:1")
        ),
        *(get(target) for target in (b"http:/echo", b"ftp://localhost/", b"file:///etc/passwd", b"\\\\a")),
        *(
            get(b"/echo", version=v)
            for v in (b"HTTP", b"HTTP/", b"HTTP/1", b"HTTP/1.", b"HTTP/1.10", b"HTTP/11", b"http/1.1", b"HTTP/ 1.1", b"HTTP/1,1")
        ),
        *(
            get(b"/echo", version=v)
            for v in (b"HTTP/1.1 ", b"HTTP/1.1\t", b"HTTP/1.1x", b"ICE/1.1", b"HTTPS/1.1", b"\xffTTP/1.1", b"HTTP/-1.1", b"")
        ),
    ),
    "versions": [
        *no(*(get(b"/echo", version=v) for v in (b"HTTP/0.9", b"HTTP/2.0", b"HTTP/3.0", b"HTTP/1.2", b"HTTP/1.9")), status=505),
        *no(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), status=505),
        *no(
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
            b"\x80\x2e\x01\x03\x01",
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b'{"a": 1}\r\n',
        ),
        *no(
            b"\x05\x01\x00",
            b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n" + GET,
            b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a!\x11\x00\x0c",
        ),
    ],
    "headers": no(
        *(
            get(b"/echo", line)
            for line in (b"X", b": a", b" X: a", b"X : a", b"X\t: a", b"X\x00: a", b"X: a\x00", b"X: \x01", b"X: \x7f", b"X: a\x1b[m")
        ),
        *(
            get(b"/echo", line)
            for line in (b"X Y: a", b"X\xff: a", "Ü: a".encode(), b"X(): a", b"X[]: a", b"X{}: a", b"X@: a", b"X,: a", b'X"y: a', b"X;: a")
        ),
        *(get(b"/echo", b"X: a", line) for line in (b" folded", b"\tfolded", b"  : b", b"=a", b"\x0b: a")),
        get(b"/echo", b"Content-Type: a", b"Content-Type: b"),
        get(b"/echo", b"User-Agent: a", b"user-agent: b"),
        get(b"/echo", b"Expect: 100-continue", b"Expect: 100-continue"),
        b"GET /echo HTTP/1.1\r\n Host: a\r\n\r\n",
        b"GET /echo HTTP/1.1\r\n: a\r\nHost: a\r\n\r\n",
    ),
    "hosts": [
        *no(*(get(b"/echo", host=line + b"\r\n") for line in HOSTS), get(b"/echo", host=b"")),
        *yes(
            *(
                get(b"/echo", host=b"Host: " + name + b"\r\n")
                for name in (b"a", b"A.B.", b"a:0", b"a:65535", b"[::1]", b"[::1]:80", b"127.0.0.1", b"a_b", b"xn--a")
            )
        ),
        Hostile(get(b"/echo", host=b"", version=b"HTTP/1.0"), (200,), cut=True),
    ],
    "authorities": [
        *no(
            *(
                get(target)
                for target in (b"http://evil/echo", b"https://evil/echo", b"http://localhost:80/echo", b"http://localhost@evil/echo")
            ),
            *(
                get(target)
                for target in (b"http://evil@localhost/echo", b"http:///echo", b"http://localhost\\@evil/", b"http://localhost#@evil/")
            ),
            *(
                get(target)
                for target in (b"http://localhost.evil/echo", b"http://%6cocalhost/echo", b"HTTP://EVIL/echo", b"http://[::1]/echo")
            ),
            get(b"http://localhost/echo", host=b"", version=b"HTTP/1.0"),
            get(b"http:///echo", host=b"", version=b"HTTP/1.0"),
        ),
        *yes(get(b"http://localhost/echo"), get(b"HTTPS://LocalHost/echo?a=b")),
        *[Hostile(get(target), (404,)) for target in (b"//evil/echo", b"/http://evil/echo", b"/@evil", b"/\\evil")],
    ],
    "methods": [
        *no(get(b"localhost:80", method=b"CONNECT"), get(b"/echo", method=b"CONNECT"), get(b"/echo", method=b"TRACE"), status=405),
        *no(get(b"*", method=b"POST"), get(b"**", method=b"OPTIONS")),
        Hostile(get(b"*", method=b"OPTIONS"), (404,)),
        *yes(get(b"/echo", method=b"OPTIONS"), get(b"/echo", method=b"PATCH"), get(b"/echo", method=b"DELETE")),
    ],
    "escapes": [
        *[
            Hostile(get(target), (400,))
            for target in (b"/pets/%", b"/pets/%2", b"/pets/%zz", b"/pets/%00", b"/pets/%ff", b"/pets/%c0%af", b"/pets/%u0041")
        ],
        *[Hostile(get(target), (400,)) for target in (b"/pets/%ed%a0%80", b"/pets/a%0", b"/pets/%%41", b"/pets/% 41".replace(b" ", b"+"))],
        *yes(
            get(b"/pets/%2e%2e/%2e%2e/etc"),
            get(b"/pets/%C3%BC"),
            get(b"/pets/a%2fb"),
            get(b"/pets/x?%&%zz=%ff&=&&a=%00"),
            get(b'/echo?"<>\\^`{|}'),
        ),
    ],
}

LARGE = {
    "lines": [
        *no(get(b"/" + b"a" * 8192), get(b"/echo?" + b"a" * 70_000), b"GET /" + b"a" * 100_000, b"G" * 9000, status=414),
        *yes(get(b"/echo?" + b"a" * 8000)),
    ],
    "headers": [
        *no(get(b"/echo", b"X: " + b"a" * 33_000), get(b"/echo", *(b"X%d: " % n + b"a" * 9000 for n in range(4))), status=431),
        *no(get(b"/echo", *(b"X%d: y" % n for n in range(100))), get(b"/echo", *(b"X%d: y" % n for n in range(40_000))), status=431),
        *no(GET[:-2] + b"X: " + b"a" * 100_000, GET[:-2] + b"x" * 100_000, status=431),
        *yes(get(b"/echo", *(b"X%d: y" % n for n in range(99))), get(b"/echo", b"X: " + b"a" * 32_000)),
    ],
    "bodies": [
        *no(
            post(b"Content-Length: 6291457"),
            post(b"Content-Length: 999999999999999999"),
            post(b"Content-Length: 7000000", b"Expect: 100-continue"),
            status=413,
        ),
        *no(post(CHUNKED, body=b"100000\r\n" + bytes(2**20) + b"\r\n500001\r\n"), status=413),
    ],
}

AMONG_OTHERS = {
    "short": [
        Hostile(post(b"Content-Length: 9", body=b"short"), (400,), eof=True),
        Hostile(post(CHUNKED, body=b"5\r\nshort\r\n"), (400,), eof=True),
        Hostile(post(CHUNKED, body=b"9\r\nsho"), (400,), eof=True),
        Hostile(post(CHUNKED, body=b"0\r\n"), (400,), eof=True),
        Hostile(GET[:-3], (400,), eof=True),
        Hostile(b"GET", (400,), eof=True),
        Hostile(HEALTHY + GET[:-1], (200, 400), eof=True),
        Hostile(HEALTHY, (200,), eof=True),
        Hostile(HEALTHY + b"\r\n", (200,), eof=True),
        Hostile(HEALTHY + b"\r", (200,), eof=True),
        Hostile(b"", (), eof=True),
        Hostile(b"\r\n", (), eof=True),
    ],
    "pipelined": [
        Hostile(HEALTHY * 3 + GET, (200,) * 4),
        Hostile(HEALTHY + b"\r\n\r\n" + GET, (200, 200)),
        Hostile(HEALTHY + b"x" * 20 + b"\r\n\r\n", (200, 400), cut=True),
        Hostile(HEALTHY + b"more" + GET, (200, 400), cut=True),
        Hostile(HEALTHY + b"\x00" + GET, (200, 400), cut=True),
        Hostile(HEALTHY + post(b"Content-Length: 2", CHUNKED, body=b"ok") + GET, (200, 400), cut=True),
        Hostile(HEALTHY + b"\n" + GET, (200, 400), cut=True),
        Hostile(HEALTHY + b"GET / HTTP/2.0\r\n\r\n" + GET, (200, 505), cut=True),
        Hostile(HEALTHY + get(b"/" + b"a" * 9000) + GET, (200, 414), cut=True),
        Hostile(post(b"Content-Length: 3", body=b"ok") + GET, (200, 400), cut=True),  # takes the G of GET; what is left is no method
        Hostile(post(CHUNKED, body=b"2\r\nok\r\n0\r\n\r\n0\r\n\r\n") + GET, (200, 400), cut=True),
        Hostile(get(b"/echo", b"Connection: close") + GET, (200,), cut=True),
        Hostile(get(b"/echo", version=b"HTTP/1.0") + GET, (200,), cut=True),
        Hostile(get(b"/nowhere") + GET, (404, 200)),
    ],
    "upgrades": [
        Hostile(
            get(b"/echo", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"), (200,)
        ),
        Hostile(
            get(b"/echo", b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: eA==", b"Sec-WebSocket-Version: 13"), (200,)
        ),
        Hostile(get(b"/echo", b"Connection: Upgrade", b"Upgrade: h2c") + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (200, 505), cut=True),
        Hostile(post(b"Upgrade: h2c", b"Connection: Upgrade", b"Content-Length: 2", body=b"ok") + GET, (200, 200)),
        Hostile(get(b"/echo", b"Connection: close, Transfer-Encoding, Content-Length"), (200,), cut=True),
    ],
    "expectations": [
        *no(
            *(
                post(b"Expect: " + value, b"Content-Length: 2", body=b"ok")
                for value in (b"", b"100", b"100-continue, x", b"a-miracle", b"200-ok")
            ),
            status=417,
        ),
        Hostile(post(b"Expect: 100-CONTINUE", b"Content-Length: 2", body=b"ok"), (200,)),
        Hostile(post(b"Expect: 100-continue", b"Content-Length: 0") + GET, (200, 200)),
        Hostile(post(b"Expect: 100-continue", CHUNKED, body=b"2\r\nok\r\n0\r\n\r\n"), (200,)),
        Hostile(post(b"Expect: 100-continue", b"Content-Length: 2", version=b"1.0", body=b"ok"), (200,), cut=True),
        Hostile(post(b"Expect: a-miracle", b"Content-Length: 2", version=b"1.0", body=b"ok"), (200,), cut=True),
    ],
}

CORPUS = {
    f"{kind}: {name}": found
    for kind, group in {"smuggled": SMUGGLED, "malformed": MALFORMED, "large": LARGE, "among others": AMONG_OTHERS}.items()
    for name, found in group.items()
}
