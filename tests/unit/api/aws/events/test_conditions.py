"""What a policy may ask of a rule's pattern and targets: the tables of EventBridge's guide, "Using IAM policy conditions"."""

import json
from typing import Any

import pytest

from router.api.aws.events.conditions import each, of_pattern
from router.iam.evaluation import Policies, Request, evaluate
from router.iam.principals import user
from router.iam.reading import read
from tests.unit.api.aws.events.rig import ACCOUNT, FUNCTION, QUEUE, Rig

STATE = "EC2 Instance State-change Notification"
EC2 = {"StringEquals": {"events:source": "aws.ec2"}}
EITHER = {"StringEquals": {"events:source": ["aws.ec2", "aws.ecs"]}}
TYPED = {"StringEquals": {"events:source": "aws.ec2", "events:detail-type": STATE}}
NAMED = {"Null": {"events:source": "false"}}
LISTED = {"ForAllValues:StringEquals": {"events:source": ["aws.ec2", "aws.s3"]}} | NAMED
ABUSE = {"StringEquals": {"events:detail.service": "ABUSE"}}
WHO = {"StringEquals": {"events:detail.userIdentity.principalId": "AIDAJ45Q7YFFAREXAMPLE"}}
OWN = {"StringEqualsIfExists": {"events:creatorAccount": "${aws:PrincipalAccount}"}}


def allowed(rig: Rig, statements: list[dict[str, Any]], operation: str, **members: Any) -> bool:
    policy = read({"Version": "2012-10-17", "Statement": [{"Resource": "*", "Effect": "Allow", **one} for one in statements]}, name="p")
    needs = rig.events.operations[operation].needs(rig.call(operation, **members))
    caller = user(ACCOUNT, "u")
    asked = [one for one in needs if one.action.startswith("events:")]
    context = {"aws:principalaccount": (ACCOUNT,)}
    return all(
        evaluate(Request(one.action, one.resource, caller, {**context, **one.context}), Policies(identity=(policy,))).allowed
        for one in asked
    )


@pytest.mark.parametrize(
    ("condition", "pattern", "told"),
    [
        (EC2, {"source": ["aws.ec2"]}, True),
        (EC2, {"source": ["aws.s3"]}, False),
        (EC2, {"source": ["aws.ec2", "aws.s3"]}, False),
        (EC2, {"source": ["aws.ec2"], "detail-type": [STATE]}, True),
        (EC2, {"detail-type": [STATE]}, False),
        (EC2, {"source": [{"prefix": "aws."}]}, False),
        (EC2, {"source": ["aws.ec2", {"prefix": ""}]}, False),
        (EC2, {"$or": [{"source": ["aws.ec2"]}, {"detail-type": [STATE]}]}, False),
        (EC2, {"$or": [{"source": ["aws.ec2"]}, {"source": ["aws.ec2"], "detail-type": [STATE]}]}, True),
        (EITHER, {"source": ["aws.ecs"]}, True),
        (EITHER, {"source": ["aws.s3"]}, False),
        (EITHER, {"detail-type": ["AWS API Call via CloudTrail"]}, False),
        (TYPED, {"source": ["aws.ec2"]}, False),
        (TYPED, {"source": ["aws.ec2"], "detail-type": [STATE]}, True),
        (TYPED, {"source": ["aws.ec2"], "detail-type": ["EC2 Instance Health Failed"]}, False),
        (NAMED, {"source": ["aws.ecs", "aws.ec2"]}, True),
        (NAMED, {"detail-type": [STATE]}, False),
        (LISTED, {"source": ["aws.ec2"]}, True),
        (LISTED, {"source": ["aws.ec2", "aws.s3"]}, True),
        (LISTED, {"source": ["aws.ec2", "aws.autoscaling"]}, False),
        (LISTED, {"detail-type": [STATE]}, False),
        (ABUSE, {"detail": {"service": ["ABUSE"]}}, True),
        (ABUSE, {"detail": {"service": ["RISK"]}}, False),
        (WHO, {"detail": {"userIdentity": {"principalId": ["AIDAJ45Q7YFFAREXAMPLE"]}}}, True),
        (WHO, {"detail": {"userIdentity": {"type": ["Root"]}}}, False),
        (OWN, {"source": ["aws.ec2"]}, True),
    ],
)
def test_who_may_put_which_rule(rig: Rig, condition: dict[str, Any], pattern: dict[str, Any], told: bool) -> None:
    statement = {"Action": "events:PutRule", "Condition": condition}
    assert allowed(rig, [statement], "PutRule", Name="r", EventPattern=json.dumps(pattern)) is told


