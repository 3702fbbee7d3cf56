"""`rules:` in config.yaml: rules with targets of any kind. An `event:` trigger is a rule with one, its function.

AWS's words and limits: EventBridge API reference, PutRule and PutTargets."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from router.config import buses, queues
from router.config.types import Surroundings
from router.events.patterns import Pattern
from router.events.schedule import At
from router.names import rule_arn
from router.sources import target_reading
from router.sources.bus_trigger import NAME, NOTHING, pattern_of
from router.sources.schedule_trigger import ScheduleTrigger
from router.sources.targets import Target

if TYPE_CHECKING:
    from router.config.node import Node

ONLY_DEFAULT: Final = "ScheduleExpression is supported only on the default event bus."
_KNOWN: Final = ("bus", "pattern", "schedule", "enabled", "description", "tags", "targets")


@dataclass(frozen=True, slots=True)
class Ruling:
    """One rule of the config."""

    name: str
    bus: str = buses.DEFAULT
    pattern: Pattern | None = None
    written: str = ""  # the pattern as JSON text
    schedule: ScheduleTrigger | None = None
    enabled: bool = True
    description: str = ""
    targets: tuple[Target, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    value: Any = field(default=None, repr=False)  # as the config has it, a JSON value

    @property
    def key(self) -> str:
        """Its name in the config: BUS/NAME where the bus is not the default one."""
        return buses.key_of(self.bus, self.name)


def rules(node: "Node", around: Surroundings) -> dict[str, Ruling]:
    """The value under `rules`: BUS/NAME → rule; BUS/ is left out for the default bus, or said by `bus`."""

    def read(key: str, child: "Node") -> Ruling:
        bus, _, name = key.rpartition("/")
        if not re.fullmatch(NAME, name):
            node.misnamed(key, "a rule's name is 1 to 64 letters, digits, hyphens, underscores and dots, after BUS/ for another bus")
        made = _rule(name, bus, child, around)
        if node.document.readings.claim(f"rules.{made.key}", key) != key:
            node.misnamed(key, f"two rules of bus {made.bus} have the name {name}")
        return made

    return {made.key: made for made in node.each(read).values()}


def _rule(name: str, place: str, node: "Node", around: Surroundings) -> Ruling:
    form = node.form(known=_KNOWN)
    bus = form.text("bus", place or buses.DEFAULT)
    if place and bus != place:
        form.problem(f"the rule's name says {place}", "bus")
    if bus not in around.names.buses:
        form.problem(f"no bus has the name {bus}{form.did_you_mean(bus, around.names.buses)}", "bus")
    if not form.has("pattern") and not form.has("schedule"):
        told = "a rule needs a pattern, as pattern: {source: [shop]}, or a schedule, as schedule: rate(5 minutes)"
        form.lacks(told, ("pattern", "schedule"))
    pattern = pattern_of(form, "pattern") if form.has("pattern") else None
    hears = bus if pattern is not None and node.line else ""  # PutTargets refuses it there; what was taken once stops no start
    return Ruling(
        name=name,
        bus=bus,
        pattern=None if pattern is NOTHING else pattern,
        written=json.dumps(form.json("pattern"), separators=(",", ":"), ensure_ascii=False) if pattern is not None else "",
        schedule=_schedule(form, bus),
        enabled=form.boolean("enabled", default=True),
        description=buses.description(form),
        targets=target_reading.of_rule(form, around, rule_arn(around.region, around.account, name, bus), hears),
        tags=queues.tags(form),
        value=node.json(""),
    )


def _schedule(form: "Node", bus: str) -> ScheduleTrigger | None:
    child = form.child("schedule")
    if child is None:
        return None
    if bus != buses.DEFAULT:
        form.problem(ONLY_DEFAULT, "schedule")
    timing = ScheduleTrigger.of(child.form(main="expression", known=("expression", "missed")))
    if isinstance(timing.expression, At) and timing.readable:
        child.problem("at() is EventBridge Scheduler's: write it under schedules")
    return timing
