"""Functions of a template: what is left of one that is refused."""

import json
from typing import Any

import pytest

from router.errors import InvalidParameter
from router.runtime import resolve
from router.templates.translate import Options, translate
from router.templates.words import ABSENT, DIFFERS, REFUSED, RUNS, TemplateError
from tests.unit.templates.test_translate import FN, function, notes, template, triggers, verdicts


@pytest.mark.parametrize(
    "properties",
    [
        {"FunctionName": "../../../pwn"},
        {"FunctionName": "a/b"},
        {"FunctionName": "/etc/pwn"},
        {"FunctionName": ".."},
        {"FunctionName": "a${env:HOME}"},
        {"FunctionName": "Ok"},
        {"Bogus": 1},
        {"Handler": None},
    ],
)
def test_nothing_is_left_of_a_function_that_is_refused(properties: dict[str, Any]) -> None:
    """Neither its code, which would be written where its name says, nor a role that is named after it."""
    written = {**FN["Properties"], "CodeUri": None, "InlineCode": "evil", **properties}  # type: ignore[dict-item]
    for type_ in ("AWS::Serverless::Function", "AWS::Lambda::Function"):
        raw = {key: value for key, value in written.items() if key not in {"InlineCode", "CodeUri"}}
        own = written if "Serverless" in type_ else {**raw, "Code": {"ZipFile": "evil"}, "Role": "arn:aws:iam::1:role/x"}
        found = template({"Ok": FN, "Bad": {"Type": type_, "Properties": own}})
        assert verdicts(found) == {"Ok": RUNS, "Bad": REFUSED}
        assert found.files == {}
        assert set(found.config["functions"]) == {"Ok"}
        assert set(found.config["roles"]) == {"OkRole"}


