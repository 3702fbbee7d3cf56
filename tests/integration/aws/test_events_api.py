"""EventBridge and its Scheduler over the wire: what boto3 and the CLI make drives functions and queues to the end, and across a kill."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.helpers.endpoint import Cloud
from tests.helpers.record import read_record

CONFIG = """
queues: {jobs: {}, done: {}}
topics: {news: {}}
buses: {fixed: }
roles:
  sender: {policy: [{Effect: Allow, Action: ["sqs:SendMessage", "lambda:InvokeFunction", "events:PutEvents"], Resource: "*"}]}
  shop:
    policy:
      - {Effect: Allow, Action: "events:PutEvents", Resource: "arn:aws:events:*:*:event-bus/default", Condition: {StringEquals: {"events:source": shop}}}
      - {Effect: Allow, Action: ["events:PutRule", "events:PutTargets", "scheduler:CreateSchedule"], Resource: "*"}
functions:
  seller: {code: code, handler: app.sell, role: shop, timeout: 30}
  record: {code: code, handler: app.record, isolation: none, environment: {RECORD: ./record}, triggers: [queue: jobs, queue: done, sns: news]}
"""
CODE = {
    "app.py": """
import json, os

def record(event, context):
    fd = os.open(os.environ["RECORD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, json.dumps(event).encode() + b"\\n")
    os.close(fd)

def sell(event, context):
    import boto3
    from botocore.exceptions import ClientError

    answers = []
    for service, operation, members in event:
        try:
            getattr(boto3.client(service), operation)(**members)
        except ClientError as error:
            answers.append(error.response["Error"]["Code"])
        else:
            answers.append("")
    return answers
"""
}
ACCOUNT, REGION = "123456789012", "us-east-1"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs"
DONE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:done"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:record"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/sender"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    directory = tmp_path_factory.mktemp("events")
    with Cloud(directory, CONFIG.replace("./record", str(directory / "record")), CODE).serving() as made:
        yield made


def recorded(cloud: Cloud) -> list[Any]:
    """What the function got, but for messages."""
    return [event for event in _events(cloud) if not (isinstance(event, dict) and "Records" in event)]


def received(cloud: Cloud, queue: str = "jobs") -> list[str]:
    """The bodies of a queue's messages so far, which a function takes."""
    records = [one for event in _events(cloud) if isinstance(event, dict) for one in event.get("Records", [])]
    return [one["body"] for one in records if one.get("eventSourceARN", "").endswith(f":{queue}")]


def _events(cloud: Cloud) -> list[Any]:
    return read_record(cloud.directory / "record")


def refused(ask: Any, **parameters: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        ask(**parameters)
    answer: dict[str, Any] = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def test_a_rule_drives_a_function_and_a_queue_and_survives_a_kill(cloud: Cloud, key: dict[str, str]) -> None:
    events = cloud.client("events", key)
    made = events.put_rule(Name="orders", EventPattern='{"source": ["shop"]}', Tags=[{"Key": "team", "Value": "a"}])
    assert made["RuleArn"] == f"arn:aws:events:{REGION}:{ACCOUNT}:rule/orders"
    targets = [{"Id": "f", "Arn": FUNCTION}, {"Id": "q", "Arn": QUEUE, "InputPath": "$.detail"}, {"Id": "x", "Arn": QUEUE + "x"}]
    answer = events.put_targets(Rule="orders", Targets=targets)
    assert [one["TargetId"] for one in answer["FailedEntries"]] == ["x"]
    entries = [{"Source": "shop", "DetailType": "placed", "Detail": json.dumps({"n": n}), "Time": datetime.now(UTC)} for n in range(10)]
    assert events.put_events(Entries=entries)["FailedEntryCount"] == 0
    cloud.kill()
    cloud.start()
    assert cloud.ready(60), cloud.log.read_text()
    assert cloud.until(lambda: {one["detail"]["n"] for one in recorded(cloud)} == set(range(10)), 90), cloud.log.read_text()
    assert cloud.until(lambda: {json.loads(body)["n"] for body in received(cloud)} == set(range(10)), 90), cloud.log.read_text()
    assert [one["Id"] for one in events.list_targets_by_rule(Rule="orders")["Targets"]] == ["f", "q"]
    assert events.describe_rule(Name="orders")["EventPattern"] == '{"source": ["shop"]}'
    events.remove_targets(Rule="orders", Ids=["f", "q"])
    events.delete_rule(Name="orders")
    assert refused(events.describe_rule, Name="orders")[1] == "ResourceNotFoundException"


def test_a_rule_publishes_to_a_topic(cloud: Cloud, key: dict[str, str]) -> None:
    events = cloud.client("events", key)
    events.put_rule(Name="news", EventPattern='{"source": ["press"]}')
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:news"
    assert events.put_targets(Rule="news", Targets=[{"Id": "t", "Arn": topic, "InputPath": "$.detail"}])["FailedEntryCount"] == 0
    assert events.list_rule_names_by_target(TargetArn=topic)["RuleNames"] == ["news"]
    events.put_events(Entries=[{"Source": "press", "DetailType": "t", "Detail": '{"headline": 1}'}])

    def told() -> list[str]:
        records = [one for event in _events(cloud) if isinstance(event, dict) for one in event.get("Records", [])]
        return [one["Sns"]["Message"] for one in records if one.get("EventSource") == "aws:sns"]

    assert cloud.until(lambda: told() == ['{"headline":1}'], 90), cloud.log.read_text()


def test_the_cli_puts_rules_targets_events_and_schedules(cloud: Cloud, key: dict[str, str]) -> None:
    pattern = '{"source": ["cli"], "detail": {"n": [{"numeric": [">", 1]}]}}'
    event = dict.fromkeys(("id", "account", "time", "region", "detail-type"), "x") | {"resources": [], "source": "cli", "detail": {"n": 2}}
    tried = cloud.aws(key, "events", "test-event-pattern", "--event-pattern", pattern, "--event", json.dumps(event))
    assert tried == {"Result": True}
    cloud.aws(key, "events", "put-rule", "--name", "cli", "--event-pattern", pattern)
    put = cloud.aws(key, "events", "put-targets", "--rule", "cli", "--targets", f"Id=q,Arn={DONE},InputPath=$.detail")
    assert put == {"FailedEntryCount": 0, "FailedEntries": []}
    entries = [{"Source": "cli", "DetailType": "t", "Detail": json.dumps({"n": n})} for n in (1, 2)]
    assert cloud.aws(key, "events", "put-events", "--entries", json.dumps(entries))["FailedEntryCount"] == 0
    target = json.dumps({"Arn": DONE, "RoleArn": ROLE, "Input": "by cli"})
    words = ("--name", "cli", "--schedule-expression", "rate(1 day)", "--flexible-time-window", "Mode=OFF", "--target", target)
    made = cloud.aws(key, "scheduler", "create-schedule", *words)
    assert made == {"ScheduleArn": f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/cli"}
    cloud.router("schedules", "run", "cli")
    assert cloud.until(lambda: {'{"n":2}', "by cli"} <= set(received(cloud, "done")), 90), cloud.log.read_text()
    assert '{"n":1}' not in received(cloud, "done")
    cloud.aws(key, "scheduler", "delete-schedule", "--name", "cli")


def test_entries_fail_one_by_one_and_patterns_are_tried(cloud: Cloud, key: dict[str, str]) -> None:
    events = cloud.client("events", key)
    entries = [{"Source": "a", "DetailType": "t", "Detail": "{}"}, {"Source": "a", "DetailType": "t", "Detail": "3"}]
    answer = events.put_events(Entries=entries)
    assert (answer["FailedEntryCount"], answer["Entries"][1]["ErrorCode"]) == (1, "MalformedDetail")
    event = dict.fromkeys(("id", "account", "source", "time", "region", "detail-type"), "x") | {"resources": []}
    assert events.test_event_pattern(EventPattern='{"source": ["x"]}', Event=json.dumps(event))["Result"]
    code = refused(events.test_event_pattern, EventPattern='{"source": "x"}', Event=json.dumps(event))[1:]
    assert code[0] == "InvalidEventPatternException"
    assert code[1].startswith("Event pattern is not valid. Reason:")


def test_a_bus_is_archived_and_replayed(cloud: Cloud, key: dict[str, str]) -> None:
    events = cloud.client("events", key)
    bus = events.create_event_bus(Name="orders")["EventBusArn"]
    archive = events.create_archive(ArchiveName="kept", EventSourceArn=bus, RetentionDays=1)["ArchiveArn"]
    events.put_rule(Name="again", EventBusName="orders", EventPattern='{"replay-name": [{"exists": true}]}')
    events.put_targets(Rule="again", EventBusName="orders", Targets=[{"Id": "q", "Arn": DONE}])
    events.put_events(Entries=[{"Source": "a", "DetailType": "t", "Detail": '{"n": 1}', "EventBusName": bus}])
    now = datetime.now(UTC)
    span = {"EventStartTime": now - timedelta(hours=1), "EventEndTime": now + timedelta(hours=1)}
    events.start_replay(ReplayName="once", EventSourceArn=archive, Destination={"Arn": bus}, **span)
    assert cloud.until(lambda: any('"replay-name":"once"' in body for body in received(cloud, "done")), 90), cloud.log.read_text()
    assert cloud.until(lambda: events.describe_replay(ReplayName="once")["State"] == "COMPLETED", 60)
    assert events.describe_archive(ArchiveName="kept")["EventCount"] == 1
    assert [one["Name"] for one in events.list_event_buses()["EventBuses"]] == ["default", "fixed", "orders"]


def test_a_schedule_is_made_runs_and_is_gone(cloud: Cloud, key: dict[str, str]) -> None:
    scheduler = cloud.client("scheduler", key)
    scheduler.create_schedule_group(Name="night", Tags=[{"Key": "team", "Value": "a"}])
    at = (datetime.now(UTC) + timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%S")
    made = scheduler.create_schedule(
        Name="once",
        GroupName="night",
        ScheduleExpression=f"at({at})",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={"Arn": DONE, "RoleArn": ROLE, "Input": "go <aws.scheduler.schedule-arn>"},
    )
    assert made["ScheduleArn"] == f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/night/once"
    scheduler.create_schedule(
        Name="hourly",
        ScheduleExpression="rate(1 hour)",
        FlexibleTimeWindow={"Mode": "OFF"},
        StartDate=datetime.now(UTC) + timedelta(days=1),
        Target={"Arn": FUNCTION, "RoleArn": ROLE, "Input": '{"scheduled": true}'},
    )
    assert cloud.until(lambda: f"go {made['ScheduleArn']}" in received(cloud, "done"), 90), cloud.log.read_text()
    assert cloud.until(lambda: [one["Name"] for one in scheduler.list_schedules()["Schedules"]] == ["hourly"], 60)
    shown = scheduler.get_schedule(Name="hourly")
    assert (shown["State"], shown["Target"]["Input"], shown["StartDate"] > datetime.now(UTC)) == ("ENABLED", '{"scheduled": true}', True)
    cloud.router("schedules", "run", "hourly")
    assert cloud.until(lambda: {"scheduled": True} in recorded(cloud), 90), cloud.log.read_text()
    assert refused(scheduler.get_schedule, Name="once", GroupName="night")[:2] == (404, "ResourceNotFoundException")
    assert refused(
        scheduler.create_schedule,
        Name="x",
        ScheduleExpression="rate(1 hours)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": QUEUE, "RoleArn": ROLE},
    ) == (400, "ValidationException", "Invalid Schedule Expression rate(1 hours).")
    scheduler.delete_schedule(Name="hourly")
    scheduler.delete_schedule_group(Name="night")


def test_roles_and_buses_policies_decide(cloud: Cloud, key: dict[str, str]) -> None:
    admin = cloud.client("events", key)
    session = cloud.client("sts", key).assume_role(RoleArn=ROLE.replace("sender", "shop"), RoleSessionName="me")["Credentials"]
    events = cloud.client("events", session)
    entry = {"Source": "shop", "DetailType": "t", "Detail": "{}"}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    assert refused(events.put_events, Entries=[entry | {"Source": "till"}])[1] == "AccessDeniedException"
    assert refused(events.put_events, Entries=[entry, entry | {"EventBusName": "fixed"}])[1] == "AccessDeniedException"
    assert refused(events.list_rules)[1] == "AccessDeniedException"
    events.put_rule(Name="mine", EventPattern='{"source": ["shop"]}')
    told = refused(events.put_targets, Rule="mine", Targets=[{"Id": "q", "Arn": QUEUE}])
    assert told[1] == "AccessDeniedException", "nobody sends in a rule's name what they may not send"
    assert "sqs:SendMessage" in told[2]
    bus = admin.create_event_bus(Name="open")["EventBusArn"]
    assert refused(events.put_events, Entries=[entry | {"EventBusName": bus}])[1] == "AccessDeniedException"
    admin.put_permission(EventBusName="open", Action="events:PutEvents", Principal="*", StatementId="all")
    assert events.put_events(Entries=[entry | {"EventBusName": bus}])["FailedEntryCount"] == 0
    admin.delete_rule(Name="mine")


def test_a_function_puts_events_and_no_more_than_its_role_may(cloud: Cloud, key: dict[str, str]) -> None:
    events = cloud.client("events", key)
    events.put_rule(Name="sold", EventPattern='{"detail-type": ["sold"]}')
    events.put_targets(Rule="sold", Targets=[{"Id": "q", "Arn": DONE, "InputPath": "$.detail"}])
    entry = {"Source": "shop", "DetailType": "sold", "Detail": '{"sold": 1}'}
    target = {"Arn": QUEUE, "RoleArn": ROLE, "Input": "stolen"}
    schedule = {"Name": "x", "ScheduleExpression": "rate(1 minute)", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": target}
    asked = [
        ["events", "put_events", {"Entries": [entry]}],
        ["events", "put_events", {"Entries": [entry | {"Source": "till"}]}],
        ["events", "delete_rule", {"Name": "sold"}],
        ["events", "put_targets", {"Rule": "sold", "Targets": [{"Id": "q", "Arn": QUEUE}]}],
        ["events", "put_targets", {"Rule": "sold", "Targets": [{"Id": "q", "Arn": FUNCTION}]}],
        ["scheduler", "create_schedule", schedule],
    ]
    event = cloud.directory / "asked.json"
    event.write_text(json.dumps(asked))
    denied = "AccessDeniedException"
    assert cloud.router("invoke", "seller", "-e", str(event)) == ["", denied, denied, denied, denied, denied]
    assert cloud.until(lambda: '{"sold":1}' in received(cloud, "done"), 90), cloud.log.read_text()
