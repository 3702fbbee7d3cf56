"""Definitions brought into the store: what is new is made, what has changed is changed, items stay. Runs in the writer's thread."""

import json
import secrets
import uuid
from collections.abc import Mapping
from typing import Final

import apsw

from router.config.types import ItemTable
from router.items.keys import Schema
from router.journal.database import Row
from router.tables.queries import SQL
from router.tables.stored import Stored, StoredIndex, StoredStream, schema_of

_TICK: Final = 0.001  # seconds between two streams of a table: their labels must differ


def adopt(connection: apsw.Connection, definitions: Mapping[str, ItemTable], now: float, *, starting: bool) -> dict[str, Stored]:
    """What is stored of each of these tables. What the store has beside them stays as it is, but for what was let go.

    *starting*: what was let go by a daemon that died before the declaration changed stays after all."""
    gone: list[Row] = connection.execute(SQL["let_go"]).fetchall()
    for name, declared in gone:
        if (name in definitions) != bool(declared):
            _forget(connection, name, now)
    if starting:
        connection.execute(SQL["keep_all"]).fetchall()
    return {name: _table(connection, table, now) for name, table in definitions.items()}


def _table(connection: apsw.Connection, table: ItemTable, now: float) -> Stored:
    schema = schema_of(table.hash, table.range)
    keys = _keys(schema)
    found: list[Row] = connection.execute(SQL["table"], (table.name,)).fetchall()
    if not found:
        connection.execute(SQL["add_table"], (table.name, str(uuid.uuid4()), now, keys, table.ttl)).fetchall()
        found = connection.execute(SQL["table"], (table.name,)).fetchall()
    number, identity, made, stored_keys, items, ttl, filled = found[0]
    if stored_keys != keys:
        there = ", ".join(f"{name} ({kind})" for name, kind in json.loads(stored_keys))
        wrong = f"table {table.name} is stored with the key {there}: declare that one, or give the table another name"
        return Stored(number, table, schema, identity, made, wrong=wrong)
    if ttl != table.ttl:
        filled = 0 if items else None
        connection.execute(SQL["set_ttl"], (table.ttl, filled, number)).fetchall()
    return Stored(
        number,
        table,
        schema,
        identity,
        made,
        _indexes(connection, number, table, empty=not items),
        _stream(connection, table, keys, now),
        filled is None,
    )


def _keys(schema: Schema) -> str:
    return json.dumps(schema.attributes)


def _indexes(connection: apsw.Connection, owner: int, table: ItemTable, *, empty: bool) -> dict[str, StoredIndex]:
    there = {name: (number, keys, filled) for number, name, keys, filled in connection.execute(SQL["indexes"], (owner,))}
    wanted = {name: schema_of(index.hash, index.range) for name, index in table.indexes.items()}
    for name, (number, keys, _) in list(there.items()):
        if name not in wanted or keys != _keys(wanted[name]):
            connection.execute(SQL["forget_index"], (number,)).fetchall()
            del there[name]
    made = {}
    for name, schema in wanted.items():
        if name not in there:
            filled = None if empty else 0
            connection.execute(SQL["add_index"], (owner, name, _keys(schema), filled)).fetchall()
            there[name] = (connection.last_insert_rowid(), "", filled)
        number, _, filled = there[name]
        made[name] = StoredIndex(number, schema, table.indexes[name], filled is None)
    return made


def _stream(connection: apsw.Connection, table: ItemTable, keys: str, now: float) -> StoredStream | None:
    found: list[Row] = connection.execute(SQL["open_stream"], (table.name,)).fetchall()
    if found and found[0][2] == table.stream:
        return StoredStream(*found[0])
    if found:
        _end_stream(connection, table.name, now)
    if not table.stream:
        return None
    newest = connection.execute(SQL["newest_stream"], (table.name,)).get or 0.0
    made = round(max(now, newest + _TICK), 3)  # whole milliseconds, as labels are cut to
    identity = secrets.token_hex(16)
    connection.execute(SQL["add_stream"], (table.name, identity, table.stream, keys, made)).fetchall()
    return StoredStream(connection.last_insert_rowid(), identity, table.stream, made)


def _end_stream(connection: apsw.Connection, name: str, now: float) -> None:
    """No more records come to the stream of a table; those that it has stay for a day."""
    connection.execute(SQL["end_stream"], (now, name)).fetchall()


def _forget(connection: apsw.Connection, name: str, now: float) -> None:
    """A table is gone; its items are nobody's, and are removed little by little (upkeep.py)."""
    for number, *_ in connection.execute(SQL["table"], (name,)).fetchall():
        connection.execute(SQL["forget_indexes"], (number,)).fetchall()
    connection.execute(SQL["forget_table"], (name,)).fetchall()
    _end_stream(connection, name, now)
