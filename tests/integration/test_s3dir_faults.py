"""Crashes, a store that takes nothing, roots that come and go: nothing lost, nothing invented."""

import asyncio
import hashlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from router.buckets import contents, roots
from router.buckets.inotify import InotifyWatcher
from router.errors import JournalError
from router.events import s3
from router.journal.base import Beside
from router.journal.database import Database
from router.model import Envelope
from tests.helpers.bucket import BucketHouse, until


@pytest.fixture
async def bucket(tmp_path: Path) -> AsyncIterator[BucketHouse]:
    database = await Database.open(tmp_path / "store")
    yield BucketHouse(tmp_path, database)
    await database.close()


def sequencers(bucket: BucketHouse) -> list[str]:
    return [record["s3"]["object"]["sequencer"] for record in bucket.records()]


async def test_files_that_came_and_went_while_the_daemon_was_down(bucket: BucketHouse) -> None:
    bucket.root.mkdir()
    for name in ("a", "b", "c", "d"):
        (bucket.root / name).write_text(name)
        os.utime(bucket.root / name, (1_000_000_000, 1_000_000_000))
    async with bucket.running():
        await until(lambda: len(bucket.told()) == 4)  # those that were there at the first start are told
    (bucket.root / "a").unlink()
    (bucket.root / "b").write_text("rewritten")
    os.utime(bucket.root / "c")  # touched
    (bucket.root / "x/y").mkdir(parents=True)
    (bucket.root / "x/y/z").write_text("new")
    async with bucket.running():
        await until(lambda: len(bucket.told()) == 7)
        await asyncio.sleep(0.5)
    assert sorted(bucket.told()[4:]) == [(s3.CREATED, "b"), (s3.CREATED, "x/y/z"), (s3.REMOVED, "a")]
    async with bucket.running():
        await asyncio.sleep(0.5)
    assert len(bucket.told()) == 7
    assert bucket.outlet.duplicates == []


@pytest.mark.parametrize(
    ("watcher", "local", "covered", "told"),
    [("auto", True, True, True), ("auto", False, True, False), ("scan", True, True, False), ("auto", True, False, False)],
    ids=["known", "unknown", "unwatched", "without a watch"],
)
async def test_a_file_whose_close_nobody_saw(
    bucket: BucketHouse, monkeypatch: pytest.MonkeyPatch, *, watcher: str, local: bool, covered: bool, told: bool
) -> None:
    """It need not stand still where the kernel says that nobody has it open, and closes are told besides."""
    monkeypatch.setattr(roots, "local", lambda _: local)
    if not covered:
        monkeypatch.setattr(InotifyWatcher, "cover", lambda *_: False)
    bucket.settle, bucket.watcher = 3600.0, watcher
    bucket.root.mkdir()
    (bucket.root / "whole").write_text("one")
    with (bucket.root / "half").open("w") as file:
        file.write("one, ")
        file.flush()
        async with bucket.running():
            await until(lambda: bucket.count("router_s3_looks_total") >= 2)
            if told:
                await until(lambda: bucket.created() == ["whole"])
            file.write("two")
            file.flush()
            await asyncio.sleep(0.2)
            assert bucket.created() == ["whole"] * told
            if watcher == "auto" and covered:
                file.close()
                await until(lambda: bucket.created() == [*["whole"] * told, "half"])
                assert bucket.records()[-1]["s3"]["object"]["size"] == len("one, two")


class Dying:
    """The daemon dies as soon as it has taken the events durably; or, *early*, just before."""

    def __init__(self, bucket: BucketHouse, *, early: bool) -> None:
        self.bucket, self.early, self.died = bucket, early, asyncio.Event()

    async def emit_all(self, envelopes: Sequence[Envelope], beside: Beside | None = None) -> None:
        if not self.early:
            await self.bucket.outlet.emit_all(envelopes, beside)
        self.died.set()
        raise RuntimeError("killed")

    async def invoke(self, envelope: Envelope) -> None:
        raise AssertionError


async def die(bucket: BucketHouse, *, early: bool) -> None:
    """The daemon dies over the next change."""
    with pytest.raises(BaseExceptionGroup):
        async with bucket.running(dying := Dying(bucket, early=early)):
            await dying.died.wait()


