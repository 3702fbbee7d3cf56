"""What demands something of callers, written anywhere in a template: it is kept, or what it may concern is refused."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from router.templates.translate import Options, translate
from router.templates.words import TemplateError, Translation
from tests.unit.templates.test_authorizers import event, open_routes
from tests.unit.templates.test_openapi import operation
from tests.unit.templates.test_translate import FN, function

URI = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Fn.Arn}/invocations"}
METHOD = {"RestApiId": {"Ref": "Raw"}, "ResourceId": {"Fn::GetAtt": ["Raw", "RootResourceId"]}, "HttpMethod": "GET", "AuthorizationType": "NONE", "Integration": {"Type": "AWS_PROXY", "Uri": URI}}  # fmt: skip
ROUTE = {"ApiId": {"Ref": "Second"}, "RouteKey": "GET /second", "Target": {"Fn::Sub": "integrations/${Way}"}}
OPEN: dict[str, Any] = {
    "Globals": {"Function": {"Timeout": 3}, "Api": {"StageName": "v1"}, "HttpApi": {"StageName": "$default"}},
    "Resources": {
        "Fn": function(Events={"I": event("/i"), "E": event("/e", None, "Own"), "H": event("/h", None, None, "HttpApi")}, FunctionUrlConfig={"AuthType": "NONE"}),
        "Guard": FN,
        "Own": {"Type": "AWS::Serverless::Api", "Properties": {}},
        "Defined": {"Type": "AWS::Serverless::Api", "Properties": {"DefinitionBody": {"paths": {"/d": {"get": operation()}}}}},
        "Raw": {"Type": "AWS::ApiGateway::RestApi", "Properties": {}},
        "Stage": {"Type": "AWS::ApiGateway::Stage", "Properties": {"RestApiId": {"Ref": "Raw"}, "StageName": "v1"}},
        "Method": {"Type": "AWS::ApiGateway::Method", "Properties": METHOD},
        "Second": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"ProtocolType": "HTTP"}},
        "Way": {"Type": "AWS::ApiGatewayV2::Integration", "Properties": {"ApiId": {"Ref": "Second"}, "IntegrationType": "AWS_PROXY", "IntegrationUri": {"Fn::GetAtt": ["Fn", "Arn"]}}},
        "Route": {"Type": "AWS::ApiGatewayV2::Route", "Properties": ROUTE},
    },
}  # fmt: skip
ROUTES = {"GET /i", "GET /e", "GET /h", "GET /d", "GET /", "GET /second"}
DEMANDS: dict[str, Any] = {
    "Auth": {"ApiKeyRequired": True},
    "Authorizer": "L",
    "ApiKeyRequired": True,
    "AuthorizationType": "AWS_IAM",
    "AuthorizationScopes": ["s"],
    "AuthorizerId": "z",
    "DefaultAuthorizer": "L",
    "ResourcePolicy": {"IpRangeWhitelist": ["10.0.0.0/8"]},
    "Policy": {"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "*"}]},
    "security": [{"api_key": []}],
    "x-amazon-apigateway-auth": {"type": "AWS_IAM"},
    "x-amazon-apigateway-policy": {"Statement": []},
    "EndpointConfiguration": {"Type": "PRIVATE"},
    "auth": {"ApiKeyRequired": True},
}


def mappings(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where mappings are that call no function of CloudFormation."""
    if isinstance(value, dict) and not (len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref"))):
        yield path
        for key, each in value.items():
            yield from mappings(each, (*path, key))


def with_demand(path: tuple[str, ...], key: str) -> Translation:
    whole = copy.deepcopy(OPEN)
    at = whole
    for step in path:
        at = at[step]
    at[key] = DEMANDS[key]
    return translate(json.dumps(whole), Options())


def served_to_all(found: Translation) -> set[str]:
    """Open routes, functions, and those with a URL that is open."""
    functions = found.config.get("functions", {})
    return (
        open_routes(found)
        | set(functions)
        | {f"{name}.url" for name, each in functions.items() if {"url": "none"} in each.get("triggers", ())}
    )


ALL = ROUTES | {"Fn", "Guard", "Fn.url"}


def test_the_template_is_open() -> None:
    found = translate(json.dumps(OPEN), Options())
    assert served_to_all(found) == ALL
    assert not found.refused


@pytest.mark.parametrize("key", DEMANDS)
@pytest.mark.parametrize("path", [*mappings(OPEN)], ids=".".join)
def test_what_demands_something_is_not_passed_over(path: tuple[str, ...], key: str) -> None:
    """Wherever it stands: less is open, or there is no config. Where keys are names it is a resource or an event, which is refused."""
    try:
        found = with_demand(path, key)
    except TemplateError:
        return
    named = {("Resources",): key, ("Resources", "Fn", "Properties", "Events"): f"Fn.{key}"}.get(path)
    assert served_to_all(found) < ALL or named in {row.resource for row in found.refused}
