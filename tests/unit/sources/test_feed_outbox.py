"""Reading an outbox: values as they are, places to read on from, files that vanish."""

import json
from pathlib import Path
from typing import Any

import pytest

from router.events.dynamodb import sequence_number
from router.sources import feed_install, feed_outbox
from router.sources.feed_cursors import Cursor
from router.sources.feed_outbox import Batch, Outbox
from router.sources.feed_schema import FeedFault
from tests.unit.sources.feed_rig import short, table, writer

START = Cursor("", 0, 0)


def records_of(batch: Batch) -> list[Any]:
    """What a function gets of it."""
    return [json.loads(item.encoded) for item in batch.items if item.encoded is not None]


def outbox(path: Path, **keys: Any) -> Outbox:
    return Outbox(table(path, "t", **keys), region="us-east-1", account="123456789012")


def shown(batch: Batch) -> list[str]:
    return [short(record) for record in records_of(batch)]


def test_text_that_is_none_is_delivered_as_its_bytes_and_the_rest_as_ever(tmp_path: Path) -> None:
    user = writer(tmp_path / "x.db", "CREATE TABLE t (a INTEGER PRIMARY KEY, v, w)")
    reader = outbox(tmp_path / "x.db")
    reader.head()
    user.execute("INSERT INTO t VALUES (1, CAST(x'ff61' AS TEXT), 'né'), (2, x'ff61', 1.5), (3, 'a' || char(0) || 'b', NULL)")
    images = [record["dynamodb"]["NewImage"] for record in records_of(reader.read(START, 10))]
    assert images == [
        {"a": {"N": "1"}, "v": {"B": "/2E="}, "w": {"S": "né"}},
        {"a": {"N": "2"}, "v": {"B": "/2E="}, "w": {"N": "1.5"}},
        {"a": {"N": "3"}, "v": {"S": "a\0b"}, "w": {"NULL": True}},
    ]
    reader.close()
    user.close()


def test_a_database_in_utf_16(tmp_path: Path) -> None:
    user = writer(tmp_path / "x.db", "PRAGMA encoding='UTF-16le'; CREATE TABLE t (a INTEGER PRIMARY KEY, v)", wal=False)
    reader = outbox(tmp_path / "x.db")
    reader.head()
    user.execute("INSERT INTO t VALUES (1, 'né😀'), (2, CAST(x'00d8' AS TEXT))")
    first, second = (record["dynamodb"]["NewImage"]["v"] for record in records_of(reader.read(START, 10)))
    assert first == {"S": "né😀"}
    assert list(second) != ["NULL"]  # half a surrogate pair: SQLite or we make the best of it, the feed goes on
    reader.close()
    user.close()


def test_a_batch_may_end_between_the_halves_of_a_change_of_the_key(tmp_path: Path) -> None:
    user = writer(tmp_path / "x.db", "CREATE TABLE t (a INTEGER PRIMARY KEY)")
    reader = outbox(tmp_path / "x.db")
    reader.head()
    user.execute("INSERT INTO t VALUES (1); UPDATE t SET a = 2; DELETE FROM t")
    seen, cursor = [], START
    while (batch := reader.read(cursor, 1)).items:
        seen += records_of(batch)
        cursor = batch.last
    assert [short(record) for record in seen] == ["I1", "R1", "I2", "R2"]
    assert [record["dynamodb"]["SequenceNumber"] for record in seen] == [sequence_number(n) for n in (2, 4, 5, 6)]
    whole = records_of(reader.read(START, 100))
    assert whole == seen
    reader.close()
    user.close()


def test_changes_before_and_after_a_new_column_are_told_each_as_they_were(tmp_path: Path) -> None:
    user = writer(tmp_path / "x.db", "CREATE TABLE t (a INTEGER PRIMARY KEY, v)")
    reader = outbox(tmp_path / "x.db")
    reader.head()
    user.execute("INSERT INTO t VALUES (1, 'x'); ALTER TABLE t ADD COLUMN w")
    reader.head()
    user.execute("SELECT count(*) FROM t")  # its connection learns of the new triggers
    user.execute("INSERT INTO t VALUES (2, 'y', 'z')")
    seen, cursor = [], START
    while (batch := reader.read(cursor, 10)).items:
        seen += [record["dynamodb"]["NewImage"] for record in records_of(batch)]
        cursor = batch.last
    assert seen == [{"a": {"N": "1"}, "v": {"S": "x"}}, {"a": {"N": "2"}, "v": {"S": "y"}, "w": {"S": "z"}}]
    reader.close()
    user.close()


def test_changes_that_were_removed_before_they_were_read_are_told(tmp_path: Path) -> None:
    user = writer(tmp_path / "x.db", "CREATE TABLE t (a INTEGER PRIMARY KEY)")
    reader = outbox(tmp_path / "x.db")
    reader.head()
    user.execute("INSERT INTO t VALUES (1), (2), (3), (4)")
    cursor = reader.read(START, 1).last
    assert reader.read(cursor, 1).notice == ""
    user.execute("DELETE FROM _router_feed_t WHERE seq IN (2, 3)")
    batch = reader.read(cursor, 10)
    assert (shown(batch), batch.notice) == (["I4"], "2 changes were removed from the outbox before they were read")
    reader.close()
    user.close()


