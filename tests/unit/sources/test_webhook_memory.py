"""The memory of deliveries, over a real store: what is known, for how long, and who is let in."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.errors import JournalError
from router.journal.database import Database
from router.sources.webhook_memory import BATCH, PERIOD, Memory, key_of, request_id_of
from tests.helpers.clock import VirtualClock, settle
from tests.unit.journal.disk import Disk


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "store.db")
    yield opened
    await opened.close()


async def opened(database: Database, clock: VirtualClock | None = None) -> Memory:
    memory = Memory(database, clock or VirtualClock())
    await memory.open()
    return memory


async def rows(database: Database) -> int:
    return int((await database.read("SELECT count(*) FROM webhook_deliveries"))[0][0])


async def turns(count: int = 50) -> None:
    for _ in range(count):
        await settle()
        await asyncio.to_thread(bool)


async def test_what_was_remembered_is_known_and_nothing_else(database: Database) -> None:
    memory = await opened(database)
    await memory.remember(key_of("POST /a", "1"), "id-1", 60)
    assert await memory.find(key_of("POST /a", "1")) == "id-1"
    assert await memory.find(key_of("POST /a", "2")) == ""
    assert await memory.find(key_of("POST /b", "1")) == ""


async def test_it_is_known_after_a_restart(tmp_path: Path) -> None:
    for expected in ("", "id-1", "id-1"):
        database = await Database.open(tmp_path / "store.db")
        memory = await opened(database)
        assert await memory.find(key_of("r", "1")) == expected
        await memory.remember(key_of("r", "1"), "id-1", 60)
        await database.close()


async def test_lookups_share_reads(database: Database) -> None:
    memory = await opened(database)
    keys = [number.to_bytes(16) for number in range(150)]
    async with asyncio.TaskGroup() as group:
        for key in keys[::2]:
            group.create_task(memory.remember(key, key.hex(), 60))
    reads: list[int] = []
    read = database.read

    async def counted(sql: str, *params: object) -> list[tuple[object, ...]]:
        reads.append(len(params))
        return await read(sql, *params)

    database.read = counted  # type: ignore[method-assign]
    found = await asyncio.gather(*(memory.find(key) for key in keys), memory.find(keys[0]))
    assert found == [key.hex() if index % 2 == 0 else "" for index, key in enumerate(keys)] + [keys[0].hex()]
    assert reads == [64, 64, 23]


async def test_a_lookup_that_fails_fails_all_that_share_it_and_no_other(database: Database) -> None:
    memory = await opened(database)
    read = database.read

    async def failing(sql: str, *params: object) -> list[tuple[object, ...]]:
        await settle()
        raise JournalError("the disk is gone")

    database.read = failing  # type: ignore[method-assign]
    failed = await asyncio.gather(memory.find(b"a" * 16), memory.find(b"b" * 16), return_exceptions=True)
    assert [str(error) for error in failed] == ["the disk is gone"] * 2
    database.read = read  # type: ignore[method-assign]
    assert await memory.find(b"a" * 16) == ""


async def test_who_no_longer_waits_for_a_lookup_holds_nobody_up(database: Database) -> None:
    memory = await opened(database)
    leaving, staying = asyncio.create_task(memory.find(b"a" * 16)), asyncio.create_task(memory.find(b"b" * 16))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == ""
    assert leaving.cancelled()
    assert await memory.find(b"a" * 16) == ""


async def test_the_first_event_is_the_one_that_is_told_of(database: Database) -> None:
    memory = await opened(database)
    await memory.remember(b"k" * 16, "first", 60)
    await memory.remember(b"k" * 16, "second", 60)
    assert await memory.find(b"k" * 16) == "first"


def test_keys_do_not_run_into_one_another() -> None:
    pairs = [("a", "b c"), ("a b", "c"), ("a", "b"), ("ab", ""), ("1 a", "b"), ("", "ab")]
    assert len({key_of(*pair) for pair in pairs}) == len(pairs)


def test_a_request_id_is_lambdas_kind_and_always_the_same() -> None:
    first = request_id_of("f", key_of("POST /a", "1"))
    assert first == request_id_of("f", key_of("POST /a", "1"))
    assert first[14] == "4"
    assert len({first, request_id_of("g", key_of("POST /a", "1")), request_id_of("f", key_of("POST /a", "2"))}) == 3


async def test_what_is_past_its_time_is_forgotten_a_little_at_a_time(database: Database) -> None:
    clock = VirtualClock()
    memory = await opened(database, clock)
    count = 2 * BATCH + 10
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(memory.remember(number.to_bytes(16), "id", 100))
        group.create_task(memory.remember(b"k" * 16, "id", 10**9))  # however far a busy machine lets the clock go
    changes: list[int] = []
    write = database.write

    async def noted(sql: str, *params: object) -> int:
        changes.append(await write(sql, *params))
        return changes[-1]

    database.write = noted  # type: ignore[method-assign]
    keeping = asyncio.create_task(memory.keep())
    await turns(3)
    assert await rows(database) == count + 1, "nothing is due yet"
    async with asyncio.timeout(20):
        while await rows(database) > 1:
            await clock.advance(PERIOD / 10)
    await clock.advance(PERIOD)
    await turns(5)
    assert [number for number in changes if number] == [BATCH, BATCH, 10]
    assert await memory.find(b"k" * 16) == "id"
    keeping.cancel()


async def test_a_store_that_fails_is_tried_again(tmp_path: Path) -> None:
    clock, disk = VirtualClock(), Disk()
    with disk.in_place() as vfs:
        database = await Database.open(tmp_path / "store.db", vfs=vfs)
        memory = await opened(database, clock)
        await memory.remember(b"k" * 16, "id", 1)
        disk.calls, disk.fail_at, disk.fail_for = 0, 1, 1_000_000
        with pytest.raises(JournalError):
            await memory.remember(b"l" * 16, "id", 1)
        keeping = asyncio.create_task(memory.keep())
        await turns(5)
        assert not keeping.done()
        disk.heal()
        async with asyncio.timeout(20):
            while await known(memory, b"k" * 16):
                await clock.advance(PERIOD)
                await asyncio.to_thread(bool)
        keeping.cancel()
        await database.close()


async def known(memory: Memory, key: bytes) -> bool:
    try:
        return bool(await memory.find(key))
    except JournalError:
        return True


async def test_one_at_a_time_is_at_work_on_a_delivery(database: Database) -> None:
    memory = await opened(database)
    inside: list[str] = []
    most = 0

    async def work(key: bytes, name: str) -> None:
        nonlocal most
        async with memory.alone(key):
            inside.append(name)
            most = max(most, sum(other[0] == name[0] for other in inside))
            await settle()
            inside.remove(name)

    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(work(b"a", f"a{number}"))
            group.create_task(work(b"b", f"b{number}"))
    assert most == 1
    assert memory._under_way == {}


async def test_who_fails_or_is_cancelled_lets_the_next_one_in(database: Database) -> None:
    memory = await opened(database)

    async def hold() -> None:
        async with memory.alone(b"a"):
            await asyncio.Event().wait()

    holding = asyncio.create_task(hold())
    await settle()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0), memory.alone(b"a"):
            pass
    holding.cancel()
    async with asyncio.timeout(5), memory.alone(b"a"):
        pass
    assert memory._under_way == {}
