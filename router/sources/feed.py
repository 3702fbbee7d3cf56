"""Change feed of a SQLite table: the trigger `table` and the source that serves it.

Triggers in the user's database write each change into an outbox, in the writer's own transaction (feed_sql.py); each function
is an event source mapping over it (feed_mapping.py). What serves a table is in the feed_* files beside this one and is
imported when a source is built, so that reading a config stays quick."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from router.config.destinations import destination
from router.config.node import Node
from router.config.problems import step
from router.config.types import Destination, ItemTable, Names, Table
from router.errors import ConfigError, InvalidParameter, SourceError
from router.events.filters import ALL, Filters
from router.events.lanes import MOST as MOST_LANES
from router.events.stream_batches import FOR_EVER, Rules
from router.events.tumbling import LONGEST
from router.sources.base import Binding, House, Outlet, basis_of
from router.sources.mapping_keys import filters

_KNOWN: Final = (
    *("name", "batch_size", "batch_window", "starting_position", "starting_position_timestamp", "filter", "parallelization_factor"),
    *("bisect_on_error", "maximum_retry_attempts", "maximum_record_age", "report_batch_item_failures", "on_failure", "tumbling_window"),
)
_POSITIONS: Final = ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")


@dataclass(frozen=True, slots=True)
class TableTrigger:
    """`table: {name, batch_size, batch_window, starting_position}`, or the table's name alone."""

    word: ClassVar[str] = "table"

    table: Table | ItemTable
    batch_size: int = 100
    batch_window: float = 0.0  # seconds
    starting_position: str = "TRIM_HORIZON"  # of a mapping that has never run; or LATEST, AT_TIMESTAMP
    filters: Filters = ALL
    since: float | None = None  # epoch seconds, with AT_TIMESTAMP
    rules: Rules = field(default_factory=Rules)
    parallelization_factor: int = 1
    on_failure: Destination | None = None
    tumbling_window: int = 0  # seconds; 0: none

    @classmethod
    def read(cls, node: Node, names: Names) -> Self:
        """Read the value under `table:`; an unknown table is a problem."""
        form = node.form(main="name", known=_KNOWN)
        name = form.text("name")
        table = names.tables.get(name) or names.item_tables.get(name)
        if form.has("name") and table is None:
            form.problem(f"no table has the name {name}{form.did_you_mean(name, [*names.tables, *names.item_tables])}", "name")
        if isinstance(table, ItemTable) and not table.stream:
            form.problem(f"table {name} has no stream: write stream: NEW_AND_OLD_IMAGES in it", "name")
        window = int(form.seconds("tumbling_window", 0, low=0, high=LONGEST))
        if window and form.integer("parallelization_factor", 1, low=1, high=MOST_LANES) > 1:
            form.problem("a window is one sequence of invocations; write parallelization_factor: 1", "tumbling_window")
        return cls(
            table=table or Table(name, Path(), name),
            batch_size=form.integer("batch_size", 100, low=1, high=10_000),
            batch_window=form.seconds("batch_window", 0.0, low=0, high=300),
            starting_position=form.choice("starting_position", "TRIM_HORIZON", _POSITIONS),
            filters=filters(form),
            since=_since(form),
            rules=Rules(
                bisect=form.boolean("bisect_on_error", default=False),
                retries=form.integer("maximum_retry_attempts", FOR_EVER, low=FOR_EVER, high=10_000),
                age=form.seconds("maximum_record_age", low=60, high=604_800) if form.has("maximum_record_age") else FOR_EVER,
                partial=form.boolean("report_batch_item_failures", default=False),
            ),
            parallelization_factor=form.integer("parallelization_factor", 1, low=1, high=MOST_LANES),
            on_failure=destination(form, "on_failure", names),
            tumbling_window=window,
        )

    @property
    def claim(self) -> str:
        """Nothing: several functions may read one feed."""
        return ""


def _since(form: Node) -> float | None:
    """The moment under `starting_position_timestamp`, which belongs to AT_TIMESTAMP."""
    wanted = form.has("starting_position") and form.text("starting_position") == "AT_TIMESTAMP"
    if not form.has("starting_position_timestamp"):
        if wanted:
            form.problem("AT_TIMESTAMP needs one, as 2026-11-23T08:00:00Z", "starting_position_timestamp")
        return None
    if not wanted:
        form.problem("only used with starting_position: AT_TIMESTAMP", "starting_position_timestamp")
    try:
        at = datetime.fromisoformat(form.text("starting_position_timestamp"))
    except ValueError:
        at = datetime.min  # noqa: DTZ901 - naive, and so refused
    if at.tzinfo is None:
        form.problem("a time with its zone, as 2026-11-23T08:00:00Z", "starting_position_timestamp")
        return None
    return at.timestamp()


