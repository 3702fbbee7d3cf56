"""SQS and SNS of a whole daemon, spoken to by boto3 and in SQS's older protocol."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.helpers.endpoint import REGION, Cloud
from tests.helpers.record import read_record

ACCOUNT = "123456789012"
ARN = f"{REGION}:{ACCOUNT}:"
CODE = {
    "app.py": """
import json, os

def send(event, context):
    import boto3
    told = []
    for name in ("written", "secret"):
        try:
            boto3.client("sqs").send_message(QueueUrl="/123456789012/" + name, MessageBody="from inside")
            told.append("sent")
        except Exception as error:
            told.append(error.response["Error"]["Code"])
    return told

def echo(event, context):
    import boto3
    with open(os.path.join(os.path.dirname(os.environ["SEEN"]), "echoes"), "a") as file:
        file.write("x")
    boto3.client("sns").publish(TopicArn=event["Records"][0]["Sns"]["TopicArn"], Message="again")

def keep(event, context):
    for record in event["Records"]:
        told = record["Sns"] if "Sns" in record else record
        with open(os.environ["SEEN"], "a") as file:
            file.write(json.dumps(told) + "\\n")
"""
}
CONFIG = """
queues:
  written: {{}}
  secret: {{}}
  shared: {{policy: [{{Effect: Allow, Principal: {{AWS: "arn:aws:iam::123456789012:role/worker"}}, Action: "sqs:ReceiveMessage", Resource: "*"}}]}}
roles:
  worker:
    policy:
      - {{Effect: Allow, Action: "sqs:*", Resource: "arn:aws:sqs:us-east-1:123456789012:written"}}
      - {{Effect: Allow, Action: ["sns:Subscribe", "sns:Publish"], Resource: "arn:aws:sns:us-east-1:123456789012:*"}}
      - {{Effect: Allow, Action: ["logs:FilterLogEvents", "logs:GetLogEvents"], Resource: "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/sender:*"}}
      - {{Effect: Deny, Action: "sqs:PurgeQueue", Resource: "*"}}
topics:
  news:
  echoes:
  ends: {{subscriptions: {{keep: {{function: keep}}}}}}
functions:
  sender: {{code: ./code, handler: app.send, role: worker, timeout: 30, isolation: none}}
  echo: {{code: ./code, handler: app.echo, role: worker, timeout: 30, isolation: none, environment: {{SEEN: "{seen}"}}, on_failure: {{topic: ends}}, triggers: [{{sns: echoes}}]}}
  keep:
    code: ./code
    handler: app.keep
    environment: {{SEEN: "{seen}"}}
    isolation: none
    triggers:
      - sns: {{topic: news, filter: {{kind: [big]}}}}
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    place = tmp_path_factory.mktemp("messaging")
    with Cloud(place, CONFIG.format(seen=place / "seen"), CODE).serving() as made:
        yield made


def seen(cloud: Cloud) -> list[Any]:
    """What the function was told."""
    return read_record(cloud.directory / "seen")


def test_a_queue_from_its_making_to_its_end(cloud: Cloud, sqs: Any) -> None:
    url = sqs.create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "60"}, tags={"team": "a"})["QueueUrl"]
    assert url == f"{cloud.url}/{ACCOUNT}/jobs"
    assert url in sqs.list_queues()["QueueUrls"]
    attributes = {"n": {"DataType": "Number", "StringValue": "7"}, "b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
    sqs.send_message(QueueUrl=url, MessageBody="h\u00e9llo \U0001f600", MessageAttributes=attributes)  # botocore checks the digest
    sent = sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "1"}, {"Id": "b", "MessageBody": "\x00"}])
    assert ([one["Id"] for one in sent["Successful"]], [one["Code"] for one in sent["Failed"]]) == (["a"], ["InvalidMessageContents"])
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"])["Messages"]
    assert [message["Body"] for message in got] == ["h\u00e9llo \U0001f600", "1"]
    assert got[0]["MessageAttributes"] == attributes
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (counts["ApproximateNumberOfMessagesNotVisible"], counts["QueueArn"]) == ("2", f"arn:aws:sqs:{ARN}jobs")
    handles = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(got)]
    assert len(sqs.delete_message_batch(QueueUrl=url, Entries=handles)["Successful"]) == 2
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    sqs.delete_queue(QueueUrl=url)
    with pytest.raises(sqs.exceptions.QueueDoesNotExist) as gone:
        sqs.send_message(QueueUrl=url, MessageBody="x")
    assert gone.value.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"


