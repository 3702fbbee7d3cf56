"""Tables in a store of the test's, with time that only the test moves."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from router.config.types import Index, ItemTable
from router.tables.store import Tables
from router.tables.upkeep import Upkeep
from router.tables.writing import Change
from tests.helpers.clock import VirtualClock

TABLE = ItemTable(
    "t",
    ("id", "S"),
    indexes={"by_x": Index("by_x", ("x", "S"))},
    stream="NEW_AND_OLD_IMAGES",
    ttl="until",
)


def put(name: str, table: str = "t", **attributes: Any) -> Change:
    key = {"id": {"S": name}}
    return Change(table, key, "put", item=key | attributes)


def delete(name: str, table: str = "t") -> Change:
    return Change(table, {"id": {"S": name}}, "delete")


@asynccontextmanager
async def opened(path: Path, clock: VirtualClock, tables: Mapping[str, ItemTable] | None = None) -> AsyncIterator[Tables]:
    """Open, close."""
    made = await Tables.open(path, clock, {"t": TABLE} if tables is None else tables, region="eu-west-1", account="1" * 12)
    try:
        yield made
    finally:
        await made.database.close()


async def round_of(tables: Tables, clock: VirtualClock) -> None:
    """One round of upkeep, with the pauses that it makes."""
    work = asyncio.create_task(Upkeep(tables, clock).round())
    while not work.done():
        await asyncio.sleep(0.001)
        await clock.advance(0.1)
    await work
