"""The pool of execution environments: opened, told of, made ready before there is traffic."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

import structlog

from router.api.reload import Places
from router.clock import Clock
from router.config.types import Config
from router.functions.registry import Functions
from router.journal.lock import StateLock
from router.runtime.pool import WarmPool
from router.runtime.pools import warm_pool
from router.runtime.sandbox_controls import CONTROLS, effective, refusal
from router.runtime.sandbox_site import Ground
from router.telemetry.logs import LogStore
from router.telemetry.metrics import Labels, Metrics

log = structlog.get_logger("router.daemon")

PROVISION_WAIT: Final = 30.0  # seconds that sources wait for provisioned environments; then invocations start what is missing


async def opened_pool(
    opened: contextlib.AsyncExitStack,
    config: Callable[[], Config],
    *,
    ground: Ground,
    places: Places,
    logs: LogStore,
    lock: StateLock,
    clock: Clock,
    metrics: Metrics,
) -> WarmPool:
    """Open it, to be closed by *opened*. *config*: the one in force. Raises EnvironmentUnavailable, OSError."""
    now = config()
    pool = warm_pool(
        state=now.state,
        lock_fd=lock.fd,
        region=now.region,
        account=now.account,
        variables=places.of,
        logs=logs,
        clock=clock,
        limits=now.limits,
        metrics=metrics,
        site=ground.site,
        users=ground.users,
    )
    await pool.open()
    _tell_isolation(pool, config, metrics)
    opened.push_async_callback(pool.close)
    return pool


async def provision(pool: WarmPool, functions: Functions, stop: asyncio.Event) -> None:
    """Have what is provisioned ready before there is traffic, within reason. /readyz answers 503 meanwhile."""
    pool.provision(functions)
    waits = [asyncio.create_task(pool.provisioned(PROVISION_WAIT)), asyncio.create_task(stop.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waits:
            task.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
    for problem in pool.problems():
        log.warning("provisioning_slow", problem=problem)


def _tell_isolation(pool: WarmPool, config: Callable[[], Config], metrics: Metrics) -> None:
    """Which functions are refused, once; and what confines each, whenever somebody asks."""
    machine = pool.machine()
    for function in config().functions.values():
        refused = refusal(machine, function)
        if refused:
            log.error("function_refused", function=function.name, error=refused)

    def read() -> dict[Labels, float]:
        now = pool.machine()
        return {(name, function.name): effective(now, function, name) for function in config().functions.values() for name in CONTROLS}

    metrics.gauge("router_isolation_control", "Whether a control confines a function.", "control", "function", read=read)
