"""What is served on the http listener: the places of one config, found by a request's host, method and path.

Routes of HTTP APIs, REST APIs and load balancers, function URLs, and webhooks share one route table; the face that stands at a
place answers. A reload brings other places to the same listener."""

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Final, NamedTuple

from router.config.checks import exposures
from router.config.types import Config
from router.credentials import Signers
from router.errors import ConfigError, JournalError, SourceError
from router.events import cors, routes
from router.events.alb import LoadBalancer
from router.events.function_url import ANONYMOUS, URL_PREFIX, FunctionUrl, url_domain
from router.events.gateway import DEFAULT_STAGE, Api, Asked, BadPath, Gateway
from router.events.http import Request, Response
from router.events.http_api import HttpApi
from router.events.payload_v1 import short_id
from router.events.rest_api import RestApi
from router.sources.base import Binding, House, basis_of
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
from router.sources.http_iam import IamGuard
from router.sources.http_preflight import disagreeing, preflights
from router.sources.http_triggers import HttpTrigger, UrlTrigger
from router.sources.http_url import UrlFace
from router.sources.webhook import WebhookFace
from router.sources.webhook_memory import Memory
from router.sources.webhook_trigger import WebhookTrigger
from router.web.heads import Head
from router.web.refused import Refused

ARRIVALS: Final[Mapping[str, Arrive]] = {"http": http_arrival, "rest": rest_arrival, "alb": url_arrival}


class Mounted(NamedTuple):
    """A face in the route table, and what of the path is not its own."""

    face: Face
    prefix: str = ""  # base path or stage: "/v1"
    based: bool = False  # it is a base path
    stage: str = ""  # of a $default route: not its own either where the path begins with it


_Found = tuple["Places", str, str, Face, str, str, Mapping[str, str], str, bool]
"""Where, target and method of a request, who answers it, and the rest of Asked."""


