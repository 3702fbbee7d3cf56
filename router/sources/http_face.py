"""What stands behind a place of the http listener: a face answers its requests.

A route of a gateway is a RouteFace: guards, then the function, then the answer. A webhook is a face of its own
(webhook.py). Everything about shapes is in the pure gateways (router/events)."""

from collections.abc import Callable, Coroutine, Sequence
from functools import lru_cache
from math import floor
from typing import Any, Final, NamedTuple, Protocol

import orjson
import structlog

from router import names
from router.clock import Clock
from router.errors import RequestTooLarge, RouterError, TooManyRequests
from router.events import cors, tracing
from router.events.gateway import FREE, Arrival, Asked, Denied, Gateway, Malformed, Passage
from router.events.http import Request, Response
from router.model import ASYNC_LIMIT, Envelope, Outcome
from router.sources.base import Outlet
from router.telemetry.metrics import Metrics

log = structlog.get_logger("router.http")

RETRY_AFTER: Final = 1  # seconds
TICK: Final = 0.25  # seconds between two looks at the integration timeouts, at most; a tenth of the shortest of them

Arrive = Callable[[Request, float], Arrival]
"""A request and the time (epoch seconds) to the ids of its gateway."""
Serve = Callable[[Envelope, Asked, Arrival], Coroutine[Any, Any, Response]]
GiveUp = Callable[[Asked, Arrival], None]
"""Answers a request whose function takes too long."""


class Face(Protocol):
    """Answers the requests of one place."""

    gateway: Gateway  # whose words failures have
    cors: cors.Cors | None

    def serve(self, asked: Asked) -> Coroutine[Any, Any, Response]:
        """Answer one request."""

    def arrive(self, request: Request) -> Arrival:
        """The ids of a request."""


class Guard(Protocol):
    """Stands before a function: lets a request pass, or answers it."""

    async def admit(self, asked: Asked, arrival: Arrival, outlet: Outlet) -> Passage | Denied:
        """What is learned about the caller, or why it is turned away."""


class Patience:
    """Gives up what is past its integration timeout. One ticker for all: a timer for each request costs a fifth of a request."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tick = TICK
        self._waiting: dict[int, tuple[float, GiveUp, Asked, Arrival]] = {}  # number → deadline (monotonic), what to do then
        self._number = 0

    def expect(self, timeout: float) -> None:
        """Timeouts as short as this are to come: look often enough."""
        self._tick = min(self._tick, timeout / 10)

    def begin(self, timeout: float, give_up: GiveUp, asked: Asked, arrival: Arrival) -> int:
        """Call *give_up* unless end() comes within *timeout* seconds; the number for end()."""
        number = self._number = self._number + 1
        self._waiting[number] = (self._clock.monotonic() + timeout, give_up, asked, arrival)
        return number

    def end(self, number: int) -> None:
        """It is over."""
        self._waiting.pop(number, None)

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await self._clock.sleep(self._tick)
            now = self._clock.monotonic()
            for number in [number for number, (deadline, *_) in self._waiting.items() if deadline <= now]:
                _, give_up, asked, arrival = self._waiting.pop(number)
                try:
                    give_up(asked, arrival)
                except Exception:  # the bulkhead around a single request: the others' time goes on
                    log.exception("timeout_crashed")


class Line:
    """What all faces of a listener share."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self.clock = clock
        self.outlet: Outlet  # set when the source runs
        self.patience = Patience(clock)
        self.metrics = metrics
        self.late = metrics.counter("router_http_late_total", "Answers given up at the integration timeout.", "function")
        self.malformed = metrics.counter("router_http_malformed_total", "Results that were no HTTP answer.", "function")
        self.denied = metrics.counter("router_http_denied_total", "Requests turned away before their function.", "function", "status")


class Target(NamedTuple):
    """The function behind a face."""

    function: str
    source: str  # "http:GET /x"
    timeout: float | None  # seconds until the client is answered without the function; None: the function's own decides
    asynchronous: bool = False  # accept and answer 202 instead of waiting for the result


