"""What AWS accepts and refuses, and the rules of rate(), cron() and at() one by one. The calendar as a whole: test_schedule_oracle.py."""

import json
from datetime import UTC, datetime, tzinfo
from itertools import islice, pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events import schedule
from router.events.schedule import InvalidSchedule, next_after, parse

GOLDEN = json.loads((Path(__file__).parents[2] / "golden/schedule_expressions.json").read_text())

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")

ACCEPTED = [
    *GOLDEN["rule_cron_valid"],
    *GOLDEN["scheduler_cron_valid"],
    "cron(* * ? * SAT#3 *)",
    "cron(0/30 20-23 ? * MON-FRI *)",
    "rate(1 minute)",
    "rate(5 minutes)",
    "rate(1 hour)",
    "rate(1 day)",
    "rate(7 days)",
    "at(2030-01-31T08:00:00)",
    "cron(0 0 LW * ? *)",
    "cron(0 0 3W * ? *)",
    "cron(0 0 ? * 3#2 *)",
    "cron(0 0 ? * L *)",
    "cron(0 0 ? jan,Feb mon-FRI *)",
    "cron(0 20-2 * * ? *)",
    "cron(0 0 31 2 ? *)",
    "cron(00 08 * * ? *)",
    "cron(0  8 * * ? *)",
]
REFUSED = [*GOLDEN["rule_cron_invalid"], *GOLDEN["rule_rate_invalid"], *GOLDEN["scheduler_invalid"], "cron(0 dummy ? * MON-FRI *)"]


def epoch(text: str, zone: tzinfo = UTC) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


def shown(expression: str, after: str, zone: tzinfo = UTC, count: int = 3) -> list[str]:
    """The next ticks as the zone's clock shows them, after a UTC time."""
    ticks = islice(schedule.upcoming(parse(expression), epoch(after), zone), count)
    return [datetime.fromtimestamp(tick, zone).isoformat()[:16] for tick in ticks]


@pytest.mark.parametrize("expression", ACCEPTED)
def test_what_aws_accepts_is_accepted(expression: str) -> None:
    parse(expression)


