"""The proxy event in its two dialects, and their answers: against AWS's recordings and captures."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events import payload_v1
from router.events.gateway import Malformed, Passage
from router.events.http import Response
from router.events.http_api import HttpApi
from router.events.rest_api import RestApi
from tests.helpers.faces import API, GATEWAYS, PATHS, PLAIN_API, TEXT, answer, asked, event, header, sent

REST, BINARY, HTTP = GATEWAYS["rest"], GATEWAYS["rest binary"], GATEWAYS["http 1.0"]
TOP = {
    *("resource", "path", "httpMethod", "headers", "multiValueHeaders", "queryStringParameters", "multiValueQueryStringParameters"),
    *("pathParameters", "stageVariables", "requestContext", "body", "isBase64Encoded"),
}
CONTEXT = {
    *("accountId", "apiId", "domainName", "domainPrefix", "extendedRequestId", "httpMethod", "identity", "path", "protocol"),
    *("requestId", "requestTime", "requestTimeEpoch", "resourceId", "resourcePath", "stage"),
}


# -- events


def test_all_keys_are_there_and_null_where_there_is_none() -> None:
    made = event(REST, asked(sent(), "GET /"))
    assert made.keys() == TOP
    assert made["requestContext"].keys() == CONTEXT | {"deploymentId"}
    assert made["requestContext"]["identity"].keys() == set(payload_v1.IDENTITY)
    assert [key for key, value in made.items() if value is None] == [
        *("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables", "body"),
    ]
    assert made["isBase64Encoded"] is False


def test_format_1_of_http_apis_has_more_and_less() -> None:
    """As captures have it: the route key is the resource's id, and no authorizer stands where there is none."""
    made = event(HTTP, asked(sent("GET", "/a?"), "ANY /{proxy+}"))
    assert made.keys() == TOP | {"version"}
    assert made["version"] == "1.0"
    context = made["requestContext"]
    assert context.keys() == CONTEXT
    assert context["identity"].keys() == {*payload_v1.IDENTITY, "cognitoAmr"}
    assert (made["resource"], context["resourcePath"], context["resourceId"]) == ("/{proxy+}", "/{proxy+}", "ANY /{proxy+}")
    assert context["extendedRequestId"] == context["requestId"] or context["extendedRequestId"] == "ext-1="
    assert made["queryStringParameters"] is None


def test_a_default_route_is_its_own_resource() -> None:
    made = event(HTTP, asked(sent()))
    context = made["requestContext"]
    assert {made["resource"], context["resourcePath"], context["resourceId"]} == {"$default"}
    assert made["pathParameters"] is None


@pytest.mark.parametrize(
    ("target", "path", "context"),
    [
        ("/a/b", "/a/b", "/prod/a/b"),
        ("/a/b/", "/a/b/", "/prod/a/b/"),
        ("/a//b", "/a//b", "/prod/a//b"),
        ("//a", "/a", "/prod//a"),
        ("/test%2Balias/test+alias", "/test%2Balias/test+alias", "/prod/test%2Balias/test+alias"),
    ],
)
def test_rest_paths_keep_their_encoding_and_their_slashes_but_those_behind_the_stage(target: str, path: str, context: str) -> None:
    made = event(REST, asked(sent("GET", target), "ANY /{proxy+}"))
    assert (made["path"], made["requestContext"]["path"]) == (path, context)
    below = event(REST, asked(sent("GET", f"/prod{target}"), "ANY /{proxy+}", "/prod"))
    assert (below["path"], below["requestContext"]["path"]) == (path, context)


def test_a_base_path_stays_in_rest_paths_and_the_stage_does_not_come_in() -> None:
    made = event(REST, asked(sent("GET", "/v1/shop//a%20b/"), "ANY /{proxy+}", "/v1/shop", based=True))
    assert made["path"] == made["requestContext"]["path"] == "/v1/shop//a%20b/"
    assert made["pathParameters"] == {"proxy": "a%20b"}
    assert made["requestContext"]["stage"] == "prod"


def test_paths_of_http_apis_are_decoded_and_carry_the_stage() -> None:
    assert event(HTTP, asked(sent("GET", "/a%20b")))["path"] == "/a b"
    made = event(HttpApi(API, "1.0"), asked(sent("GET", "/a%20b"), "GET /{x}"))
    assert made["path"] == made["requestContext"]["path"] == "/prod/a b"
    assert made["pathParameters"] == {"x": "a b"}


