"""The daemon's calls over a journal in memory, a scripted pool and virtual time; no process, socket or disk."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from router.api.calls import Calls, Parts
from router.api.control import Control
from router.config.types import Bucket, Config, Function, Listen, Table
from router.dispatch.dispatcher import Dispatcher
from router.dispatch.slots import Slots
from router.dispatch.supervisor import Supervisor
from router.errors import JournalError
from router.events import routes, s3
from router.events.http import Request
from router.events.schedule import parse
from router.functions.registry import Functions
from router.journal.base import EventRow
from router.journal.memory import MemoryJournal
from router.model import Envelope, Outcome
from router.runtime.base import Invocation
from router.runtime.pool import Row
from router.sources.base import Binding, House
from router.sources.feed import FeedSource, TableTrigger
from router.sources.http import HttpSource
from router.sources.http_triggers import HttpTrigger
from router.sources.s3dir import S3Trigger
from router.sources.schedule import ScheduleSource
from router.sources.schedule_trigger import ScheduleTrigger
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock, settle

DONE = Outcome(b'"done"')
FAILED = Outcome(b'{"errorMessage": "no", "errorType": "ValueError"}', "Unhandled", "ValueError", log=("END",))

Script = Outcome | Exception | Callable[[Invocation], Any]


class ScriptedPool:
    """Answers every invocation alike, or as a function of the test's does."""

    def __init__(self, script: Script) -> None:
        self.script, self.seen = script, list[Invocation]()

    async def invoke(self, invocation: Invocation) -> Outcome:
        self.seen.append(invocation)
        if isinstance(self.script, Exception):
            raise self.script
        return self.script if isinstance(self.script, Outcome) else await self.script(invocation)

    def problems(self) -> list[str]:
        """Nothing is provisioned."""
        return []

    def rows(self) -> list[Row]:
        return [Row("f", "python3.11", 2, 1, 1, 2)]


class FullJournal(MemoryJournal):
    """A journal that can be told that its disk is full, or to take its time."""

    full = False
    gate: asyncio.Event | None = None

    async def append(self, envelope: Envelope) -> bool:
        if self.gate is not None:
            await self.gate.wait()
        if self.full:
            raise JournalError("no space left on the device")
        return await super().append(envelope)


class NoStore:
    """A store without rows, for sources that are not run."""


class Answer:
    """What came back from the control socket."""

    def __init__(self, status: int, headers: Any, body: Any) -> None:
        self.status, self.headers, self.body = status, dict(headers), bytes(body)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and AWS code of a refusal; it has these two keys and nothing else."""
        assert set(self.json) == {"code", "message"}
        assert self.json["message"]
        return self.status, self.json["code"]


class Bench:
    """Two functions, a route, a schedule, a feed and a bucket; g is what f is not: without triggers."""

    def __init__(self, script: Script = DONE, *, limit: int = 4) -> None:
        self.clock, self.metrics = VirtualClock(), Metrics()
        triggers = (HttpTrigger(routes.parse("POST /images/{id}")), ScheduleTrigger("rate(1 hour)", parse("rate(1 hour)")))
        feed = TableTrigger(Table("orders", Path("/nowhere/shop.db"), "orders"))
        csv = S3Trigger("uploads", s3.Filter(s3.event_names("s3:ObjectCreated:*"), suffix=".csv"))
        functions = {
            "f": Function("f", Path("/code"), "app.handler", triggers=(*triggers, feed, csv)),
            "g": Function("g", Path("/code"), "app.handler", reserved_concurrency=1),
        }
        self.config = Config(
            Path("/c/config.yaml"),
            Path("/c/state"),
            http=Listen("tcp", "127.0.0.1", 0),
            buckets={"uploads": Bucket("uploads", Path("/nowhere/uploads"), event_version="2.4")},
            tables={"orders": feed.table},
            functions=functions,
        )
        self.journal, self.pool = FullJournal(self.clock), ScriptedPool(script)
        known, slots = Functions(self.config), Slots(functions, limit=limit, clock=self.clock)
        self.dispatcher = Dispatcher(self.journal, self.pool, known, slots, clock=self.clock, metrics=self.metrics)  # type: ignore[arg-type]
        house = House(self.config, self.clock, NoStore(), self.metrics)  # type: ignore[arg-type]
        bindings = [Binding(functions["f"], trigger, index) for index, trigger in enumerate((*triggers, feed))]
        self.sources: list[Any] = [
            *HttpSource.build(bindings[:1], house),
            *ScheduleSource.build(bindings[1:2], house),
            *FeedSource.build(bindings[2:], house),
        ]
        supervisors = [Supervisor(source, clock=self.clock, metrics=self.metrics, chance=None) for source in self.sources]  # type: ignore[arg-type]
        self.calls = Calls(
            Parts(self.config, known, self.journal, self.dispatcher, slots, self.pool, supervisors, self.clock.now(), 4242),  # type: ignore[arg-type]
        )
        self.control = Control(self.calls)

    async def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> Answer:
        """One request to the control socket."""
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return Answer(*await self.control(Request(method, target, named, body)))

    async def post(self, target: str, body: Any) -> Answer:
        """One request with a JSON body."""
        return await self.ask("POST", target, json.dumps(body).encode())

    async def get(self, target: str) -> Any:
        """The JSON of an answer that must be 200."""
        answer = await self.ask("GET", target)
        assert answer.status == 200, answer.body
        return answer.json

    async def emit(self, function: str = "f", payload: bytes = b"{}") -> str:
        """An accepted event's id."""
        answer = await self.ask("POST", f"/functions/{function}/invocations", payload, x_amz_invocation_type="Event")
        assert answer.status == 202, answer.body
        return answer.headers["x-amzn-requestid"]

    async def work(self, seconds: float = 1.0) -> None:
        """Run what is due for a while."""
        stop = asyncio.Event()
        task = asyncio.create_task(self.dispatcher.run(stop))
        await self.clock.advance(seconds)
        stop.set()
        await self.clock.advance(2)
        await settle()
        await task

    async def dead(self, function: str = "f") -> str:
        """An event that failed for the last time."""
        script, self.pool.script = self.pool.script, FAILED
        event_id = await self.emit(function)
        await self.work(200)
        self.pool.script = script
        return event_id

    async def row(self, event_id: str) -> EventRow:
        """The journal's row."""
        return (await self.journal.find(event_id)).row
