"""APIs that are written out resource by resource: what their routes demand of callers."""

from typing import Any

import pytest

from router.templates.words import DIFFERS, REFUSED, RUNS
from tests.unit.templates.test_authorizers import open_routes, routes
from tests.unit.templates.test_translate import FN, notes, template, verdicts

URI = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Fn.Arn}/invocations"}
HTTP, REST = {"ApiId": {"Ref": "A"}}, {"RestApiId": {"Ref": "A"}}


def second(route: dict[str, Any], api: dict[str, Any] | None = None, **more: Any) -> Any:
    integration = {**HTTP, "IntegrationType": "AWS_PROXY", "IntegrationUri": {"Fn::GetAtt": ["Fn", "Arn"]}}
    authorizer = {**HTTP, "Name": "z", "AuthorizerType": "REQUEST", "AuthorizerUri": URI, "IdentitySource": ["$request.header.X"]}
    resources = {
        "A": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"ProtocolType": "HTTP", **(api or {})}},
        "I": {"Type": "AWS::ApiGatewayV2::Integration", "Properties": integration},
        "Z": {"Type": "AWS::ApiGatewayV2::Authorizer", "Properties": authorizer},
        "R": {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {**HTTP, "RouteKey": "GET /a", "Target": {"Fn::Sub": "integrations/${I}"}, **route},
        },
        "Fn": FN,
    }
    return template(resources | more)


def first(method: dict[str, Any], api: dict[str, Any] | None = None, **more: Any) -> Any:
    proxy = {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": URI}
    root = {"ResourceId": {"Fn::GetAtt": ["A", "RootResourceId"]}, "HttpMethod": "GET"}
    resources = {
        "A": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "a", **(api or {})}},
        "Z": {"Type": "AWS::ApiGateway::Authorizer", "Properties": {**REST, "Type": "TOKEN", "AuthorizerUri": URI}},
        "M": {"Type": "AWS::ApiGateway::Method", "Properties": {**REST, **root, "Integration": proxy, **method}},
        "Fn": FN,
    }
    return template(resources | more)


@pytest.mark.parametrize(
    "demanded",
    [
        {"AuthorizerId": {"Ref": "Z"}},
        {"AuthorizationType": "NONE", "AuthorizerId": {"Ref": "Z"}},
        {"AuthorizationType": "CUSTOM"},
        {"AuthorizationType": "CUSTOM", "AuthorizerId": "other"},
        {"AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": "Z"}, "AuthorizationScopes": ["s"]},
        {"AuthorizationType": "custom", "AuthorizerId": {"Ref": "Z"}},
        {"AuthorizationType": "", "AuthorizerId": {"Ref": "Z"}},
        {"AuthorizationType": "AWS_IAM"},
        {"AuthorizationType": "COGNITO_USER_POOLS", "AuthorizerId": {"Ref": "Z"}},
        {"AuthorizationScopes": ["s"]},
        {"ApiKeyRequired": True},
        {"ApiKeyRequired": "true"},
        {"Auth": {"Authorizer": "Z"}},
    ],
)
def test_what_a_route_demands_is_kept_or_it_is_refused(demanded: dict[str, Any]) -> None:
    for found in (second(demanded), first(demanded)):
        assert routes(found) == {}
        assert verdicts(found)["R" if "R" in verdicts(found) else "M"] == REFUSED


def test_a_route_with_its_authorizer_and_one_without() -> None:
    named = {"AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": "Z"}}
    for found in (second(named), first(named)):
        assert len(routes(found)) == 1
        assert open_routes(found) == set()
    for found in (second({}), first({"AuthorizationType": "NONE"})):
        assert len(open_routes(found)) == 1


