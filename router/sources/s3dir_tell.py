"""Telling functions what became of an object: one event for each function that wants it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final
from uuid import UUID, uuid5

import orjson

from router.buckets.facts import NOBODY
from router.buckets.ledger import Told
from router.config.buses import DEFAULT
from router.events import s3, s3_eventbridge
from router.events.eventbridge import Place
from router.journal.base import Beside
from router.model import Envelope
from router.sources.base import Outlet
from router.sources.bus_rules import Buses, Occurrence

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
        self._buses, self._stamp = buses, stamp

    async def tell(self, outlet: Outlet, told: Told) -> int:
        """Put the event on the bus, under an id made of the change: told twice it is one event. How many functions got it."""
        if told.name not in s3_eventbridge.NAMES or self._buses.idle(DEFAULT):
            return 0
        stamp = self._stamp
        event = s3_eventbridge.event(
            _change(told, stamp.bucket),
            told.name,
            self._request(told),
            event_id=str(uuid5(_CHANGES, f"{stamp.bucket}\0{told.name}\0{told.sequencer}\0{told.key}")),
            place=Place(stamp.region, stamp.account),
        )
        return await self._buses.publish(outlet, [Occurrence.of(DEFAULT, event, told.at)])

    def _request(self, told: Told) -> s3_eventbridge.Request:
        """The request behind a change: made up for a file dropped by hand."""
        made_up = uuid5(_CHANGES, f"{told.sequencer}/request").hex[:16].upper()
        source_ip = "" if told.caller == NOBODY else told.caller.source_ip
        return s3_eventbridge.Request(told.caller.request_id or made_up, self._stamp.account, source_ip)


class Teller:
    """The functions of one bucket, and the default bus when its events go there."""

    def __init__(self, targets: Sequence[Target], stamp: Stamp, bridge: Bridge | None = None) -> None:
        self._targets, self._stamp, self._bridge = targets, stamp, bridge

    def wants(self, key: str) -> bool:
        """Whether any function may want to hear of *key*."""
        return self._bridge is not None or any(target.wanted.covers(key) for target in self._targets)

    async def tell(self, outlet: Outlet, told: Told, beside: Beside | None = None) -> int:
        """Emit to each function that wants it, by the first of its triggers that matches; give how many, once all are durable.

        With *beside* the functions' events and that are one transaction; the bus comes first: told again, it knows the event.
        Raises what an emit raised, when all have answered."""
        wanted: dict[str, Target] = {}
        for target in self._targets:
            if target.function not in wanted and target.wanted.matches(told.name, told.key):
                wanted[target.function] = target
        envelopes = [self._envelope(told, target) for target in wanted.values()]
        if beside is not None:
            bridged = await self._bridged(outlet, told)
            await outlet.emit_all(envelopes, beside)
            return len(envelopes) + bridged
        if len(envelopes) == 1:
            await outlet.emit(envelopes[0])
        elif envelopes:
            for result in await asyncio.gather(*(outlet.emit(envelope) for envelope in envelopes), return_exceptions=True):
                if isinstance(result, BaseException):
                    raise result
        return len(envelopes) + await self._bridged(outlet, told)

    async def _bridged(self, outlet: Outlet, told: Told) -> int:
        return await self._bridge.tell(outlet, told) if self._bridge is not None else 0

    def _envelope(self, told: Told, target: Target) -> Envelope:
        stamp = self._stamp
        event = s3.notification(
            _change(told, stamp.bucket),
            name=told.name,
            region=stamp.region,
            account=stamp.account,
            configuration=target.configuration,
            version=stamp.version,
            caller=told.caller,
        )
        return Envelope(target.function, orjson.dumps(event), f"s3:{stamp.bucket}", told.sequencer, lane(told.key))


def _change(told: Told, bucket: str) -> s3.ObjectChange:
    return s3.ObjectChange(bucket, told.key, told.size, told.etag, told.sequencer, datetime.fromtimestamp(told.at, UTC))


def lane(key: str) -> str:
    """The shard of a key: events of one object keep their order."""
    return key if len(key) <= LANE else f"{key[: LANE - 33]}#{blake2b(key.encode(), digest_size=16).hexdigest()}"
