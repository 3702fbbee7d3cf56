"""HTTP routes: a request becomes an HTTP API event (payload 2.0), the function's result becomes the answer.

All http triggers share one route table and one listener. Invocations are synchronous and never journaled."""

import asyncio
import hashlib
import os
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Self

import orjson
import structlog

from router.config.node import Node
from router.config.types import Names
from router.errors import RequestTooLarge, RouterError, SourceError, TooManyRequests
from router.events import http_api, routes
from router.events.http import Request, Response
from router.model import SYNC_LIMIT, Envelope, Outcome
from router.sources.base import Binding, House, Outlet
from router.web import Limits, Listener
from router.web.sockets import CannotListen

log = structlog.get_logger("router.http")

TIMEOUT_LOW: Final = 0.05  # seconds; API Gateway quotas, "Integration timeout"
TIMEOUT_HIGH: Final = 30.0  # seconds; for HTTP APIs this is the hard limit, and the default
RETRY_AFTER: Final = 1  # seconds
TICK: Final = 0.25  # seconds between two looks at the integration timeouts, at most; a tenth of the shortest of them
LATER: Final = frozenset(  # of the design, not built yet
    {"authorizer", "api_keys", "base_path", "binary_media_types", "cors", "invoke", "multi_value", "stage", "throttle"},
)
NO_ROUTE: Final = routes.Route("")


@dataclass(frozen=True, slots=True)
class HttpTrigger:
    """`http: POST /images/{id}`, or `http: {route: …, timeout: 10}`."""

    word: ClassVar[str] = "http"

    route: routes.Route
    timeout: float = TIMEOUT_HIGH  # seconds until the client gets 503; the invocation goes on

    @classmethod
    def read(cls, node: Node, names: Names) -> Self:  # noqa: ARG003 - a route refers to nothing by name
        """Read the value under `http`; mistakes are noted on the node."""
        form = node.form(main="route", known=("route", "api", "timeout"), later=LATER)
        api = form.choice("api", "http", ("http", "rest", "alb"))
        if api != "http":
            form.problem(f"{api} is not supported yet, only http", "api")
        timeout = form.seconds("timeout", TIMEOUT_HIGH, low=TIMEOUT_LOW, high=TIMEOUT_HIGH)
        return cls(_route(form), timeout)

    @property
    def claim(self) -> str:
        """The route with its variables unnamed: /x/{a} and /x/{b} are one route."""
        return f"route {self.route.shape}" if self.route.key else ""


def _route(form: Node) -> routes.Route:
    text = form.text("route")
    if text:
        try:
            return routes.parse(text)
        except routes.BadRoute as error:
            form.problem(str(error), "route")
    return NO_ROUTE


@dataclass(frozen=True, slots=True)
class Integration:
    """What stands behind a route."""

    function: str
    source: str  # "http:GET /x"
    timeout: float