def test_a_stream_made_anew_is_told_and_read_from_its_start(tmp_path: Path) -> None:
    user = writer(tmp_path / "x.db", "CREATE TABLE t (a INTEGER PRIMARY KEY)")
    reader = outbox(tmp_path / "x.db")
    reader.head()
    user.execute("INSERT INTO t VALUES (1), (2)")
    cursor = reader.read(START, 10).last
    user.execute("DROP TABLE _router_feed_t; DROP TABLE _router_layout_t")
    reader.head()
    user.execute("SELECT count(*) FROM t")  # its connection learns of the new tables
    user.execute("INSERT INTO t VALUES (3)")
    batch = reader.read(cursor, 10)
    assert (shown(batch), batch.notice) == (["I3"], "the stream was made anew; read from its start")
    reader.close()
    user.close()


def test_what_is_kept_is_bounded_by_age_and_by_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_outbox, "TRIM_ROWS", 4)
    monkeypatch.setattr(feed_outbox, "KEEP_ROWS", 10)
    user = writer(tmp_path / "x.db", "CREATE TABLE t (a INTEGER PRIMARY KEY)")
    reader = outbox(tmp_path / "x.db")
    stream = reader.head().stream
    user.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(20)])
    now = user.execute("SELECT max(at) FROM _router_feed_t")[0][0] / 1000

    def left() -> list[int]:
        return [seq for (seq,) in user.execute("SELECT seq FROM _router_feed_t")]

    assert not reader.trim("another stream", 20, now + 90_000)
    assert not reader.trim(stream, 15, now, 10)  # somebody who is switched off has not read more
    assert left() == list(range(1, 21))
    assert [reader.trim(stream, 15, now) for _ in range(2)] == [True, False]
    assert left() == list(range(6, 21))
    while reader.trim(stream, 15, now + 90_000):
        pass
    assert left() == list(range(16, 21))
    while reader.trim(stream, 20, now + 90_000):
        pass
    assert left() == [20]
    reader.close()
    user.close()


def test_what_nobody_reads_goes_by_its_age_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_outbox, "KEEP_ROWS", 10)
    user = writer(tmp_path / "x.db", "CREATE TABLE t (a INTEGER PRIMARY KEY)")
    reader = outbox(tmp_path / "x.db")
    reader.head()
    user.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(20)])
    now = user.execute("SELECT max(at) FROM _router_feed_t")[0][0] / 1000
    reader.tidy(now)
    assert user.execute("SELECT count(*) FROM _router_feed_t")[0][0] == 20
    reader.tidy(now + 90_000)
    assert user.execute("SELECT seq FROM _router_feed_t") == [(20,)]
    reader.close()
    user.close()


def test_faults_say_what_would_be_right(tmp_path: Path) -> None:
    reader = outbox(tmp_path / "x.db")
    with pytest.raises(FeedFault, match="does not exist") as missing:
        reader.head()
    assert missing.value.absent
    (tmp_path / "x.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)
    with pytest.raises(FeedFault, match=r"not a SQLite database|is damaged"):
        reader.head()
    (tmp_path / "x.db").unlink()
    (tmp_path / "x.db").mkdir()
    with pytest.raises(FeedFault, match="is a directory"):
        reader.head()


def test_a_lock_is_passing(tmp_path: Path) -> None:
    user = writer(tmp_path / "x.db", "CREATE TABLE t (a INTEGER PRIMARY KEY)", wal=False)
    reader = outbox(tmp_path / "x.db")
    user.execute("BEGIN EXCLUSIVE")
    with pytest.raises(FeedFault, match="is locked by another process") as locked:
        reader.head()
    assert locked.value.passing
    assert not locked.value.absent
    user.execute("COMMIT")
    assert reader.head().seq == 0
    reader.close()
    user.close()


def test_no_read_keeps_the_writers_wal_from_starting_again(tmp_path: Path) -> None:
    user = writer(tmp_path / "x.db", "CREATE TABLE t (a INTEGER PRIMARY KEY)")
    reader = outbox(tmp_path / "x.db")
    reader.head()
    user.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(50)])
    cursor = reader.read(START, 10).last
    assert user.execute("PRAGMA wal_checkpoint(TRUNCATE)")[0][0] == 0
    assert len(shown(reader.read(cursor, 100))) == 40
    reader.close()
    user.close()


def test_a_repair_in_vain_is_not_tried_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = writer(tmp_path / "x.db", "CREATE TABLE t (a INTEGER PRIMARY KEY)")
    reader = outbox(tmp_path / "x.db")
    monkeypatch.setattr(feed_install, "_wrong", lambda *_: "as wrong as ever")
    for _ in range(3):
        reader.head()
    assert (reader.repairs, reader.complaint) == (1, "as wrong as ever")
    user.execute("ALTER TABLE t ADD COLUMN b")
    reader.head()
    assert reader.repairs == 2
    reader.close()
    user.close()
