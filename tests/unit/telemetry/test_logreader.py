"""Log events read back: by time, by request, by failure, and while they are written."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.telemetry import logreader, logwriter
from router.telemetry.logfiles import encoded
from router.telemetry.logs import LogStore, follow, read
from router.telemetry.logwriter import LogStream
from tests.helpers.clock import VirtualClock
from tests.unit.telemetry.test_logs import NOW, files, messages, write_all


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "logs"


@pytest.fixture
def store(root: Path) -> Iterator[LogStore]:
    store = LogStore(root, VirtualClock())
    yield store
    store.close()


def test_streams_are_merged_by_time(store: LogStore, root: Path) -> None:
    one, two = store.stream("resize"), store.stream("alert")
    for number in range(0, 10, 2):
        one.write(str(number), NOW + number)
        two.write(str(number + 1), NOW + number + 1)
    store.flush()
    assert messages(root) == [str(number) for number in range(10)]
    assert messages(root, function="alert") == ["1", "3", "5", "7", "9"]
    assert messages(root, since=NOW + 3, until=NOW + 5) == ["3", "4", "5"]
    assert messages(root, function="../resize") == []
    assert messages(root / "nowhere") == []


@given(times=st.lists(st.lists(st.integers(0, 50), max_size=8), max_size=5))
def test_no_event_is_lost_or_doubled_and_a_stream_keeps_its_order(times: list[list[int]], tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("logs")
    store = LogStore(root, VirtualClock())
    written = {}
    for stamps in times:
        stream = store.stream("resize")
        for number, offset in enumerate(stamps):  # also backwards: a wall clock may jump
            stream.write(str(number), NOW + offset)
        stream.close()
        if stamps:
            written[stream.name] = [str(number) for number in range(len(stamps))]
    found: dict[str, list[str]] = {}
    for event in read(root):
        found.setdefault(event.stream, []).append(event.message)
    assert found == written
    if all(stamps == sorted(stamps) for stamps in times):
        assert [event.at for event in read(root)] == sorted(NOW + offset for stamps in times for offset in stamps)


def test_many_streams_are_read_with_few_files_open(store: LogStore, root: Path) -> None:
    for number in range(300):
        write_all(store.stream("resize"), "a", "b", at=NOW + number)
    store.close()
    before = len(os.listdir("/proc/self/fd"))
    events = read(root)
    assert next(events).at == NOW
    assert len(os.listdir("/proc/self/fd")) <= before + 1
    assert sum(1 for _ in events) == 599


def test_torn_lines_are_skipped_and_the_last_line_waits_for_its_end(store: LogStore, root: Path) -> None:
    write_all(store.stream("resize"), "whole")
    with files(root)[0].open("ab") as file:
        file.write(b'{"t":1790000000000,"m":"torn\n\xff\xfe\n[1]\n' + encoded(NOW, "next") + encoded(NOW, "unfinished")[:-1])
    assert messages(root) == ["whole", "next"]


def invocation(request_id: str, *lines: str, status: str = "", init: bool = False) -> list[str]:
    """The events of one invocation."""
    end = f"\tStatus: {status}\n" if status else "\t\n"
    return [
        *(["INIT_START Runtime Version: python:3.11\n"] if init else []),
        f"START RequestId: {request_id} Version: $LATEST\n",
        *lines,
        f"END RequestId: {request_id}\n",
        f"REPORT RequestId: {request_id}\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\tMax Memory Used: 9 MB{end}",
    ]


GOOD = invocation("aaaa", "plain\n", "[ERROR]\t2026-09-21T14:13:20.000Z\taaaa\tlogged by hand\n", init=True)
RAISED = invocation("bbbb", "plain\n", "[ERROR] ValueError: no\nTraceback …\n", "more\n")
TIMED_OUT = invocation("cccc", "plain\n", status="timeout")
EXITED = invocation("dddd", "RequestId: dddd Error: Runtime exited with error: exit status 1\nRuntime.ExitError\n")


def test_a_request_is_shown_whole_and_alone(store: LogStore, root: Path) -> None:
    write_all(store.stream("resize"), *GOOD, *RAISED, "between\n", *TIMED_OUT)
    write_all(store.stream("alert"), *invocation("bbbb2", "other\n"))
    assert messages(root, request_id="aaaa") == GOOD
    assert messages(root, request_id="bbbb") == RAISED
    assert messages(root, request_id="cccc") == TIMED_OUT
    assert messages(root, request_id="zzzz") == []


def test_a_retried_request_is_shown_with_all_its_attempts(store: LogStore, root: Path) -> None:
    write_all(store.stream("resize"), *RAISED, *GOOD, at=NOW)
    write_all(store.stream("resize"), *invocation("bbbb", "second\n"), at=NOW + 60)
    assert messages(root, request_id="bbbb") == [*RAISED, *invocation("bbbb", "second\n")]


def test_failed_invocations_are_shown_whole(store: LogStore, root: Path) -> None:
    write_all(store.stream("resize"), *GOOD, *RAISED, *invocation("eeee", "fine\n"), *TIMED_OUT, "after\n", *EXITED)
    assert messages(root, failed=True) == [*RAISED, *TIMED_OUT, *EXITED]
    assert messages(root, failed=True, request_id="cccc") == TIMED_OUT
    assert messages(root, failed=True, request_id="aaaa") == []


def test_an_initialisation_that_failed_is_part_of_the_invocation(store: LogStore, root: Path) -> None:
    init = ["INIT_START Runtime Version: python:3.11\n", "[ERROR] Runtime.ImportModuleError: Unable to import module 'app'\n"]
    write_all(store.stream("resize"), *GOOD, *init, *invocation("ffff", "x\n"))
    assert messages(root, failed=True) == [*init, *invocation("ffff", "x\n")]


def test_a_failed_invocation_cut_off_by_a_crash_is_shown_as_far_as_it_got(store: LogStore, root: Path) -> None:
    write_all(store.stream("resize"), *GOOD[:-2], *RAISED[:-2])
    assert messages(root, failed=True) == RAISED[:-2]


def test_a_long_failed_invocation_is_read_again_instead_of_kept(store: LogStore, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logwriter, "SEGMENT", 3000)
    monkeypatch.setattr(logreader, "_BITE", 500)
    lines = [f"line {number}\n" for number in range(200)]
    write_all(store.stream("resize"), *GOOD, *invocation("cccc", *lines, status="timeout"))
    assert len(files(root)) > 2
    assert messages(root, failed=True) == invocation("cccc", *lines, status="timeout")


# -- following


class Follower:
    """Collects what follow() gives; looks again when told to."""

    def __init__(self, root: Path, **wanted) -> None:
        self.clock = VirtualClock()
        self.found: list[str] = []
        self._events = follow(root, clock=self.clock, **wanted)
        self._task: asyncio.Task[None] | None = None

    async def _collect(self) -> None:
        async for event in self._events:
            self.found.append(event.message)

    async def look(self) -> list[str]:
        """Let it look once; what it has found so far."""
        if self._task is None:
            self._task = asyncio.create_task(self._collect())
        else:
            await self.clock.advance(logreader.POLL)
        async with asyncio.timeout(10):
            while self.clock.sleepers == 0:
                await asyncio.to_thread(bool)  # a turn for the threads too
        return self.found

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


async def test_following_shows_what_was_and_what_comes_over_rotation_and_new_streams(
    store: LogStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logwriter, "SEGMENT", 300)
    stream = store.stream("resize")
    write_all(stream, "too old", at=NOW - 100)
    write_all(stream, "0")
    follower = Follower(root, since=NOW - 10)
    assert await follower.look() == ["0"]
    expected = ["0"]
    for turn in range(1, 20):
        write_all(stream, f"{turn} {'x' * 50}", at=NOW + turn)
        expected.append(f"{turn} {'x' * 50}")
        if turn % 7 == 0:
            write_all(store.stream("alert"), f"new {turn}", at=NOW + turn + 0.5)
            expected.append(f"new {turn}")
        await follower.look()  # the clock stands on the poll until it is told to go on
        assert await follower.look() == expected
    await follower.close()
    assert len(files(root)) > 4


async def test_following_survives_that_segments_go_unread(store: LogStore, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logwriter, "SEGMENT", 300)
    stream = store.stream("resize")
    write_all(stream, "first")
    follower = Follower(root, since=0)
    assert await follower.look() == ["first"]
    for number in range(100):
        write_all(stream, f"{number} {'x' * 50}", at=NOW + number)
    await follower.look()
    found = await follower.look()
    await follower.close()
    assert found[-1].startswith("99 ")
    assert 5 < len(found) < 30


async def test_following_failed_invocations_shows_them_once_they_failed(store: LogStore, root: Path) -> None:
    stream = store.stream("resize")
    write_all(stream, *GOOD, *RAISED[:2])
    follower = Follower(root, since=0, failed=True)
    assert await follower.look() == []
    write_all(stream, RAISED[2])
    await follower.look()
    assert await follower.look() == RAISED[:3]
    write_all(stream, *RAISED[3:], *GOOD)
    await follower.look()
    assert await follower.look() == RAISED
    await follower.close()


async def test_following_before_there_is_anything(root: Path) -> None:
    follower = Follower(root, since=0)
    assert await follower.look() == []
    store = LogStore(root, VirtualClock())
    write_all(store.stream("resize"), "hello")
    store.close()
    await follower.look()
    assert await follower.look() == ["hello"]
    await follower.close()


def test_a_shared_group_holds_the_streams_of_several_functions(store: LogStore, root: Path) -> None:
    write_all(store.stream("resize"), "own")
    for group in ("..", "/shop/all", "a.b#c"):
        write_all(store.stream("resize", group=group), f"resize in {group}")
        write_all(store.stream("alert", group=group), f"alert in {group}")
    store.flush()
    assert sorted(event.message for event in read(root, "resize")) == ["own", "resize in ..", "resize in /shop/all", "resize in a.b#c"]
    assert {event.function for event in read(root, "alert")} == {"alert"}
    assert len(list(read(root))) == 7
    assert all(path.resolve().is_relative_to(root) for path in root.rglob("*"))
    assert {path.name for path in root.iterdir()} == {"aws", "groups"}


def test_the_functions_own_group_may_be_named(store: LogStore, root: Path) -> None:
    stream = store.stream("resize", group="/aws/lambda/resize")
    assert stream.name.split("/")[-1].startswith("[$LATEST]")
    write_all(stream, "own")
    store.flush()
    assert not (root / "groups").exists()


def test_a_shared_group_may_be_named_as_functions_own_are(store: LogStore, root: Path) -> None:
    """It is one group: CloudWatch Logs looks for it where that function's own is."""
    write_all(store.stream("resize"), "own")
    write_all(store.stream("alert", group="/aws/lambda/resize"), "a guest's")
    write_all(store.stream("alert", group="/aws/lambda/shop"), "in nobody's")
    write_all(LogStream(store, "resize", "2026/11/23/by-hand"), "put there")
    store.flush()
    assert {path.name for path in root.iterdir()} == {"aws"}
    assert sorted(event.message for event in read(root, "resize")) == ["own", "put there"]
    assert sorted(event.message for event in read(root, "alert")) == ["a guest's", "in nobody's"]
    assert list(read(root, "shop")) == []


async def test_shared_groups_expire_too(store: LogStore, root: Path) -> None:
    write_all(store.stream("resize", group="/shop/all"), "old")
    store.close()
    assert await store.expire(2**33) == 1
    assert list((root / "groups").iterdir()) == []
