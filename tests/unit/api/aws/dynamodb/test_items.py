"""DynamoDB's operations on one item."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.api.aws.service import AwsError
from tests.unit.api.aws.dynamodb.rig import Rig, rig, typed

KEY = {"id": {"S": "a"}, "at": {"N": "1"}}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path) as made:
        yield made


async def test_an_item_comes_back_as_it_was_put(house: Rig) -> None:
    item = {
        **KEY,
        "s": {"S": "\u00e9 \U0001f600"},
        "n": {"N": "-12.50e2"},
        "b": {"B": bytes(range(256))},
        "ss": {"SS": ["b", "a"]},
        "ns": {"NS": ["1.0", "2"]},
        "bs": {"BS": [b"\x00", b""]},
        "l": {"L": [{"NULL": True}, {"M": {"B": {"B": b"in"}, "x": {"BOOL": False}}}]},
        "empty": {"S": ""},
    }
    assert await house.call("PutItem", "carts", Item=item) == {}
    found = await house.call("GetItem", "carts", Key={"id": {"S": "a"}, "at": {"N": "1.0"}})
    assert found == {"Item": {**item, "n": {"N": "-1250"}, "ns": {"NS": ["1", "2"]}}}
    assert await house.call("GetItem", "carts", Key={"id": {"S": "a"}, "at": {"N": "2"}}) == {}


async def test_a_projection_gives_parts(house: Rig) -> None:
    await house.call("PutItem", "plain", Item={"id": {"S": "a"}, "m": {"M": {"x": {"L": [{"N": "1"}, {"N": "2"}]}, "y": {"S": "z"}}}})
    found = await house.call(
        "GetItem", "plain", Key={"id": {"S": "a"}}, ProjectionExpression="m.x[1], #n", ExpressionAttributeNames={"#n": "id"}
    )
    assert found["Item"] == {"m": {"M": {"x": {"L": [{"N": "2"}]}}}, "id": {"S": "a"}}
    old = await house.call("GetItem", "plain", Key={"id": {"S": "a"}}, AttributesToGet=["id", "none"])
    assert old["Item"] == {"id": {"S": "a"}}


@pytest.mark.parametrize(
    ("operation", "members", "code", "text"),
    [
        ("GetItem", {"Key": {"id": {"S": "a"}}}, "ValidationException", "The provided key element does not match the schema"),
        ("GetItem", {"Key": {**KEY, "at": {"S": "1"}}}, "ValidationException", "The provided key element does not match the schema"),
        (
            "PutItem",
            {"Item": {"id": {"S": "a"}}},
            "ValidationException",
            "One or more parameter values were invalid: Missing the key at in the item",
        ),
        (
            "PutItem",
            {"Item": {**KEY, "at": {"S": "1"}}},
            "ValidationException",
            "One or more parameter values were invalid: Type mismatch for key at expected: N actual: S",
        ),
        (
            "PutItem",
            {"Item": {**KEY, "id": {"S": ""}}},
            "ValidationException",
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: id",
        ),
        (
            "PutItem",
            {"Item": {**KEY, "user": {"N": "1"}}},
            "ValidationException",
            "One or more parameter values were invalid: Type mismatch for Index Key user Expected: S Actual: N IndexName: by_user",
        ),
        ("PutItem", {"Item": {**KEY, "x": {"S": "a" * 409_600}}}, "ValidationException", "Item size has exceeded the maximum allowed size"),
        ("PutItem", {"Item": KEY, "ReturnValues": "ALL_NEW"}, "ValidationException", "Return values set to invalid value"),
        (
            "PutItem",
            {"Item": {**KEY, "x": {"S": "\ud800"}}},
            "SerializationException",
            "text that is not valid Unicode cannot be stored",
        ),
        (
            "UpdateItem",
            {"Key": KEY, "UpdateExpression": "SET id = :v", "ExpressionAttributeValues": {":v": {"S": "b"}}},
            "ValidationException",
            "One or more parameter values were invalid: Cannot update attribute id. This attribute is part of the key",
        ),
        (
            "UpdateItem",
            {"Key": KEY, "UpdateExpression": "SET x = :v", "ExpressionAttributeValues": {":v": {"S": "b"}, ":w": {"S": "c"}}},
            "ValidationException",
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}",
        ),
        (
            "UpdateItem",
            {"Key": KEY, "UpdateExpression": "SET x.y = :v", "ExpressionAttributeValues": {":v": {"S": "b"}}},
            "ValidationException",
            "The document path provided in the update expression is invalid for update",
        ),
        (
            "DeleteItem",
            {"Key": KEY, "ConditionExpression": "attribute_exists(id)"},
            "ConditionalCheckFailedException",
            "The conditional request failed",
        ),
        (
            "DeleteItem",
            {"Key": KEY, "ConditionExpression": "attribute_exists(id)", "Expected": {"id": {"Exists": False}}},
            "ValidationException",
            (
                "Can not use both expression and non-expression parameters in the same request:"
                " Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}"
            ),
        ),
        (
            "DeleteItem",
            {"Key": KEY, "ExpressionAttributeNames": {"#a": "b"}},
            "ValidationException",
            "ExpressionAttributeNames can only be specified when using expressions",
        ),
    ],
)
async def test_what_cannot_be_done_is_told_in_dynamodbs_words(
    house: Rig, operation: str, members: dict[str, Any], code: str, text: str
) -> None:
    assert await house.refused(operation, "carts", **members) == (code, text)
    assert (await house.call("Scan", "carts"))["Items"] == []


async def test_an_unknown_table_is_not_found(house: Rig) -> None:
    assert await house.refused("GetItem", "none", Key=KEY) == ("ResourceNotFoundException", "Requested resource not found")


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("NONE", {}),
        ("ALL_OLD", {"id": {"S": "a"}, "n": {"N": "1"}, "m": {"M": {"x": {"N": "1"}, "y": {"N": "2"}}}}),
        ("ALL_NEW", {"id": {"S": "a"}, "n": {"N": "3"}, "m": {"M": {"x": {"N": "5"}, "y": {"N": "2"}}}, "new": {"S": "v"}}),
        ("UPDATED_OLD", {"n": {"N": "1"}, "m": {"M": {"x": {"N": "1"}}}}),
        ("UPDATED_NEW", {"n": {"N": "3"}, "m": {"M": {"x": {"N": "5"}}}, "new": {"S": "v"}}),
    ],
)
async def test_an_update_gives_back_what_is_asked_for(house: Rig, how: str, told: dict[str, Any]) -> None:
    await house.call("PutItem", "plain", Item={"id": {"S": "a"}, "n": {"N": "1"}, "m": {"M": {"x": {"N": "1"}, "y": {"N": "2"}}}})
    found = await house.call(
        "UpdateItem",
        "plain",
        Key={"id": {"S": "a"}},
        UpdateExpression="SET n = n + :two, m.x = :five, #new = :v",
        ExpressionAttributeNames={"#new": "new"},
        ExpressionAttributeValues={":two": {"N": "2"}, ":five": {"N": "5"}, ":v": {"S": "v"}},
        ReturnValues=how,
    )
    assert found == ({"Attributes": told} if told else {})


async def test_an_update_makes_the_item_that_is_not_there(house: Rig) -> None:
    found = await house.call(
        "UpdateItem",
        "plain",
        Key={"id": {"S": "a"}},
        AttributeUpdates={"n": {"Action": "ADD", "Value": {"N": "2"}}},
        ReturnValues="ALL_NEW",
    )
    assert found["Attributes"] == {"id": {"S": "a"}, "n": {"N": "2"}}
    await house.call("UpdateItem", "plain", Key={"id": {"S": "b"}})
    assert (await house.call("GetItem", "plain", Key={"id": {"S": "b"}}))["Item"] == {"id": {"S": "b"}}


_SET = {"ExpressionAttributeValues": {":s": {"SS": ["x"]}}}


@pytest.mark.parametrize(
    "asked",
    [
        {"UpdateExpression": "REMOVE a, b"},
        {"UpdateExpression": "DELETE a :s", **_SET},
        {"UpdateExpression": "REMOVE b DELETE a :s", **_SET},
        {"AttributeUpdates": {"a": {"Action": "DELETE"}}},
        {"AttributeUpdates": {"a": {"Action": "DELETE", "Value": {"SS": ["x"]}}}},
    ],
)
async def test_an_update_that_only_takes_away_makes_no_item(house: Rig, asked: dict[str, Any]) -> None:
    key = {"Key": {"id": {"S": "a"}}}
    assert await house.call("UpdateItem", "plain", **key, **asked, ReturnValues="ALL_NEW") == {}
    assert await house.call("GetItem", "plain", **key) == {}
    await house.call("UpdateItem", "plain", **key, UpdateExpression="SET c = :s REMOVE a", **_SET)
    assert (await house.call("GetItem", "plain", **key))["Item"] == {"id": {"S": "a"}, "c": {"SS": ["x"]}}


async def test_an_update_that_only_takes_away_is_checked_without_an_item_too(house: Rig) -> None:
    with pytest.raises(AwsError, match="document path"):
        await house.call("UpdateItem", "plain", Key={"id": {"S": "a"}}, UpdateExpression="REMOVE a.b")


@pytest.mark.parametrize("there", [False, True])
async def test_what_is_too_large_is_told_in_the_words_of_who_wrote_it(house: Rig, there: bool) -> None:
    if there:
        await house.fill("plain", {"id": "a"})
    large = {"S": "x" * 409_600}
    told = "ValidationException", "Item size has exceeded the maximum allowed size"
    assert await house.refused("PutItem", "plain", Item=typed({"id": "a", "x": large})) == told
    told = "ValidationException", "Item size to update has exceeded the maximum allowed size"
    members = {"UpdateExpression": "SET x = :x", "ExpressionAttributeValues": {":x": large}}
    assert await house.refused("UpdateItem", "plain", Key=typed({"id": "a"}), **members) == told


async def test_put_and_delete_give_back_what_was_there(house: Rig) -> None:
    await house.fill("plain", {"id": "a", "x": 1})
    assert await house.call("PutItem", "plain", Item=typed({"id": "a", "x": 2}), ReturnValues="ALL_OLD") == {
        "Attributes": typed({"id": "a", "x": 1})
    }
    assert await house.call("DeleteItem", "plain", Key=typed({"id": "a"}), ReturnValues="ALL_OLD") == {
        "Attributes": typed({"id": "a", "x": 2})
    }
    assert await house.call("DeleteItem", "plain", Key=typed({"id": "a"}), ReturnValues="ALL_OLD") == {}


async def test_the_error_of_a_condition_brings_the_item_when_asked(house: Rig) -> None:
    await house.fill("plain", {"id": "a", "x": 1})
    with pytest.raises(AwsError) as found:
        await house.call(
            "PutItem",
            "plain",
            Item=typed({"id": "a"}),
            ConditionExpression="attribute_not_exists(id)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert (found.value.code, found.value.members) == ("ConditionalCheckFailedException", {"Item": typed({"id": "a", "x": 1})})


@pytest.mark.parametrize(
    ("expected", "holds"),
    [
        ({"x": {"Value": {"N": "1"}}}, True),
        ({"x": {"Exists": False}}, False),
        ({"y": {"Exists": False}}, True),
        ({"x": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [{"N": "0"}, {"N": "1"}]}}, True),
        ({"s": {"ComparisonOperator": "NOT_CONTAINS", "AttributeValueList": [{"S": "q"}]}}, True),
        ({"none": {"ComparisonOperator": "NOT_CONTAINS", "AttributeValueList": [{"S": "q"}]}}, False),
        ({"s": {"ComparisonOperator": "IN", "AttributeValueList": [{"S": "q"}, {"S": "text"}]}}, True),
    ],
)
async def test_the_older_conditions_hold_or_not(house: Rig, expected: dict[str, Any], holds: bool) -> None:
    await house.fill("plain", {"id": "a", "x": 1, "s": "text"})
    if holds:
        await house.call("DeleteItem", "plain", Key=typed({"id": "a"}), Expected=expected)
    else:
        assert (await house.refused("DeleteItem", "plain", Key=typed({"id": "a"}), Expected=expected))[
            0
        ] == "ConditionalCheckFailedException"


async def test_consumed_capacity_is_told_when_asked_for(house: Rig) -> None:
    item = typed({"id": "a", "at": 1, "user": "u", "price": 5, "pad": "x" * 1500})
    found = await house.call("PutItem", "carts", Item=item, ReturnConsumedCapacity="INDEXES")
    assert found["ConsumedCapacity"] == {
        "TableName": "carts",
        "CapacityUnits": 5.0,
        "Table": {"CapacityUnits": 2.0},
        "GlobalSecondaryIndexes": {"by_user": {"CapacityUnits": 1.0}},
        "LocalSecondaryIndexes": {"by_price": {"CapacityUnits": 2.0}},
    }
    read = await house.call("GetItem", "carts", Key=KEY, ReturnConsumedCapacity="TOTAL")
    assert read["ConsumedCapacity"] == {"TableName": "carts", "CapacityUnits": 0.5}
    assert (await house.call("GetItem", "carts", Key=KEY, ReturnConsumedCapacity="TOTAL", ConsistentRead=True))["ConsumedCapacity"][
        "CapacityUnits"
    ] == 1.0


async def test_of_many_who_want_to_be_first_one_is(house: Rig) -> None:
    async def claim(number: int) -> bool:
        item = typed({"id": "lock", "holder": number})
        try:
            await house.call("PutItem", "plain", Item=item, ConditionExpression="attribute_not_exists(id)")
        except AwsError as error:
            assert error.code == "ConditionalCheckFailedException"  # noqa: PT017 - of all but one
            return False
        return True

    won = await asyncio.gather(*map(claim, range(40)))
    assert won.count(True) == 1
    found = await house.call("GetItem", "plain", Key=typed({"id": "lock"}))
    assert found["Item"]["holder"] == {"N": str(won.index(True))}


async def test_counts_of_many_writers_add_up(house: Rig) -> None:
    add = {
        "UpdateExpression": "SET n = if_not_exists(n, :zero) + :one",
        "ExpressionAttributeValues": {":zero": {"N": "0"}, ":one": {"N": "1"}},
    }
    await asyncio.gather(*(house.call("UpdateItem", "plain", Key=typed({"id": "count"}), **add) for _ in range(50)))
    assert (await house.call("GetItem", "plain", Key=typed({"id": "count"})))["Item"]["n"] == {"N": "50"}
