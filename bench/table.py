"""A row of the table: what was measured, beside what, and whether that meets the target."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class Row:
    """One measured line."""

    what: str
    ours: str
    beside: str  # the limit, measured in the same run; "" when the target is absolute
    target: str
    met: bool


def rendered(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| what | measured | beside, in the same run | target | |", "|---|---|---|---|---|"]
    lines += [f"| {r.what} | {r.ours} | {r.beside or '–'} | {r.target} | {'meets' if r.met else '**misses**'} |" for r in rows]
    return "\n".join(lines)


def median(measure: Callable[[], float], runs: int) -> float:
    """The median of several runs."""
    return statistics.median(measure() for _ in range(runs))


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which *share* of all values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def resident(pid: int | str = "self") -> int:
    """Resident memory of a process, bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {pid} is gone")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
