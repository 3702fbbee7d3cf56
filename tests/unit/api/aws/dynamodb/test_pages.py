"""Query and Scan: order, pages, filters, indexes, segments."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.api.aws.dynamodb.rig import Rig, rig, typed


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path) as made:
        yield made


async def shop(house: Rig) -> None:
    """Twelve carts of two customers."""
    for number in range(12):
        item = {"id": f"c{number % 2}", "at": number - 6, "price": number * 10, "note": f"n{number}"}
        await house.fill("carts", item | ({"user": "ann"} if number % 3 == 0 else {}) | ({"state": "open"} if number > 8 else {}))


def ats(found: Any) -> list[int]:
    return [int(item["at"]["N"]) for item in found["Items"]]


async def every(house: Rig, operation: str, table: str, **members: Any) -> list[Any]:
    """All pages."""
    pages = [await house.call(operation, table, **members)]
    while (start := pages[-1].get("LastEvaluatedKey")) is not None:
        pages.append(await house.call(operation, table, **members, ExclusiveStartKey=start))
    return pages


async def test_a_query_gives_a_stretch_in_the_order_of_its_numbers(house: Rig) -> None:
    await shop(house)
    query = {"KeyConditionExpression": "id = :id AND #at BETWEEN :low AND :high", "ExpressionAttributeNames": {"#at": "at"}}
    values = {":id": {"S": "c0"}, ":low": {"N": "-4"}, ":high": {"N": "2"}}
    found = await house.call("Query", "carts", **query, ExpressionAttributeValues=values)
    assert (ats(found), found["Count"], found["ScannedCount"]) == ([-4, -2, 0, 2], 4, 4)
    back = await house.call("Query", "carts", **query, ExpressionAttributeValues=values, ScanIndexForward=False)
    assert ats(back) == [2, 0, -2, -4]
    old = await house.call(
        "Query", "carts", KeyConditions={"id": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "c1"}]}}, QueryFilter={}, Limit=2
    )
    assert (ats(old), old["LastEvaluatedKey"]) == ([-5, -3], {"id": {"S": "c1"}, "at": {"N": "-3"}})


@pytest.mark.parametrize("forward", [True, False])
async def test_pages_follow_one_another_without_gap_or_repeat(house: Rig, forward: bool) -> None:
    await shop(house)
    pages = await every(
        house,
        "Query",
        "carts",
        KeyConditionExpression="id = :id",
        FilterExpression="price <> :t",
        ExpressionAttributeValues={":id": {"S": "c0"}, ":t": {"N": "40"}},
        Limit=2,
        ScanIndexForward=forward,
    )
    order = [-6, -4, 0, 2, 4]
    assert [at for page in pages for at in ats(page)] == (order if forward else order[::-1])
    assert [page["ScannedCount"] for page in pages] == [2, 2, 2, 0]
    assert sum(page["Count"] for page in pages) == 5


async def test_a_page_ends_behind_a_megabyte(house: Rig) -> None:
    for number in range(5):
        await house.fill("carts", {"id": "a", "at": number, "pad": "x" * 300_000})
    pages = await every(house, "Query", "carts", KeyConditionExpression="id = :id", ExpressionAttributeValues={":id": {"S": "a"}})
    assert [page["Count"] for page in pages] == [4, 1]


async def test_an_index_has_only_items_with_its_key_and_shows_its_projection(house: Rig) -> None:
    await shop(house)
    values = {":u": {"S": "ann"}, ":t": {"N": "20"}}
    query = {"IndexName": "by_user", "KeyConditionExpression": "#u = :u AND price > :t", "ExpressionAttributeNames": {"#u": "user"}}
    found = await house.call("Query", "carts", **query, ExpressionAttributeValues=values)
    assert found["Items"] == [typed({"id": f"c{n % 2}", "at": n - 6, "user": "ann", "price": n * 10}) for n in (3, 6, 9)]
    states = await house.call("Scan", "carts", IndexName="by_state", Select="COUNT")
    assert states == {"Count": 3, "ScannedCount": 3}
    pages = await every(house, "Query", "carts", **query, ExpressionAttributeValues=values, Limit=1, ScanIndexForward=False)
    assert [at for page in pages for at in ats(page)] == [3, 0, -3]
    assert pages[0]["LastEvaluatedKey"] == typed({"id": "c1", "at": 3, "user": "ann", "price": 90})


async def test_an_index_follows_its_items(house: Rig) -> None:
    await shop(house)

    async def users(name: str) -> list[int]:
        found = await house.call(
            "Query",
            "carts",
            IndexName="by_user",
            KeyConditionExpression="#u = :u",
            ExpressionAttributeNames={"#u": "user"},
            ExpressionAttributeValues={":u": {"S": name}},
        )
        return ats(found)

    key = typed({"id": "c0", "at": 0})
    rename = {"ExpressionAttributeNames": {"#u": "user"}, "ExpressionAttributeValues": {":u": {"S": "bob"}}}
    await house.call("UpdateItem", "carts", Key=key, UpdateExpression="SET #u = :u", **rename)
    assert (await users("bob"), 0 in await users("ann")) == ([0], False)
    await house.call("UpdateItem", "carts", Key=key, UpdateExpression="REMOVE #u", ExpressionAttributeNames={"#u": "user"})
    assert await users("bob") == []
    await house.call("DeleteItem", "carts", Key=typed({"id": "c1", "at": -3}))
    assert await users("ann") == [-6, 3]


async def test_a_local_index_fetches_what_it_has_not(tmp_path: Path) -> None:
    written = {"tables": {"tab": {"hash": "id", "range": "r", "indexes": {"local": {"range": "x", "projection": "KEYS_ONLY"}}}}}
    async with rig(tmp_path, written) as other:
        await other.fill("tab", {"id": "a", "r": "1", "x": "z", "more": 1}, {"id": "a", "r": "2", "x": "y", "more": 2})
        query = {"IndexName": "local", "KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": {"S": "a"}}}
        keys = await other.call("Query", "tab", **query, ConsistentRead=True)
        assert keys["Items"] == [typed({"id": "a", "r": "2", "x": "y"}), typed({"id": "a", "r": "1", "x": "z"})]
        whole = await other.call("Query", "tab", **query, Select="ALL_ATTRIBUTES")
        assert [item["more"]["N"] for item in whole["Items"]] == ["2", "1"]
        some = await other.call("Query", "tab", **query, ProjectionExpression="more")
        assert some["Items"] == [typed({"more": 2}), typed({"more": 1})]


async def test_segments_share_a_scan(house: Rig) -> None:
    for number in range(50):
        await house.fill("plain", {"id": f"item-{number}"})
    whole = [item["id"]["S"] for item in (await house.call("Scan", "plain"))["Items"]]
    parts = []
    for segment in range(3):
        pages = await every(house, "Scan", "plain", Segment=segment, TotalSegments=3, Limit=4)
        parts.append([item["id"]["S"] for page in pages for item in page["Items"]])
    assert [one for part in parts for one in part] == whole
    assert sorted(whole) == sorted(f"item-{number}" for number in range(50))
    assert all(parts)


KEY_OF_C0 = {"KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": {"S": "c0"}}}


@pytest.mark.parametrize(
    ("operation", "members", "told"),
    [
        ("Query", {"KeyConditions": {}}, "Conditions can be of length 1 or 2 only"),
        ("Query", {}, "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."),
        ("Query", KEY_OF_C0 | {"IndexName": "none"}, "The table does not have the specified index: none"),
        (
            "Query",
            KEY_OF_C0 | {"IndexName": "by_state", "ConsistentRead": True},
            "Consistent reads are not supported on global secondary indexes",
        ),
        ("Query", KEY_OF_C0 | {"IndexName": "by_state"}, "Query condition missed key schema element: state"),
        (
            "Query",
            KEY_OF_C0 | {"FilterExpression": "id = :id"},
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: id",
        ),
        (
            "Query",
            KEY_OF_C0 | {"ExclusiveStartKey": typed({"id": "c1", "at": 1})},
            "The provided starting key is outside query boundaries based on provided conditions",
        ),
        (
            "Query",
            KEY_OF_C0 | {"ExclusiveStartKey": typed({"id": "c0"})},
            "The provided starting key is invalid: The provided key element does not match the schema",
        ),
        (
            "Scan",
            {"IndexName": "by_state", "ExclusiveStartKey": typed({"id": "c0", "at": 1})},
            "The provided starting key is invalid: The provided key element does not match the schema",
        ),
        (
            "Query",
            KEY_OF_C0 | {"Select": "ALL_PROJECTED_ATTRIBUTES"},
            "1 validation error detected: ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
        ),
        (
            "Scan",
            {"Select": "ALL_PROJECTED_ATTRIBUTES"},
            "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
        ),
        (
            "Query",
            KEY_OF_C0 | {"Select": "SPECIFIC_ATTRIBUTES"},
            (
                "1 validation error detected: Must specify the AttributesToGet or ProjectionExpression"
                " when choosing to get SPECIFIC_ATTRIBUTES"
            ),
        ),
        (
            "Query",
            KEY_OF_C0 | {"Select": "COUNT", "ProjectionExpression": "price"},
            "1 validation error detected: Cannot specify the ProjectionExpression when choosing to get only the Count",
        ),
        (
            "Scan",
            {"IndexName": "by_state", "Select": "ALL_ATTRIBUTES"},
            (
                "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index by_state"
                " because its projection type is not ALL"
            ),
        ),
        (
            "Scan",
            {"IndexName": "by_state", "ProjectionExpression": "note"},
            "One or more parameter values were invalid: Global secondary index by_state does not project [note]",
        ),
        (
            "Scan",
            {"Segment": 1},
            "The TotalSegments parameter is required but was not present in the request when parameter Segment is present",
        ),
        (
            "Scan",
            {"Segment": 3, "TotalSegments": 3},
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: 3 is not less than TotalSegments: 3",
        ),
        (
            "Scan",
            {"Limit": 0},
            "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
        ),
    ],
)
async def test_what_cannot_be_asked_is_told(house: Rig, operation: str, members: dict[str, Any], told: str) -> None:
    assert await house.refused(operation, "carts", **members) == ("ValidationException", told)


keys = st.tuples(st.sampled_from("ab"), st.integers(-20, 20) | st.sampled_from([0.5, -0.5, 10**30]))
moves = st.lists(st.tuples(st.booleans(), keys, st.integers(0, 3)), max_size=12)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=moves, low=st.integers(-20, 20), limit=st.integers(1, 4))
async def test_queries_see_what_a_model_sees(house: Rig, moves: list[Any], low: int, limit: int) -> None:
    model: dict[tuple[str, Any], int] = {}
    for page in await every(house, "Scan", "carts"):
        for item in page["Items"]:
            await house.call("DeleteItem", "carts", Key={name: item[name] for name in ("id", "at")})
    for put, (hash_key, at), total in moves:
        number = f"{Decimal(str(at)):f}"
        if put:
            model[hash_key, at] = total
            await house.call(
                "PutItem", "carts", Item={"id": {"S": hash_key}, "at": {"N": number}, "user": {"S": "u"}, "price": {"N": str(total)}}
            )
        else:
            model.pop((hash_key, at), None)
            await house.call("DeleteItem", "carts", Key={"id": {"S": hash_key}, "at": {"N": number}})
    found = await every(
        house,
        "Query",
        "carts",
        KeyConditionExpression="id = :id AND #at >= :low",
        ExpressionAttributeNames={"#at": "at"},
        ExpressionAttributeValues={":id": {"S": "a"}, ":low": {"N": str(low)}},
        Limit=limit,
    )
    wanted = sorted(at for hash_key, at in model if hash_key == "a" and at >= low)
    assert [Decimal(item["at"]["N"]) for page in found for item in page["Items"]] == [Decimal(str(at)) for at in wanted]
    index = await every(
        house,
        "Query",
        "carts",
        IndexName="by_user",
        KeyConditionExpression="#u = :u AND price > :t",
        ExpressionAttributeNames={"#u": "user"},
        ExpressionAttributeValues={":u": {"S": "u"}, ":t": {"N": "0"}},
        Limit=limit,
    )
    totals = [int(item["price"]["N"]) for page in index for item in page["Items"]]
    assert totals == sorted(total for total in model.values() if total > 0)
