"""A schedule of the house, and what each of its ticks hands to whom."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from router import names
from router.config.types import Config, Destination
from router.events import scheduled
from router.events.agenda import Timetable
from router.events.eventbridge import Place
from router.events.scheduled import Firing
from router.events.transform import WHOLE, Facts
from router.sources.base import Binding
from router.sources.planned import Planned
from router.sources.ruling import Ruling
from router.sources.schedule_trigger import ScheduleTrigger
from router.sources.targets import Handed, Target, Told


@dataclass(slots=True)
class Schedule:
    """One schedule and what `router schedules` tells of it."""

    name: str  # unlike any other's: FUNCTION-PLACE or its own of a trigger, GROUP/NAME of a schedule, rule:NAME of a rule
    targets: tuple[Target, ...]
    trigger: ScheduleTrigger
    title: str = ""  # the name in its ARN; "": the same
    group: str = "default"
    last: int | None = None  # time of the newest tick handed over
    missed: int = 0  # ticks dropped since the schedule began
    pending: int = 0  # ticks decided and not handed over yet

    @classmethod
    def of(cls, binding: Binding) -> Self:
        """That of a `schedule:` trigger."""
        target = Target(Destination("function", binding.target))
        return cls(binding.trigger.named(binding.function.name, binding.index), (target,), binding.trigger)

    @classmethod
    def planned(cls, one: Planned) -> Self:
        """One of the config's own list."""
        return cls(one.key, (one.target,), one.timing, one.name, one.group)

    @classmethod
    def ruled(cls, ruling: Ruling) -> Self:
        """That of a rule."""
        assert ruling.schedule is not None
        return cls(f"rule:{ruling.name}", ruling.targets, ruling.schedule, ruling.name)

    @property
    def function(self) -> str:
        """For people and metrics: its function, or what else it hands its ticks to."""
        return ", ".join(target.spoken for target in self.targets)

    @property
    def spelling(self) -> str:
        """What makes it another schedule when it changes."""
        return f"{self.trigger.text} {self.trigger.timezone}".strip()

    @property
    def timetable(self) -> Timetable:
        """What the agenda knows of it."""
        trigger = self.trigger
        return Timetable(trigger.expression, trigger.zone, trigger.missed, trigger.window, trigger.start, trigger.end, trigger.scheduler)

    def due(self, at: int) -> int:
        """When a tick runs, epoch seconds: at its time, or within its window."""
        return at + scheduled.delay(self.name, at, self.trigger.window) if self.trigger.window else at

    def handed(self, config: Config, at: int, *, sequencer: str, now: float) -> list[Handed]:
        """What one tick hands over, to each target its own."""
        firing = Firing(self.title or self.name, config.region, config.account, at, names.request_id(), self.group)
        place = Place(config.region, config.account)
        whole = scheduled.payload(firing, self.trigger.input, scheduler=self.trigger.scheduler)
        return [self._told(target, firing, whole, sequencer, now).for_target(target, place) for target in self.targets]

    def _told(self, target: Target, firing: Firing, whole: bytes, sequencer: str, now: float) -> Told:
        by_scheduler = self.trigger.scheduler
        arn = names.schedule_arn(firing.region, firing.account, firing.name, firing.group)
        if not by_scheduler:
            arn = names.rule_arn(firing.region, firing.account, firing.name)
        body = whole
        if target.input is not WHOLE:
            body = target.input.of(scheduled.rule_event(firing), Facts(firing.name, arn, now))
        elif target.to.kind in {"queue", "topic"} and by_scheduler:
            body = bare(body)
        elif target.source and self.trigger.input is None:
            body = b"{}"
        source = f"schedule:{self.name}" + (f"/{target.id}" if target.id else "")
        return Told(body, source, sequencer, arn, now, firing.id, scheduled=firing.at if by_scheduler else None)


def listed(bindings: Iterable[Binding], config: Config) -> Iterator[Schedule]:
    """All that tick: triggers, the config's own list, and rules with a schedule."""
    yield from map(Schedule.of, bindings)
    yield from (Schedule.planned(plan) for plan in config.schedules.values() if plan.enabled)
    yield from (Schedule.ruled(rule) for rule in config.rules.values() if rule.enabled and rule.schedule is not None and rule.targets)


def bare(body: bytes) -> bytes:
    """The message of a queue or topic is the input as it is: a text without its quotes."""
    if not body.startswith(b'"'):
        return body
    value = json.loads(body)
    return value.encode(errors="replace") if isinstance(value, str) else body
