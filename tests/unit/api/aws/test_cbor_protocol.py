"""RPC v2 CBOR, with botocore as the client: it speaks the protocol of whichever model."""

from typing import Any

from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given, settings
from hypothesis import strategies as st

from router.api.aws import cbor
from router.api.aws.cbor_protocol import CborProtocol
from router.api.aws.protocol import Aimed, Fault
from router.api.aws.routing import aimed
from router.events.http import Request
from tests.helpers.models import members, model, operations, plain, theirs

SERVICES = ("sqs", "events", "logs", "dynamodb")
CODEC = CborProtocol()


@settings(deadline=None)
@given(st.data())
def test_what_botocore_asks_arrives_and_what_is_answered_it_reads(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(SERVICES))
    operation = data.draw(operations(name))
    assert operation.input is not None
    parameters = data.draw(members(operation.input))
    other = theirs(name).operation_model(operation.name)
    made = create_serializer("smithy-rpc-v2-cbor", include_validation=False).serialize_to_request(parameters, other)
    request = Request(made["method"], made["url_path"], [(key.lower(), one) for key, one in made["headers"].items()], made["body"])
    assert aimed(request) == Aimed(name, "cbor", operation.name)
    found = CODEC.found(model(name), request, aimed(request))
    assert found is not None
    assert CODEC.read(model(name), found, request) == parameters
    given_members = data.draw(members(operation.output)) if operation.output else {}
    answer = CODEC.answer(model(name), operation, given_members, "an-id")
    response = {"status_code": answer.status, "headers": dict(answer.headers), "body": answer.body, "context": {}}
    said: dict[str, Any] = create_parser("smithy-rpc-v2-cbor").parse(response, other.output_shape)
    said.pop("ResponseMetadata")
    assert plain(said) == (plain(given_members) if other.output_shape is not None else {})


def test_a_refusal_is_a_map() -> None:
    answer = CODEC.fault(model("logs"), Fault("ResourceNotFoundException", "no", 400), "an-id")
    assert isinstance(answer.body, bytes)
    assert cbor.loads(answer.body) == {"__type": "ResourceNotFoundException", "message": "no"}
    assert answer.status == 400
