"""Topics and subscriptions made, changed, listed and deleted."""

import json
from pathlib import Path
from typing import Any

import pytest

from router.config.topics import FIFO_SUBSCRIPTIONS
from router.events.sns_errors import SubscriptionLimitExceeded, TopicError
from tests.unit.api.aws.sns.rig import ACCOUNT, ARN, FUNCTIONS, QUEUES, Rig, rig


async def code(house: Rig, operation: str, **members: Any) -> str:
    """The code of a refusal; nothing has changed."""
    before = dict(house.topics.topics)
    with pytest.raises(TopicError) as refused:
        await house.call(operation, **members)
    assert house.topics.topics == before
    return refused.value.code


async def test_a_topic_is_made_changed_and_deleted(house: Rig) -> None:
    made = await house.call("CreateTopic", Name="mine", Attributes={"DisplayName": "Mine"}, Tags=[{"Key": "a", "Value": "1"}])
    assert made == {"TopicArn": f"{ARN}mine"}
    assert await house.call("CreateTopic", Name="mine") == made
    assert await code(house, "CreateTopic", Name="mine", Attributes={"DisplayName": "Other"}) == "InvalidParameter"
    assert await code(house, "CreateTopic", Name="mine", Tags=[{"Key": "a", "Value": "2"}]) == "InvalidParameter"
    await house.call("SetTopicAttributes", **made, AttributeName="DisplayName", AttributeValue="Yours")
    now = (await house.call("GetTopicAttributes", **made))["Attributes"]
    assert (now["DisplayName"], now["Owner"], now["SubscriptionsConfirmed"], now["TopicArn"]) == ("Yours", ACCOUNT, "0", f"{ARN}mine")
    assert [one["TopicArn"] for one in (await house.call("ListTopics"))["Topics"]] == [f"{ARN}mine", f"{ARN}written"]
    assert await house.call("DeleteTopic", **made) == {}
    assert await house.call("DeleteTopic", **made) == {}
    assert await code(house, "GetTopicAttributes", **made) == "NotFound"


async def test_a_queue_subscribes_and_unsubscribes(house: Rig) -> None:
    topic = await house.call("CreateTopic", Name="mine")
    given = {
        "RawMessageDelivery": "true",
        "FilterPolicy": '{"kind": ["${x}", {"prefix": "a"}]}',
        "FilterPolicyScope": "MessageBody",
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": f"{QUEUES}dead"}),
    }
    made = await house.call("Subscribe", **topic, Protocol="sqs", Endpoint=f"{QUEUES}jobs", Attributes=given)
    assert await house.call("Subscribe", **topic, Protocol="sqs", Endpoint=f"{QUEUES}jobs", Attributes=given) == made
    assert await house.call("Subscribe", **topic, Protocol="sqs", Endpoint=f"{QUEUES}jobs") == made
    for other in ({"RawMessageDelivery": "false"}, {"FilterPolicy": '{"kind": ["b"]}'}, {"FilterPolicyScope": "MessageAttributes"}):
        assert await code(house, "Subscribe", **topic, Protocol="sqs", Endpoint=f"{QUEUES}jobs", Attributes=other) == "InvalidParameter"
    now = (await house.call("GetSubscriptionAttributes", **made))["Attributes"]
    assert {**now, "FilterPolicy": json.loads(now["FilterPolicy"])}.items() >= {
        **given,
        "FilterPolicy": json.loads(given["FilterPolicy"]),
    }.items()
    assert (now["Protocol"], now["Endpoint"], now["PendingConfirmation"]) == ("sqs", f"{QUEUES}jobs", "false")
    await house.call("SetSubscriptionAttributes", **made, AttributeName="FilterPolicy", AttributeValue='{"n": [1]}')
    await house.call("SetSubscriptionAttributes", **made, AttributeName="RawMessageDelivery", AttributeValue="false")
    await house.call("Publish", **topic, Message='{"n": 1}')
    await house.call("Publish", **topic, Message='{"n": 2}')
    await house.call("Publish", **topic, Message="no JSON")
    assert [json.loads(body)["Message"] for body in await house.bodies("jobs")] == ['{"n": 1}']
    (listed,) = (await house.call("ListSubscriptionsByTopic", **topic))["Subscriptions"]
    assert listed == {
        "SubscriptionArn": made["SubscriptionArn"],
        "Owner": ACCOUNT,
        "Protocol": "sqs",
        "Endpoint": f"{QUEUES}jobs",
        "TopicArn": f"{ARN}mine",
    }
    assert await house.call("Unsubscribe", **made) == {}
    assert await code(house, "Unsubscribe", **made) == "NotFound"
    assert (await house.call("ListSubscriptionsByTopic", **topic))["Subscriptions"] == []


