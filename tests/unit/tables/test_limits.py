"""What tables take when the device is nearly full, and which of its streams a table has."""

from dataclasses import replace
from pathlib import Path

import pytest

from router.errors import JournalError
from tests.helpers.clock import VirtualClock
from tests.unit.tables.rig import TABLE, delete, opened, put


async def test_while_only_the_reserve_is_left_items_may_go_and_none_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, VirtualClock()) as tables:
        await tables.change(put("a"))
        monkeypatch.setattr(type(tables.database), "short_of_space", True)
        with pytest.raises(JournalError, match="the device is full but for a reserve"):
            await tables.change(put("b"))
        await tables.change(delete("a"))
        monkeypatch.setattr(type(tables.database), "short_of_space", False)
        await tables.change(put("c"))
        found = await tables.items([("t", {"id": {"S": name}}) for name in "abc"])
        assert [item is not None for item in found] == [False, False, True]


async def test_a_stream_that_is_switched_on_again_is_another_one(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with opened(tmp_path, clock) as tables:
        await tables.settled()
        first = await tables.open_stream("t")
        for stream in ("", "KEYS_ONLY"):
            await clock.advance(5)
            tables.take({"t": replace(TABLE, stream=stream)})
            await tables.settled()
        assert len(await tables.streams("t")) == 2
        second = await tables.open_stream("t")
        assert first is not None
        assert second is not None
        assert second != first
        assert second == (await tables.streams("t"))[-1]


async def test_two_streams_of_one_moment_have_names_of_their_own(tmp_path: Path) -> None:
    async with opened(tmp_path, VirtualClock()) as tables:
        for stream in ("KEYS_ONLY", "NEW_IMAGE"):
            tables.take({"t": replace(TABLE, stream=stream)})
            await tables.settled()
        rows = await tables.streams("t")
        assert len({row.label for row in rows}) == len(rows) >= 3
