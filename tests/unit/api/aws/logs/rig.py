"""CloudWatch Logs without a wire: calls in, members out; the disk is real, time is virtual."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from router.api.aws.logs import Filters, Logs, Place
from router.api.aws.service import Call, Members
from router.api.declared import Change, Declared
from router.config.types import Config, Function
from router.journal.database import Database
from router.telemetry.loggroups import LogGroups
from router.telemetry.logs import LogStore
from tests.helpers.clock import VirtualClock
from tests.unit.api.aws.sqs.rig import ACCOUNT, CALLER

GROUP = "/aws/lambda/resize"
ARN = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:"


class Declarations:
    """What is declared: a function that hears. Changes are done in the store, and not put in force."""

    def __init__(self, root: Path, database: Database) -> None:
        functions = {"hear": Function("hear", root, "app.hear")}
        self.config = Config(root / "config.yaml", root, region="eu-west-1", account=ACCOUNT, functions=functions)
        self.database = database
        self.changes: list[Change] = []

    async def change(self, change: Change) -> None:
        for unit in change.beside:
            await self.database.transact(unit)
        self.changes.append(change)


class Rig:
    """The service and the store that functions log to."""

    def __init__(self, root: Path, store: LogStore, groups: LogGroups, declared: Declarations, clock: VirtualClock) -> None:
        self.root, self.store, self.groups, self.clock = root, store, groups, clock
        self.declared = declared
        filters = Filters(groups, declared.database, cast("Declared", declared), lambda _: None)
        self.service = Logs(groups, filters, clock, Place("eu-west-1", ACCOUNT))

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
        groups = await LogGroups.open(path / "logs", database, store, clock)
        yield Rig(path / "logs", store, groups, Declarations(path / "logs", database), clock)
    finally:
        store.close()
        await database.close()