def overwrite(bucket: BucketHouse) -> None:
    """By a rename over it, with an older time."""
    (bucket.place / "new").write_text("two")
    os.utime(bucket.place / "new", (1, 1))
    os.rename(bucket.place / "new", bucket.root / "k")


@pytest.mark.parametrize("early", [True, False], ids=["before", "after"])
async def test_killed_over_a_change_each_is_told_once(bucket: BucketHouse, early: bool) -> None:
    """Told and recorded are one: before it the next daemon finds the change, after it there is none."""
    bucket.root.mkdir()
    bucket.scan = 0.3
    changes: list[Callable[[], object]] = [
        lambda: (bucket.root / "k").write_text("one"),
        lambda: overwrite(bucket),
        (bucket.root / "k").unlink,
    ]
    for number, change in enumerate(changes):
        change()
        await die(bucket, early=early)
        assert len(bucket.outlet.emitted) == number + (not early)
        async with bucket.running():
            await until(lambda number=number: len(bucket.outlet.emitted) == number + 1)  # type: ignore[misc]
            await asyncio.sleep(0 if early else 0.5)
    assert [name for name, _ in bucket.told()] == [s3.CREATED, s3.CREATED, s3.REMOVED]
    assert sequencers(bucket) == sorted(set(sequencers(bucket)))
    assert bucket.outlet.duplicates == []


@pytest.mark.parametrize("early", [True, False], ids=["before", "after"])
async def test_killed_over_a_version_that_goes_then_its_removal_comes_after_it(bucket: BucketHouse, early: bool) -> None:
    """Killed before, the version is never told: nobody knows what it was."""
    bucket.root.mkdir()
    (bucket.root / "k").write_text("one")
    async with bucket.running():
        await until(lambda: len(bucket.outlet.emitted) == 1)
    overwrite(bucket)
    await die(bucket, early=early)
    (bucket.root / "k").unlink()
    told = len(bucket.outlet.emitted)
    async with bucket.running():
        await until(lambda: len(bucket.outlet.emitted) == told + 1)
    assert [name for name, _ in bucket.told()] == [s3.CREATED, *([] if early else [s3.CREATED]), s3.REMOVED]
    assert sequencers(bucket) == sorted(set(sequencers(bucket)))


@pytest.mark.parametrize("early", [True, False], ids=["the first removal untold", "the first removal told"])
async def test_a_second_removal_is_told_after_what_came_between(bucket: BucketHouse, early: bool) -> None:
    """Killed over a removal; the file is there again, and killed over that; it goes again."""
    bucket.root.mkdir()
    (bucket.root / "k").write_text("one")
    async with bucket.running():
        await until(lambda: len(bucket.outlet.emitted) == 1)
    (bucket.root / "k").unlink()
    await die(bucket, early=early)
    (bucket.root / "k").write_text("two")
    await die(bucket, early=False)
    await asyncio.sleep(0.05)  # the file system's clock moves on
    (bucket.root / "k").unlink()
    told = len(bucket.outlet.emitted)
    async with bucket.running():
        await until(lambda: len(bucket.outlet.emitted) > told)
    assert [name for name, _ in bucket.told()] == [s3.CREATED, *([] if early else [s3.REMOVED]), s3.CREATED, s3.REMOVED]
    assert sequencers(bucket) == sorted(set(sequencers(bucket)))


