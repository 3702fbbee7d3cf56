"""Streams of tables as feeds: cursors, filters, trimming; ends of streams and restored stores."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from router.errors import SourceError
from router.events.filters import ALL, Filters
from router.sources.feed_cursors import Cursor
from router.sources.feed_tables import Bell, TableReader
from router.tables.store import Tables
from tests.helpers.clock import VirtualClock, settle
from tests.unit.tables.rig import TABLE, delete, opened, put, round_of


def reader_of(tables: Tables) -> TableReader:
    return TableReader(tables, TABLE)


async def start(reader: TableReader) -> Cursor:
    return Cursor((await reader.head()).stream, 0, 0)


async def test_a_batch_has_records_in_order_and_goes_on_behind_them(tmp_path: Path) -> None:
    async with opened(tmp_path, VirtualClock()) as tables:
        reader = reader_of(tables)
        assert reader.health() == "the feed of table t has not been read yet"
        cursor = await start(reader)
        await tables.change_each([put(f"{n}") for n in range(5)])
        first = await reader.read(cursor, 3, ALL)
        second = await reader.read(first.last, 3, ALL)
        assert [item.key for batch in (first, second) for item in batch.items] == [f'{{"id":{{"S":"{n}"}}}}' for n in range(5)]
        assert (first.head, second.last.seq, first.notice) == (5, 5, "")
        assert first.shard.startswith("shardId-0000")
        assert first.arn.startswith("arn:aws:dynamodb:eu-west-1:111111111111:table/t/stream/2026-")
        again = await reader.read(second.last, 3, ALL)
        assert (again.items, again.last) == ((), second.last)
        assert reader.health() == ""


async def test_what_a_filter_holds_back_is_done_with_what_is_before_it(tmp_path: Path) -> None:
    async with opened(tmp_path, VirtualClock()) as tables:
        reader, removed = reader_of(tables), Filters.of([{"eventName": ["REMOVE"]}])
        cursor = await start(reader)
        await tables.change_each([put("a"), put("b"), delete("a"), put("c")])
        batch = await reader.read(cursor, 10, removed)
        assert [item.number for item in batch.items] == [6]
        assert batch.last.seq == 4
        nothing = await reader.read(batch.last, 10, removed)
        await tables.change(put("d"))
        assert (await reader.read(nothing.last, 10, removed)).last.seq == 5


async def test_a_stream_that_ended_is_read_to_its_end_before_the_next(tmp_path: Path) -> None:
    async with opened(tmp_path, VirtualClock()) as tables:
        reader = reader_of(tables)
        cursor = await start(reader)
        await tables.change_each([put("a"), put("b")])
        tables.adopt({"t": replace(TABLE, stream="KEYS_ONLY")})
        await tables.change(put("c"))
        first = await reader.read(cursor, 10, ALL)
        assert (len(first.items), first.last.stream) == (2, cursor.stream)
        second = await reader.read(first.last, 10, ALL)
        assert (len(second.items), second.last.stream != cursor.stream, second.notice) == (1, True, "")
        assert second.arn != first.arn


async def test_an_older_store_is_read_from_its_start_and_told(tmp_path: Path) -> None:
    async with opened(tmp_path, VirtualClock()) as tables:
        reader = reader_of(tables)
        cursor = await start(reader)
        await tables.change(put("a"))
        ahead = await reader.read(Cursor(cursor.stream, 21, 5), 10, ALL)
        assert (len(ahead.items), ahead.notice) == (
            1,
            "the tables are older than the cursor, as after a restored backup; read from the start of the stream",
        )
        other = await reader.read(Cursor("another", 3, 5), 10, ALL)
        assert (len(other.items), other.notice) == (1, "the stream was made anew; read from its start")


async def test_records_wait_for_who_reads_them(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with opened(tmp_path, clock) as tables:
        reader, bell = reader_of(tables), Bell(tables, "t", clock)
        watching = asyncio.create_task(bell.run())
        await settle()
        cursor = await start(reader)
        await tables.change_each([put("a"), put("b"), put("c")])
        clock.jump(90_000)
        await round_of(tables, clock)
        batch = await reader.read(cursor, 1, ALL)
        assert len((await reader.read(cursor, 10, ALL)).items) == 3
        assert await reader.trim(cursor.stream, batch.last.seq) is False
        assert [item.number for item in (await reader.read(batch.last, 10, ALL)).items] == [4, 6]
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await round_of(tables, clock)
        late = await reader.read(batch.last, 10, ALL)
        await tables.change(put("d"))
        late = await reader.read(batch.last, 10, ALL)
        assert (len(late.items), late.notice) == (1, "2 changes were removed from the stream before they were read")


async def test_a_bell_rings_for_records_and_every_second(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with opened(tmp_path, clock) as tables:
        bell = Bell(tables, "t", clock)
        due = bell.looker()
        watching = asyncio.create_task(bell.run())
        await settle()
        due.clear()
        await tables.change(put("a"))
        assert due.is_set()
        due.clear()
        await clock.advance(1.1)
        assert due.is_set()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_seeking_finds_the_first_record_since_a_moment(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with opened(tmp_path, clock) as tables:
        reader = reader_of(tables)
        await tables.change(put("a"))
        await clock.advance(10)
        since = clock.now()
        await tables.change(put("b"))
        assert (await reader.seek(since)).rest == 2
        assert (await reader.seek(since + 1)).rest == 3
        assert (await reader.seek(0)).rest == 1


async def test_nothing_is_installed_in_the_daemons_own_tables(tmp_path: Path) -> None:
    async with opened(tmp_path, VirtualClock()) as tables:
        reader = reader_of(tables)
        for ask in (reader.install, reader.uninstall):
            with pytest.raises(SourceError, match="table t is one of the daemon's own"):
                await ask()
