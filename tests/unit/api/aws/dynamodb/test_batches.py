"""Batches and transactions."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.api.aws.service import AwsError
from tests.unit.api.aws.dynamodb.rig import Rig, rig, typed


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path) as made:
        yield made


def put(table: str, item: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Put": {"TableName": table, "Item": typed(item), **more}}


async def test_a_batch_writes_and_reads_several_tables(house: Rig) -> None:
    await house.fill("plain", {"id": "gone"})
    written = await house.call(
        "BatchWriteItem",
        RequestItems={
            "plain": [{"PutRequest": {"Item": typed({"id": "a", "x": 1})}}, {"DeleteRequest": {"Key": typed({"id": "gone"})}}],
            "carts": [{"PutRequest": {"Item": typed({"id": "c", "at": 1})}}],
        },
        ReturnConsumedCapacity="TOTAL",
    )
    assert written["UnprocessedItems"] == {}
    assert written["ConsumedCapacity"] == [{"TableName": "plain", "CapacityUnits": 2.0}, {"TableName": "carts", "CapacityUnits": 1.0}]
    read = await house.call(
        "BatchGetItem",
        RequestItems={
            "plain": {"Keys": [typed({"id": "a"}), typed({"id": "gone"})], "ProjectionExpression": "x"},
            "carts": {"Keys": [typed({"id": "c", "at": 1})], "ConsistentRead": True},
        },
    )
    assert read == {"Responses": {"plain": [typed({"x": 1})], "carts": [typed({"id": "c", "at": 1})]}, "UnprocessedKeys": {}}


ONE = "1 validation error detected: Value"
FAILED = "failed to satisfy constraint:"
WITHIN = (
    "Map value must satisfy constraint:"
    " [Member must have length less than or equal to 25, Member must have length greater than or equal to 1]"
)


async def test_a_batch_gives_16_megabytes_and_the_rest_as_keys(house: Rig) -> None:
    for number in range(45):
        await house.fill("plain", {"id": f"{number}", "pad": "x" * 400_000})
    keys = [typed({"id": f"{number}"}) for number in range(45)]
    read = await house.call("BatchGetItem", RequestItems={"plain": {"Keys": keys}})
    got, left = len(read["Responses"]["plain"]), read["UnprocessedKeys"]["plain"]["Keys"]
    assert (got, len(left)) == (41, 4)
    assert left == keys[41:]


@pytest.mark.parametrize(
    ("operation", "asked", "told"),
    [
        ("BatchGetItem", {"plain": {"Keys": [typed({"id": "a"})] * 2}}, "Provided list of item keys contains duplicates"),
        (
            "BatchGetItem",
            {"plain": {"Keys": [typed({"id": f"{n}"}) for n in range(101)]}},
            f"{ONE} '[101 keys]' at 'requestItems.plain.member.keys' {FAILED} Member must have length less than or equal to 100",
        ),
        (
            "BatchGetItem",
            {"plain": {"Keys": []}},
            f"{ONE} '[]' at 'requestItems.plain.member.keys' {FAILED} Member must have length greater than or equal to 1",
        ),
        (
            "BatchGetItem",
            {"plain": {"Keys": [typed({"id": f"{n}"}) for n in range(100)]}, "carts": {"Keys": [typed({"id": "c", "at": 1})]}},
            "Too many items requested for the BatchGetItem call",
        ),
        ("BatchGetItem", {}, f"{ONE} '{{}}' at 'requestItems' {FAILED} Member must have length greater than or equal to 1"),
        (
            "BatchWriteItem",
            {"plain": [{"PutRequest": {"Item": typed({"id": f"{n}"})}} for n in range(26)]},
            f"{ONE} '{{plain=[26 requests]}}' at 'requestItems' {FAILED} {WITHIN}",
        ),
        (
            "BatchWriteItem",
            {"plain": [{"PutRequest": {"Item": typed({"id": "a"})}}], "carts": []},
            f"{ONE} '{{carts=[0 requests]}}' at 'requestItems' {FAILED} {WITHIN}",
        ),
        (
            "BatchWriteItem",
            {
                "plain": [{"PutRequest": {"Item": typed({"id": f"{n}"})}} for n in range(25)],
                "carts": [{"PutRequest": {"Item": typed({"id": "c", "at": 1})}}],
            },
            "Too many items requested for the BatchWriteItem call",
        ),
        (
            "BatchWriteItem",
            {"plain": [{}]},
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
        ),
        (
            "BatchWriteItem",
            {"plain": [{"PutRequest": {"Item": typed({"id": "a"})}}, {"DeleteRequest": {"Key": typed({"id": "a"})}}]},
            "Provided list of item keys contains duplicates",
        ),
        (
            "BatchWriteItem",
            {"plain": [{"PutRequest": {"Item": {"x": {"S": "a"}}}}]},
            "The provided key element does not match the schema",
        ),
        (
            "BatchWriteItem",
            {"plain": [{"PutRequest": {"Item": typed({"id": 1})}}]},
            "The provided key element does not match the schema",
        ),
        (
            "BatchWriteItem",
            {"plain": [{"PutRequest": {"Item": typed({"id": ""})}}]},
            (
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value."
                " Key: id"
            ),
        ),
        (
            "BatchWriteItem",
            {"plain": [{"PutRequest": {"Item": typed({"id": "a", "x": "x" * 409_600})}}]},
            "Item size has exceeded the maximum allowed size",
        ),
        ("BatchWriteItem", {}, f"{ONE} '{{}}' at 'requestItems' {FAILED} Member must have length greater than or equal to 1"),
    ],
)
async def test_a_batch_that_cannot_be_is_refused_whole(house: Rig, operation: str, asked: dict[str, Any], told: str) -> None:
    assert await house.refused(operation, RequestItems=asked) == ("ValidationException", told)
    assert (await house.call("Scan", "plain"))["Count"] == 0


async def test_a_transaction_is_all_or_nothing(house: Rig) -> None:
    await house.fill("plain", {"id": "stock", "n": 1})
    take = {
        "Update": {
            "TableName": "plain",
            "Key": typed({"id": "stock"}),
            "UpdateExpression": "SET n = n - :one",
            "ConditionExpression": "n >= :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }
    assert await house.call("TransactWriteItems", TransactItems=[put("carts", {"id": "c", "at": 1}), take]) == {}
    with pytest.raises(AwsError) as found:
        await house.call("TransactWriteItems", TransactItems=[put("carts", {"id": "c", "at": 2}), take])
    assert found.value.code == "TransactionCanceledException"
    assert (
        str(found.value) == "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed]"
    )
    assert found.value.members["CancellationReasons"] == [
        {"Code": "None"},
        {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed", "Item": typed({"id": "stock", "n": 0})},
    ]
    read = await house.call(
        "TransactGetItems",
        TransactItems=[
            {
                "Get": {
                    "TableName": "carts",
                    "Key": typed({"id": "c", "at": at}),
                    "ProjectionExpression": "#at",
                    "ExpressionAttributeNames": {"#at": "at"},
                }
            }
            for at in (1, 2)
        ],
        ReturnConsumedCapacity="TOTAL",
    )
    assert read["Responses"] == [{"Item": typed({"at": 1})}, {}]
    assert read["ConsumedCapacity"] == [{"TableName": "carts", "CapacityUnits": 4.0}]


ADD = {
    "Update": {
        "TableName": "plain",
        "Key": typed({"id": "a"}),
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
}


@pytest.mark.parametrize("step", [-3 * 3600.0, 3600.0])
async def test_a_token_lasts_ten_minutes_whatever_the_wall_clock_says(house: Rig, step: float) -> None:
    async def count() -> str:
        await house.call("TransactWriteItems", TransactItems=[ADD], ClientRequestToken="t-1")
        return str((await house.call("GetItem", "plain", Key=typed({"id": "a"})))["Item"]["n"]["N"])

    assert await count() == "1"
    house.clock.jump(step)
    await house.clock.advance(500)
    assert await count() == "1"
    await house.clock.advance(101)
    assert await count() == "2"


async def test_a_token_makes_a_transaction_happen_once(house: Rig) -> None:
    for _ in range(3):
        await house.call("TransactWriteItems", TransactItems=[ADD], ClientRequestToken="t-1")
    assert (await house.call("GetItem", "plain", Key=typed({"id": "a"})))["Item"]["n"] == {"N": "1"}
    other = await house.refused("TransactWriteItems", TransactItems=[put("plain", {"id": "b"})], ClientRequestToken="t-1")
    assert other[0] == "IdempotentParameterMismatchException"
    await house.clock.advance(601)
    await house.call("TransactWriteItems", TransactItems=[ADD], ClientRequestToken="t-1")
    assert (await house.call("GetItem", "plain", Key=typed({"id": "a"})))["Item"]["n"] == {"N": "2"}


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ([put("plain", {"id": "a"}), put("plain", {"id": "a"})], "Transaction request cannot include multiple operations on one item"),
        ([{"Put": {}, "Delete": {}}], "TransactItems can only contain one of Check, Put, Update or Delete"),
        ([put("plain", {"id": f"{n}", "pad": "x" * 400_000}) for n in range(11)], "Transaction request size cannot exceed 4 MB"),
        (
            [{"ConditionCheck": {"TableName": "plain", "Key": typed({"id": "a"})}}],
            "The parameter 'conditionExpression' is required but was not present in the request",
        ),
        (
            [],
            "1 validation error detected: Value '[0 items]' at 'transactItems' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
    ],
)
async def test_a_transaction_that_cannot_be_is_refused(house: Rig, items: list[Any], told: str) -> None:
    assert await house.refused("TransactWriteItems", TransactItems=items) == ("ValidationException", told)
