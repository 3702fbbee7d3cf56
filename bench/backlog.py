"""A long queue: what a million waiting events cost in memory, in start-up and for each event."""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from bench.client import Plan
from bench.daemon import FUNCTIONS, Running
from bench.journal import drained, envelope
from bench.load import ask
from bench.process import resident
from bench.table import Check, Row
from router.clock import SystemClock
from router.journal.database import Database
from router.journal.sqlite import SqliteJournal
from tests.helpers.house import ROOT, free_port

MANY, FEW, OWNERS = 1_000_000, 1000, 10
CONFIG = """
version: 1
state: ./state
listen: {{http: "127.0.0.1:{port}", aws: off, console: off}}
functions:
  echo: {{code: {code}, handler: echo.handler, triggers: [{{http: POST /echo}}]}}
"""
WORKING = 5.0  # seconds in which a daemon works its backlog off before its memory is looked at


def rows(*, brief: bool) -> list[Row]:
    """Two stores, filled once; journals on both in turn, then a daemon on each."""
    many = MANY // 10 if brief else MANY
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for count in (FEW, many):
            (directory / str(count) / "state").mkdir(parents=True, mode=0o700)
        _fill(_store(directory, many), many)
        costs = []
        for _ in range(3 if brief else 7):
            _fill(_store(directory, FEW), FEW)
            costs.append((_cost(_store(directory, many)), _cost(_store(directory, FEW))))
        return [_cost_row(many, costs), _daemon_row(directory, many)]


def _store(directory: Path, count: int) -> Path:
    return directory / str(count) / "state" / "journal.db"


def _fill(path: Path, count: int) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_filled(path, count))


async def _filled(path: Path, count: int) -> None:
    """Queue *count* more events."""
    database = await Database.open(path)
    journal = await SqliteJournal.open(database, SystemClock())
    base = time.time_ns()
    for start in range(0, count, 2000):
        await asyncio.gather(*(journal.append(envelope(base + n, f"f{n % OWNERS}")) for n in range(start, min(start + 2000, count))))
    await journal.close()
    await database.close()


async def worked(path: Path) -> float:
    """Microseconds for one event, from lease to ack; 600 of them, after 200 others."""
    database = await Database.open(path)
    journal = await SqliteJournal.open(database, SystemClock())
    await drained(journal, 200)
    count, took = await drained(journal, 600)
    await journal.close()
    await database.close()
    return took / count * 1e6


def _cost(path: Path) -> float:
    """The same in a process of its own."""
    program = f"import asyncio, pathlib, bench.backlog as b; print(asyncio.run(b.worked(pathlib.Path({str(path)!r}))))"
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return float(answer.stdout)


def _cost_row(many: int, costs: list[tuple[float, float]]) -> Row:
    ratio = statistics.median(one / other for one, other in costs)
    long, short = (statistics.median(values) for values in zip(*costs, strict=True))
    return Row(
        f"{many:,} queued events: one of them worked off",
        f"{long:.0f} µs",
        f"with {FEW:,} queued {short:.0f} µs: {ratio:.2f} ×",
        (Check(f"≤ 1.2 × that with {FEW:,}", ratio <= 1.2),),
        f"lease and ack in batches of 100 by the journal alone, events of {OWNERS} functions, a fresh process for every run, in turn",
        why="Settling an event reads and writes pages that a small file has in memory already and a large one has not.",
    )


def _daemon_row(directory: Path, many: int) -> Row:
    (started, memory), (other_start, other_memory) = (_served(directory / str(count)) for count in (many, FEW))
    growth = (memory - other_memory) / 2**20
    return Row(
        f"{many:,} queued events: a daemon starts on them",
        f"first answer to a request after {started:.2f} s; RSS {memory / 2**20:.0f} MB",
        f"with {FEW:,} queued after {other_start:.2f} s, RSS {other_memory / 2**20:.0f} MB: {growth:+.0f} MB",
        (Check("serving < 3 s", started < 3), Check("RSS growth ≤ 64 MB", growth <= 64)),
        f"from the start of the process to the first 200 of an HTTP route; RSS after it {WORKING:.0f} s of working its backlog off",
    )


def _served(directory: Path) -> tuple[float, int]:
    """Seconds until a route answers, and resident bytes a while later."""
    port = free_port()
    waiting = "".join(f"  f{n}: {{code: {FUNCTIONS}, handler: echo.identity}}\n" for n in range(OWNERS))
    with Running(directory, CONFIG.format(port=port, code=FUNCTIONS) + waiting) as house:
        began = time.perf_counter()
        house.serve(step=0.01)
        load = ask(Plan(f"127.0.0.1:{port}", ("/echo",), 1, 0.0, 100))
        started = time.perf_counter() - began
        if load.failures:
            raise RuntimeError(f"the route answered {load.first}")
        time.sleep(WORKING)
        memory = resident(house.pid)
        house.stop()
    return started, memory
