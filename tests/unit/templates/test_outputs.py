"""Outputs of a template."""

from router.templates.words import DIFFERS, RUNS
from tests.unit.templates.test_translate import FN, function, notes, template, verdicts


def test_an_output_that_cannot_be_told_is_left_out_and_said() -> None:
    told = {
        "Name": {"Value": {"Ref": "Fn"}},
        "Elsewhere": {"Value": {"Fn::ImportValue": "x"}},
        "Typo": {"Value": {"Fn::GetAtt": ["Fnn", "Arn"]}},
        "Absent": {"Value": {"Fn::GetAtt": ["Fnn", "Arn"]}, "Condition": "No"},
        "Nothing": {"Value": {"Ref": "AWS::NoValue"}},
    }
    found = template({"Fn": FN}, Outputs=told, Conditions={"No": {"Fn::Equals": ["a", "b"]}})
    assert found.outputs == {"Name": "Fn"}
    assert verdicts(found) == {"Fn": RUNS, "Outputs: Elsewhere": DIFFERS, "Outputs: Typo": DIFFERS}
    assert notes(found, "Outputs: Typo") == "is left out: Fnn: no resource of this template"


def test_an_output_of_something_refused_is_left_out() -> None:
    told = {"Steps": {"Value": {"Fn::Sub": "of ${Steps.Arn}"}}, "Name": {"Value": {"Ref": "Fn"}}}
    found = template({"Fn": FN, "Steps": {"Type": "AWS::StepFunctions::StateMachine"}}, Outputs=told)
    assert found.outputs == {"Name": "Fn"}
    assert notes(found, "Outputs: Steps") == "is left out: refers to Steps, which is refused"


def test_queues_that_sam_makes_for_events_are_known_by_their_logical_ids() -> None:
    events = {
        "Topic": {"Type": "SNS", "Properties": {"Topic": {"Ref": "T"}, "SqsSubscription": True}},
        "Rule": {"Type": "EventBridgeRule", "Properties": {"Pattern": {"source": ["a"]}, "DeadLetterConfig": {"Type": "SQS", "QueueLogicalId": "Lost"}}},
    }  # fmt: skip
    told = {
        "Arn": {"Value": {"Fn::GetAtt": ["FnTopicQueue", "Arn"]}},
        "Lost": {"Value": {"Fn::GetAtt": ["Lost", "QueueName"]}},
        "Url": {"Value": {"Ref": "Lost"}},
        "None": {"Value": {"Fn::GetAtt": ["FnRuleQueue", "Arn"]}},
    }
    found = template({"Fn": function(Events=events), "T": {"Type": "AWS::SNS::Topic"}}, Outputs=told)
    assert found.outputs == {
        "Arn": "arn:aws:sqs:us-east-1:123456789012:FnTopicQueue",
        "Lost": "Lost",
        "Url": "http://127.0.0.1:4566/123456789012/Lost",
    }
    assert {"FnTopicQueue", "Lost"} <= found.config["queues"].keys()
