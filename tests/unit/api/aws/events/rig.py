"""A store, declarations over config.yaml, buses and schedules that follow them: what EventBridge's services stand on."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from router.api.aws.events import Events
from router.api.aws.scheduler import Scheduler
from router.api.aws.service import AwsError, Call, Service
from router.api.declared import Declared
from router.config.fragments import Fragment
from router.config.load import load
from router.config.types import Config
from router.iam.callers import Caller
from router.iam.evaluation import Policies
from router.iam.principals import user
from router.iam.reading import mistakes_in
from router.journal.base import Query
from router.journal.database import Database
from router.journal.sqlite import SqliteJournal
from router.queues.outbox import Outbox
from router.queues.store import Queues
from router.sources import SECTIONS, TRIGGERS
from router.sources.base import Binding, House
from router.sources.bus import BusSource
from router.sources.bus_rules import Buses
from router.sources.bus_trigger import EventTrigger
from router.sources.schedule import ScheduleSource
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock

T = 1_790_000_040.0
CONFIG = """
version: 1
queues: {jobs: {}, lost: {}, line.fifo: {}}
buses: {fixed: {archive: 7d}}
roles:
  sender: {policy: [{Effect: Allow, Action: ["sqs:SendMessage", "lambda:InvokeFunction", "events:PutEvents"], Resource: "*"}]}
  nothing: {policy: [{Effect: Deny, Action: "*", Resource: "*"}]}
rules:
  own: {pattern: {source: [till]}, targets: [{queue: jobs, input_path: "$.detail.id", retry: {attempts: 2}}]}
schedules:
  nightly: {expression: cron(0 2 * * ? *), input: go, target: {queue: jobs}}
functions:
  f: {code: code, handler: app.handler, triggers: [event: {pattern: {source: [shop]}}]}
  g:
    code: code
    handler: app.handler
    triggers: [schedule: {expression: rate(1 hour), input: {n: 1}}, schedule: {expression: rate(1 day), timezone: Europe/Berlin, name: daily}]
"""
REGION, ACCOUNT = "us-east-1", "123456789012"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/sender"


class Rig:
    """See above."""

    def __init__(self, root: Path) -> None:
        self.root, self.clock = root, VirtualClock(T)
        (root / "code").mkdir()
        (root / "code/app.py").write_text("def handler(event, context): return event\n")
        self.file = root / "config.yaml"
        self.file.write_text(CONFIG)
        self.buses = Buses()

    def _read(self, fragments: tuple[Fragment, ...], now: Config | None) -> Config:
        return load(
            self.file,
            TRIGGERS,
            environ={},
            policies=mistakes_in,
            resource_policies=lambda document: mistakes_in(document, "resource"),
            sections=SECTIONS,
            declared=lambda _: fragments,
            text=now.text if now is not None else None,
            former=now,
        )

    async def change(self, read: Callable[[Config], Config], keep: Callable[[], Any]) -> None:
        """As the reloader does it."""
        config = read(self.config)
        bus, _ = self._built(config)
        await keep()
        self.config = config
        self.queues.adopt(config.queues)
        self.bus.become(bus)

    def _built(self, config: Config) -> tuple[BusSource, ScheduleSource]:
        self.house = House(config, self.clock, self.database, Metrics(), self.queues, self.outbox, buses=self.buses)
        triggers = [Binding(f, t, place) for f in config.functions.values() for place, t in f.placed() if isinstance(t, EventTrigger)]
        return BusSource.build(triggers, self.house)[0], ScheduleSource.build([], self.house)[0]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Rig"]:
        self.database = await Database.open(self.root / "journal.db")
        self.journal = await SqliteJournal.open(self.database, self.clock)
        self.declared = await Declared.open(self.database, self._read, self.clock)
        self.config = self._read(self.declared.fragments(), None)
        self.queues = await Queues.open(self.database, self.clock, self.config.queues, region=REGION, account=ACCOUNT)
        self.outbox = await Outbox.open(self.database, self.queues)
        self.bus, self.schedule = self._built(self.config)
        self.declared.serve(self)
        place = {"region": REGION, "account": ACCOUNT}
        self.events: Service = Events(self.declared, lambda: self.bus, self.buses, self.clock, lambda target: target == "f:1", **place)
        self.scheduler: Service = Scheduler(self.declared, self.over, self.clock, **place)
        stop = asyncio.Event()
        task = asyncio.create_task(self.bus.run(self, stop))  # type: ignore[arg-type]
        async with asyncio.timeout(20):
            while self.bus.health() and not task.done():
                await asyncio.to_thread(bool)
        try:
            yield self
        finally:
            stop.set()
            await task
            await self.journal.close()
            await self.database.close()

    def over(self) -> set[str]:
        """Schedules that are over, as the source of now says."""
        return self.schedule.gone()

    async def emit_all(self, envelopes: Any, beside: Any = None) -> None:
        """The outlet: straight into the journal."""
        await self.journal.append_all(envelopes, beside)

    def call(self, operation: str, service: str = "events", **members: Any) -> Call:
        caller = Caller(user(ACCOUNT, "me"), "AKIA", Policies())
        return Call(service, operation, members, caller, "id")

    async def do(self, operation: str, **members: Any) -> Any:
        """One operation of EventBridge."""
        return await self.events.operations[operation].run(self.call(operation, **members))

    async def refused(self, operation: str, code: str, **members: Any) -> str:
        """What an operation that is refused with this code is told."""
        with pytest.raises(AwsError) as caught:
            await self.do(operation, **members)
        assert caught.value.code == code
        return str(caught.value)

    async def plan(self, operation: str, **members: Any) -> Any:
        """One operation of EventBridge Scheduler."""
        return await self.scheduler.operations[operation].run(self.call(operation, "scheduler", **members))

    def needs(self, operation: str, *, service: str = "events", **members: Any) -> list[tuple[str, str]]:
        found = self.events if service == "events" else self.scheduler
        return [(need.action, need.resource) for need in found.operations[operation].needs(self.call(operation, service, **members))]

    async def bodies(self, queue: str) -> list[Any]:
        return [json.loads(one.body) for one in await self.queues.receive(queue, most=10)]

    async def functions(self) -> list[Any]:
        rows = await self.journal.list(Query(limit=100))
        return [json.loads((await self.journal.find(row.id)).payload) for row in reversed(rows)]


def entry(source: str = "shop", detail: Any = None, **keys: Any) -> dict[str, Any]:
    return {"Source": source, "DetailType": "placed", "Detail": json.dumps(detail or {}), **keys}
