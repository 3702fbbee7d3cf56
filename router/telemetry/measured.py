"""Metrics of functions' own, as they are shown beside ours: sum and count of each, since the daemon's start.

Names are spelled as exporters of CloudWatch's metrics spell them: namespace and metric in lower case with underscores, dimensions as
labels. Used from the event loop's thread only."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from router.telemetry.emf import Metric, samples
from router.telemetry.metrics import Metrics, number, sample

MOST: Final = 2000  # series: a dimension that is another one each time must not fill the memory, and to show them takes the loop's time
ROOM: Final = 4 * 1024 * 1024  # characters of all their names and labels
_OURS: Final = "router_"
_BREAK: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ODD: Final = re.compile(r"[^a-z0-9_]+")
Dimensions = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Seen:
    """The values of one series."""

    total: float = 0.0
    count: float = 0.0


class Measured:
    """All series."""

    def __init__(self, metrics: Metrics) -> None:
        self._families: dict[str, tuple[str, dict[Dimensions, _Seen]]] = {}  # name → what is told of it, and its series by labels
        self._count = self._size = 0  # of series, and of the characters of their names and labels
        told = "Values of functions' own metrics that are not shown, because there are too many series."
        self._dropped = metrics.counter("router_function_metrics_dropped_total", told)
        metrics.beside(self.lines)

    def take(self, message: str) -> None:
        """Count what a log event measures."""
        for one in samples(message):
            self.add(one, sum(one.values), len(one.values))

    def add(self, one: Metric, total: float, count: float) -> None:
        """Count so many values of a metric, and what they come to."""
        name = _spelled(f"{one.namespace}_{one.name}")
        name = f"function_{name}" if name.startswith(_OURS) else name
        labels = tuple(sorted({_spelled(key): value for key, value in one.dimensions}.items()))
        family = self._families.get(name)
        found = family[1].get(labels) if family is not None else None
        if found is None:
            size = len(name) + sum(len(key) + len(value) for key, value in labels)
            if self._count >= MOST or self._size + size > ROOM:
                self._dropped.add(amount=count)
                return
            self._count += 1
            self._size += size
            _, series = self._families.setdefault(name, (_told(one), {}))
            found = series[labels] = _Seen()
        found.total += total
        found.count += count

    def lines(self) -> Iterator[str]:
        """Summaries in the text format."""
        for name, (told, series) in self._families.items():
            yield f"# HELP {name} {_plain(told)}"
            yield f"# TYPE {name} summary"
            for labels, found in series.items():
                names, values = [key for key, _ in labels], tuple(value for _, value in labels)
                yield sample(f"{name}_sum", names, values, number(found.total))
                yield sample(f"{name}_count", names, values, number(found.count))


def _told(one: Metric) -> str:
    unit = "" if one.unit == "None" else f", in {one.unit}"  # the name of no unit
    return f"{one.name} of {one.namespace}{unit}."


def _spelled(name: str) -> str:
    """SuccessfulBookings as successful_bookings; a name of Prometheus's in any case."""
    text = _ODD.sub("_", _BREAK.sub("_", name).lower()).strip("_") or "_"
    return f"_{text}" if text[0].isdigit() else text


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
