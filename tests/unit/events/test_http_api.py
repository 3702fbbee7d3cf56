"""Payload 2.0: events against AWS's samples, answers against AWS's own verdicts and the rules of delivery."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events import gateway, http_api, routes
from router.events.http import Request, Response

GOLDEN = Path(__file__).parents[2] / "golden"
API = gateway.Api("123456789012", "abc123")
ARRIVAL = gateway.Arrival("LV7fzho-PHcEJPw=", "Root=1-5eb33c07-de25b420912dee103a5db434", 1587481701.067)


def golden(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


def made(
    target: str = "/",
    *headers: tuple[str, str],
    method: str = "GET",
    body: bytes = b"",
    peer: str = "1.2.3.4",
    key: str = "$default",
    parameters: dict[str, str] | None = None,
) -> dict[str, Any]:
    request = Request(method, target, [("host", "api.example.com:8080"), *headers], body, peer, "api.example.com:8080", 8080)
    return event_of(request, key, parameters)


def event_of(
    request: Request,
    key: str = "$default",
    parameters: dict[str, str] | None = None,
    api: gateway.Api = API,
    arrival: gateway.Arrival = ARRIVAL,
) -> dict[str, Any]:
    asked = gateway.Asked(request, "/".join(routes.segments_of(request.path)), key, parameters or {})
    of_api = http_api.HttpApi(api)
    made = of_api.event(asked, arrival, gateway.FREE)
    assert of_api.text(asked, arrival, gateway.FREE) == orjson.dumps(made)
    return made


WORDS = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    st.sampled_from([gateway.clf(0), '"', f'","time":"{gateway.clf(0)}","timeEpoch":0}}', "LV7fzho-PHcEJPw="]),
)


@given(agent=WORDS, path=WORDS, host=WORDS, key=WORDS, at=st.integers(0, 2**32))
def test_whatever_is_in_a_request_its_text_is_that_of_its_event(agent: str, path: str, host: str, key: str, at: int) -> None:
    request = Request("GET", f"/{quote(path)}", [("user-agent", agent)], b"", "1.2.3.4", host, 8080)
    for number in range(2):  # the second finds what was kept of the first
        arrival = gateway.Arrival(f"id-{number}", "trace", at + number / 8)
        assert event_of(request, key, arrival=arrival)["requestContext"]["requestId"] == f"id-{number}"


@pytest.mark.parametrize("name", ["no_authorizer_get", "minimal"])
def test_a_bare_get_is_the_recorded_one(name: str) -> None:
    """Both captures are of curl, behind AWS's own host name and TLS; a client certificate is not ours to show."""
    sample = golden(f"apigw_v2_{name}.json")
    sample["requestContext"].pop("authentication", None)
    context = sample["requestContext"]
    request = Request(
        method="GET",
        target="/",
        headers=[("host", context["domainName"]), ("user-agent", context["http"]["userAgent"]), ("accept", "*/*")],
        peer=context["http"]["sourceIp"],
        host=context["domainName"],
        port=443,
        scheme="https",
    )
    arrival = gateway.Arrival(context["requestId"], sample["headers"]["x-amzn-trace-id"], context["timeEpoch"] / 1000)
    api = gateway.Api(context["accountId"], context["apiId"])
    assert event_of(request, api=api, arrival=arrival) == sample


def test_the_documented_event_is_built() -> None:
    """The guide's sample, but for what is not served (authorizer, certificate, stage variables) and its hand-written header case."""
    sample = golden("apigw_v2_documented_full.json")
    for absent in ("stageVariables",):
        del sample[absent]
    for absent in ("authentication", "authorizer"):
        del sample["requestContext"][absent]
    event = made(
        f"/my/path?{sample['rawQueryString']}",
        ("header1", "value1"),
        ("header2", "value1"),
        ("header2", "value2"),
        ("cookie", "cookie1; cookie2"),
        ("content-type", "application/json"),
        method="POST",
        body=sample["body"].encode(),
        parameters={"parameter1": "value1"},
    )
    assert event.keys() == sample.keys()
    assert event["requestContext"].keys() == sample["requestContext"].keys()
    assert event["requestContext"]["http"].keys() == sample["requestContext"]["http"].keys()
    same = (
        "version",
        "routeKey",
        "rawPath",
        "rawQueryString",
        "cookies",
        "queryStringParameters",
        "body",
        "pathParameters",
        "isBase64Encoded",
    )
    assert {name: event[name] for name in same} == {name: sample[name] for name in same}
    assert event["headers"].items() >= {name.lower(): value for name, value in sample["headers"].items()}.items()


