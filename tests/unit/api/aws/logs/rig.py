"""CloudWatch Logs without a wire: calls in, members out; the disk is real, time is virtual."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from router.api.aws.logs import Logs, Place
from router.api.aws.service import Call, Members
from router.api.declared import Declared
from router.config.types import Config
from router.journal.database import Database
from router.telemetry.loggroups import LogGroups
from router.telemetry.logs import LogStore
from tests.helpers.clock import VirtualClock
from tests.unit.api.aws.sqs.rig import ACCOUNT, CALLER

GROUP = "/aws/lambda/resize"
ARN = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:"


class Nothing:
    """What was declared through the API."""

    def __init__(self, root: Path) -> None:
        self.config = Config(root / "config.yaml", root)


class Rig:
    """The service and the store that functions log to."""

    def __init__(self, root: Path, store: LogStore, groups: LogGroups, clock: VirtualClock) -> None:
        self.root, self.store, self.groups, self.clock = root, store, groups, clock
        declared = cast("Declared", Nothing(root))  # subscription filters: tests/integration/aws/test_subscriptions.py
        self.service = Logs(groups, declared, lambda _: None, clock, Place("eu-west-1", ACCOUNT))

    async def call(self, operation: str, **members: Any) -> Members:
        """One operation."""
        return await self.service.operations[operation].run(self.of(operation, **members))

    def needs(self, operation: str, **members: Any) -> list[tuple[str, str]]:
        """What it needs."""
        return [(need.action, need.resource) for need in self.service.operations[operation].needs(self.of(operation, **members))]

    def of(self, operation: str, **members: Any) -> Call:
        return Call("logs", operation, members, CALLER, "r-1")

    def log(self, *messages: str, function: str = "resize", step: float = 1.0) -> str:
        """One environment's events, *step* seconds apart from now on; its stream's name."""
        stream = self.store.stream(function)
        for number, message in enumerate(messages):
            stream.write(message, self.clock.now() + number * step)
        return stream.name

    @property
    def now(self) -> int:
        """Epoch milliseconds."""
        return int(self.clock.now() * 1000)


@asynccontextmanager
async def rig(path: Path, clock: VirtualClock | None = None) -> AsyncIterator[Rig]:
    """Open, close."""
    clock = clock or VirtualClock()
    database = await Database.open(path / "journal.db")
    store = LogStore(path / "logs", clock)
    try:
        yield Rig(path / "logs", store, await LogGroups.open(path / "logs", database, store, clock), clock)
    finally:
        store.close()
        await database.close()
