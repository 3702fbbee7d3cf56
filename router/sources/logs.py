"""Log groups as a source: what is written to them goes to functions through subscription filters, some events at a time.

How far a filter has come in each stream is recorded in the transaction that makes its events durable (logs_places.py). Who writes to a
stream tells that it has grown; at a start all streams are looked at. A filter that is new begins behind what is there."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, Self

import structlog

from router.clock import woken
from router.config.types import Config, Function
from router.errors import ConfigError, JournalError, SourceError
from router.names import base, log_group
from router.sources.base import Binding, House, Outlet, basis_of
from router.sources.logs_places import Key, Places, moving
from router.sources.logs_trigger import LogsTrigger
from router.telemetry import logfollow
from router.telemetry.loggroups import LogGroups
from router.telemetry.logs import LogStream

if TYPE_CHECKING:
    from router.sources.logs_filter import SubscriptionFilter

log = structlog.get_logger("router.sources.logs")

STREAMS: Final = 100  # that are looked at together: their events share a commit
GATHER: Final = 0.5  # seconds between two looks: what is written meanwhile goes together
TIDY_EVERY: Final = 3600.0  # seconds between two looks for streams that are gone


class LogsSource:
    """All subscription filters."""

    TRIGGERS: ClassVar = (LogsTrigger,)

    def __init__(self, bindings: Sequence[Binding], house: House) -> None:
        self.name = "logs"
        self.basis: object = _basis(bindings, house.config)
        self._filters = _filters(bindings, house.config) if bindings else []
        self._of_group: defaultdict[str, list[SubscriptionFilter]] = defaultdict(list)
        for one in self._filters:
            self._of_group[one.key[0]].append(one)
        self._logs, self._places, self._clock = house.logs, Places(house.database), house.clock
        told = "Events of log groups that were handed to functions."
        self._handed = house.metrics.counter("router_log_events_handed_over_total", told, "function")
        self._work = asyncio.Event()  # a stream waits to be looked at
        self._attached = False

    @classmethod
    def build(cls, bindings: Sequence[Binding], house: House) -> list[Self]:
        """One source for all log groups: with no filter at all it forgets those that there were. Raises ConfigError."""
        _refuse_doubles(bindings)
        _refuse_loops(bindings)
        return [house.source("logs", _basis(bindings, house.config), lambda: cls(bindings, house))]

    async def run(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """Hand over what is written until *stop*. Raises SourceError when the store fails."""
        assert self._logs is not None  # what runs has all of the house
        try:
            async with woken(self._work, stop):
                await self._attach(self._logs)
                await self._follow(self._logs, outlet, stop)
        except JournalError as error:
            raise SourceError(f"log groups cannot be followed: {error}") from error
        finally:
            self._attached = False
            self._logs.store.listeners.discard(self._heard)

    def health(self) -> str:
        """See Source."""
        return "" if self._attached else "log groups are not followed: the source does not run"

    # -- from the start on

    async def _attach(self, logs: LogGroups) -> None:
        """Know how far each filter has come, and have those begin that are new; what is written from then on is heard."""
        known = await self._places.load([one.key for one in self._filters])
        if self._filters:
            logs.store.listeners.add(self._heard)
        logs.store.flush()
        for one in self._filters:
            streams = await asyncio.to_thread(logs.streams, one.key[0])
            if one.key in known:
                one.resume(known[one.key])
                one.waiting |= {stream.name for stream in streams}
            else:
                one.resume(await asyncio.to_thread(logfollow.ends, streams))
                await self._places.begin(one.key, one.marks)
        self._attached = True

    def _heard(self, stream: LogStream) -> None:
        found = self._of_group.get(stream.group or log_group(stream.function))
        if found is not None:
            for one in found:
                one.waiting.add(stream.name)
            self._work.set()

    async def _follow(self, logs: LogGroups, outlet: Outlet, stop: asyncio.Event) -> None:
        tidied = self._clock.monotonic()
        while not stop.is_set():
            self._work.clear()
            for one in self._filters:
                await self._hand_over(one, logs, outlet, stop)
            if self._clock.monotonic() >= tidied + TIDY_EVERY:
                await self._tidy(logs)
                tidied = self._clock.monotonic()
            if not any(one.waiting for one in self._filters):
                await self._clock.wait(self._work, TIDY_EVERY)
            await self._clock.wait(stop, GATHER)
        for one in self._filters:
            await self._save(one)

    async def _hand_over(self, one: "SubscriptionFilter", logs: LogGroups, outlet: Outlet, stop: asyncio.Event) -> None:
        """What the streams have that wait now; after a stop the next start finds the rest."""
        streams, one.waiting = one.waiting, set()
        while streams and not stop.is_set():
            look = await asyncio.to_thread(one.look, [streams.pop() for _ in range(min(STREAMS, len(streams)))], logs)
            moved = one.unsaved | look.marks
            if look.envelopes:
                await outlet.emit_all(look.envelopes, moving(one.key, moved))
                self._handed.add(base(one.target), amount=look.events)
            one.unsaved = {} if look.envelopes else moved
            one.marks |= look.marks
            streams |= look.rest
            for stream in look.gaps:
                log.warning("log_events_missed", group=one.key[0], filter=one.key[1], stream=stream)

    async def _tidy(self, logs: LogGroups) -> None:
        """Forget streams that are gone, and record how far filters have come that let nothing pass."""
        for one in self._filters:
            gone = await asyncio.to_thread(one.gone, logs)
            if gone:
                await self._places.forget(one.key, gone)
                one.forget(gone)
            await self._save(one)

    async def _save(self, one: "SubscriptionFilter") -> None:
        if one.unsaved:
            await self._places.move(one.key, one.unsaved)
            one.unsaved = {}


def _filters(bindings: Sequence[Binding], config: Config) -> "list[SubscriptionFilter]":
    from router.sources.logs_filter import SubscriptionFilter  # noqa: PLC0415 - a daemon without any does without

    return [SubscriptionFilter(binding, config) for binding in bindings]


def _basis(bindings: Sequence[Binding], config: Config) -> object:
    return (config.account, basis_of(bindings))


def _refuse_doubles(bindings: Sequence[Binding]) -> None:
    """A filter without a name of its own may have one that another was given. Raises ConfigError."""
    first: dict[Key, str] = {}
    problems = []
    for binding in bindings:
        key: Key = binding.trigger.key(binding.function.name, binding.index)
        other = first.setdefault(key, binding.path)
        if other != binding.path:
            problems.append(f"{binding.path}: {other} has the name {key[1]} in log group {key[0]} too; give one of them another name")
    if problems:
        raise ConfigError(tuple(problems))


def _refuse_loops(bindings: Sequence[Binding]) -> None:
    """A function writes to its log group whenever it runs, so what is written there must not set it off. Raises ConfigError."""
    readers: defaultdict[str, list[Function]] = defaultdict(list)
    for binding in bindings:
        readers[binding.trigger.group].append(binding.function)
    problems = [
        f"{binding.path}: its own log comes to {binding.trigger.group}, and would set it off again without end"
        for binding in bindings
        if binding.trigger.group in _reached(binding.function.log_group, readers)
    ]
    if problems:
        raise ConfigError(tuple(problems))


def _reached(group: str, readers: Mapping[str, Sequence[Function]]) -> set[str]:
    """The groups that are written to when something is written to this one; itself among them."""
    found, left = {group}, [group]
    while left:
        for function in readers.get(left.pop(), ()):
            if function.log_group not in found:
                found.add(function.log_group)
                left.append(function.log_group)
    return found
