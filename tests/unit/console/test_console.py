"""What the console listener answers: probes to everybody, the page to everybody, the calls to who has the token."""

import asyncio
import json
from pathlib import Path

import pytest

from router.clock import SystemClock
from router.console.console import Console
from router.console.health import Health
from router.console.tail import Tail
from router.events.http import Request, Response
from router.telemetry.metrics import Metrics

TOKEN = "erc_" + "t" * 43
RIGHT = ("authorization", f"Bearer {TOKEN}")


@pytest.fixture
def asked() -> list[Request]:
    """What came to the daemon's calls."""
    return []


@pytest.fixture
def console(tmp_path: Path, asked: list[Request]) -> Console:
    async def ping() -> None: ...

    async def calls(request: Request) -> Response:
        asked.append(request)
        return Response(200, (("content-type", "application/json"),), b"[]")

    health = Health(Metrics(), problems=list, ping=ping)
    return Console(TOKEN, health, Tail(tmp_path / "logs", asyncio.Event(), SystemClock()), calls)


async def test_calls_go_to_the_daemon_without_the_prefix(console: Console, asked: list[Request]) -> None:
    answer = await console(Request("POST", "/api/functions/a%2Fb/invocations?x=1", (RIGHT,), b"{}"))
    assert (answer.status, answer.body) == (200, b"[]")
    assert [(one.method, one.target, one.body) for one in asked] == [("POST", "/functions/a%2Fb/invocations?x=1", b"{}")]
    headers = dict(answer.headers)
    assert (headers["content-type"], headers["cache-control"]) == ("application/json", "no-store")
    assert "content-security-policy" in headers


@pytest.mark.parametrize("target", ["/api/ps", "/api/logs", "/api/logs/tail", "/api/", "/api/healthz"])
@pytest.mark.parametrize(("headers", "status"), [([], 401), ([RIGHT, ("origin", "http://evil.example")], 403)])
async def test_nobody_else_reaches_a_call(
    console: Console, asked: list[Request], target: str, headers: list[tuple[str, str]], status: int
) -> None:
    answer = await console(Request("GET", target, headers, host="127.0.0.1:8081"))
    assert answer.status == status
    assert ("www-authenticate" in dict(answer.headers)) == (status == 401)
    assert TOKEN.encode() not in answer.body
    assert asked == []


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("GET", "/app.js", 200),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("POST", "/", 405),
        ("POST", "/healthz", 405),
        ("GET", "/nothing", 404),
        ("GET", "/apis", 404),
        ("GET", "/api", 404),
    ],
)
async def test_what_everybody_gets(console: Console, asked: list[Request], method: str, target: str, status: int) -> None:
    assert (await console(Request(method, target, ()))).status == status
    assert asked == []


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "since=never", "since=inf", "since=nan"])
async def test_a_wrong_parameter_of_logs_is_told(console: Console, query: str) -> None:
    answer = await console(Request("GET", f"/api/logs?{query}", (RIGHT,)))
    assert answer.status == 400
    assert json.loads(answer.body)["code"] == "InvalidParameterValueException"
