"""Rules and schedules whose targets are no functions, in a whole daemon: to the end, and across a kill."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.house import ROOT
from tests.integration.daemon_rig import Serving

RESOURCES = """
queues: {jobs: {}, line.fifo: {}, lost: {}}
buses: {orders: }
rules:
  all: {pattern: {source: [shop]}, targets: [{queue: jobs, input_path: $.detail}, {queue: line.fifo, group: one}, {bus: orders}, {log_group: /aws/events/all}]}
  lines:
    pattern: {source: [press]}
    targets: [{log_group: /aws/events/lines, input_transformer: {paths: {at: $.time, said: $.detail.said}, template: '{"timestamp": <at>, "message": <said>}'}}]
  orders/on: {pattern: {detail-type: [placed]}, targets: [{function: direct, input_transformer: '{"sent": <aws.events.event.json>}'}]}
schedules:
  nightly: {expression: cron(0 2 * * ? *), timezone: Europe/Berlin, input: {mode: nightly}, target: {queue: jobs}}
"""
FUNCTIONS = """
worker: {…, handler: app.seen, triggers: [queue: {name: jobs}, queue: {name: line.fifo}]}
direct: {…, handler: app.seen}
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Serving]:
    with Serving(tmp_path, FUNCTIONS, resources=RESOURCES) as made:
        yield made


def router(house: Serving, *words: str) -> Any:
    command = [sys.executable, "-m", "router.cli", "--config", str(house.config), *words, "--output", "json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def bodies(house: Serving) -> list[Any]:
    return [json.loads(record["body"]) for row in house.seen("worker") for record in row["event"]["Records"]]


def arrived(house: Serving) -> list[set[int]]:
    """The events that came to the queue, the FIFO queue, the other bus's function and the log group: at least once, for the daemon was killed."""
    sent = [row["event"]["sent"] for row in house.seen("direct")]
    written = [line for file in (house.directory / "state/logs/groups").rglob("*.jsonl") for line in file.read_text().splitlines()]
    return [
        {body["id"] for body in bodies(house) if set(body) == {"id"}},
        {body["detail"]["id"] for body in bodies(house) if "detail" in body},
        {event["detail"]["id"] for event in sent},
        {json.loads(json.loads(line)["m"])["detail"]["id"] for line in written},
    ]


def test_one_event_drives_queues_another_bus_a_log_group_and_functions(house: Serving) -> None:
    house.up()
    entries = [{"Source": "shop", "DetailType": "placed", "Detail": json.dumps({"id": n})} for n in range(5)]
    status, _, _ = house.request("POST", "/buses/events", json.dumps({"Entries": entries}).encode())
    house.kill()
    assert status == 200
    house.up()
    assert house.until(lambda: all(found == {0, 1, 2, 3, 4} for found in arrived(house)), 90), (arrived(house), house.said())


def test_rules_and_schedules_are_listed_run_and_reloaded(house: Serving) -> None:
    house.up()
    listed = {(row["bus"], row["name"]): row["function"] for row in router(house, "buses", "rules")}
    assert listed == {
        ("default", "all"): "queue:jobs, queue:line.fifo, bus:orders, log_group:/aws/events/all",
        ("default", "lines"): "log_group:/aws/events/lines",
        ("orders", "on"): "direct",
    }
    (row,) = router(house, "schedules")
    assert (row["name"], row["function"], row["timezone"]) == ("nightly", "queue:jobs", "Europe/Berlin")
    router(house, "schedules", "run", "nightly")
    assert house.until(lambda: bodies(house) == [{"mode": "nightly"}], 60), house.said()
    house.config.write_text(house.config.read_text().replace("{source: [shop]}", "{source: [till]}").replace("  nightly:", "  daily:"))
    router(house, "reload")
    assert [row["name"] for row in router(house, "schedules")] == ["daily"]
    entries = [{"Source": source, "DetailType": "t", "Detail": '{"id": 1}'} for source in ("shop", "till")]
    house.request("POST", "/buses/events", json.dumps({"Entries": entries}).encode())
    assert house.until(lambda: len(bodies(house)) == 3, 60), house.said()


def test_a_template_makes_the_time_and_the_message_of_a_log_event(house: Serving) -> None:
    house.up()
    at = int(time.time()) - 3600
    entry = {"Source": "press", "DetailType": "said", "Detail": '{"said": "a \\"line\\""}', "Time": at}
    house.request("POST", "/buses/events", json.dumps({"Entries": [entry]}).encode())

    def written() -> list[Any]:
        files = (house.directory / "state/logs/groups").rglob("*.jsonl")
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    assert house.until(lambda: len(written()) == 1, 60), house.said()
    (line,) = written()
    assert line["m"] == 'a "line"'
    assert abs(line["t"] / 1000 - at) < 1, line
