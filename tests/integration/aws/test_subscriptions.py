"""Subscription filters of a whole daemon, made by boto3: functions get what others log."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.helpers.endpoint import Cloud

CODE = {
    "app.py": """
import base64, gzip, json

def say(event, context):
    print(event["line"])

def hear(event, context):
    print(json.dumps(json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))))
"""
}
CONFIG = """
functions:
  say: {code: ./code, handler: app.say, isolation: none}
  hear:
    code: ./code
    handler: app.hear
    isolation: none
    triggers: [{logs: {group: /aws/lambda/say, filter_pattern: WARN, name: of config}}]
  fixed: {code: ./code, handler: app.hear, isolation: none, triggers: [{logs: {group: shop, name: fixed}}]}
"""
ACCOUNT = "123456789012"
DENIED = "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function."


@pytest.fixture(scope="module")
def logs(cloud: Cloud) -> Any:
    return cloud.client("logs", cloud.key())


def arn(function: str) -> str:
    return f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{function}"


def heard(logs: Any) -> list[dict[str, Any]]:
    """What the function was told, as it logged it."""
    try:
        found = logs.filter_log_events(logGroupName="/aws/lambda/hear", filterPattern='{ $.messageType = "DATA_MESSAGE" }')
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [json.loads(event["message"]) for event in found["events"]]


def refusal(call: Any, **members: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**members)
    return refused.value.response["Error"]["Code"], refused.value.response["Error"]["Message"]


def test_what_one_function_logs_another_one_gets(cloud: Cloud, logs: Any) -> None:
    functions = cloud.client("lambda", cloud.key("bea"))
    cloud.emit("say", {"line": "before"})
    assert cloud.until(lambda: any(one["logGroupName"] == "/aws/lambda/say" for one in logs.describe_log_groups()["logGroups"]), 20)
    wanted = {"logGroupName": "/aws/lambda/say", "filterName": "of-api", "filterPattern": "[level = ERROR, what]"}
    denied = refusal(logs.put_subscription_filter, **wanted, destinationArn=arn("hear"))
    assert denied == ("InvalidParameterException", DENIED)
    functions.add_permission(
        FunctionName="hear",
        StatementId="logs",
        Action="lambda:InvokeFunction",
        Principal="logs.amazonaws.com",
        SourceArn=f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda/say:*",
    )
    logs.put_subscription_filter(**wanted, destinationArn=arn("hear"))
    for line in ("ERROR bang", "WARN hm", "fine"):
        cloud.emit("say", {"line": line})
    assert cloud.until(lambda: sum(len(data["logEvents"]) for data in heard(logs)) >= 2, 20), heard(logs)
    told = {data["subscriptionFilters"][0]: data for data in heard(logs)}
    assert told.keys() == {"of-api", "of config"}
    (event,) = told["of-api"]["logEvents"]
    assert (event["message"], event["extractedFields"]) == ("ERROR bang", {"level": "ERROR", "what": "bang"})
    (event,) = told["of config"]["logEvents"]
    assert (event["message"], "extractedFields" in event) == ("WARN hm", False)
    assert {data["logGroup"] for data in told.values()} == {"/aws/lambda/say"}
    (found,) = (one for one in logs.filter_log_events(logGroupName="/aws/lambda/say", filterPattern="WARN")["events"])
    assert (found["eventId"], found["logStreamName"]) == (event["id"], told["of config"]["logStream"])


def test_filters_are_listed_replaced_and_deleted(logs: Any) -> None:
    rows = logs.describe_subscription_filters(logGroupName="/aws/lambda/say")["subscriptionFilters"]
    assert [(row["filterName"], row["filterPattern"], row["destinationArn"]) for row in rows] == [
        ("of config", "WARN", arn("hear")),
        ("of-api", "[level = ERROR, what]", arn("hear")),
    ]
    assert rows[1]["creationTime"] > (time.time() - 60) * 1000
    one = {"logGroupName": "/aws/lambda/say", "filterName": "of-api"}
    logs.put_subscription_filter(**one, filterPattern="", destinationArn=arn("hear"))
    page = logs.describe_subscription_filters(logGroupName="/aws/lambda/say", limit=1)
    (row,) = logs.describe_subscription_filters(logGroupName="/aws/lambda/say", nextToken=page["nextToken"])["subscriptionFilters"]
    assert (row["filterName"], row["filterPattern"]) == ("of-api", "")
    logs.delete_subscription_filter(**one)
    missing = refusal(logs.delete_subscription_filter, **one)
    assert missing == ("ResourceNotFoundException", "The specified subscription filter does not exist.")
    (row,) = logs.describe_subscription_filters(logGroupName="/aws/lambda/say", filterNamePrefix="of")["subscriptionFilters"]
    assert row["filterName"] == "of config"


def test_a_group_takes_its_filters_with_it(cloud: Cloud, logs: Any) -> None:
    functions = cloud.client("lambda", cloud.key("cid"))
    functions.add_permission(
        FunctionName="hear", StatementId="all", Action="lambda:InvokeFunction", Principal="logs.us-east-1.amazonaws.com"
    )
    logs.create_log_group(logGroupName="gone")
    for name in ("a", "b"):
        logs.put_subscription_filter(logGroupName="gone", filterName=name, filterPattern="", destinationArn=arn("hear"))
    full = refusal(logs.put_subscription_filter, logGroupName="gone", filterName="c", filterPattern="", destinationArn=arn("hear"))
    assert full == ("LimitExceededException", "Resource limit exceeded.")
    logs.delete_log_group(logGroupName="gone")
    logs.create_log_group(logGroupName="gone")
    assert logs.describe_subscription_filters(logGroupName="gone")["subscriptionFilters"] == []


@pytest.mark.parametrize(
    ("over", "code", "said"),
    [
        ({"logGroupName": "nowhere"}, "ResourceNotFoundException", "The specified log group does not exist."),
        ({"destinationArn": arn("nobody")}, "InvalidParameterException", DENIED),
        (
            {"destinationArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:t"},
            "InvalidParameterException",
            "PutSubscriptionFilter operation cannot work with destinationArn for vendor sns",
        ),
        ({"roleArn": f"arn:aws:iam::{ACCOUNT}:role/r"}, "InvalidParameterException", "destinationArn for vendor lambda cannot be used with roleArn"),
        ({"filterPattern": "{ $.a"}, "InvalidParameterException", "Invalid filter pattern: { without a }"),
        ({"filterName": "a:b"}, "InvalidParameterException", "'filterName' failed to satisfy constraint"),
        ({"distribution": "Random"}, "InvalidParameterException", "distribution is of Kinesis streams"),
        ({"emitSystemFields": ["@aws.account"]}, "InvalidParameterException", "emitSystemFields is not supported here."),
        (
            {"destinationArn": arn("say")},
            "InvalidParameterException",
            "The log group provided is reserved for the function logs of the destination function.",
        ),
        ({"filterName": "of config"}, "ResourceConflictException", "is declared in config.yaml"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(logs: Any, over: dict[str, Any], code: str, said: str) -> None:
    members = {"logGroupName": "/aws/lambda/say", "filterName": "x", "filterPattern": "", "destinationArn": arn("hear")} | over
    found = refusal(logs.put_subscription_filter, **members)
    assert found[0] == code
    assert said in found[1]


@pytest.mark.parametrize("operation", ["describe_subscription_filters", "delete_subscription_filter"])
def test_a_group_that_is_not_there_has_none(logs: Any, operation: str) -> None:
    over = {"filterName": "x"} if operation.startswith("delete") else {}
    assert refusal(getattr(logs, operation), logGroupName="nowhere", **over)[1] == "The specified log group does not exist."


def test_logs_that_would_come_back_through_another_function_are_refused(cloud: Cloud, logs: Any) -> None:
    cloud.emit("hear", {"awslogs": {"data": ""}})
    assert cloud.until(lambda: any(one["logGroupName"] == "/aws/lambda/hear" for one in logs.describe_log_groups()["logGroups"]), 20)
    cloud.client("lambda", cloud.key("dan")).add_permission(
        FunctionName="say", StatementId="logs", Action="lambda:InvokeFunction", Principal="logs.amazonaws.com"
    )
    found = refusal(
        logs.put_subscription_filter, logGroupName="/aws/lambda/hear", filterName="back", filterPattern="", destinationArn=arn("say")
    )
    assert found[0] == "InvalidParameterException"
    assert "would set it off again without end" in found[1]
    assert logs.describe_subscription_filters(logGroupName="/aws/lambda/hear")["subscriptionFilters"] == []
