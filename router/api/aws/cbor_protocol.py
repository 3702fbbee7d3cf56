"""RPC v2 CBOR: one POST to /service/NAME/operation/NAME, members in one CBOR map. Newer SDKs choose it where a service has it.

Pure. Source: Smithy, "RPC v2 CBOR protocol"."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from router.api.aws import cbor, event_stream, values
from router.api.aws.json_protocol import query_error, streamed
from router.api.aws.protocol import Aimed, Fault, Found, ids
from router.api.aws.shapes import OperationModel, ServiceModel, Shape
from router.api.aws.values import Malformed
from router.events.http import Request, Response

MEDIA: Final = "application/cbor"
_ALWAYS: Final = (("smithy-protocol", "rpc-v2-cbor"), ("content-type", MEDIA))


class CborProtocol:
    """See protocol.Codec."""

    status: ClassVar[int] = 403
    unsupported: ClassVar[str] = MEDIA

    def found(self, model: ServiceModel, request: Request, aimed: Aimed) -> Found | None:
        """The operation that the path names."""
        operation = model.operations.get(aimed.operation)
        return Found(operation, {}) if operation is not None and request.method == "POST" else None

    def read(self, model: ServiceModel, found: Found, request: Request) -> dict[str, Any]:  # noqa: ARG002 - as all protocols
        """The members of the body."""
        shape = found.operation.input
        if shape is None or not request.body:
            return {}
        value = cbor.loads(request.body)
        if not isinstance(value, dict):
            raise Malformed("the body is no map")
        return values.parsed(shape, value)

    def answer(self, model: ServiceModel, operation: OperationModel, members: Mapping[str, Any], request_id: str) -> Response:  # noqa: ARG002
        """One map, or an event stream."""
        shape = operation.output
        if shape is None:
            return Response(200, ids(request_id, _ALWAYS[0]))
        stream = streamed(shape)
        if stream is not None and stream.name in members:
            initial = cbor.dumps(_spelled(shape, {name: value for name, value in members.items() if name != stream.name}))
            events = event_stream.messages(stream.shape, members[stream.name], initial=initial, media=MEDIA, encode=_encoded)
            return Response(200, ids(request_id, _ALWAYS[0], ("content-type", event_stream.MEDIA)), events)
        return Response(200, ids(request_id, *_ALWAYS), _encoded(shape, members))

    def fault(self, model: ServiceModel | None, fault: Fault, request_id: str) -> Response:
        """__type and message."""
        shape = model.errors.get(fault.code) if model is not None else None
        key = next((name for name in ("message", "Message") if shape is not None and name in shape.members), "message")
        more = {} if shape is None else _spelled(shape, {name: one for name, one in fault.members.items() if name in shape.members})
        name = shape.name if shape is not None else fault.code
        told = (query_error(fault),) if model is not None and model.query_compatible else ()
        return Response(fault.status, ids(request_id, *_ALWAYS, *told), cbor.dumps({"__type": name, **more, key: fault.message}))


def _encoded(shape: Shape, value: Mapping[str, Any]) -> bytes:
    return cbor.dumps(_spelled(shape, value))


def _spelled(shape: Shape, value: Mapping[str, Any]) -> dict[str, Any]:
    return {shape.members[name].wire: _one(shape.members[name].shape, one) for name, one in value.items() if one is not None}


def _one(shape: Shape, value: Any) -> Any:
    match shape.kind:
        case "structure":
            return _spelled(shape, value)
        case "list":
            assert shape.item is not None
            return [_one(shape.item, one) for one in value]
        case "map":
            assert shape.value is not None
            return {key: _one(shape.value, one) for key, one in value.items()}
        case "timestamp":
            return cbor.Moment(value)
        case "blob":
            return value if isinstance(value, bytes) else str(value).encode()
        case "float" | "double":
            return float(value)
    return value
