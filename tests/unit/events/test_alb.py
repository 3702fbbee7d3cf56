"""Load balancers: one pair of maps a mode, text or base64, pages."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from router.events.alb import LIMIT
from router.events.gateway import Malformed
from tests.helpers.faces import ARN, ARRIVAL, GATEWAYS, answer, asked, event, header, sent

GOLDEN = Path(__file__).parents[2] / "golden"
SINGLE, MULTI = GATEWAYS["alb"], GATEWAYS["alb multi"]
SHARED = {"requestContext", "httpMethod", "path", "body", "isBase64Encoded"}


def test_a_mode_has_its_pair_of_maps_and_never_both() -> None:
    request = asked(sent("GET", "/a%20b?x=1&y=%3Fz&x=2+3", [("A", "1"), ("a", "2")]))
    single, multi = event(SINGLE, request), event(MULTI, request)
    assert single.keys() == SHARED | {"headers", "queryStringParameters"}
    assert multi.keys() == SHARED | {"multiValueHeaders", "multiValueQueryStringParameters"}
    assert single["requestContext"] == multi["requestContext"] == {"elb": {"targetGroupArn": ARN}}
    assert single["path"] == "/a%20b"
    assert single["queryStringParameters"] == {"x": "2+3", "y": "%3Fz"}
    assert multi["multiValueQueryStringParameters"] == {"x": ["1", "2+3"], "y": ["%3Fz"]}
    assert (single["headers"]["a"], multi["multiValueHeaders"]["a"]) == ("2", ["1", "2"])


def test_what_there_is_none_of_is_empty_and_not_null() -> None:
    made = event(SINGLE, asked(sent()))
    assert (made["queryStringParameters"], made["body"], made["isBase64Encoded"]) == ({}, "", False)
    assert event(MULTI, asked(sent()))["multiValueQueryStringParameters"] == {}


def test_names_are_lower_case_and_the_way_is_told() -> None:
    headers = event(SINGLE, asked(sent("POST", "/", [("X-Probe", "1"), ("Cookie", "a=1; b=2"), ("Content-Length", "1")], b"x")))["headers"]
    assert headers == {
        "host": "api.example.com:8080",
        "x-probe": "1",
        "cookie": "a=1; b=2",
        "content-length": "1",
        "x-amzn-trace-id": ARRIVAL.trace,
        "x-forwarded-for": "1.2.3.4",
        "x-forwarded-port": "8080",
        "x-forwarded-proto": "http",
    }


@pytest.mark.parametrize(
    ("headers", "body", "encoded"),
    [
        ([("Content-Type", "text/plain")], b"abc", False),
        ([("Content-Type", "application/json")], b"{}", False),
        ([("Content-Type", "text/plain"), ("Content-Encoding", "gzip")], b"abc", True),
        ([("Content-Type", "text/plain")], b"\xff", True),
        ([("Content-Type", "application/x-www-form-urlencoded")], b"a=b", True),
        ([], b"abc", True),
    ],
)
def test_a_body_is_text_for_text_types_that_are_not_compressed(headers: list[tuple[str, str]], body: bytes, encoded: bool) -> None:
    made = event(SINGLE, asked(sent("POST", "/", headers, body)))
    assert made["isBase64Encoded"] is encoded
    assert (base64.b64decode(made["body"]) if encoded else made["body"].encode()) == body


# -- answers


def test_the_documented_answer_in_either_mode() -> None:
    golden = json.loads((GOLDEN / "responses_alb.json").read_text(encoding="utf-8"))
    single, multi = answer(SINGLE, golden), answer(MULTI, golden)
    assert (single.status, single.body) == (multi.status, multi.body) == (200, b"Hello from Lambda")
    assert header(single, "set-cookie") == ["cookies"]
    assert header(multi, "set-cookie") == golden["multiValueHeaders"]["Set-cookie"]


def test_only_the_map_of_the_mode_is_read() -> None:
    both = {"statusCode": 200, "headers": {"a": "1"}, "multiValueHeaders": {"a": ["2", "3"]}}
    assert header(answer(SINGLE, both), "a") == ["1"]
    assert header(answer(MULTI, both), "a") == ["2", "3"]
    assert header(answer(SINGLE, {"statusCode": 200, "multiValueHeaders": {"a": ["2"]}}), "a") == []
    assert header(answer(MULTI, {"statusCode": 200, "headers": {"a": "1"}}), "a") == []


@pytest.mark.parametrize("face", ["alb", "alb multi"])
@pytest.mark.parametrize(
    "result",
    [
        *({}, [], "x", 1, None, True, {"body": "x"}),
        *({"statusCode": "200"}, {"statusCode": None}, {"statusCode": 200.5}, {"statusCode": 99}, {"statusCode": 600}),
        *({"statusCode": 200, "body": {}}, {"statusCode": 200, "body": 1}, {"statusCode": 200, "body": ["x"]}),
        {"statusCode": 200, "body": "###", "isBase64Encoded": True},
    ],
)
def test_a_result_that_is_no_answer(face: str, result: Any) -> None:
    with pytest.raises(Malformed):
        answer(GATEWAYS[face], result)


@pytest.mark.parametrize("value", [1, True, None, 1.5, ["a"], {}, "a\r\nb"])
def test_header_values_are_text_and_nothing_else(value: Any) -> None:
    with pytest.raises(Malformed):
        answer(SINGLE, {"statusCode": 200, "headers": {"a": value}})
    with pytest.raises(Malformed):
        answer(MULTI, {"statusCode": 200, "multiValueHeaders": {"a": ["b", value]}})


def test_a_body_may_be_missing_and_no_type_is_made_up() -> None:
    response = answer(SINGLE, {"statusCode": 204, "statusDescription": "204 No Content"})
    assert (response.status, response.body, header(response, "content-type")) == (204, b"", [])


def test_an_answer_up_to_the_limit() -> None:
    around = len(json.dumps({"statusCode": 200, "body": ""}))
    assert len(answer(SINGLE, {"statusCode": 200, "body": "x" * (LIMIT - around)}).body) == LIMIT - around  # type: ignore[arg-type]
    with pytest.raises(Malformed, match="larger than"):
        answer(SINGLE, {"statusCode": 200, "body": "x" * (LIMIT - around + 1)})


@pytest.mark.parametrize(("status", "title"), [(404, "404 Not Found"), (502, "502 Bad Gateway"), (413, "413 Request Entity Too Large")])
def test_its_own_answers_are_pages(status: int, title: str) -> None:
    response = SINGLE.failure(status, ARRIVAL)
    assert (header(response, "server"), header(response, "content-type")) == (["awselb/2.0"], ["text/html"])
    assert f"<title>{title}</title>".encode() in response.body  # type: ignore[operator]


def test_where_nothing_is_what_fails_and_how_much_it_takes() -> None:
    assert (SINGLE.no_route, SINGLE.failed, SINGLE.timed_out, SINGLE.payload_limit) == (404, 502, 502, 1024 * 1024)
    assert SINGLE.ids(ARRIVAL) == ()
