"""Change feed of a SQLite table: the trigger `table` and the source that serves it.

Triggers in the user's database write each change into an outbox, in the writer's own transaction (feed_sql.py); each function
is an event source mapping over it (feed_mapping.py). The pieces are in the feed_* files beside this one."""

import asyncio
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from router.config.node import Node
from router.config.types import Names, Table
from router.errors import ConfigError, JournalError, SourceError
from router.sources.base import Binding, House, Outlet
from router.sources.feed_cursors import Cursors
from router.sources.feed_install import install_sql
from router.sources.feed_mapping import EventSourceMapping, Parts, Settings
from router.sources.feed_outbox import Outbox
from router.sources.feed_reader import Reader
from router.sources.feed_schema import FeedFault
from router.sources.feed_watch import Watch

TRIM_EVERY: Final = 60.0  # seconds
TRIM_PAUSE: Final = 0.05  # seconds between two removals, so that the user's writers get in

_LATER: Final = (
    "bisect_on_error",
    "filter",
    "maximum_record_age",
    "maximum_retry_attempts",
    "on_failure",
    "parallelization_factor",
    "report_batch_item_failures",
    "tumbling_window",
)


@dataclass(frozen=True, slots=True)
class TableTrigger:
    """`table: {name, batch_size, batch_window, starting_position}`, or the table's name alone."""

    word: ClassVar[str] = "table"

    table: Table
    batch_size: int = 100
    batch_window: float = 0.0  # seconds
    starting_position: str = "TRIM_HORIZON"  # of a mapping that has never run; or LATEST

    @classmethod
    def read(cls, node: Node, names: Names) -> Self:
        """Read the value under `table:`; an unknown table is a problem."""
        form = node.form(main="name", known=("name", "batch_size", "batch_window", "starting_position"), later=_LATER)
        name = form.text("name")
        if form.has("name") and name not in names.tables:
            form.problem(f"no table has the name {name}{form.did_you_mean(name, names.tables)}", "name")
        return cls(
            table=names.tables.get(name, Table(name, Path(), name)),
            batch_size=form.integer("batch_size", 100, low=1, high=10_000),
            batch_window=form.seconds("batch_window", 0.0, low=0, high=300),
            starting_position=form.choice("starting_position", "TRIM_HORIZON", ("TRIM_HORIZON", "LATEST")),
        )

    @property
    def claim(self) -> str:
        """Nothing: several functions may read one feed."""
        return ""


class FeedSource:
    """One table."""

    Trigger: ClassVar = TableTrigger

    def __init__(self, table: Table, bindings: Sequence[Binding], house: House, chance: random.Random | None = None) -> None:
        self.name = f"table:{table.name}"
        self.table, self._clock = table, house.clock
        outbox = Outbox(table, region=house.config.region, account=house.config.account)
        self._reader = Reader(outbox, table.name, house.clock)
        self._watch = Watch(table.sqlite, house.clock)
        self._cursors = Cursors(house.database, table.name)
        parts = Parts(self._reader, self._cursors, self._watch, house.clock, house.metrics, chance or random.Random())  # noqa: S311  jitter
        self.mappings = [EventSourceMapping(_settings(binding), parts) for binding in bindings]

    @classmethod
    def build(cls, bindings: Sequence[Binding], house: House) -> Sequence[Self]:
        """One source for each table that a trigger names. Raises ConfigError when a function reads one table twice."""
        _refuse_doubles(bindings)
        tables = {binding.trigger.table.name: binding.trigger.table for binding in bindings}
        sources = [cls(table, [one for one in bindings if one.trigger.table.name == name], house) for name, table in tables.items()]
        told = "Changes noted and not yet taken by the function, as of the last look."
        house.metrics.gauge("router_feed_lag_records", told, "feed", "function", read=lambda: _lags(sources))
        return sources

    async def run(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """Deliver changes until *stop*; each function at its own pace. Raises SourceError when the store cannot be used."""
        try:
            await self._cursors.prepare()
        except JournalError as error:
            raise SourceError(str(error)) from error
        try:
            async with asyncio.TaskGroup() as group:
                helpers = [group.create_task(self._watch.run()), group.create_task(self._trim())]
                for mapping in self.mappings:
                    group.create_task(mapping.run(outlet, stop), name=f"{self.name}-{mapping.settings.function}")
                await stop.wait()
                for helper in helpers:
                    helper.cancel()
                self._watch.wake()
        finally:
            await self._reader.close()

    def health(self) -> str:
        """One sentence about a database or triggers that are not as they should be; else nothing."""
        return self._reader.health()

    async def rows(self) -> list[dict[str, Any]]:
        """One row a function, for `router feeds`: cursor and head are rows of the outbox, lag is their distance in changes."""
        error = ""
        try:
            head = (await self._reader.head()).seq
        except FeedFault as fault:
            head, error = None, str(fault)
        installed = head is not None and not self.health()
        return [
            {
                "name": self.table.name,
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

    async def install_sql(self) -> str:
        """What install() would execute. Raises SourceError."""
        return await asyncio.to_thread(install_sql, self.table)

    async def _trim(self) -> None:
        """Remove from the outbox what every function has done and is old; a little at a time. Until cancelled."""
        while True:
            await self._clock.sleep(TRIM_EVERY)
            cursors = [mapping.cursor for mapping in self.mappings]
            streams = {cursor.stream if cursor is not None else "" for cursor in cursors}
            if len(streams) != 1 or "" in streams:
                continue
            done = min(mapping.done for mapping in self.mappings)
            while await self._reader.trim(min(streams), done):
                await self._clock.sleep(TRIM_PAUSE)


def _settings(binding: Binding) -> Settings:
    trigger: TableTrigger = binding.trigger
    latest = trigger.starting_position == "LATEST"
    return Settings(trigger.table.name, binding.function.name, trigger.batch_size, trigger.batch_window, latest)


def _refuse_doubles(bindings: Sequence[Binding]) -> None:
    pairs = [(binding.function.name, binding.trigger.table.name) for binding in bindings]
    doubles = dict.fromkeys(pair for pair in pairs if pairs.count(pair) > 1)
    if doubles:
        raise ConfigError(
            tuple(f"functions.{function}.triggers: two triggers read table {table}; one is enough" for function, table in doubles)
        )


def _lags(sources: Iterable[FeedSource]) -> dict[tuple[str, ...], float]:
    return {(source.table.name, mapping.settings.function): mapping.lag for source in sources for mapping in source.mappings}
