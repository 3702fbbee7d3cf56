"""The missed-run policy and the order of what is due."""

from datetime import UTC
from itertools import takewhile

from hypothesis import given
from hypothesis import strategies as st

from router.events import agenda
from router.events.agenda import Agenda, Cursor, Missed, Timetable
from router.events.schedule import next_after, parse, upcoming

T = 1_790_000_040  # a whole minute
HOUR = 3600


def table(expression: str, missed: Missed = "once") -> Timetable:
    return Timetable(parse(expression), UTC, missed)


def due(expression: str, missed: Missed, *, decided: int, now: float) -> tuple[list[int], int]:
    """Ticks to run and how many are dropped."""
    found = agenda.due("s", table(expression, missed), Cursor(decided, decided), now)
    return (list(found.ticks), found.dropped) if found else ([], 0)


def test_a_tick_is_due_at_its_second_and_not_before() -> None:
    assert due("rate(1 minute)", "once", decided=T, now=T + 59.999) == ([], 0)
    assert due("rate(1 minute)", "once", decided=T, now=T + 60) == ([T + 60], 0)


def test_what_is_late_by_less_than_a_minute_runs_under_every_policy() -> None:
    for policy in ("skip", "once", "all"):
        assert due("rate(1 minute)", policy, decided=T, now=T + 119.9) == ([T + 60], 0)
        assert due("rate(1 minute)", policy, decided=T, now=T + 120) == ([T + 60, T + 120], 0)


def test_skip_runs_only_what_is_on_time() -> None:
    assert due("rate(1 hour)", "skip", decided=T, now=T + 3 * HOUR + 61) == ([], 3)
    assert due("rate(1 hour)", "skip", decided=T, now=T + 3 * HOUR + 59) == ([T + 3 * HOUR], 2)
    assert due("cron(* * * * ? *)", "skip", decided=T, now=T + 600) == ([T + 540, T + 600], 8)


def test_once_runs_the_newest_for_all() -> None:
    assert due("rate(1 hour)", "once", decided=T, now=T + 3 * HOUR + 61) == ([T + 3 * HOUR], 2)
    assert due("cron(* * * * ? *)", "once", decided=T, now=T + 600) == ([T + 600], 9)


def test_all_runs_each_oldest_first_up_to_the_limit() -> None:
    assert due("rate(1 hour)", "all", decided=T, now=T + 3 * HOUR + 61) == ([T + HOUR, T + 2 * HOUR, T + 3 * HOUR], 0)
    ticks, dropped = due("cron(* * * * ? *)", "all", decided=T, now=T + 5000 * 60)
    assert ticks == list(range(T + 4001 * 60, T + 5001 * 60, 60))
    assert dropped == 4000


