"""Whole templates: what becomes of each resource, and what stands in the config."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.events import s3
from router.templates.notifications import CAUSED
from router.templates.translate import HANDLERS, Options, translate
from router.templates.words import ABSENT, DIFFERS, REFUSED, RUNS, TemplateError, Translation

FN = {"Type": "AWS::Serverless::Function", "Properties": {"Runtime": "python3.11", "Handler": "a.b", "CodeUri": "src/"}}


def template(resources: dict[str, Any], **sections: Any) -> Translation:
    return translate(json.dumps({"Resources": resources, **sections}), Options())


def function(**properties: Any) -> dict[str, Any]:
    return {"Type": FN["Type"], "Properties": {**FN["Properties"], **properties}}  # type: ignore[dict-item]


def triggers(found: Translation, name: str = "Fn") -> list[Any]:
    return list(found.config["functions"][name].get("triggers", []))


def verdicts(found: Translation) -> dict[str, str]:
    return {row.resource: row.verdict for row in found.rows}


def notes(found: Translation, resource: str) -> str:
    return " ".join(next(row.notes for row in found.rows if row.resource == resource))


def test_a_function_and_its_role() -> None:
    policies = [
        "AWSLambdaSQSQueueExecutionRole",
        {"S3ReadPolicy": {"BucketName": {"Ref": "In"}}},
        {"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}},
    ]
    found = template(
        {
            "Fn": function(Policies=policies, Timeout="30", MemorySize=256, Environment={"Variables": {"A": 1, "B": "${x}"}}),
            "In": {"Type": "AWS::S3::Bucket"},
        }
    )
    assert found.config["functions"]["Fn"] == {
        "code": "./src",
        "handler": "a.b",
        "runtime": "python3.11",
        "timeout": 30,
        "memory": 256,
        "environment": {"A": "1", "B": "$${x}"},
        "role": "FnRole",
    }
    statements = found.config["roles"]["FnRole"]["policy"]
    assert statements[0]["Action"][0] == "logs:CreateLogGroup"
    assert statements[1]["Action"][0] == "sqs:ReceiveMessage"
    assert statements[2]["Resource"] == ["arn:aws:s3:::in-bucket", "arn:aws:s3:::in-bucket/*"]
    assert statements[3]["Effect"] == "Deny"
    assert verdicts(found) == {"Fn": RUNS, "In": RUNS}


@pytest.mark.parametrize(
    ("event", "trigger"),
    [
        ({"Type": "S3", "Properties": {"Bucket": {"Ref": "In"}, "Events": "s3:ObjectCreated:*"}}, {"s3": {"bucket": "in-bucket", "events": "s3:ObjectCreated:*"}}),
        ({"Type": "SQS", "Properties": {"Queue": {"Fn::GetAtt": ["Q", "Arn"]}}}, {"queue": "Q"}),
        (
            {"Type": "SQS", "Properties": {"Queue": {"Fn::GetAtt": ["Q", "Arn"]}, "BatchSize": 5, "Enabled": False, "FilterCriteria": {"Filters": [{"Pattern": '{"body": {"a": ["${x}"]}}'}]}}},
            {"queue": {"name": "Q", "batch_size": 5, "filter": [{"body": {"a": ["$${x}"]}}], "enabled": False}},
        ),
        ({"Type": "Api", "Properties": {"Path": "/a/{b}", "Method": "get"}}, {"http": {"route": "GET /a/{b}", "api": "rest", "stage": "Prod"}}),
        ({"Type": "Api", "Properties": {"Path": "/{proxy+}", "Method": "any"}}, {"http": {"route": "ANY /{proxy+}", "api": "rest", "stage": "Prod"}}),
        ({"Type": "HttpApi", "Properties": {"Path": "/a", "Method": "post"}}, {"http": "POST /a"}),
        ({"Type": "HttpApi"}, {"http": "$default"}),
        ({"Type": "HttpApi", "Properties": {"Path": "/a", "Method": "*", "TimeoutInMillis": 500, "PayloadFormatVersion": "1.0"}}, {"http": {"route": "ANY /a", "payload_format_version": "1.0", "timeout": "500ms"}}),
        ({"Type": "Schedule", "Properties": {"Schedule": "rate(1 day)", "Input": '{"a": 1}'}}, {"schedule": {"expression": "rate(1 day)", "input": {"a": 1}, "name": "FnE"}}),
        (
            {"Type": "ScheduleV2", "Properties": {"ScheduleExpression": "at(2030-01-01T00:00:00)", "ScheduleExpressionTimezone": "Europe/Berlin", "State": "DISABLED", "FlexibleTimeWindow": {"Mode": "OFF"}}},
            {"schedule": {"expression": "at(2030-01-01T00:00:00)", "timezone": "Europe/Berlin", "name": "FnE", "enabled": False}},
        ),
        (
            {"Type": "EventBridgeRule", "Properties": {"Pattern": {"source": ["a"]}, "InputTransformer": {"InputPathsMap": {"i": "$.id"}, "InputTemplate": '"<i>"'}}},
            {"event": {"pattern": {"source": ["a"]}, "input_transformer": {"template": '"<i>"', "paths": {"i": "$.id"}}, "name": "FnE"}},
        ),
        ({"Type": "CloudWatchEvent", "Properties": {"Pattern": {"source": ["a"]}, "EventBusName": {"Ref": "B"}, "InputPath": "$.detail"}}, {"event": {"pattern": {"source": ["a"]}, "bus": "B", "input_path": "$.detail", "name": "FnE"}}),
    ],
)  # fmt: skip
def test_an_event_becomes_a_trigger(event: dict[str, Any], trigger: dict[str, Any]) -> None:
    around = {
        "In": {"Type": "AWS::S3::Bucket"},
        "Q": {"Type": "AWS::SQS::Queue"},
        "B": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "B"}},
    }
    found = template({"Fn": function(Events={"E": event}), **around})
    assert triggers(found) == [trigger], found.rows
    assert verdicts(found)["Fn.E"] == RUNS


def test_terms_of_its_own_make_a_rule_of_an_event() -> None:
    events = {
        "E": {"Type": "EventBridgeRule", "Properties": {"Pattern": {"source": ["a"]}, "RetryPolicy": {"MaximumRetryAttempts": 2}, "DeadLetterConfig": {"Type": "SQS"}}},
        "S": {"Type": "ScheduleV2", "Properties": {"ScheduleExpression": "rate(1 hour)", "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["Q", "Arn"]}}}},
        "T": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 hour)", "RetryPolicy": {"MaximumEventAgeInSeconds": 60}}},
    }  # fmt: skip
    found = template({"Fn": function(Events=events, AutoPublishAlias="live"), "Q": {"Type": "AWS::SQS::Queue"}})
    assert found.config["rules"]["FnE"] == {
        "pattern": {"source": ["a"]},
        "targets": [{"function": "Fn:live", "retry": {"attempts": 2}, "dead_letter": {"queue": "FnEQueue"}}],
    }
    assert found.config["rules"]["FnT"] == {"schedule": "rate(1 hour)", "targets": [{"function": "Fn:live", "retry": {"age": 60}}]}
    assert found.config["schedules"]["FnS"]["target"] == {"function": "Fn:live", "dead_letter": {"queue": "Q"}}
    assert set(found.config["queues"]) == {"Q", "FnEQueue"}


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        ({"Type": "AWS::Serverless::StateMachine"}, "state machines are not run here"),
        ({"Type": "AWS::Frob::Thing"}, "AWS::Frob::Thing is not supported"),
        ({"Type": "Custom::Thing"}, "custom resources are not run here"),
        ({"Type": "AWS::EC2::Instance"}, "functions run on this machine, with its network"),
        (function(CodeUri="s3://b/k"), "not on this machine"),
        (function(CodeUri={"Bucket": "b", "Key": "k"}), "is in S3"),
        (function(PackageType="Image"), "container images"),
        (function(Runtime="java21"), "runtime java21 is not supported"),
        (function(Runtime="python3.5"), "runtime python3.5 is not supported"),
        (function(Runtime="nodejs10.x"), "runtime nodejs10.x is not supported"),
        (function(Layers=["arn:aws:lambda:us-east-1:1:layer:x:1"]), "layer arn:aws:lambda:us-east-1:1:layer:x:1 is not in this template"),
        (function(FileSystemConfigs=[{"Arn": "x"}]), "property FileSystemConfigs is not supported"),
        (function(Policies=[{"FrobPolicy": {"A": "b"}}]), "FrobPolicy is no policy template that is known here"),
        (function(Policies=[{"S3ReadPolicy": {}}]), "policy S3ReadPolicy needs BucketName"),
        (function(Policies=[{"S3ReadPolicy": {"BucketName": "b", "X": "y"}}]), "has no parameter X"),
        (function(Timeout="soon"), "Timeout: soon is no whole number"),
        (function(FunctionName="a b"), "is no name of a function"),
        (function(Environment=[1]), "Environment must be a mapping"),
        ({"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "No"}}, "is no name of a bucket"),
        ({"Type": "AWS::S3::Bucket", "Properties": {"ObjectLockEnabled": True}}, "object lock"),
        ({"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "a.fifo"}}, "ends with .fifo"),
        ({"Type": "AWS::SQS::Queue", "Properties": {"RedrivePolicy": "{"}}, "is no JSON"),
        ({"Type": "AWS::Lambda::Permission", "Properties": {"FunctionName": "Nobody", "Principal": "x"}}, "is not here"),
        ({"Type": "AWS::Events::Rule", "Properties": {"EventPattern": {}, "Targets": [{"Id": "a", "Arn": "arn:aws:kinesis:us-east-1:1:stream/x"}]}}, "is not here"),
        ({"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Fn::ImportValue": "x"}}}, "no stack that is read here"),
    ],
)  # fmt: skip
def test_a_resource_is_refused_in_words(resource: dict[str, Any], said: str) -> None:
    found = template({"Bad": resource, "Fn": FN})
    assert verdicts(found)["Bad"] == REFUSED
    assert said in notes(found, "Bad")
    assert set(found.config["functions"]) == {"Fn"}


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"Type": "Kinesis", "Properties": {"Stream": "x"}}, "Kinesis streams are not here"),
        ({"Type": "Frob"}, "no event source that is known here"),
        ("x", "no event source that is known here"),
        ({"Type": "S3", "Properties": {"Bucket": "other", "Events": "s3:ObjectCreated:*"}}, "bucket other is not here"),
        ({"Type": "Api", "Properties": {"Path": "/a", "Method": "get", "RestApiId": "x"}}, "API x is not here"),
        ({"Type": "Api", "Properties": {"Path": "/a", "Method": "get", "Auth": {"Authorizer": "AWS_IAM"}}}, "IAM on routes"),
        ({"Type": "Schedule", "Properties": {"Schedule": "rate(1 day)", "Frob": 1}}, "property Frob is not supported"),
        *(
            (
                {"Type": "ScheduleV2", "Properties": {"ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": window}},
                "belongs to the mode FLEXIBLE, which needs it",
            )
            for window in ({"Mode": "OFF", "MaximumWindowInMinutes": 5}, {"MaximumWindowInMinutes": 5}, {"Mode": "FLEXIBLE"})
        ),
    ],
)
def test_an_event_is_refused_without_its_function(event: Any, said: str) -> None:
    found = template({"Fn": function(Events={"E": event})})
    assert verdicts(found) == {"Fn": RUNS, "Fn.E": REFUSED}
    assert said in notes(found, "Fn.E")


def test_a_managed_policy_that_is_not_known_allows_nothing() -> None:
    found = template({"Fn": function(Policies=["AmazonFrobFullAccess"])})
    assert verdicts(found) == {"Fn": DIFFERS}
    assert "AmazonFrobFullAccess is not known here and allows nothing" in notes(found, "Fn")
    assert [list(one) for one in found.config["roles"]["FnRole"]["policy"]] == [["Effect", "Action", "Resource"]]


def test_a_role_that_sam_makes_may_read_and_send_what_its_function_is_wired_to() -> None:
    queue = {"Fn::GetAtt": ["Q", "Arn"]}
    wired = function(
        Events={"E": {"Type": "SQS", "Properties": {"Queue": queue}}},
        DeadLetterQueue={"Type": "SQS", "TargetArn": queue},
        EventInvokeConfig={"DestinationConfig": {"OnSuccess": {"Type": "Lambda", "Destination": {"Fn::GetAtt": ["Fn", "Arn"]}}}},
    )
    own = {
        "Type": "AWS::IAM::Role",
        "Properties": {"Policies": [{"PolicyDocument": {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}}]},
    }
    named = function(Role={"Fn::GetAtt": ["R", "Arn"]}, DeadLetterQueue={"Type": "SQS", "TargetArn": queue})
    found = template({"Fn": wired, "Named": named, "R": own, "Q": {"Type": "AWS::SQS::Queue"}})
    actions = [statement["Action"] for statement in found.config["roles"]["FnRole"]["policy"]]
    assert "sqs:SendMessage" in actions
    assert "lambda:InvokeFunction" in actions
    assert any("sqs:ReceiveMessage" in action for action in actions)
    assert len(found.config["roles"]["R"]["policy"]) == 1


def test_a_role_that_allows_nothing_is_a_role() -> None:
    found = template({"R": {"Type": "AWS::IAM::Role", "Properties": {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/AmazonFrob"]}}})
    assert found.config["roles"]["R"]["policy"] == [{"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}]


def test_parameters_beside_a_policy_template_are_its_own() -> None:
    found = template(
        {"Fn": function(Policies=[{"DynamoDBReadPolicy": None, "TableName": {"Ref": "T"}}]), "T": {"Type": "AWS::Serverless::SimpleTable"}}
    )
    assert found.config["roles"]["FnRole"]["policy"][1]["Resource"][0].endswith(":table/T-table")


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"S3ReadPolicy": {"BucketName": "x"}, "SQSPollerPolicy": {"QueueName": "y"}}, "SQSPollerPolicy stands beside S3ReadPolicy"),
        ({"S3ReadPolicy": 1}, "S3ReadPolicy wants a mapping of parameters, not 1"),
        ({"S3ReadPolicy": ["BucketName"]}, "S3ReadPolicy wants a mapping of parameters"),
    ],
)
def test_an_element_of_policies_that_is_no_single_one_is_refused(policy: dict[str, Any], said: str) -> None:
    found = template({"Fn": function(Policies=[policy])})
    assert verdicts(found)["Fn"] == REFUSED
    assert said in notes(found, "Fn")


def test_usage_plans_and_keys_that_are_resources() -> None:
    found = template(
        {
            "A": {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "p", "Auth": {"ApiKeyRequired": True}}},
            "P": {"Type": "AWS::ApiGateway::UsagePlan", "Properties": {"ApiStages": [{"ApiId": {"Ref": "A"}, "Stage": {"Ref": "A.Stage"}}], "Quota": {"Limit": 5, "Period": "DAY"}}},
            "K": {"Type": "AWS::ApiGateway::ApiKey", "Properties": {"Value": "0123456789012345678901"}},
            "PK": {"Type": "AWS::ApiGateway::UsagePlanKey", "Properties": {"KeyId": {"Ref": "K"}, "KeyType": "API_KEY", "UsagePlanId": {"Ref": "P"}}},
            "Fn": function(Events={"E": {"Type": "Api", "Properties": {"RestApiId": {"Ref": "A"}, "Path": "/", "Method": "get"}}}),
        }
    )  # fmt: skip
    assert set(verdicts(found).values()) == {RUNS}, found.rows
    assert found.config["usage_plans"] == {"P": {"quota": {"limit": 5, "period": "day"}, "keys": {"K": "0123456789012345678901"}}}
    assert triggers(found)[0]["http"]["api_keys"] == "P"
    assert found.private


def plan(**over: Any) -> dict[str, Any]:
    return {"Type": "AWS::ApiGateway::UsagePlan", "Properties": {"ApiStages": [{"ApiId": {"Ref": "A"}, "Stage": "p"}], **over}}


def key_of(plan: str, key: str) -> dict[str, Any]:
    return {
        "Type": "AWS::ApiGateway::UsagePlanKey",
        "Properties": {"KeyId": {"Ref": key}, "KeyType": "API_KEY", "UsagePlanId": {"Ref": plan}},
    }


PLANNED = {
    "A": {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "p", "Auth": {"ApiKeyRequired": True}}},
    "Basic": plan(Quota={"Limit": 5, "Period": "DAY"}),
    "Premium": plan(),
    "K": {"Type": "AWS::ApiGateway::ApiKey", "Properties": {"Value": "0123456789012345678901"}},
    "L": {"Type": "AWS::ApiGateway::ApiKey", "Properties": {"Value": "abcdefghijabcdefghijab"}},
    "BasicK": key_of("Basic", "K"),
    "Fn": function(Events={"E": {"Type": "Api", "Properties": {"RestApiId": {"Ref": "A"}, "Path": "/", "Method": "get"}}}),
}


def test_an_api_of_two_usage_plans_takes_the_keys_of_both() -> None:
    found = template({**PLANNED, "PremiumL": key_of("Premium", "L")})
    assert set(verdicts(found).values()) == {RUNS}, found.rows
    keys = {name: value["keys"] for name, value in found.config["usage_plans"].items()}
    assert keys == {"Basic": {"K": "0123456789012345678901"}, "Premium": {"L": "abcdefghijabcdefghijab"}}
    assert triggers(found)[0]["http"]["api_keys"] == ["Basic", "Premium"]


def test_a_key_has_one_plan_of_an_api() -> None:
    found = template({**PLANNED, "PremiumK": key_of("Premium", "K")})
    assert verdicts(found)["PremiumK"] == REFUSED
    assert notes(found, "PremiumK") == "key K is of usage plan Basic of A already: a key has one plan of a stage"
    assert found.config["usage_plans"]["Basic"]["keys"] == {"K": "0123456789012345678901"}


def test_what_names_a_refused_api_says_that_it_is_refused() -> None:
    refused = {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "p", "Frob": 1}}
    found = template({**PLANNED, "A": refused})
    assert verdicts(found)["A"] == verdicts(found)["Basic"] == REFUSED
    assert notes(found, "Basic") == "A is refused"
    assert notes(found, "Fn.E") == "A is refused"


def test_a_destination_that_names_none_is_a_queue_that_is_made() -> None:
    found = template(
        {"Fn": function(EventInvokeConfig={"DestinationConfig": {"OnFailure": {"Type": "SQS"}, "OnSuccess": {"Type": "Lambda"}}})}
    )
    assert "name a Destination" in notes(found, "Fn.EventInvokeConfig")
    variables = {
        "U": {"Ref": "Fn.DestinationQueue"},
        "A": {"Fn::GetAtt": ["Fn.DestinationQueue", "Arn"]},
        "B": {"Fn::GetAtt": "Fn.DestinationQueue.Arn"},
        "C": {"Fn::Sub": "${Fn.DestinationQueue.Arn} ${Fn.DestinationQueue}"},
    }
    ends = {"OnFailure": {"Type": "SQS"}, "OnSuccess": {"Type": "SQS"}}
    found = template({"Fn": function(EventInvokeConfig={"DestinationConfig": ends}, Environment={"Variables": variables})})
    value = found.config["functions"]["Fn"]
    failure, success = "FnEventInvokeConfigOnFailureQueue", "FnEventInvokeConfigOnSuccessQueue"
    assert (value["on_failure"], value["on_success"]) == ({"queue": failure}, {"queue": success})
    assert found.config["queues"] == {failure: {}, success: {}}
    arn, url = f"arn:aws:sqs:us-east-1:123456789012:{failure}", f"http://127.0.0.1:4566/123456789012/{failure}"
    assert value["environment"] == {"U": url, "A": arn, "B": arn, "C": f"{arn} {url}"}
    sends = [one["Resource"] for one in found.config["roles"]["FnRole"]["policy"] if one["Action"] == "sqs:SendMessage"]
    assert sorted(sends) == sorted([arn, arn.replace(failure, success)])
    topic = {"Ref": "Fn.DestinationTopic"}
    found = template(
        {"Fn": function(EventInvokeConfig={"DestinationConfig": {"OnSuccess": {"Type": "SNS"}}}, Environment={"Variables": {"T": topic}})}
    )
    value, name = found.config["functions"]["Fn"], "FnEventInvokeConfigOnSuccessTopic"
    assert (value["on_success"], found.config["topics"]) == ({"topic": name}, {name: {}})
    assert value["environment"] == {"T": f"arn:aws:sns:us-east-1:123456789012:{name}"}


@pytest.mark.parametrize(
    "config",
    [
        None,
        {"DestinationConfig": {"OnFailure": {"Type": "SNS"}}},
        {"DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": "x"}}},
    ],
)
def test_a_queue_that_sam_does_not_make_is_not_there(config: Any) -> None:
    made = {"EventInvokeConfig": config} if config else {}
    found = template({"Fn": function(Environment={"Variables": {"Q": {"Ref": "Fn.DestinationQueue"}}}, **made)})
    assert "SAM makes none" in notes(found, "Fn")


def test_tags_go_where_there_are_some() -> None:
    tagged = {"Tags": [{"Key": "team", "Value": "ops"}]}
    found = template(
        {
            "Q": {"Type": "AWS::SQS::Queue", "Properties": tagged},
            "T": {"Type": "AWS::SNS::Topic", "Properties": tagged},
            "D": {"Type": "AWS::Serverless::SimpleTable", "Properties": {"Tags": {"team": "ops"}}},
        }
    )
    assert found.config["queues"]["Q"] == {"tags": {"team": "ops"}}
    assert found.config["topics"]["T"] == {"tags": {"team": "ops"}}
    assert found.config["tables"]["D-table"] == {"hash": "id", "tags": {"team": "ops"}}


def test_tables_have_keys_indexes_and_streams() -> None:
    attributes = [{"AttributeName": name, "AttributeType": kind} for name, kind in (("a", "S"), ("b", "N"), ("c", "B"))]
    index = {
        "IndexName": "by-c",
        "KeySchema": [{"AttributeName": "c", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["d"]},
    }
    local = {
        "IndexName": "by-b",
        "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}, {"AttributeName": "b", "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    properties = {
        "AttributeDefinitions": attributes,
        "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}, {"AttributeName": "b", "KeyType": "RANGE"}],
        "GlobalSecondaryIndexes": [index],
        "LocalSecondaryIndexes": [local],
        "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
        "TimeToLiveSpecification": {"AttributeName": "until", "Enabled": True},
        "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": "2"},
    }
    stream = {
        "Type": "DynamoDB",
        "Properties": {
            "Stream": {"Fn::GetAtt": ["Orders", "StreamArn"]},
            "StartingPosition": "LATEST",
            "DestinationConfig": {"OnFailure": {"Destination": {"Fn::GetAtt": ["Q", "Arn"]}}},
        },
    }
    found = template(
        {
            "Orders": {"Type": "AWS::DynamoDB::Table", "Properties": properties},
            "Fn": function(Events={"S": stream}),
            "Q": {"Type": "AWS::SQS::Queue"},
        }
    )
    assert found.config["tables"]["Orders"] == {
        "hash": "a",
        "range": {"name": "b", "type": "N"},
        "indexes": {"by-c": {"hash": {"name": "c", "type": "B"}, "projection": {"include": ["d"]}}, "by-b": {"range": {"name": "b", "type": "N"}, "projection": "KEYS_ONLY"}},
        "capacity": {"read": 1, "write": 2},
        "stream": "NEW_IMAGE",
        "ttl": "until",
    }  # fmt: skip
    assert triggers(found) == [{"table": {"name": "Orders", "starting_position": "LATEST", "on_failure": {"queue": "Q"}}}]


@pytest.mark.parametrize(("topic", "queue"), [("t", "FnEQueue"), ("t.fifo", "FnEQueue.fifo")])
def test_a_queue_between_a_topic_and_a_function_is_of_the_topic_s_kind(topic: str, queue: str) -> None:
    events = {"E": {"Type": "SNS", "Properties": {"Topic": {"Ref": "T"}, "SqsSubscription": True}}}
    properties = {"TopicName": topic, "FifoTopic": topic.endswith(".fifo")}
    found = template({"Fn": function(Events=events), "T": {"Type": "AWS::SNS::Topic", "Properties": properties}})
    assert found.config["queues"] == {queue: {}}
    assert found.config["topics"][topic]["subscriptions"] == {"Fn-E": {"queue": queue}}
    assert triggers(found) == [{"queue": queue}]


@pytest.mark.parametrize(
    ("kind", "properties", "said"),
    [
        ("Api", {"Path": "/a"}, "Method is required"),
        ("Api", {"Method": "get"}, "Path is required"),
        ("Api", {}, "Path is required"),
        ("HttpApi", {"Path": "/a"}, "Method is required"),
        ("HttpApi", {"Method": "get"}, "Path is required"),
    ],
)
def test_an_event_of_an_api_has_path_and_method(kind: str, properties: dict[str, str], said: str) -> None:
    """AWS's own translator refuses these too; what is served otherwise would be more than was meant."""
    found = template({"Fn": function(Events={"E": {"Type": kind, "Properties": properties}})})
    assert (triggers(found), notes(found, "Fn.E")) == ([], said)


