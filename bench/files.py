"""Files: from closed to the handler's start, and a burst through the handler."""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.daemon import FUNCTIONS, Running
from bench.plain import commits
from bench.process import cpu_seconds, forget_peak, nothing, resident
from bench.table import Check, Row, quantile

CONFIG = """
version: 1
state: ./state
listen: {{http: off, aws: off, console: off}}
buckets: {{inbox: ./inbox}}
functions:
  file: {{code: {code}, handler: files.handler, timeout: 60, environment: {{RECORD: {record}}}, triggers: [{{s3: inbox}}]}}
"""
WRITER = """
import pathlib, sys
root = pathlib.Path(sys.argv[1])
for number in range(int(sys.argv[2])):
    place = root / f"d{number // 1000}"
    if number % 1000 == 0:
        place.mkdir()
    (place / f"{number}.txt").write_bytes(b"x" * 100)
"""
EVERY = 0.02  # seconds between two single files
PATIENCE = 300.0  # seconds for a burst


class Record:
    """What the handler writes down, one line a start; read once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()
        self._offset = 0
        self.seen: list[dict[str, Any]] = []

    def read(self) -> int:
        """Take what is new; how many lines there are by now."""
        with self.path.open("rb") as file:
            file.seek(self._offset)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        self.seen += [json.loads(line) for line in whole.splitlines()]
        return len(self.seen)


def rows(*, brief: bool) -> list[Row]:
    """A daemon with one bucket."""
    singles, count = (100, 10_000) if brief else (500, 100_000)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        record = Record(directory / "record")
        with Running(directory, CONFIG.format(code=FUNCTIONS, record=record.path)) as house:
            house.serve()
            _singles(house, record, "warm-up", 25)
            found = [_latency(house, record, singles), _burst(house, record, count)]
            house.stop()
        shutil.rmtree(directory / "inbox")
    return found


def _singles(house: Running, record: Record, prefix: str, count: int) -> Iterator[float]:
    """Milliseconds from close to the handler's first line, for files that come one after another."""
    closed: dict[str, int] = {}
    before = record.read()
    for number in range(count):
        key = f"{prefix}-{number}"
        with (house.directory / "inbox" / key).open("wb", buffering=0) as file:
            file.write(b"x" * 100)
            closed[key] = time.time_ns()
        time.sleep(EVERY)
    if not house.until(lambda: record.read() - before >= count, 20):
        raise RuntimeError(f"{count} files were closed, {record.read() - before} handled")
    return ((line["at"] - closed[line["key"]]) / 1e6 for line in record.seen[before:])


def _latency(house: Running, record: Record, count: int) -> Row:
    limit = statistics.median(nothing() for _ in range(9)) * 1000
    times = list(_singles(house, record, "single", count))
    p50, p99 = quantile(times, 0.5), quantile(times, 0.99)
    return Row(
        "file closed → handler starts",
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms",
        f"`python3 -c pass` {limit:.1f} ms: what one process per file takes before its first line",
        (Check("p50 ≤ 4 ms", p50 <= 4), Check("p99 ≤ 20 ms", p99 <= 20)),
        f"{count} files, one every {EVERY * 1000:.0f} ms; from just before close() to the first statement of a warm handler; "
        "in between the event is committed and synced",
    )


def _alone(directory: Path, count: int) -> float:
    """Files a second when the same writer has the machine to itself and nobody looks."""
    place = directory / "unwatched"
    place.mkdir()
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", WRITER, str(place), str(count)], check=True)
    took = time.perf_counter() - started
    shutil.rmtree(place)
    return count / took


def _burst(house: Running, record: Record, count: int) -> Row:
    begin, before, spent = record.read(), resident(house.pid), cpu_seconds(house.pid)
    forget_peak(house.pid)
    started = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", WRITER, str(house.directory / "inbox"), str(count)]) as writer:
        house.until(lambda: record.read() - begin >= count, PATIENCE, step=0.05)
        took = time.perf_counter() - started
        writer.wait()
    time.sleep(1)  # what is told twice comes late
    record.read()
    keys = [line["key"] for line in record.seen[begin:]]
    lost, doubled = count - len(set(keys)), len(keys) - len(set(keys))
    growth, cpu = (resident(house.pid, "VmHWM") - before) / 2**20, (cpu_seconds(house.pid) - spent) / count * 1e6
    each, rate = commits(house.directory, 2.0, 2), (count - lost) / took
    alone = _alone(house.directory, count)
    return Row(
        f"{count:,} small files in a burst, through the handler",
        f"{rate:,.0f}/s, {lost} lost, {doubled} doubled, RSS +{growth:.0f} MB at its peak, {cpu:.0f} µs of daemon CPU each",
        f"writing the files and nothing else {alone:,.0f}/s; one commit per event and nothing else {each:,.0f}/s",
        (Check("≥ 2,500/s", rate >= 2500), Check("RSS growth ≤ 64 MB", growth <= 64)),
        f"100 bytes each, {count // 1000} directories that are made on the way; from the first file's making to the last handler's end, so the "
        "writing counts too, and on a busy file system it waits for the store's syncs; none lost and none doubled is looked up file by file",
        why="Every file is hashed, recorded in the version table, committed, leased, invoked and acknowledged; writer, daemon and environments "
        "share the cores.",
        broken=f"{lost} files lost, {doubled} doubled" if lost or doubled else "",
    )
