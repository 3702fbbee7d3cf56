"""What is published reaches who wants it, durably and at once."""

import json
from typing import Any
from unittest.mock import AsyncMock

import pytest

from router.errors import JournalError
from router.events.sns_errors import TopicError
from tests.unit.api.aws.sns.rig import ARN, FUNCTIONS, QUEUES, Rig


def text(value: str) -> dict[str, Any]:
    return {"DataType": "String", "StringValue": value}


def number(value: str) -> dict[str, Any]:
    return {"DataType": "Number", "StringValue": value}


async def test_a_function_and_queues_get_what_their_filters_let_through(house: Rig) -> None:
    topic = f"{ARN}written"
    for attributes in ({"kind": text("big"), "n": number("6")}, {"kind": text("small"), "n": number("5")}, {}):
        told = await house.call("Publish", TopicArn=topic, Message="hello", Subject="s", MessageAttributes=attributes)
        assert told.keys() == {"MessageId"}
    assert await house.bodies("jobs") == ["hello"]  # raw
    (event,) = await house.events("f")
    (record,) = event["Records"]
    assert (record["EventSource"], record["Sns"]["Message"], record["Sns"]["Subject"]) == ("aws:sns", "hello", "s")
    assert record["Sns"]["MessageAttributes"] == {"kind": {"Type": "String", "Value": "big"}, "n": {"Type": "Number", "Value": "6"}}
    assert record["EventSubscriptionArn"].startswith(f"{topic}:")


async def test_a_queue_gets_the_json_around_a_message(house: Rig) -> None:
    arn = (await house.call("CreateTopic", Name="news"))["TopicArn"]
    subscription = (await house.call("Subscribe", TopicArn=arn, Protocol="sqs", Endpoint=f"{QUEUES}jobs"))["SubscriptionArn"]
    told = await house.call("Publish", TargetArn=arn, Message='{"default": "d", "sqs": "for \u00e9 \\"queues\\"", "lambda": "l"}', MessageStructure="json", MessageAttributes={"b": {"DataType": "Binary", "BinaryValue": b"\x00"}})  # fmt: skip
    (body,) = [json.loads(one) for one in await house.bodies("jobs")]
    assert (body["Type"], body["MessageId"], body["TopicArn"], body["Message"]) == (
        "Notification",
        told["MessageId"],
        arn,
        'for \u00e9 "queues"',
    )
    assert body["MessageAttributes"] == {"b": {"Type": "Binary", "Value": "AA=="}}
    assert "Subject" not in body
    assert body["UnsubscribeURL"].endswith(subscription)


async def test_what_a_queue_cannot_take_goes_to_the_dead_letter_queue(house: Rig) -> None:
    await house.call("Publish", TopicArn=f"{ARN}written", Message="x" * 1100, MessageAttributes={"kind": text("tight")})
    assert await house.bodies("small") == []
    (letter,) = await house.queues.receive("dead", wait=0)
    assert json.loads(letter.body)["Message"] == "x" * 1100
    assert letter.attributes.keys() == {"RequestID", "ErrorCode", "ErrorMessage"}


