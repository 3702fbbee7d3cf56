"""AWS Lambda Powertools read the events that requests become behind each face."""

import base64
import hmac
import ipaddress
import time
from typing import Any

import pytest
from aws_lambda_powertools.utilities import data_classes
from aws_lambda_powertools.utilities.parser import models

from tests.fidelity.consumers.kinds import REST_LAX, V1_LAX, V2_LAX
from tests.fidelity.consumers.sent import strictly
from tests.fidelity.consumers.site import HOOK, HOOK_SECRET, Site

BODY = '{"text": "Gr\u00fc\u00dfe"}'
HEADERS = (
    ("Content-Type", "application/json"),
    ("X-Probe", "one"),
    ("X-Probe", "two"),
    ("User-Agent", "consumer/1"),
    ("Cookie", "a=1; b=2"),
)
TARGET = "/orders/7%20x?a=1&a=2&name=Gr%C3%BC%C3%9Fe%26+co"
ACCOUNT = "123456789012"


def ask(site: Site, face: str, body: bytes = BODY.encode(), headers: Any = HEADERS) -> Any:
    return site.told(face, "POST", TARGET, headers, body)


def about_now(milliseconds: int) -> bool:
    return abs(time.time() * 1000 - milliseconds) < 60_000


def test_http_api(site: Site) -> None:
    event = ask(site, "http")
    model = strictly(models.APIGatewayProxyEventV2Model, event, V2_LAX)
    assert (model.version, model.routeKey, model.rawPath) == ("2.0", "ANY /http-teller/{path+}", "/http-teller/orders/7 x")
    assert model.pathParameters == {"path": "orders/7 x"}
    assert model.queryStringParameters == {"a": "1,2", "name": "Gr\u00fc\u00dfe& co"}
    assert model.cookies == ["a=1", "b=2"]
    assert (model.headers["x-probe"], model.headers["content-type"]) == ("one,two", "application/json")
    assert "cookie" not in model.headers
    assert (model.body, model.isBase64Encoded) == (BODY, False)
    context = model.requestContext
    assert (context.accountId, context.stage, context.routeKey) == (ACCOUNT, "$default", model.routeKey)
    assert (context.http.method, context.http.path, context.http.protocol) == ("POST", model.rawPath, "HTTP/1.1")
    assert (context.http.sourceIp, context.http.userAgent) == (ipaddress.ip_network("127.0.0.1"), "consumer/1")
    assert context.authorizer is None
    read = data_classes.APIGatewayProxyEventV2(event)
    assert (read.path, read.http_method, read.json_body) == ("/http-teller/orders/7 x", "POST", {"text": "Gr\u00fc\u00dfe"})
    assert read.raw_query_string == "a=1&a=2&name=Gr%C3%BC%C3%9Fe%26+co"
    assert read.resolved_query_string_parameters == {"a": ["1", "2"], "name": ["Gr\u00fc\u00dfe& co"]}
    assert read.resolved_cookies_field == {"a": "1", "b": "2"}
    assert about_now(read.request_context.time_epoch)


def test_http_api_with_payload_1(site: Site) -> None:
    event = ask(site, "http1")
    read = check_v1(event, "http1", "/http1-teller/orders/7 x", "orders/7 x", stage="$default")
    assert read.version == "1.0"
    assert read.request_context.path == read.path


def test_rest_api(site: Site) -> None:
    event = ask(site, "rest")
    read = check_v1(event, "rest", "/rest-teller/orders/7%20x", "orders/7%20x", stage="prod", base64_body=True)
    assert "version" not in event
    assert read.request_context.path == f"/prod{read.path}"
    assert read.request_context.resource_id


def check_v1(event: Any, face: str, path: str, proxy: str, *, stage: str, base64_body: bool = False) -> data_classes.APIGatewayProxyEvent:
    model = strictly(models.APIGatewayProxyEventModel, event, REST_LAX if face == "rest" else V1_LAX)
    assert (model.resource, model.path, model.httpMethod) == (f"/{face}-teller/{{path+}}", path, "POST")
    assert model.pathParameters == {"path": proxy}
    assert model.queryStringParameters == {"a": "2", "name": "Gr\u00fc\u00dfe& co"}
    assert model.multiValueQueryStringParameters == {"a": ["1", "2"], "name": ["Gr\u00fc\u00dfe& co"]}
    assert model.headers["X-Probe"] == "two"
    assert model.multiValueHeaders["X-Probe"] == ["one", "two"]
    assert (model.headers["User-Agent"], model.headers["Cookie"]) == ("consumer/1", "a=1; b=2")
    assert model.stageVariables is None
    context = model.requestContext
    assert (context.accountId, context.stage, context.resourcePath, context.httpMethod) == (ACCOUNT, stage, model.resource, "POST")
    assert (context.identity.sourceIp, context.identity.userAgent) == (ipaddress.ip_network("127.0.0.1"), "consumer/1")
    assert context.protocol == "HTTP/1.1"
    read = data_classes.APIGatewayProxyEvent(event)
    assert read.is_base64_encoded is base64_body
    assert read.decoded_body == BODY
    assert read.json_body == {"text": "Gr\u00fc\u00dfe"}
    assert read.resolved_headers_field["x-probe"] == ["one", "two"]
    assert about_now(read.request_context.request_time_epoch)
    return read


