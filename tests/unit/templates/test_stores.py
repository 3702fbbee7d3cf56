"""Buckets of a template."""

import json
from typing import Any

import pytest

from router.templates.words import DIFFERS, REFUSED, RUNS
from tests.unit.templates.test_translate import notes, template, verdicts


def test_cors_of_a_bucket_is_said_to_be_every_origins() -> None:
    rules = {"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://a.example"]}]}
    found = template({"B": {"Type": "AWS::S3::Bucket", "Properties": {"CorsConfiguration": rules}}})
    assert verdicts(found) == {"B": DIFFERS}
    assert "lets every origin in" in notes(found, "B")


def bus(policy: Any) -> Any:
    own = {"Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": "*"}
    return template(
        {
            "B": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "orders", "Policy": policy}},
            "P": {
                "Type": "AWS::Events::EventBusPolicy",
                "Properties": {"EventBusName": {"Ref": "B"}, "StatementId": "more", "Statement": own},
            },
        }
    )


def test_a_policy_of_a_bus_may_have_one_statement_that_is_no_list() -> None:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "events:PutEvents", "Resource": "*"}
    policy = bus({"Version": "2012-10-17", "Statement": statement}).config["buses"]["orders"]["policy"]
    assert [each["Effect"] for each in policy] == ["Deny", "Allow"]
    found = bus({"Version": "2012-10-17", "Id": "x"})
    assert verdicts(found) == {"B": REFUSED, "P": REFUSED}
    assert "is no policy document" in notes(found, "B")


@pytest.mark.parametrize(
    ("statement", "verdict", "said"),
    [
        ({"Effect": "Allow", "Principal": {"Service": ["events.amazonaws.com"]}}, RUNS, ""),
        ({"Effect": "Allow", "Principal": {"AWS": "*"}}, DIFFERS, "needs a role that allows it"),
        ({"Effect": "Deny", "Principal": {"Service": "events.amazonaws.com"}}, REFUSED, "deny nothing"),
    ],
)
def test_a_policy_that_lets_services_write_to_log_groups_asks_for_nothing_more(statement: dict[str, Any], verdict: str, said: str) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Action": "logs:PutLogEvents", "Resource": "${arn}"}]})
    document = {"Fn::Sub": [text, {"arn": {"Fn::GetAtt": ["G", "Arn"]}}]}
    found = template(
        {
            "G": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/aws/events/x"}},
            "P": {"Type": "AWS::Logs::ResourcePolicy", "Properties": {"PolicyName": "p", "PolicyDocument": document}},
        }
    )
    assert verdicts(found) == {"G": RUNS, "P": verdict}
    assert said in notes(found, "P")


def test_a_sid_that_yaml_types_as_a_number_is_the_text_that_it_was() -> None:
    statement = {"Sid": 1, "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = {"Queues": [{"Ref": "Q"}], "PolicyDocument": {"Statement": statement}}
    found = template({"Q": {"Type": "AWS::SQS::Queue"}, "P": {"Type": "AWS::SQS::QueuePolicy", "Properties": policy}})
    assert [one["Sid"] for one in found.config["queues"]["Q"]["policy"]] == ["1"]


def test_a_bus_may_have_a_dead_letter_queue_that_gets_nothing() -> None:
    bus = {"Type": "AWS::Events::EventBus", "Properties": {"Name": "b", "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["Q", "Arn"]}}}}
    found = template({"B": bus, "Q": {"Type": "AWS::SQS::Queue"}})
    assert (verdicts(found)["B"], found.config["buses"]) == (DIFFERS, {"b": {}})
    assert "it gets nothing" in notes(found, "B")


def test_a_universal_target_is_refused_in_its_own_words() -> None:
    target = {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "RoleArn": "arn:aws:iam::123456789012:role/r"}
    properties = {"ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": target}
    found = template({"S": {"Type": "AWS::Scheduler::Schedule", "Properties": properties}})
    assert "universal targets are not called here; name the queue" in notes(found, "S")


def test_a_log_group_is_there_with_its_retention() -> None:
    found = template(
        {
            "G": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/app/audit", "RetentionInDays": 30}},
            "Plain": {"Type": "AWS::Logs::LogGroup"},
            "Odd": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "my group"}},
        }
    )
    assert found.config["log_groups"] == {"/app/audit": {"retention": "30d"}, "Plain": {}}
    assert verdicts(found) == {"G": RUNS, "Plain": RUNS, "Odd": REFUSED}


def test_two_policies_of_a_queue_may_call_their_statements_the_same() -> None:
    def policy(action: str) -> dict[str, Any]:
        statement = {"Sid": "allow", "Effect": "Allow", "Principal": "*", "Action": action, "Resource": "*"}
        return {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [{"Ref": "Q"}], "PolicyDocument": {"Statement": statement}}}

    found = template({"Q": {"Type": "AWS::SQS::Queue"}, "A": policy("sqs:SendMessage"), "B": policy("sqs:ReceiveMessage")})
    assert [(one.get("Sid"), one["Action"]) for one in found.config["queues"]["Q"]["policy"]] == [
        ("allow", "sqs:SendMessage"),
        (None, "sqs:ReceiveMessage"),
    ]
    assert (verdicts(found), notes(found, "B")) == (
        {"Q": RUNS, "A": RUNS, "B": DIFFERS},
        "Sid allow: another statement has it already; this one has none",
    )


