"""What there is to confine functions with on a machine where no daemon runs: a spawner of a moment's life finds it out by trying."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from router.clock import SystemClock
from router.config.types import Config, Function
from router.runtime.sandbox_controls import Machine
from router.runtime.sandbox_site import Ground
from router.runtime.shared import Shared


def machine(config: Config) -> Machine:
    """As a daemon of this config would find it. Raises EnvironmentUnavailable, OSError."""
    with TemporaryDirectory(prefix="router-doctor-") as directory:
        return asyncio.run(_tried(config, Path(directory)))


async def _tried(config: Config, state: Path) -> Machine:
    shared = Shared(
        state=state,
        lock_fd=None,
        region=config.region,
        clock=SystemClock(),
        variables=_none,
        on_restart=lambda: None,
        users=Ground(lambda: config).users,
    )
    await shared.open()
    try:
        return shared.machine
    finally:
        await shared.close()


def _none(_: Function) -> dict[str, str]:
    return {}
