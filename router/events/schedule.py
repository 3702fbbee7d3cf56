"""Schedule expressions, rate(), cron() and at(): what AWS accepts, and when they fire.

Pure. Instants are epoch seconds, UTC. Sources: EventBridge user guide "Creating a rule that runs on a schedule";
EventBridge Scheduler user guide "Schedule types"; verdicts of AWS in tests/golden/schedule_expressions.json.

- cron() runs on the wall clock of a zone. A time that the clock is put forward past is skipped; a time that comes
  twice runs once, the first time.
- rate() is elapsed time from an anchor: days are 24 hours each. EventBridge Scheduler takes the singular of its unit for
  any number, as recorded of AWS: rate(2 minute); rules for 1 only.
- at() is one wall time. In a gap it runs as late after the change as it would have been (02:30 runs when the clock
  shows 03:30): a one-time schedule must not vanish. A time that comes twice is the first."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from router.errors import RouterError
from router.events import cron_fields, zones
from router.events.cron import LAST_YEAR, Cron

LONGEST: Final = 256  # characters: EventBridge API reference, ScheduleExpression
END: Final = int(datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp()) + 86400  # no zone's 2199 lasts longer
START: Final = -86400  # nor does any zone's 1970 begin earlier

_UNITS: Final = {"minute": 60, "hour": 3600, "day": 86400}


class InvalidSchedule(RouterError):
    """An expression that AWS would refuse; the message says why, the attributes are what AWS answers."""

    status, code = 400, "ValidationException"
    rule_message: Final = "Parameter ScheduleExpression is not valid."

    def __init__(self, expression: str, reason: str) -> None:
        super().__init__(f"{expression}: {reason}" if expression else reason)
        self.expression = expression
        self.scheduler_message: Final = f"Invalid Schedule Expression {expression}."


@dataclass(frozen=True, slots=True)
class Rate:
    """Every so many seconds from an anchor."""

    seconds: int


@dataclass(frozen=True, slots=True)
class At:
    """Once."""

    wall: datetime  # naive: what the zone's clock shows


Expression = Rate | Cron | At


def parse(text: str, *, scheduler: bool = False) -> Expression:
    """Read rate(…), cron(…) or at(…), as rules take them or as EventBridge Scheduler does. Raises InvalidSchedule."""
    try:
        return _read(text, scheduler=scheduler)
    except ValueError as error:
        raise InvalidSchedule(text if len(text) <= LONGEST else "", str(error)) from error


def _read(text: str, *, scheduler: bool) -> Expression:
    if len(text) > LONGEST:
        raise ValueError(f"a schedule expression has {LONGEST} characters at most, this one has {len(text)}")
    if not text.isascii():
        raise ValueError("a schedule expression is plain ASCII text")
    match = re.fullmatch(r"(rate|cron|at)\((.*)\)", text, re.DOTALL)
    if match is None:
        raise ValueError(_misformed(text))
    kind, inside = match.groups()
    return _rate(inside, scheduler=scheduler) if kind == "rate" else cron_fields.read(inside) if kind == "cron" else _at(inside)


def _misformed(text: str) -> str:
    if len(text.split()) in {5, 6} and "(" not in text:
        return f"an expression says what it is: write cron({text})"
    return "a schedule is rate(5 minutes), cron(0 8 ? * MON-FRI *) or at(2030-01-31T08:00:00)"


def _rate(inside: str, *, scheduler: bool) -> Rate:
    match = re.fullmatch(r"\s*([0-9]+)\s*([A-Za-z]+?)(s?|S?)\s*", inside)
    if match is None:
        raise ValueError("a rate is a whole number and a unit: rate(1 minute), rate(5 minutes), rate(2 hours), rate(1 day)")
    number, unit = match[1], match[2].lower()
    if unit not in _UNITS:
        raise ValueError(
            f"{match[2]}{match[3]} is no unit of a rate; the units are minute, hour and day, the shortest rate is rate(1 minute)"
        )
    value = int(number)
    if value == 0:
        raise ValueError("a rate is at least 1; to stop a schedule write enabled: false")
    right = f"{value} {unit}{'' if value == 1 else 's'}"
    if inside != right and not (scheduler and inside == f"{value} {unit}"):
        raise ValueError(f"write rate({right}): one space, no padding, lower case, the singular for 1 only")
    return Rate(value * _UNITS[unit])


def _at(inside: str) -> At:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}", inside):
        raise ValueError("write at(yyyy-mm-ddThh:mm:ss) with the time and without a zone; the zone is said by timezone")
    try:
        return At(datetime.fromisoformat(inside))
    except ValueError:
        raise ValueError(f"{inside} is no date and time of the calendar") from None


def next_after(expression: Expression, instant: float, zone: tzinfo = UTC, *, anchor: int = 0) -> int | None:
    """The first tick later than *instant*; None when there is none until the end of 2199.

    *anchor*: where a rate() counts from; its first tick is one interval later. The others do not look at it."""
    if instant >= END:
        return None
    if isinstance(expression, Rate):
        due = anchor + max(1, int((instant - anchor) // expression.seconds) + 1) * expression.seconds
        return due if due < END else None
    if isinstance(expression, At):
        due = _instant_of_at(expression, zone)
        return due if instant < due < END else None
    wall: datetime | None = zones.wall_clock(max(instant, START), zone)
    while wall is not None and (wall := expression.after(wall)) is not None:
        tick = zones.instant_of(wall, zone)
        if tick is not None and tick > instant:  # else: skipped, or already run on the first pass of a repeated hour
            return tick
    return None


def last_until(expression: Expression, instant: float, zone: tzinfo = UTC, *, anchor: int = 0) -> int | None:
    """The last tick not later than *instant*; None when there is none since 1970."""
    if isinstance(expression, Rate):
        count = int((min(instant, END - 1) - anchor) // expression.seconds)
        return anchor + count * expression.seconds if count >= 1 else None
    if isinstance(expression, At):
        due = _instant_of_at(expression, zone)
        return due if due <= instant else None
    if instant < START:
        return None
    wall: datetime | None = _latest_shown(min(instant, END), zone)
    while wall is not None and (wall := expression.until(wall)) is not None:
        tick = zones.instant_of(wall, zone)
        if tick is not None and tick <= instant:
            return tick
        wall -= timedelta(minutes=1)
    return None


def count_between(expression: Expression, after: int, until: int, zone: tzinfo = UTC, *, anchor: int = 0) -> int:
    """How many ticks lie after *after*, up to and including *until*, without visiting them.

    Of cron() these are minutes of the wall clock: times skipped or repeated by clock changes in between are not corrected for."""
    if until <= after:
        return 0
    if isinstance(expression, Rate):
        first, last = ((min(at, END - 1) - anchor) // expression.seconds for at in (after, until))
        return max(0, last) - max(0, first)
    if isinstance(expression, At):
        return int(after < _instant_of_at(expression, zone) <= until)
    low, high = (zones.wall_clock(min(max(at, START), END), zone) for at in (after, until))
    return expression.count(low, high)


def upcoming(expression: Expression, instant: float, zone: tzinfo = UTC, *, anchor: int = 0) -> Iterator[int]:
    """The ticks after *instant*, one after another."""
    tick = next_after(expression, instant, zone, anchor=anchor)
    while tick is not None:
        yield tick
        tick = next_after(expression, tick, zone, anchor=anchor)


def _instant_of_at(at: At, zone: tzinfo) -> int:
    before, _ = zones.offsets(at.wall, zone)
    return (at.wall - zones.EPOCH) // timedelta(seconds=1) - before


def _latest_shown(instant: float, zone: tzinfo) -> datetime:
    """The latest time that the zone's clock has shown by *instant*: on the second pass of a repeated hour later than it shows now."""
    wall = zones.wall_clock(instant, zone)
    if not wall.fold:
        return wall
    before, after = zones.offsets(wall, zone)
    return wall.replace(fold=0) + timedelta(seconds=before - after)
