# ruff: noqa: S608  making SQL is what this is about; every name in it goes through quoted()
"""The SQL that turns changes of a table into rows of an outbox beside it, in the writer's own transaction. Pure: facts in, text out.

For a table T there are made
  "_router_feed_T"      the outbox: a row a change, numbered without gaps or repeats, with both images as SQLite stores them
                        (columns without a type, so that nothing is converted), o0 n0 o1 n1 … in the order of a layout;
  "_router_layout_T"    which columns a layout's images hold, and which are the key; row 0 is the stream itself: its identity
                        and when it was made;
  "_router_replaced_T"  rows that an INSERT or UPDATE under way may replace; empty but for leftovers;
and five triggers. They are five because a REPLACE removes rows without firing DELETE triggers (unless recursive_triggers is
on): the BEFORE triggers copy aside the rows that collide with the new one in any unique index, the AFTER triggers record
those that are really gone. What is set aside and not replaced after all (OR IGNORE, upsert) follows its row's changes, so it
is never wrong later, and only the latest few are kept.

The text of the triggers says everything that matters (layout, version), so an installation is up to date exactly when the
triggers in the database are the ones that would be made now. Works in the SQLite of any writer since 3.8.3."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from router.sources.feed_schema import Schema, Unique, quoted

VERSION: Final = 1  # of the outbox's format; a number we do not know was written by a newer version
LEFTOVERS: Final = 8  # rows set aside and not replaced that are kept: triggers of the user's own may nest that deep
_TERMS: Final = 100  # in a row joined by OR; SQLite's expressions are at most 1,000 deep

_NOW: Final = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"  # epoch milliseconds, in any version of SQLite


@dataclass(frozen=True, slots=True)
class Names:
    """What the feed adds to the database of a table; unquoted."""

    outbox: str
    layouts: str
    replaced: str
    triggers: tuple[str, str, str, str, str]  # in the order of making: of one kind, the one made last fires first

    @classmethod
    def of(cls, table: str) -> "Names":
        """The table's name comes last, so that no two tables can share one."""
        kinds = ("before_insert", "before_update", "delete", "update", "insert")
        before_insert, before_update, delete, update, insert = (f"_router_{kind}_{table}" for kind in kinds)
        return cls(
            f"_router_feed_{table}",
            f"_router_layout_{table}",
            f"_router_replaced_{table}",
            (before_insert, before_update, delete, update, insert),
        )


def layout_id(schema: Schema) -> int:
    """The number of a layout: from what it says, so that making it twice makes one."""
    said = json.dumps([VERSION, schema.columns, schema.key])
    return int.from_bytes(hashlib.sha256(said.encode()).digest()[:7]) | 1  # 0 is the stream


def install_statements(schema: Schema, present: Iterable[str]) -> list[str]:
    """What brings a database up to date; *present*: the columns of its outbox, none when there is no outbox yet.

    To be executed in one transaction. What was recorded stays."""
    names, have = Names.of(schema.table), set(present)
    images = [side for i in range(len(schema.columns)) for side in (f"o{i}", f"n{i}")]
    layouts = f"INSERT OR IGNORE INTO {quoted(names.layouts)} (layout, version, columns, keys)"
    outbox = (
        f"CREATE TABLE IF NOT EXISTS {quoted(names.outbox)} (seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL DEFAULT ({_NOW}),"
        f" mark INTEGER NOT NULL DEFAULT (random()), layout INTEGER NOT NULL, op TEXT NOT NULL, {', '.join(images)})"
    )
    described = (
        f"CREATE TABLE IF NOT EXISTS {quoted(names.layouts)} (layout INTEGER PRIMARY KEY, version INTEGER NOT NULL, columns TEXT NOT NULL,"
        f" keys TEXT NOT NULL, made INTEGER NOT NULL DEFAULT ({_NOW}), stream TEXT NOT NULL DEFAULT (lower(hex(randomblob(16)))))"
    )
    statements = [
        outbox,
        described,
        f"{layouts} VALUES (0, {VERSION}, '[]', '[]')",
        f"{layouts} VALUES ({layout_id(schema)}, {VERSION}, {_text(schema.columns)}, {_text(schema.key)})",
    ]
    if have:
        statements += [f"ALTER TABLE {quoted(names.outbox)} ADD COLUMN {side}" for side in images if side not in have]
    identity = ", ".join(f"r{i}" for i in range(len(schema.identity)))
    old = ", ".join(f"o{i}" for i in range(len(schema.columns)))
    statements.append(f"DROP TABLE IF EXISTS {quoted(names.replaced)}")
    statements.append(f"CREATE TABLE {quoted(names.replaced)} (n INTEGER PRIMARY KEY, {identity}, {old})")
    statements += [f"DROP TRIGGER IF EXISTS {quoted(name)}" for name in names.triggers]
    return statements + list(triggers(schema).values())