def test_a_group_goes_from_a_standard_topic_through_a_standard_queue(sqs: Any, sns: Any) -> None:
    url = sqs.create_queue(QueueName="tenants")["QueueUrl"]
    topic = sns.create_topic(Name="tenants")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{ARN}tenants", Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=topic, Message="by topic", MessageGroupId="one")
    sqs.send_message(QueueUrl=url, MessageBody="by hand", MessageGroupId="two")
    with pytest.raises(ClientError, match="MessageDeduplicationId"):
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="two", MessageDeduplicationId="d")
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["MessageGroupId"])["Messages"]
    assert [(one["Body"], one["Attributes"]) for one in got] == [
        ("by topic", {"MessageGroupId": "one"}),
        ("by hand", {"MessageGroupId": "two"}),
    ]


def test_queues_of_config_and_of_the_api_are_there_after_a_restart(cloud: Cloud, sqs: Any) -> None:
    url = sqs.create_queue(QueueName="stays.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="kept", MessageGroupId="g")
    with pytest.raises(ClientError, match=r"config\.yaml"):
        sqs.set_queue_attributes(QueueUrl=f"{cloud.url}/{ACCOUNT}/written", Attributes={"DelaySeconds": "1"})
    cloud.kill()  # as a power cut would, but for the disk
    cloud.start()
    assert cloud.ready(60), cloud.log.read_text()
    assert {one.rsplit("/", 1)[1] for one in sqs.list_queues()["QueueUrls"]} >= {"written", "stays.fifo"}
    (message,) = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"]
    assert (message["Body"], message["Attributes"]["MessageGroupId"]) == ("kept", "g")


def asked(cloud: Cloud, key: dict[str, str], path: str, *, patience: float = 30, **fields: str) -> tuple[int, str]:
    """One request of the older protocol; status and body. Raises TimeoutError after *patience* seconds."""
    request = AWSRequest("POST", f"{cloud.url}{path}", data=urlencode({"Version": "2012-11-05", **fields}).encode())
    request.headers["Content-Type"] = "application/x-www-form-urlencoded"
    SigV4Auth(Credentials(key["AccessKeyId"], key["SecretAccessKey"]), "sqs", REGION).add_auth(request)
    prepared = request.prepare()
    try:
        with urllib.request.urlopen(
            urllib.request.Request(prepared.url, prepared.body, dict(prepared.headers)), timeout=patience
        ) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_who_left_while_waiting_takes_no_message(cloud: Cloud, key: dict[str, str], sqs: Any) -> None:
    url = sqs.create_queue(QueueName="awaited")["QueueUrl"]
    with pytest.raises(TimeoutError):
        asked(cloud, key, f"/{ACCOUNT}/awaited", patience=1, Action="ReceiveMessage", WaitTimeSeconds="20")
    sqs.send_message(QueueUrl=url, MessageBody="for the living")
    (message,) = sqs.receive_message(QueueUrl=url, AttributeNames=["All"], WaitTimeSeconds=5)["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


def test_the_older_protocol(cloud: Cloud, key: dict[str, str], sqs: Any) -> None:
    attribute = {"MessageAttribute.1.Name": "a", "MessageAttribute.1.Value.DataType": "String", "MessageAttribute.1.Value.StringValue": "v"}
    status, body = asked(cloud, key, f"/{ACCOUNT}/written", Action="SendMessage", MessageBody="<old & new>", **attribute)
    assert status == 200, body
    assert "<SendMessageResult><MessageId>" in body
    status, body = asked(
        cloud, key, "/", Action="ReceiveMessage", QueueUrl=f"{cloud.url}/{ACCOUNT}/written", **{"MessageAttributeName.1": "All"}
    )
    assert "<Body>&lt;old &amp; new&gt;</Body>" in body
    assert "<MessageAttribute><Name>a</Name><Value><StringValue>v</StringValue>" in body
    status, body = asked(cloud, key, f"/{ACCOUNT}/none", Action="SendMessage", MessageBody="x")
    assert (status, "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in body) == (400, True), body
    assert "<Message>The specified queue does not exist for this wsdl version.</Message>" in body
    assert "<ReceiveMessageResult/>" in asked(cloud, key, f"/{ACCOUNT}/written", Action="ReceiveMessage")[1]
    sqs.purge_queue(QueueUrl=f"{cloud.url}/{ACCOUNT}/written")


def test_a_topic_reaches_a_function_and_a_queue(cloud: Cloud, sqs: Any, sns: Any) -> None:
    url = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:keep"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{ARN}inbox", Attributes={"RawMessageDelivery": "true"})
    mine = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function, ReturnSubscriptionArn=True)["SubscriptionArn"]
    attributes = {"kind": {"DataType": "String", "StringValue": "big"}}
    told = sns.publish(TopicArn=topic, Message="fire \u00e9", Subject="s", MessageAttributes=attributes)
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10, MessageAttributeNames=["All"])["Messages"]
    assert (message["Body"], message["MessageAttributes"]["kind"]["StringValue"]) == ("fire \u00e9", "big")
    assert cloud.until(lambda: any(one.get("MessageId") == told["MessageId"] for one in seen(cloud)), 20), cloud.log.read_text()
    batch = sns.publish_batch(TopicArn=f"arn:aws:sns:{ARN}news", PublishBatchRequestEntries=[{"Id": "a", "Message": "to the trigger", "MessageAttributes": attributes}, {"Id": "b", "Message": "filtered"}])  # fmt: skip
    assert len(batch["Successful"]) == 2
    assert cloud.until(lambda: any(one.get("Message") == "to the trigger" for one in seen(cloud)), 20), cloud.log.read_text()
    assert not any(one.get("Message") == "filtered" for one in seen(cloud))
    assert {one["Protocol"] for one in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]} == {"sqs", "lambda"}
    sns.unsubscribe(SubscriptionArn=mine)
    with pytest.raises(sns.exceptions.NotFoundException):
        sns.get_subscription_attributes(SubscriptionArn=mine)
    with pytest.raises(sns.exceptions.InvalidParameterException, match="not delivered to here"):
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@b")
    sns.delete_topic(TopicArn=topic)
    with pytest.raises(sns.exceptions.NotFoundException):
        sns.publish(TopicArn=topic, Message="x")


