"""Node.js environments, inside a daemon: warm invocations, cold starts. No rows where there is no node."""

import asyncio
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.daemon import FUNCTIONS, inside
from bench.process import took
from bench.table import Check, Row
from router.api.calls import Parts
from router.model import Envelope
from router.runtime.node_programs import installed

CONFIG = """
version: 1
state: ./state
listen: {{http: off, aws: off, console: off}}
functions:
  echo: {{code: {code}, handler: echo.identity, runtime: nodejs}}
"""
PAYLOAD = b'{"x":"' + b"x" * 1000 + b'"}'  # as JSON.stringify spells it
CALLERS = 4
CLOSED = 0.1  # seconds in which an environment ends that was retired: not part of the next one's start


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured inside the daemon."""

    rates: list[float]  # warm invocations per second
    cold: list[float]  # seconds
    nothing: list[float]  # seconds of `node -e 0`


async def _invoke(parts: Parts) -> float:
    """Seconds of one invocation."""
    started = time.perf_counter()
    outcome = await parts.dispatcher.invoke(Envelope("echo", PAYLOAD, "bench"))
    assert outcome.payload == PAYLOAD, outcome
    return time.perf_counter() - started


async def _rate(parts: Parts, seconds: float) -> float:
    count, started = 0, time.perf_counter()

    async def call() -> None:
        nonlocal count
        while time.perf_counter() < started + seconds:
            await _invoke(parts)
            count += 1

    await asyncio.gather(*(call() for _ in range(CALLERS)))
    return count / (time.perf_counter() - started)


async def _measured(parts: Parts, node: str, *, brief: bool) -> Found:
    seconds, runs, starts = (1.0, 3, 10) if brief else (3.0, 7, 40)
    await _rate(parts, 1.0)
    rates = [await _rate(parts, seconds) for _ in range(runs)]
    cold, none = [], []
    for _ in range(starts):
        parts.pool.retire("echo")
        await asyncio.sleep(CLOSED)
        cold.append(await _invoke(parts))
        none.append(took([node, "-e", "0"]))
    return Found(rates, cold, none)


def rows(*, brief: bool) -> list[Row]:
    """Two rows from one daemon."""
    if not installed():
        return []
    node = installed()[0]
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "config.yaml"
        config.write_text(CONFIG.format(code=FUNCTIONS))
        found = inside(config, lambda parts: _measured(parts, node.path, brief=brief))
    ratio = statistics.median(one / other for one, other in zip(found.cold, found.nothing, strict=True))
    ours, limit = (statistics.median(times) * 1000 for times in (found.cold, found.nothing))
    return [
        Row(
            "warm invocation inside the daemon, Node.js",
            f"{statistics.median(found.rates):,.0f}/s",
            "",
            (),
            f"as the row of Python functions, {CALLERS} callers, node {node.version}",
        ),
        Row(
            "cold start, trivial Node.js handler",
            f"{ours:.1f} ms",
            f"`node -e 0` {limit:.1f} ms: {ratio:.2f} × its time",
            (Check("≤ 1.2 × `node -e 0`", ratio <= 1.2),),
            "a whole invocation whose environment has to be started first, with the isolation that is always on; in turn, median ratio",
        ),
    ]
