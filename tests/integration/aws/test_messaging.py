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

ACCOUNT = "123456789012"
ARN = f"{REGION}:{ACCOUNT}:"
CODE = {
    "app.py": """
import json, os

def keep(event, context):
    for record in event["Records"]:
        told = record["Sns"] if "Sns" in record else record
        with open(os.environ["SEEN"], "a") as file:
            file.write(json.dumps(told) + "\\n")
"""
}
CONFIG = """
queues: {{written: {{}}}}
topics:
  news:
functions:
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


@pytest.fixture(scope="module")
def key(cloud: Cloud) -> dict[str, str]:
    return cloud.key()


@pytest.fixture(scope="module")
def sqs(cloud: Cloud, key: dict[str, str]) -> Any:
    return cloud.client("sqs", key)


@pytest.fixture(scope="module")
def sns(cloud: Cloud, key: dict[str, str]) -> Any:
    return cloud.client("sns", key)


def seen(cloud: Cloud) -> list[Any]:
    """What the function was told."""
    path = cloud.directory / "seen"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


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


def asked(cloud: Cloud, key: dict[str, str], path: str, **fields: str) -> tuple[int, str]:
    """One request of the older protocol; status and body."""
    request = AWSRequest("POST", f"{cloud.url}{path}", data=urlencode({"Version": "2012-11-05", **fields}).encode())
    request.headers["Content-Type"] = "application/x-www-form-urlencoded"
    SigV4Auth(Credentials(key["AccessKeyId"], key["SecretAccessKey"]), "sqs", REGION).add_auth(request)
    prepared = request.prepare()
    try:
        with urllib.request.urlopen(urllib.request.Request(prepared.url, prepared.body, dict(prepared.headers)), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


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
