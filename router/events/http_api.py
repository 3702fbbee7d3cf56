"""API Gateway HTTP API: a request becomes the event (payload format 2.0 or 1.0), a function's result the answer.

Pure. Sources: API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway" and
"Quotas for configuring and running an HTTP API"; samples in tests/golden/apigw_v2_*.json. Not covered: client
certificates (their key is left out, as AWS does)."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Final, Literal

import orjson

from router import names
from router.events import answers, payload_v1
from router.events.gateway import (
    DEFAULT_STAGE,
    LOCAL,
    NEVER_PASSED,
    Api,
    Arrival,
    Asked,
    Denied,
    Malformed,
    Passage,
    body_of,
    clf,
    domain_of,
    joined,
    phrase,
    port_of,
    query_pairs,
)
from router.events.http import Headers, Request, Response
from router.model import SYNC_LIMIT

PASSING: Final = answers.Passing(answers.HOP_BY_HOP | {"apigw-requestid"})


Way = tuple[str, str, str, str]
"""Method, protocol, peer and user agent."""
Place = tuple[str, str, str, str, str, str]
"""Where a request came to, as its event says: accountId, apiId, domainName, stage, rawPath, routeKey. No names: made for every request."""


@dataclass(frozen=True, slots=True)
class HttpApi:
    """A Gateway; see gateway.py."""

    api: Api
    payload: Literal["2.0", "1.0"] = "2.0"

    no_route: ClassVar[int] = 404
    failed: ClassVar[int] = 500
    timed_out: ClassVar[int] = 503
    payload_limit: ClassVar[int] = SYNC_LIMIT

    def event(self, asked: Asked, arrival: Arrival, passage: Passage) -> dict[str, Any]:
        """The event of a request, in the configured payload format.

        2.0: absent, not null, are cookies, queryStringParameters, pathParameters, stageVariables, body when there are none."""
        if self.payload == "1.0":
            return payload_v1.http_api_event(asked, self.api, arrival, passage)
        return self._made(asked, arrival, passage)

    def text(self, asked: Asked, arrival: Arrival, passage: Passage) -> bytes:
        """The same as JSON."""
        if self.payload == "1.0":
            return orjson.dumps(self.event(asked, arrival, passage))
        return orjson.dumps(self._made(asked, arrival, passage, written=True))

    def _made(self, asked: Asked, arrival: Arrival, passage: Passage, *, written: bool = False) -> dict[str, Any]:
        api = self.api
        request, path, key, parameters, _, _ = asked
        account, api_id, _, stage, variables = api
        if stage != DEFAULT_STAGE:
            path = f"/{stage}{path}"
        made = payload(request, (account, api_id, domain_of(request.host), stage, path, key), arrival, passage, written=written)
        if parameters:
            made["pathParameters"] = parameters
        if variables:
            made["stageVariables"] = variables
        return made

    def answer(self, result: bytes, asked: Asked, arrival: Arrival) -> Response:  # noqa: ARG002 - the same for all requests
        """The answer to a result (JSON text). Format 1.0 takes REST's object, and only that.

        2.0: with a statusCode it is the answer, without one it is the body of a 200. Raises Malformed when the result is no JSON
        or no answer: AWS then sends 500."""
        if self.payload == "1.0":
            return payload_v1.http_api_answer(result, arrival.request_id)
        value, ids = answers.parsed(result), (("apigw-requestid", arrival.request_id),)
        if isinstance(value, dict) and "statusCode" in value:
            return structured(value, ids, PASSING, "text/plain;charset=UTF-8")
        body = value.encode() if isinstance(value, str) else result  # a bare string goes out without its quotes
        return Response(200, (("content-type", "application/json"), *ids), body)

    def ids(self, arrival: Arrival) -> Headers:
        """One."""
        return (("apigw-requestid", arrival.request_id),)

    def failure(self, status: int, arrival: Arrival, *, retry_after: int | None = None) -> Response:
        """{"message": …}."""
        return failure(status, arrival.request_id, retry_after=retry_after)

    def denial(self, denied: Denied, arrival: Arrival) -> Response:
        """The guard's own words."""
        made = failure(denied.status, arrival.request_id, retry_after=denied.retry_after)
        challenge = [("www-authenticate", denied.challenge)] if denied.challenge else []
        return made._replace(headers=[*made.headers, *challenge], body=orjson.dumps(denied.body))


_APART: Final = NEVER_PASSED | {"cookie"}  # headers that are not passed on as they are


