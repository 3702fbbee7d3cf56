"""Ten thousand rules on a bus: what finding the one that an event matches costs beside ten rules, and what a whole put costs."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop

from bench.table import Check, Row
from router.clock import SystemClock
from router.config.types import Bus, Config, Function
from router.events.patterns import compile_pattern
from router.events.patterns_index import Index
from router.journal.database import Database
from router.journal.sqlite import SqliteJournal
from router.model import Envelope
from router.sources.base import Binding, House
from router.sources.bus import BusSource
from router.sources.bus_trigger import EventTrigger
from router.telemetry.metrics import Metrics

FEW, MANY, ALLOWED = 10, 10_000, 2.0
WAITING = 32  # callers at once
EVENT = {
    "version": "0",
    "id": "6f9c1f8e-0b5e-4a53-9b8a-0d7c4c9c2f10",
    "detail-type": "order placed",
    "source": "shop",
    "account": "123456789012",
    "time": "2026-01-01T00:00:00Z",
    "region": "us-east-1",
    "resources": [],
    "detail": {"id": "7", "total": 120.5, "state": "paid", "tags": ["new", "gift"], "address": {"city": "Berlin", "zip": "10115"}},
}


def pattern(number: int) -> dict[str, Any]:
    """A rule of its own: all have source and kind alike and ask for one order each, above a price."""
    return {"source": ["shop"], "detail-type": ["order placed"], "detail": {"id": [str(number)], "total": [{"numeric": [">", 100]}]}}


def rows(*, brief: bool) -> list[Row]:
    """Matching alone, then a put with its commit."""
    with tempfile.TemporaryDirectory() as name, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return [_matching(5 if brief else 15), runner.run(_putting(Path(name), 3 if brief else 7, 500 if brief else 3000))]


def _matching(runs: int) -> Row:
    indexes = {count: Index((number, compile_pattern(pattern(number))) for number in range(count)) for count in (FEW, MANY)}
    costs: dict[int, list[float]] = {FEW: [], MANY: []}
    wrong = [count for count, index in indexes.items() if index.find(EVENT) != [7]]
    for _ in range(runs):
        for count, index in indexes.items():
            began = time.process_time()
            for _ in range(2000):
                index.find(EVENT)
            costs[count].append((time.process_time() - began) / 2000 * 1e6)
    few, many = statistics.median(costs[FEW]), statistics.median(costs[MANY])
    return Row(
        f"{MANY:,} rules on a bus, an event that matches one: matching",
        f"{many:.1f} µs of CPU",
        f"with {FEW} rules {few:.1f} µs: {many / few:.2f} × its cost",
        (Check(f"≤ {ALLOWED:g} × that with {FEW}", many <= ALLOWED * few),),
        "the index alone, in turn with the other: an event of EventBridge's shape with six fields in its detail; every rule asks for the same source and kind, "
        "an id of its own and a price",
        broken="the event was not found by its rule" if wrong else "",
    )


class _Doors:
    """The dispatcher's doors into the journal, without its figures."""

    def __init__(self, journal: SqliteJournal) -> None:
        self.journal = journal

    async def emit_all(self, envelopes: list[Envelope], beside: Any = None) -> None:
        await self.journal.append_all(envelopes, beside)


async def _putting(directory: Path, runs: int, puts: int) -> Row:
    """Entries through a bus with its archive, and the same number of plain events into the same journal."""
    database = await Database.open(directory / "journal.db")
    journal = await SqliteJournal.open(database, SystemClock())
    config = Config(directory / "config.yaml", directory, buses={"default": Bus("default", archive=86400.0)})
    bindings = [
        Binding(Function("f", directory, "app.handler"), EventTrigger(compile_pattern(pattern(number))), number) for number in range(MANY)
    ]
    (source,) = BusSource.build(bindings, House(config, SystemClock(), database, Metrics()))
    stop = asyncio.Event()
    task = asyncio.create_task(source.run(_Doors(journal), stop))  # type: ignore[arg-type]
    while source.health():
        await asyncio.sleep(0.01)
    entry = {"Source": "shop", "DetailType": "order placed", "Detail": '{"id": "7", "total": 120.5, "state": "paid"}'}

    async def put() -> None:
        await source.put({"Entries": [entry]})

    async def plain() -> None:
        await journal.append(Envelope("f", b'{"id": "7", "total": 120.5, "state": "paid"}' * 6, "bench"))

    costs: dict[str, list[float]] = {"put": [], "plain": []}
    for _ in range(runs):
        costs["put"].append(await _each(put, puts))
        costs["plain"].append(await _each(plain, puts))
    taken = sum(sum(states.values()) for states in (await journal.counts()).values())
    stop.set()
    await task
    await journal.close()
    await database.close()
    ours, beside = statistics.median(costs["put"]), statistics.median(costs["plain"])
    return Row(
        f"an event put on a bus with {MANY:,} rules, archived and queued for the one that matches",
        f"{ours:.0f} µs of CPU",
        f"an event appended to the same journal {beside:.0f} µs",
        (),
        f"PutEvents with one entry, {WAITING} callers at once: judged, matched, archived and queued in one transaction, synced when the call returns",
        broken="" if taken == 2 * runs * puts else f"{taken} of {2 * runs * puts} events are in the journal",
    )


async def _each(call: Callable[[], Awaitable[None]], times: int) -> float:
    """µs of CPU of one call."""

    async def caller() -> None:
        for _ in range(times // WAITING):
            await call()

    began = time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(WAITING):
            group.create_task(caller())
        for _ in range(times % WAITING):
            group.create_task(_once(call))
    return (time.process_time() - began) / times * 1e6


async def _once(call: Callable[[], Awaitable[None]]) -> None:
    await call()
