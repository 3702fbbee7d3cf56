"""Buses, events, policies, archives and replays through EventBridge's operations."""

import json

import pytest

from router.api.aws.events.conditions import INVOCATION
from router.events.eventbridge import InvalidRequest
from tests.unit.api.aws.events.rig import ACCOUNT, QUEUE, REGION, Rig, T, entry

BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/orders"


# -- events


async def test_every_entry_has_a_result_of_its_own_and_is_durable(rig: Rig) -> None:
    given = [entry(), entry(EventBusName="nowhere"), entry(Detail="3"), entry("aws.s3"), entry("")]
    answer = await rig.do("PutEvents", Entries=given)
    assert answer["FailedEntryCount"] == 4
    assert [one.get("ErrorCode") for one in answer["Entries"]] == [
        None,
        "ResourceNotFoundException",
        "MalformedDetail",
        "NotAuthorizedForSourceException",
        "InvalidArgument",
    ]
    (event,) = await rig.functions()
    assert event["id"] == answer["Entries"][0]["EventId"]
    with pytest.raises(InvalidRequest):
        await rig.do("PutEvents", Entries=[entry()] * 11)
    await rig.refused("PutEvents", "ValidationException", Entries=[entry()], EndpointId="abc.veo")


async def test_putting_needs_each_bus_with_its_sources(rig: Rig) -> None:
    given = [entry("a"), entry("b", EventBusName=BUS), entry("a")]
    found = rig.events.operations["PutEvents"].needs(rig.call("PutEvents", Entries=given))
    assert [(need.action, need.resource, need.context) for need in found] == [
        ("events:PutEvents", BUS.replace("orders", "default"), {"events:source": ("a",), "events:detail-type": ("placed",), **INVOCATION}),
        ("events:PutEvents", BUS, {"events:source": ("b",), "events:detail-type": ("placed",), **INVOCATION}),
    ]


# -- buses


