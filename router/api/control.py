"""The control socket: the daemon's calls as HTTP and JSON over STATE/control.sock (mode 0600), for the command `router`.

Invocations look as on Lambda's own API: headers X-Amz-Invocation-Type, X-Amz-Log-Type, X-Amz-Function-Error."""

import base64
import time
from types import ModuleType
from urllib.parse import parse_qs

import structlog

from router.api.calls import Calls
from router.api.control_handlers import (
    JSON_HEADERS,
    Handler,
    answer,
    awaited,
    called,
    declared_handlers,
    key_handlers,
    queue_handlers,
    refusal,
    version_handlers,
)
from router.api.control_requests import FILTERS, Parameters, body_of, ids_in, limit_of, query_of, replay_of, wanted_of
from router.api.declared import Declared
from router.api.doctor import Doctor
from router.api.history import MOST
from router.api.keys import Keys
from router.api.queueing import QueueCalls
from router.api.reload import Reloader
from router.api.requests import ByHand, request_of, spelled, whole
from router.api.versions import Versions
from router.errors import InvalidParameter, RouterError
from router.events.gateway import BadPath
from router.events.http import Request, Response
from router.events.routes import RouteTable, parse

log = structlog.get_logger("router.control")


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
            **({"POST /reload": awaited(lambda _: reloader.reload())} if reloader is not None else {}),
            **({"GET /doctor": awaited(lambda _: doctor.rows())} if doctor is not None else {}),
            "POST /functions/{name}/invocations": self._invoke,
            "GET /status": called(lambda _: {**calls.status(), **({"code_refused": reloader.refused} if reloader is not None else {})}),
            "GET /ps": awaited(lambda _: calls.ps()),
            "GET /functions/{name}": called(lambda p: calls.described(p["name"])),
            "GET /shapes": called(lambda _: _offering().shapes()),
            "POST /shapes/{type}": self._sample,
            "POST /why": self._why,
            "POST /events": self._send,
            "POST /requests": self._request,
            "GET /events": awaited(lambda p: calls.history.events(query_of(p))),
            "GET /events/{id}": awaited(lambda p: calls.history.event(p["id"])),
            "POST /events/replay": self._replay,
            "GET /dlq": awaited(lambda p: calls.history.dead_letters(p.get("function", ""), limit_of(p))),
            "GET /dlq/{id}": awaited(lambda p: calls.history.event(p["id"])),
            "POST /dlq/redrive": self._redrive,
            "POST /dlq/purge": self._purge,
            "GET /schedules": called(lambda _: calls.schedules()),
            "POST /schedules/{name}/run": self._run_schedule,
            "GET /buses": awaited(lambda _: calls.bus.rows()),
            "GET /buses/rules": called(lambda _: calls.bus.rule_rows()),
            "POST /buses/events": self._put_events,
            "GET /buses/replays": awaited(lambda _: calls.bus.replay_rows()),
            "POST /buses/replays": self._start_replay,
            "POST /buses/replays/{name}/cancel": self._cancel_replay,
            "GET /feeds": awaited(lambda _: calls.feeds()),
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
            return answer({"ids": await self._calls.history.replay(ids_in(body), to)})
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
