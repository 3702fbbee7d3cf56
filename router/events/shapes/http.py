"""`router event`: what HTTP gateways make of a request."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from router import names
from router.events import routes
from router.events.alb import LoadBalancer
from router.events.function_url import URL_PREFIX, FunctionUrl, url_domain
from router.events.gateway import DEFAULT_STAGE, FREE, Api, Arrival, Asked
from router.events.http import Request
from router.events.http_api import HttpApi
from router.events.payload_v1 import short_id
from router.events.rest_api import STAGE, RestApi
from router.events.shapes.shape import ACCOUNT, REGION, Facts, Shape, mapping, texts, truth

PORT: Final = 8080

REQUEST: Final = {
    "method": "GET",
    "path": "/orders/7",
    "query": "",
    "headers": "",  # a JSON object; values are texts or lists of texts
    "body": "",
    "content-type": "application/json",
    "user-agent": "curl/8.0",
    "source-ip": "127.0.0.1",
}
_ROUTED: Final = {"route": "", "host": f"127.0.0.1:{PORT}", "account": ACCOUNT, "region": REGION, "time": ""}
_DECIDED: Final = frozenset(_ROUTED) - {"host"} | {"stage", "payload", "binary", "multi-value"}


def _request(facts: Facts, host: str, target: str) -> Request:
    headers = [("Host", host), ("User-Agent", facts["user-agent"]), ("Accept", "*/*")]
    body = facts["body"].encode()
    if body:
        headers += [("Content-Type", facts["content-type"]), ("Content-Length", str(len(body)))]
    for name, value in mapping(facts, "headers").items():
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str) for one in values):
            raise ValueError(f"headers: {name} is neither a text nor a list of texts")
        headers += [(name, one) for one in values]
    raw = [(name.encode("ascii"), value.encode()) for name, value in headers]
    lower = [(name.lower(), value) for name, value in headers]
    method = facts["method"].upper()
    return Request(method, target, lower, body, peer=facts["source-ip"], host=host, port=PORT, raw_headers=raw)


def _target(facts: Facts) -> str:
    if not facts["path"].startswith("/"):
        raise ValueError(f"path {facts['path']!r} does not begin with /")
    return facts["path"] + (f"?{facts['query']}" if facts["query"] else "")


def request_of(facts: Facts) -> Request:
    """The request of a route."""
    return _request(facts, facts["host"], _target(facts))


def _sent_to_url(facts: Facts) -> Request:
    """The request of a function URL, by its path: its host depends on the daemon's region."""
    return _request(facts, f"127.0.0.1:{PORT}", f"{URL_PREFIX}/{facts['function']}{_target(facts)}")


def asked_of(facts: Facts, request: Request, mounted: str = "") -> Asked:
    """The request at the route of the facts, or at one that has its path literally. *mounted*: put before the path."""
    segments = routes.segments_of(request.path)
    route = routes.parse(facts["route"]) if facts["route"] else _route_of(request.method, segments)
    table: routes.RouteTable[None] = routes.RouteTable()
    table.add(route, None)
    match = table.find(request.method, request.path)
    if match is None:
        raise ValueError(f"{request.method} {facts['path']} does not match the route {route.key}")
    below = request._replace(target=mounted + request.target) if mounted else request
    return Asked(below, "/".join(segments), route.key, match.parameters, mounted)


def _route_of(method: str, segments: list[str]) -> routes.Route:
    """A route for a request that names none: its path itself, or any path where a route cannot spell it."""
    anything = routes.parse(f"{method} /{{proxy+}}")
    try:
        return routes.parse(f"{method} {'/'.join(segments)}")
    except routes.BadRoute:
        return anything


def arrival_of(at: float, request_id: str) -> Arrival:
    """Fresh ids beside *request_id*, at epoch seconds *at*."""
    trace = names.request_id().replace("-", "")[8:]
    return Arrival(request_id, f"Root=1-{int(at):08x}-{trace}", at, short_id(request_id, 15) + "=")


def api_of(facts: Facts, kind: str) -> Api:
    """The API that the daemon would have for routes of this kind (http, rest) in this place."""
    return Api(facts["account"], short_id(f"{facts['account']}/{facts['region']}/{kind}", 10), facts["region"], facts["stage"])


def _http(facts: Facts, at: float) -> Any:
    payload = facts["payload"]
    if payload not in {"1.0", "2.0"}:
        raise ValueError(f"payload {payload} is neither 2.0 nor 1.0")
    gateway = HttpApi(api_of(facts, "http"), "1.0" if payload == "1.0" else "2.0")
    return gateway.event(asked_of(facts, request_of(facts)), arrival_of(at, short_id(names.request_id(), 15) + "="), FREE)


def _rest(facts: Facts, at: float) -> Any:
    gateway = RestApi(api_of(facts, "rest"), tuple(one.lower() for one in texts(facts, "binary")))
    return gateway.event(asked_of(facts, request_of(facts), f"/{facts['stage']}"), arrival_of(at, names.request_id()), FREE)


def _url(facts: Facts, at: float) -> Any:
    domain = url_domain(facts["function"], facts["region"])
    request = _request(facts, f"{domain}:{PORT}", _target(facts))
    asked = Asked(request, "", DEFAULT_STAGE, {})
    return FunctionUrl(domain, facts["account"]).event(asked, arrival_of(at, names.request_id()), FREE)


def _alb(facts: Facts, at: float) -> Any:
    name = facts["target-group"]
    arn = f"arn:aws:elasticloadbalancing:{facts['region']}:{facts['account']}:targetgroup/{name}/{short_id(name, 16)}"
    gateway = LoadBalancer(arn, truth(facts, "multi-value"))
    return gateway.event(asked_of(facts, request_of(facts)), arrival_of(at, names.request_id()), FREE)


def _shape(more: Facts, build: Callable[[Facts, float], Any]) -> Shape:
    return Shape({**REQUEST, **_ROUTED, **more}, build, request_of, _DECIDED | {"target-group"})


SHAPES: Final[Mapping[str, Shape]] = {
    "http": _shape({"stage": DEFAULT_STAGE, "payload": "2.0"}, _http),
    "rest": _shape({"stage": STAGE, "binary": ""}, _rest),
    "url": Shape(
        {**REQUEST, "path": "/", "function": "shop", "account": "anonymous", "region": REGION, "time": ""}, _url, _sent_to_url, _DECIDED
    ),
    "alb": _shape({"target-group": "shop", "multi-value": "false"}, _alb),
}
