"""The daemon's pool, over all runtimes."""

from collections.abc import Callable, Mapping
from pathlib import Path

from router.clock import Clock
from router.config.types import Function, Limits
from router.runtime import RUNTIMES
from router.runtime.pool import WarmPool
from router.runtime.sandbox_plan import Site
from router.runtime.shared import Shared
from router.telemetry.metrics import Metrics
from router.telemetry.report import LogStore


def warm_pool(
    *,
    state: Path,
    lock_fd: int | None,
    region: str,
    variables: Callable[[Function], Mapping[str, str]],
    logs: LogStore,
    clock: Clock,
    limits: Limits,
    metrics: Metrics,
    account: str = "",
    site: Callable[[], Site] = Site,
    users: Callable[[], Mapping[str, int]] = dict,
) -> WarmPool:
    """A pool over all RUNTIMES, not open yet.

    *state*: the state directory; *lock_fd*: its lock (an flock), shared with the spawners until no worker is left;
    *variables*: what the daemon adds to a function's environment, e.g. BUCKET_<NAME>;
    *site*: where things lie, *users*: function → the user it runs as."""
    restarts = metrics.counter("router_spawner_restarts_total", "Spawners that died and were replaced.")
    shared = Shared(
        state=state,
        lock_fd=lock_fd,
        region=region,
        clock=clock,
        variables=variables,
        on_restart=restarts.add,
        account=account,
        site=site,
        users=users,
    )
    runtimes = {family: load()(shared) for family, load in RUNTIMES.items()}
    pool = WarmPool(runtimes, logs=logs, clock=clock, limits=limits, metrics=metrics)
    pool.machine = lambda: shared.machine
    pool.reach = shared.reach
    said = "Bytes in the private /tmp of a function's environments."
    metrics.gauge("router_ephemeral_storage_bytes", said, "function", read=lambda: {(name,): size for name, size in shared.used().items()})
    return pool
