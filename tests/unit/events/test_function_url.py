"""Function URLs: events against captures, answers against recordings, their own words."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.function_url import FunctionUrl
from router.events.gateway import Asked, Denied, Malformed, Passage
from tests.helpers.faces import ARRIVAL, GATEWAYS, RESULTS, answer, asked, event, header, sent

GOLDEN = Path(__file__).parents[2] / "golden"
URL = GATEWAYS["url"]
CASES = json.loads((GOLDEN / "responses_function_url_cases.json").read_text(encoding="utf-8"))


def test_a_bare_get_has_no_key_for_what_it_has_not() -> None:
    made = event(URL, asked(sent()))
    assert made.keys() == {"version", "routeKey", "rawPath", "rawQueryString", "headers", "requestContext", "isBase64Encoded"}
    assert made["requestContext"].keys() == {
        *("accountId", "apiId", "domainName", "domainPrefix", "http", "requestId", "routeKey", "stage", "time", "timeEpoch"),
    }
    assert made["headers"].keys() == {"host", "x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"}


def test_the_context_names_the_url_whatever_host_was_asked() -> None:
    context = event(URL, asked(sent("GET", "/", host="127.0.0.1:8080")))["requestContext"]
    assert (context["domainName"], context["domainPrefix"], context["apiId"]) == ("f.lambda-url.us-east-1.localhost", "f", "f")
    assert (context["accountId"], context["routeKey"], context["stage"]) == ("anonymous", "$default", "$default")
    assert context["requestId"] == ARRIVAL.request_id


@pytest.mark.parametrize("path", ["/", "/a%2Fb", "/a//b/", "/%C3%BC", "/a+b;c"])
def test_the_path_stays_as_sent_in_both_places(path: str) -> None:
    made = event(URL, asked(sent("GET", f"{path}?a=/b")))
    assert made["rawPath"] == made["requestContext"]["http"]["path"] == path
    below = event(URL, Asked(sent("GET", f"/_url/f{path}?a=/b"), "", "$default", {}, "/_url/f"))
    assert below["rawPath"] == below["requestContext"]["http"]["path"] == path


@pytest.mark.parametrize(
    ("lines", "cookies", "line"),
    [
        (["a=1; b=2"], ["a=1", "b=2"], "a=1; b=2"),
        (["a=1", "b=2;c=3; "], ["a=1", "b=2", "c=3"], "a=1; b=2; c=3"),
    ],
)
def test_cookies_are_listed_and_stay(lines: list[str], cookies: list[str], line: str) -> None:
    made = event(URL, asked(sent("GET", "/", [("Cookie", text) for text in lines])))
    assert (made["cookies"], made["headers"]["cookie"]) == (cookies, line)


@pytest.mark.parametrize(
    ("headers", "body", "length"),
    [([], b"", None), ([("Content-Length", "0")], b"", "0"), ([], b"abc", "3"), ([("Content-Length", "3")], b"abc", "3")],
)
def test_the_length_is_told_where_there_is_one(headers: list[tuple[str, str]], body: bytes, length: str | None) -> None:
    assert event(URL, asked(sent("POST", "/", headers, body)))["headers"].get("content-length") == length


def test_an_authorizer_is_in_the_context() -> None:
    assert event(URL, asked(sent()), Passage({"iam": {"accessKey": "AKIA"}}))["requestContext"]["authorizer"] == {
        "iam": {"accessKey": "AKIA"}
    }


# -- answers


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_recorded_answers(case: dict[str, Any]) -> None:
    """The recorded functions are Python's, whose runtime writes a space behind a comma; clients got none."""
    response = answer(URL, case["lambda_result"])
    assert (response.status, response.body) == (case["http_status"], case["http_body"].encode())
    assert header(response, "content-type") == [case["content_type"]]


@pytest.mark.parametrize(
    ("result", "body"),
    [
        (b"null", b"null"),
        (b'""', b""),
        (b'"\\u00fc"', "ü".encode()),
        (b" [ 1 , 2 ] ", b"[1,2]"),
        (b'{"n": 12345678901234567890123}', b'{"n": 12345678901234567890123}'),
        (b'{"n": 0.12345678901234567}', b'{"n": 0.12345678901234567}'),
        (b'{"statuscode": 1}', b'{"statuscode":1}'),
    ],
)
def test_a_result_without_a_status_is_the_body(result: bytes, body: bytes) -> None:
    """Compact, but for numbers that would lose digits on the way."""
    response = URL.answer(result, asked(sent()), ARRIVAL)
    assert (response.status, response.body, header(response, "content-type")) == (200, body, ["application/json"])


