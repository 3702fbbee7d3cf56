"""The daemon at rest, how soon it is ready, and the commands that wait for it."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.http import CONFIG
from bench.table import Row, cpu_seconds, resident
from tests.helpers.house import ROOT, House, free_port

ROUTER = Path(sys.executable).with_name("router")


def timed(command: list[str], runs: int) -> float:
    """Median seconds of a command as a whole process."""
    took = []
    for _ in range(runs):
        started = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        took.append(time.perf_counter() - started)
    return statistics.median(took)


def rows(*, brief: bool) -> list[Row]:
    """Readiness, memory and processor time at rest; `--help` and `invoke`."""
    runs, rest = (5, 3.0) if brief else (9, 20.0)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with House(directory, CONFIG.format(port=free_port(), code=ROOT / "bench/functions")) as house:
            ready = []
            for _ in range(runs):
                started = time.perf_counter()
                house.start()
                assert house.until(house.answers, 20, step=0.005), house.log.read_text()
                ready.append(time.perf_counter() - started)
                house.stop()
            house.start()
            assert house.ready()
            assert house.process is not None
            time.sleep(1)
            before = cpu_seconds(house.process.pid)
            time.sleep(rest)
            share = (cpu_seconds(house.process.pid) - before) / rest
            memory = resident(house.process.pid)
            nothing = timed([sys.executable, "-c", "pass"], runs)
            helped = timed([str(ROUTER), "--help"], runs)
            invoked = timed([str(ROUTER), "--config", str(house.config), "invoke", "echo"], runs)
            house.stop()
    start = statistics.median(ready)
    beside = f"`python3 -c pass` {nothing * 1000:.0f} ms"
    return [
        Row(
            "daemon idle",
            f"RSS {memory / 2**20:.0f} MB, CPU {share * 100:.2f} %, ready in {start:.2f} s",
            beside,
            "RSS ≤ 80 MB, CPU < 0.5 %; ready in ≤ 0.8 s",
            memory <= 80 * 2**20 and share < 0.005 and start <= 0.8,
        ),
        Row("`router --help`", f"{helped * 1000:.0f} ms", beside, "≤ 100 ms", helped <= 0.1),
        Row("`router invoke` through the daemon", f"{invoked * 1000:.0f} ms", beside, "≤ 150 ms", invoked <= 0.15),
    ]
