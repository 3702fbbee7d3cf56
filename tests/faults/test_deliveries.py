"""The daemon is killed while it delivers: a feed with a poison record, a FIFO queue, and outcomes on their way to a queue.

FAULT_ROUNDS sets how many kills there are; six when it is not set."""

import json
import os
import random
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.helpers.house import House, free_port

ROUNDS = min(60, int(os.environ.get("FAULT_ROUNDS", "6")))
ROWS, POISON, GROUPS = 10_000, 6_789, 8
HANDLERS = f"""
import os

def note(*lines):
    file = os.open(os.environ["RECORD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, "".join(line + "\\n" for line in lines).encode())
    os.close(file)

def feed(event, context):
    keys = [int(record["dynamodb"]["Keys"]["id"]["N"]) for record in event["Records"]]
    if {POISON} in keys:
        raise ValueError("poison")
    note(*(f"feed {{key}}" for key in keys))

def job(event, context):
    note(*(f"job {{r['attributes']['MessageGroupId']}} {{r['body']}}" for r in event["Records"]))

def work(event, context):
    return event
"""
CONFIG = """
version: 1
state: ./state
listen: {{http: off, aws: off, console: "127.0.0.1:{console}"}}
tables:
  orders: {{sqlite: ./shop.db, install: auto}}
queues:
  lost: {{visibility_timeout: 1h}}
  done: {{visibility_timeout: 1h}}
  jobs.fifo: {{content_based_deduplication: true}}
functions:
  feed:
    code: ./code
    handler: app.feed
    environment: {{RECORD: "{record}"}}
    triggers:
      - table: {{name: orders, batch_size: 100, bisect_on_error: true, maximum_retry_attempts: 1, on_failure: {{queue: lost}}}}
  job:
    code: ./code
    handler: app.job
    environment: {{RECORD: "{record}"}}
    triggers:
      - queue: {{name: jobs.fifo, batch_size: 5}}
  work:
    code: ./code
    handler: app.work
    on_success: {{queue: done}}
"""

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]


class Load(threading.Thread):
    """Sends messages and events for as long as it may; what was acknowledged is kept."""

    def __init__(self, house: House) -> None:
        super().__init__(daemon=True)
        self.house, self.stopped = house, threading.Event()
        self.messages: dict[str, list[str]] = defaultdict(list)  # group → bodies, in the order of the acknowledgements
        self.events: list[str] = []

    def run(self) -> None:
        number = 0
        while not self.stopped.is_set():
            number += 1
            group, body = f"g{number % GROUPS}", str(number)
            try:
                self.messages[group] += [body] if self.send(group, body) else []
                self.events.append(self.house.emit("work", number))
            except (OSError, ValueError):
                time.sleep(0.05)

    def send(self, group: str, body: str) -> bool:
        message = json.dumps({"body": body, "group": group}).encode()
        return self.house.request("POST", "/queues/jobs.fifo/messages", message)[0] == 200


def received(house: House, queue: str) -> list[Any]:
    """All that a queue holds."""
    found: list[Any] = []
    while page := json.loads(house.request("POST", f"/queues/{queue}/receive", b'{"max": 10}')[2]):
        found += [json.loads(message["body"]) for message in page]
    return found


def at_rest(house: House) -> bool:
    waiting = sum(row["messages"] for row in house.get("/queues") if row["name"] == "jobs.fifo")
    return not waiting and all(row["lag"] == 0 for row in house.get("/feeds")) and not sum(row["queued"] for row in house.get("/ps"))


def test_killed_while_it_delivers_everything_arrives_as_promised(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/app.py").write_text(HANDLERS)
    user = apsw.Connection(str(tmp_path / "shop.db"))
    user.execute("PRAGMA journal_mode=WAL; CREATE TABLE orders (id INTEGER PRIMARY KEY)").fetchall()
    user.set_busy_timeout(20_000)
    chance = random.Random(20261126)
    with House(tmp_path, CONFIG.format(console=free_port(), record=tmp_path / "record")) as house:
        house.start()
        assert house.ready(), house.log.read_text()[-3000:]
        assert house.until(lambda: all(row["installed"] for row in house.get("/feeds")), 20)
        user.execute("BEGIN").fetchall()
        user.executemany("INSERT INTO orders VALUES (?)", [(number,) for number in range(1, ROWS + 1)])
        user.execute("COMMIT").fetchall()
        load = Load(house)
        load.start()
        for _ in range(ROUNDS):
            time.sleep(0.2 + chance.random() * 0.8)
            house.kill()
            house.start()
            assert house.ready(), house.log.read_text()[-3000:]
        load.stopped.set()
        load.join(30)
        assert house.until(lambda: at_rest(house), 120, step=0.3), (house.get("/ps"), house.get("/feeds"), house.get("/queues"))
        lost, done = received(house, "lost"), received(house, "done")
        succeeded = []
        while page := house.get(f"/events?function=work&limit=1000&before={succeeded[-1]['id'] if succeeded else ''}"):
            succeeded += page
        assert house.stop(60) == 0
    user.close()
    lines = [line.split() for line in (tmp_path / "record").read_text().splitlines()]
    feed(lines, lost)
    jobs(lines, load)
    outcomes(done, succeeded, load)


def feed(lines: list[list[str]], lost: list[Any]) -> None:
    """The poison record alone is lost, the others were handled, in order, and only what was under way at a kill twice."""
    keys = [int(words[1]) for words in lines if words[0] == "feed"]
    assert set(keys) == set(range(1, ROWS + 1)) - {POISON}
    first = list(dict.fromkeys(keys))
    assert first == sorted(first)
    assert len(keys) - len(first) <= ROUNDS * 100
    (record,) = lost
    assert (record["DDBStreamBatchInfo"]["batchSize"], record["requestContext"]["condition"]) == (1, "RetryAttemptsExhausted")


def jobs(lines: list[list[str]], load: Load) -> None:
    """Each group in the order of its sends."""
    groups: dict[str, list[str]] = defaultdict(list)
    for words in lines:
        if words[0] == "job" and words[2] not in groups[words[1]]:
            groups[words[1]].append(words[2])
    for group, bodies in load.messages.items():
        assert set(bodies) <= set(groups[group]), "an acknowledged message was lost"
        assert groups[group] == sorted(groups[group], key=int), "a message was overtaken"


def outcomes(done: list[Any], succeeded: list[Any], load: Load) -> None:
    """A record for every success, and one only."""
    told = Counter(record["requestContext"]["requestId"] for record in done)
    assert set(told) == {row["id"] for row in succeeded}
    assert {row["state"] for row in succeeded} <= {"succeeded"}
    assert set(load.events) <= set(told)
    assert set(told.values()) <= {1}, "an outcome was sent twice"
