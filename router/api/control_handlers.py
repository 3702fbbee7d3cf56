"""Answers of the control socket, and the calls on what is not the dispatcher's: queues, keys, versions, what the API declared."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import orjson

from router.api.control_requests import Parameters, body_of, is_number
from router.api.declared import Declared, rows_of
from router.api.keys import Keys
from router.api.queueing import QueueCalls
from router.api.versions import Versions
from router.errors import InvalidParameter, RouterError
from router.events.http import Request, Response
from router.queues.moves import RATE

JSON_HEADERS: Final = (("content-type", "application/json"),)

Handler = Callable[[Request, Parameters], Awaitable[Response]]


def answer(value: Any, status: int = 200, *headers: tuple[str, str]) -> Response:
    """A JSON answer."""
    return Response(status, (*JSON_HEADERS, *headers), orjson.dumps(value))


def refusal(error: RouterError) -> Response:
    """A RouterError as an answer."""
    headers = (("retry-after", "1"),) if error.status in (429, 503) else ()
    return answer({"code": error.code, "message": str(error)}, error.status, *headers)


def called(call: Callable[[Parameters], Any]) -> Handler:
    """A handler that answers with what *call* gives."""

    async def handler(_: Request, parameters: Parameters) -> Response:
        return answer(call(parameters))

    return handler


def awaited(call: Callable[[Parameters], Awaitable[Any]]) -> Handler:
    """A handler that answers with what *call* gives in time."""

    async def handler(_: Request, parameters: Parameters) -> Response:
        return answer(await call(parameters))

    return handler


def key_handlers(keys: Keys) -> dict[str, Handler]:
    """The calls on access keys."""

    async def create(request: Request, _: Parameters) -> Response:
        return answer(await keys.create(body_of(request)))

    return {
        "GET /keys": awaited(lambda _: keys.list()),
        "POST /keys": create,
        "POST /keys/{id}/revoke": awaited(lambda p: keys.revoke(p["id"])),
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
        "GET /declared": called(lambda _: rows_of(declared.fragments())),
        "POST /declared/{kind}/{name}/remove": remove,
    }


def queue_handlers(queues: QueueCalls) -> dict[str, Handler]:
    """The calls on queues."""

    async def send(request: Request, parameters: Parameters) -> Response:
        return answer(await queues.send(parameters["name"], body_of(request)))

    async def receive(request: Request, parameters: Parameters) -> Response:
        body = body_of(request)
        most, wait, visibility = body.get("max", 1), body.get("wait") or 0, body.get("visibility")
        if type(most) is not int or not is_number(wait) or (visibility is not None and not is_number(visibility)):
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
        "GET /queues": awaited(lambda _: queues.rows()),
        "POST /queues/{name}/messages": send,
        "POST /queues/{name}/receive": receive,
        "POST /queues/{name}/delete": delete,
        "POST /queues/{name}/purge": purge,
        "POST /queues/{name}/redrive": redrive,
        "GET /moves": awaited(lambda _: queues.moves()),
    }


def version_handlers(versions: Versions) -> dict[str, Handler]:
    """The calls on published versions and aliases."""

    async def publish(request: Request, parameters: Parameters) -> Response:
        return answer(await versions.publish(parameters["name"], str(body_of(request).get("description") or "")))

    async def delete(_: Request, parameters: Parameters) -> Response:
        await versions.delete(parameters["name"], parameters["version"])
        return answer({"deleted": True})

    return {
        "GET /versions": called(lambda p: versions.rows(p.get("function", ""))),
        "GET /aliases": called(lambda _: versions.alias_rows()),
        "POST /functions/{name}/versions": publish,
        "POST /functions/{name}/versions/{version}/delete": delete,
    }
