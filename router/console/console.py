"""What the console listener serves: the page, the daemon's calls below /api for who has the token, and what probes ask for."""

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qs

import orjson
import structlog

from router.console import access
from router.console.health import Health
from router.console.pages import SAFE, page
from router.console.tail import Tail
from router.errors import RouterError
from router.events.http import Request, Response

log = structlog.get_logger("router.console")

API: Final = "/api"
JSON: Final = (("content-type", "application/json"), ("cache-control", "no-store"), *SAFE)
PROBES: Final = frozenset({"/healthz", "/readyz", "/metrics"})
REFUSALS: Final = {
    401: ("Unauthorized", "the console wants `Authorization: Bearer TOKEN`; the token is in console.token in the state directory"),
    403: ("Forbidden", "a page of another origin may not speak to the console"),
}


class Console:
    """Answers requests on the console listener."""

    def __init__(self, token: str, health: Health, tail: Tail, calls: Callable[[Request], Awaitable[Response]]) -> None:
        """*calls*: the daemon's, as on the control socket; their paths begin with API here."""
        self._token, self._health, self._tail, self._calls = token, health, tail, calls

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        path = request.path
        if path in PROBES:
            return await self._health(request)
        if path.startswith(f"{API}/"):
            return await self._api(request)
        if request.method not in ("GET", "HEAD"):
            return Response(405, (("allow", "GET, HEAD"), *SAFE))
        return page(request) or _told(404, "NotFound", "here are the page at /, /api, /healthz, /readyz and /metrics")

    async def _api(self, request: Request) -> Response:
        if status := access.refused(request, self._token):
            log.debug("console_refused", status=status, path=request.path, peer=request.peer)
            wanted = (("www-authenticate", 'Bearer realm="event-router"'),) if status == 401 else ()
            return _told(status, *REFUSALS[status], headers=wanted)
        call = request.path.removeprefix(API)
        if request.method == "GET" and call in ("/logs", "/logs/tail"):
            return await self._logs(request, follow=call.endswith("/tail"))
        answer = await self._calls(request._replace(target=request.target.removeprefix(API)))
        return answer._replace(headers=(*answer.headers, ("cache-control", "no-store"), *SAFE))

    async def _logs(self, request: Request, *, follow: bool) -> Response:
        parameters = {name: values[-1] for name, values in parse_qs(request.query).items()}
        try:
            return await (self._tail.follow if follow else self._tail.recent)(parameters)
        except RouterError as error:
            return _told(error.status, error.code, str(error))


def _told(status: int, code: str, message: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    return Response(status, (*JSON, *headers), orjson.dumps({"code": code, "message": message}))
