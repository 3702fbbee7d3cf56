"""Event buses as a source: PutEvents, the archive's retention, and replays.

An event is put by a call, not found by a look: what this source runs by itself are replays, which the store remembers across
restarts, and the removal of archived events whose time is over."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, Self

import apsw
import structlog

from router import names
from router.errors import JournalError, ShuttingDown, SourceError
from router.events import eventbridge
from router.events.eventbridge import Entry, Place, Refusal
from router.journal.calendar import Calendar
from router.sources import bus_store
from router.sources.base import Binding, House, Outlet, basis_of, first_leaf
from router.sources.bus_replays import Replays
from router.sources.bus_rules import Drawn, Occurrence, Rule
from router.sources.bus_store import BusStore, Replay
from router.sources.bus_trigger import EventTrigger

log = structlog.get_logger("router.sources.bus")

RETENTION_EVERY: Final = 60.0  # seconds between two removals of archived events


class BusSource:
    """All buses."""

    TRIGGERS: ClassVar = (EventTrigger,)

    def __init__(self, rules: Sequence[Rule], house: House, basis: object = None) -> None:
        self.name = "bus"
        self.basis: object = basis
        self._config, self._clock, self._buses = house.config, house.clock, house.buses
        self._calendar = Calendar(house.clock, "archives")
        self._drawn = Drawn.of(rules, house.config)
        if not self._buses.laid:  # who puts events has its rules from the first on; another config's are laid when it is in force
            self._buses.lay(self._drawn, house)
        self._house = house
        self._store = BusStore(house.database)
        self._place = Place(house.config.region, house.config.account)
        self._outlet: Outlet | None = None  # while running
        self._putting = 0  # calls under way
        self._still = asyncio.Event()  # set while there are none
        self._still.set()
        self._replays = Replays(self._store, house.buses, house.clock)

    @classmethod
    def build(cls, bindings: Sequence[Binding], house: House) -> list[Self]:
        """One source for all buses; the default bus is there without any rule. Raises ConfigError."""
        basis = (house.config.buses, house.config.rules, basis_of(bindings))
        return [house.source("bus", basis, lambda: cls([Rule.of(binding, house.config) for binding in bindings], house, basis))]

    # -- another config

    def can_become(self, source: Any) -> bool:
        """See Successor: rules are laid for all who put events, where they put them."""
        return isinstance(source, BusSource) and source._buses is self._buses  # noqa: SLF001 - its own kind

    async def prepare(self, former: Any) -> None:
        """See Successor. What is left of a deleted archive goes before its bus has one again."""
        await bus_store.prepare(self._store.database)
        for bus in await former._store.leavings.names():  # noqa: SLF001 - its own kind
            if self._archived(bus):
                await former.empty(bus)

    def become(self, source: Any) -> None:
        """See Successor."""
        self._config, self.basis, self._drawn = source._config, source.basis, source._drawn  # noqa: SLF001 - its own kind
        self._buses.lay(self._drawn, self._house)

    # -- running

    async def run(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """Take events until *stop*; what is being put then is finished. Raises SourceError when the store fails."""
        try:
            await bus_store.prepare(self._store.database)
            await self._empty(of_config=True)
            self._outlet = outlet
            async with asyncio.TaskGroup() as group:
                group.create_task(self._retention(stop), name="bus-retention")
                await self._replays.run(group, outlet, stop)
            self._outlet = None
            await self._still.wait()
        except JournalError as error:
            raise SourceError(f"buses cannot be served: {error}") from error
        except BaseExceptionGroup as errors:
            failed, rest = errors.split(JournalError)
            if failed is None or rest is not None:
                raise
            raise SourceError(f"buses cannot be served: {first_leaf(failed)}") from errors
        finally:
            self._outlet = None

    async def _empty(self, *, of_config: bool) -> None:
        """Go on with archives that were deleted. *of_config*: those whose buses have one again, before it is served; else all others."""
        for bus in await self._store.leavings.names():
            if self._archived(bus) == of_config:
                await self.empty(bus)

    async def _retention(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._empty(of_config=False)
            removed = await self._store.forget(self._calendar.now())
            if removed < bus_store.FORGET_AT_ONCE:
                await self._clock.wait(stop, RETENTION_EVERY)

    # -- PutEvents

    async def put(self, call: Any) -> dict[str, Any]:
        """PutEvents: {"Entries": [...]} in, {"FailedEntryCount": …, "Entries": [...]} out, once all that was taken is durable.

        Raises InvalidRequest for a call that is refused as a whole, ShuttingDown, JournalError: nothing was taken."""
        self._door()
        answers: list[dict[str, str]] = []
        taken: list[Occurrence] = []
        for entry in eventbridge.entries_of(call, place=self._place):
            made = self._occurrence(entry)
            if isinstance(made, Refusal):
                answers.append({"ErrorCode": made.code, "ErrorMessage": made.message})
            else:
                taken.append(made)
                answers.append({"EventId": str(made.event["id"])})
        await self.publish(taken)
        return {"FailedEntryCount": len(answers) - len(taken), "Entries": answers}

    async def publish(self, occurrences: Sequence[Occurrence]) -> int:
        """Put events on their buses; how many targets got one, once all is durable. Raises ShuttingDown, JournalError."""
        outlet = self._door()
        self._putting += 1
        self._still.clear()
        try:
            return await self._buses.publish(outlet, occurrences)
        finally:
            self._putting -= 1
            if not self._putting:
                self._still.set()

    def _occurrence(self, entry: Entry) -> Occurrence | Refusal:
        told = eventbridge.refusal(entry)
        if told is not None:
            return told
        if entry.bus not in self._buses:
            return Refusal("ResourceNotFoundException", f"Event bus {entry.bus} does not exist.")
        now = self._clock.now()
        event = eventbridge.event(entry, event_id=names.request_id(), at=now, place=self._place)
        try:
            return Occurrence.of(entry.bus, event, now if entry.time is None else entry.time, entry.trace)
        except RecursionError:
            return Refusal("MalformedDetail", "Detail is malformed.")

    def _door(self) -> Outlet:
        if self._outlet is None:
            raise ShuttingDown(self.health())
        return self._outlet

    # -- replays

    async def start_replay(self, replay: Replay) -> str:
        """Begin a replay; its name. Raises InvalidParameter, ResourceNotFound, ShuttingDown, JournalError."""
        self._door()
        return await self._replays.begin(replay, self._config.buses.get(replay.bus))

    async def cancel_replay(self, name: str) -> None:
        """Have a replay end. Raises InvalidParameter when none of this name goes on."""
        self._door()
        await self._replays.cancel(name)

    async def replays(self) -> list[Replay]:
        """All replays, the newest first. Raises ShuttingDown, JournalError."""
        self._door()
        return await self._store.replays()

    async def archived(self) -> dict[str, tuple[int, int]]:
        """Per bus: archived events, and their bytes. Raises ShuttingDown, JournalError."""
        self._door()
        return await self._store.sizes()

    async def emptying(self, bus: str) -> Callable[[apsw.Connection], None]:
        """What marks all archived events of a bus as gone, in the transaction that ends its archive's declaration. Raises JournalError."""
        await bus_store.prepare(self._store.database)
        return self._store.leavings.marking(bus)

    async def empty(self, bus: str) -> None:
        """Remove what is marked so. Raises JournalError."""
        await bus_store.prepare(self._store.database)
        await self._store.leavings.sweep(bus, declared=self._archived(bus))

    def _archived(self, bus: str) -> bool:
        return bus in self._config.buses and bool(self._config.buses[bus].archive)

    # -- for people

    async def rows(self) -> list[dict[str, Any]]:
        """One row a bus."""
        counts = await self._store.counts()
        return [
            {
                "name": bus.name,
                "rules": sum(rule.bus == bus.name for rule in self._buses.rules),
                "archive": None if not bus.archive else "forever" if bus.archive == float("inf") else f"{bus.archive / 86400:g}d",
                "events": counts.get(bus.name, (0, 0.0, 0.0))[0],
                "oldest": names.iso_s(counts[bus.name][1]) if bus.name in counts else None,
                "newest": names.iso_s(counts[bus.name][2]) if bus.name in counts else None,
            }
            for bus in self._config.buses.values()
        ]

    def rule_rows(self) -> list[dict[str, Any]]:
        """One row a rule."""
        return [
            {"bus": rule.bus, "name": rule.name, "function": rule.function, "pattern": rule.written, "arn": rule.arn}
            for rule in sorted(self._buses.rules, key=lambda rule: (rule.bus, rule.name))
        ]

    async def replay_rows(self) -> list[dict[str, Any]]:
        """One row a replay, the newest first."""
        return await self._replays.rows()

    def health(self) -> str:
        """Whether events are taken."""
        return "" if self._outlet is not None else "buses are not attached"
