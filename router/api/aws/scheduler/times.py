"""When a schedule runs, in a request's members: read into config.yaml's words, and looked at for what would never come. Pure."""

from typing import Any, Final

from router import names
from router.api.aws.events.members import invalid, text
from router.api.aws.service import Members
from router.events import zones
from router.events.agenda import Timetable, beginning, next_tick
from router.events.eventbridge import LATEST
from router.events.schedule import At, Expression, InvalidSchedule, parse

LATE: Final = 300.0  # seconds that a StartDate may be past


def read(given: Members) -> dict[str, Any]:
    """ScheduleExpression, its zone, StartDate and EndDate. Raises AwsError.

    One-time schedules have neither date: EventBridge Scheduler ignores them there (API reference, CreateSchedule)."""
    value: dict[str, Any] = {"expression": text(given, "ScheduleExpression")}
    expression = _parsed(value["expression"])
    if found := text(given, "ScheduleExpressionTimezone", ""):
        value["timezone"] = found
    dates = {
        key: names.iso_s(at) for key, member in (("start", "StartDate"), ("end", "EndDate")) if (at := _moment(given, member)) is not None
    }
    return value if isinstance(expression, At) else value | dates


def check(given: Members, now: float) -> None:
    """Refuse a new schedule that begins before now, or is over already: nobody would know that it never runs. Raises AwsError."""
    expression = _parsed(text(given, "ScheduleExpression"))
    once = isinstance(expression, At)
    start, end = (None if once else _moment(given, member) for member in ("StartDate", "EndDate"))
    if start is not None and start < now - LATE:
        raise invalid("The StartDate you specify cannot be earlier than 5 minutes ago.")
    try:
        zone = zones.find(text(given, "ScheduleExpressionTimezone", ""))
    except zones.UnknownZone:
        return  # the config says so, as it does of an end before the start
    table = Timetable(expression, zone, start=_whole(start), end=_whole(end), at_once=True)
    backwards = start is not None and end is not None and end < start
    if not backwards and next_tick(table, beginning(table, int(now))) is None:
        written = text(given, "ScheduleExpression")
        raise invalid(f"Invalid Schedule Expression {written}. Reason: it has no time that is to come{', until EndDate' if end else ''}.")


def _whole(at: float | None) -> int | None:
    return None if at is None else int(at)


def _parsed(expression: str) -> Expression:
    try:
        return parse(expression, scheduler=True)
    except InvalidSchedule:
        raise invalid(f"Invalid Schedule Expression {expression[:200]}.") from None


def _moment(given: Members, member: str) -> float | None:
    """A time of a request, epoch seconds."""
    value = given.get(member)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LATEST:
        raise invalid(f"{member} is not valid.")
    return float(value)
