"""AWS JSON 1.0 and 1.1, with botocore as the client."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.api.aws.json_protocol import JsonProtocol, loaded
from router.api.aws.protocol import Aimed, Fault
from router.api.aws.values import Malformed
from router.events.http import Request
from tests.helpers.models import arrivals, members, model, operations, plain, theirs, told

SERVICES = ("sqs", "events", "logs", "dynamodb", "dynamodbstreams")
CODEC = JsonProtocol()


@settings(deadline=None)
@given(st.data())
def test_what_botocore_asks_arrives(data: st.DataObject) -> None:
    parameters, said = data.draw(arrivals(SERVICES, "json", CODEC))
    assert said == parameters


@settings(deadline=None)
@given(st.data())
def test_botocore_reads_what_is_answered(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(SERVICES))
    operation = data.draw(operations(name))
    given_members = data.draw(members(operation.output)) if operation.output else {}
    answer = CODEC.answer(model(name), operation, given_members, "an-id")
    said = told(name, operation, answer)
    assert said.pop("ResponseMetadata")["RequestId"] == "an-id"
    if theirs(name).operation_model(operation.name).output_shape is not None:
        assert plain(said) == plain(given_members)


@pytest.mark.parametrize(
    ("name", "fault", "type_", "queried"),
    [
        ("logs", Fault("ResourceNotFoundException", "no", 400), "ResourceNotFoundException", None),
        (
            "sqs",
            Fault("QueueDoesNotExist", "no", 400),
            "com.amazonaws.sqs#QueueDoesNotExist",
            "AWS.SimpleQueueService.NonExistentQueue;Sender",
        ),
        (
            "sqs",
            Fault("UnrecognizedClientException", "no", 400, framework=True),
            "com.amazon.coral.service#UnrecognizedClientException",
            "InvalidClientTokenId;Sender",
        ),
        (
            "dynamodb",
            Fault("ConditionalCheckFailedException", "no", 400, {"Item": {"a": {"B": b"x"}}}),
            "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
            None,
        ),
    ],
)
def test_refusals(name: str, fault: Fault, type_: str, queried: str | None) -> None:
    answer = CODEC.fault(model(name), fault, "an-id")
    assert isinstance(answer.body, bytes)
    said = orjson.loads(answer.body)
    assert (said["__type"], said.get("message", said.get("Message"))) == (type_, "no")
    assert dict(answer.headers).get("x-amzn-query-error") == queried
    if fault.members:
        assert said["Item"] == {"a": {"B": "eA=="}}


@given(st.binary(max_size=60))
def test_any_body_is_json_or_refused(body: bytes) -> None:
    operation = model("dynamodb").operations["PutItem"]
    request = Request("POST", "/", (), body)
    found = CODEC.found(model("dynamodb"), request, Aimed("dynamodb", "json", "PutItem"))
    assert found is not None
    try:
        made: Any = CODEC.read(model("dynamodb"), found, request)
    except Malformed:
        return
    assert operation.input is not None
    assert made.keys() <= operation.input.members.keys()


def test_an_empty_body_is_an_empty_object() -> None:
    assert loaded(b"") == {}
    with pytest.raises(Malformed, match="Could not parse"):
        loaded(b"{")
