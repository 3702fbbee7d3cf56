"""The requests that every framework answers behind every face, what each must see and what the client must get.

A row says what HTTP itself would give. Where a face cannot carry it by AWS's own rules, or an adapter does not, the row says so
under `unlike`, with the reason: nothing is left out silently."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

FACES: Final = ("http", "http1", "rest", "url", "alb", "albmulti")
APPS: Final = ("fastapi", "flask", "flask-apig", "express", "hono")

BINARY: Final = bytes(range(256)) * (4 * 1024 * 1024 // 256)
SMALLER: Final = BINARY[: 700 * 1024]  # a load balancer takes and gives 1 MB of JSON
TOO_LARGE: Final = BINARY + BINARY[: 1024 * 1024]  # base64 makes more than 6 MB of it
EVERY_BYTE: Final = bytes(range(256))
TEXT: Final = "Gr\u00fc\u00dfe, \u4e16\u754c \U0001f600"
BOUNDARY: Final = "----7MA4YWxkTrZu0gW"
MULTIPART: Final = (
    (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="title"\r\n\r\nGr\u00fc\u00dfe\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\nContent-Type: application/octet-stream\r\n\r\n'
    ).encode()
    + EVERY_BYTE
    + f"\r\n--{BOUNDARY}--\r\n".encode()
)
COOKIES: Final = ("session=abc123; Path=/; HttpOnly", "seen=1; Expires=Wed, 21 Oct 2037 07:28:00 GMT; Path=/")

GATEWAY_ERROR: Final = {  # face → status and body of a crashed handler or a malformed result: reference/event-shapes.md 14
    "http": (500, b'{"message":"Internal Server Error"}'),
    "http1": (500, b'{"message":"Internal Server Error"}'),
    "rest": (502, b'{"message":"Internal server error"}'),
    "url": (502, b"Internal Server Error"),
    "alb": (502, None),
    "albmulti": (502, None),
}


class Unlike(NamedTuple):
    """What differs for some faces or apps, and why."""

    where: str  # faces and apps by name, "|" between alternatives: "alb", "alb|albmulti hono", "hono"
    why: str
    changes: Mapping[str, Any]  # fields of the row

    def applies(self, face: str, app: str) -> bool:
        """Whether every word names the face or the app."""
        return all({face, app} & set(word.split("|")) for word in self.where.split())


def unlike(where: str, why: str, **changes: Any) -> Unlike:
    """For these faces and apps, these fields of the row are others, and this is why."""
    return Unlike(where, why, changes)


class Row(NamedTuple):
    """One request and what comes of it."""

    name: str
    method: str
    target: str  # behind the face's and app's prefix, exactly as sent
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    status: int = 200
    seen: Mapping[str, Any] | None = None  # keys of the JSON answer, those that matter
    answer: bytes | None = None  # the whole body
    answer_headers: Mapping[str, tuple[str, ...]] = {}  # all values of a name, in order; () for none
    media: str = ""  # content-type without its parameters
    gateway: bool = False  # the gateway's own error answer
    unlike: Sequence[Unlike] = ()

    def on(self, face: str, app: str) -> "Row":
        """The row as it is for one face and one app."""
        row = self
        for change in self.unlike:
            if change.applies(face, app):
                row = row._replace(**change.changes)
        if row.gateway:
            status, answer = GATEWAY_ERROR[face]
            row = row._replace(status=status, answer=answer, seen=None, answer_headers={}, media="")
        return row


def sha(data: bytes) -> str:
    """The digest that the apps tell of a body."""
    return hashlib.sha256(data).hexdigest()


def told(body: bytes, **more: Any) -> dict[str, Any]:
    """What an app says of a body it got."""
    return {"length": len(body), "sha256": sha(body), **more}


OCTETS: Final = ("Content-Type", "application/octet-stream")
CHUNKED: Final = b"7\r\nhello, \r\n5\r\nworld\r\n0\r\n\r\n"
JSON: Final = ("Content-Type", "application/json")
LAST_QUERY: Final = "ALB without multi-value headers keeps the last value of a repeated key"
DECODED: Final = "HTTP APIs give the path decoded"
ONE_VALUE: Final = "one value for each header name"
LAST_HEADER: Final = "ALB without multi-value headers keeps the last of repeated header lines"

ROWS: Final = (
    # methods
    Row("get", "GET", "/echo", seen={"method": "GET", "path": "", "query": [], "length": 0, "text": ""}),
    Row("head", "HEAD", "/echo", answer=b"", media="application/json"),
    Row("head-known-length", "HEAD", "/text", answer=b""),
    Row("post-json", "POST", "/echo", (JSON,), b'{"a": [1, 2.50, null]}', seen={"method": "POST", **told(b'{"a": [1, 2.50, null]}')}),
    Row("put-text", "PUT", "/echo", (("Content-Type", "text/plain; charset=utf-8"),), TEXT.encode(), seen={"method": "PUT", "text": TEXT}),
    Row("patch", "PATCH", "/echo", (JSON,), b"{}", seen={"method": "PATCH", "text": "{}"}),
    Row("delete", "DELETE", "/echo/7", seen={"method": "DELETE", "path": "/7", "length": 0}),
    Row("delete-with-body", "DELETE", "/echo/7", (JSON,), b'{"why":"old"}', seen={"method": "DELETE", "text": '{"why":"old"}'}),
    Row("options", "OPTIONS", "/echo", (("Origin", "https://a.example"),), seen={"method": "OPTIONS"}),
    Row("post-empty", "POST", "/echo", seen={"method": "POST", "length": 0, "text": ""}),
    # paths
    Row(
        "path-unicode",
        "GET",
        "/echo/gr%C3%BC%C3%9Fe/%E6%97%A5%E6%9C%AC",
        seen={"path": "/gr\u00fc\u00dfe/\u65e5\u672c"},
        unlike=(unlike("http|http1 flask-apig", f"{DECODED}; apig-wsgi takes it for Latin-1 and crashes", gateway=True),),
    ),
    Row("path-space", "GET", "/echo/a%20b", seen={"path": "/a b"}),
    Row("path-plus", "GET", "/echo/a+b", seen={"path": "/a+b"}),
    Row("path-encoded-plus", "GET", "/echo/a%2Bb", seen={"path": "/a+b"}),
    Row("path-trailing-slash", "GET", "/echo/a/", seen={"path": "/a/"}),
    Row("path-double-slash", "GET", "/echo/a//b", seen={"path": "/a//b"}),
    Row("path-reserved", "GET", "/echo/a;v=1,2:@!$&'()*~", seen={"path": "/a;v=1,2:@!$&'()*~"}),
    Row("path-encoded-slash", "GET", "/echo/a%2Fb", seen={"path": "/a/b"}),
    Row(
        "path-encoded-percent",
        "GET",
        "/echo/a%25b",
        seen={"path": "/a%b"},
        unlike=(
            unlike("http|http1 express", f"{DECODED}; express decodes it again", status=400, seen=None),
            unlike("http|http1 hono", f"{DECODED}; the app decodes it again", status=500, seen=None),
        ),
    ),
    # query strings
    Row("query", "GET", "/echo?a=1&b=two", seen={"query": [["a", "1"], ["b", "two"]]}),
    Row(
        "query-repeated",
        "GET",
        "/echo?a=1&a=2&b=3",
        seen={"query": [["a", "1"], ["a", "2"], ["b", "3"]]},
        unlike=(unlike("alb", LAST_QUERY, seen={"query": [["a", "2"], ["b", "3"]]}),),
    ),
    Row("query-encoded", "GET", "/echo?q=a%26b%3Dc&p=a%2Bb&s=x+y%20z", seen={"query": [["q", "a&b=c"], ["p", "a+b"], ["s", "x y z"]]}),
    Row("query-unicode", "GET", "/echo?stra%C3%9Fe=%E4%B8%96", seen={"query": [["stra\u00dfe", "\u4e16"]]}),
    Row("query-empty-value", "GET", "/echo?a=&b=1", seen={"query": [["a", ""], ["b", "1"]]}),
    Row("query-without-value", "GET", "/echo?flag&a=1", seen={"query": [["flag", ""], ["a", "1"]]}),
    Row(
        "query-interleaved",
        "GET",
        "/echo?a=1&b=2&a=3",
        seen={"query": [["a", "1"], ["b", "2"], ["a", "3"]]},
        unlike=(
            unlike(
                "http|url flask|flask-apig", "werkzeug keeps values in lists by key", seen={"query": [["a", "1"], ["a", "3"], ["b", "2"]]}
            ),
            unlike("http1|rest|albmulti", "values stand in lists by key", seen={"query": [["a", "1"], ["a", "3"], ["b", "2"]]}),
            unlike("alb", LAST_QUERY, seen={"query": [["a", "3"], ["b", "2"]]}),
        ),
    ),
    Row("query-comma", "GET", "/echo?a=1,2", seen={"query": [["a", "1,2"]]}),
    # headers and cookies
    Row("header", "GET", "/echo", (("X-Probe", "one"),), seen={"probe": "one"}),
    Row(
        "header-repeated",
        "GET",
        "/echo",
        (("X-Probe", "one"), ("x-probe", "two")),
        seen={"probe": "one,two"},
        unlike=(
            unlike("alb", LAST_HEADER, seen={"probe": "two"}),
            unlike("http1|rest|albmulti flask", "serverless-wsgi keeps the last of multiValueHeaders", seen={"probe": "two"}),
            unlike("albmulti hono", "the adapter joins with a semicolon", seen={"probe": "one; two"}),
        ),
    ),
    Row("header-large", "GET", "/echo", (("X-Probe", "v" * 6000),), seen={"probe": "v" * 6000}),
    Row("header-case", "GET", "/echo", (("x-PROBE", "MiXed"),), seen={"probe": "MiXed"}),
    Row("cookies", "GET", "/echo", (("Cookie", "a=1; b=two=2"),), seen={"cookies": {"a": "1", "b": "two=2"}}),
    Row(
        "cookies-set",
        "GET",
        "/cookies",
        answer=b"set",
        answer_headers={"set-cookie": COOKIES},
        unlike=(
            unlike(
                "http|url flask",
                "serverless-wsgi spells the names differently instead of filling cookies; payload 2.0 keeps one of them",
                answer_headers={"set-cookie": COOKIES[1:]},
            ),
            unlike("alb flask-apig", f"{ONE_VALUE}; apig-wsgi sends the last", answer_headers={"set-cookie": COOKIES[1:]}),
            unlike("alb express|hono", f"{ONE_VALUE}; the adapter sends the first", answer_headers={"set-cookie": COOKIES[:1]}),
        ),
    ),
    Row(
        "headers-answered",
        "GET",
        "/headers",
        answer=b"headers",
        answer_headers={"x-custom": ("one; two",), "x-large": ("v" * 6000,), "cache-control": ("no-store",)},
    ),
    Row(
        "headers-answered-repeated",
        "GET",
        "/headers",
        answer=b"headers",
        answer_headers={"x-multi": ("one", "two")},
        unlike=(
            unlike("http|url fastapi|express", f"{ONE_VALUE}; the adapter joins them", answer_headers={"x-multi": ("one,two",)}),
            unlike("http|url flask|flask-apig", f"{ONE_VALUE}; the adapter sends the last", answer_headers={"x-multi": ("two",)}),
            unlike("alb flask-apig", f"{ONE_VALUE}; apig-wsgi sends the last", answer_headers={"x-multi": ("two",)}),
            unlike("alb express", f"{ONE_VALUE}; serverless-express sends the first", answer_headers={"x-multi": ("one",)}),
            unlike("hono", "fetch's Headers join values of one name", answer_headers={"x-multi": ("one, two",)}),
        ),
    ),
    # status codes and redirects
    Row("status-201", "GET", "/status/201", status=201, answer=b"status 201"),
    Row("status-207", "GET", "/status/207", status=207, answer=b"status 207"),
    Row("no-content", "GET", "/nothing/204", status=204, answer=b"", answer_headers={"etag": ('"v1"',), "content-length": ()}),
    Row("not-modified", "GET", "/nothing/304", status=304, answer=b"", answer_headers={"etag": ('"v1"',)}),
    Row("empty", "GET", "/nothing/200", answer=b""),
    Row("redirect", "GET", "/redirect/302", status=302, answer_headers={"location": ("/elsewhere?a=1&b=2",)}),
    Row("redirect-permanent", "GET", "/redirect/301", status=301, answer_headers={"location": ("/elsewhere?a=1&b=2",)}),
    Row("redirect-post", "POST", "/redirect/307", (JSON,), b"{}", status=307, answer_headers={"location": ("/elsewhere?a=1&b=2",)}),
    # bodies
    Row(
        "form",
        "POST",
        "/form",
        (("Content-Type", "application/x-www-form-urlencoded"),),
        b"name=Gr%C3%BC%C3%9Fe&tag=a&tag=b+c",
        seen={"fields": [["name", "Gr\u00fc\u00dfe"], ["tag", "a"], ["tag", "b c"]], "files": {}},
    ),
    Row(
        "multipart",
        "POST",
        "/form",
        (("Content-Type", f"multipart/form-data; boundary={BOUNDARY}"),),
        MULTIPART,
        seen={"fields": [["title", "Gr\u00fc\u00dfe"]], "files": {"file": {"filename": "a.bin", **told(EVERY_BYTE)}}},
    ),
    Row(
        "binary-both-ways",
        "POST",
        "/mirror",
        (OCTETS,),
        EVERY_BYTE,
        answer=EVERY_BYTE,
        answer_headers={"content-type": ("application/octet-stream",)},
    ),
    Row(
        "upload",
        "POST",
        "/echo",
        (OCTETS,),
        BINARY,
        seen=told(BINARY),
        unlike=(unlike("alb|albmulti", "ALB takes 1 MB", body=SMALLER, seen=told(SMALLER)),),
    ),
    Row(
        "download",
        "GET",
        f"/binary/{len(BINARY)}",
        (("Accept", "application/octet-stream"),),
        answer=BINARY,
        unlike=(unlike("alb|albmulti", "ALB gives 1 MB", target=f"/binary/{len(SMALLER)}", answer=SMALLER),),
    ),
    Row("upload-chunked", "POST", "/echo", (OCTETS, ("Transfer-Encoding", "chunked")), CHUNKED, seen=told(b"hello, world")),
    Row("upload-too-large", "POST", "/echo", (OCTETS,), TOO_LARGE, status=413),
    Row("download-too-large", "GET", f"/binary/{len(TOO_LARGE)}", gateway=True),
    Row("text-charset", "GET", "/text", answer=TEXT.encode(), answer_headers={"content-type": ("text/plain; charset=utf-8",)}),
    Row(
        "text-latin1",
        "GET",
        "/latin1",
        answer="Gr\u00fc\u00dfe".encode("iso-8859-1"),
        unlike=(
            unlike("flask|flask-apig", "both WSGI adapters take text for UTF-8 and crash", gateway=True),
            unlike("express|hono", "the adapter takes text for UTF-8", answer="Gr\ufffd\ufffde".encode()),
        ),
    ),
    Row("json", "GET", "/json", seen={"text": TEXT, "number": 1.5, "none": None}, media="application/json"),
    Row("gzip", "GET", "/gzip", answer_headers={"content-encoding": ("gzip",)}),
    # errors
    Row("validated", "POST", "/order", (JSON,), b'{"item":"tea","quantity":2}', seen={"ordered": 2, "item": "tea"}),
    Row("refused", "POST", "/order", (JSON,), b'{"item":"tea","quantity":0}', status=422),
    Row("teapot", "GET", "/teapot", status=418, seen={"error": "teapot"}),
    Row("not-found", "GET", "/nowhere", status=404),
    Row("app-fails", "GET", "/fail", status=500),
    Row("handler-crashes", "GET", "/echo", (("X-Edge", "crash"),), gateway=True),
    Row("malformed-result", "GET", "/echo", (("X-Edge", "malformed"),), gateway=True),
)
