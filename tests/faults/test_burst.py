"""Small files dropped in a burst while the daemon is killed and its watcher overflows: each final version is reported, whole.

BURST_FILES sets how many files there are, 100,000 or with FAULT_BOUNDED a quarter of them; BURST_SEED the moments of the faults."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.house import ROOT, House
from tests.helpers.record import read_record

FILES = int(os.environ.get("BURST_FILES", "24000" if os.environ.get("FAULT_BOUNDED") else "100000"))
SEED = int(os.environ.get("BURST_SEED", "20261124"))
WRITERS = 2
KILLS = 6  # at least
GROWTH = 64 * 1024  # KiB of the daemon's resident memory, from serving nothing to the worst of the burst

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]

CONFIG = """
version: 1
state: ./state
listen: {http: off, aws: off, console: off}
limits: {concurrency: 16}
buckets: {inbox: {path: ./inbox, settle: 2s, scan: 10s}}
functions:
  files: {code: CODE, handler: app.files, timeout: 600, environment: {RECORD: RECORDED}, triggers: [{s3: {bucket: inbox}}]}
"""


class Memory:
    """The daemon's resident memory, looked at ten times a second; each start counts from when it serves."""

    def __init__(self, house: House) -> None:
        self._house, self._done = house, threading.Event()
        self.idle = self.peak = 0  # KiB
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Take what it has now as what it needs for nothing."""
        self.idle = self._now()
        self._thread.start()

    def stop(self) -> None:
        """No more looks."""
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            self.peak = max(self.peak, self._now())

    def _now(self) -> int:
        process = self._house.process
        try:
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines() if process else []
        except OSError:
            return 0
        return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)


def begin(inbox: Path, directory: Path) -> list[subprocess.Popen[bytes]]:
    """Start the writers."""
    command = [sys.executable, "-m", "tests.faults.writer", str(inbox)]
    each = FILES // WRITERS
    return [subprocess.Popen([*command, str(n), str(each), str(directory / f"manifest-{n}.json")], cwd=ROOT) for n in range(WRITERS)]


def torment(house: House, writers: list[subprocess.Popen[bytes]], chance: random.Random) -> tuple[int, int]:
    """Kill the daemon and stop it for moments, at random, until the writers are done and that was often enough: how often each."""
    kills = pauses = 0
    while kills < KILLS or any(writer.poll() is None for writer in writers):
        time.sleep(chance.uniform(0.3, 2))
        if pauses == kills or chance.random() < 0.4:  # a pause comes first: overflows need a watcher and writers
            assert house.process is not None
            house.process.send_signal(signal.SIGSTOP)
            time.sleep(chance.uniform(0.5, 4))
            house.process.send_signal(signal.SIGCONT)
            pauses += 1
        else:
            house.kill()
            kills += 1
            time.sleep(chance.uniform(0, 0.5))
            house.start()
            if chance.random() < 0.7:
                assert house.ready(60), house.log.read_text()[-3000:]
    return kills, pauses


def missing(record: list[dict[str, Any]], final: dict[str, str]) -> list[str]:
    """Keys whose final version no handler was told of."""
    told = {(line["key"], line["etag"]) for line in record}
    return [key for key, digest in final.items() if (key, digest) not in told]


def at_rest(house: House) -> bool:
    """Whether nothing waits and nothing runs."""
    (row,) = house.get("/ps")
    return row["queued"] == row["running"] == 0


def test_a_burst_with_the_daemon_killed_and_its_watcher_overflowing(tmp_path: Path) -> None:
    chance, began = random.Random(SEED), time.monotonic()
    record = tmp_path / "record"
    config = CONFIG.replace("CODE", str(ROOT / "tests/faults/functions")).replace("RECORDED", str(record))
    with House(tmp_path, config) as house:
        house.start()
        assert house.ready(), house.log.read_text()[-3000:]
        assert house.until(lambda: house.get("/status")["ready"], 10)
        memory = Memory(house)
        memory.start()
        writers = begin(tmp_path / "inbox", tmp_path)
        try:
            kills, pauses = torment(house, writers, chance)
        finally:
            for writer in writers:
                writer.kill() if writer.poll() is None else None
                writer.wait()
        written = time.monotonic() - began
        assert [writer.returncode for writer in writers] == [0] * WRITERS
        final: dict[str, str] = {}
        for number in range(WRITERS):
            final |= json.loads((tmp_path / f"manifest-{number}.json").read_text())
        assert len(final) == FILES // WRITERS * WRITERS
        assert house.ready(60), house.log.read_text()[-3000:]
        assert house.until(lambda: at_rest(house) and not missing(read_record(record), final), 300, step=1), missing(
            read_record(record), final
        )[:5]
        quiet = len(read_record(record))
        time.sleep(5)  # it is at rest: nothing comes again by itself
        assert at_rest(house)
        assert len(read_record(record)) == quiet
        memory.stop()
        states = Counter(row["state"] for row in house.get("/events?limit=1000"))
        assert house.stop(60) == 0
    lines = read_record(record)
    versions = len({(line["key"], line["etag"]) for line in lines})
    overflows = house.log.read_text().count("watcher_overflowed")
    print(
        f"\n{len(final)} files, {versions} versions told, {len(lines) - versions} duplicates; {kills} kills, {pauses} pauses, "
        f"{overflows} overflows; writers {written:.0f} s, in all {time.monotonic() - began:.0f} s; "
        f"memory {memory.idle // 1024} MB idle, {memory.peak // 1024} MB at most"
    )
    assert [line["key"] for line in lines if not line["whole"]] == [], "read half-written"
    assert {line["key"] for line in lines} == final.keys()
    assert states.keys() == {"succeeded"}
    assert kills >= KILLS
    assert memory.peak - memory.idle <= GROWTH