def test_a_base_path_stays_in_the_paths_of_http_apis_too() -> None:
    made = event(HttpApi(API, "1.0"), asked(sent("GET", "/v1/shop/a%20b"), "GET /{x}", "/v1/shop", based=True))
    assert made["path"] == made["requestContext"]["path"] == "/v1/shop/a b"
    assert made["resource"] == "/{x}"


@given(first=TEXT.filter(bool), rest=PATHS)
def test_rest_parameters_keep_their_encoding(first: str, rest: str) -> None:
    """Whatever the segments are: encoded slashes, dots, nothing at all between two slashes."""
    taken = "".join(f"%{byte:02X}" for byte in first.encode()) + rest
    made = event(REST, asked(sent("GET", f"/a/b%2Fc/{taken}"), "ANY /a/{b}/{rest+}"))
    assert made["pathParameters"] == {"b": "b%2Fc", "rest": taken.strip("/")}


@given(
    values=st.lists(st.sampled_from(["a", "%2F", "%7Bx%7D", "..", "b%20c", "%C3%BC"]), min_size=1, max_size=5),
    base=st.sampled_from(["", "/v1/x"]),
)
def test_every_variable_has_its_segment(values: list[str], base: str) -> None:
    names = [f"v{number}" for number in range(len(values))]
    target = base + "/" + "/".join(values)
    route = "GET /" + "/".join(f"{{{name}}}" for name in names)
    made = event(REST, asked(sent("GET", target), route, base, based=bool(base)))
    assert made["pathParameters"] == dict(zip(names, values, strict=True))


def test_header_names_keep_the_clients_case_but_well_known_ones() -> None:
    headers = [
        ("tEsT-HEADeR", "1"),
        ("authorization", "2"),
        ("USER-AGENT", "3"),
        ("accept", "4"),
        ("x-aMZN-trace-id", "5"),
        ("Test-Header", "6"),
    ]
    made = event(REST, asked(sent("GET", "/", headers), "GET /"))
    assert made["multiValueHeaders"] == {
        "Host": ["api.example.com:8080"],
        "tEsT-HEADeR": ["1", "6"],
        "Authorization": ["2"],
        "User-Agent": ["3"],
        "Accept": ["4"],
        "X-Amzn-Trace-Id": ["5"],
        "X-Forwarded-For": ["1.2.3.4"],
        "X-Forwarded-Port": ["8080"],
        "X-Forwarded-Proto": ["http"],
    }
    assert made["headers"] == {name: values[-1] for name, values in made["multiValueHeaders"].items()}
    assert made["requestContext"]["identity"]["userAgent"] == "3"


def test_header_names_of_http_apis_are_those_of_captures() -> None:
    headers = [("content-type", "text/plain"), ("Accept", "*/*"), ("user-agent", "curl"), ("content-length", "99"), ("Cookie", "a=1")]
    names = event(HTTP, asked(sent("POST", "/", headers, b"abc")))["headers"]
    assert names.keys() == {
        *("Host", "Content-Type", "Content-Length", "Accept", "User-Agent", "Cookie"),
        *("X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"),
    }
    assert names["Content-Length"] == "3"


def test_a_comma_within_a_line_is_no_second_value() -> None:
    made = event(REST, asked(sent("GET", "/", [("Accept-Encoding", "gzip, deflate"), ("a", "1"), ("a", "2")]), "GET /"))
    assert made["multiValueHeaders"]["Accept-Encoding"] == ["gzip, deflate"]
    assert (made["headers"]["a"], made["multiValueHeaders"]["a"]) == ("2", ["1", "2"])


@pytest.mark.parametrize("face", ["rest", "http 1.0"])
def test_query_values_are_decoded_the_last_one_wins_and_all_are_listed(face: str) -> None:
    made = event(GATEWAYS[face], asked(sent("GET", "/?a=1&b=%2B+%20&a=3&c"), "GET /"))
    assert made["queryStringParameters"] == {"a": "3", "b": "+  ", "c": ""}
    assert made["multiValueQueryStringParameters"] == {"a": ["1", "3"], "b": ["+  "], "c": [""]}


