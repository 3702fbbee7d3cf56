"""What Lambda authorizers are asked, and how their answers are read."""

import json
from typing import Any, Final

from router.events import authorizer
from router.events.gateway import FREE, Api, Passage
from router.events.http_api import HttpApi
from router.events.rest_api import RestApi
from tests.fidelity.case import GOLDEN, Case, Deviation, flawed, left_out
from tests.fidelity.http_requests import arrival, asked, pairs, request

KIND: Final = "Authorizer events"
CONDITION: Final = "authorizers_response_iam_policy_condition"
ID: Final = r"[a-z0-9]{6,10}"


def _token() -> dict[str, Any]:
    sent = request("GET", "/", peer="203.0.113.9", host="localhost")
    api = Api("123456789012", "ymy8tbxw7b", "us-west-2", stage="*")
    return authorizer.token_event("allow", authorizer.method_arn(asked(sent, "GET /"), api))


def _rest() -> dict[str, Any]:
    sent = request(
        "GET",
        "/test/request?QueryString1=queryValue1",
        pairs("""
            X-AMZ-Date: 20170718T062915Z
            Accept: */*
            HeaderAuth1: headerValue1
            CloudFront-Viewer-Country: US
            CloudFront-Forwarded-Proto: https
            CloudFront-Is-Tablet-Viewer: false
            CloudFront-Is-Mobile-Viewer: false
            User-Agent: ...
            CloudFront-Is-SmartTV-Viewer: false
            Host: ....execute-api.us-east-1.amazonaws.com
            Accept-Encoding: gzip, deflate
            Via: ...cloudfront.net (CloudFront)
            X-Amz-Cf-Id: ...
            X-Forwarded-For: ...
            Postman-Token: ...
            cache-control: no-cache
            CloudFront-Is-Desktop-Viewer: true
            Content-Type: application/x-www-form-urlencoded
        """),
        peer="...",
    )
    api = Api("123456789012", "s4x3opwd6i", stage="test", stage_variables={"StageVar1": "stageValue1"})
    where = asked(sent, "GET /request", mounted="/test")
    event = RestApi(api).event(where, arrival("...", 1.0, trace="...", extended="..."), Passage(identity={"apiKey": "..."}))
    return authorizer.request_event(event, authorizer.method_arn(where, api), (), "")


def _http_1() -> dict[str, Any]:
    sent = request(
        "GET",
        "/request?QueryString1=queryValue1",
        pairs("""
            X-AMZ-Date: 20170718T062915Z
            Accept: */*
            HeaderAuth1: headerValue1
            CloudFront-Viewer-Country: US
            CloudFront-Forwarded-Proto: https
            CloudFront-Is-Tablet-Viewer: false
            CloudFront-Is-Mobile-Viewer: false
            User-Agent: ...
        """),
        peer="...",
        host="id.execute-api.us-east-1.amazonaws.com",
    )
    api = Api("123456789012", "abcdef123", stage="test", stage_variables={"StageVar1": "stageValue1"})
    where = asked(sent, "GET /request")
    event = HttpApi(api, "1.0").event(where, arrival("...", 1.0), Passage(identity={"apiKey": "..."}))
    return authorizer.request_event(event, authorizer.method_arn(where, api), ("user1", "123"), "1.0")


def _http_2() -> dict[str, Any]:
    headers = [
        ("x-amzn-trace-id", "Root=1-611cc4a7-0746ebee281cfd967db97b64"),
        ("Header1", "value1"),
        ("Header2", "value2"),
        ("Authorization", "value"),
        ("cookie", "cookie1; cookie2"),
        ("user-agent", "agent"),
    ]
    target = "/merchants?parameter1=value1&parameter1=value2&parameter2=value"
    sent = request("POST", target, headers, peer="10.10.10.10", host="id.execute-api.us-east-1.amazonaws.com")
    variables = {"stageVariable1": "value1", "stageVariable2": "value2"}
    api = Api("123456789012", "api-id", stage_variables=variables)
    where = asked(sent, "$default", parameters={"parameter1": "value1"})._replace(key="GET /merchants")
    event = HttpApi(api).event(where, arrival("id", 1583348638.390), FREE)
    return authorizer.request_event(event, authorizer.method_arn(where, api), ("user1", "123"), "2.0")


def _read_back() -> dict[str, Any]:
    """The answer as we understood it."""
    grant = authorizer.read_policy((GOLDEN / f"{CONDITION}.json").read_bytes(), any_context=False)
    assert grant.policy is not None
    statements = [
        {
            "Effect": one.effect,
            "Action": list(one.actions.patterns),
            "Resource": list(one.resources.patterns),
            "Condition": one.conditional,
        }
        for one in grant.policy
    ]
    return {
        "principalId": grant.principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": statements},
        "context": dict(grant.context),
        "usageIdentifierKey": grant.usage_key,
    }


def _conditions_noticed(answer: dict[str, Any]) -> dict[str, Any]:
    """Conditions count as there or not: what they say is not looked at."""
    answer = json.loads(json.dumps(answer))
    for statement in answer["policyDocument"]["Statement"]:
        statement["Condition"] = bool(statement.get("Condition"))
    return answer


SHORT: Final = "the guide's example, shortened; every recording of a proxy event has it"
NO_PARAMETERS: Final = Deviation("pathParameters", "the guide's example has {}, recordings of proxy events have null; ours null")
NO_CERTIFICATES: Final = "client certificates are not asked for"

CASES = [
    Case(KIND, "authorizers_rest_token_request", _token),
    Case(
        KIND,
        "authorizers_rest_request_request",
        _rest,
        deviations=[
            NO_PARAMETERS,
            Deviation("requestContext.identity.clientCert.*", NO_CERTIFICATES),
            left_out("requestContext.*", SHORT),
            flawed("requestContext.path", "without the stage; every recording of a proxy event has it with the stage"),
        ],
        forms={"requestContext.resourceId": ID},
    ),
    Case(
        KIND,
        "authorizers_http_v1_request",
        _http_1,
        deviations=[
            NO_PARAMETERS,
            Deviation("requestContext.identity.clientCert.*", NO_CERTIFICATES),
            Deviation("*path", "the guide's example of a named stage has no stage in the path; ours has it, as format 2.0"),
            flawed("requestContext.resourceId", "a REST API's; captures of HTTP APIs have the route key"),
            left_out("requestContext.*", SHORT),
            left_out("headers.*", SHORT),
            left_out("multiValue*", SHORT),
        ],
    ),
    Case(
        KIND,
        "authorizers_http_v2_request",
        _http_2,
        deviations=[
            Deviation("requestContext.authentication.*", NO_CERTIFICATES),
            flawed("routeArn", "of another API, stage, method and path than the rest of the event"),
            flawed("headers.*", "written by hand: names in mixed case, and without the headers that every request has"),
            flawed("requestContext.time", "another day than timeEpoch"),
        ],
    ),
    Case("Authorizer answers", CONDITION, _read_back, view=_conditions_noticed),
]