def uninstall_statements(table: str) -> list[str]:
    """What takes everything out again, the changes not yet delivered included."""
    names = Names.of(table)
    drops = [f"DROP TRIGGER IF EXISTS {quoted(name)}" for name in names.triggers]
    return drops + [f"DROP TABLE IF EXISTS {quoted(name)}" for name in (names.outbox, names.layouts, names.replaced)]


def triggers(schema: Schema) -> dict[str, str]:
    """Name → CREATE TRIGGER, in the order of making."""
    made = (_before_insert, _before_update, _after_delete, _after_update, _after_insert)
    return {name: build(_Parts(schema), name) for name, build in zip(Names.of(schema.table).triggers, made, strict=True)}


def _text(columns: tuple[str, ...]) -> str:
    """Names as a JSON list, as a literal."""
    return "'" + json.dumps(columns, ensure_ascii=False).replace("'", "''") + "'"


class _Parts:
    """Pieces that the triggers share; T is the watched table, P a row of the replaced ones."""

    def __init__(self, schema: Schema) -> None:
        self.schema, names = schema, Names.of(schema.table)
        self.table, self.outbox, self.replaced = quoted(schema.table), quoted(names.outbox), quoted(names.replaced)
        self.layout = layout_id(schema)
        self.count = len(schema.columns)

    def images(self, *sides: str) -> str:
        """Column names: o0, o1, … n0, n1, …"""
        return ", ".join(f"{side}{i}" for side in sides for i in range(self.count))

    def row(self, of: str) -> str:
        """All columns of OLD, NEW or T."""
        return ", ".join(f"{of}.{quoted(column)}" for column in self.schema.columns)

    def set_aside(self, of: str) -> str:
        """P is the row *of* (OLD, NEW or T)."""
        return " AND ".join(f"{of}.{quoted(name)} = P.r{i}" for i, name in enumerate(self.schema.identity))

    def gone(self) -> str:
        """P was replaced: NEW has taken its place, or nobody has."""
        left = f"{self.set_aside('NEW')} OR NOT EXISTS (SELECT 1 FROM {self.table} AS T WHERE {self.set_aside('T')})"
        elsewhere = self.elsewhere(f"NEW.{quoted(self.schema.identity[0])}")
        return f"(({left}) AND NOT ({elsewhere}))" if elsewhere else f"({left})"

    def doubles(self, of: str) -> list[str]:
        """P is the row *of* (OLD or T) as it was under another rowid, shown by its place in a unique index; nothing where that cannot be.

        So it is with what was left in a database that was dumped and read back: rowids are counted anew then."""
        if not self.schema.renumbered:
            return []
        places = {column: f"P.o{i}" for i, column in enumerate(self.schema.columns)}
        other = f"{of}.{quoted(self.schema.identity[0])} <> P.r0"
        return [
            " AND ".join([*(f"{of}.{quoted(c)} = {places[c]} COLLATE {quoted(collation)}" for c, (_, collation) in terms), other])
            for unique in self.schema.uniques[1:]  # the first is the rowid itself
            if unique.columns is not None and (terms := list(zip(unique.columns, unique.terms, strict=True)))
        ]

    def elsewhere(self, known: str = "") -> str:
        """P is there under another rowid, which is not *known*; "" where that cannot be."""
        besides = f" AND T.{quoted(self.schema.identity[0])} <> {known}" if known else ""
        return _any(f"EXISTS (SELECT 1 FROM {self.table} AS T WHERE {double}{besides})" for double in self.doubles("T"))

    def forget(self, which: str) -> Iterator[str]:
        """Have no P that is so, if any can be."""
        if which:
            yield f"DELETE FROM {self.replaced} WHERE n IN (SELECT P.n FROM {self.replaced} AS P WHERE {which});"

    def same_key(self) -> str:
        """P has the record key of NEW."""
        positions = {column: i for i, column in enumerate(self.schema.columns)}
        return " AND ".join(f"P.o{positions[name]} IS NEW.{quoted(name)} COLLATE BINARY" for name in self.schema.key)

    def differ(self, left: Iterable[str], right: Iterable[str]) -> str:
        """Some value is another one: not only for the table's collations, and NULL is a value like any."""
        return _any(f"{a} IS NOT {b} COLLATE BINARY" for a, b in zip(left, right, strict=True))

    def collision(self, unique: Unique) -> str:
        """T collides with NEW in one unique index."""
        same = [f"{left} = {right} COLLATE {quoted(collation)}" for left, right, collation in map(self._sides, unique.terms)]
        return " AND ".join([*same, unique.over] if unique.over else same)

    def _sides(self, term: tuple[str, str]) -> tuple[str, str, str]:
        """A term for T and for NEW. An expression knows neither: its names mean T's columns, or those of a row made of NEW's."""
        side, collation = term
        if side.startswith('"'):
            return f"T.{side}", f"NEW.{side}", collation
        values = ", ".join(f"NEW.{quoted(column)} AS {quoted(column)}" for column in self.schema.columns)
        return side, f"(SELECT {side} FROM (SELECT {values}))", collation

    def record(self, op: str, sides: str, values: str, rest: str = "") -> str:
        """Write into the outbox."""
        return f"INSERT INTO {self.outbox} (layout, op, {sides}) SELECT {self.layout}, '{op}', {values}{rest};"

    def keep_aside(self, collisions: Iterable[str]) -> Iterator[str]:
        """Set aside the rows of T that collide, as they are now; forget old leftovers.

        One unique index at a time: SQLite looks up none of them where a row may collide in this one or in that."""
        identity = ", ".join(f"r{i}" for i in range(len(self.schema.identity)))
        known = ", ".join(f"T.{quoted(name)}" for name in self.schema.identity)
        there = f"EXISTS (SELECT 1 FROM {self.replaced} AS P WHERE {self.set_aside('T')})"
        which = list(collisions)
        yield from self.forget(self.elsewhere())
        yield f"DELETE FROM {self.replaced} WHERE n <= (SELECT max(n) - {LEFTOVERS} FROM {self.replaced});"
        yield from self.forget(_any(f"EXISTS (SELECT 1 FROM {self.table} AS T WHERE {self.set_aside('T')} AND {one})" for one in which))
        for one in which:
            yield (
                f"INSERT INTO {self.replaced} ({identity}, {self.images('o')})"
                f" SELECT {known}, {self.row('T')} FROM {self.table} AS T WHERE {one} AND NOT {there};"
            )


