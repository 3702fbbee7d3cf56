"""Telling who wants to hear of it what became of objects: one event for each function, one message for each queue and topic."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final
from uuid import UUID, uuid5

import orjson
import structlog

from router.buckets.facts import NOBODY
from router.buckets.ledger import Told
from router.clock import Clock
from router.config.buses import DEFAULT
from router.config.types import Destination
from router.events import s3, s3_eventbridge
from router.events.eventbridge import Place
from router.events.undelivered import ATTEMPTS, OLDEST
from router.journal.base import Beside
from router.model import Envelope
from router.names import bucket_arn
from router.queues.outbox import Outbox, Parcel, Terms
from router.sources.base import Outlet
from router.sources.bucket_notification import BucketNotification
from router.sources.bus_rules import Buses, Occurrence
from router.sources.targets import Handed, arn_of, hand_over

log = structlog.get_logger("router.sources.s3dir")

_CHANGES: Final = UUID("5b1dd1a6-6f0a-5d0e-8f2b-3f3d6c1f1b6e")  # the namespace of ids made of changes

LANE: Final = 200  # characters of a key that stand for its shard as they are


@dataclass(frozen=True, slots=True)
class Target:
    """A function and what it wants of the bucket."""

    function: str
    wanted: s3.Filter
    configuration: str  # configurationId


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every event of a bucket says alike."""

    bucket: str
    region: str
    account: str
    version: str = s3.RECORDED  # of the record


class Bridge:
    """The way of a bucket's events to the default bus."""

    def __init__(self, buses: Buses, stamp: Stamp) -> None:
        self.buses, self._stamp = buses, stamp

    def hears(self, name: str) -> bool:
        """Whether an event of this name goes anywhere."""
        return name in s3_eventbridge.NAMES and not self.buses.idle(DEFAULT)

    def occurrences(self, changes: Sequence[Told]) -> list[Occurrence]:
        """What is put on the bus, under ids made of the changes: told twice each is one event."""
        return [self._occurrence(told) for told in changes if self.hears(told.name)]

    def _occurrence(self, told: Told) -> Occurrence:
        stamp = self._stamp
        event = s3_eventbridge.event(
            _change(told, stamp.bucket),
            told.name,
            self._request(told),
            event_id=str(uuid5(_CHANGES, f"{stamp.bucket}\0{told.name}\0{told.sequencer}\0{told.key}")),
            place=Place(stamp.region, stamp.account),
        )
        return Occurrence.of(DEFAULT, event, told.at)

    def _request(self, told: Told) -> s3_eventbridge.Request:
        """The request behind a change: made up for a file dropped by hand."""
        made_up = uuid5(_CHANGES, f"{told.sequencer}/request").hex[:16].upper()
        source_ip = "" if told.caller == NOBODY else told.caller.source_ip
        return s3_eventbridge.Request(told.caller.request_id or made_up, self._stamp.account, source_ip)


class Post:
    """The way of a bucket's events to queues and topics."""

    def __init__(self, outbox: Outbox, stamp: Stamp, notifications: Sequence[BucketNotification], clock: Clock) -> None:
        self.outbox, self._stamp, self._notifications, self._clock = outbox, stamp, notifications, clock

    def covers(self, key: str) -> bool:
        """Whether anybody may want to hear of *key*."""
        return any(one.wanted.covers(key) for one in self._notifications)

    def wants(self, name: str, key: str) -> bool:
        """Whether anybody wants event *name* of *key*."""
        return any(one.wanted.matches(name, key) for one in self._notifications)

    def parcels(self, told: Told) -> list[Parcel]:
        """What goes out, to each that wants it by the first notification that matches. A record that a queue is too small for is lost, and said."""
        wanted: dict[Destination, BucketNotification] = {}
        for one in self._notifications:
            if one.wanted.matches(told.name, told.key):
                wanted.setdefault(one.to, one)
        found = []
        for to, one in wanted.items():
            body = record(told, self._stamp, one.id)
            if len(body) > self.outbox.room(to):
                log.error("bucket_notification_lost", bucket=self._stamp.bucket, notification=one.name, target=one.spoken, bytes=len(body))
            else:
                found.append(parcel(to, body, self._stamp, self._clock.now(), told.caller.trace))
        return found


