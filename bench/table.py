"""A row of the table: what was measured, beside what, and which of its targets that meets. Pure."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

HEADINGS = ("what", "measured", "beside, in the same run", "target", "")


@dataclass(frozen=True, slots=True)
class Check:
    """One target of a row."""

    told: str  # as design and table spell it
    holds: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One measured line."""

    what: str
    ours: str
    beside: str  # the limit, measured in the same run; "" when there is none
    checks: tuple[Check, ...]  # () for a figure without a target
    how: str  # how it was measured: what starts and ends the time, what is counted
    why: str = ""  # what is known of the reason; told only when a target is missed
    broken: str = ""  # why the figure must not count: something failed or was lost

    @property
    def missed(self) -> list[str]:
        """The targets that do not hold."""
        return [check.told for check in self.checks if not check.holds]

    @property
    def verdict(self) -> str:
        """The last cell."""
        if self.broken:
            return "**failed**"
        if not self.checks:
            return "no target"
        return "**misses**" if self.missed else "meets"


def failed(what: str, reason: str) -> Row:
    """The row of a measurement that came to nothing."""
    return Row(what, "no figure", "", (), "", broken=reason)


def rendered(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [HEADINGS, ("---",) * len(HEADINGS)]
    lines += [(row.what, row.ours, row.beside or "-", "; ".join(c.told for c in row.checks) or "-", row.verdict) for row in rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    """*text* as it stands in one cell."""
    return " ".join(text.split()).replace("|", "\\|")


def shortfalls(rows: Iterable[Row]) -> list[str]:
    """One sentence for every row that failed or misses a target."""
    found = []
    for row in rows:
        if row.broken:
            found.append(f"{row.what}: failed, the figure does not count: {row.broken}.")
        elif row.missed:
            found.append(f"{row.what}: {row.ours}; misses {' and '.join(row.missed)}.{f' {row.why}' if row.why else ''}")
    return found


def packed(rows: Sequence[Row]) -> str:
    """Rows on their way from one process to another."""
    return json.dumps([asdict(row) for row in rows])


def unpacked(text: str) -> list[Row]:
    """What packed() gave. Raises ValueError."""
    found: list[dict[str, Any]] = json.loads(text)
    return [Row(**fields | {"checks": tuple(Check(**check) for check in fields["checks"])}) for fields in found]


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least *share* (0 to 1) of all values do not exceed. Raises ValueError without values."""
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
