"""A whole daemon as a process of its own, on a directory of its own: started, asked, killed, started again."""

import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Self

ROOT = Path(__file__).parents[2]
_WORKERS = 8
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw7")[2:]) % _WORKERS
_RANGE = range(16384 + _WORKER, 32768, _WORKERS)  # below those that Linux gives out by itself
_FIRST = os.getpid() % len(_RANGE)  # another run of the tests begins elsewhere
_PORTS = itertools.cycle([*_RANGE[_FIRST:], *_RANGE[:_FIRST]])


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float = 10.0) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the path."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def free_port() -> int:
    """A TCP port that nobody has, and that stays free until somebody binds it.

    The kernel gives none of these to who asks for any; of the processes that test side by side each has its own."""
    for port in itertools.islice(_PORTS, len(_RANGE)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


class House:
    """One daemon's directory and, when it runs, its process."""

    def __init__(self, directory: Path, config: str, *, factor: float = 1.0) -> None:
        self.directory, self.factor = directory, factor
        self.config = directory / "config.yaml"
        self.config.write_text(config)
        self.state = directory / "state"
        self.base = time.time()
        self.process: subprocess.Popen[bytes] | None = None
        self.log = directory / "daemon.log"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self, *, step: str = "", count: int = 0) -> None:
        """Start the daemon; *step* and *count* choose where it dies by itself (tests/helpers/daemon.py)."""
        command = [sys.executable, "-m", "tests.helpers.daemon", str(self.config), repr(self.base), repr(self.factor)]
        command += [step, str(count)] if step else []
        with self.log.open("ab") as out:
            self.process = self.launch(command, out)

    def launch(self, command: list[str], out: BinaryIO, **rest: Any) -> subprocess.Popen[bytes]:
        """The daemon's process; *rest*: as Popen takes it."""
        return subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, start_new_session=True, **rest)

    def up(self, *, step: str = "", count: int = 0) -> None:
        """Start the daemon, and wait until it answers and every source is attached."""
        self.start(step=step, count=count)
        assert self.ready(60), self.log.read_text()
        assert self.until(lambda: self.get("/status")["ready"], 30), self.log.read_text()

    def dies(self, step: str, count: int) -> None:
        """Start it, and wait until it has killed itself at a step."""
        self.start(step=step, count=count)
        assert self.until(lambda: not self.alive(), 30), "the step was not reached"
        self.kill()

    def ready(self, timeout: float = 20.0) -> bool:
        """Wait until it answers; False when it died first."""
        return self.until(lambda: self.alive() is False or self.answers(), timeout) and self.alive()

    def answers(self) -> bool:
        """Whether the control socket answers."""
        try:
            return self.get("/status")["version"] != ""
        except (OSError, http.client.HTTPException, ValueError):
            return False

    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL the daemon alone, as the kernel's out-of-memory killer would."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()
            self.process = None

    def stop(self, timeout: float = 30.0) -> int:
        """SIGTERM, then wait; the exit status."""
        assert self.process is not None
        self.process.terminate()
        status = self.process.wait(timeout)
        self.process = None
        return status

    def request(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """One request to the control socket: status, headers (lower-case), body."""
        connection = UnixConnection(self.state / "control.sock")
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """A JSON answer of the control socket."""
        status, _, body = self.request("GET", path)
        if status != 200:
            raise ValueError(f"{path}: {status} {body!r}")
        return json.loads(body)

    def emit(self, function: str, event: Any) -> str:
        """An Event invocation; its request id, once acknowledged. OSError or ValueError when it was not."""
        status, headers, body = self.request(
            "POST",
            f"/functions/{function}/invocations",
            json.dumps(event).encode(),
            {"X-Amz-Invocation-Type": "Event"},
        )
        if status != 202:
            raise ValueError(f"{status} {body!r}")
        return headers["x-amzn-requestid"]

    def drop(self, path: str, content: bytes) -> None:
        """Have a whole file at once at *path* below the directory: where one is written in place, a look in between finds less."""
        beside = self.directory / ".dropped"
        beside.write_bytes(content)
        beside.rename(self.directory / path)

    def until(self, holds: Callable[[], bool], timeout: float, *, step: float = 0.02) -> bool:
        """Poll until *holds* or *timeout* real seconds have passed; whether it held."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if holds():
                return True
            time.sleep(step)
        return holds()

    def processes(self) -> list[int]:
        """Every process that has this house's directory as its working directory or a file of it open as its code."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    if Path(os.readlink(entry / "cwd")).is_relative_to(self.directory):
                        found.append(int(entry.name))
                except OSError:
                    continue
        return found