@pytest.mark.parametrize(
    ("named", "left"),
    [
        ("arn:aws:iam::111111111111:root", None),
        (["111111111111", "arn:aws:iam::222222222222:role/r"], None),
        (["arn:aws:iam::111111111111:root", "arn:aws:iam::123456789012:root"], ["arn:aws:iam::123456789012:root"]),
        ("*", "*"),
    ],
)
def test_other_accounts_are_left_out_of_who_is_let_in(named: Any, left: Any) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": named}, "Action": "events:PutEvents", "Resource": "*"}
    policy = {"Type": "AWS::Events::EventBusPolicy", "Properties": {"EventBusName": "b", "StatementId": "s", "Statement": statement}}
    found = template({"B": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "b"}}, "P": policy})
    kept = found.config["buses"]["b"].get("policy")
    assert (kept and kept[0]["Principal"]["AWS"]) == left
    assert (verdicts(found)["P"], "nothing reaches across accounts" in notes(found, "P")) == (
        (RUNS, False) if left == "*" else (DIFFERS, True)
    )


def test_who_is_denied_stays_denied_whatever_the_account() -> None:
    statement = {"Effect": "Deny", "Principal": {"AWS": "111111111111"}, "Action": "sqs:SendMessage", "Resource": "*"}
    policy = {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [{"Ref": "Q"}], "PolicyDocument": {"Statement": statement}}}
    found = template({"Q": {"Type": "AWS::SQS::Queue"}, "P": policy})
    assert found.config["queues"]["Q"]["policy"] == [statement]


def test_tags_that_are_no_list_are_refused() -> None:
    found = template({"Q": {"Type": "AWS::SQS::Queue", "Properties": {"Tags": 1}}})
    assert (verdicts(found), notes(found, "Q")) == ({"Q": REFUSED}, "Tags: 1 is no list of tags")


def metric_filter(**properties: Any) -> dict[str, Any]:
    transformation = {"MetricNamespace": "Shop", "MetricName": "Errors", "MetricValue": "1"}
    plain = {"LogGroupName": "/app", "FilterPattern": "ERROR", "MetricTransformations": [transformation]}
    return {"Type": "AWS::Logs::MetricFilter", "Properties": {**plain, **properties}}


def test_metric_filters_of_a_template() -> None:
    transformation = {
        "MetricNamespace": "Shop",
        "MetricName": "Took",
        "MetricValue": "$.ms",
        "Unit": "Milliseconds",
        "DefaultValue": 0,
        "Dimensions": [{"Key": "who", "Value": "$.who"}],
    }
    found = template(
        {
            "Errors": metric_filter(),
            "Took": metric_filter(FilterName="took", FilterPattern="{ $.ms > 1 }", MetricTransformations=[transformation]),
        }
    )
    assert found.config["metric_filters"] == {
        "Errors": {"group": "/app", "filter_pattern": "ERROR", "namespace": "Shop", "metric": "Errors"},
        "took": {
            "group": "/app",
            "filter_pattern": "{ $.ms > 1 }",
            "namespace": "Shop",
            "metric": "Took",
            "value": "$.ms",
            "unit": "Milliseconds",
            "dimensions": {"who": "$.who"},
        },
    }
    assert verdicts(found) == {"Errors": RUNS, "Took": DIFFERS}
    assert notes(found, "Took") == "DefaultValue: nothing is counted where nothing matches"


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"MetricTransformations": []}, "a metric filter has one"),
        ({"FilterName": "a:b"}, "is no name of a metric filter"),
        ({"ApplyOnTransformedLogs": True}, "property ApplyOnTransformedLogs is not supported"),
    ],
)
def test_metric_filters_that_are_refused(properties: dict[str, Any], said: str) -> None:
    found = template({"Errors": metric_filter(**properties)})
    assert (verdicts(found)["Errors"], said in notes(found, "Errors")) == (REFUSED, True)
