"""Gateway responses: what of them is kept, however a template spells them."""

from typing import Any

import pytest

from router.templates.words import DIFFERS, RUNS
from tests.unit.templates.test_authorizers import routes
from tests.unit.templates.test_gateways import first
from tests.unit.templates.test_openapi import MARK, operation
from tests.unit.templates.test_translate import FN, function, notes, template, verdicts

ORIGIN = {"Access-Control-Allow-Origin": "*"}
EVENT = {"Type": "Api", "Properties": {"Path": "/a", "Method": "get"}}


def sam(responses: Any) -> Any:
    api = {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "p", "GatewayResponses": responses}}
    event = {"Type": "Api", "Properties": {**EVENT["Properties"], "RestApiId": {"Ref": "A"}}}  # type: ignore[dict-item]
    return template({"A": api, "Fn": function(Events={"E": event})})


def test_of_sam_s_api() -> None:
    headers = {"Headers": {"Access-Control-Allow-Origin": "'*'"}}
    found = sam({"DEFAULT_4xx": {"ResponseParameters": headers}, "DEFAULT_5XX": {"ResponseParameters": headers}})
    assert verdicts(found) == {"A": RUNS, "Fn": RUNS, "Fn.E": RUNS}
    assert routes(found)["GET /a"]["gateway_responses"] == {"default_4xx": ORIGIN, "default_5xx": ORIGIN}


@pytest.mark.parametrize("api", ["A", "ServerlessRestApi"])
def test_of_a_resource_of_its_own(api: str) -> None:
    parameters = {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}
    properties = {"RestApiId": {"Ref": api}, "ResponseType": "DEFAULT_4XX", "ResponseParameters": parameters}
    answer = {"X": {"Type": "AWS::ApiGateway::GatewayResponse", "Properties": properties}}
    found = first({}, **answer) if api == "A" else template({"Fn": function(Events={"E": EVENT}), **answer})
    assert verdicts(found)["X"] == RUNS
    (value,) = routes(found).values()
    assert value["gateway_responses"] == {"default_4xx": ORIGIN}


def test_of_a_definition() -> None:
    responses = {"DEFAULT_5XX": {"responseParameters": {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}}}
    body = {f"{MARK}gateway-responses": responses, "paths": {"/a": {"get": operation()}}}
    found = template({"A": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Body": body}}, "Fn": FN})
    assert routes(found)["GET /a"]["gateway_responses"] == {"default_5xx": ORIGIN}


@pytest.mark.parametrize(
    ("responses", "kept"),
    [
        ({"UNAUTHORIZED": {"ResponseParameters": {"Headers": {"A": "'b'"}}}}, None),
        ({"DEFAULT_4XX": {"ResponseParameters": {"Headers": {"A": "'b'", "C": "method.request.header.D"}}}}, {"default_4xx": {"A": "b"}}),
        ({"DEFAULT_4XX": {"ResponseParameters": {"Headers": {"A": "'b'", "Content-Type": "'c'"}}}}, {"default_4xx": {"A": "b"}}),
        ({"DEFAULT_4XX": {"ResponseParameters": {"Headers": {"A": "'b'"}, "Paths": {"p": "'q'"}}}}, {"default_4xx": {"A": "b"}}),
        ({"DEFAULT_4XX": {"StatusCode": 418, "ResponseParameters": {"Headers": {"A": "'b'"}}}}, {"default_4xx": {"A": "b"}}),
        ({"DEFAULT_4XX": {"ResponseTemplates": {"application/json": "{}"}}}, None),
        ({"DEFAULT_4XX": "x"}, None),
    ],
)
def test_what_is_not_kept_is_said(responses: Any, kept: Any) -> None:
    found = sam(responses)
    assert routes(found)["GET /a"].get("gateway_responses") == kept
    if responses != {"DEFAULT_4XX": "x"}:
        assert verdicts(found)["A"] == DIFFERS
        assert "AWS's own texts" in notes(found, "A")


def test_a_value_is_a_text_of_the_config() -> None:
    """What would stand for something else there is escaped, as everywhere."""
    found = sam({"DEFAULT_4XX": {"ResponseParameters": {"Headers": {"A": "'${env:HOME}'"}}}})
    assert routes(found)["GET /a"]["gateway_responses"] == {"default_4xx": {"A": "$${env:HOME}"}}