@pytest.mark.parametrize(
    ("types", "media", "body", "encoded", "text"),
    [
        ((), "image/png", b"abc", False, "abc"),
        ((), "image/png", b"\x89PNG", False, "\ufffdPNG"),
        ((), "text/plain", "ü".encode(), False, "ü"),
        (("image/png",), "image/png", b"abc", True, "YWJj"),
        (("image/*",), "IMAGE/webp;q=1", b"abc", True, "YWJj"),
        (("image/*",), "text/plain", b"abc", False, "abc"),
        (("*/*",), "", b"abc", True, "YWJj"),
        (("*/*",), "text/plain", b"", False, None),
    ],
)
def test_rest_bodies_are_base64_for_binary_types_only(
    types: tuple[str, ...], media: str, body: bytes, encoded: bool, text: str | None
) -> None:
    headers = [("Content-Type", media)] if media else []
    made = event(RestApi(API, types), asked(sent("POST", "/", headers, body), "POST /"))
    assert (made["isBase64Encoded"], made["body"]) == (encoded, text)


def test_what_guards_learned_is_in_the_context() -> None:
    passage = Passage({"principalId": "me", "n": "1"}, {"apiKey": "k", "apiKeyId": "i"})
    for face in (REST, HTTP):
        context = event(face, asked(sent()), passage)["requestContext"]
        assert context["authorizer"] == {"principalId": "me", "n": "1"}
        assert context["identity"].items() >= {"apiKey": "k", "apiKeyId": "i", "sourceIp": "1.2.3.4"}.items()


def test_stage_variables() -> None:
    api = PLAIN_API._replace(stage_variables={"a": "b"})
    assert event(RestApi(api), asked(sent(), "GET /"))["stageVariables"] == {"a": "b"}


@given(text=st.text(), length=st.integers(1, 16))
def test_an_id_is_short_and_stays(text: str, length: int) -> None:
    made = payload_v1.short_id(text, length)
    assert made == payload_v1.short_id(text, length)
    assert len(made) == length
    assert made.isascii()
    assert made == made.lower()
    assert made.isalnum()


# -- answers


@pytest.mark.parametrize(
    "result",
    [
        *({}, [], "x", 1, None, True),
        *({"statusCode": 200, "cookies": []}, {"statusCode": 200, "wrong": None}, {"StatusCode": 200}, {"errorMessage": "x"}),
        *({"body": {"a": 1}}, {"body": 1}, {"body": ["a"]}, {"body": True}),
        *({"statusCode": None}, {"statusCode": "two"}, {"statusCode": 99}, {"statusCode": {}}),
        *({"headers": []}, {"headers": "x"}, {"headers": {"a": ["b"]}}, {"headers": {"a": {}}}, {"headers": {"a b": "c"}}),
        *({"multiValueHeaders": {"a": "b"}}, {"multiValueHeaders": []}, {"multiValueHeaders": {"a": [["b"]]}}),
        *({"isBase64Encoded": "true"}, {"isBase64Encoded": 1}),
    ],
)
def test_a_rest_result_that_is_no_answer(result: Any) -> None:
    with pytest.raises(Malformed):
        answer(REST, result)


@pytest.mark.parametrize(
    "result", [{"body": None}, {"headers": None}, {"multiValueHeaders": None}, {"isBase64Encoded": None}, {"isBase64Encoded": False}]
)
def test_one_known_key_is_enough_for_an_empty_200(result: dict[str, Any]) -> None:
    response = answer(REST, result)
    assert (response.status, response.body, header(response, "content-type")) == (200, b"", ["application/json"])


def lines(response: Response, name: str) -> list[tuple[str, str]]:
    return [line for line in response.headers if line[0].lower() == name]


def test_many_values_come_first_and_give_the_name_its_case() -> None:
    result = {
        "statusCode": 200,
        "headers": {"test-multi": "solo", "ONCE": "a", "x-same": "v"},
        "multiValueHeaders": {"Test-Multi": ["one", "two"], "X-Same": ["v"], "Set-Cookie": ["a=1", "b=2"]},
    }
    response = answer(REST, result)
    assert lines(response, "test-multi") == [("Test-Multi", "one"), ("Test-Multi", "two"), ("Test-Multi", "solo")]
    assert lines(response, "x-same") == [("X-Same", "v")]
    assert lines(response, "once") == [("ONCE", "a")]
    assert lines(response, "set-cookie") == [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]


