"""SNS without a wire: calls in, members out; the store, the queues and the journal are real, time is virtual."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from router.api.aws.service import Call, Members
from router.api.aws.sns import Sns
from router.config.types import Config
from router.errors import JournalError
from router.journal.base import Query
from router.journal.database import Database
from router.journal.sqlite import SqliteJournal
from router.queues.store import Queues
from router.sources.base import Binding, House
from router.sources.topic import TopicSource
from router.sources.topic_trigger import SnsTrigger
from router.sources.topics import Topics
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock
from tests.unit.api.aws.fragments import Fragments
from tests.unit.api.aws.sqs.rig import ACCOUNT, CALLER

ARN = f"arn:aws:sns:eu-west-1:{ACCOUNT}:"
QUEUES = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:"
FUNCTIONS = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:"
FUNCTION = {"code": "./code", "handler": "app.handler"}
WRITTEN = {
    "queues": {"jobs": {}, "small": {"max_message_size": 1024}, "dead": {}, "line.fifo": {"deduplication_scope": "messageGroup"}},
    "topics": {
        "written": {
            "subscriptions": {
                "jobs": {"queue": "jobs", "raw": True, "filter": {"kind": ["big"]}},
                "tight": {"queue": "small", "dead_letter": {"queue": "dead"}, "filter": {"kind": ["tight"]}},
            }
        }
    },
    "functions": {"f": {**FUNCTION, "triggers": [{"sns": {"topic": "written", "filter": {"n": [{"numeric": [">", 5]}]}}}]}, "g": FUNCTION},
}


class JournalOutlet:
    """The dispatcher's door for many events, straight into a journal; fails when told to."""

    def __init__(self, journal: SqliteJournal) -> None:
        self.journal = journal
        self.fail = False

    async def emit_all(self, envelopes: Any, beside: Any = None) -> None:
        """Accept events, and what is beside them."""

        def failing(connection: Any) -> None:
            if beside is not None:
                beside(connection)
            raise JournalError("disk full")

        await self.journal.append_all(envelopes, failing if self.fail else beside)


class Rig:
    """The service and what is behind it."""

    def __init__(self, database: Database, queues: Queues, journal: SqliteJournal, fragments: Fragments, clock: VirtualClock) -> None:
        self.queues, self.journal, self.clock, self.fragments, self.database = queues, journal, clock, fragments, database
        self.topics, self.outlet = Topics(), JournalOutlet(journal)
        self._grounds = (clock, database, Metrics(), queues)
        self.source = self._built(fragments.config)
        fragments.told.append(self._took)
        self.service = Sns(self.topics, self.outlet, fragments, region="eu-west-1", account=ACCOUNT)  # type: ignore[arg-type]

    def _built(self, config: Config) -> TopicSource:
        bindings = [
            Binding(function, trigger, index)
            for function in config.functions.values()
            for index, trigger in function.placed()
            if isinstance(trigger, SnsTrigger)
        ]
        (source,) = TopicSource.build(bindings, House(config, *self._grounds, topics=self.topics))
        return source

    def _took(self, config: Config) -> None:
        self.queues.adopt(config.queues)
        self.source.become(self._built(config))

    async def call(self, operation: str, **members: Any) -> Members:
        """One operation."""
        return await self.service.operations[operation].run(self.of(operation, **members))

    def needs(self, operation: str, **members: Any) -> list[tuple[str, str]]:
        """What it needs."""
        return [(need.action, need.resource) for need in self.service.operations[operation].needs(self.of(operation, **members))]

    def of(self, operation: str, **members: Any) -> Call:
        return Call("sns", operation, members, CALLER, "r-1", trace="Root=1-5759e988-bd862e3fe1be46a994272793")

    async def bodies(self, queue: str) -> list[str]:
        """Receive and delete all."""
        found = await self.queues.receive(queue, most=10, wait=0)
        await self.queues.delete(queue, [message.handle for message in found])
        return [message.body for message in found]

    async def events(self, function: str) -> list[Any]:
        """Events that a function is to get, oldest first."""
        rows = await self.journal.list(Query(function=function))
        return [json.loads((await self.journal.find(row.id)).payload or b"null") for row in reversed(rows)]


@asynccontextmanager
async def rig(path: Path, written: Mapping[str, Any] = MappingProxyType({})) -> AsyncIterator[Rig]:
    """Open, close. *written*: more of config.yaml."""
    (path / "code").mkdir(exist_ok=True)
    (path / "code/app.py").write_text("def handler(event, context): ...\n")
    clock, fragments = VirtualClock(), Fragments(path, {**WRITTEN, **written})
    fragments.database = database = await Database.open(path / "journal.db")
    journal = await SqliteJournal.open(database, clock)
    queues = await Queues.open(database, clock, fragments.config.queues, region="eu-west-1", account=ACCOUNT)
    try:
        yield Rig(database, queues, journal, fragments, clock)
    finally:
        await journal.close()
        await database.close()
