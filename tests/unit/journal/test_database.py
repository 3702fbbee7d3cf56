"""The store: groups, units, reads, schema steps, refusals at opening."""

import asyncio
import os
import stat
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from router.errors import JournalError, LeaseLost
from router.journal import database as module
from router.journal import files, writer
from router.journal.database import Database
from tests.unit.journal.disk import Disk


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "journal.db")
    await opened.migrate("test", ["CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)"])
    yield opened
    await opened.close()


class Gate:
    """A unit that keeps the writer busy until it is opened."""

    def __init__(self) -> None:
        self._open = threading.Event()

    def __call__(self, connection: apsw.Connection) -> None:
        self._open.wait(10)

    def open(self) -> None:
        self._open.set()


async def test_a_write_gives_how_many_rows_it_changed_and_is_read_at_once(database: Database) -> None:
    assert await database.write("INSERT INTO t VALUES (?, ?), (?, ?)", 1, "x", 2, "y") == 2
    assert await database.write("UPDATE t SET b = 'z' WHERE a > ?", 1) == 1
    assert await database.write("DELETE FROM t WHERE a > 9") == 0
    assert await database.read("SELECT b FROM t WHERE a = ?", 2) == [("z",)]


async def test_every_write_is_read_by_who_wrote_it(database: Database) -> None:
    async def write_and_read(number: int) -> None:
        await database.write("INSERT INTO t VALUES (?, 'x')", number)
        assert await database.read("SELECT count(*) FROM t WHERE a = ?", number) == [(1,)]

    await asyncio.gather(*map(write_and_read, range(50)))


async def test_what_waits_for_the_disk_shares_the_next_commit(database: Database) -> None:
    gate = Gate()
    first = asyncio.ensure_future(database.transact(gate))
    await asyncio.sleep(0)
    groups = database.writer.groups
    rest = [asyncio.ensure_future(database.write("INSERT INTO t VALUES (?, 'x')", number)) for number in range(100)]
    await asyncio.sleep(0)
    gate.open()
    await asyncio.gather(first, *rest)
    assert database.writer.groups - groups <= 2


async def test_a_group_is_bounded(database: Database) -> None:
    gate = Gate()
    first = asyncio.ensure_future(database.transact(gate))
    await asyncio.sleep(0)
    groups, units = database.writer.groups, database.writer.units
    rest = [asyncio.ensure_future(database.write("INSERT INTO t VALUES (?, 'x')", n)) for n in range(3 * writer.GROUP_UNITS)]
    await asyncio.sleep(0)
    gate.open()
    await asyncio.gather(first, *rest)
    assert database.writer.units - units == 3 * writer.GROUP_UNITS + 1
    assert database.writer.groups - groups >= 3


async def test_units_run_in_the_order_of_the_calls(database: Database) -> None:
    seen: list[int] = []
    await asyncio.gather(*(database.transact(lambda _, n=number: seen.append(n)) for number in range(200)))
    assert seen == list(range(200))


async def test_a_unit_that_raises_undoes_only_itself(database: Database) -> None:
    def broken(connection: apsw.Connection) -> None:
        connection.execute("INSERT INTO t VALUES (100, 'x')")
        raise KeyError("mine")

    gate = Gate()
    calls = [database.transact(gate), database.write("INSERT INTO t VALUES (1, 'x')"), database.transact(broken)]
    calls += [database.write("INSERT INTO t VALUES (1, 'again')"), database.write("INSERT INTO t VALUES (2, 'x')")]
    tasks = [asyncio.ensure_future(call) for call in calls]
    await asyncio.sleep(0)
    gate.open()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [type(None), int, KeyError, apsw.ConstraintError, int]
    assert await database.read("SELECT a FROM t ORDER BY a") == [(1,), (2,)]
    assert database.fault is None


async def test_a_unit_that_ends_the_transaction_fails_its_group_and_no_more(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "REOPEN_PAUSE", 0.0)
    with pytest.raises(JournalError):
        await database.transact(lambda connection: connection.execute("COMMIT"))
    assert await database.write("INSERT INTO t VALUES (1, 'x')") == 1


async def test_who_is_cancelled_leaves_its_unit_to_run(database: Database) -> None:
    gate = Gate()
    tasks = [asyncio.ensure_future(database.transact(gate)), asyncio.ensure_future(database.write("INSERT INTO t VALUES (1, 'x')"))]
    await asyncio.sleep(0)
    tasks[1].cancel()
    gate.open()
    await asyncio.gather(*tasks, return_exceptions=True)
    await database.write("INSERT INTO t VALUES (2, 'x')")
    assert await database.read("SELECT a FROM t ORDER BY a") == [(1,), (2,)]


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(JournalError):
        await database.read("INSERT INTO t VALUES (1, 'x') RETURNING a")


