"""`python -m bench [--brief [--full ROWS]] [--write] [ROWS …]`: measure, and print the table of docs/performance.md.

Exit 1 when a measurement failed or lost something; a missed target is no failure, for a slow machine is no defect."""

import argparse
import importlib
import math
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import IO, NoReturn

from bench.page import Facts, page
from bench.table import Row, failed, packed, rendered, shortfalls, unpacked

PAGE = Path(__file__).parents[1] / "docs/performance.md"
GROUPS = {  # in the order of the table → seconds that a whole group may take at most
    "http": 300,
    "environments": 180,
    "held": 180,
    "nodejs": 180,
    "journal": 300,
    "files": 400,
    "backlog": 600,
    "fairness": 180,
    "reload": 120,
    "schedules": 180,
    "scale": 300,
    "buses": 120,
    "listing": 300,
    "aws": 120,
    "declaring": 120,
    "objects": 180,
    "idle": 180,
}
BRIEF = 60  # seconds for a group of a brief run, at most; a quiet machine needs a sixth of it
BUDGET = 80.0  # seconds after which a brief run begins no further group
GRACE = 15  # seconds for a group to end its daemons when it is told to


def main(arguments: Sequence[str]) -> int:
    """Measure, print, perhaps write."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure, and print the table of docs/performance.md.")
    parser.add_argument("--brief", action="store_true", help="shorter runs and smaller numbers, about a minute in all")
    parser.add_argument("--full", action="append", default=[], choices=tuple(GROUPS), metavar="ROWS", help="not brief in a brief run")
    parser.add_argument("--write", action="store_true", help=f"write docs/{PAGE.name}; only with all rows")
    parser.add_argument("--one", choices=tuple(GROUPS), help=argparse.SUPPRESS)
    parser.add_argument("rows", nargs="*", metavar="ROWS", help=f"some of {', '.join(GROUPS)}; all when none is named")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.rows) - set(GROUPS):
        parser.error(f"no rows {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    if asked.write and asked.rows:
        parser.error("--write takes no ROWS: the page is whole")
    if asked.one:
        print(packed(importlib.import_module(f"bench.{asked.one}").rows(brief=asked.brief)))
        return 0
    brief = frozenset(GROUPS) - frozenset(asked.full) if asked.brief else frozenset()
    rows = _all(asked.rows or GROUPS, brief=brief, budget=BUDGET if asked.brief and not asked.write else math.inf)
    print(rendered(rows), *(f"- {text}" for text in shortfalls(rows)), sep="\n")
    if asked.write:
        PAGE.write_text(page(rows, _facts(" ".join(["python -m bench", *arguments]))))
    return 1 if any(row.broken for row in rows) else 0


def _facts(command: str) -> Facts:
    return Facts(command, time.strftime("%Y-%m-%d", time.gmtime()), os.cpu_count() or 1, platform.python_version())


def _all(names: Iterable[str], *, brief: Collection[str], budget: float) -> list[Row]:
    """Group after group, those of *brief* briefly, none begun after *budget* seconds; on standard error, how long each took and how busy the
    machine was before."""
    rows: list[Row] = []
    begun = time.monotonic()
    for name in names:
        busy, started = os.getloadavg()[0], time.monotonic()
        if started - begun >= budget:
            rows.append(Row(name, "left out: the time of a brief run was up", "", (), ""))
            continue
        rows += measured(name, brief=name in brief, limit=BRIEF if name in brief else GROUPS[name])
        print(f"{name}: {time.monotonic() - started:.0f} s, load {busy:.1f} before", file=sys.stderr)
    return rows


def measured(name: str, *, brief: bool, limit: float) -> list[Row]:
    """One group of rows, measured in a process of its own, so that none inherits another's memory or threads."""
    command = [sys.executable, "-m", "bench", "--one", name, *(["--brief"] if brief else [])]
    with tempfile.TemporaryFile() as said, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True) as process:
        try:
            answer, _ = process.communicate(timeout=limit)
            return unpacked(answer.splitlines()[-1])
        except subprocess.TimeoutExpired:
            return [failed(name, f"not done after {limit} s")]
        except (ValueError, LookupError, TypeError):
            print(_end(said), file=sys.stderr)
            return [failed(name, f"exit status {process.returncode}, see above")]
        finally:
            _ended(process)


def _end(said: IO[bytes]) -> str:
    """The last that a group said on standard error."""
    said.seek(0)
    return said.read().decode(errors="replace")[-4000:]


def _ended(process: "subprocess.Popen[str]") -> None:
    """End the group if it still runs; told kindly, it ends its own daemons first."""
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()


def _leave(number: int, _: object) -> NoReturn:
    """A signal unwinds: daemons are ended and directories removed."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _leave)
    sys.exit(main(sys.argv[1:]))
