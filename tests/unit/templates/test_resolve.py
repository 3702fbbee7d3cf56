"""Intrinsic functions, and the names and ARNs that resources have here."""

import tracemalloc
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.templates.naming import NO_VALUE, Place
from router.templates.resolve import BUDGET, Resolver
from router.templates.words import Refused

RESOURCES = {
    "Jobs": {"Type": "AWS::SQS::Queue"},
    "Line": {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": True}},
    "UploadBucket": {"Type": "AWS::S3::Bucket"},
    "Named": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Fn::Sub": "b-${Stage}"}}},
    "Fn": {"Type": "AWS::Serverless::Function", "Properties": {"AutoPublishAlias": "live"}},
    "Alias": {"Type": "AWS::Lambda::Alias", "Properties": {"FunctionName": {"Ref": "Fn"}, "Name": "beta"}},
    "Version": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Fn"}}},
    "Url": {"Type": "AWS::Lambda::Url", "Properties": {"TargetFunctionArn": {"Fn::GetAtt": ["Fn", "Arn"]}}},
    "T": {"Type": "AWS::DynamoDB::Table"},
    "Topic": {"Type": "AWS::SNS::Topic"},
    "Machine": {"Type": "AWS::Serverless::StateMachine"},
    "Thing": {"Type": "AWS::Frob::Thing"},
    "One": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "Two"}}},
    "Two": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "One"}}},
    "Api": {"Type": "AWS::Serverless::HttpApi"},
    "Rest": {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "Dev"}},
}
CONDITIONS = {
    "Yes": {"Fn::Equals": [{"Ref": "Stage"}, "dev"]},
    "No": {"Fn::Not": [{"Condition": "Yes"}]},
    "Both": {"Fn::And": [{"Condition": "Yes"}, {"Fn::Or": [{"Condition": "No"}, {"Fn::Equals": [1, "1"]}]}]},
    "Round": {"Fn::Not": [{"Condition": "Round"}]},
    "Odd": {"Ref": "Stage"},
}


