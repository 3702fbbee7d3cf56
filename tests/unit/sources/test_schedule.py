"""Ticks as rows before they are events: restarts, failing doors, missed runs, a clock that jumps. Time is virtual throughout."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import apsw
import pytest

from router.config.types import Config, Function
from router.errors import ConfigError, InvalidParameter, JournalError, ShuttingDown, SourceError
from router.events.schedule import parse
from router.journal.base import Beside
from router.model import Envelope
from router.sources import schedule as module
from router.sources.base import Binding, House
from router.sources.schedule import ScheduleSource
from router.sources.schedule_trigger import ScheduleTrigger
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock, settle
from tests.helpers.outlet import MemoryOutlet

T = 1_790_000_040  # a whole minute
HOUR, DAY = 3600, 86400
Result = TypeVar("Result")


class InstantDatabase:
    """A store whose units run at once, in memory; it can be told to fail."""

    def __init__(self) -> None:
        self.connection = apsw.Connection(":memory:")
        self.fail = 0  # how many of the next units fail, as with a full disk
        self.units = 0
        self._migrated: set[str] = set()

    async def migrate(self, component: str, steps: Sequence[str]) -> None:
        if component not in self._migrated:
            for step in steps:
                self.connection.execute(step).fetchall()
        self._migrated.add(component)

    async def transact(self, unit: Callable[[apsw.Connection], Result], *, patient: bool = False) -> Result:
        await asyncio.sleep(0)
        self.units += 1
        if self.fail:
            self.fail -= 1
            raise JournalError("disk full")
        with self.connection:
            return unit(self.connection)

    def rows(self, query: str) -> list[Any]:
        return self.connection.execute(query).fetchall()


def trigger(text: str, **keys: Any) -> ScheduleTrigger:
    return ScheduleTrigger(text, parse(text), **keys)


class Bench:
    """A store and a clock that outlive the sources run on them."""

    def __init__(self, now: float = T) -> None:
        self.clock, self.database, self.metrics = VirtualClock(now), InstantDatabase(), Metrics()
        self.outlet: Any = MemoryOutlet()
        self.outlet.store = self.database

    def source(self, triggers: Mapping[str, ScheduleTrigger]) -> ScheduleSource:
        """A source with one function a schedule; named by the function unless the trigger says otherwise."""
        bindings = [Binding(Function(name, Path(), "app.handler"), each, 0) for name, each in triggers.items()]
        house = House(Config(Path("config.yaml"), Path()), self.clock, self.database, self.metrics)  # type: ignore[arg-type]
        return ScheduleSource.build(bindings, house)[0]

    @asynccontextmanager
    async def running(self, **triggers: ScheduleTrigger) -> AsyncIterator[ScheduleSource]:
        """The source while it runs; stopped softly at the end."""
        source, stop = self.source(triggers), asyncio.Event()
        task = asyncio.create_task(source.run(self.outlet, stop))
        await settle()
        try:
            yield source
        finally:
            stop.set()
            await task

    def times(self, name: str = "f-0") -> list[int]:
        """Scheduled times of what was emitted, in order of the emits."""
        return [int(e.sequencer) for e in self.outlet.emitted if e.source == f"schedule:{name}"]

    def pending(self) -> list[Any]:
        return self.database.rows("SELECT schedule, at FROM ticks ORDER BY at")


async def test_ticks_come_at_their_times_and_leave_no_row_behind() -> None:
    bench = Bench()
    async with bench.running(f=trigger("cron(0/5 * * * ? *)"), g=trigger("rate(7 minutes)")):
        await bench.clock.advance(HOUR)
    first = T - T % 300 + 300
    assert bench.times() == list(range(first, T + HOUR + 1, 300))
    assert bench.times("g-0") == list(range(T + 420, T + HOUR + 1, 420))
    assert bench.pending() == []
    assert bench.database.rows("SELECT name, last FROM schedules ORDER BY name") == [
        ("f-0", bench.times()[-1]),
        ("g-0", bench.times("g-0")[-1]),
    ]
    assert f'router_schedule_ticks_total{{function="f"}} {len(bench.times())}' in bench.metrics.exposition()


async def test_a_new_rate_of_scheduler_ticks_at_once_and_no_more_than_that() -> None:
    bench, hourly = Bench(), trigger("rate(1 hour)", own=True)
    async with bench.running(f=hourly, rule=trigger("rate(1 hour)"), later=trigger("rate(1 hour)", own=True, start=T + 60)):
        await bench.clock.advance(1)
        assert (bench.times(), bench.times("rule-0"), bench.times("later-0")) == ([T], [], [])
        await bench.clock.advance(99)
        assert bench.times("later-0") == [T + 60]
    async with bench.running(f=hourly, more=hourly):
        await bench.clock.advance(HOUR)
        assert bench.times() == [T, T + HOUR]
        assert bench.times("more-0") == [T + 100, T + 100 + HOUR]
    changed = bench.clock.now()
    async with bench.running(f=trigger("rate(2 hours)", own=True)):
        await bench.clock.advance(2 * HOUR)
    assert bench.times() == [T, T + HOUR, changed + 2 * HOUR]


async def test_a_schedule_is_not_over_before_its_last_tick_is_on_record() -> None:
    """Who takes out schedules that are over asks at any moment, also while the store writes: the tick would be forgotten with its schedule."""
    bench, seen = Bench(), []
    once = trigger("rate(1 hour)", own=True, start=T + 60, end=T + 60, window=600, delete=True)
    async with bench.running(f=once) as source:
        transact = bench.database.transact

        async def watched(unit: Any, **keys: Any) -> Any:
            seen.append(source.gone())
            return await transact(unit, **keys)

        bench.database.transact = watched  # type: ignore[method-assign]
        await bench.clock.advance(90)
        assert (seen, source.gone(), bench.pending()) == ([set()], set(), [("f-0", T + 60)])
        await bench.clock.advance(600)
        assert (bench.times(), source.gone()) == ([T + 60], {"f-0"})


async def test_a_first_tick_at_once_comes_after_a_crash_too() -> None:
    bench, hourly = Bench(), trigger("rate(1 hour)", own=True)
    bench.outlet.refuse = 1
    with pytest.raises(SourceError):
        async with bench.running(f=hourly):
            await bench.clock.advance(1)
    await bench.clock.advance(600)
    async with bench.running(f=hourly):
        await bench.clock.advance(1)
    assert bench.times() == [T]


async def test_a_tick_is_on_record_until_its_event_is_durable() -> None:
    bench, seen = Bench(), []

    class Outlet:
        async def emit_all(self, envelopes: Sequence[Envelope], beside: Beside) -> None:
            await settle(5)
            seen.append((envelopes[0].sequencer, bench.pending()))
            await bench.database.transact(beside)

    bench.outlet = Outlet()
    async with bench.running(f=trigger("rate(1 minute)")):
        await bench.clock.advance(120)
    assert seen == [(str(T + 60), [("f-0", T + 60)]), (str(T + 120), [("f-0", T + 120)])]


async def test_a_rules_event_has_the_planned_time_and_a_new_id() -> None:
    bench = Bench()
    async with bench.running(f=trigger("rate(1 minute)", name="beat")):
        await bench.clock.advance(120)
    one, two = bench.outlet.events()
    assert one["time"] == "2026-09-21T14:15:00Z"
    assert one["resources"] == ["arn:aws:events:us-east-1:123456789012:rule/beat"]
    assert (one["source"], one["detail"]) == ("aws.events", {})
    assert one["id"] != two["id"]
    assert {e.function for e in bench.outlet.emitted} == {"f"}
    assert len({e.request_id for e in bench.outlet.emitted}) == 2


async def test_a_zone_or_at_makes_it_the_schedulers_event() -> None:
    bench = Bench()
    async with bench.running(
        zoned=trigger("rate(1 minute)", timezone="Europe/Berlin"),
        once=trigger("at(2026-09-21T14:15:00)"),
        told=trigger("rate(1 minute)", timezone="UTC", input='{"at":"<aws.scheduler.scheduled-time>"}'),
        verbatim=trigger("rate(1 minute)", input='["<aws.scheduler.scheduled-time>"]'),
    ):
        await bench.clock.advance(60)
    events = {e.function: json.loads(e.payload) for e in bench.outlet.emitted}
    assert (events["zoned"]["source"], events["zoned"]["detail"]) == ("aws.scheduler", "{}")
    assert events["once"]["resources"] == ["arn:aws:scheduler:us-east-1:123456789012:schedule/default/once-0"]
    assert events["told"] == {"at": "2026-09-21T14:15:00Z"}
    assert events["verbatim"] == ["<aws.scheduler.scheduled-time>"]


# -- EventBridge Scheduler's own: windows, bounds, completion


async def test_in_a_flexible_window_each_tick_runs_once_at_a_moment_of_its_own() -> None:
    bench, moments = Bench(), {}
    async with bench.running(f=trigger("rate(10 minutes)", window=1800)) as source:
        for _ in range(4 * 60):
            await bench.clock.advance(60)
            moments.update({at: bench.clock.now() for at in bench.times() if at not in moments})
        assert [row[1] for row in bench.pending()] == sorted(tick for _, tick in (one[1] for one in source._later))
    due = [T + n * 600 for n in range(1, 24)]
    done = [at for at in due if at + 1800 < T + 4 * HOUR]
    assert set(done) <= set(moments)
    assert len(bench.times()) == len(set(bench.times()))
    assert all(0 <= moments[at] - at <= 1860 for at in done)
    assert len({moments[at] - at for at in done}) > 5, "they are spread"
    assert {event["time"][-3:] for event in bench.outlet.events()} == {"00Z"}, "the event tells the planned time"


async def test_a_restart_within_a_window_runs_what_waits_there_at_its_moment() -> None:
    bench = Bench()
    flexible = trigger("at(2026-09-21T14:20:00)", window=3600)
    async with bench.running(f=flexible) as source:
        due = source._schedules["f-0"].due(1_790_000_400)
        await bench.clock.advance(1_790_000_400 + 1 - bench.clock.now())
        assert bench.times() == []
    assert due > 1_790_000_400 + 60
    async with bench.running(f=flexible):
        await bench.clock.advance(due - 1 - bench.clock.now())
        assert bench.times() == []
        await bench.clock.advance(2)
        assert bench.times() == [1_790_000_400]
    assert bench.pending() == []


async def test_between_start_and_end_it_ticks_and_is_finished_then() -> None:
    bench = Bench()
    async with bench.running(f=trigger("rate(1 minute)", start=T + 90, end=T + 210)) as source:
        await bench.clock.advance(HOUR)
        assert bench.times() == [T + 90, T + 150, T + 210]
        assert [row["state"] for row in source.rows()] == ["finished"]


async def test_what_is_deleted_after_completion_is_gone_and_stays_gone() -> None:
    bench = Bench()
    once = trigger("at(2026-09-21T14:20:00)", delete=True)
    for _ in range(2):
        async with bench.running(once=once, kept=trigger("rate(1 hour)")) as source:
            if not bench.times("once-0"):
                assert len(source.rows()) == 2
            await bench.clock.advance(600)
            assert bench.times("once-0") == [1_790_000_400]
            assert [row["name"] for row in source.rows()] == ["kept-0"]
            with pytest.raises(InvalidParameter, match="no schedule once-0"):
                await source.fire("once-0")


# -- down and up again


@pytest.mark.parametrize(
    ("missed", "expected", "dropped"),
    [("skip", [], 3), ("once", [3 * HOUR], 2), ("all", [HOUR, 2 * HOUR, 3 * HOUR], 0)],
)
async def test_what_was_missed_while_down_goes_by_the_policy(missed: Any, expected: list[int], dropped: int) -> None:
    bench, hourly = Bench(), trigger("rate(1 hour)", missed=missed)
    async with bench.running(f=hourly):
        pass
    bench.clock.jump(3 * HOUR + 300)
    async with bench.running(f=hourly) as source:
        await settle(50)
        assert bench.times() == [T + seconds for seconds in expected]
        assert source.rows()[0]["missed"] == dropped
        await bench.clock.advance(HOUR)
    assert bench.times() == [T + seconds for seconds in [*expected, 4 * HOUR]]
    assert bench.database.rows("SELECT missed FROM schedules") == [(dropped,)]
    assert (f'router_schedule_missed_total{{function="f"}} {dropped}' in bench.metrics.exposition()) == bool(dropped)


async def test_a_restart_across_a_tick_loses_nothing_under_any_policy() -> None:
    for missed in ("skip", "once", "all"):
        bench, minutely = Bench(), trigger("rate(1 minute)", missed=missed)
        async with bench.running(f=minutely):
            await bench.clock.advance(59)
        bench.clock.jump(5)
        async with bench.running(f=minutely):
            await bench.clock.advance(60)
        assert bench.times() == [T + 60, T + 120]


async def test_a_rate_keeps_its_anchor_over_restarts() -> None:
    bench, rate = Bench(), trigger("rate(10 minutes)")
    for _ in range(8):
        async with bench.running(f=rate):
            await bench.clock.advance(250)
    assert bench.times() == [T + 600, T + 1200, T + 1800]


async def test_a_new_schedule_has_missed_nothing_and_a_changed_one_starts_anew() -> None:
    bench = Bench()
    async with bench.running(f=trigger("rate(1 hour)", missed="all")):
        pass
    bench.clock.jump(5 * HOUR)
    async with bench.running(f=trigger("rate(2 hours)", missed="all"), g=trigger("cron(* * * * ? *)", missed="all")):
        assert bench.outlet.emitted == []
        await bench.clock.advance(2 * HOUR)
    assert bench.times() == [T + 7 * HOUR]


async def test_what_is_counted_begins_anew_with_the_schedule_and_the_last_run_is_the_newest() -> None:
    bench, hourly = Bench(), trigger("rate(1 hour)")
    async with bench.running(f=hourly):
        pass
    bench.clock.jump(3 * HOUR + 300)
    async with bench.running(f=hourly):
        await settle(50)
    assert bench.database.rows("SELECT last, missed FROM schedules") == [(T + 3 * HOUR, 2)]
    bench.database.connection.execute("INSERT INTO ticks VALUES ('f-0', 1)")  # an older one, left by a crash
    async with bench.running(f=trigger("rate(2 hours)")) as source:
        await settle(50)
        assert (source.rows()[0]["last"], source.rows()[0]["missed"]) == ("2026-09-21T17:14:00Z", 0)
    assert bench.database.rows("SELECT last, missed FROM schedules") == [(T + 3 * HOUR, 0)]


async def test_another_zone_is_another_schedule_and_another_input_is_not() -> None:
    bench = Bench()
    async with bench.running(f=trigger("rate(1 hour)"), g=trigger("rate(1 hour)")):
        pass
    bench.clock.jump(HOUR + 300)
    async with bench.running(f=trigger("rate(1 hour)", timezone="Europe/Berlin"), g=trigger("rate(1 hour)", input="1", missed="all")):
        await settle(50)
    assert (bench.times(), bench.times("g-0")) == ([], [T + HOUR])


async def test_a_schedule_that_was_away_has_missed_nothing() -> None:
    bench, hourly = Bench(), trigger("rate(1 hour)", missed="all")
    async with bench.running(f=hourly):
        await bench.clock.advance(HOUR)
    async with bench.running():
        assert bench.database.rows("SELECT * FROM schedules") == []
    bench.clock.jump(10 * HOUR)
    async with bench.running(f=hourly):
        await settle(50)
    assert bench.times() == [T + HOUR]


async def test_what_was_under_way_in_a_crash_is_emitted_again_with_its_sequencer() -> None:
    """Killed after the row was committed, and before the event was."""
    bench, minutely = Bench(), trigger("rate(1 minute)", missed="skip")

    class Deaf:
        async def emit_all(self, envelopes: Sequence[Envelope], beside: Beside) -> None:
            await asyncio.Event().wait()

    source, stop = bench.source({"f": minutely}), asyncio.Event()
    task = asyncio.create_task(source.run(Deaf(), stop))  # type: ignore[arg-type]
    await bench.clock.advance(180)
    assert len(bench.pending()) == 3
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    bench.clock.jump(DAY)
    async with bench.running(f=minutely):
        await settle(50)
    assert bench.times()[:3] == [T + 60, T + 120, T + 180]
    assert bench.pending() == []


async def test_ticks_of_a_schedule_that_is_gone_are_forgotten_aloud(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench()
    async with bench.running(f=trigger("rate(1 minute)")):
        pass
    bench.database.connection.execute("INSERT INTO ticks VALUES ('f-0', 1), ('gone', 2)")
    async with bench.running(f=trigger("rate(1 minute)")):
        await settle(50)
    assert bench.times() == [1]
    assert bench.pending() == []
    assert "ticks_forgotten" in capsys.readouterr().out + caplog.text


# -- doors that fail


async def test_when_the_journal_refuses_the_source_fails_and_its_restart_emits_each_tick_once() -> None:
    bench = Bench()
    triggers = {name: trigger("rate(1 minute)", missed="skip") for name in ("f", "g", "h")}
    source = bench.source(triggers)
    task = asyncio.create_task(source.run(bench.outlet, asyncio.Event()))
    await settle()
    bench.outlet.refuse = 1
    await bench.clock.advance(60)
    with pytest.raises(SourceError, match="disk full"):
        await task
    assert source.health() == "schedules are not attached"
    stop = asyncio.Event()
    task = asyncio.create_task(source.run(bench.outlet, stop))  # as the supervisor does, on the same source
    await settle(50)
    assert source.health() == ""
    stop.set()
    await task
    assert [bench.times(f"{name}-0") for name in triggers] == [[T + 60]] * 3
    assert bench.pending() == []


@pytest.mark.parametrize("healthy", range(4))
async def test_when_the_store_fails_at_any_unit_no_tick_is_lost_or_doubled(healthy: int) -> None:
    """Units: load; decide; hand over; decide."""
    bench, minutely = Bench(), trigger("rate(1 minute)", missed="all")
    async with bench.running(f=minutely):
        pass
    task = asyncio.create_task(bench.source({"f": minutely}).run(bench.outlet, asyncio.Event()))
    if not healthy:
        bench.database.fail = 1
    await settle()
    start = bench.database.units
    for _ in range(120):
        if healthy and bench.database.units - start >= healthy - 1:
            bench.database.fail = max(bench.database.fail, 1)
        await bench.clock.advance(1)
        if task.done():
            break
    with pytest.raises(SourceError, match="disk full"):
        await task
    bench.database.fail = 0
    async with bench.running(f=minutely):
        await bench.clock.advance(T + 180.5 - bench.clock.now())
    assert sorted(bench.times()) == [T + 60, T + 120, T + 180]
    assert bench.pending() == []


async def test_a_slow_emit_delays_no_other_and_is_awaited_at_the_end() -> None:
    bench = Bench()
    door, emitted = asyncio.Event(), bench.outlet.emit_all

    async def emit_all(envelopes: Sequence[Envelope], beside: Beside) -> None:
        if envelopes[0].function == "slow":
            await door.wait()
        await emitted(envelopes, beside)

    bench.outlet.emit_all = emit_all
    moment = T + HOUR + 30  # what is due together is handed over together
    at = f"at({datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%S})"
    source, stop = bench.source({"slow": trigger(at), "quick": trigger("rate(1 minute)")}), asyncio.Event()
    task = asyncio.create_task(source.run(bench.outlet, stop))
    await bench.clock.advance(HOUR + 120)
    assert len(bench.times("quick-0")) == 62
    assert bench.pending() == [("slow-0", moment)]
    stop.set()
    await bench.clock.advance(60)
    assert not task.done()
    door.set()
    await task
    assert bench.times("slow-0") == [moment]
    assert bench.pending() == []


async def test_a_thousand_at_once_share_a_few_units_of_the_store() -> None:
    bench = Bench()
    async with bench.running(**{f"f{n}": trigger("rate(1 minute)") for n in range(1000)}):
        before = bench.database.units
        await bench.clock.advance(60)
        await settle(200)
        assert len(bench.outlet.emitted) == 1000
        assert bench.database.units - before < 40
    assert bench.pending() == []


async def test_no_more_than_a_window_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNDER_WAY", 5)
    monkeypatch.setattr(module, "TOGETHER", 2)
    bench, under_way, most = Bench(), 0, 0
    emitted = bench.outlet.emit_all

    async def emit_all(envelopes: Sequence[Envelope], beside: Beside) -> None:
        nonlocal under_way, most
        assert len(envelopes) == 2
        under_way += 1
        most = max(most, under_way)
        await settle(3)
        await emitted(envelopes, beside)
        under_way -= 1

    bench.outlet.emit_all = emit_all
    async with bench.running(**{f"f{n}": trigger("rate(1 minute)") for n in range(40)}):
        await bench.clock.advance(60)
        await settle(500)
        assert len(bench.outlet.emitted) == 40
    assert most == 5


# -- the wall clock


async def test_a_jump_forward_is_seen_within_a_heartbeat_and_goes_by_the_policy() -> None:
    bench = Bench()
    async with bench.running(f=trigger("rate(1 minute)", missed="once"), g=trigger("rate(1 minute)", missed="all")):
        await bench.clock.advance(1)
        bench.clock.jump(HOUR)
        await bench.clock.advance(30)
        assert bench.times() == [T + HOUR]
        assert bench.times("g-0") == list(range(T + 60, T + HOUR + 1, 60))


async def test_a_jump_backward_fires_no_tick_twice() -> None:
    bench = Bench()
    async with bench.running(f=trigger("rate(1 minute)")):
        await bench.clock.advance(HOUR)
        bench.clock.jump(-3 * HOUR)
        await bench.clock.advance(3 * HOUR)
        assert bench.times() == list(range(T + 60, T + HOUR + 1, 60))
        assert bench.outlet.duplicates == []
        await bench.clock.advance(120)
        assert bench.times()[-2:] == [T + HOUR + 60, T + HOUR + 120]


async def test_a_step_of_the_clock_is_told_and_time_that_passes_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench()
    async with bench.running(f=trigger("rate(1 hour)")):
        await bench.clock.advance(3 * HOUR)
        assert "clock_stepped" not in capsys.readouterr().out
        bench.clock.jump(-7)
        await bench.clock.advance(30)
        assert "step_s=-7.0" in capsys.readouterr().out


async def test_time_that_a_slow_store_takes_is_no_step_of_the_clock(capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench()

    class SlowDatabase(InstantDatabase):
        async def transact(self, unit: Callable[[apsw.Connection], Result], *, patient: bool = False) -> Result:
            await bench.clock.sleep(2)
            return await super().transact(unit, patient=patient)

    bench.database = bench.outlet.store = SlowDatabase()
    async with bench.running(f=trigger("rate(1 minute)")):
        await bench.clock.advance(HOUR)
        before = capsys.readouterr().out
        bench.clock.jump(-7)
        await bench.clock.advance(30)
        after = capsys.readouterr().out
    assert "clock_stepped" not in before
    assert "step_s=-7.0" in after


async def test_a_jump_back_and_forth_is_seen_within_a_heartbeat() -> None:
    bench = Bench()
    async with bench.running(f=trigger("rate(1 hour)")):
        await bench.clock.advance(HOUR - 60)
        bench.clock.jump(-HOUR)
        await bench.clock.advance(30)
        bench.clock.jump(HOUR)
        await bench.clock.advance(30)
    assert bench.times() == [T + HOUR]


async def test_a_clock_that_was_years_ahead_silences_nothing_once_it_is_right() -> None:
    bench, hourly = Bench(now=T + 1000 * DAY), trigger("rate(1 hour)")
    async with bench.running(f=hourly):
        await bench.clock.advance(HOUR)
        bench.clock.jump(-1000 * DAY)  # while it runs
        await bench.clock.advance(3 * HOUR)
        assert len(bench.times()) == 3
    bench.clock.jump(500 * DAY)
    async with bench.running(f=hourly):
        await settle(50)
    bench.clock.jump(-500 * DAY)  # while it is down
    count = len(bench.outlet.emitted)
    async with bench.running(f=hourly):
        await bench.clock.advance(3 * HOUR)
    assert len(bench.outlet.emitted) == count + 3


async def test_on_a_clock_that_was_never_set_schedules_wait_and_then_have_missed_nothing() -> None:
    """A machine without a clock of its own starts in 1970 until the network tells it the time."""
    bench, every = Bench(now=5.0), trigger("cron(* * * * ? *)", missed="all")
    async with bench.running(f=every) as source:
        await bench.clock.advance(300)
        assert source.health() == "schedules wait until the clock is set: it shows 1970-01-01T00:05:05Z"
        with pytest.raises(ShuttingDown, match="until the clock is set"):
            await source.fire("f-0")
        bench.clock.jump(T - bench.clock.now())
        await bench.clock.advance(100)
        assert source.health() == ""
        assert bench.times() == [T + 60]
        bench.clock.jump(60 - bench.clock.now())  # and lost again while it runs
        await bench.clock.advance(3600)
        bench.clock.jump(T + 120 - bench.clock.now())
        await bench.clock.advance(60)
    assert bench.times() == [T + 60, T + 120, T + 180]


async def test_many_small_steps_back_are_one_large_one() -> None:
    bench = Bench()
    async with bench.running(f=trigger("rate(1 hour)")):
        await bench.clock.advance(5 * DAY)
        for _ in range(30):
            bench.clock.jump(-4 * HOUR)
            await bench.clock.advance(60)
        count = len(bench.outlet.emitted) + len(bench.outlet.duplicates)
        await bench.clock.advance(30 * HOUR)
        assert len(bench.outlet.emitted) + len(bench.outlet.duplicates) > count


# -- for people


async def test_run_now_is_an_event_beside_the_ticks() -> None:
    bench = Bench()
    async with bench.running(f=trigger("rate(1 hour)", name="nightly")) as source:
        await bench.clock.advance(30)
        first, second = await source.fire("nightly"), await source.fire("nightly")
        assert [e.request_id for e in bench.outlet.emitted] == [first, second]
        assert bench.outlet.events()[0]["time"] == "2026-09-21T14:14:30Z"
        with pytest.raises(InvalidParameter, match="no schedule nigtly, did you mean nightly\\?"):
            await source.fire("nigtly")
    with pytest.raises(ShuttingDown):
        await source.fire("nightly")


async def test_the_rows_say_when_each_ran_and_runs_next() -> None:
    bench = Bench()
    async with bench.running(
        f=trigger("rate(1 hour)"),
        g=trigger("cron(0 8 ? * MON-FRI *)", timezone="Europe/Berlin", name="am"),
        h=trigger("at(2020-01-01T00:00:00)"),
    ) as source:
        await bench.clock.advance(HOUR)
        rows = {row["name"]: row for row in source.rows()}
    assert list(rows) == ["am", "f-0", "h-0"]
    assert rows["f-0"] == {
        "name": "f-0",
        "function": "f",
        "expression": "rate(1 hour)",
        "timezone": "UTC",
        "next": "2026-09-21T16:14:00Z",
        "last": "2026-09-21T15:14:00Z",
        "missed": 0,
        "state": "enabled",
    }
    assert (rows["am"]["timezone"], rows["am"]["next"], rows["am"]["last"]) == ("Europe/Berlin", "2026-09-22T06:00:00Z", None)
    assert (rows["h-0"]["state"], rows["h-0"]["next"]) == ("finished", None)


async def test_two_schedules_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="schedule a-0: two schedules have this name, of a and b"):
        Bench().source({"a": trigger("rate(1 hour)"), "b": trigger("rate(1 hour)", name="a-0")})
