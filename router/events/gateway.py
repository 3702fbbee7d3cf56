"""What all HTTP gateways have in common: what they know of a request, how they read paths, queries and bodies.

Pure. A gateway (http_api.py, rest_api.py, function_url.py, alb.py) turns a request into its event and a function's
result into its answer. Sources: API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs",
"Lambda proxy integrations" and "Known issues"; Lambda developer guide, "Invoking Lambda function URLs"; Application
Load Balancers guide, "Lambda functions as targets"."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import unquote_plus, unquote_to_bytes

from router.events.http import Headers, Request, Response

DEFAULT_STAGE: Final = "$default"
NEVER_PASSED: Final = frozenset(  # developer guide, "Known issues": request headers that never reach the integration
    {"connection", "content-length", "content-md5", "expect", "max-forwards", "proxy-authenticate"}
    | {"server", "te", "trailer", "transfer-encoding", "upgrade", "www-authenticate"},
)
TEXT_TYPES: Final = frozenset(("application/json", "application/javascript", "application/xml"))
LOCAL: Final = frozenset(("", "127.0.0.1", "::1"))  # peers whose X-Forwarded-Proto and -Port count: a proxy of ours

_PHRASES: Final = {413: "Request Entity Too Large", 414: "Request-URI Too Long"}  # Python 3.13 has newer ones
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


class BadPath(ValueError):
    """A request path that is no text; the text says why."""


class Malformed(ValueError):
    """A result that is no HTTP answer; the text says why."""


class Api(NamedTuple):
    """What all requests of one API have in common."""

    account: str
    api_id: str
    region: str = "us-east-1"
    stage: str = DEFAULT_STAGE
    stage_variables: Mapping[str, str] | None = None


class Arrival(NamedTuple):
    """What the gateway itself adds to one request."""

    request_id: str  # of the gateway: "LV7fzho-PHcEJPw=" (HTTP API), a UUID (REST API, function URL)
    trace: str  # "Root=1-5eb33c07-de25b420912dee103a5db434"
    at: float  # epoch seconds
    extended_id: str = ""  # REST API: "JJbxmHf5oAMFnLA="


class Asked(NamedTuple):
    """A request and the route it matched."""

    request: Request
    path: str  # percent-decoded, below *mounted*
    key: str  # the route as configured: "GET /pets/{id}", "$default"
    parameters: Mapping[str, str]  # percent-decoded values of its variables; {} when it has none
    mounted: str = ""  # what was cut off the path: the base path ("/v1") or the stage ("/prod")
    based: bool = False  # it was a base path

    @property
    def raw_path(self) -> str:
        """The path below *mounted* as sent, percent-encoded."""
        path = self.request.path
        for _ in range(self.mounted.count("/")):
            path = "/" + path[1:].partition("/")[2]
        return path


@dataclass(frozen=True, slots=True)
class Passage:
    """What the guards of a route let through, and what they learned about the caller."""

    authorizer: Mapping[str, Any] | None = None  # requestContext.authorizer of the event
    identity: Mapping[str, Any] = field(default_factory=dict)  # more of requestContext.identity (REST: apiKey, apiKeyId)


FREE: Final = Passage()  # of a route without guards


class Denied(NamedTuple):
    """Why a guard turned a request away, in the gateway's own words."""

    status: int
    body: Mapping[str, Any]  # {"message": "Unauthorized"}
    kind: str = ""  # x-amzn-ErrorType, where the gateway sends one
    retry_after: int | None = None  # seconds
    challenge: str = ""  # www-authenticate


class Gateway(Protocol):
    """One kind of HTTP face, without its I/O."""

    @property
    def no_route(self) -> int:
        """Status where nothing is."""

    @property
    def failed(self) -> int:
        """Status for a function error and for a result that is no answer."""

    @property
    def timed_out(self) -> int:
        """Status at the integration timeout."""

    @property
    def payload_limit(self) -> int:
        """Bytes of the event, as JSON, that are taken."""

    def event(self, asked: Asked, arrival: Arrival, passage: Passage) -> dict[str, Any]:
        """The event of a request."""

    def text(self, asked: Asked, arrival: Arrival, passage: Passage) -> bytes:
        """The same as JSON."""

    def answer(self, result: bytes, asked: Asked, arrival: Arrival) -> Response:
        """The answer that a result (JSON text) spells out. Raises Malformed when it is none."""

    def ids(self, arrival: Arrival) -> Headers:
        """The headers that name a request; every answer carries them."""

    def failure(self, status: int, arrival: Arrival, *, retry_after: int | None = None) -> Response:
        """The gateway's own answer with this status. *retry_after* in seconds."""

    def denial(self, denied: Denied, arrival: Arrival) -> Response:
        """The answer to whom a guard turned away."""


