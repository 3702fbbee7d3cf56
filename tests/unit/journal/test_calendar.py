"""The time that retention goes by: a leap of the wall clock is doubted, everything else followed."""

from structlog.testing import capture_logs

from router.journal.calendar import DOUBT, LEAP, Calendar
from tests.helpers.clock import VirtualClock

YEAR = 365 * 86400.0


async def test_it_is_the_wall_clock_s_time() -> None:
    clock = VirtualClock()
    calendar = Calendar(clock, "events")
    for jump in (0.0, LEAP - 1, LEAP - 1, -YEAR, -1.0):
        clock.jump(jump)
        await clock.advance(3600)
        assert calendar.now() == clock.now()


async def test_a_leap_is_believed_after_a_day_and_said_once() -> None:
    clock = VirtualClock()
    calendar, start = Calendar(clock, "events"), clock.now()
    clock.jump(YEAR)
    with capture_logs() as logs:
        for hours in range(24):
            assert abs(calendar.now() - start - 3600 * hours) < 0.001, "time goes on as it did"
            await clock.advance(3600)
        assert calendar.now() == clock.now() > start + YEAR
    assert logs == [{"event": "clock_leapt", "kind": "events", "leap_s": YEAR, "doubted_s": DOUBT, "log_level": "warning"}]


async def test_a_leap_that_is_taken_back_leaves_nothing_behind() -> None:
    clock = VirtualClock()
    calendar = Calendar(clock, "events")
    for _ in range(2):
        clock.jump(YEAR)
        assert calendar.now() < clock.now()
        clock.jump(-YEAR)
        await clock.advance(DOUBT)
        assert calendar.now() == clock.now()


async def test_a_machine_that_sleeps_every_night_is_believed_after_a_day_of_running() -> None:
    clock = VirtualClock()
    calendar = Calendar(clock, "logs")
    for _ in range(3):
        clock.jump(16 * 3600)
        calendar.now()
        await clock.advance(8 * 3600)
    assert calendar.now() == clock.now()
