"""A death while a message is published: its numbers go on, and who publishes again with its deduplication id publishes once."""

import json
import time
from pathlib import Path
from typing import Any

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
        cloud.start(step=step, count=2)
        assert cloud.ready(60), cloud.log.read_text()
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
        cloud.start()
        assert cloud.ready(60), cloud.log.read_text()
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