def test_function_url(site: Site) -> None:
    event = ask(site, "url")
    model = strictly(models.LambdaFunctionUrlModel, event, V2_LAX)
    assert (model.routeKey, model.rawPath) == ("$default", "/url-teller/orders/7%20x")
    assert (model.pathParameters, model.stageVariables) == (None, None)
    assert (model.cookies, model.headers["cookie"]) == (["a=1", "b=2"], "a=1; b=2")
    assert (model.requestContext.accountId, model.requestContext.stage) == ("anonymous", "$default")
    assert model.requestContext.domainName == "teller.lambda-url.us-east-1.localhost"
    assert model.requestContext.domainPrefix == model.requestContext.apiId == "teller"
    read = data_classes.LambdaFunctionUrlEvent(event)
    assert read.json_body == {"text": "Gr\u00fc\u00dfe"}
    assert read.request_context.http.source_ip == "127.0.0.1"


def test_load_balancer(site: Site) -> None:
    event = ask(site, "alb")
    model = strictly(models.AlbModel, event)
    assert (model.httpMethod, model.path) == ("POST", "/alb-teller/orders/7%20x")
    assert model.queryStringParameters == {"a": "2", "name": "Gr%C3%BC%C3%9Fe%26+co"}
    assert model.headers["x-probe"] == "two"
    assert (model.body, model.isBase64Encoded) == (BODY, False)
    assert model.requestContext.elb.targetGroupArn.startswith("arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/")
    read = data_classes.ALBEvent(event)
    assert read.json_body == {"text": "Gr\u00fc\u00dfe"}


def test_load_balancer_with_multi_value_headers(site: Site) -> None:
    event = ask(site, "albmulti")
    assert event.keys() == {
        "requestContext",
        "httpMethod",
        "path",
        "multiValueQueryStringParameters",
        "multiValueHeaders",
        "body",
        "isBase64Encoded",
    }
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "name": ["Gr%C3%BC%C3%9Fe%26+co"]}
    read = data_classes.ALBEvent(event)
    read.decode_query_parameters = True
    assert read.multi_value_headers["x-probe"] == ["one", "two"]
    assert read.resolved_query_string_parameters == {"a": ["1", "2"], "name": ["Gr\u00fc\u00dfe&+co"]}  # it leaves the plus alone
    assert read.body == BODY


def test_webhook(site: Site) -> None:
    """A delivery as GitHub sends it; the handler gets an HTTP API event some time after the answer."""
    signature = hmac.new(HOOK_SECRET.encode(), BODY.encode(), "sha256").hexdigest()
    headers = [("Content-Type", "application/json"), ("X-Hub-Signature-256", f"sha256={signature}"), ("X-GitHub-Delivery", "72d3162e-cc78")]
    event = site.kept(BODY.encode(), headers)
    model = strictly(models.APIGatewayProxyEventV2Model, event, V2_LAX)
    assert (model.routeKey, model.rawPath, model.rawQueryString) == (f"POST {HOOK}", HOOK, "from=here")
    assert (model.body, model.isBase64Encoded, model.headers["x-github-delivery"]) == (BODY, False, "72d3162e-cc78")
    assert data_classes.APIGatewayProxyEventV2(event).json_body == {"text": "Gr\u00fc\u00dfe"}


@pytest.mark.parametrize(
    ("face", "read"),
    [
        ("http", data_classes.APIGatewayProxyEventV2),
        ("http1", data_classes.APIGatewayProxyEvent),
        ("rest", data_classes.APIGatewayProxyEvent),
        ("url", data_classes.LambdaFunctionUrlEvent),
        ("alb", data_classes.ALBEvent),
        ("albmulti", data_classes.ALBEvent),
    ],
)
def test_bytes_are_base64(site: Site, face: str, read: type[Any]) -> None:
    data = bytes(range(256))
    event = read(ask(site, face, data, (("Content-Type", "application/octet-stream"),)))
    assert event.is_base64_encoded is True
    assert base64.b64decode(event.body) == data