class Places:
    """All places of one config, and what its faces share."""

    def __init__(self, bindings: Sequence[Binding], house: House) -> None:
        """Raises ConfigError for two URLs in one place."""
        config = house.config
        self.basis: object = basis(bindings, config)
        self.line = Line(house.clock, house.metrics)
        self.gatehouse = Gatehouse(house)
        self.exposures = exposures(config)
        self.faces: list[tuple[Binding, Face]] = []  # one for each trigger
        self._table: routes.RouteTable[Mounted] = routes.RouteTable()
        self._urls: dict[str, Face] = {}  # by domain
        self._url_paths: dict[str, Face] = {}  # by function
        self._rest_stages: set[str] = set()  # that URLs of REST APIs may carry
        self._rest_paths: list[str] = []  # base paths below which what is unknown gets a REST API's answer
        self._cors = False  # some route answers preflights
        self._stranger: Gateway = HttpApi(Api(config.account, short_id(f"{config.account}/{config.region}/http", 10), config.region))
        self._arrive: Arrive = http_arrival  # of requests that have no route
        self._nobodys = FunctionUrl(url_domain("", config.region))  # whose words unknown function URLs have
        signers = Signers(config)
        urls = [self._add_url(binding, house, signers) for binding in bindings if isinstance(binding.trigger, UrlTrigger)]
        routed = [binding for binding in bindings if isinstance(binding.trigger, HttpTrigger)]
        if mistakes := (*(told for told in urls if told), *disagreeing(routed)):
            raise ConfigError(mistakes)
        hooks = [binding for binding in bindings if isinstance(binding.trigger, WebhookTrigger)]
        self.memory = self._add_hooks(hooks, house) if hooks else None  # of webhooks that were taken
        self._add_routes(routed, config)

    # -- what is where

    def _add_routes(self, bindings: Sequence[Binding], config: Config) -> None:
        """All routes where they are configured; then where else they are found, unless something of its own is there."""
        made = [(binding, self._route_face(binding, config)) for binding in bindings]
        self.faces += made
        faces = [(binding.trigger, face) for binding, face in made]
        for trigger, face in faces:
            self._table.add(*_at_its_place(trigger, face))
            self._cors = self._cors or face.cors is not None
            if trigger.api == "rest" and trigger.base_path:
                self._rest_paths.append(trigger.base_path)
            elif trigger.api == "rest":
                self._rest_stages.add(trigger.stage_in_urls)
        beside = [*preflights(faces, self.line)]
        also = [_at_its_place(trigger, face) for trigger, face in beside]
        also += [place for trigger, face in faces for place in _elsewhere(trigger, face)]
        also += [place for trigger, face in beside for place in _elsewhere(trigger, face)]
        for route, mounted in also:
            with contextlib.suppress(routes.BadRoute):  # a route of its own is there
                self._table.add(route, mounted)
        if len({trigger.api for trigger, _ in faces}) == 1:
            trigger, face = faces[0]
            self._stranger, self._arrive = face.gateway, ARRIVALS[trigger.api]

    def _route_face(self, binding: Binding, config: Config) -> RouteFace:
        trigger: HttpTrigger = binding.trigger
        target = Target(binding.target, f"http:{trigger.route.key}", trigger.timeout, trigger.asynchronous)
        gateway = _gateway_of(binding, config)
        guards: Sequence[Guard] = ()
        if not isinstance(gateway, LoadBalancer):
            guards = self.gatehouse.guards(trigger.access, gateway.api, "rest" if trigger.api == "rest" else trigger.payload)
        return RouteFace(
            target, gateway, self.line, ARRIVALS[trigger.api], guards=guards, allowed=None if trigger.api == "rest" else trigger.cors
        )

    def _add_url(self, binding: Binding, house: House, signers: Signers) -> str:
        """Nothing, or why this function can have no URL."""
        trigger: UrlTrigger = binding.trigger
        name, config = binding.function.name, house.config
        gateway = FunctionUrl(url_domain(name, config.region), config.account if trigger.signed else ANONYMOUS)
        if gateway.domain in self._urls:
            return f"functions.{name}.triggers[{binding.index}]: {gateway.domain} is a function's URL already"
        target = Target(binding.target, f"url:{name}", None)
        guards = (IamGuard(binding.target, house, signers),) if trigger.signed else ()
        face = UrlFace(target, gateway, self.line, url_arrival, guards=guards, allowed=trigger.cors, streaming=trigger.streaming)
        self._urls[gateway.domain] = self._url_paths[name] = face
        self.faces.append((binding, face))
        return ""

    def _add_hooks(self, bindings: Sequence[Binding], house: House) -> Memory:
        """All webhooks; they share the memory of what was taken."""
        memory = Memory(house.database, house.clock)
        config = house.config
        gateway = HttpApi(Api(config.account, short_id(f"{config.account}/{config.region}/webhook", 10), config.region))
        for binding in bindings:
            face = WebhookFace(binding.target, binding.trigger, gateway, self.line, memory)
            self._table.add(binding.trigger.route, Mounted(face))
            self.faces.append((binding, face))
        return memory

    # -- what runs beside requests

    async def open(self) -> None:
        """Have what guards and webhooks remember. Raises SourceError."""
        try:
            await self.gatehouse.open()
            if self.memory is not None:
                await self.memory.open()
        except (SourceError, JournalError) as error:
            await self.gatehouse.close()
            raise SourceError(str(error)) from error

    def begin(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Start it, in *group*; to be cancelled by who does not serve these places any more."""
        beside = [
            group.create_task(self.line.patience.run(), name="integration-timeouts"),
            group.create_task(self.gatehouse.run(), name="usage"),
        ]
        if self.memory is not None:
            beside.append(group.create_task(self.memory.keep(), name="webhook-memory"))
        return beside

    # -- who asks

    def handle(self, request: Request) -> Coroutine[Any, Any, Response]:
        """Answer one request. A client that stays often asks for the same again: where that is, is known."""
        method, target, learned = request.method, request.target, request.learned
        known: _Found | None = None if learned is None else learned.get(Places)
        if known is not None and known[1] == target and known[2] == method and known[0] is self:
            _, _, _, face, path, key, parameters, prefix, based = known
            return face.serve(tuple.__new__(Asked, (request, path, key, parameters, prefix, based)))
        if (self._urls or target.startswith(_URL_PATHS)) and (found := self._url(request)) is not None:
            return self._serve_url(*found)
        path = target.partition("?")[0] if "?" in target else target
        try:
            if self._cors and cors.is_preflight(request) and (response := self._preflight(request, path)) is not None:
                return _at_once(response)
            match = self._find(method, path)
        except BadPath:
            return _at_once(self._unserved(400, request))
        if match is None:
            return _at_once(self._unserved(0, request))
        key, (face, prefix, based, stage), parameters = match
        if stage and f"{path}/".startswith(f"/{stage}/"):
            prefix = f"/{stage}"
        if prefix and path.startswith("//"):  # of a REST API: in front of the stage its event has one
            request, path, learned = request._replace(target=f"/{target.lstrip('/')}"), f"/{path.lstrip('/')}", None
        if prefix or "%" in path:
            path = "/" + "/".join(routes.segments_of(path)[1 + prefix.count("/") :])
        if learned is not None:
            learned[Places] = (self, target, method, face, path, key, parameters, prefix, based)
        return face.serve(tuple.__new__(Asked, (request, path, key, parameters, prefix, based)))

    def face_at(self, request: Request) -> Face | None:
        """Who answers a request; None where nobody does. Raises BadPath."""
        if (found := self._url(request)) is not None:
            return found[0]
        match = self._find(request.method, request.path)
        return None if match is None else match.value.face

    def _find(self, method: str, path: str) -> routes.Match[Mounted] | None:
        """What a request comes to. A REST API counts no slashes at the beginning: none leads past the route that it has there."""
        match = self._table.find(method, path)
        if match is not None and _is_root(match.value, path):
            return None
        if "//" not in path or not self._rest_stages or (match is not None and not _is_rest(match.value)):
            return match
        found = self._table.find(method, routes.one_slash(path, self._rest_stages))
        return found if found is not None and _is_rest(found.value) and not found.value.based else match

    def _preflight(self, request: Request, path: str) -> Response | None:
        """The answer to a preflight for a route that has CORS; also where there is no OPTIONS route, and without the function."""
        match = self._table.find(request.header("access-control-request-method"), path)
        match = match or self._table.find("OPTIONS", path)
        return None if match is None else _preflight_of(match.value.face, request)

    def _url(self, request: Request) -> tuple[Face | None, Asked] | None:
        """The function URL that a request is for, by its host, else by its path; without a face it is nobody's. None: for none."""
        host = _bare(request.host)
        if self._is_url(host):  # first: all paths of a host are its function's
            return self._urls.get(host), Asked(request, "", DEFAULT_STAGE, {})
        if not request.target.startswith(_URL_PATHS):
            return None
        name = request.path.split("/", 3)[2]
        return self._url_paths.get(name), Asked(request, "", DEFAULT_STAGE, {}, f"{URL_PREFIX}/{name}")

    def _is_url(self, host: str) -> bool:
        """Whether a host (lower case, no port) is a function URL's, be it nobody's."""
        return host.endswith(self._nobodys.domain)

    async def _serve_url(self, face: Face | None, asked: Asked) -> Response:
        if face is None:
            return self._nobodys.failure(self._nobodys.no_route, url_arrival(asked.request, self.line.clock.now()))
        if cors.is_preflight(asked.request) and (response := _preflight_of(face, asked.request)) is not None:
            return response
        return await face.serve(asked)

    def _unserved(self, status: int, request: Request) -> Response:
        """The answer where there is no route (0), or no path, in the words of whose path it would be."""
        gateway, arrive = self._stranger, self._arrive
        if any(request.path == base or request.path.startswith(f"{base}/") for base in self._rest_paths):
            gateway, arrive = _REST, rest_arrival
        return gateway.failure(status or gateway.no_route, arrive(request, self.line.clock.now()))

    def room(self, head: Head, peer: str, limit: int) -> int:
        """How large a body may be that is still to come: a webhook's own limit, else *limit* bytes. Raises Refused for who failed too often."""
        if self.memory is None or self._is_url(_bare(head.host)):
            return limit
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

    def refusal(self, status: int) -> Response:
        """What the listener says when a request does not get as far as a route."""
        arrival = self._arrive(Request("", "", ()), self.line.clock.now())
        return self._stranger.failure(status, arrival, retry_after=RETRY_AFTER if status in (429, 503) else None)


async def _at_once(response: Response) -> Response:
    return response


def basis(bindings: Sequence[Binding], config: Config) -> object:
    """What places are made from: as long as it is the same, they are."""
    return (config.http, config.usage_plans, config.roles, basis_of(bindings))


_REST: Final = RestApi(Api("", ""))  # for error bodies, which name no API
_URL_PATHS: Final = f"{URL_PREFIX}/"


def _bare(host: str) -> str:
    """A host header as names are compared: lower case, without its port."""
    return host.partition(":")[0].lower()


def _is_rest(mounted: Mounted) -> bool:
    return isinstance(mounted.face.gateway, RestApi)


def _is_root(mounted: Mounted, path: str) -> bool:
    """Whether a path is that of a REST API's stage, of which its greedy route is none: its root has no route of its own."""
    return bool(mounted.stage) and path.strip("/") == mounted.stage and _is_rest(mounted)


def _at_its_place(trigger: HttpTrigger, face: Face) -> tuple[routes.Route, Mounted]:
    """A route where it is configured."""
    base = trigger.base_path
    return routes.mounted(trigger.matched, base), Mounted(face, base, bool(base), trigger.stage_in_urls)


def _elsewhere(trigger: HttpTrigger, face: Face) -> list[tuple[routes.Route, Mounted]]:
    """Where a route is found besides its own place: below its stage, without the root's slash, with one (REST APIs)."""
    if not trigger.route.method:
        return []
    route, base, stage = trigger.matched, trigger.base_path, trigger.stage_in_urls
    places = [(routes.mounted(route, base), Mounted(face, base, bool(base)))]
    if stage:
        places.append((routes.mounted(route, f"/{stage}"), Mounted(face, f"/{stage}")))
    found = places[1:]
    found += [(also, mounted) for _, mounted in places for also in routes.also_at(route, mounted.prefix)]
    if trigger.api == "rest":
        found += [(also, mounted) for place, mounted in places for also in routes.slashed(place)]
    return found


def _preflight_of(face: Face, request: Request) -> Response | None:
    """The answer to a preflight, when this face has CORS."""
    return None if face.cors is None else cors.preflight(face.cors, request, face.gateway.ids(face.arrive(request)))


def _gateway_of(binding: Binding, config: Config) -> HttpApi | RestApi | LoadBalancer:
    """The gateway of an http trigger."""
    trigger: HttpTrigger = binding.trigger
    if trigger.api == "alb":
        name = binding.function.name
        arn = f"arn:aws:elasticloadbalancing:{config.region}:{config.account}:targetgroup/{name}/{short_id(name, 16)}"
        return LoadBalancer(arn, trigger.multi_value)
    number = short_id(f"{config.account}/{config.region}/{trigger.api}", 10)
    api = Api(config.account, number, config.region, trigger.stage, dict(trigger.stage_variables) or None)
    return RestApi(api, trigger.binary, trigger.failures) if trigger.api == "rest" else HttpApi(api, trigger.payload)