@pytest.mark.parametrize("api", [REST, HTTP])
def test_two_cookies_whose_names_differ_in_case_are_both_sent(api: Any) -> None:
    """How adapters of before multiValueHeaders send them; what is among the many values is not sent again, remapped or not."""
    cookies = {"statusCode": 200, "headers": {"Set-cookie": "a=1", "sEt-cookie": "b=2"}}
    assert lines(answer(api, cookies), "set-cookie") == [("Set-cookie", "a=1"), ("Set-cookie", "b=2")]
    dated = {"statusCode": 200, "headers": {"date": "x"}, "multiValueHeaders": {"Date": ["x"]}}
    assert lines(answer(api, dated), "x-amzn-remapped-date") == [("x-amzn-Remapped-Date", "x")]


@pytest.mark.parametrize(
    ("headers", "types"),
    [
        ({}, ["application/json"]),
        ({"headers": {"CONTENT-type": "a/b"}}, ["a/b"]),
        ({"multiValueHeaders": {"Content-Type": ["a/b"]}, "headers": {"content-type": "a/b"}}, ["a/b"]),
        ({"multiValueHeaders": {"Content-Type": []}}, ["application/json"]),
        ({"headers": {"Content-Type": None}}, ["application/json"]),
    ],
)
def test_an_answer_has_a_type(headers: dict[str, Any], types: list[str]) -> None:
    assert header(answer(REST, {"statusCode": 200, **headers}), "content-type") == types


def test_ids_cannot_be_forged_and_a_password_is_not_asked_for() -> None:
    forged = {"X-Amzn-RequestId": "a", "x-amz-apigw-id": "b", "x-amzn-trace-id": "c", "WWW-Authenticate": "Basic", "Server": "me"}
    response = answer(REST, {"statusCode": 401, "headers": forged})
    assert header(response, "x-amzn-requestid") == ["req-1"]
    assert header(response, "x-amz-apigw-id") == ["ext-1="]
    assert header(response, "x-amzn-remapped-www-authenticate") == ["Basic"]
    assert header(response, "x-amzn-remapped-server") == ["me"]
    assert not header(response, "www-authenticate")
    other = answer(HTTP, {"statusCode": 401, "headers": {**forged, "apigw-requestid": "d"}})
    assert header(other, "apigw-requestid") == ["req-1"]
    assert header(other, "www-authenticate") == ["Basic"]


def test_a_rest_api_remaps_what_it_keeps_to_itself() -> None:
    kept = ("Authorization", "Connection", "Content-Length", "Content-MD5", "Date", "Expect", "Host", "Max-Forwards", "Proxy-Authenticate")
    kept += ("Server", "Trailer", "Upgrade", "User-Agent", "WWW-Authenticate")
    passed = ("Accept", "Age", "Content-Encoding", "Pragma", "Range", "Referer", "Via", "Warn")
    response = answer(REST, {"statusCode": 200, "headers": dict.fromkeys((*kept, *passed, "Transfer-Encoding"), "x")})
    own = {"Content-Type", "x-amzn-RequestId", "x-amz-apigw-id", "X-Amzn-Trace-Id"}
    assert {name for name, _ in response.headers} - own == {*passed, *(f"x-amzn-Remapped-{name}" for name in kept)}


@pytest.mark.parametrize(
    ("types", "accept", "sent_as"),
    [
        ((), "image/png", b"YWJj"),
        (("image/png",), "", b"YWJj"),
        (("image/png",), "text/html,image/png", b"YWJj"),
        (("image/png",), "image/png", b"abc"),
        (("image/*",), "image/webp,*/*;q=0.8", b"abc"),
        (("*/*",), "", b"abc"),
    ],
)
def test_base64_is_undone_for_who_accepts_a_binary_type_first(types: tuple[str, ...], accept: str, sent_as: bytes) -> None:
    request = sent("GET", "/", [("Accept", accept)] if accept else [])
    assert answer(RestApi(API, types), {"body": "YWJj", "isBase64Encoded": True}, request).body == sent_as


def test_format_1_wants_a_status_and_knows_no_binary_types() -> None:
    for result in ({"body": "x"}, [], "x", None, {}):
        with pytest.raises(Malformed, match="statusCode"):
            answer(HTTP, result)
    response = answer(HTTP, {"statusCode": "201", "body": "YWJj", "isBase64Encoded": True, "unknown": 1})
    assert (response.status, response.body) == (201, b"abc")
    assert header(response, "content-type") == ["text/plain;charset=UTF-8"]
    assert answer(HTTP, {"statusCode": 200, "body": {"a": 1}}).body == b'{"a":1}'
    assert json.loads(answer(HTTP, {"statusCode": 200, "body": [1]}).body) == [1]  # type: ignore[arg-type]
