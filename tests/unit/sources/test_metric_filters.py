"""Metric filters at work: what is written while they run is counted, each event once."""

import asyncio
import errno
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import structlog

from router.journal.database import Database
from router.sources import metric_counting
from router.sources.metric_filter import MetricFilter
from router.sources.metric_filters import MetricFilters
from router.telemetry import logfollow
from router.telemetry.loggroups import LogGroups
from router.telemetry.logpages import Stream
from router.telemetry.logs import LogStore
from router.telemetry.measured import Measured
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock
from tests.unit.telemetry.test_measured import shown

SAY = "/aws/lambda/say"
ERRORS = MetricFilter("errors", SAY, "ERROR", "Shop", "Errors")
NUMBERS = MetricFilter("numbers", SAY, "{ $.n = * }", "Shop", "N", "$.n", dimensions={"who": "$.who"})


class Rig:
    """Log groups, and filters that run over them."""

    def __init__(self, place: Path) -> None:
        self.place, self.clock, self.metrics = place, VirtualClock(), Metrics()

    async def open(self) -> None:
        self.database = await Database.open(self.place / "store.db")
        self.store = LogStore(self.place / "logs", self.clock)
        groups = await LogGroups.open(self.place / "logs", self.database, self.store, self.clock)
        self.filters = MetricFilters(groups, Measured(self.metrics), self.clock)
        self.said = self.store.stream("say")

    async def close(self) -> None:
        self.store.close()
        await self.database.close()

    def adopt(self, *wanted: MetricFilter) -> None:
        self.filters.adopt({one.name: one for one in wanted})

    def write(self, *messages: str) -> None:
        for message in messages:
            self.said.write(message, self.clock.now())
        self.said.flush()

    async def settle(self) -> None:
        """Until nothing waits to be looked at."""
        for _ in range(8):
            await self.clock.advance(0.25)
            await asyncio.to_thread(bool)

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        stop = asyncio.Event()
        task = asyncio.create_task(self.filters.run(stop))
        async with asyncio.timeout(30):
            await self.settle()
            await work()
            await self.settle()
            stop.set()
            while not task.done():
                await self.settle()
        await task
        assert not self.store.listeners

    @property
    def counted(self) -> dict[str, float]:
        return {
            name + "".join(f" {key}={value}" for key, value in labels): number for (name, labels), number in shown(self.metrics).items()
        }


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = Rig(tmp_path)
    await made.open()
    yield made
    await made.close()


async def test_what_is_written_is_counted_once(rig: Rig) -> None:
    rig.write("ERROR before")
    rig.adopt(ERRORS, NUMBERS)

    async def work() -> None:
        rig.write("ERROR one", "fine", '{"n": 2, "who": "ann"}')
        await rig.settle()
        rig.write("ERROR two", '{"n": 3, "who": "ann"}', '{"n": 1}')
        await rig.settle()
        rig.said = rig.store.stream("say")  # another environment
        rig.write("ERROR three")
        rig.store.stream("other").write("ERROR elsewhere", rig.clock.now())
        rig.store.flush()

    await rig.run(work)
    assert rig.counted == {"shop_errors_sum": 3, "shop_errors_count": 3, "shop_n_sum who=ann": 5, "shop_n_count who=ann": 2}


async def test_another_config_goes_on_where_the_former_was(rig: Rig) -> None:
    rig.adopt(ERRORS)

    async def work() -> None:
        rig.write("ERROR one")
        await rig.settle()
        rig.adopt(ERRORS, MetricFilter("all", SAY, "", "Shop", "Lines"))
        rig.write("ERROR two", "fine")
        await rig.settle()
        rig.adopt()
        rig.write("ERROR that nobody counts")
        await rig.settle()
        rig.adopt(ERRORS)
        await rig.settle()
        rig.write("ERROR three")

    await rig.run(work)
    assert rig.counted == {"shop_errors_sum": 3, "shop_errors_count": 3, "shop_lines_sum": 2, "shop_lines_count": 2}


async def test_what_cannot_be_read_is_counted_later_and_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.adopt(ERRORS)
    read, broken = logfollow.read, set[str]()

    def failing(stream: Stream, mark: logfollow.Mark, most: int) -> logfollow.Read:
        if stream.name in broken:
            raise OSError(errno.EIO, "Input/output error")
        return read(stream, mark, most)

    monkeypatch.setattr(logfollow, "read", failing)

    async def work() -> None:
        other = rig.store.stream("say")
        broken.add(other.name)
        rig.write("ERROR one")
        other.write("ERROR two", rig.clock.now())
        rig.store.flush()
        with structlog.testing.capture_logs() as logged:
            await rig.settle()
        assert [one["event"] for one in logged] == ["metric_filters_delayed"]
        assert "shop_errors_count" not in rig.counted
        broken.clear()
        await rig.clock.advance(5)

    await rig.run(work)
    assert rig.counted == {"shop_errors_sum": 2, "shop_errors_count": 2}


async def test_a_stop_waits_for_no_backlog(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_counting, "LOOK", 1)  # byte: a look at one line each time
    rig.adopt(ERRORS)
    stop = asyncio.Event()
    task = asyncio.create_task(rig.filters.run(stop))
    await rig.settle()
    rig.filters._measured.add = lambda *_: stop.set()  # type: ignore[method-assign]
    rig.write(*(f"ERROR {number}" for number in range(100)))
    async with asyncio.timeout(30):
        while not task.done():
            await rig.settle()
    await task
    (group,) = rig.filters._groups.values()
    assert group.waiting, "the rest was not read"


async def test_streams_that_are_gone_are_forgotten(rig: Rig) -> None:
    rig.adopt(ERRORS)

    async def work() -> None:
        rig.write("ERROR one")
        await rig.settle()
        (group,) = rig.filters._groups.values()
        assert [*group.marks] == [rig.said.name]
        rig.said.close()
        for file in (rig.place / "logs").rglob("*.jsonl"):
            file.unlink()
        await rig.clock.advance(3601)
        await rig.settle()
        assert not group.marks

    await rig.run(work)


async def test_without_filters_nothing_is_looked_at(rig: Rig) -> None:
    rig.adopt()

    async def work() -> None:
        rig.write("ERROR")

    await rig.run(work)
    assert rig.counted == {}
