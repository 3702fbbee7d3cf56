"""The handler of the aws listener: the endpoint, imported when the first request comes. Most of its code no idle daemon needs."""

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

from router.api.aws.gate import Gate
from router.api.aws.identities import Identities
from router.api.aws.services import Parts, Services
from router.events.http import Request, Response
from router.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from router.api.aws.endpoint import Endpoint


class Door:
    """Answers the requests of the aws listener."""

    def __init__(self, parts: Parts, gate: Gate, identities: Identities, metrics: Metrics) -> None:
        self._made_of = (Services(parts), gate, identities, metrics)
        self._endpoint: Endpoint | None = None

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        endpoint = self._endpoint
        if endpoint is None:
            module = await asyncio.to_thread(import_module, "router.api.aws.endpoint")
            endpoint = self._endpoint = self._endpoint or module.Endpoint(*self._made_of)
        return await endpoint.handle(request)
