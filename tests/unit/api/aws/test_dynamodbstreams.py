"""Streams of tables, read through the API."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.api.aws.dynamodbstreams import DynamodbStreams
from router.api.aws.service import AwsError, Call, Members
from router.tables.upkeep import Upkeep
from tests.unit.api.aws.dynamodb.rig import CALLER, Rig, rig, typed
from tests.unit.api.aws.dynamodb.test_managing import SIMPLE

TABLE_ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path) as made:
        yield made


class Reader:
    """The service, and shorthands."""

    def __init__(self, house: Rig) -> None:
        self.service = DynamodbStreams(house.tables, house.clock)

    def of(self, operation: str, **members: Any) -> Call:
        return Call("dynamodbstreams", operation, members, CALLER, "r-1")

    async def call(self, operation: str, **members: Any) -> Members:
        return await self.service.operations[operation].run(self.of(operation, **members))

    async def refused(self, operation: str, **members: Any) -> str:
        with pytest.raises(AwsError) as found:
            await self.call(operation, **members)
        return str(found.value.code)

    async def stream(self, table: str) -> str:
        return str((await self.call("ListStreams", TableName=table))["Streams"][-1]["StreamArn"])

    async def iterator(self, arn: str, kind: str = "TRIM_HORIZON", **members: Any) -> str:
        shard = (await self.call("DescribeStream", StreamArn=arn))["StreamDescription"]["Shards"][0]["ShardId"]
        return str((await self.call("GetShardIterator", StreamArn=arn, ShardId=shard, ShardIteratorType=kind, **members))["ShardIterator"])


async def test_every_change_has_its_record_in_order(house: Rig) -> None:
    reader = Reader(house)
    arn = await reader.stream("carts")
    latest = await reader.iterator(arn, "LATEST")
    key = typed({"id": "a", "at": 1})
    await house.fill("carts", {"id": "a", "at": 1, "b": b"\x00"})
    await house.fill("carts", {"id": "a", "at": 1, "b": b"\x00"})
    await house.call(
        "UpdateItem", "carts", Key=key, UpdateExpression="SET x = :x REMOVE b", ExpressionAttributeValues={":x": {"SS": ["a"]}}
    )
    await house.call("DeleteItem", "carts", Key=key)
    await house.call("DeleteItem", "carts", Key=key)
    read = await reader.call("GetRecords", ShardIterator=latest)
    told = [(one["eventName"], one["dynamodb"].get("OldImage"), one["dynamodb"].get("NewImage")) for one in read["Records"]]
    first, second = key | {"b": {"B": b"\x00"}}, key | {"x": {"SS": ["a"]}}
    assert told == [("INSERT", None, first), ("MODIFY", first, second), ("REMOVE", second, None)]
    (one, *_) = read["Records"]
    assert (one["eventVersion"], one["eventSource"], one["awsRegion"], len(one["eventID"])) == ("1.1", "aws:dynamodb", "eu-west-1", 32)
    assert one["dynamodb"]["Keys"] == key
    assert one["dynamodb"]["SizeBytes"] == (2 + 1 + 2 + 2) + (2 + 1 + 2 + 2 + 1 + 1)
    assert one["dynamodb"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    numbers = [record["dynamodb"]["SequenceNumber"] for record in read["Records"]]
    assert numbers == sorted(numbers)
    assert {len(number) for number in numbers} == {21}
    after = await reader.iterator(arn, "AFTER_SEQUENCE_NUMBER", SequenceNumber=numbers[0])
    at = await reader.iterator(arn, "AT_SEQUENCE_NUMBER", SequenceNumber=numbers[0])
    assert len((await reader.call("GetRecords", ShardIterator=after))["Records"]) == 2
    page = await reader.call("GetRecords", ShardIterator=at, Limit=2)
    assert len(page["Records"]) == 2
    assert len((await reader.call("GetRecords", ShardIterator=page["NextShardIterator"]))["Records"]) == 1


@pytest.mark.parametrize(
    ("view", "images"),
    [("KEYS_ONLY", set()), ("NEW_IMAGE", {"NewImage"}), ("OLD_IMAGE", {"OldImage"}), ("NEW_AND_OLD_IMAGES", {"NewImage", "OldImage"})],
)
async def test_a_view_shows_its_images(house: Rig, view: str, images: set[str]) -> None:
    reader = Reader(house)
    await house.call("CreateTable", "made", **SIMPLE, StreamSpecification={"StreamEnabled": True, "StreamViewType": view})
    await house.fill("made", {"id": "a"}, {"id": "a", "x": 1})
    read = await reader.call("GetRecords", ShardIterator=await reader.iterator(await reader.stream("made")))
    assert {name for name in read["Records"][1]["dynamodb"] if name.endswith("Image")} == images


async def test_a_transaction_that_fails_leaves_no_record(house: Rig) -> None:
    reader = Reader(house)
    put = {"Put": {"TableName": "carts", "Item": typed({"id": "a", "at": 1})}}
    check = {"ConditionCheck": {"TableName": "plain", "Key": typed({"id": "a"}), "ConditionExpression": "attribute_exists(id)"}}
    await house.refused("TransactWriteItems", TransactItems=[put, check])
    read = await reader.call("GetRecords", ShardIterator=await reader.iterator(await reader.stream("carts")))
    assert read["Records"] == []


async def test_a_stream_that_is_switched_off_ends_and_another_one_begins(house: Rig) -> None:
    reader = Reader(house)
    on = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}}
    await house.call("CreateTable", "made", **SIMPLE, **on)
    first = await reader.stream("made")
    await house.fill("made", {"id": "a"})
    assert (await house.refused("UpdateTable", "made", **on))[0] == "ValidationException"
    await house.call("UpdateTable", "made", StreamSpecification={"StreamEnabled": False})
    await house.fill("made", {"id": "b"})
    ended = (await reader.call("DescribeStream", StreamArn=first))["StreamDescription"]
    assert (ended["StreamStatus"], "EndingSequenceNumber" in ended["Shards"][0]["SequenceNumberRange"]) == ("DISABLED", True)
    read = await reader.call("GetRecords", ShardIterator=await reader.iterator(first))
    assert (len(read["Records"]), "NextShardIterator" in read) == (1, False)
    await house.call("UpdateTable", "made", **on)
    assert await reader.stream("made") != first
    listed = await reader.call("ListStreams", TableName="made", Limit=1)
    assert listed["LastEvaluatedStreamArn"] == first
    await house.call("DeleteTable", "made")
    assert len((await reader.call("ListStreams", TableName="made"))["Streams"]) == 2
    await house.clock.advance(86_401)
    await Upkeep(house.tables, house.clock)._trim()
    assert (await reader.call("ListStreams", TableName="made"))["Streams"] == []


async def test_records_go_after_a_day_and_iterators_after_a_quarter_of_an_hour(house: Rig) -> None:
    reader = Reader(house)
    arn = await reader.stream("carts")
    await house.fill("carts", {"id": "a", "at": 1})
    iterator = await reader.iterator(arn)
    number = (await reader.call("GetRecords", ShardIterator=iterator))["Records"][0]["dynamodb"]["SequenceNumber"]
    await house.clock.advance(901)
    assert await reader.refused("GetRecords", ShardIterator=iterator) == "ExpiredIteratorException"
    await house.clock.advance(86_400)
    old = await reader.iterator(arn)
    await house.fill("carts", {"id": "b", "at": 1})
    assert len((await reader.call("GetRecords", ShardIterator=old))["Records"]) == 1
    await Upkeep(house.tables, house.clock)._trim()
    assert await reader.refused("GetRecords", ShardIterator=old) == "TrimmedDataAccessException"
    shard = (await reader.call("DescribeStream", StreamArn=arn))["StreamDescription"]["Shards"][0]["ShardId"]
    at = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": number}
    assert await reader.refused("GetShardIterator", StreamArn=arn, ShardId=shard, **at) == "TrimmedDataAccessException"


@pytest.mark.parametrize("iterator", ["", "x", "AAAA", "W10=", "WyJjYXJ0cyIsICJ4IiwgLTEsIDBd", "\u00e9"])
async def test_what_is_no_iterator_is_refused(house: Rig, iterator: str) -> None:
    assert await Reader(house).refused("GetRecords", ShardIterator=iterator) == "ValidationException"


@pytest.mark.parametrize("kind", ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"])
@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("1" * 30, "ValidationException"),  # more than any stream has
        ("9" * 40, "ValidationException"),
        (str(10**20 + 2 * (2**62 - 1)), "ValidationException"),
        ("1" * 20, "ValidationException"),
        ("x" * 21, "ValidationException"),
        ("1".zfill(21), "TrimmedDataAccessException"),  # from before the first
    ],
)
async def test_a_sequence_number_that_no_stream_has_is_refused(house: Rig, kind: str, number: str, code: str) -> None:
    reader = Reader(house)
    arn = await reader.stream("carts")
    members = {"StreamArn": arn, "ShardIteratorType": kind, "SequenceNumber": number}
    shard = (await reader.call("DescribeStream", StreamArn=arn))["StreamDescription"]["Shards"][0]["ShardId"]
    assert await reader.refused("GetShardIterator", ShardId=shard, **members) == code


async def test_what_is_not_there_is_not_found(house: Rig) -> None:
    reader = Reader(house)
    assert await reader.refused("DescribeStream", StreamArn=f"{TABLE_ARN}carts/stream/2020") == "ResourceNotFoundException"
    arn = await reader.stream("carts")
    members = {"StreamArn": arn, "ShardId": "shardId-0000000000000-x", "ShardIteratorType": "LATEST"}
    assert await reader.refused("GetShardIterator", **members) == "ResourceNotFoundException"


async def test_the_actions_are_needed_on_the_stream(house: Rig) -> None:
    reader = Reader(house)
    arn = await reader.stream("carts")
    iterator = await reader.iterator(arn)
    operations = reader.service.operations
    for operation, members, resource in (
        ("ListStreams", {}, "*"),
        ("DescribeStream", {"StreamArn": arn}, arn),
        ("GetShardIterator", {"StreamArn": arn}, arn),
        ("GetRecords", {"ShardIterator": iterator}, arn),
        ("GetRecords", {"ShardIterator": "x"}, "*"),
    ):
        (need,) = operations[operation].needs(reader.of(operation, **members))
        assert (need.action, need.resource) == (f"dynamodb:{operation}", resource)