def resolver() -> Resolver:
    mappings = {"Sizes": {"dev": {"Memory": 128}}}
    return Resolver(Place(stack="shop"), {"Stage": "dev", "List": ["a", "b"]}, mappings, CONDITIONS, RESOURCES)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"Ref": "Stage"}, "dev"),
        ({"Ref": "AWS::StackName"}, "shop"),
        ({"Ref": "Jobs"}, "http://127.0.0.1:4566/123456789012/Jobs"),
        ({"Ref": "Line"}, "http://127.0.0.1:4566/123456789012/Line.fifo"),
        ({"Ref": "UploadBucket"}, "upload-bucket"),
        ({"Ref": "Named"}, "b-dev"),
        ({"Ref": "T"}, "T-table"),
        ({"Ref": "Topic"}, "arn:aws:sns:us-east-1:123456789012:Topic"),
        ({"Ref": "Fn.Alias"}, "arn:aws:lambda:us-east-1:123456789012:function:Fn:live"),
        ({"Ref": "Api.Stage"}, "$default"),
        ({"Ref": "ApiApiGatewayDefaultStage"}, "$default"),
        ({"Ref": "RestDevStage"}, "Dev"),
        ({"Ref": "RestStage"}, "Dev"),
        ({"Ref": "ServerlessRestApiProdStage"}, "Prod"),
        ({"Fn::Sub": "${ServerlessRestApi.Stage}"}, "Prod"),
        ({"Ref": "ServerlessHttpApiApiGatewayDefaultStage"}, "$default"),
        ({"Ref": "FnRole"}, "FnRole"),
        ({"Fn::GetAtt": ["FnRole", "Arn"]}, "arn:aws:iam::123456789012:role/FnRole"),
        ({"Fn::GetAtt": ["FnUrl", "FunctionUrl"]}, "http://fn.lambda-url.us-east-1.localhost:8080/"),
        ({"Fn::GetAtt": ["Url", "FunctionUrl"]}, "http://fn.lambda-url.us-east-1.localhost:8080/"),
        ({"Ref": "Alias"}, "arn:aws:lambda:us-east-1:123456789012:function:Fn:beta"),
        ({"Fn::GetAtt": ["Version", "Version"]}, "$LATEST"),
        ({"Fn::GetAtt": ["T", "StreamArn"]}, "arn:aws:dynamodb:us-east-1:123456789012:table/T-table/stream/*"),
        ({"Fn::GetAtt": ["Jobs", "Arn"]}, "arn:aws:sqs:us-east-1:123456789012:Jobs"),
        ({"Ref": "Machine"}, "arn:aws:states:us-east-1:123456789012:stateMachine:Machine"),
        ({"Fn::GetAtt": ["Thing", "Arn"]}, "arn:aws:frob:us-east-1:123456789012:Thing"),
        ({"Fn::Sub": "${Stage}-${AWS::Region}-${Jobs.Arn}-${!Stage}"}, "dev-us-east-1-arn:aws:sqs:us-east-1:123456789012:Jobs-${Stage}"),
        ({"Fn::Sub": ["${a}${Stage}", {"a": {"Fn::Join": ["/", ["x", {"Ref": "Stage"}]]}}]}, "x/devdev"),
        ({"Fn::Sub": "https://${Api}.execute-api.${AWS::Region}.amazonaws.com/x"}, "http://127.0.0.1:8080/x"),
        ({"Fn::Sub": "https://abc.execute-api.eu-west-1.amazonaws.com"}, "https://abc.execute-api.eu-west-1.amazonaws.com"),
        ({"Fn::Join": [",", {"Ref": "List"}]}, "a,b"),
        ({"Fn::Select": ["1", {"Ref": "List"}]}, "b"),
        ({"Fn::Select": [0, {"Fn::Split": ["-", "p-q"]}]}, "p"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "Memory"]}, 128),
        ({"Fn::FindInMap": ["Sizes", "prod", "Memory", {"DefaultValue": 1}]}, 1),
        ({"Fn::If": ["Both", "y", "n"]}, "y"),
        ({"a": {"Fn::If": ["No", 1, {"Ref": "AWS::NoValue"}]}, "b": [{"Ref": "AWS::NoValue"}, 2]}, {"b": [2]}),
        ({"Fn::Base64": "hi"}, "aGk="),
        ({"Fn::Length": [1, 2]}, 2),
        ({"Fn::ToJsonString": {"a": {"Ref": "Stage"}}}, '{"a":"dev"}'),
        ({"Fn::GetAZs": ""}, ["us-east-1a", "us-east-1b", "us-east-1c"]),
        ({"Ref": "ServerlessRestApi"}, "serverlessrestapi"),
        ({"Condition": {"StringEquals": {"a": "b"}}}, {"Condition": {"StringEquals": {"a": "b"}}}),
    ],
)
def test_a_value(written: Any, meant: Any) -> None:
    assert resolver().value(written) == meant


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"Fn::Not": [{"Condition": ["Yes"]}]}, "Condition wants a name, not ['Yes']"),
        ({"Ref": "RestProdStage"}, "neither a parameter"),
        ({"Ref": "Nobody"}, "neither a parameter nor a resource"),
        ({"Ref": ["x"]}, "wants a name"),
        ({"Fn::GetAtt": ["Jobs", "Frob"]}, "no such attribute"),
        ({"Fn::GetAtt": ["Nobody", "Arn"]}, "no resource"),
        ({"Fn::ImportValue": "x"}, "no stack that is read here"),
        ({"Fn::GetStackOutput": {"StackName": "s", "OutputName": "o"}}, "no stack that is read here"),
        ({"Fn::Cidr": ["10.0.0.0/8", 1]}, "no networks"),
        ({"Fn::Transform": {"Name": "Mine", "Parameters": {}}}, "Mine: macros are not run here"),
        ({"Fn::Transform": "AWS::Include"}, "macros"),
        ({"Fn::Transform": {"Name": "AWS::Include"}}, "Location: None is not on this machine"),
        (
            {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/api.yaml"}}},
            "s3://b/api.yaml is not on this machine",
        ),
        ({"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "api.yaml"}}}, "api.yaml is not read here"),
        ({"Fn::Frob": 1}, "no intrinsic function"),
        ({"Fn::Join": ["", "x"]}, "a text and a list"),
        ({"Fn::Join": ["", [["a"]]]}, "is no text"),
        ({"Fn::Select": [5, ["a"]]}, "nothing at 5"),
        ({"Fn::FindInMap": ["Sizes", "prod", "Memory"]}, "Mappings have no Sizes.prod.Memory"),
        ({"Fn::If": ["Frob", 1, 2]}, "no condition Frob"),
        ({"Fn::If": ["Round", 1, 2]}, "circular"),
        ({"Fn::If": ["Odd", 1, 2]}, "neither true nor false"),
        ({"Ref": "One"}, "circular: One → Two → One"),
        ("{{resolve:secretsmanager:x}}", "resolve:secretsmanager"),
    ],
)
def test_a_refusal(written: Any, said: str) -> None:
    with pytest.raises(Refused) as refused:
        resolver().value(written)
    assert said in str(refused.value)


def nested(function: str, times: int, value: Any) -> Any:
    for _ in range(times):
        value = {"Fn::Sub": ["${a}${a}", {"a": value}]} if function == "Sub" else {f"Fn::{function}": value}
    return value


@pytest.mark.parametrize(
    "written",
    [
        nested("Sub", 40, "x" * 1000),
        nested("Base64", 40, "x" * 1000),
        {"Fn::Join": ["x" * 1000, [""] * 100_000]},
        {"Fn::Join": ["", [{"Ref": "Long"}] * 1000]},
        [{"Ref": "Long"}] * 1000,
        [{"Fn::GetAtt": ["Long", "Arn"]}] * 1000,
    ],
)
def test_functions_cannot_expand_without_bounds(written: Any) -> None:
    """What would be too much is not made first."""
    long = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "x" * 100_000}}
    found = Resolver(Place(), {}, {}, {}, {"Long": long})
    tracemalloc.start()
    try:
        with pytest.raises(Refused, match="16 MB"):
            found.value(written)
        assert tracemalloc.get_traced_memory()[1] < 4 * BUDGET
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("written", "meant"),
    [("${Stage}${", "dev${"), ("${Stage} ${Stage", "dev ${Stage"), ("${!Stage}${!", "${Stage}${!"), ("${" * 100_000, "${" * 100_000)],
)
def test_a_variable_that_is_not_closed_is_text(written: str, meant: str) -> None:
    """However many of them are open: each is looked at once."""
    assert resolver().value({"Fn::Sub": written}) == meant


