"""A source that fails costs itself a pause and nobody else anything."""

import asyncio
import random
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from router.dispatch.supervisor import PAUSE_LIMIT, Supervisor, pause
from router.errors import SourceError
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock, settle
from tests.helpers.outlet import MemoryOutlet


class Failing:
    """Fails as often as it is told, then runs until it is stopped."""

    name = "test"

    def __init__(self, *failures: Exception) -> None:
        self.failures, self.runs, self.trouble = list(failures), 0, ""

    async def run(self, outlet: Any, stop: asyncio.Event) -> None:
        self.runs += 1
        if self.failures:
            raise self.failures.pop(0)
        await stop.wait()

    def health(self) -> str:
        return self.trouble


async def test_it_is_started_again_until_it_runs() -> None:
    clock, source, stop = VirtualClock(), Failing(SourceError("unmounted"), RuntimeError("bug"), SourceError("x")), asyncio.Event()
    metrics = Metrics()
    subject = Supervisor(source, clock=clock, metrics=metrics, chance=random.Random(1))  # type: ignore[arg-type]
    task = asyncio.create_task(subject.run(MemoryOutlet(), stop))
    await settle()
    assert subject.health() == "unmounted"
    await clock.advance(30)
    assert source.runs == 4
    assert subject.health() == ""
    source.trouble = "the bucket is away"
    assert subject.health() == "the bucket is away"
    assert 'router_source_restarts_total{source="test"} 3' in metrics.exposition()
    stop.set()
    await clock.advance(1)
    await task


async def test_one_that_has_run_for_long_is_started_again_at_once() -> None:
    """However often it failed before."""
    clock, stop, starts = VirtualClock(), asyncio.Event(), list[float]()

    class Lasting(Failing):
        async def run(self, outlet: Any, stop: asyncio.Event) -> None:
            starts.append(clock.monotonic())
            await clock.sleep(61 if len(starts) == 8 else 0)
            raise SourceError("gone")

    source = Lasting()
    subject = Supervisor(source, clock=clock, metrics=Metrics(), chance=random.Random(1))  # type: ignore[arg-type]
    task = asyncio.create_task(subject.run(MemoryOutlet(), stop))
    while len(starts) < 9:
        await clock.advance(0.25)
    pauses = [after - before for before, after in pairwise(starts)]
    assert pauses[6] >= PAUSE_LIMIT / 2
    assert 61 <= pauses[7] <= 62
    stop.set()
    await clock.advance(1)
    await task


@given(failures=st.integers(1, 10_000), draw=st.floats(0, 0.999999))
def test_pauses_grow_and_stay_bounded(failures: int, draw: float) -> None:
    assert 0.25 <= pause(failures, draw) <= PAUSE_LIMIT
