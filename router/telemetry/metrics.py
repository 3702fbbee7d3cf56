"""Counters, gauges and histograms in Prometheus's text exposition format 0.0.4.

Used from the event loop's thread only, but that any thread may name one. Names are router_<noun>_<unit or total>; see docs/telemetry.md."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import isfinite
from typing import Final

Labels = tuple[str, ...]

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _labelled(names: Sequence[str], values: Labels, extra: str = "") -> str:
    pairs = [f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True)]
    inside = ",".join([*pairs, extra] if extra else pairs)
    return f"{{{inside}}}" if inside else ""


def number(value: float) -> str:
    """A number in the text format."""
    if not isfinite(value):
        return {float("inf"): "+Inf", float("-inf"): "-Inf"}.get(value, "NaN")
    return str(int(value)) if value == int(value) else repr(value)


def sample(name: str, names: Sequence[str], values: Labels, value: str) -> str:
    """One line in the text format."""
    return f"{name}{_labelled(names, values)} {value}"


class Cell:
    """The number of a counter under certain labels, for who counts often: `cell.value += 1` looks nothing up."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0


class Counter:
    """A number that only grows."""

    kind: Final = "counter"

    def __init__(self, name: str, told: str, labels: Sequence[str]) -> None:
        self.name, self.told, self.labels = name, told, tuple(labels)
        self._cells: dict[Labels, Cell] = {} if labels else {(): Cell()}

    def cell(self, *labels: str) -> Cell:
        """Where the number is; one label value for each label name."""
        found = self._cells.get(labels)
        if found is None:
            found = self._cells[labels] = Cell()
        return found

    def add(self, *labels: str, amount: float = 1) -> None:
        """Grow by *amount*; one label value for each label name."""
        self.cell(*labels).value += amount

    def value(self, *labels: str) -> float:
        """The number now."""
        found = self._cells.get(labels)
        return 0 if found is None else found.value

    def lines(self) -> Iterator[str]:
        """Samples in the text format. One with labels is told of once it has grown."""
        for labels, cell in self._cells.items():
            if cell.value or not labels:
                yield f"{self.name}{_labelled(self.labels, labels)} {number(cell.value)}"


class Gauge:
    """A number that is read when asked for."""

    kind: Final = "gauge"

    def __init__(self, name: str, told: str, labels: Sequence[str], read: Callable[[], Mapping[Labels, float]]) -> None:
        self.name, self.told, self.labels, self._read = name, told, tuple(labels), read

    def lines(self) -> Iterator[str]:
        """Samples in the text format."""
        for labels, value in self._read().items():
            yield f"{self.name}{_labelled(self.labels, labels)} {number(value)}"


class Buckets:
    """How often a value measured under certain labels fell under each bound."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0  # of all values

    def observe(self, value: float) -> None:
        """Count one measured value."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


class Histogram:
    """How often a measured value fell under each bound."""

    kind: Final = "histogram"

    def __init__(self, name: str, told: str, labels: Sequence[str], bounds: Sequence[float]) -> None:
        self.name, self.told, self.labels, self._bounds = name, told, tuple(labels), tuple(bounds)
        self._cells: dict[Labels, Buckets] = {}

    def cell(self, *labels: str) -> Buckets:
        """Where values are counted, for who counts often; one label value for each label name."""
        found = self._cells.get(labels)
        if found is None:
            found = self._cells[labels] = Buckets(self._bounds)
        return found

    def observe(self, value: float, *labels: str) -> None:
        """Count one measured value."""
        self.cell(*labels).observe(value)

    def lines(self) -> Iterator[str]:
        """Samples in the text format: cumulative buckets, sum, count. Told of once something was measured."""
        for labels, buckets in self._cells.items():
            total = 0
            if not any(buckets.counts):
                continue
            for bound, count in zip((*map(number, self._bounds), "+Inf"), buckets.counts, strict=True):
                total += count
                extra = f'le="{bound}"'
                yield f"{self.name}_bucket{_labelled(self.labels, labels, extra)} {total}"
            yield f"{self.name}_sum{_labelled(self.labels, labels)} {number(buckets.total)}"
            yield f"{self.name}_count{_labelled(self.labels, labels)} {total}"


class Metrics:
    """All metrics of one daemon; asking twice for one name gives the same metric."""

    def __init__(self) -> None:
        self._metrics: dict[str, Counter | Gauge | Histogram] = {}
        self._beside: list[Callable[[], Iterable[str]]] = []

    def counter(self, name: str, told: str, *labels: str) -> Counter:
        """The counter of this name."""
        found = self._metrics.setdefault(name, Counter(name, told, labels))
        assert isinstance(found, Counter)
        return found

    def histogram(self, name: str, told: str, *labels: str, bounds: Sequence[float] = SECONDS) -> Histogram:
        """The histogram of this name."""
        found = self._metrics.setdefault(name, Histogram(name, told, labels, bounds))
        assert isinstance(found, Histogram)
        return found

    def gauge(self, name: str, told: str, *labels: str, read: Callable[[], Mapping[Labels, float]]) -> None:
        """Have *read* asked for label values → number at each exposition."""
        self._metrics[name] = Gauge(name, told, labels, read)

    def beside(self, lines: Callable[[], Iterable[str]]) -> None:
        """Have *lines* asked at each exposition for families whose names are not ours."""
        self._beside.append(lines)

    def exposition(self) -> str:
        """Everything as text/plain; version=0.0.4."""
        lines: list[str] = []
        for metric in tuple(self._metrics.values()):  # sources are built in a thread, and name theirs there
            lines += (f"# HELP {metric.name} {metric.told}", f"# TYPE {metric.name} {metric.kind}", *metric.lines())
        for each in self._beside:
            lines += each()
        return "\n".join(lines) + "\n"
