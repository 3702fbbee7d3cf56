"""Payload format 2.0, of HTTP APIs and function URLs: the event of a request, as a value and, for every request in earnest, as JSON.

Pure. Sources: as http_api.py's. Absent, not null, are cookies, queryStringParameters, body when there are none."""

from collections.abc import Callable
from functools import lru_cache
from math import floor
from typing import Any, Final, NamedTuple, Protocol

import orjson

from router import names
from router.events.gateway import LOCAL, NEVER_PASSED, Arrival, Asked, Passage, body_of, clf, is_text, joined, port_of, query_pairs
from router.events.http import Request

Place = tuple[str, str, str, str, str, str]
"""Where a request came to, as its event says: accountId, apiId, domainName, stage, rawPath, routeKey. No names: made for every request."""
Way = tuple[str, str, str, str]
"""Method, protocol, peer and user agent."""
Standing = tuple[str, str, str, str]
"""What of an event its route decides, as JSON: up to the path, the context up to what the client says, up to the request's id, up to the time."""


class Placing(Protocol):
    """A gateway whose events have this format."""

    @property
    def standing(self) -> dict[str, Standing]:
        """By route key; filled here. Nothing of a client's: it would be held for longer than its connection lasts, and is as long as it likes."""

    def told(self, request: Request, trace: str, /) -> tuple[dict[str, str], list[str]]:
        """A request and its trace id to the event's headers and its cookies. Static: by which one it is, it is known again."""

    def place(self, asked: Asked) -> Place:
        """Where a request came to."""


def payload(gateway: Placing, asked: Asked, arrival: Arrival, passage: Passage) -> dict[str, Any]:
    """The event of a request."""
    request, place = asked.request, gateway.place(asked)
    _, _, _, _, path, key = place
    headers, cookies = gateway.told(request, arrival.trace)
    query = request.query
    made: dict[str, Any] = {"version": "2.0", "routeKey": key, "rawPath": path, "rawQueryString": query}
    if cookies:
        made["cookies"] = cookies
    made["headers"] = headers
    if query and (values := joined(query_pairs(query))):
        made["queryStringParameters"] = values
    context = _context(_way(request, headers.get("user-agent", "")), place, arrival)
    made["requestContext"] = context if passage.authorizer is None else {**context, "authorizer": passage.authorizer}
    if request.body:
        made["body"], made["isBase64Encoded"] = body_of(request.body, headers.get("content-type", ""))
    else:
        made["isBase64Encoded"] = False
    return made


def text(gateway: Placing, asked: Asked, arrival: Arrival, more: str = "") -> bytes:
    """The same without an authorizer, as JSON. *more*: members that come last, each behind a comma.

    What the headers alone decide is made once for all requests of a connection that send the same, and of the context all but id and time
    for those to one place: to make an event as a value, and write that, costs twice as much."""
    request, path, key, _, mounted, _ = asked
    method, target, _, body, _, _, _, version, _, _, _, _, learned = request
    if learned is None:
        learned = {}
    sent: Sent | None = learned.get(Sent)
    if sent is None or sent.size != len(body) or sent.told is not gateway.told:
        sent = learned[Sent] = _sent(request, arrival, gateway)
    raw, query = (target, "") if "?" not in target else (request.path, request.query)
    where = (raw, path, mounted, key, method, version)
    around: Around | None = learned.get(Around)
    if around is None or around.where != where or around.gateway is not gateway:
        place, way = gateway.place(asked), _way(request, sent.agent)
        client: Client | None = learned.get(Client)
        if client is None or client.way != way or client.domain != place[2]:
            client = learned[Client] = _client(way, place[2])
        around = learned[Around] = _around(where, gateway, client, place)
    before, after, _, textual, _, _ = sent
    _, _, opening, lead, rest = around
    request_id, trace, at, _ = arrival
    values = ""
    if query:
        query, values = _query(query)
    headers = f"{before}{trace}{after}" if after else before
    head = f'{opening}{query}"{headers}{values},"requestContext":{lead}{request_id}{rest}{_moment(floor(at * 1000))}'
    return _whole(head, body, more, textual=textual)


def _whole(head: str, body: bytes, more: str, *, textual: bool) -> bytes:
    """An event that goes on with its body."""
    if not body:
        return f'{head},"isBase64Encoded":false{more}}}'.encode()
    if textual:
        try:
            written = orjson.dumps(body.decode())
        except UnicodeDecodeError:
            pass
        else:
            return b"".join((head.encode(), b',"body":', written, b',"isBase64Encoded":false', more.encode(), b"}"))
    coded, _ = body_of(body, "")
    return f'{head},"body":"{coded}","isBase64Encoded":true{more}}}'.encode()


class Sent(NamedTuple):
    """What of an event its headers decide, as JSON from behind the query string to the end of "headers"."""

    before: str  # up to a trace id of ours; all of it where the client has sent one
    after: str  # what follows that
    agent: str
    textual: bool  # the body is text, unless its bytes are none
    size: int  # bytes of the body: a chunked one has any
    told: Callable[[Request, str], tuple[dict[str, str], list[str]]]  # whose headers these are


class Client(NamedTuple):
    """What of a context the client decides, as JSON, but for the path."""

    way: Way
    domain: str
    before: str  # the path
    after: str


