"""What /proc says of processes: memory, processor time, descendants; and how long a process takes that does nothing."""

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
import time
import venv
from contextlib import suppress
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def resident(pid: int | str = "self", field: str = "VmRSS") -> int:
    """Resident memory, bytes. VmHWM: its peak since forget_peak()."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(f"process {pid} has ended")


def forget_peak(pid: int) -> None:
    """Have VmHWM begin anew (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def private(pid: int) -> int:
    """Memory that no other process shares, bytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024


def cpu_seconds(pid: int) -> float:
    """User and system time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def descendants(pid: int) -> dict[int, str]:
    """Every process below *pid*, and its title."""
    parents, titles = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                title, _, rest = (entry / "stat").read_text().partition("(")[2].rpartition(")")
                parents[int(entry.name)], titles[int(entry.name)] = int(rest.split()[1]), title
    below = {pid}
    while more := {child for child, parent in parents.items() if parent in below} - below:
        below |= more
    return {child: titles[child] for child in below - {pid}}


def took(command: list[str], given: bytes = b"") -> float:
    """Seconds of one command as a whole process; *given*: its standard input. Raises CalledProcessError."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, input=given)
    return time.perf_counter() - started


@functools.cache
def python() -> str:
    """A python3 with no package installed: what a machine's own have it load at its start is not the interpreter's time."""
    place = tempfile.mkdtemp(prefix="bench-python-")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    venv.create(place, symlinks=True)
    return f"{place}/bin/python3"


def nothing() -> float:
    """Seconds of `python3 -c pass`."""
    return took([python(), "-c", "pass"])
