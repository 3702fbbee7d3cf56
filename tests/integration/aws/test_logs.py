"""CloudWatch Logs of a whole daemon, spoken to by boto3 as `aws logs tail --follow` and `filter-log-events` do."""

import json
import time
from typing import Any

import pytest

from tests.helpers.endpoint import Cloud

GROUP = "/aws/lambda/say"
CODE = {
    "app.py": """
import json

def say(event, context):
    for line in event["lines"]:
        print(line if isinstance(line, str) else json.dumps(line))
"""
}
CONFIG = """
functions:
  say:
    code: ./code
    handler: app.say
    isolation: none
"""


@pytest.fixture(scope="module")
def logs(cloud: Cloud) -> Any:
    return cloud.client("logs", cloud.key())


def test_what_a_function_says_is_found_and_followed(cloud: Cloud, logs: Any) -> None:
    since = int((time.time() - 600) * 1000)
    cloud.emit("say", {"lines": ["ERROR one", {"level": "ERROR", "n": 2}, "INFO three"]})

    def said(**members: Any) -> list[str]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP, interleaved=True, startTime=since, **members)
        return [event["message"] for page in pages for event in page["events"]]

    assert cloud.until(lambda: any(one["logGroupName"] == GROUP for one in logs.describe_log_groups()["logGroups"]), 20)
    assert cloud.until(lambda: any(line.startswith("REPORT ") for line in said()), 20), cloud.log.read_text()
    everything = said()
    assert [line.split()[0] for line in everything[:2]] == ["INIT_START", "START"]
    assert said(filterPattern="?three ?one") == ["ERROR one", "INFO three"]
    assert said(filterPattern='{ $.level = "ERROR" && $.n > 1 }') == [json.dumps({"level": "ERROR", "n": 2})]
    first = logs.filter_log_events(logGroupName=GROUP, limit=1)
    rest = logs.filter_log_events(logGroupName=GROUP, nextToken=first["nextToken"])
    assert [event["message"] for event in first["events"] + rest["events"]] == everything
    (stream,) = logs.describe_log_streams(logGroupName=GROUP, orderBy="LastEventTime", descending=True)["logStreams"]
    page = logs.get_log_events(logGroupName=GROUP, logStreamName=stream["logStreamName"], startFromHead=True)
    assert [event["message"] for event in page["events"]] == everything
    again = logs.get_log_events(logGroupName=GROUP, logStreamName=stream["logStreamName"], nextToken=page["nextForwardToken"])
    assert (again["events"], again["nextForwardToken"]) == ([], page["nextForwardToken"])


def test_a_group_of_ones_own(logs: Any) -> None:
    logs.create_log_group(logGroupName="own/group", tags={"a": "b"})
    with pytest.raises(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName="own/group")
    logs.create_log_stream(logGroupName="own/group", logStreamName="s")
    now = int(time.time() * 1000)
    told = logs.put_log_events(logGroupName="own/group", logStreamName="s", logEvents=[{"timestamp": now, "message": "h\u00e9llo\nworld"}])
    assert "rejectedLogEventsInfo" not in told
    (event,) = logs.get_log_events(logGroupName="own/group", logStreamName="s")["events"]
    assert (event["timestamp"], event["message"]) == (now, "h\u00e9llo\nworld")
    logs.put_retention_policy(logGroupName="own/group", retentionInDays=7)
    (group,) = logs.describe_log_groups(logGroupNamePrefix="own/")["logGroups"]
    assert group["retentionInDays"] == 7
    assert logs.list_tags_for_resource(resourceArn=group["logGroupArn"])["tags"] == {"a": "b"}
    logs.delete_log_group(logGroupName="own/group")
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.describe_log_streams(logGroupName="own/group")
    with pytest.raises(logs.exceptions.InvalidParameterException, match="nextToken"):
        logs.filter_log_events(logGroupName=GROUP, nextToken="x")
