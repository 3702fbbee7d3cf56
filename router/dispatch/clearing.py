"""Clears buckets with `after`: an object goes once all events that were accepted of its version have succeeded.

Told of each success, and looking through what was told of a bucket after a start, a reload, and a failure: whatever was missed is found
then. A bucket counts from when `after` was first in force for it, so that nothing that was handled before goes with the change of a config."""

import asyncio
import json
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

import apsw
import structlog

from router.buckets.object_store import Objects
from router.clock import Clock
from router.config.types import Bucket, Config
from router.errors import JournalError, RouterError
from router.journal.base import Journal
from router.journal.database import Database
from router.model import Envelope, State
from router.sources.s3dir_tell import lane
from router.telemetry.metrics import Metrics

log = structlog.get_logger("router.clearing")

AT_ONCE: Final = 32  # objects: they share the syncs of the store
MOST: Final = 10_000  # objects that wait; what comes beyond them is found by a look at the whole bucket
PAGE: Final = 500  # versions read at once
PAUSE: Final = 60.0  # seconds until what failed is tried again

_STEPS: Final = ("CREATE TABLE clearings (bucket TEXT PRIMARY KEY, since REAL NOT NULL) WITHOUT ROWID, STRICT;",)
_KEEP: Final = "DELETE FROM clearings WHERE bucket NOT IN (SELECT value FROM json_each(?))"
_BEGIN: Final = "INSERT INTO clearings SELECT value, ? FROM json_each(?) WHERE true ON CONFLICT DO NOTHING"
_SINCE: Final = "SELECT bucket, since FROM clearings"
_EARLIER: Final = "UPDATE clearings SET since = ?1 WHERE bucket = ?2 AND since > ?1"


class Told(NamedTuple):
    """A version of an object."""

    bucket: str
    key: str
    sequencer: str


def told(envelope: Envelope) -> Told | None:
    """The version that the event of a bucket tells of; None for one that tells of none: a removal, an event by hand."""
    with suppress(ValueError, KeyError, IndexError, TypeError):
        record = json.loads(envelope.payload)["Records"][0]
        if record["eventName"].startswith("ObjectCreated:") and envelope.sequencer:
            return Told(envelope.source.removeprefix("s3:"), unquote_plus(record["s3"]["object"]["key"]), envelope.sequencer)
    return None


def cleared(config: Config) -> dict[str, Bucket]:
    """The buckets that objects go from, by the source of their events."""
    return {f"s3:{bucket.name}": bucket for bucket in config.buckets.values() if bucket.after != "keep"}


