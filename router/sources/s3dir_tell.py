"""Telling functions what became of an object: one event for each function that wants it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, NamedTuple

import orjson

from router.events import s3
from router.model import Envelope
from router.sources.base import Outlet

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


class Told(NamedTuple):
    """What is told of a change."""

    key: str
    name: str  # of the event
    sequencer: str
    at: float  # epoch seconds
    size: int = 0  # bytes
    etag: str = ""


class Teller:
    """The functions of one bucket."""

    def __init__(self, targets: Sequence[Target], stamp: Stamp) -> None:
        self._targets, self._stamp = targets, stamp

    def wants(self, key: str) -> bool:
        """Whether any function may want to hear of *key*."""
        return any(target.wanted.covers(key) for target in self._targets)

    async def tell(self, outlet: Outlet, told: Told) -> int:
        """Emit to each function that wants it, by the first of its triggers that matches; give how many, once all are durable.

        Raises what an emit raised, when all have answered."""
        wanted: dict[str, Target] = {}
        for target in self._targets:
            if target.function not in wanted and target.wanted.matches(told.name, told.key):
                wanted[target.function] = target
        envelopes = [self._envelope(told, target) for target in wanted.values()]
        if len(envelopes) == 1:
            await outlet.emit(envelopes[0])
        elif envelopes:
            for result in await asyncio.gather(*(outlet.emit(envelope) for envelope in envelopes), return_exceptions=True):
                if isinstance(result, BaseException):
                    raise result
        return len(envelopes)

    def _envelope(self, told: Told, target: Target) -> Envelope:
        stamp = self._stamp
        at = datetime.fromtimestamp(told.at, UTC)
        change = s3.ObjectChange(stamp.bucket, told.key, told.size, told.etag, told.sequencer, at)
        event = s3.notification(
            change,
            name=told.name,
            region=stamp.region,
            account=stamp.account,
            configuration=target.configuration,
            version=stamp.version,
        )
        return Envelope(target.function, orjson.dumps(event), f"s3:{stamp.bucket}", told.sequencer, lane(told.key))


def lane(key: str) -> str:
    """The shard of a key: events of one object keep their order."""
    return key if len(key) <= LANE else f"{key[: LANE - 33]}#{blake2b(key.encode(), digest_size=16).hexdigest()}"
