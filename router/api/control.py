"""The control socket: the daemon's calls as HTTP and JSON over STATE/control.sock (mode 0600), for the command `router`.

Invocations look as on Lambda's own API: headers X-Amz-Invocation-Type, X-Amz-Log-Type, X-Amz-Function-Error."""

import base64
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from types import ModuleType
from typing import Any, Final
from urllib.parse import parse_qs

import orjson
import structlog

from router.api.calls import Calls
from router.api.declared import Declared, rows_of
from router.api.doctor import Doctor
from router.api.history import MOST, Wanted
from router.api.keys import Keys
from router.api.queueing import QueueCalls
from router.api.reload import Reloader
from router.api.requests import ByHand, request_of, spelled, whole
from router.api.versions import Versions
from router.errors import InvalidParameter, RouterError
from router.events.eventbridge import LATEST
from router.events.gateway import BadPath
from router.events.http import Request, Response
from router.events.routes import RouteTable, parse
from router.journal.base import Query
from router.model import State
from router.queues.moves import RATE
from router.sources.bus_store import Replay

log = structlog.get_logger("router.control")

JSON_HEADERS: Final = (("content-type", "application/json"),)
ROWS: Final = 1000  # of one listing at most
FILTERS: Final = frozenset({"function", "source", "state", "since", "before", "limit"})

Parameters = Mapping[str, str]  # of the path and the query; the path wins
Handler = Callable[[Request, Parameters], Awaitable[Response]]


def answer(value: Any, status: int = 200, *headers: tuple[str, str]) -> Response:
    """A JSON answer."""
    return Response(status, (*JSON_HEADERS, *headers), orjson.dumps(value))


def refusal(error: RouterError) -> Response:
    """A RouterError as an answer."""
    headers = (("retry-after", "1"),) if error.status in (429, 503) else ()
    return answer({"code": error.code, "message": str(error)}, error.status, *headers)