async def test_subscriptions_of_config_are_there_and_are_changed_there(house: Rig) -> None:
    found = (await house.call("ListSubscriptions"))["Subscriptions"]
    assert sorted(one["Endpoint"] for one in found) == [f"{FUNCTIONS}f", f"{QUEUES}jobs", f"{QUEUES}small"]
    for one in found:
        assert await code(house, "Unsubscribe", SubscriptionArn=one["SubscriptionArn"]) == "AuthorizationError"
    assert await code(house, "Subscribe", TopicArn=f"{ARN}written", Protocol="lambda", Endpoint=f"{FUNCTIONS}g") == "AuthorizationError"
    assert await code(house, "DeleteTopic", TopicArn=f"{ARN}written") == "AuthorizationError"
    assert await code(house, "TagResource", ResourceArn=f"{ARN}written", Tags=[{"Key": "a", "Value": "b"}]) == "AuthorizationError"


@pytest.mark.parametrize(
    ("protocol", "endpoint", "attributes", "wrong"),
    [
        ("https", "https://x", {}, "InvalidParameter"),
        ("email", "a@b", {}, "InvalidParameter"),
        ("sqs", "jobs", {}, "InvalidParameter"),
        ("sqs", f"{QUEUES}none", {}, "InvalidParameter"),
        ("sqs", f"{QUEUES}line.fifo", {}, "InvalidParameter"),
        ("lambda", f"{FUNCTIONS}none", {}, "InvalidParameter"),
        ("lambda", f"{FUNCTIONS}g:live", {}, "InvalidParameter"),
        ("lambda", f"{FUNCTIONS}g", {"RawMessageDelivery": "true"}, "InvalidParameter"),
        ("lambda", f"{FUNCTIONS}g", {"FilterPolicy": "[]"}, "InvalidParameter"),
        ("lambda", f"{FUNCTIONS}g", {"FilterPolicy": '{"a": "x"}'}, "InvalidParameter"),
        ("lambda", f"{FUNCTIONS}g", {"FilterPolicy": '{"a": {"b": ["x"]}}'}, "InvalidParameter"),
        ("lambda", f"{FUNCTIONS}g", {"FilterPolicy": json.dumps({str(n): ["x"] for n in range(6)})}, "FilterPolicyLimitExceeded"),
        ("lambda", f"{FUNCTIONS}g", {"FilterPolicy": json.dumps({"a": list(range(151))})}, "FilterPolicyLimitExceeded"),
        ("lambda", f"{FUNCTIONS}g", {"FilterPolicyScope": "Body"}, "InvalidParameter"),
        ("lambda", f"{FUNCTIONS}g", {"RedrivePolicy": '{"deadLetterTargetArn": "x"}'}, "InvalidParameter"),
        ("lambda", f"{FUNCTIONS}g", {"RedrivePolicy": json.dumps({"deadLetterTargetArn": f"{QUEUES}none"})}, "InvalidParameter"),
        ("lambda", f"{FUNCTIONS}g", {"Nonsense": "x"}, "InvalidParameter"),
        ("lambda", f"{FUNCTIONS}g", {"DeliveryPolicy": "{}"}, "InvalidParameter"),
    ],
)
async def test_what_cannot_subscribe_is_refused(house: Rig, protocol: str, endpoint: str, attributes: dict[str, str], wrong: str) -> None:
    topic = await house.call("CreateTopic", Name="mine")
    assert await code(house, "Subscribe", **topic, Protocol=protocol, Endpoint=endpoint, Attributes=attributes) == wrong


async def test_a_function_subscribes_to_no_fifo_topic(house: Rig) -> None:
    topic = await house.call("CreateTopic", Name="t.fifo", Attributes={"FifoTopic": "true"})
    assert await code(house, "Subscribe", **topic, Protocol="lambda", Endpoint=f"{FUNCTIONS}g") == "InvalidParameter"
    assert await code(house, "Publish", **topic, Message="x", MessageGroupId="g") == "InvalidParameter"  # no deduplication id
    assert await code(house, "SetTopicAttributes", **topic, AttributeName="FifoTopic", AttributeValue="false") == "InvalidParameter"


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("a b", {}),
        ("x" * 257, {}),
        ("a", {"FifoTopic": "true"}),
        ("a", {"ContentBasedDeduplication": "true"}),
        ("a", {"KmsMasterKeyId": "alias/aws/sns"}),
        ("a", {"SignatureVersion": "2"}),
        ("a", {"TracingConfig": "Active"}),
        ("a", {"LambdaSuccessFeedbackRoleArn": "arn"}),
        ("a", {"Policy": "{}"}),
        ("a", {"DisplayName": "x" * 101}),
        ("a.fifo", {"FifoTopic": "false"}),
    ],
)
async def test_what_no_topic_can_be_is_refused(house: Rig, name: str, attributes: dict[str, str]) -> None:
    assert await code(house, "CreateTopic", Name=name, Attributes=attributes) == "InvalidParameter"


