"""What every invocation is counted by: one look-up for a function instead of one for each metric and label."""

from typing import NamedTuple

from router.config.types import Function
from router.model import Outcome
from router.telemetry.cost import Bill, gb_seconds
from router.telemetry.metrics import Buckets, Cell, Counter, Histogram


class Tally(NamedTuple):
    """One function's."""

    ok: Cell
    failed: Cell
    duration: Buckets
    used: Cell  # GB-seconds


class Tallies:
    """Every function's, by name."""

    def __init__(self, invocations: Counter, duration: Histogram, bill: Bill) -> None:
        self._invocations, self._duration, self._bill = invocations, duration, bill
        self._known: dict[str, Tally] = {}

    def count(self, function: Function, outcome: Outcome) -> None:
        """An invocation has ended."""
        tally = self._known.get(function.name)
        if tally is None:
            tally = self._known[function.name] = self._made(function.name)
        ok, failed, duration, used = tally
        (failed if outcome.function_error else ok).value += 1
        duration.observe(outcome.duration_ms / 1000)
        used.value += gb_seconds(function.memory, outcome.billed_ms)

    def _made(self, name: str) -> Tally:
        ok, failed = self._invocations.cell(name, "ok"), self._invocations.cell(name, "error")
        return Tally(ok, failed, self._duration.cell(name), self._bill.cell(name))
