"""Files: from closed to the handler's start, and a burst through the handler."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.table import Row, quantile, resident
from tests.helpers.house import ROOT, House

CONFIG = """
version: 1
state: ./state
listen: {{http: off, console: off}}
limits: {{concurrency: 8}}
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


def seen(record: Path) -> list[dict[str, object]]:
    """What the handler wrote down."""
    return [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []


def lines(record: Path) -> int:
    """How many lines the handler wrote."""
    return record.read_bytes().count(b"\n") if record.exists() else 0


def _latency(house: House, record: Path, prefix: str, count: int) -> list[float]:
    """Milliseconds from close to the handler's first line, files one after another."""
    closed: dict[str, int] = {}
    before = lines(record)
    for number in range(count):
        path = house.directory / "inbox" / f"{prefix}-{number}"
        path.write_bytes(b"x" * 100)
        closed[path.name] = time.time_ns()
        time.sleep(0.02)
    house.until(lambda: lines(record) - before >= count, 20)
    return [(int(line["at"]) - closed[str(line["key"])]) / 1e6 for line in seen(record) if line["key"] in closed]


def _burst(house: House, record: Path, count: int) -> Row:
    before_lines = lines(record)
    assert house.process is not None
    before = peak = resident(house.process.pid)
    started = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", WRITER, str(house.directory / "inbox"), str(count)]) as writer:
        while lines(record) - before_lines < count and time.perf_counter() - started < 300:
            peak = max(peak, resident(house.process.pid))
            time.sleep(0.1)
        writer.wait()
    took = time.perf_counter() - started
    keys = [line["key"] for line in seen(record)[before_lines:]]
    lost, doubled, growth = count - len(set(keys)), len(keys) - len(set(keys)), (peak - before) / 2**20
    return Row(
        f"{count:,} small files in a burst, through the handler",
        f"{len(keys) / took:,.0f}/s, {lost} lost, {doubled} doubled, RSS +{growth:.0f} MB",
        "",
        "none lost, none doubled, ≥ 2,500/s, RSS growth ≤ 64 MB",
        lost == 0 and doubled == 0 and len(keys) / took >= 2500 and growth <= 64,
    )


def rows(*, brief: bool) -> list[Row]:
    """The rows of files."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        record = directory / "record"
        with House(directory, CONFIG.format(code=ROOT / "bench/functions", record=record)) as house:
            house.start()
            assert house.ready(), house.log.read_text()
            assert house.until(lambda: house.get("/status")["ready"], 10)
            _latency(house, record, "warm-up", 20)
            times = _latency(house, record, "single", 100 if brief else 500)
            p50, p99 = quantile(times, 0.5), quantile(times, 0.99)
            burst = _burst(house, record, 10_000 if brief else 100_000)
            house.stop()
    return [
        Row("file closed → handler starts", f"p50 {p50:.1f} ms, p99 {p99:.1f} ms", "", "p50 ≤ 4 ms, p99 ≤ 20 ms", p50 <= 4 and p99 <= 20),
        burst,
    ]