def test_a_space_in_the_path_is_decoded_as_in_the_recording() -> None:
    sample = golden("apigw_v2_raw_path_with_space.json")
    event = made("/my/path-with%20space")
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == sample["rawPath"]


def test_the_route_key_stands_as_configured_in_both_places() -> None:
    event = made("/pets/7", key="GET /pets/{id}", parameters={"id": "7"})
    assert event["routeKey"] == event["requestContext"]["routeKey"] == "GET /pets/{id}"
    assert event["pathParameters"] == {"id": "7"}


def test_what_is_not_there_is_absent_and_not_null() -> None:
    event = made("/x?")
    assert not {"cookies", "queryStringParameters", "pathParameters", "body", "stageVariables"} & event.keys()
    assert event["rawQueryString"] == ""
    assert event["isBase64Encoded"] is False
    assert event["headers"]["content-length"] == "0"


def test_the_domain_has_no_port() -> None:
    context = made()["requestContext"]
    assert (context["domainName"], context["domainPrefix"]) == ("api.example.com", "api")
    v6 = Request("GET", "/", [], host="[::1]")
    assert event_of(v6)["requestContext"]["domainName"] == "[::1]"


@pytest.mark.parametrize(
    ("query", "joined"),
    [
        ("a=1&a=2&b=3", {"a": "1,2", "b": "3"}),
        ("a=x%20y+z&k%26=%2B", {"a": "x y z", "k&": "+"}),
        ("flag&empty=", {"flag": "", "empty": ""}),
        ("a=%ff", {"a": "\ufffd"}),
        ("a=%", {"a": "%"}),
        ("a=1;b=2", {"a": "1;b=2"}),
    ],
)
def test_query_values_are_decoded_and_joined(query: str, joined: dict[str, str]) -> None:
    event = made(f"/?{query}")
    assert event["rawQueryString"] == query
    assert event["queryStringParameters"] == joined


def test_cookies_are_split_and_leave_the_headers() -> None:
    event = made("/", ("cookie", "a=1; b=2"), ("cookie", "c=3;d=4; "))
    assert event["cookies"] == ["a=1", "b=2", "c=3", "d=4"]
    assert "cookie" not in event["headers"]


def test_repeated_headers_are_joined_with_a_bare_comma() -> None:
    assert made("/", ("x", "1"), ("y", "2"), ("x", "3, 4"))["headers"]["x"] == "1,3, 4"


def test_hop_by_hop_headers_never_reach_the_function() -> None:
    event = made("/", *((name, "x") for name in sorted(gateway.NEVER_PASSED)), ("authorization", "secret"))
    assert not (gateway.NEVER_PASSED - {"content-length"}) & event["headers"].keys()
    assert event["headers"]["authorization"] == "secret"


def test_forwarding_headers_are_ours_unless_a_proxy_beside_us_sent_them() -> None:
    sent = (("x-forwarded-for", "9.9.9.9"), ("x-forwarded-proto", "https"), ("x-forwarded-port", "443"), ("x-amzn-trace-id", "Root=mine"))
    stranger, proxy, socket = (
        made("/", *sent)["headers"],
        made("/", *sent, peer="127.0.0.1")["headers"],
        made("/", *sent, peer="")["headers"],
    )
    assert (stranger["x-forwarded-for"], stranger["x-forwarded-proto"], stranger["x-forwarded-port"]) == (
        "9.9.9.9, 1.2.3.4",
        "http",
        "8080",
    )
    assert (proxy["x-forwarded-for"], proxy["x-forwarded-proto"], proxy["x-forwarded-port"]) == ("9.9.9.9, 127.0.0.1", "https", "443")
    assert (socket["x-forwarded-for"], socket["x-forwarded-proto"]) == ("9.9.9.9", "https")
    assert stranger["x-amzn-trace-id"] == "Root=mine"
    assert made()["headers"]["x-amzn-trace-id"] == ARRIVAL.trace


@pytest.mark.parametrize(
    ("content_type", "body", "encoded"),
    [
        ("application/json", b'{"a":1}', False),
        ("application/json; charset=utf-8", b"{}", False),
        ("Text/CSV", b"a,b", False),
        ("application/javascript", b"1", False),
        ("application/xml", b"<a/>", False),
        ("application/json", b"\xef\xbb\xbf{}\x00\r\n", False),
        ("application/json", b"\xff\xfe", True),
        ("text/plain", b"\xc3(", True),
        ("application/x-www-form-urlencoded", b"a=1", True),
        ("multipart/form-data; boundary=x", b"--x--", True),
        ("application/vnd.api+json", b"{}", True),
        ("image/png", b"\x89PNG", True),
        (None, b"text", True),
    ],
)
def test_a_body_is_text_only_for_text_types(content_type: str | None, body: bytes, encoded: bool) -> None:
    event = made("/", *([("content-type", content_type)] if content_type else []), method="POST", body=body)
    assert event["isBase64Encoded"] is encoded
    assert (base64.b64decode(event["body"]) if encoded else event["body"].encode()) == body
    assert event["headers"]["content-length"] == str(len(body))