def test_the_documented_answer() -> None:
    response = answer(URL, json.loads((GOLDEN / "responses_function_url.json").read_text(encoding="utf-8")))
    assert (response.status, response.body) == (201, b'{ "message": "Hello, world!" }')
    assert header(response, "set-cookie") == ["Cookie_1=Value1; Expires=21 Oct 2021 07:48 GMT", "Cookie_2=Value2; Max-Age=78000"]
    assert header(response, "my-custom-header") == ["Custom Value"]


def test_ids_cannot_be_forged_and_a_password_is_not_asked_for() -> None:
    forged = {"x-amzn-RequestId": "a", "X-Amzn-Trace-Id": "b", "www-authenticate": "Basic"}
    response = answer(URL, {"statusCode": 401, "headers": forged})
    assert header(response, "x-amzn-requestid") == [ARRIVAL.request_id]
    assert header(response, "x-amzn-trace-id") == [ARRIVAL.trace]
    assert header(response, "x-amzn-remapped-www-authenticate") == ["Basic"]
    assert not header(response, "www-authenticate")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, b'{"Message":"Forbidden"}', ["AccessDeniedException"]),
        (413, b'{"Message":"Request Entity Too Large"}', ["RequestEntityTooLargeException"]),
        (429, b'{"Message":"Too Many Requests"}', ["TooManyRequestsException"]),
        (500, b'{"Message":"Internal Server Error"}', ["InternalServerErrorException"]),
        (502, b"Internal Server Error", ["InternalServerErrorException"]),
        (503, b'{"Message":"Service Unavailable"}', ["ServiceUnavailableException"]),
        (400, b'{"Message":"Bad Request"}', []),
    ],
)
def test_its_own_answers(status: int, body: bytes, kind: list[str]) -> None:
    response = URL.failure(status, ARRIVAL)
    assert (response.body, header(response, "x-amzn-errortype")) == (body, kind)


def test_a_denial() -> None:
    response = URL.denial(Denied(403, {"Message": "Forbidden. See …"}, "AccessDeniedException"), ARRIVAL)
    assert (response.status, json.loads(response.body)) == (403, {"Message": "Forbidden. See …"})  # type: ignore[arg-type]
    assert header(response, "x-amzn-errortype") == ["AccessDeniedException"]


def test_where_nothing_is_what_fails_and_how_much_it_takes() -> None:
    assert (URL.no_route, URL.failed, URL.timed_out, URL.payload_limit) == (403, 502, 502, 6 * 1024 * 1024)


# -- the head of a streamed answer


def test_a_prelude_is_the_head() -> None:
    url = FunctionUrl("f.localhost")
    prelude = b'{"statusCode": 201, "headers": {"Content-Type": "text/event-stream", "x": 1}, "cookies": ["a=1"]}'
    head = url.streamed(prelude, "application/octet-stream", ARRIVAL)
    assert (head.status, head.body) == (201, b"")
    assert header(head, "content-type") == ["text/event-stream"]
    assert (header(head, "x"), header(head, "set-cookie"), header(head, "x-amzn-requestid")) == (["1"], ["a=1"], [ARRIVAL.request_id])
    assert header(url.streamed(b"{}", "text/plain", ARRIVAL), "content-type") == ["application/octet-stream"]
    plain = url.streamed(b"", "text/plain", ARRIVAL)
    assert (plain.status, header(plain, "content-type"), header(plain, "x-amzn-requestid")) == (200, ["text/plain"], [ARRIVAL.request_id])


@given(prelude=st.binary(max_size=20) | RESULTS.map(lambda value: json.dumps(value).encode()))
def test_any_prelude_is_a_head_or_malformed(prelude: bytes) -> None:
    try:
        head = FunctionUrl("f.localhost").streamed(prelude, "text/plain", ARRIVAL)
    except Malformed:
        return
    assert 200 <= head.status <= 599
    assert not any(set("\r\n\0") & set(name + value) for name, value in head.headers)


@pytest.mark.parametrize("prelude", [b"[]", b"x", b'"x"', b'{"statusCode": 99}', b'{"headers": {"a": "b\\r\\nc: d"}}', b'{"cookies": "a"}'])
def test_a_prelude_that_is_none_is_malformed(prelude: bytes) -> None:
    with pytest.raises(Malformed):
        FunctionUrl("f.localhost").streamed(prelude, "text/plain", ARRIVAL)