def _any(terms: Iterable[str]) -> str:
    listed = list(terms)
    if len(listed) <= _TERMS:
        return " OR ".join(listed)
    return " OR ".join(f"({' OR '.join(listed[i : i + _TERMS])})" for i in range(0, len(listed), _TERMS))


def _trigger(name: str, when: str, parts: _Parts, condition: str, body: Iterable[str]) -> str:
    head = f"CREATE TRIGGER {quoted(name)} {when} ON {parts.table} FOR EACH ROW"
    return "\n".join([head, *([f"WHEN {condition}"] if condition else []), "BEGIN", *(f"  {statement}" for statement in body), "END"])


def _before_insert(parts: _Parts, name: str) -> str:
    """An index at a time in WHEN, so that each is looked up, none scanned."""
    collisions = [parts.collision(unique) for unique in parts.schema.uniques]
    looks = _any(f"EXISTS (SELECT 1 FROM {parts.table} AS T WHERE {collision})" for collision in collisions)
    return _trigger(name, "BEFORE INSERT", parts, looks or "0", parts.keep_aside(collisions))


def _before_update(parts: _Parts, name: str) -> str:
    """Only indexes whose columns change are looked at; the row itself is no other row."""
    mine = " AND ".join(f"T.{quoted(name)} = OLD.{quoted(name)}" for name in parts.schema.identity)
    collisions = [f"{_moved(parts, unique)} AND {parts.collision(unique)} AND NOT ({mine})" for unique in parts.schema.uniques]
    looks = _any(
        f"({_moved(parts, unique)} AND EXISTS (SELECT 1 FROM {parts.table} AS T WHERE {parts.collision(unique)} AND NOT ({mine})))"
        for unique in parts.schema.uniques
    )
    return _trigger(name, "BEFORE UPDATE", parts, looks or "0", parts.keep_aside(collisions))