async def test_without_a_dead_letter_queue_it_is_lost_and_said_to_be(house: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    arn = (await house.call("CreateTopic", Name="news"))["TopicArn"]
    attributes = {"RawMessageDelivery": "true"}
    await house.call("Subscribe", TopicArn=arn, Protocol="sqs", Endpoint=f"{QUEUES}jobs", Attributes=attributes)
    await house.call("Publish", TopicArn=arn, Message="x", MessageAttributes={f"a{n}": text("v") for n in range(11)})
    assert await house.bodies("jobs") == []
    assert "notification_lost" in capsys.readouterr().out


async def test_a_message_is_accepted_with_all_it_comes_to_or_not_at_all(house: Rig) -> None:
    house.outlet.fail = True
    attributes = {"kind": text("big"), "n": number("6")}
    with pytest.raises(JournalError):
        await house.call("Publish", TopicArn=f"{ARN}written", Message="x", MessageAttributes=attributes)
    assert (await house.bodies("jobs"), await house.events("f")) == ([], [])
    house.outlet.fail = False
    await house.call("Publish", TopicArn=f"{ARN}written", Message="x", MessageAttributes=attributes)
    assert (await house.bodies("jobs"), len(await house.events("f"))) == (["x"], 1)


async def test_a_fifo_topic_numbers_and_deduplicates(house: Rig) -> None:
    arn = (await house.call("CreateTopic", Name="t.fifo", Attributes={"FifoTopic": "true", "ContentBasedDeduplication": "true"}))[
        "TopicArn"
    ]
    for queue in ("line.fifo", "jobs"):
        await house.call("Subscribe", TopicArn=arn, Protocol="sqs", Endpoint=f"{QUEUES}{queue}", Attributes={"RawMessageDelivery": "true"})
    first = await house.call("Publish", TopicArn=arn, Message="a", MessageGroupId="g")
    again = await house.call("Publish", TopicArn=arn, Message="a", MessageGroupId="g")
    other = await house.call("Publish", TopicArn=arn, Message="b", MessageGroupId="g")
    assert first == again
    assert first["SequenceNumber"] < other["SequenceNumber"]
    ordered, plain = [await house.queues.receive(queue, most=10, wait=0) for queue in ("line.fifo", "jobs")]
    assert [(one.body, one.group) for one in ordered] == [("a", "g"), ("b", "g")]
    assert [(one.body, one.group) for one in plain] == [("a", ""), ("b", "")]  # SNS developer guide: a standard queue is told no group
    for queue, messages in (("line.fifo", ordered), ("jobs", plain)):
        await house.queues.delete(queue, [one.handle for one in messages])
    await house.clock.advance(301)
    await house.call("Publish", TopicArn=arn, Message="a", MessageGroupId="g")
    assert await house.bodies("jobs") == ["a"]


@pytest.mark.parametrize("raw", ["true", "false"])
async def test_a_standard_topic_tells_standard_queues_the_group_and_nobody_else(house: Rig, raw: str) -> None:
    arn = (await house.call("CreateTopic", Name="news"))["TopicArn"]
    await house.call("Subscribe", TopicArn=arn, Protocol="sqs", Endpoint=f"{QUEUES}jobs", Attributes={"RawMessageDelivery": raw})
    await house.call("Subscribe", TopicArn=arn, Protocol="lambda", Endpoint=f"{FUNCTIONS}g")
    entries = [{"Id": "1", "Message": "a", "MessageGroupId": "one"}, {"Id": "2", "Message": "a"}]
    told = await house.call("PublishBatch", TopicArn=arn, PublishBatchRequestEntries=entries)
    assert all("SequenceNumber" not in one for one in told["Successful"])
    assert sorted(one.group for one in await house.queues.receive("jobs", most=10, wait=0)) == ["", "one"]
    events = await house.events("g")
    assert len(events) == 2
    assert "one" not in json.dumps(events)


async def test_dead_letters_of_a_fifo_topic_may_go_to_a_fifo_queue_in_their_groups(house: Rig) -> None:
    arn = (await house.call("CreateTopic", Name="t.fifo", Attributes={"FifoTopic": "true"}))["TopicArn"]
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": f"{QUEUES}line.fifo"})}
    await house.call("Subscribe", TopicArn=arn, Protocol="sqs", Endpoint=f"{QUEUES}small", Attributes=redrive)
    for number, group in enumerate(("a", "b", "a")):
        members = {"Message": f"{number}" * 1100, "MessageGroupId": group, "MessageDeduplicationId": f"{number}"}
        await house.call("Publish", TopicArn=arn, **members)
    letters = await house.queues.receive("line.fifo", most=10, wait=0)
    assert sorted((json.loads(one.body)["Message"][0], one.group) for one in letters) == [
        ("0", "a"),
        ("1", "b"),
        ("2", "a"),
    ]
    plain = (await house.call("CreateTopic", Name="plain"))["TopicArn"]
    with pytest.raises(TopicError, match="is a FIFO queue"):
        await house.call("Subscribe", TopicArn=plain, Protocol="sqs", Endpoint=f"{QUEUES}jobs", Attributes=redrive)


@pytest.mark.parametrize("step", [-3 * 3600.0, 3600.0])
async def test_a_wall_clock_that_is_set_neither_swallows_a_message_nor_doubles_one(house: Rig, step: float) -> None:
    arn = f"{ARN}t.fifo"
    await house.call("CreateTopic", Name="t.fifo", Attributes={"FifoTopic": "true"})
    await house.call("Subscribe", TopicArn=arn, Protocol="sqs", Endpoint=f"{QUEUES}jobs", Attributes={"RawMessageDelivery": "true"})
    published = {"TopicArn": arn, "Message": "a", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    await house.call("Publish", **published)
    house.clock.jump(step)
    await house.clock.advance(200)
    await house.call("Publish", **published)
    assert await house.bodies("jobs") == ["a"]
    await house.clock.advance(101)
    await house.call("Publish", **published)
    assert await house.bodies("jobs") == ["a"]


async def test_a_fifo_topic_that_is_made_anew_knows_no_message_of_the_former(house: Rig) -> None:
    arn, made = f"{ARN}t.fifo", []
    for _ in range(2):
        await house.call("CreateTopic", Name="t.fifo", Attributes={"FifoTopic": "true"})
        await house.call("Subscribe", TopicArn=arn, Protocol="sqs", Endpoint=f"{QUEUES}jobs", Attributes={"RawMessageDelivery": "true"})
        made.append(await house.call("Publish", TopicArn=arn, Message="a", MessageGroupId="g", MessageDeduplicationId="d"))
        assert await house.bodies("jobs") == ["a"]
        await house.call("DeleteTopic", TopicArn=arn)
    assert made[0]["MessageId"] != made[1]["MessageId"]
    assert made[0]["SequenceNumber"] < made[1]["SequenceNumber"]


async def test_a_deletion_that_was_cut_short_leaves_no_message_known(house: Rig) -> None:
    """As after a death behind the transaction that ends the declaration."""
    arn = f"{ARN}t.fifo"
    for _ in range(2):
        await house.call("CreateTopic", Name="t.fifo", Attributes={"FifoTopic": "true"})
        await house.call("Subscribe", TopicArn=arn, Protocol="sqs", Endpoint=f"{QUEUES}jobs", Attributes={"RawMessageDelivery": "true"})
        await house.call("Publish", TopicArn=arn, Message="a", MessageGroupId="g", MessageDeduplicationId="d")
        assert await house.bodies("jobs") == ["a"]
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(house.topics, "forget", AsyncMock())
            await house.call("DeleteTopic", TopicArn=arn)


async def test_a_fifo_message_that_was_not_accepted_is_not_known(house: Rig) -> None:
    arn = (await house.call("CreateTopic", Name="t.fifo", Attributes={"FifoTopic": "true", "FifoThroughputScope": "MessageGroup"}))[
        "TopicArn"
    ]
    await house.call("Subscribe", TopicArn=arn, Protocol="sqs", Endpoint=f"{QUEUES}line.fifo")
    house.outlet.fail = True
    with pytest.raises(JournalError):
        await house.call("Publish", TopicArn=arn, Message="a", MessageGroupId="g", MessageDeduplicationId="d")
    house.outlet.fail = False
    for group in "gh":
        await house.call("Publish", TopicArn=arn, Message=group, MessageGroupId=group, MessageDeduplicationId="d")
    bodies = [json.loads(body) for body in await house.bodies("line.fifo")]
    assert [body["Message"] for body in bodies] == ["g", "h"]
    assert [len(body["SequenceNumber"]) for body in bodies] == [20, 20]
    assert "Signature" not in bodies[0]


@pytest.mark.parametrize(
    "entry",
    [
        {"Message": '{"default": "a", "sqs": "\\ud800"}', "MessageStructure": "json"},
        {"Message": "a", "MessageAttributes": {"n": {"DataType": "String", "StringValue": "\ud800"}}},
        {"Message": "a", "MessageAttributes": {"\ud800": {"DataType": "String", "StringValue": "x"}}},
        {"Message": "a", "MessageAttributes": {"n": {"DataType": "String.\ud800", "StringValue": "x"}}},
    ],
)
async def test_for_an_entry_that_is_no_text_the_batch_is_refused(house: Rig, entry: dict[str, Any]) -> None:
    given = [{"Id": "bad", **entry}, {"Id": "good", "Message": "fine", "MessageAttributes": {"kind": text("big")}}]
    with pytest.raises(TopicError):
        await house.call("PublishBatch", TopicArn=f"{ARN}written", PublishBatchRequestEntries=given)
    assert await house.bodies("jobs") == []


async def test_a_batch_is_published_whole(house: Rig) -> None:
    arn = (await house.call("CreateTopic", Name="news"))["TopicArn"]
    await house.call("Subscribe", TopicArn=arn, Protocol="lambda", Endpoint=f"{FUNCTIONS}g")
    told = await house.call("PublishBatch", TopicArn=arn, PublishBatchRequestEntries=[{"Id": one, "Message": one} for one in "ad"])
    assert ([one["Id"] for one in told["Successful"]], told["Failed"]) == (["a", "d"], [])
    assert sorted(event["Records"][0]["Sns"]["Message"] for event in await house.events("g")) == ["a", "d"]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"Message": ""}, "InvalidParameter"),
        ({"Message": "x", "Subject": ""}, "InvalidParameter"),
        ({"Message": "x", "MessageGroupId": "g g"}, "InvalidParameter"),
        ({"Message": '{"sqs": "x"}', "MessageStructure": "json"}, "InvalidParameter"),
        ({"Message": "x", "MessageAttributes": {"a": {"DataType": "String"}}}, "ParameterValueInvalid"),
    ],
)
async def test_nothing_of_a_batch_is_published_when_one_entry_is_wrong(house: Rig, wrong: dict[str, Any], code: str) -> None:
    """As recorded of AWS: no answer that tells of failed entries, which who does not look at them would take for a success."""
    given = [{"Id": "a", "Message": "1", "MessageAttributes": {"kind": text("big")}}, {"Id": "b", **wrong}]
    with pytest.raises(TopicError) as refused:
        await house.call("PublishBatch", TopicArn=f"{ARN}written", PublishBatchRequestEntries=given)
    assert refused.value.code == code
    assert await house.bodies("jobs") == []


