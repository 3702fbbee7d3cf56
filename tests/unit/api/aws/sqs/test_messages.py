"""Send, receive, settle, one by one and in batches."""

import asyncio
import hashlib
from dataclasses import replace
from typing import Any

import pytest

from router.errors import RouterError
from router.events.sqs_errors import QueueError
from tests.helpers.asker import Asker
from tests.unit.api.aws.sqs.rig import Rig

TEXT = {"DataType": "String", "StringValue": "v"}


async def test_a_message_goes_through(house: Rig) -> None:
    attributes = {"kind": TEXT, "raw": {"DataType": "Binary.x", "BinaryValue": b"\x00\xff"}, "other": TEXT}
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}}
    sent = await house.call("SendMessage", "jobs", MessageBody="hello", MessageAttributes=attributes, MessageSystemAttributes=trace)
    assert sent["MD5OfMessageBody"] == hashlib.md5(b"hello").hexdigest()
    assert sent.keys() == {"MessageId", "MD5OfMessageBody", "MD5OfMessageAttributes", "MD5OfMessageSystemAttributes"}
    received = await house.call("ReceiveMessage", "jobs", MessageAttributeNames=["kinds", "raw"], AttributeNames=["All"])
    (message,) = received["Messages"]
    assert (message["Body"], message["MessageId"]) == ("hello", sent["MessageId"])
    assert message["MessageAttributes"] == {"raw": {"DataType": "Binary.x", "BinaryValue": b"\x00\xff"}}
    assert message["MD5OfMessageAttributes"] != sent["MD5OfMessageAttributes"]  # of what was asked for only
    assert message["Attributes"]["SenderId"].startswith("AIDA")
    assert message["Attributes"]["AWSTraceHeader"] == trace["AWSTraceHeader"]["StringValue"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert await house.call("DeleteMessage", "jobs", ReceiptHandle=message["ReceiptHandle"]) == {}
    await house.clock.advance(31)
    assert await house.call("ReceiveMessage", "jobs") == {}


async def test_all_attributes_have_the_digest_of_the_send(house: Rig) -> None:
    sent = await house.call("SendMessage", "dead", MessageBody="x", MessageAttributes={"a.b": TEXT, "a.c": TEXT})
    for names in (["All"], [".*"], ["a.*"], ["a.b", "a.c"]):
        received = await house.call("ReceiveMessage", "dead", MessageAttributeNames=names, VisibilityTimeout=0)
        assert received["Messages"][0]["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
        assert "Attributes" not in received["Messages"][0]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ([], ""),
        (["*"], "General Hello Help.Me"),
        ([".*"], "General Hello Help.Me"),
        (["Hel.*"], "Hello Help.Me"),
        (["Help.*", "General"], "General Help.Me"),
        (["Foo", "Help", "AWS.", "..foo"], ""),
    ],
)
async def test_attributes_are_asked_for_by_name_and_by_prefix(house: Rig, wanted: list[str], told: str) -> None:
    """As recorded of AWS."""
    await house.call("SendMessage", "dead", MessageBody="x", MessageAttributes={"Help.Me": TEXT, "Hello": TEXT, "General": TEXT})
    (message,) = (await house.call("ReceiveMessage", "dead", MessageAttributeNames=wanted))["Messages"]
    assert " ".join(sorted(message.get("MessageAttributes", {}))) == told