def test_topics_have_subscriptions_of_queues_and_functions() -> None:
    found = template(
        {
            "T": {"Type": "AWS::SNS::Topic", "Properties": {"Subscription": [{"Protocol": "sqs", "Endpoint": {"Fn::GetAtt": ["Q", "Arn"]}}, {"Protocol": "email", "Endpoint": "a@b"}]}},
            "Q": {"Type": "AWS::SQS::Queue"},
            "S": {
                "Type": "AWS::SNS::Subscription",
                "Properties": {"TopicArn": {"Ref": "T"}, "Protocol": "lambda", "Endpoint": {"Fn::GetAtt": ["Fn", "Arn"]}, "FilterPolicy": {"a": ["b"]}, "FilterPolicyScope": "MessageBody"},
            },
            "Fn": function(Events={"Own": {"Type": "SNS", "Properties": {"Topic": {"Ref": "T"}, "SqsSubscription": True}}}),
        }
    )  # fmt: skip
    assert found.config["topics"]["T"]["subscriptions"] == {"T-0": {"queue": "Q"}, "Fn-Own": {"queue": "FnOwnQueue"}}
    assert triggers(found) == [{"sns": {"topic": "T", "filter": {"a": ["b"]}, "filter_scope": "body"}}, {"queue": "FnOwnQueue"}]
    assert verdicts(found)["T.Subscription[1]"] == REFUSED


