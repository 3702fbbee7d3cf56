"""A REST API's verdicts on results, as recorded, and its own words."""

import json
from pathlib import Path
from typing import Any

import pytest

from router.events.gateway import Denied, Malformed
from router.events.rest_api import FAULTS, RestApi
from tests.helpers.faces import API, ARRIVAL, GATEWAYS, answer, header

CASES = json.loads((Path(__file__).parents[2] / "golden/responses_rest_api_proxy_cases.json").read_text(encoding="utf-8"))
REST = RestApi(API)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_recorded_verdicts(case: dict[str, Any]) -> None:
    try:
        response = answer(REST, case["lambda_result"])
    except Malformed:
        response = REST.failure(REST.failed, ARRIVAL)
    body = case["http_body"]
    assert response.status == case["http_status"]
    assert (json.loads(response.body) if isinstance(body, dict) else response.body.decode()) == body  # type: ignore[arg-type, union-attr]
    for name, value in (case["http_headers_include"] or {}).items():
        assert ", ".join(header(response, name)) == value
    if case["http_status"] == 502:
        assert header(response, "x-amzn-errortype") == ["InternalServerErrorException"]


def test_the_documented_answer() -> None:
    golden = json.loads((Path(__file__).parents[2] / "golden/responses_apigw_v1_full.json").read_text(encoding="utf-8"))
    response = answer(REST, golden)
    assert (response.status, response.body) == (200, b"Hello World")
    for name, value in golden["headers"].items():
        seen = f"x-amzn-Remapped-{name}" if name in ("Host", "User-Agent") else name
        assert header(response, seen) == [value]


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (403, "Missing Authentication Token", "MissingAuthenticationTokenException"),
        (413, "Request Too Long", "RequestTooLargeException"),
        (429, "Too Many Requests", "TooManyRequestsException"),
        (500, "Internal server error", "InternalServerErrorException"),
        (502, "Internal server error", "InternalServerErrorException"),
        (504, "Endpoint request timed out", "InternalServerErrorException"),
        (408, "Request Timeout", "BadRequestException"),
        (505, "HTTP Version Not Supported", "InternalServerErrorException"),
    ],
)
def test_its_own_answers(status: int, message: str, kind: str) -> None:
    response = REST.failure(status, ARRIVAL)
    assert json.loads(response.body) == {"message": message}  # type: ignore[arg-type]
    assert header(response, "x-amzn-errortype") == [kind]
    assert [name for name, _ in response.headers] == [
        *("Content-Type", "x-amzn-RequestId", "x-amz-apigw-id", "X-Amzn-Trace-Id", "x-amzn-ErrorType"),
    ]


def test_where_nothing_is_what_fails_and_what_takes_too_long() -> None:
    for face in ("rest", "rest binary"):
        made = GATEWAYS[face]
        assert (made.no_route, made.failed, made.timed_out, made.payload_limit) == (403, 502, 504, 6 * 1024 * 1024)
    assert {REST.no_route, REST.failed, REST.timed_out} <= FAULTS.keys()


def test_a_denial_may_have_a_null_message() -> None:
    response = REST.denial(Denied(500, {"message": None}, "AuthorizerConfigurationException"), ARRIVAL)
    assert (response.status, response.body) == (500, b'{"message":null}')
    assert header(response, "x-amzn-errortype") == ["AuthorizerConfigurationException"]


def test_its_own_answers_have_the_headers_of_their_class() -> None:
    api = RestApi(API, failures=((("X-A", "4"),), (("X-B", "5"),)))
    for response in (api.failure(413, ARRIVAL), api.denial(Denied(401, {"message": "Unauthorized"}, "UnauthorizedException"), ARRIVAL)):
        assert (header(response, "x-a"), header(response, "x-b")) == (["4"], [])
    assert (header(api.failure(502, ARRIVAL), "x-a"), header(api.failure(502, ARRIVAL), "x-b")) == ([], ["5"])
    assert header(answer(api, {"statusCode": 500}), "x-b") == []
