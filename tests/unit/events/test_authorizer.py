"""What authorizers are told, AWS's samples among it, and how their answers are read."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events import authorizer, routes
from router.events.authorizer import BadAnswer, BadIdentity, Grant, Identity
from router.events.gateway import FREE, Api, Arrival, Asked
from router.events.http import Request
from router.events.http_api import HttpApi
from router.events.rest_api import RestApi

GOLDEN = Path(__file__).parents[2] / "golden"
API = Api("123456789012", "abcdef123", stage="test", stage_variables={"tier": "gold", "none": ""})
ARRIVAL = Arrival("id", "Root=1-5eb33c07-de25b420912dee103a5db434", 1587481701.067, "extended")
ARN = "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/request"


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"authorizers_{name}.json").read_text(encoding="utf-8"))


def asked(target: str = "/request", *headers: tuple[str, str], key: str = "GET /request", body: bytes = b"", mounted: str = "") -> Asked:
    request = Request("GET", target, [("host", "api.example.com:8080"), *headers], body, "10.1.2.3", "api.example.com:8080", 8080)
    path = "/" + "/".join(routes.segments_of(request.path)[1 + mounted.count("/") :])
    return Asked(request, path, key, {}, mounted)


# -- identity sources


@pytest.mark.parametrize(
    ("text", "api", "identity"),
    [
        ("$request.header.Authorization", "http", Identity("header", "authorization")),
        ("$request.querystring.Token", "http", Identity("query", "Token")),
        ("$context.routeKey", "http", Identity("context", "routeKey")),
        ("$context.identity.sourceIp", "http", Identity("context", "identity.sourceIp")),
        ("$stageVariables.tier", "http", Identity("stage", "tier")),
        ("method.request.header.X-Who", "rest", Identity("header", "x-who")),
        ("method.request.querystring.token", "rest", Identity("query", "token")),
        ("context.resourcePath", "rest", Identity("context", "resourcePath")),
        ("stageVariables.tier", "rest", Identity("stage", "tier")),
    ],
)
def test_identity_sources(text: str, api: authorizer.ApiKind, identity: Identity) -> None:
    assert authorizer.parse_identity(text, api) == identity


@pytest.mark.parametrize(
    ("text", "api", "told"),
    [
        ("Authorization", "http", "$request.header.NAME"),
        ("$request.header.", "http", "$request.header.NAME"),
        ("$request.body", "http", "$request.header.NAME"),
        ("method.request.header.Authorization", "http", "$request.header.NAME"),
        ("$request.header.Authorization", "rest", "method.request.header.NAME"),
        ("context.routeKey", "rest", "of the context there are"),
        ("$context.requestId", "http", "of the context there are"),
        ("method.request.multivalueheader.x", "rest", "method.request.header.NAME"),
    ],
)
def test_what_is_no_identity_source(text: str, api: authorizer.ApiKind, told: str) -> None:
    with pytest.raises(BadIdentity) as caught:
        authorizer.parse_identity(text, api)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("header", "x-who", "me,you"),
        ("header", "x-empty", None),
        ("header", "x-none", None),
        ("query", "q", "1,2 3"),
        ("query", "Q", None),
        ("query", "e", None),
        ("stage", "tier", "gold"),
        ("stage", "none", None),
        ("stage", "other", None),
        ("context", "domainName", "api.example.com"),
        ("context", "httpMethod", "GET"),
        ("context", "identity.sourceIp", "10.1.2.3"),
        ("context", "identity.userAgent", None),
        ("context", "path", "/request"),
        ("context", "protocol", "HTTP/1.1"),
        ("context", "resourcePath", "/request"),
        ("context", "routeKey", "GET /request"),
        ("context", "stage", "test"),
    ],
)
def test_an_identity_is_found_or_missing(kind: Any, name: str, value: str | None) -> None:
    request = asked("/request?q=1&q=2+3&e=", ("x-who", "me"), ("x-who", "you"), ("x-empty", ""))
    assert authorizer.identities([Identity(kind, name)], request, API) == (None if value is None else (value,))


def test_one_missing_identity_is_all_of_them_missing() -> None:
    sources = [Identity("header", "a"), Identity("header", "b")]
    assert authorizer.identities(sources, asked("/request", ("a", "1")), API) is None
    assert authorizer.identities(sources, asked("/request", ("a", "1"), ("b", "2")), API) == ("1", "2")
    assert authorizer.identities([], asked(), API) == ()


# -- the ARN


@pytest.mark.parametrize(
    ("target", "mounted", "path"),
    [
        ("/request", "", "request"),
        ("/", "", ""),
        ("/a/b/", "", "a/b/"),
        ("//a//b", "", "a//b"),
        ("/v1/a", "/v1", "a"),
        ("/v1/x/a?b=c", "/v1/x", "a"),
        ("/%61dmin/x%20y", "", "admin/x y"),
        ("/a%2Fb", "", "a%2Fb"),
        ("/v1/a%2fb", "/v1", "a%2Fb"),
        ("/a*", "", "a*"),
    ],
)
def test_the_arn_has_the_path_as_routes_see_it(target: str, mounted: str, path: str) -> None:
    arn = authorizer.method_arn(asked(target, mounted=mounted), API)
    assert arn == f"arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/{path}"


@given(path=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=10))
def test_no_spelling_of_a_path_has_an_arn_of_its_own(path: str) -> None:
    """However much of it is percent-encoded, a segment is the same resource."""
    raw = path.encode()
    whole = "".join(f"%{byte:02X}" for byte in raw)
    half = "".join(f"%{byte:02x}" if index % 2 or not (byte < 128 and chr(byte).isalnum()) else chr(byte) for index, byte in enumerate(raw))
    assert authorizer.method_arn(asked(f"/x/{whole}"), API) == authorizer.method_arn(asked(f"/x/{half}"), API)


# -- events


def test_the_token_event_is_the_sample() -> None:
    sample = golden("rest_token_request")
    assert authorizer.token_event("allow", sample["methodArn"]) == sample


def test_a_rest_request_event_is_the_functions_without_its_body() -> None:
    request = asked(body=b"hello")
    event = RestApi(API).event(request, ARRIVAL, FREE)
    made = authorizer.request_event(event, ARN, (), "")
    assert made.pop("type") == "REQUEST"
    assert made.pop("methodArn") == ARN
    assert made == {key: value for key, value in event.items() if key not in {"body", "isBase64Encoded"}}
    sample = golden("rest_request_request")
    assert sample.keys() == {*made, "type", "methodArn"}


def test_an_http_api_request_event_of_format_1() -> None:
    event = HttpApi(API, "1.0").event(asked(), ARRIVAL, FREE)
    made = authorizer.request_event(event, ARN, ("user1", "123"), "1.0")
    sample = golden("http_v1_request")
    told = ("version", "type", "methodArn", "identitySource", "authorizationToken")
    assert {key: made[key] for key in told} == {key: sample[key] for key in told}
    assert sample.keys() <= made.keys()
    assert made.keys() - sample.keys() == {"multiValueHeaders", "multiValueQueryStringParameters"}
    assert "authorizer" not in made["requestContext"]


def test_an_http_api_request_event_of_format_2() -> None:
    request = asked("/request?parameter1=value1", ("cookie", "a=b"), key="GET /{id}")._replace(parameters={"id": "request"})
    event = HttpApi(API).event(request, ARRIVAL, FREE)
    made = authorizer.request_event(event, ARN, ("user1", "123"), "2.0")
    sample = golden("http_v2_request")
    told = ("version", "type", "routeArn", "identitySource")
    assert {key: made[key] for key in told} == {key: sample[key] for key in told}
    assert sample.keys() == made.keys()


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_no_identity_source_is_null(version: Any) -> None:
    event = HttpApi(API, version).event(asked(), ARRIVAL, FREE)
    assert authorizer.request_event(event, ARN, (), version)["identitySource"] is None


# -- answers


def answer(**more: Any) -> bytes:
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": ARN}
    return orjson.dumps({"principalId": "me", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}, **more})


def test_a_policy() -> None:
    grant = authorizer.read_policy(answer(context={"a": "1", "n": 2, "b": True, "f": 1.5}, usageIdentifierKey="key"), any_context=False)
    assert (grant.principal, grant.usage_key) == ("me", "key")
    assert authorizer.ruling(grant, ARN) == "allow"
    assert authorizer.ruling(grant, ARN + "s") == "none"
    assert authorizer.rest_context(grant, 7) == {
        "a": "1",
        "n": "2",
        "b": "true",
        "f": "1.5",
        "principalId": "me",
        "integrationLatency": 7,
    }
    assert authorizer.http_context(grant) == {"lambda": {"a": "1", "n": 2, "b": True, "f": 1.5}}


def test_the_gateways_own_words_win_over_the_context() -> None:
    grant = authorizer.read_policy(answer(context={"principalId": "you", "integrationLatency": "x"}), any_context=False)
    assert authorizer.rest_context(grant, 7) == {"principalId": "me", "integrationLatency": 7}


def test_a_policy_alone_is_enough() -> None:
    document = {"policyDocument": {"Statement": []}}
    grant = authorizer.read_policy(orjson.dumps(document), any_context=False)
    assert authorizer.rest_context(grant, 0) == {"integrationLatency": 0}
    assert authorizer.ruling(grant, ARN) == "none"


def test_format_2_takes_any_context() -> None:
    context = {"list": [1, None], "object": {"a": {}}, "null": None}
    assert authorizer.read_policy(answer(context=context), any_context=True).context == context
    assert authorizer.read_simple(orjson.dumps({"isAuthorized": True, "context": context})) == Grant(None, True, context)


@pytest.mark.parametrize(("allowed", "ruling"), [(True, "allow"), (False, "deny")])
def test_a_simple_response_is_the_same_for_every_method(allowed: bool, ruling: str) -> None:
    grant = authorizer.read_simple(orjson.dumps({"isAuthorized": allowed}))
    assert authorizer.ruling(grant, "anything") == ruling
    assert not grant.context


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b"", "no JSON"),
        (b"null", "no object"),
        (b'"Unauthorized"', "no object"),
        (b"[]", "no object"),
        (b"{}", "policyDocument"),
        (b'{"isAuthorized":true}', "policyDocument"),
        (answer(principalId=7), "principalId"),
        (answer(usageIdentifierKey=["x"]), "usageIdentifierKey"),
        (answer(context="x"), "context is no object"),
        (answer(context=[]), "context is no object"),
        (answer(context={"a": [1]}), "context.a"),
        (answer(context={"a": {"b": 1}}), "context.a"),
        (answer(context={"a": None}), "context.a"),
        (answer(context={"a": "x" * 9000}), "8192 at most"),
    ],
)
def test_what_is_no_policy_answer(payload: bytes, told: str) -> None:
    with pytest.raises(BadAnswer) as caught:
        authorizer.read_policy(payload, any_context=False)
    assert told in str(caught.value)


def test_a_context_that_could_not_be_written_again_is_refused() -> None:
    deep = b'{"isAuthorized":true,"context":{"a":' + b"[" * 600 + b"]" * 600 + b"}}"
    with pytest.raises(BadAnswer, match="nested too deep"):
        authorizer.read_simple(deep)


@pytest.mark.parametrize("payload", [b"{}", b'{"isAuthorized":"true"}', b'{"isAuthorized":1}', b'{"isAuthorized":null}', answer(), b"true"])
def test_what_is_no_simple_response(payload: bytes) -> None:
    with pytest.raises(BadAnswer):
        authorizer.read_simple(payload)


def test_the_sample_with_a_condition_denies() -> None:
    """Its resource is a placeholder; a condition is not looked at."""
    sample = golden("response_iam_policy_condition")
    grant = authorizer.read_policy(orjson.dumps(sample), any_context=False)
    assert authorizer.conditional(grant.policy or ())
    assert authorizer.ruling(grant, sample["policyDocument"]["Statement"][0]["Resource"][0]) == "deny"
    assert (grant.principal, grant.usage_key, grant.context) == ("yyyyyyyy", "{api-key}", sample["context"])


def test_the_sample_that_says_allow_or_deny_says_neither() -> None:
    sample = golden("response_iam_policy")
    with pytest.raises(BadAnswer):
        authorizer.read_policy(orjson.dumps(sample), any_context=False)
    sample["policyDocument"]["Statement"][0]["Effect"] = "Allow"
    grant = authorizer.read_policy(orjson.dumps(sample), any_context=False)
    assert authorizer.ruling(grant, sample["policyDocument"]["Statement"][0]["Resource"][0]) == "allow"


@pytest.mark.parametrize(
    ("error", "means_401"),
    [
        (b'{"errorMessage":"Unauthorized","errorType":"Exception"}', True),
        (b'{"errorMessage":"unauthorized"}', False),
        (b'{"errorMessage":"Unauthorized!"}', False),
        (b'{"errorType":"Unauthorized"}', False),
        (b'"Unauthorized"', False),
        (b"x", False),
    ],
)
def test_only_exactly_unauthorized_means_401(error: bytes, means_401: bool) -> None:
    assert authorizer.is_unauthorized(error) is means_401


@given(st.binary(max_size=60))
def test_whatever_a_function_returns_is_an_answer_or_none(payload: bytes) -> None:
    with suppress(BadAnswer):
        authorizer.read_policy(payload, any_context=False)
    with suppress(BadAnswer):
        authorizer.read_simple(payload)
