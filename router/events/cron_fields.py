"""The six fields of an AWS cron expression: text to bits, and exact words about what is wrong.

Pure; mistakes are ValueError with a sentence that names the field. Source: EventBridge user guide, "Cron expressions".

Where AWS says nothing or contradicts itself, this is the rule:
- names in any case, numbers with leading zeros; lists may mix names, numbers, ranges, steps, L, nL, W;
- a range may wrap (20-2 hours is 20 to 23 and 0 to 2; FRI-MON), but not in years; steps go on across the wrap;
- a/b starts at a and goes to the field's end; a step is 1 to the field's highest value (0/90 minutes is refused);
- # stands alone in its field; nW and n#5 in a month that has no such day do not fire in that month."""

import re
from dataclasses import dataclass
from typing import Final

from router.events.cron import FIRST_YEAR, LAST_YEAR, Cron, MonthDays, WeekDays

SHAPE: Final = "minutes hours day-of-month month day-of-week year"


@dataclass(frozen=True, slots=True)
class Field:
    """What one field may hold."""

    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()  # names of low, low + 1, …
    base: int = 0  # the value of bit 0
    wraps: bool = True

    def value(self, text: str) -> int:
        """One number or name."""
        if text.upper() in self.words:
            return self.low + self.words.index(text.upper())
        if not re.fullmatch(r"[0-9]{1,9}", text):
            names = f" or {self.words[0]} to {self.words[-1]}" if self.words else ""
            elsewhere = " (? stands in day-of-month or day-of-week only)" if text == "?" else ""
            raise ValueError(f"{self.name}: {text or 'an empty value'} is not a number from {self.low} to {self.high}{names}{elsewhere}")
        if not self.low <= int(text) <= self.high:
            raise ValueError(f"{self.name}: {text} is outside {self.low} to {self.high}")
        return int(text)

    def bits(self, text: str) -> int:
        """A list of values, ranges and steps."""
        bits = 0
        for term in text.split(","):
            bits |= self.term(term)
        return bits

    def term(self, term: str) -> int:
        """*, a, a-b, each perhaps with /step."""
        span, slash, by = term.partition("/")
        start, dash, end = span.partition("-")
        if span == "*":
            first, last = self.low, self.high
        elif dash:
            first, last = self.value(start), self.value(end)
        else:
            first = self.value(span)
            last = self.high if slash else first
        if last < first:
            if not self.wraps:
                raise ValueError(f"{self.name}: the range {span} runs backwards")
            last += self.high - self.low + 1
        step = self._step(by) if slash else 1
        size = self.high - self.low + 1
        return sum(1 << (value - self.low) % size + self.low - self.base for value in range(first, last + 1, step))

    def _step(self, text: str) -> int:
        highest = self.high - FIRST_YEAR if self.base == FIRST_YEAR else self.high
        if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= highest:
            raise ValueError(f"{self.name}: the step {text or 'after /'} is not a number from 1 to {highest}")
        return int(text)


MINUTES: Final = Field("minutes", 0, 59)
HOURS: Final = Field("hours", 0, 23)
MONTH_DAYS: Final = Field("day-of-month", 1, 31)
MONTHS: Final = Field("month", 1, 12, ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"))
WEEK_DAYS: Final = Field("day-of-week", 1, 7, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), base=1)
YEARS: Final = Field("year", FIRST_YEAR, LAST_YEAR, base=FIRST_YEAR, wraps=False)


def read(text: str) -> Cron:
    """The text between cron( and ). Raises ValueError."""
    fields = text.split()
    if len(fields) != 6:
        raise ValueError(_miscounted(len(fields)))
    minutes, hours, month_days, months, week_days, years = fields
    return Cron(
        minutes=MINUTES.bits(minutes),
        hours=HOURS.bits(hours),
        days=_days(month_days, week_days, fields),
        months=MONTHS.bits(months),
        years=YEARS.bits(years),
    )


def _miscounted(count: int) -> str:
    told = f"cron has six fields ({SHAPE}), here {'is' if count == 1 else 'are'} {count}"
    if count == 5:
        return f"{told}; a line of a crontab becomes one with a year and ? for one of the two day fields, as cron(0 8 ? * MON-FRI *)"
    return told


def _days(month_days: str, week_days: str, fields: list[str]) -> MonthDays | WeekDays:
    if month_days != "?" and week_days != "?":
        _month_days(month_days)  # what is wrong inside a field is said first
        _week_days(week_days)
        unset = 2 if month_days == "*" and week_days != "*" else 4
        fixed = " ".join("?" if index == unset else field for index, field in enumerate(fields))
        raise ValueError(f"one of day-of-month and day-of-week must be ?, write cron({fixed})")
    if week_days == "?" and month_days == "?":
        raise ValueError("day-of-month and day-of-week are both ?; for every day write * in one of them")
    return _month_days(month_days) if week_days == "?" else _week_days(week_days)


def _month_days(text: str) -> MonthDays:
    plain, nearest = 0, []
    terms = text.upper().split(",")
    for term in terms:
        if term in {"L", "LW"}:
            continue
        if term.endswith("W"):
            nearest.append(MONTH_DAYS.value(term[:-1]))
        else:
            plain |= MONTH_DAYS.term(term)
    return MonthDays(plain, last="L" in terms, last_weekday="LW" in terms, nearest=tuple(sorted(set(nearest))))


def _week_days(text: str) -> WeekDays:
    if "#" in text:
        return WeekDays(0, nth=_nth(text))
    plain, last = 0, 0
    for term in text.upper().split(","):
        if term == "L":
            plain |= 1 << 6  # L alone is 7, Saturday
        elif term.endswith("L"):
            last |= 1 << WEEK_DAYS.value(term[:-1]) - 1
        else:
            plain |= WEEK_DAYS.term(term)
    return WeekDays(plain, last=last)


def _nth(text: str) -> tuple[int, int]:
    if "," in text:
        raise ValueError(f"day-of-week: {text} holds more than one expression; with # there is one, as 3#2 for the second Tuesday")
    day, _, count = text.partition("#")
    if count not in {"1", "2", "3", "4", "5"}:
        raise ValueError(f"day-of-week: in {text} the number after # is not 1 to 5")
    return WEEK_DAYS.value(day) - 1, int(count)
