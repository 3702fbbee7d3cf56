"""Durable emit, beside one commit per event on the same disk in the same run; and a long backlog."""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import apsw

from bench.table import Row, quantile
from router.clock import SystemClock
from router.journal.database import Database
from router.journal.sqlite import SqliteJournal
from router.model import Envelope
from tests.helpers.house import ROOT

PAYLOAD = b'{"x":"' + b"x" * 400 + b'"}'
BACKLOG = 1_000_000


def one_commit_each(directory: Path, count: int) -> float:
    """Events per second with one synced commit per event."""
    connection = apsw.Connection(str(directory / "plain.db"))
    connection.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE e (id INTEGER PRIMARY KEY, p BLOB)").fetchall()
    started = time.perf_counter()
    for _ in range(count):
        connection.execute("INSERT INTO e (p) VALUES (?)", (PAYLOAD,))
    took = time.perf_counter() - started
    connection.close()
    return count / took


def envelope(number: int, function: str = "f") -> Envelope:
    """A small event of its own."""
    return Envelope(function, PAYLOAD, "bench", str(number))


async def grouped(journal: SqliteJournal, count: int, waiting: int) -> float:
    """Events per second with *waiting* emitters."""

    async def emitter(numbers: range) -> None:
        for number in numbers:
            await journal.append(envelope(number))

    base = time.time_ns()
    started = time.perf_counter()
    share = count // waiting
    await asyncio.gather(*(emitter(range(base + i * share, base + (i + 1) * share)) for i in range(waiting)))
    return share * waiting / (time.perf_counter() - started)


async def offered(journal: SqliteJournal, rate: int, seconds: float) -> float:
    """p99 of append in milliseconds when *rate* events per second are offered, evenly."""
    times: list[float] = []

    async def one(number: int) -> None:
        started = time.perf_counter()
        await journal.append(envelope(number))
        times.append(time.perf_counter() - started)

    base, begun = time.time_ns(), time.perf_counter()
    tasks: list[asyncio.Task[None]] = []
    for number in range(int(rate * seconds)):
        ahead = begun + number / rate - time.perf_counter()
        if ahead > 0:
            await asyncio.sleep(ahead)
        tasks.append(asyncio.create_task(one(base + number)))
    await asyncio.gather(*tasks)
    return quantile(times, 0.99) * 1000


async def drained(journal: SqliteJournal, count: int) -> float:
    """Events per second from lease to ack, in batches of 100."""
    done = 0
    started = time.perf_counter()
    while done < count:
        deliveries = await journal.lease(100, wait=0.0, room=lambda _: 100)
        await asyncio.gather(*(journal.ack(delivery) for delivery in deliveries))
        done += len(deliveries)
    return done / (time.perf_counter() - started)


async def _emit_rows(directory: Path, *, brief: bool) -> list[Row]:
    count, runs = (10_000, 3) if brief else (40_000, 5)
    database = await Database.open(directory / "journal.db")
    journal = await SqliteJournal.open(database, SystemClock())
    rates, limits = [], []
    for run in range(runs):
        rates.append(await grouped(journal, count, 256))
        (directory / str(run)).mkdir()
        limits.append(await asyncio.to_thread(one_commit_each, directory / str(run), count // 10))
    tail = await offered(journal, 5000, 1.0 if brief else 3.0)
    await drained(journal, 500)
    drain = await drained(journal, count)
    await journal.close()
    await database.close()
    rate, limit = statistics.median(rates), statistics.median(limits)
    return [
        Row(
            "durable emit inside the daemon",
            f"{rate:,.0f}/s with 256 waiting; p99 {tail:.1f} ms at 5,000/s offered",
            f"one commit per event {limit:,.0f}/s: {rate / limit:.1f} × its rate",
            "≥ 15 k/s with 256 waiting, p99 ≤ 25 ms at 5 k/s offered",
            rate >= 15_000 and tail <= 25,
        ),
        Row("backlog worked off: lease 100, ack", f"{drain:,.0f}/s", f"one commit per event {limit:,.0f}/s", "≥ 10 k/s", drain >= 10_000),
    ]


OPENED = """
import asyncio, sys, time
from pathlib import Path
from bench.table import resident
from bench.journal import drained
from router.clock import SystemClock
from router.journal.database import Database
from router.journal.sqlite import SqliteJournal

async def main():
    before, started = resident(), time.perf_counter()
    database = await Database.open(Path(sys.argv[1]))
    journal = await SqliteJournal.open(database, SystemClock())
    deliveries = await journal.lease(1, wait=0.0, room=lambda _: 1)
    opened = time.perf_counter() - started
    await journal.release(deliveries[0], delay=0)
    await drained(journal, 1000)
    rates = sorted([await drained(journal, 5000) for _ in range(3)])
    print(opened, resident() - before, 1e6 / rates[1])
    await journal.close()
    await database.close()

asyncio.run(main())
"""


def _opened(path: Path) -> tuple[float, float, float]:
    """Seconds until the first lease, growth in bytes, microseconds per event: in a process of its own."""
    answer = subprocess.run([sys.executable, "-c", OPENED, str(path)], cwd=ROOT, check=True, capture_output=True, text=True)
    first, second, third = map(float, answer.stdout.split())
    return first, second, third


async def _filled(path: Path, count: int) -> None:
    database = await Database.open(path)
    journal = await SqliteJournal.open(database, SystemClock())
    for start in range(0, count, 2000):
        await asyncio.gather(*(journal.append(envelope(n, f"f{n % 10}")) for n in range(start, min(start + 2000, count))))
    await journal.close()
    await database.close()


def _backlog_row(directory: Path, *, brief: bool) -> Row:
    many, few = (100_000 if brief else BACKLOG), 20_000
    asyncio.run(_filled(directory / "few.db", few))
    asyncio.run(_filled(directory / "many.db", many))
    _, small, base = _opened(directory / "few.db")
    opened, growth, cost = _opened(directory / "many.db")
    return Row(
        f"{many:,} queued events",
        f"{max(growth - small, 0) / 2**20:.0f} MB more memory than with {few:,}, first lease after {opened:.2f} s, {cost:.0f} µs an event",
        f"with {few:,} queued {base:.0f} µs an event: {cost / base:.2f} ×",
        "1,000,000: ≤ 64 MB, < 3 s, ≤ 1.2 ×",
        max(growth - small, 0) <= 64 * 2**20 and opened < 3 and cost / base <= 1.2,
    )


def rows(*, brief: bool) -> list[Row]:
    """The journal's rows."""
    with tempfile.TemporaryDirectory() as name:
        found = asyncio.run(_emit_rows(Path(name), brief=brief))
        return [*found, _backlog_row(Path(name), brief=brief)]
