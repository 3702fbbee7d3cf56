"""What probes are told."""

import json

import pytest

from router.console.health import Health
from router.errors import JournalError
from router.events.http import Request
from router.telemetry.metrics import Metrics


def health(*problems: str, store: JournalError | None = None) -> Health:
    async def ping() -> None:
        if store:
            raise store

    metrics = Metrics()
    metrics.counter("router_things_total", "Things.").add(amount=3)
    return Health(metrics, problems=lambda: list(problems), ping=ping)


async def test_alive_even_when_not_ready() -> None:
    subject = health("s3:uploads: the directory is gone")
    assert (await subject(Request("GET", "/healthz", ()))).status == 200
    answer = await subject(Request("GET", "/readyz?verbose", ()))
    assert answer.status == 503
    assert json.loads(answer.body) == {"ready": False, "problems": ["s3:uploads: the directory is gone"]}


async def test_ready_needs_a_store_that_writes() -> None:
    assert (await health()(Request("GET", "/readyz", ()))).status == 200
    answer = await health(store=JournalError("no space left"))(Request("GET", "/readyz", ()))
    assert answer.status == 503
    assert json.loads(answer.body)["problems"] == ["store: no space left"]


async def test_metrics_are_prometheus_text() -> None:
    answer = await health()(Request("GET", "/metrics", ()))
    assert dict(answer.headers)["content-type"].startswith("text/plain; version=0.0.4")
    assert b"router_things_total 3\n" in answer.body


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/healthz", 405), ("GET", "/", 404), ("GET", "/metrics/x", 404)])
async def test_nothing_else_is_there(method: str, path: str, status: int) -> None:
    assert (await health()(Request(method, path, ()))).status == status
