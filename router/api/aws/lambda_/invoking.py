"""Invoke, InvokeAsync, InvokeWithResponseStream: the daemon's own doors (router/dispatch), in Lambda's words."""

import base64
import binascii
import json
from collections.abc import AsyncGenerator
from typing import Any, Final

from router.api.aws.event_stream import Events, Read
from router.api.aws.lambda_.place import invalid, text
from router.api.aws.lambda_.rooms import Rooms
from router.api.aws.service import AwsError, Call, Members
from router.dispatch.dispatcher import Facts
from router.errors import FunctionNotFound, InvalidRequestContent, RequestTooLarge, StreamBroken, TooManyRequests
from router.model import ASYNC_LIMIT, SYNC_LIMIT, Envelope, Stream
from router.names import LATEST

CLIENT_CONTEXT: Final = 3583  # bytes of it in base64: Lambda API reference, Invoke
_PLATFORM: Final = ("Runtime.", "Sandbox.", "Function.", "Extension.")  # error types that are not the handler's own
_REFUSED: Final = ("TenantId", "DurableExecutionName")
_CONTEXT: Final = "Client context must be a valid Base64-encoded JSON object."


class Invoking:
    """The operations."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def invoke(self, call: Call) -> Members:
        """Invoke, of all three types."""
        kind = text(call.parameters, "InvocationType") or "RequestResponse"
        envelope = self._envelope(call, "Payload", ASYNC_LIMIT if kind == "Event" else SYNC_LIMIT)
        if kind == "DryRun":
            return {"StatusCode": 204, "Payload": b""}
        if kind == "Event":
            await self._rooms.calls.dispatcher.emit(envelope)
            return {"StatusCode": 202, "Payload": b""}
        tail = text(call.parameters, "LogType") == "Tail"
        try:
            outcome = await self._rooms.calls.dispatcher.invoke(envelope, Facts(_client_context(call.parameters), whole=tail))
        except TooManyRequests as error:
            raise _throttled(error) from error
        members: dict[str, Any] = {"StatusCode": 200, "Payload": outcome.payload, "ExecutedVersion": outcome.version}
        if outcome.function_error:
            members["FunctionError"] = outcome.function_error
        if tail:
            members["LogResult"] = base64.b64encode(outcome.log_tail).decode()
        return members

    async def invoke_async(self, call: Call) -> Members:
        """InvokeAsync, as it was before Invoke had types."""
        await self._rooms.calls.dispatcher.emit(self._envelope(call, "InvokeArgs", ASYNC_LIMIT))
        return {"Status": 202}

    async def stream(self, call: Call) -> Members:
        """InvokeWithResponseStream: EventStream is an iterator of events, one member each."""
        envelope = self._envelope(call, "Payload", SYNC_LIMIT)
        if text(call.parameters, "InvocationType") == "DryRun":
            return {"StatusCode": 204}
        tail = text(call.parameters, "LogType") == "Tail"
        try:
            stream = await self._rooms.calls.dispatcher.stream(envelope, Facts(_client_context(call.parameters), whole=tail))
        except TooManyRequests as error:
            raise _throttled(error) from error
        # no ResponseStreamContentType: it is the header Content-Type, which tells a client to read an event stream
        return {"StatusCode": 200, "ExecutedVersion": stream.version, "EventStream": events(stream, tail=tail)}

    def _envelope(self, call: Call, member: str, limit: int) -> Envelope:
        """The event on its way, checked in AWS's order: who, how large, whether JSON. Raises RouterError."""
        members = call.parameters
        try:
            target = self._rooms.functions.target(text(members, "FunctionName"), text(members, "Qualifier"))
        except FunctionNotFound as error:
            arn = error.arn if error.arn.count(":") > 6 else f"{error.arn}:{LATEST}"
            raise FunctionNotFound(arn) if str(error).startswith("Function not found") else error from error
        for name in _REFUSED:
            if members.get(name):
                raise invalid(f"{name} is not supported: there are neither tenants nor durable functions here")
        payload = members.get(member)
        payload = payload.encode() if isinstance(payload, str) else bytes(payload or b"")
        if len(payload) > limit:
            raise RequestTooLarge(limit)
        payload = payload or b"{}"
        try:
            self._rooms.calls.check(payload)
        except InvalidRequestContent as error:
            reason = str(error).partition(": ")[2]
            raise InvalidRequestContent(
                f"Could not parse request body into json: Could not parse payload into json: {reason:.300}"
            ) from error
        return Envelope(target, payload, f"invoke:{call.caller.principal.arn}", request_id=call.request_id, trace=call.trace)


def events(stream: Stream, *, tail: bool) -> Events:
    """PayloadChunk for each piece, then one InvokeComplete."""
    return Read(_told(stream, tail=tail), stream.pieces.aclose)


async def _told(stream: Stream, *, tail: bool) -> AsyncGenerator[dict[str, Any], None]:
    complete: dict[str, Any] = {}
    try:
        async for piece in stream.pieces:
            yield {"PayloadChunk": {"Payload": piece}}
    except StreamBroken as error:
        complete = {"ErrorCode": _code(error.error_type), "ErrorDetails": error.payload.decode(errors="replace")}
    if not complete or tail:
        outcome = await stream.outcome
        if outcome.function_error and not complete:
            complete = {"ErrorCode": _code(outcome.error_type), "ErrorDetails": outcome.payload.decode(errors="replace")}
        if tail:
            complete["LogResult"] = base64.b64encode(outcome.log_tail).decode()
    yield {"InvokeComplete": complete}


def _code(error_type: str) -> str:
    """The platform's error types are told; what the handler raised is Unhandled."""
    return error_type if error_type.startswith(_PLATFORM) else "Unhandled"


def _throttled(error: TooManyRequests) -> AwsError:
    return AwsError("TooManyRequestsException", str(error), 429, Reason=error.reason, retryAfterSeconds="1")


def _client_context(members: Members) -> str:
    """The context's JSON. Raises InvalidRequestContent."""
    given = text(members, "ClientContext")
    if len(given) > CLIENT_CONTEXT:
        raise AwsError("InvalidRequestContentException", f"Client context must be smaller than {CLIENT_CONTEXT} bytes")
    if not given:
        return ""
    try:
        told = base64.b64decode(given, validate=True).decode()
        if not isinstance(json.loads(told), dict):
            raise AwsError("InvalidRequestContentException", _CONTEXT)
    except (binascii.Error, ValueError, RecursionError):
        raise AwsError("InvalidRequestContentException", _CONTEXT) from None
    return told