def decoded_path(path: str) -> str:
    """The path with its percent-encoding removed, once: what an HTTP API's function sees.

    Raises BadPath on NUL, on a stray percent sign and on bytes that are not UTF-8: they have no place in JSON text."""
    if "%" not in path:
        return path
    if _BAD_ESCAPE.search(path):
        raise BadPath("a percent sign in the path is not followed by two hexadecimal digits")
    try:
        text = unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        raise BadPath("the path is not UTF-8") from None
    if "\0" in text:
        raise BadPath("the path holds a NUL")
    return text


def query_pairs(query: str, *, decode: bool = True) -> list[tuple[str, str]]:
    """The names and values of a query string in order, form-decoded or as sent. Bytes that are no UTF-8 become U+FFFD."""
    decode = decode and ("%" in query or "+" in query)
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    if not decode:
        return [(name, value) for name, _, value in pairs]
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]


def joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Values by name; those of a repeated name joined with a comma, in order."""
    values: dict[str, str] = {}
    for name, value in pairs:
        values[name] = f"{values[name]},{value}" if name in values else value
    return values


def listed(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    """All values by name, in order."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


@lru_cache(maxsize=256)
def is_text(content_type: str) -> bool:
    """Whether a body of this type reaches the function as text: HTTP API, function URL, ALB."""
    media = content_type.partition(";")[0].strip().lower()
    return media in TEXT_TYPES or media.startswith("text/")


def body_of(body: bytes, content_type: str) -> tuple[str, bool]:
    """The body as text, or as base64 when its type is no text or its bytes are not UTF-8; and which of the two."""
    if is_text(content_type):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass  # compressed or mislabelled: base64 keeps every byte
    return base64.b64encode(body).decode(), True


@lru_cache(maxsize=256)
def domain_of(host: str) -> str:
    """A Host header without its port."""
    return host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host


def phrase(status: int) -> str:
    """A status in words, whatever this version of Python calls it."""
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def port_of(scheme: str) -> str:
    """The port where nobody named one: a proxy that spoke of the scheme alone, a Unix socket."""
    return "443" if scheme == "https" else "80"


class Forwarded(NamedTuple):
    """What a gateway says about the way a request came."""

    address: str  # X-Forwarded-For
    port: str
    proto: str


def forwarded(request: Request) -> Forwarded:
    """The X-Forwarded headers: the peer is added to the addresses; scheme and port are believed from loopback only."""
    before, proto, port = "", "", ""
    for name, value in request.headers:
        if name == "x-forwarded-for":
            before = f"{before}, {value}" if before else value
        elif name == "x-forwarded-proto":
            proto = value
        elif name == "x-forwarded-port":
            port = value
    address = f"{before}, {request.peer}" if before and request.peer else before or request.peer
    if request.peer in LOCAL and proto:
        return Forwarded(address, port or port_of(proto), proto)
    return Forwarded(address, str(request.port or port_of(request.scheme)), request.scheme)


def secure(request: Request) -> bool:
    """Whether nobody on a network could read or change it, which is what aws:SecureTransport asks: it came over TLS, as a proxy on this
    machine says, or did not leave this machine."""
    if request.peer not in LOCAL:
        return request.scheme == "https"
    if not any(name.startswith("x-forwarded-") for name, _ in request.headers):
        return True
    return forwarded(request).proto == "https"


@lru_cache(maxsize=8)
def clf(at: int) -> str:
    """Epoch seconds in the common log format, always UTC: 12/Mar/2020:19:03:58 +0000."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment.day:02d}/{_MONTHS[moment.month - 1]}/{moment.year}:{moment:%H:%M:%S} +0000"
