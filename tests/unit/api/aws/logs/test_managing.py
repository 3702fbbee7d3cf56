"""Groups and streams made, written to, listed and deleted; retention and tags."""

from pathlib import Path
from typing import Any

import pytest

from router.api.aws.service import AwsError
from router.config.types import LogGroup
from tests.unit.api.aws.logs.rig import ARN, GROUP, Rig, rig


async def code(house: Rig, operation: str, **members: Any) -> str:
    with pytest.raises(AwsError) as refused:
        await house.call(operation, **members)
    return str(refused.value.code)


async def put(house: Rig, group: str, stream: str, *messages: str, at: int | None = None) -> Any:
    events = [{"timestamp": house.now if at is None else at, "message": message} for message in messages]
    return await house.call("PutLogEvents", logGroupName=group, logStreamName=stream, logEvents=events)


async def read(house: Rig, group: str, stream: str) -> list[str]:
    answer = await house.call("GetLogEvents", logGroupName=group, logStreamName=stream, startFromHead=True)
    return [event["message"] for event in answer["events"]]


STREAMS = ("plain", "a/b", "c/b", "2026/01/02/own", "dots.1", "..", "x" * 512, "\u00e9\U0001f600 [1]", "2026/01/02/" + "y" * 400)


@pytest.mark.parametrize("group", ["own", "a/b.c#d", "..", "/aws/lambda/..", GROUP, "g" * 512])
async def test_what_is_written_is_read_after_a_restart_too(tmp_path: Path, group: str) -> None:
    async with rig(tmp_path) as house:
        await house.call("CreateLogGroup", logGroupName=group)
        for name in STREAMS:
            await house.call("CreateLogStream", logGroupName=group, logStreamName=name)
            await put(house, group, name, f"first of {name}", "\ud800\n\x00")
        clock = house.clock
    assert {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*.jsonl")} == {"logs"}
    async with rig(tmp_path, clock) as house:
        for name in STREAMS:
            await put(house, group, name, "second")
            assert await read(house, group, name) == [f"first of {name}", "\\ud800\n\x00", "second"]
        listed = (await house.call("DescribeLogStreams", logGroupName=group))["logStreams"]
        assert [one["logStreamName"] for one in listed] == sorted(STREAMS)
        assert {one["firstEventTimestamp"] for one in listed} == {house.now}
        assert {one["logGroupName"] for one in (await house.call("DescribeLogGroups"))["logGroups"]} == {group}
        await house.call("DeleteLogStream", logGroupName=group, logStreamName="a/b")
        assert await read(house, group, "c/b") != []
        assert await code(house, "GetLogEvents", logGroupName=group, logStreamName="a/b") == "ResourceNotFoundException"
        await house.call("DeleteLogGroup", logGroupName=group)
        assert await house.call("DescribeLogGroups") == {"logGroups": []}
    assert not list(tmp_path.rglob("*.jsonl"))


async def test_groups_of_functions_are_there_once_they_logged(house: Rig) -> None:
    assert await code(house, "DescribeLogStreams", logGroupName=GROUP) == "ResourceNotFoundException"
    stream = house.log("a", "b")
    await house.call("DescribeLogGroups")
    house.store.flush()
    (group,) = (await house.call("DescribeLogGroups", logGroupNamePrefix="/aws/lambda/"))["logGroups"]
    assert (group["logGroupName"], group["arn"], group["logGroupArn"]) == (GROUP, f"{ARN}{GROUP}:*", f"{ARN}{GROUP}")
    assert group["storedBytes"] > 0
    (listed,) = (await house.call("DescribeLogStreams", logGroupName=GROUP))["logStreams"]
    assert (listed["logStreamName"], listed["firstEventTimestamp"], listed["lastEventTimestamp"]) == (stream, house.now, house.now + 1000)
    await house.call("DeleteLogGroup", logGroupName=GROUP)
    assert await code(house, "DescribeLogStreams", logGroupName=GROUP) == "ResourceNotFoundException"


async def test_an_environment_goes_on_after_its_group_was_deleted(house: Rig) -> None:
    stream = house.store.stream("resize")
    stream.write("before", house.clock.now())
    stream.flush()
    await house.call("DeleteLogGroup", logGroupName=GROUP)
    stream.write("after", house.clock.now())
    stream.flush()
    assert await read(house, GROUP, stream.name) == ["after"]


async def test_a_group_whose_deletion_was_cut_short_is_gone_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a death leaves it between the step that takes it out of sight and the removal of its files, whoever made it."""
    async with rig(tmp_path) as house:
        with monkeypatch.context() as patched:
            patched.setattr("router.telemetry.loggroups.shutil.rmtree", lambda *_, **__: None)
            for group in (GROUP, "own"):
                if group == "own":
                    await house.call("CreateLogGroup", logGroupName=group)
                for stream in STREAMS:
                    await house.call("CreateLogStream", logGroupName=group, logStreamName=stream) if group == "own" else house.log("old")
                house.store.flush()
                await house.call("DeleteLogGroup", logGroupName=group)
        assert await house.call("DescribeLogGroups") == {"logGroups": []}
    async with rig(tmp_path) as house:
        assert await house.call("DescribeLogGroups") == {"logGroups": []}
        assert not list(tmp_path.rglob("*.jsonl"))


async def test_lists_come_in_pages_and_in_either_order(house: Rig) -> None:
    await house.call("CreateLogGroup", logGroupName="own")
    for number, name in enumerate("cab"):
        await house.call("CreateLogStream", logGroupName="own", logStreamName=name)
        if name != "b":
            await put(house, "own", name, "x", at=house.now - number * 1000)
        await house.call("CreateLogGroup", logGroupName=f"own{name}")

    async def names(**members: Any) -> list[str]:
        found: list[str] = []
        token: dict[str, Any] = {}
        while True:
            answer = await house.call("DescribeLogStreams", logGroupName="own", limit=1, **members, **token)
            found += [one["logStreamName"] for one in answer["logStreams"]]
            if "nextToken" not in answer:
                return found
            token = {"nextToken": answer["nextToken"]}

    assert await names() == ["a", "b", "c"]
    assert await names(descending=True) == ["c", "b", "a"]
    assert await names(orderBy="LastEventTime", descending=True) == ["c", "a", "b"]
    assert await names(logStreamNamePrefix="b") == ["b"]
    assert (
        await code(house, "DescribeLogStreams", logGroupName="own", orderBy="LastEventTime", logStreamNamePrefix="b")
        == "InvalidParameterException"
    )
    assert await code(house, "DescribeLogStreams", logGroupName="own", nextToken="x") == "InvalidParameterException"
    first = await house.call("DescribeLogGroups", limit=3)
    rest = await house.call("DescribeLogGroups", limit=3, nextToken=first["nextToken"])
    assert [one["logGroupName"] for one in [*first["logGroups"], *rest["logGroups"]]] == ["own", "owna", "ownb", "ownc"]
    assert [one["logGroupName"] for one in (await house.call("DescribeLogGroups", logGroupNamePattern="nb"))["logGroups"]] == ["ownb"]
    assert await code(house, "DescribeLogGroups", limit=51) == "InvalidParameterException"


async def test_what_cannot_be_made_is_refused(house: Rig) -> None:
    await house.call("CreateLogGroup", logGroupName="own")
    assert await code(house, "CreateLogGroup", logGroupName="own") == "ResourceAlreadyExistsException"
    assert await code(house, "CreateLogGroup", logGroupName="other", kmsKeyId="k") == "InvalidParameterException"
    assert await code(house, "CreateLogGroup", logGroupName="other", logGroupClass="DELIVERY") == "InvalidParameterException"
    assert await code(house, "CreateLogGroup", logGroupName="x" * 513) == "InvalidParameterException"
    await house.call("CreateLogStream", logGroupName="own", logStreamName="s")
    assert await code(house, "CreateLogStream", logGroupName="own", logStreamName="s") == "ResourceAlreadyExistsException"
    assert await code(house, "CreateLogStream", logGroupName="none", logStreamName="s") == "ResourceNotFoundException"
    assert await code(house, "DeleteLogStream", logGroupName="own", logStreamName="none") == "ResourceNotFoundException"


async def test_events_that_are_too_old_or_too_new_are_left_out_and_said_to_be(house: Rig) -> None:
    day, hour = 86_400_000, 3_600_000
    await house.call("CreateLogGroup", logGroupName="own")
    await house.call("CreateLogStream", logGroupName="own", logStreamName="s")
    new = [{"timestamp": house.now + at, "message": f"{at}"} for at in (0, hour, 3 * hour)]
    told = await house.call("PutLogEvents", logGroupName="own", logStreamName="s", logEvents=new)
    assert told["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 2}
    old = [{"timestamp": house.now + at, "message": f"{at}"} for at in (-14 * day - hour, -14 * day + hour)]
    told = await house.call("PutLogEvents", logGroupName="own", logStreamName="s", logEvents=old)
    assert told["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    await house.call("PutRetentionPolicy", logGroupName="own", retentionInDays=7)
    told = await put(house, "own", "s", "x", at=house.now - 8 * day)
    assert told["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    assert await read(house, "own", "s") == ["0", f"{hour}", f"{-14 * day + hour}"]
    for events in ([], [{"timestamp": 1}], [{"timestamp": 2, "message": "x"}, {"timestamp": 1, "message": "x"}], [{"timestamp": 10**400, "message": "x"}], [{"timestamp": 1, "message": "x" * 1_048_577}], "x"):  # fmt: skip
        assert await code(house, "PutLogEvents", logGroupName="own", logStreamName="s", logEvents=events) == "InvalidParameterException"
    assert await code(house, "PutLogEvents", logGroupName="own", logStreamName="none", logEvents=new) == "ResourceNotFoundException"


async def test_retention_of_a_group_is_its_own(house: Rig) -> None:
    for name, days in (("short", 1), ("long", 30), ("plain", 0)):
        await house.call("CreateLogGroup", logGroupName=name)
        await house.call("CreateLogStream", logGroupName=name, logStreamName="s")
        await put(house, name, "s", "x")
        if days:
            await house.call("PutRetentionPolicy", logGroupName=name, retentionInDays=days)
    assert await code(house, "PutRetentionPolicy", logGroupName="short", retentionInDays=2) == "InvalidParameterException"
    (path,) = (house.root / "groups/short").rglob("*.jsonl")
    house.clock.jump(path.stat().st_mtime - house.clock.now() + 10 * 86400)
    assert await house.store.expire(house.clock.now() - 14 * 86400) == 1
    assert [await read(house, name, "s") for name in ("short", "long", "plain")] == [[], ["x"], ["x"]]
    await house.clock.advance(10 * 86400)
    assert await house.store.expire(house.clock.now() - 14 * 86400) == 1
    assert [await read(house, name, "s") for name in ("long", "plain")] == [["x"], []]
    (group,) = (await house.call("DescribeLogGroups", logGroupNamePrefix="long"))["logGroups"]
    assert group["retentionInDays"] == 30
    await house.call("DeleteRetentionPolicy", logGroupName="long")
    assert await house.store.expire(house.clock.now() - 14 * 86400) == 1


async def test_a_group_of_the_config_is_there_and_has_its_retention_until_another_is_put(house: Rig) -> None:
    house.groups.adopt({"/app/audit": LogGroup("/app/audit", 30 * 86400.0), "/app/plain": LogGroup("/app/plain")})

    async def shown() -> dict[str, Any]:
        listed = (await house.call("DescribeLogGroups", logGroupNamePrefix="/app/"))["logGroups"]
        return {one["logGroupName"]: one.get("retentionInDays") for one in listed}

    assert await shown() == {"/app/audit": 30, "/app/plain": None}
    assert await code(house, "CreateLogGroup", logGroupName="/app/audit") == "ResourceAlreadyExistsException"
    await house.call("CreateLogStream", logGroupName="/app/audit", logStreamName="s")
    await put(house, "/app/audit", "s", "x")
    await house.call("TagLogGroup", logGroupName="/app/audit", tags={"a": "1"})
    (path,) = house.groups.place("/app/audit").rglob("*.jsonl")
    house.clock.jump(path.stat().st_mtime - house.clock.now() + 20 * 86400)
    assert await house.store.expire(house.clock.now() - 14 * 86400) == 0
    await house.call("PutRetentionPolicy", logGroupName="/app/audit", retentionInDays=7)
    assert await shown() == {"/app/audit": 7, "/app/plain": None}
    await house.call("DeleteRetentionPolicy", logGroupName="/app/audit")
    assert await shown() == {"/app/audit": 30, "/app/plain": None}
    house.groups.adopt({"/app/audit": LogGroup("/app/audit", 5 * 86400.0)})
    assert await shown() == {"/app/audit": 5}
    assert await house.store.expire(house.clock.now() - 14 * 86400) == 1


async def test_tags_under_both_names_of_their_operations(house: Rig) -> None:
    await house.call("CreateLogGroup", logGroupName="own", tags={"a": "1"})
    await house.call("TagResource", resourceArn=f"{ARN}own", tags={"b": "2"})
    await house.call("TagLogGroup", logGroupName="own", tags={"c": "3"})
    await house.call("UntagResource", resourceArn=f"{ARN}own:*", tagKeys=["a"])
    await house.call("UntagLogGroup", logGroupName="own", tags=["b"])
    assert await house.call("ListTagsForResource", resourceArn=f"{ARN}own") == {"tags": {"c": "3"}}
    assert await house.call("ListTagsLogGroup", logGroupName="own") == {"tags": {"c": "3"}}
    assert await code(house, "TagResource", resourceArn=f"{ARN}own", tags={str(n): "" for n in range(50)}) == "InvalidParameterException"
    assert await code(house, "ListTagsForResource", resourceArn="arn:aws:logs:us-east-1:1:log-group:x") == "ResourceNotFoundException"


async def test_needs_name_the_group_or_the_stream(house: Rig) -> None:
    assert house.needs("FilterLogEvents", logGroupName=GROUP) == [("logs:FilterLogEvents", f"{ARN}{GROUP}:log-stream:")]
    assert house.needs("GetLogEvents", logGroupIdentifier=f"{ARN}{GROUP}:*", logStreamName="s") == [
        ("logs:GetLogEvents", f"{ARN}{GROUP}:log-stream:s")
    ]
    assert house.needs("DescribeLogGroups") == [("logs:DescribeLogGroups", f"{ARN}:log-stream:")]
    assert house.needs("CreateLogGroup", logGroupName="x", tags={"a": "b"})[1] == ("logs:TagResource", f"{ARN}x:log-stream:")
    assert house.needs("TagResource", resourceArn=f"{ARN}x") == [("logs:TagResource", f"{ARN}x:log-stream:")]
