"""`schedules:` in config.yaml: EventBridge Scheduler's schedules with targets of any kind. `schedule:` triggers are those of functions.

AWS's words and limits: EventBridge Scheduler API reference, CreateSchedule."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from router.config import buses
from router.config.types import Surroundings
from router.names import schedule_group_arn
from router.sources import target_reading
from router.sources.schedule_trigger import NAME, SCHEDULERS, ScheduleTrigger
from router.sources.targets import Target

if TYPE_CHECKING:
    from router.config.node import Node

_TIMING: Final = ("expression", "timezone", "input", "missed", *SCHEDULERS)
_KNOWN: Final = (*_TIMING, "target", "enabled", "description")


@dataclass(frozen=True, slots=True)
class Planned:
    """One schedule of the config."""

    name: str
    timing: ScheduleTrigger
    target: Target
    group: str = buses.DEFAULT
    enabled: bool = True
    description: str = ""
    value: Any = field(default=None, repr=False)  # as the config has it, a JSON value

    @property
    def key(self) -> str:
        """Its name in the config: GROUP/NAME where the group is not the default one."""
        return buses.key_of(self.group, self.name)


def schedules(node: "Node", around: Surroundings) -> dict[str, Planned]:
    """The value under `schedules`: GROUP/NAME → schedule; GROUP/ is left out for the default group."""

    def read(key: str, child: "Node") -> Planned:
        group, slash, name = key.rpartition("/")
        if not re.fullmatch(NAME, name):
            node.misnamed(key, "a schedule's name is 1 to 64 letters, digits, hyphens, underscores and dots, after GROUP/ in a group")
        if slash and group not in around.groups:
            node.misnamed(
                key, f"no schedule group has the name {group}{node.did_you_mean(group, around.groups)}; list it under schedule_groups"
            )
        made = _planned(name, group or buses.DEFAULT, child, around)
        if node.document.readings.claim(f"schedules.{made.key}", key) != key:
            node.misnamed(key, f"two schedules of group {made.group} have the name {name}")
        return made

    return {made.key: made for made in node.each(read).values()}


def _planned(name: str, group: str, node: "Node", around: Surroundings) -> Planned:
    form = node.form(known=_KNOWN)
    target = target_reading.of_schedule(form, around, schedule_group_arn(around.region, around.account, group))
    if target.to.kind == "bus" and form.has("input") and not isinstance(form.json("input"), dict):
        form.problem("is the detail of an event for a bus: a mapping", "input")
    return Planned(
        name=name,
        timing=ScheduleTrigger.of(form, own=True),
        target=target,
        group=group,
        enabled=form.boolean("enabled", default=True),
        description=buses.description(form),
        value=node.json(""),
    )
