"""One rig a source: how to configure it, how to make an occurrence happen, and which occurrence an event tells of.

A new source needs a class here and a line in RIGS; tests/conformance/test_sources.py does the rest. Time is virtual; what
a source does in threads of its own and on sockets takes the real time it takes, which drive() gives it."""

import asyncio
import contextlib
import gzip
import json
import os
import random
import socket
import time
from abc import ABC, abstractmethod
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import unquote_plus

import apsw

from router.config.types import Bucket, Config, Function, Listen, Queue, Table, Topic
from router.dispatch.supervisor import Supervisor
from router.errors import JournalError, ShuttingDown, TooManyRequests
from router.events import routes, s3
from router.events.eventbridge import Place, envelope
from router.events.patterns import compile_pattern
from router.events.schedule import parse
from router.events.sns_rules import Message
from router.events.sqs import Attribute
from router.events.sqs_rules import New
from router.events.webhook_keys import HmacKey
from router.events.webhook_schemes import GITHUB
from router.journal.base import Beside
from router.journal.database import Database
from router.model import Envelope, Outcome
from router.queues.store import Queues
from router.sources import SOURCES
from router.sources.base import Binding, House
from router.sources.bus_rules import Occurrence
from router.sources.bus_trigger import EventTrigger
from router.sources.feed import TableTrigger
from router.sources.http_triggers import HttpTrigger, UrlTrigger
from router.sources.logs import LogsSource
from router.sources.logs_places import Places
from router.sources.logs_trigger import LogsTrigger
from router.sources.queue import QueueSource, QueueTrigger
from router.sources.s3dir import S3Trigger
from router.sources.schedule_trigger import ScheduleTrigger
from router.sources.topic import TopicSource
from router.sources.topic_trigger import SnsTrigger
from router.sources.webhook_trigger import WebhookTrigger
from router.telemetry.loggroups import LogGroups
from router.telemetry.logs import LogStore
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock
from tests.helpers.house import free_port
from tests.helpers.outlet import MemoryOutlet
from tests.helpers.webhooks import github

ANSWER: Final = Outcome(b'{"statusCode": 200, "body": "done"}')


class Doors(MemoryOutlet):
    """An outlet whose two doors can refuse, and can be held open: what came in is accepted, but the caller waits."""

    def __init__(self) -> None:
        super().__init__(lambda _: ANSWER)
        self.refusing = 0  # how many of the next calls are refused, by either door
        self.refused = 0  # how many were
        self.gate = asyncio.Event()
        self.gate.set()

    async def emit(self, envelope: Envelope) -> None:
        """Accept durably, or refuse as a full disk makes the journal do."""
        self._refuse(JournalError("no space left on the device"))
        await super().emit(envelope)
        await self.gate.wait()

    async def emit_all(self, envelopes: Sequence[Envelope], beside: Beside | None = None) -> None:
        """The same."""
        self._refuse(JournalError("no space left on the device"))
        await super().emit_all(envelopes, beside)
        await self.gate.wait()

    async def invoke(self, envelope: Envelope) -> Outcome:
        """Run, or refuse as a full pool does."""
        self._refuse(TooManyRequests("ConcurrentInvocationLimitExceeded"))
        outcome = await super().invoke(envelope)
        await self.gate.wait()
        return outcome

    def _refuse(self, error: Exception) -> None:
        if self.refusing:
            self.refusing -= 1
            self.refused += 1
            raise error


class FickleDatabase(Database):
    """A store that fails when it is told to."""

    failing = False

    def _check_open(self) -> None:
        if self.failing:
            raise JournalError("no space left on the device")
        super()._check_open()