def test_a_bucket_tells_functions_queues_and_topics() -> None:
    told = {
        "LambdaConfigurations": [{"Event": "s3:ObjectCreated:*", "Function": {"Fn::GetAtt": ["Fn", "Arn"]}}],
        "QueueConfigurations": [{"Event": "s3:ObjectRemoved:*", "Queue": {"Fn::GetAtt": ["Q", "Arn"]}, "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": "a*/"}, {"Name": "suffix", "Value": ".b"}]}}}],
        "TopicConfigurations": [{"Event": "s3:ObjectCreated:Put", "Topic": {"Ref": "T"}}],
    }  # fmt: skip
    found = template(
        {
            "In": {"Type": "AWS::S3::Bucket", "Properties": {"NotificationConfiguration": told}},
            "Fn": FN,
            "Q": {"Type": "AWS::SQS::Queue"},
            "T": {"Type": "AWS::SNS::Topic"},
        }
    )
    assert triggers(found) == [{"s3": {"bucket": "in-bucket", "events": "s3:ObjectCreated:*"}}]
    assert found.config["buckets"] == {"in-bucket": "./data/in-bucket"}
    assert found.config["notifications"] == {
        "In-QueueConfigurations-0": {"bucket": "in-bucket", "events": "s3:ObjectRemoved:*", "prefix": "a*/", "suffix": ".b", "queue": "Q"},
        "In-TopicConfigurations-0": {"bucket": "in-bucket", "events": "s3:ObjectCreated:Put", "topic": "T"},
    }
    assert set(verdicts(found).values()) == {RUNS}


