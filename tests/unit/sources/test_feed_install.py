"""What is put into a user's database, what is refused, and what is noticed about it afterwards."""

import sqlite3
from pathlib import Path
from typing import Any

import apsw
import pytest

from router.config.types import Table
from router.sources import feed_sql
from router.sources.feed_install import inspect, install, install_sql, uninstall_sql
from router.sources.feed_schema import FeedFault, index_terms, read_schema
from tests.unit.sources.feed_rig import table


def opened(ddl: str) -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    connection.execute(ddl).fetchall()
    return connection


def feed(**keys: Any) -> Table:
    return table(Path("shop.db"), "orders", **{"install": "manual"} | keys)


ORDERS = "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT)"


@pytest.mark.parametrize(
    ("ddl", "keys", "told"),
    [
        ("CREATE TABLE orderz (id INTEGER PRIMARY KEY)", {}, "shop.db has no table orders, did you mean orderz?"),
        ("CREATE TABLE x (id INTEGER PRIMARY KEY)", {}, "shop.db has no table orders; the feed starts when it is made"),
        ("CREATE VIEW orders AS SELECT 1 AS id", {}, "orders in shop.db is a view: no trigger can watch it"),
        ("CREATE VIRTUAL TABLE orders USING fts5(a)", {}, "is a virtual: no trigger can watch it"),
        (
            "CREATE TABLE orders (id, item)",
            {},
            "table orders has no primary key: name the columns that tell its rows apart under tables.orders.key",
        ),
        ("CREATE TABLE orders (id, item)", {"key": ("itme",)}, "tables.orders.key: table orders has no column itme, did you mean item?"),
        ("CREATE TABLE orders (id, item)", {"key": ("xyzzy",)}, "has no column xyzzy; it has id, item"),
        ("CREATE TABLE orders (rowid, oid, _rowid_ PRIMARY KEY)", {}, "so its rows cannot be told apart: rename one of them"),
        (
            f"CREATE TABLE orders (id PRIMARY KEY, {', '.join(f'c{i}' for i in range(900))})",
            {},
            "has 901 columns; a change feed takes 900 at most",
        ),
        (
            "CREATE TABLE x (a INTEGER PRIMARY KEY AUTOINCREMENT)",
            {"table": "sqlite_sequence"},
            "is a table of SQLite itself: no trigger can watch it",
        ),
    ],
)
def test_what_cannot_be_watched_is_refused_in_one_sentence(ddl: str, keys: dict[str, Any], told: str) -> None:
    connection = opened(ddl)
    with pytest.raises(FeedFault) as refused:
        install(connection, feed(**keys))
    assert told in str(refused.value)
    assert not connection.in_transaction
    assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%router%'").fetchall() == [(0,)]
    connection.close()


@pytest.mark.parametrize(
    ("ddl", "key", "identity"),
    [
        (ORDERS, ("id",), ("rowid",)),
        ("CREATE TABLE orders (a, b, c, PRIMARY KEY (c, a))", ("c", "a"), ("rowid",)),
        ("CREATE TABLE orders (a, b, c, PRIMARY KEY (c, a)) WITHOUT ROWID", ("c", "a"), ("c", "a")),
        ("CREATE TABLE orders (rowid PRIMARY KEY, oid)", ("rowid",), ("_rowid_",)),
        ("CREATE TABLE orders (rowid INTEGER PRIMARY KEY, oid, _rowid_)", ("rowid",), ("rowid",)),
        ("CREATE TABLE Orders (ID INTEGER PRIMARY KEY)", ("ID",), ("rowid",)),
    ],
)
def test_the_primary_key_is_the_key(ddl: str, key: tuple[str, ...], identity: tuple[str, ...]) -> None:
    connection = opened(ddl)
    schema = read_schema(connection, feed())
    assert (schema.key, schema.identity) == (key, identity)
    connection.close()


def test_a_configured_key_is_spelled_as_in_the_database() -> None:
    connection = opened("CREATE TABLE orders (Id, Item)")
    assert read_schema(connection, feed(key=("ITEM", "id", "item"))).key == ("Item", "Id")
    connection.close()


@pytest.mark.parametrize(
    ("sql", "terms"),
    [
        ("CREATE UNIQUE INDEX u ON t (a, b DESC)", ["a", "b"]),
        (
            "CREATE UNIQUE INDEX u ON t(lower(a) asc, b || ',)', (a, b) IN (SELECT 1, 2))",
            ["lower(a)", "b || ',)'", "(a, b) IN (SELECT 1, 2)"],
        ),
        ("CREATE INDEX \"u(,\" ON [t(] (a /* ( */ , `b``,` -- )\n, 'it''s')", ["a /* ( */", "`b``,` -- )", "'it''s'"]),
        ("CREATE INDEX u ON t (desc)", ["desc"]),
        ("CREATE INDEX u ON t (lower(a)) WHERE b IN (1, 2)", ["lower(a)"]),
    ],
)
def test_the_terms_of_an_index(sql: str, terms: list[str]) -> None:
    assert index_terms(sql)[0] == terms


