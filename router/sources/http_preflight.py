"""What answers preflights of REST APIs: an OPTIONS method that no function serves, at every path whose routes have CORS.

A REST API has no CORS of its own: who turns it on, in the console, a SAM template or CDK, gets a mock integration of the method
OPTIONS with fixed headers, while the answers themselves stay the function's. Source: API Gateway developer guide, "Enabling CORS for a
REST API resource"; SAM developer guide, `Cors` of AWS::Serverless::Api."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from router.events import routes
from router.events.cors import Cors, fixed
from router.events.gateway import Arrival, Asked, Gateway
from router.events.http import Request, Response
from router.sources.base import Binding
from router.sources.http_face import Line, RouteFace, rest_arrival
from router.sources.http_triggers import HttpTrigger

_METHOD: Final = "OPTIONS"


class PreflightFace:
    """The method OPTIONS of one path; see Face."""

    cors: Cors | None = None  # what a REST API says, it says to every OPTIONS, asked for by a browser or not

    def __init__(self, gateway: Gateway, line: Line, answered: Cors, methods: Iterable[str]) -> None:
        self.gateway = gateway
        self._line = line
        self._headers = fixed(answered, methods)

    def arrive(self, request: Request) -> Arrival:
        """The ids of a request."""
        return rest_arrival(request, self._line.clock.now())

    async def serve(self, asked: Asked) -> Response:
        """Answer one request."""
        return Response(200, [("Content-Type", "application/json"), *self.gateway.ids(self.arrive(asked.request)), *self._headers])


def preflights(faces: Iterable[tuple[HttpTrigger, RouteFace]], line: Line) -> Iterator[tuple[HttpTrigger, PreflightFace]]:
    """The OPTIONS methods beside the routes of REST APIs, as if they were triggers; not those where a function has that method."""
    for alike in _paths(faces).values():
        methods = {trigger.route.method for trigger, _ in alike}
        first = next(((trigger, face, trigger.cors) for trigger, face in alike if trigger.cors is not None), None)
        if first is None or _METHOD in methods:
            continue
        trigger, face, allowed = first
        route = replace(trigger.route, key=f"{_METHOD} {trigger.route.key.partition(' ')[2]}", method=_METHOD)
        yield replace(trigger, route=route), PreflightFace(face.gateway, line, allowed, methods)


def disagreeing(bindings: Iterable[Binding]) -> Iterator[str]:
    """Mistakes: one path has one answer to preflights."""
    said: dict[str, Cors] = {}
    for binding in bindings:
        trigger: HttpTrigger = binding.trigger
        if trigger.api == "rest" and trigger.cors is not None and said.setdefault(_path(trigger), trigger.cors) != trigger.cors:
            path = trigger.route.key.partition(" ")[2]
            told = f"another route of {path} has another cors, and a REST API's path has one answer to preflights"
            yield f"functions.{binding.function.name}.triggers[{binding.index}].http.cors: {told}"


def _paths(faces: Iterable[tuple[HttpTrigger, RouteFace]]) -> dict[str, list[tuple[HttpTrigger, RouteFace]]]:
    found: dict[str, list[tuple[HttpTrigger, RouteFace]]] = {}
    for trigger, face in faces:
        if trigger.api == "rest":
            found.setdefault(_path(trigger), []).append((trigger, face))
    return found


def _path(trigger: HttpTrigger) -> str:
    """A route's path without the names of its variables."""
    return routes.mounted(trigger.route, trigger.base_path).shape.partition(" ")[2]
