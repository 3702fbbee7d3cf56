"""A daemon whose functions are a bootstrap and a command: from config.yaml to bytes on a socket, and from a file to a log line."""

import socket
import sys
from collections.abc import Iterator

import pytest

from tests.helpers.website import Website

BOOTSTRAP = """#!INTERPRETER -ISu
import http.client, json, os, socket, time

runtime = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    runtime.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = runtime.getresponse()
    event, id = json.loads(answer.read()), answer.headers["Lambda-Runtime-Aws-Request-Id"]

    def page():
        head = {"statusCode": 201, "headers": {"x-own": os.environ["AWS_LAMBDA_FUNCTION_NAME"]}, "cookies": ["a=b"]}
        yield json.dumps(head).encode() + bytes(8) + b"first "
        port = event.get("queryStringParameters", {}).get("gate")
        if port: socket.create_connection(("127.0.0.1", int(port))).recv(1)
        yield b"second"

    print("asked for", event["rawPath"])
    headers = {"Lambda-Runtime-Function-Response-Mode": "streaming", "Content-Type": "application/vnd.awslambda.http-integration-response"}
    runtime.request("POST", f"/2018-06-01/runtime/invocation/{id}/response", page(), headers, encode_chunked=True)
    runtime.getresponse().read()
"""
SCRIPT = """#!/bin/sh
echo "ran with $1" >&2
exec tr abc xyz
"""
CONFIG = """
version: 1
state: ./state
listen: {{http: "127.0.0.1:{port}", aws: "off", console: "off"}}
functions:
  sent: {{code: ./code, runtime: provided.al2023, timeout: 10, triggers: [url: {{auth: none, invoke_mode: response_stream}}]}}
  held: {{code: ./code, runtime: provided, timeout: 10, triggers: [url: {{auth: none}}]}}
  script: {{code: ./code, runtime: command, command: [./script.sh, an argument], timeout: 10}}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Website]:
    code = {"bootstrap": BOOTSTRAP.replace("INTERPRETER", sys.executable), "script.sh": SCRIPT}
    with Website(tmp_path_factory.mktemp("programs"), CONFIG, code).serving() as site:
        yield site


def test_a_stream_is_sent_on_as_it_is_made(site: Website) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gate:
        for _ in range(2):
            with site.ask(f"/_url/sent/?gate={gate.getsockname()[1]}") as answer:
                assert (answer.status, answer.headers["x-own"], answer.headers["set-cookie"]) == (201, "sent", "a=b")
                assert answer.read1() == b"first "
                gate.accept()[0].close()
                assert answer.read() == b"second"


def test_a_stream_behind_a_buffered_url_is_the_same_answer_in_one_piece(site: Website) -> None:
    with site.ask("/_url/held/x") as answer:
        assert (answer.status, answer.headers["x-own"], answer.headers["set-cookie"]) == (201, "held", "a=b")
        assert (answer.headers["content-length"], answer.read()) == ("12", b"first second")


def test_an_event_is_run_by_a_command(site: Website) -> None:
    site.emit("script", {"a": "b"})

    def finished() -> bool:
        return any("invocation_finished" in line and '"script"' in line for line in site.log.read_text().splitlines())

    assert site.until(finished, 20), site.log.read_text()
    assert '"outcome":"ok"' in next(
        line for line in site.log.read_text().splitlines() if "invocation_finished" in line and '"script"' in line
    )


def test_what_runs_them_is_shown(site: Website) -> None:
    assert {row["function"]: row["runtime"] for row in site.get("/ps")} == {
        "sent": "provided.al2023",
        "held": "provided",
        "script": "command",
    }
