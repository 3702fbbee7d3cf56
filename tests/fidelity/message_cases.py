"""SQS, SNS, CloudWatch Logs."""

import json
from collections.abc import Sequence
from typing import Any

from router.events import cloudwatch_logs, sns, sqs
from tests.fidelity.case import Case, flawed
from tests.fidelity.views import parsed_bodies, parsed_message, unzipped

QUEUE = "arn:aws:sqs:us-east-1:111111111111:resource-1"
SENT = 1732553000123


def _from_dlq() -> dict[str, Any]:
    message = sqs.Message(
        id="db37cc61-1bb0-4e77-b6f3-7cf87f44a72a",
        handle=(
            "AQEBl1pqxv+ZHkarVAWZUyWgj2mmqJGLBTo6YFOi/bw1QpBTpJBGJPLOTZrjKztKIbAB8EXkG7zHlbkn+Ze/AHMKKuhST9azHu8LyF4Ffu9uPkZc5xzggXlfFBWH3TUKyV"
            "+F5Obaj3esyX8YfM/zfgjbRuu5nc2tfPhvaSYEaTZsdMpzIB5tyKvHxAltLxK7upRHeoT768M9UrFYswarFTBn8piDbnsPsUhi8Q9G4Q4xSI0fLQANmryBsRJIzGQTVxen"
            "Dad+MJ7XEL+hD3p2DmW+ycvv6WD7bdedqQuroQG8+ca1Dz7s3CBbXw9ZZnUziPa7LH1j1Lky5bAxpNF+BlurRS9pFBnomhwpylrGxtGfaEmUW1G7jnrG97sZNOLOFUykbQ"
            "groZPXmjzMBdvtgq9ZmQfCch3LOXN267+PKc56VR4="
        ),
        body="hello world",
        sent=1713185156609,
        first_received=1713185156612,
        sender="AMCXIENQZJOLO23YVJ4VO",
        receives=2,
        dead_letter_source="arn:aws:sqs:eu-central-1:123456789012:sqs-redrive-SampleQueue-RNvLCpwGmLi7",
    )
    arn = "arn:aws:sqs:eu-central-1:123456789012:sqs-redrive-SampleDLQ-Emgp9MFSLBZm"
    return sqs.event([message], queue_arn=arn, region="eu-central-1")


def _two() -> dict[str, Any]:
    sender = "AIDAIENQZJOLO23YVJ4VO"
    first = sqs.Message(
        id="059f36b4-87a3-44ab-83d2-661975830a7d",
        handle="AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
        body="Test message.",
        sent=1545082649183,
        first_received=1545082649185,
        sender=sender,
        attributes={"testAttr": sqs.Attribute("Number", "100")},
    )
    second = sqs.Message(
        id="2e1424d4-f796-459a-8184-9c92662be6da",
        handle="AQEBzWwaftRI0KuVm4tP+/7q1rGgNqicHq...",
        body='{"message": "foo1"}',
        sent=1545082650636,
        first_received=1545082650649,
        sender=sender,
    )
    return sqs.event([first, second], queue_arn="arn:aws:sqs:us-east-2:123456789012:my-queue", region="us-east-2")


def _with_attributes() -> dict[str, Any]:
    message = sqs.Message(
        id="9d2d1c9f-5f0f-4b0f-8f8f-0d3c6e1d7a11",
        handle="AQEBhandle2",
        body='{"destination": "https://sqs.us-east-1.amazonaws.com/111111111111/destination", "fail_attempts": 0}',
        sent=SENT,
        first_received=SENT + 2,
        sender="AIDAIENQZJOLO23YVJ4VO",
        attributes={
            "WeeksOn": sqs.Attribute("Number", "6"),
            "Author": sqs.Attribute("String", "John Grisham"),
            "Title": sqs.Attribute("String", "The Whistler"),
        },
    )
    return sqs.event([message], queue_arn=QUEUE, region="us-east-1")


def _fifo(numbers: Sequence[int], receives: int) -> dict[str, Any]:
    fail_attempts = {1: 0, 2: 1, 3: 1, 4: 2}
    return sqs.event(
        [
            sqs.Message(
                id=f"{number:08d}-5f0f-4b0f-8f8f-0d3c6e1d7a11",
                handle=f"AQEB{receives}{number}",
                body=json.dumps({"message": number, "fail_attempts": fail_attempts[number]}),
                sent=SENT,
                first_received=SENT + 2,
                sender="AIDAIENQZJOLO23YVJ4VO",
                receives=receives,
                group="1",
                fifo=sqs.Fifo(f"dedup-{number}", f"{18_850_000_000_000_000_000 + number}"),
            )
            for number in numbers
        ],
        queue_arn=QUEUE,
        region="us-east-1",
    )


