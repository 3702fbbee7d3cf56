"""Who may call operations, by the security schemes of an OpenAPI definition."""

from typing import Any

import pytest

from router.templates.words import RUNS
from tests.unit.templates.test_authorizers import routes
from tests.unit.templates.test_openapi import MARK, operation
from tests.unit.templates.test_translate import FN, notes, template, verdicts

GUARD = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Guard.Arn}/invocations"}
TOKEN = {"type": "apiKey", "in": "header", "name": "X-Token", f"{MARK}authtype": "custom", f"{MARK}authorizer": {"type": "token", "authorizerUri": GUARD}}  # fmt: skip
REQUEST = {"type": "apiKey", "in": "header", "name": "Unused", f"{MARK}authtype": "custom", f"{MARK}authorizer": {"type": "request", "authorizerUri": GUARD, "identitySource": "method.request.header.A, method.request.querystring.b", "authorizerResultTtlInSeconds": 60}}  # fmt: skip
KEY = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
PLAN = {"Type": "AWS::ApiGateway::UsagePlan", "Properties": {"ApiStages": [{"ApiId": {"Ref": "A"}, "Stage": "p"}]}}


def secured(security: Any, schemes: dict[str, Any], *, kind: str = "Api", auth: Any = None, old: bool = True) -> Any:
    named = {"securityDefinitions": schemes} if old else {"components": {"securitySchemes": schemes}}
    body = {**named, "paths": {"/a": {"get": operation(security=security)}, "/open": {"get": operation(security=[])}}}
    properties = {"DefinitionBody": body, "StageName": "p", **({"Auth": auth} if auth else {})}
    plan = {"Plan": PLAN} if kind == "Api" else {}
    return template({"A": {"Type": f"AWS::Serverless::{kind}", "Properties": properties}, "Fn": FN, "Guard": FN, **plan})


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize(
    ("scheme", "authorizer"),
    [
        (TOKEN, {"function": "Guard", "type": "token", "identity_source": "method.request.header.X-Token"}),
        (
            REQUEST,
            {
                "function": "Guard",
                "type": "request",
                "identity_source": ["method.request.header.A", "method.request.querystring.b"],
                "ttl": 60,
            },
        ),
    ],
)
def test_a_lambda_authorizer_of_a_rest_api(scheme: Any, authorizer: Any, *, old: bool) -> None:
    found = secured([{"mine": []}], {"mine": scheme}, old=old)
    assert routes(found)["GET /a"]["authorizer"] == authorizer
    assert "authorizer" not in routes(found)["GET /open"]


def test_a_jwt_authorizer_of_an_http_api_checks_the_scopes_of_its_operation() -> None:
    written = {
        "type": "jwt",
        "jwtConfiguration": {"issuer": "https://i.example", "audience": ["a"]},
        "identitySource": "$request.header.Authorization",
    }
    found = secured([{"it": ["read"]}], {"it": {"type": "oauth2", f"{MARK}authorizer": written}}, kind="HttpApi")
    jwt = {"issuer": "https://i.example", "audience": ["a"], "scopes": ["read"], "identity_source": "$request.header.Authorization"}
    assert routes(found)["GET /a"]["authorizer"] == {"jwt": jwt}


def test_a_lambda_authorizer_of_an_http_api() -> None:
    written = {
        "type": "request",
        "authorizerUri": GUARD,
        "identitySource": "$request.header.A",
        "authorizerPayloadFormatVersion": "2.0",
        "enableSimpleResponses": True,
    }
    found = secured([{"it": []}], {"it": {**KEY, f"{MARK}authorizer": written}}, kind="HttpApi")
    assert routes(found)["GET /a"]["authorizer"] == {
        "function": "Guard", "payload_format_version": "2.0", "simple_responses": True, "identity_source": "$request.header.A",
    }  # fmt: skip


@pytest.mark.parametrize("security", [[{"key": [], "mine": []}], [{"key": []}, {"mine": []}]])
def test_a_key_and_an_authorizer_are_both_demanded(security: Any) -> None:
    found = routes(secured(security, {"key": KEY, "mine": TOKEN}))["GET /a"]
    assert (found["api_keys"], found["authorizer"]["function"]) == ("Plan", "Guard")


COGNITO = {**TOKEN, f"{MARK}authtype": "cognito_user_pools", f"{MARK}authorizer": {"type": "cognito_user_pools", "providerARNs": ["x"]}}


@pytest.mark.parametrize(
    ("security", "schemes"),
    [
        ([{"mine": []}], {}),
        ([{"mine": []}], {"mine": COGNITO}),
        ([{"mine": []}], {"mine": {**TOKEN, f"{MARK}authtype": "awsSigv4"}}),
        ([{"mine": []}], {"mine": {**TOKEN, f"{MARK}authorizer": {**TOKEN[f"{MARK}authorizer"], "heedsWhat": 1}}}),  # type: ignore[dict-item]
        ([{"mine": []}], {"mine": {**TOKEN, "in": "query"}}),
        ([{"mine": ["scope"]}], {"mine": TOKEN}),
        ([{"mine": "scope"}], {"mine": TOKEN}),
        ([{"mine": []}, {"two": []}], {"mine": TOKEN, "two": REQUEST}),
        ([{"mine": []}, {}], {"mine": TOKEN}),
        ([{"key": []}], {"key": {**KEY, "name": "Other"}}),
        ([{"key": []}], {"key": {**KEY, f"{MARK}authtype": "awsSigv4"}}),
    ],
)
def test_what_cannot_be_demanded_is_not_served(security: Any, schemes: Any) -> None:
    found = secured(security, schemes)
    assert set(routes(found)) == {"GET /open"}
    assert "security" in notes(found, "A.GET /a") or "supported" in notes(found, "A.GET /a")


def test_a_security_beside_the_auth_of_the_api_is_refused() -> None:
    auth = {"DefaultAuthorizer": "L", "Authorizers": {"L": {"FunctionArn": {"Fn::GetAtt": ["Guard", "Arn"]}}}}
    found = secured([{"mine": []}], {"mine": TOKEN}, auth=auth)
    assert set(routes(found)) == {"GET /open"}
    assert verdicts(found)["A"] == RUNS
