"""Many environments at once: what each takes for itself, and what the daemon takes for them."""

import asyncio
import os
import statistics
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.daemon import FUNCTIONS, inside
from bench.process import descendants, private, resident
from bench.table import Check, Row
from router.api.calls import Parts
from router.model import Envelope

MANY = 200
CONFIG = """
version: 1
state: ./state
listen: {{http: off, aws: off, console: off}}
limits: {{concurrency: 250, memory: 32GB}}
functions:
  held: {{code: {code}, handler: held.pause, timeout: 60, provisioned_concurrency: 200}}
"""
PAUSE = 0.5  # seconds; long enough for all of them to run at once


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured inside the daemon."""

    private: list[int]  # bytes of each environment after it ran
    before: int  # resident bytes of the daemon without environments
    after: int  # and with them
    ready: float  # seconds until all were initialised


async def _measured(parts: Parts, began: float) -> Found:
    ready, before = time.perf_counter() - began, resident()
    await asyncio.gather(*(parts.dispatcher.invoke(Envelope("held", str(PAUSE).encode(), "bench")) for _ in range(MANY)))
    sizes = []
    for pid, title in descendants(os.getpid()).items():
        if title.startswith("fn:"):
            with suppress(ProcessLookupError):
                sizes.append(private(pid))
    return Found(sizes, before, resident(), ready)


def rows(*, brief: bool) -> list[Row]:  # noqa: ARG001  # it takes seconds
    """One row."""
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "config.yaml"
        config.write_text(CONFIG.format(code=FUNCTIONS))
        began = time.perf_counter()
        found = inside(config, lambda parts: _measured(parts, began))
    median, most = statistics.median(found.private), max(found.private)
    return [
        Row(
            f"{MANY} environments of a trivial Python handler",
            f"{median / 2**20:.1f} MB each, {most / 2**20:.1f} MB at most",
            f"ready {found.ready:.1f} s after the daemon's start; the daemon itself {found.after / 2**20:.0f} MB",
            (Check("≤ 4 MB unshared each", len(found.private) == MANY and most <= 4 * 2**20),),
            f"provisioned_concurrency: {MANY}, all of them run once at the same time; Private_Clean and Private_Dirty of smaps_rollup "
            f"of {len(found.private)} environments",
        )
    ]
