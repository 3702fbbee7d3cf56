"""Signs of life, an eye on the store's file, old logs away: on virtual time, without systemd or a disk."""

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from router.dispatch.housekeeping import LOGS, LOOK, Housekeeping
from router.errors import JournalError
from router.journal import files
from tests.helpers.clock import VirtualClock, settle


class Store:
    """Answers as it is told."""

    def __init__(self) -> None:
        self.fault: JournalError | None = None
        self.pings = self.checks = 0

    async def ping(self) -> None:
        self.pings += 1
        await self._answer()

    async def check(self) -> None:
        self.checks += 1
        await self._answer()

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if self.fault:
            raise self.fault


class Manager:
    """A service manager with a watchdog, or without."""

    def __init__(self, watchdog: float) -> None:
        self.watchdog, self.told = watchdog, list[str]()

    def notify(self, *assignments: str) -> bool:
        self.told += assignments
        return True


class Logs:
    """Remembers what was to be expired."""

    def __init__(self) -> None:
        self.before: list[float] = []
        self.now: list[float] = []

    async def expire(self, before: float, *, now: float) -> int:
        self.before.append(before)
        self.now.append(now)
        return 3


class Bench:
    """Housekeeping with everything it looks after."""

    def __init__(self, watchdog: float = 10.0, retention: float = 86400.0) -> None:
        self.clock, self.store, self.manager, self.logs = VirtualClock(), Store(), Manager(watchdog), Logs()
        self.subject = Housekeeping(self.store, self.logs, self.manager, clock=self.clock, retention=retention)  # type: ignore[arg-type]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[list[Any]]:
        stop = asyncio.Event()
        with capture_logs() as said:
            task = asyncio.create_task(self.subject.run(stop))
            await settle()
            yield said
            stop.set()
            await settle()
            await asyncio.wait_for(task, 1)  # a stop is heard at once


async def test_the_watchdog_is_fed_as_often_as_it_asks() -> None:
    bench = Bench(watchdog=10)
    async with bench.running():
        assert bench.manager.told == ["WATCHDOG=1"]
        await bench.clock.advance(29)
        assert bench.manager.told == ["WATCHDOG=1"] * 3
        assert bench.store.pings == 3, "each sign of life stands on a synced write"


async def test_a_store_that_writes_nothing_leaves_the_watchdog_unfed() -> None:
    bench = Bench(watchdog=10)
    bench.store.fault = JournalError("no space left")
    async with bench.running() as said:
        await bench.clock.advance(25)
        assert bench.manager.told == []
        assert [line["event"] for line in said].count("watchdog_unfed") == 3
        bench.store.fault = None
        await bench.clock.advance(10)
        assert bench.manager.told == ["WATCHDOG=1"]


async def test_a_full_disk_is_no_reason_to_be_restarted(tmp_path: Path) -> None:
    """Outcomes that cannot be recorded wait in memory: a restart would run their events again, and free nothing."""
    bench = Bench(watchdog=10)
    bench.store.fault = files.explain(OSError(errno.ENOSPC, "full"), tmp_path)
    async with bench.running() as said:
        await bench.clock.advance(25)
        assert bench.manager.told == ["WATCHDOG=1"] * 3
        bench.store.fault = None
        await bench.clock.advance(10)
        bench.store.fault = files.explain(OSError(errno.EDQUOT, "quota"), tmp_path)
        await bench.clock.advance(20)
        assert bench.manager.told == ["WATCHDOG=1"] * 6
        full = [line for line in said if line["event"] == "store_full"]
        assert [line["log_level"] for line in full] == ["error", "error"], "once, each time"
        bench.store.fault = files.explain(OSError(errno.EIO, "broken"), tmp_path)
        await bench.clock.advance(20)
        assert bench.manager.told == ["WATCHDOG=1"] * 6


async def test_a_store_that_never_answers_leaves_the_watchdog_unfed() -> None:
    bench = Bench(watchdog=10)
    asked = asyncio.Event()

    async def never() -> None:
        asked.set()
        await asyncio.Event().wait()

    bench.store.ping = never  # type: ignore[method-assign]
    stop = asyncio.Event()
    task = asyncio.create_task(bench.subject.run(stop))
    await asked.wait()
    await bench.clock.advance(60)
    assert bench.manager.told == []
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_without_a_watchdog_nothing_is_written() -> None:
    bench = Bench(watchdog=0)
    async with bench.running():
        await bench.clock.advance(60)
    assert (bench.store.pings, bench.manager.told) == (0, [])


async def test_a_lost_store_is_noticed_within_five_seconds_and_said_once() -> None:
    bench = Bench()
    async with bench.running() as said:
        await bench.clock.advance(10)
        bench.store.fault = JournalError("journal.db is gone")
        await bench.clock.advance(5)
        lost = [line for line in said if line["event"] == "store_lost"]
        assert [(line["error"], line["log_level"]) for line in lost] == [("journal.db is gone", "error")]
        await bench.clock.advance(60)
        assert [line["event"] for line in said].count("store_lost") == 1
        bench.store.fault = None
        await bench.clock.advance(LOOK)
        bench.store.fault = JournalError("journal.db was replaced")
        await bench.clock.advance(5)
        assert [line["error"] for line in said if line["event"] == "store_lost"][1:] == ["journal.db was replaced"]


async def test_logs_go_when_their_time_is_over() -> None:
    bench = Bench(retention=3600)
    async with bench.running() as said:
        await bench.clock.advance(2 * LOGS + 1)
    start = 1_790_000_000.0
    assert bench.logs.before == [start - 3600, start - 3600 + LOGS, start - 3600 + 2 * LOGS]
    assert [line["files"] for line in said if line["event"] == "logs_expired"] == [3, 3, 3]


async def test_a_clock_that_leaps_ahead_removes_no_logs() -> None:
    bench = Bench(retention=3600)
    async with bench.running():
        bench.clock.jump(10 * 365 * 86400.0)
        await bench.clock.advance(LOGS + 1)
    start = 1_790_000_000.0
    assert [round(before) for before in bench.logs.before] == [start - 3600, start - 3600 + LOGS]
    assert [round(now) for now in bench.logs.now] == [start, start + LOGS]
