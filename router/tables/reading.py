"""Pages of a table or an index. Runs in the reader's thread.

Source: DynamoDB developer guide, "Paginating table query results": a page ends at its limit, or behind 1 MB of items as they are stored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import apsw

from router.items.conditions import holds
from router.items.keys import Place, key_of, place
from router.items.nodes import Condition, Steps
from router.items.paths import projected
from router.items.ranges import Stretch
from router.items.values import Item, item_size
from router.journal.database import Row
from router.tables.codec import decode
from router.tables.queries import SQL
from router.tables.stored import Stored, StoredIndex

PAGE: Final = 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """A query when it has a stretch, else a scan."""

    index: StoredIndex | None = None
    stretch: Stretch | None = None
    segment: tuple[bytes, bytes | None] = (b"", None)  # of hash keys: from the first on, before the second
    forward: bool = True
    start: Item | None = None  # the key behind which it goes on
    limit: int | None = None  # items looked at
    condition: Condition | None = None
    paths: tuple[Steps, ...] = ()  # what of the items; (): all
    whole: bool = True  # of a local index: items are fetched from the table, not only what the index has of them


class Page(NamedTuple):
    """What was found."""

    items: list[Item]
    scanned: int
    size: int  # bytes that were looked at
    last: Item | None  # the key to go on behind; None: that was all
    fetched: Sequence[int] = ()  # of a local index: bytes of each item that was fetched from the table


class _Query(NamedTuple):
    sql: str
    parameters: list[Any]


def page(connection: apsw.Connection, stored: Stored, wanted: Wanted) -> Page:
    """Items in order, up to the end of the page."""
    query = _built(stored, wanted)
    cursor = connection.execute(query.sql, query.parameters)
    try:
        return _page(cursor, stored, wanted)
    finally:
        cursor.close(True)  # an open one would hold up the WAL


def _page(rows: Iterator[Any], stored: Stored, wanted: Wanted) -> Page:
    found: list[Item] = []
    fetched: list[int] = []
    scanned = size = 0
    for stored_size, data in rows:
        whole = decode(data)
        item = shown(stored, wanted.index, whole) if wanted.index is not None else whole
        scanned += 1
        size += stored_size if item is whole else item_size(item)
        if wanted.index is not None and wanted.whole:
            fetched.append(stored_size)
        looked = whole if wanted.index is not None and wanted.index.definition.local else item
        if wanted.condition is None or holds(wanted.condition, looked):
            told = looked if wanted.whole else item
            found.append(projected(told, wanted.paths) if wanted.paths else told)
        if scanned == wanted.limit or size >= PAGE:
            return Page(found, scanned, size, last_key(stored, wanted.index, whole), fetched)
    return Page(found, scanned, size, None, fetched)


def last_key(stored: Stored, index: StoredIndex | None, item: Item) -> Item:
    """The key by which a page is gone on behind."""
    key = key_of(stored.schema, item)
    return key | key_of(index.schema, item) if index is not None else key


def shown(stored: Stored, index: StoredIndex, item: Item) -> Item:
    """What an index has of an item."""
    if index.definition.projection == "ALL":
        return item
    kept = {*stored.schema.names, *index.schema.names, *index.definition.include}
    return {name: value for name, value in item.items() if name in kept}


def _built(stored: Stored, wanted: Wanted) -> _Query:
    index = wanted.index
    of = "e" if index is not None else "i"
    tests, parameters = [f"{of}.owner = ?"], [index.id if index is not None else stored.id]

    def test(sql: str, *values: Any) -> None:
        tests.append(sql)
        parameters.extend(values)

    if wanted.stretch is not None:
        _stretched(wanted.stretch, of, test)
    else:
        low, high = wanted.segment
        if low:
            test(f"{of}.hash >= ?", low)
        if high is not None:
            test(f"{of}.hash < ?", high)
    order = _order(wanted, of)
    if wanted.start is not None:
        places: list[Place] = ([place(index.schema, wanted.start)] if index is not None else []) + [place(stored.schema, wanted.start)]
        values = [part for one in places for part in one][1 if wanted.stretch is not None else 0 :]
        sign, marks = ">" if wanted.forward else "<", ", ".join("?" * len(order))
        test(f"({', '.join(order)}) {sign} ({marks})", *values)
    direction = "" if wanted.forward else " DESC"
    source = "entries AS e CROSS JOIN items AS i ON i.id = e.item" if index is not None else "items AS i"
    by = ", ".join(f"{column}{direction}" for column in order)
    return _Query(f"SELECT i.size, i.item FROM {source} WHERE {' AND '.join(tests)} ORDER BY {by}", parameters)  # noqa: S608  our own names


def _order(wanted: Wanted, of: str) -> list[str]:
    """Columns in whose order items are read; of a query the hash key is one and the same."""
    columns = [f"{of}.range"] if wanted.stretch is not None else [f"{of}.hash", f"{of}.range"]
    return [*columns, "e.item_hash", "e.item_range"] if wanted.index is not None else columns


def _stretched(stretch: Stretch, of: str, test: Any) -> None:
    test(f"{of}.hash = ?", stretch.hash)
    if stretch.low is not None:
        test(f"{of}.range {'>' if stretch.low_open else '>='} ?", stretch.low)
    if stretch.high is not None:
        test(f"{of}.range {'<' if stretch.high_open else '<='} ?", stretch.high)


def items(connection: apsw.Connection, wanted: Sequence[tuple[Stored, Item]]) -> list[Item | None]:
    """Items by their keys, all as of one moment."""
    connection.execute("BEGIN").fetchall()
    try:
        return [_item(connection, stored, key) for stored, key in wanted]
    finally:
        connection.execute("COMMIT").fetchall()


def _item(connection: apsw.Connection, stored: Stored, key: Item) -> Item | None:
    rows: list[Row] = connection.execute(SQL["get"], (stored.id, *place(stored.schema, key))).fetchall()
    return decode(rows[0][2]) if rows else None
