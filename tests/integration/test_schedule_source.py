"""Schedules on a real store, a real clock and APScheduler: the only ticks worth waiting for are at(), to the second."""

import asyncio
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from router.clock import SystemClock
from router.config.types import Config, Function
from router.events.schedule import parse
from router.journal.database import Database
from router.sources.base import Binding, House
from router.sources.schedule import ScheduleSource
from router.sources.schedule_trigger import ScheduleTrigger
from router.telemetry.metrics import Metrics
from tests.helpers.outlet import MemoryOutlet


def source(database: Database, *expressions: str, missed: str = "once") -> ScheduleSource:
    triggers = [ScheduleTrigger(text, parse(text), missed=missed) for text in expressions]  # type: ignore[arg-type]
    bindings = [Binding(Function("f", Path(), "app.handler"), trigger, index) for index, trigger in enumerate(triggers)]
    return ScheduleSource.build(bindings, House(Config(Path("config.yaml"), Path()), SystemClock(), database, Metrics()))[0]


def at(seconds: int) -> str:
    return f"at({datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S})"


async def test_ticks_run_at_their_second_and_are_settled(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "store.db")
    outlet, stop, second = MemoryOutlet(), asyncio.Event(), int(time.time()) + 2
    outlet.store = database
    running = source(database, at(second), at(second + 1), "cron(0 0 31 2 ? *)")
    task = asyncio.create_task(running.run(outlet, stop))
    await outlet.until(lambda found: len(found.emitted) == 1)
    assert 0 <= time.time() - second < 1
    await outlet.until(lambda found: len(found.emitted) == 2)
    stop.set()
    await task
    assert [envelope.sequencer for envelope in outlet.emitted] == [str(second), str(second + 1)]
    assert await database.read("SELECT * FROM ticks") == []
    assert [(name, last) for name, last in await database.read("SELECT name, last FROM schedules ORDER BY name")] == [
        ("f-0", second),
        ("f-1", second + 1),
        ("f-2", None),
    ]
    await database.close()


async def test_the_store_remembers_over_a_reopening(tmp_path: Path) -> None:
    """Down across an at(): the policy decides, on the cursor of the file."""
    for missed, expected in (("once", 1), ("skip", 0)):
        database = await Database.open(tmp_path / f"{missed}.db")
        past, stop = int(time.time()) - 600, asyncio.Event()
        expressions = (at(past), "rate(1 hour)")
        stop.set()
        await source(database, *expressions, missed=missed).run(MemoryOutlet(), stop)
        await database.write("UPDATE schedules SET until = ?", past - 60)  # as if it had stopped before
        await database.close()
        database = await Database.open(tmp_path / f"{missed}.db")
        outlet, stop = MemoryOutlet(), asyncio.Event()
        outlet.store = database
        task = asyncio.create_task(source(database, *expressions, missed=missed).run(outlet, stop))
        if expected:
            await outlet.until(lambda found: bool(found.emitted))
        else:
            while not await database.read("SELECT * FROM schedules WHERE missed = 1"):
                await asyncio.sleep(0.01)
        stop.set()
        await task
        assert [envelope.sequencer for envelope in outlet.emitted] == [str(past)] * expected
        await database.close()


def test_importing_the_source_does_not_import_its_timer() -> None:
    code = "import sys, router.sources.schedule; sys.exit('apscheduler' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
