"""The facts of an object are those of the very version that is open; an eTag is computed once."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from router.buckets import contents, shelf
from router.buckets.object_errors import NoSuchKey, StorageTrouble
from tests.helpers.objects import BUCKET, rig

LONG_AGO = 1_600_000_000


def drop(path: Path, data: bytes, age: int = LONG_AGO) -> None:
    """A file that stood still for years, but for its ctime."""
    path.write_bytes(data)
    os.utime(path, (age, age))


@pytest.mark.parametrize("made", ["link", "dangling", "outside", "fifo", "directory", "link/x", "missing", "x/below", "d/../x"])
async def test_what_is_no_file_is_no_object(tmp_path: Path, made: str) -> None:
    async with rig(tmp_path) as house:
        drop(house.root / "x", b"1")
        (tmp_path / "out").mkdir()
        drop(tmp_path / "out/x", b"secret")
        (house.root / "link").symlink_to("../out")
        (house.root / "dangling").symlink_to("nowhere")
        (house.root / "outside").symlink_to("../out/x")
        os.mkfifo(house.root / "fifo")
        (house.root / "directory").mkdir()
        with pytest.raises(NoSuchKey):
            await house.get(made)
        assert await house.keys() == ["x"]


async def test_who_has_a_version_open_reads_that_version(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        await house.put("k", b"former")
        async with await house.objects.open(BUCKET, "k") as opened:
            await house.put("k", b"latter one")
            assert await opened.read(0, 100) == b"former"
            assert opened.intact()
            assert opened.facts.size == 6
        assert await house.get("k") == b"latter one"


async def test_rewriting_in_place_is_noticed_while_it_is_read(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        await house.put("k", b"former")
        async with await house.objects.open(BUCKET, "k") as opened:
            (house.root / "k").write_bytes(b"formal")
            assert not opened.intact()
            with pytest.raises(StorageTrouble, match="rewritten in place"):
                await opened.read(0, 6)


async def test_rewriting_within_a_tick_of_the_clock_is_seen_too(tmp_path: Path) -> None:
    """The store's versions have times of their own: the kernel's coarse clock never gives them again."""
    async with rig(tmp_path) as house:
        for number in range(50):
            await house.put("k", b"aaaa")
            (house.root / "k").write_bytes(data := f"{number:04d}".encode())
            assert (await house.objects.head(BUCKET, "k")).etag == hashlib.md5(data).hexdigest()
            assert (await house.objects.list_page(BUCKET)).objects[0].etag == hashlib.md5(data).hexdigest()


async def test_the_content_of_a_drop_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads, digest = list[int](), contents.digest

    def counted(file: int, size: int, ended: object) -> tuple[str, int]:
        reads.append(size)
        return digest(file, size, ended)  # type: ignore[arg-type]

    monkeypatch.setattr(contents, "digest", counted)
    monkeypatch.setattr(shelf.versions, "racy", lambda *_: False)
    async with rig(tmp_path) as house:
        drop(house.root / "k", b"1234")
        for _ in range(3):
            assert (await house.objects.head(BUCKET, "k")).etag == hashlib.md5(b"1234").hexdigest()
            await house.objects.list_page(BUCKET)
        fresh = await house.house.objects()  # as after a restart
        assert (await fresh.list_page(BUCKET)).objects[0].etag == hashlib.md5(b"1234").hexdigest()
        await fresh.close()
        assert reads == [4]


async def test_a_large_drop_is_not_read(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        with (house.root / "k").open("wb") as file:
            file.truncate(2**40)
        found = await house.objects.head(BUCKET, "k")
        assert found.size == 2**40
        assert found.etag.endswith("-8192")
        assert (await house.objects.list_page(BUCKET)).objects[0].etag == found.etag


async def test_the_source_and_the_store_say_the_same_etag(tmp_path: Path) -> None:
    async with rig(tmp_path, source=True) as house:
        data = os.urandom(shelf.INLINE + 1)
        (house.root / "large").write_bytes(data)
        await house.told(1)
        etag = house.house.records()[0]["s3"]["object"]["eTag"]
        assert etag == hashlib.md5(data).hexdigest()
        async with asyncio.timeout(10):  # what is told is recorded a moment later
            while (await house.objects.head(BUCKET, "large")).etag != etag:
                await asyncio.sleep(0.01)


async def test_an_unreadable_file_is_listed_and_not_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = shelf.beneath

    def refused(root: int, path: str, flags: int = os.O_RDONLY) -> int:
        if path == "k":
            raise PermissionError(13, "Permission denied")
        return real(root, path, flags)

    monkeypatch.setattr(shelf, "beneath", refused)
    async with rig(tmp_path) as house:
        drop(house.root / "k", b"1234")
        with pytest.raises(StorageTrouble):
            await house.get("k")
        assert await house.keys() == ["k"]


async def test_a_bucket_whose_directory_is_gone_gives_trouble_not_absence(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        await house.put("k", b"1")
        house.root.rename(tmp_path / "aside")
        for call in (house.get("k"), house.keys(), house.put("k", b"2"), house.objects.delete(BUCKET, "k")):
            with pytest.raises(StorageTrouble):
                await call
        (tmp_path / "aside").rename(house.root)
        assert await house.get("k") == b"1"
