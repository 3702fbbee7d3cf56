"""Execution environments, inside a daemon: warm invocations, cold starts, memory of an idle one."""

import asyncio
import os
import statistics
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.daemon import FUNCTIONS, inside
from bench.process import descendants, nothing, private, python
from bench.table import Check, Row
from router.api.calls import Parts
from router.dispatch.dispatcher import Dispatcher
from router.model import Envelope

CONFIG = """
version: 1
state: ./state
listen: {{http: off, aws: off, console: off}}
functions:
  echo: {{code: {code}, handler: echo.identity}}
  cold: {{code: {code}, handler: echo.identity}}
  snap: {{code: {code}, handler: snap.identity, snap_start: true}}
"""
PAYLOAD = b'{"x": "' + b"x" * 1000 + b'"}'  # as json.dumps spells it: the handler's answer is the same bytes
CALLERS = 4  # twice the cores of a small machine: enough to keep it busy
ECHO = "import os\nwhile data := os.read(0, 65536): os.write(1, data)"
CLOSED = 0.05  # seconds in which an environment ends that was retired: not part of the next one's start


@dataclass(frozen=True, slots=True)
class Warm:
    """One run of warm invocations."""

    rate: float  # per second
    cpu: float  # microseconds of this process each


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured inside the daemon."""

    warm: list[Warm]
    pipes: list[Warm]
    cold: list[float]  # seconds
    snap: list[float]  # seconds
    nothing: list[float]  # seconds of `python3 -c pass`
    private: list[int]  # bytes of each idle environment
    plain: int  # bytes of a python3 that waits for input


async def _warm(dispatcher: Dispatcher, seconds: float, callers: int = CALLERS) -> Warm:
    count, until = 0, time.perf_counter() + seconds

    async def call() -> None:
        nonlocal count
        while time.perf_counter() < until:
            outcome = await dispatcher.invoke(Envelope("echo", PAYLOAD, "bench"))
            assert outcome.payload == PAYLOAD, outcome
            count += 1

    started, before = time.perf_counter(), time.process_time()
    await asyncio.gather(*(call() for _ in range(callers)))
    return Warm(count / (time.perf_counter() - started), (time.process_time() - before) / count * 1e6)


def _pipes(seconds: float) -> Warm:
    """The limit: the same bytes to a bare process and back over two pipes, one at a time."""
    count = 0
    with subprocess.Popen([python(), "-c", ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        there, back = child.stdin.fileno(), child.stdout.fileno()
        os.write(there, PAYLOAD)
        os.read(back, 65536)  # it runs
        started, before = time.perf_counter(), time.process_time()
        until = started + seconds
        while time.perf_counter() < until:
            os.write(there, PAYLOAD)
            os.read(back, 65536)
            count += 1
        found = Warm(count / (time.perf_counter() - started), (time.process_time() - before) / count * 1e6)
        child.stdin.close()
    return found


async def _cold(parts: Parts, function: str) -> float:
    """Seconds of an invocation that starts an environment."""
    parts.pool.evict(function)
    await asyncio.sleep(CLOSED)
    started = time.perf_counter()
    outcome = await parts.dispatcher.invoke(Envelope(function, PAYLOAD, "bench"))
    took = time.perf_counter() - started
    assert outcome.init_ms is not None, outcome
    return took


def _plain() -> int:
    with subprocess.Popen([python(), "-c", "import sys; print(flush=True); sys.stdin.read()"], stdin=-1, stdout=-1) as child:
        assert child.stdout is not None
        child.stdout.readline()
        found = private(child.pid)
        child.communicate()
    return found


async def _measured(parts: Parts, *, brief: bool) -> Found:
    seconds, runs, starts = (1.0, 3, 15) if brief else (3.0, 7, 60)
    await _warm(parts.dispatcher, 1.0)
    warm, pipes, cold, snap, none = [], [], [], [], []
    for _ in range(runs):
        warm.append(await _warm(parts.dispatcher, seconds))
        pipes.append(_pipes(seconds / 2))  # the daemon has nothing to do meanwhile
    for function in ("cold", "snap"):
        await _cold(parts, function)
    for _ in range(starts):
        cold.append(await _cold(parts, "cold"))
        snap.append(await _cold(parts, "snap"))
        none.append(nothing())
    await asyncio.sleep(0.2)
    sizes = []
    for pid, title in descendants(os.getpid()).items():
        if title in {"fn:echo", "fn:cold"}:
            with suppress(ProcessLookupError):
                sizes.append(private(pid))
    return Found(warm, pipes, cold, snap, none, sizes, _plain())


def rows(*, brief: bool) -> list[Row]:
    """Four rows from one daemon."""
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "config.yaml"
        config.write_text(CONFIG.format(code=FUNCTIONS))
        found = inside(config, lambda parts: _measured(parts, brief=brief))
    return [_warm_row(found), _cold_row(found), _snap_row(found), _memory_row(found)]


def _warm_row(found: Found) -> Row:
    rate, cpu = (statistics.median(values) for values in zip(*((run.rate, run.cpu) for run in found.warm), strict=True))
    limit, its = (statistics.median(values) for values in zip(*((run.rate, run.cpu) for run in found.pipes), strict=True))
    return Row(
        "warm invocation inside the daemon",
        f"{rate:,.0f}/s, {cpu:.0f} µs of daemon CPU each",
        f"the same bytes to a bare process and back over two pipes {limit:,.0f}/s, {its:.0f} µs each",
        (Check("≥ 8,000/s", rate >= 8000), Check("≤ 60 µs of daemon CPU", cpu <= 60)),
        f"Dispatcher.invoke with {CALLERS} callers, 1 kB there and back, within a running daemon: slot, environment, START to REPORT on disk, "
        "the daemon's own line, metrics; the processor time is that of the whole process, its threads and the callers included",
    )


def _cold_row(found: Found) -> Row:
    ours, limit = statistics.median(found.cold), statistics.median(found.nothing)
    ratio = statistics.median(one / other for one, other in zip(found.cold, found.nothing, strict=True))
    return Row(
        "cold start, trivial Python handler",
        f"{ours * 1000:.1f} ms",
        f"`python3 -c pass` {limit * 1000:.1f} ms: {ratio:.2f} × its time",
        (Check("≤ 0.7 × `python3 -c pass`", ratio <= 0.7),),
        "a whole invocation whose environment has to be started first, with the isolation that is always on; "
        "`python3` is the interpreter with no package installed; in turn, median ratio",
    )


def _snap_row(found: Found) -> Row:
    ours, limit = statistics.median(found.snap), statistics.median(found.nothing)
    ratio = statistics.median(one / other for one, other in zip(found.snap, found.nothing, strict=True))
    return Row(
        "cold start with snap_start, boto3 and a client in init",
        f"{ours * 1000:.1f} ms",
        f"`python3 -c pass` {limit * 1000:.1f} ms: {ratio:.2f} × its time",
        (Check("≤ 0.7 × `python3 -c pass`", ratio <= 0.7),),
        "as above, of a function whose init imports boto3 and makes an S3 client; in turn, median ratio",
    )


def _memory_row(found: Found) -> Row:
    ours = statistics.median(found.private)
    return Row(
        "unshared memory of an idle Python environment",
        f"{ours / 2**20:.1f} MB",
        f"a python3 that waits for input {found.plain / 2**20:.1f} MB",
        (Check("≤ 4 MB", ours <= 4 * 2**20),),
        f"Private_Clean and Private_Dirty of smaps_rollup, the median of {len(found.private)} environments after they ran",
    )
