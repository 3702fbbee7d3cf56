"""What a listener counts with; telemetry's Metrics is one. A Protocol, because telemetry stands on the same floor."""

from typing import Protocol


class Cell(Protocol):
    """The number of a counter under certain labels."""

    value: float


class Counter(Protocol):
    """A number that only grows."""

    def add(self, *labels: str, amount: float = 1) -> None:
        """Grow by *amount*; one label value for each label name."""

    def cell(self, *labels: str) -> Cell:
        """What grows, for who counts often."""


class Counters(Protocol):
    """Where counters come from."""

    def counter(self, name: str, told: str, *labels: str) -> Counter:
        """The counter of this name."""