@pytest.mark.parametrize("expression", REFUSED)
def test_what_aws_refuses_is_refused_in_its_words_and_ours(expression: str) -> None:
    with pytest.raises(InvalidSchedule) as refused:
        parse(expression)
    assert str(refused.value).startswith(f"{expression}: ")
    assert refused.value.code == GOLDEN["rule_errors"]["code"]
    assert refused.value.rule_message == GOLDEN["rule_errors"]["message"]
    assert refused.value.scheduler_message == f"Invalid Schedule Expression {expression}."


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("cron(71 8 1 * ? *)", "minutes: 71 is outside 0 to 59"),
        ("cron(0 24 1 * ? *)", "hours: 24 is outside 0 to 23"),
        ("cron(0 dummy ? * MON-FRI *)", "hours: dummy is not a number from 0 to 23"),
        ("cron(0 8 0 * ? *)", "day-of-month: 0 is outside 1 to 31"),
        ("cron(0 8 1 FOO ? *)", "month: FOO is not a number from 1 to 12 or JAN to DEC"),
        ("cron(0 8 ? * 8 *)", "day-of-week: 8 is outside 1 to 7"),
        ("cron(7 20 * * NOT *)", "day-of-week: NOT is not a number from 1 to 7 or SUN to SAT"),
        ("cron(0 8 * * ? 1969)", "year: 1969 is outside 1970 to 2199"),
        ("cron(0 8 * * ? 2030-2020)", "year: the range 2030-2020 runs backwards"),
        ("cron(0/0 * * * ? *)", "minutes: the step 0 is not a number from 1 to 59"),
        ("cron(0/90 * * * ? *)", "minutes: the step 90 is not a number from 1 to 59"),
        ("cron(0/ * * * ? *)", "minutes: the step after / is not a number from 1 to 59"),
        ("cron(1,,2 * * * ? *)", "minutes: an empty value is not a number"),
        ("cron(? * * * ? *)", "? stands in day-of-month or day-of-week only"),
        ("cron(L * * * ? *)", "minutes: L is not a number"),
        ("cron(0 8 32W * ? *)", "day-of-month: 32 is outside 1 to 31"),
        ("cron(0 8 ? * 3W *)", "day-of-week: 3W is not"),
        ("cron(0 8 ? * 3#6 *)", "the number after # is not 1 to 5"),
        ("cron(0 8 ? * 3#1,6#3 *)", "more than one expression"),
        ("cron(0 8 ? * ? *)", "are both ?"),
        ("cron(0 1 * * * *)", "one of day-of-month and day-of-week must be ?, write cron(0 1 * * ? *)"),
        ("cron(0 1 * * MON *)", "must be ?, write cron(0 1 ? * MON *)"),
        ("cron(0 1 3 * * *)", "must be ?, write cron(0 1 3 * ? *)"),
        ("cron(0 8 * * 1-5)", "here are 5; a line of a crontab"),
        ("cron(0 0 8 * * ? *)", "here are 7"),
        ("0 8 * * ? *", "write cron(0 8 * * ? *)"),
        ("every day", "a schedule is rate(5 minutes), cron("),
        ("", "a schedule is rate(5 minutes)"),
        ("rate(1 minutes)", "write rate(1 minute):"),
        ("rate(10 minute)", "write rate(10 minutes):"),
        ("rate(5 hour)", "write rate(5 hours):"),
        ("rate(10 MINUTES)", "write rate(10 minutes):"),
        ("rate(010 minutes)", "write rate(10 minutes):"),
        ("rate( 10 minutes )", "write rate(10 minutes):"),
        ("rate(10 seconds)", "the shortest rate is rate(1 minute)"),
        ("rate(0 minutes)", "at least 1"),
        ("at(2021-12-31)", "with the time and without a zone"),
        ("at(2021-12-31T23:59:59Z)", "without a zone"),
        ("at(2021-02-30T00:00:00)", "2021-02-30T00:00:00 is no date"),
        ("cron(0 8 * * ? *" + " " * 256 + ")", "has 256 characters at most, this one has 273"),
        ("cron(0 8 ? * \u017fUN *)", "plain ASCII"),
    ],
)
def test_a_refusal_says_what_would_be_right(expression: str, told: str) -> None:
    with pytest.raises(InvalidSchedule) as refused:
        parse(expression)
    assert told in str(refused.value)


def test_scheduler_takes_the_singular_for_any_number() -> None:
    """As recorded of EventBridge Scheduler; a rule refuses it, and so does either what is no unit or has no space of its own."""
    assert parse("rate(2 minute)", scheduler=True) == parse("rate(2 minutes)")
    for text in ("rate(10 minutess)", "rate( 10 minutes )", "rate(10 MINUTE)", "rate(010 minute)", "rate(1 hours)"):
        with pytest.raises(InvalidSchedule):
            parse(text, scheduler=True)


@given(text=st.text(max_size=40) | st.from_regex(r"(cron|rate|at)\([0-9A-Z*?,/#LW -]{0,30}\)", fullmatch=True))
def test_no_text_does_worse_than_a_refusal(text: str) -> None:
    try:
        parsed = parse(text)
    except InvalidSchedule:
        return
    assert text.startswith(("cron(", "rate(", "at("))
    next_after(parsed, 1_790_000_000)


def test_a_wall_time_that_never_comes_is_skipped() -> None:
    assert shown("cron(30 2 * * ? *)", "2026-03-27T12:00", BERLIN) == ["2026-03-28T02:30", "2026-03-30T02:30", "2026-03-31T02:30"]
    assert shown("cron(0 0 * * ? *)", "2026-03-28T12:00", BERLIN) == ["2026-03-29T00:00", "2026-03-30T00:00", "2026-03-31T00:00"]
    assert shown("cron(0 0 * * ? *)", "2026-03-07T12:00", NEW_YORK) == ["2026-03-08T00:00", "2026-03-09T00:00", "2026-03-10T00:00"]


def test_a_wall_time_that_comes_twice_runs_once_the_first_time() -> None:
    ticks = list(islice(schedule.upcoming(parse("cron(30 2 * * ? *)"), epoch("2026-10-24T12:00"), BERLIN), 2))
    assert ticks == [epoch("2026-10-25T00:30"), epoch("2026-10-26T01:30")]
    # on the second pass of the hour even a minute that is still to be shown has run already
    assert next_after(parse("cron(0/10 * * * ? *)"), epoch("2026-10-25T01:15"), BERLIN) == epoch("2026-10-25T02:00")


