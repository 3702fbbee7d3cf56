"""What tests of the change feed share: a database that others write, and a feed that reads it in virtual time."""

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import apsw

from router.clock import Clock
from router.config.types import Config, Function, Queue, Table
from router.journal.database import Database
from router.model import Envelope, Outcome
from router.queues.outbox import Outbox
from router.queues.store import Queues
from router.sources.base import Binding, House
from router.sources.feed import FeedSource, TableTrigger
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock
from tests.helpers.outlet import MemoryOutlet

FAILED = Outcome(b'{"errorMessage": "no"}', "Unhandled", "RuntimeError")
DONE = Outcome(b"null")


class User:
    """A connection of the user's own, in autocommit.

    Not of the sqlite3 module: a process that opens one file with two SQLite libraries has no locks (POSIX locks belong to the
    process); writers of other libraries are other processes, see tests/integration/test_feed_processes.py."""

    def __init__(self, path: Path) -> None:
        self.connection = apsw.Connection(str(path))
        self.connection.set_busy_timeout(10_000)

    def execute(self, sql: str, params: Sequence[Any] = ()) -> list[Any]:
        """Run statements to their end; the rows of the last."""
        return self.connection.execute(sql, params).fetchall()

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each of *rows*."""
        self.connection.executemany(sql, rows).fetchall()

    def close(self) -> None:
        """Hang up."""
        self.connection.close()


def writer(path: Path, script: str = "", *, wal: bool = True) -> User:
    """Open or make a database and run *script* on it."""
    user = User(path)
    user.execute(f"PRAGMA journal_mode={'WAL' if wal else 'DELETE'}")
    user.execute("PRAGMA synchronous=OFF")
    user.execute(script)
    return user


def table(path: Path, name: str = "orders", **keys: Any) -> Table:
    """A feed of a table of that name."""
    return Table(name, path, keys.pop("table", name), **({"install": "auto"} | keys))


def records(envelopes: Iterable[Envelope]) -> list[dict[str, Any]]:
    """All records of these events, in order."""
    return [record for envelope in envelopes for record in json.loads(envelope.payload)["Records"]]


def plain(image: dict[str, Any]) -> dict[str, Any]:
    """An image without its types."""
    return {name: value for name, typed in image.items() for value in typed.values()}


def short(record: dict[str, Any]) -> str:
    """A record in a few characters: I1, M1, R1."""
    return record["eventName"][0] + "".join(map(str, plain(record["dynamodb"]["Keys"]).values()))


QUEUES = {"lost": Queue("lost")}


class Rig:
    """A feed with its store; as a context it runs."""

    def __init__(
        self,
        directory: Path,
        feed: Table,
        *,
        answer: Callable[[Envelope], Outcome] | None = None,
        clock: Clock | None = None,
        **trigger: Any,
    ) -> None:
        self.directory, self.feed = directory, feed
        self.clock: Any = clock or VirtualClock()
        self.metrics = Metrics()
        self.outlet = MemoryOutlet(answer)
        self.functions = trigger.pop("functions", ("f",))
        self.declared: dict[str, Function] = {}  # those too that read it no more: their triggers are switched off
        self.trigger = TableTrigger(feed, **trigger)
        self.database: Database
        self.source: FeedSource

    async def __aenter__(self) -> Self:
        self.database = await Database.open(self.directory / "store.db")
        self.declared |= {name: Function(name, Path(), "app.handler") for name in self.functions}
        tables = {self.feed.name: self.feed}
        config = Config(self.directory / "config.yaml", self.directory, tables=tables, queues=QUEUES, functions=self.declared)
        self.queues = await Queues.open(self.database, self.clock, QUEUES, region=config.region, account=config.account)
        outbox = await Outbox.open(self.database, self.queues)
        house = House(config, self.clock, self.database, self.metrics, self.queues, outbox)
        bindings = [Binding(self.declared[name], self.trigger, 0) for name in self.functions]
        (self.source,) = FeedSource.build(bindings, house)
        house.in_force()
        self.stop = asyncio.Event()
        self.task = asyncio.create_task(self.source.run(self.outlet, self.stop))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop.set()
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(self.task, 10)
        await self.database.close()

    async def restart(self, *functions: str) -> None:
        """Stop, and go on with these functions only."""
        await self.__aexit__(None, None, None)
        self.functions = functions
        await self.__aenter__()

    async def kill(self) -> None:
        """Cancel the feed as a hard stop does."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def drive(self, holds: Callable[[], bool], step: float = 0.2) -> None:
        """Move virtual time on until *holds*; TimeoutError after 20 real seconds."""
        async with asyncio.timeout(20):
            while not holds():
                await self.clock.advance(step)
                await asyncio.to_thread(bool)  # lets the feed's own thread run

    async def quiet(self, seconds: float = 3.0) -> None:
        """Let virtual time pass in which nothing is expected."""
        for _ in range(int(seconds / 0.5)):
            await self.clock.advance(0.5)
            await asyncio.to_thread(bool)
            await self.source.rows()  # behind what the feed's thread had to do

    async def got(self, count: int) -> list[dict[str, Any]]:
        """Drive until *count* records were delivered; all of them."""
        await self.drive(lambda: len(records(self.outlet.invoked)) >= count)
        return records(self.outlet.invoked)

    async def caught_up(self) -> None:
        """Drive until every function has done all there is."""
        async with asyncio.timeout(20):
            while any(row["lag"] != 0 for row in await self.source.rows()) or not self.known():
                await self.clock.advance(0.2)

    def known(self) -> bool:
        """Whether the cursors of all functions are stored."""
        return all(mapping.cursor is not None for mapping in self.source._feed.mappings)


def copy(source: apsw.Connection, target: apsw.Connection) -> None:
    with target.backup("main", source, "main") as backup:
        backup.step()
