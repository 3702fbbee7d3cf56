"""The machine runs short under the daemon: no descriptors left, a disk that takes its time. Faults A12 and B4."""

import http.client
import resource
import socket
import statistics
import threading
import time
from pathlib import Path

import pytest

from tests.faults.test_disk import REFUSED, end_traced, need_strace, under_strace
from tests.helpers.house import ROOT, House, free_port

pytestmark = [pytest.mark.fault, pytest.mark.timeout(180)]

CONFIG = """
version: 1
state: ./state
listen: {{http: "127.0.0.1:{port}", aws: off, console: off}}
functions:
  jobs: {{<common>, handler: app.jobs}}
  route: {{<common>, handler: app.route, triggers: [{{http: GET /n}}]}}
"""


def house_on(directory: Path, port: int) -> House:
    """A house with a route and a function for events."""
    common = f"code: {ROOT / 'tests/faults/functions'}, timeout: 60, environment: {{RECORD: {directory / 'record'}}}"
    return House(directory, CONFIG.format(port=port).replace("<common>", common))


def asked(port: int) -> float:
    """Seconds that a request to the route took. OSError and HTTPException when it failed."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        began = time.monotonic()
        connection.request("GET", "/n?n=1")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"1")
        return time.monotonic() - began
    finally:
        connection.close()


def answered(port: int) -> bool:
    """Whether a request gets its answer."""
    try:
        return asked(port) >= 0
    except REFUSED:
        return False


def ended(house: House, event: str) -> bool:
    """Whether an event was handled."""
    return any(row["id"] == event and row["state"] == "succeeded" for row in house.get("/events?limit=100"))


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_without_descriptors_the_listener_waits_and_what_was_accepted_goes_on(tmp_path: Path) -> None:
    port = free_port()
    with house_on(tmp_path, port) as house:
        house.start()
        assert house.ready(), house.log.read_text()[-3000:]
        assert house.until(lambda: answered(port), 20)
        job = house.emit("jobs", {"n": 1})
        assert house.until(lambda: ended(house, job), 20)
        assert house.process is not None
        pid = house.process.pid
        used = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 2, hard))
        crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        try:
            time.sleep(1)
            began = cpu_seconds(pid)
            time.sleep(2)
            assert cpu_seconds(pid) - began < 1.0, "the daemon spins on what it cannot accept"
            assert house.alive()
        finally:
            for one in crowd:
                one.close()
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        assert house.until(lambda: answered(port), 10), "no request is answered again within 10 s"
        later = house.emit("jobs", {"n": 2})
        assert house.until(lambda: ended(house, later), 20)
        assert house.stop() == 0


@pytest.mark.server
def test_a_slow_disk_slows_what_is_recorded_and_nothing_else(tmp_path: Path) -> None:
    need_strace()
    port = free_port()
    with house_on(tmp_path, port) as house:
        under_strace(house, "delay_enter=300000")  # µs
        assert house.ready(60), house.log.read_text()[-3000:]
        assert house.until(lambda: answered(port), 20)
        accepted: list[str] = []
        taken: list[float] = []
        stop = threading.Event()

        def emit() -> None:
            while not stop.is_set():
                began = time.monotonic()
                accepted.append(house.emit("jobs", {"n": len(accepted)}))
                taken.append(time.monotonic() - began)

        threads = [threading.Thread(target=emit) for _ in range(4)]
        for thread in threads:
            thread.start()
        answers = [asked(port) for _ in range(60)]
        assert house.until(lambda: len(accepted) >= 8, 30)
        stop.set()
        for thread in threads:
            thread.join()
        assert min(taken) >= 0.3, "an event was acknowledged before its sync"
        assert statistics.median(answers) < 0.15, "requests wait for the disk"
        ends = {row["id"]: row["state"] for row in house.get("/events?limit=1000")}
        assert set(accepted) <= ends.keys()
        assert house.until(lambda: {row["state"] for row in house.get("/events?limit=1000")} == {"succeeded"}, 60)
        end_traced(house)
        assert house.processes() == []
