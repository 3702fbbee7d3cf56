"""The triggers: whatever SQL does to a table, replaying the records gives the table."""

import json
import sqlite3
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.events.dynamodb import typed
from router.sources.feed_cursors import Cursor
from router.sources.feed_install import install
from router.sources.feed_outbox import Outbox
from router.sources.feed_schema import quoted, read_schema
from router.sources.feed_sql import LEFTOVERS, Names, install_statements, triggers, uninstall_statements
from tests.unit.sources.feed_rig import table

TOUCH = "CREATE TRIGGER touch AFTER INSERT ON t BEGIN UPDATE t SET v = 'touched' WHERE a = NEW.a; END"
AGE = "CREATE TRIGGER age BEFORE INSERT ON t BEGIN UPDATE t SET v = 'old' WHERE b = NEW.b; END"

SCHEMAS = {
    "integer key, unique text": "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE COLLATE NOCASE, v)",
    "text key with a rowid": "CREATE TABLE t (a TEXT PRIMARY KEY NOT NULL, b UNIQUE, v)",
    "two columns, no rowid": "CREATE TABLE t (a, b, v, PRIMARY KEY (a, b)) WITHOUT ROWID",
    "caseless key, no rowid": "CREATE TABLE t (a TEXT COLLATE NOCASE PRIMARY KEY, b UNIQUE, v) WITHOUT ROWID",
    "index of an expression": "CREATE TABLE t (a INTEGER PRIMARY KEY, b, v); CREATE UNIQUE INDEX u ON t (lower(b) /* a,( */ DESC, v)",
    "partial index": "CREATE TABLE t (a INTEGER PRIMARY KEY, b, v); CREATE UNIQUE INDEX u ON t (b) WHERE v > 1",
    "partial index and a trigger before": f"CREATE TABLE t (a INTEGER PRIMARY KEY, b, v); CREATE UNIQUE INDEX u ON t (b) WHERE v > 'a'; {AGE}",
    "index with its own collation": "CREATE TABLE t (a INTEGER PRIMARY KEY, b, v); CREATE UNIQUE INDEX u ON t (b COLLATE NOCASE)",
    "replacing by declaration": "CREATE TABLE t (a INTEGER PRIMARY KEY, b UNIQUE ON CONFLICT REPLACE, v)",
    "generated columns": "CREATE TABLE t (a INTEGER PRIMARY KEY, b, v, g AS (v || 'x'), h AS (b + 1) STORED UNIQUE)",
    "a trigger of the user's that updates": f"CREATE TABLE t (a INTEGER PRIMARY KEY, b UNIQUE, v); {TOUCH}",
    "a trigger of the user's that updates before": f"CREATE TABLE t (a INTEGER PRIMARY KEY, b UNIQUE, v); {AGE}",
    "columns with our names": "CREATE TABLE t (n INTEGER PRIMARY KEY, P UNIQUE, o0); CREATE UNIQUE INDEX u ON t (lower(o0))",
}
COLUMNS = {name: ("n", "P", "o0") if "(n " in ddl else ("a", "b", "v") for name, ddl in SCHEMAS.items()}

CONFLICT = st.sampled_from(["", "OR REPLACE", "OR REPLACE", "OR IGNORE", "OR FAIL", "OR ABORT", "OR ROLLBACK"])
VALUE = st.sampled_from(["1", "2", "3", "'a'", "'A'", "'b'", "NULL", "1.0", "2.5", "x'61'", "'1'", "''"])


