"""Queues made, changed, listed and deleted; tags and permissions."""

import json
from pathlib import Path
from typing import Any

import pytest

from router.config.types import Queue
from router.errors import RouterError
from router.events.sqs_errors import QueueError
from router.events.sqs_rules import New
from router.iam.evaluation import Policies, Request, evaluate
from router.iam.principals import role_session, user
from router.queues.store import Queues
from tests.unit.api.aws.sqs.rig import ACCOUNT, Rig

ARN = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:"


async def code(house: Rig, operation: str, queue: str = "", **members: Any) -> str:
    """The code of a refusal; nothing has changed."""
    before = dict(house.queues.settings)
    with pytest.raises(QueueError) as refused:
        await house.call(operation, queue, **members)
    assert house.queues.settings == before
    return refused.value.code


async def attributes(house: Rig, queue: str, *names: str) -> dict[str, str]:
    found: dict[str, str] = (await house.call("GetQueueAttributes", queue, AttributeNames=list(names or ["All"]))).get("Attributes", {})
    return found


async def test_a_queue_is_made_used_and_deleted_with_its_messages(house: Rig) -> None:
    given = {
        "VisibilityTimeout": "5",
        "DelaySeconds": "1",
        "MessageRetentionPeriod": "60",
        "MaximumMessageSize": "1024",
        "ReceiveMessageWaitTimeSeconds": "2",
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": f"{ARN}dead", "maxReceiveCount": "3"}),
    }
    made = await house.call("CreateQueue", QueueName="mine", Attributes=given, tags={"team": "a b"})
    assert made == {"QueueUrl": f"http://localhost:4566/{ACCOUNT}/mine"}
    assert await house.call("CreateQueue", QueueName="mine", Attributes={"DelaySeconds": "1"}) == made
    assert await code(house, "CreateQueue", QueueName="mine", Attributes={"DelaySeconds": "2"}) == "QueueNameExists"
    assert await house.call("GetQueueUrl", QueueName="mine") == made
    now = await attributes(house, "mine")
    assert {**given, "RedrivePolicy": f'{{"deadLetterTargetArn":"{ARN}dead","maxReceiveCount":3}}'}.items() <= now.items()
    assert (now["QueueArn"], now["CreatedTimestamp"]) == (f"{ARN}mine", str(int(house.clock.now())))
    assert (await house.call("ListQueueTags", "mine")) == {"Tags": {"team": "a b"}}
    await house.call("SendMessage", "mine", MessageBody="x")
    assert (await attributes(house, "mine", "ApproximateNumberOfMessagesDelayed")) == {"ApproximateNumberOfMessagesDelayed": "1"}
    assert await house.call("DeleteQueue", "mine") == {}
    assert await code(house, "GetQueueUrl", QueueName="mine") == "QueueDoesNotExist"
    assert await house.queues.left_behind() == {}
    await house.clock.advance(10)
    await house.call("CreateQueue", QueueName="mine")
    assert await house.call("ReceiveMessage", "mine") == {}
    assert (await attributes(house, "mine", "CreatedTimestamp"))["CreatedTimestamp"] == str(int(house.clock.now()))


async def test_attributes_change_and_go_away(house: Rig) -> None:
    await house.call("CreateQueue", QueueName="mine")
    await house.clock.advance(5)
    redrive = json.dumps({"deadLetterTargetArn": f"{ARN}dead", "maxReceiveCount": 3})
    await house.call("SetQueueAttributes", "mine", Attributes={"VisibilityTimeout": "7", "RedrivePolicy": redrive})
    now = await attributes(house, "mine", "VisibilityTimeout", "RedrivePolicy", "LastModifiedTimestamp")
    assert (now["VisibilityTimeout"], now["LastModifiedTimestamp"]) == ("7", str(int(house.clock.now())))
    assert (await house.call("ListDeadLetterSourceQueues", "dead"))["queueUrls"] == [
        f"http://localhost:4566/{ACCOUNT}/jobs",
        f"http://localhost:4566/{ACCOUNT}/mine",
    ]
    await house.call("SetQueueAttributes", "mine", Attributes={"RedrivePolicy": ""})
    assert "RedrivePolicy" not in await attributes(house, "mine")


