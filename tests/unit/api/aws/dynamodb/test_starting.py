"""Where a Query and a Scan go on: a start key that no answer of the same request can have given is refused, as recorded of AWS."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.items.keys import segment, spread
from tests.unit.api.aws.dynamodb.rig import Rig, rig, typed

BESIDE = "The provided starting key does not match the range key predicate"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path) as made:
        for number in range(-3, 4):
            await made.fill("carts", {"id": "c0", "at": number, "user": "ann", "state": "open"})
        yield made


def query(condition: str, start: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {
        "KeyConditionExpression": "id = :id" + condition,
        "ExpressionAttributeNames": {"#at": "at"},
        "ExpressionAttributeValues": typed({":id": "c0"} | {f":{name}": value for name, value in values.items()}),
        "ExclusiveStartKey": typed(start),
    }


@pytest.mark.parametrize(
    ("condition", "values", "start"),
    [
        (" AND #at > :a", {"a": 1}, 1),
        (" AND #at >= :a", {"a": 1}, 0),
        (" AND #at < :a", {"a": 1}, 1),
        (" AND #at <= :a", {"a": 1}, 2),
        (" AND #at = :a", {"a": 1}, 0),
        (" AND #at BETWEEN :a AND :b", {"a": -1, "b": 1}, 2),
    ],
)
@pytest.mark.parametrize("forward", [True, False])
async def test_a_query_does_not_begin_beside_its_range(
    house: Rig, condition: str, values: dict[str, Any], start: int, forward: bool
) -> None:
    asked = query(condition, {"id": "c0", "at": start}, **values)
    assert await house.refused("Query", "carts", **asked, ScanIndexForward=forward) == ("ValidationException", BESIDE)


async def test_a_query_begins_within_its_range_at_a_key_that_is_gone(house: Rig) -> None:
    found = await house.call("Query", "carts", **query(" AND #at BETWEEN :a AND :b", {"id": "c0", "at": 0.5}, a=-1, b=2))
    assert [item["at"]["N"] for item in found["Items"]] == ["1", "2"]


async def test_a_scan_of_a_segment_does_not_begin_in_another(house: Rig) -> None:
    key = {"id": "c0", "at": 0}
    low, _ = segment(1, 2)
    mine = int(spread({"S": "c0"}) >= low)
    there = {"ExclusiveStartKey": typed(key), "TotalSegments": 2}
    assert (await house.call("Scan", "carts", **there, Segment=mine))["Count"] == 3
    assert await house.refused("Scan", "carts", **there, Segment=1 - mine) == (
        "ValidationException",
        (
            "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment."
            f" TotalSegments: 2 Segment: {1 - mine}"
        ),
    )