@pytest.mark.parametrize(
    "api",
    [
        {"Policy": {"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "*"}]}},
        {"EndpointConfiguration": {"Types": ["PRIVATE"]}},
        {"Parameters": {"endpointConfigurationTypes": "PRIVATE"}},
    ],
)
def test_what_a_rest_api_demands_of_all_takes_its_routes(api: dict[str, Any]) -> None:
    found = first({"AuthorizationType": "NONE"}, api)
    assert verdicts(found)["A"] == verdicts(found)["M"] == REFUSED
    assert routes(found) == {}


def test_a_stage_that_is_refused_takes_the_routes_of_its_api() -> None:
    for setting in ({"MethodSettings": [{"ResourcePath": "/a", "HttpMethod": "GET", "ThrottlingRateLimit": 1}]}, {"MethodSettings": [{"ResourcePath": "/*", "HttpMethod": "GET", "ThrottlingRateLimit": 1}]}, {"Frob": 1}, {"Variables": {"a": {"Fn::ImportValue": "x"}}}):  # fmt: skip
        stage = {"Type": "AWS::ApiGateway::Stage", "Properties": {**REST, "StageName": "v1", **setting}}
        found = first({"AuthorizationType": "NONE"}, S=stage)
        assert routes(found) == {}
        assert notes(found, "M") == "stage of A is refused, and without it no route of that API is served"
    one = {"Type": "AWS::ApiGateway::Stage", "Properties": {**REST, "StageName": "v1"}}
    other = {"Type": "AWS::ApiGateway::Stage", "Properties": {**REST, "StageName": "v2", "Frob": 1}}
    found = first({"AuthorizationType": "NONE"}, S=one, T=other)
    assert verdicts(found)["T"] == REFUSED
    assert len(routes(found)) == 1  # of the first one, which is as it should be


def test_keys_come_from_where_the_api_says() -> None:
    plan = {"Type": "AWS::ApiGateway::UsagePlan", "Properties": {"ApiStages": [{"ApiId": {"Ref": "A"}, "Stage": "v1"}]}}
    named = {"AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": "Z"}, "ApiKeyRequired": True}
    found = first(named, {"ApiKeySourceType": "AUTHORIZER"}, P=plan)
    assert routes(found)["GET /"]["api_keys"] == {"plans": "P", "source": "authorizer"}
    assert routes(first({"ApiKeyRequired": True}, {"ApiKeySourceType": "AUTHORIZER"}, P=plan)) == {}
    assert routes(first({"ApiKeyRequired": True}, P=plan))["GET /"]["api_keys"] == "P"


def test_a_plan_that_is_refused_has_no_api() -> None:
    plan = {"Type": "AWS::ApiGateway::UsagePlan", "Properties": {"ApiStages": [{"ApiId": {"Ref": "A"}}], "Frob": 1}}
    found = first({"ApiKeyRequired": True}, P=plan)
    assert verdicts(found)["P"] == verdicts(found)["M"] == REFUSED
    assert "usage_plans" not in found.config


def test_the_one_route_of_a_quick_api_goes_with_it() -> None:
    target = {"Target": {"Fn::GetAtt": ["Fn", "Arn"]}}
    assert set(routes(second({"AuthorizationType": "NONE"}, target))) == {"GET /a", "$default"}
    assert routes(second({"AuthorizationType": "NONE"}, {**target, "Frob": 1})) == {}
    assert routes(second({"AuthorizationType": "AWS_IAM"}, target)) == {}  # its requests would come to $default


def test_a_stage_that_may_be_there_takes_the_routes_of_its_api() -> None:
    """Of its condition it cannot be told whether it holds."""
    of_first = {"Type": "AWS::ApiGateway::Stage", "Condition": "Unknown", "Properties": {**REST, "StageName": "v1"}}
    of_second = {"Type": "AWS::ApiGatewayV2::Stage", "Condition": "Unknown", "Properties": {**HTTP, "StageName": "v1"}}
    for found, route in ((first({"AuthorizationType": "NONE"}, S=of_first), "M"), (second({}, S=of_second), "R")):
        assert routes(found) == {}
        assert verdicts(found)["S"] == REFUSED
        assert notes(found, "S") == "the template has no condition Unknown"
        assert notes(found, route) == "stage of A is refused, and without it no route of that API is served"


def test_requests_of_a_route_that_may_be_there_do_not_come_to_a_wider_one() -> None:
    guarded = {
        **HTTP,
        "RouteKey": "GET /admin",
        "AuthorizationType": "CUSTOM",
        "AuthorizerId": {"Ref": "Z"},
        "Target": {"Fn::Sub": "integrations/${I}"},
    }
    doubtful = {"Type": "AWS::ApiGatewayV2::Route", "Condition": "Unknown", "Properties": guarded}
    found = second({"RouteKey": "GET /{proxy+}"}, G=doubtful)
    assert routes(found) == {}
    assert notes(found, "G") == "the template has no condition Unknown"
    root = {"ResourceId": {"Fn::GetAtt": ["A", "RootResourceId"]}, "Integration": {"Type": "AWS_PROXY", "Uri": URI}}
    keyed = {**REST, **root, "HttpMethod": "GET", "AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": "Z"}}
    doubtful = {"Type": "AWS::ApiGateway::Method", "Condition": "Unknown", "Properties": keyed}
    assert routes(first({"HttpMethod": "ANY"}, G=doubtful)) == {}