@given(body=st.binary(min_size=1), content_type=st.sampled_from(["application/json", "text/plain", "image/png", ""]))
def test_any_body_comes_back_byte_for_byte(body: bytes, content_type: str) -> None:
    event = json.loads(json.dumps(made("/", ("content-type", content_type), method="PUT", body=body)))
    assert (base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()) == body


@given(path=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])).map(lambda text: "/" + text))
def test_a_quoted_path_is_decoded_to_itself(path: str) -> None:
    assert gateway.decoded_path(quote(path)) == path


@pytest.mark.parametrize("path", ["/%", "/%4", "/%zz", "/a%00b", "/%ff", "/%c0%ae", "/%ed%a0%80", "/%2"])
def test_a_path_that_is_no_text_is_refused(path: str) -> None:
    with pytest.raises(gateway.BadPath):
        gateway.decoded_path(path)


def test_a_path_is_decoded_once() -> None:
    assert gateway.decoded_path("/%2e%2e%2f%252e/+") == "/..//%2e/+".replace("//", "/", 1)


def test_time_is_in_the_common_log_format_in_utc() -> None:
    assert gateway.clf(1583998638) == "12/Mar/2020:07:37:18 +0000"


# -- answers


def answer(result: bytes) -> Response:
    request = Request("GET", "/", ())
    return http_api.HttpApi(API).answer(result, gateway.Asked(request, "/", "$default", {}), ARRIVAL._replace(request_id="id="))


def answered(result: Any) -> Response:
    return answer(json.dumps(result).encode())


def header(response: Response, name: str) -> list[str]:
    return [value for key, value in response.headers if key.lower() == name]


@pytest.mark.parametrize("case", golden("responses_function_url_cases.json"), ids=lambda case: case["name"])
def test_recorded_answers(case: dict[str, Any]) -> None:
    """Recorded from function URLs; an HTTP API differs in the default type of an answer with a statusCode."""
    response = answer(json.dumps(case["lambda_result"], separators=(",", ":")).encode())
    assert (response.status, response.body) == (case["http_status"], case["http_body"].encode())
    expected = "text/plain;charset=UTF-8" if case["name"] == "http_response" else case["content_type"]
    assert header(response, "content-type") == [expected]
    assert header(response, "apigw-requestid") == ["id="]


def test_the_documented_answer() -> None:
    response = answered(golden("responses_function_url.json"))
    assert (response.status, response.body) == (201, b'{ "message": "Hello, world!" }')
    assert header(response, "content-type") == ["application/json"]
    assert header(response, "my-custom-header") == ["Custom Value"]
    assert header(response, "set-cookie") == ["Cookie_1=Value1; Expires=21 Oct 2021 07:48 GMT", "Cookie_2=Value2; Max-Age=78000"]


@pytest.mark.parametrize(
    ("result", "body"), [(None, b"null"), (7, b"7"), (1.5, b"1.5"), ("", b""), ([], b"[]"), ({}, b"{}"), ({"body": "x"}, b'{"body": "x"}')]
)
def test_a_result_without_a_status_is_the_body(result: Any, body: bytes) -> None:
    response = answered(result)
    assert (response.status, response.body, header(response, "content-type")) == (200, body, ["application/json"])


@pytest.mark.parametrize(("status", "sent"), [(200, 200), ("201", 201), (404, 404), (599, 599)])
def test_a_status_is_a_number_or_its_text(status: Any, sent: int) -> None:
    assert answered({"statusCode": status}).status == sent


@pytest.mark.parametrize("status", [None, True, "abc", "20x", "", 1.5, 0, 100, 199, 600, -1, "9" * 5000, [200], {}, "²00"])
def test_any_other_status_is_malformed(status: Any) -> None:
    with pytest.raises(gateway.Malformed, match="statusCode"):
        answered({"statusCode": status})


def test_scalar_header_values_become_text() -> None:
    response = answered({"statusCode": 200, "headers": {"A": 1, "B": True, "C": "x", "D": 1.5, "E": None}})
    assert dict(response.headers).items() >= {"A": "1", "B": "true", "C": "x", "D": "1.5"}.items()
    assert not header(response, "e")


