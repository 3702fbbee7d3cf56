"""Requests as a gateway gets them, written down by the samples' facts."""

import json
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from router.events import routes
from router.events.gateway import Arrival, Asked
from router.events.http import Request

Pairs = Iterable[tuple[str, str]]


def request(
    method: str, target: str, headers: Pairs = (), body: str = "", *, peer: str, host: str = "", port: int = 443, scheme: str = "https"
) -> Request:
    """A request; names of headers in the case in which the client wrote them. *host*: unless a header says it."""
    lines = list(headers)
    named = next((value for name, value in lines if name.lower() == "host"), host)
    return Request(
        method,
        target,
        [(name.lower(), value) for name, value in lines],
        body.encode(),
        peer=peer,
        host=named,
        port=port,
        scheme=scheme,
        raw_headers=[(name.encode(), value.encode()) for name, value in lines],
    )


def asked(sent: Request, route: str, *, parameters: dict[str, str] | None = None, mounted: str = "") -> Asked:
    """The request at a route. *parameters*: where the sample's are no variables of its route."""
    segments = routes.segments_of(sent.path)[1 + mounted.count("/") :]
    path = "/" + "/".join(segments)
    if parameters is None and route != routes.DEFAULT:
        table: routes.RouteTable[None] = routes.RouteTable()
        table.add(routes.parse(route), None)
        match = table.find(sent.method, "".join(f"/{quote(segment, safe='')}" for segment in segments))
        assert match is not None, f"{sent.method} {path} does not match {route}"
        parameters = match.parameters
    return Asked(sent, path, route, parameters or {}, mounted)


def arrival(request_id: str, at: float, *, trace: str = "", extended: str = "") -> Arrival:
    """The ids of a request."""
    return Arrival(request_id, trace or "Root=1-5e9f0c65-1de4d666d4dd26aced652b6c", at, extended)


def listed(event: dict[str, Any]) -> dict[str, Any]:
    """What the echo function of a recording made of its event."""
    context = event["requestContext"]
    return {
        "args": event["queryStringParameters"],
        "data": json.loads(event["body"]),
        "domain": context["domainName"],
        "headers": event["headers"],
        "method": context["http"]["method"],
        "origin": context["http"]["sourceIp"],
        "path": context["http"]["path"],
    }


def pairs(text: str) -> Sequence[tuple[str, str]]:
    """Header lines as they go over the wire."""
    return [(name, value.strip()) for name, _, value in (line.strip().partition(":") for line in text.strip().splitlines())]