def test_notifications_of_buckets_with_long_logical_ids_stay_apart() -> None:
    resources: dict[str, Any] = {"Q": {"Type": "AWS::SQS::Queue"}}
    for end in "AB":
        told = {"QueueConfigurations": [{"Event": "s3:ObjectCreated:*", "Queue": {"Fn::GetAtt": ["Q", "Arn"]}}]}
        own = {"BucketName": f"bucket-{end.lower()}", "NotificationConfiguration": told}
        resources[end + "Reports" * 20] = {"Type": "AWS::S3::Bucket", "Properties": own}
    found = template(resources)
    assert [told["bucket"] for told in found.config["notifications"].values()] == ["bucket-a", "bucket-b"]
    assert all(len(name) == 128 for name in found.config["notifications"])
    assert template(resources).config == found.config


def test_a_function_with_a_long_logical_id_has_the_role_that_is_referred_to() -> None:
    name = "Reports" * 10
    found = template({name: FN, "Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": f"{name}Role"}}}})
    ((function, value),) = found.config["functions"].items()
    assert value["role"] in found.config["roles"]
    assert value["role"] in found.config["queues"]
    assert len(function) == 64


def test_events_of_buckets_are_those_that_the_config_takes() -> None:
    known = [f"{family}:{member}" for family, members in s3.FAMILIES.items() for member in (*members, "*")]
    for event in (*known, *s3.SINGLE, "ObjectCreated", ""):
        try:
            taken = bool(s3.event_names(event))
        except ValueError:
            taken = False
        assert bool(CAUSED.fullmatch(event)) == bool(CAUSED.fullmatch(f"s3:{event}")) == taken, event


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (
            {"QueueConfigurations": [{"Event": "s3:ReducedRedundancyLostObject", "Queue": {"Fn::GetAtt": ["Q", "Arn"]}}]},
            "nothing here causes",
        ),
        ({"QueueConfigurations": [{"Event": "s3:ObjectCreated:*", "Queue": {"Ref": "T"}}]}, "is no queue"),
        ({"TopicConfigurations": [{"Event": "s3:ObjectCreated:*", "Topic": {"Fn::GetAtt": ["Q", "Arn"]}}]}, "is no topic"),
        ({"QueueConfigurations": [{"Event": "s3:ObjectCreated:*", "Queue": {"Fn::GetAtt": ["F", "Arn"]}}]}, "is a FIFO one"),
    ],
)
def test_what_a_bucket_cannot_tell_is_refused(told: dict[str, Any], why: str) -> None:
    found = template(
        {
            "In": {"Type": "AWS::S3::Bucket", "Properties": {"NotificationConfiguration": told}},
            "Q": {"Type": "AWS::SQS::Queue"},
            "F": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "line.fifo", "FifoQueue": True}},
            "T": {"Type": "AWS::SNS::Topic"},
        }
    )
    ((logical, verdict),) = [(name, one) for name, one in verdicts(found).items() if one != RUNS]
    assert verdict == REFUSED
    assert why in notes(found, logical)
    assert not found.config.get("notifications")


