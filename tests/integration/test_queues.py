"""Queues in a whole daemon, by command: a message sets a function off, its outcome is a message, what fails is redriven."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.helpers.house import House, free_port

CODE = """
import json
def job(event, context):
    for record in event["Records"]:
        if record["body"] == "bad" and record["attributes"]["ApproximateReceiveCount"] == "1":
            raise ValueError("bad")
        print("took", record["body"], record["messageAttributes"].get("n", {}).get("stringValue"))
def work(event, context):
    return {"twice": event["n"] * 2}
"""
CONFIG = """
version: 1
state: ./state
listen: {{http: off, aws: off, console: "127.0.0.1:{port}"}}
queues:
  jobs: {{visibility_timeout: 3, redrive: {{queue: dead, max_receive_count: 1}}}}
  dead:
  done:
functions:
  job:
    code: ./code
    handler: app.job
    triggers: [{{queue: jobs}}]
  work:
    code: ./code
    handler: app.work
    on_success: {{queue: done}}
"""


class Site(House):
    """The daemon and its commands."""

    def router(self, *words: str, stdin: str = "") -> Any:
        """What a command prints as JSON."""
        command = [sys.executable, "-m", "router.cli", "--config", str(self.config), "queues", *words, "--output", "json"]
        done = subprocess.run(command, check=False, input=stdin, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def depth(self, name: str) -> int:
        """Messages of a queue."""
        return next(row["messages"] for row in self.get("/queues") if row["name"] == name)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = tmp_path_factory.mktemp("queues")
    (place / "code").mkdir()
    (place / "code/app.py").write_text(CODE)
    with Site(place, CONFIG.format(port=free_port())) as site:
        site.start()
        assert site.ready(), site.log.read_text()
        yield site
        assert site.stop() == 0


def test_a_message_goes_through_its_function(site: Site) -> None:
    sent = site.router("send", "jobs", "-", "--attribute", "n=7", stdin="hello")
    assert sent["md5_of_body"] == "5d41402abc4b2a76b9719d911017c592"
    assert site.until(lambda: site.depth("jobs") == 0, 20)
    logs = subprocess.run(
        [sys.executable, "-m", "router.cli", "--config", str(site.config), "logs", "job"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    assert "took hello 7" in logs


def test_what_fails_is_a_dead_letter_and_is_redriven(site: Site) -> None:
    site.router("send", "jobs", "bad")
    assert site.until(lambda: site.depth("dead") == 1, 30)
    task = site.router("redrive", "dead", "--to", "done")["task"]
    assert site.until(lambda: site.depth("done") == 1, 20)
    (row,) = site.router("moves")
    assert (row["id"], row["state"], row["moved"]) == (task, "COMPLETED", 1)
    (message,) = site.router("receive", "done", "--delete")
    assert (message["body"], message["receives"]) == ("bad", 1)
    assert site.depth("done") == 0


def test_an_outcome_is_a_message(site: Site) -> None:
    request = site.emit("work", {"n": 21})
    (message,) = site.router("receive", "done", "--wait", "20", "--max", "1")
    record = json.loads(message["body"])
    assert (record["requestContext"]["requestId"], record["responsePayload"]) == (request, {"twice": 42})
    assert site.router("purge", "done") == {"purged": 1}
