"""Log events for the page: those that are there, and those that come, as server-sent events.

Format: HTML standard, "Server-sent events"; read with fetch(), which can send the token and EventSource cannot."""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import orjson

from router import names
from router.clock import Clock
from router.errors import InvalidParameter, TooManyRequests
from router.events.http import Response
from router.telemetry import logs
from router.telemetry.logs import LogEvent

MOST: Final = 1000  # events of one answer
TAILS: Final = 8  # at once: each looks at the files four times a second
POLL: Final = 0.25  # seconds
BEAT: Final = 15.0  # seconds without an event until a comment is sent, so that who has left is noticed
STREAM: Final = (("content-type", "text/event-stream"), ("cache-control", "no-store"))
JSON: Final = (("content-type", "application/json"), ("cache-control", "no-store"))

Parameters = Mapping[str, str]


def row(event: LogEvent) -> dict[str, str]:
    """One log event as `router logs --output json` has it."""
    return {"time": names.iso_ms(event.at), "function": event.function, "stream": event.stream, "message": event.message}


class Tail:
    """Reads the logs under a state directory; ends with *stop*."""

    def __init__(self, root: Path, stop: asyncio.Event, clock: Clock) -> None:
        self._root, self._stop, self._clock = root, stop, clock
        self._open = 0

    async def recent(self, parameters: Parameters) -> Response:
        """The last events that are wanted, oldest first. Raises InvalidParameter."""
        function, request_id, failed, since = self._wanted(parameters)
        limit = _limit(parameters.get("limit", "200"))

        def found() -> list[LogEvent]:
            return list(deque(logs.read(self._root, function, since=since, request_id=request_id, failed=failed), limit))

        return Response(200, JSON, orjson.dumps([row(event) for event in await asyncio.to_thread(found)]))

    async def follow(self, parameters: Parameters) -> Response:
        """Events as they come. Raises InvalidParameter, TooManyRequests."""
        function, request_id, failed, since = self._wanted(parameters)
        if self._open >= TAILS:
            raise TooManyRequests(f"{TAILS} tails are open already: close one")
        events = logs.follow(self._root, function, since=since, request_id=request_id, failed=failed, clock=self._clock, poll=POLL)
        return Response(200, STREAM, self._stream(events))

    async def _stream(self, events: AsyncIterator[LogEvent]) -> AsyncIterator[bytes]:
        self._open += 1
        arriving: asyncio.Queue[LogEvent] = asyncio.Queue(MOST)  # bounded: a client that is slow makes the reading slow
        reading = asyncio.create_task(_read(events, arriving), name="console-tail")
        stopping = asyncio.create_task(self._stop.wait(), name="console-tail-stop")
        try:
            yield b": here they come\n\n"
            while not stopping.done():
                yield await self._next(arriving, reading, stopping)
        finally:
            self._open -= 1
            for task in (reading, stopping):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await reading

    async def _next(self, arriving: asyncio.Queue[LogEvent], *ends: asyncio.Task[Any]) -> bytes:
        """What is there, once something is; a comment when nothing comes for long, or when it ends."""
        getting = asyncio.create_task(arriving.get(), name="console-tail-next")
        try:
            done, _ = await asyncio.wait({getting, *ends}, timeout=BEAT, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not getting.done():
                getting.cancel()
        if ends[0] in done:
            await ends[0]  # it ends only by an error
        if getting not in done:
            return b": nothing\n\n"
        pieces = [getting.result()]
        while not arriving.empty():
            pieces.append(arriving.get_nowait())
        return b"".join(b"data: " + orjson.dumps(row(event)) + b"\n\n" for event in pieces)

    def _wanted(self, parameters: Parameters) -> tuple[str | None, str, bool, float]:
        try:
            since = float(parameters.get("since") or self._clock.now())
        except ValueError:
            since = math.nan
        if not math.isfinite(since):
            raise InvalidParameter("since is epoch seconds")
        return parameters.get("function") or None, parameters.get("request_id", ""), parameters.get("failed") == "true", since


async def _read(events: AsyncIterator[LogEvent], arriving: asyncio.Queue[LogEvent]) -> None:
    async for event in events:
        await arriving.put(event)


def _limit(text: str) -> int:
    if not text.isdecimal() or len(text) > 4 or not 1 <= int(text) <= MOST:
        raise InvalidParameter(f"limit {text[:20]}: a number from 1 to {MOST}")
    return int(text)
