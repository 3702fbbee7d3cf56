"""OpenAPI definitions: which operations become routes, and what they demand of callers."""

import json
from typing import Any

import pytest

from router.templates.translate import Options, translate
from router.templates.words import DIFFERS, REFUSED, RUNS, Refused, Translation
from tests.unit.templates.test_authorizers import LAMBDA, open_routes, routes
from tests.unit.templates.test_translate import FN, function, notes, template, verdicts

URI = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Fn.Arn}/invocations"}
MARK = "x-amazon-apigateway-"


def operation(integration: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {f"{MARK}integration": {"type": "aws_proxy", "httpMethod": "POST", "uri": URI, **(integration or {})}, **more}


def defined(body: Any, auth: Any = None, type_: str = "AWS::Serverless::Api") -> Any:
    named = {"Auth": auth} if auth is not None else {}
    properties = {"Body": body} if "Serverless" not in type_ else {"DefinitionBody": body, "StageName": "p", **named}
    return template({"A": {"Type": type_, "Properties": properties}, "Fn": FN, "Guard": FN})


INCLUDED = f"""
openapi: 3.0.1
paths:
  /a:
    get:
      {MARK}integration:
        type: aws_proxy
        httpMethod: POST
        uri: {{"Fn::Sub": "{URI["Fn::Sub"]}"}}
"""


def including(properties: Any, files: dict[str, str], type_: str = "AWS::Serverless::Api", **events: Any) -> Translation:
    def read(path: str) -> str:
        if path not in files:
            raise Refused(f"{path}: No such file or directory")
        return files[path]

    resources = {"A": {"Type": type_, "Properties": {"StageName": "p", **properties}}, "Fn": function(Events=events)}
    return translate(json.dumps({"Resources": resources}), Options(read=read))


def include(location: Any) -> dict[str, Any]:
    return {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": location}}}


@pytest.mark.parametrize("type_", ["AWS::Serverless::Api", "AWS::Serverless::HttpApi"])
def test_a_definition_may_stand_in_a_file_beside_the_template(type_: str) -> None:
    """Functions are called in it as in the template, and where it is may be told by one."""
    found = including({"DefinitionBody": include({"Fn::Sub": "docs/api.yaml"})}, {"docs/api.yaml": INCLUDED}, type_)
    assert set(routes(found)) == {"GET /a"}


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "api.yaml: No such file"), ("a: b: c", "api.yaml: line 1: not YAML"), (INCLUDED.replace("aws_proxy", "aws"), "")],
)
def test_what_cannot_be_included_is_refused_by_itself(text: str | None, said: str) -> None:
    found = including({"DefinitionBody": include("api.yaml")}, {} if text is None else {"api.yaml": text})
    assert verdicts(found)["Fn"] == RUNS
    assert routes(found) == {}
    assert said in notes(found, found.refused[0].resource)


def test_a_definition_that_is_uploaded_as_it_is_has_no_functions_and_takes_no_events() -> None:
    event = {"Type": "Api", "Properties": {"Path": "/b", "Method": "get", "RestApiId": {"Ref": "A"}}}
    plain = INCLUDED.replace(
        f'{{"Fn::Sub": "{URI["Fn::Sub"]}"}}', URI["Fn::Sub"].replace("${Fn.Arn}", "arn:aws:lambda:us-east-1:123456789012:function:Fn")
    )
    found = including({"DefinitionUri": "api.yaml"}, {"api.yaml": plain}, E=event)
    assert set(routes(found)) == {"GET /a"}
    assert routes(including({"DefinitionUri": "api.yaml"}, {"api.yaml": INCLUDED}, E=event)) == {}
    in_s3 = including({"DefinitionUri": {"Bucket": "b", "Key": "k"}}, {})
    assert "not on this machine" in notes(in_s3, "A")


def test_the_auth_of_the_api_holds_for_operations() -> None:
    paths = {"/a": {"get": operation(), "post": operation(security=[])}}
    found = defined({"paths": paths}, {"DefaultAuthorizer": "L", "ApiKeyRequired": True, "Authorizers": {"L": LAMBDA}})
    assert set(routes(found)) == {"GET /a", "POST /a"}
    for value in routes(found).values():
        assert (value["authorizer"], value["api_keys"]) == ({"function": "Guard", "type": "token"}, "a")


