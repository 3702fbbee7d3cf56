"""The disk under the store: full, failing, and dead in the middle of a sync."""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import apsw
import pytest

from tests.helpers.house import ROOT, House
from tests.helpers.record import read_record

pytestmark = [pytest.mark.fault, pytest.mark.timeout(180)]

CONFIG = """
version: 1
state: {state}
listen: {{http: off, aws: off, console: off}}
limits: {{concurrency: 4}}
buckets: {{inbox: {inbox}}}
functions:
  files: {{<common>, handler: app.files, triggers: [{{s3: inbox}}]}}
  jobs: {{<common>, handler: app.jobs}}
  held: {{<common>, handler: app.held}}
"""
EVENT = {"X-Amz-Invocation-Type": "Event"}
REFUSED = (OSError, ValueError, http.client.HTTPException)


def house_in(directory: Path, state: Path) -> House:
    """A house whose state directory is *state*."""
    facts = f"RECORD: {directory / 'record'}, MARKERS: {directory}, GATE: {directory / 'gate'}"
    common = f"code: {ROOT / 'tests/faults/functions'}, timeout: 600, environment: {{{facts}}}"
    config = CONFIG.format(state=state, inbox=directory / "inbox").replace("<common>", common)
    house = House(directory, config)
    house.state = state
    return house