async def test_a_bus_is_made_changed_and_taken_away(rig: Rig) -> None:
    tags = [{"Key": "team", "Value": "a"}]
    made = await rig.do("CreateEventBus", Name="orders", Description="all orders", Tags=tags)
    assert made == {"EventBusArn": BUS, "Description": "all orders"}
    assert await rig.refused("CreateEventBus", "ResourceAlreadyExistsException", Name="orders") == "Event bus orders already exists."
    shown = await rig.do("DescribeEventBus", Name="orders")
    assert shown == {"Name": "orders", "Arn": BUS, "Description": "all orders", "CreationTime": T, "LastModifiedTime": T}
    await rig.do("UpdateEventBus", Name="orders", Description="")
    await rig.do("TagResource", ResourceARN=BUS, Tags=[{"Key": "x", "Value": ""}])
    await rig.do("UntagResource", ResourceARN=BUS, TagKeys=["team"])
    assert await rig.do("ListTagsForResource", ResourceARN=BUS) == {"Tags": [{"Key": "x", "Value": ""}]}
    assert [one["Name"] for one in (await rig.do("ListEventBuses"))["EventBuses"]] == ["default", "fixed", "orders"]
    await rig.do("PutRule", Name="r", EventPattern='{"source":["a"]}', EventBusName="orders")
    assert "has rules" in await rig.refused("DeleteEventBus", "ValidationException", Name="orders")
    await rig.do("DeleteRule", Name="r", EventBusName="orders")
    await rig.do("PutRule", Name="on", EventPattern='{"source": ["a"]}')
    await rig.do("PutTargets", Rule="on", Targets=[{"Id": "b", "Arn": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/orders"}])
    told = await rig.refused("DeleteEventBus", "ValidationException", Name="orders")
    assert told.startswith("Event bus orders is still needed: ")
    await rig.do("RemoveTargets", Rule="on", Ids=["b"])
    await rig.do("DeleteEventBus", Name="orders")
    assert await rig.do("DeleteEventBus", Name="orders") == {}
    assert await rig.refused("DescribeEventBus", "ResourceNotFoundException", Name="orders") == "Event bus orders does not exist."


async def test_what_cannot_be_done_with_buses_is_refused(rig: Rig) -> None:
    assert await rig.refused("DeleteEventBus", "ValidationException", Name="default") == "Cannot delete event bus default."
    assert "declared in config.yaml" in await rig.refused("DeleteEventBus", "OperationDisabledException", Name="fixed")
    assert "KmsKeyIdentifier" in await rig.refused("CreateEventBus", "ValidationException", Name="x", KmsKeyIdentifier="k")
    assert "1 to 256" in await rig.refused("CreateEventBus", "ValidationException", Name="a b")
    assert "API destinations" in await rig.refused("CreateConnection", "OperationDisabledException", Name="x")
    assert await rig.do("ListApiDestinations") == {"ApiDestinations": []}


# -- policies


async def test_permissions_are_statements_of_the_bus_s_policy(rig: Rig) -> None:
    await rig.do("CreateEventBus", Name="orders")
    given = {"Action": "events:PutEvents", "Principal": ACCOUNT, "StatementId": "mine", "EventBusName": "orders"}
    await rig.do("PutPermission", **given)
    await rig.do("PutPermission", **given, Condition={"Type": "StringEquals", "Key": "events:source", "Value": "shop"})
    policy = json.loads((await rig.do("DescribeEventBus", Name="orders"))["Policy"])
    (statement,) = policy["Statement"]
    assert (statement["Sid"], statement["Resource"], statement["Condition"]) == ("mine", BUS, {"StringEquals": {"events:source": "shop"}})
    found = rig.events.policy(BUS)
    assert found is not None
    assert rig.events.policy(f"arn:aws:events:{REGION}:{ACCOUNT}:rule/orders/r") == found, "it counts for the bus's rules too"
    assert rig.events.policy(f"arn:aws:events:{REGION}:{ACCOUNT}:rule/r") is None
    assert "does not exist" in await rig.refused(
        "RemovePermission", "ResourceNotFoundException", EventBusName="orders", StatementId="other"
    )
    await rig.do("RemovePermission", EventBusName="orders", StatementId="mine")
    assert rig.events.policy(BUS) is None
    assert (
        await rig.refused("RemovePermission", "ResourceNotFoundException", EventBusName="orders", StatementId="mine")
        == "Statement with the provided id does not exist."
    )


async def test_a_whole_policy_is_read_strictly(rig: Rig) -> None:
    await rig.do("CreateEventBus", Name="orders")
    allow = {"Sid": "a", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "events:*", "Resource": BUS}
    await rig.do("PutPermission", EventBusName="orders", Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    assert rig.events.policy(BUS) is not None
    await rig.do("RemovePermission", EventBusName="orders", RemoveAllPermissions=True)
    assert rig.events.policy(BUS) is None
    for wrong in (
        "{",
        json.dumps({"Statement": [{**allow, "Colour": "red"}]}),
        json.dumps({"Statement": [{**allow, "Principal": {"AWS": "210987654321"}}]}),
    ):
        await rig.refused("PutPermission", "ValidationException", EventBusName="orders", Policy=wrong)
    told = await rig.refused(
        "PutPermission",
        "ValidationException",
        EventBusName="orders",
        Action="events:PutEvents",
        Principal="210987654321",
        StatementId="a",
    )
    assert "accounts" in told


# -- archives and replays


def test_who_archives_a_bus_is_asked_about_the_bus_too(rig: Rig) -> None:
    archive = f"arn:aws:events:{REGION}:{ACCOUNT}:archive/mine"
    wanted = [("events:CreateArchive", archive), ("events:CreateArchive", BUS)]
    assert rig.needs("CreateArchive", ArchiveName="mine", EventSourceArn=BUS) == wanted


async def test_an_archive_keeps_what_it_is_told_and_replays_it(rig: Rig) -> None:
    default = BUS.replace("orders", "default")
    made = await rig.do("CreateArchive", ArchiveName="all", EventSourceArn=default, RetentionDays=3, EventPattern='{"source":["shop"]}')
    assert made == {"ArchiveArn": f"arn:aws:events:{REGION}:{ACCOUNT}:archive/all", "State": "ENABLED", "CreationTime": T}
    await rig.do("PutEvents", Entries=[entry(), entry("till")])
    shown = await rig.do("DescribeArchive", ArchiveName="all")
    assert (shown["EventCount"], shown["RetentionDays"], shown["EventPattern"]) == (1, 3, '{"source":["shop"]}')
    assert shown["SizeBytes"] > 100
    assert [one["ArchiveName"] for one in (await rig.do("ListArchives"))["Archives"]] == ["all", "fixed"]
    assert [one["ArchiveName"] for one in (await rig.do("ListArchives", EventSourceArn=default))["Archives"]] == ["all"]
    await rig.do("PutRule", Name="again", EventPattern='{"replay-name": [{"exists": true}]}')
    await rig.do("PutTargets", Rule="again", Targets=[{"Id": "q", "Arn": QUEUE.replace("jobs", "lost")}])
    given = {
        "ReplayName": "once",
        "EventSourceArn": made["ArchiveArn"],
        "EventStartTime": T - 10,
        "EventEndTime": T + 10,
        "Destination": {"Arn": default, "FilterArns": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/again"]},
        "Description": "again",
    }
    answer = await rig.do("StartReplay", **given)
    assert (answer["State"], answer["ReplayArn"]) == ("STARTING", f"arn:aws:events:{REGION}:{ACCOUNT}:replay/once")
    while (shown := await rig.do("DescribeReplay", ReplayName="once"))["State"] == "RUNNING":
        pass
    assert (shown["State"], shown["Description"], shown["Destination"]) == ("COMPLETED", "again", given["Destination"])
    assert [one["replay-name"] for one in await rig.bodies("lost")] == ["once"]
    assert [one["ReplayName"] for one in (await rig.do("ListReplays", State="COMPLETED"))["Replays"]] == ["once"]
    await rig.refused("StartReplay", "ResourceAlreadyExistsException", **given)
    await rig.refused("CancelReplay", "IllegalStatusException", ReplayName="once")
    await rig.do("DeleteArchive", ArchiveName="all")
    assert rig.config.buses["default"].archive == 0
    assert await rig.database.read("SELECT count(*) FROM bus_events") == [(0,)]


async def test_an_archive_of_the_api_is_empty_whatever_its_bus_kept_for_a_former_one(rig: Rig) -> None:
    default = BUS.replace("orders", "default")
    await rig.do("CreateArchive", ArchiveName="all", EventSourceArn=default)
    await rig.do("PutEvents", Entries=[entry()])
    await rig.declared.put("buses", "default", {})  # as a reload of config.yaml takes one away: what it kept waits for it
    assert await rig.database.read("SELECT count(*) FROM bus_events") == [(1,)]
    await rig.do("CreateArchive", ArchiveName="other", EventSourceArn=default)
    await rig.do("PutEvents", Entries=[entry()])
    assert (await rig.do("DescribeArchive", ArchiveName="other"))["EventCount"] == 1


async def test_an_archive_is_changed_and_its_bus_keeps_the_rest(rig: Rig) -> None:
    await rig.do("CreateEventBus", Name="orders", Description="all")
    await rig.do("CreateArchive", ArchiveName="kept", EventSourceArn=BUS, Description="a", RetentionDays=5)
    await rig.do("UpdateArchive", ArchiveName="kept", RetentionDays=0, EventPattern='{"source":["a"]}')
    shown = await rig.do("DescribeArchive", ArchiveName="kept")
    assert (shown["RetentionDays"], shown["Description"], shown["EventPattern"]) == (0, "a", '{"source":["a"]}')
    await rig.do("DeleteArchive", ArchiveName="kept")
    assert (await rig.do("DescribeEventBus", Name="orders"))["Description"] == "all"


async def test_what_cannot_be_archived_or_replayed_is_refused(rig: Rig) -> None:
    fixed = BUS.replace("orders", "fixed")
    given = {"ArchiveName": "a", "EventSourceArn": fixed}
    assert "here a bus has one" in await rig.refused("CreateArchive", "LimitExceededException", **given)
    assert "does not exist" in await rig.refused("CreateArchive", "ResourceNotFoundException", ArchiveName="a", EventSourceArn=BUS)
    assert "declared in config.yaml" in await rig.refused(
        "UpdateArchive", "OperationDisabledException", ArchiveName="fixed", RetentionDays=1
    )
    await rig.refused("DescribeArchive", "ResourceNotFoundException", ArchiveName="a")
    await rig.refused("DescribeReplay", "ResourceNotFoundException", ReplayName="a")
    await rig.refused("CancelReplay", "ResourceNotFoundException", ReplayName="a")
    archive = f"arn:aws:events:{REGION}:{ACCOUNT}:archive/fixed"
    replay = {"ReplayName": "r", "EventSourceArn": archive, "EventStartTime": T, "EventEndTime": T + 1, "Destination": {"Arn": fixed}}
    for code, wrong in (
        ("ValidationException", {"EventEndTime": T}),
        ("ValidationException", {"EventStartTime": "now"}),
        ("ResourceNotFoundException", {"Destination": {"Arn": BUS}}),
        ("ValidationException", {"Destination": {"Arn": BUS.replace("orders", "default")}}),
        ("ValidationException", {"EventSourceArn": fixed}),
        ("ValidationException", {"ReplayName": "a b"}),
        ("ValidationException", {"ReplayName": ""}),
        ("ValidationException", {"EventSourceArn": archive + "x"}),
        ("ResourceNotFoundException", {"Destination": {"Arn": fixed, "FilterArns": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/own"]}}),
    ):
        await rig.refused("StartReplay", code, **replay | wrong)
    assert await rig.refused("ListArchives", "ResourceNotFoundException", EventSourceArn=BUS) == "Event bus orders does not exist."
