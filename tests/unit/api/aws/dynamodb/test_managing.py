"""Tables themselves: made, changed and deleted through the API; config.yaml's are its own."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.tables.upkeep import Upkeep
from tests.unit.api.aws.dynamodb.rig import Rig, rig, typed

ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/"
SIMPLE: dict[str, Any] = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path) as made:
        yield made


async def test_a_table_is_made_described_and_deleted(house: Rig) -> None:
    made = (
        await house.call(
            "CreateTable",
            "made",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in (("id", "S"), ("n", "N"), ("x", "B"))],
            ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by_x",
                    "KeySchema": [{"AttributeName": "x", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["y"]},
                    "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
                }
            ],
            LocalSecondaryIndexes=[
                {
                    "IndexName": "local",
                    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "x", "KeyType": "RANGE"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
            Tags=[{"Key": "a", "Value": "b"}],
            DeletionProtectionEnabled=True,
        )
    )["TableDescription"]
    assert made == (await house.call("DescribeTable", "made"))["Table"] == (await house.call("DescribeTable", ARN + "made"))["Table"]
    assert (made["TableStatus"], made["TableArn"], made["ItemCount"], made["TableSizeBytes"]) == ("ACTIVE", ARN + "made", 0, 0)
    assert made["ProvisionedThroughput"] == {"NumberOfDecreasesToday": 0, "ReadCapacityUnits": 5, "WriteCapacityUnits": 6}
    assert made["GlobalSecondaryIndexes"][0]["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["y"]}
    assert made["LocalSecondaryIndexes"][0]["KeySchema"][1] == {"AttributeName": "x", "KeyType": "RANGE"}
    assert made["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    assert made["LatestStreamArn"] == f"{ARN}made/stream/{made['LatestStreamLabel']}"
    assert sorted(map(str, made["AttributeDefinitions"])) == sorted(
        str({"AttributeName": name, "AttributeType": kind}) for name, kind in (("id", "S"), ("n", "N"), ("x", "B"))
    )
    assert (await house.refused("DeleteTable", "made"))[1].startswith("Resource cannot be deleted as it is currently protected")
    await house.call("UpdateTable", "made", DeletionProtectionEnabled=False)
    assert (await house.call("DeleteTable", "made"))["TableDescription"]["TableStatus"] == "DELETING"
    assert await house.refused("DescribeTable", "made") == (
        "ResourceNotFoundException",
        "Requested resource not found: Table: made not found",
    )
    assert (await house.call("ListTables"))["TableNames"] == ["carts", "plain"]


async def test_a_table_that_is_made_again_is_empty(house: Rig) -> None:
    await house.call("CreateTable", "made", **SIMPLE)
    await house.fill("made", {"id": "a"})
    await house.call("DeleteTable", "made")
    await house.call("CreateTable", "made", **SIMPLE)
    assert (await house.call("Scan", "made"))["Items"] == []
    await Upkeep(house.tables, house.clock)._sweep()
    assert await house.tables.database.read("SELECT count(*) FROM items") == [(0,)]


async def test_a_refused_create_keeps_the_items_of_a_table_that_was_taken_out(house: Rig) -> None:
    await house.call("CreateTable", "made", **SIMPLE)
    await house.fill("made", {"id": "a"})
    taken_out, value = house.tables.definitions, {"hash": "id"}
    await house.fragments.remove("tables", "made")
    code, told = await house.refused("CreateTable", "made", **SIMPLE, Tags=[{"Key": "${env:NOT_THERE}", "Value": "${env:NOT_THERE}"}])
    assert (code, "NOT_THERE" in told) == ("ValidationException", True)
    await house.fragments.put("tables", "made", value)
    assert house.tables.definitions.keys() == taken_out.keys()
    assert (await house.call("Scan", "made"))["Count"] == 1


async def test_figures_follow_the_items(house: Rig) -> None:
    await house.fill("plain", {"id": "a", "x": "12345"}, {"id": "b"}, {"id": "a", "x": "1"})
    await house.call("DeleteItem", "plain", Key=typed({"id": "b"}))
    table = (await house.call("DescribeTable", "plain"))["Table"]
    assert (table["ItemCount"], table["TableSizeBytes"]) == (1, 5)


async def test_a_new_index_fills_with_what_was_there(house: Rig) -> None:
    await house.call("CreateTable", "made", **SIMPLE)
    for number in range(450):
        await house.fill("made", {"id": f"{number}", "x": "yes" if number % 2 else 7})
    create = {
        "IndexName": "by_x",
        "KeySchema": [{"AttributeName": "x", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    told = await house.call(
        "UpdateTable",
        "made",
        AttributeDefinitions=[{"AttributeName": "x", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": create}],
    )
    index = told["TableDescription"]["GlobalSecondaryIndexes"][0]
    assert (told["TableDescription"]["TableStatus"], index["IndexStatus"], index["Backfilling"]) == ("UPDATING", "CREATING", True)
    query = {"IndexName": "by_x", "KeyConditionExpression": "x = :x", "ExpressionAttributeValues": {":x": {"S": "yes"}}}
    assert await house.refused("Query", "made", **query) == (
        "ValidationException",
        "Cannot read from backfilling global secondary index: by_x",
    )
    await house.fill("made", {"id": "new", "x": "yes"})
    await _rounds(house)
    assert (await house.call("Query", "made", **query))["Count"] == 226
    told = await house.call("DescribeTable", "made")
    assert (told["Table"]["TableStatus"], told["Table"]["GlobalSecondaryIndexes"][0]["ItemCount"]) == ("ACTIVE", 226)
    await house.call("UpdateTable", "made", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by_x"}}])
    assert (await house.refused("Query", "made", **query))[1] == "The table does not have the specified index: by_x"
    await _rounds(house)
    assert await house.tables.database.read("SELECT count(*) FROM entries") == [(0,)]


async def _rounds(house: Rig) -> None:
    """One round of upkeep, with the pauses that it makes."""
    import asyncio

    work = asyncio.create_task(Upkeep(house.tables, house.clock).round())
    while not work.done():
        await asyncio.sleep(0.001)
        await house.clock.advance(0.1)
    await work


async def test_time_to_live_is_switched_on_and_off(house: Rig) -> None:
    await house.call("CreateTable", "made", **SIMPLE)
    now = int(house.clock.now())
    for name, until in (("past", now - 1), ("soon", now + 100), ("ancient", now - 6 * 366 * 86400)):
        await house.fill("made", {"id": name, "until": until})
    await house.fill("made", {"id": "text", "until": f"{now}"}, {"id": "never"})
    on = {"TimeToLiveSpecification": {"Enabled": True, "AttributeName": "until"}}
    assert await house.call("UpdateTimeToLive", "made", **on) == on
    assert (await house.refused("UpdateTimeToLive", "made", **on))[1] == "TimeToLive is already enabled"
    assert (await house.call("DescribeTimeToLive", "made"))["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": "until",
    }

    async def left() -> set[str]:
        await _rounds(house)
        return {item["id"]["S"] for item in (await house.call("Scan", "made"))["Items"]}

    assert await left() == {"soon", "ancient", "text", "never"}
    await house.clock.advance(100)
    assert await left() == {"ancient", "text", "never"}
    off = {"TimeToLiveSpecification": {"Enabled": False, "AttributeName": "until"}}
    await house.call("UpdateTimeToLive", "made", **off)
    assert (await house.call("DescribeTimeToLive", "made"))["TimeToLiveDescription"] == {"TimeToLiveStatus": "DISABLED"}
    await house.fill("made", {"id": "past", "until": now})
    assert await left() == {"past", "ancient", "text", "never"}


async def test_tags_are_put_listed_and_removed(house: Rig) -> None:
    await house.call("CreateTable", "made", **SIMPLE)
    arn = ARN + "made"
    await house.call("TagResource", ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    await house.call("UntagResource", ResourceArn=arn, TagKeys=["a"])
    assert await house.call("ListTagsOfResource", ResourceArn=arn) == {"Tags": [{"Key": "b", "Value": "2"}]}


async def test_what_config_declares_the_api_does_not_change(house: Rig) -> None:
    wanted = "Table plain is declared in config.yaml: change it there, then router reload"
    spec = {"Enabled": True, "AttributeName": "x"}
    for operation, members in (
        ("DeleteTable", {}),
        ("UpdateTable", {"DeletionProtectionEnabled": True}),
        ("UpdateTimeToLive", {"TimeToLiveSpecification": spec}),
    ):
        assert await house.refused(operation, "plain", **members) == ("ResourceInUseException", wanted)
    assert await house.refused("CreateTable", "plain", **SIMPLE) == ("ResourceInUseException", "Table already exists: plain")


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"SSESpecification": {"Enabled": True}}, "SSESpecification: tables are not encrypted here"),
        ({"ResourcePolicy": "{}"}, "ResourcePolicy cannot be set: tables have no resource policies here"),
        ({"TableClass": "STANDARD_INFREQUENT_ACCESS"}, "TableClass: there is only one class of storage here, STANDARD"),
        ({"BillingMode": "PROVISIONED"}, "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"),
        (
            {"AttributeDefinitions": []},
            "Some index key attributes are not defined in AttributeDefinitions. Keys: [id], AttributeDefinitions: []",
        ),
        (
            {"AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("id", "x")]},
            "Some AttributeDefinitions are not used. AttributeDefinitions: [id, x], keys used: [id], unused: [x]",
        ),
        ({"KeySchema": []}, "Key schema has 1 or 2 elements"),
        ({"GlobalSecondaryIndexes": []}, "One or more parameter values were invalid: List of GlobalSecondaryIndexes is empty"),
        ({"LocalSecondaryIndexes": []}, "One or more parameter values were invalid: List of LocalSecondaryIndexes is empty"),
    ],
)
async def test_what_a_table_cannot_be(house: Rig, members: dict[str, Any], told: str) -> None:
    code, text = await house.refused("CreateTable", "made", **{**SIMPLE, **members})
    assert code == "ValidationException"
    assert told in text


@pytest.mark.parametrize("members", [{}, {"GlobalSecondaryIndexUpdates": []}, {"AttributeDefinitions": SIMPLE["AttributeDefinitions"]}])
async def test_an_update_of_a_table_that_changes_nothing_is_refused(house: Rig, members: dict[str, Any]) -> None:
    await house.call("CreateTable", "made", **SIMPLE)
    code, text = await house.refused("UpdateTable", "made", **members)
    assert code == "ValidationException"
    assert text.startswith("At least one of ProvisionedThroughput, BillingMode, ")


async def test_lists_have_pages(house: Rig) -> None:
    assert await house.call("ListTables", Limit=1) == {"TableNames": ["carts"], "LastEvaluatedTableName": "carts"}
    assert await house.call("ListTables", ExclusiveStartTableName="carts") == {"TableNames": ["plain"]}


async def test_partiql_is_refused(house: Rig) -> None:
    assert (await house.refused("ExecuteStatement", Statement="SELECT 1"))[0] == "ValidationException"


async def test_limits_and_endpoints_are_told(house: Rig) -> None:
    assert (await house.call("DescribeLimits"))["TableMaxReadCapacityUnits"] == 40_000
    assert (await house.call("DescribeEndpoints"))["Endpoints"] == [{"Address": "localhost:4566", "CachePeriodInMinutes": 1440}]
    assert (await house.call("DescribeContinuousBackups", "plain"))["ContinuousBackupsDescription"]["ContinuousBackupsStatus"] == "DISABLED"
