"""A death while a message is published: its numbers go on, and who publishes again with its deduplication id publishes once; one for many
subscribers reaches each of them once when it was accepted, and none of them else."""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw
import pytest
from botocore.exceptions import BotoCoreError

from tests.helpers.endpoint import Cloud

CONFIG = """
queues: {line.fifo: {}}
topics: {orders.fifo: {subscriptions: {line: {queue: line.fifo}}}}
"""
ARN = "arn:aws:sns:us-east-1:123456789012:orders.fifo"


@pytest.mark.parametrize("step", ["before-append-all", "after-append-all"])
def test_killed_while_a_message_is_published(tmp_path: Path, step: str) -> None:
    with Cloud(tmp_path, CONFIG) as cloud:
        cloud.up(step=step, count=2)
        key = cloud.key()
        topics, queues, logs = (cloud.client(service, key) for service in ("sns", "sqs", "logs"))

        def publish(text: str) -> Any:
            return topics.publish(TopicArn=ARN, Message=text, MessageGroupId="g", MessageDeduplicationId=text)

        logs.create_log_group(logGroupName="own")
        logs.create_log_stream(logGroupName="own", logStreamName="s")
        at = int(time.time() * 1000)
        logs.put_log_events(logGroupName="own", logStreamName="s", logEvents=[{"timestamp": at, "message": "acknowledged"}])
        told = [publish("a")]
        with pytest.raises(BotoCoreError):
            publish("b")
        assert cloud.until(lambda: not cloud.alive(), 10)
        cloud.up()
        told += [publish("b"), publish("c")]
        url = queues.get_queue_url(QueueName="line.fifo")["QueueUrl"]
        got = [json.loads(one["Body"]) for one in queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
        assert [(one["Message"], one["MessageId"], one["SequenceNumber"]) for one in got] == [
            (text, one["MessageId"], one["SequenceNumber"]) for text, one in zip("abc", told, strict=True)
        ]
        numbers = [one["SequenceNumber"] for one in told]
        assert numbers == sorted(set(numbers))
        (event,) = logs.get_log_events(logGroupName="own", logStreamName="s", startFromHead=True)["events"]
        assert event["message"] == "acknowledged"


MANY = 1100  # three transactions' worth of subscribers: see SUBSCRIBERS in router/sources/topics.py


@pytest.mark.parametrize(
    ("step", "count", "accepted"), [("before-append-all", 1, 0), ("after-append-all", 1, 1), ("after-append-all", 2, 1)]
)
def test_killed_while_a_message_is_handed_to_many_subscribers(tmp_path: Path, step: str, count: int, accepted: int) -> None:
    subscriptions = {f"s{number}": {"queue": "jobs"} for number in range(MANY)}
    config = {"queues": {"jobs": {}}, "topics": {"news": {"subscriptions": subscriptions}}}
    with Cloud(tmp_path, "".join(f"{name}: {json.dumps(value)}\n" for name, value in config.items())) as cloud:
        cloud.up(step=step, count=count)
        with suppress(BotoCoreError):  # it may be answered before its death
            cloud.client("sns", cloud.key()).publish(TopicArn=ARN.replace("orders.fifo", "news"), Message="x")
        assert cloud.until(lambda: not cloud.alive(), 20)
        cloud.up()
        assert cloud.until(lambda: bodies(cloud, "SELECT count(*) FROM topic_backlog") == [0], 30)
    got = [json.loads(body)["UnsubscribeURL"] for body in bodies(cloud, "SELECT body FROM queue_bodies")]
    assert (len(got), len(set(got))) == (accepted * MANY, accepted * MANY)


def bodies(cloud: Cloud, sql: str) -> list[Any]:
    """What the store says."""
    connection = apsw.Connection(str(cloud.directory / "state/journal.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return [row[0] for row in connection.execute(sql)]
    finally:
        connection.close()
