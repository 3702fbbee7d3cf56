"""Events and requests that come by hand, on their way through the triggers."""

from collections.abc import Sequence
from typing import Any

from router.api.matching import Match, matches
from router.config.types import Config
from router.dispatch.dispatcher import Dispatcher
from router.errors import InvalidParameter, RouterError, ShuttingDown
from router.events.http import Request, Response
from router.sources.http import HttpSource


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

    async def serve(self, request: Request) -> Response:
        """The answer of the http listener's routes. Raises InvalidParameter when there are none, ShuttingDown while they are not served."""
        if not self._http:
            raise InvalidParameter("no route could match: the config has no http and no url trigger")
        (source,) = self._http
        if trouble := source.health():
            raise ShuttingDown(trouble)
        return await source.handle(request)
