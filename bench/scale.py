"""A thousand routes and functions: what a request and an event cost beside a daemon that has one."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop

from bench.client import Plan
from bench.daemon import FUNCTIONS, Running
from bench.load import Side, alternating, ask
from bench.plain import PAYLOAD
from bench.table import Check, Row
from router.clock import SystemClock
from router.config.types import Config, Function
from router.dispatch.dispatcher import Dispatcher
from router.dispatch.slots import Slots
from router.functions.registry import Functions
from router.journal.database import Database
from router.journal.sqlite import SqliteJournal
from router.model import Envelope, Outcome
from router.runtime.base import Invocation
from router.telemetry.metrics import Metrics
from router.telemetry.setup import configure
from tests.helpers.house import free_port

MANY, CONNECTIONS, SIZE, WAITING = 1000, 32, 1000, 256
ALLOWED = 1.3
CONFIG = """
version: 1
state: ./state
listen: {{http: "127.0.0.1:{port}", aws: off, console: off}}
functions:
{functions}
"""


def rows(*, brief: bool) -> list[Row]:
    """Requests through two whole daemons, events through two dispatchers."""
    seconds, runs = (1.0, 3) if brief else (3.0, 7)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        routes = _requests(directory / "routes", "1,000 routes of one function, requests over all of them", 1, seconds, runs)
        functions = _requests(directory / "functions", "1,000 functions, a route each, requests to 32 of them", MANY, seconds, runs)
        with (directory / "own.log").open("wb", buffering=0) as own, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            configure(stream=own)
            return [routes, functions, runner.run(_events(directory, seconds, runs))]


# -- requests


def _text(port: int, routes: int, functions: int) -> str:
    """A config; route n is served by function n modulo *functions*."""
    lines = []
    for number in range(functions):
        triggers = ", ".join(f'{{http: "POST /r{n}/{{id}}"}}' for n in range(number, routes, functions))
        lines.append(f"  f{number}: {{code: {FUNCTIONS}, handler: echo.handler, triggers: [{triggers}]}}")
    return CONFIG.format(port=port, functions="\n".join(lines))


def _paths(routes: int, functions: int) -> tuple[str, ...]:
    """All routes, but one for each connection when each is another function: so many environments has the other side too."""
    step = max(1, routes // CONNECTIONS) if functions > 1 else 1
    numbers = list(range(0, routes, step))
    return tuple(f"/r{number}/7" for number in (numbers[:CONNECTIONS] if functions > 1 else numbers))


def _requests(directory: Path, what: str, functions: int, seconds: float, runs: int) -> Row:
    ports = free_port(), free_port()
    for place in (directory / "many", directory / "one"):
        place.mkdir(parents=True)
    with (
        Running(directory / "many", _text(ports[0], MANY, functions)) as many,
        Running(directory / "one", _text(ports[1], 1, 1)) as one,
    ):
        many.serve()
        one.serve()
        plans = [
            Plan(f"127.0.0.1:{port}", paths, CONNECTIONS, seconds, SIZE)
            for port, paths in zip(ports, (_paths(MANY, functions), _paths(1, 1)), strict=True)
        ]
        for plan in plans:
            ask(Plan(plan.to, plan.paths, CONNECTIONS, 1.5, SIZE))
        ours, beside, _ = alternating(Side(plans[0], many.pid), Side(plans[1], one.pid), runs)
        many.stop()
        one.stop()
    ratio = ours.cpu / beside.cpu
    return Row(
        what,
        f"{ours.cpu:.0f} µs of daemon CPU a request, {ours.rate:,.0f}/s",
        f"a daemon with one route and one function {beside.cpu:.0f} µs, {beside.rate:,.0f}/s: {ratio:.2f} × its cost",
        (Check(f"≤ {ALLOWED} × that with one", ratio <= ALLOWED),),
        "two whole daemons, asked in turn: 1 kB POST, 32 connections, a variable in every route; processor time of the daemon's process",
        broken=ours.broken or beside.broken,
    )


# -- events


class Answering:
    """A pool that answers at once: what is left is the router's own work."""

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Whatever it is."""
        del invocation
        return Outcome(b"null")

    async def close(self) -> None:
        """Nothing is held."""


class House:
    """A dispatcher at work over a journal on disk."""

    def __init__(self, dispatcher: Dispatcher, metrics: Metrics, functions: int) -> None:
        self._dispatcher, self._functions = dispatcher, functions
        self._ended = metrics.counter("router_events_finished_total", "Events that reached a terminal state.", "function", "state")

    def _finished(self) -> int:
        return sum(int(self._ended.value(f"f{n}", "succeeded")) for n in range(self._functions))

    async def run(self, seconds: float) -> float:
        """Microseconds of processor time for one event from emit to its terminal state."""
        before, spent, sent = self._finished(), time.process_time(), 0
        until = time.perf_counter() + seconds

        async def emitter() -> None:
            nonlocal sent
            while time.perf_counter() < until:
                sent += 1
                await self._dispatcher.emit(Envelope(f"f{sent % self._functions}", PAYLOAD, "bench"))

        await asyncio.gather(*(emitter() for _ in range(WAITING)))
        async with asyncio.timeout(60):
            while self._finished() - before < sent:
                await asyncio.sleep(0.01)
        return (time.process_time() - spent) / sent * 1e6


@asynccontextmanager
async def _house(directory: Path, functions: int) -> AsyncIterator[House]:
    directory.mkdir()
    clock, metrics = SystemClock(), Metrics()
    known = {f"f{n}": Function(f"f{n}", directory, "app.handler") for n in range(functions)}
    config = Config(directory / "config.yaml", directory, functions=known)
    database = await Database.open(directory / "journal.db")
    journal = await SqliteJournal.open(database, clock)
    slots = Slots(known, limit=config.limits.concurrency, clock=clock)
    dispatcher = Dispatcher(journal, Answering(), Functions(config), slots, clock=clock, metrics=metrics)
    stop = asyncio.Event()
    running = asyncio.create_task(dispatcher.run(stop))
    yield House(dispatcher, metrics, functions)
    stop.set()
    await running
    await journal.close()
    await database.close()


async def _events(directory: Path, seconds: float, runs: int) -> Row:
    many, one = [], []
    async with _house(directory / "thousand", MANY) as thousand, _house(directory / "single", 1) as single:
        await thousand.run(0.5)
        await single.run(0.5)
        for _ in range(runs):
            many.append(await thousand.run(seconds))
            one.append(await single.run(seconds))
    ratio = statistics.median(a / b for a, b in zip(many, one, strict=True))
    return Row(
        "1,000 functions, events to all of them in turn",
        f"{statistics.median(many):.0f} µs of CPU an event",
        f"all to one function {statistics.median(one):.0f} µs: {ratio:.2f} × its cost",
        (Check(f"≤ {ALLOWED} × that with one", ratio <= ALLOWED),),
        "the router's own work, from emit to the recorded end of an event, over the journal on disk and a pool that answers at once; "
        "processor time of the process and its store's thread",
        why="A lease asks the store function by function for what is due.",
    )