@pytest.mark.parametrize(
    "result",
    [
        {"headers": {"x": ["a", "b"]}},
        {"headers": {"x": {}}},
        {"headers": ["x"]},
        {"headers": "x"},
        {"cookies": "a=1"},
        {"cookies": [["a=1"]]},
        {"cookies": [None]},
        {"headers": {"x": "a\r\nset-cookie: b=1"}},
        {"headers": {"x": "a\nb"}},
        {"headers": {"x": "a\0b"}},
        {"headers": {"x\r\ny": "a"}},
        {"headers": {"x y": "a"}},
        {"headers": {"": "a"}},
        {"headers": {"ü": "a"}},
        {"cookies": ["a=1\r\nx: y"]},
        {"headers": {"x": "a" * 40_000}},
        {"headers": {f"x{number}": "a" * 100 for number in range(400)}},
        {"body": "###", "isBase64Encoded": True},
        {"body": "abc", "isBase64Encoded": True},
        {"body": "ü", "isBase64Encoded": True},
    ],
)
def test_a_malformed_answer_is_refused_with_a_reason(result: dict[str, Any]) -> None:
    with pytest.raises(gateway.Malformed) as caught:
        answered({"statusCode": 200, **result})
    assert str(caught.value)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("result", [b"", b"{", b"NaN", b'{"statusCode": NaN}', b'"\\ud800"', b"[" * 5000 + b"]" * 5000, b"\xff"])
def test_a_result_that_is_no_json_is_refused(result: bytes) -> None:
    with pytest.raises(gateway.Malformed, match="not JSON"):
        answer(result)


def test_hop_by_hop_headers_are_dropped_or_remapped() -> None:
    sent = {
        "Connection": "close",
        "Content-Length": 5,
        "Date": "now",
        "Server": "me",
        "Transfer-Encoding": "chunked",
        "Upgrade": "h2c",
        "TE": "x",
    }
    names = [name for name, _ in answered({"statusCode": 200, "headers": {**sent, "Keep-Alive": "x", "apigw-requestid": "forged"}}).headers]
    assert sorted(names) == [
        "apigw-requestid",
        "content-type",
        "x-amzn-Remapped-Connection",
        "x-amzn-Remapped-Content-Length",
        "x-amzn-Remapped-Date",
        "x-amzn-Remapped-Server",
    ]


def test_of_names_alike_but_for_case_the_last_wins() -> None:
    response = answered({"statusCode": 200, "headers": {"Content-Type": "a/b", "content-type": "c/d"}})
    assert header(response, "content-type") == ["c/d"]


@pytest.mark.parametrize(
    ("body", "sent"), [(None, b""), ("ü", "ü".encode()), ({"a": 1}, b'{"a":1}'), ([1], b"[1]"), (5, b"5"), (False, b"false"), ("", b"")]
)
def test_bodies(body: Any, sent: bytes) -> None:
    assert answered({"statusCode": 200, "body": body}).body == sent


@given(body=st.binary())
def test_a_base64_body_is_decoded(body: bytes) -> None:
    assert answered({"statusCode": 200, "body": base64.b64encode(body).decode(), "isBase64Encoded": True}).body == body


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_gets_no_type(status: int) -> None:
    assert header(answered({"statusCode": status}), "content-type") == []


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Bad Request"),
        (404, "Not Found"),
        (413, "Request Too Long"),
        (429, "Too Many Requests"),
        (500, "Internal Server Error"),
        (503, "Service Unavailable"),
    ],
)
def test_the_gateways_own_answers(status: int, message: str) -> None:
    response = http_api.failure(status, "id=", retry_after=1)
    assert (response.status, json.loads(response.body)) == (status, {"message": message})  # type: ignore[arg-type]
    assert header(response, "apigw-requestid") == ["id="]
    assert header(response, "retry-after") == ["1"]
    assert not header(http_api.failure(status, "id="), "retry-after")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(
    result=st.one_of(
        JSON,
        st.fixed_dictionaries(
            {"statusCode": st.sampled_from([200, "204", 500, 999, None])},
            optional={"headers": JSON, "body": JSON, "cookies": JSON, "isBase64Encoded": JSON},
        ),
    )
)
def test_whatever_a_function_returns_is_an_answer_or_malformed(result: Any) -> None:
    try:
        response = answered(result)
    except gateway.Malformed:
        return
    assert 200 <= response.status <= 599
    assert isinstance(response.body, bytes)
    assert not any(set("\r\n\0") & set(name + value) for name, value in response.headers)
