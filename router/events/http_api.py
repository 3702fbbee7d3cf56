"""API Gateway HTTP API, payload format 2.0: a request becomes the event, a function's result becomes the answer.

Pure. Sources: API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway" and
"Quotas for configuring and running an HTTP API"; samples in tests/golden/apigw_v2_*.json. Not covered: stages other
than $default, stage variables, authorizers, client certificates (their keys are left out, as AWS does)."""

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_plus, unquote_to_bytes

import orjson

from router.events.http import Request, Response

STAGE: Final = "$default"
HEADER_BYTES: Final = 32 * 1024  # names and values of one answer; more is a malformed result
NEVER_PASSED: Final = frozenset(  # developer guide, "Known issues": request headers that never reach the integration
    {"connection", "content-length", "content-md5", "expect", "max-forwards", "proxy-authenticate"}
    | {"server", "te", "trailer", "transfer-encoding", "upgrade", "www-authenticate"},
)
REMAPPED: Final = frozenset(("connection", "content-length", "date", "server"))  # sent on as x-amzn-Remapped-NAME
DROPPED: Final = frozenset(
    ("apigw-requestid", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
)
TEXT_TYPES: Final = frozenset(("application/json", "application/javascript", "application/xml"))
LOCAL: Final = frozenset(("", "127.0.0.1", "::1"))  # peers whose X-Forwarded-Proto and -Port count: a proxy of ours

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # RFC 9110, 5.5: what a header value must not hold


class BadPath(ValueError):
    """A request path that is no text; the text says why."""


class Malformed(ValueError):
    """A result that is no HTTP answer; the text says why."""


class Api(NamedTuple):
    """What all requests of one API have in common."""

    account: str
    api_id: str


class Arrival(NamedTuple):
    """What the gateway itself adds to one request."""

    request_id: str  # of the gateway, e.g. "LV7fzho-PHcEJPw="; the invocation has its own
    trace: str  # "Root=1-5eb33c07-de25b420912dee103a5db434"
    at: float  # epoch seconds


def decoded_path(path: str) -> str:
    """The path with its percent-encoding removed, once. This text is what is routed and what the function sees.

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


def event(request: Request, path: str, route_key: str, parameters: Mapping[str, str], *, api: Api, arrival: Arrival) -> dict[str, Any]:
    """The event of a request. *path* is decoded_path(request.path), *parameters* come from the matched route.

    Absent, not null: cookies, queryStringParameters, pathParameters, body when there are none."""
    headers, cookies = _headers(request, arrival.trace)
    domain = request.host.rpartition(":")[0] if _has_port(request.host) else request.host
    query = request.query
    made: dict[str, Any] = {"version": "2.0", "routeKey": route_key, "rawPath": path, "rawQueryString": query}
    if cookies:
        made["cookies"] = cookies
    made["headers"] = headers
    if query and (values := _query_values(query)):
        made["queryStringParameters"] = values
    made["requestContext"] = {
        "accountId": api.account,
        "apiId": api.api_id,
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "http": {
            "method": request.method,
            "path": path,
            "protocol": request.version,
            "sourceIp": request.peer or "127.0.0.1",
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": arrival.request_id,
        "routeKey": route_key,
        "stage": STAGE,
        "time": clf(int(arrival.at)),
        "timeEpoch": int(arrival.at * 1000),
    }
    if parameters:
        made["pathParameters"] = parameters
    if request.body:
        made["body"], made["isBase64Encoded"] = _body(request.body, headers.get("content-type", ""))
    else:
        made["isBase64Encoded"] = False
    return made


def encoded_size(request: Request) -> int:
    """Bytes the body takes inside the event at least: a body in base64 grows by a third, JSON escapes are not counted."""
    size = len(request.body)
    return size if _is_text(request.header("content-type")) else (size + 2) // 3 * 4


def _has_port(host: str) -> bool:
    return ":" in host and not host.endswith("]")


def _headers(request: Request, trace: str) -> tuple[dict[str, str], list[str]]:
    """Headers as the event has them, and the cookies taken out of them."""
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in request.headers:
        if name in NEVER_PASSED:
            continue
        if name == "cookie":
            cookies += [cookie for part in value.split(";") if (cookie := part.strip())]
        else:
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    headers["content-length"] = str(len(request.body))
    headers.setdefault("x-amzn-trace-id", trace)
    if request.peer:
        before = headers.get("x-forwarded-for")
        headers["x-forwarded-for"] = f"{before}, {request.peer}" if before else request.peer
    if request.peer not in LOCAL or "x-forwarded-proto" not in headers:
        headers["x-forwarded-proto"] = request.scheme
        headers["x-forwarded-port"] = str(request.port)
    return headers, cookies


def _query_values(query: str) -> dict[str, str]:
    """Form-decoded values by name; those of a repeated name joined with a comma, in order. Bytes that are no UTF-8 become U+FFFD."""
    encoded = "%" in query or "+" in query
    values: dict[str, str] = {}
    for pair in query.split("&"):
        if not pair:
            continue
        key, _, value = pair.partition("=")
        if encoded:
            key, value = unquote_plus(key), unquote_plus(value)
        values[key] = f"{values[key]},{value}" if key in values else value
    return values


def _is_text(content_type: str) -> bool:
    media = content_type.partition(";")[0].strip().lower()
    return media in TEXT_TYPES or media.startswith("text/")


def _body(body: bytes, content_type: str) -> tuple[str, bool]:
    """The body as text, or as base64 when its type is no text or its bytes are not UTF-8; and which of the two."""
    if _is_text(content_type):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass  # compressed or mislabelled: base64 keeps every byte
    return base64.b64encode(body).decode(), True


@lru_cache(maxsize=8)
def clf(at: int) -> str:
    """Epoch seconds in the common log format, always UTC: 12/Mar/2020:19:03:58 +0000."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment.day:02d}/{_MONTHS[moment.month - 1]}/{moment.year}:{moment:%H:%M:%S} +0000"


def answer(result: bytes, request_id: str) -> Response:
    """The answer to a result (JSON text). With a statusCode it is the answer, without one it is the body of a 200.

    Raises Malformed when the result is no JSON or no answer: AWS then sends 500."""
    try:
        value = orjson.loads(result)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"the result is not JSON: {error}") from None
    if isinstance(value, dict) and "statusCode" in value:
        response = _structured(value, request_id)
        if len(result) > HEADER_BYTES and sum(len(name) + len(text) for name, text in response.headers) > HEADER_BYTES:
            raise Malformed(f"the headers are larger than {HEADER_BYTES} bytes")
        return response
    body = value.encode() if isinstance(value, str) else result  # a bare string goes out without its quotes
    return Response(200, (("content-type", "application/json"), ("apigw-requestid", request_id)), body)


