"""A death while a bucket tells queues and topics: each object is told each of them once, however it came."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError

from tests.helpers.endpoint import Cloud

ARN = "arn:aws:sqs:us-east-1:123456789012:direct"
LET_IN = '[{Effect: Allow, Principal: {Service: s3.amazonaws.com}, Action: "sqs:SendMessage", Resource: "*"}]'
CONFIG = f"""
queues: {{direct: {{policy: {LET_IN}}}, reader: {{}}}}
topics: {{news: {{subscriptions: {{reader: {{queue: reader}}}}}}}}
buckets: {{drop: {{path: ./drop, settle: 0}}}}
"""
TOLD = """
notifications:
  queue: {bucket: drop, queue: direct, events: ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
  topic: {bucket: drop, topic: news, events: ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
"""


def bodies(cloud: Cloud, key: dict[str, str], queue: str, count: int) -> list[Any]:
    """What a queue has, once it has so much."""
    client = cloud.client("sqs", key)
    url = client.get_queue_url(QueueName=queue)["QueueUrl"]
    found: list[Any] = []

    def more() -> bool:
        got = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600, WaitTimeSeconds=1)
        found.extend(json.loads(one["Body"]) for one in got.get("Messages", []))
        return len(found) >= count

    assert cloud.until(more, 30), cloud.log.read_text()
    return found


def key_of(event: Any) -> str:
    return str(event["Records"][0]["s3"]["object"]["key"])


@pytest.mark.parametrize(
    ("way", "step", "count"),  # the first transaction tells queue and topic, the second hands over what is for the topic
    [
        ("put", "before-append-all", 1),
        ("put", "after-append-all", 1),
        ("put", "before-append-all", 2),
        ("put", "after-append-all", 2),
        ("dropped", "before-append-all", 1),
        ("dropped", "after-append-all", 1),
    ],
)
def test_killed_while_an_object_is_told(tmp_path: Path, way: str, step: str, count: int) -> None:
    with Cloud(tmp_path, CONFIG + TOLD) as cloud:
        cloud.up(step=step, count=count)
        key = cloud.key()
        s3 = cloud.client("s3", key)
        if way == "dropped":
            cloud.drop("drop/one", b"x")
        elif count == 1:
            with pytest.raises(BotoCoreError):
                s3.put_object(Bucket="drop", Key="one", Body=b"x")
        else:
            s3.put_object(Bucket="drop", Key="one", Body=b"x")
        assert cloud.until(lambda: not cloud.alive(), 10)
        cloud.up()
        cloud.drop("drop/mark", b"x")  # told when everything before it was looked at
        assert sorted(map(key_of, bodies(cloud, key, "direct", 2))) == ["mark", "one"]
        told = bodies(cloud, key, "reader", 2)
        assert sorted(key_of(json.loads(one["Message"])) for one in told) == ["mark", "one"]
        assert {one["Subject"] for one in told} == {"Amazon S3 Notification"}


@pytest.mark.parametrize("way", ["deleted", "by hand"])
@pytest.mark.parametrize("step", ["before-append-all", "after-append-all"])
def test_killed_while_a_removal_is_told(tmp_path: Path, way: str, step: str) -> None:
    with Cloud(tmp_path, CONFIG + TOLD) as cloud:
        cloud.up(step=step, count=3)  # the first two are the object's: see above
        key = cloud.key()
        s3 = cloud.client("s3", key)
        s3.put_object(Bucket="drop", Key="one", Body=b"x")
        assert [key_of(json.loads(one["Message"])) for one in bodies(cloud, key, "reader", 1)] == ["one"]
        if way == "deleted":
            with pytest.raises(BotoCoreError):
                s3.delete_object(Bucket="drop", Key="one")
        else:
            (tmp_path / "drop/one").unlink()
        assert cloud.until(lambda: not cloud.alive(), 10)
        cloud.up()
        cloud.drop("drop/mark", b"x")  # told when everything before it was looked at
        told = [*bodies(cloud, key, "direct", 3), *(json.loads(one["Message"]) for one in bodies(cloud, key, "reader", 2))]
        once = [("ObjectCreated:Put", "mark"), ("ObjectRemoved:Delete", "one")]
        assert sorted((one["Records"][0]["eventName"], key_of(one)) for one in told) == sorted([("ObjectCreated:Put", "one"), *once, *once])


@pytest.mark.parametrize(("step", "there"), [("before-declared", False), ("after-declared", True)])
def test_killed_while_a_configuration_is_put(tmp_path: Path, step: str, *, there: bool) -> None:
    """It is in force with its test message sent, or neither."""
    with Cloud(tmp_path, CONFIG) as cloud:
        cloud.up(step=step, count=1)
        key = cloud.key()
        s3 = cloud.client("s3", key)
        wanted = {"QueueConfigurations": [{"Id": "one", "QueueArn": ARN, "Events": ["s3:ObjectCreated:*"]}]}
        with pytest.raises(BotoCoreError):
            s3.put_bucket_notification_configuration(Bucket="drop", NotificationConfiguration=wanted)
        assert cloud.until(lambda: not cloud.alive(), 10)
        cloud.up()
        found = s3.get_bucket_notification_configuration(Bucket="drop")
        assert found.get("QueueConfigurations", []) == (wanted["QueueConfigurations"] if there else [])
        assert [one["Event"] for one in bodies(cloud, key, "direct", int(there))] == ["s3:TestEvent"] * there
