"""The daemon is killed right before and right after ticks that are due together are handed over: each becomes one event, none is skipped."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.house import ROOT, House
from tests.helpers.load import Findings, judge_ticks
from tests.helpers.record import read_record

pytestmark = [pytest.mark.fault, pytest.mark.timeout(240)]

FACTOR = 30.0  # the daemon's clock runs this much faster: a minute is two seconds
DEATHS = (1, 2, 3)
CONFIG = """
version: 1
state: ./state
listen: {{http: off, aws: off, console: off}}
functions:
  ticks:
    code: {functions}
    handler: app.ticks
    timeout: 600
    environment: {{RECORD: {record}}}
    triggers:
      - {{schedule: {{name: one, expression: "cron(* * * * ? *)", missed: all}}}}
      - {{schedule: {{name: two, expression: "cron(* * * * ? *)", missed: all}}}}
      - {{schedule: {{name: three, expression: "cron(* * * * ? *)", missed: all}}}}
"""


def by_schedule(house: House) -> dict[str, list[dict[str, Any]]]:
    """What was handled of each schedule."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in read_record(house.directory / "record"):
        found[line["tick"]].append(line)
    return found


@pytest.mark.parametrize("step", ["before-append-all", "after-append-all"])
def test_ticks_that_are_due_together_are_one_event_each_wherever_the_daemon_dies(tmp_path: Path, step: str) -> None:
    config = CONFIG.format(functions=ROOT / "tests/faults/functions", record=tmp_path / "record")
    with House(tmp_path, config, factor=FACTOR) as house:
        for count in DEATHS:
            house.dies(step, count)
        house.start()
        assert house.ready(), house.log.read_text()[-3000:]
        before = {name: len(lines) for name, lines in by_schedule(house).items()}
        assert house.until(
            lambda: len(found := by_schedule(house)) == 3 and all(len(lines) > before.get(name, 0) + 2 for name, lines in found.items()), 60
        )
        assert house.stop(60) == 0
        lines = by_schedule(house)
    findings = Findings()
    for of_one in lines.values():
        judge_ticks(findings, of_one)
    assert findings.bad() == {}
    assert len({min(line["at"] for line in of_one) for of_one in lines.values()}) == 1, "a tick of the first batch is missing"
