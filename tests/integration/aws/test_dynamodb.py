"""DynamoDB of a whole daemon, as boto3's client and resource use it."""

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from router.credentials import KeyStore
from tests.helpers.endpoint import REGION, Cloud
from tests.helpers.record import read_record

CONFIG = """
tables:
  orders:
    hash: id
    stream: NEW_AND_OLD_IMAGES
    ttl: expires
roles:
  one_user:
    policy:
      Version: "2012-10-17"
      Statement:
        - Effect: Allow
          Action: ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
          Resource: "arn:aws:dynamodb:us-east-1:123456789012:table/orders"
          Condition: {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["ann"]}}
  poller:
    policy:
      Version: "2012-10-17"
      Statement:
        - Effect: Allow
          Action: ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"]
          Resource: "*"
functions:
  mapped:
    code: ./code
    handler: app.changed
    role: poller
    isolation: none
    environment: {SEEN: "${env:SEEN}"}
  changed:
    code: ./code
    handler: app.changed
    environment: {SEEN: "${env:SEEN}"}
    triggers:
      - table: {name: orders, filter: {eventName: [INSERT, REMOVE]}}
"""
CODE = """
import json, os

def changed(event, context):
    with open(os.environ["SEEN"], "a") as file:
        for record in event["Records"]:
            file.write(json.dumps(record) + "\\n")
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    root = tmp_path_factory.mktemp("dynamodb")
    config = CONFIG.replace("${env:SEEN}", str(root / "seen.jsonl")) + "    isolation: none\n"
    with Cloud(root, config, {"app.py": CODE}).serving() as made:
        yield made


@pytest.fixture(scope="module")
def client(cloud: Cloud, key: dict[str, str]) -> Any:
    return cloud.client("dynamodb", key)


@pytest.fixture(scope="module")
def resource(cloud: Cloud, key: dict[str, str]) -> Any:
    return boto3.resource(
        "dynamodb",
        endpoint_url=cloud.url,
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )


def seen(cloud: Cloud, enough: Callable[[list[Any]], bool]) -> list[Any]:
    """The records that the function got, once they are *enough*."""
    path = cloud.directory / "seen.jsonl"
    assert cloud.until(lambda: enough(read_record(path)), 60), (read_record(path), cloud.log.read_text()[-3000:])
    return read_record(path)


def test_a_table_is_made_used_and_deleted(client: Any, resource: Any) -> None:
    table = resource.create_table(
        TableName="carts",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in (("id", "S"), ("at", "N"), ("user", "S"))],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_user",
                "KeySchema": [{"AttributeName": "user", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        Tags=[{"Key": "team", "Value": "shop"}],
    )
    table.wait_until_exists()
    assert table.table_status == "ACTIVE"
    assert (table.table_arn, table.item_count) == ("arn:aws:dynamodb:us-east-1:123456789012:table/carts", 0)
    with table.batch_writer() as batch:
        for number in range(60):
            batch.put_item(
                {"id": f"c{number % 3}", "at": number, "user": "ann" if number % 2 else "bob", "price": Decimal("9.90"), "raw": b"\x00\xff"}
            )
    found = table.query(KeyConditionExpression=Key("id").eq("c1") & Key("at").between(10, 40), FilterExpression=Attr("user").eq("ann"))
    assert [int(item["at"]) for item in found["Items"]] == [13, 19, 25, 31, 37]
    assert found["Items"][0] == {"id": "c1", "at": 13, "user": "ann", "price": Decimal("9.9"), "raw": b"\x00\xff"}
    newest = table.query(IndexName="by_user", KeyConditionExpression=Key("user").eq("bob"), ScanIndexForward=False, Limit=3)
    assert [int(item["at"]) for item in newest["Items"]] == [58, 56, 54]
    table.update_item(Key={"id": "c0", "at": 0}, UpdateExpression="ADD visits :one", ExpressionAttributeValues={":one": 1})
    assert table.get_item(Key={"id": "c0", "at": 0})["Item"]["visits"] == 1
    pages = list(client.get_paginator("scan").paginate(TableName="carts", PaginationConfig={"PageSize": 7}))
    assert [page["Count"] for page in pages] == [7] * 8 + [4]
    assert len({(item["id"]["S"], item["at"]["N"]) for page in pages for item in page["Items"]}) == 60
    assert client.list_tags_of_resource(ResourceArn=table.table_arn)["Tags"] == [{"Key": "team", "Value": "shop"}]
    table.delete()
    table.wait_until_not_exists()
    assert "carts" not in client.list_tables()["TableNames"]


def test_refusals_are_dynamodbs_own(client: Any, resource: Any) -> None:
    with pytest.raises(client.exceptions.ResourceNotFoundException) as missing:
        client.describe_table(TableName="nothing")
    assert missing.value.response["Error"]["Message"] == "Requested resource not found: Table: nothing not found"
    table = resource.Table("orders")
    table.put_item(Item={"id": "once", "n": 1})
    with pytest.raises(client.exceptions.ConditionalCheckFailedException) as failed:
        table.put_item(Item={"id": "once"}, ConditionExpression=Attr("id").not_exists(), ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert failed.value.response["Item"] == {"id": {"S": "once"}, "n": {"N": "1"}} or failed.value.response["Item"] == {
        "id": "once",
        "n": 1,
    }
    with pytest.raises(client.exceptions.TransactionCanceledException) as cancelled:
        client.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": "orders", "Item": {"id": {"S": "new"}}}},
                {"ConditionCheck": {"TableName": "orders", "Key": {"id": {"S": "none"}}, "ConditionExpression": "attribute_exists(id)"}},
            ]
        )
    assert [reason["Code"] for reason in cancelled.value.response["CancellationReasons"]] == ["None", "ConditionalCheckFailed"]
    assert "Item" not in table.get_item(Key={"id": "new"})
    with pytest.raises(client.exceptions.ResourceInUseException):
        client.delete_table(TableName="orders")
    with pytest.raises(ClientError) as partiql:
        client.execute_statement(Statement='SELECT * FROM "orders"')
    assert partiql.value.response["Error"]["Code"] == "ValidationException"


def test_changes_reach_a_function_and_who_reads_the_stream(cloud: Cloud, key: dict[str, str], client: Any) -> None:
    for expression in ("SET v = :v", "SET v = :w"):
        value = {":v": {"S": "one"}} if ":v" in expression else {":w": {"B": b"\x01"}}
        client.update_item(TableName="orders", Key={"id": {"S": "fed"}}, UpdateExpression=expression, ExpressionAttributeValues=value)
    client.delete_item(TableName="orders", Key={"id": {"S": "fed"}})
    got = [
        one
        for one in seen(cloud, lambda all_: any(one["eventName"] == "REMOVE" for one in all_))
        if one["dynamodb"]["Keys"] == {"id": {"S": "fed"}}
    ]
    assert [one["eventName"] for one in got] == ["INSERT", "REMOVE"]
    assert got[1]["dynamodb"]["OldImage"] == {"id": {"S": "fed"}, "v": {"B": "AQ=="}}
    streams = cloud.client("dynamodbstreams", key)
    (stream,) = streams.list_streams(TableName="orders")["Streams"]
    assert got[0]["eventSourceARN"] == stream["StreamArn"] == client.describe_table(TableName="orders")["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=stream["StreamArn"], ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    read = streams.get_records(ShardIterator=iterator)
    mine = [record for record in read["Records"] if record["dynamodb"]["Keys"] == {"id": {"S": "fed"}}]
    assert [record["eventName"] for record in mine] == ["INSERT", "MODIFY", "REMOVE"]
    assert mine[2]["dynamodb"]["OldImage"] == {"id": {"S": "fed"}, "v": {"B": b"\x01"}}
    assert mine[0]["eventID"] == got[0]["eventID"]
    assert streams.get_records(ShardIterator=read["NextShardIterator"])["Records"] == []


def test_a_mapping_over_the_stream_of_a_made_table_feeds_its_function(cloud: Cloud, key: dict[str, str], client: Any) -> None:
    keys = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    }
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    made = client.create_table(TableName="mapped-table", BillingMode="PAY_PER_REQUEST", StreamSpecification=stream, **keys)[
        "TableDescription"
    ]
    lambda_ = cloud.client("lambda", key)
    mapping = lambda_.create_event_source_mapping(
        EventSourceArn=made["LatestStreamArn"], FunctionName="mapped", StartingPosition="TRIM_HORIZON", BatchSize=5
    )
    client.put_item(TableName="mapped-table", Item={"id": {"S": "through the mapping"}})
    mine = {"id": {"S": "through the mapping"}}
    got = seen(cloud, lambda all_: any(one["dynamodb"]["Keys"] == mine for one in all_))
    (record,) = [one for one in got if one["dynamodb"]["Keys"] == mine]
    assert record["eventSourceARN"] == made["LatestStreamArn"] == mapping["EventSourceArn"]
    with pytest.raises(client.exceptions.ResourceInUseException):
        client.delete_table(TableName="mapped-table")
    lambda_.delete_event_source_mapping(UUID=mapping["UUID"])
    client.delete_table(TableName="mapped-table")


def test_batches_and_transactions_go_through_the_resource(resource: Any) -> None:
    table = resource.Table("orders")
    with table.batch_writer(overwrite_by_pkeys=["id"]) as batch:
        for number in range(30):
            batch.put_item({"id": f"b{number}", "tags": {"x", "y"}, "nested": {"list": [1, None, True, {"deep": "z"}]}})
        batch.delete_item({"id": "b0"})
    answer = resource.batch_get_item(RequestItems={"orders": {"Keys": [{"id": f"b{number}"} for number in range(3)]}})
    found = sorted(answer["Responses"]["orders"], key=lambda item: item["id"])
    assert found == [{"id": f"b{n}", "tags": {"x", "y"}, "nested": {"list": [1, None, True, {"deep": "z"}]}} for n in (1, 2)]
    client = resource.meta.client
    client.transact_write_items(
        TransactItems=[
            {
                "Update": {
                    "TableName": "orders",
                    "Key": {"id": "b1"},
                    "UpdateExpression": "SET n = :n",
                    "ExpressionAttributeValues": {":n": 5},
                }
            },
            {"Delete": {"TableName": "orders", "Key": {"id": "b2"}}},
        ]
    )
    got = client.transact_get_items(TransactItems=[{"Get": {"TableName": "orders", "Key": {"id": name}}} for name in ("b1", "b2")])
    assert [one.get("Item", {}).get("n") for one in got["Responses"]] == [5, None]


def test_an_item_expires_and_its_record_says_so(cloud: Cloud, client: Any) -> None:
    client.put_item(TableName="orders", Item={"id": {"S": "brief"}, "expires": {"N": "1700000000"}})
    got = seen(cloud, lambda all_: any("userIdentity" in one for one in all_))
    (record,) = [one for one in got if "userIdentity" in one]
    assert (record["eventName"], record["dynamodb"]["Keys"]) == ("REMOVE", {"id": {"S": "brief"}})
    assert record["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    assert "Item" not in client.get_item(TableName="orders", Key={"id": {"S": "brief"}})


def test_a_role_reaches_its_leading_keys_and_no_others(cloud: Cloud) -> None:
    session = KeyStore(cloud.directory / "state").session("one_user", "test", time.time()).document()
    table = cloud.client("dynamodb", session | {"SessionToken": session["Token"]})
    table.put_item(TableName="orders", Item={"id": {"S": "ann"}})
    assert table.get_item(TableName="orders", Key={"id": {"S": "ann"}})["Item"] == {"id": {"S": "ann"}}
    for ask in (
        lambda: table.get_item(TableName="orders", Key={"id": {"S": "bob"}}),
        lambda: table.scan(TableName="orders"),
        lambda: table.query(TableName="orders", KeyConditionExpression="id = :v", ExpressionAttributeValues={":v": {"S": "bob"}}),
    ):
        with pytest.raises(ClientError) as refused:
            ask()
        assert refused.value.response["Error"]["Code"] == "AccessDeniedException"


def test_items_and_tables_of_the_api_outlive_the_daemon(tmp_path: Path) -> None:
    with Cloud(tmp_path, "", {}).serving() as cloud:
        client = cloud.client("dynamodb", cloud.key())
        keys = {
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        }
        client.create_table(TableName="kept", BillingMode="PAY_PER_REQUEST", **keys)
        client.put_item(TableName="kept", Item={"id": {"S": "a"}})
        cloud.kill()
        cloud.start()
        assert cloud.until(lambda: cloud.ready(60), 60)
        assert client.get_item(TableName="kept", Key={"id": {"S": "a"}})["Item"] == {"id": {"S": "a"}}
