"""The buses of the house: which rules an event matches, what each function gets, and all of it durable at once.

Whoever has an event for a bus (PutEvents, a bucket, a replay) hands it to Buses.publish(). It goes once to each target of each rule
that it matches, in one transaction with the archive's row: into the journal for a function, under a sequencer made of the event's id
(told twice, it is one event for each function), into a queue, or into the outbox for any other target."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import apsw
import structlog

from router import names
from router.config.buses import key_of
from router.config.problems import step
from router.config.types import Bus, Config, Destination
from router.errors import ConfigError
from router.events import undelivered
from router.events.eventbridge import Place
from router.events.patterns import Pattern, compile_pattern
from router.events.patterns_index import Index
from router.events.patterns_values import InvalidPattern
from router.events.transform import WHOLE, Facts, InvalidInput, dumped
from router.events.undelivered import Failure
from router.iam import reading
from router.iam.policy import BadPolicy, Policy
from router.journal.base import Beside
from router.model import Envelope
from router.queues.outbox import Outbox
from router.sources import bus_store, targets
from router.sources.ruling import Ruling
from router.sources.targets import Handed, Target, Told

if TYPE_CHECKING:
    from router.sources.base import Binding, House, Outlet

log = structlog.get_logger("router.sources.bus")


class Unfit(Exception):
    """A target cannot get this event, now or later."""

    def __init__(self, failure: Failure, body: bytes) -> None:
        super().__init__(failure.message)
        self.failure, self.body = failure, body


class Rule(NamedTuple):
    """One rule and its targets."""

    bus: str
    name: str
    arn: str
    pattern: Pattern
    written: str  # the pattern, JSON text
    targets: tuple[Target, ...]
    place: Place

    @classmethod
    def of(cls, binding: "Binding", config: Config) -> Self:
        """The rule of an `event:` trigger: its function is the target."""
        trigger = binding.trigger
        name = trigger.named(binding.function.name, binding.index)
        target = Target(Destination("function", binding.target), input=trigger.input)
        return cls._of(trigger.bus, name, config, trigger.pattern, trigger.written, (target,))

    @classmethod
    def ruled(cls, ruling: Ruling, config: Config) -> Self:
        """A rule of the config's own list, which has a pattern."""
        assert ruling.pattern is not None
        return cls._of(ruling.bus, ruling.name, config, ruling.pattern, ruling.written, ruling.targets)

    @classmethod
    def _of(cls, bus: str, name: str, config: Config, pattern: Pattern, written: str, given: tuple[Target, ...]) -> Self:  # noqa: PLR0917 - its fields
        place = Place(config.region, config.account)
        return cls(bus, name, names.rule_arn(config.region, config.account, name, bus), pattern, written, given, place)

    @property
    def function(self) -> str:
        """For people: its targets."""
        return ", ".join(target.spoken for target in self.targets)

    def source(self, target: Target) -> str:
        """What a target's events come from, for people."""
        return f"event:{self.bus}/{self.name}" + (f"/{target.id}" if target.id else "")

    def envelopes(self, occurrence: "Occurrence", *, at: float) -> list[Envelope]:
        """What its functions get of an event that matches. Raises Unfit when that is more than one can get."""
        handed = (self.handed(target, occurrence, at, None) for target in self.targets if target.to.kind == "function")
        return [one for one in handed if isinstance(one, Envelope)]

    def handed(self, target: Target, occurrence: "Occurrence", at: float, outbox: Outbox | None) -> Handed:
        """What a target gets of an event that matches. Raises Unfit."""
        body = occurrence.whole
        try:
            if target.input is not WHOLE:
                body = target.input.of(occurrence.event, Facts(self.name, self.arn, at))
        except InvalidInput as error:
            raise Unfit(Failure(undelivered.REFUSED, str(error)), occurrence.whole) from error
        if said := targets.too_large(target, body, outbox):
            raise Unfit(Failure(undelivered.REFUSED, said), body)
        if occurrence.forwarded and target.to.kind == "bus":
            raise Unfit(Failure(undelivered.HOP, "it came from another bus: an event is sent on once"), body)
        return self.told(target, occurrence, at, body).for_target(target, self.place)

    def told(self, target: Target, occurrence: "Occurrence", at: float, body: bytes) -> Told:
        """The facts of one event for one target."""
        event_id = str(occurrence.event["id"])
        return Told(body, self.source(target), occurrence.sequencer, self.arn, at, event_id, occurrence.trace)


