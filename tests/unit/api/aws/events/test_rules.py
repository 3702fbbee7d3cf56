"""Rules and targets through EventBridge's operations: declared, in force, shown as they were put."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.events import targets as words
from router.api.aws.service import AwsError
from router.config.types import Config, Surroundings
from router.events.eventbridge import Place
from router.sources.target_reading import mistakes
from tests.unit.api.aws.events.rig import ACCOUNT, FUNCTION, QUEUE, REGION, ROLE, Rig, entry

BARE = Config(Path("/c"), Path("/"))
PATTERN = '{"source":  ["shop"]}'


async def test_a_rule_is_put_described_switched_and_deleted(rig: Rig) -> None:
    arn = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/big"
    tags = [{"Key": "team", "Value": "a"}]
    assert await rig.do("PutRule", Name="big", EventPattern=PATTERN, Description="large", Tags=tags) == {"RuleArn": arn}
    shown = {"Name": "big", "Arn": arn, "EventPattern": PATTERN, "State": "ENABLED", "Description": "large", "EventBusName": "default"}
    assert await rig.do("DescribeRule", Name="big") == shown | {"CreatedBy": ACCOUNT}
    await rig.do("DisableRule", Name="big")
    assert (await rig.do("DescribeRule", Name="big"))["State"] == "DISABLED"
    await rig.do("EnableRule", Name="big")
    await rig.do("PutRule", Name="big", EventPattern='{"source":["till"]}', State="DISABLED")
    shown = await rig.do("DescribeRule", Name="big")
    assert (shown["EventPattern"], shown["State"], "Description" in shown) == ('{"source":["till"]}', "DISABLED", False)
    assert await rig.do("ListTagsForResource", ResourceARN=arn) == {"Tags": tags}, "an update keeps them"
    await rig.do("DeleteRule", Name="big")
    assert await rig.do("DeleteRule", Name="big") == {}
    assert await rig.refused("DescribeRule", "ResourceNotFoundException", Name="big") == "Rule big does not exist on EventBus default."


async def test_events_reach_the_targets_of_a_rule_to_the_end(rig: Rig) -> None:
    await rig.do("PutRule", Name="big", EventPattern=PATTERN)
    given = [
        {"Id": "q", "Arn": QUEUE, "InputPath": "$.detail", "RoleArn": ROLE, "RetryPolicy": {"MaximumRetryAttempts": 2}},
        {"Id": "fifo", "Arn": QUEUE.replace("jobs", "line.fifo"), "SqsParameters": {"MessageGroupId": "all"}, "Input": '{"a": 1}'},
        {"Id": "f", "Arn": FUNCTION, "InputTransformer": {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '"n is <n>"'}},
        {"Id": "b", "Arn": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/fixed", "DeadLetterConfig": {"Arn": QUEUE}},
        {"Id": "l", "Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/events/big:*"},
    ]
    assert await rig.do("PutTargets", Rule="big", Targets=given) == {"FailedEntryCount": 0, "FailedEntries": []}
    assert (await rig.do("ListTargetsByRule", Rule="big"))["Targets"] == sorted(given, key=lambda one: one["Id"])
    answer = await rig.do("PutEvents", Entries=[entry(detail={"n": 7})])
    assert answer["FailedEntryCount"] == 0
    assert await rig.bodies("jobs") == [{"n": 7}]
    assert await rig.bodies("line.fifo") == [{"a": 1}]
    assert min(map(str, await rig.functions())) == "n is 7"
    assert [row.kind for row in await rig.outbox.page("[]", 10)] == ["bus", "log_group"]


async def test_a_target_that_cannot_be_is_told_and_the_others_are_put(rig: Rig) -> None:
    await rig.do("PutRule", Name="big", EventPattern=PATTERN)
    given = [
        {"Id": "good", "Arn": QUEUE},
        {"Id": "gone", "Arn": QUEUE.replace("jobs", "nowhere")},
        {"Id": "version", "Arn": f"{FUNCTION}:1"},
        {"Id": "unpublished", "Arn": f"{FUNCTION}:9"},
        {"Id": "stream", "Arn": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/s"},
        {"Id": "far", "Arn": QUEUE.replace(REGION, "eu-west-1")},
        {"Id": "fifo", "Arn": QUEUE.replace("jobs", "line.fifo")},
        {"Id": "role", "Arn": QUEUE, "RoleArn": ROLE.replace("sender", "nothing")},
        {"Id": "own", "Arn": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"},
    ]
    answer = await rig.do("PutTargets", Rule="big", Targets=given)
    told = {one["TargetId"]: (one["ErrorCode"], one["ErrorMessage"]) for one in answer["FailedEntries"]}
    assert answer["FailedEntryCount"] == len(told) == 7
    assert told["gone"] == ("ResourceNotFoundException", "queue: no queue has the name nowhere")
    assert told["unpublished"] == ("ResourceNotFoundException", "function: f:9 is not published")
    assert "targets here are functions, queues, event buses, topics and log groups" in told["stream"][1]
    assert "not of this account" in told["far"][1]
    assert "is a FIFO queue" in told["fifo"][1]
    assert "does not allow sqs:SendMessage" in told["role"][1]
    assert told["own"][0] == "ValidationException"
    assert "is the bus that the rule hears" in told["own"][1]
    assert [one["Id"] for one in (await rig.do("ListTargetsByRule", Rule="big"))["Targets"]] == ["good", "version"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"Input": "1", "InputPath": "$"}, "Only one of Input, InputPath, or InputTransformer must be provided for target bad."),
        ({"Input": "{"}, "JSON syntax error in input for target bad"),
        ({"InputPath": "detail"}, "Invalid InputPath for target bad: detail is no JSON path; write $.detail.id or $.resources[0]"),
        ({"InputTransformer": {"InputTemplate": '"<what>"'}}, "InputTemplate for target bad contains invalid placeholder what."),
        ({"InputTransformer": {"InputTemplate": "no JSON"}}, "Invalid InputTemplate for target bad: the template is not JSON; "),
        ({"Arn": "jobs"}, "Parameter jobs is not valid. Reason: Provided Arn is not in correct format."),
    ],
)
async def test_what_a_target_says_wrongly_refuses_the_request(rig: Rig, wrong: dict[str, Any], message: str) -> None:
    """As recorded of AWS: nobody has to look for a failed entry in an answer of 200."""
    await rig.do("PutRule", Name="big", EventPattern=PATTERN)
    given = [{"Id": "good", "Arn": QUEUE}, {"Id": "bad", "Arn": QUEUE, **wrong}]
    assert (await rig.refused("PutTargets", "ValidationException", Rule="big", Targets=given)).startswith(message)
    assert (await rig.do("ListTargetsByRule", Rule="big"))["Targets"] == []


async def test_targets_are_replaced_by_their_id_and_removed(rig: Rig) -> None:
    await rig.do("PutRule", Name="big", EventPattern=PATTERN)
    await rig.do("PutTargets", Rule="big", Targets=[{"Id": str(n), "Arn": QUEUE} for n in range(5)])
    assert "maximum" in await rig.refused("PutTargets", "LimitExceededException", Rule="big", Targets=[{"Id": "x", "Arn": QUEUE}])
    await rig.do("PutTargets", Rule="big", Targets=[{"Id": "0", "Arn": FUNCTION}])
    assert await rig.do("ListRuleNamesByTarget", TargetArn=FUNCTION) == {"RuleNames": ["big", "f-0"]}
    assert await rig.refused("DeleteRule", "ValidationException", Name="big") == "Rule can't be deleted since it has targets."
    answer = await rig.do("RemoveTargets", Rule="big", Ids=["0", "1", "2", "3", "4", "?"])
    assert [one["TargetId"] for one in answer["FailedEntries"]] == ["?"]
    await rig.do("DeleteRule", Name="big")


async def test_rules_of_the_config_are_shown_and_not_changed(rig: Rig) -> None:
    rules = (await rig.do("ListRules"))["Rules"]
    assert [(one["Name"], one.get("EventPattern", one.get("ScheduleExpression")), one["ManagedBy"]) for one in rules] == [
        ("f-0", '{"source":["shop"]}', "config.yaml"),
        ("g-0", "rate(1 hour)", "config.yaml"),
        ("own", '{"source":["till"]}', "config.yaml"),
    ]
    assert (await rig.do("ListTargetsByRule", Rule="g-0"))["Targets"] == [{"Id": "Target0", "Arn": FUNCTION[:-1] + "g", "Input": '{"n":1}'}]
    assert (await rig.do("ListTargetsByRule", Rule="own"))["Targets"] == [
        {"Id": "Target0", "Arn": QUEUE, "InputPath": "$['detail']['id']", "RetryPolicy": {"MaximumRetryAttempts": 2}}
    ]
    for name in ("own", "f-0"):
        for operation, members in (
            ("DisableRule", {"Name": name}),
            ("PutTargets", {"Rule": name, "Targets": [{"Id": "x", "Arn": QUEUE}]}),
            ("RemoveTargets", {"Rule": name, "Ids": ["Target0"]}),
            ("DeleteRule", {"Name": name}),
            ("PutRule", {"Name": name, "EventPattern": PATTERN}),
        ):
            assert "declared in config.yaml" in await rig.refused(operation, "ManagedRuleException", **members)


async def test_a_rule_on_a_schedule(rig: Rig) -> None:
    await rig.do("PutRule", Name="tick", ScheduleExpression="rate(5 minutes)")
    await rig.do("PutTargets", Rule="tick", Targets=[{"Id": "q", "Arn": QUEUE}])
    assert (await rig.do("DescribeRule", Name="tick"))["ScheduleExpression"] == "rate(5 minutes)"
    assert rig.config.rules["tick"].schedule.text == "rate(5 minutes)"
    for expression in ("rate(5 minute)", "cron(0 1 * * * *)", "at(2030-01-01T00:00:00)"):
        told = await rig.refused("PutRule", "ValidationException", Name="x", ScheduleExpression=expression)
        assert told == "Parameter ScheduleExpression is not valid."
    told = await rig.refused("PutRule", "ValidationException", Name="x", ScheduleExpression="rate(5 minutes)", EventBusName="fixed")
    assert told == "ScheduleExpression is supported only on the default event bus."


async def test_what_is_no_rule_is_refused_in_aws_s_words(rig: Rig) -> None:
    assert "must be specified" in await rig.refused("PutRule", "ValidationException", Name="x")
    told = await rig.refused("PutRule", "InvalidEventPatternException", Name="x", EventPattern='{"source": "shop"}')
    assert told.startswith('Event pattern is not valid. Reason: "source" must be an object or an array')
    assert "does not exist" in await rig.refused("PutRule", "ResourceNotFoundException", Name="x", EventPattern=PATTERN, EventBusName="b")
    assert "RoleArn" in await rig.refused("PutRule", "ValidationException", Name="x", EventPattern=PATTERN, RoleArn=ROLE)
    assert "1 to 64" in await rig.refused("PutRule", "ValidationException", Name="a b", EventPattern=PATTERN)
    assert "Rule x does not exist" in await rig.refused(
        "PutTargets", "ResourceNotFoundException", Rule="x", Targets=[{"Id": "1", "Arn": QUEUE}]
    )
    assert "one Id" in await rig.refused("PutTargets", "ValidationException", Rule="own", Targets=[{"Id": "1", "Arn": QUEUE}] * 2)


async def test_one_name_on_two_buses_is_two_rules(rig: Rig) -> None:
    await rig.do("PutRule", Name="own", EventPattern=PATTERN, EventBusName="fixed")
    arn = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/fixed"
    assert [one["Name"] for one in (await rig.do("ListRules", EventBusName=arn))["Rules"]] == ["own"]
    shown = await rig.do("DescribeRule", Name="own", EventBusName="fixed")
    assert (shown["Arn"], "ManagedBy" in shown) == (f"arn:aws:events:{REGION}:{ACCOUNT}:rule/fixed/own", False)
    await rig.do("DeleteRule", Name="own", EventBusName="fixed")


async def test_lists_come_in_pages(rig: Rig) -> None:
    for n in range(4):
        await rig.do("PutRule", Name=f"p-{n}", EventPattern=PATTERN)
    first = await rig.do("ListRules", NamePrefix="p-", Limit=3)
    second = await rig.do("ListRules", NamePrefix="p-", Limit=3, NextToken=first["NextToken"])
    assert [one["Name"] for one in first["Rules"] + second["Rules"]] == ["p-0", "p-1", "p-2", "p-3"]
    assert "NextToken" not in second


async def test_patterns_are_tried(rig: Rig) -> None:
    event = dict.fromkeys(("id", "account", "time", "region", "detail-type"), "x") | {"source": "shop", "resources": []}
    assert await rig.do("TestEventPattern", EventPattern=PATTERN, Event=json.dumps(event)) == {"Result": True}
    assert await rig.do("TestEventPattern", EventPattern='{"source": ["a"]}', Event=json.dumps(event)) == {"Result": False}
    assert "Event" in await rig.refused("TestEventPattern", "ValidationException", EventPattern=PATTERN, Event="{")
    await rig.refused("TestEventPattern", "InvalidEventPatternException", EventPattern="{", Event=json.dumps(event))


async def test_declared_rules_are_there_after_a_restart(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with rig.running():
        await rig.do("PutRule", Name="big", EventPattern=PATTERN)
        await rig.do("PutTargets", Rule="big", Targets=[{"Id": "q", "Arn": QUEUE}])
    async with rig.running():
        assert [one["Id"] for one in (await rig.do("ListTargetsByRule", Rule="big"))["Targets"]] == ["q"]
        await rig.do("PutEvents", Entries=[entry(detail={"n": 1})])
        assert len(await rig.bodies("jobs")) == 1


async def test_a_rule_that_was_taken_with_its_own_bus_stops_no_start(rig: Rig) -> None:
    """PutTargets refuses it now; what was declared before is read as it is."""
    value = {"pattern": {"source": ["shop"]}, "targets": [{"bus": "default", "id": "own"}, {"queue": "jobs", "id": "q"}]}
    await rig.declared.put("rules", "big", value, {})
    await rig.do("PutEvents", Entries=[entry(detail={"n": 1})])
    assert len(await rig.bodies("jobs")) == 1


# -- what is needed


async def test_needs_name_the_rule_and_what_is_done_in_the_caller_s_name(rig: Rig) -> None:
    rule = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/big"
    assert rig.needs("PutRule", Name="big") == [("events:PutRule", rule)]
    assert rig.needs("DisableRule", Name="big", EventBusName="orders") == [("events:DisableRule", rule.replace("big", "orders/big"))]
    for named in ("big", "default/big"):
        assert rig.needs("TagResource", ResourceARN=rule.replace("big", named)) == [("events:TagResource", rule)]
    given = [{"Id": "a", "Arn": QUEUE}, {"Id": "b", "Arn": QUEUE, "RoleArn": ROLE}, {"Id": "c", "Arn": FUNCTION}]
    assert rig.needs("PutTargets", Rule="big", Targets=given) == [
        *[("events:PutTargets", rule)] * 2,  # a queue and a function
        ("sqs:SendMessage", QUEUE),
        ("iam:PassRole", ROLE),
        ("lambda:InvokeFunction", FUNCTION),
    ]
    dead = {"DeadLetterConfig": {"Arn": QUEUE.replace("jobs", "lost")}}
    assert rig.needs("PutTargets", Rule="big", Targets=[{"Id": "a", "Arn": FUNCTION, **dead}, {"Id": "b", "Arn": QUEUE, "RoleArn": ROLE, **dead}]) == [
        *[("events:PutTargets", rule)] * 2,
        ("lambda:InvokeFunction", FUNCTION),
        ("sqs:SendMessage", QUEUE.replace("jobs", "lost")),
        ("iam:PassRole", ROLE),
        ("sqs:SendMessage", QUEUE.replace("jobs", "lost")),
    ]  # fmt: skip
    assert rig.needs("ListRules") == [("events:ListRules", f"arn:aws:events:{REGION}:{ACCOUNT}:rule/*")]


# -- pure


TARGETS = st.fixed_dictionaries(
    {"Id": st.text(max_size=5), "Arn": st.sampled_from([QUEUE, FUNCTION, "x", "arn:aws:sqs:::", ""]) | st.text(max_size=20)},
    optional={
        "Input": st.text(max_size=20),
        "InputPath": st.text(max_size=10),
        "RoleArn": st.sampled_from([ROLE, "x"]),
        "InputTransformer": st.fixed_dictionaries({"InputTemplate": st.text(max_size=20)}),
        "RetryPolicy": st.dictionaries(
            st.sampled_from(["MaximumRetryAttempts", "MaximumEventAgeInSeconds"]), st.integers() | st.none() | st.text(max_size=3)
        ),
        "SqsParameters": st.dictionaries(st.just("MessageGroupId"), st.text(max_size=4)),
        "DeadLetterConfig": st.dictionaries(st.just("Arn"), st.sampled_from([QUEUE, FUNCTION, ""])),
    },
)


@given(TARGETS)
def test_any_target_is_taken_or_refused_with_a_sentence(given_target: dict[str, Any]) -> None:
    value = None
    with suppress(AwsError):
        value = words.declared(given_target, Place(REGION, ACCOUNT))
    assert value is None or all(isinstance(one, str) and one for one in mistakes(value, Surroundings.of(BARE), ""))