def test_an_absence_of_a_century_costs_no_more_than_one_of_a_day() -> None:
    """It would be fifty million steps, not a handful: this test would not end."""
    ticks, dropped = due("cron(* * * * ? *)", "once", decided=0, now=T + 30)
    assert (ticks, dropped) == ([T], T // 60 - 1)


def test_a_one_time_schedule_that_was_missed_runs_unless_told_to_skip() -> None:
    at = "at(2026-09-21T14:54:00)"
    assert due(at, "once", decided=T - 9999, now=T + 9999) == ([1_790_002_440], 0)
    assert due(at, "skip", decided=T - 9999, now=T + 9999) == ([], 1)
    assert due(at, "once", decided=1_790_002_440, now=T + 9999) == ([], 0)


@given(
    expression=st.sampled_from(
        ["cron(* * * * ? *)", "cron(0/7 8-17 ? * MON-FRI *)", "rate(1 minute)", "rate(3 hours)", "cron(0 0 L * ? *)"]
    ),
    missed=st.sampled_from(["skip", "once", "all"]),
    steps=st.lists(st.floats(-100_000, 300_000), min_size=1, max_size=12),
)
def test_whatever_the_clock_does_no_tick_comes_up_twice_and_every_one_is_run_or_counted(
    expression: str, missed: Missed, steps: list[float]
) -> None:
    plan = Agenda({"s": table(expression, missed)}, {"s": Cursor(T, T)})
    now, run, dropped = float(T), [], 0
    for step in steps:
        now = max(now + step, 0)
        for found in plan.plan(now):
            run += found.ticks
            dropped += found.dropped
    assert run == sorted(set(run))
    ticks = upcoming(parse(expression), T, anchor=T)
    passed = 0
    while next(ticks) <= plan.cursors["s"].until:
        passed += 1
    assert passed == len(run) + dropped
    if missed == "all" and passed <= agenda.CATCH_UP:
        assert dropped == 0


def test_the_longest_due_comes_first_in_batches() -> None:
    count = agenda.BATCH + 10
    tables = {f"s{n}": table("rate(1 minute)") for n in range(count)}
    plan = Agenda(tables, {f"s{n}": Cursor(T - n % 30, T - n % 30) for n in range(count)})
    assert plan.wake == T - 29 + 60
    first, second = plan.plan(T + 60), plan.plan(T + 60)
    assert [len(first), len(second), len(plan.plan(T + 60))] == [agenda.BATCH, 10, 0]
    order = [found.ticks[0] for found in first + second]
    assert order == sorted(order)
    assert plan.wake == T - 29 + 120


def test_a_batch_is_bounded_in_ticks_too() -> None:
    tables = {f"s{n}": table("cron(* * * * ? *)", "all") for n in range(5)}
    plan = Agenda(tables, {name: Cursor(T, T) for name in tables})
    now = T + 700 * 60
    batches = []
    while batch := plan.plan(now):
        batches.append(sum(len(found.ticks) for found in batch))
    assert batches == [1400, 1400, 700]


def test_the_next_tick_of_each_is_known_and_that_of_a_finished_one_is_not() -> None:
    plan = Agenda({"a": table("cron(0 0 * * ? *)"), "b": table("at(2020-01-01T00:00:00)")}, {"a": Cursor(T, T), "b": Cursor(T, T)})
    assert plan.next == {"a": next_after(parse("cron(0 0 * * ? *)"), T)}
    assert Agenda({}, {}).wake is None
    assert Agenda({}, {}).plan(T) == []


def test_a_clock_that_was_wrong_by_more_than_a_day_does_not_silence_a_schedule() -> None:
    far = T + 20 * 365 * 86400
    tables = {
        "cron": table("cron(0 * * * ? *)"),
        "rate": table("rate(1 hour)"),
        "once": table("at(2030-01-01T00:00:00)"),
        "near": table("rate(1 hour)"),
    }
    plan = Agenda(tables, {name: Cursor(far, far) for name in tables} | {"near": Cursor(T + 80_000, T)})
    back = plan.rewind(T)
    assert {found.name: found.cursor for found in back} == {"cron": Cursor(T, T), "rate": Cursor(T, T)}
    assert all(not found.ticks and not found.dropped for found in back)
    assert plan.next == {"cron": T - T % HOUR + HOUR, "rate": T + HOUR, "near": T + 23 * HOUR}
    assert plan.rewind(T) == []


@given(
    expression=st.sampled_from(["rate(7 minutes)", "cron(0/5 * * * ? *)", "cron(30 2 * * ? *)"]),
    start=st.none() | st.integers(T - 9 * HOUR, T + 9 * HOUR),
    length=st.none() | st.integers(0, 20 * HOUR),
    decided=st.integers(T - 10 * HOUR, T + 10 * HOUR),
    later=st.integers(0, 10 * HOUR),
)
def test_start_and_end_leave_exactly_the_ticks_between_them(
    expression: str, start: int | None, length: int | None, decided: int, later: int
) -> None:
    end = None if length is None else (start if start is not None else T) + length
    bounded = Timetable(parse(expression), UTC, "all", start=start, end=end)
    anchor = decided if start is None or not expression.startswith("rate") else start - 420
    ticks = list(takewhile(lambda tick: tick <= T + 30 * HOUR, upcoming(bounded.expression, T - 40 * HOUR, UTC, anchor=anchor)))
    wanted = [tick for tick in ticks if (start is None or tick >= start) and (end is None or tick <= end)]
    assert bounded.after(decided, decided) == next((tick for tick in wanted if tick > decided), None)
    assert bounded.until(decided, decided) == next((tick for tick in reversed(wanted) if tick <= decided), None)
    assert bounded.count(decided, decided + later, decided) == sum(decided < tick <= decided + later for tick in wanted)


def test_a_rate_with_a_start_ticks_there_first() -> None:
    hourly = Timetable(parse("rate(1 hour)"), UTC, start=T + 90)
    assert hourly.after(T, T) == T + 90
    assert hourly.after(T + 90, T) == T + 90 + HOUR


def test_within_its_window_nothing_is_missed() -> None:
    flexible = Timetable(parse("rate(10 minutes)"), UTC, "skip", window=1800)
    found = agenda.due("s", flexible, Cursor(T, T), T + 2400)
    assert found is not None
    assert (found.ticks, found.dropped) == ((T + 600, T + 1200, T + 1800, T + 2400), 0)
    found = agenda.due("s", flexible, Cursor(T, T), T + 2401)
    assert found is not None
    assert (found.ticks, found.dropped) == ((T + 1200, T + 1800, T + 2400), 1)