def failure(status: int, request_id: str, *, retry_after: int | None = None) -> Response:
    """The gateway's own answer: {"message": …}. *retry_after* in seconds."""
    message = "Request Too Long" if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else HTTPStatus(status).phrase
    headers = [("content-type", "application/json"), ("apigw-requestid", request_id)]
    if retry_after is not None:
        headers.append(("retry-after", str(retry_after)))
    return Response(status, headers, orjson.dumps({"message": message}))


def _structured(value: dict[str, Any], request_id: str) -> Response:
    """The answer that an object with a statusCode spells out; keys AWS does not know are ignored."""
    status = _status(value["statusCode"])
    named = _answer_headers(value.get("headers"))
    if "content-type" not in named and status not in (204, 304):
        named["content-type"] = ("content-type", "text/plain;charset=UTF-8")
    headers = list(named.values())
    if cookies := value.get("cookies"):
        headers += _cookies(cookies)
    headers.append(("apigw-requestid", request_id))
    return Response(status, headers, _answer_body(value.get("body"), decode=value.get("isBase64Encoded") is True))


def _status(value: Any) -> int:
    """200–599, as a number or as its text."""
    number = int(value) if isinstance(value, str) and re.fullmatch("[0-9]{3}", value) else value
    if type(number) is int and 200 <= number <= 599:
        return number
    raise Malformed(f"statusCode is {value!r:.40}, not a number from 200 to 599")


def _answer_headers(value: Any) -> dict[str, tuple[str, str]]:
    """A function's headers by lower-case name, hop-by-hop ones dropped or remapped; of names alike but for case the last wins."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed("headers is no object")
    headers: dict[str, tuple[str, str]] = {}
    for name, scalar in value.items():
        low = name.lower()
        if not _TOKEN.fullmatch(name):
            raise Malformed(f"{name!r:.40} is no header name")
        if low not in DROPPED and scalar is not None:
            headers[low] = (f"x-amzn-Remapped-{name}" if low in REMAPPED else name, _value(name, scalar))
    return headers


def _value(name: str, value: Any) -> str:
    """A scalar as the text of a header value."""
    if isinstance(value, list | dict) or value is None:
        raise Malformed(f"{name!r:.40} holds a {type(value).__name__}, not text")
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    if _CONTROL.search(text):
        raise Malformed(f"{name!r:.40} holds a control character, which would split the answer's headers")
    return text


def _cookies(value: Any) -> list[tuple[str, str]]:
    """One set-cookie header for each cookie."""
    if not isinstance(value, list):
        raise Malformed("cookies is no list")
    return [("set-cookie", _value("cookies", cookie)) for cookie in value]


def _answer_body(value: Any, *, decode: bool) -> bytes:
    if value is None:
        return b""
    if not isinstance(value, str):
        return orjson.dumps(value)
    if not decode:
        return value.encode()
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        raise Malformed("isBase64Encoded is true, but the body is not base64") from None
