"""Requests as a listener hands them on, the gateways that take them, and what clients and functions may come up with."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import orjson
from hypothesis import strategies as st

from router.events import routes
from router.events.alb import LoadBalancer
from router.events.function_url import FunctionUrl
from router.events.gateway import FREE, Api, Arrival, Asked, Gateway, Passage
from router.events.http import Request, Response
from router.events.http_api import HttpApi
from router.events.rest_api import RestApi

API: Final = Api("123456789012", "abc123", stage="prod")
PLAIN_API: Final = Api("123456789012", "abc123")
ARRIVAL: Final = Arrival("req-1", "Root=1-5eb33c07-de25b420912dee103a5db434", 1587481701.067, "ext-1=")
ARN: Final = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/73e2d6bc24d8a067"
GATEWAYS: Final[Mapping[str, Gateway]] = {
    "http": HttpApi(PLAIN_API),
    "http stage": HttpApi(API),
    "http 1.0": HttpApi(PLAIN_API, "1.0"),
    "rest": RestApi(API),
    "rest binary": RestApi(API, ("*/*",)),
    "url": FunctionUrl("f.lambda-url.us-east-1.localhost"),
    "alb": LoadBalancer(ARN),
    "alb multi": LoadBalancer(ARN, multi_value=True),
}


def sent(
    method: str = "GET",
    target: str = "/",
    headers: Sequence[tuple[str, str]] = (),
    body: bytes = b"",
    *,
    peer: str = "1.2.3.4",
    host: str = "api.example.com:8080",
) -> Request:
    """A request with a Host; names of headers in the case in which the client wrote them."""
    lines = [("Host", host), *headers]
    low = [(name.lower(), value) for name, value in lines]
    raw = [(name.encode(), value.encode()) for name, value in lines]
    return Request(method, target, low, body, peer, host, 8080, raw_headers=raw)


def asked(request: Request, route: str = "$default", mounted: str = "", *, based: bool = False) -> Asked:
    """The request at a route, of which *mounted* was cut off, as the source finds it."""
    table: routes.RouteTable[None] = routes.RouteTable()
    table.add(routes.mounted(routes.parse(route), mounted), None)
    match = table.find(request.method, request.path)
    assert match is not None, f"{request.path} does not match {route} below {mounted!r}"
    path = "/" + "/".join(routes.segments_of(request.path)[1 + mounted.count("/") :])
    return Asked(request, path, route, match.parameters, mounted, based)


def event(gateway: Gateway, at: Asked, passage: Passage = FREE) -> dict[str, Any]:
    """The event as the handler reads it, which is the gateway's event to the letter."""
    text = gateway.text(at, ARRIVAL, passage)
    assert text == orjson.dumps(gateway.event(at, ARRIVAL, passage))
    made: dict[str, Any] = json.loads(text)
    return made


def answer(gateway: Gateway, result: Any, request: Request | None = None) -> Response:
    """The answer to a handler's result. Raises Malformed."""
    return gateway.answer(json.dumps(result).encode(), Asked(request or sent(), "/", "$default", {}), ARRIVAL)


def header(response: Response, name: str) -> list[str]:
    """The values of all lines of this name, whatever its case."""
    return [value for key, value in response.headers if key.lower() == name.lower()]


def body_of(made: Mapping[str, Any]) -> bytes:
    """What the handler gets of an event's body."""
    text = made.get("body") or ""
    return base64.b64decode(text) if made["isBase64Encoded"] else text.encode()


# -- what clients send

TEXT: Final = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
PATHS: Final = st.builds(
    lambda segments, safe: "/" + "/".join(quote(segment, safe=safe) for segment in segments),
    st.lists(TEXT, max_size=5),
    st.sampled_from(["", "!$&'()*+,;=:@~"]),
)
QUERIES: Final = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), max_size=30)
NAMES: Final = st.text(st.sampled_from("abcXYZ-_.!#$%&'*+^`|~019"), min_size=1, max_size=12)
VALUES: Final = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12).map(str.strip)
HEADERS: Final = st.lists(st.tuples(NAMES | st.sampled_from(["Cookie", "X-Forwarded-For", "Accept", "content-TYPE", "Connection"]), VALUES))
BODIES: Final = st.binary(max_size=64)
TYPES: Final = st.sampled_from(["", "text/plain", "application/json; charset=utf-8", "image/png", "application/x-www-form-urlencoded"])


class Sent(NamedTuple):
    """What a client says."""

    method: str
    path: str  # percent-encoded
    query: str
    headers: list[tuple[str, str]]
    media: str  # of the body; "": it does not say
    body: bytes

    @property
    def request(self) -> Request:
        """As the listener hands it on."""
        typed = [("Content-Type", self.media)] if self.media else []
        return sent(self.method, f"{self.path}?{self.query}", [*self.headers, *typed], self.body)


SENT: Final = st.builds(Sent, st.sampled_from(["GET", "POST", "PROPFIND"]), PATHS, QUERIES, HEADERS, TYPES, BODIES)

# -- what functions return

JSON: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=12)
    | st.sampled_from(["a\r\nb: c", "\0", "###", "YQ==", "201"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(["Set-Cookie", "content-type"]), inner, max_size=3
        )
    ),
    max_leaves=10,
)
RESULTS: Final = JSON | st.fixed_dictionaries(
    {},
    optional={
        "statusCode": st.sampled_from([200, "204", 304, 500, 599, 999, None, "x", 200.0]) | JSON,
        "headers": st.dictionaries(NAMES, VALUES | JSON, max_size=3) | JSON,
        "multiValueHeaders": st.dictionaries(NAMES, st.lists(VALUES | JSON, max_size=2), max_size=3) | JSON,
        "body": JSON,
        "cookies": JSON,
        "isBase64Encoded": st.booleans() | JSON,
    },
)
