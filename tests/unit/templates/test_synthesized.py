"""What `cdk synth` writes beside the resources: assets, the bootstrap stack, and the functions of CDK's own custom resources."""

import json
from typing import Any

import pytest

from router.templates.synthesized import asset, helpers, undeployed
from router.templates.translate import Options, translate
from router.templates.words import ABSENT, REFUSED, RUNS, Refused, Translation

VERSION = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk-bootstrap/hnb659fds/version"}
IN_S3 = {"S3Bucket": {"Fn::Sub": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"}, "S3Key": "0a.zip"}


def template(resources: dict[str, Any], **sections: Any) -> Translation:
    return translate(json.dumps({"Resources": resources, **sections}), Options(base="./cdk.out"))


def row(found: Translation, resource: str) -> tuple[str, str]:
    return next((row.verdict, " ".join(row.notes)) for row in found.rows if row.resource == resource)


def function(property_: str = "Code", path: str = "asset.0a", **metadata: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {"Runtime": "python3.12", "Handler": "a.b", "Role": {"Fn::GetAtt": ["Role", "Arn"]}, "Code": IN_S3},
        "Metadata": {"aws:asset:path": path, "aws:asset:property": property_, **metadata},
    }


def test_code_lies_where_its_asset_was_put() -> None:
    layer = {
        "Type": "AWS::Lambda::LayerVersion",
        "Properties": {"Content": IN_S3},
        "Metadata": {"aws:asset:path": "asset.0b.zip", "aws:asset:property": "Content"},
    }
    fn = function()
    fn["Properties"]["Layers"] = [{"Ref": "Layer"}]
    found = template({"Fn": fn, "Layer": layer, "Role": role()})
    assert found.config["functions"]["Fn"]["code"] == "./cdk.out/asset.0a"
    assert found.config["functions"]["Fn"]["layers"] == ["./cdk.out/asset.0b.zip"]
    assert row(found, "Fn") == (RUNS, "")


@pytest.mark.parametrize(
    ("metadata", "path"),
    [
        ({"aws:asset:path": "a", "aws:asset:property": "Code"}, "a"),
        ({"aws:asset:path": "a", "aws:asset:property": "Code.S3Key"}, "a"),
        ({"aws:asset:path": "a", "aws:asset:property": "Content"}, None),
        ({"aws:asset:path": "a"}, None),
        ({"aws:asset:path": "", "aws:asset:property": "Code"}, None),
        ({"aws:asset:path": 3, "aws:asset:property": "Code"}, None),
        ("text", None),
        (None, None),
    ],
)
def test_of_which_property_an_asset_is(metadata: Any, path: str | None) -> None:
    assert asset({"Metadata": metadata}, "Code") == path


def test_an_image_is_refused() -> None:
    with pytest.raises(Refused, match="container images are not run here"):
        asset({"Metadata": {"aws:asset:path": "a", "aws:asset:property": "Code", "aws:asset:dockerfile-path": "Dockerfile"}}, "Code")


def test_the_bootstrap_stack_is_not_asked_for() -> None:
    rules = {"CheckBootstrapVersion": {"Assertions": [{"Assert": {"Fn::Contains": [["1"], {"Ref": "BootstrapVersion"}]}}]}, "Mine": {}}
    found = undeployed({"Parameters": {"BootstrapVersion": VERSION, "P": {"Type": "String"}}, "Rules": rules, "Resources": {}})
    assert found == {"Parameters": {"P": {"Type": "String"}}, "Rules": {"Mine": {}}, "Resources": {}}


@pytest.mark.parametrize(
    "declared",
    [{"Type": "String", "Default": VERSION["Default"]}, {**VERSION, "Default": "/app/version"}, {"Type": VERSION["Type"]}, None, 3],
    ids=str,
)
def test_what_only_looks_like_it_stays(declared: Any) -> None:
    written = {"Parameters": {"BootstrapVersion": declared}, "Rules": {"CheckBootstrapVersion": {}}}
    assert undeployed(written) == written


# -- functions of custom resources


def role(**more: Any) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": [trust]}, **more}}


def policy(*roles: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    return {
        "Type": "AWS::IAM::Policy",
        "Properties": {"PolicyDocument": {"Statement": statement}, "Roles": [{"Ref": name} for name in roles]},
    }


def custom(type_: str, handler: str = "Fn", **properties: Any) -> dict[str, Any]:
    return {"Type": type_, "Properties": {"ServiceToken": {"Fn::GetAtt": [handler, "Arn"]}, **properties}}


OURS = "Custom::LogRetention"


def test_functions_of_custom_resources_that_need_none() -> None:
    resources = {"Fn": function(), "Role": role(), "Policy": policy("Role"), "Kept": custom(OURS)}
    assert helpers(resources) == dict.fromkeys(("Fn", "Role", "Policy"), OURS)


@pytest.mark.parametrize(
    ("more", "left"),
    [
        ({"Other": custom("Custom::Mine")}, ""),
        ({"Other": function()}, "Fn"),
        ({"Other": {"Type": "AWS::Scheduler::Schedule", "Properties": {"RoleArn": {"Fn::GetAtt": "Role.Arn"}}}}, "Fn"),
        ({"Policy": policy("Role", "Mine"), "Mine": role()}, "Fn Role"),
        ({"Policy": policy()}, "Fn Role"),
        ({"Fn": {"Type": "AWS::SNS::Topic"}}, ""),
        ({"Kept": {"Type": OURS, "Properties": {"ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:x"}}}, ""),
        ({"Kept": {"Type": OURS}}, ""),
    ],
    ids=str,
)
def test_what_others_need_too_is_created(more: dict[str, Any], left: str) -> None:
    assert set(helpers({"Fn": function(), "Role": role(), "Policy": policy("Role"), "Kept": custom(OURS)} | more)) == set(left.split())


def test_they_are_not_created_and_it_is_said() -> None:
    kept = custom(OURS, LogGroupName="/aws/lambda/x", RetentionInDays=7)
    found = template({"Fn": function(), "Role": role(), "Policy": policy("Role"), "Kept": kept, "Jobs": {"Type": "AWS::SQS::Queue"}})
    for name in ("Fn", "Role", "Policy"):
        assert row(found, name) == (ABSENT, "works for Custom::LogRetention alone, which needs no function here")
    assert row(found, "Kept") == (RUNS, "")
    assert found.config["log_groups"] == {"/aws/lambda/x": {"retention": "7d"}}
    assert set(found.config) == {"version", "queues", "log_groups"}


def test_others_are_refused() -> None:
    found = template({"Fn": function(), "Role": role(), "Mine": custom("Custom::Mine"), "Files": custom("Custom::CDKBucketDeployment")})
    assert row(found, "Mine") == (REFUSED, "custom resources are not run here")
    assert row(found, "Files") == (REFUSED, "nothing is copied at a deployment; copy the files into the bucket's directory yourself")
    assert row(found, "Fn")[0] == RUNS


def test_functions_that_cdk_brings_for_what_is_refused_are_not_created() -> None:
    found = template({"Fn": function(), "Role": role(), "Files": custom("Custom::CDKBucketDeployment"), "Call": custom("Custom::AWS")})
    assert row(found, "Fn") == (ABSENT, "works for Custom::AWS alone, which is not run here")
    assert [row(found, name)[0] for name in ("Role", "Files", "Call")] == [ABSENT, REFUSED, REFUSED]


def test_rules_write_to_log_groups_without_a_policy() -> None:
    of_custom = custom("Custom::CloudwatchLogResourcePolicy", Create="{}", Update="{}", Delete="{}", InstallLatestAwsSdk=True)
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "logs:PutLogEvents", "Resource": "*"}
    document = json.dumps({"Statement": [statement]})
    plain = {"Type": "AWS::Logs::ResourcePolicy", "Properties": {"PolicyName": "p", "PolicyDocument": document}}
    found = template({"Fn": function(), "Role": role(), "Let": of_custom, "Also": plain, "Jobs": {"Type": "AWS::SQS::Queue"}})
    assert [row(found, name)[0] for name in ("Let", "Also", "Fn", "Role")] == [RUNS, RUNS, ABSENT, ABSENT]


def test_a_kept_log_group_is_named_by_what_keeps_it() -> None:
    kept = custom(OURS, "Keeper", LogGroupName={"Fn::Sub": "/aws/lambda/${Fn}"}, RetentionInDays=7)
    named = {"Fn::GetAtt": ["Kept", "LogGroupName"]}
    follow = {"LogGroupName": named, "FilterPattern": "ERROR", "DestinationArn": {"Fn::GetAtt": ["Reader", "Arn"]}}
    resources = {"Fn": function(), "Reader": function(), "Role": role(), "Kept": kept, "Keeper": function()}
    found = template(
        resources | {"Follow": {"Type": "AWS::Logs::SubscriptionFilter", "Properties": follow}}, Outputs={"Group": {"Value": named}}
    )
    assert found.outputs == {"Group": "/aws/lambda/Fn"}
    assert found.config["functions"]["Reader"]["triggers"] == [
        {"logs": {"group": "/aws/lambda/Fn", "filter_pattern": "ERROR", "name": "Follow"}}
    ]


def test_a_security_group_that_is_not_made_is_not_restricted() -> None:
    restrict = custom("Custom::VpcRestrictDefaultSG", DefaultSecurityGroupId={"Fn::GetAtt": ["Net", "DefaultSecurityGroup"]})
    net = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}
    found = template({"Fn": function(), "Role": role(), "Net": net, "Restrict": restrict, "Jobs": {"Type": "AWS::SQS::Queue"}})
    assert {row.resource: row.verdict for row in found.rows} == dict.fromkeys(("Fn", "Role", "Net", "Restrict"), ABSENT) | {"Jobs": RUNS}
