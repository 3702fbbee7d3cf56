"""A temporary daemon on a copy of the shipped sample, and the four things `router try` does to it."""

import http.client
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import router
from router.cli.client import Daemon, part
from router.cli.exits import Exit, Failure
from router.cli.shipped import sample
from router.telemetry import logs

T = TypeVar("T")

PATIENCE: Final = 8.0  # seconds for one thing to happen
STOP: Final = 5.0  # seconds the daemon gets to drain
PAUSE: Final = 0.02  # seconds between two looks
CSV: Final = "item,price,quantity\ntea,2.50,3\nmilk,1.25,4\n"


class Disappointed(Exception):
    """What was waited for did not happen; the text says what was seen instead."""


@dataclass(frozen=True, slots=True)
class Step:
    """One trigger at work."""

    trigger: str
    did: str
    outcome: str
    log: tuple[str, ...]  # START to REPORT


def copy_sample(to: Path) -> Path:
    """Copy the sample and let the system choose its ports; the copied config."""
    source = sample()
    shutil.copytree(source / "handlers", to / "handlers", ignore=shutil.ignore_patterns("__pycache__"))
    text = (source / "config.yaml").read_text()
    config = to / "config.yaml"
    config.write_text(re.sub(r"^(  (?:http|aws|console): 127\.0\.0\.1):\d+", r"\1:0", text, flags=re.MULTILINE))
    return config


class Trial:
    """The temporary daemon. start() first, stop() last."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.config = copy_sample(directory)
        self.state = directory / "state"
        self.url = ""
        self._said = directory / "daemon.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The daemon's process id; 0 before start()."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start the daemon and wait until it serves. Raises Disappointed."""
        command = [sys.executable, "-m", "router.cli", "run", "--config", str(self.config)]
        environment = {**os.environ, "PYTHONPATH": str(Path(router.__file__).parents[1]), "PYTHONSAFEPATH": "1"}
        environment.pop("NOTIFY_SOCKET", None)  # it is not the service it may have been started from
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment, start_new_session=True, cwd=self.directory
            )
        self.url = self.until("the daemon to serve", self._address)

    def stop(self) -> None:
        """End the daemon: softly, then not."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def steps(self) -> Iterator[Step]:
        """Put each trigger to work, one after another. Raises Disappointed at the first that does not."""
        yield self._drop_a_file()
        yield self._call_a_route()
        yield self._change_a_row()
        yield self._fire_a_schedule()

    def until(self, what: str, look: Callable[[], T | None]) -> T:
        """Look until something is seen and give it. Raises Disappointed when the daemon ends or patience does."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            seen = look()
            if seen:
                return seen
            if self._process is not None and self._process.poll() is not None:
                raise Disappointed(f"the daemon ended with exit code {self._process.returncode} while we waited for {what}")
            time.sleep(PAUSE)
        raise Disappointed(f"waited {PATIENCE:.0f} s for {what}")

    def evidence(self) -> str:
        """The end of what the daemon said, for the reader of a failure."""
        return self._said.read_bytes()[-4000:].decode(errors="replace") if self._said.exists() else ""

    def _drop_a_file(self) -> Step:
        inbox, result = self.directory / "data/inbox", self.directory / "data/results/sales.csv.json"
        self.until("the inbox to be watched", self._watched)
        (inbox / "sales.csv").write_text(CSV)
        text = self.until("the summary of sales.csv", lambda: result.read_text() if result.exists() else None)
        return Step(
            "s3", "dropped data/inbox/sales.csv", f"data/results/sales.csv.json: {_one_line(text)}", self._log("summarise", "sales.csv")
        )

    def _call_a_route(self) -> Step:
        order = {"item": "tea", "quantity": 2}
        status, body = self._http("POST", "/orders", order)
        if status != 201:
            raise Disappointed(f"POST /orders answered {status}: {body}")
        return Step("http", f"POST {self.url}/orders {json.dumps(order)}", f"{status} {body}", self._log("shop", ""))

    def _change_a_row(self) -> Step:
        self.until("the change feed of orders to be installed", self._feed_installed)
        statement = "UPDATE orders SET status = 'paid' WHERE id = 1"
        with closing(sqlite3.connect(self.directory / "data/shop.db", timeout=PATIENCE)) as database, database:
            database.execute(statement)
        log = self._log("notify", "new → paid")
        return Step("table", f"data/shop.db: {statement}", next(line for line in log if "new → paid" in line), log)

    def _fire_a_schedule(self) -> Step:
        with self._daemon() as daemon:
            name = daemon.get("/schedules")[0]["name"]
            event = daemon.post(f"/schedules/{part(name)}/run")["id"]
        outcome = self.until(f"the event of {name} to end", lambda: self._ended(event))
        if outcome["state"] != "succeeded":
            raise Disappointed(f"the event of {name} ended {outcome['state']}: {outcome['error']}")
        return Step("schedule", f"fired {name}", f"event {event} {outcome['state']}", self._log("heartbeat", "alive"))

    def _daemon(self) -> Daemon:
        return Daemon(self.state, timeout=PATIENCE)

    def _address(self) -> str | None:
        try:
            with self._daemon() as daemon:
                return str(daemon.get("/status")["listeners"].get("http", "")) or None
        except Failure as failure:
            if failure.code != Exit.NOT_REACHABLE:
                raise
            return None

    def _watched(self) -> bool:
        with self._daemon() as daemon:
            return all(source["health"] == "ok" for source in daemon.get("/status")["sources"] if source["name"].startswith("s3:"))

    def _feed_installed(self) -> bool:
        with self._daemon() as daemon:
            return all(feed["installed"] for feed in daemon.get("/feeds"))

    def _ended(self, event: str) -> dict[str, Any] | None:
        with self._daemon() as daemon:
            row: dict[str, Any] = daemon.get(f"/events/{part(event)}")["event"]
        return row if row["finished"] else None

    def _http(self, method: str, path: str, value: object) -> tuple[int, str]:
        with closing(http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE)) as connection:
            connection.request(method, path, json.dumps(value), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")

    def _log(self, function: str, wanted: str) -> tuple[str, ...]:
        """The first invocation of *function*, START to REPORT, whose log holds *wanted*."""

        def look() -> tuple[str, ...] | None:
            by_stream: dict[str, list[str]] = defaultdict(list)
            for event in logs.read(self.state / "logs", function):
                by_stream[event.stream].append(event.message.rstrip("\n"))
            found = (run for messages in by_stream.values() for run in invocations(messages))
            return next((run for run in found if any(wanted in message for message in run)), None)

        return self.until(f"the log of {function} to tell of {wanted or 'a run'}", look)


def invocations(messages: Iterable[str]) -> list[tuple[str, ...]]:
    """The finished invocations of one stream, each from START to REPORT."""
    finished: list[tuple[str, ...]] = []
    run: list[str] = []
    for message in messages:
        run = [message] if message.startswith("START ") else [*run, message]
        if message.startswith("REPORT "):
            finished.append(tuple(run))
    return finished


def _one_line(text: str) -> str:
    return json.dumps(json.loads(text))