class Control:
    """Answers requests on the control socket."""

    def __init__(
        self,
        calls: Calls,
        doctor: Doctor | None = None,
        queues: QueueCalls | None = None,
        keys: Keys | None = None,
        *,
        reloader: Reloader | None = None,
        versions: Versions | None = None,
        declared: Declared | None = None,
    ) -> None:
        self._calls, self._doctor, self._reloader = calls, doctor, reloader
        self._routes: RouteTable[Handler] = RouteTable()
        more = {**(queue_handlers(queues) if queues is not None else {}), **(key_handlers(keys) if keys is not None else {})}
        more |= version_handlers(versions) if versions is not None else {}
        more |= declared_handlers(declared) if declared is not None else {}
        for route, handler in {**self._handlers(), **more}.items():
            self._routes.add(parse(route), handler)

    def _handlers(self) -> dict[str, Handler]:
        calls, doctor, reloader = self._calls, self._doctor, self._reloader
        return {
            **({"POST /reload": _awaited(lambda _: reloader.reload())} if reloader is not None else {}),
            **({"GET /doctor": _awaited(lambda _: doctor.rows())} if doctor is not None else {}),
            "POST /functions/{name}/invocations": self._invoke,
            "GET /status": _call(lambda _: {**calls.status(), **({"code_refused": reloader.refused} if reloader is not None else {})}),
            "GET /ps": _awaited(lambda _: calls.ps()),
            "GET /functions/{name}": _call(lambda p: calls.described(p["name"])),
            "GET /shapes": _call(lambda _: _offering().shapes()),
            "POST /shapes/{type}": self._sample,
            "POST /why": self._why,
            "POST /events": self._send,
            "POST /requests": self._request,
            "GET /events": _awaited(lambda p: calls.history.events(query_of(p))),
            "GET /events/{id}": _awaited(lambda p: calls.history.event(p["id"])),
            "POST /events/replay": self._replay,
            "GET /dlq": _awaited(lambda p: calls.history.dead_letters(p.get("function", ""), limit_of(p))),
            "GET /dlq/{id}": _awaited(lambda p: calls.history.event(p["id"])),
            "POST /dlq/redrive": self._redrive,
            "POST /dlq/purge": self._purge,
            "GET /schedules": _call(lambda _: calls.schedules()),
            "POST /schedules/{name}/run": self._run_schedule,
            "GET /buses": _awaited(lambda _: calls.bus.rows()),
            "GET /buses/rules": _call(lambda _: calls.bus.rule_rows()),
            "POST /buses/events": self._put_events,
            "GET /buses/replays": _awaited(lambda _: calls.bus.replay_rows()),
            "POST /buses/replays": self._start_replay,
            "POST /buses/replays/{name}/cancel": self._cancel_replay,
            "GET /feeds": _awaited(lambda _: calls.feeds()),
            "POST /feeds/{name}/install": self._install_feed,
            "POST /feeds/{name}/uninstall": self._uninstall_feed,
            "GET /feeds/{name}/sql": self._feed_sql,
        }

    async def __call__(self, request: Request) -> Response:
        """Answer one request; what cannot be done is answered too."""
        try:
            match = self._routes.find(request.method, request.path)
        except BadPath as error:
            return answer({"code": "BadPath", "message": str(error)}, 400)
        if match is None:
            return answer({"code": "NotFound", "message": f"no call {request.method} {request.path}"}, 404)
        query = {name: values[-1] for name, values in parse_qs(request.query).items()} if request.query else {}
        try:
            return await match.value(request, {**query, **match.parameters})
        except RouterError as error:
            return refusal(error)

    async def _invoke(self, request: Request, parameters: Parameters) -> Response:
        name, kind = parameters["name"], request.header("x-amz-invocation-type") or "RequestResponse"
        if kind == "Event":
            return Response(202, (("x-amzn-requestid", await self._calls.emit(name, request.body)),))
        if kind != "RequestResponse":
            raise InvalidParameter(f"invocation type {kind}: RequestResponse or Event")
        tail = request.header("x-amz-log-type") == "Tail"
        request_id, outcome = await self._calls.invoke(name, request.body, trace=request.header("x-amzn-trace-id"), tail=tail)
        headers = [*JSON_HEADERS, ("x-amzn-requestid", request_id), ("x-amz-executed-version", outcome.version)]
        if outcome.function_error:
            headers.append(("x-amz-function-error", outcome.function_error))
        if tail:
            headers.append(("x-amz-log-result", base64.b64encode(outcome.log_tail).decode()))
        return Response(200, headers, outcome.payload)

    async def _sample(self, request: Request, parameters: Parameters) -> Response:
        """An event of a type, of the facts in the body."""
        return answer(_offering().sample(parameters["type"], body_of(request), time.time()))

    async def _why(self, request: Request, _: Parameters) -> Response:
        return answer(_offering().why(body_of(request), self._calls.config))

    async def _send(self, request: Request, _: Parameters) -> Response:
        """An event by hand: to whom its triggers would give it."""
        body = body_of(request)
        return answer(await self._calls.sender.send(str(body.get("type") or ""), body.get("event")))

    async def _request(self, request: Request, _: Parameters) -> Response:
        """An HTTP request by hand: to what serves it on the http listener."""
        body = body_of(request)
        given = request_of(body, ByHand(request.client, lambda response: answer(spelled(response, response.body))))
        response = await self._calls.sender.serve(str(body.get("type") or ""), given)
        return answer(spelled(response, await whole(response)))

    async def _replay(self, request: Request, _: Parameters) -> Response:
        """{"ids": [...]} or {"query": {as GET /events}, "dry_run": true}, and "to": NAME."""
        body = body_of(request)
        to, query = body.get("to") or "", body.get("query")
        if not isinstance(to, str):
            raise InvalidParameter("to is a function's name")
        if query is None:
            if "dry_run" in body:
                raise InvalidParameter("a dry run is of a query, not of ids")
            return answer({"ids": await self._calls.history.replay(_ids_in(body), to)})
        if not isinstance(query, dict) or "ids" in body:
            raise InvalidParameter("query is an object, and stands without ids")
        if unknown := query.keys() - FILTERS:
            raise InvalidParameter(f"{min(unknown)!r:.40} is no filter; there are {', '.join(sorted(FILTERS))}")
        asked = query_of({str(name): str(value) for name, value in query.items()}, most=MOST)
        return answer(await self._calls.history.replay_all(asked, to, dry_run=body.get("dry_run") is True))

    async def _redrive(self, request: Request, _: Parameters) -> Response:
        return answer({"redriven": await self._calls.history.redrive(wanted_of(request))})

    async def _purge(self, request: Request, _: Parameters) -> Response:
        wanted = wanted_of(request)
        count = await self._calls.history.purge(wanted)
        log.info("dead_letters_purged", count=count, function=wanted.function)
        return answer({"purged": count})

    async def _run_schedule(self, _: Request, parameters: Parameters) -> Response:
        return answer({"id": await self._calls.run_schedule(parameters["name"])})

    async def _put_events(self, request: Request, _: Parameters) -> Response:
        """PutEvents: its own request and answer."""
        return answer(await self._calls.bus.put(body_of(request)))

    async def _start_replay(self, request: Request, _: Parameters) -> Response:
        return answer({"name": await self._calls.bus.start_replay(replay_of(body_of(request)))})

    async def _cancel_replay(self, _: Request, parameters: Parameters) -> Response:
        await self._calls.bus.cancel_replay(parameters["name"])
        return answer({"cancelled": True})

    async def _install_feed(self, _: Request, parameters: Parameters) -> Response:
        await self._calls.install_feed(parameters["name"])
        return answer({"installed": True})

    async def _uninstall_feed(self, _: Request, parameters: Parameters) -> Response:
        return answer({"uninstalled": True, "changes": await self._calls.uninstall_feed(parameters["name"])})

    async def _feed_sql(self, _: Request, parameters: Parameters) -> Response:
        return answer({"sql": await self._calls.feed_sql(parameters["name"])})