async def test_tags_and_permissions(house: Rig) -> None:
    topic = await house.call("CreateTopic", Name="mine")
    resource = {"ResourceArn": topic["TopicArn"]}
    await house.call("TagResource", **resource, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    await house.call("UntagResource", **resource, TagKeys=["a"])
    assert await house.call("ListTagsForResource", **resource) == {"Tags": [{"Key": "b", "Value": ""}]}
    assert await code(house, "ListTagsForResource", ResourceArn=f"{ARN}none") == "ResourceNotFound"
    await house.call("AddPermission", **topic, Label="l-1", AWSAccountId=[ACCOUNT], ActionName=["Publish"])
    policy = house.service.policy(topic["TopicArn"])
    assert policy is not None
    assert policy.statements[0].actions.patterns == ("SNS:Publish",)
    assert await code(house, "AddPermission", **topic, Label="l-1", AWSAccountId=[ACCOUNT], ActionName=["Publish"]) == "InvalidParameter"
    await house.call("RemovePermission", **topic, Label="l-1")
    assert house.service.policy(topic["TopicArn"]) is None


async def test_needs_of_a_subscription_are_those_of_what_the_topic_will_do(house: Rig) -> None:
    topic = f"{ARN}mine"
    redrive = json.dumps({"deadLetterTargetArn": f"{QUEUES}dead"})
    assert house.needs("Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=f"{QUEUES}jobs", Attributes={"RedrivePolicy": redrive}) == [
        ("sns:Subscribe", topic),
        ("sqs:SendMessage", f"{QUEUES}jobs"),
        ("sqs:SendMessage", f"{QUEUES}dead"),
    ]
    assert house.needs("Subscribe", TopicArn=topic, Protocol="lambda", Endpoint=f"{FUNCTIONS}g")[1] == (
        "lambda:InvokeFunction",
        f"{FUNCTIONS}g",
    )
    assert house.needs(
        "SetSubscriptionAttributes", SubscriptionArn=f"{topic}:u", AttributeName="RedrivePolicy", AttributeValue=redrive
    ) == [
        ("sns:SetSubscriptionAttributes", topic),
        ("sqs:SendMessage", f"{QUEUES}dead"),
    ]
    assert house.needs("Publish", TargetArn=topic) == [("sns:Publish", topic)]
    assert house.needs("Unsubscribe", SubscriptionArn=f"{topic}:u") == [("sns:Unsubscribe", topic)]


async def test_lists_come_in_pages(house: Rig) -> None:
    for number in range(101):
        house.topics.topics = {**house.topics.topics, f"t{number:03}": house.topics.topics["written"]}  # listing looks at names only
    first = await house.call("ListTopics")
    rest = await house.call("ListTopics", NextToken=first["NextToken"])
    assert (len(first["Topics"]), len(rest["Topics"]), "NextToken" in rest) == (100, 2, False)


async def test_a_fifo_topic_has_a_hundred_subscriptions_at_most(tmp_path: Path) -> None:
    """Its message goes to all of them in one transaction."""
    queues = {f"q{number}": {} for number in range(FIFO_SUBSCRIPTIONS + 1)}
    topics = {"t.fifo": {"subscriptions": {name: {"queue": name} for name in list(queues)[1:-1]}}}
    async with rig(tmp_path, {"functions": {}, "queues": queues, "topics": {}}) as house:
        arn = (await house.call("CreateTopic", Name="t.fifo", Attributes={"FifoTopic": "true"}))["TopicArn"]
        await house.fragments.put("topics", "t.fifo", topics["t.fifo"])
        await house.call("Subscribe", TopicArn=arn, Protocol="sqs", Endpoint=f"{QUEUES}q0")
        with pytest.raises(SubscriptionLimitExceeded):
            await house.call("Subscribe", TopicArn=arn, Protocol="sqs", Endpoint=f"{QUEUES}q{FIFO_SUBSCRIPTIONS}")
        await house.call("Publish", TopicArn=arn, Message="a", MessageGroupId="g", MessageDeduplicationId="d")
        assert len(await house.database.read("SELECT 1 FROM queue_messages")) == FIFO_SUBSCRIPTIONS