def test_a_schedule_that_only_ever_falls_into_gaps_never_fires() -> None:
    assert next_after(parse("cron(30 2 ? MAR 1L *)"), epoch("2026-01-01T00:00"), BERLIN) is None


@pytest.mark.parametrize(
    "expression", ["cron(0 0 31 2 ? *)", "cron(0 0 31 2,4,6,9,11 ? *)", "cron(15 10 ? * 6L 2002-2005)", "cron(0 0 30W 2 ? *)"]
)
def test_what_lies_in_the_past_or_on_no_calendar_is_accepted_and_never_fires(expression: str) -> None:
    assert next_after(parse(expression), epoch("2026-01-01T00:00")) is None


def test_the_calendar_ends_with_2199() -> None:
    last = epoch("2199-12-31T23:59")
    every_minute = parse("cron(* * * * ? *)")
    assert next_after(every_minute, last - 1) == last
    assert next_after(every_minute, last) is None
    assert next_after(every_minute, 1e300) is None
    assert next_after(parse("rate(999999999999 days)"), 0) is None
    assert next_after(parse("at(9999-12-31T23:59:59)"), 0) is None
    assert next_after(parse("cron(0 0 1 1 ? *)"), -1e12) == 0
    assert schedule.last_until(parse("cron(0 0 1 1 ? *)"), -1e12) is None
    assert schedule.last_until(parse("cron(59 23 * * ? *)"), 1e300) == last


def test_a_rate_counts_from_its_anchor_whatever_the_time_of_asking() -> None:
    rate = parse("rate(2 hours)")
    assert next_after(rate, 1000, anchor=1000) == 8200  # first run: one interval after creation
    assert next_after(rate, 0, anchor=1000) == 8200
    assert next_after(rate, 8199.9, anchor=1000) == 8200
    assert next_after(rate, 8200, anchor=1000) == 15400
    assert schedule.last_until(rate, 8199, anchor=1000) is None
    assert schedule.last_until(rate, 15399.5, anchor=1000) == 8200
    assert schedule.count_between(rate, 1000, 15400, anchor=1000) == 2
    assert schedule.count_between(rate, 0, 1000, anchor=1000) == 0


def test_a_rate_in_days_is_elapsed_time() -> None:
    """Over a night of 23 hours the wall clock's time moves."""
    assert shown("rate(1 day)", "1970-01-01T00:00", BERLIN, 1) == ["1970-01-02T01:00"]
    anchor = epoch("2026-03-28T12:00", BERLIN)
    assert next_after(parse("rate(1 day)"), anchor, BERLIN, anchor=anchor) == epoch("2026-03-29T13:00", BERLIN)


def test_at_runs_once_on_the_wall_clock_of_its_zone() -> None:
    at = parse("at(2026-07-01T08:00:30)")
    assert list(schedule.upcoming(at, 0, BERLIN)) == [epoch("2026-07-01T06:00:30")]
    assert next_after(at, epoch("2026-07-01T06:00:30"), BERLIN) is None
    assert schedule.last_until(at, epoch("2026-07-01T06:00:30"), BERLIN) == epoch("2026-07-01T06:00:30")
    assert schedule.count_between(at, 0, epoch("2026-07-02T00:00"), BERLIN) == 1
    assert schedule.count_between(at, 0, epoch("2026-07-01T06:00:30"), BERLIN) == 1
    assert schedule.count_between(at, epoch("2026-07-01T06:00:30"), epoch("2026-07-02T00:00"), BERLIN) == 0


def test_at_in_a_gap_runs_as_late_after_the_change_and_at_in_an_overlap_runs_first() -> None:
    assert next_after(parse("at(2026-03-29T02:30:00)"), 0, BERLIN) == epoch("2026-03-29T01:30")  # the clock shows 03:30
    assert next_after(parse("at(2026-10-25T02:30:00)"), 0, BERLIN) == epoch("2026-10-25T00:30")
    assert next_after(parse("at(2026-03-29T02:30:00)"), 0) == epoch("2026-03-29T02:30")


