"""`schedule:` in config.yaml. Mistakes are noted on the node with the sentence of the expression's or the zone's own reader."""

import json
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, ClassVar, Final, Self, cast

from router.config.types import Names
from router.events import zones
from router.events.agenda import Missed
from router.events.cron import LAST_YEAR
from router.events.schedule import At, Expression, InvalidSchedule, parse

if TYPE_CHECKING:
    from router.config.node import Node

START_YEAR: Final = 1971  # no zone's 1971 begins before the epoch
INPUT_LIMIT: Final = 256 * 1024  # bytes of an input: EventBridge's limit of an event
NAME: Final = r"[0-9a-zA-Z_.-]{1,64}"  # EventBridge Scheduler API reference, CreateSchedule

SCHEDULERS: Final = ("flexible_window", "start", "end", "action_after_completion")  # what only EventBridge Scheduler has
_NEVER: Final = At(zones.EPOCH)  # stands in for an expression that cannot be read


@dataclass(frozen=True, slots=True)
class ScheduleTrigger:
    """`schedule:` in config.yaml."""

    word: ClassVar[str] = "schedule"

    text: str  # the expression as written
    expression: Expression
    timezone: str = ""  # IANA name; "": UTC, and an EventBridge rule when the expression allows it
    input: str | None = None  # JSON text that replaces the event
    missed: Missed = "once"
    name: str = ""  # "": FUNCTION-INDEX
    window: int = 0  # seconds; a tick runs at a random moment in it
    start: int | None = None  # epoch seconds of the first tick that may run
    end: int | None = None  # epoch seconds of the last
    delete: bool = False  # it is gone once its last tick ran
    own: bool = False  # it has a key that only EventBridge Scheduler has

    @classmethod
    def read(cls, node: "Node", names: Names) -> Self:  # noqa: ARG003 - a schedule refers to nothing
        """Read the trigger; a scalar is the expression."""
        form = node.form(
            main="expression",
            known=("expression", "timezone", "input", "missed", "name", *SCHEDULERS),
        )
        return cls.of(form, own=any(form.has(key) for key in SCHEDULERS))

    @classmethod
    def of(cls, form: "Node", *, own: bool = False) -> Self:
        """From a mapping whose keys are known to be good. *own*: see the field."""
        text = form.text("expression")
        expression, timezone = _expression(form, text, scheduler=own), _timezone(form)
        start, end = (_bound(form, key, expression, timezone) for key in ("start", "end"))
        if start is not None and end is not None and start > end:
            form.problem("is before start", "end")
        return cls(
            text=text,
            expression=expression,
            timezone=timezone,
            input=_input(form) if form.has("input") else None,
            missed=cast("Missed", form.choice("missed", "once", ("skip", "once", "all"))),
            name=form.text("name", pattern=NAME, what="1 to 64 letters, digits, hyphens, underscores and dots") if form.has("name") else "",
            window=_window(form),
            start=start,
            end=end,
            delete=form.choice("action_after_completion", "NONE", ("NONE", "DELETE")) == "DELETE",
            own=own,
        )

    @property
    def readable(self) -> bool:
        """Whether the expression could be read."""
        return self.expression is not _NEVER

    def named(self, function: str, place: int) -> str:
        """The schedule's name: its own, or made of its function's and its place among all triggers that are listed."""
        return self.name or f"{function}-{place}"

    @property
    def claim(self) -> str:
        """A name is one schedule's."""
        return f"schedule {self.name}" if self.name else ""

    @property
    def scheduler(self) -> bool:
        """Whether this is EventBridge Scheduler's and not a rule: rules know neither zones nor at(), windows, start, end or completion."""
        return bool(self.timezone) or isinstance(self.expression, At) or self.own

    @property
    def zone(self) -> tzinfo:
        """The zone whose wall clock the expression means."""
        return zones.find(self.timezone)


def _expression(form: "Node", text: str, *, scheduler: bool) -> Expression:
    try:
        if text:
            return parse(text, scheduler=scheduler)
    except InvalidSchedule as error:
        form.problem(str(error), "expression")
    return _NEVER


def _timezone(form: "Node") -> str:
    if not form.has("timezone"):
        return ""
    name = form.text("timezone", pattern=".+", what="an IANA time zone, as Europe/Berlin; leave it out for UTC")
    try:
        zones.find(name)
    except zones.UnknownZone as error:
        form.problem(str(error), "timezone")
        return ""
    return name


def _window(form: "Node") -> int:
    """FlexibleTimeWindow: 1 to 1,440 minutes; 0 when there is none."""
    if not form.has("flexible_window"):
        return 0
    seconds = form.seconds("flexible_window", low=60, high=86400)
    if seconds % 60:
        form.problem("is whole minutes", "flexible_window")
    return int(seconds)


def _bound(form: "Node", key: str, expression: Expression, timezone: str) -> int | None:
    """StartDate or EndDate: ISO 8601; without an offset it is the schedule's own time zone's."""
    if not form.has(key):
        return None
    if isinstance(expression, At) and expression is not _NEVER:
        form.problem("does not go with at(), which is one time already", key)
    text = form.text(key)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        form.problem(
            f"{text} is no date and time; write 2030-01-31T08:00:00, with Z or an offset if it is not the schedule's own zone's", key
        )
        return None
    if not START_YEAR <= at.year <= LAST_YEAR:
        form.problem(f"the year is {START_YEAR} to {LAST_YEAR}", key)
        return None
    wall = at if at.tzinfo is not None else at.replace(tzinfo=zones.find(timezone))
    return int(wall.timestamp())


def _input(form: "Node") -> str:
    text = json.dumps(form.json("input"), separators=(",", ":"))
    if len(text) > INPUT_LIMIT:
        form.problem(f"{len(text)} bytes of JSON; an input has {INPUT_LIMIT} at most", "input")
    return text