def denied(ask: Any, **members: Any) -> bool:
    """Whether IAM refuses a call."""
    try:
        ask(**members)
    except ClientError as error:
        return error.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException", "AuthorizationError"}
    return False


def test_what_a_queue_denies_is_not_reached_by_way_of_others(cloud: Cloud) -> None:
    """Whoever may do everything may not have a topic, a rule, a schedule or a bucket do what the queue's own policy denies them."""
    mallory = cloud.key("mallory")
    sqs, sns, events, scheduler, s3 = (cloud.client(one, mallory) for one in ("sqs", "sns", "events", "scheduler", "s3"))
    arn, user = f"arn:aws:sqs:{ARN}sealed", f"arn:aws:iam::{ACCOUNT}:user/mallory"
    sealed = {"Effect": "Deny", "Principal": {"AWS": user}, "Action": "sqs:SendMessage", "Resource": arn}
    url = sqs.create_queue(QueueName="sealed", Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [sealed]})})[
        "QueueUrl"
    ]
    assert denied(sqs.send_message, QueueUrl=url, MessageBody="x")
    topic = sns.create_topic(Name="around")["TopicArn"]
    assert denied(sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=arn)
    events.put_rule(Name="around", EventPattern='{"source": ["a"]}')
    assert denied(events.put_targets, Rule="around", Targets=[{"Id": "1", "Arn": arn}])
    target = {"Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:keep", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/worker"}
    rate = {"ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": {"Mode": "OFF"}}
    assert denied(scheduler.create_schedule, Name="around", Target=target | {"DeadLetterConfig": {"Arn": arn}}, **rate)
    s3.create_bucket(Bucket="around")
    told = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    putting = {"Bucket": "around", "NotificationConfiguration": told, "SkipDestinationValidation": True}
    assert denied(s3.put_bucket_notification_configuration, **putting)


def test_a_role_reaches_what_it_may_and_nothing_else(cloud: Cloud, key: dict[str, str], sqs: Any, sns: Any) -> None:
    session = cloud.client("sts", key).assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/worker", RoleSessionName="me")["Credentials"]
    queues, topics, logs = (cloud.client(service, session) for service in ("sqs", "sns", "logs"))
    written, secret, shared = (f"{cloud.url}/{ACCOUNT}/{name}" for name in ("written", "secret", "shared"))
    sqs.send_message(QueueUrl=secret, MessageBody="hidden")
    queues.send_message(QueueUrl=written, MessageBody="mine")
    assert denied(queues.purge_queue, QueueUrl=written)
    assert denied(queues.receive_message, QueueUrl=secret)
    assert denied(queues.receive_message, QueueUrl=f"{cloud.url}/{ACCOUNT}/none")
    assert denied(queues.list_queues)
    assert denied(queues.set_queue_attributes, QueueUrl=secret, Attributes={"Policy": ""})
    assert denied(queues.create_queue, QueueName="more")
    queues.receive_message(QueueUrl=shared)  # the queue's own policy lets it in
    assert denied(queues.send_message, QueueUrl=shared, MessageBody="x")
    topic = sns.create_topic(Name="fan")["TopicArn"]
    topics.publish(TopicArn=topic, Message="x")
    assert denied(topics.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{ARN}secret")  # it may not send there itself
    assert denied(topics.subscribe, TopicArn=topic, Protocol="lambda", Endpoint=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:keep")
    topics.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{ARN}written")
    assert denied(topics.delete_topic, TopicArn=topic)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["Endpoint"].endswith(":written")
    assert denied(logs.filter_log_events, logGroupName="/aws/lambda/keep")
    assert denied(logs.describe_log_groups)
    assert [one["Body"] for one in sqs.receive_message(QueueUrl=secret)["Messages"]] == ["hidden"]
    (mine,) = sqs.receive_message(QueueUrl=written, MaxNumberOfMessages=10)["Messages"]
    sqs.delete_message(QueueUrl=written, ReceiptHandle=mine["ReceiptHandle"])


def test_a_function_is_held_to_its_role(cloud: Cloud, key: dict[str, str], sqs: Any) -> None:
    assert cloud.router("invoke", "sender") == ["sent", "AccessDenied"]
    (message,) = sqs.receive_message(QueueUrl=f"{cloud.url}/{ACCOUNT}/written", AttributeNames=["All"])["Messages"]
    assert message["Attributes"]["SenderId"].endswith(":sender")
    assert message["Attributes"]["AWSTraceHeader"].startswith("Root=")  # boto3 in a function tells it
    session = cloud.client("sts", key).assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/worker", RoleSessionName="me")["Credentials"]
    found = cloud.client("logs", session).filter_log_events(logGroupName="/aws/lambda/sender", filterPattern="REPORT")["events"]
    assert len(found) == 1


def test_the_command_line(cloud: Cloud, key: dict[str, str], sns: Any) -> None:
    endpoint = ("--endpoint-url", cloud.url)  # without it the CLI's first version asks queue.amazonaws.com, whatever its environment says
    url = cloud.aws(key, "sqs", "create-queue", "--queue-name", "cli", "--attributes", "VisibilityTimeout=5", *endpoint)["QueueUrl"]
    topic = sns.create_topic(Name="cli")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{ARN}cli", Attributes={"RawMessageDelivery": "true"})
    cloud.aws(key, "sns", "publish", "--topic-arn", topic, "--message", "by cli")
    (message,) = cloud.aws(key, "sqs", "receive-message", "--queue-url", url, "--wait-time-seconds", "5", *endpoint)["Messages"]
    assert message["Body"] == "by cli"
    found = cloud.aws(key, "logs", "filter-log-events", "--log-group-name", "/aws/lambda/keep", "--filter-pattern", '"START RequestId"')[
        "events"
    ]
    assert found
    assert all(event["message"].startswith("START RequestId: ") for event in found)


def test_what_was_published_outlives_a_kill(cloud: Cloud, sqs: Any, sns: Any) -> None:
    url = sqs.create_queue(QueueName="survivor")["QueueUrl"]
    topic = sns.create_topic(Name="survivor")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{ARN}survivor", Attributes={"RawMessageDelivery": "true"})
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:keep")
    sns.publish(TopicArn=topic, Message="before the kill")
    cloud.kill()
    cloud.start()
    assert cloud.ready(60), cloud.log.read_text()
    assert [one["Body"] for one in sqs.receive_message(QueueUrl=url)["Messages"]] == ["before the kill"]
    assert cloud.until(lambda: any(one.get("Message") == "before the kill" for one in seen(cloud)), 30), cloud.log.read_text()
    assert {one["Protocol"] for one in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]} == {"sqs", "lambda"}


def test_a_function_that_sets_itself_off_by_a_topic_is_stopped(cloud: Cloud, sns: Any) -> None:
    """The trace that boto3 tells carries the chain of events."""
    sns.publish(TopicArn=f"arn:aws:sns:{ARN}echoes", Message="hello")
    path = cloud.directory / "echoes"
    assert cloud.until(lambda: "recursion_stopped" in cloud.log.read_text() or "RecursiveInvocation" in cloud.log.read_text(), 60), cloud.log.read_text()  # fmt: skip
    assert path.read_text() == "x" * 16
    got = cloud.until(lambda: any("RecursiveInvocation" in str(one.get("Message", "")) for one in seen(cloud)), 20)
    assert got, cloud.log.read_text()  # its record went to a topic, and from there to a function
