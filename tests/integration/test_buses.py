"""Buses in a whole daemon: by command, from a bucket, and across a kill."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.house import ROOT
from tests.helpers.record import read_record
from tests.integration.daemon_rig import Serving

RESOURCES = """
buckets: {inbox: {path: ./inbox, settle: 0, eventbridge: true}}
buses: {default: {archive: 7d}, orders: }
"""
FUNCTIONS = """
orders: {…, handler: app.seen, triggers: [event: {pattern: {source: [shop]}}, event: {bus: orders, pattern: {source: [shop]}, input_path: $.detail}]}
files: {…, handler: app.seen, triggers: [event: {pattern: {source: [aws.s3], detail: {object: {key: [{suffix: .csv}]}}}}]}
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Serving]:
    with Serving(tmp_path, FUNCTIONS, resources=RESOURCES) as made:
        yield made


def router(house: Serving, *words: str, code: int = 0, feed: str = "") -> Any:
    command = [sys.executable, "-m", "router.cli", "--config", str(house.config), "buses", *words, "--output", "json"]
    done = subprocess.run(command, cwd=ROOT, input=feed, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout else None


def seen(house: Serving, function: str) -> list[Any]:
    return [row["event"] for row in read_record(house.record) if row["function"] == function]


def test_put_archive_and_replay_by_command(house: Serving) -> None:
    house.up()
    (answer,) = router(house, "put", "--source", "shop", "--detail-type", "placed", "--detail", '{"id": 7}')["Entries"]
    assert house.until(lambda: len(seen(house, "orders")) == 1, 20), house.said()
    (event,) = seen(house, "orders")
    assert (event["id"], event["detail-type"], event["detail"]) == (answer["EventId"], "placed", {"id": 7})
    entries = [{"Source": "shop", "DetailType": "placed", "Detail": "{}"}, {"Source": "shop", "DetailType": "placed", "Detail": "3"}]
    found = router(house, "put", "-e", "-", "--bus", "orders", feed=json.dumps(entries), code=1)
    assert [entry.get("ErrorCode") for entry in found["Entries"]] == [None, "MalformedDetail"]
    assert house.until(lambda: seen(house, "orders")[1:] == [{}], 20), house.said()
    assert [(row["name"], row["rules"], row["events"]) for row in router(house)] == [("default", 2, 1), ("orders", 1, 0)]
    assert {row["name"] for row in router(house, "rules")} == {"orders-0", "orders-1", "files-0"}
    assert router(house, "replay", "--from", "1h", "--name", "again", "--rule", "orders-0") == {"name": "again"}
    assert house.until(lambda: len(seen(house, "orders")) == 3, 20), house.said()
    assert seen(house, "orders")[2] == event | {"replay-name": "again"}
    assert house.until(lambda: [row["state"] for row in router(house, "replays")] == ["COMPLETED"], 20)
    router(house, "cancel", "again", code=1)
    router(house, "put", code=2)
    router(house, "replay", "--bus", "orders", code=1)


def test_a_bucket_s_events_and_what_was_put_before_a_kill_reach_their_rules(house: Serving) -> None:
    house.up()
    house.drop("inbox/a b.csv", b"1,2\n")
    house.drop("inbox/other.txt", b"-")
    assert house.until(lambda: len(seen(house, "files")) == 1, 20), house.said()
    (event,) = seen(house, "files")
    assert (event["source"], event["detail-type"], event["detail"]["object"]["key"]) == ("aws.s3", "Object Created", "a b.csv")
    body = json.dumps({"Entries": [{"Source": "shop", "DetailType": "t", "Detail": json.dumps({"n": n})} for n in range(10)]}).encode()
    status, _, answer = house.request("POST", "/buses/events", body)
    house.kill()
    assert (status, json.loads(answer)["FailedEntryCount"]) == (200, 0)
    house.up()
    assert house.until(lambda: {row["detail"]["n"] for row in seen(house, "orders")} == set(range(10)), 30), house.said()
    assert [(row["name"], row["events"]) for row in router(house)] == [("default", 12), ("orders", 0)]
