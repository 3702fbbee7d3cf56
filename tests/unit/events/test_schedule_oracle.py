"""Ten years in many zones against an oracle that walks the zone's clock minute by minute and asks of each: does it match?

The oracle shares nothing with the code under test: no fields as bits, no fold, no search. It asks the zone for its offset
all along UTC, so that a minute the clock never shows cannot fire, and remembers the latest minute shown, so that one it
shows again does not fire again. Only dates that do not match are not walked."""

import functools
import random
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from aws_croniter import AwsCroniter

from router.events import schedule

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
DAY = 1440  # minutes

Segment = tuple[int, int, int]  # UTC minutes [begin, end), minutes the zone is ahead of UTC


# -- the oracle: one value, does it match?


def number(text: str, words: list[str], low: int) -> int:
    return words.index(text) + low if text in words else int(text)


def matches(field: str, value: int, low: int, high: int, words: list[str] = []) -> bool:  # noqa: B006 - never changed
    """Whether one plain value is in a list of *, a, a-b, with /step."""
    for term in field.split(","):
        span, _, step = term.partition("/")
        first, _, last = ("*", "", "") if span == "*" else span.partition("-")
        begin = low if first == "*" else number(first, words, low)
        end = number(last, words, low) if last else high if step or first == "*" else begin
        size = high - low + 1
        if (value - begin) % size <= (end - begin) % size and (value - begin) % size % int(step or 1) == 0:
            return True
    return False


def days_in_month(of: date) -> list[date]:
    first = of.replace(day=1)
    return [day for day in (first + timedelta(n) for n in range(31)) if day.month == of.month]


def matches_month_day(term: str, day: date) -> bool:
    workdays = [other.day for other in days_in_month(day) if other.weekday() < 5]
    if term == "L":
        return (day + timedelta(1)).day == 1
    if term == "LW":
        return day.day == max(workdays)
    if term.endswith("W"):
        wanted = int(term[:-1])
        return wanted <= len(days_in_month(day)) and day.day == min(workdays, key=lambda other: abs(other - wanted))
    return matches(term, day.day, 1, 31)


def matches_weekday(term: str, day: date) -> bool:
    on = day.isoweekday() % 7 + 1
    if "#" in term:
        wanted, count = term.split("#")
        return on == number(wanted, WEEKDAYS, 1) and (day.day - 1) // 7 + 1 == int(count)
    if term == "L":
        return on == 7
    if term.endswith("L"):
        return on == number(term[:-1], WEEKDAYS, 1) and (day + timedelta(7)).month != day.month
    return matches(term, on, 1, 7, WEEKDAYS)


@functools.cache
def matching_days(month_days: str, months: str, weekdays: str, years: str, span: tuple[int, int]) -> list[int]:
    """Days since 1970, of whole years."""
    found = []
    for ordinal in range(date(span[0], 1, 1).toordinal(), date(span[1] + 1, 1, 1).toordinal()):
        day = date.fromordinal(ordinal)
        if (
            matches(months, day.month, 1, 12, MONTHS)
            and matches(years, day.year, 1970, 2199)
            and (month_days == "?" or any(matches_month_day(term, day) for term in month_days.split(",")))
            and (weekdays == "?" or any(matches_weekday(term, day) for term in weekdays.split(",")))
        ):
            found.append(ordinal - date(1970, 1, 1).toordinal())
    return found


@functools.cache
def segments(name: str, first_year: int, years: int) -> list[Segment]:
    """The zone's offsets along UTC, asked every hour, and every minute of the hours within which they change."""
    zone = ZoneInfo(name)

    def offset(minute: int) -> int:
        return int(datetime.fromtimestamp(minute * 60, zone).utcoffset().total_seconds()) // 60

    begin = int(datetime(first_year, 1, 1, tzinfo=UTC).timestamp()) // 60
    end = int(datetime(first_year + years, 1, 1, tzinfo=UTC).timestamp()) // 60
    found = [(begin, end, offset(begin))]
    for hour in range(begin, end, 60):
        if offset(hour) == offset(hour + 60):
            continue
        for minute in range(hour + 1, hour + 61):
            start, _, before = found[-1]
            if offset(minute) != before:
                found[-1:] = [(start, minute, before), (minute, end, offset(minute))]
    return found


