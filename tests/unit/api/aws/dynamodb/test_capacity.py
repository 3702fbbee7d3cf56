"""Capacity units that indexes tell: what is fetched beside a local one, as recorded of AWS, and what a change writes into them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.api.aws.dynamodb.rig import Rig, rig, typed

WRITTEN: dict[str, Any] = {
    "tables": {
        "tab": {
            "hash": "id",
            "range": "r",
            "indexes": {"all": {"range": "x"}, "keys": {"range": "x", "projection": "KEYS_ONLY"}, "glob": {"hash": "g"}},
        }
    }
}
LARGE = "x" * 5000


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path, WRITTEN) as made:
        yield made


async def told(house: Rig, operation: str, **members: Any) -> tuple[float, dict[str, float]]:
    """The units of the table, and of each index."""
    found = (await house.call(operation, "tab", **members, ReturnConsumedCapacity="INDEXES"))["ConsumedCapacity"]
    indexes = found.get("LocalSecondaryIndexes", {}) | found.get("GlobalSecondaryIndexes", {})
    units = {name: one["CapacityUnits"] for name, one in indexes.items()}
    assert found["CapacityUnits"] == found["Table"]["CapacityUnits"] + sum(units.values())
    return found["Table"]["CapacityUnits"], units


@pytest.mark.parametrize(
    ("index", "members", "units"),
    [
        ("keys", {"Select": "ALL_ATTRIBUTES"}, (4, 1)),  # two items of the table: one of 5 KB, two small ones
        ("keys", {"Select": "ALL_ATTRIBUTES", "ConsistentRead": False}, (2, 0.5)),
        ("keys", {"ProjectionExpression": "more"}, (4, 1)),
        ("keys", {"ProjectionExpression": "x, r"}, (0, 1)),
        ("keys", {"Select": "COUNT"}, (0, 1)),
        ("keys", {}, (0, 1)),
        ("all", {"Select": "ALL_ATTRIBUTES"}, (0, 2)),
        ("all", {"ProjectionExpression": "more"}, (0, 2)),
    ],
)
@pytest.mark.parametrize("operation", ["Query", "Scan"])
async def test_what_a_local_index_has_not_is_read_from_the_table(
    house: Rig, operation: str, index: str, members: dict[str, Any], units: tuple[float, float]
) -> None:
    await house.fill("tab", *({"id": "a", "r": str(at), "x": "x", "more": "small" if at else LARGE} for at in range(3)))
    of = {"KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": {"S": "a"}}} if operation == "Query" else {}
    assert await told(house, operation, IndexName=index, **({"ConsistentRead": True} | members), **of) == (units[0], {index: units[1]})


async def test_entries_count_as_large_as_they_are_in_the_index(house: Rig) -> None:
    assert await told(house, "PutItem", Item=typed({"id": "a", "r": "1", "x": "x", "more": "x" * 1500})) == (2, {"all": 2, "keys": 1})


@pytest.mark.parametrize(
    ("change", "indexes"),
    [
        ("SET more = :other", {"all": 1, "glob": 1}),  # nothing that "keys" has
        ("SET x = :other", {"all": 2, "keys": 2, "glob": 1}),  # out of one place, into another
        ("REMOVE g", {"all": 1, "glob": 1}),
        ("REMOVE x", {"all": 1, "keys": 1, "glob": 1}),
        ("SET more = more", {}),
    ],
)
async def test_a_change_writes_the_entries_that_it_changes(house: Rig, change: str, indexes: dict[str, float]) -> None:
    item = typed({"id": "a", "r": "1", "x": "x", "g": "g", "more": "small"})
    await house.call("PutItem", "tab", Item=item)
    values = {"ExpressionAttributeValues": {":other": {"S": "other"}}} if ":other" in change else {}
    key = typed({"id": "a", "r": "1"})
    assert await told(house, "UpdateItem", Key=key, UpdateExpression=change, **values) == (1, indexes)
    assert (await told(house, "PutItem", Item=item))[0] == 1
    assert await told(house, "DeleteItem", Key=key) == (1, {"all": 1, "keys": 1, "glob": 1})
