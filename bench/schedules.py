"""Ten thousand schedules, and a thousand of them due in one second."""

import asyncio
import tempfile
import time
from pathlib import Path

import uvloop

from bench.table import Row, quantile
from router.clock import SystemClock
from router.config.types import Config, Function
from router.events.schedule import parse
from router.journal.database import Database
from router.journal.sqlite import SqliteJournal
from router.model import Envelope
from router.sources.base import Binding, House
from router.sources.schedule import ScheduleSource, ScheduleTrigger
from router.telemetry.metrics import Metrics

IDLE = "cron(0 0 1 1 ? 2199)"


class Emitting:
    """An outlet over a real journal that notes how late each tick became durable."""

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal
        self.late: list[float] = []

    async def emit(self, envelope: Envelope) -> None:
        """Append, then note."""
        await self._journal.append(envelope)
        self.late.append(time.time() - int(envelope.sequencer))

    async def invoke(self, envelope: Envelope) -> None:
        """Schedules never do."""
        raise AssertionError(envelope)


async def _rows(directory: Path) -> list[Row]:
    function, clock = Function("f", directory, "app.handler"), SystemClock()
    config = Config(directory / "config.yaml", directory, functions={"f": function})
    database = await Database.open(directory / "journal.db")
    outlet = Emitting(await SqliteJournal.open(database, clock))
    due = int(clock.now()) + 6
    at = time.strftime("at(%Y-%m-%dT%H:%M:%S)", time.gmtime(due))
    started = time.perf_counter()
    texts = [at if number < 1000 else IDLE for number in range(10_000)]
    bindings = [Binding(function, ScheduleTrigger(text, parse(text), name=f"s{n}"), n) for n, text in enumerate(texts)]
    (source,) = ScheduleSource.build(bindings, House(config, clock, database, Metrics()))
    stop = asyncio.Event()
    running = asyncio.create_task(source.run(outlet, stop))  # type: ignore[arg-type]
    while source.health() or not all(row["next"] for row in source.rows()[:1]):
        await asyncio.sleep(0.01)
    loaded = time.perf_counter() - started
    while len(outlet.late) < 1000 and clock.now() < due + 20:
        await asyncio.sleep(0.1)
    stop.set()
    await running
    await database.close()
    late = quantile(outlet.late, 0.99) * 1000 if outlet.late else float("inf")
    return [
        Row("10,000 schedules loaded", f"{loaded:.2f} s", "", "≤ 2 s", loaded <= 2),
        Row(
            f"{len(outlet.late):,} schedules due in one second",
            f"p99 {late:.0f} ms late, durable",
            "",
            "p99 ≤ 100 ms",
            late <= 100 and len(outlet.late) == 1000,
        ),
    ]


def rows(*, brief: bool) -> list[Row]:  # noqa: ARG001 - it is brief as it is
    """The rows of schedules."""
    with tempfile.TemporaryDirectory() as name, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_rows(Path(name)))