class HttpSource:
    """Serves every http trigger on the `http` listener."""

    Trigger = HttpTrigger

    def __init__(self, bindings: Sequence[Binding], house: House, limits: Limits | None = None) -> None:
        config = house.config
        self.name = "http"
        self._clock, self._where = house.clock, config.http
        self._outlet: Outlet
        self._table: routes.RouteTable[Integration] = routes.RouteTable()
        for binding in bindings:
            trigger: HttpTrigger = binding.trigger
            self._table.add(trigger.route, Integration(binding.function.name, f"http:{trigger.route.key}", trigger.timeout))
        shortest = min((binding.trigger.timeout for binding in bindings), default=TIMEOUT_HIGH)
        self._tick = min(TICK, shortest / 10)
        self._waiting: dict[str, tuple[float, Request, str]] = {}  # request id → deadline (monotonic), request, function
        self._api = http_api.Api(config.account, _api_id(config.account, config.region))
        self._listener = Listener(
            "http", config.http, self.handle, clock=house.clock, metrics=house.metrics, limits=limits, refusal=_refusal
        )
        self._late = house.metrics.counter("router_http_late_total", "Answers given up at the integration timeout.", "function")
        self._malformed = house.metrics.counter("router_http_malformed_total", "Results that were no HTTP answer.", "function")

    @classmethod
    def build(cls, bindings: Sequence[Binding], house: House) -> Sequence[Self]:
        """One source for all routes: they share a listener."""
        return [cls(bindings, house)] if bindings else []

    @property
    def addresses(self) -> tuple[str, ...]:
        """What the listener is bound to; () while it is not."""
        return self._listener.addresses

    def health(self) -> str:
        """Nothing while the listener is bound."""
        if self._where.kind == "off":
            return "listen.http is off: no route is served"
        return "" if self._listener.addresses else "the http listener is not bound"

    async def run(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """Serve until *stop*, then finish what runs. Raises SourceError when the address cannot be had."""
        self._outlet = outlet
        if self._where.kind == "off":
            await stop.wait()
            return
        try:
            await self._listener.start()
        except CannotListen as error:
            raise SourceError(str(error)) from error
        log.info("listener_started", listener="http", addresses=self._listener.addresses)
        watching = asyncio.create_task(self._watch(), name="integration-timeouts")
        try:
            await self._listener.serve(stop)
        finally:
            watching.cancel()

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        request_id = _request_id()
        try:
            path = http_api.decoded_path(request.path)
        except http_api.BadPath:
            return http_api.failure(400, request_id)
        match = self._table.find(request.method, path)
        if match is None:
            return http_api.failure(404, request_id)
        if len(request.body) > SYNC_LIMIT // 2 and http_api.encoded_size(request) > SYNC_LIMIT:
            return http_api.failure(413, request_id)
        at = self._clock.now()
        arrival = http_api.Arrival(request_id, _trace(at), at)
        event = http_api.event(request, path, match.key, match.parameters, api=self._api, arrival=arrival)
        envelope = Envelope(match.value.function, orjson.dumps(event), match.value.source)
        self._waiting[request_id] = (self._clock.monotonic() + match.value.timeout, request, envelope.function)
        try:
            outcome = await self._outlet.invoke(envelope)
        except RouterError as error:
            return _unable(error, envelope, request_id)
        finally:
            self._waiting.pop(request_id, None)
        return self._answer(outcome, envelope, request_id)

    async def _watch(self) -> None:
        """Give up what is past its integration timeout. One ticker for all: a timer for each request costs a fifth of a request."""
        while True:
            await self._clock.sleep(self._tick)
            now = self._clock.monotonic()
            for request_id in [name for name, (deadline, _, _) in self._waiting.items() if deadline <= now]:
                _, request, function = self._waiting.pop(request_id)
                self._give_up(request, function, request_id)

    def _give_up(self, request: Request, function: str, request_id: str) -> None:
        """Answer at the integration timeout. The invocation goes on, as AWS lets it; its result reaches nobody."""
        self._late.add(function)
        request.early(http_api.failure(503, request_id))

    def _answer(self, outcome: Outcome, envelope: Envelope, request_id: str) -> Response:
        """The answer that a result spells out; 500 for a function error and for a result that is no answer."""
        if outcome.function_error:
            return http_api.failure(500, request_id)
        try:
            return http_api.answer(outcome.payload, request_id)
        except http_api.Malformed as error:
            self._malformed.add(envelope.function)
            log.warning(
                "answer_malformed", function=envelope.function, source=envelope.source, request_id=envelope.request_id, error=str(error)
            )
            return http_api.failure(500, request_id)


def _unable(error: RouterError, envelope: Envelope, request_id: str) -> Response:
    """The answer when the function did not run."""
    if isinstance(error, TooManyRequests):
        return http_api.failure(429, request_id, retry_after=RETRY_AFTER)
    if isinstance(error, RequestTooLarge):
        return http_api.failure(413, request_id)
    log.warning("request_not_served", function=envelope.function, source=envelope.source, error=str(error))
    if error.status == 503:
        return http_api.failure(503, request_id, retry_after=RETRY_AFTER)
    return http_api.failure(500, request_id)


def _refusal(status: int) -> Response:
    """What the listener says when a request does not get as far as a route."""
    return http_api.failure(status, _request_id(), retry_after=RETRY_AFTER if status == 503 else None)


def _request_id() -> str:
    """A gateway request id, shaped like LV7fzho-PHcEJPw=."""
    return urlsafe_b64encode(os.urandom(11)).decode()


def _trace(at: float) -> str:
    """A fresh X-Ray trace header: version, epoch seconds, 96 random bits."""
    return f"Root=1-{int(at):08x}-{os.urandom(12).hex()}"


def _api_id(account: str, region: str) -> str:
    """The id of the API: ten characters that stay the same."""
    number = int.from_bytes(hashlib.sha256(f"{account}/{region}/http".encode()).digest()[:8])
    return "".join("abcdefghijklmnopqrstuvwxyz0123456789"[number // 36**place % 36] for place in range(10))
