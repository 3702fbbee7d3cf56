"""CORS as HTTP APIs and function URLs answer it: preflights without the function, headers in place of the function's. And as REST
APIs do, where it is a method OPTIONS with fixed headers, and the other answers are the function's own.

Pure. Sources: API Gateway developer guide, "Configuring CORS for an HTTP API" and "Enabling CORS for a REST API resource"; Lambda
developer guide, "Cross-origin resource sharing (CORS)" of function URLs; SAM developer guide, CorsConfiguration; the Fetch standard."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from router.events.http import Headers, Request, Response

PREFIX: Final = "access-control-"
ALL_METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


@dataclass(frozen=True, slots=True)
class Cors:
    """The CORS configuration of a route or a function URL."""

    allow_origins: tuple[str, ...]  # "*", "https://*" or origins, as a browser writes them
    allow_methods: tuple[str, ...] = ()  # "*" for all
    allow_headers: tuple[str, ...] = ()  # "*" for all
    expose_headers: tuple[str, ...] = ()
    max_age: int | None = None  # seconds
    allow_credentials: bool = False

    def allows(self, origin: str) -> bool:
        """Whether pages of *origin* may read answers."""
        low = origin.lower()
        return any(one == "*" or one.lower() == low or (one.endswith("://*") and low.startswith(one[:-1])) for one in self.allow_origins)


def is_preflight(request: Request) -> bool:
    """Whether a browser asks for leave: the Fetch standard's CORS-preflight request."""
    return request.method == "OPTIONS" and bool(request.header("origin") and request.header("access-control-request-method"))


def preflight(cors: Cors, request: Request, ids: Headers = ()) -> Response:
    """The answer to a preflight: 204, with what is allowed to an origin that is. *ids*: the gateway's own headers."""
    headers = _common(cors, request.header("origin"))
    if headers:
        if cors.allow_methods:
            headers.append(("access-control-allow-methods", ",".join(cors.allow_methods)))
        if cors.allow_headers:
            headers.append(("access-control-allow-headers", ",".join(cors.allow_headers)))
        if cors.max_age is not None:
            headers.append(("access-control-max-age", str(cors.max_age)))
    return Response(204, [*ids, *_varying(cors), *headers])


def fixed(cors: Cors, methods: Iterable[str]) -> Headers:
    """What the OPTIONS method of a REST API's path says, whoever asks; *methods*: those of the path, which count where none are named."""
    there = set(methods)
    allowed = cors.allow_methods or (ALL_METHODS if "ANY" in there else sorted({*there, "OPTIONS"}))
    headers = [("Access-Control-Allow-Origin", cors.allow_origins[0]), ("Access-Control-Allow-Methods", ",".join(allowed))]
    if cors.allow_headers:
        headers.append(("Access-Control-Allow-Headers", ",".join(cors.allow_headers)))
    if cors.max_age is not None:
        headers.append(("Access-Control-Max-Age", str(cors.max_age)))
    if cors.allow_credentials:
        headers.append(("Access-Control-Allow-Credentials", "true"))
    return headers


def decorated(cors: Cors, request: Request, response: Response) -> Response:
    """An answer with the configured CORS headers in place of the function's own."""
    kept: Headers = [line for line in response.headers if not line[0].lower().startswith(PREFIX)]
    origin = request.header("origin")
    headers = _common(cors, origin) if origin else []
    if headers and cors.expose_headers:
        headers.append(("access-control-expose-headers", ",".join(cors.expose_headers)))
    return response._replace(headers=[*kept, *_varying(cors), *headers])


def _varying(cors: Cors) -> Headers:
    """Keeps a cache from showing one origin's answer to another; also where none was sent or allowed (Fetch standard)."""
    return () if "*" in cors.allow_origins else (("vary", "origin"),)


def _common(cors: Cors, origin: str) -> list[tuple[str, str]]:
    """What both kinds of answer say to *origin*; [] when it is not allowed."""
    if not cors.allows(origin):
        return []
    headers = [("access-control-allow-origin", "*" if "*" in cors.allow_origins else origin)]
    if cors.allow_credentials:
        headers.append(("access-control-allow-credentials", "true"))
    return headers