def ticks(expression: str, parts: list[Segment]) -> Iterator[int]:
    """Every tick in the segments, epoch seconds."""
    minutes, hours, month_days, months, weekdays, years = expression[5:-1].upper().split()
    of_day = [minute for minute in range(DAY) if matches(hours, minute // 60, 0, 23) and matches(minutes, minute % 60, 0, 59)]
    first_year, last_year = (
        (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=m)).year for m in (parts[0][0] - DAY, parts[-1][1] + DAY)
    )
    days = matching_days(month_days, months, weekdays, years, (first_year, last_year))
    shown = -(10**12)  # one past the latest wall minute that the clock has shown
    for begin, end, offset in parts:
        for day in days[bisect_right(days, (begin + offset) // DAY - 1) : bisect_right(days, (end + offset) // DAY)]:
            for minute in of_day:
                wall = day * DAY + minute
                if begin + offset <= wall < end + offset and wall >= shown:
                    yield (wall - offset) * 60
        shown = max(shown, end + offset)


# -- what is asked of it

SPARSE = [
    "cron(0 0 * * ? *)",
    "cron(30 1 * * ? *)",
    "cron(30 2 * * ? *)",
    "cron(59 1 * * ? *)",
    "cron(0 2 * * ? *)",
    "cron(15 2 ? * SUN *)",
    "cron(0 3 ? * 1 *)",
    "cron(0 8 ? * MON-FRI *)",
    "cron(0 8 ? * 2-6 *)",
    "cron(0 10 * * ? *)",
    "cron(15 12 * * ? *)",
    "cron(0 18 ? * MON-FRI *)",
    "cron(0 8 1 * ? *)",
    "cron(0 2 ? * SAT *)",
    "cron(5,35 14 * * ? *)",
    "cron(15 10 ? * 6L *)",
    "cron(15 10 ? * 6L 2022-2025)",
    "cron(0 2 ? * SAT#3 *)",
    "cron(30 2 ? * 1#5 *)",
    "cron(0 0 ? * 2#1 *)",
    "cron(0 0 L * ? *)",
    "cron(0 0 LW * ? *)",
    "cron(30 23 1W * ? *)",
    "cron(30 23 15W * ? *)",
    "cron(30 23 31W * ? *)",
    "cron(0 12 30W * ? *)",
    "cron(0 12 1,15,L * ? *)",
    "cron(0 12 ? * L *)",
    "cron(0 12 ? * FRIL,MON *)",
    "cron(0 12 29 2 ? *)",
    "cron(0 12 31 * ? *)",
    "cron(30 2 ? MAR 1L *)",
    "cron(0 12 1-7/2 JAN,JUL-SEP ? *)",
    "cron(0 12 28-3 * ? *)",
    "cron(0 12 ? NOV-FEB FRI-MON *)",
    "cron(0 12 ? * FRI-TUE/2 *)",
    "cron(45 22-2/2 ? * TUE *)",
    "cron(50-10/10 4 1/10 * ? *)",
    "cron(0 1-3 ? MAR,APR,SEP,OCT,NOV * *)",
    "cron(0 0 1 1 ? 2021/3)",
    "cron(0 0 31 2 ? *)",
    "cron(0 0 1 1 ? 2002-2005)",
]
DENSE = ["cron(* * * * ? *)", "cron(0/5 * * * ? *)", "cron(0/30 20-23 ? * MON-FRI *)", "cron(0/15 0-4 ? * * *)", "cron(*/7 1/2 * * ? *)"]

BEYOND = ("LW", "28-3", "FRI-", "22-2", "50-10", "NOV-", "L,", ",L", " 31 2 ", "* L *", "2021/3")  # not known to aws-croniter, or otherwise

ZONES = [
    ("UTC", 2020),
    ("Europe/Berlin", 2020),
    ("America/New_York", 2020),
    ("Australia/Lord_Howe", 2020),  # half an hour of daylight saving
    ("Asia/Kathmandu", 2020),  # 5:45 ahead, no daylight saving
    ("Africa/Casablanca", 2020),  # four changes a year, explicit in the data
    ("Antarctica/Troll", 2020),  # two hours of daylight saving
    ("America/Sao_Paulo", 2010),  # the change is at midnight, and was given up in 2019
    ("Pacific/Apia", 2005),  # 30 December 2011 never was
]


def wrong(name: str, first_year: int, expression: str, parts: list[Segment]) -> str:
    """Nothing when the code and the oracle agree on the ticks in the segments, else the first difference."""
    expected = list(ticks(expression, parts))
    end = parts[-1][1] * 60
    parsed = schedule.parse(expression)
    found = []
    for tick in schedule.upcoming(parsed, parts[0][0] * 60 - 1, ZoneInfo(name)):
        if tick >= end:
            break
        found.append(tick)
    if found == expected:
        return ""
    odd = min(set(found) ^ set(expected))
    return f"{expression} in {name}: {'too much' if odd in found else 'missing'}: {datetime.fromtimestamp(odd, UTC)}"


@pytest.mark.parametrize(("name", "first_year"), ZONES)
def test_ten_years_agree_with_the_oracle(name: str, first_year: int) -> None:
    parts = segments(name, first_year, 10)
    assert [w for expression in SPARSE if (w := wrong(name, first_year, expression, parts))] == []


@pytest.mark.parametrize(("name", "first_year"), ZONES)
def test_every_minute_around_each_clock_change_agrees_with_the_oracle(name: str, first_year: int) -> None:
    parts = segments(name, first_year, 10)
    changes = parts[1:] or [(parts[0][0] + 60 * DAY, 0, 0)]
    for change, _, _ in changes:
        begin, end = change - DAY, change + DAY
        cut = [(max(begin, first), min(end, last), offset) for first, last, offset in parts if first < end and last > begin]
        assert [w for expression in DENSE if (w := wrong(name, first_year, expression, cut))] == []


@pytest.mark.parametrize(("name", "first_year"), ZONES)
def test_next_and_last_from_any_second_agree_with_the_oracle(name: str, first_year: int) -> None:
    """Not from tick to tick: from moments at random, most of them around clock changes."""
    parts, zone, chance = segments(name, first_year, 10), ZoneInfo(name), random.Random(name)
    low, high = parts[0][0] * 60, parts[-1][1] * 60
    around = [begin * 60 for begin, _, _ in parts]
    for expression in SPARSE[:24] + DENSE[1:4]:
        expected, parsed = list(ticks(expression, parts)), schedule.parse(expression)
        if not expected:
            continue
        moments = [chance.uniform(low, high) for _ in range(10)] + [chance.choice(around) + chance.uniform(-9000, 9000) for _ in range(20)]
        for moment in moments + [chance.choice(expected) + chance.choice([-1, -0.5, 0, 0.5, 1, 59, 60]) for _ in range(10)]:
            if not expected[0] <= moment < expected[-1]:
                continue
            place = bisect_right(expected, moment)
            assert schedule.next_after(parsed, moment, zone) == expected[place], (expression, moment)
            assert schedule.last_until(parsed, moment, zone) == expected[place - 1], (expression, moment)


@pytest.mark.parametrize("expression", [*SPARSE, *DENSE[1:]])
def test_counting_visits_no_tick_and_counts_each(expression: str) -> None:
    parts, chance = segments("UTC", 2020, 10), random.Random(expression)
    expected, parsed = list(ticks(expression, parts)), schedule.parse(expression)
    for _ in range(30):
        low, high = sorted(chance.randrange(parts[0][0] * 60, parts[-1][1] * 60) for _ in range(2))
        assert schedule.count_between(parsed, low, high) == bisect_right(expected, high) - bisect_right(expected, low)


@pytest.mark.parametrize("expression", [e for e in SPARSE + DENSE if not any(odd in e for odd in BEYOND)])
def test_the_shared_subset_agrees_with_another_implementation(expression: str) -> None:
    """aws-croniter, in UTC: it knows neither LW nor wrapping ranges."""
    theirs, ours, at = AwsCroniter(expression[5:-1]), schedule.parse(expression), datetime(2022, 6, 7, 8, 9, tzinfo=UTC)
    for _ in range(15):
        found, tick = theirs.occurrence(at).next(), schedule.next_after(ours, at.timestamp())
        assert (None if found is None else int(found.timestamp())) == tick
        if found is None:
            break
        at = found