class Occurrence(NamedTuple):
    """An event on its way to a bus."""

    bus: str
    event: Mapping[str, Any]
    whole: bytes  # the same as JSON text
    at: float  # its time, epoch seconds
    trace: str = ""  # X-Ray header of who put it
    rules: frozenset[str] | None = None  # only these rules are asked; None: all
    forwarded: bool = False  # by a rule of another bus

    @classmethod
    def of(cls, bus: str, event: Mapping[str, Any], at: float, trace: str = "") -> Self:
        """From an event's value. Raises RecursionError for one that is nested too deeply to be written."""
        return cls(bus, event, dumped(event), at, trace)

    @property
    def sequencer(self) -> str:
        """The event's id; a replay of it is another event."""
        replay = self.event.get("replay-name", "")
        return f"{self.event['id']}:{replay}" if replay else str(self.event["id"])


@dataclass(frozen=True, slots=True)
class _Line:
    """One bus."""

    bus: Bus
    rules: int  # how many
    index: Index[Rule]
    kept: Pattern | None  # what its archive takes; None: everything
    policy: Policy | None  # its own

    def keeps(self, occurrence: Occurrence) -> bool:
        """Whether the archive takes this event; replayed ones are in it already."""
        if not self.bus.archive or "replay-name" in occurrence.event:
            return False
        return self.kept is None or self.kept.matches(occurrence.event)


class Drawn(NamedTuple):
    """The rules of a config, ready to be laid."""

    rules: tuple[Rule, ...]
    lines: Mapping[str, _Line]

    @classmethod
    def of(cls, rules: Iterable[Rule], config: Config) -> Self:
        """*rules*: those of triggers; beside them the config's own list is laid. Raises ConfigError."""
        listed = (ruling for ruling in config.rules.values() if ruling.enabled and ruling.pattern is not None)
        found = (*rules, *(Rule.ruled(ruling, config) for ruling in listed))
        _refuse_doubles(found, config)
        of_bus: dict[str, list[Rule]] = {name: [] for name in config.buses}
        for rule in found:
            of_bus[rule.bus].append(rule)
        lines = {
            name: _Line(
                config.buses[name],
                len(those),
                Index((rule, rule.pattern) for rule in those),
                _kept(config.buses[name]),
                _policy(config.buses[name], config.account),
            )
            for name, those in of_bus.items()
        }
        return cls(found, lines)


