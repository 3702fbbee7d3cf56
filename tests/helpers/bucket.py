"""A bucket on a real directory with a real store, its source running, its events remembered."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from router.buckets.ledger import Ledgers
from router.buckets.object_store import Objects
from router.clock import Clock, SystemClock
from router.config.types import Bucket, Config, Function
from router.events import s3
from router.journal.database import Database
from router.sources.base import Binding, House, Outlet
from router.sources.s3dir import S3DirSource, S3Trigger
from router.telemetry.metrics import Metrics
from tests.helpers.outlet import MemoryOutlet

ALL = s3.Filter(frozenset({s3.CREATED, s3.REMOVED}))


@dataclass
class BucketHouse:
    """Everything one directory source needs, under one temporary directory."""

    place: Path
    database: Database
    outlet: Any = field(default_factory=MemoryOutlet)
    settle: float = 0.2
    scan: float = 3600.0
    watcher: str = "auto"
    mount: str = "optional"
    wanted: dict[str, s3.Filter] = field(default_factory=lambda: {"f": ALL})
    metrics: Metrics = field(default_factory=Metrics)
    clock: Clock = field(default_factory=SystemClock)
    ledgers: Ledgers = field(default_factory=Ledgers)
    ignore: tuple[str, ...] = (".*", "*.part", "*.tmp", "*.crdownload", "*~")

    def __post_init__(self) -> None:
        if isinstance(self.outlet, MemoryOutlet):
            self.outlet.store = self.database

    @property
    def root(self) -> Path:
        """The bucket's directory."""
        return self.place / "bucket"

    def buckets(self) -> dict[str, Bucket]:
        """The one bucket."""
        return {"uploads": Bucket("uploads", self.root, self.settle, self.scan, self.mount, self.watcher, self.ignore)}  # type: ignore[arg-type]

    async def objects(self) -> Objects:
        """The object store of a daemon that has just started; the caller closes it."""
        self.root.mkdir(exist_ok=True)
        return await Objects.prepared(self.buckets(), self.database, self.ledgers, self.clock)

    def source(self) -> S3DirSource:
        """A source as a fresh daemon would build it."""
        config = Config(self.place / "config.yaml", self.place, buckets=self.buckets())
        house = House(config, self.clock, self.database, self.metrics, ledgers=self.ledgers)
        functions = [(Function(name, self.place, "app.handler"), S3Trigger("uploads", wanted)) for name, wanted in self.wanted.items()]
        (source,) = S3DirSource.build([Binding(function, trigger, 0) for function, trigger in functions], house)
        house.in_force()
        return source

    @asynccontextmanager
    async def running(self, outlet: Outlet | None = None) -> AsyncIterator[S3DirSource]:
        """The source attached and its first scan done; drained at the end."""
        source, stop, done = self.source(), asyncio.Event(), self.scans()
        task = asyncio.create_task(source.run(outlet or self.outlet, stop))
        try:
            await until(lambda: task.done() or self.scans() > done)
            yield source
        finally:
            stop.set()
            await task

    def scans(self) -> float:
        """How many full scans have ended."""
        return self.count("router_s3_scans_total")

    def count(self, metric: str) -> float:
        """The sum of a metric over all its labels."""
        lines = [line for line in self.metrics.exposition().splitlines() if line.startswith(f"{metric}{{")]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def told(self) -> list[tuple[str, str]]:
        """Event names and keys as a handler decodes them, in order."""
        return [(record["eventName"], unquote_plus(record["s3"]["object"]["key"])) for record in self.records()]

    def created(self) -> list[str]:
        """Keys of the ObjectCreated events."""
        return [key for name, key in self.told() if name == s3.CREATED]

    def removed(self) -> list[str]:
        """Keys of the ObjectRemoved events."""
        return [key for name, key in self.told() if name == s3.REMOVED]

    def records(self) -> list[Any]:
        """The records of all events."""
        return [json.loads(envelope.payload)["Records"][0] for envelope in self.outlet.emitted]


async def until(holds: Callable[[], object], timeout: float = 15.0) -> None:
    """Wait until *holds*, by turns of the loop and the threads; TimeoutError after *timeout* real seconds."""
    async with asyncio.timeout(timeout):
        while not holds():
            await asyncio.sleep(0.002)