def test_what_differs_is_said_and_stands_above_it_in_the_config() -> None:
    found = template(
        {"Fn": function(Tracing="Active", VpcConfig={"SubnetIds": ["s"]}, Tags={"a": "b"}, Description="d", AutoPublishAlias="live")}
    )
    assert verdicts(found) == {"Fn": DIFFERS}
    assert found.config["functions"]["Fn"]["aliases"] == {"live": "$LATEST"}
    assert len(found.comments["functions", "Fn"]) == 3


def test_a_reference_to_what_is_refused_is_said() -> None:
    found = template({"M": {"Type": "AWS::Serverless::StateMachine"}, "Fn": function(Environment={"Variables": {"M": {"Ref": "M"}}})})
    assert verdicts(found) == {"M": REFUSED, "Fn": DIFFERS}
    assert notes(found, "Fn") == "refers to M, which is refused"


def test_what_a_condition_leaves_out_is_not_there() -> None:
    found = template({"Fn": FN, "Q": {"Type": "AWS::SQS::Queue", "Condition": "No"}}, Conditions={"No": {"Fn::Equals": ["a", "b"]}})
    assert verdicts(found) == {"Fn": RUNS, "Q": ABSENT}
    assert "queues" not in found.config


def test_globals_are_merged() -> None:
    common = {
        "Function": {"Runtime": "python3.12", "Timeout": 9, "Environment": {"Variables": {"A": "1", "B": "2"}}},
        "Api": {"Auth": {"ApiKeyRequired": True}},
    }
    own = {
        "Type": FN["Type"],
        "Properties": {
            "Handler": "a.b",
            "Timeout": 5,
            "Environment": {"Variables": {"B": "3"}},
            "Events": {"E": {"Type": "Api", "Properties": {"Path": "/", "Method": "get"}}},
        },
    }
    found = template({"Fn": own}, Globals=common)
    value = found.config["functions"]["Fn"]
    assert (value["runtime"], value["timeout"], value["environment"]) == ("python3.12", 5, {"A": "1", "B": "3"})
    assert triggers(found)[0]["http"]["api_keys"] == "serverlessrestapi"
    assert found.config["usage_plans"]["serverlessrestapi"]["keys"] == {"serverlessrestapi": "change-this-key-of-serverlessrestapi"}


def test_two_apis_cannot_have_one_route() -> None:
    event = {"Type": "HttpApi", "Properties": {"Path": "/a", "Method": "get"}}
    other = {"Type": "Api", "Properties": {"Path": "/a", "Method": "get"}}
    found = template({"Fn": function(Events={"A": event, "B": other})})
    assert verdicts(found) == {"Fn": RUNS, "Fn.A": RUNS, "Fn.B": REFUSED}


def test_rules_and_schedules_have_targets_of_any_kind() -> None:
    found = template(
        {
            "Q": {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": True}},
            "B": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "orders"}},
            "Fn": FN,
            "Lines": {"Type": "AWS::Logs::LogGroup"},
            "R": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "EventPattern": {"source": ["a"]},
                    "State": "DISABLED",
                    "Targets": [
                        {"Id": "q", "Arn": {"Fn::GetAtt": ["Q", "Arn"]}, "SqsParameters": {"MessageGroupId": "g"}},
                        {"Id": "b", "Arn": {"Fn::GetAtt": ["B", "Arn"]}},
                        {"Id": "l", "Arn": "arn:aws:logs:us-east-1:123456789012:log-group:/aws/events/all:*"},
                        {"Id": "m", "Arn": {"Fn::Sub": "arn:aws:logs:${AWS::Region}:${AWS::AccountId}:log-group:${Lines}"}},
                        {"Id": "f", "Arn": {"Fn::GetAtt": ["Fn", "Arn"]}, "Input": '{"a":1}'},
                    ],
                },
            },
            "G": {"Type": "AWS::Scheduler::ScheduleGroup", "Properties": {"Name": "nightly"}},
            "S": {
                "Type": "AWS::Scheduler::Schedule",
                "Properties": {
                    "GroupName": {"Ref": "G"},
                    "ScheduleExpression": "rate(1 day)",
                    "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5},
                    "Target": {"Arn": {"Fn::GetAtt": ["Fn", "Arn"]}, "RoleArn": "arn:aws:iam::123456789012:role/x", "Input": "{}"},
                },
            },
        }
    )
    assert set(verdicts(found).values()) == {RUNS}, found.rows
    assert found.config["rules"]["R"] == {
        "pattern": {"source": ["a"]},
        "targets": [
            {"id": "q", "queue": "Q.fifo", "group": "g"},
            {"id": "b", "bus": "orders"},
            {"id": "l", "log_group": "/aws/events/all"},
            {"id": "m", "log_group": "Lines"},
            {"id": "f", "function": "Fn", "input": {"a": 1}},
        ],
        "enabled": False,
    }
    assert found.config["schedules"]["nightly/S"] == {
        "expression": "rate(1 day)",
        "timezone": "UTC",
        "flexible_window": "5m",
        "input": {},
        "target": {"function": "Fn"},
    }


