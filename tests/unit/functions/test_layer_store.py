"""Versions of layers, kept in the store."""

from pathlib import Path

from router.functions.layer_store import LayerStore
from router.journal.database import Database


async def test_versions_are_numbered_and_numbers_are_never_given_twice(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "journal.db")
    try:
        store = await LayerStore.open(database)
        first = await store.publish("shared", "sha", 7, {"Description": "x"}, 5.0)
        second = await store.publish("shared", "sha2", 8, {}, 6.0)
        other = await store.publish("other", "sha", 7, {}, 7.0)
        assert (first.version, second.version, other.version) == (1, 2, 1)
        await store.delete("shared", 2)
        assert (await store.publish("shared", "sha3", 9, {}, 8.0)).version == 3
        again = await LayerStore.open(database)
        assert again.all() == store.all()
        assert [(one.name, one.version) for one in again.all()] == [("other", 1), ("shared", 1), ("shared", 3)]
        assert again.get("shared", 1) == first
        assert again.get("shared", 2) is None
    finally:
        await database.close()
