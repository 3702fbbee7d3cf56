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
from router.runtime.pool import WarmPool, warm_pool
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


@asynccontextmanager
async def opened_pool(directory: Path, files: Mapping[str, str]) -> AsyncIterator[PoolBench]:
    """A pool over *files* (name → text; those that begin with #! are programs), closed at the end."""
    code = directory / "code"
    for name, text in files.items():
        (code / name).parent.mkdir(parents=True, exist_ok=True)
        (code / name).write_text(text)
        (code / name).chmod(0o755 if text.startswith("#!") else 0o644)
    logs, metrics = MemoryLogs(), Metrics()
    pool = warm_pool(
        state=directory / "state",
        lock_fd=None,
        region="eu-west-1",
        variables=lambda _: {},
        logs=logs,
        clock=SystemClock(),
        limits=Limits(concurrency=8),
        metrics=metrics,
        site=place(directory),
    )
    await pool.open()
    try:
        yield PoolBench(pool, logs, metrics, code)
    finally:
        await pool.close()
