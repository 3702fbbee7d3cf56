"""AWS cron as arithmetic on a wall clock: fields as bits, days of a month as bits, the next and the last matching minute.

Pure, no zones: a wall time is a naive datetime. Fields are read by cron_fields.py; schedule.py lays the wall clock
on an IANA zone. Source: EventBridge user guide, "Cron expressions"; years 1970 to 2199."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2199

_LENGTHS: Final = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_EVERY_WEEK: Final = sum(1 << 7 * week for week in range(5))
_SUNDAY, _SATURDAY = 0, 6


def month_length(year: int, month: int) -> int:
    """Days of a month."""
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if leap else _LENGTHS[month]


def weekday(year: int, month: int, day: int) -> int:
    """0 for Sunday to 6 for Saturday."""
    return date(year, month, day).toordinal() % 7  # ordinal 1 was a Monday


def nearest_weekday(year: int, month: int, day: int) -> int:
    """The Monday to Friday nearest *day*, never leaving the month: the 1st on a Saturday gives the 3rd."""
    on = weekday(year, month, day)
    if on == _SATURDAY:
        return day - 1 if day > 1 else day + 2
    if on == _SUNDAY:
        return day + 1 if day < month_length(year, month) else day - 2
    return day


@dataclass(frozen=True, slots=True)
class MonthDays:
    """The day-of-month field."""

    plain: int  # bit d: day d
    last: bool = False  # L
    last_weekday: bool = False  # LW
    nearest: tuple[int, ...] = ()  # n of each nW; a month without day n has none

    def of(self, year: int, month: int) -> int:
        """The days of this month: bit d for day d."""
        length = month_length(year, month)
        bits = self.plain & ((2 << length) - 1)
        if self.last:
            bits |= 1 << length
        if self.last_weekday:
            bits |= 1 << nearest_weekday(year, month, length)
        for day in self.nearest:
            if day <= length:
                bits |= 1 << nearest_weekday(year, month, day)
        return bits


@dataclass(frozen=True, slots=True)
class WeekDays:
    """The day-of-week field; weekdays are bits 0 (Sunday) to 6."""

    plain: int
    last: int = 0  # weekdays of nL: their last one of the month
    nth: tuple[int, int] | None = None  # n#k: (weekday, k); a month without a k-th one has none

    def of(self, year: int, month: int) -> int:
        """The days of this month: bit d for day d."""
        length = month_length(year, month)
        first = weekday(year, month, 1)
        week = (self.plain | self.plain << 7) >> first & 0x7F  # bit i: day 1 + i
        bits = week * _EVERY_WEEK << 1
        if self.last:
            tail = weekday(year, month, length - 6)  # the last seven days hold each weekday once
            bits |= ((self.last | self.last << 7) >> tail & 0x7F) << (length - 6)
        if self.nth is not None:
            wanted, count = self.nth
            bits |= 1 << ((wanted - first) % 7 + 1 + 7 * (count - 1))
        return bits & ((2 << length) - 1)


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression. All fields are bits and none is empty; a date that never comes just never matches."""

    minutes: int  # bit m
    hours: int  # bit h
    days: MonthDays | WeekDays  # the field that is not ?
    months: int  # bit m, from 1
    years: int  # bit y - 1970

    def after(self, wall: datetime) -> datetime | None:
        """The first matching minute later than the one *wall* lies in."""
        hour, minute = wall.hour, wall.minute
        if self._on(wall) >> wall.day & 1:
            later = self.minutes >> minute + 1 << minute + 1
            if self.hours >> hour & 1 and later:
                return wall.replace(minute=_lowest(later), second=0, microsecond=0)
            later = self.hours >> hour + 1 << hour + 1
            if later:
                return wall.replace(hour=_lowest(later), minute=_lowest(self.minutes), second=0, microsecond=0)
        for year, month in self._months_from(wall.year, wall.month):
            days = self.days.of(year, month)
            if (year, month) == (wall.year, wall.month):
                days = days >> wall.day + 1 << wall.day + 1
            if days:
                return datetime(year, month, _lowest(days), _lowest(self.hours), _lowest(self.minutes))  # noqa: DTZ001 - a wall clock
        return None

    def until(self, wall: datetime) -> datetime | None:
        """The last matching minute, not later than the one *wall* lies in."""
        hour, minute = wall.hour, wall.minute
        if self._on(wall) >> wall.day & 1:
            earlier = self.minutes & ((2 << minute) - 1)
            if self.hours >> hour & 1 and earlier:
                return wall.replace(minute=_highest(earlier), second=0, microsecond=0)
            earlier = self.hours & ((1 << hour) - 1)
            if earlier:
                return wall.replace(hour=_highest(earlier), minute=_highest(self.minutes), second=0, microsecond=0)
        for year, month in self._months_until(wall.year, wall.month):
            days = self.days.of(year, month)
            if (year, month) == (wall.year, wall.month):
                days &= (1 << wall.day) - 1
            if days:
                return datetime(year, month, _highest(days), _highest(self.hours), _highest(self.minutes))  # noqa: DTZ001 - a wall clock
        return None

    def count(self, after: datetime, until: datetime) -> int:
        """How many matching minutes lie after the minute of *after*, up to and including that of *until*."""
        if until <= after:
            return 0
        total = self._counted_in_month(until) - self._counted_in_month(after)
        daily = self.hours.bit_count() * self.minutes.bit_count()
        for year, month in self._months_from(after.year, after.month):
            if (year, month) >= (until.year, until.month):
                break
            total += self.days.of(year, month).bit_count() * daily
        return total

    def _counted_in_month(self, wall: datetime) -> int:
        """Matching minutes of wall's month up to and including wall's minute."""
        days = self._on(wall)
        hours, minutes = self.hours, self.minutes
        total = (days & ((1 << wall.day) - 1)).bit_count() * hours.bit_count() * minutes.bit_count()
        if days >> wall.day & 1:
            total += (hours & ((1 << wall.hour) - 1)).bit_count() * minutes.bit_count()
            if hours >> wall.hour & 1:
                total += (minutes & ((2 << wall.minute) - 1)).bit_count()
        return total

    def _on(self, wall: datetime) -> int:
        """The matching days of wall's month; none when its month or year does not match."""
        if wall.year < FIRST_YEAR or not self.years >> wall.year - FIRST_YEAR & 1 or not self.months >> wall.month & 1:
            return 0
        return self.days.of(wall.year, wall.month)

    def _months_from(self, year: int, month: int) -> Iterator[tuple[int, int]]:
        """Matching months from this one on; the last is in 2199."""
        if year < FIRST_YEAR:
            year, month = FIRST_YEAR, 1
        years = self.years >> year - FIRST_YEAR << year - FIRST_YEAR
        while years:
            found = FIRST_YEAR + _lowest(years)
            months = self.months >> month << month if found == year else self.months
            while months:
                yield found, _lowest(months)
                months &= months - 1
            years &= years - 1

    def _months_until(self, year: int, month: int) -> Iterator[tuple[int, int]]:
        """Matching months from this one back; the last is in 1970."""
        years = self.years & ((2 << max(year - FIRST_YEAR, -1)) - 1)
        while years:
            found = FIRST_YEAR + _highest(years)
            months = self.months & ((2 << month) - 1) if found == year else self.months
            while months:
                yield found, _highest(months)
                months ^= 1 << _highest(months)
            years ^= 1 << found - FIRST_YEAR


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


def _highest(bits: int) -> int:
    return bits.bit_length() - 1
