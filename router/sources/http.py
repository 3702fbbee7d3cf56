"""The http listener and what it serves: routes of HTTP APIs, REST APIs and load balancers, function URLs, and webhooks.

All of them share one route table and one listener; the matched trigger decides the event and the rules of the answer.
Invocations are synchronous and never journaled, except where a route says `invoke: async`."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, NamedTuple, Self

import structlog

from router.config.checks import exposures
from router.config.types import Config, Trigger
from router.errors import ConfigError, JournalError, SourceError
from router.events import cors, routes
from router.events.alb import LoadBalancer
from router.events.function_url import FunctionUrl
from router.events.gateway import DEFAULT_STAGE, Api, Asked, BadPath, Gateway
from router.events.http import Request, Response
from router.events.http_api import HttpApi
from router.events.payload_v1 import short_id
from router.events.rest_api import RestApi
from router.sources.base import Binding, House, Outlet
from router.sources.http_face import (
    RETRY_AFTER,
    Arrive,
    Face,
    Guard,
    Line,
    RouteFace,
    Target,
    http_arrival,
    rest_arrival,
    url_arrival,
)
from router.sources.http_guards import Gatehouse
from router.sources.http_triggers import URL_PREFIX, HttpTrigger, UrlTrigger
from router.sources.http_url import UrlFace
from router.sources.webhook import WebhookFace
from router.sources.webhook_memory import Memory
from router.sources.webhook_trigger import WebhookTrigger
from router.web import Limits, Listener
from router.web.heads import Head
from router.web.refused import Refused
from router.web.sockets import CannotListen

log = structlog.get_logger("router.http")

ARRIVALS: Final[Mapping[str, Arrive]] = {"http": http_arrival, "rest": rest_arrival, "alb": url_arrival}


class Mounted(NamedTuple):
    """A face in the route table, and what of the path is not its own."""

    face: Face
    prefix: str = ""  # base path or stage: "/v1"
    based: bool = False  # it is a base path


class HttpSource:
    """Serves every http and url trigger on the `http` listener."""

    TRIGGERS: ClassVar[tuple[type[Trigger], ...]] = (HttpTrigger, UrlTrigger, WebhookTrigger)

    def __init__(self, bindings: Sequence[Binding], house: House, limits: Limits | None = None) -> None:
        config = house.config
        self.name = "http"
        self._where = config.http
        self._line = Line(house.clock, house.metrics)
        self._gatehouse = Gatehouse(house)
        self._table: routes.RouteTable[Mounted] = routes.RouteTable()
        self._urls: dict[str, Face] = {}  # by domain
        self._url_paths: dict[str, Face] = {}  # by function
        self._rest_paths: list[str] = []  # base paths below which what is unknown gets a REST API's answer
        self._cors = False  # some route answers preflights
        self._stranger: Gateway = HttpApi(Api(config.account, short_id(f"{config.account}/{config.region}/http", 10), config.region))
        for binding in bindings:
            if isinstance(binding.trigger, UrlTrigger):
                self._add_url(binding, config)
        self._add_routes([binding for binding in bindings if isinstance(binding.trigger, HttpTrigger)], config)
        self._exposures = exposures(config)
        hooks = [binding for binding in bindings if isinstance(binding.trigger, WebhookTrigger)]
        self._memory = self._add_hooks(hooks, house) if hooks else None
        self._listener = Listener(
            "http",
            config.http,
            self.handle,
            clock=house.clock,
            metrics=house.metrics,
            limits=limits,
            refusal=self._refusal,
            room=self._room if hooks else None,
        )

    @classmethod
    def build(cls, bindings: Sequence[Binding], house: House) -> Sequence[Self]:
        """One source for all triggers: they share a listener. Raises ConfigError for two URLs in one place."""
        return [cls(bindings, house)] if bindings else []

    def _add_routes(self, bindings: Sequence[Binding], config: Config) -> None:
        """All routes where they are configured; then those of named stages below the stage too, where nothing else is."""
        faces = [(binding.trigger, self._route_face(binding, config)) for binding in bindings]
        for trigger, face in faces:
            self._table.add(routes.mounted(trigger.route, trigger.base_path), Mounted(face, trigger.base_path, bool(trigger.base_path)))
            self._cors = self._cors or face.cors is not None
            if trigger.api == "rest" and trigger.base_path:
                self._rest_paths.append(trigger.base_path)
        for trigger, face in faces:
            stage = f"/{trigger.stage}" if trigger.staged and trigger.stage != DEFAULT_STAGE and trigger.route.method else ""
            also = [*routes.also_at(trigger.route, trigger.base_path or stage), *([routes.mounted(trigger.route, stage)] if stage else [])]
            for route in also:
                with contextlib.suppress(routes.BadRoute):  # a route of its own is there
                    self._table.add(route, Mounted(face, trigger.base_path or stage, bool(trigger.base_path)))
        if faces and all(trigger.api == "rest" for trigger, _ in faces):
            self._stranger = faces[0][1].gateway

    def _route_face(self, binding: Binding, config: Config) -> RouteFace:
        trigger: HttpTrigger = binding.trigger
        target = Target(binding.function.name, f"http:{trigger.route.key}", trigger.timeout, trigger.asynchronous)
        gateway = gateway_of(binding, config)
        guards: Sequence[Guard] = ()
        if not isinstance(gateway, LoadBalancer):
            guards = self._gatehouse.guards(trigger.access, gateway.api, "rest" if trigger.api == "rest" else trigger.payload)
        return RouteFace(target, gateway, self._line, ARRIVALS[trigger.api], guards=guards, allowed=trigger.cors)

    def _add_url(self, binding: Binding, config: Config) -> None:
        trigger: UrlTrigger = binding.trigger
        name = binding.function.name
        gateway = FunctionUrl(url_domain(name, config.region))
        if gateway.domain in self._urls:
            raise ConfigError((f"functions.{name}.triggers[{binding.index}]: {gateway.domain} is a function's URL already",))
        target = Target(name, f"url:{name}", None)
        face = UrlFace(target, gateway, self._line, url_arrival, allowed=trigger.cors, streaming=trigger.streaming)
        self._urls[gateway.domain] = self._url_paths[name] = face

    def _add_hooks(self, bindings: Sequence[Binding], house: House) -> Memory:
        """All webhooks; they share the memory of what was taken."""
        memory = Memory(house.database, house.clock)
        config = house.config
        gateway = HttpApi(Api(config.account, short_id(f"{config.account}/{config.region}/webhook", 10), config.region))
        for binding in bindings:
            face = WebhookFace(binding.function.name, binding.trigger, gateway, self._line, memory)
            self._table.add(binding.trigger.route, Mounted(face))
        return memory

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
        """Serve until *stop*, then finish what runs. Raises SourceError when the address, or the webhooks' memory, cannot be had."""
        self._line.outlet = outlet
        if self._where.kind == "off":
            await stop.wait()
            return
        await self._gatehouse.open()
        try:
            if self._memory is not None:
                await self._memory.open()
            await self._listener.start()
        except (CannotListen, JournalError) as error:
            raise SourceError(str(error)) from error
        log.info("listener_started", listener="http", addresses=self._listener.addresses)
        for note in self._exposures:
            log.warning("webhook_exposed", note=note)
        beside = [
            asyncio.create_task(self._line.patience.run(), name="integration-timeouts"),
            asyncio.create_task(self._gatehouse.run(), name="usage"),
        ]
        if self._memory is not None:
            beside.append(asyncio.create_task(self._memory.keep(), name="webhook-memory"))
        try:
            await self._listener.serve(stop)
        finally:
            for task in beside:
                task.cancel()
            await self._gatehouse.close()

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        if self._urls and (found := self._url(request)) is not None:
            return await self._serve_url(*found)
        path = request.path
        try:
            if self._cors and cors.is_preflight(request) and (response := self._preflight(request, path)) is not None:
                return response
            match = self._table.find(request.method, path)
        except BadPath:
            return self._unserved(400, request)
        if match is None:
            return self._unserved(0, request)
        face, prefix, based = match.value
        if prefix or "%" in path:
            path = "/" + "/".join(routes.segments_of(path)[1 + prefix.count("/") :])
        return await face.serve(Asked(request, path, match.key, match.parameters, prefix, based))

    def _preflight(self, request: Request, path: str) -> Response | None:
        """The answer to a preflight for a route that has CORS; also where there is no OPTIONS route, and without the function."""
        match = self._table.find(request.header("access-control-request-method"), path)
        match = match or self._table.find("OPTIONS", path)
        if match is None or (allowed := match.value.face.cors) is None:
            return None
        return cors.preflight(allowed, request)

    def _url(self, request: Request) -> tuple[Face, Asked] | None:
        """The function URL that a request is for: by its host, or by its path."""
        if request.target.startswith(f"{URL_PREFIX}/"):
            name = request.path.split("/", 3)[2]
            face = self._url_paths.get(name)
            prefix = f"{URL_PREFIX}/{name}"
        else:
            face, prefix = self._urls.get(request.host.partition(":")[0].lower()), ""
        return None if face is None else (face, Asked(request, "", DEFAULT_STAGE, {}, prefix))

    async def _serve_url(self, face: Face, asked: Asked) -> Response:
        if face.cors is not None and cors.is_preflight(asked.request):
            return cors.preflight(face.cors, asked.request)
        return await face.serve(asked)

    def _unserved(self, status: int, request: Request) -> Response:
        """The answer where there is no route (0), or no path, in the words of whose path it would be."""
        gateway = self._stranger
        for base in self._rest_paths:
            if request.path == base or request.path.startswith(f"{base}/"):
                return _REST.failure(status or _REST.no_route, rest_arrival(request, self._line.clock.now()))
        if isinstance(gateway, RestApi):
            return gateway.failure(status or gateway.no_route, rest_arrival(request, self._line.clock.now()))
        return gateway.failure(status or gateway.no_route, http_arrival(request, self._line.clock.now()))

    def _room(self, head: Head, peer: str) -> int:
        """How large a body may be that is still to come: a webhook's own limit. Raises Refused for who failed too often."""
        limit = self._listener.limits.body_bytes
        try:
            match = self._table.find(head.method, head.target.partition("?")[0])
        except BadPath:
            return limit
        face = match and match.value.face
        if not isinstance(face, WebhookFace):
            return limit
        if face.blocked(peer):
            raise Refused(429, "too many deliveries of this address were refused")
        return face.body_limit

    def _refusal(self, status: int) -> Response:
        """What the listener says when a request does not get as far as a route."""
        arrive = rest_arrival if isinstance(self._stranger, RestApi) else http_arrival
        arrival = arrive(Request("", "", ()), self._line.clock.now())
        return self._stranger.failure(status, arrival, retry_after=RETRY_AFTER if status in (429, 503) else None)


_REST: Final = RestApi(Api("", ""))  # for error bodies, which name no API


def gateway_of(binding: Binding, config: Config) -> HttpApi | RestApi | LoadBalancer:
    """The gateway of an http trigger."""
    trigger: HttpTrigger = binding.trigger
    if trigger.api == "alb":
        name = binding.function.name
        arn = f"arn:aws:elasticloadbalancing:{config.region}:{config.account}:targetgroup/{name}/{short_id(name, 16)}"
        return LoadBalancer(arn, trigger.multi_value)
    number = short_id(f"{config.account}/{config.region}/{trigger.api}", 10)
    api = Api(config.account, number, config.region, trigger.stage, dict(trigger.stage_variables) or None)
    return RestApi(api, trigger.binary) if trigger.api == "rest" else HttpApi(api, trigger.payload)


def url_domain(function: str, region: str) -> str:
    """The host of a function's URL."""
    return f"{function.lower()}.lambda-url.{region}.localhost"
