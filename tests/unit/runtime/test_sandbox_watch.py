"""What is looked at, and that one that cannot be is no reason to look at none."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from router.runtime import sandbox_watch
from router.runtime.sandbox_watch import Look, Watched, measured, stored, watch


class One:
    """Remembers what it was told."""

    def __init__(self, *looks: Look, wrong: bool = False) -> None:
        self._looks, self._wrong = looks, wrong
        self.told: list[object] = []

    @property
    def run(self) -> float:
        return 1.0

    def watched(self) -> tuple[Watched, ...]:
        return (self,)

    def look(self, *, storage: bool) -> Look | None:
        if self._wrong:
            raise RuntimeError("no")
        return next((look for look in self._looks if bool(look.directory) is storage), None)

    def exceeded(self, processes: tuple[int, ...]) -> None:
        self.told.append(processes)

    def overfull(self) -> None:
        self.told.append("overfull")


def always() -> asyncio.Event:
    """Something runs."""
    busy = asyncio.Event()
    busy.set()
    return busy


@pytest.fixture
async def watched(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., None]]:
    monkeypatch.setattr(sandbox_watch, "EVERY", 0.0)
    tasks: list[asyncio.Task[None]] = []

    def start(*running: One) -> None:
        tasks.append(asyncio.create_task(watch(lambda: [(one, one.run) for one in running], always(), lambda: None)))

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0)


async def test_one_that_cannot_be_looked_at_hides_no_other(
    watched: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured_but(look: Look) -> tuple[int, ...]:
        if look.limit == 7:
            raise ValueError("nonsense in /proc")
        return measured(look)

    monkeypatch.setattr(sandbox_watch, "measured", measured_but)
    (tmp_path / "file").write_bytes(b"x" * 10_000)
    ours = (os.getpid(),)
    large = One(Look(ours, 1), Look(ours, 10, str(tmp_path)))
    small = One(Look(ours, 1 << 60), Look(ours, 1 << 60, str(tmp_path)))
    watched(One(wrong=True), One(Look(ours, 7)), small, large)
    await until(lambda: {ours, "overfull"} <= {*large.told})
    assert small.told == []


async def test_what_has_ended_meanwhile_is_not_told(watched: Callable[..., None]) -> None:
    class Changing(One):
        """Another process at each look."""

        def look(self, *, storage: bool) -> Look | None:
            self.told.append("asked")
            return None if storage else Look((os.getpid(), -len(self.told)), 1)

    one = Changing()
    watched(one)
    await until(lambda: len(one.told) > 10)
    assert {*one.told} == {"asked"}


async def test_the_memory_of_what_ends_soon_is_looked_at_now_and_then(
    watched: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look is a dozen system calls beside a busy loop: what lasts gets ten for one of what is another run each time."""

    class Brief(One):
        """Another run at every look."""

        @property
        def run(self) -> float:
            return next(runs)

    looks: list[Look] = []
    monkeypatch.setattr(sandbox_watch, "measured", lambda look: looks.append(look) or ())
    runs = itertools.count(1.0)
    brief, lasting = Look((1,), 1), Look((2,), 1)
    watched(Brief(brief), One(lasting))
    await until(lambda: looks.count(brief) == 3)
    assert 27 <= looks.count(lasting) <= 30


def test_forks_are_measured_each_by_itself() -> None:
    """This process in the place of a template."""
    reading, writing = os.pipe()
    forks = [fork for _ in range(2) if (fork := os.fork()) or _wait(reading)]
    os.close(reading)
    try:
        assert set(measured(Look((os.getpid(),), 1, forks=True))) >= set(forks)
        assert measured(Look((os.getpid(),), 1 << 60, forks=True)) == ()
    finally:
        os.close(writing)
        for fork in forks:
            os.kill(fork, 9)
            os.waitpid(fork, 0)


def _wait(reading: int) -> bool:
    os.read(reading, 1)
    os._exit(0)


def test_what_lies_in_a_directory(tmp_path: Path) -> None:
    assert stored(str(tmp_path / "none")) == 0
    (tmp_path / "in").mkdir()
    before = stored(str(tmp_path))
    (tmp_path / "in/file").write_bytes(b"x" * 100_000)
    assert stored(str(tmp_path)) - before >= 100_000
