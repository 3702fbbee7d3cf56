"""The daemon is killed right before and right after lines of a log are handed over: each is in one event, none is lost, none is told twice."""

import json
from collections import Counter
from pathlib import Path

import pytest

from router.clock import SystemClock
from router.telemetry.logs import LogStore
from tests.helpers.house import House

pytestmark = [pytest.mark.fault, pytest.mark.timeout(240)]

STREAMS, LINES = 120, 20  # more streams than are looked at together
DEATHS = (1, 2, 1)
CODE = """
import base64, gzip, json, os

def hear(event, context):
    data = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    row = [context.aws_request_id, [line["message"] for line in data["logEvents"]]]
    with open(os.environ["RECORD"], "a") as file:
        file.write(json.dumps(row) + chr(10))
"""
CONFIG = """
version: 1
state: ./state
listen: {{http: off, aws: off, console: off}}
functions:
  say: {{code: ./code, handler: app.hear}}
  hear:
    code: ./code
    handler: app.hear
    timeout: 60
    environment: {{RECORD: {record}}}
    triggers: [{{logs: {{group: /aws/lambda/say, filter_pattern: wanted}}}}]
"""


def write(house: House, number: int) -> set[str]:
    """What environments of a function would have logged; the lines that are wanted."""
    store = LogStore(house.directory / "state/logs", SystemClock())
    for stream in range(STREAMS):
        log = store.stream("say")
        for line in range(LINES):
            log.write(f"{'wanted' if line % 2 else 'other'} {number} {stream} {line}", SystemClock().now())
    store.close()
    return {f"wanted {number} {stream} {line}" for stream in range(STREAMS) for line in range(1, LINES, 2)}


def told(record: Path) -> dict[str, list[str]]:
    """Event → the lines in it."""
    return dict(json.loads(line) for line in record.read_text().splitlines()) if record.exists() else {}


@pytest.mark.parametrize("step", ["before-append-all", "after-append-all"])
def test_lines_are_in_one_event_each_wherever_the_daemon_dies(tmp_path: Path, step: str) -> None:
    record = tmp_path / "record"
    (tmp_path / "code").mkdir()
    (tmp_path / "code/app.py").write_text(CODE)
    lines: set[str] = set()
    with House(tmp_path, CONFIG.format(record=record)) as house:
        house.start()  # the filter begins
        assert house.ready(), house.log.read_text()[-3000:]
        assert house.until(lambda: house.get("/status")["ready"], 10)
        assert house.stop() == 0
        for number, count in enumerate(DEATHS):
            lines |= write(house, number)
            house.dies(step, count)
        house.start()
        assert house.ready(), house.log.read_text()[-3000:]
        assert house.until(lambda: {line for event in told(record).values() for line in event} >= lines, 60)
        assert house.stop(60) == 0
    times = Counter(line for event in told(record).values() for line in event)
    assert times.keys() == lines
    assert set(times.values()) == {1}, "a line was told twice"
