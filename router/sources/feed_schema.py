"""What a change feed has to know of the table it watches, read from the database. Blocking."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import apsw

from router.config.types import Table
from router.errors import SourceError

COLUMNS_LIMIT: Final = 900  # of a table: two images of each and our own fit into SQLite's 2,000 columns
_ROWID_NAMES: Final = ("rowid", "_rowid_", "oid")
_EXPRESSION: Final = -2  # cid in index_xinfo of what is no column


class FeedFault(SourceError):
    """Why a feed cannot be read now, in one sentence.

    *absent*: there is no stream yet; all that one holds when it comes is new. *passing*: another process is in the way."""

    def __init__(self, sentence: str, *, absent: bool = False, passing: bool = False) -> None:
        super().__init__(sentence)
        self.absent, self.passing = absent, passing


@dataclass(frozen=True, slots=True)
class Unique:
    """What makes two rows collide: a column's quoted name or an expression in parentheses, and its collation, each."""

    terms: tuple[tuple[str, str], ...]
    columns: tuple[str, ...] | None  # names; None: any column may matter, to an expression or to what a partial index is over
    over: str = ""  # an expression that is true of every row that is in the index; "": any row may be


@dataclass(frozen=True, slots=True)
class Schema:
    """A table that can be watched. Names are spelled as in the database."""

    table: str
    columns: tuple[str, ...]  # generated ones included
    key: tuple[str, ...]
    identity: tuple[str, ...]  # names that tell one row from all others: the rowid, or the primary key of a table without one
    uniques: tuple[Unique, ...]
    renumbered: bool = False  # a dump that is read back gives rows another identity: it is a rowid that is no column of theirs


def rows(connection: apsw.Connection, sql: str, *params: str | int) -> list[Any]:
    """All rows of a query; the statement, and with it the read transaction, is over on return."""
    return connection.execute(sql, params).fetchall()


def quoted(name: str) -> str:
    """An identifier, whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'


def read_schema(connection: apsw.Connection, table: Table) -> Schema:
    """The table's facts. Raises FeedFault when it is not there or cannot be watched; the sentence says what would be right."""
    name, without_rowid = _find(connection, table)
    found = rows(connection, "SELECT name, pk, hidden, upper(type) FROM main.pragma_table_xinfo(?)", name)
    columns = tuple(column for column, _, hidden, _ in found if hidden != 1)
    if len(columns) > COLUMNS_LIMIT:
        raise FeedFault(f"table {name} has {len(columns)} columns; a change feed takes {COLUMNS_LIMIT} at most")
    primary = tuple(column for column, pk, _, _ in sorted(found, key=lambda row: row[1]) if pk)
    identity = primary if without_rowid else _rowid(name, columns, primary, [kind for _, pk, _, kind in found if pk])
    uniques = tuple(_uniques(connection, name))
    if not without_rowid:
        uniques = (_columns((identity[0],), ("BINARY",)), *uniques)
    renumbered = not without_rowid and [kind for _, pk, _, kind in found if pk] != ["INTEGER"]
    return Schema(name, columns, _key(table, name, columns, primary), identity, uniques, renumbered)


def _find(connection: apsw.Connection, table: Table) -> tuple[str, bool]:
    """The table's own spelling, and whether it is WITHOUT ROWID."""
    found = rows(connection, "SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main'")
    for name, kind, without_rowid in found:
        if name.lower() != table.table.lower():
            continue
        if kind != "table" or name.lower().startswith("sqlite_"):
            raise FeedFault(
                f"{table.table} in {table.sqlite} is a {kind if kind != 'table' else 'table of SQLite itself'}: no trigger can watch it"
            )
        return name, bool(without_rowid)
    near = difflib.get_close_matches(table.table, [name for name, kind, _ in found if kind == "table"], n=1)
    hint = f", did you mean {near[0]}?" if near else "; the feed starts when it is made"
    raise FeedFault(f"{table.sqlite} has no table {table.table}{hint}", absent=True)


def _rowid(name: str, columns: tuple[str, ...], primary: tuple[str, ...], kinds: list[str]) -> tuple[str]:
    taken = {column.lower() for column in columns}
    free = next((alias for alias in _ROWID_NAMES if alias not in taken), "")
    if free:
        return (free,)
    if kinds == ["INTEGER"]:
        return (primary[0],)
    raise FeedFault(f"table {name} has columns named {', '.join(_ROWID_NAMES)}, so its rows cannot be told apart: rename one of them")


