"""Hints from the kernel, and how the looks thin out after one."""

import asyncio
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.sources.feed_watch import IDLE, SOON, Notices, Watch, pace
from tests.helpers.clock import VirtualClock, settle


@given(st.floats(0, 1e6))
def test_looks_thin_out_from_soon_to_idle(since: float) -> None:
    assert SOON <= pace(since) <= IDLE
    assert pace(since) == since or pace(since) in {SOON, IDLE}


class Ear:
    """Counts what it is told."""

    def __init__(self, path: Path) -> None:
        self.heard = asyncio.Event()
        self.notices = Notices(path, self.heard.set)
        self.notices.cover()

    async def hears(self) -> bool:
        """Whether a notice has come; the kernel queues it before the call that caused it returns."""
        for _ in range(3):
            await asyncio.sleep(0)
        await asyncio.get_running_loop().run_in_executor(None, bool)
        heard = self.heard.is_set()
        self.heard.clear()
        return heard


@pytest.fixture
async def ear(tmp_path: Path) -> Iterator[Ear]:  # type: ignore[misc]
    (tmp_path / "x.db").write_bytes(b"one")
    ear = Ear(tmp_path / "x.db")
    yield ear
    ear.notices.close()


async def test_a_write_to_the_database_is_heard(ear: Ear, tmp_path: Path) -> None:
    assert not await ear.hears()
    with (tmp_path / "x.db").open("ab") as file:
        file.write(b"two")
    assert await ear.hears()
    assert not ear.notices.stale


async def test_a_wal_that_comes_later_is_heard_and_then_watched(ear: Ear, tmp_path: Path) -> None:
    wal = (tmp_path / "x.db-wal").open("ab", buffering=0)
    assert await ear.hears()
    assert ear.notices.stale
    ear.notices.cover()
    wal.write(b"frame")
    assert await ear.hears()
    wal.close()


async def test_a_journal_that_goes_is_heard(ear: Ear, tmp_path: Path) -> None:
    (tmp_path / "x.db-journal").touch()
    await ear.hears()
    (tmp_path / "x.db-journal").unlink()
    assert await ear.hears()


async def test_other_files_of_the_directory_are_not_heard(ear: Ear, tmp_path: Path) -> None:
    (tmp_path / "y.db").touch()
    (tmp_path / "x.db-shm").touch()
    (tmp_path / "y.db").rename(tmp_path / "z")
    assert not await ear.hears()


async def test_a_replaced_database_is_heard(ear: Ear, tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "new").replace(tmp_path / "x.db")
    assert await ear.hears()
    ear.notices.cover()
    (tmp_path / "x.db").write_bytes(b"newer")
    assert await ear.hears()


async def test_a_directory_that_is_not_there_yet(tmp_path: Path) -> None:
    ear = Ear(tmp_path / "later" / "x.db")
    (tmp_path / "later").mkdir()
    ear.notices.cover()
    (tmp_path / "later" / "x.db").touch()
    assert await ear.hears()
    ear.notices.close()


async def test_closing_gives_the_descriptor_back(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    notices = Notices(tmp_path / "x.db", lambda: None)
    notices.close()
    notices.close()
    assert len(os.listdir("/proc/self/fd")) == before


async def test_lookers_look_at_once_often_after_a_hint_and_every_second_for_ever(tmp_path: Path) -> None:
    clock = VirtualClock()
    watch = Watch(tmp_path / "x.db", clock)
    due = watch.looker()
    looks: list[float] = []

    async def look() -> None:
        while True:
            await due.wait()
            due.clear()
            looks.append(round(clock.monotonic() - began, 3))

    began = clock.monotonic()
    tasks = [asyncio.create_task(look()), asyncio.create_task(watch.run())]

    async def pass_by(seconds: float) -> None:
        for _ in range(int(seconds / 0.002)):
            await clock.advance(0.002)
            await settle(3)

    while not looks:
        await asyncio.get_running_loop().run_in_executor(None, bool)
    looks.clear()
    began = clock.monotonic()
    watch.stir()
    await pass_by(0.5)
    assert looks[0] == 0.0
    assert 6 <= len(looks) <= 12
    assert max(b - a for a, b in itertools.pairwise(looks)) <= 0.3
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
