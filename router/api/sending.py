"""Events and requests that come by hand, on their way through the triggers."""

from collections.abc import Sequence
from typing import Any, Final

from router.api.matching import Match, matches
from router.config.types import Config
from router.dispatch.dispatcher import Dispatcher
from router.errors import InvalidParameter, RouterError, ShuttingDown
from router.events.alb import LoadBalancer
from router.events.function_url import FunctionUrl
from router.events.gateway import BadPath
from router.events.http import Request, Response
from router.events.http_api import HttpApi
from router.events.rest_api import RestApi
from router.sources.http import HttpSource

_GATEWAYS: Final = {"http": HttpApi, "rest": RestApi, "url": FunctionUrl, "alb": LoadBalancer}


class Sender:
    """Gives what comes by hand to those that their triggers would give it to."""

    def __init__(self, config: Config, dispatcher: Dispatcher, http: Sequence[HttpSource]) -> None:
        self._config, self._dispatcher, self._http = config, dispatcher, http

    async def send(self, kind: str, event: Any) -> list[dict[str, Any]]:
        """Queue the event for each function it matches, once each is durable; or invoke those that read by mapping.

        One row a function: `function`, `id` (the request id), `source`, `state` (queued, succeeded, failed, refused), `error`.
        Raises InvalidParameter when it sets nothing off, and what the first refusal was when all were refused."""
        rows, refusals = [], []
        for match in matches(kind, event, self._config):
            try:
                state, error = await self._give(match)
            except RouterError as refusal:
                refusals.append(refusal)
                state, error = "refused", str(refusal)
            envelope = match.envelope
            rows.append(
                {
                    "function": envelope.function,
                    "id": envelope.request_id,
                    "source": envelope.source,
                    "state": state,
                    "error": error or None,
                }
            )
        if len(refusals) == len(rows):
            raise refusals[0]
        return rows

    async def _give(self, match: Match) -> tuple[str, str]:
        if not match.mapped:
            await self._dispatcher.emit(match.envelope)
            return "queued", ""
        outcome = await self._dispatcher.invoke(match.envelope)
        if not outcome.function_error:
            return "succeeded", ""
        return "failed", outcome.payload.decode(errors="replace")

    async def serve(self, kind: str, request: Request) -> Response:
        """The answer of what serves the request, which must be of this *kind*: http, rest, url, alb.

        Raises InvalidParameter when nothing does, ShuttingDown while routes are not served."""
        if kind not in _GATEWAYS:
            raise InvalidParameter(f"{kind!r:.60} is none of {', '.join(_GATEWAYS)}")
        if not self._http:
            raise InvalidParameter("no route could match: the config has no http and no url trigger")
        (source,) = self._http
        if trouble := source.health():
            raise ShuttingDown(trouble)
        _check(kind, request, source)
        return await source.handle(request)


def _check(kind: str, request: Request, source: HttpSource) -> None:
    """Refuse a request that no function would get, or in another shape than asked for."""
    try:
        face = source.face_at(request)
        gateway = face and face.gateway
    except BadPath as error:
        raise InvalidParameter(str(error)) from error
    what = f"{request.method:.20} {request.path:.200}"
    if gateway is None and request.method != "OPTIONS":  # which CORS may answer without a route
        raise InvalidParameter(f"no {'function URL is at' if kind == 'url' else 'route matches'} {what}")
    own = next((name for name, face in _GATEWAYS.items() if isinstance(gateway, face)), kind)
    if own != kind:
        raise InvalidParameter(f"{what} is of kind {own}: send that")