async def test_a_long_read_is_cut_short(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_SECONDS", 0.0)
    with pytest.raises(JournalError, match="cut short"):
        await database.read("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n")


async def test_steps_run_once_and_in_order(tmp_path: Path) -> None:
    steps = ["CREATE TABLE a (x); INSERT INTO a VALUES (1);", "ALTER TABLE a ADD COLUMN y"]
    for known in (steps[:1], steps, steps):
        database = await Database.open(tmp_path / "journal.db")
        await database.migrate("one", known)
        await database.migrate("two", ["CREATE TABLE IF NOT EXISTS b (x)"])
        found = await database.read("SELECT * FROM a")
        await database.close()
    assert found == [(1, None)]


async def test_steps_are_all_taken_or_none(database: Database) -> None:
    with pytest.raises(apsw.SQLError):
        await database.migrate("broken", ["CREATE TABLE c (x)", "this is no SQL"])
    await database.migrate("broken", ["CREATE TABLE c (x)"])


async def test_a_newer_store_is_refused(database: Database) -> None:
    await database.migrate("part", ["CREATE TABLE c (x)", "CREATE TABLE d (x)"])
    with pytest.raises(JournalError, match=r"newer version.*part has 2"):
        await database.migrate("part", ["CREATE TABLE c (x)"])


async def test_the_file_is_for_its_owner_alone(database: Database) -> None:
    for end in ("", "-wal", "-shm"):
        assert stat.S_IMODE(os.stat(f"{database.path}{end}").st_mode) == 0o600


async def test_something_else_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("this is a letter to my aunt, not a database\n" * 200)
    with pytest.raises(JournalError, match="is not a journal"):
        await Database.open(text)
    with pytest.raises(JournalError, match="no regular file"):
        await Database.open(tmp_path)
    with pytest.raises(JournalError, match="does not exist"):
        await Database.open(tmp_path / "nowhere" / "journal.db")


@pytest.mark.parametrize("left", ["empty", "gone"])
async def test_what_waits_in_the_wal_of_a_lost_file_is_not_passed_over(tmp_path: Path, left: str) -> None:
    path, wal = tmp_path / "journal.db", tmp_path / "journal.db-wal"
    database = await Database.open(path)
    await database.migrate("t", ["CREATE TABLE t (a)"])
    held = wal.read_bytes()
    await database.close()
    assert held
    wal.write_bytes(held)
    path.unlink()
    if left == "empty":
        path.touch()
    with pytest.raises(JournalError, match="put the right file back"):
        await Database.open(path)
    assert wal.read_bytes() == held
    assert path.exists() is (left == "empty")
    wal.write_bytes(b"")
    await (await Database.open(path)).close()


async def test_damage_is_found_at_opening(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    database = await Database.open(path)
    await database.migrate("t", ["CREATE TABLE t (a, b); CREATE INDEX i ON t (b)"])
    for number in range(50):
        await database.write("INSERT INTO t VALUES (?, ?)", number, str(number) * 200)
    await database.close()
    with path.open("rb+") as file:
        file.seek(-3 * 4096, os.SEEK_END)
        file.write(b"\xff" * 4096)
    with pytest.raises(JournalError, match="damaged"):
        await Database.open(path)


async def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.os, "access", lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(JournalError, match=rf"{tmp_path} cannot be written.*uid {os.geteuid()}"):
        await Database.open(tmp_path / "journal.db")


async def test_a_deleted_or_replaced_file_is_noticed(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(writer, "REOPEN_PAUSE", 0.0)
    await database.check()
    moved = tmp_path / "elsewhere"
    database.path.rename(moved)
    with pytest.raises(JournalError, match="is gone"):
        await database.check()
    with pytest.raises(JournalError, match="is gone"):
        await database.write("INSERT INTO t VALUES (1, 'x')")
    database.path.write_bytes(b"")
    with pytest.raises(JournalError, match="was replaced"):
        await database.check()
    with pytest.raises(JournalError, match="was replaced"):
        await database.ping()
    moved.rename(database.path)
    await database.check()
    assert await database.write("INSERT INTO t VALUES (1, 'x')") == 1


async def test_a_ping_is_a_commit(database: Database) -> None:
    groups = database.writer.groups
    frames = database.writer.wal_frames
    await database.ping()
    assert (database.writer.groups, database.writer.wal_frames > frames) == (groups + 1, True)


async def test_a_closed_store_refuses_after_finishing_what_it_was_given(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "journal.db")
    await database.migrate("t", ["CREATE TABLE t (a)"])
    writes = [asyncio.ensure_future(database.write("INSERT INTO t VALUES (?)", n)) for n in range(100)]
    await asyncio.sleep(0)
    await database.close()
    await database.close()
    assert await asyncio.gather(*writes) == [1] * 100
    for call in (database.write("DELETE FROM t"), database.read("SELECT 1"), database.ping(), database.check()):
        with pytest.raises(JournalError, match="closed"):
            await call
    again = await Database.open(tmp_path / "journal.db")
    assert await again.read("SELECT count(*) FROM t") == [(100,)]
    assert not Path(f"{again.path}-wal").stat().st_size
    await again.close()


async def test_while_the_disk_is_full_calls_fail_at_once_and_say_so(tmp_path: Path) -> None:
    disk = Disk()
    with disk.in_place():
        database = await Database.open(tmp_path / "journal.db", vfs=disk.name)
        await database.migrate("t", ["CREATE TABLE t (a)"])
        disk.calls, disk.fail_at, disk.fail_for, disk.error = 0, 1, 1_000_000, apsw.FullError
        for _ in range(20):
            with pytest.raises(JournalError, match="no space left"):
                await database.write("INSERT INTO t VALUES (1)")
        assert disk.calls == 1  # the store was not opened again for each of them
        assert isinstance(database.fault, JournalError)
        assert await database.read("SELECT count(*) FROM t") == [(0,)]
        disk.heal()
        database.writer._reopen_at = 0.0
        assert await database.write("INSERT INTO t VALUES (1)") == 1
        assert database.fault is None
        await database.close()


def test_words_for_what_the_disk_says(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    assert "disk quota exceeded" in str(files.explain(apsw.IOError("x"), path, 122))
    assert "no space left" in str(files.explain(apsw.IOError("x"), path, 28))
    assert "Input/output error" in str(files.explain(apsw.IOError("x"), path, 5))
    assert "database is locked" in str(files.explain(apsw.BusyError("database is locked"), path))


async def test_a_reader_in_the_way_delays_the_checkpoint_and_no_writer(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_FRAMES", 5)
    database.writer._checkpoint_at = 5
    other = apsw.Connection(str(database.path))
    other.execute("BEGIN")
    other.execute("SELECT * FROM t").fetchall()
    for number in range(30):
        await database.write("INSERT INTO t VALUES (?, ?)", number, "x" * 5000)
    assert database.writer.wal_frames > 30
    other.execute("COMMIT")
    other.close()
    for number in range(30, 60):
        await database.write("INSERT INTO t VALUES (?, ?)", number, "x" * 5000)
    assert database.writer.wal_frames < 30
    assert database.writer.checkpoints > 1


def test_an_error_of_ours_stays_and_any_other_is_told_as_ours() -> None:
    lost, foreign = LeaseLost("gone"), ValueError("no such thing")
    assert module.as_ours(lost) is lost
    told = module.as_ours(foreign)
    assert isinstance(told, JournalError)
    assert "no such thing" in str(told)
    assert told.__cause__ is foreign


# --- patient units


async def test_a_patient_unit_joins_the_next_and_keeps_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 3600.0)
    database = await Database.open(tmp_path / "store")
    database.writer.sync_time = 3600.0
    order: list[str] = []
    patient = [asyncio.create_task(database.transact(lambda _, name=name: order.append(name), patient=True)) for name in "ab"]
    await asyncio.sleep(0)
    groups = database.writer.groups
    assert not any(task.done() for task in patient)
    await database.transact(lambda _: order.append("c"))
    await asyncio.gather(*patient)
    assert order == ["a", "b", "c"]
    assert database.writer.groups <= groups + 2  # the writer may have begun with the first
    await database.close()


async def test_a_patient_unit_that_nobody_joins_is_done_all_the_same(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "store")
    assert await database.transact(lambda _: 7, patient=True) == 7
    await database.close()


async def test_what_is_patient_when_the_store_closes_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 3600.0)
    database = await Database.open(tmp_path / "store")
    database.writer.sync_time = 3600.0
    task = asyncio.create_task(database.transact(lambda connection: connection.execute("CREATE TABLE t (x)").fetchall(), patient=True))
    await asyncio.sleep(0)
    await database.close()
    await task
    database = await Database.open(tmp_path / "store")
    assert await database.read("SELECT name FROM sqlite_schema WHERE name = 't'") == [("t",)]
    await database.close()