class Clearing:
    """Runs until the daemon stops."""

    def __init__(self, config: Config, journal: Journal, objects: Objects, database: Database, *, clock: Clock, metrics: Metrics) -> None:
        self._config, self._journal, self._objects, self._database, self._clock = config, journal, objects, database, clock
        self._wanted = cleared(config)
        self._since: dict[str, float] | None = None  # by bucket; None: not known yet
        self._waiting: deque[Told] = deque()
        self._unsure = set(self._wanted)  # sources of buckets that have to be looked through
        self._work = asyncio.Event()
        self._counted = metrics.counter("router_s3_cleared_total", "Objects that went after their events had succeeded.", "bucket", "how")

    async def prepare(self) -> None:
        """Have the table. Raises JournalError."""
        await self._database.migrate("clearings", _STEPS)

    def adopt(self, config: Config) -> None:
        """This is the config in force from now on."""
        former, self._config, self._wanted = self._wanted, config, cleared(config)
        self._unsure |= {source for source, bucket in self._wanted.items() if former.get(source) != bucket}
        if former.keys() != self._wanted.keys():
            self._since = None
        self._work.set()

    def succeeded(self, envelope: Envelope) -> None:
        """An event has succeeded, and that is on record."""
        if envelope.source in self._wanted and (found := told(envelope)) is not None:
            if len(self._waiting) < MOST:
                self._waiting.append(found)
            else:
                self._unsure.add(envelope.source)
            self._work.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until *stop*; what is left then is found at the next start."""
        while not stop.is_set():
            self._work.clear()
            try:
                await self._begin()
                await self._look_through(stop)
                await self._take(stop)
            except JournalError as error:
                log.warning("clearing_failed", error=str(error))
                self._unsure |= set(self._wanted)
            await self._wait(stop)

    async def _wait(self, stop: asyncio.Event) -> None:
        """For work, or until what failed is due."""
        ends = [asyncio.create_task(one.wait()) for one in (self._work, stop)]
        pausing = [asyncio.create_task(self._clock.sleep(PAUSE))] if self._unsure else []
        try:
            await asyncio.wait([*ends, *pausing], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*ends, *pausing):
                task.cancel()

    async def _begin(self) -> None:
        """Since when each bucket is cleared: from now on, for one that was not."""
        if self._since is not None:
            return
        names, now = json.dumps([bucket.name for bucket in self._wanted.values()]), self._clock.now()

        def unit(connection: apsw.Connection) -> None:
            connection.execute(_KEEP, (names,))
            connection.execute(_BEGIN, (now, names))

        await self._database.transact(unit)
        self._since = dict(await self._database.read(_SINCE))

    async def _look_through(self, stop: asyncio.Event) -> None:
        """All that was told of buckets that something may have been missed of."""
        unsure, self._unsure = self._unsure & self._wanted.keys(), set()
        for source in sorted(unsure):
            name, after = self._wanted[source].name, ""
            while not stop.is_set() and (page := await self._objects.told(name, after, PAGE)):
                after = page[-1][0]
                await self._all(Told(name, key, sequencer) for key, sequencer in page)

    async def _take(self, stop: asyncio.Event) -> None:
        while self._waiting and not stop.is_set():
            await self._all([self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))], now=True)

    async def _all(self, versions: Iterable[Told], *, now: bool = False) -> None:
        """*now*: an event of each has succeeded since the bucket is cleared, whatever the wall clock says."""
        waiting, functions = iter(list(versions)), await self._functions()

        async def worker() -> None:
            for one in waiting:
                await self._one(one, functions, now=now)

        async with asyncio.TaskGroup() as workers:
            for _ in range(AT_ONCE):
                workers.create_task(worker(), name="clearing")

    async def _functions(self) -> set[str]:
        """Those that may have an event of an object: that are triggered by one, or have anything unfinished, dead or expired."""
        found = set(await self._journal.counts())
        for function in self._config.functions.values():
            found |= {target for target, trigger in zip(function.targets(), function.triggers, strict=True) if trigger.word == "s3"}
        return found

    async def _one(self, version: Told, functions: Iterable[str], *, now: bool) -> None:
        """Clear it if it may go; what fails is tried again with all of its bucket."""
        bucket = self._wanted.get(f"s3:{version.bucket}")
        if bucket is None:
            return
        goal = bucket.goal if bucket.after == "move" else None
        try:
            done = await self._may_go(version, functions, now=now) and await self._objects.clear(*version, goal)
        except (RouterError, OSError) as error:
            self._unsure.add(f"s3:{version.bucket}")
            log.warning("object_not_cleared", bucket=version.bucket, key=version.key, error=str(error))
            return
        if done:
            self._counted.add(version.bucket, bucket.after)
            log.info("object_cleared", bucket=version.bucket, key=version.key, to=str(done) if isinstance(done, Path) else "")

    async def _may_go(self, version: Told, functions: Iterable[str], *, now: bool) -> bool:
        """Whether it has events, all have succeeded, and the last since the bucket is cleared."""
        source, shard = f"s3:{version.bucket}", lane(version.key)
        rows = await self._journal.alike([Envelope(name, b"", source, version.sequencer, shard) for name in functions])
        if not rows or any(row.state is not State.SUCCEEDED for row in rows):
            return False
        last = max(row.finished or 0.0 for row in rows)
        if now:
            await self._begin_earlier(version.bucket, last)
        return last >= (self._since or {}).get(version.bucket, float("inf"))

    async def _begin_earlier(self, bucket: str, at: float) -> None:
        """A wall clock that was set back has what happens now before the beginning: that moves, so that what is missed from now on is found."""
        if self._since is not None and at < self._since.get(bucket, 0.0):
            await self._database.write(_EARLIER, at, bucket)
            self._since[bucket] = at