@st.composite
def statements(draw: Any, schemas: Sequence[str] = sorted(SCHEMAS)) -> tuple[str, list[str]]:
    """A schema and what is done to its table."""
    name = draw(st.sampled_from(schemas))
    columns = COLUMNS[name]
    column = st.sampled_from(columns)
    row = st.tuples(*[VALUE] * 3).map(lambda values: f"({', '.join(values)})")
    names = ", ".join(columns)
    some = st.lists(row, min_size=1, max_size=3).map(", ".join)
    insert = st.builds(lambda how, rows: f"INSERT {how} INTO t ({names}) VALUES {rows}", CONFLICT, some)
    upsert = st.builds(
        lambda rows, value: f"INSERT INTO t ({names}) VALUES {rows} ON CONFLICT DO UPDATE SET {columns[2]} = {value}", some, VALUE
    )
    where = st.one_of(st.just(""), st.builds(lambda name, value: f" WHERE {name} = {value}", column, VALUE))
    update = st.builds(lambda how, name, value, which: f"UPDATE {how} t SET {name} = {value}{which}", CONFLICT, column, VALUE, where)
    delete = where.map(lambda which: f"DELETE FROM t{which}")
    block = st.sampled_from(["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT s", "ROLLBACK TO s", "RELEASE s"])
    return name, draw(st.lists(st.one_of(insert, insert, insert, upsert, update, update, delete, block), max_size=25))


@dataclass
class Replica:
    """The table as the records tell it."""

    rows: dict[str, Any]

    def take(self, record: dict[str, Any]) -> None:
        """Apply one record; its name and its old image must fit what is there."""
        body = record["dynamodb"]
        key = json.dumps(body["Keys"])
        assert self.rows.get(key) == body.get("OldImage"), record
        assert (
            record["eventName"]
            == {(False, True): "INSERT", (True, True): "MODIFY", (True, False): "REMOVE"}["OldImage" in body, "NewImage" in body]
        )
        assert body.get("OldImage") != body.get("NewImage")
        self.rows.pop(key, None)
        if "NewImage" in body:
            self.rows[key] = body["NewImage"]


def run(connection: apsw.Connection, sql: str) -> None:
    """Run a statement; that SQLite refuses it is part of the game."""
    try:
        connection.execute(sql).fetchall()
    except (apsw.ConstraintError, apsw.MismatchError):
        pass
    except apsw.SQLError as error:
        assert any(told in str(error) for told in ("transaction", "savepoint")), error  # noqa: PT017  refused for its place


def everything(connection: apsw.Connection, key: tuple[str, ...]) -> dict[str, Any]:
    names = [name for (name,) in connection.execute("SELECT name FROM pragma_table_xinfo('t')")]
    found = {}
    for values in connection.execute("SELECT * FROM t"):
        image = typed(dict(zip(names, values, strict=True)))[0]
        found[json.dumps({name: image[name] for name in key})] = image
    return found


@settings(max_examples=200, deadline=None)
@given(statements(), st.booleans(), st.sampled_from([1, 2, 100]))
@example(("partial index", ["INSERT INTO t (a, b, v) VALUES (1, 'a', 2), (2, 'a', 0)", "UPDATE OR REPLACE t SET v = 'A'"]), False, 100)
@example(
    ("integer key, unique text", ["INSERT INTO t VALUES (1, 'a', 2), (2, 'b', 0)", "UPDATE OR REPLACE t SET a = 2 WHERE a = 1"]), False, 1
)
@example(
    ("a trigger of the user's that updates", ["INSERT INTO t VALUES (1, 1, 1)", "INSERT OR FAIL INTO t VALUES (2, 2, 1), (1, 1, 1)"]),
    False,
    1,
)
def test_replaying_the_records_gives_the_table(done: tuple[str, list[str]], recursive: bool, most: int) -> None:
    name, sql = done
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "x.db")
        connection = apsw.Connection(str(path))
        connection.execute(
            f"PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; PRAGMA recursive_triggers={recursive}; {SCHEMAS[name]}"
        ).fetchall()
        feed = table(path, "feed", table="t")
        install(connection, feed)
        for statement in sql:
            run(connection, statement)
        if connection.in_transaction:
            run(connection, "COMMIT")
        outbox = Outbox(feed, region="r", account="1")
        replica = told(outbox, most)
        key = read_schema(connection, feed).key
        assert replica.rows == everything(connection, key)
        leftovers = connection.execute("SELECT count(*) FROM _router_replaced_t").fetchall()[0][0]
        assert leftovers <= LEFTOVERS + 12
        outbox.close()
        connection.close()


