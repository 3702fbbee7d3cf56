"""CORS of REST APIs: SAM's, and methods OPTIONS that are mocks."""

from typing import Any

import pytest

from router.templates.words import DIFFERS, REFUSED, RUNS, Translation
from tests.unit.templates.test_authorizers import LAMBDA, event, routes
from tests.unit.templates.test_openapi import MARK, URI, operation
from tests.unit.templates.test_translate import FN, function, notes, template, verdicts

HEADERS = {"Access-Control-Allow-Origin": "'https://a.example'", "Access-Control-Allow-Methods": "'GET,OPTIONS'"}
CORS = {"allow_origins": "https://a.example", "allow_methods": ["GET", "OPTIONS"]}


def sam(cors: Any, **properties: Any) -> Translation:
    api = {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "p", "Cors": cors, **properties}}
    return template({"A": api, "Fn": function(Events={"E": event("/a", None, "A")}), "Guard": FN})


@pytest.mark.parametrize(
    ("written", "cors"),
    [
        ("'*'", {"allow_origins": "*"}),
        (
            {"AllowOrigin": "'https://a.example'", "AllowMethods": "'GET, PUT'"},
            {"allow_origins": "https://a.example", "allow_methods": ["GET", "PUT"]},
        ),
        ({"AllowHeaders": "'X-A,X-B'", "MaxAge": "'600'"}, {"allow_origins": "*", "allow_headers": ["X-A", "X-B"], "max_age": 600}),
        (
            {"AllowOrigin": "'https://a.example'", "AllowCredentials": True},
            {"allow_origins": "https://a.example", "allow_credentials": True},
        ),
    ],
)
def test_sam_s_cors_is_that_of_all_routes(written: Any, cors: Any) -> None:
    found = sam(written)
    assert routes(found)["GET /a"] == {"route": "GET /a", "api": "rest", "stage": "p", "cors": cors}
    assert verdicts(found)["A"] == RUNS


@pytest.mark.parametrize("none", [False, "", None])
def test_no_cors(none: Any) -> None:
    assert "cors" not in routes(sam(none))["GET /a"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("*", "Cors.AllowOrigin wants single quotes within the text"),
        ({"AllowMethods": "GET"}, "Cors.AllowMethods wants single quotes within the text"),
        ({"MaxAge": 600}, "Cors.MaxAge wants single quotes within the text"),
        ({"MaxAge": "'1h'"}, "is no number of seconds"),
        ({"AllowOrigins": ["*"]}, "Cors.AllowOrigins"),
        (["*"], "is no text"),
    ],
)
def test_what_api_gateway_would_not_take_is_refused(written: Any, said: str) -> None:
    found = sam(written)
    assert verdicts(found)["A"] == REFUSED
    assert said in notes(found, "A")


def defined(headers: Any, auth: Any = None, **options: Any) -> Translation:
    """A definition with GET and a mock."""
    response = {"statusCode": "200", "responseParameters": {f"method.response.header.{name}": value for name, value in headers.items()}}
    mock = {
        "type": "mock",
        "requestTemplates": {"application/json": '{"statusCode": 200}'},
        "responses": {"default": {**response, **options}},
    }
    paths = {"/a": {"get": operation(), "options": {f"{MARK}integration": mock}}, "/b": {"get": operation()}}
    api = {"StageName": "p", "DefinitionBody": {"paths": paths}, **({"Auth": auth} if auth else {})}
    return template({"A": {"Type": "AWS::Serverless::Api", "Properties": api}, "Fn": FN, "Guard": FN})


def test_a_mock_of_a_definition_is_the_cors_of_its_path() -> None:
    found = defined({**HEADERS, "Vary": "'Origin'"}, responseTemplates={"application/json": "{}\n"})
    assert (routes(found)["GET /a"]["cors"], verdicts(found)["A.OPTIONS /a"]) == (CORS, RUNS)
    assert "cors" not in routes(found)["GET /b"]
    assert "OPTIONS /a" not in routes(found)


