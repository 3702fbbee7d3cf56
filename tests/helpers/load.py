"""Mixed load from all four sources, and the oracle that compares what was acknowledged with what was handled.

A thing counts as acknowledged only after the daemon (or, for files and rows, the operating system) said so."""

import hashlib
import http.client
import itertools
import random
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.helpers.house import ROOT, House

CONFIG = """
version: 1
state: ./state
listen: {{http: "127.0.0.1:{port}", aws: off, console: off}}
limits: {{concurrency: 8}}
drain: 60s
buckets: {{inbox: {{path: ./inbox, settle: 2s, scan: 20s}}}}
tables: {{rows: {{sqlite: ./rows.db, table: rows, install: auto}}}}
functions:
  files: {{<common>, handler: app.files, triggers: [{{s3: {{bucket: inbox, events: ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}}}}]}}
  jobs: {{<common>, handler: app.jobs}}
  flaky: {{<common>, handler: app.flaky}}
  route: {{<common>, handler: app.route, triggers: [{{http: GET /n}}]}}
  ticks: {{<common>, handler: app.ticks, triggers: [{{schedule: {{expression: rate(1 minute), missed: all}}}}]}}
  rows: {{<common>, handler: app.rows, triggers: [{{table: {{name: rows, batch_size: 7}}}}]}}
"""
ENDED = frozenset({"succeeded", "dead", "expired", "discarded"})  # states of events that nothing more will happen to
KEYS = 12


def config_for(directory: Path, port: int) -> str:
    """The config of a house under load; functions write to directory/record."""
    common = f"code: {ROOT / 'tests/faults/functions'}, timeout: 600, environment: {{RECORD: {directory / 'record'}, MARKERS: {directory}}}"
    return CONFIG.format(port=port).replace("<common>", common)


@dataclass
class Acknowledged:
    """What the load was told is safe."""

    jobs: dict[str, int] = field(default_factory=dict)  # request id → n
    requests: set[str] = field(default_factory=set)
    rows: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))  # key → values in commit order
    files: dict[str, str | None] = field(default_factory=dict)  # key → digest of the final content; None: removed
    kept: dict[str, str] = field(default_factory=dict)  # files written once and left alone