@pytest.mark.parametrize("type_", ["AWS::Serverless::Api", "AWS::ApiGateway::RestApi"])
@pytest.mark.parametrize(
    ("top", "of_path", "own"),
    [
        ({"security": [{"api_key": []}]}, {}, {}),
        ({"security": [{"api_key": []}]}, {}, {"security": None}),
        ({"security": "sigv4"}, {}, {}),
        ({"Security": [{"api_key": []}]}, {}, {}),
        ({f"{MARK}policy": {"Statement": []}}, {}, {}),
        ({f"{MARK}auth": {"type": "AWS_IAM"}}, {}, {}),
        ({f"{MARK}endpoint-configuration": {"types": ["PRIVATE"]}}, {}, {}),
        ({"x-amazon-unheard-of": {"a": 1}}, {}, {}),
        ({}, {"security": [{"api_key": []}]}, {}),
        ({}, {f"{MARK}auth": {"type": "AWS_IAM"}}, {}),
        ({}, {"$ref": "#/a"}, {}),
        ({}, {}, {"security": [{"api_key": []}]}),
        ({}, {}, {"security": [{}]}),
        ({}, {}, {"security": {}}),
        ({}, {}, {"security": False}),
        ({}, {}, {"Security": [{"api_key": []}]}),
        ({}, {}, {f"{MARK}auth": {"type": "AWS_IAM"}}),
        ({}, {}, {f"{MARK}auth": "NONE"}),
        ({}, {}, {f"{MARK}authtype": "awsSigv4"}),
        ({}, {}, {"x-amazon-unheard-of": 1}),
    ],
)
def test_what_is_demanded_anywhere_is_demanded(type_: str, top: Any, of_path: Any, own: Any) -> None:
    found = defined({"openapi": "3.0.1", **top, "paths": {"/a": {"get": operation(**own), **of_path}}}, None, type_)
    assert routes(found) == {}
    assert found.refused


def test_what_demands_nothing_is_served() -> None:
    body = {
        "openapi": "3.0.1",
        "info": {"title": "t"},
        "security": [{"api_key": []}],
        "x-vendor": 1,
        "components": {"securitySchemes": {}},
        f"{MARK}binary-media-types": ["image/png"],
        f"{MARK}gateway-responses": {"UNAUTHORIZED": {"statusCode": 401}},
        "paths": {
            "/a": {
                "get": operation({"timeoutInMillis": 3000}, security=[], operationId="a", **{f"{MARK}auth": {"type": "NONE"}}),
                "post": operation(security=[], **{f"{MARK}request-validator": "all"}),
                "parameters": [],
                "x-vendor": 1,
            }
        },
    }
    found = defined(body)
    assert open_routes(found) == {"GET /a", "POST /a"}
    assert routes(found)["GET /a"] == {
        "route": "GET /a",
        "api": "rest",
        "stage": "p",
        "binary_media_types": ["image/png"],
        "timeout": "3000ms",
    }
    told = verdicts(found)
    assert (told["A"], told["A.GET /a"], told["A.POST /a"]) == (DIFFERS, RUNS, DIFFERS)
    assert notes(found, "A.POST /a") == "request-validator: requests are not validated; the function must"
    assert "answers that come from no function have AWS's own texts" in notes(found, "A")


@pytest.mark.parametrize(
    "body", ["https://example/api.yaml", ["x"], {"paths": "x"}, {"paths": {"/a": "x"}}, {"paths": {"/a": {"get": "x"}}}]
)
@pytest.mark.parametrize("type_", ["AWS::Serverless::Api", "AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api"])
def test_a_definition_that_is_none_is_refused(body: Any, type_: str) -> None:
    found = defined(body, None, type_)
    assert [row for row in found.refused if row.resource.startswith("A")]


