"""The look at a file before it is used: it finds damage, has an end, and leaves nothing behind."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from router.errors import JournalError
from router.journal import files


@pytest.fixture
def damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[apsw.Connection]:
    """A store with a page that is none; whoever checks it is asked after every step whether there is time."""
    monkeypatch.setattr(files, "CHECK_OPCODES", 1)
    path = tmp_path / "journal.db"
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT); CREATE TABLE u (c TEXT); INSERT INTO u VALUES ('x')")
    connection.executemany("INSERT INTO t VALUES (?, ?)", [(number, "x" * 400) for number in range(200)])
    root, size = connection.execute("SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_master WHERE name = 't'").get
    connection.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * size + 20)
        file.write(b"\xff" * 200)
    connection = apsw.Connection(str(path))
    yield connection
    connection.close()


def test_damage_is_found_while_there_is_time(damaged: apsw.Connection, tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="is damaged"):
        files.check(damaged, tmp_path / "journal.db")


def test_a_check_that_takes_too_long_is_left_to_the_operator(
    damaged: apsw.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHECK_SECONDS", -1.0)
    files.check(damaged, tmp_path / "journal.db")
    assert damaged.execute("SELECT c FROM u").get == "x", "later statements are not cut short"
