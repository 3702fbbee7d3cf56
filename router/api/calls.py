"""What operators may ask of a running daemon; the control socket and the console speak HTTP over these calls.

Every call gives JSON-ready values; times are ISO 8601 in UTC with milliseconds, or null. What cannot be done is a RouterError."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import orjson

from router import VERSION
from router.api.describing import described
from router.api.history import DEAD_LETTERS, History, by_function, time_of, unfinished
from router.api.sending import Sender
from router.config.types import Config, Function, Trigger
from router.dispatch.dispatcher import Dispatcher, Facts
from router.dispatch.slots import Slots
from router.dispatch.supervisor import Supervisor
from router.errors import FunctionNotFound, InvalidParameter, InvalidRequestContent
from router.events.function_url import URL_PREFIX, url_domain
from router.functions.registry import Functions
from router.journal.base import Journal
from router.model import Envelope, Outcome, State
from router.runtime import resolve
from router.runtime.pool import WarmPool
from router.sources.bus import BusSource
from router.sources.feed import FeedSource
from router.sources.http import HttpSource
from router.sources.http_triggers import HttpTrigger, UrlTrigger
from router.sources.schedule import ScheduleSource
from router.sources.webhook_trigger import WebhookTrigger

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a running daemon that calls reach."""

    config: Config
    functions: Functions
    journal: Journal
    dispatcher: Dispatcher
    slots: Slots
    pool: WarmPool
    supervisors: Iterable[Supervisor]
    started: float  # epoch seconds
    pid: int


def served_at(trigger: Trigger, function: Function, region: str, address: str) -> tuple[str, ...]:
    """METHOD and URL of what a trigger serves on the http listener, which is bound to *address*; () for any other trigger."""
    if isinstance(trigger, HttpTrigger):
        return (f"{trigger.route.method or 'ANY'} http://{address}{trigger.base_path}{trigger.route.key.partition(' ')[2]}",)
    if isinstance(trigger, WebhookTrigger):
        return (f"POST http://{address}{trigger.route.key.partition(' ')[2]}",)
    if isinstance(trigger, UrlTrigger):
        port = address.rpartition(":")[2]
        host = f"{url_domain(function.name, region)}:{port}" if port.isdigit() else url_domain(function.name, region)
        return (f"ANY http://{host}/", f"ANY http://{address}{URL_PREFIX}/{function.name}/")
    return ()


def _no_constant(name: str) -> None:
    """NaN and the infinities are Python's JSON, not that of RFC 8259 or of Lambda. Raises ValueError."""
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant)