@pytest.mark.parametrize("written", ["plain text", '{"a": 1,  "b": 2}', "5", "<aws.scheduler.scheduled-time>"])
def test_what_a_schedule_sends_to_a_queue_or_topic_is_the_text_as_it_is(written: str) -> None:
    arns = {"Q": {"Fn::GetAtt": ["Q", "Arn"]}, "T": {"Ref": "T"}}

    def schedule(to: str) -> Any:
        target = {"Arn": arns[to], "RoleArn": "arn:aws:iam::123456789012:role/x", "Input": written, "SqsParameters": {}}
        given = {"ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": target}
        return {"Type": "AWS::Scheduler::Schedule", "Properties": given}

    found = template({"Q": {"Type": "AWS::SQS::Queue"}, "T": {"Type": "AWS::SNS::Topic"}, "ToQ": schedule("Q"), "ToT": schedule("T")})
    assert set(verdicts(found).values()) == {RUNS}, found.rows
    assert [found.config["schedules"][name]["input"] for name in ("ToQ", "ToT")] == [written, written]


@pytest.mark.parametrize(("expression", "kept"), [("rate(1 day)", {"start", "end"}), ("at(2030-01-01T00:00:00)", set())])
def test_dates_of_a_one_time_schedule_are_ignored_as_on_aws(expression: str, kept: set[str]) -> None:
    dates = {"StartDate": "2030-01-01T00:00:00Z", "EndDate": "2031-01-01T00:00:00Z"}
    found = template({"Fn": function(Events={"E": {"Type": "ScheduleV2", "Properties": {"ScheduleExpression": expression, **dates}}})})
    assert verdicts(found)["Fn.E"] == RUNS, found.rows
    assert triggers(found)[0]["schedule"].keys() & {"start", "end"} == kept


def test_an_archive_is_known_by_its_name() -> None:
    """StartReplay names it by the ARN that the template gives out."""
    bus = {"Bus": {"Type": "AWS::Events::EventBus"}, "Other": {"Type": "AWS::Events::EventBus"}}

    def archive(of: str, **more: Any) -> Any:
        return {"Type": "AWS::Events::Archive", "Properties": {"SourceArn": {"Fn::GetAtt": [of, "Arn"]}, **more}}

    kept = archive("Bus", ArchiveName="year", Description="of a year", RetentionDays=365)
    arn = {"A": {"Fn::GetAtt": ["Kept", "Arn"]}}
    found = template(bus | {"Kept": kept, "Plain": archive("Other"), "Fn": function(Environment={"Variables": arn})})
    assert found.config["buses"]["Bus"]["archive"] == {"retention": "365d", "name": "year", "description": "of a year"}
    assert found.config["buses"]["Other"]["archive"] == {"retention": "forever", "name": "Plain"}
    assert found.config["functions"]["Fn"]["environment"]["A"].endswith(":archive/year")


def test_authorizers() -> None:
    auth = {
        "DefaultAuthorizer": "L",
        "Authorizers": {
            "L": {
                "FunctionArn": {"Fn::GetAtt": ["Fn", "Arn"]},
                "FunctionPayloadType": "REQUEST",
                "Identity": {"Headers": ["X-Key"], "ReauthorizeEvery": 5},
            }
        },
    }
    jwt = {
        "Authorizers": {
            "J": {
                "JwtConfiguration": {"issuer": "https://id.example", "audience": ["a"]},
                "IdentitySource": "$request.header.Authorization",
            }
        }
    }
    events = {
        "A": {"Type": "Api", "Properties": {"RestApiId": {"Ref": "Rest"}, "Path": "/a", "Method": "get"}},
        "B": {"Type": "HttpApi", "Properties": {"ApiId": {"Ref": "Http"}, "Path": "/b", "Method": "get", "Auth": {"Authorizer": "J", "AuthorizationScopes": ["s"]}}},
    }  # fmt: skip
    found = template(
        {
            "Rest": {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "v1", "Auth": auth}},
            "Http": {"Type": "AWS::Serverless::HttpApi", "Properties": {"Auth": jwt}},
            "Fn": function(Events=events),
        }
    )
    assert triggers(found) == [
        {"http": {"route": "GET /a", "api": "rest", "stage": "v1", "authorizer": {"function": "Fn", "type": "request", "ttl": 5, "identity_source": ["method.request.header.X-Key"]}}},
        {"http": {"route": "GET /b", "authorizer": {"jwt": {"issuer": "https://id.example", "audience": ["a"], "identity_source": "$request.header.Authorization", "scopes": ["s"]}}}},
    ]  # fmt: skip


def test_an_openapi_definition_has_the_routes() -> None:
    uri = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Fn.Arn}/invocations"}
    paths = {
        "/a": {
            "get": {"x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": uri}},
            "post": {"x-amazon-apigateway-integration": {"type": "mock"}},
        }
    }
    found = template(
        {"A": {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "p", "DefinitionBody": {"paths": paths}}}, "Fn": FN}
    )
    assert triggers(found) == [{"http": {"route": "GET /a", "api": "rest", "stage": "p"}}]
    assert verdicts(found)["A.POST /a"] == REFUSED


def test_an_http_api_that_is_written_out() -> None:
    api = {"ApiId": {"Ref": "A"}}
    uri = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Fn.Arn}/invocations"}
    found = template(
        {
            "R": {"Type": "AWS::ApiGatewayV2::Route", "Properties": {**api, "RouteKey": "GET /a", "Target": {"Fn::Sub": "integrations/${I}"}, "AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": "Z"}}},
            "I": {"Type": "AWS::ApiGatewayV2::Integration", "Properties": {**api, "IntegrationType": "AWS_PROXY", "IntegrationUri": {"Fn::GetAtt": ["Fn", "Arn"]}, "PayloadFormatVersion": "2.0"}},
            "Z": {"Type": "AWS::ApiGatewayV2::Authorizer", "Properties": {**api, "Name": "z", "AuthorizerType": "REQUEST", "AuthorizerUri": uri, "AuthorizerPayloadFormatVersion": "2.0", "IdentitySource": ["$request.header.X"]}},
            "S": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": {**api, "StageName": "$default", "AutoDeploy": True}},
            "A": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "a", "ProtocolType": "HTTP"}},
            "Fn": FN,
        }
    )  # fmt: skip
    assert set(verdicts(found).values()) == {RUNS}, found.rows
    assert triggers(found) == [
        {
            "http": {
                "route": "GET /a",
                "authorizer": {"function": "Fn", "payload_format_version": "2.0", "identity_source": "$request.header.X"},
            }
        }
    ]


