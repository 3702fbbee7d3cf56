"""A daemon whose functions are Node.js: from config.yaml to bytes on a socket."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from router.runtime.node_programs import installed
from tests.helpers.website import Website

pytestmark = [pytest.mark.server, pytest.mark.skipif(not installed(), reason="node 18 or later: apt-get install nodejs")]

CODE = """
import { connect } from 'node:net'
export const plain = async (event) => ({ statusCode: 200, headers: { 'content-type': 'text/plain' }, body: event.rawPath })
export const dated = async (event) => console.log('stored', event)
export const streamed = awslambda.streamifyResponse(async (event, stream, context) => {
  const page = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { 'x-own': context.functionName }, cookies: ['a=b'] })
  page.write('first ')
  const port = event.queryStringParameters?.gate
  if (port) await new Promise((resolve) => connect(port, '127.0.0.1').once('close', resolve).resume())
  page.end('second')
})
"""
# as version 2 of AWS's SDK is made: values that a client takes where its maker gives none
SDK = """
function Config () {}
Config.prototype.keys = { endpoint: undefined, s3ForcePathStyle: false, signatureVersion: null, region: () => 'its own' }
module.exports = { Config }
"""
CLIENT = """
const { keys } = require('aws-sdk/lib/core').Config.prototype
exports.handler = async () => ({ statusCode: 200, body: [keys.endpoint?.(), keys.s3ForcePathStyle, keys.signatureVersion, keys.region()].join(' ') })
"""
CONFIG = """
version: 1
state: ./state
listen: {{http: "127.0.0.1:{port}", aws: "off", console: "off"}}
functions:
  plain: {{code: ./code, handler: index.plain, runtime: nodejs, triggers: [http: "GET /plain/{{path}}"]}}
  dated: {{code: ./code, handler: index.dated, runtime: nodejs12.x}}
  sent: {{code: ./code, handler: index.streamed, runtime: nodejs, timeout: 10, triggers: [url: {{auth: none, invoke_mode: response_stream}}]}}
  held: {{code: ./code, handler: index.streamed, runtime: nodejs, timeout: 10, triggers: [url: {{auth: none}}]}}
  told: {{code: ./code, handler: client.handler, runtime: nodejs, environment: {{AWS_ENDPOINT_URL: "http://127.0.0.1:4566"}}, triggers: [http: "GET /told"]}}
  sharer: {{code: ./code, handler: sharer.handler, runtime: nodejs, triggers: [http: "GET /shared"]}}
  untold: {{code: ./code, handler: client.handler, runtime: nodejs, triggers: [http: "GET /untold"]}}
"""
SHARER = """
import { word } from '@for/all'
export const handler = async () => ({ statusCode: 200, body: word })
"""
FILES = {"sharer.mjs": SHARER, "index.mjs": CODE, "client.cjs": CLIENT, "node_modules/aws-sdk/lib/core.js": SDK}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Website]:
    directory = tmp_path_factory.mktemp("node")
    package = directory / "state/runtime/nodejs/node_modules/@for/all"
    package.mkdir(parents=True)
    (directory / "state").chmod(0o700)
    (package / "package.json").write_text('{"name": "@for/all", "type": "module", "exports": "./index.js"}')
    (package / "index.js").write_text("export const word = 'shared'\n")
    with Website(directory, CONFIG, FILES).serving() as site:
        yield site


def test_a_route(site: Website) -> None:
    with site.ask("/plain/x") as answer:
        assert (answer.status, answer.headers["content-type"], answer.read()) == (200, "text/plain", b"/plain/x")


def test_a_stream_is_sent_on_as_it_is_made(site: Website) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gate, site.ask(f"/_url/sent/?gate={gate.getsockname()[1]}") as answer:
        assert (answer.status, answer.headers["x-own"], answer.headers["set-cookie"]) == (201, "sent", "a=b")
        assert answer.read1() == b"first "
        gate.accept()[0].close()
        assert answer.read() == b"second"


def test_a_stream_behind_a_buffered_url_is_the_same_answer_in_one_piece(site: Website) -> None:
    with site.ask("/_url/held/") as answer:
        assert (answer.status, answer.headers["x-own"], answer.headers["set-cookie"]) == (201, "held", "a=b")
        assert (answer.headers["content-length"], answer.read()) == ("12", b"first second")


def test_version_2_of_the_sdk_which_has_no_variable_for_it_is_told_of_the_endpoint(site: Website) -> None:
    with site.ask("/told") as answer:
        assert answer.read() == b"http://127.0.0.1:4566 true v4 its own"
    with site.ask("/untold") as answer:
        assert answer.read() == b" false  its own"


def test_packages_for_all_functions_are_found_by_import(site: Website) -> None:
    with site.ask("/shared") as answer:
        assert answer.read() == b"shared"


def test_a_version_that_is_not_installed_is_mapped_and_said_once(site: Website) -> None:
    for count in (1, 2):
        site.emit("dated", {"n": 1})
        assert site.until(partial(finished, site, count), 20), site.log.read_text()
    assert site.log.read_text().count("runtime_mapped") == 1
    rows = {row["function"]: row["runtime"] for row in site.get("/ps")}
    assert re.fullmatch(r"nodejs\d+\.x", rows["dated"])
    assert rows["dated"] == rows["plain"]


def finished(site: Website, count: int) -> bool:
    """Whether the daemon has logged so many invocations of dated."""
    lines = [line for line in site.log.read_text().splitlines() if "invocation_finished" in line and '"dated"' in line]
    return len(lines) == count


def test_without_node_the_config_is_refused_with_the_remedy(site: Website, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    command = [sys.executable, "-c", "from router.cli import main; main()", "check", "--config", str(site.config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0
    said = "runtime 'nodejs12.x' needs node 18 or later, and none is on the daemon's PATH; apt-get install nodejs"
    assert said in done.stdout + done.stderr
