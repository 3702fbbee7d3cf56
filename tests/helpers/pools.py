"""A warm pool over files of a test's own, with logs to read."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from router import names
from router.clock import SystemClock
from router.config.types import Function, Limits
from router.model import Outcome
from router.runtime.base import Invocation
from router.runtime.pool import WarmPool
from router.runtime.pools import warm_pool
from router.telemetry.metrics import Metrics
from tests.helpers.confined import place
from tests.helpers.logs import MemoryLogs


class PoolBench:
    """Functions in one code directory, run one by one."""

    def __init__(self, pool: WarmPool, logs: MemoryLogs, metrics: Metrics, code: Path) -> None:
        self.pool, self.logs, self.metrics, self.code = pool, logs, metrics, code

    def function(self, handler: str, **rest: Any) -> Function:
        """A function named after its handler."""
        return Function(**({"name": handler.rpartition(".")[2] or "f", "code": self.code, "handler": handler, "timeout": 10.0} | rest))

    async def run(self, function: Function, event: Any = None, **rest: Any) -> Outcome:
        """Invoke it with *event*."""
        return await self.pool.invoke(
            Invocation(function, json.dumps(event).encode(), names.request_id(), f"arn:f:{function.name}", **rest)
        )


def written(code: Path, files: Mapping[str, str]) -> Path:
    """The directory *code* with *files*, name → text; those that begin with #! are programs."""
    code.mkdir(exist_ok=True)
    for name, text in files.items():
        (code / name).parent.mkdir(parents=True, exist_ok=True)
        (code / name).write_text(text)
        (code / name).chmod(0o755 if text.startswith("#!") else 0o644)
    return code


@asynccontextmanager
async def serving(directory: Path, logs: MemoryLogs, metrics: Metrics | None = None, **over: Any) -> AsyncIterator[WarmPool]:
    """An open pool whose state lies in *directory*, closed at the end; *over*: what warm_pool() is to be told else."""
    facts: dict[str, Any] = {
        "state": directory / "state",
        "lock_fd": None,
        "region": "eu-west-1",
        "variables": lambda _: {},
        "clock": SystemClock(),
        "limits": Limits(concurrency=8),
        "site": place(directory),
    }
    pool = warm_pool(**(facts | over), logs=logs, metrics=metrics or Metrics())
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()


@asynccontextmanager
async def opened_pool(directory: Path, files: Mapping[str, str]) -> AsyncIterator[PoolBench]:
    """A pool over *files*, closed at the end."""
    logs, metrics, code = MemoryLogs(), Metrics(), written(directory / "code", files)
    async with serving(directory, logs, metrics) as pool:
        yield PoolBench(pool, logs, metrics, code)
