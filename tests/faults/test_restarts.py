"""A daemon is restarted under load, again and again, on a socket that somebody else holds: no client notices, and what was accepted is done."""

import http.client
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from tests.helpers.house import House

RESTARTS = int(os.environ.get("RESTARTS", "5"))
BETWEEN = 20  # answers between two restarts, at least

pytestmark = [pytest.mark.fault, pytest.mark.timeout(60 + 15 * RESTARTS)]

CONFIG = """
version: 1
state: ./state
listen: {http: systemd, aws: off, console: off}
limits: {concurrency: 4}
functions:
  echo: {code: ./code, handler: app.echo, triggers: [{http: GET /echo}]}
  note: {code: ./code, handler: app.note, environment: {RECORD: "RECORD"}, triggers: [{http: {route: POST /note, invoke: async}}]}
"""
CODE = """
import os

def echo(event, context):
    return {"statusCode": 200, "body": event["rawPath"]}

def note(event, context):
    out = os.open(os.environ["RECORD"], os.O_WRONLY | os.O_APPEND)
    os.write(out, (event["body"] + "\\n").encode())
    os.close(out)
"""
PASS = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "http"}
os.execv(sys.argv[2], sys.argv[2:])
"""


class Held(House):
    """A daemon whose HTTP listener is passed to it, as systemd passes one."""

    def __init__(self, directory: Path, listener: socket.socket) -> None:
        self.record = directory / "record"
        self.record.touch()
        super().__init__(directory, CONFIG.replace('"RECORD"', str(self.record)))
        self._listener = listener

    def launch(self, command: list[str], out: BinaryIO, **rest: Any) -> subprocess.Popen[bytes]:
        """See House."""
        passed = self._listener.fileno()
        return super().launch([sys.executable, "-c", PASS, str(passed), *command], out, pass_fds=(passed,), **rest)


class Client(threading.Thread):
    """Asks again and again, each time on a connection of its own: one that is kept may be closed under a request, as HTTP has it."""

    def __init__(self, port: int, over: threading.Event, method: str, path: str) -> None:
        super().__init__(name=path)
        self._port, self._over, self._method, self._path = port, over, method, path
        self.answers: list[str] = []

    def run(self) -> None:
        """Until it is over."""
        while not self._over.is_set():
            self.answers.append(self._asked(len(self.answers)))

    def _asked(self, number: int) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            body = str(number) if self._method == "POST" else None
            connection.request(self._method, self._path, body, {"Content-Type": "text/plain"})
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            return f"{type(error).__name__}: {error}"
        finally:
            connection.close()
        return str(answer.status)


def test_no_client_notices_a_restart_and_no_event_is_lost(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text(CODE)
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener, Held(tmp_path, listener) as house:
        port = listener.getsockname()[1]
        asking = [Client(port, over, "GET", "/echo"), Client(port, over, "GET", "/echo")]
        noting = Client(port, over, "POST", "/note")
        clients = (*asking, noting)
        house.up()
        try:
            for client in clients:
                client.start()
            for _ in range(RESTARTS):
                enough = {client: len(client.answers) + BETWEEN for client in clients}
                assert house.until(lambda enough=enough: all(len(one.answers) >= least for one, least in enough.items()), 60)
                assert house.stop() == 0
                house.start()
            assert house.ready(60), house.log.read_text()
        finally:
            over.set()
            for client in clients:
                client.join()
        said = {answer for client in asking for answer in client.answers}, set(noting.answers)
        assert said == ({"200"}, {"202"}), house.log.read_text()[-2_000:]
        assert house.until(lambda: house.get("/status")["ready"], 30)
        accepted = {*range(len(noting.answers))}
        house.until(lambda: {*map(int, house.record.read_text().split())} == accepted, 60)
        assert {*map(int, house.record.read_text().split())} == accepted, house.log.read_text()[-2_000:]
        assert house.stop() == 0