def test_what_a_value_came_from_is_remembered() -> None:
    found = resolver()
    found.value({"Fn::Sub": "${Jobs.Arn}${Stage}"})
    assert found.referred == {"Jobs", "Stage"}


FUNCTIONS = st.sampled_from(["Ref", "Fn::Sub", "Fn::GetAtt", "Fn::Join", "Fn::If", "Fn::Select", "Fn::Split", "Fn::FindInMap", "Fn::Base64", "Fn::Equals", "Fn::Not", "Fn::Length", "Fn::ToJsonString"])  # fmt: skip
NAMES = st.sampled_from(["Stage", "List", "Jobs", "Fn", "Yes", "Sizes", "dev", "Memory", "Arn", "${Stage}", "${Jobs.Arn}", ","])
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FUNCTIONS | st.text(max_size=3), inner, max_size=2),
    max_leaves=15,
)


@given(ANY)
def test_any_value_is_resolved_or_refused(written: Any) -> None:
    found = resolver()
    with suppress(Refused):
        meant = found.value(written)
        assert meant is NO_VALUE or meant is None or isinstance(meant, str | int | float | list | dict)


def test_what_another_stack_exports_is_what_it_is_said_to_be() -> None:
    found = resolver()
    found.imports = {"shop-Queue": "jobs"}
    assert found.value({"Fn::ImportValue": {"Fn::Sub": "${AWS::StackName}-Queue"}}) == "jobs"
    with pytest.raises(Refused, match=r"no stack that is read here exports that; --import shop-Topic=VALUE gives it"):
        found.value({"Fn::ImportValue": "shop-Topic"})