class Rig(ABC):
    """One source with everything around it that outlives a daemon: its files, its store, its clock."""

    remembers: ClassVar = True  # False: what happens while it is not running is refused then and there
    apart: ClassVar = True  # False: what is accepted is recorded as such in the same transaction
    step: ClassVar = 0.1  # seconds of virtual time between two looks

    def __init__(self, place: Path) -> None:
        self.place = place
        self.clock = VirtualClock(time.time())
        self.metrics = Metrics()
        self.database: FickleDatabase
        self._count = 0
        self._clients: list[asyncio.Task[None]] = []  # those who ask until they are heard

    # -- what a rig tells

    @abstractmethod
    def bindings(self, *names: str) -> list[Binding]:
        """One binding for each name; of the one that occur() is about when none is given."""

    @abstractmethod
    async def occur(self) -> str:
        """Make one more occurrence happen; what identities() will call it."""

    @abstractmethod
    def identities(self, envelope: Envelope) -> list[str]:
        """The occurrences that an envelope tells of."""

    def config(self) -> Config:
        """The config of the house."""
        return Config(self.place / "config.yaml", self.place)

    def spoil(self) -> None:
        """Make run() raise SourceError from now on."""
        self.database.failing = True

    def mend(self) -> None:
        """Undo spoil()."""
        self.database.failing = False

    # -- what all share

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Rig"]:
        """With its store; no client outlives it."""
        self.database = await FickleDatabase.open(self.place / "store.db")
        try:
            yield self
        finally:
            for client in self._clients:
                client.cancel()
            await asyncio.gather(*self._clients, return_exceptions=True)
            self.mend()
            await self.database.close()

    def number(self) -> int:
        """1, 2, 3 …"""
        self._count += 1
        return self._count

    def sources(self, bindings: Sequence[Binding]) -> Sequence[Any]:
        """Sources as a fresh daemon builds them."""
        house = House(self.config(), self.clock, self.database, self.metrics)
        built = SOURCES[bindings[0].trigger.word].build(bindings, house)
        house.in_force()
        return built

    def source(self) -> Any:
        """The source that occur() is about, as a fresh daemon builds it."""
        (source,) = self.sources(self.bindings())
        return source

    def told(self, outlet: Doors) -> list[str]:
        """Every occurrence that reached the outlet, as often as it did so as an event of its own."""
        return [identity for envelope in (*outlet.emitted, *outlet.invoked) for identity in self.identities(envelope)]

    async def drive(self, holds: Callable[[], object], *, real: float = 20.0, still: float = 0.0) -> None:
        """Move virtual time on until *holds*, at first not for *still* real seconds: a busy disk takes no virtual time.

        TimeoutError after *real* seconds."""
        async with asyncio.timeout(real):
            until = time.monotonic() + still
            while not holds() and time.monotonic() < until:
                await asyncio.to_thread(bool)
            while not holds():
                await self.clock.advance(self.step)
                await asyncio.to_thread(bool)  # threads of the source get their turn

    async def quiet(self) -> None:
        """Let time pass in which nothing is expected."""
        for _ in range(40):
            await self.clock.advance(self.step)
            await asyncio.to_thread(os.sched_yield)

    @asynccontextmanager
    async def running(self, outlet: Doors, source: Any = None, *, well: bool = True) -> AsyncIterator["Running"]:
        """A source under its supervisor, attached when all is *well*; drained at the end unless it was ended before."""
        outlet.store = self.database
        run = Running(self, source or self.source(), outlet)
        await self.drive(lambda: run.task.done() or bool(run.supervisor.health()) != well)
        try:
            yield run
        except BaseException:
            await run.kill()
            raise
        await run.drain()