def _invalid(receives: int) -> dict[str, Any]:
    message = sqs.Message(
        id="00000001-5f0f-4b0f-8f8f-0d3c6e1d7a11",
        handle=f"AQEB{receives}",
        body='{"message": 1, "fail_attempts": 0}',
        sent=SENT,
        first_received=SENT + 2,
        sender="AIDAIENQZJOLO23YVJ4VO",
        receives=receives,
    )
    return sqs.event([message], queue_arn=QUEUE, region="us-east-1")


def _notification() -> dict[str, Any]:
    notification = sns.Notification(
        id="95df01b4-ee98-5cb9-9903-4c221d41eb5e",
        topic_arn="arn:aws:sns:us-east-2:123456789012:sns-lambda",
        message="Hello from SNS!",
        at=1546433107.0,
        subject="TestInvoke",
        attributes={"Test": sns.Attribute("String", "TestString"), "TestBinary": sns.Attribute("Binary", "TestBinary")},
    )
    endpoint = "https://sns.us-east-2.amazonaws.com"
    signed = sns.Signed("tcc6faL2yUC6dgZdmrwh1Y4cGa/ebXEkAi6RibDsvpi+tE/1+82j...65r==", f"{endpoint}/SimpleNotification")
    return sns.event(notification, subscription_arn="arn:aws:sns:us-east-2:123456789012:sns-la ...", signed=signed, endpoint=endpoint)


def _recorded_notification() -> dict[str, Any]:
    topic = "arn:aws:sns:us-east-1:111111111111:topic-1"
    endpoint = "https://sns.us-east-1.amazonaws.com"
    certificate = f"{endpoint}/SimpleNotificationService-01d088a6f77103d0fe307c0069e40ed6.pem"
    return sns.event(
        sns.Notification("95df01b4-ee98-5cb9-9903-4c221d41eb5e", topic, '{"raise_error": 1}', 1692864000.123),
        subscription_arn=f"{topic}:21be56ed-a58b-49f5-a122-d0a252892305",
        signed=sns.Signed("tcc6faL2yUC6dgZdmrwh1Y4cGa==", certificate),
        endpoint=endpoint,
    )


def _logs() -> dict[str, Any]:
    lines = [
        cloudwatch_logs.Line("eventId1", 1440442987000, "[ERROR] First test message"),
        cloudwatch_logs.Line("eventId2", 1440442987001, "[ERROR] Second test message"),
    ]
    return cloudwatch_logs.event(cloudwatch_logs.Batch("123456789123", "testLogGroup", "testLogStream", ["testFilter"], lines))


FIRST = ("first_invocation", "Messages", 0, "Body", "event")
SECOND = ("second_invocation", "Messages", 0, "Body", "event")

CASES = [
    Case(
        "SQS",
        "sqs_from_dlq",
        _from_dlq,
        deviations=[flawed("Records.*.md5OfBody", "is not the MD5 of the body, which was replaced")],
    ),
    Case(
        "SQS",
        "sqs_two_messages_with_attribute",
        _two,
        deviations=[
            flawed("Records.0.messageAttributes.*", "a Number with a binaryValue and without the two empty lists; recorded ones differ"),
            flawed("Records.0.md5OfMessageAttributes", "absent although there is an attribute"),
            flawed("Records.1.md5OfBody", "that of the first message's body"),
        ],
    ),
    Case("SQS", "sqs_template_message_attributes", _with_attributes),
    Case("SQS", "sqs_template_fifo_partial_failure", lambda: _fifo((1, 2, 3, 4), 1), FIRST, view=parsed_bodies),
    Case("SQS", "sqs_template_fifo_partial_failure", lambda: _fifo((2, 3, 4), 2), SECOND, view=parsed_bodies),
    Case("SQS", "sqs_template_invalid_batch_response", lambda: _invalid(1), FIRST),
    Case("SQS", "sqs_template_invalid_batch_response", lambda: _invalid(2), SECOND),
    Case(
        "SNS",
        "sns_notification",
        _notification,
        deviations=[flawed("Records.0.Sns.UnsubscribeUrl", "cut short before the subscription's ARN")],
    ),
    Case("SNS", "sns_template_lambda_dlq", _recorded_notification, ("Messages", 0, "Body", "Message"), view=parsed_message),
    Case("CloudWatch Logs", "cloudwatch_logs_subscription", _logs, view=unzipped),
]
