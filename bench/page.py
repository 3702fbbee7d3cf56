"""docs/performance.md from rows and facts. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

from bench.table import Row, rendered, shortfalls

PAGE = """# Performance

Made by `{command}` on {date}: {cores} cores, Python {python}. Written by the program, not by hand.

{table}

## What falls short

{missed}

## How it was measured

- `python -m bench` prints this table anew, `python -m bench --brief` a shorter run of it, `python -m bench --help` the names of its parts.
- What a row is compared with ran in the same run, on the same machine and disk, in turn with it, run by run. Figures are medians of the
  runs, ratios medians of the ratios; the first run of each side is a warm-up and not counted.
- A request that fails or an event that is lost makes its row fail, whatever its speed.
- Client, daemon and execution environments share the cores named above, as they do on a small machine. Absolute figures are this machine's;
  ratios travel better.
- Processor time is user and system time of the daemon's process with all its threads, as the kernel counts it.

{hows}
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is said of the machine and the day."""

    command: str
    date: str
    cores: int
    python: str


def page(rows: Sequence[Row], facts: Facts) -> str:
    """The whole page."""
    missed = [f"- {text}" for text in shortfalls(rows)] or ["Nothing: every row meets its targets."]
    hows = [f"- **{row.what}**: {row.how}." for row in rows if row.how]
    return PAGE.format(
        command=facts.command,
        date=facts.date,
        cores=facts.cores,
        python=facts.python,
        table=rendered(rows),
        missed="\n".join(_wrapped(line) for line in missed),
        hows="\n".join(_wrapped(line) for line in hows),
    )


def _wrapped(line: str) -> str:
    return fill(line, 140, subsequent_indent="  " if line.startswith("- ") else "", break_long_words=False, break_on_hyphens=False)
