"""Lambda authorizers written with Powertools and with Chalice stand before a function: what they read, and what they say, works."""

import json
from typing import Any

import pytest
from aws_lambda_powertools.utilities import data_classes
from aws_lambda_powertools.utilities.data_classes.api_gateway_authorizer_event import APIGatewayAuthorizerRequestEvent
from aws_lambda_powertools.utilities.parser import models

from tests.fidelity.consumers.exchange import Answer, ask
from tests.fidelity.consumers.kinds import REST_LAX, V1_LAX, V2_LAX
from tests.fidelity.consumers.sent import strictly
from tests.fidelity.consumers.site import GUARDED, Site

NEW_KEY = "HTTP APIs send it, the model is of REST APIs"
ARN = "arn:aws:execute-api:us-east-1:123456789012:"
guards = pytest.mark.parametrize("guard", GUARDED)


def call(site: Site, guard: str, token: str = "", method: str = "GET") -> Answer:
    headers = [("Authorization", token)] if token else []
    return ask(site.port, method, f"/guarded/{guard}/a?b=c", headers)


def passed(site: Site, guard: str) -> Any:
    """The event that teller got behind the guard."""
    answer = call(site, guard, "good")
    assert answer.status == 200, answer
    return json.loads(answer.body)


@guards
def test_no_identity_is_401(site: Site, guard: str) -> None:
    answer = call(site, guard)
    assert (answer.status, json.loads(answer.body)) == (401, {"message": "Unauthorized"})


@guards
def test_a_denial_is_403(site: Site, guard: str) -> None:
    answer = call(site, guard, "bad")
    assert answer.status == 403, answer
    rest = "api: rest" in GUARDED[guard]
    assert json.loads(answer.body).keys() == ({"Message"} if rest else {"message"})


@guards
def test_a_policy_holds_for_the_methods_that_it_names(site: Site, guard: str) -> None:
    assert call(site, guard, "good", "DELETE").status == (200 if guard == "simple" else 403)


@pytest.mark.parametrize("guard", ["token", "request"])
def test_unauthorized_is_401(site: Site, guard: str) -> None:
    assert call(site, guard, "nobody").status == 401


def test_a_token_authorizer(site: Site) -> None:
    read = data_classes.APIGatewayProxyEvent(passed(site, "token")).request_context.authorizer
    assert (read.principal_id, read["number"], read["yes"]) == ("user-1", "7", "true")
    assert isinstance(read.integration_latency, int)
    asked = strictly(models.ApiGatewayAuthorizerToken, json.loads(read["event"]))
    assert asked.authorizationToken == "good"
    assert asked.methodArn.startswith(ARN)
    assert asked.methodArn.endswith("/prod/GET/guarded/token/a")


def test_a_request_authorizer_of_a_rest_api(site: Site) -> None:
    read = data_classes.APIGatewayProxyEvent(passed(site, "request")).request_context.authorizer
    asked = strictly(models.ApiGatewayAuthorizerRequest, json.loads(read["event"]), REST_LAX)
    assert asked.methodArn.endswith("/prod/GET/guarded/request/a")
    assert (asked.resource, asked.path, asked.httpMethod) == ("/guarded/request/{path+}", "/guarded/request/a", "GET")
    assert (asked.queryStringParameters, asked.pathParameters) == ({"b": "c"}, {"path": "a"})


def test_format_1_of_an_http_api(site: Site) -> None:
    context = data_classes.APIGatewayProxyEventV2(passed(site, "v1")).request_context.authorizer.get_lambda
    asked = json.loads(context["event"])
    lax = {**V1_LAX, "identitySource": NEW_KEY, "authorizationToken": NEW_KEY}
    model = strictly(models.ApiGatewayAuthorizerRequest, asked, lax)
    assert (model.version, model.path, model.httpMethod) == ("1.0", "/guarded/v1/a", "GET")
    assert model.methodArn.endswith("/$default/GET/guarded/v1/a")
    read = APIGatewayAuthorizerRequestEvent(asked)
    assert (read.identity_source, read.authorization_token) == ("good", "good")


@pytest.mark.parametrize("guard", ["v2", "simple"])
def test_format_2_of_an_http_api(site: Site, guard: str) -> None:
    context = data_classes.APIGatewayProxyEventV2(passed(site, guard)).request_context.authorizer.get_lambda
    assert (context["number"], context["yes"]) == (7, True)
    asked = context["event"] if guard == "simple" else json.loads(context["event"])
    read = strictly(models.ApiGatewayAuthorizerRequestV2, asked, V2_LAX)
    assert read.identitySource == ["good"]
    assert read.routeArn.endswith(f"/$default/GET/guarded/{guard}/a")
    assert (read.routeKey, read.rawPath) == (f"ANY /guarded/{guard}/{{path+}}", f"/guarded/{guard}/a")


def test_chalice(site: Site) -> None:
    read = data_classes.APIGatewayProxyEvent(passed(site, "chalice")).request_context.authorizer
    assert (read.principal_id, read["type"]) == ("user-2", "TOKEN")
    assert read["arn"].startswith(ARN)


def test_an_answer_is_kept_for_its_token_and_judged_for_each_method(site: Site) -> None:
    """Chalice's stands with the default of 300 s: the second request finds no latency, and another method is another question."""
    passed(site, "chalice")
    assert passed(site, "chalice")["requestContext"]["authorizer"]["integrationLatency"] == 0
    assert call(site, "chalice", "good", "PUT").status == 403
