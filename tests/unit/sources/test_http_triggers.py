"""The triggers `http` and `url` as config.yaml spells them: what each kind of API takes, and what would be ignored and is refused."""

from typing import Any

import pytest

from router.events.cors import Cors
from tests.unit.sources.http_rig import triggers


def one(yaml: str) -> Any:
    (trigger,), mistakes = triggers(f"[{yaml}]")
    assert not mistakes
    return trigger


def test_defaults_of_each_kind() -> None:
    http, rest, alb = (one(f"{{http: {{route: GET /x, api: {api}}}}}") for api in ("http", "rest", "alb"))
    assert (http.stage, http.timeout, http.payload, http.staged) == ("$default", 30.0, "2.0", False)
    assert (rest.stage, rest.timeout, rest.binary, rest.staged) == ("prod", 29.0, (), False)
    assert (alb.timeout, alb.multi_value, alb.asynchronous) == (None, False, False)
    url = one("url: none")
    assert (url.streaming, url.cors, url.claim) == (False, None, "")


def test_everything_a_rest_route_may_say() -> None:
    trigger = one(
        "{http: {route: 'ANY /v1/{proxy+}', api: rest, stage: live, stage_variables: {a: b}, timeout: 5m, binary_media_types: [Image/PNG, 'x/*']}}"
    )
    assert (trigger.stage, trigger.staged, trigger.stage_variables) == ("live", True, (("a", "b"),))
    assert (trigger.timeout, trigger.binary) == (300.0, ("image/png", "x/*"))


def test_a_base_path_takes_the_stage_out_of_the_url_and_into_the_claim() -> None:
    trigger = one("{http: {route: 'GET /pets/{id}', base_path: /v1/shop, stage: live}}")
    assert (trigger.base_path, trigger.stage, trigger.staged) == ("/v1/shop", "live", False)
    assert trigger.claim == "route GET /v1/shop/pets/{}"


def test_the_headers_of_a_rest_api_s_own_answers() -> None:
    trigger = one("{http: {route: GET /x, api: rest, gateway_responses: {default_4xx: {X-A: '*', x-b: 1}}}}")
    assert trigger.failures == ((("X-A", "*"), ("x-b", "1")), ())


def test_cors_in_aws_words() -> None:
    trigger = one(
        "{url: {auth: none, cors: {allow_origins: ['https://*', 'http://localhost:3000'], allow_methods: ['*'], allow_headers: [X-A, '*'],"
        " expose_headers: [Date], max_age: 1h, allow_credentials: true}}}"
    )
    assert trigger.cors == Cors(("https://*", "http://localhost:3000"), ("*",), ("X-A", "*"), ("Date",), 3600, allow_credentials=True)


def test_a_stream() -> None:
    assert one("{url: {auth: none, invoke_mode: response_stream}}").streaming


@pytest.mark.parametrize(
    ("yaml", "told"),
    [
        ("{http: {route: GET /x, invoke: async, timeout: 5}}", "nothing to wait for"),
        ("{http: {route: GET /x, invoke: later}}", "one of sync, async"),
        ("{http: {route: GET /x, gateway_responses: {default_4xx: {a: b}}}}", "only for api: rest"),
        ("{http: {route: GET /x, api: rest, gateway_responses: {unauthorized: {a: b}}}}", "unknown"),
        ("{http: {route: GET /x, api: rest, gateway_responses: {default_4xx: {a b: c}}}}", "is no header name"),
        ("{http: {route: GET /x, api: rest, gateway_responses: {default_5xx: {Content-Type: c}}}}", "is the answer's own"),
        ("{http: {route: GET /x, api: rest, stage: $default}}", "REST APIs have no $default stage"),
        ("{http: {route: GET /x, stage: _url}}", "belong to function URLs"),
        ("{http: {route: GET /x, api: alb, stage: dev}}", "only for api: http and rest"),
        ("{http: {route: GET /x, api: alb, stage_variables: {a: b}}}", "only for api: http and rest"),
        ("{http: {route: GET /x, payload_format_version: '3.0'}}", "one of 2.0, 1.0"),
        ("{http: {route: GET /x, api: alb, binary_media_types: [image/png]}}", "only for api: rest"),
        ("{http: {route: GET /x, base_path: v1}}", "a path like /v1"),
        ("{http: {route: GET /x, base_path: '/v1?'}}", "a path like /v1"),
        ("{http: {route: GET /x, base_path: //}}", "a path like /v1"),
        ("{http: ''}", "http.route: an empty text is not allowed here"),
        ("{http: {route: GET /x, authorizer: ''}}", "http.authorizer.function: an empty text is not allowed here"),
        ("{http: {route: GET /x, authorizer: {jwt: {issuer: '', audience: [a]}}}}", "jwt.issuer: an empty text is not allowed here"),
        ("{url: {}}", "auth"),
        ("{url: sigv4}", "one of none, iam"),
        ("{url: {auth: none, invoke_mode: fast}}", "one of buffered, response_stream"),
        ("{url: {auth: none, timeout: 3}}", "timeout"),
        ("{url: {auth: none, cors: {allow_origins: ['https://a/b']}}}", "no origin"),
        ("{url: {auth: none, cors: {allow_origins: []}}}", "allow_origins: names no origin"),
        ("{url: {auth: none, cors: {allow_origins: ['*'], max_age: 2d}}}", "max_age"),
        ("{url: {auth: none, cors: {allow_origins: ['*'], allow_headers: ['a b']}}}", "no header name"),
        ("{url: {auth: none, cors: {allow_origins: ['https://a', '*'], allow_credentials: true}}}", "name the origins"),
        ("{http: {route: GET /x, api: alb, cors: {allow_origins: '*'}}}", "load balancers leave CORS to the function"),
        ("{http: {route: GET /x, api: rest, cors: {allow_origins: [https://a, https://b]}}}", "says the same to every origin"),
        ("{http: {route: GET /x, api: rest, cors: {allow_origins: ['https://*']}}}", "says the same to every origin"),
        ("{http: {route: GET /x, api: rest, cors: {allow_origins: '*', expose_headers: [A]}}}", "the function's own"),
    ],
)
def test_a_mistake_is_told_once(yaml: str, told: str) -> None:
    _, mistakes = triggers(f"[{yaml}]")
    assert len(mistakes) == 1
    assert told in mistakes[0]