def told(outbox: Outbox, most: int) -> Replica:
    """What all records tell."""
    replica, cursor = Replica({}), Cursor("", 0, 0)
    while (batch := outbox.read(cursor, most)).items:
        for record in (json.loads(item.encoded or b"") for item in batch.items):
            replica.take(record)
        cursor = batch.last
    return replica


def read_back(path: Path) -> Path:
    """A database dumped and read into another file, as `sqlite3 A .dump | sqlite3 B` does."""
    former = sqlite3.connect(path)
    script = "".join(former.iterdump())
    former.close()
    fresh = sqlite3.connect(path.with_suffix(".back"))
    fresh.executescript(script)
    fresh.close()
    return path.with_suffix(".back")


UPSERT = "INSERT INTO t (a, b, v) VALUES ('b', 2, 1) ON CONFLICT DO UPDATE SET v = 2"
TWO = ["INSERT INTO t (a, b, v) VALUES ('a', 1, 1), ('b', 2, 1)", "DELETE FROM t WHERE a = 'a'", UPSERT]


@settings(max_examples=100, deadline=None)
@given(statements(["text key with a rowid"]), statements(["text key with a rowid"]))
@example(("text key with a rowid", TWO), ("text key with a rowid", ["INSERT INTO t (a, b, v) VALUES ('c', 3, 1)"]))
@example(("text key with a rowid", TWO), ("text key with a rowid", ["INSERT OR REPLACE INTO t (a, b, v) VALUES ('b', 3, 1)"]))
@example(
    ("text key with a rowid", TWO), ("text key with a rowid", ["UPDATE t SET a = 'x', b = 5", "INSERT INTO t (a, b, v) VALUES ('c', 3, 1)"])
)
@example(("text key with a rowid", TWO), ("text key with a rowid", ["DELETE FROM t", "INSERT INTO t (a, b, v) VALUES ('c', 3, 1)"]))
def test_a_dump_that_is_read_back_goes_on_where_it_was(before: tuple[str, list[str]], after: tuple[str, list[str]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "x.db")
        connection = apsw.Connection(str(path))
        connection.execute(f"PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; {SCHEMAS[before[0]]}").fetchall()
        install(connection, table(path, "feed", table="t"))
        for statement in before[1]:
            run(connection, statement)
        connection.close()
        path = read_back(path)
        feed, connection = table(path, "feed", table="t"), apsw.Connection(str(path))
        for statement in after[1]:
            run(connection, statement)
        if connection.in_transaction:
            run(connection, "COMMIT")
        outbox = Outbox(feed, region="r", account="1")
        assert told(outbox, 100).rows == everything(connection, read_schema(connection, feed).key)
        outbox.close()
        connection.close()


STATEMENTS = {
    "insert": "INSERT INTO t (a, b, v) VALUES (7, 7, 0)",
    "upsert": "INSERT INTO t (a, b, v) VALUES (7, 7, 0) ON CONFLICT DO UPDATE SET v = 1",
    "replace": "INSERT OR REPLACE INTO t (a, b, v) VALUES (7, 8, 0)",
    "update": "UPDATE OR REPLACE t SET b = 7 WHERE a = 8",
    "delete": "DELETE FROM t WHERE a = 7",
}
LOOKED_UP = (
    *("integer key, unique text", "text key with a rowid", "two columns, no rowid", "caseless key, no rowid"),
    *("index with its own collation", "replacing by declaration", "partial index", "index of an expression"),
)


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("name", LOOKED_UP)
def test_no_statement_reads_the_whole_table(name: str, statement: str) -> None:
    """The work that a statement takes, in instructions of SQLite's machine: it does not grow with the table."""
    taken = []
    for rows in (100, 3000):
        connection = apsw.Connection(":memory:")
        connection.execute(SCHEMAS[name]).fetchall()
        connection.executemany("INSERT INTO t (a, b, v) VALUES (?1, ?1, 0)", [(number,) for number in range(10, rows)])
        connection.execute("INSERT INTO t (a, b, v) VALUES (8, 8, 0)").fetchall()
        install(connection, table(Path("x"), "feed", table="t"))
        if statement != "insert":
            connection.execute("INSERT INTO t (a, b, v) VALUES (7, 7, 0)").fetchall()
        steps = [0]

        def count(steps: list[int] = steps) -> bool:
            steps[0] += 1
            return False

        connection.set_progress_handler(count, 10)
        connection.execute(STATEMENTS[statement]).fetchall()
        taken.append(steps[0])
        connection.close()
    assert taken[1] < 2 * taken[0] + 10, taken


ODD = ['x"; DROP TABLE t; --', "sel'ect", "a b", "ta\nble", "ünïcödé", "order", "[x]", "`", "%", "?1"]


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("engine", ["apsw", "sqlite3"])
def test_any_identifier_is_only_a_name(name: str, engine: str) -> None:
    own = apsw.Connection(":memory:")
    connection: Any = own if engine == "apsw" else sqlite3.connect(":memory:", isolation_level=None)
    ddl = f"CREATE TABLE {quoted(name)} ({quoted(name)} INTEGER PRIMARY KEY, {quoted(name + '2')} UNIQUE)"
    own.execute(ddl).fetchall()
    if engine == "sqlite3":
        connection.execute(ddl)
    schema = read_schema(own, table(Path("x"), "feed", table=name))
    for statement in install_statements(schema, ()):
        connection.execute(statement).fetchall()
    connection.execute(f"INSERT INTO {quoted(name)} VALUES (1, 'x')").fetchall()
    connection.execute(f"INSERT OR REPLACE INTO {quoted(name)} VALUES (2, 'x')").fetchall()
    outbox = quoted(Names.of(name).outbox)
    assert connection.execute(f"SELECT op, o0, o1, n0, n1 FROM {outbox}").fetchall() == [
        ("I", None, None, 1, "x"),
        ("D", 1, "x", None, None),
        ("I", None, None, 2, "x"),
    ]
    for statement in uninstall_statements(name):
        connection.execute(statement).fetchall()
    left = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE '%router%'").fetchall()
    assert left == []
    own.close()
    connection.close()


def outbox_of(*sql: str, key: tuple[str, ...] = (), ddl: str = "CREATE TABLE t (a INTEGER PRIMARY KEY, b UNIQUE, v)") -> list[str]:
    """The operations that these statements left in the outbox."""
    connection = apsw.Connection(":memory:")
    connection.execute(ddl).fetchall()
    install(connection, table(Path("x"), "feed", table="t", key=key))
    for statement in sql:
        run(connection, statement)
    found = connection.execute("SELECT op, o0, n0 FROM _router_feed_t ORDER BY seq").fetchall()
    connection.close()
    return [op + ">".join(str(value) for value in values if value is not None) for op, *values in found]


def test_a_replaced_row_of_the_same_key_is_an_update() -> None:
    assert outbox_of("INSERT INTO t VALUES (1, 1, 1)", "REPLACE INTO t VALUES (1, 1, 2)") == ["I1", "U1>1"]


def test_a_replace_that_changes_nothing_makes_no_record() -> None:
    assert outbox_of("INSERT INTO t VALUES (1, 1, 1)", "REPLACE INTO t VALUES (1, 1, 1)") == ["I1"]


def test_a_replace_may_take_several_rows_with_it() -> None:
    assert outbox_of("INSERT INTO t VALUES (1, 1, 1), (2, 2, 2)", "REPLACE INTO t VALUES (1, 2, 3)") == ["I1", "I2", "D2", "U1>1"]


def test_an_ignored_insert_leaves_nothing_that_a_later_delete_would_tell_twice() -> None:
    assert outbox_of(
        "INSERT INTO t VALUES (1, 1, 1)", "INSERT OR IGNORE INTO t VALUES (1, 5, 5)", "DELETE FROM t", "INSERT INTO t VALUES (3, 3, 3)"
    ) == ["I1", "D1", "I3"]


def test_an_upsert_is_an_update() -> None:
    assert outbox_of("INSERT INTO t VALUES (1, 1, 1)", "INSERT INTO t VALUES (1, 1, 9) ON CONFLICT DO UPDATE SET v = 9") == ["I1", "U1>1"]


def test_a_change_only_of_case_is_a_change() -> None:
    ddl = "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT COLLATE NOCASE)"
    assert outbox_of("INSERT INTO t VALUES (1, 'x')", "UPDATE t SET b = 'X'", "UPDATE t SET b = 'X'", ddl=ddl) == ["I1", "U1>1"]


def test_null_is_a_value_to_change_from_and_to() -> None:
    assert outbox_of("INSERT INTO t VALUES (1, 1, NULL)", "UPDATE t SET v = 1", "UPDATE t SET v = NULL", "UPDATE t SET v = NULL") == [
        "I1",
        "U1>1",
        "U1>1",
    ]


def test_a_table_without_any_key_is_told_apart_by_its_rowid() -> None:
    ddl = "CREATE TABLE t (a, v)"
    done = (
        "INSERT INTO t (rowid, a, v) VALUES (5, 'x', 1)",
        "REPLACE INTO t (rowid, a, v) VALUES (5, 'x', 2)",
        "REPLACE INTO t (rowid, a, v) VALUES (5, 'y', 2)",
    )
    assert outbox_of(*done, key=("a",), ddl=ddl) == ["Ix", "Ux>x", "Dx", "Iy"]


def test_cascades_of_foreign_keys_are_seen() -> None:
    ddl = "PRAGMA foreign_keys=ON; CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE t (a INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE)"
    assert outbox_of("INSERT INTO p VALUES (1)", "INSERT INTO t VALUES (7, 1)", "DELETE FROM p", ddl=ddl) == ["I7", "D7"]


def test_values_are_kept_as_they_are() -> None:
    values = [None, 0, -1, 2**63 - 1, 1.5, 1e300, -0.0, "", "a\0b", "é", b"", b"\0\xff"]
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, v)").fetchall()
    install(connection, table(Path("x"), "feed", table="t"))
    connection.executemany("INSERT INTO t (v) VALUES (?)", [(value,) for value in values]).fetchall()
    found = [value for (value,) in connection.execute("SELECT n1 FROM _router_feed_t ORDER BY seq")]
    assert list(map(repr, found)) == list(map(repr, values))
    connection.close()