def test_a_rest_api_that_is_written_out() -> None:
    uri = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Fn.Arn}/invocations"}
    api = {"RestApiId": {"Ref": "A"}}
    proxy = {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": uri}
    found = template(
        {
            "M": {"Type": "AWS::ApiGateway::Method", "Properties": {**api, "ResourceId": {"Ref": "Id"}, "HttpMethod": "GET", "AuthorizationType": "NONE", "Integration": proxy}},
            "Root": {"Type": "AWS::ApiGateway::Method", "Properties": {**api, "ResourceId": {"Fn::GetAtt": ["A", "RootResourceId"]}, "HttpMethod": "ANY", "AuthorizationType": "NONE", "Integration": proxy}},
            "Mock": {"Type": "AWS::ApiGateway::Method", "Properties": {**api, "ResourceId": {"Ref": "Id"}, "HttpMethod": "OPTIONS", "AuthorizationType": "NONE", "Integration": {"Type": "MOCK"}}},
            "Id": {"Type": "AWS::ApiGateway::Resource", "Properties": {**api, "ParentId": {"Ref": "Items"}, "PathPart": "{id}"}},
            "Items": {"Type": "AWS::ApiGateway::Resource", "Properties": {**api, "ParentId": {"Fn::GetAtt": ["A", "RootResourceId"]}, "PathPart": "items"}},
            "D": {"Type": "AWS::ApiGateway::Deployment", "DependsOn": "M", "Properties": {**api, "StageName": "v1"}},
            "A": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "a"}},
            "Fn": FN,
        }
    )  # fmt: skip
    assert {name for name, verdict in verdicts(found).items() if verdict != RUNS} == {"Mock"}, found.rows
    assert triggers(found) == [
        {"http": {"route": "GET /items/{id}", "api": "rest", "stage": "v1"}},
        {"http": {"route": "ANY /", "api": "rest", "stage": "v1"}},
    ]


def test_inline_code_is_a_file_of_its_own() -> None:
    raw = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "nodejs20.x",
            "Handler": "index.handler",
            "Role": "arn:aws:iam::1:role/x",
            "Code": {"ZipFile": "exports.handler = 1"},
        },
    }
    found = template({"Fn": raw})
    assert found.files == {"inline/Fn/index.js": "exports.handler = 1"}
    assert found.config["functions"]["Fn"]["code"] == "./inline/Fn"
    assert "may call nothing" in notes(found, "Fn")


def test_connectors_add_to_roles() -> None:
    found = template(
        {
            "Fn": function(),
            "Q": {"Type": "AWS::SQS::Queue"},
            "C": {
                "Type": "AWS::Serverless::Connector",
                "Properties": {"Source": {"Id": "Fn"}, "Destination": {"Id": "Q"}, "Permissions": ["Write"]},
            },
        }
    )
    assert found.config["roles"]["FnRole"]["policy"][-1]["Action"] == ["sqs:SendMessage*"]
    assert verdicts(found)["C"] == RUNS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "a template has one at least"),
        ('{"Resources": []}', "a template has one at least"),
        ('{"Resources": {"a-b": {"Type": "x"}}}', "letters and digits"),
        ('{"Resources": {"A": {}}}', "Type is required"),
        ('{"Resources": {"A": {"Type": "x", "Frob": 1}}}', "no attribute of a resource"),
        ('{"Resources": {"A": {"Type": "x", "Properties": [1]}}}', "must be a mapping"),
        ('{"Resources": {"A": {"Type": "x", "Connectors": "C"}}}', "Resources.A.Connectors must be a mapping of mappings"),
        ('{"Resources": {"A": {"Type": "x", "Connectors": {"C": "D"}}}}', "Resources.A.Connectors must be a mapping of mappings"),
        ('{"Resources": {"A": {"Type": "x"}}, "Frob": 1}', "no section"),
        ('{"Resources": {"A": {"Type": "x"}}, "Transform": "AWS::Include"}', "macros are not run here"),
        ('{"Resources": {"A": {"Type": "x"}}, "Outputs": {"O": 1}}', "Value is required"),
    ],
)
def test_a_template_as_a_whole_is_refused(text: str, said: str) -> None:
    with pytest.raises(TemplateError) as refused:
        translate(text, Options())
    assert said in str(refused.value)


@pytest.mark.parametrize("name", ["LambdaInsightsExtension", "LambdaInsightsExtension-Arm64"])
def test_the_extension_that_measures_for_aws_alone_is_left_out(name: str) -> None:
    arn = f"arn:aws:lambda:eu-west-1:580247275435:layer:{name}:53"
    layer = {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "layer/"}}
    found = template({"Fn": function(Layers=[arn, {"Ref": "L"}]), "L": layer})
    assert (verdicts(found)["Fn"], found.config["functions"]["Fn"]["layers"]) == (DIFFERS, ["./layer"])
    assert "metrics are at the console's /metrics" in notes(found, "Fn")


@pytest.mark.parametrize(
    ("name", "said"), [("PythonV3-python312-x86_64", "pip install"), ("TypeScriptV2", "npm install"), ("Java", "--layer arn:aws:lambda")]
)
def test_what_to_do_instead_of_a_well_known_layer_is_said(name: str, said: str) -> None:
    found = template({"Fn": function(Layers=[f"arn:aws:lambda:eu-west-1:017000801446:layer:AWSLambdaPowertools{name}:7"])})
    assert verdicts(found)["Fn"] == REFUSED
    assert said in notes(found, "Fn")


def test_what_stands_twice_in_a_template_is_said() -> None:
    text = "Resources:\n  Q:\n    Type: AWS::SQS::Queue\n    Description: first\nOutputs:\n  O:\n    Description:\n    Description: x\n    Value: y"
    found = translate(text, Options())
    assert verdicts(found) == {"Q": RUNS, "Twice: Outputs.O.Description": RUNS}
    assert notes(found, "Twice: Outputs.O.Description") == "the last one counts, that of line 7 is left out"
    assert found.outputs == {"O": "y"}


@pytest.mark.parametrize(
    ("after", "known"),
    [("ServerlessRestApiProdStage", True), ("ApiProdStage", True), (["FnRole", "Fn"], True), ("QRole", False), ("pi", False)],
)
def test_a_resource_may_wait_for_what_sam_makes_of_others(after: Any, *, known: bool) -> None:
    resources = {
        "Fn": FN,
        "Api": {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "Prod"}},
        "Q": {"Type": "AWS::SQS::Queue", "DependsOn": after},
    }
    if known:
        assert verdicts(template(resources))["Q"] == RUNS
    else:
        with pytest.raises(TemplateError, match="DependsOn: the template has no resource"):
            template(resources)


def test_a_usage_plan_may_be_of_the_api_that_sam_makes() -> None:
    """It waits for its stage, which SAM makes too."""
    stages = [{"ApiId": {"Ref": "ServerlessRestApi"}, "Stage": {"Ref": "ServerlessRestApiProdStage"}}]
    event = {"Type": "Api", "Properties": {"Path": "/x", "Method": "get", "Auth": {"ApiKeyRequired": True}}}
    found = template(
        {
            "Fn": function(Events={"E": event}),
            "Plan": {"Type": "AWS::ApiGateway::UsagePlan", "DependsOn": "ServerlessRestApiProdStage", "Properties": {"ApiStages": stages}},
            "Key": {"Type": "AWS::ApiGateway::ApiKey", "Properties": {"Enabled": True}},
            "Both": {
                "Type": "AWS::ApiGateway::UsagePlanKey",
                "Properties": {"KeyId": {"Ref": "Key"}, "KeyType": "API_KEY", "UsagePlanId": {"Ref": "Plan"}},
            },
        }
    )
    assert verdicts(found) == {"Fn": RUNS, "Fn.E": RUNS, "Plan": RUNS, "Key": DIFFERS, "Both": RUNS}
    assert triggers(found) == [{"http": {"route": "GET /x", "api": "rest", "stage": "Prod", "api_keys": "Plan"}}]
    assert found.config["usage_plans"] == {"Plan": {"keys": {"Key": "change-this-key-of-Key"}}}
    assert "stands in config.yaml" in notes(found, "Key")


