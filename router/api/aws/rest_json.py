"""REST with JSON: members in the path, the query, headers and the status; the others in one JSON object, or one is the body.

Pure. Source: Smithy, "AWS REST JSON 1 protocol"; Lambda API reference, "Common errors"."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl, unquote

import orjson

from router.api.aws import event_stream, values
from router.api.aws.json_protocol import faulted, loaded
from router.api.aws.protocol import Aimed, Fault, Found, ids
from router.api.aws.shapes import Member, OperationModel, ServiceModel, Shape
from router.api.aws.values import Malformed
from router.events.http import Request, Response

_BOOLEANS: Final = {"true": True, "false": False}


class RestJson:
    """See protocol.Codec."""

    status: ClassVar[int] = 403
    unsupported: ClassVar[str] = "application/json"

    def found(self, model: ServiceModel, request: Request, aimed: Aimed) -> Found | None:  # noqa: ARG002 - as all protocols
        """The operation of this method and path."""
        matched = model.found(request.method, request.path, request.query)
        return Found(*matched) if matched is not None else None

    def read(self, model: ServiceModel, found: Found, request: Request) -> dict[str, Any]:  # noqa: ARG002 - as all protocols
        """The members, wherever they are."""
        shape = found.operation.input
        if shape is None:
            return {}
        located = [member for member in shape.members.values() if member.location]
        members = _located(located, found, request) if located else {}
        if not shape.payload:
            return (values.parsed(shape, loaded(request.body)) | members) if shape.wires else members
        body = shape.members[shape.payload]
        if body.shape.kind == "structure":
            return members | {body.name: values.parsed(body.shape, loaded(request.body))}
        return members | ({body.name: request.body if body.shape.kind == "blob" else _text(request.body)} if request.body else {})

    def answer(self, model: ServiceModel, operation: OperationModel, members: Mapping[str, Any], request_id: str) -> Response:  # noqa: ARG002
        """The answer, each member where it belongs."""
        shape = operation.output
        if shape is None:
            return Response(operation.status, ids(request_id, ("content-type", "application/json")))
        status, headers = _outside(shape, members, operation.status)
        if not shape.payload:
            body = orjson.dumps(values.spelled(shape, members)) if shape.wires else b""
            return Response(status, ids(request_id, ("content-type", "application/json"), *headers), body)
        value = members.get(shape.payload)
        kind = shape.members[shape.payload].shape
        if kind.stream and value is not None:
            return Response(status, ids(request_id, ("content-type", event_stream.MEDIA), *headers), event_stream.messages(kind, value))
        if kind.kind == "structure":
            told = b"" if value is None else orjson.dumps(values.spelled(kind, value))
            return Response(status, ids(request_id, ("content-type", "application/json"), *headers), told)
        raw = b"" if value is None else value if isinstance(value, bytes) else str(value).encode()
        return Response(status, ids(request_id, ("content-type", "application/json"), *headers), raw)

    def fault(self, model: ServiceModel | None, fault: Fault, request_id: str) -> Response:
        """The code in a header, the message under the key that the exception's shape has."""
        shape = model.errors.get(fault.code) if model is not None else None
        name = shape.name if shape is not None else fault.code
        headers = [("content-type", "application/json"), ("x-amzn-ErrorType", name)]
        if shape is not None:
            known = {key: value for key, value in fault.members.items() if key in shape.members}
            headers += _outside(shape, known, fault.status)[1]
            if "Type" in shape.members:
                fault = fault._replace(members={"Type": "User" if fault.status < 500 else "Service", **fault.members})
        body = faulted(shape, fault, "Message" if fault.status == 403 and "AccessDenied" in name else "message")
        return Response(fault.status, ids(request_id, *headers), orjson.dumps(body))


# -- in


def _located(members: list[Member], found: Found, request: Request) -> dict[str, Any]:
    """What the path, the query and headers say. Raises Malformed."""
    query = parse_qsl(request.query, keep_blank_values=True) if request.query else []
    values_of: dict[str, Any] = {}
    for member in members:
        if member.location == "uri":
            values_of[member.name] = _scalar(member, unquote(found.labels[member.wire]))
        elif member.location == "querystring":
            _queried(member, query, values_of)
        elif member.location == "header":
            if text := request.header(member.wire.lower()):
                values_of[member.name] = _scalar(member, text)
        elif member.location == "headers":
            prefix = member.wire.lower()
            values_of[member.name] = {name[len(prefix) :]: value for name, value in request.headers if name.startswith(prefix)}
    return values_of


def _queried(member: Member, query: list[tuple[str, str]], found: dict[str, Any]) -> None:
    given = [value for name, value in query if name == member.wire]
    if member.shape.kind == "list":
        if given:
            found[member.name] = given
    elif given:
        found[member.name] = _scalar(member, given[0])


def _scalar(member: Member, text: str) -> Any:
    kind = member.shape.kind
    if kind == "string":
        return text
    if kind == "boolean":
        if text.lower() not in _BOOLEANS:
            raise Malformed(f"{text[:40]!r} can not be converted to a Boolean")
        return _BOOLEANS[text.lower()]
    if kind in ("integer", "long", "float", "double"):
        try:
            number: float = int(text) if kind in ("integer", "long") else float(text)
        except ValueError:
            raise Malformed(f"{text[:40]!r} can not be converted to a number") from None
        return values.scalar(kind, number)
    return values.scalar(kind, text)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Malformed("the body is not UTF-8") from None


# -- out


def _outside(shape: Shape, members: Mapping[str, Any], status: int) -> tuple[int, list[tuple[str, str]]]:
    """The status and the headers that members are."""
    headers: list[tuple[str, str]] = []
    for name, value in members.items():
        member = shape.members[name]
        if value is None or not member.location:
            continue
        if member.location == "statusCode":
            status = int(value)
        elif member.location == "header":
            headers.append((member.wire, _header(member, value)))
        elif member.location == "headers":
            headers += [(f"{member.wire}{key}", str(one)) for key, one in value.items()]
    return status, headers


def _header(member: Member, value: Any) -> str:
    kind = member.shape.kind
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "timestamp":
        return str(values.stamped(value, member.timestamp or member.shape.timestamp or "rfc822"))
    return str(values.spelled_one(member.shape, value)) if kind == "blob" else str(value)
