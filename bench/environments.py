"""Execution environments: warm invocations inside the daemon, cold starts, memory of an idle one."""

import asyncio
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop

from bench.table import Row, median
from router.clock import SystemClock
from router.config.types import Config, Function, Limits
from router.dispatch.dispatcher import Dispatcher
from router.dispatch.slots import Slots
from router.functions.registry import Functions
from router.journal.memory import MemoryJournal
from router.model import Envelope
from router.runtime.pool import WarmPool, warm_pool
from router.telemetry.logs import LogStore
from router.telemetry.metrics import Metrics
from router.telemetry.setup import configure
from tests.helpers.house import ROOT

PAYLOAD = b'{"x":"' + b"x" * 1000 + b'"}'


@asynccontextmanager
async def dispatching(directory: Path) -> AsyncIterator[tuple[Dispatcher, WarmPool]]:
    """A dispatcher over real environments, real logs and metrics."""
    clock, metrics = SystemClock(), Metrics()
    functions = {name: Function(name, ROOT / "bench/functions", "echo.identity") for name in ("f", *(f"cold{n}" for n in range(100)))}
    config = Config(directory / "config.yaml", directory, functions=functions)
    logs = LogStore(directory / "logs", clock, metrics)
    pool = warm_pool(
        state=directory,
        lock_fd=None,
        region=config.region,
        variables=lambda _: {},
        logs=logs,
        clock=clock,
        limits=Limits(concurrency=200),
        metrics=metrics,
    )
    await pool.open()
    slots = Slots(functions, limit=200, clock=clock)
    try:
        yield Dispatcher(MemoryJournal(clock), pool, Functions(config), slots, clock=clock, metrics=metrics), pool
    finally:
        await pool.close()
        logs.close()


async def warm(dispatcher: Dispatcher, seconds: float, callers: int) -> tuple[float, float]:
    """Invocations per second, and microseconds of this process's processor time for each."""
    count = 0
    until = time.perf_counter() + seconds

    async def call() -> None:
        nonlocal count
        while time.perf_counter() < until:
            outcome = await dispatcher.invoke(Envelope("f", PAYLOAD, "bench"))
            assert not outcome.function_error
            count += 1

    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    await asyncio.gather(*(call() for _ in range(callers)))
    after, took = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - started
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return count / took, cpu / count * 1e6


def private(pid: int) -> int:
    """Bytes of a process that it shares with no other."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024


def workers() -> list[int]:
    """Every process below this one that runs no program of its own: the forked workers."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    below = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    return [pid for pid in below if pid not in parents.values() and pid != os.getpid()]


async def cold(dispatcher: Dispatcher, number: int) -> float:
    """Seconds of one invocation that starts an environment."""
    started = time.perf_counter()
    outcome = await dispatcher.invoke(Envelope(f"cold{number}", PAYLOAD, "bench"))
    assert outcome.init_ms is not None
    return time.perf_counter() - started


def _pass() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - started


async def _rows(directory: Path, *, brief: bool) -> list[Row]:
    seconds, runs = (1.0, 3) if brief else (3.0, 5)
    async with dispatching(directory) as (dispatcher, _):
        await warm(dispatcher, 0.5, 4)
        measured = [await warm(dispatcher, seconds, 4) for _ in range(runs)]
        starts = [await cold(dispatcher, number) for number in range(20 if brief else 60)]
        sizes = [private(pid) for pid in workers()]
        nothing = await asyncio.to_thread(median, _pass, 9)
    rate, cpu = (statistics.median(values) for values in zip(*measured, strict=True))
    start, size = statistics.median(starts[1:]), statistics.median(sizes)
    return [
        Row(
            "warm invocation inside the daemon",
            f"{rate:,.0f}/s, {cpu:.0f} µs of daemon CPU",
            "",
            "≥ 8 k/s, ≤ 60 µs",
            rate >= 8000 and cpu <= 60,
        ),
        Row(
            "cold start, trivial Python handler",
            f"{start * 1000:.1f} ms",
            f"`python3 -c pass` {nothing * 1000:.1f} ms: {start / nothing:.2f} × of it",
            "≤ 0.7 × `python3 -c pass`",
            start <= 0.7 * nothing,
        ),
        Row("unshared memory of an idle Python environment", f"{size / 2**20:.1f} MB", "", "≤ 4 MB", size <= 4 * 2**20),
    ]


def rows(*, brief: bool) -> list[Row]:
    """The rows of execution environments."""
    with tempfile.TemporaryDirectory() as name, (Path(name) / "own.log").open("wb", buffering=0) as own:
        configure(stream=own)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_rows(Path(name), brief=brief))