def _offering() -> ModuleType:
    """What an operator tries before sending: all shapes of events, which take a fiftieth of a second to import and no start needs."""
    from router.api import offering  # noqa: PLC0415 - as above

    return offering


def _call(call: Callable[[Parameters], Any]) -> Handler:
    async def handler(_: Request, parameters: Parameters) -> Response:
        return answer(call(parameters))

    return handler


def _awaited(call: Callable[[Parameters], Awaitable[Any]]) -> Handler:
    async def handler(_: Request, parameters: Parameters) -> Response:
        return answer(await call(parameters))

    return handler


def key_handlers(keys: Keys) -> dict[str, Handler]:
    """The calls on access keys."""

    async def create(request: Request, _: Parameters) -> Response:
        return answer(await keys.create(body_of(request)))

    return {
        "GET /keys": _awaited(lambda _: keys.list()),
        "POST /keys": create,
        "POST /keys/{id}/revoke": _awaited(lambda p: keys.revoke(p["id"])),
    }


def declared_handlers(declared: Declared) -> dict[str, Handler]:
    """The calls on what the API declared."""

    async def remove(_: Request, parameters: Parameters) -> Response:
        kind, name = parameters["kind"], parameters["name"]
        if declared.get(kind, name) is None:
            raise InvalidParameter(f"the API has declared no {kind} {name}")
        await declared.remove(kind, name)
        return answer({"removed": True})

    return {
        "GET /declared": _call(lambda _: rows_of(declared.fragments())),
        "POST /declared/{kind}/{name}/remove": remove,
    }


