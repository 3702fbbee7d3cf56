"""Extensions of a layer in a whole daemon: what a caller waits for, what the operator sees, how a drain ends."""

import base64
import http.client
import json
import time
from pathlib import Path

import pytest

from tests.helpers.house import House, free_port

pytestmark = pytest.mark.timeout(120)

EXTENSION = (Path(__file__).parents[1] / "helpers/extension.py").read_text()
CONFIG = """
version: 1
state: ./state
account: "210987654321"
listen: {{http: "127.0.0.1:{port}", aws: "off", console: "off"}}
functions:
  watched:
    code: ./code
    handler: app.handler
    timeout: 30
    reserved_concurrency: 1
    layers: [./layer]
    environment: {{EXTENSION_LOG: "{log}", EXTENSION_WATCH: '{{"do": "slow", "seconds": 3}}'}}
    triggers: [http: GET /watched]
"""


def test_a_caller_does_not_wait_for_extensions_and_the_next_one_does(tmp_path: Path) -> None:
    port, noted = free_port(), tmp_path / "extension.log"
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text("def handler(event, context):\n    return {'statusCode': 200, 'body': 'hello'}\n")
    (tmp_path / "layer" / "extensions").mkdir(parents=True)
    (tmp_path / "layer" / "extensions" / "watch").write_text(EXTENSION)
    (tmp_path / "layer" / "extensions" / "watch").chmod(0o755)
    with House(tmp_path, CONFIG.format(port=port, log=noted)) as house:
        house.start()
        assert house.ready()
        assert house.until(lambda: house.get("/status")["ready"], 20)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/watched")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"hello")
        connection.close()
        (row,) = house.get("/ps")
        assert row["running"] == 1  # its extension goes on, in its slot
        assert row["requests"] == 0
        began = time.monotonic()
        assert house.until(lambda: house.get("/ps")[0]["requests"] == 1, 30)
        assert time.monotonic() - began > 0.5
        assert house.get("/ps")[0]["gb_seconds"] >= 3 / 8  # 128 MB for all of the time
        status, headers, _ = house.request("POST", "/functions/watched/invocations", b"{}", {"X-Amz-Log-Type": "Tail"})
        assert status == 200
        assert b"REPORT RequestId: " in base64.b64decode(headers["x-amz-log-result"])
        assert house.stop() == 0
    rows = [json.loads(line) for line in noted.read_text().splitlines()]
    (registered,) = [row["registered"] for row in rows if "registered" in row]
    assert registered[1]["accountId"] == "210987654321"
    assert [row["event"]["eventType"] for row in rows if "event" in row] == ["INVOKE", "INVOKE", "SHUTDOWN"]
    assert rows[-1]["ended"] is True
