"""What probes and Prometheus ask the console listener: /healthz, /readyz, /metrics."""

from collections.abc import Awaitable, Callable
from typing import Final

import orjson

from router.errors import JournalError
from router.events.http import Request, Response
from router.telemetry.metrics import Metrics

TEXT: Final = (("content-type", "text/plain; version=0.0.4; charset=utf-8"),)
JSON: Final = (("content-type", "application/json"), ("cache-control", "no-store"))


class Health:
    """Answers GET and HEAD on three paths."""

    def __init__(self, metrics: Metrics, *, problems: Callable[[], list[str]], ping: Callable[[], Awaitable[None]]) -> None:
        self._metrics, self._problems, self._ping = metrics, problems, ping

    async def __call__(self, request: Request) -> Response:
        """200, or 503 from /readyz with what is wrong."""
        if request.method not in ("GET", "HEAD"):
            return Response(405, (("allow", "GET, HEAD"),))
        match request.path:
            case "/healthz":
                return Response(200, JSON, orjson.dumps({"status": "ok"}))
            case "/readyz":
                return await self._ready()
            case "/metrics":
                return Response(200, TEXT, self._metrics.exposition().encode())
            case _:
                return Response(404, JSON, orjson.dumps({"message": "here are /healthz, /readyz and /metrics"}))

    async def _ready(self) -> Response:
        """Ready: the store takes a synced write and every source is attached."""
        problems = self._problems()
        try:
            await self._ping()
        except JournalError as error:
            problems.append(f"store: {error}")
        return Response(503 if problems else 200, JSON, orjson.dumps({"ready": not problems, "problems": problems}))
