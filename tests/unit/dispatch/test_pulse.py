"""How late the loop comes round."""

import asyncio

from structlog.testing import capture_logs

from router.dispatch.pulse import Pulse
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock


class Busy(VirtualClock):
    """A clock on which waits take longer than asked for; the last one is ended by the stop."""

    def __init__(self, *late: float) -> None:
        super().__init__()
        self.late = list(late)
        self.past = 0.0

    def monotonic(self) -> float:
        return self.past

    async def wait(self, stop: asyncio.Event, timeout: float) -> bool:
        self.past += (timeout + self.late.pop(0)) if self.late else timeout / 2
        if not self.late:
            stop.set()
        return stop.is_set()


async def test_a_loop_that_was_blocked_is_told_and_one_that_is_busy_is_measured() -> None:
    metrics = Metrics()
    with capture_logs() as said:
        await Pulse(Busy(0.0, 0.3, 5.0), metrics).run(asyncio.Event())
    assert [(line["event"], line["late_s"]) for line in said] == [("loop_blocked", 5.0)]
    told = metrics.exposition()
    assert "router_loop_lag_seconds_count 3\n" in told
    assert 'router_loop_lag_seconds_bucket{le="0.25"} 1\n' in told


async def test_a_stop_is_no_lateness() -> None:
    metrics = Metrics()
    await Pulse(Busy(), metrics).run(asyncio.Event())
    assert "_count" not in metrics.exposition()
