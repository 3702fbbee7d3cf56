"""Topics and subscriptions made, changed, listed and deleted."""

import json
from pathlib import Path
from typing import Any

import pytest

from router.config.topics import FIFO_SUBSCRIPTIONS
from router.events.sns_errors import SubscriptionLimitExceeded, TopicError
from router.iam.evaluation import Policies, Request, evaluate
from router.iam.principals import role_session
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
    assert await house.call("Unsubscribe", **made) == {}, "what is gone is gone, as recorded of AWS"
    assert await house.call("Unsubscribe", SubscriptionArn=f"{ARN}none:{made['SubscriptionArn'].rpartition(':')[2]}") == {}
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
        ("lambda", f"{FUNCTIONS}g", {"FilterPolicy": json.dumps({str(n): ["x"] for n in range(6)})}, "InvalidParameter"),
        ("lambda", f"{FUNCTIONS}g", {"FilterPolicy": json.dumps({"a": list(range(151))})}, "InvalidParameter"),
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


async def told(house: Rig, operation: str, **members: Any) -> str:
    with pytest.raises(TopicError) as refused:
        await house.call(operation, **members)
    return str(refused.value)


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("RawMessageDelivery", "perhaps", "RawMessageDelivery: Invalid value [perhaps]. Must be true or false."),
        ("FilterPolicyScope", "Body", "FilterPolicyScope: Invalid value [Body]. Please use either MessageBody or MessageAttributes"),
        ("FilterPolicy", json.dumps({str(n): ["x"] for n in range(6)}), "FilterPolicy: Filter policy can not have more than 5 keys"),
        ("FilterPolicy", json.dumps({"a": list(range(151))}), "FilterPolicy: Filter policy is too complex"),
        ("FilterPolicy", '{"a": [["x"]]}', "FilterPolicy: Match value must be String, number, true, false, or null"),
        ("FilterPolicy", '{"a": {"b": ["x"]}}', "Filter policy scope MessageAttributes does not support nested filter policy"),
        ("RedrivePolicy", '{"deadLetterTargetArn": "x"}', "RedrivePolicy: deadLetterTargetArn is an invalid arn"),
    ],
)
async def test_an_attribute_is_refused_in_aws_s_words(house: Rig, attribute: str, value: str, message: str) -> None:
    topic = await house.call("CreateTopic", Name="mine")
    asked = {**topic, "Protocol": "sqs", "Endpoint": f"{QUEUES}jobs"}
    assert await told(house, "Subscribe", **asked, Attributes={attribute: value}) == f"Invalid parameter: Attributes Reason: {message}"
    made = await house.call("Subscribe", **asked)
    assert (
        await told(house, "SetSubscriptionAttributes", **made, AttributeName=attribute, AttributeValue=value)
        == f"Invalid parameter: {message}"
    )


async def test_what_is_no_arn_and_what_no_protocol_is_told_so(house: Rig) -> None:
    short = "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not {}"
    for arn, count in (("randomstring", 1), ("randomstring:1", 2), ("", 1)):
        assert await told(house, "Publish", TopicArn=arn, Message="x") == short.format(count)
    assert (await told(house, "Unsubscribe", SubscriptionArn="x")).endswith(
        "SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"
    )
    assert await told(house, "Unsubscribe", SubscriptionArn=f"{ARN}random") == "Invalid parameter: SubscriptionId"
    for name in ("", "x" * 257, "a:b", "a b", "a%"):
        assert await told(house, "CreateTopic", Name=name) == "Invalid parameter: Topic Name"
    message = await told(house, "Subscribe", TopicArn=f"{ARN}written", Protocol="sqs", Endpoint=f"{QUEUES}line.fifo")
    ours = "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"
    assert message == ours
    message = await told(house, "Subscribe", TopicArn=f"{ARN}written", Protocol="test-protocol", Endpoint="x")
    assert message == "Invalid parameter: Amazon SNS does not support this protocol string: test-protocol"


async def test_what_a_fifo_queue_does_not_get_goes_to_a_fifo_queue(house: Rig) -> None:
    """Of AWS a standard dead-letter queue is refused there; a standard queue on a FIFO topic may have one."""
    topic = await house.call("CreateTopic", Name="t.fifo", Attributes={"FifoTopic": "true"})
    redrive = json.dumps({"deadLetterTargetArn": f"{QUEUES}dead"})
    wrong = "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic."
    asked = {**topic, "Protocol": "sqs", "Endpoint": f"{QUEUES}line.fifo"}
    message = await told(house, "Subscribe", **asked, Attributes={"RedrivePolicy": redrive})
    assert message == f"Invalid parameter: Attributes Reason: {wrong}"
    made = await house.call("Subscribe", **asked)
    setting = {"AttributeName": "RedrivePolicy", "AttributeValue": redrive}
    assert await told(house, "SetSubscriptionAttributes", **made, **setting) == f"Invalid parameter: {wrong}"
    plain = await house.call("Subscribe", **topic, Protocol="sqs", Endpoint=f"{QUEUES}jobs")
    await house.call("SetSubscriptionAttributes", **plain, **setting)


async def test_two_tags_of_one_key_are_refused(house: Rig) -> None:
    tags = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    assert await told(house, "CreateTopic", Name="mine", Tags=tags) == "Invalid parameter: Duplicated keys are not allowed."
    arn = (await house.call("CreateTopic", Name="mine"))["TopicArn"]
    assert await told(house, "TagResource", ResourceArn=arn, Tags=tags) == "Invalid parameter: Duplicated keys are not allowed."


async def test_a_topic_without_a_policy_shows_the_one_that_lets_its_account_in(house: Rig) -> None:
    """So that a statement can be added to what is there, as deployment scripts do."""
    arn = (await house.call("CreateTopic", Name="mine"))["TopicArn"]
    policy = json.loads((await house.call("GetTopicAttributes", TopicArn=arn))["Attributes"]["Policy"])
    (statement,) = policy["Statement"]
    assert (policy["Id"], statement["Sid"], statement["Resource"]) == ("__default_policy_ID", "__default_statement_ID", arn)
    assert statement["Condition"] == {"StringEquals": {"AWS:SourceOwner": ACCOUNT}}
    assert house.service.policy(arn) is None
    own = {"Sid": "s3", "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sns:Publish", "Resource": arn}
    policy["Statement"].append(own)
    await house.call("SetTopicAttributes", TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(policy))
    assert json.loads((await house.call("GetTopicAttributes", TopicArn=arn))["Attributes"]["Policy"]) == policy
    asked = Request("sns:Publish", arn, role_session(ACCOUNT, "stranger", "x"), {}, ACCOUNT)
    assert not evaluate(asked, Policies(resource=house.service.policy(arn))).allowed


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
