"""One change feed at work: the mappings of a table, and what they share."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, cast

import structlog

from router import names
from router.config.types import Config, ItemTable, Table
from router.errors import JournalError, SourceError
from router.sources.base import Binding, House, Outlet
from router.sources.feed import TableTrigger
from router.sources.feed_cursors import Cursors
from router.sources.feed_delivery import Settings
from router.sources.feed_mapping import EventSourceMapping, Parts
from router.sources.feed_outbox import Outbox
from router.sources.feed_reader import Reader
from router.sources.feed_schema import FeedFault
from router.sources.feed_tables import Bell, TableReader
from router.sources.feed_watch import Watch
from router.tables.store import Tables

log = structlog.get_logger("router.sources.feed")

TRIM_EVERY: Final = 60.0  # seconds
TRIM_PAUSE: Final = 0.05  # seconds between two removals, so that the user's writers get in


class Feed:
    """One table."""

    def __init__(self, table: Table | ItemTable, bindings: Sequence[Binding], house: House, chance: random.Random) -> None:
        self._table, self._clock, self._name = table, house.clock, f"table:{table.name}"
        self._reader, self._watch = _attached(table, house)
        self._cursors, self._functions = Cursors(house.database, table.name), house.config.functions
        parts = Parts(self._reader, self._cursors, self._watch, house.clock, house.metrics, chance, house.database, house.outbox)
        self.mappings = [EventSourceMapping(_settings(binding, house.config), parts) for binding in bindings]

    async def run(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """Deliver changes until *stop*; each function at its own pace. Raises SourceError when the store cannot be used."""
        if not self.mappings:
            await self._keep_small(stop)
            return
        try:
            await self._cursors.prepare()
        except JournalError as error:
            raise SourceError(str(error)) from error
        try:
            async with asyncio.TaskGroup() as group:
                helpers = [group.create_task(self._watch.run()), group.create_task(self._trim())]
                for mapping in self.mappings:
                    group.create_task(mapping.run(outlet, stop), name=f"{self._name}-{mapping.settings.function}")
                await stop.wait()
                for helper in helpers:
                    helper.cancel()
                self._watch.wake()
        finally:
            await self._reader.close()

    def health(self) -> str:
        """One sentence about a database or triggers that are not as they should be; else nothing."""
        return self._reader.health() if self.mappings else ""

    async def rows(self) -> list[dict[str, Any]]:
        """One row a function, for `router feeds`: cursor and head are rows of the outbox, lag is their distance in changes."""
        if not self.mappings:
            return await self._unread_row()
        error = ""
        try:
            head = (await self._reader.head()).seq
        except FeedFault as fault:
            head, error = None, str(fault)
        installed = head is not None and not self.health()
        return [
            {
                "name": self._table.name,
                "function": mapping.settings.function,
                "installed": installed,
                "cursor": mapping.done,
                "head": head,
                "lag": max(0, head - mapping.done) if head is not None else None,
                "error": error or self.health() or mapping.error or None,
            }
            for mapping in self.mappings
        ]

    async def install(self) -> None:
        """Make the outbox and its triggers, or bring them up to date. Raises SourceError with what is in the way."""
        await self._reader.install()
        self._watch.stir()

    async def uninstall(self) -> int:
        """Take the outbox and its triggers out of the database; how many changes went with them. Raises SourceError."""
        return await self._reader.uninstall()

    # -- a feed that is installed and that no trigger reads any more

    async def _unread_row(self) -> list[dict[str, Any]]:
        """One row if it is there at all."""
        error = f"no enabled trigger reads it; `router feeds uninstall {self._table.name}` takes it out"
        try:
            head = await self._reader.present()
        except FeedFault as fault:
            if fault.absent:
                return []
            head, error = None, str(fault)
        else:
            if head is None:
                return []
        facts = {"installed": head is not None, "cursor": None, "head": head.seq if head else None, "lag": None, "error": error}
        return [{"name": self._table.name, "function": None, **facts}]

    async def _keep_small(self, stop: asyncio.Event) -> None:
        """Its triggers go on noting changes: remove what is old, so that it does not fill the user's disk. Until *stop*."""
        told, table = False, self._table
        assert isinstance(table, Table)  # a table of items is only read when a trigger names it
        try:
            while not await self._clock.wait(stop, TRIM_EVERY):
                with suppress(FeedFault):  # a database that is away or locked has another minute
                    if not told and await self._reader.present() is not None:
                        told = True
                        remedy = f"router feeds uninstall {self._table.name}"
                        log.warning("feed_unread", feed=self._table.name, database=str(table.sqlite), remedy=remedy)
                    while await self._reader.tidy() and not stop.is_set():
                        await self._clock.sleep(TRIM_PAUSE)
                await self._reader.close()  # nothing of ours stays open in a database that we do not serve
        finally:
            await self._reader.close()

    async def _trim(self) -> None:
        """Remove from the outbox what every function has done and is old, or is more than is kept; a little at a time. Until cancelled.

        A function whose trigger is switched off finds a day of changes when it is on again, however many they are."""
        while True:
            await self._clock.sleep(TRIM_EVERY)
            cursors = [mapping.cursor for mapping in self.mappings]
            streams = {cursor.stream if cursor is not None else "" for cursor in cursors}
            if len(streams) != 1 or "" in streams:
                continue
            done, stream = min(mapping.done for mapping in self.mappings), min(streams)
            try:
                paused = await self._cursors.least(self._functions.keys(), stream)
            except JournalError:
                continue
            while await self._reader.trim(stream, done, paused):
                await self._clock.sleep(TRIM_PAUSE)


def _attached(table: Table | ItemTable, house: House) -> tuple[Reader | TableReader, Watch | Bell]:
    """How a table is read, and who says when."""
    if isinstance(table, ItemTable):
        tables = cast("Tables", house.tables)  # building opens nothing: a config that is only looked at has none
        return TableReader(tables, table), Bell(tables, table.name, house.clock)
    outbox = Outbox(table, region=house.config.region, account=house.config.account)
    return Reader(outbox, table.name, house.clock), Watch(table.sqlite, house.clock)


def _settings(binding: Binding, config: Config) -> Settings:
    trigger: TableTrigger = binding.trigger
    return Settings(
        feed=trigger.table.name,
        function=binding.function.name,
        arn=names.function_arn(config.region, config.account, binding.function.name),
        batch_size=trigger.batch_size,
        batch_window=trigger.batch_window,
        latest=trigger.starting_position == "LATEST",
        filters=trigger.filters,
        since=trigger.since,
        rules=trigger.rules,
        lanes=trigger.parallelization_factor,
        on_failure=trigger.on_failure,
        target=binding.target,
        window=trigger.tumbling_window,
    )
