"""What rules and schedules hand their events to: functions, queues, buses, topics and log groups, each with terms of its own.

An event for a function is an envelope, for anything else a parcel of the outbox. Both are written in the transaction in which the event
itself is accepted: a queue has its message then, what is for a bus, a topic or a log group is a row until it is handed over (dispatch/relay.py)."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import apsw

from router import names
from router.config.types import Destination
from router.events import undelivered
from router.events.eventbridge import Place, envelope
from router.events.sns_rules import LARGEST
from router.events.transform import WHOLE, Input
from router.events.undelivered import ATTEMPTS, OLDEST, Failure
from router.journal.base import Beside
from router.model import ASYNC_LIMIT, Envelope
from router.queues.outbox import Outbox, Parcel, Terms

if TYPE_CHECKING:
    from router.sources.base import Outlet

WRAPPING: Final = 16 * 1024  # bytes that an event may have beside the 1 MB of its entry
AT_ONCE: Final = 8 * 1024 * 1024  # bytes of payloads in one transaction: an event that many rules match may need several

Handed = Envelope | Parcel


@dataclass(frozen=True, slots=True)
class Target:
    """One target of a rule or a schedule."""

    to: Destination  # a function, queue, bus, topic or log_group
    id: str = ""  # unlike that of any other target of its rule; "": a rule's only one
    input: Input = WHOLE
    group: str = ""  # MessageGroupId in a queue
    dead_letter: str = ""  # a queue, for what cannot be handed over; "": it is lost, and told
    attempts: int = ATTEMPTS  # tries after the first
    age: float = OLDEST  # seconds that it is tried for
    role: str = ""  # one of the config's, whose policy allows handing over; "": the router's own business
    source: str = ""  # of the event that a schedule puts on a bus; "": a rule's target, which sends its own event on
    detail_type: str = ""

    def arn(self, place: Place) -> str:
        """Its ARN."""
        return arn_of(self.to, place)

    @property
    def spoken(self) -> str:
        """For people: the function's name, or the kind and the name of anything else."""
        return self.to.name if self.to.kind == "function" else f"{self.to.kind}:{self.to.name}"


def arn_of(to: Destination, place: Place) -> str:
    """The ARN of what something is handed over to."""
    return _ARNS[to.kind](place.region, place.account, to.name)


_ARNS: Final[dict[str, Callable[[str, str, str], str]]] = {
    "function": names.function_arn,
    "queue": names.queue_arn,
    "bus": names.bus_arn,
    "topic": names.topic_arn,
    "log_group": names.log_group_arn,
}


class Told(NamedTuple):
    """What a target is told, and of what."""

    body: bytes  # JSON text
    source: str  # what it comes from, for people and for the journal
    sequencer: str  # the same for the same event and rule
    arn: str  # of the rule or schedule
    at: float  # epoch seconds, now
    event_id: str
    trace: str = ""
    scheduled: float | None = None  # the planned time of a tick of EventBridge Scheduler's

    def for_target(self, target: Target, place: Place) -> Handed:
        """What goes into the store. The body's size is the caller's affair."""
        if target.to.kind == "function":
            return Envelope(target.to.name, self.body, self.source, self.sequencer, trace=self.trace)
        body = self.body if not target.source else self._put(target, place)
        return Parcel(target.to, body, "", self.arn, self.event_id, self.at, trace=self.trace, terms=self._terms(target, place))

    def dead_letter(self, target: Target, failure: Failure, place: Place) -> Parcel | None:
        """What goes into the target's dead-letter queue; None without one."""
        if not target.dead_letter:
            return None
        told = undelivered.attributes(failure, arn=self.arn, target=target.arn(place), scheduled=self.scheduled)
        return Parcel(Destination("queue", target.dead_letter), self.body, "", self.arn, self.event_id, self.at, attributes=told)

    def _terms(self, target: Target, place: Place) -> Terms:
        whose = f"{self.arn}\0{target.id}\0{self.sequencer}".encode()
        same = hashlib.sha256(whose).hexdigest() if target.group else ""  # told twice, a FIFO queue takes it once
        return Terms(target.attempts, target.age, target.dead_letter, target.arn(place), self.scheduled, target.group, same)

    def _put(self, target: Target, place: Place) -> bytes:
        """The event that a schedule puts on a bus: its input is the detail."""
        detail = json.loads(self.body)
        event = envelope(target.source, target.detail_type, detail, event_id=self.event_id, at=self.at, place=place)
        return json.dumps(event, separators=(",", ":")).encode()


def too_large(target: Target, body: bytes, outbox: Outbox | None) -> str:
    """Why the target takes no body of this size; "" when it does."""
    most = ASYNC_LIMIT + WRAPPING
    if target.to.kind == "topic":
        most = LARGEST
    if target.to.kind == "queue" and outbox is not None:
        most = outbox.room(target.to)
    return f"the input made of the event has {len(body)} bytes, {target.spoken} takes {most}" if len(body) > most else ""


async def hand_over(outlet: "Outlet", outbox: Outbox | None, things: Iterable[Handed], beside: Beside | None = None) -> None:
    """Write down all of these, and *beside* with the last of them; durable on return.

    Raises JournalError: of things up to AT_ONCE bytes nothing was accepted then, of larger ones maybe a part."""
    *before, last = list(_batches(things)) or [[]]
    for batch in before:
        await _write(outlet, outbox, batch, None)
    if last or beside is not None:
        await _write(outlet, outbox, last, beside)


async def _write(outlet: "Outlet", outbox: Outbox | None, things: Sequence[Handed], beside: Beside | None) -> None:
    envelopes = [one for one in things if isinstance(one, Envelope)]
    parcels = [one for one in things if isinstance(one, Parcel)]
    if not parcels:
        await outlet.emit_all(envelopes, beside)
        return
    assert outbox is not None  # a house that hands over has one

    def unit(connection: apsw.Connection) -> None:
        outbox.post(connection, parcels)
        if beside is not None:
            beside(connection)

    await outlet.emit_all(envelopes, unit)
    outbox.landed(parcels)


def _batches(things: Iterable[Handed]) -> Iterator[list[Handed]]:
    batch: list[Handed] = []
    size = 0
    for thing in things:
        weight = len(thing.payload if isinstance(thing, Envelope) else thing.body)
        if batch and size + weight > AT_ONCE:
            yield batch
            batch, size = [], 0
        batch.append(thing)
        size += weight
    if batch:
        yield batch
