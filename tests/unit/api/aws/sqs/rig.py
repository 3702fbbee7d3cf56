"""SQS without a wire: calls in, members out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from router.api.aws.service import Call, Members
from router.api.aws.sqs import Sqs
from router.iam.callers import Caller
from router.iam.evaluation import Policies
from router.iam.principals import user
from router.journal.database import Database
from router.queues.moves import Moves
from router.queues.store import Queues
from tests.helpers.clock import VirtualClock
from tests.unit.api.aws.fragments import Fragments

ACCOUNT = "123456789012"
WRITTEN = {
    "queues": {
        "jobs": {"redrive": {"queue": "dead", "max_receive_count": 2}},
        "dead": {},
        "line.fifo": {"content_based_deduplication": True},
    }
}
CALLER = Caller(user(ACCOUNT, "ops"), "AKIA", Policies())


class Rig:
    """The service, its queues, its clock."""

    def __init__(self, service: Sqs, queues: Queues, moves: Moves, clock: VirtualClock, fragments: Fragments) -> None:
        self.service, self.queues, self.moves, self.clock, self.fragments = service, queues, moves, clock, fragments

    async def call(self, operation: str, queue: str = "", **members: Any) -> Members:
        """One operation; *queue*: put into QueueUrl."""
        return await self.service.operations[operation].run(self.of(operation, queue, **members))

    def needs(self, operation: str, queue: str = "", **members: Any) -> list[tuple[str, str]]:
        """What it needs."""
        return [(need.action, need.resource) for need in self.service.operations[operation].needs(self.of(operation, queue, **members))]

    def of(self, operation: str, queue: str, **members: Any) -> Call:
        given = {"QueueUrl": f"http://127.0.0.1:4566/{ACCOUNT}/{queue}", **members} if queue else members
        return Call("sqs", operation, given, CALLER, "r-1", endpoint="http://localhost:4566")


@asynccontextmanager
async def rig(path: Path) -> AsyncIterator[Rig]:
    """Open, close."""
    clock, fragments = VirtualClock(), Fragments(path, WRITTEN)
    fragments.database = database = await Database.open(path / "journal.db")
    try:
        fragments.now = clock.now
        queues = await Queues.open(database, clock, fragments.config.queues, region="eu-west-1", account=ACCOUNT)
        fragments.told.append(lambda config: queues.adopt(config.queues))
        moves = Moves(queues, clock)
        yield Rig(Sqs(queues, moves, fragments, clock, region="eu-west-1", account=ACCOUNT), queues, moves, clock, fragments)
    finally:
        await database.close()
