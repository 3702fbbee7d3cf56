"""Paths into keys: a key attribute is a scalar, so nothing is inside one. Refused before items are looked at, as recorded of AWS."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.api.aws.dynamodb.rig import Rig, rig, typed

KEY = typed({"id": "c0", "at": 1})


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path) as made:
        yield made


QUERIED: dict[str, Any] = {"KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": {"S": "c0"}}}


def told(kind: str, name: str) -> tuple[str, str]:
    said = f"Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: {kind}: {name}"
    return "ValidationException", said


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("Scan", {"FilterExpression": "attribute_exists(note) AND attribute_exists(#.b[0])"}),
        ("Scan", {"ProjectionExpression": "note, #[0]"}),
        ("GetItem", {"Key": KEY, "ProjectionExpression": "#.b"}),
        ("PutItem", {"Item": KEY, "ConditionExpression": "size(#.b) > size(note)"}),
        ("DeleteItem", {"Key": KEY, "ConditionExpression": "attribute_not_exists(#[1])"}),
        ("UpdateItem", {"Key": KEY, "UpdateExpression": "SET note = if_not_exists(#.b, note)"}),
        ("UpdateItem", {"Key": KEY, "UpdateExpression": "REMOVE #[1]"}),
    ],
)
@pytest.mark.parametrize(("kind", "name"), [("Key", "id"), ("IndexKey", "price")])
async def test_nothing_is_inside_a_key(house: Rig, operation: str, members: dict[str, Any], kind: str, name: str) -> None:
    asked = {what: value.replace("#", name) if isinstance(value, str) else value for what, value in members.items()}
    assert await house.refused(operation, "carts", **asked) == told(kind, name)


async def test_nothing_is_inside_a_key_in_batches(house: Rig) -> None:
    asked = {"Keys": [KEY], "ProjectionExpression": "id.b"}
    assert await house.refused("BatchGetItem", RequestItems={"carts": asked}) == told("Key", "id")
    one = {"Get": {"TableName": "carts", "Key": KEY, "ProjectionExpression": "price.b"}}
    assert await house.refused("TransactGetItems", TransactItems=[one]) == told("IndexKey", "price")


async def test_a_filter_of_a_query_is_not_about_its_key_at_all(house: Rig) -> None:
    said = "can only contain non-primary key attributes: Primary key attribute: id"
    new = QUERIED | {"FilterExpression": "attribute_exists(id.b)"}
    assert await house.refused("Query", "carts", **new) == ("ValidationException", f"Filter Expression {said}")
    tested = {"id": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "c0"}]}}
    old = {"KeyConditions": tested, "QueryFilter": tested}
    assert await house.refused("Query", "carts", **old) == ("ValidationException", f"QueryFilter {said}")
    inner = QUERIED | {"FilterExpression": "attribute_exists(price.b)"}
    assert await house.refused("Query", "carts", **inner) == told("IndexKey", "price")


async def test_a_dot_in_a_name_leads_nowhere(house: Rig) -> None:
    await house.fill("carts", {"id": "c0", "at": 1, "id.b": 1})
    found = await house.call("Scan", "carts", FilterExpression="attribute_exists(#n)", ExpressionAttributeNames={"#n": "id.b"})
    assert found["Count"] == 1
    assert (await house.call("Scan", "carts", AttributesToGet=["id.b"]))["Items"] == [typed({"id.b": 1})]
