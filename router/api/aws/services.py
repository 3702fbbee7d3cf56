"""The services of the AWS endpoint: one table, name → how it is built from the daemon's parts."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from router.api.aws.dynamodb import Dynamodb
from router.api.aws.dynamodbstreams import DynamodbStreams
from router.api.aws.events import Events
from router.api.aws.gate import Gate
from router.api.aws.lambda_ import Lambda
from router.api.aws.lambda_.place import Place
from router.api.aws.lambda_.rooms import Rooms
from router.api.aws.lambda_.shelf import Shelf
from router.api.aws.logs import Logs
from router.api.aws.s3.front import Front
from router.api.aws.scheduler import Scheduler
from router.api.aws.service import Service
from router.api.aws.sns import Sns
from router.api.aws.sqs import Sqs
from router.api.aws.sts import Sts
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
from router.functions.uploads import Uploads
from router.queues.moves import Moves
from router.queues.outbox import Outbox
from router.queues.store import Queues
from router.sources.base import House
from router.tables.store import Tables
from router.telemetry.loggroups import LogGroups


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
    objects: Objects
    tables: Tables


def rooms_of(parts: Parts) -> Rooms:
    """What Lambda's operations reach."""
    config = parts.calls.config
    return Rooms(
        parts.calls,
        parts.functions,
        parts.versions,
        parts.declared,
        Uploads(config.state),
        parts.permissions,
        Shelf(parts.layers, Place(config.region, config.account)),
        parts.house.clock,
        Place(config.region, config.account),
    )


class Wire(Protocol):
    """A service that reads requests and writes answers itself, because its bodies are streams."""

    def serve(self, request: Request, gate: Gate, request_id: str) -> Awaitable[Response]:
        """Answer a request, whoever sent it: authenticate it with *gate*, ask it for every need."""
        ...


SERVICES: Final[Mapping[str, Callable[[Parts], Service]]] = {  # by name in botocore's data
    "dynamodb": lambda parts: Dynamodb(parts.tables, parts.declared),
    "dynamodbstreams": lambda parts: DynamodbStreams(parts.tables, parts.house.clock),
    "lambda": lambda parts: Lambda(rooms_of(parts)),
    "logs": lambda parts: Logs(parts.logs, parts.house.clock, region=parts.house.config.region, account=parts.house.config.account),
    "sns": lambda parts: Sns(
        parts.house.topics, parts.dispatcher, parts.declared, region=parts.house.config.region, account=parts.house.config.account
    ),
    "sqs": lambda parts: Sqs(
        parts.queues,
        parts.moves,
        parts.declared,
        parts.house.clock,
        region=parts.house.config.region,
        account=parts.house.config.account,
    ),
    "sts": lambda parts: Sts(lambda: parts.calls.config, KeyStore(parts.house.config.state), parts.house.clock),
    "events": lambda parts: Events.of(parts.declared, parts.calls, parts.house),
    "scheduler": lambda parts: Scheduler.of(parts.declared, parts.calls, parts.house),
}
WIRES: Final[Mapping[str, Callable[[Parts], Wire]]] = {
    "s3": lambda parts: Front(parts.objects, parts.declared),
}
"""Those that are spoken to in their own way: s3."""
