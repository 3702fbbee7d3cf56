"""What each operation needs, from the call alone."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.lambda_ import Lambda
from router.api.aws.lambda_.place import Place
from router.api.aws.lambda_.rooms import Rooms
from router.api.aws.lambda_.shelf import ARN as ARN_OF_LAYER
from router.api.aws.service import Call
from router.config.fragments import Fragment
from router.iam.callers import Caller
from router.iam.condition_keys import known
from router.iam.evaluation import Policies
from router.iam.principals import user
from tests.unit.api.aws.test_constraints import model

PLACE = Place("us-east-1", "123456789012")
NOTHING = cast("Any", None)
ABOUT = {"id": "made", "kind": "queue", "source": "q", "members": {}, "modified": 0.0}
ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
DECLARED = cast(
    "Any", SimpleNamespace(of=lambda _: [Fragment("triggers", "made", {"function": "f"}, {**ABOUT, "function_arn": f"{ARN}:PROD"})])
)
CALLS = cast("Any", SimpleNamespace(config=SimpleNamespace(functions={})))
SERVICE = Lambda(Rooms(CALLS, NOTHING, NOTHING, DECLARED, NOTHING, NOTHING, NOTHING, NOTHING, PLACE))
CALLER = Caller(user(PLACE.account, "ann"), "AKIA", Policies())
MAPPING = "arn:aws:lambda:us-east-1:123456789012:event-source-mapping:u"
ROLE = "arn:aws:iam::123456789012:role/r"
OPERATIONS = model("lambda")["operations"]


def needs(operation: str, **parameters: Any) -> list[tuple[str, str]]:
    call = Call("lambda", operation, parameters, CALLER, "id")
    return [(need.action, need.resource) for need in SERVICE.operations[operation].needs(call)]


def test_every_operation_is_one_of_aws_s() -> None:
    assert set(SERVICE.operations) <= set(OPERATIONS)


@pytest.mark.parametrize(
    ("operation", "parameters", "wanted"),
    [
        ("Invoke", {"FunctionName": "f"}, [("lambda:InvokeFunction", ARN)]),
        ("Invoke", {"FunctionName": "f", "Qualifier": "PROD"}, [("lambda:InvokeFunction", f"{ARN}:PROD")]),
        ("InvokeAsync", {"FunctionName": "f:1"}, [("lambda:InvokeFunction", f"{ARN}:1")]),
        ("InvokeWithResponseStream", {"FunctionName": ARN}, [("lambda:InvokeFunction", ARN)]),
        ("ListFunctions", {}, [("lambda:ListFunctions", "*")]),
        (
            "CreateFunction",
            {"FunctionName": "f", "Role": ROLE, "Code": {"S3Bucket": "b", "S3Key": "k/x.zip"}, "Tags": {"a": "b"}},
            [
                ("lambda:CreateFunction", ARN),
                ("iam:PassRole", ROLE),
                ("lambda:TagResource", ARN),
                ("s3:GetObject", "arn:aws:s3:::b/k/x.zip"),
            ],
        ),
        (
            "UpdateFunctionCode",
            {"FunctionName": "f", "S3Bucket": "b", "S3Key": "k"},
            [("lambda:UpdateFunctionCode", ARN), ("s3:GetObject", "arn:aws:s3:::b/k")],
        ),
        (
            "UpdateFunctionConfiguration",
            {"FunctionName": "f", "Role": ROLE},
            [("lambda:UpdateFunctionConfiguration", ARN), ("iam:PassRole", ROLE)],
        ),
        (
            "UpdateFunctionConfiguration",
            {"FunctionName": "f", "Layers": ["arn:aws:lambda:us-east-1:123456789012:layer:l:1"]},
            [
                ("lambda:UpdateFunctionConfiguration", ARN),
                ("lambda:GetLayerVersion", "arn:aws:lambda:us-east-1:123456789012:layer:l:1"),
            ],
        ),
        (  # the role that is meant, not what the caller may pass
            "UpdateFunctionConfiguration",
            {"FunctionName": "f", "Role": "arn:aws:iam::123456789012:role/mine/r"},
            [("lambda:UpdateFunctionConfiguration", ARN), ("iam:PassRole", ROLE)],
        ),
        (
            "GetEventSourceMapping",
            {"UUID": "u"},
            [("lambda:GetEventSourceMapping", MAPPING)],
        ),
        ("TagResource", {"Resource": ARN}, [("lambda:TagResource", ARN)]),
        ("UntagResource", {"Resource": "f", "TagKeys": ["a"]}, [("lambda:UntagResource", ARN)]),
        ("ListTags", {"Resource": "123456789012:function:f"}, [("lambda:ListTags", ARN)]),
        ("TagResource", {"Resource": MAPPING}, [("lambda:TagResource", MAPPING)]),
        (
            "CreateEventSourceMapping",
            {"FunctionName": "f", "EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:q", "Tags": {"a": "b"}},
            [
                ("lambda:CreateEventSourceMapping", "*"),
                ("lambda:TagResource", "arn:aws:lambda:us-east-1:123456789012:event-source-mapping:*"),
            ],
        ),
        (
            "PublishLayerVersion",
            {"LayerName": "l", "Content": {"S3Bucket": "b", "S3Key": "k"}},
            [("lambda:PublishLayerVersion", "arn:aws:lambda:us-east-1:123456789012:layer:l"), ("s3:GetObject", "arn:aws:s3:::b/k")],
        ),
        (
            "DeleteLayerVersion",
            {"LayerName": "l", "VersionNumber": 3},
            [("lambda:DeleteLayerVersion", "arn:aws:lambda:us-east-1:123456789012:layer:l:3")],
        ),
    ],
)
def test_needs(operation: str, parameters: dict[str, Any], wanted: list[tuple[str, str]]) -> None:
    assert needs(operation, **parameters) == wanted


@pytest.mark.parametrize(
    ("operation", "parameters", "functions"),
    [
        ("CreateEventSourceMapping", {"FunctionName": "f"}, [ARN]),
        ("GetEventSourceMapping", {"UUID": "made"}, [f"{ARN}:PROD"]),
        ("DeleteEventSourceMapping", {"UUID": "made"}, [f"{ARN}:PROD"]),
        ("DeleteEventSourceMapping", {"UUID": "none"}, []),
        ("UpdateEventSourceMapping", {"UUID": "made", "Enabled": False}, [f"{ARN}:PROD"]),
        ("UpdateEventSourceMapping", {"UUID": "made", "FunctionName": "f:PROD"}, [f"{ARN}:PROD"]),
        ("UpdateEventSourceMapping", {"UUID": "made", "FunctionName": "other"}, [f"{ARN}:PROD", ARN.removesuffix("f") + "other"]),
    ],
)
def test_a_mapping_s_function_is_a_condition(operation: str, parameters: dict[str, Any], functions: list[str]) -> None:
    """Also where it is the mapping that is named; who moves one to another function must be allowed both."""
    found = SERVICE.operations[operation].needs(Call("lambda", operation, parameters, CALLER, "id"))
    assert [need.context for need in found] == ([{"lambda:functionarn": (arn,)} for arn in functions] or [{}])
    assert {need.action for need in found} == {f"lambda:{operation}"}


LAYER = "arn:aws:lambda:us-east-1:123456789012:layer:l:1"


@pytest.mark.parametrize(
    ("operation", "parameters", "context"),
    [
        ("CreateFunctionUrlConfig", {"AuthType": "NONE"}, {"lambda:functionurlauthtype": ("NONE",), "lambda:functionarn": (ARN,)}),
        ("UpdateFunctionUrlConfig", {"AuthType": "AWS_IAM"}, {"lambda:functionurlauthtype": ("AWS_IAM",), "lambda:functionarn": (ARN,)}),
        ("DeleteFunctionUrlConfig", {}, {"lambda:functionarn": (ARN,)}),
        (
            "AddPermission",
            {"Principal": "*", "FunctionUrlAuthType": "NONE"},
            {"lambda:principal": ("*",), "lambda:functionurlauthtype": ("NONE",)},
        ),
        ("CreateFunction", {"Layers": [LAYER]}, {"lambda:layer": (LAYER,)}),
        ("CreateFunction", {}, {}),
        ("UpdateFunctionConfiguration", {"Layers": [LAYER]}, {"lambda:layer": (LAYER,)}),
        ("Invoke", {}, {}),
    ],
)
def test_what_policies_may_make_conditions_of(operation: str, parameters: dict[str, Any], context: dict[str, tuple[str, ...]]) -> None:
    call = Call("lambda", operation, {"FunctionName": "f", **parameters}, CALLER, "id")
    assert SERVICE.operations[operation].needs(call)[0].context == context
    assert all(map(known, context))


@given(
    st.sampled_from(sorted(SERVICE.operations)),
    st.dictionaries(st.sampled_from(["FunctionName", "Qualifier", "UUID", "LayerName", "Resource", "Arn", "Role", "S3Bucket"]), st.text()),
)
def test_nothing_is_done_without_a_need(operation: str, parameters: dict[str, str]) -> None:
    found = needs(operation, **parameters)
    assert found[0][0].startswith("lambda:")
    assert all(resource for _, resource in found)


def test_a_version_of_a_layer_has_one_arn() -> None:
    """Or a Deny of :1 would not be one of :01, which is the same."""
    assert ARN_OF_LAYER.fullmatch(LAYER)
    assert not ARN_OF_LAYER.fullmatch(LAYER.removesuffix("1") + "01")
