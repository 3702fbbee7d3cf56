"""YAML aliases written out, event by event. Pure.

CloudFormation takes none, but what hands templates to it (SAM's and AWS's command lines, Chalice) writes them out first. What they
make is counted: a small text cannot expand without bounds."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import yaml

from router.templates.words import TemplateError, shown

MOST: Final = 200_000  # events that aliases may make of one template; without them one of 1 MB has no more


@dataclass(slots=True, eq=False)
class _Anchored:
    """A node with an anchor, as far as it is read."""

    name: str
    events: list[yaml.Event] = field(default_factory=list)
    depth: int = 0

    def take(self, event: yaml.Event) -> bool:
        """Record its next event; whether it was the last."""
        self.events.append(event)
        self.depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        return self.depth == 0


def written_out(events: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
    """The events without anchors, and of what an alias names in its place. Raises TemplateError."""
    known: dict[str, list[yaml.Event]] = {}
    reading: list[_Anchored] = []
    left = MOST
    for event in events:
        named: list[yaml.Event] = [event]
        if isinstance(event, yaml.AliasEvent):
            named = _named(event, known)
        elif isinstance(event, yaml.NodeEvent) and event.anchor:
            reading.append(_Anchored(event.anchor))
            event.anchor = None
        left -= len(named) * (len(reading) + (named[0] is not event))
        if left < 0:
            raise TemplateError(f"line {_line(event)}: aliases make more than {MOST} values of this template")
        for each in named:
            for one in [one for one in reading if one.take(each)]:
                known[one.name] = one.events
                reading.remove(one)
            yield each


def _named(event: yaml.AliasEvent, known: dict[str, list[yaml.Event]]) -> list[yaml.Event]:
    if event.anchor not in known:
        raise TemplateError(f"line {_line(event)}: alias *{shown(event.anchor or '')}: nothing before it has that anchor")
    return known[event.anchor]


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
