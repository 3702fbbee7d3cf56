"""Tables as they are opened, adopted and forgotten."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from router.config.types import Index, ItemTable
from router.errors import JournalError
from router.items.errors import Refused
from router.items.nodes import Delete, Remove
from router.items.nodes import Path as Place
from router.tables.writing import Change
from tests.helpers.clock import VirtualClock
from tests.unit.tables.rig import TABLE, delete, opened, put, round_of


async def test_items_and_indexes_are_there_after_a_restart(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with opened(tmp_path, clock) as tables:
        await tables.change(put("a", x={"S": "1"}))
        made = tables.get("t")
    async with opened(tmp_path, clock) as tables:
        assert await tables.items([("t", {"id": {"S": "a"}})]) == [{"id": {"S": "a"}, "x": {"S": "1"}}]
        assert tables.get("t") == made
        assert await tables.entries(made) == {"by_x": 1}


async def test_a_table_that_is_taken_out_keeps_its_items_until_it_is_back(tmp_path: Path) -> None:
    async with opened(tmp_path, VirtualClock()) as tables:
        await tables.change(put("a"))
        tables.take({})
        with pytest.raises(Refused, match="Requested resource not found"):
            await tables.change(put("b"))
        tables.take({"t": TABLE})
        assert await tables.items([("t", {"id": {"S": "a"}}), ("t", {"id": {"S": "b"}})]) == [{"id": {"S": "a"}}, None]


async def test_a_table_with_another_key_is_not_served_and_loses_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path, VirtualClock()) as tables:
        await tables.change(put("a"))
        with capture_logs() as logs:
            tables.adopt({"t": replace(TABLE, hash=("name", "S"), indexes={})})
            await tables.settled()
        assert [(one["event"], one["table"]) for one in logs] == [("table_refused", "t")]
        with pytest.raises(Refused, match=r"table t is stored with the key id \(S\): declare that one"):
            tables.get("t")
        assert tables.problems() == ["table t is stored with the key id (S): declare that one, or give the table another name"]
        with pytest.raises(Refused):
            await tables.change(put("b"))
        tables.adopt({"t": TABLE})
        assert await tables.items([("t", {"id": {"S": "a"}})]) == [{"id": {"S": "a"}}]


async def test_an_index_with_another_key_is_made_anew(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with opened(tmp_path, clock) as tables:
        await tables.change(put("a", x={"S": "1"}, y={"N": "5"}))
        tables.adopt({"t": replace(TABLE, indexes={"by_x": Index("by_x", ("y", "N"))})})
        await tables.settled()
        assert not tables.get("t").whole
        await round_of(tables, clock)
        stored = tables.get("t")
        assert stored.whole
        assert await tables.entries(stored) == {"by_x": 1}
        assert await tables.database.read("SELECT count(*) FROM entries") == [(1,)]


async def test_a_restart_in_the_middle_of_a_filling_goes_on_with_it(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with opened(tmp_path, clock, {"t": replace(TABLE, indexes={})}) as tables:
        await tables.change_each([put(f"{n}", x={"S": "1"}) for n in range(25)])
    async with opened(tmp_path, clock) as tables:
        assert not tables.get("t").whole
        await tables.change(delete("3"))
    async with opened(tmp_path, clock) as tables:
        await round_of(tables, clock)
        assert await tables.entries(tables.get("t")) == {"by_x": 24}


async def test_changes_of_one_call_are_all_or_none(tmp_path: Path) -> None:
    async with opened(tmp_path, VirtualClock()) as tables:
        bad: dict[str, Any] = {"x": {"N": "1"}}
        with pytest.raises(Refused, match="Type mismatch for Index Key x"):
            await tables.change_each([put("a"), put("b", **bad)])
        assert await tables.items([("t", {"id": {"S": "a"}})]) == [None]
        (row,) = await tables.streams("t")
        assert row.last == 0


async def test_an_update_that_only_takes_away_from_no_item_is_no_change(tmp_path: Path) -> None:
    async with opened(tmp_path, VirtualClock()) as tables:
        taking = Change("t", {"id": {"S": "a"}}, "update", actions=(Remove(Place(("n",))), Delete(Place(("s",)), {"SS": ["x"]})))
        await tables.transact([taking], "", b"")
        assert await tables.items([("t", {"id": {"S": "a"}})]) == [None]
        (row,) = await tables.streams("t")
        assert row.last == 0


async def test_a_store_that_fails_refuses_and_recovers(tmp_path: Path) -> None:
    async with opened(tmp_path, VirtualClock()) as tables:
        real = tables.database.submit

        def failing(unit: Any, done: Any, **more: Any) -> None:
            done(None, JournalError("the disk is full"))

        tables.database.submit = failing  # type: ignore[method-assign]
        tables.adopt({"t": TABLE, "more": ItemTable("more", ("id", "S"))})
        with pytest.raises(JournalError):
            await tables.settled()
        with pytest.raises(Refused):
            tables.get("t")
        tables.database.submit = real  # type: ignore[method-assign]
        await tables.change(put("a", "more"))
        assert await tables.items([("more", {"id": {"S": "a"}})]) == [{"id": {"S": "a"}}]


async def test_who_listens_hears_of_records_and_of_nothing_else(tmp_path: Path) -> None:
    heard: list[int] = []
    async with opened(tmp_path, VirtualClock()) as tables:
        bell = lambda: heard.append(1)  # noqa: E731 - it is taken off again
        tables.listen("t", bell)
        await tables.change(put("a"))
        await tables.change(put("a"))
        await tables.change(Change("t", {"id": {"S": "a"}}, "check"))
        assert heard == [1]
        tables.unlisten("t", bell)
        await tables.change(put("b"))
        assert (heard, tables.heard("t")) == ([1], False)


async def test_an_item_that_was_given_more_time_does_not_expire(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with opened(tmp_path, clock) as tables:
        soon = {"N": str(int(clock.now()) + 10)}
        await tables.change_each([put("a", until=soon), put("b", until=soon)])
        await tables.change(put("a", until={"N": str(int(clock.now()) + 10_000)}))
        await clock.advance(20)
        with capture_logs() as logs:
            await round_of(tables, clock)
        assert [one for one in logs if one["event"] == "items_expired"] == [
            {"event": "items_expired", "log_level": "info", "table": "t", "items": 1}
        ]
        assert [item is None for item in await tables.items([("t", {"id": {"S": "a"}}), ("t", {"id": {"S": "b"}})])] == [False, True]


async def test_what_a_deleted_table_leaves_goes_little_by_little(tmp_path: Path) -> None:
    clock = VirtualClock()
    more = {"t": TABLE, "kept": replace(TABLE, name="kept")}
    async with opened(tmp_path, clock, more) as tables:
        for name in more:
            await tables.change_each([put(f"{n}", name, x={"S": "1"}) for n in range(450)])
        await tables.let_go("t")
        tables.adopt({"kept": more["kept"]})
        await round_of(tables, clock)
        for what in ("items", "entries"):
            assert await tables.database.read(f"SELECT count(*) FROM {what}") == [(450,)]
        await tables.let_go("kept")
        tables.adopt({})
        await round_of(tables, clock)
        assert await tables.database.read("SELECT count(*) FROM items") == [(0,)]


@pytest.mark.parametrize("declared", [True, False])
async def test_what_was_let_go_goes_with_the_change_of_its_declaration(tmp_path: Path, *, declared: bool) -> None:
    """Also when the daemon died between the two; one that died before the change keeps it."""
    clock = VirtualClock()
    before, after = ({"t": TABLE}, {}) if declared else ({}, {"t": TABLE})
    async with opened(tmp_path, clock) as tables:
        await tables.change(put("a"))
        tables.take(before)
        await tables.let_go("t")
        tables.adopt(before)
        await tables.settled()
        assert await tables.database.read("SELECT items FROM stored_tables") == [(1,)]
    async with opened(tmp_path, clock, before) as tables:
        tables.take(after)
        await tables.settled()
        assert await tables.database.read("SELECT items FROM stored_tables") == [(1,)]
        tables.take(before)
        await tables.let_go("t")
    async with opened(tmp_path, clock, after) as tables:
        tables.take({"t": TABLE})
        assert await tables.items([("t", {"id": {"S": "a"}})]) == [None]
        assert await tables.database.read("SELECT items, let_go FROM stored_tables") == [(0, None)]