def test_who_may_assume_a_role_is_passed_on() -> None:
    document = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": ["lambda.amazonaws.com"], "AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": "a", "sts:RoleSessionName": "${!aws:username}"}},
        },
    }
    found = template(
        {
            "R": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": document, "Policies": []}},
            "Fn": function(AssumeRolePolicyDocument=document),
            "Plain": function(),
        }
    )
    for name in ("R", "FnRole"):
        (statement,) = found.config["roles"][name]["trust"]
        assert statement["Principal"] == {"Service": ["lambda.amazonaws.com"], "AWS": "arn:aws:iam::123456789012:root"}
        assert statement["Condition"] == document["Statement"]["Condition"]  # type: ignore[index]
    assert "trust" not in found.config["roles"]["PlainRole"]
    assert verdicts(template({"R": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": "x"}}}))["R"] == REFUSED


KEYS = st.sampled_from(["CodeUri", "Handler", "Runtime", "Events", "Type", "Properties", "Queue", "Bucket", "Path", "Method", "Policies", "Layers", "Environment", "Variables", "Ref", "Fn::Sub", "Fn::GetAtt", "Targets", "Arn", "Schedule", "Pattern", "Auth", "BucketName", "QueueName", "RedrivePolicy", "PolicyDocument", "Statement", "FunctionName", "Timeout", "EventSourceArn", "Role", "DefinitionBody", "paths", "Destination", "Id"])  # fmt: skip
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["A", "B", "${A.Arn}", "python3.11", "a.b", "src/", "S3", "SQS", "Api"])
)
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=25)


@settings(max_examples=300)
@given(
    st.dictionaries(
        st.sampled_from(["A", "B"]), st.tuples(st.sampled_from(sorted(HANDLERS)), st.dictionaries(KEYS, TREES, max_size=6)), min_size=1
    )
)
def test_any_template_is_translated_or_refused(resources: dict[str, tuple[str, dict[str, Any]]]) -> None:
    text = json.dumps(
        {"Resources": {logical: {"Type": type_, "Properties": properties} for logical, (type_, properties) in resources.items()}}
    )
    with suppress(TemplateError):
        found = translate(text, Options())
        assert set(resources) <= {row.resource for row in found.rows}
        assert all(row.notes for row in found.refused)


def test_globals_are_not_multiplied_without_bounds() -> None:
    own = {"Type": "AWS::Serverless::Function", "Properties": {"Handler": "a.b", "Runtime": "python3.11", "CodeUri": "."}}
    common = {"Function": {"Environment": {"Variables": {f"V{number}": "x" for number in range(1000)}}}}
    other = {f"Q{number}": {"Type": "AWS::SQS::Queue"} for number in range(1000)}
    text = json.dumps({"Globals": common, "Resources": {**other, **{f"F{number}": own for number in range(600)}}})
    with pytest.raises(TemplateError, match="Globals: in all the resources that have them they are more than 500000 values"):
        translate(text, Options())


def test_what_a_template_says_is_no_reference_of_the_config() -> None:
    """It would bring the daemon's own secrets to whoever wrote the template. Policies and filters of topics know no references."""
    secret = "${file:/etc/shadow}"
    pattern = {"source": [secret]}
    key = {
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    }
    event = {"Type": "Api", "Properties": {"RestApiId": {"Ref": "Api"}, "Path": "/", "Method": "get"}}
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/${aws:username}/*"}
    told = {"TopicArn": {"Ref": "Topic"}, "Protocol": "sqs", "Endpoint": {"Fn::GetAtt": ["Q", "Arn"]}, "FilterPolicy": {"a": [secret]}}
    found = template(
        {
            "Api": {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "s", "Variables": {"v": secret}}},
            "Archive": {
                "Type": "AWS::Events::Archive",
                "Properties": {"SourceArn": {"Fn::GetAtt": ["Bus", "Arn"]}, "EventPattern": pattern},
            },
            "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Tags": [{"Key": "a", "Value": secret}]}},
            "Fn": function(Policies=[{"Statement": [statement]}], Events={"E": event}, Environment={"Variables": {"A": secret}}),
            "Q": {"Type": "AWS::SQS::Queue"},
            "Sub": {"Type": "AWS::SNS::Subscription", "Properties": told},
            "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {**key, "TimeToLiveSpecification": {"AttributeName": secret}}},
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": secret}},
        }
    )
    assert set(verdicts(found).values()) == {"runs"}
    config = found.config
    topic = config["topics"]["Topic"]
    assert topic["subscriptions"]["Sub"].pop("filter") == {"a": [secret]}
    assert config["roles"]["FnRole"]["policy"].pop() == statement
    text = json.dumps(config)
    assert text.count("$${file:/etc/shadow}") == text.count("${") == 6


def follows(**over: Any) -> dict[str, Any]:
    target = {"Fn::GetAtt": ["Fn", "Arn"]}
    return {
        "Type": "AWS::Logs::SubscriptionFilter",
        "Properties": {"LogGroupName": "/shop", "FilterPattern": "", "DestinationArn": target, **over},
    }


def test_logs_come_to_functions_by_events_and_by_subscription_filters() -> None:
    found = template(
        {
            "Say": function(),
            "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/shop/all"}},
            "Fn": function(Events={"E": {"Type": "CloudWatchLogs", "Properties": {"LogGroupName": {"Fn::Sub": "/aws/lambda/${Say}"}, "FilterPattern": "?ERROR ?WARN"}}}),
            "S": follows(LogGroupName={"Ref": "Group"}, FilterName="every", Distribution="ByLogStream"),
        }
    )  # fmt: skip
    assert set(verdicts(found).values()) == {RUNS}, found.rows
    assert triggers(found) == [
        {"logs": {"group": "/shop/all", "name": "every"}},
        {"logs": {"group": "/aws/lambda/Say", "filter_pattern": "?ERROR ?WARN"}},
    ]


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"LogGroupName": "/aws/lambda/Fn"}, "is where Fn writes its own log"),
        ({"LogGroupName": "/own"}, "is where Fn writes its own log"),
        ({"LogGroupName": "/aws/lambda/Other"}, "function Other is not here"),
        ({"DestinationArn": {"Fn::GetAtt": ["Q", "Arn"]}}, "names no function"),
        ({"ApplyOnTransformedLogs": True}, "ApplyOnTransformedLogs"),
    ],
)
def test_a_subscription_filter_that_cannot_be_is_refused(over: dict[str, Any], said: str) -> None:
    own = {"LoggingConfig": {"LogGroup": "/own"}} if over.get("LogGroupName") == "/own" else {}
    found = template({"Fn": function(**own), "Q": {"Type": "AWS::SQS::Queue"}, "S": follows(**over)})
    assert verdicts(found)["S"] == REFUSED
    assert said in notes(found, "S")
    assert triggers(found) == []


def test_properties_that_are_no_value_are_none() -> None:
    found = template({"Q": {"Type": "AWS::SQS::Queue", "Properties": {"Ref": "AWS::NoValue"}}})
    assert verdicts(found) == {"Q": RUNS}