def test_a_function_with_a_wrapper_script_is_refused_by_itself() -> None:
    """In the config it would be a mistake, and nothing would be served."""
    wrapped = function(Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap"}})
    found = template({"Ok": FN, "Bad": wrapped})
    assert verdicts(found) == {"Ok": RUNS, "Bad": REFUSED}
    assert "wrapper scripts are not supported" in notes(found, "Bad")


@pytest.mark.parametrize("auth", [None, "", "none", "OPEN", True])
def test_a_url_says_who_may_call_it(auth: Any) -> None:
    """AuthType is required on AWS: a URL that does not say is open to nobody."""
    config = {"Cors": {"AllowOrigins": ["*"]}, **({} if auth is None else {"AuthType": auth})}
    found = template({"Fn": function(FunctionUrlConfig=config)})
    assert verdicts(found) == {"Fn": RUNS, "Fn.FunctionUrlConfig": REFUSED}
    assert "triggers" not in found.config["functions"]["Fn"]
    assert "AuthType" in notes(found, "Fn.FunctionUrlConfig")
    url = {"Type": "AWS::Lambda::Url", "Properties": {"TargetFunctionArn": {"Ref": "Fn"}, **({} if auth is None else {"AuthType": auth})}}
    assert verdicts(template({"Fn": FN, "U": url}))["U"] == REFUSED


OPEN = {"FunctionName": {"Ref": "Fn"}, "Principal": "*", "Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"}


@pytest.mark.parametrize(
    ("permission", "served"),
    [
        (OPEN, True),
        ({**OPEN, "FunctionName": {"Fn::GetAtt": ["Fn", "Arn"]}}, True),
        (None, False),
        ({**OPEN, "FunctionName": {"Ref": "Other"}}, False),
        ({**OPEN, "Principal": "123456789012"}, False),
        ({**OPEN, "Action": "lambda:InvokeFunction"}, False),
        ({**OPEN, "FunctionUrlAuthType": "AWS_IAM"}, False),
        ({**OPEN, "PrincipalOrgID": "o-1"}, False),
        ({**OPEN, "FunctionName": {"Fn::Sub": "${Fn}:live"}}, False),
    ],
)
def test_a_url_without_auth_is_open_to_whom_a_permission_lets_in(permission: Any, *, served: bool) -> None:
    url = {"Type": "AWS::Lambda::Url", "Properties": {"TargetFunctionArn": {"Ref": "Fn"}, "AuthType": "NONE"}}
    made = {"P": {"Type": "AWS::Lambda::Permission", "Properties": permission}} if permission else {}
    found = template({"Fn": FN, "Other": FN, "U": url, **made})
    assert triggers(found) == ([{"url": "none"}] if served else [])
    assert ("nobody may call it" in notes(found, "U")) is not served


LAYER = "arn:aws:lambda:us-east-1:017000801446:layer:Tools"


@pytest.mark.parametrize("given", [LAYER, f"{LAYER}:9"])
def test_a_layer_that_the_template_does_not_hold_is_where_it_is_said_to_be(given: str) -> None:
    text = json.dumps({"Resources": {"Fn": function(Layers=[{"Fn::Sub": f"{LAYER.replace('us-east-1', '${AWS::Region}')}:9"}])}})
    found = translate(text, Options(layers={given: "/opt/tools"}))
    assert found.config["functions"]["Fn"]["layers"] == ["/opt/tools"]


def test_a_layer_that_nobody_has_said_is_refused_with_the_way_to_say_it() -> None:
    resources = {"Fn": function(Layers=[f"{LAYER}:9"]), "Ok": FN}
    found = translate(json.dumps({"Resources": resources}), Options(layers={f"{LAYER}:8": "/opt/tools"}))
    assert verdicts(found) == {"Fn": REFUSED, "Ok": RUNS}
    assert f"--layer {LAYER}=PATH" in notes(found, "Fn")


def test_a_layer_that_no_function_names_is_a_slip() -> None:
    with pytest.raises(TemplateError, match="no function of the template names this layer"):
        translate(json.dumps({"Resources": {"Fn": FN}}), Options(layers={LAYER: "/opt/tools"}))


@pytest.mark.parametrize("runtime", [
    *(f"python3.{minor}" for minor in range(16)), *(f"nodejs{major}.x" for major in range(8, 28)), "python2.7", "nodejs8.10", "provided",
    "provided.al2", "provided.al2023", "provided.al1", "java21", "ruby3.4", "dotnet8", "go1.x",
])  # fmt: skip
def test_a_runtime_that_the_config_would_not_take_is_refused_here(runtime: str) -> None:
    """By itself: in the config it would be a mistake, and nothing would be served."""
    try:
        resolve(runtime)
    except InvalidParameter as wrong:
        served = "is not supported" not in str(wrong)
    else:
        served = True
    assert verdicts(template({"Ok": FN, "Fn": function(Runtime=runtime)}))["Fn"] == (RUNS if served else REFUSED)


def test_a_function_has_one_url() -> None:
    """On AWS its alias and the function itself may have one each; one is served, and the rest of the template with it."""
    resources = {
        "Fn": function(AutoPublishAlias="live", FunctionUrlConfig={"AuthType": "AWS_IAM"}),
        "U": {"Type": "AWS::Lambda::Url", "Properties": {"TargetFunctionArn": {"Ref": "Fn"}, "AuthType": "AWS_IAM"}},
    }
    found = template(resources)
    assert verdicts(found) == {"Fn": DIFFERS, "Fn.FunctionUrlConfig": REFUSED, "U": RUNS}
    assert "function Fn has a URL already" in notes(found, "Fn.FunctionUrlConfig")
    assert triggers(found) == [{"url": "iam"}]


def test_what_sam_build_has_built_is_not_to_be_built_again() -> None:
    plain, made = ({**FN, "Metadata": {"BuildMethod": "esbuild", **extra}} for extra in ({}, {"SamResourceId": "Fn"}))
    assert [code.built for code in template({"A": plain, "B": made}).codes] == ["esbuild", ""]


@pytest.mark.parametrize(
    ("permission", "told"),
    [
        (OPEN, False),
        ({**OPEN, "Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True}, False),
        ({**OPEN, "Action": "lambda:InvokeFunction"}, True),
        ({**OPEN, "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}, False),
    ],
)
def test_of_a_permission_it_is_told_when_others_are_asked_by_their_own_policies(permission: Any, *, told: bool) -> None:
    found = template({"Fn": FN, "P": {"Type": "AWS::Lambda::Permission", "Properties": permission}})
    assert ("permitted by their own policies" in notes(found, "P")) is told


def test_a_function_has_this_machines_network_whatever_its_own_is_called() -> None:
    network = {"SubnetIds": {"Fn::ImportValue": "subnets"}, "SecurityGroupIds": [{"Fn::GetAtt": ["Group", "GroupId"]}]}
    group = {"Type": "AWS::EC2::SecurityGroup", "Properties": {"VpcId": {"Ref": "Net"}}}
    found = template(
        {"Fn": function(VpcConfig=network), "Group": group, "Net": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}}
    )
    assert verdicts(found) == {"Fn": DIFFERS, "Group": ABSENT, "Net": ABSENT}
    assert notes(found, "Fn") == "VpcConfig: the function runs on this machine, with its network"
    assert notes(found, "Net") == "functions have this machine's network"


def test_what_leads_to_a_function_that_is_refused_names_it() -> None:
    topic = {"Type": "AWS::SNS::Topic"}
    hear = {
        "Type": "AWS::SNS::Subscription",
        "Properties": {"TopicArn": {"Ref": "News"}, "Protocol": "lambda", "Endpoint": {"Fn::GetAtt": ["Fn", "Arn"]}},
    }
    event = {"Type": "SQS", "Properties": {"Queue": "arn:aws:sqs:us-east-1:123456789012:nowhere"}}
    resources = {"Fn": function(Runtime="java21", FunctionName="called"), "Other": function(Events={"E": event, "F": event})}
    found = template({**resources, "News": topic, "Hear": hear})
    assert (verdicts(found)["Hear"], notes(found, "Hear")) == (REFUSED, "Fn is refused")


def test_deployments_of_functions_are_at_once() -> None:
    application = {"Type": "AWS::CodeDeploy::Application", "Properties": {"ComputePlatform": "Lambda"}}
    settings = {"DeploymentConfigName": "CodeDeployDefault.LambdaAllAtOnce", "DeploymentStyle": {"DeploymentType": "BLUE_GREEN"}}
    group = {
        "Type": "AWS::CodeDeploy::DeploymentGroup",
        "Properties": {"ApplicationName": {"Ref": "App"}, "ServiceRoleArn": "arn:aws:iam::123456789012:role/r", **settings},
    }
    found = template({"Fn": FN, "App": application, "Group": group})
    assert (verdicts(found)["App"], verdicts(found)["Group"]) == (RUNS, DIFFERS)
    assert "in force for all at once" in notes(found, "Group")
    assert verdicts(template({"Fn": FN, "App": {**application, "Properties": {"ComputePlatform": "ECS"}}}))["App"] == REFUSED