class Calls:
    """The daemon's calls."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.history = History(parts.journal, parts.functions)
        self.sender = Sender(parts.config, parts.dispatcher, self.sources_of(HttpSource))
        self.listeners: dict[str, tuple[str, ...]] = {}  # name → what it is bound to; the daemon's own

    def adopt(self, config: Config) -> None:
        """This is the config in force from now on."""
        self._parts = replace(self._parts, config=config)
        self.sender = Sender(config, self._parts.dispatcher, self.sources_of(HttpSource))

    def _envelope(self, function: str, payload: bytes, trace: str = "") -> Envelope:
        self.check(payload)
        return Envelope(self._parts.functions.target(function), payload, "invoke", trace=trace)

    @property
    def dispatcher(self) -> Dispatcher:
        """Its doors: emit, invoke, stream."""
        return self._parts.dispatcher

    @staticmethod
    def check(payload: bytes) -> None:
        """Raise InvalidRequestContent for a payload that is not JSON."""
        with suppress(ValueError):
            orjson.loads(payload)  # what it takes is JSON; what it refuses may be: a lone surrogate as an escape, a deep one
            return
        try:
            _DECODER.decode(payload.decode())
        except (ValueError, RecursionError) as error:
            raise InvalidRequestContent(f"Could not parse request body into json: {error}") from error

    async def invoke(
        self, function: str, payload: bytes, *, client_context: str = "", trace: str = "", tail: bool = False
    ) -> tuple[str, Outcome]:
        """Run now; the request id and the outcome, with the *tail* of its log if that is wanted. An empty payload is {}, as on Lambda."""
        envelope = self._envelope(function, payload or b"{}", trace)
        return envelope.request_id, await self._parts.dispatcher.invoke(envelope, Facts(client_context, whole=tail))

    async def emit(self, function: str, payload: bytes) -> str:
        """Accept an Event; its request id, once durable."""
        envelope = self._envelope(function, payload or b"{}")
        await self._parts.dispatcher.emit(envelope)
        return envelope.request_id

    async def ps(self) -> list[dict[str, Any]]:
        """One row a function; functions that are gone from the config but still have events come last."""
        parts = self._parts
        counts = by_function(await parts.journal.counts())
        environments = {row.function: row for row in parts.pool.rows()}
        rows = [
            {
                "function": name,
                "declared": parts.config.owners.get(("functions", name), "config"),
                "runtime": resolve(function.runtime, function.python).runs,
                "environments": environments[name].environments if name in environments else 0,
                "running": parts.slots.running(name),
                "queued": unfinished(counts.get(name, {})),
                "dead": sum(counts.get(name, {}).get(state, 0) for state in DEAD_LETTERS),
                "errors": parts.dispatcher.errors(name),
                "requests": parts.dispatcher.invocations(name),
                "gb_seconds": round(parts.dispatcher.bill.used(name), 6),
                "cost_usd": round(parts.dispatcher.bill.cost(name), 9),
                "urls": self._urls(function),
            }
            for name, function in parts.config.functions.items()
        ]
        gone = [name for name in counts if name not in parts.config.functions]
        return rows + [_row_of_a_removed_function(name, counts[name]) for name in gone]

    def described(self, name: str) -> dict[str, Any]:
        """The settings of a function in force, and where it is served. Raises FunctionNotFound."""
        deployed = self._parts.functions.get(name)
        function = self.config.functions.get(deployed.name)
        if function is None:
            raise FunctionNotFound(self._parts.functions.arn(deployed))
        return {**described(function, self.config), "code_sha256": deployed.sha256, "urls": self._urls(function)}

    def _urls(self, function: Function) -> list[str]:
        """Where its routes are served, METHOD and URL; [] while the listener is not bound."""
        bound = [address for source in self.sources_of(HttpSource) for address in source.addresses]
        return [
            url
            for trigger in function.triggers
            for address in bound[:1]
            for url in served_at(trigger, function, self.config.region, address)
        ]

    @property
    def config(self) -> Config:
        """The config in force."""
        return self._parts.config

    def sources_of(self, kind: type[S]) -> list[S]:
        """The sources of one class."""
        return [s.source for s in self._parts.supervisors if isinstance(s.source, kind)]

    def problems(self) -> list[str]:
        """Why the daemon is not ready, a sentence each; [] when it is."""
        sources = [f"{s.name}: {health}" for s in self._parts.supervisors if (health := s.health())]
        return sources + self._parts.pool.problems()

    def status(self) -> dict[str, Any]:
        """The daemon itself."""
        parts = self._parts
        bound = {"http": [a for s in self.sources_of(HttpSource) for a in s.addresses], **self.listeners}
        return {
            "version": VERSION,
            "pid": parts.pid,
            "ready": not self.problems(),
            "problems": self.problems(),
            "started": time_of(parts.started),
            "config": str(parts.config.file),
            "listeners": {name: f"http://{addresses[0]}" for name, addresses in bound.items() if addresses},
            "sources": [{"name": s.name, "health": s.health() or "ok"} for s in parts.supervisors],
        }

    def schedules(self) -> list[dict[str, Any]]:
        """One row a schedule."""
        return [row for source in self.sources_of(ScheduleSource) for row in source.rows()]

    async def run_schedule(self, name: str) -> str:
        """Fire a schedule now; the request id."""
        for source in self.sources_of(ScheduleSource):
            request_id: str = await source.fire(name)
            return request_id
        raise InvalidParameter(f"no schedule {name}: the config has none")

    @property
    def bus(self) -> BusSource:
        """The event buses."""
        return self.sources_of(BusSource)[0]

    async def feeds(self) -> list[dict[str, Any]]:
        """One row a feed and function."""
        return [row for source in self.sources_of(FeedSource) for row in await source.rows()]

    async def install_feed(self, name: str) -> None:
        """Install the triggers of a table's feed."""
        feed = self._feed(name)
        if not feed.readers:
            raise InvalidParameter(f"no enabled trigger reads feed {name}: nobody would take what it notes")
        await feed.install()

    async def uninstall_feed(self, name: str) -> int:
        """Take a table's feed out of its database; how many changes it held. Refused while a function reads it."""
        return await self._feed(name).uninstall()

    async def feed_sql(self, name: str) -> str:
        """What install_feed would execute."""
        return await self._feed(name).install_sql()

    def _feed(self, name: str) -> FeedSource:
        found = [source for source in self.sources_of(FeedSource) if source.name == f"table:{name}"]
        if not found:
            raise InvalidParameter(f"no feed {name}: the config has no table of this name")
        return found[0]


def _row_of_a_removed_function(name: str, counts: Mapping[State, int]) -> dict[str, Any]:
    """Its events are kept: they run when the function comes back, or are discarded by a person."""
    return {
        "function": name,
        "declared": "",
        "runtime": "not in the config",
        "environments": 0,
        "running": 0,
        "queued": unfinished(counts),
        "dead": sum(counts.get(state, 0) for state in DEAD_LETTERS),
        "errors": 0,
        "requests": 0,
        "gb_seconds": 0.0,
        "cost_usd": 0.0,
        "urls": [],
    }