def test_an_integration_of_another_service_is_refused_by_its_name() -> None:
    queue = {**HTTP, "IntegrationType": "AWS_PROXY", "IntegrationSubtype": "SQS-SendMessage", "RequestParameters": {"MessageBody": "x"}}
    found = second({}, I={"Type": "AWS::ApiGatewayV2::Integration", "Properties": queue})
    assert verdicts(found)["I"] == verdicts(found)["R"] == REFUSED
    assert "SQS-SendMessage: integrations of other services are not supported" in notes(found, "I")


@pytest.mark.parametrize(("type_", "said"), [("RequestValidator", "not validated"), ("Model", "not validated")])
def test_what_is_said_beside_routes_is_told_as_it_is_of_sam_s_apis(type_: str, said: str) -> None:
    found = first({"RequestValidatorId": {"Ref": "X"}}, X={"Type": f"AWS::ApiGateway::{type_}", "Properties": {**REST, "Name": "n"}})
    assert verdicts(found) == {"A": RUNS, "Z": RUNS, "M": DIFFERS, "Fn": RUNS, "X": DIFFERS}
    assert said in notes(found, "X")
    assert "refused" not in notes(found, "M")


def test_a_stage_variable_may_name_the_function() -> None:
    uri = {
        "Fn::Sub": URI["Fn::Sub"].replace("${Fn.Arn}", "arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:${!stageVariables.which}")
    }
    stage = {**REST, "StageName": "p", "Variables": {"which": "Fn"}}
    integration = {"Integration": {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": uri}}
    found = first(integration, S={"Type": "AWS::ApiGateway::Stage", "Properties": stage})
    assert set(routes(found)) == {"GET /"}


def test_a_route_of_which_it_is_not_known_who_may_call_it_takes_those_alone_that_its_requests_would_come_to() -> None:
    def other(key: str) -> dict[str, Any]:
        return {"Type": "AWS::ApiGatewayV2::Route", "Properties": {**HTTP, "RouteKey": key, "Target": {"Fn::Sub": "integrations/${I}"}}}

    found = second({"AuthorizationType": "AWS_IAM"}, B=other("GET /b"), C=other("$default"))
    assert set(routes(found)) == {"GET /b"}
    assert notes(found, "C").startswith("GET /a is refused, and its requests would come to $default")


def test_a_method_of_which_neither_can_be_told_takes_all_routes_of_its_api() -> None:
    way = {"RouteKey": {"Fn::ImportValue": "x"}, "AuthorizationType": "AWS_IAM"}
    one = {"Type": "AWS::ApiGatewayV2::Route", "Properties": {**HTTP, "RouteKey": "GET /b", "Target": {"Fn::Sub": "integrations/${I}"}}}
    assert routes(second(way, B=one)) == {}


def test_templates_of_a_proxy_are_nothing_to_it() -> None:
    templates = {"RequestTemplates": {"application/json": '{"statusCode": 200}'}, "PassthroughBehavior": "NEVER"}
    found = first({"Integration": {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": URI, **templates}})
    assert (verdicts(found)["M"], set(routes(found))) == (RUNS, {"GET /"})


def test_the_first_stage_is_served_and_another_one_refused() -> None:
    def stage(name: str) -> dict[str, Any]:
        return {"Type": "AWS::ApiGatewayV2::Stage", "Properties": {**HTTP, "StageName": name, "AutoDeploy": True}}

    found = second({}, S=stage("$default"), T=stage("beta"))
    assert (verdicts(found)["S"], verdicts(found)["T"]) == (RUNS, REFUSED)
    assert notes(found, "T") == "the API has the stage $default already, and one is served here"
    assert "stage" not in routes(found)["GET /a"]
    assert routes(second({}, S=stage("beta"), T=stage("$default")))["GET /a"]["stage"] == "beta"
