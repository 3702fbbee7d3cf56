"""AWS JSON 1.0 and 1.1: one POST to /, the operation in X-Amz-Target, everything in one JSON object.

Pure. Source: Smithy, "AWS JSON 1.0 protocol" and "AWS JSON 1.1 protocol"; of awsQueryCompatible services the header
x-amzn-query-error too, which SDKs take the code from."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import orjson

from router.api.aws import event_stream, values
from router.api.aws.protocol import Aimed, Fault, Found, ids
from router.api.aws.shapes import Member, OperationModel, ServiceModel, Shape
from router.events.http import Request, Response

FRAMEWORK: Final = "com.amazon.coral.service"  # of refusals that come from before the service


class JsonProtocol:
    """See protocol.Codec."""

    status: ClassVar[int] = 400
    unsupported: ClassVar[str] = "application/x-amz-json-1.0"

    def found(self, model: ServiceModel, request: Request, aimed: Aimed) -> Found | None:
        """The operation that X-Amz-Target names."""
        operation = model.operations.get(aimed.operation)
        return Found(operation, {}) if operation is not None and request.method == "POST" else None

    def read(self, model: ServiceModel, found: Found, request: Request) -> dict[str, Any]:  # noqa: ARG002 - as all protocols
        """The members of the body."""
        shape = found.operation.input
        if shape is None:
            return {}
        return values.parsed(shape, loaded(request.body))

    def answer(self, model: ServiceModel, operation: OperationModel, members: Mapping[str, Any], request_id: str) -> Response:
        """One JSON object, or an event stream; nothing for an operation without an output."""
        if operation.output is not None and (stream := streamed(operation.output)) is not None and stream.name in members:
            rest = {name: value for name, value in members.items() if name != stream.name}
            initial = orjson.dumps(values.spelled(operation.output, rest))
            events = event_stream.messages(stream.shape, members[stream.name], initial=initial)
            return Response(operation.status, ids(request_id, ("content-type", event_stream.MEDIA)), events)
        body = b"" if operation.output is None else orjson.dumps(values.spelled(operation.output, members))
        return Response(operation.status, ids(request_id, ("content-type", _media(model))), body)

    def fault(self, model: ServiceModel | None, fault: Fault, request_id: str) -> Response:
        """__type and message; a member that the exception's shape has is spelled as that says."""
        shape = model.errors.get(fault.code) if model is not None else None
        name = shape.name if shape is not None else fault.code
        space = FRAMEWORK if fault.framework else _namespace(model)
        body = {"__type": f"{space}#{name}" if space else name} | faulted(shape, fault, "Message" if fault.framework else "message")
        headers = [("content-type", _media(model))]
        if model is not None and model.query_compatible:
            headers.append(query_error(fault))
        return Response(fault.status, ids(request_id, *headers), orjson.dumps(body))


def streamed(shape: Shape) -> Member | None:
    """The member that is an event stream."""
    return next((member for member in shape.members.values() if member.shape.stream), None) if shape.streams else None


def loaded(body: bytes) -> Any:
    """The JSON value of a body; an object where there is nothing. Raises Malformed."""
    if not body:
        return {}
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise values.Malformed(
            f"Could not parse request body into json: {error.msg}: line: {error.lineno}, column: {error.colno}"
        ) from None


def faulted(shape: Shape | None, fault: Fault, otherwise: str) -> dict[str, Any]:
    """The members of a refusal. *otherwise*: how its message is spelled where the model does not say."""
    key = next((name for name in ("message", "Message") if shape is not None and name in shape.members), otherwise)
    found: dict[str, Any] = {}
    if shape is None:
        found |= {name: value for name, value in fault.members.items() if value is not None}
    else:
        known = {name: value for name, value in fault.members.items() if name in shape.members}
        found |= values.spelled(shape, known)
    return {**found, key: fault.message}


def _media(model: ServiceModel | None) -> str:
    return f"application/x-amz-json-{model.json_version if model is not None else '1.0'}"


_NAMESPACES: Final = {
    "sqs": "com.amazonaws.sqs",
    "dynamodb": "com.amazonaws.dynamodb.v20120810",
    "dynamodbstreams": "com.amazonaws.dynamodb.v20120810",
}


def _namespace(model: ServiceModel | None) -> str:
    return _NAMESPACES.get(model.name, "") if model is not None else ""


_OLD_CODES: Final = {  # SQS: codes of the query protocol, which SDKs go on telling
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDeletedRecently": "AWS.SimpleQueueService.QueueDeletedRecently",
    "QueueNameExists": "QueueAlreadyExists",
    "ReceiptHandleIsInvalid": "ReceiptHandleIsInvalid",
    "MessageNotInflight": "AWS.SimpleQueueService.MessageNotInflight",
    "PurgeQueueInProgress": "AWS.SimpleQueueService.PurgeQueueInProgress",
    "BatchEntryIdsNotDistinct": "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    "BatchRequestTooLong": "AWS.SimpleQueueService.BatchRequestTooLong",
    "EmptyBatchRequest": "AWS.SimpleQueueService.EmptyBatchRequest",
    "InvalidBatchEntryId": "AWS.SimpleQueueService.InvalidBatchEntryId",
    "TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
    "UnsupportedOperation": "AWS.SimpleQueueService.UnsupportedOperation",
    "UnrecognizedClientException": "InvalidClientTokenId",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "IncompleteSignatureException": "IncompleteSignature",
    "ExpiredTokenException": "ExpiredToken",
    "AccessDeniedException": "AccessDenied",
}


def query_error(fault: Fault) -> tuple[str, str]:
    """The header that names a fault as the query protocol does, of services that spoke that before."""
    return "x-amzn-query-error", f"{_OLD_CODES.get(fault.code, fault.code)};{'Sender' if fault.sender else 'Receiver'}"