def queue_handlers(queues: QueueCalls) -> dict[str, Handler]:
    """The calls on queues."""

    async def send(request: Request, parameters: Parameters) -> Response:
        return answer(await queues.send(parameters["name"], body_of(request)))

    async def receive(request: Request, parameters: Parameters) -> Response:
        body = body_of(request)
        most, wait, visibility = body.get("max", 1), body.get("wait") or 0, body.get("visibility")
        if type(most) is not int or not _number(wait) or (visibility is not None and not _number(visibility)):
            raise InvalidParameter("max is a whole number, wait and visibility are seconds")
        return answer(await queues.receive(parameters["name"], most=most, wait=wait, visibility=visibility, client=request.client))

    async def delete(request: Request, parameters: Parameters) -> Response:
        handles = body_of(request).get("handles")
        if not isinstance(handles, list) or not all(isinstance(handle, str) for handle in handles):
            raise InvalidParameter("handles is a list of receipt handles")
        return answer({"deleted": await queues.delete(parameters["name"], handles)})

    async def redrive(request: Request, parameters: Parameters) -> Response:
        body = body_of(request)
        to, rate = body.get("to") or "", body.get("rate", RATE)
        if not isinstance(to, str) or type(rate) is not int:
            raise InvalidParameter("to is a queue, rate a whole number of messages a second")
        return answer({"task": await queues.redrive(parameters["name"], to, rate)})

    async def purge(_: Request, parameters: Parameters) -> Response:
        return answer({"purged": await queues.purge(parameters["name"])})

    return {
        "GET /queues": _awaited(lambda _: queues.rows()),
        "POST /queues/{name}/messages": send,
        "POST /queues/{name}/receive": receive,
        "POST /queues/{name}/delete": delete,
        "POST /queues/{name}/purge": purge,
        "POST /queues/{name}/redrive": redrive,
        "GET /moves": _awaited(lambda _: queues.moves()),
    }


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def body_of(request: Request) -> dict[str, Any]:
    """The request's JSON object; {} when it has no body. Raises InvalidParameter."""
    try:
        body = orjson.loads(request.body or b"{}")
    except ValueError as error:
        raise InvalidParameter(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise InvalidParameter("the body is not a JSON object")
    return body


def wanted_of(request: Request) -> Wanted:
    """The dead letters that a request means: {"ids": [...]}, {"function": NAME} or {"all": true}. Raises InvalidParameter."""
    body = body_of(request)
    function = body.get("function") or ""
    if not isinstance(function, str):
        raise InvalidParameter("function is a name")
    return Wanted(_ids_in(body) if body.get("ids") else (), function, body.get("all") is True)


def _ids_in(body: Mapping[str, Any]) -> list[str]:
    ids = body.get("ids")
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
        raise InvalidParameter("ids is a list of event ids")
    return ids


def replay_of(body: Mapping[str, Any]) -> Replay:
    """The replay that {"name", "bus", "from", "to", "rules", "pattern"} asks for; times are epoch seconds. Raises InvalidParameter."""
    texts = [body.get(key) or default for key, default in (("name", ""), ("bus", "default"), ("pattern", ""))]
    times = [body.get("from", 0), body.get("to", LATEST)]
    rules = body.get("rules") or []
    if not all(isinstance(text, str) for text in texts) or not isinstance(rules, list) or not all(isinstance(one, str) for one in rules):
        raise InvalidParameter("name, bus and pattern are texts, rules is a list of names")
    if not all(isinstance(at, int | float) and not isinstance(at, bool) and 0 <= at <= LATEST for at in times):
        raise InvalidParameter("from and to are times in epoch seconds")
    name, bus, pattern = texts
    return Replay(name, bus, float(times[0]), float(times[1]), tuple(rules), pattern)


def limit_of(parameters: Parameters, most: int = ROWS) -> int:
    """How many rows are wanted, 1 to *most*; 100 when nothing is said."""
    text = parameters.get("limit", "100")
    if not text.isdecimal() or len(text) > len(str(most)) or not 1 <= int(text) <= most:
        raise InvalidParameter(f"limit {text[:20]}: a number from 1 to {most}")
    return int(text)


def query_of(parameters: Parameters, *, most: int = ROWS) -> Query:
    """The listing that the query string asks for. Raises InvalidParameter."""
    try:
        states = frozenset(State(state) for state in parameters.get("state", "").split(",") if state)
        since = float(parameters.get("since") or 0)
        if not math.isfinite(since):
            raise ValueError(f"since {since}")  # noqa: TRY301 - one answer for all of them
    except ValueError as error:
        raise InvalidParameter(f"{error}; states are {', '.join(State)}, since is epoch seconds") from error
    return Query(
        function=parameters.get("function", ""),
        source=parameters.get("source", ""),
        states=states,
        since=since,
        before=parameters.get("before", ""),
        limit=limit_of(parameters, most),
    )


def version_handlers(versions: Versions) -> dict[str, Handler]:
    """The calls on published versions and aliases."""

    async def publish(request: Request, parameters: Parameters) -> Response:
        return answer(await versions.publish(parameters["name"], str(body_of(request).get("description") or "")))

    async def delete(_: Request, parameters: Parameters) -> Response:
        await versions.delete(parameters["name"], parameters["version"])
        return answer({"deleted": True})

    return {
        "GET /versions": _call(lambda p: versions.rows(p.get("function", ""))),
        "GET /aliases": _call(lambda _: versions.alias_rows()),
        "POST /functions/{name}/versions": publish,
        "POST /functions/{name}/versions/{version}/delete": delete,
    }