def _moved(parts: _Parts, unique: Unique) -> str:
    """The update changes what the index is over."""
    if unique.columns is None:
        return "1"
    return f"({parts.differ((f'OLD.{quoted(c)}' for c in unique.columns), (f'NEW.{quoted(c)}' for c in unique.columns))})"


def _after_delete(parts: _Parts, name: str) -> str:
    """Fires for a replaced row too when recursive_triggers is on: then it must not be recorded again."""
    body = [parts.record("D", parts.images("o"), parts.row("OLD")), *parts.forget(_any([parts.set_aside("OLD"), *parts.doubles("OLD")]))]
    return _trigger(name, "AFTER DELETE", parts, "", body)


def _after_update(parts: _Parts, name: str) -> str:
    """First the rows that UPDATE OR REPLACE took away, then the change itself."""
    gone = f"NOT ({parts.set_aside('OLD')}) AND {parts.gone()}"
    moved = [f"r{i} = NEW.{quoted(column)}" for i, column in enumerate(parts.schema.identity)]
    moved += [f"o{i} = NEW.{quoted(column)}" for i, column in enumerate(parts.schema.columns)]
    body = [
        *parts.forget(_any(parts.doubles("OLD"))),
        parts.record("D", parts.images("o"), parts.images("P.o"), f" FROM {parts.replaced} AS P WHERE {gone} ORDER BY P.n"),
        f"DELETE FROM {parts.replaced} WHERE n IN (SELECT P.n FROM {parts.replaced} AS P WHERE {gone});",
        parts.record("U", parts.images("o", "n"), f"{parts.row('OLD')}, {parts.row('NEW')}"),
        f"UPDATE {parts.replaced} SET {', '.join(moved)} WHERE n IN (SELECT P.n FROM {parts.replaced} AS P WHERE {parts.set_aside('OLD')});",
    ]
    columns = [quoted(column) for column in parts.schema.columns]
    changed = parts.differ((f"OLD.{column}" for column in columns), (f"NEW.{column}" for column in columns))
    return _trigger(name, "AFTER UPDATE", parts, changed, body)


def _after_insert(parts: _Parts, name: str) -> str:
    """A replaced row of the same key makes it an update, or nothing when both are alike."""
    gone, same = parts.gone(), parts.same_key()
    columns = [quoted(column) for column in parts.schema.columns]
    changed = parts.differ((f"P.o{i}" for i in range(parts.count)), (f"NEW.{column}" for column in columns))
    source = f" FROM {parts.replaced} AS P WHERE {gone}"
    body = [
        parts.record("D", parts.images("o"), parts.images("P.o"), f"{source} AND NOT ({same}) ORDER BY P.n"),
        parts.record("U", parts.images("o", "n"), f"{parts.images('P.o')}, {parts.row('NEW')}", f"{source} AND {same} AND ({changed})"),
        parts.record("I", parts.images("n"), parts.row("NEW"), f" WHERE NOT EXISTS (SELECT 1{source} AND {same})"),
        f"DELETE FROM {parts.replaced} WHERE n IN (SELECT P.n{source});",
    ]
    return _trigger(name, "AFTER INSERT", parts, "", body)