def test_a_wide_table_has_triggers_that_sqlite_takes() -> None:
    connection = apsw.Connection(":memory:")
    columns = ", ".join(f"c{i}" for i in range(900))
    connection.execute(f"CREATE TABLE t ({columns}, PRIMARY KEY (c0))").fetchall()
    install(connection, table(Path("x"), "feed", table="t"))
    connection.execute("INSERT INTO t (c0, c899) VALUES (1, 1); REPLACE INTO t (c0, c899) VALUES (1, 2); UPDATE t SET c899 = 3").fetchall()
    assert connection.execute("SELECT op, o899, n899 FROM _router_feed_t").fetchall() == [("I", None, 1), ("U", 1, 2), ("U", 2, 3)]
    connection.close()


def test_numbers_are_not_used_again_after_the_outbox_was_emptied() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)").fetchall()
    install(connection, table(Path("x"), "feed", table="t"))
    connection.execute("INSERT INTO t VALUES (1), (2); DELETE FROM _router_feed_t; INSERT INTO t VALUES (3)").fetchall()
    assert connection.execute("SELECT seq FROM _router_feed_t").fetchall() == [(3,)]
    connection.close()


def test_no_two_tables_share_a_name() -> None:
    made = [
        name for table in ("t", "insert_t", "before_insert_t", "feed_t") for name in (*Names.of(table).triggers, Names.of(table).outbox)
    ]
    assert len(set(made)) == len(made)


def test_the_triggers_are_made_in_the_order_in_which_they_are_named() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)").fetchall()
    assert tuple(triggers(read_schema(connection, table(Path("x"), "feed", table="t")))) == Names.of("t").triggers
    connection.close()