@pytest.mark.parametrize(
    ("lacking", "told"),
    [
        ({"MessageDeduplicationId": "d"}, "The request must contain the parameter MessageGroupId."),
        (
            {"MessageGroupId": "g"},
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ),
    ],
)
async def test_a_batch_to_a_fifo_queue_is_refused_whole_for_one_that_lacks_its_group(
    house: Rig, lacking: dict[str, str], told: str
) -> None:
    """As recorded of AWS: nothing of it is sent."""
    await house.call("CreateQueue", QueueName="strict.fifo", Attributes={"FifoQueue": "true"})
    whole = {"Id": "a", "MessageBody": "1", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    with pytest.raises(QueueError, match=told) as refused:
        await house.call("SendMessageBatch", "strict.fifo", Entries=[whole, {"Id": "b", "MessageBody": "2", **lacking}])
    assert refused.value.query_code == "InvalidParameterValue"
    assert await house.call("ReceiveMessage", "strict.fifo") == {}


async def test_a_batch_is_answered_entry_by_entry(house: Rig) -> None:
    entries = [
        {"Id": "a", "MessageBody": "1"},
        {"Id": "b", "MessageBody": "2", "MessageAttributes": {"x": {"DataType": "String"}}},
        {"Id": "c", "MessageBody": "\x00"},
        {"Id": "d", "MessageBody": "4"},
    ]
    told = await house.call("SendMessageBatch", "jobs", Entries=entries)
    assert [one["Id"] for one in told["Successful"]] == ["a", "d"]
    assert [(one["Id"], one["Code"], one["SenderFault"]) for one in told["Failed"]] == [
        ("b", "InvalidParameterValue", True),
        ("c", "InvalidMessageContents", True),
    ]
    received = (await house.call("ReceiveMessage", "jobs", MaxNumberOfMessages=10))["Messages"]
    assert [message["Body"] for message in received] == ["1", "4"]
    handles = [{"Id": "0", "ReceiptHandle": received[0]["ReceiptHandle"], "VisibilityTimeout": 0}]
    changed = await house.call(
        "ChangeMessageVisibilityBatch", "jobs", Entries=[*handles, {"Id": "1", "ReceiptHandle": "x", "VisibilityTimeout": 1}]
    )
    assert ([one["Id"] for one in changed["Successful"]], [one["Code"] for one in changed["Failed"]]) == (["0"], ["ReceiptHandleIsInvalid"])
    gone = await house.call("DeleteMessageBatch", "jobs", Entries=[{"Id": "1", "ReceiptHandle": received[1]["ReceiptHandle"]}])
    assert gone == {"Successful": [{"Id": "1"}]}
    (again,) = (await house.call("ReceiveMessage", "jobs", MaxNumberOfMessages=10))["Messages"]
    assert again["Body"] == "1"


async def test_a_receive_waits_for_a_message(house: Rig) -> None:
    waiting = asyncio.create_task(house.call("ReceiveMessage", "jobs", WaitTimeSeconds=20))
    while not house.clock.sleepers:
        await asyncio.sleep(0)
    await house.call("SendMessage", "jobs", MessageBody="now")
    assert [message["Body"] for message in (await waiting)["Messages"]] == ["now"]


async def test_who_has_left_receives_nothing(house: Rig) -> None:
    await house.call("SendMessage", "jobs", MessageBody="a")
    gone = Asker()
    gone.left = True
    call = replace(house.of("ReceiveMessage", "jobs", WaitTimeSeconds=20), client=gone)
    assert await house.service.operations["ReceiveMessage"].run(call) == {}
    (message,) = (await house.call("ReceiveMessage", "jobs", MessageSystemAttributeNames=["All"]))["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


async def test_a_fifo_message_has_a_sequence_number_and_is_sent_once(house: Rig) -> None:
    first = await house.call("SendMessage", "line.fifo", MessageBody="x", MessageGroupId="g")
    again = await house.call("SendMessage", "line.fifo", MessageBody="x", MessageGroupId="g")
    assert (first["MessageId"], first["SequenceNumber"]) == (again["MessageId"], again["SequenceNumber"])
    assert len(first["SequenceNumber"]) == 20
    (message,) = (await house.call("ReceiveMessage", "line.fifo", MaxNumberOfMessages=10, MessageSystemAttributeNames=["SequenceNumber", "MessageGroupId"]))["Messages"]  # fmt: skip
    assert message["Attributes"] == {"SequenceNumber": first["SequenceNumber"], "MessageGroupId": "g"}


async def test_in_a_standard_queue_a_group_comes_back_and_nothing_of_fifo_queues(house: Rig) -> None:
    await house.call("SendMessage", "jobs", MessageBody="x", MessageGroupId="one")
    entries = [{"Id": "a", "MessageBody": "y", "MessageGroupId": "two"}, {"Id": "b", "MessageBody": "z", "MessageGroupId": "two words"}]
    told = await house.call("SendMessageBatch", "jobs", Entries=entries)
    assert (told["Successful"][0].keys(), told["Failed"][0]["Code"]) == ({"Id", "MessageId", "MD5OfMessageBody"}, "InvalidParameterValue")
    found = await house.call(
        "ReceiveMessage", "jobs", MaxNumberOfMessages=10, MessageSystemAttributeNames=["MessageGroupId", "SequenceNumber"]
    )
    assert [message["Attributes"] for message in found["Messages"]] == [{"MessageGroupId": "one"}, {"MessageGroupId": "two"}]


async def test_a_receive_attempt_is_answered_again_until_its_messages_are_settled(house: Rig) -> None:
    for body in "ab":
        await house.call("SendMessage", "line.fifo", MessageBody=body, MessageGroupId="g")
    attempt: dict[str, Any] = {"MaxNumberOfMessages": 10, "ReceiveRequestAttemptId": "one"}
    first = await house.call("ReceiveMessage", "line.fifo", **attempt)
    assert [message["Body"] for message in first["Messages"]] == ["a", "b"]
    assert await house.call("ReceiveMessage", "line.fifo", **attempt) == first
    assert await house.call("ReceiveMessage", "line.fifo", **{**attempt, "ReceiveRequestAttemptId": "two"}) == {}
    await house.clock.advance(20)
    await house.call("ReceiveMessage", "line.fifo", **attempt)
    await house.clock.advance(20)  # hidden anew by the second answer
    assert await house.call("ReceiveMessage", "line.fifo") == {}
    await house.call("DeleteMessage", "line.fifo", ReceiptHandle=first["Messages"][0]["ReceiptHandle"])
    left = await house.call("ReceiveMessage", "line.fifo", **attempt)
    assert [message["Body"] for message in left["Messages"]] == ["b"]
    await house.call("DeleteMessage", "line.fifo", ReceiptHandle=first["Messages"][1]["ReceiptHandle"])
    assert await house.call("ReceiveMessage", "line.fifo", **attempt) == {}


async def test_a_receive_attempt_is_forgotten_after_five_minutes(house: Rig) -> None:
    await house.call("SendMessage", "line.fifo", MessageBody="a", MessageGroupId="g")
    (first,) = (await house.call("ReceiveMessage", "line.fifo", ReceiveRequestAttemptId="one", VisibilityTimeout=600))["Messages"]
    await house.clock.advance(301)
    assert await house.call("ReceiveMessage", "line.fifo", ReceiveRequestAttemptId="one") == {}
    await house.clock.advance(300)
    (again,) = (await house.call("ReceiveMessage", "line.fifo", ReceiveRequestAttemptId="one"))["Messages"]
    assert again["ReceiptHandle"] != first["ReceiptHandle"]


@pytest.mark.parametrize(
    ("operation", "queue", "members", "code"),
    [
        ("SendMessage", "none", {"MessageBody": "x"}, "QueueDoesNotExist"),
        ("SendMessage", "jobs", {}, "MissingParameter"),
        ("SendMessage", "jobs", {"MessageBody": 5}, "InvalidParameterValue"),
        ("SendMessage", "jobs", {"MessageBody": "x", "DelaySeconds": 10**400}, "InvalidParameterValue"),
        ("SendMessage", "jobs", {"MessageBody": "x", "DelaySeconds": True}, "InvalidParameterValue"),
        ("SendMessage", "jobs", {"MessageBody": "x", "MessageAttributes": [1]}, "InvalidParameterValue"),
        (
            "SendMessage",
            "jobs",
            {"MessageBody": "x", "MessageAttributes": {"a": {**TEXT, "StringListValues": ["x"]}}},
            "InvalidParameterValue",
        ),
        ("SendMessage", "jobs", {"MessageBody": "x", "MessageAttributes": {"a": {"StringValue": "x"}}}, "InvalidParameterValue"),
        ("SendMessage", "jobs", {"MessageBody": "\ud800"}, "InvalidMessageContents"),
        ("SendMessage", "jobs", {"MessageBody": "x", "MessageSystemAttributes": {"Other": TEXT}}, "InvalidParameterValue"),
        (
            "SendMessage",
            "jobs",
            {"MessageBody": "x", "MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": "\ud800"}}},
            "InvalidParameterValue",
        ),
        ("SendMessageBatch", "jobs", {"Entries": []}, "EmptyBatchRequest"),
        ("SendMessageBatch", "jobs", {"Entries": [{"Id": "a", "MessageBody": "x"}] * 2}, "BatchEntryIdsNotDistinct"),
        ("SendMessageBatch", "jobs", {"Entries": "abc"}, "InvalidParameterValue"),
        ("SendMessageBatch", "jobs", {"Entries": [{"Id": "a b", "MessageBody": "x"}]}, "InvalidBatchEntryId"),
        ("ReceiveMessage", "jobs", {"MaxNumberOfMessages": 11}, "InvalidParameterValue"),
        ("ReceiveMessage", "jobs", {"MaxNumberOfMessages": 0}, "InvalidParameterValue"),
        ("ReceiveMessage", "jobs", {"WaitTimeSeconds": 21}, "InvalidParameterValue"),
        ("ReceiveMessage", "jobs", {"VisibilityTimeout": 43201}, "InvalidParameterValue"),
        ("ReceiveMessage", "jobs", {"AttributeNames": ["Policy"]}, "InvalidAttributeName"),
        ("ReceiveMessage", "jobs", {"ReceiveRequestAttemptId": "x"}, "InvalidParameterValue"),
        ("DeleteMessage", "jobs", {"ReceiptHandle": "\ud800"}, "ReceiptHandleIsInvalid"),
        ("ChangeMessageVisibility", "jobs", {"ReceiptHandle": "x"}, "MissingParameter"),
        ("ChangeMessageVisibility", "jobs", {"ReceiptHandle": "x", "VisibilityTimeout": -1}, "InvalidParameterValue"),
        ("PurgeQueue", "none", {}, "QueueDoesNotExist"),
    ],
)
async def test_what_is_wrong_is_refused_in_sqs_words(house: Rig, operation: str, queue: str, members: dict[str, Any], code: str) -> None:
    with pytest.raises(RouterError) as refused:
        await house.call(operation, queue, **members)
    assert refused.value.code == code
    assert isinstance(refused.value, QueueError)
    assert await house.call("ReceiveMessage", "jobs") == {}


async def test_a_purge_removes_all(house: Rig) -> None:
    await house.call("SendMessage", "jobs", MessageBody="x")
    assert await house.call("PurgeQueue", "jobs") == {}
    assert await house.call("ReceiveMessage", "jobs") == {}
    with pytest.raises(QueueError, match="Only one PurgeQueue"):
        await house.call("PurgeQueue", "jobs")