async def test_a_dead_letter_queue_says_whose_letters_it_takes(house: Rig) -> None:
    allow = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [f"{ARN}friend"]})
    await house.call("CreateQueue", QueueName="choosy", Attributes={"RedriveAllowPolicy": allow})
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": f"{ARN}choosy", "maxReceiveCount": 3})}
    assert await code(house, "CreateQueue", QueueName="stranger", Attributes=redrive) == "InvalidParameterValue"
    await house.call("CreateQueue", QueueName="friend", Attributes=redrive)
    assert json.loads((await attributes(house, "choosy"))["RedriveAllowPolicy"]) == json.loads(allow)
    assert await code(house, "SetQueueAttributes", "choosy", Attributes={"RedriveAllowPolicy": '{"redrivePermission":"denyAll"}'}) == (
        "InvalidParameterValue"
    )
    assert await code(house, "DeleteQueue", "choosy") == "UnsupportedOperation"  # friend needs it


async def test_a_fifo_queue_may_deduplicate_within_groups(house: Rig) -> None:
    given = {"FifoQueue": "true", "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    await house.call("CreateQueue", QueueName="high.fifo", Attributes=given)
    assert {**given, "ContentBasedDeduplication": "false"}.items() <= (await attributes(house, "high.fifo")).items()
    for group in "ab":
        await house.call("SendMessage", "high.fifo", MessageBody=group, MessageGroupId=group, MessageDeduplicationId="same")
    again = await house.call("SendMessage", "high.fifo", MessageBody="b2", MessageGroupId="b", MessageDeduplicationId="same")
    found = (await house.call("ReceiveMessage", "high.fifo", MaxNumberOfMessages=10, AttributeNames=["MessageDeduplicationId"]))["Messages"]
    assert [message["Body"] for message in found] == ["a", "b"]
    assert again["MessageId"] == found[1]["MessageId"]
    assert found[0]["Attributes"] == {"MessageDeduplicationId": "same"}


async def test_what_config_declares_is_changed_there(house: Rig) -> None:
    for operation, members in {
        "SetQueueAttributes": {"Attributes": {"DelaySeconds": "1"}},
        "DeleteQueue": {},
        "TagQueue": {"Tags": {"a": "b"}},
        "AddPermission": {"Label": "x", "AWSAccountIds": [ACCOUNT], "Actions": ["SendMessage"]},
    }.items():
        assert await code(house, operation, "jobs", **members) == "UnsupportedOperation"
    assert (await house.call("CreateQueue", QueueName="jobs"))["QueueUrl"].endswith("/jobs")


@pytest.mark.parametrize(
    ("name", "given", "wrong"),
    [
        ("a b", {}, "InvalidParameterValue"),
        ("x" * 81, {}, "InvalidParameterValue"),
        ("a.fifo", {}, "InvalidParameterValue"),
        ("a", {"FifoQueue": "true"}, "InvalidParameterValue"),
        ("a", {"FifoQueue": "false"}, "InvalidAttributeName"),
        ("a", {"ContentBasedDeduplication": "true"}, "InvalidAttributeName"),
        ("a", {"Nonsense": "1"}, "InvalidAttributeName"),
        ("a", {"QueueArn": "x"}, "InvalidAttributeName"),
        ("a", {"DelaySeconds": "901"}, "InvalidAttributeValue"),
        ("a", {"DelaySeconds": "\u0661"}, "InvalidAttributeValue"),
        ("a", {"DelaySeconds": 5}, "InvalidParameterValue"),
        ("a", {"KmsMasterKeyId": "alias/aws/sqs"}, "InvalidAttributeValue"),
        ("a", {"SqsManagedSseEnabled": "true"}, "InvalidAttributeValue"),
        ("a", {"RedrivePolicy": "{"}, "InvalidParameterValue"),
        ("a", {"RedrivePolicy": "[" * 100_000}, "InvalidParameterValue"),
        ("a", {"RedrivePolicy": f'{{"deadLetterTargetArn": "{ARN}none", "maxReceiveCount": 1}}'}, "InvalidParameterValue"),
        ("a", {"RedrivePolicy": f'{{"deadLetterTargetArn": "{ARN}dead", "maxReceiveCount": 0}}'}, "InvalidParameterValue"),
        ("a", {"RedrivePolicy": f'{{"deadLetterTargetArn": "{ARN}line.fifo", "maxReceiveCount": 1}}'}, "InvalidParameterValue"),
        ("a", {"RedriveAllowPolicy": '{"redrivePermission": "byQueue"}'}, "InvalidAttributeValue"),
        ("a", {"Policy": "{}"}, "InvalidAttributeValue"),
        ("h.fifo", {"FifoQueue": "true", "FifoThroughputLimit": "perMessageGroupId"}, "InvalidAttributeValue"),
    ],
)
async def test_what_no_queue_can_be_is_refused(house: Rig, name: str, given: dict[str, Any], wrong: str) -> None:
    assert await code(house, "CreateQueue", QueueName=name, Attributes=given) == wrong


async def test_lists_come_in_pages(house: Rig) -> None:
    assert [url.rsplit("/", 1)[1] for url in (await house.call("ListQueues"))["QueueUrls"]] == ["dead", "jobs", "line.fifo"]
    first = await house.call("ListQueues", MaxResults=2)
    assert [url.rsplit("/", 1)[1] for url in first["QueueUrls"]] == ["dead", "jobs"]
    last = await house.call("ListQueues", MaxResults=2, NextToken=first["NextToken"])
    assert [url.rsplit("/", 1)[1] for url in last["QueueUrls"]] == ["line.fifo"]
    assert "NextToken" not in last
    assert await house.call("ListQueues", QueueNamePrefix="no") == {}
    assert await code(house, "ListQueues", MaxResults=1001) == "InvalidParameterValue"


async def test_tags_are_added_and_taken_away(house: Rig) -> None:
    await house.call("CreateQueue", QueueName="mine")
    assert await house.call("ListQueueTags", "mine") == {}
    await house.call("TagQueue", "mine", Tags={"a": "1", "b": ""})
    await house.call("UntagQueue", "mine", TagKeys=["a", "none"])
    assert await house.call("ListQueueTags", "mine") == {"Tags": {"b": ""}}
    assert await code(house, "TagQueue", "mine", Tags={str(number): "" for number in range(50)}) == "InvalidParameterValue"
    assert await code(house, "TagQueue", "mine", Tags={"aws:x": ""}) == "InvalidParameterValue"


async def test_a_policy_lets_somebody_in(house: Rig) -> None:
    def allowed(action: str) -> bool:
        request = Request(action, f"{ARN}mine", role_session(ACCOUNT, "worker", "f"))
        return evaluate(request, Policies((), house.service.policy(f"{ARN}mine"))).allowed

    await house.call("CreateQueue", QueueName="mine")
    assert house.service.policy(f"{ARN}mine") is None
    assert not allowed("sqs:SendMessage")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/worker"}, "Action": "sqs:SendMessage", "Resource": "*"}]}  # fmt: skip
    await house.call("SetQueueAttributes", "mine", Attributes={"Policy": json.dumps(policy)})
    assert json.loads((await attributes(house, "mine"))["Policy"]) == policy
    assert allowed("sqs:SendMessage")
    assert not allowed("sqs:ReceiveMessage")
    await house.call("SetQueueAttributes", "mine", Attributes={"Policy": ""})
    assert not allowed("sqs:SendMessage")


async def test_permissions_are_statements_of_the_policy(house: Rig) -> None:
    await house.call("CreateQueue", QueueName="mine")
    given: dict[str, Any] = {"AWSAccountIds": [ACCOUNT], "Actions": ["SendMessage", "GetQueueUrl"]}
    await house.call("AddPermission", "mine", Label="let-in_1", **given)
    (statement,) = json.loads((await attributes(house, "mine"))["Policy"])["Statement"]
    assert (statement["Sid"], statement["Action"]) == ("let-in_1", ["SQS:SendMessage", "SQS:GetQueueUrl"])
    policy = house.service.policy(f"{ARN}mine")
    someone = Request("sqs:GetQueueUrl", f"{ARN}mine", user(ACCOUNT, "someone"))
    assert not evaluate(someone, Policies((), policy)).allowed  # an account's root delegates, no more
    assert await code(house, "AddPermission", "mine", Label="let-in_1", **given) == "InvalidParameterValue"
    assert await code(house, "AddPermission", "mine", Label="b", **{**given, "Actions": ["CreateQueue"]}) == "InvalidParameterValue"
    assert await code(house, "AddPermission", "mine", Label="b", **{**given, "AWSAccountIds": ["999999999999"]}) == "InvalidAttributeValue"
    assert await code(house, "RemovePermission", "mine", Label="b") == "InvalidParameterValue"
    await house.call("RemovePermission", "mine", Label="let-in_1")
    assert "Policy" not in await attributes(house, "mine")


async def test_needs_name_the_action_and_the_queue(house: Rig) -> None:
    assert house.needs("SendMessageBatch", "jobs") == [("sqs:SendMessage", f"{ARN}jobs")]
    assert house.needs("DeleteMessage", "none") == [("sqs:DeleteMessage", f"{ARN}none")]
    assert house.needs("CreateQueue", QueueName="x", tags={"a": "b"}) == [("sqs:CreateQueue", f"{ARN}x"), ("sqs:TagQueue", f"{ARN}x")]
    assert house.needs("ListQueues") == [("sqs:ListQueues", "*")]
    for members in (
        {},
        {"QueueUrl": 5},
        {"QueueUrl": "http://[/x"},
        {"QueueUrl": ""},
        {"QueueUrl": "http://x/1/2/3"},
        {"QueueUrl": "http://x/000000000000/jobs"},
    ):
        with pytest.raises(RouterError):
            house.needs("SendMessage", **members)
    assert house.needs("SendMessage", QueueUrl="jobs") == [("sqs:SendMessage", f"{ARN}jobs")]


async def test_every_operation_of_the_model_is_there(house: Rig) -> None:
    from botocore.loaders import Loader

    assert house.service.operations.keys() == Loader().load_service_model("sqs", "service-2")["operations"].keys()


@pytest.mark.parametrize("again", ["API", "config"])
async def test_what_a_cut_short_deletion_left_is_not_in_the_next_queue_of_that_name(house: Rig, tmp_path: Path, again: str) -> None:
    """As after a death behind the transaction that ends the declaration."""
    fifo = {"FifoQueue": "true"}
    await house.call("CreateQueue", QueueName="q.fifo", Attributes=fifo)

    async def send(body: str) -> None:
        await house.call("SendMessage", "q.fifo", MessageBody=body, MessageGroupId="g", MessageDeduplicationId="d")

    for number in range(250):
        await house.call("SendMessage", "q.fifo", MessageBody="old", MessageGroupId="g", MessageDeduplicationId=f"{number}")
    await send("old")
    await house.fragments.remove("queues", "q.fifo", beside=(house.queues.deleting("q.fifo"),))
    assert await house.queues.deleted() == ["q.fifo"]
    queues, settings = house.queues, {**house.queues.settings, "q.fifo": Queue("q.fifo", fifo=True)}
    if again == "API":
        await house.call("CreateQueue", QueueName="q.fifo", Attributes=fifo)
        await send("new")
    else:
        assert house.fragments.database is not None
        queues = await Queues.open(house.fragments.database, house.clock, settings, region="eu-west-1", account=ACCOUNT)
        await queues.send("q.fifo", [New("new", group="g", deduplication="d")])
    assert await queues.deleted() == []
    assert [one.body for one in await queues.receive("q.fifo", most=10, wait=0)] == ["new"]


async def test_a_queue_of_the_api_is_empty_whatever_one_of_config_yaml_has_left(house: Rig) -> None:
    """The same name is no sign of the same owner; and what deduplication remembers would swallow the first messages."""
    fifo, settings = Queue("left.fifo", fifo=True), house.queues.settings
    house.queues.adopt({**settings, "left.fifo": fifo})
    for text in ("kept", "seen"):
        await house.queues.send("left.fifo", [New(text, group="g", deduplication=text)])
    house.queues.adopt(settings)
    assert await code(house, "CreateQueue", QueueName="left.fifo", Attributes={"FifoQueue": "true", "DelaySeconds": "x"})
    assert await house.queues.left_behind() == {"left.fifo": 2}, "what is refused takes nothing"
    await house.call("CreateQueue", QueueName="left.fifo", Attributes={"FifoQueue": "true"})
    await house.call("SendMessage", "left.fifo", MessageBody="new", MessageGroupId="g", MessageDeduplicationId="seen")
    assert [one.body for one in await house.queues.receive("left.fifo", most=10, wait=0)] == ["new"]


async def test_a_refused_deletion_keeps_the_messages(house: Rig) -> None:
    await house.call("CreateQueue", QueueName="mine")
    await house.call(
        "CreateQueue",
        QueueName="other",
        Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": f"{ARN}mine", "maxReceiveCount": "3"})},
    )
    await house.call("SendMessage", "mine", MessageBody="kept")
    assert await code(house, "DeleteQueue", "mine") == "UnsupportedOperation"
    assert (await house.queues.deleted(), [one.body for one in await house.queues.receive("mine", wait=0)]) == ([], ["kept"])
