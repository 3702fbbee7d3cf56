"""Usage plans: how many requests of a period an API key has made, and whether it may make another.

Pure: time is a parameter. Sources: API Gateway developer guide, "Usage plans and API keys for REST APIs"; CloudFormation
reference, AWS::ApiGateway::UsagePlan QuotaSettings (weeks begin on Sunday). Periods are those of UTC."""

from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple

Period = Literal["day", "week", "month"]

DAY: Final = 86400  # seconds


class Used(NamedTuple):
    """What a key has used of its quota."""

    start: int  # epoch seconds: when the period began
    requests: int


def start_of(period: Period, now: float) -> int:
    """When the period began in which *now* (epoch seconds) lies, epoch seconds."""
    midnight = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "week":
        midnight -= timedelta(days=midnight.isoweekday() % 7)
    elif period == "month":
        midnight = midnight.replace(day=1)
    return int(midnight.timestamp())


def end_of(period: Period, start: int) -> int:
    """When the period ends that began at *start*, epoch seconds."""
    if period == "month":
        return start_of("month", start + 31 * DAY)
    return start + (DAY if period == "day" else 7 * DAY)


def counted(used: Used, start: int, end: int) -> Used:
    """*used* as of the period from *start* to *end*.

    A clock that was set back by less than a period goes on counting for the one that had begun: it gives nobody a fresh
    quota. One that had been far ahead does not hold a key for years: what it counted is of the period now."""
    if start > used.start:
        return Used(start, 0)
    return used if used.start <= end else Used(start, used.requests)


class Allowance:
    """One key's quota in one plan."""

    __slots__ = ("_end", "_limit", "_period", "_start", "used")

    def __init__(self, limit: int, period: Period, used: Used | None = None) -> None:
        self._limit, self._period = limit, period
        self.used = used or Used(0, 0)
        self._start = self._end = 0  # of the period of the last look

    def look(self, now: float) -> Used:
        """What is used now, epoch seconds."""
        if not self._start <= now < self._end:
            self._start = start_of(self._period, now)
            self._end = end_of(self._period, self._start)
            self.used = counted(self.used, self._start, self._end)
        return self.used

    def take(self, now: float) -> float:
        """Count one request: 0 when the quota allowed it, else the seconds until the next period."""
        used = self.look(now)
        if used.requests >= self._limit:
            return max(self._end - now, 1.0)
        self.used = Used(used.start, used.requests + 1)
        return 0.0

    def restore(self, used: Used) -> None:
        """Take over what an earlier run counted; what is counted since comes on top, where it is of the same period."""
        if not self.used.start:
            self.used = used
            return
        start = self.used.start
        self.used = Used(start, counted(used, start, end_of(self._period, start)).requests + self.used.requests)
