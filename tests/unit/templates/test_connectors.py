"""SAM's connectors."""

from typing import Any

import pytest

from router.templates.words import REFUSED, RUNS
from tests.unit.templates.test_translate import function, notes, template, verdicts

ACCOUNT = "us-east-1:123456789012"
RESOURCES: dict[str, Any] = {
    "Fn": function(),
    "Other": function(),
    "Q": {"Type": "AWS::SQS::Queue"},
    "T": {"Type": "AWS::Serverless::SimpleTable"},
    "Topic": {"Type": "AWS::SNS::Topic"},
    "In": {"Type": "AWS::S3::Bucket"},
    "Steps": {"Type": "AWS::StepFunctions::StateMachine"},
}
BUS = {"Arn": {"Fn::Sub": "arn:aws:events:${AWS::Region}:${AWS::AccountId}:event-bus/orders"}, "Type": "AWS::Events::EventBus"}


def connected(source: Any, destination: Any, *permissions: str) -> Any:
    properties = {"Source": source, "Destination": destination, "Permissions": list(permissions)}
    return template({**RESOURCES, "C": {"Type": "AWS::Serverless::Connector", "Properties": properties}})


@pytest.mark.parametrize(
    ("source", "destination", "permissions", "role", "allowed"),
    [
        ({"Id": "Fn"}, {"Id": "Q"}, ["Write"], "FnRole", [(["sqs:SendMessage*"], f"arn:aws:sqs:{ACCOUNT}:Q")]),
        ({"Id": "Fn"}, BUS, ["Write"], "FnRole", [(["events:PutEvents"], f"arn:aws:events:{ACCOUNT}:event-bus/orders")]),
        (
            {"Id": "Q"}, {"Id": "Fn"}, ["Write", "Read"], "FnRole",
            [
                (["sqs:DeleteMessage"], f"arn:aws:sqs:{ACCOUNT}:Q"),
                (["sqs:ReceiveMessage", "sqs:GetQueueAttributes"], f"arn:aws:sqs:{ACCOUNT}:Q"),
            ],
        ),
        (
            {"Id": "T"}, {"Id": "Fn"}, ["Read"], "FnRole",
            [
                (
                    ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"],
                    f"arn:aws:dynamodb:{ACCOUNT}:table/T-table/stream/*",
                )
            ],
        ),
    ],
)  # fmt: skip
def test_a_function_s_role_is_allowed_it(source: Any, destination: Any, permissions: list[str], role: str, allowed: Any) -> None:
    found = connected(source, destination, *permissions)
    assert verdicts(found)["C"] == RUNS, notes(found, "C")
    assert [(each["Action"], each["Resource"]) for each in found.config["roles"][role]["policy"]][-len(allowed) :] == allowed


def test_a_connector_may_have_several_destinations() -> None:
    found = connected({"Id": "Fn"}, [{"Id": "Topic"}, {"Id": "Other"}], "Write")
    assert [each["Action"] for each in found.config["roles"]["FnRole"]["policy"]][-2:] == [["sns:Publish"], ["lambda:InvokeFunction"]]


@pytest.mark.parametrize(("source", "destination"), [("Topic", "Q"), ("Topic", "Fn"), ("In", "Fn")])
def test_services_need_no_policy_here(source: str, destination: str) -> None:
    before = template(RESOURCES).config
    found = connected({"Id": source}, {"Id": destination}, "Write")
    assert verdicts(found)["C"] == RUNS
    assert found.config == before


@pytest.mark.parametrize(
    ("source", "destination", "permission", "said"),
    [
        ({"Id": "Steps"}, {"Id": "Fn"}, "Write", "connectors from AWS::StepFunctions::StateMachine to AWS::Serverless::Function"),
        ({"Id": "Fn"}, {"Id": "Topic"}, "Read", "permission Read"),
        ({"Id": "T"}, {"Id": "Fn"}, "Write", "permission Write"),
        ({"Id": "Fn"}, {"Id": "Nobody"}, "Write", "Nobody: no resource of this template"),
        ({"Id": "Fn"}, {"Type": "AWS::SNS::Topic"}, "Write", "Arn is required"),
        ({"Id": "Fn"}, [], "Write", "Source and Destination are required"),
        (None, {"Id": "Fn"}, "Write", "Source and Destination are required"),
    ],
)
def test_other_connectors_are_refused(source: Any, destination: Any, permission: str, said: str) -> None:
    found = connected(source, destination, permission)
    assert verdicts(found)["C"] == REFUSED
    assert said in notes(found, "C")


def test_connectors_within_a_resource() -> None:
    inner = {"ToFn": {"Properties": {"Destination": {"Id": "Fn"}, "Permissions": ["Read", "Write"]}}}
    found = template({**RESOURCES, "Q": {**RESOURCES["Q"], "Connectors": inner}})
    assert verdicts(found)["Q.ToFn"] == RUNS
    assert found.config["roles"]["FnRole"]["policy"][-1]["Action"] == ["sqs:DeleteMessage"]
