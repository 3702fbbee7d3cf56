"""What is left of something that is declared no more: all of it goes, and nothing else, however often it is cut short."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import apsw
import pytest

from router.journal.database import Database
from router.journal.leavings import Leavings

AT_ONCE = 3


def newest(connection: apsw.Connection) -> int:
    return int(connection.execute("SELECT ifnull(max(id), 0) FROM things").get)


def step(connection: apsw.Connection, name: str, upto: int) -> bool:
    sql = "DELETE FROM things WHERE id IN (SELECT id FROM things WHERE owner = ? AND id <= ? LIMIT ?)"
    connection.execute(sql, (name, upto, AT_ONCE)).fetchall()
    return connection.changes() > 0


class Room:
    """Things by owner."""

    def __init__(self, database: Database, leavings: Leavings) -> None:
        self.database, self.leavings = database, leavings

    async def put(self, owner: str, count: int) -> None:
        for _ in range(count):
            await self.database.write("INSERT INTO things (owner) VALUES (?)", owner)

    async def count(self, owner: str) -> int:
        return int((await self.database.read("SELECT count(*) FROM things WHERE owner = ?", owner))[0][0])

    async def mark(self, owner: str) -> None:
        await self.database.transact(self.leavings.marking(owner))


@asynccontextmanager
async def room(path: Path) -> AsyncIterator[Room]:
    database = await Database.open(path / "journal.db")
    try:
        await database.migrate("things", ("CREATE TABLE things (id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT)",))
        yield Room(database, await Leavings.open(database, "thing", newest, step))
    finally:
        await database.close()


@pytest.mark.parametrize("count", [0, 1, AT_ONCE, 10])
async def test_all_that_was_marked_goes_and_nothing_of_others(tmp_path: Path, count: int) -> None:
    async with room(tmp_path) as it:
        await it.put("a", count)
        await it.put("b", 2)
        assert not await it.leavings.sweep("a", declared=False)
        assert await it.count("a") == count
        await it.mark("a")
        assert await it.leavings.names() == ["a"]
        assert await it.leavings.sweep("a", declared=False)
        assert (await it.count("a"), await it.count("b"), await it.leavings.names()) == (0, 2, [])


async def test_the_mark_outlasts_a_death_and_what_came_before_its_declaration_ended_goes_too(tmp_path: Path) -> None:
    async with room(tmp_path) as it:
        await it.put("a", 4)
        await it.mark("a")
        await it.put("a", 1)
    async with room(tmp_path) as it:
        assert await it.leavings.names() == ["a"]
        await it.leavings.sweep("a", declared=False)
        assert await it.count("a") == 0


async def test_of_one_that_is_declared_again_only_the_old_goes(tmp_path: Path) -> None:
    async with room(tmp_path) as it:
        await it.put("a", 4)
        await it.mark("a")
        await it.put("a", 2)
        await it.leavings.sweep("a", declared=True)
        assert (await it.count("a"), await it.leavings.names()) == (2, [])


async def test_what_is_cut_short_is_still_marked(tmp_path: Path) -> None:
    async with room(tmp_path) as it:
        await it.put("a", 10)
        await it.mark("a")
        for _ in range(2):
            reached = asyncio.Event()

            async def breath(reached: asyncio.Event = reached) -> None:
                reached.set()
                await asyncio.Event().wait()

            task = asyncio.create_task(it.leavings.sweep("a", declared=False, breath=breath))
            await reached.wait()
            task.cancel()
            await asyncio.wait([task])
        assert (await it.count("a"), await it.leavings.names()) == (4, ["a"])
        await asyncio.gather(*(it.leavings.sweep("a", declared=False) for _ in range(3)))
        assert (await it.count("a"), await it.leavings.names()) == (0, [])


async def test_who_takes_his_time_does_not_where_others_wait(tmp_path: Path) -> None:
    async with room(tmp_path) as it:
        await it.put("a", 10 * AT_ONCE)
        await it.mark("a")
        others, breaths = list[asyncio.Task[bool]](), 0

        async def breath() -> None:
            nonlocal breaths
            breaths += 1
            if breaths == 2:
                others.append(asyncio.create_task(it.leavings.sweep("b", declared=False)))
                await asyncio.sleep(0)

        assert await it.leavings.sweep("a", declared=False, breath=breath)
        assert (breaths, await others[0], await it.count("a")) == (2, False, 0)


async def test_a_mark_is_undone_with_its_transaction(tmp_path: Path) -> None:
    async with room(tmp_path) as it:
        await it.put("a", 1)

        def unit(connection: apsw.Connection) -> None:
            it.leavings.marking("a")(connection)
            raise ValueError

        with pytest.raises(ValueError, match=r"^$"):
            await it.database.transact(unit)
        assert await it.leavings.names() == []
