"""What metric filters count of what is written to their log groups. The reading blocks, and is for a thread."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from router.events.log_patterns import LogPattern
from router.sources.metric_filter import MetricFilter, number
from router.telemetry import logfollow
from router.telemetry.emf import LONGEST, Metric
from router.telemetry.logfollow import Mark
from router.telemetry.loggroups import LogGroups
from router.telemetry.logpages import event_at

LOOK: Final = 512 * 1024  # bytes that are read at once


class Counting:
    """One filter, ready to count."""

    def __init__(self, wanted: MetricFilter) -> None:
        self._wanted, self._pattern = wanted, LogPattern.of(wanted.pattern)
        written = number(wanted.value)
        self._value: Callable[[str], Any] = self._pattern.selected(wanted.value) if written is None else lambda _: written
        self._dimensions = {name: self._pattern.selected(selector) for name, selector in wanted.dimensions.items()}

    def of(self, message: str) -> tuple[Metric, float] | None:
        """What is counted of an event; None where it does not match, or has no number where one should stand."""
        if not self._pattern.matches(message):
            return None
        value = number(self._value(message))
        found = {name: select(message) for name, select in self._dimensions.items()}
        if value is None or not all(isinstance(one, str | int | float) and 0 < len(str(one)) <= LONGEST for one in found.values()):
            return None
        named = tuple((name, str(one)) for name, one in found.items())
        return Metric(self._wanted.namespace, self._wanted.metric, self._wanted.unit, named), value


@dataclass(slots=True)
class Group:
    """A log group that has filters, and how far its streams were read."""

    name: str
    filters: Sequence[MetricFilter]
    counting: list[Counting]
    begun: bool = False
    marks: dict[str, Mark] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)  # streams to look at

    def look(self, logs: LogGroups, names: Iterable[str]) -> tuple[dict[Metric, tuple[float, int]], set[str]]:
        """What is counted of what the streams have that was not read; which may have more. Blocking. Raises OSError: nothing was read then."""
        found: dict[Metric, tuple[float, int]] = {}
        marks: dict[str, Mark] = {}
        rest, left = set(), LOOK
        for name in names:
            if left <= 0:
                rest.add(name)
                continue
            lines, marks[name], _ = logfollow.read(logs.stream(self.name, name), self.marks.get(name, Mark()), left)
            left -= sum(len(line) for _, line in lines)
            for spot, line in lines:
                if (event := event_at(name, line, spot)) is not None:
                    self._count(event.message, found)
            if left <= 0:
                rest.add(name)
        self.marks |= marks
        return found, rest

    def _count(self, message: str, found: dict[Metric, tuple[float, int]]) -> None:
        for one in self.counting:
            if (counted := one.of(message)) is not None:
                metric, value = counted
                total, count = found.get(metric, (0.0, 0))
                found[metric] = total + value, count + 1
