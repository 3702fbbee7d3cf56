"""Traces, costs and JSON logs of a whole daemon, as its callers and its operator see them."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.house import House, free_port

pytestmark = pytest.mark.timeout(60)

CODE = """
import json, logging, os

def traced(event, context):
    seen = {"env": os.environ["_X_AMZN_TRACE_ID"], "headers": event.get("headers", {})}
    return {"statusCode": 200, "body": json.dumps(seen)}

def fails(event, context):
    print(json.dumps({"trace": os.environ["_X_AMZN_TRACE_ID"]}))
    if event != "well":
        raise ValueError("no")
"""
CONFIG = """
version: 1
state: ./state
listen: {{http: "127.0.0.1:{port}", aws: "off", console: "off"}}
functions:
  traced: {{code: ./code, handler: app.traced, memory: 1024, triggers: [http: "GET /two", http: {{route: GET /rest, api: rest}}, url: {{auth: none}}]}}
  fails: {{code: ./code, handler: app.fails, log_format: json, log_group: /shop/all}}
"""
ROOT = "1-5759e988-bd862e3fe1be46a994272793"
W3C = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Site(House):
    """The daemon, and its port."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        (directory / "code").mkdir()
        (directory / "code" / "app.py").write_text(CODE)
        super().__init__(directory, CONFIG.format(port=self.port))

    def ask(self, path: str, **headers: str) -> Any:
        """What `traced` saw of a request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        found = answer.read()
        assert answer.status == 200, found
        connection.close()
        return json.loads(found)

    def logs(self, *words: str) -> list[Any]:
        """What `router logs` prints, as JSON."""
        command = [sys.executable, "-m", "router.cli", "--config", str(self.config), "logs", *words, "--output", "json"]
        done = subprocess.run(command, capture_output=True, check=True, timeout=30)
        return [row["message"] for row in json.loads(done.stdout)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("traces")) as site:
        site.start()
        assert site.ready()
        assert site.until(lambda: site.get("/status")["ready"], 20)  # the listener of routes, too
        yield site
        assert site.stop() == 0


def own(header: str) -> str:
    """A handler's trace without its lineage, which says that this function was passed once."""
    rest, _, lineage = header.partition(";Lineage=")
    assert lineage.endswith(":1")
    return rest


@pytest.mark.parametrize("path", ["/two", "/rest", "/_url/traced/"])
def test_a_callers_trace_reaches_the_handler(site: Site, path: str) -> None:
    header = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"
    body = site.ask(path, X_Amzn_Trace_Id=header)
    assert own(body["env"]) == header
    assert {value for name, value in body["headers"].items() if name.lower() == "x-amzn-trace-id"} == {header}


def test_a_w3c_trace_is_continued_and_handed_through(site: Site) -> None:
    body = site.ask("/two", traceparent=W3C)
    assert own(body["env"]) == "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1"
    assert body["headers"]["traceparent"] == W3C


def test_without_one_the_event_and_the_invocation_share_a_new_one(site: Site) -> None:
    first, second = site.ask("/two"), site.ask("/two")
    assert first["env"].startswith(first["headers"]["x-amzn-trace-id"] + ";Parent=")
    assert own(first["env"]).endswith(";Sampled=0")
    assert first["env"].split(";")[0] != second["env"].split(";")[0]


def test_a_sampled_trace_is_in_the_log_and_another_is_not(site: Site) -> None:
    status, headers, body = site.request(
        "POST", "/functions/traced/invocations", b"{}", {"X-Amzn-Trace-Id": f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"}
    )
    assert status == 200, body
    reports = [message for message in site.logs("traced", "--request-id", headers["x-amzn-requestid"]) if message.startswith("REPORT")]
    assert [message.split("\n")[1] for message in reports] == [f"XRAY TraceId: {ROOT}\tSegmentId: 53995c3f42cd8ad8\tSampled: true\t"]
    _, headers, _ = site.request("POST", "/functions/traced/invocations", b"{}")
    assert "XRAY" not in "".join(site.logs("traced", "--request-id", headers["x-amzn-requestid"]))


def test_requests_and_failures_are_found_in_a_json_log(site: Site) -> None:
    ids = {}
    for event in ("well", "ill"):
        status, headers, _ = site.request("POST", "/functions/fails/invocations", json.dumps(event).encode())
        assert status == 200
        ids[event] = headers["x-amzn-requestid"]
    assert site.until(lambda: sum("platform.report" in message for message in site.logs("fails")) == 2, 10)
    (whole,) = [message for message in site.logs("fails", "--request-id", ids["well"]) if "platform.report" in message]
    assert json.loads(whole)["record"]["requestId"] == ids["well"]
    failed = "\n".join(site.logs("fails", "--failed"))
    assert ids["ill"] in failed
    assert ids["well"] not in failed
    assert list((site.state / "logs" / "groups").iterdir()) == [site.state / "logs" / "groups" / "%2Fshop%2Fall"]


def test_ps_tells_what_it_would_cost(site: Site) -> None:
    site.ask("/two")
    (row,) = [row for row in site.get("/ps") if row["function"] == "traced"]
    assert row["requests"] > 0
    assert row["gb_seconds"] >= 0.001 * row["requests"]  # 1 GB, 1 ms at least
    assert row["cost_usd"] > row["requests"] * 2e-7
