"""The feed as a whole: rows changed by others become records, in order, each until its function took it."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import apsw
import pytest

from router.config.load import load
from router.config.types import Config, Function, Table
from router.errors import ConfigError, EnvironmentUnavailable, InvalidParameter, JournalError, SourceError, TooManyRequests
from router.events.filters import Filters
from router.model import Envelope, Outcome
from router.sources import feed_outbox
from router.sources.base import Binding, House
from router.sources.feed import FeedSource, TableTrigger
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock, settle
from tests.unit.sources.feed_rig import DONE, FAILED, Rig, copy, records, short, table, writer

ORDERS = "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, paid INTEGER)"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


# -- config


@pytest.fixture
def read(tmp_path: Path) -> Any:
    (tmp_path / "app.py").write_text("def handler(event, context): ...\n")

    def reader(trigger: str) -> Any:
        lines = ["version: 1", "tables: {orders: {sqlite: ./shop.db}}", "functions:", "  f: {code: ., handler: app.handler, triggers: ["]
        (tmp_path / "config.yaml").write_text("\n".join([*lines, f"    {{table: {trigger}}}]}}"]))
        (found,) = load(tmp_path / "config.yaml", {"table": TableTrigger}).functions["f"].triggers
        return found

    return reader


def problem(read: Any, trigger: str) -> str:
    with pytest.raises(ConfigError) as refused:
        read(trigger)
    return str(refused.value)


def test_the_string_form_is_the_tables_name(read: Any, tmp_path: Path) -> None:
    found = read("orders")
    assert found == TableTrigger(Table("orders", tmp_path / "shop.db", "orders"), 100, 0.0, "TRIM_HORIZON")
    assert found.claim == ""


def test_every_key_of_the_trigger(read: Any) -> None:
    found = read("{name: orders, batch_size: 10000, batch_window: 5m, starting_position: LATEST}")
    assert (found.batch_size, found.batch_window, found.starting_position) == (10_000, 300.0, "LATEST")


def test_filters_of_the_trigger(read: Any) -> None:
    one, several = (
        read("{name: orders, filter: {eventName: [INSERT]}}"),
        read("{name: orders, filter: [{eventName: [INSERT]}, {eventName: [REMOVE]}]}"),
    )
    assert [found.filters.passes({"eventName": "REMOVE"}) for found in (one, several)] == [False, True]


@pytest.mark.parametrize(
    ("trigger", "told"),
    [
        ("ordres", "no table has the name ordres, did you mean orders?"),
        ("{name: orders, batch_size: 0}", "outside 1 to 10000"),
        ("{name: orders, batch_window: 301}", "outside 0 to 300"),
        ("{name: orders, starting_position: SOMEWHERE}", "one of TRIM_HORIZON, LATEST, AT_TIMESTAMP"),
        ("{name: orders, starting_position: AT_TIMESTAMP}", "AT_TIMESTAMP needs one"),
        ("{name: orders, starting_position: AT_TIMESTAMP, starting_position_timestamp: soon}", "a time with its zone"),
        ("{name: orders, starting_position: AT_TIMESTAMP, starting_position_timestamp: 2026-01-01T00:00:00}", "a time with its zone"),
        ("{name: orders, starting_position_timestamp: 2026-01-01T00:00:00Z}", "only used with starting_position: AT_TIMESTAMP"),
        ("{name: orders, maximum_record_age: 59}", "outside 60 s to 7 d"),
        ("{name: orders, maximum_retry_attempts: 10001}", "outside -1 to 10000"),
        ("{name: orders, parallelization_factor: 11}", "outside 1 to 10"),
        ("{name: orders, on_failure: {queue: nowhere}}", "no queue has the name nowhere"),
        ("{name: orders, tumbling_window: 901}", "outside 0 to 900 s"),
        ("{name: orders, tumbling_window: 30, parallelization_factor: 2}", "write parallelization_factor: 1"),
        ("{name: orders, filter: []}", "write 1 to 10 patterns"),
        ("{name: orders, filter: {eventName: INSERT}}", 'Reason: "eventName" must be an object or an array'),
        ("{name: orders, batch_sice: 1}", "did you mean batch_size?"),
        ("{batch_size: 1}", "is required"),
    ],
)
def test_what_cannot_be_served_is_refused(read: Any, trigger: str, told: str) -> None:
    assert told in problem(read, trigger)


def test_a_function_reads_a_table_once(tmp_path: Path) -> None:
    function = Function("f", Path(), "app.handler")
    binding = Binding(function, TableTrigger(table(tmp_path / "x.db")), 0)
    house = House(Config(tmp_path / "config.yaml", tmp_path), VirtualClock(), None, Metrics())  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"functions\.f\.triggers: two triggers read table orders"):
        FeedSource.build([binding, binding], house)


def test_a_table_has_one_name(tmp_path: Path) -> None:
    function = Function("f", Path(), "app.handler")
    feeds = [table(tmp_path / "x.db"), table(tmp_path / "." / "x.db", "others", table="ORDERS", key=("item",))]
    house = House(Config(tmp_path / "config.yaml", tmp_path), VirtualClock(), None, Metrics())  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"tables\.others: is the same table as tables\.orders"):
        FeedSource.build([Binding(function, TableTrigger(feed), i) for i, feed in enumerate(feeds)], house)


def test_one_source_a_table(tmp_path: Path) -> None:
    function, other = Function("f", Path(), "app.handler"), Function("g", Path(), "app.handler")
    triggers = [TableTrigger(table(tmp_path / "x.db")), TableTrigger(table(tmp_path / "x.db", "users"))]
    house = House(Config(tmp_path / "config.yaml", tmp_path), VirtualClock(), None, Metrics())  # type: ignore[arg-type]
    bindings = [Binding(function, triggers[0], 0), Binding(other, triggers[0], 0), Binding(function, triggers[1], 1)]
    assert [source.name for source in FeedSource.build(bindings, house)] == ["table:orders", "table:users"]


# -- delivery


async def test_changes_of_another_connection_arrive_in_order(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    async with Rig(tmp_path, table(shop)) as rig:
        await rig.caught_up()
        user.execute("INSERT INTO orders VALUES (1, 'tea', NULL)")
        user.execute("UPDATE orders SET paid = 1")
        user.execute("DELETE FROM orders")
        got = await rig.got(3)
        assert [short(record) for record in got] == ["I1", "M1", "R1"]
        assert got[1]["dynamodb"]["OldImage"] == {"id": {"N": "1"}, "item": {"S": "tea"}, "paid": {"NULL": True}}
        assert got[1]["dynamodb"]["NewImage"]["paid"] == {"N": "1"}
        assert got[1]["eventSourceARN"].startswith("arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/")
        numbers = [record["dynamodb"]["SequenceNumber"] for record in got]
        assert numbers == sorted(set(numbers))
        assert {(envelope.function, envelope.source) for envelope in rig.outlet.invoked} == {("f", "table:orders")}
    user.close()


async def test_rolled_back_changes_and_changes_of_nothing_make_no_record(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    async with Rig(tmp_path, table(shop)) as rig:
        await rig.caught_up()
        user.execute("BEGIN; INSERT INTO orders VALUES (1, 'tea', 0); ROLLBACK")
        user.execute("INSERT INTO orders VALUES (2, 'tea', 0)")
        user.execute("UPDATE orders SET item = 'tea'")
        user.execute("INSERT OR REPLACE INTO orders VALUES (2, 'tea', 0)")
        user.execute("INSERT INTO orders VALUES (3, 'milk', 0)")
        assert [short(record) for record in await rig.got(2)] == ["I2", "I3"]
    user.close()


async def test_batches_hold_no_more_than_they_may(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    async with Rig(tmp_path, table(shop), batch_size=40) as rig:
        await rig.caught_up()
        user.execute("BEGIN")
        user.executemany("INSERT INTO orders VALUES (?, 'tea', 0)", [(i,) for i in range(100)])
        user.execute("COMMIT")
        got = await rig.got(100)
        assert [short(record) for record in got] == [f"I{i}" for i in range(100)]
        assert [len(json.loads(envelope.payload)["Records"]) for envelope in rig.outlet.invoked] == [40, 40, 20]
    user.close()


async def test_ten_thousand_rows_of_one_transaction(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    async with Rig(tmp_path, table(shop), batch_size=10_000) as rig:
        await rig.caught_up()
        user.execute("BEGIN")
        user.executemany("INSERT INTO orders VALUES (?, 'tea', 0)", [(i,) for i in range(10_000)])
        user.execute("COMMIT")
        assert [short(record) for record in await rig.got(10_000)] == [f"I{i}" for i in range(10_000)]
        assert all(len(envelope.payload) <= 6 * 1024 * 1024 for envelope in rig.outlet.invoked)
    user.close()


async def test_a_filter_lets_through_what_it_matches_and_the_cursor_passes_the_rest(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    wanted = Filters.of(
        [{"eventName": ["INSERT"], "dynamodb": {"NewImage": {"item": {"S": [{"prefix": "a"}]}}}}, {"eventName": ["REMOVE"]}]
    )
    async with Rig(tmp_path, table(shop), filters=wanted, batch_size=10) as rig:
        await rig.caught_up()
        for number in range(1, 40):
            user.execute("INSERT INTO orders (id, item) VALUES (?, ?)", (number, "apple" if number % 4 == 0 else "pear"))
        user.execute("DELETE FROM orders WHERE id = 7")
        user.execute("UPDATE orders SET item = 'again'")
        got = await rig.got(10)
        await rig.caught_up()
        assert [short(record) for record in got] == [*(f"I{number}" for number in range(4, 40, 4)), "R7"]
        assert len(records(rig.outlet.invoked)) == 10
        await rig.restart("f")
        await rig.quiet()
        assert len(records(rig.outlet.invoked)) == 10, "what did not pass is done too"
    user.close()


async def test_a_failing_batch_is_tried_again_and_holds_up_the_rest(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    stuck = True

    async with Rig(tmp_path, table(shop), batch_size=1, answer=lambda _: FAILED if stuck else DONE) as rig:
        await rig.caught_up()
        user.execute("INSERT INTO orders VALUES (1, 'tea', 0); UPDATE orders SET paid = 1")
        await rig.drive(lambda: len(rig.outlet.invoked) >= 4)
        (row,) = await rig.source.rows()
        assert (row["lag"], row["cursor"]) == (2, 0)
        assert "no" in row["error"]
        stuck = False
        await rig.caught_up()
        *again, last = rig.outlet.invoked
        assert [short(record) for record in records([*again, last])] == ["I1"] * len(again) + ["M1"]
        assert len({envelope.payload for envelope in again}) == 1
        assert len({envelope.request_id for envelope in rig.outlet.invoked}) == len(again) + 1
        assert (await rig.source.rows())[0]["error"] is None
        assert f'router_feed_retries_total{{feed="orders",function="f"}} {len(again) - 1}' in rig.metrics.exposition()
    user.close()


async def test_a_throttle_is_not_a_failure(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    refusals = iter([TooManyRequests("ConcurrentInvocationLimitExceeded"), EnvironmentUnavailable("no processes left")])

    def answer(_: Envelope) -> Outcome:
        for refusal in refusals:
            raise refusal
        return DONE

    async with Rig(tmp_path, table(shop), answer=answer) as rig:
        await rig.caught_up()
        user.execute("INSERT INTO orders VALUES (1, 'tea', 0)")
        await rig.drive(lambda: len(rig.outlet.invoked) == 3)
        await rig.caught_up()
        assert "router_feed_retries_total{" not in rig.metrics.exposition()
        assert 'router_feed_records_total{feed="orders",function="f"} 1' in rig.metrics.exposition()
    user.close()


async def test_each_function_has_its_own_pace(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    stuck = True

    def answer(envelope: Envelope) -> Outcome:
        return FAILED if envelope.function == "slow" and stuck else DONE

    async with Rig(tmp_path, table(shop), functions=("slow", "quick"), batch_size=1, answer=answer) as rig:
        await rig.caught_up()
        user.execute("INSERT INTO orders VALUES (1, 'tea', 0), (2, 'milk', 0)")
        await rig.drive(lambda: len([e for e in rig.outlet.invoked if e.function == "quick"]) == 2)
        while (lags := {row["function"]: row["lag"] for row in await rig.source.rows()}) == {"slow": 2, "quick": 1}:
            await rig.clock.advance(0.2)
        assert lags == {"slow": 2, "quick": 0}
        assert 'router_feed_lag_records{feed="orders",function="slow"} 2' in rig.metrics.exposition()
        stuck = False
        await rig.caught_up()
        assert short(records(e for e in rig.outlet.invoked if e.function == "slow")[-1]) == "I2"
    user.close()


async def test_killed_between_invoke_and_cursor_the_same_records_come_again(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    async with Rig(tmp_path, table(shop)) as rig:
        await rig.caught_up()

        async def never(*_: Any) -> int:
            await asyncio.Event().wait()
            return 0

        rig.database.transact = never  # type: ignore[method-assign]
        user.execute("BEGIN; INSERT INTO orders VALUES (1, 'tea', 0); UPDATE orders SET id = 2; COMMIT")  # one batch, for no other follows
        first = await rig.got(3)
        await settle()
        await rig.kill()
    async with Rig(tmp_path, table(shop)) as rig:
        again = await rig.got(3)
        assert again == first
        assert [short(record) for record in again] == ["I1", "R1", "I2"]
        await rig.caught_up()
    async with Rig(tmp_path, table(shop)) as rig:
        await rig.caught_up()
        await rig.quiet()
        assert rig.outlet.invoked == []
    user.close()


async def test_a_store_that_takes_no_cursor_costs_no_second_invocation(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    async with Rig(tmp_path, table(shop)) as rig:
        await rig.caught_up()
        transact, refusals = rig.database.transact, iter([1, 2, 3])

        async def refuse(unit: Any) -> Any:
            if next(refusals, None):
                raise JournalError("disk full")
            return await transact(unit)

        rig.database.transact = refuse  # type: ignore[method-assign]
        user.execute("INSERT INTO orders VALUES (1, 'tea', 0)")
        await rig.got(1)
        await rig.caught_up()
        assert len(rig.outlet.invoked) == 1
        assert next(refusals, None) is None
    user.close()


async def test_a_window_gathers_what_comes_within_it(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    async with Rig(tmp_path, table(shop), batch_window=30.0, batch_size=3) as rig:
        await rig.caught_up()
        user.execute("INSERT INTO orders VALUES (1, 'tea', 0)")
        await rig.quiet(5)
        user.execute("INSERT INTO orders VALUES (2, 'tea', 0)")
        await rig.quiet(5)
        assert rig.outlet.invoked == []
        await rig.got(2)
        assert len(rig.outlet.invoked) == 1
        await rig.caught_up()
        started = rig.clock.monotonic()
        user.execute("INSERT INTO orders VALUES (3, 'tea', 0), (4, 'tea', 0), (5, 'tea', 0)")
        await rig.got(5)
        assert rig.clock.monotonic() - started < 20  # full: it does not wait for the window
    user.close()


async def test_a_soft_stop_finishes_the_batch_under_way(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    async with Rig(tmp_path, table(shop)) as rig:
        await rig.caught_up()
        inner, entered, leave = rig.outlet.invoke, asyncio.Event(), asyncio.Event()

        async def slow(envelope: Envelope) -> Outcome:
            entered.set()
            await leave.wait()
            return await inner(envelope)

        rig.outlet.invoke = slow  # type: ignore[method-assign]
        user.execute("INSERT INTO orders VALUES (1, 'tea', 0)")
        await rig.drive(entered.is_set)
        rig.stop.set()
        await settle()
        assert not rig.task.done()
        leave.set()
        await asyncio.wait_for(rig.task, 10)
        assert await rig.database.read("SELECT number FROM feed_cursors") == [(3,)]
    user.close()


# -- where to begin


async def test_a_new_function_gets_what_the_outbox_still_holds(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    async with Rig(tmp_path, table(shop)) as rig:
        await rig.caught_up()
        user.execute("INSERT INTO orders VALUES (1, 'tea', 0)")
        await rig.got(1)
        await rig.caught_up()
    async with Rig(tmp_path, table(shop), functions=("g",)) as rig:
        assert [short(record) for record in await rig.got(1)] == ["I1"]
    user.close()


async def test_latest_is_the_moment_of_the_first_start(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    async with Rig(tmp_path, table(shop)) as rig:
        await rig.caught_up()
        user.execute("INSERT INTO orders VALUES (1, 'tea', 0)")
        await rig.got(1)
    latest = {"functions": ("g",), "starting_position": "LATEST"}
    async with Rig(tmp_path, table(shop), **latest) as rig:
        await rig.caught_up()
    user.execute("INSERT INTO orders VALUES (2, 'tea', 0)")  # while nobody runs
    async with Rig(tmp_path, table(shop), **latest) as rig:
        assert [short(record) for record in await rig.got(1)] == ["I2"]
    user.close()


@pytest.mark.parametrize("position", ["LATEST", "TRIM_HORIZON"])
async def test_a_stream_that_begins_after_the_function_is_read_from_its_start(tmp_path: Path, shop: Path, position: str) -> None:
    user = writer(shop, ORDERS)
    async with Rig(tmp_path, table(shop, install="manual"), starting_position=position) as rig:
        await rig.drive(rig.known)
        assert "router feeds install orders" in rig.source.health()
        assert await rig.database.read("SELECT stream, number FROM feed_cursors") == [("", 0)]
        await rig.source.install()
        user.execute("INSERT INTO orders VALUES (1, 'tea', 0)")
        assert [short(record) for record in await rig.got(1)] == ["I1"]
        assert rig.source.health() == ""
    user.close()


# -- a database that is not as it should be


async def test_a_missing_file_and_then_a_missing_table_are_waited_for(tmp_path: Path, shop: Path) -> None:
    async with Rig(tmp_path, table(shop)) as rig:
        (row,) = await rig.source.rows()
        assert row["error"] == f"{shop} does not exist; the feed starts when it is made"
        assert (row["installed"], row["head"], row["lag"]) == (False, None, None)
        user = writer(shop)
        (row,) = await rig.source.rows()
        assert "has no table orders" in row["error"]
        assert rig.source.health() == ""  # to wait for it is what install: auto is for
        user.execute(ORDERS)
        await rig.caught_up()
        user.execute("INSERT INTO orders VALUES (1, 'tea', 0)")
        assert [short(record) for record in await rig.got(1)] == ["I1"]
        (row,) = await rig.source.rows()
        assert (row["installed"], row["head"], row["error"]) == (True, 1, None)
    user.close()


async def test_without_auto_a_missing_file_is_no_health(tmp_path: Path, shop: Path) -> None:
    async with Rig(tmp_path, table(shop, install="manual")) as rig:
        assert rig.source.health() == "the feed of table orders has not been read yet"
        await rig.drive(lambda: "does not exist" in rig.source.health())
        assert rig.source.health() == f"{shop} does not exist; the feed starts when it is made"


async def test_a_replaced_file_is_read_from_its_own_start(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS, wal=False)
    async with Rig(tmp_path, table(shop)) as rig:
        await rig.caught_up()
        user.execute("INSERT INTO orders VALUES (1, 'tea', 0)")
        await rig.got(1)
        await rig.caught_up()
        user.close()
        other = writer(tmp_path / "other.db", ORDERS, wal=False)
        (tmp_path / "other.db").replace(shop)
        await rig.caught_up()
        user = writer(shop, wal=False)
        user.execute("INSERT INTO orders VALUES (7, 'tea', 0)")
        assert [short(record) for record in await rig.got(2)] == ["I1", "I7"]
    other.close()
    user.close()


async def test_a_restored_backup_is_noticed_and_nothing_after_it_is_lost(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS, wal=False)
    async with Rig(tmp_path, table(shop)) as rig:
        await rig.caught_up()
        user.execute("INSERT INTO orders VALUES (1, 'tea', 0)")
        await rig.got(1)
        await rig.caught_up()
        backup = apsw.Connection(str(tmp_path / "backup.db"))
        copy(user.connection, backup)
        user.execute("INSERT INTO orders VALUES (2, 'tea', 0), (3, 'tea', 0)")
        before = await rig.got(3)
        await rig.caught_up()
        copy(backup, user.connection)
        user.execute("INSERT INTO orders VALUES (8, 'tea', 0), (9, 'tea', 0)")  # the same rows of the outbox as 2 and 3 had
        after = (await rig.got(6))[3:]
        assert [short(record) for record in after] == ["I1", "I8", "I9"]
        assert after[0] == before[0]
        assert {record["eventID"] for record in after[1:]}.isdisjoint(record["eventID"] for record in before)
        backup.close()
    user.close()


async def test_a_database_that_is_none_is_told_and_comes_back(tmp_path: Path, shop: Path) -> None:
    shop.write_bytes(b"no database at all" * 100)
    async with Rig(tmp_path, table(shop)) as rig:
        await rig.drive(lambda: "is not a SQLite database" in rig.source.health())
        shop.unlink()
        user = writer(shop, ORDERS)
        await rig.caught_up()
        assert rig.source.health() == ""
    user.close()


async def test_a_lock_that_lasts_is_told_and_a_short_one_is_not(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS, wal=False)
    async with Rig(tmp_path, table(shop)) as rig:
        await rig.caught_up()
        user.execute("BEGIN EXCLUSIVE")
        user.execute("INSERT INTO orders VALUES (1, 'tea', 0)")
        with pytest.raises(SourceError, match="locked by another process"):
            await rig.source.install()
        assert rig.source.health() == ""
        await rig.drive(lambda: "is locked by another process" in rig.source.health(), step=1.0)
        user.execute("COMMIT")
        assert [short(record) for record in await rig.got(1)] == ["I1"]
        assert rig.source.health() == ""
    user.close()


async def test_a_new_column_is_noted_from_then_on(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    async with Rig(tmp_path, table(shop)) as rig:
        await rig.caught_up()
        user.execute("INSERT INTO orders VALUES (1, 'tea', 0)")
        user.execute("ALTER TABLE orders ADD COLUMN size TEXT DEFAULT 'small'")
        await rig.got(1)
        await rig.caught_up()
        user.execute("UPDATE orders SET size = 'large'")
        got = await rig.got(2)
        assert "size" not in got[0]["dynamodb"]["NewImage"]
        assert got[1]["dynamodb"]["OldImage"]["size"] == {"S": "small"}
        assert got[1]["dynamodb"]["NewImage"]["size"] == {"S": "large"}
    user.close()


async def test_by_hand_a_new_column_is_told_and_the_rest_goes_on(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    async with Rig(tmp_path, table(shop, install="manual")) as rig:
        await rig.source.install()
        user.execute("ALTER TABLE orders ADD COLUMN size TEXT")
        user.execute("INSERT INTO orders VALUES (1, 'tea', 0, 'small')")
        assert [short(record) for record in await rig.got(1)] == ["I1"]
        assert "has changed since its triggers were made" in rig.source.health()
        (row,) = await rig.source.rows()
        assert row["installed"] is False
        await rig.source.install()
        assert rig.source.health() == ""
    user.close()


async def test_what_was_noted_before_the_table_was_dropped_is_delivered(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    async with Rig(tmp_path, table(shop)) as rig:
        await rig.caught_up()
    user.execute("INSERT INTO orders VALUES (1, 'tea', 0); DROP TABLE orders")
    async with Rig(tmp_path, table(shop)) as rig:
        assert [short(record) for record in await rig.got(1)] == ["I1"]
        assert "has no table orders" in rig.source.health()
        user.execute(ORDERS)
        user.execute("INSERT INTO orders VALUES (1, 'milk', 0)")
        await rig.drive(lambda: rig.source.health() == "")
        user.execute("INSERT INTO orders VALUES (2, 'milk', 0)")
        assert [short(record) for record in await rig.got(2)][1] == "I2"
    user.close()


# -- sizes


async def test_a_batch_is_cut_so_that_it_fits_an_invocation(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    async with Rig(tmp_path, table(shop)) as rig:
        await rig.caught_up()
        user.executemany("INSERT INTO orders VALUES (?, ?, 0)", [(i, "x" * 2_500_000) for i in range(5)])
        assert [short(record) for record in await rig.got(5)] == [f"I{i}" for i in range(5)]
        assert [len(json.loads(envelope.payload)["Records"]) for envelope in rig.outlet.invoked] == [2, 2, 1]
    user.close()


@pytest.mark.parametrize("size", [6 * 1024 * 1024, 13 * 1024 * 1024], ids=["does not fit", "is not even read"])
async def test_a_record_over_the_limit_is_skipped_and_told(tmp_path: Path, shop: Path, size: int) -> None:
    user = writer(shop, ORDERS)
    async with Rig(tmp_path, table(shop)) as rig:
        await rig.caught_up()
        user.execute("INSERT INTO orders VALUES (1, 'tea', 0), (2, ?, 0), (3, 'tea', 0)", ("x" * size,))
        assert [short(record) for record in await rig.got(2)] == ["I1", "I3"]
        await rig.caught_up()
        assert 'router_feed_records_skipped_total{feed="orders",function="f"} 1' in rig.metrics.exposition()
    user.close()


async def test_a_large_row_is_no_trouble_to_a_view_that_does_not_show_it(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    async with Rig(tmp_path, table(shop, view="KEYS_ONLY")) as rig:
        await rig.caught_up()
        user.execute("INSERT INTO orders VALUES (2, ?, 0)", (b"x" * 13 * 1024 * 1024,))
        (record,) = await rig.got(1)
        assert record["dynamodb"].keys() == {"ApproximateCreationDateTime", "Keys", "SequenceNumber", "SizeBytes", "StreamViewType"}
    user.close()


# -- the outbox stays small


async def test_done_changes_are_removed_after_a_day_and_undone_ones_never(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    stuck = True

    def answer(envelope: Envelope) -> Outcome:
        return FAILED if envelope.function == "slow" and stuck else DONE

    def rows() -> int:
        return int(user.execute("SELECT count(*) FROM _router_feed_orders")[0][0])

    async with Rig(tmp_path, table(shop), functions=("slow", "quick"), answer=answer) as rig:
        await rig.caught_up()
        user.executemany("INSERT INTO orders VALUES (?, 'tea', 0)", [(i,) for i in range(1200)])
        rig.clock.jump(user.execute("SELECT max(at) / 1000 FROM _router_feed_orders")[0][0] - rig.clock.now())
        await rig.drive(lambda: len(records(e for e in rig.outlet.invoked if e.function == "quick")) == 1200)
        rig.clock.jump(2 * 86400)
        await rig.quiet(130)
        assert rows() == 1200
        stuck = False
        await rig.caught_up()
        await rig.drive(lambda: rows() == 1, step=5.0)  # the newest stays, so that its number is never used again
        rig.clock.jump(-2 * 86400)
        user.execute("INSERT INTO orders VALUES (5000, 'tea', 0)")
        await rig.caught_up()
        await rig.quiet(130)
        assert rows() == 2  # younger than a day
    user.close()


async def test_a_function_that_is_switched_off_finds_a_day_of_changes(tmp_path: Path, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_outbox, "KEEP_ROWS", 10)
    user = writer(shop, ORDERS)

    def kept() -> int:
        return user.execute("SELECT count(*) FROM _router_feed_orders")[0][0]  # type: ignore[no-any-return]

    async with Rig(tmp_path, table(shop), functions=("f", "g")) as rig:
        rig.clock.jump(time.time() - rig.clock.now())
        await rig.caught_up()
        await rig.restart("f")
        user.executemany("INSERT INTO orders VALUES (?, 'tea', 0)", [(number,) for number in range(100)])
        await rig.caught_up()
        await rig.quiet(130)
        assert kept() == 100
        await rig.restart("f", "g")
        before = len(records(rig.outlet.invoked))
        assert len(await rig.got(before + 100)) == before + 100
        await rig.caught_up()
        await rig.drive(lambda: kept() == 10, step=5.0)
    user.close()


# -- a feed that nobody reads any more


async def test_an_unread_feed_is_kept_small_and_shown_until_it_is_uninstalled(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)

    def names() -> set[str]:
        return {name for (name,) in user.execute("SELECT name FROM sqlite_schema WHERE name LIKE '\\_router%' ESCAPE '\\'")}

    async with Rig(tmp_path, table(shop), functions=("f",)) as rig:
        await rig.caught_up()
        with pytest.raises(InvalidParameter, match="feed orders is read by function f: disable or remove the trigger first"):
            await rig.source.uninstall()
        await rig.restart()
        user.executemany("INSERT INTO orders VALUES (?, 'tea', 0)", [(i,) for i in range(1200)])
        rig.clock.jump(user.execute("SELECT max(at) / 1000 FROM _router_feed_orders")[0][0] - rig.clock.now())
        (row,) = await rig.source.rows()
        assert (row["function"], row["installed"], row["head"]) == (None, True, 1200)
        assert "router feeds uninstall orders" in row["error"]
        assert rig.source.health() == ""
        await rig.quiet(130)
        assert user.execute("SELECT count(*) FROM _router_feed_orders") == [(1200,)]
        rig.clock.jump(2 * 86400)
        await rig.drive(lambda: user.execute("SELECT count(*) FROM _router_feed_orders") == [(1,)], step=5.0)
        assert await rig.source.uninstall() == 1
        assert names() == set()
        user.execute("INSERT INTO orders VALUES (5000, 'tea', 0)")
        await rig.quiet(130)
        assert (names(), await rig.source.rows()) == (set(), [])
        with pytest.raises(SourceError, match="no feed of table orders is installed"):
            await rig.source.uninstall()
    user.close()


async def test_what_is_left_of_a_dropped_table_can_be_uninstalled(tmp_path: Path, shop: Path) -> None:
    user = writer(shop, ORDERS)
    async with Rig(tmp_path, table(shop)) as rig:
        await rig.caught_up()
        user.execute("INSERT INTO orders VALUES (1, 'tea', 0)")
        await rig.got(1)
        user.execute("DROP TABLE orders")
        await rig.restart()
        assert await rig.source.uninstall() == 1
        assert user.execute("SELECT name FROM sqlite_schema WHERE name LIKE '%router%'") == []
    user.close()


async def test_a_database_that_is_away_is_no_trouble_to_a_feed_that_nobody_reads(tmp_path: Path, shop: Path) -> None:
    async with Rig(tmp_path, table(shop), functions=()) as rig:
        await rig.quiet(130)
        assert (rig.source.health(), await rig.source.rows(), shop.exists()) == ("", [], False)
        with pytest.raises(SourceError, match="does not exist"):
            await rig.source.uninstall()


def test_another_name_of_a_table_that_is_read_is_no_unread_feed(tmp_path: Path) -> None:
    """It would remove changes that the other's functions have not taken."""
    read, same, unread = table(tmp_path / "x.db"), table(tmp_path / "x.db", "alias", table="Orders"), table(tmp_path / "x.db", "users")
    config = Config(tmp_path / "config.yaml", tmp_path, tables={one.name: one for one in (read, same, unread)})
    house = House(config, VirtualClock(), None, Metrics())  # type: ignore[arg-type]
    sources = FeedSource.build([Binding(Function("f", Path(), "app.handler"), TableTrigger(read), 0)], house)
    assert {source.name: source.readers for source in sources} == {"table:orders": ["f"], "table:users": []}