class Load:
    """Threads that drop files, emit events, send requests and change rows until they are stopped."""

    def __init__(self, house: House, port: int, seed: int) -> None:
        self.house, self.port, self.acknowledged = house, port, Acknowledged()
        self._seed, self._stopped = seed, threading.Event()
        self._counter = 0
        self._lock = threading.Lock()
        self.errors: list[BaseException] = []
        self.inbox = house.directory / "inbox"
        self.inbox.mkdir(exist_ok=True)
        with sqlite3.connect(house.directory / "rows.db") as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, value INTEGER)")
        database.close()
        works = (self._drop, self._keep, self._emit, self._ask, self._change)
        self._threads = [threading.Thread(target=self._loop, args=(work,), daemon=True) for work in works]

    def start(self) -> None:
        """Start every thread."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop every thread; raise what one of them died of."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        if self.errors:
            raise self.errors[0]

    def mark(self) -> None:
        """A last file, `mark`: once it is handled, the daemon has had time to look at those before it."""
        self.acknowledged.kept["mark"] = self._write("mark", random.Random(0))

    def _loop(self, work: Callable[[random.Random], None]) -> None:
        chance = random.Random(f"{self._seed}-{work.__name__}")
        try:
            while not self._stopped.is_set():
                work(chance)
        except BaseException as error:
            self.errors.append(error)

    def _next(self) -> int:
        with self._lock:
            self._counter += 1
            return self._counter

    def _write(self, key: str, chance: random.Random) -> str:
        body = chance.randbytes(chance.choice((0, 10, 5000)))
        content = hashlib.md5(body).hexdigest().encode() + b"\n" + body
        hidden = self.inbox / f".{key}.tmp"
        hidden.write_bytes(content)
        hidden.rename(self.inbox / key)
        return hashlib.md5(content).hexdigest()

    def _drop(self, chance: random.Random) -> None:
        """Overwrite or remove one of a few keys."""
        key = f"key-{chance.randrange(KEYS)}"
        if chance.random() < 0.1 and self.acknowledged.files.get(key) is not None:
            (self.inbox / key).unlink()
            self.acknowledged.files[key] = None
        else:
            self.acknowledged.files[key] = self._write(key, chance)
        time.sleep(0.02)

    def _keep(self, chance: random.Random) -> None:
        """A new file each time, never touched again."""
        key = f"kept-{self._next()}"
        self.acknowledged.kept[key] = self._write(key, chance)
        time.sleep(0.01)

    def _emit(self, chance: random.Random) -> None:
        number = self._next()
        event = {"n": number, "fail": chance.random() < 0.03, "crash": chance.random() < 0.01}
        try:
            accepted = self.house.emit(chance.choice(("jobs", "jobs", "flaky")), event)
        except (OSError, ValueError, http.client.HTTPException):
            time.sleep(0.01)
            return
        self.acknowledged.jobs[accepted] = number
        time.sleep(0.005)

    def _ask(self, chance: random.Random) -> None:
        number = str(self._next())
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", f"/n?n={number}")
            answer = connection.getresponse()
            if answer.status == 200 and answer.read() == number.encode():
                self.acknowledged.requests.add(number)
        except (OSError, http.client.HTTPException):
            time.sleep(0.01)
        finally:
            connection.close()
        time.sleep(0.005)

    def _change(self, chance: random.Random) -> None:
        key, value = chance.randrange(KEYS), self._next()
        database = sqlite3.connect(self.house.directory / "rows.db", timeout=10, isolation_level=None)
        try:
            database.execute("PRAGMA synchronous=FULL")
            database.execute("INSERT INTO rows VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET value = excluded.value", (key, value))
            self.acknowledged.rows[key].append(value)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
        finally:
            database.close()
        time.sleep(0.01)


@dataclass
class Findings:
    """What the oracle found; everything but duplicates must be empty."""

    lost: list[str] = field(default_factory=list)
    false_done: list[str] = field(default_factory=list)
    overtaken: list[str] = field(default_factory=list)
    overlapped: list[str] = field(default_factory=list)
    half_written: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)  # one occurrence, two events: the same tick or job twice
    duplicates: int = 0  # one event handled more than once
    handled: int = 0

    def bad(self) -> dict[str, list[str]]:
        """Everything that must not be."""
        names = ("lost", "false_done", "overtaken", "overlapped", "half_written", "unfinished", "doubled")
        return {name: found[:5] for name in names if (found := getattr(self, name))}


def judge(told: Acknowledged, record: list[dict[str, Any]], events: list[dict[str, Any]]) -> Findings:
    """Compare acknowledgements, the handlers' record and the daemon's own listing (after it came to rest)."""
    found = Findings(handled=len(record))
    by_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in record:
        by_kind[line["kind"]].append(line)
    ids = [line["id"] for line in record]
    found.duplicates = len(ids) - len(set(ids))
    _judge_events(found, told, set(ids), events)
    _judge_files(found, told, by_kind["file"])
    _judge_rows(found, told, by_kind["row"])
    judge_ticks(found, by_kind["tick"])
    found.lost += [f"request {n}" for n in told.requests - {line["n"] for line in by_kind["request"]}]
    return found


def _judge_events(found: Findings, told: Acknowledged, handled: set[str], events: list[dict[str, Any]]) -> None:
    states = {event["id"]: event["state"] for event in events}
    found.doubled += [f"event {i}" for i in states if sum(event["id"] == i for event in events) > 1] if len(states) < len(events) else []
    found.lost += [f"job {i} {n}" for i, n in told.jobs.items() if i not in states]
    found.unfinished += [f"{i} {state}" for i, state in states.items() if state not in ENDED]
    found.false_done += [i for i, state in states.items() if state == "succeeded" and i not in handled]


def _judge_files(found: Findings, told: Acknowledged, lines: list[dict[str, Any]]) -> None:
    by_key: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in sorted(lines, key=lambda line: line["start"]):
        by_key[line["key"]].append(line)
        if not line.get("whole", True):
            found.half_written.append(line["key"])
    for key, digest in (told.files | told.kept).items():
        seen = by_key.get(key, [])
        if digest is None:
            if seen and not seen[-1]["name"].startswith("ObjectRemoved"):
                found.lost.append(f"removal of {key}")
        elif not any(line["etag"] == digest for line in seen):
            found.lost.append(f"final version of {key}")
        elif seen[-1]["etag"] != digest:
            found.overtaken.append(f"{key}: its final version was not the last one handled")
    for key, seen in by_key.items():
        _judge_lane(found, key, seen, order="sequencer")


def _judge_lane(found: Findings, key: str, lines: list[dict[str, Any]], *, order: str) -> None:
    for before, after in itertools.pairwise(lines):
        if after[order] < before[order]:
            found.overtaken.append(f"{key}: {before[order]} before {after[order]}")
        if after["start"] < before["end"] and after["id"] != before["id"]:
            found.overlapped.append(f"{key}: {before['id']} and {after['id']}")


def _judge_rows(found: Findings, told: Acknowledged, lines: list[dict[str, Any]]) -> None:
    seen: dict[int, list[int]] = defaultdict(list)
    for line in lines:
        values = seen[int(line["key"])]
        if int(line["value"]) not in values:
            values.append(int(line["value"]))
        elif values.index(int(line["value"])) < len(values) - 8:
            found.overtaken.append(f"row {line['key']}: {line['value']} again after much later ones")
    for key, values in told.rows.items():
        found.lost += [f"row {key} = {value}" for value in set(values) - set(seen[key])]
        if seen[key] != sorted(seen[key]):
            found.overtaken.append(f"row {key}: {seen[key]}")


def judge_ticks(found: Findings, lines: list[dict[str, Any]]) -> None:
    """The ticks of one schedule that is due every minute: each is one event, and between the first and the last none is missing."""
    ids: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        ids[line["at"]].add(line["id"])
    found.doubled += [f"tick {at}" for at, of in ids.items() if len(of) > 1]
    times = sorted(time.mktime(time.strptime(at, "%Y-%m-%dT%H:%M:%SZ")) for at in ids)
    found.lost += [f"tick after {before}" for before, after in itertools.pairwise(times) if after - before != 60]