@pytest.mark.parametrize(
    ("index", "over"),
    [
        ("ON o (b) WHERE v > 1", "( v > 1\n)"),
        ("ON o (lower(b)) where v > 1 -- and so on", "( v > 1 -- and so on\n)"),
        ("ON o (b) WHERE o.v > 1", ""),  # in a trigger the row goes by another name
        ("ON o (b) /* few */ WHERE v > 1", ""),
        ("ON o (b)", ""),
    ],
)
def test_what_a_partial_index_is_over_serves_to_look_rows_up(index: str, over: str) -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(f"CREATE TABLE o (a INTEGER PRIMARY KEY, b, v); CREATE UNIQUE INDEX u {index}").fetchall()
    watched = table(Path("x"), "feed", table="o")
    assert read_schema(connection, watched).uniques[1].over == over
    connection.execute("CREATE TRIGGER later AFTER INSERT ON o BEGIN SELECT 1; END").fetchall()
    assert read_schema(connection, watched).uniques[1].over == over
    connection.execute("CREATE TRIGGER sooner INSERT ON o BEGIN UPDATE o SET v = 2 WHERE b = NEW.b; END").fetchall()
    assert read_schema(connection, watched).uniques[1].over == ""


def test_an_installation_is_up_to_date_until_the_table_changes() -> None:
    connection = opened(ORDERS)
    before = inspect(connection, feed())
    assert "are not installed in shop.db: run `router feeds install orders`" in str(before.complaint)
    assert (before.mendable, before.stream) == (True, "")
    install(connection, feed())
    found = inspect(connection, feed())
    assert (found.complaint, found.mendable) == (None, False)
    assert len(found.stream) == 32
    (layout,) = found.layouts.values()
    assert (layout.columns, layout.key) == (("id", "item"), ("id",))
    connection.close()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("ALTER TABLE orders ADD COLUMN size", "has changed since its triggers were made"),
        ("ALTER TABLE orders RENAME COLUMN item TO goods", "has changed since its triggers were made"),
        ("CREATE UNIQUE INDEX u ON orders (item)", "has changed since its triggers were made"),
        ("DROP TRIGGER _router_delete_orders", "has changed since its triggers were made"),
        ("CREATE TRIGGER mine AFTER INSERT ON orders BEGIN SELECT 1; END", "trigger mine on table orders was made after the feed's"),
        ("DROP TABLE _router_feed_orders", "the outbox of table orders is missing"),
        ("DROP TABLE orders; CREATE TABLE orders (id INTEGER PRIMARY KEY)", "are not installed"),
    ],
)
def test_a_change_is_noticed_and_mended_and_the_stream_goes_on(change: str, told: str) -> None:
    connection = opened(ORDERS)
    install(connection, feed())
    stream = inspect(connection, feed()).stream
    connection.execute(change).fetchall()
    found = inspect(connection, feed())
    assert told in str(found.complaint)
    assert found.mendable
    install(connection, feed())
    found = inspect(connection, feed())
    assert found.complaint is None
    assert found.stream == stream
    connection.execute("INSERT INTO orders (id) VALUES (1)").fetchall()
    assert connection.execute("SELECT op, n0 FROM _router_feed_orders").fetchall() == [("I", 1)]
    connection.close()


def test_images_noted_before_a_change_keep_their_layout() -> None:
    connection = opened(ORDERS)
    install(connection, feed())
    connection.execute("INSERT INTO orders VALUES (1, 'tea')").fetchall()
    connection.execute("ALTER TABLE orders RENAME COLUMN item TO goods; ALTER TABLE orders ADD COLUMN size").fetchall()
    install(connection, feed())
    connection.execute("UPDATE orders SET size = 5").fetchall()
    layouts = inspect(connection, feed()).layouts
    used = [layouts[number].columns for (number,) in connection.execute("SELECT layout FROM _router_feed_orders ORDER BY seq")]
    assert used == [("id", "item"), ("id", "goods", "size")]
    connection.close()


def test_a_database_of_a_newer_version_is_refused() -> None:
    connection = opened(ORDERS)
    install(connection, feed())
    connection.execute("UPDATE _router_layout_orders SET version = version + 1").fetchall()
    with pytest.raises(FeedFault, match="was installed by a newer version"):
        inspect(connection, feed())
    connection.close()


def test_installing_is_all_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = opened(ORDERS)
    made = feed_sql.install_statements

    def broken(*args: Any) -> list[str]:
        return [*made(*args), "SELECT nonsense"]

    monkeypatch.setattr(feed_sql, "install_statements", broken)
    with pytest.raises(apsw.SQLError):
        install(connection, feed())
    assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchall() == [(1,)]
    connection.close()


def test_the_printed_sql_does_the_same_in_another_engine(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as user:
        user.executescript('CREATE TABLE "o\nr;d" (id INTEGER PRIMARY KEY, item TEXT UNIQUE)')
    user.close()
    orders = table(path, "orders", table="o\nr;d", install="manual")
    text = install_sql(orders)
    again = install_sql(orders)
    assert text == again
    for _ in range(2):
        user = sqlite3.connect(path)
        user.executescript(text)
        user.close()
        connection = apsw.Connection(str(path))
        assert inspect(connection, orders).complaint is None
        connection.close()
    user = sqlite3.connect(path)
    user.executescript(uninstall_sql("o\nr;d"))
    assert user.execute("SELECT count(*) FROM sqlite_master WHERE name LIKE '%router%'").fetchall() == [(0,)]
    user.close()
    assert "-- To take it out again:" in text


def test_the_printed_sql_of_what_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FeedFault, match=r"shop\.db does not exist; the feed starts when it is made"):
        install_sql(table(tmp_path / "shop.db"))
    with pytest.raises(FeedFault, match="is a directory"):
        install_sql(table(tmp_path))
