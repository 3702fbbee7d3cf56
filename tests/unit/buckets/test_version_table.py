"""The version table keeps what it is given, by directory."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from router.buckets.version_table import VersionTable, prepare
from router.buckets.versions import MAX, Version
from router.journal.database import Database

ROW = Version(7, 2, 3, 4, 5, "etag", "0065F0A1B200000001", racy=True)
KEYS = ["a", "d/a", "d/b", "d/e/f", "d0/x", "d e/new\nline", "$(id)\\'\"", "é/e\u0301"]


@pytest.fixture
async def table(tmp_path: Path) -> AsyncIterator[VersionTable]:
    database = await Database.open(tmp_path / "store")
    await prepare(database)
    await prepare(database)
    yield VersionTable(database, "uploads")
    await database.close()


async def test_rows_come_back_as_they_were_given(table: VersionTable) -> None:
    rows = {key: replace(ROW, size=number) for number, key in enumerate(KEYS)}
    await table.store(rows)
    assert await table.versions([*KEYS, "missing"]) == rows
    assert await table.named("d", ["a", "b", "e", "f"]) == {"a": rows["d/a"], "b": rows["d/b"]}
    assert await table.named("d e", ["new\nline"]) == {"new\nline": rows["d e/new\nline"]}
    assert (await table.versions(["a"]))["a"].racy is True


async def test_rows_are_replaced_and_dropped(table: VersionTable) -> None:
    await table.store({"a": ROW, "b": ROW})
    await table.store({"a": replace(ROW, size=99, racy=False), "b": None, "never": None})
    assert await table.versions(["a", "b"]) == {"a": replace(ROW, size=99, racy=False)}


async def test_the_largest_numbers_fit(table: VersionTable) -> None:
    largest = replace(ROW, root=-MAX, inode=MAX, size=MAX, mtime=MAX, ctime=MAX)
    await table.store({"a": largest})
    assert await table.versions(["a"]) == {"a": largest}


async def test_a_directory_is_counted_and_paged_without_what_is_below(table: VersionTable) -> None:
    await table.store(dict.fromkeys(KEYS, ROW))
    assert await table.count("d") == 2
    assert await table.count("") == 2
    assert await table.page("d", "", 10) == ["a", "b"]
    assert await table.page("d", "a", 10) == ["b"]
    assert await table.page("d", "", 1) == ["a"]


async def test_directories_are_listed_below_another_and_in_pages(table: VersionTable) -> None:
    await table.store(dict.fromkeys(KEYS, ROW))
    every = await table.directories("", "", 10)
    assert every == sorted(["d", "d/e", "d0", "d e", "é"])
    assert await table.directories("d", "", 10) == ["d/e"]
    assert await table.directories("", every[1], 2) == every[2:4]
    assert await table.directories("none", "", 10) == []


async def test_buckets_are_apart(table: VersionTable) -> None:
    other = VersionTable(table._database, "results")
    await table.store({"a": ROW}, "0005")
    assert await other.versions(["a"]) == {}
    assert await other.count("") == 0
    assert await other.floor() == ""
    assert not await other.holds(7)
    assert await table.holds(7)
    assert not await table.holds(8)


async def test_the_floor_only_rises(table: VersionTable) -> None:
    assert await table.floor() == ""
    await table.store({}, "000000000000000005")
    await table.store({}, "000000000000000003")
    assert await table.floor() == "000000000000000005"


async def test_rows_are_confirmed_under_a_root(table: VersionTable) -> None:
    await table.store(dict.fromkeys(["d/a", "d/b", "a"], ROW))
    await table.confirm("d", ["a"], 9)
    assert await table.versions(["d/a", "d/b", "a"]) == {"d/a": replace(ROW, root=9, racy=False), "d/b": ROW, "a": ROW}


async def test_all_that_was_told_is_listed_page_by_page(table: VersionTable) -> None:
    keys = ["a", "b/c", "b/d", "b/e/f", "ü/x", "z"]
    await table.store({key: replace(ROW, sequencer=f"s{key}") for key in keys})
    found: list[tuple[str, str]] = []
    while page := await table.told(found[-1][0] if found else "", 2):
        assert len(page) <= 2
        found += page
    assert sorted(found) == sorted((key, f"s{key}") for key in keys)