def test_a_guarded_mock_is_said_to_answer_everybody() -> None:
    found = defined(HEADERS, {"DefaultAuthorizer": "L", "Authorizers": {"L": LAMBDA}})
    assert (routes(found)["GET /a"]["cors"], verdicts(found)["A.OPTIONS /a"]) == (CORS, DIFFERS)
    assert set(routes(found)["GET /a"]) > {"authorizer"}


@pytest.mark.parametrize(
    ("headers", "options"),
    [
        ({"Access-Control-Allow-Methods": "'GET'"}, {}),
        ({**HEADERS, "X-Own": "'1'"}, {}),
        ({**HEADERS, "Access-Control-Allow-Headers": "method.request.header.X"}, {}),
        (HEADERS, {"statusCode": "500"}),
        (HEADERS, {"responseTemplates": {"application/json": '#set($origin = "x")'}}),
        (HEADERS, {"responseTemplates": "x"}),
        (HEADERS, {"unheard": 1}),
    ],
)
def test_a_mock_that_answers_anything_else_is_refused(headers: Any, options: Any) -> None:
    found = defined(headers, **options)
    assert verdicts(found)["A.OPTIONS /a"] == REFUSED
    assert "cors" not in routes(found)["GET /a"]


def raw(method: str, path: str, responses: Any) -> dict[str, Any]:
    """A REST API that is written out: `GET /items`, `ANY /{proxy+}`, and a mock."""
    api = {"RestApiId": {"Ref": "A"}}
    root = {"Fn::GetAtt": ["A", "RootResourceId"]}
    integration = {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": URI}
    mock = {"Type": "MOCK", "RequestTemplates": {"application/json": "{ statusCode: 200 }"}, "IntegrationResponses": responses}

    def made(resource: Any, name: str, how: Any) -> dict[str, Any]:
        return {
            "Type": "AWS::ApiGateway::Method",
            "Properties": {**api, "ResourceId": resource, "HttpMethod": name, "AuthorizationType": "NONE", "Integration": how},
        }

    return {
        "M": made({"Ref": path}, method, mock),
        "Get": made({"Ref": "Items"}, "GET", integration),
        "Any": made({"Ref": "Rest"}, "ANY", integration),
        "Items": {"Type": "AWS::ApiGateway::Resource", "Properties": {**api, "ParentId": root, "PathPart": "items"}},
        "Other": {"Type": "AWS::ApiGateway::Resource", "Properties": {**api, "ParentId": root, "PathPart": "other"}},
        "Rest": {"Type": "AWS::ApiGateway::Resource", "Properties": {**api, "ParentId": root, "PathPart": "{proxy+}"}},
        "A": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "a"}},
        "Fn": FN,
    }


ANSWER = {"StatusCode": "204", "ResponseParameters": {f"method.response.header.{name}": value for name, value in HEADERS.items()}}


def test_a_mock_that_is_written_out_is_the_cors_of_its_path() -> None:
    found = template(raw("OPTIONS", "Items", [ANSWER]))
    assert (routes(found)["GET /items"]["cors"], verdicts(found)["M"]) == (CORS, RUNS)
    assert "cors" not in routes(found)["ANY /{proxy+}"]


def test_a_mock_beside_no_function_answers_nothing() -> None:
    found = template(raw("OPTIONS", "Other", [ANSWER]))
    assert verdicts(found)["M"] == DIFFERS
    assert notes(found, "M") == "no function serves /other, so there are no preflights to answer"
    assert not any("cors" in route for route in routes(found).values())


@pytest.mark.parametrize(("method", "responses"), [("GET", [ANSWER]), ("OPTIONS", []), ("OPTIONS", [ANSWER, ANSWER]), ("OPTIONS", ["x"])])
def test_other_mocks_are_refused(method: str, responses: Any) -> None:
    assert verdicts(template(raw(method, "Other", responses)))["M"] == REFUSED


@pytest.mark.parametrize("more", [{"Unheard": 1}, {"RequestParameters": {"integration.request.header.X": "'1'"}}])
def test_what_is_said_of_a_mock_and_not_understood_is_refused(more: Any) -> None:
    made = raw("OPTIONS", "Items", [ANSWER])
    made["M"]["Properties"]["Integration"] |= more
    assert verdicts(template(made))["M"] == REFUSED