def payload(request: Request, place: Place, arrival: Arrival, passage: Passage, *, written: bool = False) -> dict[str, Any]:
    """What the events of HTTP APIs and function URLs have in common. *written*: what orjson alone can read will do."""
    method, target, sent, body, peer, _, port, version, scheme, _, _, _ = request
    _, _, _, _, path, key = place
    headers, cookies = _passed(sent)
    _add_own(headers, len(body), arrival.trace, (peer, scheme, port))
    query = target.partition("?")[2] if "?" in target else ""
    made: dict[str, Any] = {"version": "2.0", "routeKey": key, "rawPath": path, "rawQueryString": query}
    if cookies:
        made["cookies"] = cookies
    made["headers"] = headers
    if query and (values := joined(query_pairs(query))):
        made["queryStringParameters"] = values
    way = (method, version, peer, headers.get("user-agent", ""))
    if passage.authorizer is not None:
        made["requestContext"] = {**_context(way, place, arrival), "authorizer": passage.authorizer}
    else:
        made["requestContext"] = _written_context(way, place, arrival) if written else _context(way, place, arrival)
    if body:
        made["body"], made["isBase64Encoded"] = body_of(body, headers.get("content-type", ""))
    else:
        made["isBase64Encoded"] = False
    return made


def _context(way: Way, place: Place, arrival: Arrival) -> dict[str, Any]:
    """An event's requestContext."""
    method, version, peer, agent = way
    account, api_id, domain, stage, path, key = place
    request_id, _, at, _ = arrival
    return {
        "accountId": account,
        "apiId": api_id,
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "http": {
            "method": method,
            "path": path,
            "protocol": version,
            "sourceIp": peer or "127.0.0.1",
            "userAgent": agent,
        },
        "requestId": request_id,
        "routeKey": key,
        "stage": stage,
        "time": clf(int(at)),
        "timeEpoch": int(at * 1000),
    }


_MARK: Final = names.chance()  # nobody else's text
_MARKED: Final = Arrival(_MARK, "", 0.0)


def _written_context(way: Way, place: Place, arrival: Arrival) -> orjson.Fragment:
    """The same as JSON. To make the rest of it anew for every request of a client costs as much as all else of the event."""
    before, between = _around(way, place)
    request_id, _, at, _ = arrival
    return orjson.Fragment(f'{before}{request_id}{between}{clf(int(at))}","timeEpoch":{int(at * 1000)}}}')


@lru_cache(maxsize=128)
def _around(way: Way, place: Place) -> tuple[str, str]:
    """What stands before the id of the request, and between it and the time, which is last."""
    before, _, rest = orjson.dumps(_context(way, place, _MARKED)).decode().partition(_MARK)
    return before, rest[: rest.rindex(clf(0))]


def _passed(sent: Headers) -> tuple[dict[str, str], list[str]]:
    """The event's headers and its cookies. Repeated headers are joined with a comma, cookies with a semicolon."""
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in sent:
        if name in _APART:
            if name == "cookie":
                cookies += [cookie for part in value.split(";") if (cookie := part.strip())]
        else:
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers, cookies


def _add_own(headers: dict[str, str], size: int, trace: str, way: tuple[str, str, int]) -> None:
    """What the gateway sets itself: length, trace id, the way the request came: peer, scheme and port."""
    peer, scheme, port = way
    headers["content-length"] = str(size)
    if "x-amzn-trace-id" not in headers:
        headers["x-amzn-trace-id"] = trace
    if peer:
        headers["x-forwarded-for"] = f"{headers['x-forwarded-for']}, {peer}" if headers.get("x-forwarded-for") else peer
    if "x-forwarded-proto" not in headers or peer not in LOCAL:
        headers["x-forwarded-proto"] = scheme
        headers["x-forwarded-port"] = str(port or port_of(scheme))
    elif "x-forwarded-port" not in headers:
        headers["x-forwarded-port"] = port_of(headers["x-forwarded-proto"])


def structured(value: dict[str, Any], ids: Headers, passing: answers.Passing, default_type: str) -> Response:
    """The answer that an object with a statusCode spells out in format 2.0; keys AWS does not know are ignored.

    *ids*: the gateway's own headers. Raises Malformed."""
    status = answers.status(value["statusCode"])
    named = answers.headers(value.get("headers"), passing)
    if "content-type" not in named and status not in (204, 304):
        named["content-type"] = ("content-type", default_type)
    headers = list(named.values())
    if found := value.get("cookies"):
        headers += answers.cookies(found)
    answers.check_size(headers)
    headers += ids
    return tuple.__new__(Response, (status, headers, _body(value)))


def _body(value: dict[str, Any]) -> bytes:
    body = value.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        return answers.written(body)
    return answers.unencoded(body) if value.get("isBase64Encoded") is True else body.encode()


def failure(status: int, request_id: str, *, retry_after: int | None = None) -> Response:
    """The gateway's own answer: {"message": …}. *retry_after* in seconds."""
    message = "Request Too Long" if status == 413 else phrase(status)
    headers = [("content-type", "application/json"), ("apigw-requestid", request_id)]
    if retry_after is not None:
        headers.append(("retry-after", str(retry_after)))
    return Response(status, headers, orjson.dumps({"message": message}))


__all__ = ["HttpApi", "Malformed", "failure", "payload", "structured"]
