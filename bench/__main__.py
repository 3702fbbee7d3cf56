"""`python -m bench [--brief] [--write] [ROWS …]`: the table of docs/performance.md, measured now.

ROWS: http, journal, environments, files, schedules, idle; all when none is named. --brief is bounded for CI; --write writes
docs/performance.md. Exit 1 when a measurement failed, not when a target is missed: a slow machine is no defect."""

import argparse
import datetime as dt
import importlib
import os
import platform
import subprocess
import sys
from pathlib import Path

from bench.table import Row, rendered

ROWS = ("http", "environments", "journal", "files", "schedules", "idle")
PAGE = Path(__file__).parents[1] / "docs/performance.md"
HEAD = """# Performance

Measured by `python -m bench{mode} --write` on {date}, {cores} cores, Python {python}. Both sides of a row ran in the same run, alternating;
figures are medians. A shared machine moves absolute figures by a factor of two from run to run: read the ratios first.

{table}

{missed}
"""


def measured(name: str, *, brief: bool) -> list[Row]:
    """One group of rows, measured in a process of its own so that none inherits another's heap."""
    command = [sys.executable, "-m", "bench", "--one", name, *(["--brief"] if brief else [])]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        print(answer.stderr, file=sys.stderr)
        return [Row(name, "the measurement failed", "", "", met=False)]
    found = []
    for line in answer.stdout.splitlines():
        what, ours, beside, target, met = line.split("\t")
        found.append(Row(what, ours, beside, target, met == "True"))
    return found


def page(rows: list[Row], *, brief: bool) -> str:
    """docs/performance.md."""
    missed = [f"- {row.what}: {row.ours}; wanted {row.target}." for row in rows if not row.met]
    return HEAD.format(
        mode=" --brief" if brief else "",
        date=dt.datetime.now(dt.UTC).date(),
        cores=os.cpu_count(),
        python=platform.python_version(),
        table=rendered(rows),
        missed="## What misses its target\n\n" + "\n".join(missed) if missed else "Every row meets its target.",
    )


def main() -> int:
    """Measure, print, perhaps write."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--brief", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--one", choices=ROWS, help=argparse.SUPPRESS)
    parser.add_argument("rows", nargs="*", choices=(*ROWS, []))
    asked = parser.parse_args()
    if asked.one:
        for row in importlib.import_module(f"bench.{asked.one}").rows(brief=asked.brief):
            print(row.what, row.ours, row.beside, row.target, row.met, sep="\t")
        return 0
    rows = [row for name in asked.rows or ROWS for row in measured(name, brief=asked.brief)]
    print(rendered(rows))
    if asked.write:
        PAGE.write_text(page(rows, brief=asked.brief))
    return 1 if any(row.ours == "the measurement failed" for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