def parcel(to: Destination, body: bytes, stamp: Stamp, at: float, trace: str = "") -> Parcel:
    """What S3 says to a queue or a topic. *body*: JSON text; *at*: epoch seconds, now: a topic is tried for a day from then on."""
    terms = Terms(ATTEMPTS, OLDEST, "", arn_of(to, Place(stamp.region, stamp.account)), subject=s3.SUBJECT)
    return Parcel(to, body, "", bucket_arn(stamp.bucket), "", at, trace=trace, terms=terms)


class Teller:
    """The functions, queues and topics of one bucket, and the default bus when its events go there."""

    def __init__(self, targets: Sequence[Target], stamp: Stamp, bridge: Bridge | None = None, post: Post | None = None) -> None:
        self._targets, self._stamp, self._bridge, self._post = targets, stamp, bridge, post

    def hears(self, name: str, key: str) -> bool:
        """Whether anybody wants event *name* of *key*; "" is none."""
        if self._bridge is not None and self._bridge.hears(name):
            return True
        return any(one.wanted.matches(name, key) for one in self._targets) or (self._post is not None and self._post.wants(name, key))

    def wants(self, key: str) -> bool:
        """Whether anybody may want to hear of *key*."""
        if self._bridge is not None or (self._post is not None and self._post.covers(key)):
            return True
        return any(target.wanted.covers(key) for target in self._targets)

    async def tell(self, outlet: Outlet, changes: Sequence[Told], beside: Beside | None = None) -> int:
        """Tell each that wants it of each change, a function by the first of its triggers that matches; give how many, once all are durable.

        All of it and *beside* are one transaction. Raises JournalError: of up to targets.AT_ONCE bytes nothing was told then, of more
        maybe a part."""
        things = [thing for told in changes for thing in self._things(told)]
        if self._bridge is not None and (occurrences := self._bridge.occurrences(changes)):
            return len(things) + await self._bridge.buses.publish(outlet, occurrences, beside, along=things)
        await hand_over(outlet, self._post.outbox if self._post is not None else None, things, beside)
        return len(things)

    def _things(self, told: Told) -> list[Handed]:
        wanted: dict[str, Target] = {}
        for target in self._targets:
            if target.function not in wanted and target.wanted.matches(told.name, told.key):
                wanted[target.function] = target
        envelopes = [self._envelope(told, target) for target in wanted.values()]
        return [*envelopes, *self._post.parcels(told)] if self._post is not None else [*envelopes]

    def _envelope(self, told: Told, target: Target) -> Envelope:
        body = record(told, self._stamp, target.configuration)
        return Envelope(target.function, body, f"s3:{self._stamp.bucket}", told.sequencer, lane(told.key), trace=told.caller.trace)


def record(told: Told, stamp: Stamp, configuration: str) -> bytes:
    """The notification, JSON text. *configuration*: configurationId."""
    event = s3.notification(
        _change(told, stamp.bucket),
        name=told.name,
        region=stamp.region,
        account=stamp.account,
        configuration=configuration,
        version=stamp.version,
        caller=told.caller,
    )
    return orjson.dumps(event)


def _change(told: Told, bucket: str) -> s3.ObjectChange:
    return s3.ObjectChange(bucket, told.key, told.size, told.etag, told.sequencer, datetime.fromtimestamp(told.at, UTC))


def lane(key: str) -> str:
    """The shard of a key: events of one object keep their order."""
    return key if len(key) <= LANE else f"{key[: LANE - 33]}#{blake2b(key.encode(), digest_size=16).hexdigest()}"
