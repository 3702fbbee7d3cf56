"""SQS's older protocol as one of the endpoint's: botocore's model of SQS knows its JSON only."""

from collections.abc import Mapping
from typing import Any, Final

from router.api.aws.protocol import Fault, Found, ids
from router.api.aws.query import QueryProtocol, fields_of
from router.api.aws.shapes import OperationModel, ServiceModel
from router.api.aws.sqs import query
from router.api.aws.values import Malformed
from router.events.http import Request, Response
from router.events.sqs_errors import InvalidParameterValue, QueueDoesNotExist, QueueError

_CODES: Final = {kind.code: kind.query_code for kind in QueueError.__subclasses__()}
_MESSAGES: Final = {QueueDoesNotExist.query_code: "The specified queue does not exist for this wsdl version."}  # this protocol's own


class SqsQuery(QueryProtocol):
    """See protocol.Codec."""

    def read(self, model: ServiceModel, found: Found, request: Request) -> dict[str, Any]:  # noqa: ARG002 - as all protocols
        """The members of the form."""
        try:
            made = query.members_of(found.operation.name, fields_of(request), request.path)
        except InvalidParameterValue as error:
            raise Malformed(str(error)) from None
        shape = found.operation.input  # others are the signature's, or nobody's
        return {name: value for name, value in made.items() if shape is not None and name in shape.members}

    def answer(self, model: ServiceModel, operation: OperationModel, members: Mapping[str, Any], request_id: str) -> Response:  # noqa: ARG002
        """See query.answer()."""
        body = query.answer(operation.name, members, request_id, void=operation.output is None)
        return Response(200, ids(request_id, ("content-type", "text/xml")), body)

    def fault(self, model: ServiceModel | None, fault: Fault, request_id: str) -> Response:  # noqa: ARG002
        """See query.refusal()."""
        code = "AccessDenied" if fault.code == "AccessDeniedException" else _CODES.get(fault.code, fault.code)
        body = query.refusal(code, _MESSAGES.get(code, fault.message), request_id, sender=fault.sender)
        return Response(fault.status, ids(request_id, ("content-type", "text/xml")), body)