@pytest.mark.parametrize(
    "integration",
    [{"connectionType": "VPC_LINK"}, {"requestParameters": {"a": "b"}}, {"responseTransferMode": "STREAM"}, {"integrationSubtype": "x"}],
)
def test_what_an_integration_says_is_not_passed_over(integration: dict[str, Any]) -> None:
    found = defined({"paths": {"/a": {"get": operation(integration)}}})
    assert verdicts(found)["A.GET /a"] == REFUSED


def test_cors_of_a_definition() -> None:
    body = {"paths": {"/a": {"get": operation()}}, f"{MARK}cors": {"allowOrigins": ["https://a.example"], "maxAge": 5}}
    found = defined(body, None, "AWS::ApiGatewayV2::Api")
    assert routes(found)["GET /a"]["cors"] == {"allow_origins": ["https://a.example"], "max_age": 5}


def test_keys_of_a_definition_may_come_from_the_authorizer() -> None:
    auth = {"DefaultAuthorizer": "L", "ApiKeyRequired": True, "Authorizers": {"L": LAMBDA}}
    found = defined({"paths": {"/a": {"get": operation()}}, f"{MARK}api-key-source": "AUTHORIZER"}, auth)
    assert routes(found)["GET /a"]["api_keys"] == {"plans": "a", "source": "authorizer"}


def test_an_operation_of_another_service_is_refused_by_its_name() -> None:
    queue = {"integrationSubtype": "SQS-SendMessage", "uri": None, "requestParameters": {"MessageBody": "x"}}
    found = defined({"paths": {"/q": {"post": operation(queue)}}}, type_="AWS::Serverless::HttpApi")
    assert "SQS-SendMessage: integrations of other services are not supported" in notes(found, "A.POST /q")


def test_a_gateway_knows_account_region_and_partition_itself() -> None:
    """Its importer puts them in where no Fn::Sub stands."""
    arn = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:Fn"
    uri = f"arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/{arn}/invocations"
    assert set(routes(defined({"paths": {"/a": {"get": operation({"uri": uri})}}}))) == {"GET /a"}


@pytest.mark.parametrize("path", ["$default", "/$default"])
def test_an_operation_without_an_integration_waits_for_an_event_s_function(path: str) -> None:
    """SAM completes an HTTP API's definition."""
    body = {"openapi": "3.0.1", "paths": {path: {f"{MARK}any-method": {"isDefaultRoute": True}}}}
    event = {"Type": "HttpApi", "Properties": {"ApiId": {"Ref": "A"}}}
    api = {"Type": "AWS::Serverless::HttpApi", "Properties": {"DefinitionBody": body}}
    found = template({"A": api, "Fn": function(Events={"E": event})})
    assert verdicts(found) == {"A": RUNS, "Fn": RUNS, "Fn.E": RUNS}
    assert set(routes(found)) == {"$default"}
    alone = template({"A": api, "Fn": FN})
    assert "no event of a function is for it" in notes(alone, f"A.ANY {path}")


def test_an_operation_that_demands_more_than_is_kept_waits_for_nobody() -> None:
    body = {"paths": {"/a": {"get": {"security": [{"api_key": []}]}}}}
    event = {"Type": "HttpApi", "Properties": {"ApiId": {"Ref": "A"}, "Path": "/a", "Method": "get"}}
    api = {"Type": "AWS::Serverless::HttpApi", "Properties": {"DefinitionBody": body}}
    assert routes(template({"A": api, "Fn": function(Events={"E": event})})) == {}


@pytest.mark.parametrize(("value", "served"), [("Fn", True), ("Other", False), (None, False)])
def test_a_stage_variable_may_name_the_function(value: str | None, *, served: bool) -> None:
    uri = {
        "Fn::Sub": URI["Fn::Sub"].replace("${Fn.Arn}", "arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:${!stageVariables.which}")
    }
    body = {"paths": {"/a": {"get": operation({"uri": uri})}}}
    variables = {} if value is None else {"Variables": {"which": value}}
    api = {"Type": "AWS::Serverless::Api", "Properties": {"DefinitionBody": body, "StageName": "p", **variables}}
    found = template({"A": api, "Fn": FN})
    assert set(routes(found)) == ({"GET /a"} if served else set())