def states(house: House) -> dict[str, str]:
    """Event → state."""
    return {row["id"]: row["state"] for row in house.get("/events?limit=1000")}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_refuses_intake_records_outcomes_and_recovers_by_itself(tmp_path: Path, small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    with house_in(tmp_path, small_disk / "state") as house:
        house.start()
        assert house.ready(), house.log.read_text()
        running = house.emit("held", {"n": 1})
        assert house.until(lambda: states(house)[running] == "running", 10)

        subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=64k"], check=False, capture_output=True)
        assert shutil.disk_usage(small_disk).free < 64 * 1024
        os.truncate(ballast, ballast.stat().st_size - 512 * 1024)  # what others leave of the reserve
        time.sleep(0.5)  # the store looks at the space left four times a second
        status, headers, body = house.request("POST", "/functions/jobs/invocations", b'{"n": 2}', EVENT)
        assert (status, headers.get("retry-after")) == (503, "1"), body
        assert b"full" in body
        (tmp_path / "inbox" / "file").write_bytes(b"d41d8cd98f00b204e9800998ecf8427e\n")
        (tmp_path / "gate").touch()
        assert house.until(lambda: states(house)[running] == "succeeded", 10), "an outcome was not recorded on a full disk"
        time.sleep(1)
        assert (tmp_path / "inbox" / "file").exists()
        assert [event for event in states(house) if event != running] == []

        ballast.unlink()
        assert house.until(lambda: len(states(house)) == 2, 10), "the file was not taken up within 10 s"
        after = house.emit("jobs", {"n": 3})
        assert house.until(lambda: set(states(house).values()) == {"succeeded"}, 10)
        assert house.stop() == 0
    handled = read_record(tmp_path / "record")
    assert {after, running} <= {line["id"] for line in handled}
    assert [line["whole"] for line in handled if line["kind"] == "file"] == [True]


def test_on_a_full_disk_the_watchdog_is_fed(tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Restarted by it, a daemon would run again what it could not record, for as long as the disk is full."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, house_in(tmp_path, small_disk / "state") as house:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "1000000")

        def fed() -> bool:
            with suppress(BlockingIOError):
                return b"WATCHDOG=1" in manager.recv(4096)
            return False

        house.start()
        assert house.ready(), house.log.read_text()
        assert house.until(fed, 5)
        subprocess.run(["dd", "if=/dev/zero", f"of={small_disk / 'ballast'}", "bs=4k"], check=False, capture_output=True)
        assert house.until(lambda: not emitted(house, 1), 10), "the store takes events on a full disk"
        while fed():
            pass
        for _ in range(8):  # the store is opened anew meanwhile, in vain
            assert house.until(fed, 1), house.log.read_text()[-3000:]
        (small_disk / "ballast").unlink()
        assert house.until(lambda: bool(emitted(house, 1)), 10), "intake did not resume within 10 s"
        assert house.stop() == 0
    assert "watchdog_unfed" not in house.log.read_text()


def under_strace(house: House, fault: str) -> None:
    """Start the daemon with a fault injected into its own syncs."""
    command = [sys.executable, "-m", "tests.helpers.daemon", str(house.config), repr(house.base), "1.0"]
    with house.log.open("ab") as out:
        tracing = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-e", f"inject=fdatasync,fsync:{fault}"]
        house.process = house.launch([*tracing, *command], out)


def end_traced(house: House) -> None:
    """Stop a daemon that runs under strace: the tracer alone would leave it running."""
    assert house.process is not None
    subprocess.run(["pkill", "-TERM", "-P", str(house.process.pid)], check=True)
    house.process.wait(60)
    house.process = None


def emitted(house: House, count: int) -> set[str]:
    """Ids of the events that were acknowledged, of *count* tries."""
    accepted = set()
    for number in range(count):
        try:
            accepted.add(house.emit("jobs", {"n": number}))
        except REFUSED:
            time.sleep(0.05)
    return accepted


def check(house: House, accepted: set[str]) -> None:
    """After a quiet start: the database is sound, and everything acknowledged ends once."""
    connection = apsw.Connection(str(house.state / "journal.db"))
    assert connection.execute("PRAGMA integrity_check").get == "ok"
    connection.close()
    house.start()
    assert house.ready(), house.log.read_text()[-2000:]
    assert house.until(lambda: set(states(house).values()) <= {"succeeded"}, 30)
    assert accepted <= states(house).keys()
    assert house.stop() == 0
    assert accepted <= {line["id"] for line in read_record(house.directory / "record")}


def need_strace() -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is missing: apt install strace")


@pytest.mark.server
@pytest.mark.parametrize("nth", [4, 7, 12, 20, 33, 47])
def test_killed_in_the_nth_sync_nothing_acknowledged_is_missing(tmp_path: Path, nth: int) -> None:
    need_strace()
    with house_in(tmp_path, tmp_path / "state") as house:
        under_strace(house, f"signal=KILL:when={nth}")
        house.ready(20)
        accepted = emitted(house, 40)
        assert house.until(lambda: not house.alive(), 20), "the sync was never reached"
        house.process = None
        check(house, accepted)


@pytest.mark.server
@pytest.mark.parametrize("nth", [24, 33])  # a fresh state takes some 20 before there is anything to acknowledge
def test_a_sync_that_fails_acknowledges_nothing_and_the_store_recovers(tmp_path: Path, nth: int) -> None:
    need_strace()
    with house_in(tmp_path, tmp_path / "state") as house:
        under_strace(house, f"error=EIO:when={nth}")
        assert house.ready(), house.log.read_text()[-2000:]
        accepted = emitted(house, 40)
        assert house.until(lambda: bool(emitted(house, 1)), 10), "work did not resume within 10 s"
        assert len(accepted) >= 20
        assert house.until(lambda: set(states(house).values()) <= {"succeeded"}, 30)
        end_traced(house)
        check(house, accepted)


def test_a_disk_without_a_byte_left_loses_nothing_and_runs_nothing_twice(tmp_path: Path, small_disk: Path) -> None:
    """Others have taken the reserve too: outcomes wait in memory until there is space."""
    ballast = small_disk / "ballast"
    with house_in(tmp_path, small_disk / "state") as house:
        house.start()
        assert house.ready(), house.log.read_text()
        accepted = emitted(house, 20)
        running = house.emit("held", {"n": 1})
        assert house.until(lambda: states(house)[running] == "running", 10)
        subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=4k"], check=False, capture_output=True)
        assert shutil.disk_usage(small_disk).free == 0
        assert house.until(lambda: not emitted(house, 1), 10), "the store takes events on a full disk"
        (tmp_path / "gate").touch()
        (tmp_path / "inbox" / "file").write_bytes(b"d41d8cd98f00b204e9800998ecf8427e\n")
        assert house.until(lambda: len(read_record(tmp_path / "record")) > len(accepted), 10), "the handler did not finish"
        time.sleep(2)
        assert emitted(house, 3) == set()
        assert house.alive()
        ballast.unlink()
        assert house.until(lambda: bool(emitted(house, 1)), 10), "intake did not resume within 10 s"
        assert house.until(lambda: set(states(house).values()) == {"succeeded"}, 10), house.get("/events")
        assert house.get(f"/events/{running}")["event"]["attempts"] == 1, "its outcome was known: it must not run again"
        assert accepted | {running} <= states(house).keys()
        assert house.until(lambda: any(line["kind"] == "file" for line in read_record(tmp_path / "record")), 10)
        assert house.stop() == 0
    ids = [line["id"] for line in read_record(tmp_path / "record")]
    assert len(ids) == len(set(ids))
