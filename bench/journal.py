"""The journal by itself: durable emit beside one commit per event on the same disk, and working a backlog off."""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from bench.plain import PAYLOAD, commits_once
from bench.table import Check, Row, quantile
from router.clock import SystemClock
from router.daemon import SWITCH
from router.journal.database import Database
from router.journal.sqlite import SqliteJournal
from router.model import Envelope

WAITING, OFFERED = 256, 5000


def envelope(number: int, function: str = "f") -> Envelope:
    """A small event of its own."""
    return Envelope(function, PAYLOAD, "bench", str(number))


async def grouped(journal: SqliteJournal, seconds: float, waiting: int = WAITING) -> float:
    """Events per second with *waiting* emitters."""
    count, started, base = 0, time.perf_counter(), time.time_ns()

    async def emitter() -> None:
        nonlocal count
        while time.perf_counter() < started + seconds:
            count += 1
            assert await journal.append(envelope(base + count))

    await asyncio.gather(*(emitter() for _ in range(waiting)))
    return count / (time.perf_counter() - started)


async def offered(journal: SqliteJournal, seconds: float, rate: int = OFFERED) -> list[float]:
    """Milliseconds of each append, from when it was due, when *rate* events per second are offered, evenly."""
    times: list[float] = []
    base, begun = time.time_ns(), time.perf_counter()

    async def one(number: int) -> None:
        await journal.append(envelope(base + number))
        times.append((time.perf_counter() - begun - number / rate) * 1000)

    async with asyncio.TaskGroup() as tasks:
        for number in range(int(rate * seconds)):
            ahead = begun + number / rate - time.perf_counter()
            if ahead > 0:
                await asyncio.sleep(ahead)
            tasks.create_task(one(number))
    return times


async def drained(journal: SqliteJournal, count: int) -> tuple[int, float]:
    """From lease to ack, in batches of 100: how many events, and their seconds. Fewer than *count*: nothing was left."""
    done, started = 0, time.perf_counter()
    while done < count:
        deliveries = await journal.lease(100, wait=0.0, room=lambda _: 100)
        if not deliveries:
            break
        await asyncio.gather(*(journal.ack(delivery) for delivery in deliveries))
        done += len(deliveries)
    return done, time.perf_counter() - started


async def _measured(directory: Path, *, brief: bool) -> list[Row]:
    seconds, runs = (1.0, 3) if brief else (3.0, 7)
    database = await Database.open(directory / "journal.db")
    journal = await SqliteJournal.open(database, SystemClock())
    await grouped(journal, 0.5)
    rates, limits, drains, tails = [], [], [], []
    for _ in range(runs):
        rates.append(await grouped(journal, seconds))
        limits.append(await asyncio.to_thread(commits_once, directory, seconds / 2))
        tails.append(quantile(await offered(journal, seconds), 0.99))
        count, took = await drained(journal, int(5000 * seconds))
        drains.append(count / took)
    await journal.close()
    await database.close()
    limit = statistics.median(limits)
    return [_emit_row(statistics.median(rates), limit, statistics.median(tails)), _drain_row(statistics.median(drains), limit)]


def _emit_row(rate: float, limit: float, tail: float) -> Row:
    return Row(
        "durable emit inside the daemon",
        f"{rate:,.0f}/s with {WAITING} waiting; p99 {tail:.1f} ms at {OFFERED:,}/s offered",
        f"one commit per event {limit:,.0f}/s: {rate / limit:.1f} × its rate",
        (Check(f"≥ 15,000/s with {WAITING} waiting", rate >= 15_000), Check(f"p99 ≤ 25 ms at {OFFERED:,}/s offered", tail <= 25)),
        "SqliteJournal.append of 400 bytes, returned when committed and synced; offered events come evenly, and an event's time runs from "
        "when it was due, so that waiting is not left out",
    )


def _drain_row(rate: float, limit: float) -> Row:
    return Row(
        "backlog worked off: lease 100, acknowledge",
        f"{rate:,.0f}/s",
        f"one commit per event {limit:,.0f}/s: {rate / limit:.1f} × its rate",
        (),
        "leased and acknowledged in batches of 100, every batch synced twice; no function runs",
    )


def rows(*, brief: bool) -> list[Row]:
    """The journal's rows, on a loop and with a switch interval like the daemon's."""
    sys.setswitchinterval(SWITCH)
    with tempfile.TemporaryDirectory() as name, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measured(Path(name), brief=brief))
