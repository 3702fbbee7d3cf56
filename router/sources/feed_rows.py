"""Rows of an outbox as changes. Blocking; reads only the columns that the view shows, and never more than is allowed."""

from collections.abc import Iterable, Iterator
from typing import Any

import apsw

from router.events.dynamodb import WITH_NEW, WITH_OLD, Change, Row, Value, View
from router.sources.feed_install import Layout


class Rows:
    """The rows of one layout."""

    def __init__(self, connection: apsw.Connection, outbox: str, number: int, layout: Layout, view: View) -> None:
        self._connection, self._outbox, self._number = connection, outbox, number
        old = layout.columns if view in WITH_OLD else layout.key
        new = layout.columns if view in WITH_NEW else layout.key
        self._names = (old, new)
        places = {name: i for i, name in enumerate(layout.columns)}
        self._columns = [f"o{places[name]}" for name in old] + [f"n{places[name]}" for name in new]

    def span(self, first: int, most: int, limit: int) -> tuple[int, int, bool]:
        """The rows from *first* on that may be read together: *most*, of this layout, *limit* bytes of values in all.

        Gives the last one, its mark, and whether it is one row that alone is over the limit."""
        size = " + ".join(f"ifnull(octet_length({column}), 0)" for column in self._columns)
        sql = f"SELECT seq, mark, layout, {size} FROM {self._outbox} WHERE seq >= ? ORDER BY seq LIMIT ?"  # noqa: S608  our own names
        last, last_mark, total = first, 0, 0
        for seq, mark, layout, bytes_ in self._connection.execute(sql, (first, most)):
            total += bytes_
            if layout != self._number or (total > limit and last_mark):
                break
            last, last_mark = seq, mark
            if total > limit:
                return last, last_mark, True
        return last, last_mark, False

    def changes(self, first: int, last: int) -> Iterator[Change]:
        """The changes of these rows, in order; a change of the key is not split yet."""
        try:
            found: Iterable[Any] = self._select(", ".join(self._columns), first, last)
        except UnicodeDecodeError:  # a TEXT that is none
            found = self._decoded(first, last)
        for seq, at, mark, op, *values in found:
            yield self._change(seq, at, mark, op, values)

    def _change(self, seq: int, at: int, mark: int, op: str, values: list[Value]) -> Change:
        old_names, new_names = self._names
        old: Row | None = dict(zip(old_names, values, strict=False)) if op != "I" else None
        new: Row | None = dict(zip(new_names, values[len(old_names) :], strict=True)) if op != "D" else None
        return Change(2 * seq, mark, at / 1000, old, new)

    def _select(self, columns: str, first: int, last: int) -> list[Any]:
        sql = f"SELECT seq, at, mark, op, {columns} FROM {self._outbox} WHERE seq BETWEEN ? AND ? ORDER BY seq"  # noqa: S608  our own names
        return self._connection.execute(sql, (first, last)).fetchall()

    def _decoded(self, first: int, last: int) -> Iterator[list[Any]]:
        """The same, but TEXT is fetched as its bytes and decoded here; what cannot be decoded stays bytes."""
        encoding = self._connection.execute("PRAGMA encoding").get
        columns = ", ".join(f"typeof({c}), CASE typeof({c}) WHEN 'text' THEN CAST({c} AS BLOB) ELSE {c} END" for c in self._columns)
        for seq, at, mark, op, *pairs in self._select(columns, first, last):
            yield [
                seq,
                at,
                mark,
                op,
                *(_text(value, encoding) if kind == "text" else value for kind, value in zip(pairs[::2], pairs[1::2], strict=True)),
            ]


def _text(value: bytes, encoding: str) -> Value:
    try:
        return value.decode(encoding)
    except UnicodeDecodeError:
        return value