async def test_what_cannot_be_recorded_is_not_told_until_it_can(bucket: BucketHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bucket.running() as source:
        transact, failed = bucket.database.transact, []

        async def full(unit: object, **_: object) -> object:
            failed.append(unit)
            raise JournalError("disk full")

        monkeypatch.setattr(bucket.database, "transact", full)
        (bucket.root / "k").write_text("x")
        await until(lambda: len(failed) >= 2)
        assert "disk full" in source.health()
        assert bucket.told() == []
        monkeypatch.setattr(bucket.database, "transact", transact)
        await until(lambda: source.health() == "")
    assert bucket.told() == [(s3.CREATED, "k")]
    assert bucket.outlet.duplicates == []


async def test_rows_that_cannot_be_read_are_waited_for(bucket: BucketHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.scan = 0.3
    async with bucket.running() as source:
        read = bucket.database.read

        async def broken(*_: object) -> object:
            raise JournalError("input/output error")

        monkeypatch.setattr(bucket.database, "read", broken)
        (bucket.root / "k").write_text("x")
        await until(lambda: "input/output error" in source.health())
        await asyncio.sleep(0.5)
        monkeypatch.setattr(bucket.database, "read", read)
        await until(lambda: len(bucket.told()) == 1)
        await until(lambda: source.health() == "")
    assert bucket.told() == [(s3.CREATED, "k")]


async def test_a_full_disk_keeps_the_files_in_place_and_loses_none(bucket: BucketHouse) -> None:
    async with bucket.running() as source:
        bucket.outlet.refuse = 3
        for number in range(20):
            (bucket.root / str(number)).write_text("x")
        await until(lambda: "disk full" in source.health())
        await until(lambda: len(bucket.told()) == 20)
        await until(lambda: source.health() == "")
    assert sorted(bucket.created()) == sorted(map(str, range(20)))


async def test_functions_that_could_not_be_told_are_told_together(bucket: BucketHouse) -> None:
    bucket.wanted = {name: s3.Filter(frozenset({s3.CREATED})) for name in ("f", "g")}
    async with bucket.running():
        bucket.outlet.refuse = 1
        (bucket.root / "k").write_text("x")
        await until(lambda: len(bucket.told()) == 2)
        await asyncio.sleep(0.3)
    assert sorted(envelope.function for envelope in bucket.outlet.emitted) == ["f", "g"]
    assert bucket.outlet.duplicates == []
    assert len({envelope.sequencer for envelope in bucket.outlet.emitted}) == 1


async def test_a_key_overwritten_while_it_is_queued_keeps_its_order(bucket: BucketHouse) -> None:
    """Each version that is told has its own sequencer and eTag, the last is the final one."""
    async with bucket.running():
        for number in range(300):
            (bucket.root / "k").write_text(f"version {number}")
            if number % 10 == 0:
                await asyncio.sleep(0.002)
        final = hashlib.md5(b"version 299").hexdigest()
        await until(lambda: bucket.told() and bucket.records()[-1]["s3"]["object"]["eTag"] == final)
    assert sequencers(bucket) == sorted(set(sequencers(bucket)))
    known = {hashlib.md5(f"version {number}".encode()).hexdigest() for number in range(300)}
    assert {record["s3"]["object"]["eTag"] for record in bucket.records()} <= known


async def test_the_same_bytes_dropped_again_are_a_second_version(bucket: BucketHouse) -> None:
    async with bucket.running():
        (bucket.place / "source").write_text("same")
        subprocess.run(["cp", bucket.place / "source", bucket.root / "k"], check=True)
        await until(lambda: len(bucket.told()) == 1)
        await asyncio.sleep(0.1)
        subprocess.run(["cp", bucket.place / "source", bucket.root / "k"], check=True)
        await until(lambda: len(bucket.told()) == 2)
        subprocess.run(["touch", bucket.root / "k"], check=True)
        await asyncio.sleep(0.5)
    assert bucket.created() == ["k", "k"]


async def test_two_writes_within_one_tick_are_not_taken_for_one(bucket: BucketHouse) -> None:
    """The first is told; the second leaves size and times as they were, and its hint is lost."""
    bucket.root.mkdir()
    (bucket.root / "k").write_text("one")
    async with bucket.running():
        await until(bucket.told)
    await bucket.database.write("UPDATE s3_versions SET racy = 1")
    times = (bucket.root / "k").stat()
    with (bucket.root / "k").open("r+") as file:
        file.write("two")
    os.utime(bucket.root / "k", ns=(times.st_atime_ns, times.st_mtime_ns))
    await bucket.database.write("UPDATE s3_versions SET ctime = ?", (bucket.root / "k").stat().st_ctime_ns)
    async with bucket.running():
        await until(lambda: len(bucket.told()) == 2)
    assert bucket.records()[1]["s3"]["object"]["eTag"] == hashlib.md5(b"two").hexdigest()
    assert sequencers(bucket) == sorted(set(sequencers(bucket)))


async def test_a_terabyte_of_nothing_is_told_at_once(bucket: BucketHouse) -> None:
    async with bucket.running():
        with (bucket.root / "huge").open("wb") as file:
            file.truncate(1024**4)
        await until(bucket.told, timeout=5)
    assert bucket.records()[0]["s3"]["object"]["size"] == 1024**4
    assert bucket.records()[0]["s3"]["object"]["eTag"].endswith("-8192")


async def test_a_larger_file_is_hashed_aside_while_small_ones_go_on(bucket: BucketHouse) -> None:
    data = os.urandom(5_000_000)
    async with bucket.running():
        (bucket.root / "large").write_bytes(data)
        (bucket.root / "small").write_text("x")
        await until(lambda: len(bucket.told()) == 2)
    (large,) = [record for record in bucket.records() if record["s3"]["object"]["key"] == "large"]
    assert large["s3"]["object"]["eTag"] == hashlib.md5(data).hexdigest()


async def test_many_larger_files_at_once_are_read_in_turn(bucket: BucketHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    from router.sources import s3dir_look

    monkeypatch.setattr(s3dir_look, "QUEUED", 3)
    async with bucket.running():
        for number in range(40):
            (bucket.root / str(number)).write_bytes(bytes([number]) * 300_000)
        await until(lambda: len(bucket.told()) == 40)
    assert {record["s3"]["object"]["eTag"] for record in bucket.records()} == {
        hashlib.md5(bytes([number]) * 300_000).hexdigest() for number in range(40)
    }


# -- the root


async def test_a_root_that_vanishes_deletes_nothing_and_is_taken_up_again(bucket: BucketHouse) -> None:
    async with bucket.running() as source:
        (bucket.root / "a").write_text("x")
        await until(bucket.told)
        os.rename(bucket.root, bucket.place / "away")
        await until(lambda: "is missing" in source.health())
        assert not bucket.root.exists()
        os.rename(bucket.place / "away", bucket.root)
        (bucket.root / "b").write_text("x")
        await until(lambda: source.health() == "")
        await until(lambda: len(bucket.told()) == 2)
    assert bucket.created() == ["a", "b"]
    assert bucket.removed() == []


async def test_a_root_made_anew_is_served_and_the_former_is_forgotten(bucket: BucketHouse) -> None:
    async with bucket.running() as source:
        (bucket.root / "a").write_text("x")
        await until(bucket.told)
        os.rename(bucket.root, bucket.place / "old")
        await until(source.health)
        bucket.root.mkdir()
        (bucket.root / "b").write_text("x")
        await until(lambda: len(bucket.told()) == 2)
        assert source.health() == ""
        (bucket.root / "b").unlink()
        await until(lambda: len(bucket.told()) == 3)
    assert bucket.told()[1:] == [(s3.CREATED, "b"), (s3.REMOVED, "b")]
    assert await bucket.database.read("SELECT name FROM s3_versions") == []


async def test_a_mount_that_is_required_and_missing_is_waited_for(bucket: BucketHouse) -> None:
    bucket.mount = "required"
    source, stop = bucket.source(), asyncio.Event()
    task = asyncio.create_task(source.run(bucket.outlet, stop))
    await until(lambda: "is missing" in source.health())
    assert not bucket.root.exists()
    bucket.root.mkdir()
    (bucket.root / "a").write_text("x")
    await until(lambda: "mount: required" in source.health())
    stop.set()
    await task
    assert bucket.told() == []


def mount(*arguments: str | Path) -> bool:
    return subprocess.run(["mount", *arguments], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
async def test_a_mount_that_goes_and_comes_back(bucket: BucketHouse) -> None:
    """Lazily unmounted, what is left is an empty directory: nothing is deleted, nothing is told twice."""
    bucket.root.mkdir()
    (bucket.place / "disk").mkdir()
    if not mount("--bind", bucket.place / "disk", bucket.root):
        pytest.skip("this machine forbids mounting")
    mounted = True
    try:
        async with bucket.running() as source:
            (bucket.root / "a").write_text("x")
            await until(bucket.told)
            subprocess.run(["umount", "-l", bucket.root], check=True)
            mounted = False
            await until(lambda: "was a mount point and is not one now" in source.health())
            (bucket.place / "disk/b").write_text("x")
            mounted = mount("--bind", bucket.place / "disk", bucket.root)
            await until(lambda: source.health() == "")
            await until(lambda: len(bucket.told()) == 2)
    finally:
        if mounted:
            subprocess.run(["umount", "-l", bucket.root], check=True)
    assert bucket.created() == ["a", "b"]
    assert bucket.removed() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
async def test_something_mounted_over_the_root_hides_and_does_not_delete(bucket: BucketHouse) -> None:
    (bucket.place / "over").mkdir()
    mounted = False
    async with bucket.running() as source:
        try:
            (bucket.root / "a").write_text("x")
            await until(bucket.told)
            mounted = mount("--bind", bucket.place / "over", bucket.root)
            if not mounted:
                pytest.skip("this machine forbids mounting")
            await until(lambda: "something was mounted" in source.health())
            (bucket.root / "b").write_text("x")
            await until(lambda: len(bucket.told()) == 2)
        finally:
            if mounted:
                subprocess.run(["umount", "-l", bucket.root], check=True)
        (bucket.root / "c").write_text("x")
        await until(lambda: len(bucket.told()) == 3)
    assert bucket.created() == ["a", "b", "c"]
    assert bucket.removed() == []


async def test_a_bucket_that_is_emptied_by_hand_tells_each_file(bucket: BucketHouse) -> None:
    async with bucket.running():
        for number in range(20):
            (bucket.root / f"d{number % 2}").mkdir(exist_ok=True)
            (bucket.root / f"d{number % 2}/{number}").write_text("x")
        await until(lambda: len(bucket.told()) == 20)
        for directory in bucket.root.iterdir():
            shutil.rmtree(directory)
        await until(lambda: len(bucket.removed()) == 20)


async def test_a_watch_limit_leaves_the_scan(bucket: BucketHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    cover = InotifyWatcher.cover
    monkeypatch.setattr(InotifyWatcher, "cover", lambda self, directory, descriptor: not directory and cover(self, directory, descriptor))
    bucket.scan = 0.2
    async with bucket.running():
        (bucket.root / "d/e").mkdir(parents=True)
        await until(lambda: bucket.count("router_s3_unwatched_directories") == 2)
        (bucket.root / "d/e/f").write_text("x")
        (bucket.root / "near").write_text("x")
        await until(lambda: len(bucket.told()) == 2)
    assert sorted(bucket.created()) == ["d/e/f", "near"]


async def test_a_watcher_that_cannot_be_had_leaves_the_scan(bucket: BucketHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    from router.buckets.inotify import InotifyWatcher

    async def none_left(_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(InotifyWatcher, "open", none_left)
    bucket.scan = 0.2
    async with bucket.running() as source:
        (bucket.root / "a").write_text("x")
        await until(bucket.told)
        assert source.health() == ""


async def test_a_drained_source_leaves_nothing_half_handled(bucket: BucketHouse) -> None:
    """Whenever it is stopped: what was emitted is recorded, and a fresh start tells the rest once."""
    bucket.root.mkdir()
    for number in range(500):
        (bucket.root / str(number)).write_text("x")
    for pause in (0.0, 0.01, 0.02, 0.05):
        async with bucket.running():
            await asyncio.sleep(pause)
        rows = await bucket.database.read("SELECT name FROM s3_versions")
        assert sorted(name for (name,) in rows) == sorted(bucket.created())
    async with bucket.running():
        await until(lambda: len(bucket.told()) == 500)
    assert bucket.outlet.duplicates == []


async def test_a_drain_within_a_content_tells_nothing_of_it(bucket: BucketHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half read, a file that has stood still for long would be taken for complete, and have no eTag."""
    bucket.root.mkdir()
    content = b"x" * 3_000_000
    (bucket.root / "k").write_bytes(content)
    os.utime(bucket.root / "k", (1_000_000_000, 1_000_000_000))
    inner, begun = contents.digest, threading.Event()

    def held(file: int, size: int, ended: Callable[[], bool]) -> tuple[str, int]:
        begun.set()
        while not ended():
            time.sleep(0.001)
        return inner(file, size, ended)

    monkeypatch.setattr(contents, "digest", held)
    async with bucket.running():
        await until(begun.is_set)
    assert bucket.told() == []
    monkeypatch.undo()
    async with bucket.running():
        await until(lambda: len(bucket.told()) == 1)
    assert bucket.records()[0]["s3"]["object"]["eTag"] == hashlib.md5(content).hexdigest()