@given(wall=st.datetimes(), zone=st.sampled_from([UTC, BERLIN, NEW_YORK, ZoneInfo("Pacific/Apia")]))
def test_at_fires_once_or_is_in_the_past(wall: datetime, zone: tzinfo) -> None:
    tick = next_after(parse(f"at({wall.replace(microsecond=0).isoformat()})"), 0, zone)
    if tick is not None:
        gap = datetime.fromtimestamp(tick, zone).replace(tzinfo=None) - wall.replace(microsecond=0)
        assert gap.total_seconds() in {0, 3600, 86400}
        assert datetime.fromtimestamp(tick, zone).fold == 0


# -- properties over expressions made at random


def fields(low: int, high: int) -> st.SearchStrategy[str]:
    """One field's text: *, values, ranges that may wrap, steps, lists."""
    value = st.integers(low, high).map(str)
    spanned = st.tuples(value, value).map("-".join)
    stepped = st.tuples(st.just("*") | value | spanned, st.integers(1, high).map(str)).map("/".join)
    return st.lists(value | spanned | stepped, min_size=1, max_size=3).map(",".join) | st.just("*")


WEEKDAY = st.sampled_from(["SUN", "mon", "TUE", "4", "5", "6", "7"])
MONTH_DAY = fields(1, 31) | st.sampled_from(["L", "LW", "1W", "15W", "31W", "1,L"])
DAY_OF_WEEK = fields(1, 7) | st.just("L") | WEEKDAY.map(lambda day: f"{day}L") | st.tuples(WEEKDAY, st.sampled_from("12345")).map("#".join)
DAYS = st.tuples(MONTH_DAY, st.just("?")) | st.tuples(st.just("?"), DAY_OF_WEEK)
CRON = st.builds(
    lambda minute, hour, days, month, year: f"cron({minute} {hour} {days[0]} {month} {days[1]} {year})",
    fields(0, 59),
    fields(0, 23),
    DAYS,
    fields(1, 12),
    st.sampled_from(["*", "2024-2030", "2020/3", "2028"]),
)
ZONE = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia"]).map(
    ZoneInfo
)
INSTANT = st.integers(epoch("2019-01-01T00:00"), epoch("2033-01-01T00:00")) | st.floats(1.6e9, 1.9e9)


@given(text=CRON, zone=ZONE, instant=INSTANT)
def test_forward_and_backward_agree(text: str, zone: ZoneInfo, instant: float) -> None:
    parsed = parse(text)
    following = next_after(parsed, instant, zone)
    if following is not None:
        assert following > instant
        assert schedule.last_until(parsed, following, zone) == following
        before = schedule.last_until(parsed, following - 1, zone)
        assert before is None or before <= instant
    last = schedule.last_until(parsed, instant, zone)
    if last is not None:
        assert last <= instant
        assert next_after(parsed, last - 1, zone) == last
        assert next_after(parsed, last, zone) == following


@given(text=CRON, zone=ZONE, instant=INSTANT)
def test_ticks_grow_and_fall_on_whole_minutes_of_the_wall_clock(text: str, zone: ZoneInfo, instant: float) -> None:
    ticks = list(islice(schedule.upcoming(parse(text), instant, zone), 20))
    assert all(earlier < later for earlier, later in pairwise(ticks))
    assert all(datetime.fromtimestamp(tick, zone).second == 0 and datetime.fromtimestamp(tick, zone).fold == 0 for tick in ticks)


@given(number=st.integers(1, 5000), unit=st.sampled_from(["minute", "hour", "day"]), anchor=st.integers(0, 2**31), later=st.floats(0, 1e9))
def test_a_rate_never_drifts(number: int, unit: str, anchor: int, later: float) -> None:
    parsed = parse(f"rate({number} {unit}{'s' * (number > 1)})")
    assert isinstance(parsed, schedule.Rate)
    tick = next_after(parsed, anchor + later, anchor=anchor)
    assert tick is not None
    assert (tick - anchor) % parsed.seconds == 0
    assert tick - parsed.seconds <= anchor + later < tick
