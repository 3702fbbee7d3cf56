"""Where functions stand in a feed."""

from pathlib import Path

from router.journal.database import Database
from router.sources.feed_cursors import Cursor, Cursors, forgetting


async def test_a_mapping_that_ends_puts_nothing_back_that_was_forgotten(tmp_path: Path) -> None:
    """It was deleted and made anew while a batch of it was under way: the new one begins where it is told to."""
    database = await Database.open(tmp_path / "store.db")
    cursors, posted = Cursors(database, "orders"), list[str]()
    await cursors.prepare()
    await cursors.save("f", Cursor("stream", 0, 0))
    await cursors.move("f", Cursor("stream", 4, 1), None, cursors.lane("f", 0, 2, "stream", 4))
    assert await cursors.load("f") == Cursor("stream", 4, 1)
    assert await cursors.lanes("f", 2, "stream") == {0: 4, 1: 0}
    await database.transact(forgetting("orders", "f"))
    await cursors.move("f", Cursor("stream", 8, 2), lambda _: posted.append("to its destination"), cursors.lane("f", 1, 2, "stream", 8))
    assert await cursors.load("f") is None
    assert await cursors.lanes("f", 2, "stream") == {0: 0, 1: 0}
    assert posted == ["to its destination"]
    await database.close()