async def test_a_batch_of_a_fifo_topic_needs_a_group_for_each_entry(house: Rig) -> None:
    arn = (await house.call("CreateTopic", Name="t.fifo", Attributes={"FifoTopic": "true"}))["TopicArn"]
    await house.call("Subscribe", TopicArn=arn, Protocol="sqs", Endpoint=f"{QUEUES}line.fifo")
    good = {"Id": "a", "Message": "1", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    for wrong in ({"Id": "b", "Message": "2"}, {"Id": "b", "Message": "2", "MessageGroupId": "g"}):
        with pytest.raises(TopicError) as refused:
            await house.call("PublishBatch", TopicArn=arn, PublishBatchRequestEntries=[good, wrong])
        assert refused.value.code == "InvalidParameter"
    assert await house.bodies("line.fifo") == []


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"TopicArn": f"{ARN}none", "Message": "x"}, "NotFound"),
        ({"TopicArn": "x", "Message": "x"}, "InvalidParameter"),
        ({"PhoneNumber": "+1", "Message": "x"}, "InvalidParameter"),
        ({"TopicArn": f"{ARN}written"}, "InvalidParameter"),
        ({"TopicArn": f"{ARN}written", "Message": "\ud800"}, "InvalidParameter"),
        ({"TopicArn": f"{ARN}written", "Message": "\x00"}, "InvalidParameter"),
        ({"TopicArn": f"{ARN}written", "Message": "x" * 262_145}, "InvalidParameter"),
        ({"TopicArn": f"{ARN}written", "Message": "x", "Subject": "a\nb"}, "InvalidParameter"),
        ({"TopicArn": f"{ARN}written", "Message": "x", "Subject": ""}, "InvalidParameter"),
        ({"TopicArn": f"{ARN}written", "Message": "x", "Subject": "s" * 101}, "InvalidParameter"),
        ({"TopicArn": f"{ARN}written", "Message": "[1]", "MessageStructure": "json"}, "InvalidParameter"),
        ({"TopicArn": f"{ARN}written", "Message": "{}", "MessageStructure": "json"}, "InvalidParameter"),
        ({"TopicArn": f"{ARN}written", "Message": "x", "MessageAttributes": {"a": number("x")}}, "ParameterValueInvalid"),
        (
            {"TopicArn": f"{ARN}written", "Message": "x", "MessageAttributes": {"a": {"DataType": "String.Array", "StringValue": "{}"}}},
            "ParameterValueInvalid",
        ),
        ({"TopicArn": f"{ARN}written", "Message": "x", "MessageAttributes": {"a": {"DataType": "String"}}}, "ParameterValueInvalid"),
        ({"TopicArn": f"{ARN}written", "Message": "x", "MessageGroupId": "g g"}, "InvalidParameter"),
        ({"TopicArn": f"{ARN}written", "Message": "x", "MessageDeduplicationId": "d"}, "InvalidParameter"),
    ],
)
async def test_what_is_wrong_is_refused(house: Rig, members: dict[str, Any], code: str) -> None:
    with pytest.raises(TopicError) as refused:
        await house.call("Publish", **members)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("name", "attribute", "message"),
    [
        ("a", {"DataType": "String", "BinaryValue": b"1"}, "The message attribute 'a' with type 'String' must use field 'String'."),
        ("a", {"DataType": "Number", "BinaryValue": b"1"}, "The message attribute 'a' with type 'Number' must use field 'String'."),
        ("a", {"DataType": "Binary", "StringValue": "1"}, "The message attribute 'a' with type 'Binary' must use field 'Binary'."),
        (
            "a",
            {"DataType": "StringPrefixed", "StringValue": "1"},
            "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.",
        ),
        ("a" * 257, text("x"), "Length of message attribute name must be less than 256 bytes."),
        (
            "a^b",
            text("x"),
            (
                "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include alphanumeric "
                "characters, hyphens, underscores, or dots."
            ),
        ),
        (".a", text("x"), "Invalid message attribute name starting with character '.' was found."),
        ("a.", text("x"), "Invalid message attribute name ending with character '.' was found."),
        ("a..b", text("x"), "Message attribute name can not have successive '.' character."),
    ],
)
async def test_an_attribute_of_a_message_is_refused_in_sns_s_words(house: Rig, name: str, attribute: dict[str, Any], message: str) -> None:
    with pytest.raises(TopicError) as refused:
        await house.call("Publish", TopicArn=f"{ARN}written", Message="x", MessageAttributes={name: attribute})
    assert (refused.value.code, str(refused.value)) == ("ParameterValueInvalid", message)


async def test_a_batch_that_is_too_long_in_all_is_told_so(house: Rig) -> None:
    entries = [{"Id": str(n), "Message": "x" * 65_537} for n in range(4)]
    with pytest.raises(TopicError, match=r"^The length of all the messages put together is more than the limit\.$") as refused:
        await house.call("PublishBatch", TopicArn=f"{ARN}written", PublishBatchRequestEntries=entries)
    assert refused.value.code == "BatchRequestTooLong"