def _named(table: Table | ItemTable) -> str:
    return f"table:{table.name}"


def _basis(table: Table | ItemTable, bindings: Sequence[Binding]) -> object:
    return (table, basis_of(bindings))


class FeedSource:
    """One table."""

    TRIGGERS: ClassVar = (TableTrigger,)

    def __init__(self, table: Table | ItemTable, bindings: Sequence[Binding], house: House, chance: random.Random | None = None) -> None:
        from router.sources.feed_stream import Feed  # noqa: PLC0415 - reading a config does without

        self.name = _named(table)
        self.table = table
        self.basis = _basis(table, bindings)
        self._feed = Feed(table, bindings, house, chance or random.Random())  # noqa: S311 - it only spreads retries

    @classmethod
    def build(cls, bindings: Sequence[Binding], house: House) -> list[Self]:
        """One source for each table: those that no trigger names may have been read before. Raises ConfigError when one is named twice."""
        _refuse_doubles(bindings)
        tables: dict[str, Table | ItemTable] = {binding.trigger.table.name: binding.trigger.table for binding in bindings}
        read = {_place(table) for table in tables.values()}
        tables |= {name: table for name, table in house.config.tables.items() if _place(table) not in read}
        of_table: dict[str, list[Binding]] = {name: [] for name in tables}
        for binding in bindings:
            of_table[binding.trigger.table.name].append(binding)
        sources = [
            house.source(_named(table), _basis(table, of_table[name]), partial(cls, table, of_table[name], house))
            for name, table in tables.items()
        ]
        told = "Changes noted and not yet taken by the function, as of the last look."
        house.later.append(lambda: house.metrics.gauge("router_feed_lag_records", told, "feed", "function", read=lambda: _lags(sources)))
        return sources

    async def run(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """Deliver changes until *stop*; each function at its own pace. Raises SourceError when the store cannot be used."""
        await self._feed.run(outlet, stop)

    def health(self) -> str:
        """One sentence about a database or triggers that are not as they should be; else nothing."""
        return self._feed.health()

    async def rows(self) -> list[dict[str, Any]]:
        """One row a function, for `router feeds`: cursor and head are rows of the outbox, lag is their distance in changes."""
        return await self._feed.rows()

    async def install(self) -> None:
        """Make the outbox and its triggers, or bring them up to date. Raises SourceError with what is in the way."""
        await self._feed.install()

    async def install_sql(self) -> str:
        """What install() would execute, as text. Raises SourceError."""
        if isinstance(self.table, ItemTable):
            raise SourceError(f"table {self.name} is one of the daemon's own: its stream needs no triggers")
        from router.sources.feed_install import install_sql  # noqa: PLC0415 - reading a config does without

        return await asyncio.to_thread(install_sql, self.table)

    async def uninstall(self) -> int:
        """Take outbox and triggers out of the database; how many changes went with them.

        Raises InvalidParameter while a function reads them, SourceError when nothing is there or something is in the way."""
        if readers := self.readers:
            told = f"{'function' if len(readers) == 1 else 'functions'} {', '.join(readers)}"
            raise InvalidParameter(f"feed {self.table.name} is read by {told}: disable or remove the trigger first")
        return await self._feed.uninstall()

    @property
    def readers(self) -> list[str]:
        """Functions that read it."""
        return [mapping.settings.function for mapping in self._feed.mappings]

    def lags(self) -> dict[tuple[str, ...], float]:
        """Feed and function → changes noted and not yet taken."""
        return {(self.table.name, mapping.settings.function): mapping.lag for mapping in self._feed.mappings}


def _refuse_doubles(bindings: Sequence[Binding]) -> None:
    """A function has one cursor in a feed, and a table one outbox, trimmed by those who read it."""
    pairs = [(binding.function.name, binding.trigger.table.name) for binding in bindings]
    doubles = dict.fromkeys(pair for pair in pairs if pairs.count(pair) > 1)
    problems = [f"functions.{function}.triggers: two triggers read table {table}; one is enough" for function, table in doubles]
    first: dict[tuple[Path, str], str] = {}
    for table in {binding.trigger.table.name: binding.trigger.table for binding in bindings}.values():
        other = first.setdefault(_place(table), table.name)
        if other != table.name:
            problems.append(f"{step('tables', table.name)}: is the same table as tables.{other}; have all triggers name one of them")
    if problems:
        raise ConfigError(tuple(problems))


def _place(table: Table | ItemTable) -> tuple[Path, str]:
    """Which table of which file it is, whatever its name."""
    if isinstance(table, ItemTable):
        return Path(), table.name
    return table.sqlite.resolve(), table.table.lower()


def _lags(sources: Sequence[FeedSource]) -> dict[tuple[str, ...], float]:
    return {labels: lag for source in sources for labels, lag in source.lags().items()}
