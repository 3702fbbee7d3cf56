"""A daemon that serves small functions of the test's, whose handlers write down what they saw."""

import http.client
import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from router.runtime import processes
from tests.helpers.house import ROOT, House, free_port
from tests.helpers.record import read_record

HANDLERS = '''
import json, os, time

RECORD, GATE = os.environ["RECORD"], os.environ["GATE"]

def note(context, **facts):
    line = json.dumps({"id": context.aws_request_id, "function": context.function_name, "pid": os.getpid(), **facts}) + "\\n"
    fd = os.open(RECORD, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, line.encode())
    os.close(fd)

def seen(event, context):
    note(context, event=event)
    return {"statusCode": 200, "body": "seen"} if "rawPath" in event else event

def held(event, context):
    """Runs until the gate is open; leaves a child behind that would run on for ever."""
    child = os.fork()
    if child == 0:
        os.setsid()
        while True:
            time.sleep(60)
    note(context, at="start", child=child)
    while not os.path.exists(GATE):
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    note(context, at="end")
    return {"statusCode": 200, "body": "late"}

def pause(event, context):
    start = time.monotonic()
    time.sleep(0.4)
    note(context, start=start, end=time.monotonic())
    return {"statusCode": 200, "body": "done"}
'''
BROKEN = "raise RuntimeError('no database')\n"
DYING = "import os\nos._exit(7)\n"
LATER = "from app import *\nwhile not os.path.exists(GATE):\n    time.sleep(0.01)\n"  # initialised when the gate opens
CONFIG = """
version: 1
state: ./state
listen: {{http: "127.0.0.1:{http}", aws: off, console: "127.0.0.1:{console}"}}
drain: {drain}
{resources}
functions:
{functions}
"""


class Answer(NamedTuple):
    """What a client got."""

    status: int
    headers: dict[str, str]  # names lower-case
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Serving(House):
    """A House with functions in its own directory, a route listener and a console listener."""

    def __init__(self, directory: Path, functions: str, *, resources: str = "", factor: float = 1.0, drain: str = "60s") -> None:
        self.http, self.console = free_port(), free_port()
        self.record, self.gate = directory / "record", directory / "gate"
        self._resources, self._drain = resources, drain
        (directory / "code").mkdir()
        for name, text in (("app", HANDLERS), ("broken", BROKEN), ("dying", DYING), ("later", LATER)):
            (directory / f"code/{name}.py").write_text(text)
        super().__init__(directory, "", factor=factor)
        self.configure(functions)

    def configure(self, functions: str) -> None:
        """Write the config; `…` stands for what all functions share."""
        # none: what handlers say of their processes is looked up from outside
        common = f"code: ./code, isolation: none, environment: {{RECORD: {self.record}, GATE: {self.gate}}}"
        lines = "\n".join(f"  {line}" for line in functions.replace("…", common).strip().splitlines())
        self.config.write_text(
            CONFIG.format(http=self.http, console=self.console, drain=self._drain, resources=self._resources, functions=lines)
        )

    def up(self) -> None:
        """Start, and wait until every source is attached."""
        self.start()
        assert self.ready(), self.said()
        assert self.until(lambda: self.get("/status")["ready"], 10), self.get("/status")

    def said(self) -> str:
        """The end of the daemon's log."""
        return self.log.read_text()[-3000:]

    def ask(self, method: str, path: str, *, port: int = 0, body: bytes = b"") -> Answer:
        """One request to the route listener, or to *port*."""
        connection, started = http.client.HTTPConnection("127.0.0.1", port or self.http, timeout=20), time.monotonic()
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, headers, answer.read(), time.monotonic() - started)
        finally:
            connection.close()

    def seen(self, function: str = "") -> list[dict[str, Any]]:
        """What handlers wrote down, in order; of one function when named."""
        return [row for row in read_record(self.record) if function in {"", row["function"]}]

    def started(self, count: int) -> bool:
        """Wait until so many handlers wait at the gate, or have passed it."""
        return self.until(lambda: sum(row.get("at") == "start" for row in self.seen()) >= count, 10)

    def open_gate(self) -> None:
        """Let handlers go on."""
        self.gate.touch()

    def attempts(self, event_id: str, count: int) -> bool:
        """Wait until so many starts of an event are recorded."""
        return self.until(lambda: self.event(event_id)["attempts"] == count, 10)

    def event(self, event_id: str) -> dict[str, Any]:
        """The row of one event."""
        row: dict[str, Any] = self.get(f"/events/{event_id}")["event"]
        return row

    def ended(self, *ids: str, timeout: float = 20.0) -> bool:
        """Wait until all of these succeeded."""
        return self.until(lambda: all(self.event(event_id)["state"] == "succeeded" for event_id in ids), timeout)

    def family(self) -> list[int]:
        """The daemon's descendants."""
        assert self.process is not None
        return [row.pid for row in processes.below([self.process.pid], processes.table()) if not row.zombie]

    def cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The command `router` on this config."""
        command = [sys.executable, "-m", "router.cli", *words, "--config", str(self.config)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    return any(row.pid == pid and not row.zombie for row in processes.table())


def gone(pids: list[int], timeout: float = 3.0) -> bool:
    """Wait until none of these is alive."""
    deadline = time.monotonic() + timeout
    while (left := [pid for pid in pids if alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not left


def title_of(pid: int) -> str:
    """The name of a process, as ps shows it."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def orders(directory: Path, *rows: tuple[int, str]) -> Path:
    """A database of other people's, with these rows added."""
    path = directory / "shop.db"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, status TEXT)")
        database.executemany("INSERT INTO orders VALUES (?, ?)", rows)
    database.close()
    return path


IS_ROOT = os.geteuid() == 0