class Around(NamedTuple):
    """What of an event its place decides."""

    where: tuple[str, str, str, str, str, str]  # path as sent and as matched, what is cut off it, route key, method, version
    gateway: Placing
    opening: str  # up to the query string
    lead: str  # the context up to the id of the request
    rest: str  # from there to the time


def _sent(request: Request, arrival: Arrival, gateway: Placing) -> Sent:
    headers, cookies = gateway.told(request, arrival.trace)
    before, after = f'"headers":{orjson.dumps(headers).decode()}', ""
    if all(name != "x-amzn-trace-id" for name, _ in request.headers):
        before, name, rest = before.partition('"x-amzn-trace-id":"')  # no value holds this: its quotes would be escaped
        before, after = f"{before}{name}", rest[rest.index('"') :]
    before = f',"cookies":{orjson.dumps(cookies).decode()},{before}' if cookies else f",{before}"
    return Sent(before, after, headers.get("user-agent", ""), is_text(headers.get("content-type", "")), len(request.body), gateway.told)


def _query(query: str) -> tuple[str, str]:
    """The query string in JSON, without quotes, and its values behind a comma."""
    values = joined(query_pairs(query))
    return orjson.dumps(query).decode()[1:-1], f',"queryStringParameters":{orjson.dumps(values).decode()}' if values else ""


def _way(request: Request, agent: str) -> Way:
    return request.method, request.version, request.peer, agent


def _context(way: Way, place: Place, arrival: Arrival) -> dict[str, Any]:
    """An event's requestContext."""
    account, api_id, domain, stage, path, key = place
    request_id, _, at, _ = arrival
    epoch = int(at * 1000)
    return {
        "accountId": account,
        "apiId": api_id,
        **_asked(way, domain, path),
        "requestId": request_id,
        "routeKey": key,
        "stage": stage,
        "time": clf(epoch // 1000),
        "timeEpoch": epoch,
    }


def _asked(way: Way, domain: str, path: str) -> dict[str, Any]:
    """What of a requestContext the client decides."""
    method, version, peer, agent = way
    return {
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "http": {
            "method": method,
            "path": path,
            "protocol": version,
            "sourceIp": peer or "127.0.0.1",
            "userAgent": agent,
        },
    }


def _client(way: Way, domain: str) -> Client:
    """See Client."""
    before, _, after = orjson.dumps(_asked(way, domain, _MARK)).decode()[1:-1].partition(f'"{_MARK}"')
    return Client(way, domain, before, after)


def _around(where: tuple[str, str, str, str, str, str], gateway: Placing, client: Client, place: Place) -> Around:
    """See Around."""
    account, api_id, _, stage, path, key = place
    standing = gateway.standing.get(key)
    if standing is None:
        standing = gateway.standing[key] = _standing(account, api_id, stage, key)
    opening, lead, between, rest = standing
    _, _, before, after = client
    written = orjson.dumps(path).decode()
    lead = f"{lead}{before}{written}{after}{between}"
    return tuple.__new__(Around, (where, gateway, f'{opening}{written},"rawQueryString":"', lead, rest))


_MARK: Final = names.chance()  # nobody else's text
_MARKED: Final = Arrival(_MARK, "", 0.0)
_NOBODY: Final = ("", "", "", "")


def _standing(account: str, api_id: str, stage: str, key: str) -> Standing:
    """See Standing."""
    opening = orjson.dumps({"version": "2.0", "routeKey": key}).decode()
    asked = orjson.dumps(_asked(_NOBODY, "", "")).decode()[1:-1]
    lead, _, after = orjson.dumps(_context(_NOBODY, (account, api_id, "", stage, "", key), _MARKED)).decode().partition(asked)
    between, _, rest = after.partition(_MARK)
    return f'{opening[:-1]},"rawPath":', lead, between, rest[: rest.rindex(clf(0))]


@lru_cache(maxsize=16)
def _moment(epoch: int) -> str:
    """The end of a context, from its time on."""
    return f'{clf(epoch // 1000)}","timeEpoch":{epoch}}}'


_APART: Final = NEVER_PASSED | {"cookie"}  # headers that are not passed on as they are


def told(request: Request, trace: str) -> tuple[dict[str, str], list[str]]:
    """See Placing: as HTTP APIs do. Repeated headers are joined with a comma, cookies are apart, one each."""
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in request.headers:
        if name in _APART:
            if name == "cookie":
                cookies += [cookie for part in value.split(";") if (cookie := part.strip())]
        else:
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    _add_own(headers, request, trace)
    return headers, cookies


def _add_own(headers: dict[str, str], request: Request, trace: str) -> None:
    """What the gateway sets itself: length, trace id, the way the request came."""
    peer, scheme = request.peer, request.scheme
    headers["content-length"] = str(len(request.body))
    if "x-amzn-trace-id" not in headers:
        headers["x-amzn-trace-id"] = trace
    if peer:
        headers["x-forwarded-for"] = f"{headers['x-forwarded-for']}, {peer}" if headers.get("x-forwarded-for") else peer
    if "x-forwarded-proto" not in headers or peer not in LOCAL:
        headers["x-forwarded-proto"] = scheme
        headers["x-forwarded-port"] = str(request.port or port_of(scheme))
    elif "x-forwarded-port" not in headers:
        headers["x-forwarded-port"] = port_of(headers["x-forwarded-proto"])
