"""The machine runs short under the daemon: no descriptors left, a disk that takes its time. memory for the
kernel to give, clocks that begin again. Faults A11, A12, B4 and C4."""

import http.client
import os
import resource
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
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


def test_killed_by_the_kernel_for_its_memory_it_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    group = Path(f"/sys/fs/cgroup/memory/router-test-{os.getpid()}")
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"this machine has no control group (version 1) of memory to make: {error}")
    try:
        with house_on(tmp_path, free_port()) as house:
            house.start()
            assert house.ready(), house.log.read_text()[-3000:]
            accepted = [house.emit("jobs", {"n": number}) for number in range(20)]
            assert house.process is not None
            (group / "cgroup.procs").write_text(str(house.process.pid))
            (group / "memory.limit_in_bytes").write_text(str(8 << 20))  # of what it takes from now on
            for number in range(20, 2000):
                try:
                    accepted.append(house.emit("jobs", {"n": number, "more": "x" * 200_000}))
                except REFUSED:
                    break
            assert house.until(lambda: not house.alive(), 20), "it was never short of memory"
            house.kill()
            house.start()
            assert house.ready(), house.log.read_text()[-3000:]
            assert house.until(lambda: set(states(house).values()) <= {"succeeded"}, 60), Counter(states(house).values())
            assert set(accepted) <= states(house).keys()
            assert house.stop(60) == 0
    finally:
        group.rmdir()


def states(house: House) -> dict[str, str]:
    """The state of each event by its id."""
    found: dict[str, str] = {}
    while page := house.get(f"/events?limit=1000&before={list(found)[-1] if found else ''}"):
        found |= {row["id"]: row["state"] for row in page}
    return found


class Elsewhen(House):
    """A house whose daemon's machine has been up for another time: what a restart of the machine, or a suspend, does to its clocks."""

    def __init__(self, directory: Path, port: int, seconds: int) -> None:
        common = f"code: {ROOT / 'tests/faults/functions'}, timeout: 60, environment: {{RECORD: {directory / 'record'}}}"
        super().__init__(directory, CONFIG.format(port=port).replace("<common>", common))
        self.prefix = ["unshare", "--time", "--monotonic", str(seconds), "--boottime", str(seconds)]

    def start(self, *, step: str = "", count: int = 0) -> None:
        """Start the daemon in its own time; no steps."""
        assert (step, count) == ("", 0)
        with self.log.open("ab") as out:
            command = [*self.prefix, sys.executable, "-m", "router.cli", "run", "--config", str(self.config)]
            self.process = self.launch(command, out)


def test_a_machine_that_was_up_for_long_and_then_has_just_started_changes_nothing(tmp_path: Path) -> None:
    """The monotonic clock is set back by a restart, and may be anything: only what is measured within one life goes by it."""
    up = int(float(Path("/proc/uptime").read_text().split()[0]))
    probe = subprocess.run(["unshare", "--time", "--monotonic", "1000", "true"], capture_output=True, text=True, check=False)
    if probe.returncode:
        pytest.skip(f"this machine lacks time namespaces: {probe.stderr.strip()}")
    port = free_port()
    for seconds in (10**8, 5 - up):
        with Elsewhen(tmp_path, port, seconds) as house:
            lives(house, port)


def lives(house: House, port: int) -> None:
    """It starts, answers, runs, retries, stops."""
    house.start()
    assert house.ready(), house.log.read_text()[-3000:]
    assert house.until(lambda: answered(port), 20)
    job, failing = house.emit("jobs", {"n": 1}), house.emit("jobs", {"n": 2, "fail": 1})
    assert house.until(lambda: ended(house, job), 20)
    assert house.until(lambda: states(house)[failing] == "retrying", 20)
    assert house.stop() == 0