class Running:
    """A source that runs as the daemon runs it."""

    def __init__(self, rig: Rig, source: Any, outlet: Doors) -> None:
        self._rig, self.source, self.outlet = rig, source, outlet
        self.stop = asyncio.Event()
        self.supervisor = Supervisor(source, clock=rig.clock, metrics=rig.metrics, chance=random.Random(1))
        self.task = asyncio.create_task(self.supervisor.run(outlet, self.stop))

    async def told(self, *wanted: str) -> None:
        """Wait until all of these reached the outlet."""
        await self._rig.drive(lambda: set(wanted) <= set(self._rig.told(self.outlet)))

    async def drain(self) -> None:
        """As SIGTERM does."""
        self.stop.set()
        await self._rig.drive(self.task.done, still=1.0)  # a busy disk takes no virtual time
        with contextlib.suppress(asyncio.CancelledError):
            await self.task

    async def kill(self) -> None:
        """As SIGKILL does: nothing that was under way goes on."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def function(name: str) -> Function:
    """A function of that name."""
    return Function(name, Path("/code"), "app.handler")


class S3Rig(Rig):
    """A file that is moved into a directory."""

    apart = False

    def config(self) -> Config:
        """Two buckets, of which one is used."""
        buckets = {name: Bucket(name, self.place / name) for name in ("uploads", "results")}
        return Config(self.place / "config.yaml", self.place, buckets=buckets)

    def bindings(self, *names: str) -> list[Binding]:
        """Functions over one bucket, or one each of its own."""
        wanted = s3.Filter(frozenset({s3.CREATED}))
        return [Binding(function("f"), S3Trigger(name, wanted), index) for index, name in enumerate(names or ("uploads",))]

    async def occur(self) -> str:
        """Write beside, then move in."""
        key = f"file-{self.number()}"
        (self.place / "uploads").mkdir(exist_ok=True)
        (self.place / "fresh").write_text(key)
        (self.place / "fresh").rename(self.place / "uploads" / key)
        return key

    def identities(self, envelope: Envelope) -> list[str]:
        """Keys."""
        return [unquote_plus(record["s3"]["object"]["key"]) for record in json.loads(envelope.payload)["Records"]]


class ScheduleRig(Rig):
    """An hour strikes."""

    apart = False

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.clock = VirtualClock(time.time() // 3600 * 3600 + 60)  # just before an hour it could strike while the source attaches

    def bindings(self, *names: str) -> list[Binding]:
        """Every hour, and no hour is forgotten."""
        trigger = ScheduleTrigger("cron(0 * * * ? *)", parse("cron(0 * * * ? *)"), missed="all")
        return [Binding(function(name), trigger, index) for index, name in enumerate(names or ("f",))]

    async def occur(self) -> str:
        """Move on to the next full hour."""
        now = self.clock.now()
        due = (int(now) // 3600 + 1) * 3600
        await self.clock.advance(due - now + 0.001)
        return f"{datetime.fromtimestamp(due, UTC):%Y-%m-%dT%H:%M:%SZ}"

    def identities(self, envelope: Envelope) -> list[str]:
        """Times."""
        return [json.loads(envelope.payload)["time"]]


class TableRig(Rig):
    """A row that another connection inserts."""

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self._user = apsw.Connection(str(place / "shop.db"))
        self._user.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF").fetchall()
        self._user.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY); CREATE TABLE items (id INTEGER PRIMARY KEY)").fetchall()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Rig]:
        """With the feed installed: rows are noted from then on."""
        async with super().opened():
            await self.source().install()
            yield self
        self._user.close()

    def bindings(self, *names: str) -> list[Binding]:
        """Small batches, so that several rows need several."""
        tables = [Table(name, self.place / "shop.db", name, install="auto") for name in names or ("orders",)]
        return [Binding(function("f"), TableTrigger(table, batch_size=2), index) for index, table in enumerate(tables)]

    async def occur(self) -> str:
        """One row, committed."""
        number = self.number()
        self._user.execute("INSERT INTO orders VALUES (?)", (number,)).fetchall()
        return str(number)

    def identities(self, envelope: Envelope) -> list[str]:
        """Keys."""
        return [record["dynamodb"]["Keys"]["id"]["N"] for record in json.loads(envelope.payload)["Records"]]


class QueueRig(Rig):
    """A message that is sent."""

    # the timeout: virtual time goes far while a busy disk syncs
    QUEUES: ClassVar = {name: Queue(name, visibility_timeout=10_000) for name in ("jobs", "orders", "items", "uploads", "results")}

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Rig]:
        """With queues."""
        async with super().opened():
            self.queues = await self._open()
            yield self

    @asynccontextmanager
    async def running(self, outlet: Doors, source: Any = None, *, well: bool = True) -> AsyncIterator["Running"]:
        """As after a start of the daemon: queues are opened, and what the last one held is free."""
        if source is None and not self.database.failing:
            self.queues = await self._open()
        async with super().running(outlet, source, well=well) as run:
            yield run

    async def _open(self) -> Queues:
        return await Queues.open(self.database, self.clock, self.QUEUES, region="us-east-1", account="123456789012")

    def sources(self, bindings: Sequence[Binding]) -> Sequence[Any]:
        """Sources as a fresh daemon builds them."""
        house = House(self.config(), self.clock, self.database, self.metrics, self.queues)
        built = QueueSource.build(bindings, house)
        house.in_force()
        return built

    def bindings(self, *names: str) -> list[Binding]:
        """Small batches, so that several messages need several."""
        return [
            Binding(function("f"), QueueTrigger(self.QUEUES[name], batch_size=2), index) for index, name in enumerate(names or ("jobs",))
        ]

    async def occur(self) -> str:
        """One message."""
        number = str(self.number())
        await self.queues.send("jobs", [New(number)])
        return number

    def identities(self, envelope: Envelope) -> list[str]:
        """Bodies."""
        return [record["body"] for record in json.loads(envelope.payload)["Records"]]


class HttpRig(Rig):
    """A client that asks, and asks again when it is told to come back later."""

    remembers = False
    step = 0.01  # virtual time must not outrun the sockets: the listener has deadlines

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self._port = free_port()
        self._blocker: socket.socket | None = None
        self.statuses: dict[str, list[int]] = {}  # of each request in turn; 0: refused by the kernel or cut

    def config(self) -> Config:
        """A port of its own."""
        return Config(self.place / "config.yaml", self.place, http=Listen("tcp", "127.0.0.1", self._port))

    def bindings(self, *names: str) -> list[Binding]:
        """A route each."""
        triggers = [HttpTrigger(routes.parse(f"GET /{name}/{{n}}")) for name in names or ("orders",)]
        return [Binding(function("f"), trigger, index) for index, trigger in enumerate(triggers)]

    async def occur(self) -> str:
        """A client begins to ask."""
        number = str(self.number())
        self.statuses[number] = []
        self._clients.append(asyncio.create_task(self._ask(number)))
        return number

    async def _ask(self, number: str) -> None:
        while True:
            status, retry_after = await self._once(number)
            self.statuses[number].append(status)
            if status not in (429, 503):
                return
            await self.clock.sleep(retry_after)

    async def _once(self, number: str) -> tuple[int, float]:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except ConnectionError:
            return 0, 0
        try:
            writer.write(self.asks(number))
            head, _, _ = (await reader.read()).partition(b"\r\n\r\n")
        except ConnectionError:
            return 0, 0
        finally:
            writer.close()
        lines = head.decode().lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:])
        return int(lines[0].split()[1]) if head else 0, float(headers.get("retry-after", "nan"))

    def asks(self, number: str) -> bytes:
        """A client's request."""
        return f"GET {self.path(number)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()

    def path(self, number: str) -> str:
        """What a client asks for."""
        return f"/orders/{number}"

    def identities(self, envelope: Envelope) -> list[str]:
        """The variable in the path."""
        return [json.loads(envelope.payload)["pathParameters"]["n"]]

    def spoil(self) -> None:
        """Somebody else has the port."""
        self._blocker = socket.create_server(("127.0.0.1", self._port))

    def mend(self) -> None:
        """And lets go of it."""
        if self._blocker is not None:
            self._blocker.close()
            self._blocker = None


