"""The daemon at rest, how soon it is ready, and the commands that wait for it."""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench.daemon import FUNCTIONS, ROUTER, Running
from bench.http import CONFIG
from bench.process import cpu_seconds, descendants, nothing, private, resident, took
from bench.table import Check, Row
from tests.helpers.house import free_port

PASS = [sys.executable, "-c", "pass"]
EVENT = b'{"body": "x"}'


def rows(*, brief: bool) -> list[Row]:
    """Readiness, memory and processor time at rest; `--help` and `invoke`."""
    runs, rest = (5, 5.0) if brief else (15, 30.0)
    with tempfile.TemporaryDirectory() as name, Running(Path(name), CONFIG.format(port=free_port(), code=FUNCTIONS)) as house:
        ready, none = [], []
        for _ in range(runs):
            none.append(nothing())
            started = time.perf_counter()
            house.serve()
            ready.append(time.perf_counter() - started)
            house.stop()
        house.serve()
        found = [_idle_row(house, rest, statistics.median(ready), statistics.median(none))]
        command = [*ROUTER, "--config", str(house.config), "invoke", "echo", "--event", "-"]
        took(command, EVENT)  # the environment starts
        found += _commands(command, runs)
        house.stop()
    return found


def _idle_row(house: Running, rest: float, ready: float, none: float) -> Row:
    time.sleep(1)
    before = cpu_seconds(house.pid)
    time.sleep(rest)
    share = (cpu_seconds(house.pid) - before) / rest
    memory, beside = resident(house.pid), sum(private(pid) for pid in descendants(house.pid))
    return Row(
        "daemon idle",
        f"RSS {memory / 2**20:.0f} MB, CPU {share * 100:.2f} %, ready in {ready:.2f} s",
        f"`python3 -c pass` {none * 1000:.0f} ms; the spawner, its guard and a worker that waits for a function hold {beside / 2**20:.0f} MB of their own",
        (
            Check("RSS ≤ 80 MB", memory <= 80 * 2**20),
            Check("CPU < 0.5 %", share < 0.005),
            Check("ready in ≤ 0.8 s", ready <= 0.8),
        ),
        f"one route, no load, over {rest:.0f} s; ready: from the start of `router run` until /status says that every source is attached",
    )


def _commands(command: list[str], runs: int) -> list[Row]:
    helped, invoked, none = [], [], []
    for _ in range(runs):
        none.append(took(PASS))
        helped.append(took([*ROUTER, "--help"]))
        invoked.append(took(command, EVENT))
    beside = f"`python -c pass` of the same virtual environment {statistics.median(none) * 1000:.0f} ms"
    return [
        _command_row("`router --help`", statistics.median(helped), 0.1, beside),
        _command_row("`router invoke` through the running daemon", statistics.median(invoked), 0.15, beside),
    ]


def _command_row(what: str, seconds: float, limit: float, beside: str) -> Row:
    checks = (Check(f"≤ {limit * 1000:.0f} ms", seconds <= limit),)
    return Row(what, f"{seconds * 1000:.0f} ms", beside, checks, "a whole process, from fork to exit, in turn with the other")
