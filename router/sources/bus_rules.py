"""The buses of the house: which rules an event matches, what each function gets, and all of it durable at once.

Whoever has an event for a bus (PutEvents, a bucket, a replay) hands it to Buses.publish(). It goes into the journal once for each rule
that it matches, in one transaction with the archive's row, under a sequencer made of the event's id: told twice, it is
one event for each function."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import apsw
import structlog

from router import names
from router.clock import Clock
from router.config.types import Bus, Config
from router.errors import ConfigError
from router.events.patterns import Pattern, compile_pattern
from router.events.patterns_index import Index
from router.events.patterns_parse import InvalidPattern
from router.events.transform import WHOLE, Facts, Input, InvalidInput, dumped
from router.journal.base import Beside
from router.journal.database import Database
from router.model import ASYNC_LIMIT, Envelope
from router.sources import bus_store
from router.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from router.sources.base import Binding, Outlet

log = structlog.get_logger("router.sources.bus")

WRAPPING: Final = 16 * 1024  # bytes that an event may have beside the 1 MB of its entry
AT_ONCE: Final = 8 * 1024 * 1024  # bytes of payloads in one transaction: an event that many rules match may need several


class Rule(NamedTuple):
    """One rule and its target."""

    bus: str
    name: str
    arn: str
    function: str
    pattern: Pattern
    written: str  # the pattern, JSON text
    input: Input

    @classmethod
    def of(cls, binding: "Binding", config: Config) -> Self:
        """The rule of an `event:` trigger."""
        trigger = binding.trigger
        name = trigger.named(binding.function.name, binding.index)
        arn = names.rule_arn(config.region, config.account, name, trigger.bus)
        return cls(trigger.bus, name, arn, binding.target, trigger.pattern, trigger.written, trigger.input)

    @property
    def source(self) -> str:
        """What its events come from, for people."""
        return f"event:{self.bus}/{self.name}"

    def envelope(self, occurrence: "Occurrence", *, at: float) -> Envelope:
        """What the function gets of an event that matches. Raises InvalidInput when that is more than it can get."""
        payload = occurrence.whole if self.input is WHOLE else self.input.of(occurrence.event, Facts(self.name, self.arn, at))
        if len(payload) > ASYNC_LIMIT + WRAPPING:
            raise InvalidInput(f"the input made of the event has {len(payload)} bytes")
        return Envelope(self.function, payload, self.source, occurrence.sequencer, trace=occurrence.trace)


class Occurrence(NamedTuple):
    """An event on its way to a bus."""

    bus: str
    event: Mapping[str, Any]
    whole: bytes  # the same as JSON text
    at: float  # its time, epoch seconds
    trace: str = ""  # X-Ray header of who put it
    rules: frozenset[str] | None = None  # only these rules are asked; None: all

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
        """Raises ConfigError."""
        found = tuple(rules)
        _refuse_doubles(found)
        of_bus: dict[str, list[Rule]] = {name: [] for name in config.buses}
        for rule in found:
            of_bus[rule.bus].append(rule)
        lines = {
            name: _Line(config.buses[name], len(those), Index((rule, rule.pattern) for rule in those), _kept(config.buses[name]))
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

    def lay(self, drawn: Drawn, database: Database, clock: Clock, metrics: Metrics) -> None:
        """Take up the rules of a config."""
        self.rules, self._lines = drawn.rules, drawn.lines
        self._clock, self._database, self._prepared = clock, database, False
        self._put = metrics.counter("router_bus_events_total", "Events put on a bus.", "bus")
        self._matched = metrics.counter("router_bus_matched_total", "Events handed to functions by rules.", "bus", "rule")
        self._unfit = metrics.counter("router_bus_undeliverable_total", "Events that came to more than a function can get.", "bus", "rule")

    def __contains__(self, bus: str) -> bool:
        return bus in self._lines

    def idle(self, bus: str) -> bool:
        """Whether an event on this bus would go nowhere."""
        line = self._lines.get(bus)
        return line is None or (not line.bus.archive and not line.rules)

    def matching(self, bus: str, event: Mapping[str, Any]) -> list[Rule]:
        """The rules that an event matches."""
        return self._lines[bus].index.find(event)

    async def publish(self, outlet: "Outlet", occurrences: Sequence[Occurrence], beside: Beside | None = None) -> int:
        """Hand events to all whose rules they match and to the archives, with *beside*; durable on return. How many functions got one.

        Raises JournalError: of events up to AT_ONCE bytes nothing was accepted then, of larger ones maybe a part."""
        now = self._clock.now()
        envelopes = [envelope for occurrence in occurrences for envelope in self._envelopes(occurrence, now)]
        rows = [self._row(occurrence, now) for occurrence in occurrences if self._lines[occurrence.bus].keeps(occurrence)]
        if rows and not self._prepared:  # a bucket may be sooner than the buses' own source
            await bus_store.prepare(self._database)
            self._prepared = True
        *before, last = list(_batches(envelopes)) or [[]]
        for batch in before:
            await outlet.emit_all(batch)
        together = _together(rows, beside)
        if last or together is not None:
            await outlet.emit_all(last, together)
        for occurrence in occurrences:
            self._put.add(occurrence.bus)
        return len(envelopes)

    def _envelopes(self, occurrence: Occurrence, now: float) -> Iterator[Envelope]:
        for rule in self.matching(occurrence.bus, occurrence.event):
            if occurrence.rules is not None and rule.name not in occurrence.rules:
                continue
            try:
                yield rule.envelope(occurrence, at=now)
            except InvalidInput as error:
                self._unfit.add(rule.bus, rule.name)
                log.error("event_undeliverable", bus=rule.bus, rule=rule.name, event_id=str(occurrence.event["id"]), error=str(error))
            else:
                self._matched.add(rule.bus, rule.name)

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


def _batches(envelopes: Iterable[Envelope]) -> Iterator[list[Envelope]]:
    batch: list[Envelope] = []
    size = 0
    for envelope in envelopes:
        if batch and size + len(envelope.payload) > AT_ONCE:
            yield batch
            batch, size = [], 0
        batch.append(envelope)
        size += len(envelope.payload)
    if batch:
        yield batch


def _kept(bus: Bus) -> Pattern | None:
    if bus.archive_pattern is None:
        return None
    try:
        return compile_pattern(bus.archive_pattern)
    except InvalidPattern as error:
        raise ConfigError((f"buses.{bus.name}.archive.pattern: {error}",)) from error


def _refuse_doubles(rules: Sequence[Rule]) -> None:
    """A name that was given may be another rule's FUNCTION-PLACE."""
    first: dict[str, Rule] = {}
    twice = [(rule, other) for rule in rules if (other := first.setdefault(rule.arn, rule)) is not rule]
    if twice:
        told = (
            f"rule {rule.name} of bus {rule.bus}: two rules have this name, of {other.function} and {rule.function}"
            for rule, other in twice
        )
        raise ConfigError(tuple(told))