def _key(table: Table, name: str, columns: tuple[str, ...], primary: tuple[str, ...]) -> tuple[str, ...]:
    """The record's key: as configured, else the primary key."""
    if not table.key and not primary:
        raise FeedFault(f"table {name} has no primary key: name the columns that tell its rows apart under tables.{table.name}.key")
    spelled = {column.lower(): column for column in columns}
    for column in table.key:
        if column.lower() not in spelled:
            near = difflib.get_close_matches(column, columns, n=1)
            hint = f", did you mean {near[0]}?" if near else f"; it has {', '.join(columns[:20])}"
            raise FeedFault(f"tables.{table.name}.key: table {name} has no column {column}{hint}")
    return tuple(dict.fromkeys(spelled[column.lower()] for column in table.key)) or primary


def _columns(names: tuple[str, ...], collations: tuple[str, ...]) -> Unique:
    return Unique(tuple(zip(map(quoted, names), collations, strict=True)), names)


def _uniques(connection: apsw.Connection, table: str) -> Iterator[Unique]:
    """All unique indexes, the primary key's among them. What a partial one is over serves to look rows up: what really collided shows later."""
    sql = 'SELECT name, partial FROM main.pragma_index_list(?) WHERE "unique" ORDER BY seq DESC'
    for index, partial in rows(connection, sql, table):
        terms = rows(connection, "SELECT cid, name, coll FROM main.pragma_index_xinfo(?) WHERE key ORDER BY seqno", index)
        if not partial and all(cid != _EXPRESSION for cid, _, _ in terms):
            yield _columns(tuple(name for _, name, _ in terms), tuple(collation for _, _, collation in terms))
            continue
        text = rows(connection, "SELECT sql FROM main.sqlite_schema WHERE type = 'index' AND name = ?", index)[0][0]
        written, rest = index_terms(text)
        over = _usable(connection, table, rest) if partial else ""
        sides = (f"({term}\n)" if cid == _EXPRESSION else quoted(name) for (cid, name, _), term in zip(terms, written, strict=True))
        yield Unique(tuple(zip(sides, (collation for _, _, collation in terms), strict=True)), None, over)


def _usable(connection: apsw.Connection, table: str, rest: str) -> str:
    """What a partial index is over, in parentheses, from what stands behind its terms; "" where it cannot be asked of a row T.

    So it is where columns are written with the table's name, and where a trigger of the user's that runs before a change may put
    other rows into the index."""
    found = re.fullmatch(r"\s*WHERE\b(.*)", rest, re.IGNORECASE | re.DOTALL)
    sql = "SELECT sql FROM main.sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE AND name NOT LIKE '\\_router\\_%' ESCAPE '\\'"
    if found is None or not all(re.search(r"\bAFTER\b", trigger, re.IGNORECASE) for (trigger,) in rows(connection, sql, table)):
        return ""
    over = f"({found[1]}\n)"
    try:
        rows(connection, f"EXPLAIN SELECT 1 FROM main.{quoted(table)} AS T WHERE {over}")  # noqa: S608  its own index's
    except apsw.SQLError:
        return ""
    return over


def index_terms(sql: str) -> tuple[list[str], str]:
    """The expressions between the outermost parentheses of a CREATE INDEX, without ASC and DESC; and what stands behind them."""
    terms, start, depth, at = [], 0, 0, 0
    while at < len(sql):
        letter = sql[at]
        if letter in "'\"`[":
            at = _end_of_quote(sql, at)
        elif sql.startswith(("--", "/*"), at):
            end, width = ("\n", 1) if letter == "-" else ("*/", 2)
            at = (sql + end).index(end, at) + width - 1
        elif letter == "(":
            depth += 1
            start = at + 1 if depth == 1 else start
        elif letter == "," and depth == 1:
            terms.append(sql[start:at])
            start = at + 1
        elif letter == ")":
            depth -= 1
            if not depth:
                terms.append(sql[start:at])
                break
        at += 1
    return [_undirected(term.strip()) for term in terms], sql[at + 1 :]


def _end_of_quote(sql: str, at: int) -> int:
    """Where the quotation that begins at *at* ends; a doubled quote stands for itself."""
    mark = "]" if sql[at] == "[" else sql[at]
    end = sql.index(mark, at + 1)
    while mark != "]" and sql.startswith(mark, end + 1):
        end = sql.index(mark, end + 2)
    return end


def _undirected(term: str) -> str:
    head, _, last = term.rpartition(" ")
    return head.rstrip() if head and last.upper() in {"ASC", "DESC"} else term
