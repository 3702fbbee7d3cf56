"""SQS records and their digests; whole batches are compared in tests/fidelity."""

import hashlib
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.sqs import Attribute, Fifo, Message, event, md5_of_attributes, record

ARN = "arn:aws:sqs:us-east-2:123456789012:my-queue"


def made(**facts: Any) -> dict[str, Any]:
    message = Message("id-1", "handle", facts.pop("body", "hello"), 1545082649183, 1545082649185, "AIDA", **facts)
    return record(message, queue_arn=ARN, region="us-east-2")


def test_a_plain_message_has_nothing_that_is_not_its_own() -> None:
    assert list(made()) == [
        "messageId",
        "receiptHandle",
        "body",
        "attributes",
        "messageAttributes",
        "md5OfBody",
        "eventSource",
        "eventSourceARN",
        "awsRegion",
    ]
    assert made()["attributes"] == {
        "ApproximateReceiveCount": "1",
        "SentTimestamp": "1545082649183",
        "SenderId": "AIDA",
        "ApproximateFirstReceiveTimestamp": "1545082649185",
    }


def test_fifo_dead_letters_and_traces_add_attributes() -> None:
    attributes = made(group="g", fifo=Fifo("d", "1" * 20), dead_letter_source=f"{ARN}-1", trace="Root=1-2-3", receives=4)["attributes"]
    assert all(isinstance(value, str) for value in attributes.values())
    assert attributes["ApproximateReceiveCount"] == "4"
    assert (attributes["MessageGroupId"], attributes["MessageDeduplicationId"], attributes["SequenceNumber"]) == ("g", "d", "1" * 20)
    assert (attributes["DeadLetterQueueSourceArn"], attributes["AWSTraceHeader"]) == (f"{ARN}-1", "Root=1-2-3")


def test_in_a_standard_queue_a_message_may_have_a_group_of_itself() -> None:
    attributes = made(group="tenant")["attributes"]
    assert attributes["MessageGroupId"] == "tenant"
    assert not {"MessageDeduplicationId", "SequenceNumber"} & attributes.keys()


def test_attributes_keep_their_types_and_bytes() -> None:
    told = made(attributes={"n": Attribute("Number.int", "6"), "b": Attribute("Binary", b"\x00\xff")})
    assert told["messageAttributes"]["n"] == {
        "stringValue": "6",
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": "Number.int",
    }
    assert b64decode(told["messageAttributes"]["b"]["binaryValue"]) == b"\x00\xff"
    assert "stringValue" not in told["messageAttributes"]["b"]


def test_the_digest_of_attributes_is_awss() -> None:
    recorded = {  # tests/golden/sqs_template_message_attributes.json
        "WeeksOn": Attribute("Number", "6"),
        "Author": Attribute("String", "John Grisham"),
        "Title": Attribute("String", "The Whistler"),
    }
    assert md5_of_attributes(recorded) == "d25a6aea97eb8f585bfa92d314504a92"
    assert made(attributes=recorded)["md5OfMessageAttributes"] == "d25a6aea97eb8f585bfa92d314504a92"


def test_a_digest_tells_a_binary_value_from_text() -> None:
    assert md5_of_attributes({"a": Attribute("Binary", b"x")}) != md5_of_attributes({"a": Attribute("Binary", "x")})
    by_hand = b"\0\0\0\1a" + b"\0\0\0\6Binary" + b"\2" + b"\0\0\0\1x"
    assert md5_of_attributes({"a": Attribute("Binary", b"x")}) == hashlib.md5(by_hand).hexdigest()


@given(st.dictionaries(st.text(min_size=1), st.text() | st.binary(), min_size=1))
def test_a_digest_does_not_depend_on_the_order_of_attributes(values: dict[str, str | bytes]) -> None:
    attributes = {name: Attribute("String" if isinstance(value, str) else "Binary", value) for name, value in values.items()}
    assert md5_of_attributes(attributes) == md5_of_attributes(dict(reversed(attributes.items())))


@given(st.text())
def test_a_body_is_text_as_it_was_sent(body: str) -> None:
    told = made(body=body)
    assert told["body"] == body
    assert told["md5OfBody"] == hashlib.md5(body.encode()).hexdigest()


@pytest.mark.parametrize("count", [0, 1, 10])
def test_a_batch_has_its_messages_in_order(count: int) -> None:
    messages = [Message(str(number), "h", "b", 1, 1, "A") for number in range(count)]
    assert [one["messageId"] for one in event(messages, queue_arn=ARN, region="r")["Records"]] == [str(number) for number in range(count)]
