"""What a feed has put into a user's database: looking at it, putting it in, and the SQL for people. Blocking."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import apsw

from router.config.types import Table
from router.sources import feed_sql
from router.sources.feed_files import INSTALL_BUSY_MS, connect, explain
from router.sources.feed_schema import FeedFault, Schema, quoted, read_schema, rows


@dataclass(frozen=True, slots=True)
class Layout:
    """What the images of some changes hold."""

    columns: tuple[str, ...]
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Installation:
    """What is in the database now."""

    names: feed_sql.Names
    stream: str = ""  # the stream's identity; "": there is no outbox
    made: float = 0.0  # epoch seconds
    layouts: Mapping[int, Layout] = field(default_factory=dict)
    complaint: FeedFault | None = None  # why changes are not noted, or not rightly
    mendable: bool = False  # whether installing again helps


def inspect(connection: apsw.Connection, table: Table) -> Installation:
    """Look at the database as it is. Raises FeedFault when a newer version has been at work."""
    try:
        schema = read_schema(connection, table)
    except FeedFault as fault:
        return _outbox(connection, table, feed_sql.Names.of(table.table), fault, mendable=False)
    names = feed_sql.Names.of(schema.table)
    wrong = _wrong(connection, table, schema)
    return _outbox(connection, table, names, FeedFault(wrong, absent=True) if wrong else None, mendable=bool(wrong))


def install(connection: apsw.Connection, table: Table) -> None:
    """Put in what is missing, all or nothing. Raises FeedFault, apsw.Error."""
    with _whole(connection):
        for statement in _statements(connection, table):
            connection.execute(statement).fetchall()


def uninstall(connection: apsw.Connection, table: Table) -> int:
    """Take out everything of the feed, all or nothing; how many changes it held. Raises FeedFault when there is nothing, apsw.Error."""
    names = feed_sql.Names.of(table.table)
    with _whole(connection):
        sql = "SELECT name FROM main.sqlite_schema WHERE lower(name) IN (SELECT lower(value) FROM json_each(?))"
        ours = json.dumps([*names.triggers, names.outbox, names.layouts, names.replaced])
        found = {name.lower() for (name,) in rows(connection, sql, ours)}
        if not found:
            raise FeedFault(f"no feed of table {table.table} is installed in {table.sqlite}")
        held = names.outbox.lower() in found
        changes = rows(connection, f"SELECT count(*) FROM {quoted(names.outbox)}")[0][0] if held else 0  # noqa: S608  quoted
        for statement in feed_sql.uninstall_statements(table.table):
            connection.execute(statement).fetchall()
    return int(changes)


@contextmanager
def _whole(connection: apsw.Connection) -> Iterator[None]:
    """One transaction, for which a person waits."""
    connection.set_busy_timeout(INSTALL_BUSY_MS)
    connection.execute("BEGIN IMMEDIATE").fetchall()
    try:
        yield
        connection.execute("COMMIT").fetchall()
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK").fetchall()
        raise


def install_sql(table: Table) -> str:
    """What install() would execute, for people to read or to run themselves; how to undo it is in comments. Raises FeedFault."""
    with explain(table.sqlite, lambda: None):
        connection = connect(table.sqlite)
        try:
            statements = _statements(connection, table)
            undo = uninstall_sql(read_schema(connection, table).table)
        finally:
            connection.close(True)
    comments = ("The change feed of a table: an outbox that triggers fill in the writer's own transaction.", "To take it out again:")
    return "\n".join(
        [f"-- {comments[0]}", _transaction(statements), f"-- {comments[1]}", *(f"--   {line}" for line in undo.splitlines() if line)]
    )


def printed_uninstall(table: Table) -> str:
    """What uninstall() would execute, as text; needs no database."""
    return uninstall_sql(table.table)


def uninstall_sql(table: str) -> str:
    """What takes a feed out of the database, undelivered changes included; *table* as SQL knows it."""
    return _transaction(feed_sql.uninstall_statements(table))


def _transaction(statements: list[str]) -> str:
    return "".join(f"{statement};\n" for statement in ("BEGIN IMMEDIATE", *statements, "COMMIT"))


def _statements(connection: apsw.Connection, table: Table) -> list[str]:
    schema = read_schema(connection, table)
    outbox = feed_sql.Names.of(schema.table).outbox
    present = rows(connection, "SELECT name FROM main.pragma_table_info(?)", outbox)
    return feed_sql.install_statements(schema, [name for (name,) in present])


def _wrong(connection: apsw.Connection, table: Table, schema: Schema) -> str:
    """What is wrong with the triggers, in one sentence; "" when they are those that would be made now."""
    sql = "SELECT name, sql FROM main.sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE ORDER BY rowid"
    present = rows(connection, sql, schema.table)
    wanted = feed_sql.triggers(schema)
    ours = [(name, text) for name, text in present if name in wanted]
    mend = f"run `router feeds install {table.name}`"
    if not ours:
        return f"the triggers of table {schema.table} are not installed in {table.sqlite}: {mend}"
    if dict(ours) != wanted:
        return f"table {schema.table} in {table.sqlite} has changed since its triggers were made, new columns are not noted: {mend}"
    if present[-len(ours) :] != ours:
        late = next(name for name, _ in reversed(present) if name not in wanted)
        return f"trigger {late} on table {schema.table} was made after the feed's and runs before them, so what it changes is noted in the wrong order: {mend}"
    return ""


def _outbox(
    connection: apsw.Connection, table: Table, names: feed_sql.Names, complaint: FeedFault | None, *, mendable: bool
) -> Installation:
    """The stream and its layouts, when they are there."""
    sql = "SELECT count(*) FROM main.sqlite_schema WHERE type = 'table' AND lower(name) IN (lower(?), lower(?))"
    if rows(connection, sql, names.outbox, names.layouts) != [(2,)]:
        missing = complaint or FeedFault(f"the outbox of table {table.table} is missing in {table.sqlite}", absent=True)
        return Installation(names, complaint=missing, mendable=mendable or complaint is None)
    found = rows(connection, f"SELECT layout, version, columns, keys, made, stream FROM {quoted(names.layouts)}")  # noqa: S608  quoted
    if max((version for _, version, *_ in found), default=0) > feed_sql.VERSION:
        raise FeedFault(f"the feed of table {table.table} in {table.sqlite} was installed by a newer version: install that version")
    layouts = {layout: Layout(tuple(json.loads(columns)), tuple(json.loads(keys))) for layout, _, columns, keys, _, _ in found if layout}
    made, stream = next(((made, stream) for layout, _, _, _, made, stream in found if not layout), (0, ""))
    return Installation(names, stream, made / 1000, layouts, complaint, mendable)
