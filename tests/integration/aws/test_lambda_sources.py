"""A queue and a table that were made through the API, read by a function that was made through the API."""

import io
import json
import time
import zipfile
from typing import Any

import pytest

from tests.helpers.endpoint import Cloud

CONFIG = """
roles: {worker: {policy: [{Effect: Allow, Action: ["sqs:*", "dynamodb:*"], Resource: "*"}]}}
"""
ROLE = "arn:aws:iam::123456789012:role/worker"
HANDLER = """
def handler(event, context):
    for record in event["Records"]:
        print("saw", record.get("body") or record["dynamodb"]["NewImage"]["word"]["S"])
"""


@pytest.fixture(scope="module")
def client(cloud: Cloud, key: dict[str, str]) -> Any:
    made, held = cloud.client("lambda", key), io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("app.py", HANDLER)
    for name in ("polls", "follows"):
        made.create_function(
            FunctionName=name, Runtime="python3.11", Role=ROLE, Handler="app.handler", Timeout=10, Code={"ZipFile": held.getvalue()}
        )
    return made


def logged(cloud: Cloud, function: str, word: str) -> bool:
    return any(f"saw {word}" in json.dumps(row) for row in cloud.router("logs", function))


def saw(cloud: Cloud, function: str, word: str) -> bool:
    """Wait until the function has logged it."""
    return cloud.until(lambda: logged(cloud, function, word), 20, step=0.2)


def test_a_queue(cloud: Cloud, client: Any, key: dict[str, str]) -> None:
    queues = cloud.client("sqs", key)
    url = queues.create_queue(QueueName="work", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    mapping = client.create_event_source_mapping(FunctionName="polls", EventSourceArn=arn)["UUID"]
    queues.send_message(QueueUrl=url, MessageBody="first")
    assert saw(cloud, "polls", "first")
    client.update_event_source_mapping(UUID=mapping, Enabled=False)
    queues.send_message(QueueUrl=url, MessageBody="second")
    assert client.get_event_source_mapping(UUID=mapping)["State"] == "Disabled"
    client.update_event_source_mapping(UUID=mapping, Enabled=True)
    assert saw(cloud, "polls", "second")


def test_a_table_s_stream(cloud: Cloud, client: Any, key: dict[str, str]) -> None:
    tables = cloud.client("dynamodb", key)
    made = tables.create_table(
        TableName="words",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    tables.get_waiter("table_exists").wait(TableName="words", WaiterConfig={"Delay": 1, "MaxAttempts": 5})
    arn = made["TableDescription"]["LatestStreamArn"]
    mapping = client.create_event_source_mapping(FunctionName="follows", EventSourceArn=arn, StartingPosition="TRIM_HORIZON")
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    tables.put_item(TableName="words", Item={"id": {"S": "1"}, "word": {"S": "third"}})
    assert saw(cloud, "follows", "third")
    client.delete_event_source_mapping(UUID=mapping["UUID"])
    tables.put_item(TableName="words", Item={"id": {"S": "2"}, "word": {"S": "between"}})
    client.create_event_source_mapping(FunctionName="follows", EventSourceArn=arn, StartingPosition="LATEST")

    def fourth() -> bool:  # again and again: what comes before the mapping has begun to poll is not the newest any more
        tables.put_item(TableName="words", Item={"id": {"S": "3"}, "word": {"S": "fourth"}, "at": {"S": str(time.monotonic())}})
        return logged(cloud, "follows", "fourth")

    assert cloud.until(fourth, 20, step=0.2)
    assert not logged(cloud, "follows", "between")  # it came before the new mapping, whose position is its own