class Buses:
    """All buses. Empty until the config's rules are laid."""

    def __init__(self) -> None:
        self._lines: Mapping[str, _Line] = {}
        self.rules: tuple[Rule, ...] = ()

    @property
    def laid(self) -> bool:
        """Whether there are rules of a config, be it none."""
        return bool(self._lines)

    def lay(self, drawn: Drawn, house: "House") -> None:
        """Take up the rules of a config."""
        metrics, self._outbox = house.metrics, house.outbox
        self.rules, self._lines = drawn.rules, drawn.lines
        self._clock, self._database, self._prepared = house.clock, house.database, False
        self._put = metrics.counter("router_bus_events_total", "Events put on a bus.", "bus")
        self._matched = metrics.counter("router_bus_matched_total", "Events handed to targets by rules.", "bus", "rule")
        self._unfit = metrics.counter("router_bus_undeliverable_total", "Events that a target cannot get.", "bus", "rule")

    def __contains__(self, bus: str) -> bool:
        return bus in self._lines

    def idle(self, bus: str) -> bool:
        """Whether an event on this bus would go nowhere."""
        line = self._lines.get(bus)
        return line is None or (not line.bus.archive and not line.rules)

    def matching(self, bus: str, event: Mapping[str, Any]) -> list[Rule]:
        """The rules that an event matches."""
        return self._lines[bus].index.find(event)

    async def publish(
        self, outlet: "Outlet", occurrences: Sequence[Occurrence], beside: Beside | None = None, along: Sequence[Handed] = ()
    ) -> int:
        """Hand events to all whose rules they match and to the archives, with *beside* and what goes *along*; durable on return.

        Gives how many targets got one. Raises JournalError: of events up to AT_ONCE bytes nothing was accepted then, of larger ones maybe a part."""
        now = self._clock.now()
        things = [thing for occurrence in occurrences for thing in self._things(occurrence, now)]
        rows = [self._row(occurrence, now) for occurrence in occurrences if self._lines[occurrence.bus].keeps(occurrence)]
        if rows and not self._prepared:  # a bucket may be sooner than the buses' own source
            await bus_store.prepare(self._database)
            self._prepared = True
        await targets.hand_over(outlet, self._outbox, [*along, *things], _together(rows, beside))
        for occurrence in occurrences:
            self._put.add(occurrence.bus)
        return len(things)

    def policy(self, bus: str) -> Policy | None:
        """A bus's own policy."""
        line = self._lines.get(bus)
        return None if line is None else line.policy

    def _things(self, occurrence: Occurrence, now: float) -> Iterator[Handed]:
        for rule in self.matching(occurrence.bus, occurrence.event):
            if occurrence.rules is not None and rule.name not in occurrence.rules:
                continue
            for target in rule.targets:
                try:
                    yield rule.handed(target, occurrence, now, self._outbox)
                except Unfit as error:
                    yield from self._undeliverable(rule, target, occurrence, now, error)
                else:
                    self._matched.add(rule.bus, rule.name)

    def _undeliverable(self, rule: Rule, target: Target, occurrence: Occurrence, now: float, error: Unfit) -> Iterator[Handed]:
        """Told, and kept where the target has a dead-letter queue."""
        self._unfit.add(rule.bus, rule.name)
        about = {"bus": rule.bus, "rule": rule.name, "target": target.spoken, "event_id": str(occurrence.event["id"])}
        log.error("event_undeliverable", **about, error=str(error))
        letter = rule.told(target, occurrence, now, error.body).dead_letter(target, error.failure, rule.place)
        if letter is not None:
            yield letter

    def _row(self, occurrence: Occurrence, now: float) -> bus_store.Kept:
        kept = self._lines[occurrence.bus].bus.archive
        until = None if kept == float("inf") else now + kept
        return bus_store.Kept(occurrence.bus, str(occurrence.event["id"]), occurrence.at, until, occurrence.whole)


def _together(rows: Sequence[bus_store.Kept], beside: Beside | None) -> Beside | None:
    if not rows:
        return beside

    def unit(connection: apsw.Connection) -> None:
        bus_store.keep(connection, rows)
        if beside is not None:
            beside(connection)

    return unit


def _kept(bus: Bus) -> Pattern | None:
    if bus.archive_pattern is None:
        return None
    try:
        return compile_pattern(bus.archive_pattern)
    except InvalidPattern as error:
        raise ConfigError((f"{step('buses', bus.name)}.archive.pattern: {error}",)) from error


def _policy(bus: Bus, account: str) -> Policy | None:
    if not bus.policy:
        return None
    try:
        return reading.read(reading.parse(bus.policy), name=f"event bus {bus.name}", kind="resource", account=account)
    except BadPolicy as error:
        raise ConfigError(tuple(f"{step('buses', bus.name)}.policy: {mistake}" for mistake in error.mistakes)) from error


def _path(rule: Rule, config: Config) -> str:
    """Where the config has it."""
    key = key_of(rule.bus, rule.name)
    return step("rules", key) if key in config.rules else f"functions.{names.base(rule.targets[0].to.name)}.triggers"


def _refuse_doubles(rules: Sequence[Rule], config: Config) -> None:
    """A name that was given may be another rule's FUNCTION-PLACE, or that of one that is off."""
    first: dict[str, Rule] = {}
    twice = [(rule, other) for rule in rules if (other := first.setdefault(rule.arn, rule)) is not rule]
    told = [
        f"{_path(rule, config)}: rule {rule.name} of bus {rule.bus}: two rules have this name, of {other.function} and {rule.function}"
        for rule, other in twice
    ]
    off = (ruling for ruling in config.rules.values() if not ruling.enabled or ruling.pattern is None)
    told += [
        f"{step('rules', ruling.key)}: rule {ruling.name} of bus {ruling.bus}: two rules have this name, in rules and of {first[arn].function}"
        for ruling in off
        if (arn := names.rule_arn(config.region, config.account, ruling.name, ruling.bus)) in first
    ]
    if told:
        raise ConfigError(tuple(told))
