"""Records of outcomes, beside those that AWS sent."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from router.events.destinations import (
    ERROR_TEXT,
    Invocation,
    Stretch,
    dead_letter_attributes,
    invocation_record,
    object_key,
    stream_record,
)

GOLDEN = Path(__file__).parents[2] / "golden"
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f:$LATEST"
NO_LIMIT = 2**63


def golden(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text())


def told(**over: Any) -> Invocation:
    facts = {
        "request_id": "id",
        "arn": ARN,
        "version": "$LATEST",
        "condition": "Success",
        "invokes": 1,
        "request": b"{}",
        "response": b'{"a": 1}',
    }
    return Invocation(**{**facts, **over})


def shape(value: Any) -> Any:
    """Keys in their order, and types of values."""
    return {key: shape(item) for key, item in value.items()} if isinstance(value, dict) else type(value).__name__


def made(invocation: Invocation, limit: int = NO_LIMIT) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(invocation_record(invocation, at=1_700_000_000.1234, limit=limit))
    return record


def test_a_success_is_as_aws_sent_it() -> None:
    sent = golden("destinations_template_async_success.json")
    record = made(told(request=json.dumps(sent["requestPayload"]).encode(), response=json.dumps(sent["responsePayload"]).encode()))
    assert shape(record) == shape(sent)
    assert list(record) == list(sent)
    assert (record["responseContext"], record["requestContext"]["condition"]) == (sent["responseContext"], "Success")
    assert record["timestamp"] == "2023-11-14T22:13:20.123Z"


def test_a_failure_is_as_aws_sent_it() -> None:
    sent = golden("destinations_template_async_retries_exhausted.json")
    record = made(
        told(
            condition="RetriesExhausted",
            invokes=3,
            failed=True,
            request=json.dumps(sent["requestPayload"]).encode(),
            response=json.dumps(sent["responsePayload"]).encode(),
        )
    )
    assert shape(record) == shape(sent)
    for key in ("requestPayload", "responseContext", "responsePayload"):
        assert record[key] == sent[key]


def test_an_event_that_never_ran_has_no_response() -> None:
    record = made(told(condition="ZeroReservedConcurrency", invokes=0, response=None))
    assert record.keys() == {"version", "timestamp", "requestContext", "requestPayload"}
    assert record["requestContext"]["approximateInvokeCount"] == 0


def test_what_does_not_fit_is_left_out() -> None:
    big = told(request=b'"' + b"x" * 1000 + b'"', response=b'"' + b"y" * 1000 + b'"')
    assert {"requestPayload", "responsePayload"} <= made(big).keys()
    assert made(big, 1500).keys() == {"version", "timestamp", "requestContext", "requestPayload", "responseContext"}
    assert made(big, 900).keys() == {"version", "timestamp", "requestContext", "responseContext"}


@given(request=st.binary(), response=st.one_of(st.none(), st.binary()), condition=st.text(st.characters(codec="utf-8")))
def test_whatever_the_payloads_are_there_is_a_record(request: bytes, response: bytes | None, condition: str) -> None:
    invocation = told(request=request, response=response, condition=condition, failed=True)
    assert made(invocation)["requestContext"]["condition"] == condition
    attributes = dead_letter_attributes(invocation)
    assert 0 <= len(str(attributes["ErrorMessage"].value).encode()) <= max(ERROR_TEXT, len(condition.encode()))


def test_a_dead_letter_says_why() -> None:
    failed = told(condition="RetriesExhausted", response=b'{"errorMessage": "no \\u0000 database", "errorType": "Exception"}')
    assert {name: (one.data_type, one.value) for name, one in dead_letter_attributes(failed).items()} == {
        "RequestID": ("String", "id"),
        "ErrorCode": ("Number", "200"),
        "ErrorMessage": ("String", "no ? database"),
    }
    never = dead_letter_attributes(told(condition="ZeroReservedConcurrency", response=None))
    assert (never["ErrorCode"].value, never["ErrorMessage"].value) == ("429", "ZeroReservedConcurrency")
    assert (
        len(
            str(
                dead_letter_attributes(told(response=json.dumps({"errorMessage": "\u00e9" * 2000}).encode()))["ErrorMessage"].value
            ).encode()
        )
        == 1024
    )


def test_a_streams_record_is_as_aws_sent_it() -> None:
    sent = golden("dynamodb_streams_template_on_failure_destination.json")["Message"]
    stretch = Stretch(
        "shardId-0", "1", "1", 1_657_720_081.0, 1_657_720_081.9, 1, "arn:aws:dynamodb:eu-west-1:123456789012:table/t/stream/x"
    )
    record = stream_record(
        stretch, request_id="id", arn=ARN, condition="RetryAttemptsExhausted", invokes=2, function_error="Unhandled", at=1_657_720_081.0
    )
    assert shape(record) == shape(sent)
    assert list(record) == list(sent)
    assert record["DDBStreamBatchInfo"]["approximateArrivalOfFirstRecord"] == "2022-07-13T13:48:01Z"


def test_an_objects_key_names_function_time_and_event() -> None:
    assert object_key("f", "id", 1_700_000_000.9) == "aws/lambda/async/f/2023/11/14/2023-11-14T22.13.20-id"


def test_payloads_stand_byte_for_byte() -> None:
    odd = b'{"n": 123456789012345678901234567890, "half": "\\ud800", "deep": [[1.10]]}'
    assert b'"requestPayload":' + odd + b"," in invocation_record(told(request=odd), at=0.0, limit=NO_LIMIT)
    assert made(told(response=b"NaN"))["responsePayload"] == "NaN"
    assert made(told(response=b"[" * 100_000))["responsePayload"].startswith("[[")
