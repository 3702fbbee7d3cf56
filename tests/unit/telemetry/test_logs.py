"""Log events to disk and back: nothing lost, nothing unbounded, nobody bothered by a disk that fails."""

import asyncio
import errno
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from router.telemetry import logwriter
from router.telemetry.logfiles import LONGEST, LogEvent, decoded, directory, encoded, parse_segment, segment, time_of
from router.telemetry.logs import LogStore, LogStream, read
from router.telemetry.logwriter import expire
from router.telemetry.metrics import Metrics
from tests.helpers.clock import VirtualClock

NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z, the VirtualClock's start


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "logs"


@pytest.fixture
def store(root: Path) -> Iterator[LogStore]:
    store = LogStore(root, VirtualClock())
    yield store
    store.close()


def messages(root: Path, **wanted) -> list[str]:
    return [event.message for event in read(root, **wanted)]


def files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def write_all(stream: LogStream, *lines: str, at: float = NOW) -> None:
    for offset, line in enumerate(lines):
        stream.write(line, at + offset)
    stream.flush()


# -- the spelling of one event


@given(message=st.text(st.characters(exclude_categories=[])), at=st.integers(0, 10**13))
def test_an_event_is_one_line_and_comes_back(message: str, at: int) -> None:
    line = encoded(at / 1000, message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json.loads(line)["m"] == message
    found = decoded(line)
    assert found is not None
    assert found[1] == message.encode("utf-8", "backslashreplace").decode()
    assert found[0] == time_of(line)


def test_half_a_surrogate_pair_can_be_printed_after_all() -> None:
    found = decoded(encoded(NOW, "bad \udc80 byte"))
    assert found == (NOW, "bad \\udc80 byte")


def test_a_message_over_the_limit_is_cut_and_says_so() -> None:
    found = decoded(encoded(NOW, "x" * (LONGEST + 5)))
    assert found is not None
    assert found[1] == "x" * LONGEST + "… [5 more characters]"


@given(line=st.binary())
def test_a_torn_line_is_no_event(line: bytes) -> None:
    found = decoded(line)
    assert found is None or json.loads(line)["m"] is not None
    assert decoded(encoded(NOW, "message")[:-3]) is None


def test_segments_are_named_and_found_again() -> None:
    stream = "2026/09/21/[$LATEST]0123abc"
    assert segment(stream, 0) == "%5B%24LATEST%5D0123abc.jsonl"
    assert [parse_segment(segment(stream, number)) for number in (0, 3)] == [("[$LATEST]0123abc", 0), ("[$LATEST]0123abc", 3)]
    assert parse_segment("notes.txt") is None


# -- writing


def test_a_stream_is_named_as_lambda_names_it_and_has_no_file_before_its_first_event(store: LogStore, root: Path) -> None:
    stream = store.stream("resize")
    assert stream.name.startswith("2026/09/21/[$LATEST]")
    assert len(stream.name) == len("2026/09/21/[$LATEST]") + 32
    assert files(root) == []
    write_all(stream, "one")
    assert files(root) == [root / "aws/lambda/resize/2026/09/21" / segment(stream.name, 0)]
    assert list(read(root)) == [LogEvent("resize", stream.name, NOW, "one")]


def test_events_wait_in_memory_until_the_buffer_is_full(store: LogStore, root: Path) -> None:
    stream = store.stream("resize")
    stream.write("x" * 1000, NOW)
    assert messages(root) == []
    stream.write("y" * logwriter.BUFFER, NOW)
    assert [len(message) for message in messages(root)] == [1000, logwriter.BUFFER]


def test_events_of_one_time_come_together(store: LogStore, root: Path) -> None:
    stream = store.stream("resize")
    stream.write("first", NOW)
    stream.add(encoded(NOW, "second") + encoded(NOW, "third\tof them"), 2)
    stream.close()
    (path,) = root.rglob("*.jsonl")
    assert [decoded(line) for line in path.read_bytes().splitlines(keepends=True)] == [
        (NOW, "first"),
        (NOW, "second"),
        (NOW, "third\tof them"),
    ]


async def test_the_loop_flushes_soon(store: LogStore, root: Path) -> None:
    streams = [store.stream("resize"), store.stream("alert")]
    for stream in streams:
        stream.write("hello", NOW)
    async with asyncio.timeout(5):
        while len(messages(root)) < 2:
            await asyncio.to_thread(bool)  # a turn for the threads too
    streams[0].write("again", NOW)
    async with asyncio.timeout(5):
        while len(messages(root)) < 3:
            await asyncio.to_thread(bool)  # a turn for the threads too


def test_old_segments_go_so_that_a_stream_stays_bounded(store: LogStore, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logwriter, "SEGMENT", 1000)
    stream = store.stream("resize")
    for number in range(200):
        stream.write(f"{number:03} " + "x" * 80, NOW + number)
    stream.flush()
    found = messages(root)
    assert found[-1].startswith("199 ")
    assert [int(message[:3]) for message in found] == list(range(200 - len(found), 200))
    assert len(files(root)) <= logwriter.SEGMENTS
    assert all(path.stat().st_size < 1200 for path in files(root))


def test_few_files_are_open_however_many_streams_there_are(store: LogStore, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logwriter, "OPEN", 4)
    before = len(os.listdir("/proc/self/fd"))
    streams = [store.stream("resize") for _ in range(20)]
    for turn in range(3):
        for stream in streams:
            write_all(stream, str(turn))
        assert len(os.listdir("/proc/self/fd")) <= before + 4
    assert sorted(messages(root)) == ["0"] * 20 + ["1"] * 20 + ["2"] * 20
    store.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_closed_stream_has_written_everything(store: LogStore, root: Path) -> None:
    stream = store.stream("resize")
    stream.write("last words", NOW)
    stream.close()
    assert messages(root) == ["last words"]


def test_a_disk_that_takes_nothing_costs_events_and_one_warning(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics()
    store = LogStore(root, VirtualClock(), metrics)
    stream = store.stream("resize")
    write_all(stream, "before")
    real, full = os.write, True

    def write(descriptor: int, content: memoryview) -> int:
        if not full:
            return real(descriptor, content)
        if len(content) > 60:  # some of it still fits
            return real(descriptor, content[:-15])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", write)
    with capture_logs() as told:
        write_all(stream, "just written", "lost" * 10, "lost too")
        write_all(stream, "lost as well")
        full = False
        write_all(stream, "after", "and on")
    store.close()
    assert [(line["event"], line["log_level"]) for line in told] == [("logs_dropped", "warning"), ("logs_resumed", "info")]
    assert told[0]["error"] == os.strerror(errno.ENOSPC)
    assert store.dropped == 2
    assert metrics.counter("router_log_events_dropped_total", "").value() == 2
    assert messages(root) == ["before", "just written", "lost" * 10, "after", "and on"]


async def test_what_is_recorded_is_synced_with_the_way_to_it(store: LogStore, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(logwriter, "sync", lambda path: synced.append(path.relative_to(root.parent).as_posix()))
    monkeypatch.setattr(logwriter, "SEGMENT", 1000)
    stream = LogStream(store, "", "own", "group")
    await store.record(stream, [(NOW, "one"), (NOW, "two")])
    assert synced == ["logs/groups/group/_/own.jsonl", "logs/groups/group/_", "logs/groups/group", "logs/groups", "logs", "."]
    synced.clear()
    await store.record(stream, [(NOW, "three")])
    assert synced == ["logs/groups/group/_/own.jsonl"]
    synced.clear()
    await store.record(stream, [(NOW, "x" * 950), (NOW, "in the next segment")])
    assert synced[:2] == ["logs/groups/group/_/own.jsonl", "logs/groups/group/_/own.1.jsonl"]
    assert synced[2:] == ["logs/groups/group/_", "logs/groups/group", "logs/groups", "logs", "."]
    synced.clear()
    files(root)[0].unlink()  # own.1.jsonl: retention was here
    await store.record(stream, [(NOW, "begun again")])
    assert synced == ["logs/groups/group/_/own.1.jsonl", "logs/groups/group/_", "logs/groups/group", "logs/groups", "logs", "."]


async def test_syncs_leave_threads_to_others(store: LogStore, monkeypatch: pytest.MonkeyPatch) -> None:
    go, under_way = threading.Event(), []

    def slow(path: Path) -> None:
        under_way.append(path)
        assert go.wait(30)

    monkeypatch.setattr(logwriter, "sync", slow)
    recorded = [asyncio.create_task(store.record(store.stream("resize"), [(NOW, str(number))])) for number in range(50)]
    while len(under_way) < 2:
        await asyncio.sleep(0)
    assert await asyncio.wait_for(asyncio.to_thread(lambda: "done"), 30) == "done"
    assert len(under_way) == 2
    go.set()
    await asyncio.gather(*recorded)


async def test_what_cannot_be_recorded_is_said(store: LogStore, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    stream = store.stream("resize")
    monkeypatch.setattr(logwriter, "sync", fails)
    with pytest.raises(OSError, match="Input/output"):
        await store.record(stream, [(NOW, "one")])
    monkeypatch.undo()
    synced: list[Path] = []
    monkeypatch.setattr(logwriter, "sync", synced.append)
    await store.record(stream, [(NOW, "one")])
    assert root in synced, "the directories were not synced either"

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="took no more"):
        await store.record(stream, [(NOW, "two")])


def test_a_root_that_cannot_be_made_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    store = LogStore(tmp_path / "logs", VirtualClock())
    with capture_logs() as told:
        write_all(store.stream("resize"), "one")
        write_all(store.stream("resize"), "two")
    assert [line["event"] for line in told] == ["logs_dropped"]
    assert store.dropped == 2


def test_a_file_that_retention_removed_is_begun_again(store: LogStore, root: Path) -> None:
    stream = store.stream("resize")
    write_all(stream, "old")
    assert expire(root, time.time() + 10, 100) == 1
    write_all(stream, "new")
    assert messages(root) == ["new"]


# -- retention


def aged(root: Path, function: str, day: str, at: float) -> Path:
    """A stream of that day, last written at *at*."""
    stream = f"{day}/[$LATEST]{'0' * 32}"
    path = directory(root, function, stream) / segment(stream, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(at, "old"))
    os.utime(path, (at, at))
    return path


async def test_retention_goes_by_the_last_write_and_in_small_steps(store: LogStore, root: Path) -> None:
    day = 86400.0
    old = [aged(root, f"f{number}", "2026/09/01", NOW - 20 * day) for number in range(5)]
    busy = aged(root, "busy", "2026/09/01", NOW - day)
    fresh = aged(root, "f0", "2026/09/20", NOW - day)
    foreign = old[0].with_name("notes.txt")
    foreign.write_text("not ours")
    assert expire(root, NOW - 14 * day, 2) == 2
    assert [await store.expire(NOW - 14 * day, step=2) for _ in range(2)] == [3, 0]
    assert files(root) == sorted([busy, fresh, foreign])
    assert sorted(path.name for path in (root / "aws/lambda").iterdir()) == ["busy", "f0"]


def test_retention_of_nothing_is_nothing(root: Path) -> None:
    assert expire(root, NOW, 10) == 0