class RouteFace:
    """A function behind a gateway; see Face."""

    def __init__(
        self,
        target: Target,
        gateway: Gateway,
        line: Line,
        arrive: Arrive,
        *,
        guards: Sequence[Guard] = (),
        allowed: cors.Cors | None = None,
    ) -> None:
        self.gateway, self.cors = gateway, allowed
        self._target, self._line, self._arrive, self._guards = target, line, arrive, guards
        self._other: Serve | None = self._accept if target.asynchronous else None  # in place of waiting for a result
        if target.timeout is not None:
            line.patience.expect(target.timeout)

    def arrive(self, request: Request) -> Arrival:
        """The ids of a request."""
        return self._arrive(request, self._line.clock.now())

    def serve(self, asked: Asked) -> Coroutine[Any, Any, Response]:
        """Answer one request."""
        return self._serve(asked) if self.cors is None else self._decorated(self.cors, asked)

    async def _decorated(self, allowed: cors.Cors, asked: Asked) -> Response:
        return cors.decorated(allowed, asked.request, await self._serve(asked))

    async def _serve(self, asked: Asked) -> Response:
        request = asked.request
        arrival = self._arrive(request, self._line.clock.now())
        passage = FREE
        if self._guards:
            admitted = await self._admit(asked, arrival)
            if isinstance(admitted, Denied):
                self._line.denied.add(self._target.function, str(admitted.status))
                return self.gateway.denial(admitted, arrival)
            passage = admitted
        gateway = self.gateway
        limit = gateway.payload_limit
        if len(request.body) > limit or len(event := gateway.text(asked, arrival, passage)) > limit:
            return gateway.failure(413, arrival)
        envelope = self._envelope(event, arrival)
        try:
            if self._other is not None:
                return await self._other(envelope, asked, arrival)
            timeout, patience = self._target.timeout, self._line.patience
            number = 0 if timeout is None else patience.begin(timeout, self._give_up, asked, arrival)
            try:
                outcome = await self._line.outlet.invoke(envelope)
            finally:
                patience.end(number)  # the client is answered by then, and the invocation went on, as AWS lets it
        except RouterError as error:
            return self._unable(error, envelope, arrival)
        return self._answered(outcome, asked, arrival)

    async def _admit(self, asked: Asked, arrival: Arrival) -> Passage | Denied:
        """Ask every guard in turn."""
        admitted = FREE
        for guard in self._guards:
            learned = await guard.admit(asked, arrival, self._line.outlet)
            if isinstance(learned, Denied):
                return learned
            authorizer = admitted.authorizer if learned.authorizer is None else learned.authorizer
            admitted = Passage(authorizer, {**admitted.identity, **learned.identity})
        return admitted

    def _envelope(self, event: bytes, arrival: Arrival) -> Envelope:
        function, source, _, _ = self._target
        return tuple.__new__(Envelope, (function, event, source, "", "", names.request_id(), arrival.trace))

    async def _accept(self, envelope: Envelope, asked: Asked, arrival: Arrival) -> Response:  # noqa: ARG002 - a Serve
        """202 and the invocation's request id, once the event is durable."""
        if len(envelope.payload) > ASYNC_LIMIT:
            return self.gateway.failure(413, arrival)
        await self._line.outlet.emit(envelope)
        ids = [line for line in self.gateway.ids(arrival) if line[0].lower() != "x-amzn-requestid"]
        headers = [("content-type", "application/json"), *ids, ("x-amzn-requestid", envelope.request_id)]
        return Response(202, headers, orjson.dumps({"requestId": envelope.request_id}))

    def _give_up(self, asked: Asked, arrival: Arrival) -> None:
        """Answer at the integration timeout; the result reaches nobody."""
        self._line.late.add(self._target.function)
        response = self.gateway.failure(self.gateway.timed_out, arrival)
        asked.request.client.answer(response if self.cors is None else cors.decorated(self.cors, asked.request, response))

    def _answered(self, outcome: Outcome, asked: Asked, arrival: Arrival) -> Response:
        """The answer that a result spells out; the gateway's error for a function error and for a result that is no answer."""
        if outcome.function_error:
            return self.gateway.failure(self.gateway.failed, arrival)
        try:
            return self.gateway.answer(outcome.payload, asked, arrival)
        except Malformed as error:
            return self._told_malformed(error, arrival)

    def _told_malformed(self, error: Malformed, arrival: Arrival) -> Response:
        target = self._target
        self._line.malformed.add(target.function)
        log.warning("answer_malformed", function=target.function, source=target.source, request_id=arrival.request_id, error=str(error))
        return self.gateway.failure(self.gateway.failed, arrival)

    def _unable(self, error: RouterError, envelope: Envelope, arrival: Arrival) -> Response:
        """The answer when the function did not run."""
        if isinstance(error, TooManyRequests):
            return self.gateway.failure(429, arrival, retry_after=RETRY_AFTER)
        if isinstance(error, RequestTooLarge):
            return self.gateway.failure(413, arrival)
        log.warning("request_not_served", function=envelope.function, source=envelope.source, error=str(error))
        if error.status == 503:
            return self.gateway.failure(503, arrival, retry_after=RETRY_AFTER)
        return self.gateway.failure(500, arrival)


# -- ids


def http_arrival(request: Request, at: float) -> Arrival:
    """Of an HTTP API: an id shaped like LV7fzho-PHcEJPw=."""
    return tuple.__new__(Arrival, (names.gateway_id(), trace_of(request, at), at, ""))


def rest_arrival(request: Request, at: float) -> Arrival:
    """Of a REST API: a UUID and, beside it, a short id."""
    return Arrival(names.request_id(), trace_of(request, at), at, names.gateway_id())


def url_arrival(request: Request, at: float) -> Arrival:
    """Of a function URL, and of a load balancer, which tells nobody: a UUID."""
    return Arrival(names.request_id(), trace_of(request, at), at)


def trace_of(request: Request, at: float) -> str:
    """The client's X-Ray trace header, its W3C one in X-Ray's spelling, or a fresh one: version, epoch seconds, 96 random bits."""
    learned = request.learned
    given: str | None = None if learned is None else learned.get(trace_of)
    if given is None:
        given = _given(request)
        if learned is not None:
            learned[trace_of] = given
    return given or f"{_root(floor(at))}{names.chance()}"


def _given(request: Request) -> str:
    """The client's; "" when it has none."""
    given = parent = ""
    for name, value in request.headers:
        if name == "x-amzn-trace-id" and not given:
            given = value
        elif name == "traceparent" and not parent:
            parent = value
    return given or (tracing.of_w3c(parent) if parent else "")


@lru_cache(maxsize=4)
def _root(second: int) -> str:
    return f"Root=1-{second:08x}-"