class UrlRig(HttpRig):
    """Function URLs, reached by path."""

    def bindings(self, *names: str) -> list[Binding]:
        """A URL each."""
        return [Binding(function(name), UrlTrigger(), index) for index, name in enumerate(names or ("f",))]

    def path(self, number: str) -> str:
        """What a client asks for."""
        return f"/_url/f/{number}"

    def identities(self, envelope: Envelope) -> list[str]:
        """The path behind the function's name."""
        return [json.loads(envelope.payload)["rawPath"].removeprefix("/")]


class WebhookRig(HttpRig):
    """A sender that signs, and sends again when it is told to come back later."""

    def bindings(self, *names: str) -> list[Binding]:
        """A path each."""
        keys = (HmacKey("secret", b"hush-hush"),)
        made = [WebhookTrigger(routes.parse(f"POST /hooks/{name}"), GITHUB, keys) for name in names or ("orders",)]
        return [Binding(function("f"), trigger, index) for index, trigger in enumerate(made)]

    def asks(self, number: str) -> bytes:
        """A delivery."""
        body = json.dumps({"n": number}).encode()
        headers = {"Host": "localhost", "Connection": "close", "Content-Length": str(len(body))} | github(
            "hush-hush", body, f"guid-{number}"
        )
        lines = ["POST /hooks/orders HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def identities(self, envelope: Envelope) -> list[str]:
        """What the body says."""
        return [json.loads(json.loads(envelope.payload)["body"])["n"]]


class BusRig(Rig):
    """Somebody puts an event on the bus, and again until it is taken."""

    remembers = False

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self._current: Any = None  # the source that was built last

    def bindings(self, *names: str) -> list[Binding]:
        """A rule each, which one event in two matches."""
        pattern = compile_pattern({"source": ["rig"], "detail": {"wanted": [True]}})
        return [Binding(function(name), EventTrigger(pattern), index) for index, name in enumerate(names or ("f",))]

    def sources(self, bindings: Sequence[Binding]) -> Sequence[Any]:
        """As any rig; clients turn to the one that was built last."""
        sources = super().sources(bindings)
        (self._current,) = sources
        return sources

    async def occur(self) -> str:
        """Two clients begin, one of them with an event that nobody wants."""
        number = str(self.number())
        for wanted in (True, False):
            detail = {"n": number, "wanted": wanted}
            place = Place("us-east-1", "123456789012")
            event = envelope("rig", "made", detail, event_id=f"{number}-{wanted}", at=self.clock.now(), place=place)
            self._clients.append(asyncio.create_task(self._put(Occurrence.of("default", event, self.clock.now()))))
        return number

    async def _put(self, occurrence: Occurrence) -> None:
        while True:
            try:
                await self._current.publish([occurrence])
            except (ShuttingDown, JournalError):
                await self.clock.sleep(0.5)
            else:
                return

    def identities(self, envelope: Envelope) -> list[str]:
        """What the detail says."""
        return [json.loads(envelope.payload)["detail"]["n"]]


class TopicRig(QueueRig):
    """A message that is published, again and again until it is taken."""

    remembers = False
    TOPIC: ClassVar = Topic("alerts")

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self._house: House
        self._outlet: Doors | None = None  # while a source runs

    @asynccontextmanager
    async def running(self, outlet: Doors, source: Any = None, *, well: bool = True) -> AsyncIterator["Running"]:
        """Clients find the outlet while it runs."""
        async with super().running(outlet, source, well=well) as run:
            self._outlet = outlet
            run.task.add_done_callback(self._gone)
            yield run

    def _gone(self, _: object) -> None:
        self._outlet = None

    def config(self) -> Config:
        """With a topic."""
        return replace(super().config(), topics={self.TOPIC.name: self.TOPIC})

    def bindings(self, *names: str) -> list[Binding]:
        """Of each a subscription to what is wanted."""
        trigger = SnsTrigger(self.TOPIC.name, {"wanted": ["yes"]})
        return [Binding(function(name), trigger, index) for index, name in enumerate(names or ("f",))]

    def sources(self, bindings: Sequence[Binding]) -> Sequence[Any]:
        """As any rig; clients turn to the topics that were laid last."""
        self._house = House(self.config(), self.clock, self.database, self.metrics, self.queues)
        built = TopicSource.build(bindings, self._house)
        self._house.in_force()
        return built

    async def occur(self) -> str:
        """Two clients begin, one of them with a message that nobody wants."""
        number = str(self.number())
        for wanted in ("yes", "no"):
            message = Message(number, attributes={"wanted": Attribute("String", wanted)})
            self._clients.append(asyncio.create_task(self._publish(message)))
        return number

    async def _publish(self, message: Message) -> None:
        while True:
            try:
                if self._outlet is not None:
                    await self._house.topics.publish(self._outlet, self.TOPIC.name, message)
                    return
            except JournalError:
                pass
            await self.clock.sleep(0.5)

    def identities(self, envelope: Envelope) -> list[str]:
        """Messages."""
        return [record["Sns"]["Message"] for record in json.loads(envelope.payload)["Records"]]


class LogsRig(Rig):
    """A line that a function writes to its log."""

    apart = False

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Rig]:
        """With log groups; the filters have begun, for what was there before they do not tell."""
        async with super().opened():
            self.store = LogStore(self.place / "logs", self.clock)
            self.groups = await LogGroups.open(self.place / "logs", self.database, self.store, self.clock)
            self._stream = self.store.stream("say")
            await Places(self.database).load([])
            for binding in self.bindings():
                await Places(self.database).begin((binding.trigger.group, binding.trigger.named("f", binding.index)), {})
            yield self
            self.store.close()

    def sources(self, bindings: Sequence[Binding]) -> Sequence[Any]:
        """As any rig, with log groups."""
        return LogsSource.build(bindings, House(self.config(), self.clock, self.database, self.metrics, logs=self.groups))

    def bindings(self, *names: str) -> list[Binding]:
        """What of a function's log is wanted."""
        return [Binding(function(name), LogsTrigger("/aws/lambda/say", "yes"), index) for index, name in enumerate(names or ("f",))]

    async def occur(self) -> str:
        """One line, and one that nobody wants."""
        number = f"yes {self.number()}"
        for message in ("no", number):
            self._stream.write(message, self.clock.now())
        self._stream.flush()
        return number

    def identities(self, envelope: Envelope) -> list[str]:
        """Messages."""
        data = json.loads(gzip.decompress(b64decode(json.loads(envelope.payload)["awslogs"]["data"])))
        return [event["message"] for event in data["logEvents"]]


RIGS: Final[dict[str, type[Rig]]] = {
    "logs": LogsRig,
    "s3": S3Rig,
    "http": HttpRig,
    "url": UrlRig,
    "webhook": WebhookRig,
    "schedule": ScheduleRig,
    "table": TableRig,
    "event": BusRig,
    "queue": QueueRig,
    "sns": TopicRig,
}
