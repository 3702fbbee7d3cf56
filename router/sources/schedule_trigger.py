"""`schedule:` in config.yaml. Mistakes are noted on the node with the sentence of the expression's or the zone's own reader."""

import json
from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING, ClassVar, Final, Self, cast

from router.config.types import Names
from router.events import zones
from router.events.agenda import Missed
from router.events.schedule import At, Expression, InvalidSchedule, parse

if TYPE_CHECKING:
    from router.config.node import Node

INPUT_LIMIT: Final = 256 * 1024  # bytes of an input: EventBridge's limit of an event
NAME: Final = r"[0-9a-zA-Z_.-]{1,64}"  # EventBridge Scheduler API reference, CreateSchedule

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

    @classmethod
    def read(cls, node: "Node", names: Names) -> Self:  # noqa: ARG003 - a schedule refers to nothing
        """Read the trigger; a scalar is the expression."""
        form = node.form(
            main="expression",
            known=("expression", "timezone", "input", "missed", "name"),
            later=("flexible_window", "start", "end", "action_after_completion"),
        )
        text = form.text("expression")
        return cls(
            text=text,
            expression=_expression(form, text),
            timezone=_timezone(form),
            input=_input(form) if form.has("input") else None,
            missed=cast("Missed", form.choice("missed", "once", ("skip", "once", "all"))),
            name=form.text("name", pattern=NAME, what="1 to 64 letters, digits, hyphens, underscores and dots") if form.has("name") else "",
        )

    def named(self, function: str, place: int) -> str:
        """The schedule's name: its own, or made of its function's and its place among all triggers that are listed."""
        return self.name or f"{function}-{place}"

    @property
    def claim(self) -> str:
        """A name is one schedule's."""
        return f"schedule {self.name}" if self.name else ""

    @property
    def scheduler(self) -> bool:
        """Whether this is EventBridge Scheduler's and not a rule: rules know neither zones nor at()."""
        return bool(self.timezone) or isinstance(self.expression, At)

    @property
    def zone(self) -> tzinfo:
        """The zone whose wall clock the expression means."""
        return zones.find(self.timezone)


def _expression(form: "Node", text: str) -> Expression:
    try:
        if text:
            return parse(text)
    except InvalidSchedule as error:
        form.problem(str(error), "expression")
    return _NEVER


def _timezone(form: "Node") -> str:
    if not form.has("timezone"):
        return ""
    name = form.text("timezone")
    try:
        zones.find(name or "?")
    except zones.UnknownZone as error:
        form.problem(str(error), "timezone")
        return ""
    return name


def _input(form: "Node") -> str:
    text = json.dumps(form.json("input"), separators=(",", ":"))
    if len(text) > INPUT_LIMIT:
        form.problem(f"{len(text)} bytes of JSON; an input has {INPUT_LIMIT} at most", "input")
    return text
