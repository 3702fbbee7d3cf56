"""One suite for every watcher: whatever happens to files, the bucket tells it, each once.

Watchers that notify run with an interval of an hour, so that nothing but their hints leads to the files."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.buckets import watch
from router.buckets.versions import CLOSED
from router.buckets.watch import OVERFLOW, Hint
from router.buckets.worklist import Worklist
from router.events import s3
from router.journal.database import Database
from tests.helpers.bucket import BucketHouse, until
from tests.helpers.clock_skip import SkippingClock

SETTLE = 0.1  # seconds


class Hall(BucketHouse):
    """A bucket whose source can be brought to rest, in time that is skipped and not waited for."""

    time: SkippingClock
    worklists: list[Worklist]
    heard: set[str]  # paths that the watcher told the source

    async def quiet(self) -> None:
        """Have all that may still come, come: four times longer than a file takes to settle."""
        for number in range(4):
            await self._still(f".quiet-{len(self.heard)}-{number}")
            scans = self.scans()
            self.time.skip(self.settle)
            if self.watcher == "scan":
                await until(lambda: self.scans() > scans)  # noqa: B023  done before the next round
        await self._still(".quiet")

    async def _still(self, mark: str) -> None:
        """The watcher has told all it knows, and nothing is looked at or listed, or waits for anything but a later time."""
        (self.root / mark).touch()
        await until(lambda: self.watcher == "scan" or mark in self.heard)
        (self.root / mark).unlink()
        await until(lambda: self.time.waiting == WAITERS and not any(map(self._busy, self.worklists)))

    def _busy(self, worklist: Worklist) -> bool:
        due = worklist.due(now=self.time.monotonic())
        return bool(worklist._ready or worklist._busy) or (due is not None and due <= 0)


WAITERS = 3  # lookers, scanner and guard, each at rest


@pytest.fixture(params=["inotify", "watchdog", "scan"])
async def bucket(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hall]:
    database = await Database.open(tmp_path / "store")
    clock = SkippingClock()
    scan = SETTLE if request.param == "scan" else 3600.0
    hall = Hall(tmp_path, database, watcher=request.param, settle=SETTLE, scan=scan, clock=clock)
    hall.time, hall.worklists, hall.heard = clock, [], set()
    begin, take = Worklist.__init__, watch.Mailbox.take

    def begun(worklist: Worklist, *sizes: int) -> None:
        begin(worklist, *sizes)
        hall.worklists.append(worklist)

    async def taken(mailbox: watch.Mailbox) -> list[Hint]:
        hints = await take(mailbox)
        asyncio.get_running_loop().call_soon(hall.heard.update, [hint.path for hint in hints])  # when the source has them
        return hints

    monkeypatch.setattr(Worklist, "__init__", begun)
    monkeypatch.setattr(watch.Mailbox, "take", taken)
    yield hall
    await database.close()


async def test_a_file_written_and_closed_is_created_once(bucket: Hall) -> None:
    async with bucket.running():
        (bucket.root / "a.txt").write_text("hello")
        await until(bucket.told)
        await bucket.quiet()
    assert bucket.told() == [(s3.CREATED, "a.txt")]
    stored = bucket.records()[0]["s3"]["object"]
    assert (stored["size"], stored["eTag"]) == (5, "5d41402abc4b2a76b9719d911017c592")


async def test_a_file_renamed_into_the_bucket_is_created_once(bucket: Hall) -> None:
    (bucket.place / "outside").write_text("hello")
    async with bucket.running():
        os.rename(bucket.place / "outside", bucket.root / "in.txt")
        (bucket.root / "x.part").write_text("half")
        os.rename(bucket.root / "x.part", bucket.root / "x")
        await until(lambda: len(bucket.told()) >= 2)
        await bucket.quiet()
    assert sorted(bucket.told()) == [(s3.CREATED, "in.txt"), (s3.CREATED, "x")]


async def test_a_hard_link_is_created_once(bucket: Hall) -> None:
    (bucket.place / "outside").write_text("hello")
    async with bucket.running():
        os.link(bucket.place / "outside", bucket.root / "link.txt")
        await until(bucket.told)
        await bucket.quiet()
    assert bucket.told() == [(s3.CREATED, "link.txt")]


async def test_files_in_directories_made_just_now_are_each_created_once(bucket: Hall) -> None:
    wanted = set()
    async with bucket.running():
        for number in range(100):
            directory = bucket.root / f"{number}/b/c"
            directory.mkdir(parents=True)
            for name in ("f", "g"):
                (directory / name).write_text("x")
                wanted.add(f"{number}/b/c/{name}")
        await until(lambda: len(bucket.told()) >= 200)
        await bucket.quiet()
    assert len(bucket.told()) == 200
    assert set(bucket.created()) == wanted


async def test_a_tree_moved_in_tells_every_file_of_it(bucket: Hall) -> None:
    for key in ("one", "deep/er/two", "deep/three"):
        (bucket.place / "tree" / key).parent.mkdir(parents=True, exist_ok=True)
        (bucket.place / "tree" / key).write_text(key)
    async with bucket.running():
        os.rename(bucket.place / "tree", bucket.root / "tree")
        await until(lambda: len(bucket.told()) >= 3)
        (bucket.root / "tree/deep/er/later").write_text("and what comes after it is seen too")
        await until(lambda: len(bucket.told()) >= 4)
        await bucket.quiet()
    assert sorted(bucket.created()) == ["tree/deep/er/later", "tree/deep/er/two", "tree/deep/three", "tree/one"]
    assert len(bucket.told()) == 4


async def test_a_deleted_file_is_removed_once_and_may_come_again(bucket: Hall) -> None:
    async with bucket.running():
        (bucket.root / "a").write_text("1")
        await until(lambda: len(bucket.told()) == 1)
        (bucket.root / "a").unlink()
        await until(lambda: len(bucket.told()) == 2)
        (bucket.root / "a").write_text("2")
        await until(lambda: len(bucket.told()) == 3)
        await bucket.quiet()
    assert [name for name, _ in bucket.told()] == [s3.CREATED, s3.REMOVED, s3.CREATED]
    sequencers = [record["s3"]["object"]["sequencer"] for record in bucket.records()]
    assert sequencers == sorted(set(sequencers))


async def test_a_file_renamed_inside_is_removed_and_created(bucket: Hall) -> None:
    async with bucket.running():
        (bucket.root / "a").write_text("1")
        await until(lambda: len(bucket.told()) == 1)
        os.rename(bucket.root / "a", bucket.root / "b")
        await until(lambda: len(bucket.told()) >= 3)
        await bucket.quiet()
    assert sorted(bucket.told()[1:]) == [(s3.CREATED, "b"), (s3.REMOVED, "a")]


async def test_a_directory_renamed_moved_out_and_back(bucket: Hall) -> None:
    async with bucket.running():
        (bucket.root / "d/e").mkdir(parents=True)
        (bucket.root / "d/e/f").write_text("x")
        await until(lambda: bucket.created() == ["d/e/f"])
        os.rename(bucket.root / "d", bucket.root / "new")
        await until(lambda: len(bucket.told()) >= 3)
        assert sorted(bucket.told()[1:]) == [(s3.CREATED, "new/e/f"), (s3.REMOVED, "d/e/f")]
        os.rename(bucket.root / "new", bucket.place / "out")
        await until(lambda: len(bucket.told()) >= 4)
        assert bucket.told()[3] == (s3.REMOVED, "new/e/f")
        (bucket.place / "out/e/g").write_text("outside the root")
        (bucket.place / "out/e/g").unlink()
        await bucket.quiet()
        os.rename(bucket.place / "out", bucket.root / "back")
        await until(lambda: len(bucket.told()) >= 5)
        await bucket.quiet()
    assert bucket.told()[4:] == [(s3.CREATED, "back/e/f")]


async def test_a_removed_tree_removes_every_file_of_it(bucket: Hall) -> None:
    async with bucket.running():
        for number in range(30):
            (bucket.root / f"d/{number % 3}").mkdir(parents=True, exist_ok=True)
            (bucket.root / f"d/{number % 3}/{number}").write_text("x")
        await until(lambda: len(bucket.created()) == 30)
        shutil.rmtree(bucket.root / "d")
        await until(lambda: len(bucket.removed()) == 30)
        await bucket.quiet()
    assert sorted(bucket.removed()) == sorted(bucket.created())
    assert len(bucket.told()) == 60


async def test_an_overwritten_file_is_created_again_and_a_touched_one_is_not(bucket: Hall) -> None:
    async with bucket.running():
        (bucket.root / "a").write_text("one")
        await until(lambda: len(bucket.told()) == 1)
        (bucket.root / "a").write_text("two")
        await until(lambda: len(bucket.told()) == 2)
        os.utime(bucket.root / "a")
        (bucket.root / "a").chmod(0o600)
        await bucket.quiet()
        os.close(os.open(bucket.root / "a", os.O_WRONLY))
        await bucket.quiet()
        (bucket.place / "new").write_text("six")
        os.utime(bucket.place / "new", (1, 1))
        os.rename(bucket.place / "new", bucket.root / "a")
        await until(lambda: len(bucket.told()) == 3)
        await bucket.quiet()
    assert bucket.created() == ["a", "a", "a"]
    assert len(bucket.told()) == 3
    sequencers = [record["s3"]["object"]["sequencer"] for record in bucket.records()]
    assert sequencers == sorted(set(sequencers))


@pytest.mark.parametrize("bucket", ["inotify", "watchdog"], indirect=True)  # one that says nothing loses nothing
async def test_what_was_lost_in_an_overflow_is_found(bucket: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hints of 200 files are lost; that they were is the only hint that comes."""
    put, lost = watch.Mailbox.put, []

    def forgetful(mailbox: watch.Mailbox, hints: list[Hint]) -> None:
        lost.extend(hint for hint in hints if hint.sign & CLOSED)
        put(mailbox, [Hint("", OVERFLOW)] if len(lost) == 200 else [])

    async with bucket.running():
        monkeypatch.setattr(watch.Mailbox, "put", forgetful)
        for number in range(200):
            (bucket.root / str(number)).write_text("x")
        await until(lambda: len(bucket.told()) >= 200)
        monkeypatch.setattr(watch.Mailbox, "put", put)
        await bucket.quiet()
    assert sorted(bucket.created()) == sorted(map(str, range(200)))
    assert len(bucket.told()) == 200
    assert bucket.count("router_s3_overflows_total") >= 1


async def test_a_file_is_not_told_while_it_is_written(bucket: Hall) -> None:
    bucket.settle = 10.0  # much longer than what a busy machine adds to it
    async with bucket.running():
        with (bucket.root / "slow").open("wb") as file:
            for _ in range(3):
                file.write(b"x" * 1000)
                file.flush()
                await bucket.quiet()
            assert bucket.told() == []
        await bucket.quiet()
    assert [record["s3"]["object"]["size"] for record in bucket.records()] == [3000]
