"""Queues on a store of the test's, with time that only the test moves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from router.config.types import Queue, Redrive
from router.errors import RouterError
from router.events.sqs_rules import New
from router.journal.database import Database
from router.queues.moves import Moves
from router.queues.store import Queues
from router.queues.units import Sent
from tests.helpers.clock import VirtualClock

QUEUES = {
    queue.name: queue
    for queue in (
        Queue("jobs", visibility_timeout=30, redrive=Redrive("dead", 2)),
        Queue("dead"),
        Queue("patient", receive_wait=5, delay=1),
        Queue("short", retention=60, max_message_size=1024),
        Queue("line.fifo", fifo=True, redrive=Redrive("dead.fifo", 1), content_based_deduplication=True),
        Queue("dead.fifo", fifo=True),
    )
}


class Rig:
    """Queues, their moves, their clock."""

    def __init__(self, database: Database, queues: Queues, clock: VirtualClock) -> None:
        self.database, self.queues, self.clock = database, queues, clock
        self.moves = Moves(queues, clock)

    async def sent(self, name: str, body: str = "x", **facts: object) -> Sent:
        """Send one message that is taken."""
        (sent,) = await self.queues.send(name, [New(body, **facts)])  # type: ignore[arg-type]
        assert isinstance(sent, Sent), sent
        return sent

    async def bodies(self, name: str, most: int = 10, **facts: object) -> list[str]:
        """Receive now."""
        return [message.body for message in await self.queues.receive(name, most=most, wait=0, **facts)]  # type: ignore[arg-type]


@asynccontextmanager
async def rig(path: Path, clock: VirtualClock | None = None) -> AsyncIterator[Rig]:
    """Open, close."""
    clock = clock or VirtualClock()
    database = await Database.open(path / "journal.db")
    try:
        yield Rig(database, await Queues.open(database, clock, QUEUES, region="eu-west-1", account="123456789012"), clock)
    finally:
        await database.close()


def code(answer: RouterError | Sent | None) -> str:
    """The AWS code of a refusal."""
    return answer.code if isinstance(answer, RouterError) else ""