@pytest.mark.parametrize(("source", "told"), [("aws.ec2", True), ("aws.s3", False)])
def test_a_deny_of_one_source_holds_beside_others(rig: Rig, source: str, told: bool) -> None:
    statements = [
        {"Action": "events:*"},
        {"Effect": "Deny", "Action": "events:PutRule", "Condition": {"StringEquals": {"events:source": "aws.s3"}}},
    ]
    assert allowed(rig, statements, "PutRule", Name="r", EventPattern=json.dumps({"source": ["shop", source]})) is told


def test_every_combination_has_to_be_allowed(rig: Rig) -> None:
    """Each source with its own detail type, and not with the other's."""
    one, other = ({"StringEquals": {"events:source": f"s{n}", "events:detail-type": f"t{n}"}} for n in (1, 2))
    statements = [{"Action": "events:PutRule", "Condition": condition} for condition in (one, other)]
    assert allowed(rig, statements, "PutRule", Name="r", EventPattern='{"source": ["s1"], "detail-type": ["t1"]}')
    assert not allowed(rig, statements, "PutRule", Name="r", EventPattern='{"source": ["s1", "s2"], "detail-type": ["t1", "t2"]}')


def test_so_many_that_they_are_not_tried_one_by_one(rig: Rig) -> None:
    pattern = json.dumps({"source": [f"s{n}" for n in range(99)], "detail-type": [f"t{n}" for n in range(99)]})
    assert len(each(of_pattern(pattern))) == 2
    given = {"Name": "r", "EventPattern": pattern}
    assert allowed(rig, [{"Action": "events:PutRule"}], "PutRule", **given)
    assert not allowed(rig, [{"Action": "events:PutRule", "Condition": {"StringEquals": {"events:source": "s1"}}}], "PutRule", **given)
    denied = {"Effect": "Deny", "Action": "events:PutRule", "Condition": {"StringEquals": {"events:source": "s98"}}}
    assert not allowed(rig, [{"Action": "events:PutRule"}, denied], "PutRule", **given)


@pytest.mark.parametrize("pattern", ["", "{", "[]", "1", '{"source": 1}', '{"detail": []}', "[" * 100_000, '{"$or": {}}'])
def test_what_is_no_pattern_demands_nothing(pattern: str) -> None:
    assert of_pattern(pattern) == {}


def test_targets_are_asked_for_one_by_one(rig: Rig) -> None:
    statement = {"Action": "events:PutTargets", "Condition": {"ArnLike": {"events:TargetArn": "arn:aws:lambda:*:*:function:*"}}}
    targets = [{"Id": "a", "Arn": FUNCTION}, {"Id": "b", "Arn": QUEUE}]
    assert allowed(rig, [statement], "PutTargets", Rule="r", Targets=targets[:1])
    assert not allowed(rig, [statement], "PutTargets", Rule="r", Targets=targets)


@pytest.mark.parametrize(("said", "told"), [("false", True), ("true", False)])
def test_putting_an_event_is_no_invocation_by_a_bus(rig: Rig, said: str, told: bool) -> None:
    statement = {"Action": "events:PutEvents", "Condition": {"Bool": {"events:eventBusInvocation": said}}}
    entry = {"Source": "shop", "DetailType": "order", "Detail": "{}"}
    assert allowed(rig, [statement], "PutEvents", Entries=[entry]) is told
