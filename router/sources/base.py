"""A source's two doors into the router, and what the daemon hands it.

A source is one file here and one line in SOURCES (router/sources/__init__.py): the class names its own words
in config.yaml (TRIGGERS) and builds itself from the triggers that use them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self, TypeVar, runtime_checkable

from router.buckets.ledger import Ledgers
from router.clock import Clock
from router.config.types import Config, Function, Trigger
from router.errors import JournalError
from router.iam.policy import Policy
from router.journal.base import Beside
from router.journal.database import Database
from router.model import Envelope, Outcome, Stream
from router.queues.outbox import Outbox
from router.queues.store import Queues
from router.sources.bus_rules import Buses
from router.sources.topics import Topics
from router.tables.store import Tables
from router.telemetry.loggroups import LogGroups
from router.telemetry.metrics import Metrics

_S = TypeVar("_S")


class Outlet(Protocol):
    """The only door from a source into the router."""

    async def emit(self, envelope: Envelope) -> bool:
        """Event: return once durable. False: it was known already (same function, source, shard, sequencer). Raises JournalError: nothing was accepted."""

    async def emit_all(self, envelopes: Sequence[Envelope], beside: Beside | None = None) -> None:
        """Events for several functions, and *beside* in the store: all durable on return, or nothing. Raises as emit() does."""

    async def invoke(self, envelope: Envelope) -> Outcome:
        """RequestResponse: run now, return the outcome. Raises TooManyRequests, EnvironmentUnavailable, ShuttingDown."""

    async def stream(self, envelope: Envelope) -> Stream:
        """RequestResponse whose answer may be streamed: run now, return once it has begun. Raises as invoke() does."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A function and one of its enabled triggers."""

    function: Function
    trigger: Any  # an instance of the source's Trigger
    index: int  # position among all triggers that the config lists for the function, from 0; names schedules that have no name
    qualifier: str = ""  # the version or alias that it invokes; "": $LATEST

    @property
    def target(self) -> str:
        """What envelopes are addressed to."""
        return f"{self.function.name}:{self.qualifier}" if self.qualifier else self.function.name

    @property
    def path(self) -> str:
        """Where the config has the trigger."""
        return f"functions.{self.function.name}.triggers[{self.index}].{self.trigger.word}"


def basis_of(bindings: Sequence[Binding]) -> tuple[object, ...]:
    """What of bindings a source is built from, to be compared: a function's other settings are none of its business."""
    return tuple((binding.target, binding.trigger, binding.index) for binding in bindings)


@dataclass(frozen=True, slots=True)
class House:
    """What every source may use."""

    config: Config
    clock: Clock
    database: Database  # cursors, version tables, ticks
    metrics: Metrics
    queues: Queues | None = None  # None: nothing is opened, the config is only looked at
    outbox: Outbox | None = None  # records on their way to destinations
    ledgers: Ledgers = field(default_factory=Ledgers)  # what buckets' sources share with the object store
    buses: Buses = field(default_factory=Buses)  # where events are put that are for whoever has a rule for them
    tables: Tables | None = None  # tables of items
    logs: LogGroups | None = None  # None, as with queues
    topics: Topics = field(default_factory=Topics)  # where messages are published for whoever has subscribed
    policy: Callable[[str], Policy | None] = lambda _: None  # a function's own policy, as it is now
    running: Callable[[str], Any] = lambda _: None  # the source of a name that there is already
    later: list[Callable[[], None]] = field(default_factory=list)  # what building leaves to do once the config is in force

    def source(self, name: str, basis: object, make: Callable[[], _S]) -> _S:
        """The source of this name that runs, when it is built of the same, for it goes on; else what *make* makes."""
        running = self.running(name)
        return running if running is not None and running.basis == basis else make()

    def in_force(self) -> None:
        """The config is in force: what was left is done."""
        for act in self.later:
            act()
        self.later.clear()


class Source(Protocol):
    """Turns occurrences into envelopes."""

    TRIGGERS: ClassVar[tuple[type[Trigger], ...]]  # what it serves, as config.yaml spells it

    name: str  # for logs, metrics and people: "s3:uploads", "http", "schedule", "table:orders"
    basis: object  # what of the config it is built from: after a reload one with an equal basis goes on undisturbed

    @classmethod
    def build(cls, bindings: Sequence[Binding], house: House) -> list[Self]:
        """The sources that serve *bindings* (all of this class's TRIGGERS): one for each thing that can fail alone.

        The list is the caller's: after a reload it puts those that go on in the place of those that would be the same. Gauges over
        all sources of a class read that list. Building opens nothing, and happens in any thread: what others would notice, gauges among
        it, is left to house.later."""

    async def run(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """Turn occurrences into envelopes until *stop* is set; return with none half-handled.

        Mark an occurrence as seen only after emit() returned: a crash in between gives a
        duplicate (same sequencer), never a loss. Raise SourceError to be restarted with back-off."""

    def health(self) -> str:
        """Nothing when attached and well, else one sentence that says what is wrong (shown by /readyz and `router ps`)."""


@runtime_checkable
class Listening(Protocol):
    """A source that others connect to. An address that it cannot have ends a start, as a mistake in the config; later it is a failure
    like any other."""

    name: str

    async def bind(self) -> None:
        """Have the address, before run(). Raises CannotListen."""

    async def close(self) -> None:
        """Give it back, when there is no run() that does."""


@runtime_checkable
class Successor(Protocol):
    """A source that can become another one between two occurrences, without stopping: its clients notice nothing."""

    def can_become(self, source: Any) -> bool:
        """Whether it can; else it is stopped and that one started."""

    async def prepare(self, former: Any) -> None:
        """Asked of the one to be: open what serving needs. Raises SourceError, JournalError."""

    def become(self, source: Any) -> None:
        """Serve what *source*, which is prepared, would serve; what is under way ends as it began."""


def first_leaf(group: BaseExceptionGroup[JournalError]) -> BaseException:
    """The first of the errors in a group."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
