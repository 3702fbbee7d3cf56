"""Quotas: their periods are UTC's, and no clock gives anybody more than the limit in one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.usage_plan import Allowance, Period, Used, counted, end_of, start_of

MOMENTS = st.datetimes(datetime(2001, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive
PERIODS = st.sampled_from(["day", "week", "month"])


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("period", "now", "start", "end"),
    [
        ("day", "2026-11-25T23:59:59", "2026-11-25", "2026-11-26"),
        ("day", "2026-11-26T00:00:00", "2026-11-26", "2026-11-27"),
        ("week", "2026-11-28T23:59:59", "2026-11-22", "2026-11-29"),  # a Saturday
        ("week", "2026-11-29T00:00:00", "2026-11-29", "2026-12-06"),  # a Sunday
        ("week", "2026-01-01T12:00:00", "2025-12-28", "2026-01-04"),
        ("month", "2026-02-28T12:00:00", "2026-02-01", "2026-03-01"),
        ("month", "2028-02-29T23:59:59", "2028-02-01", "2028-03-01"),
        ("month", "2026-12-31T23:59:59", "2026-12-01", "2027-01-01"),
    ],
)
def test_periods(period: Period, now: str, start: str, end: str) -> None:
    assert start_of(period, at(now)) == at(start)
    assert end_of(period, int(at(start))) == at(end)


@given(period=PERIODS, moment=MOMENTS)
def test_a_moment_lies_in_its_period(period: Period, moment: datetime) -> None:
    start = start_of(period, moment.timestamp())
    end = end_of(period, start)
    assert start <= moment.timestamp() < end
    assert start_of(period, end) == end
    assert start_of(period, end - 1) == start
    first = datetime.fromtimestamp(start, UTC)
    assert (first.hour, first.minute, first.second) == (0, 0, 0)
    assert {"day": True, "week": first.isoweekday() == 7, "month": first.day == 1}[period]


def test_a_limit_and_the_next_period() -> None:
    allowance = Allowance(2, "day")
    noon = at("2026-11-25T12:00:00")
    assert [allowance.take(noon) for _ in range(3)] == [0, 0, 43200]
    assert allowance.used == Used(int(at("2026-11-25")), 2)
    assert allowance.take(noon + 43200) == 0
    assert allowance.used == Used(int(at("2026-11-26")), 1)


def test_the_last_moment_of_a_period_is_told_as_a_second() -> None:
    allowance = Allowance(1, "day")
    late = at("2026-11-25T23:59:59.999")
    assert (allowance.take(late), allowance.take(late)) == (0, 1)


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        (Used(20, 5), Used(20, 5)),
        (Used(10, 5), Used(20, 0)),
        (Used(0, 0), Used(20, 0)),
        (Used(30, 5), Used(30, 5)),  # the clock went back over the last change
        (Used(31, 5), Used(20, 5)),  # the clock had been far ahead
    ],
)
def test_counts_as_of_the_period_from_20_to_30(used: Used, expected: Used) -> None:
    assert counted(used, 20, 30) == expected


def test_what_an_earlier_run_counted_comes_on_top() -> None:
    noon = at("2026-11-25T12:00:00")
    today = int(at("2026-11-25"))
    for before, expected in ((Used(today, 3), 4), (Used(today - 86400, 3), 1), (Used(today + 9 * 86400, 3), 4)):
        allowance = Allowance(10, "day")
        allowance.take(noon)
        allowance.restore(before)
        assert allowance.look(noon) == Used(today, expected)
    fresh = Allowance(10, "day")
    fresh.restore(Used(today, 3))
    assert fresh.look(noon) == Used(today, 3)
    assert fresh.look(noon + 86400) == Used(today + 86400, 0)


@given(limit=st.integers(1, 5), period=PERIODS, begin=MOMENTS, steps=st.lists(st.integers(0, 40 * 3600), max_size=60))
def test_it_counts_as_a_plain_table_does(limit: int, period: Period, begin: datetime, steps: list[int]) -> None:
    allowance, table, now = Allowance(limit, period), {}, begin
    for step in steps:
        now += timedelta(seconds=step)
        start = start_of(period, now.timestamp())
        may = table.get(start, 0) < limit
        assert (allowance.take(now.timestamp()) == 0) == may
        table[start] = table.get(start, 0) + may


@given(
    limit=st.integers(1, 3),
    begin=MOMENTS,
    steps=st.lists(st.tuples(st.integers(0, 2 * 86400), st.integers(0, 86400)), max_size=40),
)
def test_a_clock_that_goes_back_a_day_gives_nobody_more(limit: int, begin: datetime, steps: list[tuple[int, int]]) -> None:
    """From one new day to the next, however the clock goes back in between, at most the limit passes."""
    allowance, newest, passed, peak = Allowance(limit, "day"), 0, 0, begin.timestamp()
    for forward, back in steps:
        peak += forward
        for now in (peak, peak - back, peak):
            allowed = allowance.take(now) == 0
            if allowance.used.start > newest:
                newest, passed = allowance.used.start, 0
            passed += allowed
            assert passed <= limit
