"""What clients get for what functions return: the case tables, and answers that use all there is."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from router.events.alb import LoadBalancer
from router.events.function_url import FunctionUrl
from router.events.gateway import Api, Asked, Gateway, Malformed
from router.events.http import Response
from router.events.http_api import HttpApi
from router.events.rest_api import RestApi
from tests.fidelity.case import GOLDEN, Case
from tests.fidelity.http_requests import arrival, asked, request

REST: Final = RestApi(Api("123456789012", "a1b2c3d4e5", stage="prod"))
URL: Final = FunctionUrl("abcdefghij.lambda-url.us-east-1.on.aws")
ASKED: Final[Asked] = asked(request("GET", "/", [("accept", "*/*")], peer="203.0.113.9", host="localhost"), "$default")
IDS: Final = frozenset(("x-amzn-requestid", "x-amz-apigw-id", "x-amzn-trace-id", "apigw-requestid", "x-amzn-errortype", "server"))


def answered(gateway: Gateway, result: Any) -> Response:
    """What the client gets of a result as Python's runtime writes it; what is no answer becomes the gateway's own."""
    came = arrival("e5488776-afe4-4e5e-92b1-37bd23f234d6", 1.0, extended="NvWWKEZbliAFliA=")
    try:
        return gateway.answer(json.dumps(result).encode(), ASKED, came)
    except Malformed:
        return gateway.failure(gateway.failed, came)


def _body(response: Response) -> str:
    assert isinstance(response.body, bytes)
    return response.body.decode()


def _values(response: Response) -> dict[str, str]:
    """Headers by lower-case name as an HTTP client shows them: lines of one name joined."""
    found: dict[str, str] = {}
    for name, value in response.headers:
        low = name.lower()
        found[low] = f"{found[low]}, {value}" if low in found else value
    return found


def _rows(sample: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((GOLDEN / f"{sample}.json").read_text(encoding="utf-8"))
    return rows


def rest_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the REST table as we answer it."""
    response = answered(REST, row["lambda_result"])
    sent = _values(response)
    body = _body(response)
    wanted = row["http_headers_include"]
    return {
        **row,
        "http_status": response.status,
        "http_body": json.loads(body) if isinstance(row["http_body"], dict) else body,
        "http_headers_include": None if wanted is None else {name: sent.get(name) for name in wanted},
    }


def url_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the function URL's table as we answer it."""
    response = answered(URL, row["lambda_result"])
    return {**row, "http_status": response.status, "content_type": _values(response).get("content-type"), "http_body": _body(response)}


def _verdict(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what it is about: only what the client sees counts."""
    return {key: value for key, value in row.items() if key.startswith(("http_", "content_"))}


def _table(kind: str, sample: str, ours: Callable[[Mapping[str, Any]], dict[str, Any]]) -> list[Case]:
    return [
        Case(kind, sample, lambda row=row: ours(row), (index,), view=_verdict)  # type: ignore[misc]
        for index, row in enumerate(_rows(sample))
    ]


# -- whole answers: the result of the sample as the client sees it


def _spelled(result: dict[str, Any]) -> dict[str, Any]:
    """What a result asks for."""
    if "http" in result:
        return dict(result["http"])
    multi = result.get("multiValueHeaders") or {}
    lines = {(name.lower(), value) for name, value in (result.get("headers") or {}).items() if name not in multi}
    lines |= {(name.lower(), value) for name, values in multi.items() for value in values}
    lines |= {("set-cookie", cookie) for cookie in result.get("cookies", ())}
    return _told(result["statusCode"], result["body"], lines)


def _asked_of_rest(result: dict[str, Any]) -> dict[str, Any]:
    """The same at a REST API, whose client sees some headers under other names: recorded."""
    spelled = _spelled(result)
    for name in () if "http" in result else ("host", "user-agent"):
        lines = {line: there for line, there in spelled["headers"].items() if line.startswith(f"{name}: ")}
        spelled["headers"] = {
            **{line: there for line, there in spelled["headers"].items() if line not in lines},
            **{f"x-amzn-remapped-{line}": there for line, there in lines.items()},
        }
    return spelled


def _told(status: int, body: str, lines: set[tuple[str, str]]) -> dict[str, Any]:
    return {"status": status, "body": body, "headers": {f"{name}: {value}": True for name, value in sorted(lines)}}


def _client(sample: str, gateway: Gateway, *, default_type: str = "") -> dict[str, Any]:
    """What the client sees of the sample's result. *default_type*: the gateway's own where the result names none."""
    result = json.loads((GOLDEN / f"{sample}.json").read_text(encoding="utf-8"))
    response = answered(gateway, result)
    lines = {(name.lower(), value) for name, value in response.headers if name.lower() not in IDS}
    if default_type:
        assert ("content-type", default_type) in lines
        lines.remove(("content-type", default_type))
    return {"http": _told(response.status, _body(response), lines)}


CASES = [
    *_table("Answers, REST API", "responses_rest_api_proxy_cases", rest_row),
    Case(
        "Answers, REST API",
        "responses_apigw_v1_full",
        lambda: _client("responses_apigw_v1_full", REST, default_type="application/json"),
        view=_asked_of_rest,
    ),
    *_table("Answers, function URL", "responses_function_url_cases", url_row),
    Case("Answers, function URL", "responses_function_url", lambda: _client("responses_function_url", URL), view=_spelled),
    Case(
        "Answers, HTTP API",
        "responses_function_url",
        lambda: _client("responses_function_url", HttpApi(Api("123456789012", "a1b2c3d4e5"))),
        view=_spelled,
    ),
    Case(
        "Answers, load balancer",
        "responses_alb",
        lambda: _client("responses_alb", LoadBalancer("arn", multi_value=True)),
        view=_spelled,
    ),
]
