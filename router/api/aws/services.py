"""The services of the AWS endpoint: one table, name → how it is built from the daemon's parts."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, NamedTuple, Protocol

from router.api.aws.gate import Gate
from router.api.aws.service import Service
from router.api.calls import Calls
from router.api.declared import Declared
from router.api.reload import Reloader
from router.api.versions import Versions
from router.buckets.object_store import Objects
from router.credentials import KeyStore
from router.dispatch.dispatcher import Dispatcher
from router.events.http import Request, Response
from router.functions.layer_store import LayerStore
from router.functions.permissions import Permissions
from router.functions.registry import Functions
from router.queues.moves import Moves
from router.queues.outbox import Outbox
from router.queues.store import Queues
from router.sources.base import House
from router.tables.store import Tables
from router.telemetry.loggroups import LogGroups
from router.telemetry.measured import Measured


@dataclass(frozen=True, slots=True)
class Parts:
    """What services are built from: a daemon's parts."""

    house: House  # region, account and state of its config never change; what else it says may: see *calls*
    calls: Calls  # calls.config is the config in force
    functions: Functions
    versions: Versions
    dispatcher: Dispatcher  # the Outlet
    reloader: Reloader
    declared: Declared  # what was declared through the API
    queues: Queues
    moves: Moves
    outbox: Outbox
    permissions: Permissions
    layers: LayerStore
    logs: LogGroups
    measured: Measured
    objects: Objects
    tables: Tables


class Wire(Protocol):
    """A service that reads requests and writes answers itself, because its bodies are streams."""

    def serve(self, request: Request, gate: Gate, request_id: str) -> Awaitable[Response]:
        """Answer a request, whoever sent it: authenticate it with *gate*, ask it for every need."""
        ...


class Entry(NamedTuple):
    """How a service is had: the module that holds it, imported when it is first asked for, and what to build from that."""

    module: str
    build: Callable[[Any, Parts], Any]  # the module, a daemon's parts


SERVICES: Final[Mapping[str, Entry]] = {  # by name in botocore's data
    "cloudwatch": Entry("router.api.aws.cloudwatch", lambda module, parts: module.Cloudwatch(parts.measured)),
    "dynamodb": Entry("router.api.aws.dynamodb", lambda module, parts: module.Dynamodb(parts.tables, parts.declared)),
    "dynamodbstreams": Entry(
        "router.api.aws.dynamodbstreams", lambda module, parts: module.DynamodbStreams(parts.tables, parts.house.clock)
    ),
    "events": Entry(
        "router.api.aws.events",
        lambda module, parts: module.Events.of(parts.declared, parts.calls, parts.house, parts.functions.published),
    ),
    "lambda": Entry("router.api.aws.lambda_", lambda module, parts: module.Lambda(module.Rooms.of(parts))),
    "logs": Entry(
        "router.api.aws.logs",
        lambda module, parts: module.Logs(
            parts.logs,
            module.Filters(parts.logs, parts.house.database, parts.declared, parts.permissions.policy),
            parts.house.clock,
            module.Place(parts.house.config.region, parts.house.config.account),
        ),
    ),
    "scheduler": Entry("router.api.aws.scheduler", lambda module, parts: module.Scheduler.of(parts.declared, parts.calls, parts.house)),
    "sns": Entry(
        "router.api.aws.sns",
        lambda module, parts: module.Sns(
            parts.house.topics, parts.dispatcher, parts.declared, region=parts.house.config.region, account=parts.house.config.account
        ),
    ),
    "sqs": Entry(
        "router.api.aws.sqs",
        lambda module, parts: module.Sqs(
            *(parts.queues, parts.moves, parts.declared, parts.house.clock),
            region=parts.house.config.region,
            account=parts.house.config.account,
        ),
    ),
    "sts": Entry(
        "router.api.aws.sts",
        lambda module, parts: module.Sts(lambda: parts.calls.config, KeyStore(parts.house.config.state), parts.house.clock),
    ),
}
WIRES: Final[Mapping[str, Entry]] = {
    "s3": Entry(
        "router.api.aws.s3.front",
        lambda module, parts: module.Front(
            parts.objects, parts.declared, module.Destinations(parts.outbox, parts.permissions.policy, parts.house.clock)
        ),
    ),
}
"""Those that are spoken to in their own way: s3."""


class Services:
    """The services that were asked for. All of them together take a quarter of a second to import, and most daemons need few."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._built: dict[str, Any] = {}
        self._turn = asyncio.Lock()

    def has(self, name: str) -> bool:
        """Whether there is such a service."""
        return name in SERVICES

    async def get(self, name: str) -> Service:
        """A service that there is."""
        found: Service = self._built.get(name) or await self._made(name, SERVICES[name])
        return found

    async def wire(self, name: str) -> Wire:
        """One that is spoken to in its own way."""
        found: Wire = self._built.get(name) or await self._made(name, WIRES[name])
        return found

    async def _made(self, name: str, entry: Entry) -> Any:
        async with self._turn:
            if name not in self._built:
                module = await asyncio.to_thread(import_module, entry.module)
                self._built[name] = entry.build(module, self._parts)
            return self._built[name]
