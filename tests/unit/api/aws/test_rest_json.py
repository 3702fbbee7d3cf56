"""REST with JSON, with botocore as the client."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.api.aws.protocol import Aimed, Fault
from router.api.aws.rest_json import RestJson
from router.api.aws.values import Malformed
from router.events.http import Request
from tests.helpers.models import asked, members, model, operations, plain, told

SERVICES = ("lambda", "scheduler")
CODEC = RestJson()
WHERE = Aimed("lambda", "rest-json")


@settings(deadline=None)
@given(st.data())
def test_what_botocore_asks_arrives(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(SERVICES))
    operation = data.draw(operations(name))
    assert operation.input is not None
    parameters = data.draw(members(operation.input))
    request = asked(name, operation, parameters)
    found = CODEC.found(model(name), request, WHERE)
    assert found is not None
    assert found.operation.name == operation.name
    assert plain(CODEC.read(model(name), found, request)) == plain(parameters)


@settings(deadline=None)
@given(st.data())
def test_botocore_reads_what_is_answered(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(SERVICES))
    operation = data.draw(operations(name))
    given_members = data.draw(members(operation.output)) if operation.output else {}
    for member in operation.output.members.values() if operation.output else ():
        if member.location == "statusCode" and member.name in given_members:
            given_members[member.name] = 200 + abs(given_members[member.name]) % 5
    answer = CODEC.answer(model(name), operation, given_members, "an-id")
    said = told(name, operation, answer)
    assert said.pop("ResponseMetadata")["RequestId"] == "an-id"
    said = {key: one.read() if hasattr(one, "read") else one for key, one in said.items()}
    for member in operation.output.members.values() if operation.output else ():
        if member.location == "statusCode" and member.name not in given_members:
            said.pop(member.name, None)
    assert plain(said) == plain(given_members)


def test_an_arn_in_the_path_is_one_segment() -> None:
    path = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af%3APROD/invocations?Qualifier=PROD"
    request = Request("POST", path, [("x-amz-invocation-type", "Event")], b"{}")
    found = CODEC.found(model("lambda"), request, WHERE)
    assert found is not None
    assert CODEC.read(model("lambda"), found, request) == {
        "FunctionName": "arn:aws:lambda:us-east-1:123456789012:function:f:PROD",
        "Qualifier": "PROD",
        "InvocationType": "Event",
        "Payload": b"{}",
    }
    slashed = request._replace(target=path.replace("%3Af%3A", "%2Ff%3A"))
    found = CODEC.found(model("lambda"), slashed, WHERE)
    assert found is not None
    assert "function/f" in CODEC.read(model("lambda"), found, slashed)["FunctionName"]


def test_a_throttle_names_its_reason_and_when_to_come_again() -> None:
    fault = Fault("TooManyRequestsException", "Rate Exceeded.", 429, {"Reason": "CallerRateLimitExceeded", "retryAfterSeconds": "1"})
    answer = CODEC.fault(model("lambda"), fault, "an-id")
    assert isinstance(answer.body, bytes)
    assert orjson.loads(answer.body) == {"Reason": "CallerRateLimitExceeded", "Type": "User", "message": "Rate Exceeded."}
    assert dict(answer.headers)["Retry-After"] == "1"
    assert dict(answer.headers)["x-amzn-ErrorType"] == "TooManyRequestsException"
    answer = CODEC.fault(model("lambda"), Fault("ResourceNotFoundException", "no", 404), "an-id")
    assert isinstance(answer.body, bytes)
    assert orjson.loads(answer.body) == {"Type": "User", "Message": "no"}


@pytest.mark.parametrize("query", ["MaxItems=x", "MaxItems=99999999999", "MaxItems=1.5"])
def test_a_number_is_a_number(query: str) -> None:
    request = Request("GET", f"/2015-03-31/functions/?{query}", ())
    found = CODEC.found(model("lambda"), request, WHERE)
    assert found is not None
    with pytest.raises(Malformed):
        CODEC.read(model("lambda"), found, request)


@given(st.text(max_size=40).filter(str.isprintable))
def test_any_path_is_an_operation_or_none(path: str) -> None:
    CODEC.found(model("lambda"), Request("GET", f"/{path}", ()), WHERE)
