"""EventBridge Scheduler's operations: schedules and groups are declared, in force, and shown as they were put."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.api.aws.service import AwsError
from router.config.types import Destination
from tests.unit.api.aws.events.rig import ACCOUNT, FUNCTION, QUEUE, REGION, ROLE, Rig, T

OFF = {"Mode": "OFF"}
WHOLE = {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
TARGET = {"Arn": QUEUE, "RoleArn": ROLE, "Input": "go"}


def arn(name: str, group: str = "default") -> str:
    return f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{group}/{name}"


def schedule(name: str = "a", expression: str = "rate(1 hour)", **more: Any) -> dict[str, Any]:
    return {"Name": name, "ScheduleExpression": expression, "FlexibleTimeWindow": OFF, "Target": TARGET, **more}


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path).running() as made:
        yield made


async def refused(rig: Rig, operation: str, code: str, **members: Any) -> str:
    with pytest.raises(AwsError) as caught:
        await rig.plan(operation, **members)
    assert caught.value.code == code
    assert caught.value.status == {"ConflictException": 409, "ResourceNotFoundException": 404}.get(code, 400)
    return str(caught.value)


async def test_a_schedule_is_made_shown_changed_and_taken_away(rig: Rig) -> None:
    given = schedule(
        ScheduleExpressionTimezone="Europe/Berlin",
        StartDate=T + 60.5,
        EndDate=T + 3600,
        Description="each hour",
        FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        State="DISABLED",
        ActionAfterCompletion="DELETE",
    )
    assert await rig.plan("CreateSchedule", **given) == {"ScheduleArn": arn("a")}
    shown = await rig.plan("GetSchedule", Name="a")
    assert shown == {
        **given,
        "Target": given["Target"] | {"RetryPolicy": WHOLE},
        "Arn": arn("a"),
        "GroupName": "default",
        "StartDate": int(T + 60),
        "EndDate": int(T + 3600),
        "CreationDate": T,
        "LastModificationDate": T,
    }
    planned = rig.config.schedules["a"]
    assert (planned.target.to, planned.target.role, planned.timing.window, planned.enabled) == (
        Destination("queue", "jobs"),
        "sender",
        900,
        False,
    )
    await rig.plan("UpdateSchedule", **schedule())
    shown = await rig.plan("GetSchedule", Name="a")
    assert (shown["State"], shown["ScheduleExpressionTimezone"], shown["FlexibleTimeWindow"], "StartDate" in shown) == (
        "ENABLED",
        "UTC",
        OFF,
        False,
    )
    await rig.plan("DeleteSchedule", Name="a")
    assert await refused(rig, "GetSchedule", "ResourceNotFoundException", Name="a") == "Schedule a does not exist."
    await refused(rig, "DeleteSchedule", "ResourceNotFoundException", Name="a")
    await refused(rig, "UpdateSchedule", "ResourceNotFoundException", **schedule())


async def test_targets_of_every_kind(rig: Rig) -> None:
    bus = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/fixed"
    put = {"Arn": bus, "RoleArn": ROLE, "Input": '{"n": 1}', "EventBridgeParameters": {"Source": "clock", "DetailType": "tick"}}
    call = {
        "Arn": FUNCTION,
        "RoleArn": ROLE,
        "Input": '{"at": "<aws.scheduler.scheduled-time>"}',
        "RetryPolicy": {"MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 60},
        "DeadLetterConfig": {"Arn": QUEUE},
    }
    line = {"Arn": QUEUE.replace("jobs", "line.fifo"), "RoleArn": ROLE, "Input": "x", "SqsParameters": {"MessageGroupId": "all"}}
    for name, target in (("put", put), ("call", call), ("line", line)):
        await rig.plan("CreateSchedule", **schedule(name, Target=target))
        assert (await rig.plan("GetSchedule", Name=name))["Target"] == {"RetryPolicy": WHOLE, **target}
    made = rig.config.schedules
    assert (made["put"].target.source, made["put"].timing.input) == ("clock", '{"n":1}')
    assert (made["call"].target.attempts, made["call"].target.age, made["call"].target.dead_letter) == (1, 60.0, "jobs")
    assert made["line"].target.group == "all"


async def test_schedules_drive_a_queue_to_the_end(rig: Rig) -> None:
    await rig.plan("CreateSchedule", **schedule())
    _, source = rig._built(rig.config)
    source._outlet = rig  # type: ignore[assignment]
    await source.fire("a")
    assert [one.body for one in await rig.queues.receive("jobs")] == ["go"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"ScheduleExpression": "rate(1 hours)"}, "Invalid Schedule Expression rate(1 hours)."),
        ({"ScheduleExpressionTimezone": "Nowhere/Here"}, "Nowhere/Here"),
        ({"Name": "a b"}, "1 to 64"),
        ({"State": "ON"}, "State is one of ENABLED, DISABLED."),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, "MaximumWindowInMinutes is required"),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 1441}}, "1 to 1440"),
        (
            {"FlexibleTimeWindow": {"Mode": "OFF", "MaximumWindowInMinutes": 5}},
            "must not be provided when FlexibleTimeWindowMode is set to OFF",
        ),
        ({"StartDate": "now"}, "StartDate is not valid"),
        ({"StartDate": T + 60, "EndDate": T + 30}, "is before start"),
        ({"StartDate": T - 301}, "The StartDate you specify cannot be earlier than 5 minutes ago."),
        ({"EndDate": T - 1}, "Invalid Schedule Expression rate(1 hour). Reason: it has no time that is to come, until EndDate."),
        ({"ScheduleExpression": "at(2020-01-01T00:00:00)"}, "Invalid Schedule Expression at(2020-01-01T00:00:00)."),
        ({"ScheduleExpression": "cron(0 0 1 1 ? 2020)", "ScheduleExpressionTimezone": "Europe/Berlin"}, "it has no time that is to come."),
        ({"KmsKeyArn": "k"}, "KmsKeyArn is not supported here"),
        ({"Target": {"RoleArn": ROLE}}, "Arn"),
        ({"Target": {"Arn": QUEUE}}, "RoleArn"),
        ({"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "RoleArn": ROLE}}, "universal targets are not supported"),
        ({"Target": {"Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/events/x", "RoleArn": ROLE}}, "no target of a schedule"),
        ({"Target": {"Arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/c", "RoleArn": ROLE}}, "targets here are"),
        ({"Target": {"Arn": QUEUE, "RoleArn": ROLE, "EcsParameters": {"TaskDefinitionArn": "x"}}}, "EcsParameters is not supported"),
        ({"Target": {"Arn": FUNCTION, "RoleArn": ROLE, "Input": "{"}}, "Input is not valid JSON"),
        ({"Target": {"Arn": QUEUE, "RoleArn": ROLE.replace("sender", "nobody")}}, "no role has the name nobody"),
        ({"Target": {"Arn": QUEUE, "RoleArn": ROLE.replace("sender", "nothing")}}, "does not allow sqs:SendMessage"),
        ({"Target": {"Arn": QUEUE, "RoleArn": ROLE.replace(ACCOUNT, "210987654321")}}, "no ARN of a role of this account"),
        ({"Target": {"Arn": QUEUE.replace("jobs", "nowhere"), "RoleArn": ROLE}}, "no queue has the name nowhere"),
        ({"Target": {"Arn": QUEUE, "RoleArn": ROLE, "DeadLetterConfig": {"Arn": FUNCTION}}}, "names no SQS queue"),
        ({"Target": {"Arn": QUEUE, "RoleArn": ROLE, "RetryPolicy": {"MaximumRetryAttempts": 186}}}, "outside 0 to 185"),
    ],
)
async def test_what_is_no_schedule_is_refused(rig: Rig, wrong: dict[str, Any], told: str) -> None:
    assert told in await refused(rig, "CreateSchedule", "ValidationException", **schedule() | wrong)
    assert list(rig.config.schedules) == ["nightly"]


async def test_the_singular_of_a_unit_is_taken_and_shown_as_it_was_given(rig: Rig) -> None:
    await rig.plan("CreateSchedule", **schedule(expression="rate(2 minute)"))
    assert (await rig.plan("GetSchedule", Name="a"))["ScheduleExpression"] == "rate(2 minute)"
    await rig.plan("UpdateSchedule", **schedule(expression="rate(3 hour)"))
    assert (await rig.plan("GetSchedule", Name="a"))["ScheduleExpression"] == "rate(3 hour)"


async def test_what_runs_but_once_more_is_taken(rig: Rig) -> None:
    await rig.plan("CreateSchedule", **schedule("now", EndDate=T + 30))  # a new rate() ticks at once
    await rig.plan("CreateSchedule", **schedule("late", StartDate=T - 299))
    await rig.plan("CreateSchedule", **schedule("off", "at(2020-01-01T00:00:00)", State="DISABLED"))
    await rig.plan("UpdateSchedule", **schedule("late", "at(2020-01-01T00:00:00)"))  # what has run is described anew


async def test_dates_of_a_one_time_schedule_are_ignored_as_on_aws(rig: Rig) -> None:
    await rig.plan("CreateSchedule", **schedule("once", "at(2030-01-01T00:00:00)", StartDate=T - 3600, EndDate=T + 60))
    assert rig.config.schedules["once"].timing.end is None


async def test_the_same_token_is_the_same_request(rig: Rig) -> None:
    for _ in range(2):
        await rig.plan("CreateSchedule", **schedule(ClientToken="one"))
    assert await refused(rig, "CreateSchedule", "ConflictException", **schedule(ClientToken="two")) == "Schedule a already exists."
    for _ in range(2):
        await rig.plan("CreateScheduleGroup", Name="night", ClientToken="one")
    await refused(rig, "CreateScheduleGroup", "ConflictException", Name="night", ClientToken="two")


async def test_schedules_of_the_config_are_shown_and_not_changed(rig: Rig) -> None:
    shown = await rig.plan("GetSchedule", Name="nightly")
    assert (shown["Target"]["Arn"], shown["Target"]["RetryPolicy"]["MaximumRetryAttempts"], "CreationDate" in shown) == (QUEUE, 185, False)
    assert shown["Target"]["Input"] == "go", "the message, as it is sent"
    shown = await rig.plan("GetSchedule", Name="daily")
    assert (shown["ScheduleExpressionTimezone"], shown["Target"]["Arn"]) == ("Europe/Berlin", FUNCTION[:-1] + "g"), "a trigger's"
    for operation, members in (("UpdateSchedule", schedule("nightly")), ("DeleteSchedule", {"Name": "daily"})):
        assert "declared in config.yaml" in await refused(rig, operation, "ConflictException", **members)


async def test_a_schedule_that_was_to_be_deleted_is_gone_and_its_name_free(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    once = schedule("once", "at(2030-01-01T00:00:00)", ActionAfterCompletion="DELETE")
    await rig.plan("CreateSchedule", **once)
    assert [one["Name"] for one in (await rig.plan("ListSchedules"))["Schedules"]] == ["daily", "nightly", "once"]
    monkeypatch.setattr(rig.schedule, "gone", lambda: {"once"})
    assert [one["Name"] for one in (await rig.plan("ListSchedules"))["Schedules"]] == ["daily", "nightly"]
    await refused(rig, "GetSchedule", "ResourceNotFoundException", Name="once")
    await rig.plan("CreateSchedule", **schedule("other"))
    assert set(rig.config.schedules) == {"nightly", "other"}, "what is over makes room"
    monkeypatch.undo()
    await rig.plan("CreateSchedule", **once)
    assert "once" in rig.config.schedules


# -- groups


async def test_groups_hold_schedules_and_take_them_along(rig: Rig) -> None:
    group = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/night"
    tags = [{"Key": "team", "Value": "a"}]
    assert await rig.plan("CreateScheduleGroup", Name="night", Tags=tags) == {"ScheduleGroupArn": group}
    assert await rig.plan("CreateSchedule", **schedule(GroupName="night")) == {"ScheduleArn": arn("a", "night")}
    await rig.plan("CreateSchedule", **schedule())
    assert [(one["GroupName"], one["Name"]) for one in (await rig.plan("ListSchedules", NamePrefix="a"))["Schedules"]] == [
        ("default", "a"),
        ("night", "a"),
    ]
    assert len((await rig.plan("ListSchedules", GroupName="night", State="ENABLED"))["Schedules"]) == 1
    assert (await rig.plan("ListSchedules", GroupName="night", State="DISABLED"))["Schedules"] == []
    assert await rig.plan("ListTagsForResource", ResourceArn=group) == {"Tags": tags}
    await rig.plan("TagResource", ResourceArn=group, Tags=[{"Key": "x", "Value": "y"}])
    await rig.plan("UntagResource", ResourceArn=group, TagKeys=["team"])
    assert await rig.plan("ListTagsForResource", ResourceArn=group) == {"Tags": [{"Key": "x", "Value": "y"}]}
    assert (await rig.plan("GetScheduleGroup", Name="night"))["State"] == "ACTIVE"
    assert [one["Name"] for one in (await rig.plan("ListScheduleGroups"))["ScheduleGroups"]] == ["default", "night"]
    await rig.plan("DeleteScheduleGroup", Name="night")
    assert set(rig.config.schedules) == {"nightly", "a"}
    assert "night does not exist" in await refused(rig, "CreateSchedule", "ResourceNotFoundException", **schedule(GroupName="night"))
    await refused(rig, "GetScheduleGroup", "ResourceNotFoundException", Name="night")
    await refused(rig, "DeleteScheduleGroup", "ValidationException", Name="default")


async def test_needs_name_the_schedule_and_the_role_that_is_passed(rig: Rig) -> None:
    assert rig.needs("CreateSchedule", service="scheduler", **schedule()) == [
        ("scheduler:CreateSchedule", arn("a")),
        ("iam:PassRole", ROLE),
    ]
    lost = QUEUE.replace("jobs", "lost")
    given = schedule(Target={**TARGET, "DeadLetterConfig": {"Arn": lost}})
    assert rig.needs("UpdateSchedule", service="scheduler", **given)[2:] == [("sqs:SendMessage", lost)]
    (_, passed) = rig.scheduler.operations["UpdateSchedule"].needs(rig.call("UpdateSchedule", "scheduler", **schedule()))
    assert passed.context == {"iam:passedtoservice": ("scheduler.amazonaws.com",)}
    assert rig.needs("GetSchedule", service="scheduler", Name="a", GroupName="night") == [("scheduler:GetSchedule", arn("a", "night"))]
    assert rig.needs("DeleteScheduleGroup", service="scheduler", Name="night") == [
        ("scheduler:DeleteScheduleGroup", f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/night"),
        ("scheduler:DeleteSchedule", arn("*", "night")),
    ]
    assert rig.scheduler.policy(arn("a")) is None
