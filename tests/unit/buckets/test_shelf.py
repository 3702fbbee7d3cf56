"""The facts of an object are those of the very version that is open; an eTag is computed once."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from router.buckets import contents, etags, shelf, versions
from router.buckets.facts import Metadata
from router.buckets.object_errors import NoSuchKey, StorageTrouble
from router.events import s3
from tests.helpers.bucket import until
from tests.helpers.objects import BUCKET, Rig, rig

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
    monkeypatch.setattr(versions, "racy", lambda *_: False)
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
        data = os.urandom(etags.INLINE + 1)
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

    for module in (shelf, etags):
        monkeypatch.setattr(module, "beneath", refused)
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


def rewrite(path: Path, data: bytes) -> None:
    """The same size, in place, and the time put back, as `cp -p` over a file of the same age does."""
    state = path.stat()
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


async def etags_of(house: Rig, key: str) -> tuple[str, str]:
    """As HEAD says it, and as a listing does."""
    (listed,) = (await house.objects.list_page(BUCKET, key)).objects
    return (await house.objects.head(BUCKET, key)).etag, listed.etag


@pytest.mark.parametrize("asked", ["head", "list", "nobody"])
async def test_a_file_that_is_rewritten_with_its_time_put_back_is_told_whoever_read_it_before(tmp_path: Path, asked: str) -> None:
    async with rig(tmp_path, source=True) as house:
        path = house.root / "k"
        drop(path, b"1.2.3")
        await until(house.house.told)
        await asyncio.sleep(0.1)  # longer than a tick: what is read now stays so
        if asked == "head":
            await house.objects.head(BUCKET, "k")
        elif asked == "list":
            await house.objects.list_page(BUCKET)
        rewrite(path, b"1.2.4")
        assert await house.told(2) == [("ObjectCreated:Put", "k")] * 2
        told = [one["s3"]["object"]["eTag"] for one in house.house.records() if one["s3"]["object"]["key"] == "k"]
        assert told == [md5(b"1.2.3"), md5(b"1.2.4")]
        assert await etags_of(house, "k") == (md5(b"1.2.4"),) * 2


@pytest.mark.parametrize("made", ["dropped", "put", "tagged"])
async def test_an_etag_is_that_of_the_content_whatever_time_a_file_has(tmp_path: Path, made: str) -> None:
    async with rig(tmp_path) as house:
        path = house.root / "k"
        if made == "put":
            await house.put("k", b"1.2.3", Metadata(user={"a": "b"}))
        else:
            drop(path, b"1.2.3")
        if made == "tagged":
            await house.objects.tag(BUCKET, "k", {"t": "1"})
        await asyncio.sleep(0.1)
        assert await etags_of(house, "k") == (md5(b"1.2.3"),) * 2
        rewrite(path, b"1.2.4")
        assert await etags_of(house, "k") == (md5(b"1.2.4"),) * 2
        assert (await house.objects.head(BUCKET, "k")).metadata == Metadata()
        await asyncio.sleep(0.1)
        path.chmod(0o640)  # the same content
        assert await etags_of(house, "k") == (md5(b"1.2.4"),) * 2
        fresh = await house.house.objects()  # as after a restart
        assert (await fresh.list_page(BUCKET)).objects[0].etag == md5(b"1.2.4")
        await fresh.close()


async def test_what_was_said_of_a_version_outlives_a_change_of_its_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with rig(tmp_path) as house:
        said = Metadata(user={"a": "b"})
        await house.put("k", b"1.2.3", said)
        (house.root / "k").chmod(0o640)
        await asyncio.sleep(0.1)
        assert (await house.objects.head(BUCKET, "k")).metadata == said
        monkeypatch.setattr(contents, "digest", lambda *_: pytest.fail("it was read once"))
        fresh = await house.house.objects()
        assert (await fresh.head(BUCKET, "k")).metadata == said
        await fresh.close()


async def test_a_large_object_that_is_rewritten_by_hand_is_told_and_no_longer_what_was_put(tmp_path: Path) -> None:
    async with rig(tmp_path, source=True) as house:
        former, latter = b"a" * 9_000_000, b"b" * 9_000_000
        await house.put("k", former, Metadata(user={"a": "b"}))
        rewrite(house.root / "k", latter)
        assert await house.told(2) == [("ObjectCreated:Put", "k")] * 2
        assert house.house.records()[1]["s3"]["object"]["eTag"] == md5(latter)
        found = await house.objects.head(BUCKET, "k")
        assert (found.etag, found.metadata) == (md5(latter), Metadata())


async def test_a_file_that_grew_outside_what_is_wanted_has_no_longer_the_etag_it_had(tmp_path: Path) -> None:
    async with rig(tmp_path, wanted={"f": s3.Filter(s3.PRODUCED, prefix="mark")}) as house:
        path, large = house.root / "k", b"b" * 300_000
        drop(path, b"small")
        await asyncio.sleep(0.1)  # longer than a tick: what the source reads stays so
        async with house.house.running():
            await house.told(0)
            (house.root / ".new").write_bytes(large)
            (house.root / ".new").rename(path)
            await house.told(1)
            assert await etags_of(house, "k") == (md5(large),) * 2


async def test_an_object_that_nobody_wants_to_hear_of_has_the_etag_of_its_content_too(tmp_path: Path) -> None:
    """The source does not read it, and vouches for nothing."""
    async with rig(tmp_path, wanted={"f": s3.Filter(s3.PRODUCED, prefix="mark")}) as house:
        former, latter = b"a" * 300_000, b"b" * 300_000
        async with house.house.running():
            await house.put("k", former, Metadata(user={"a": "b"}))
        rewrite(house.root / "k", latter)
        await asyncio.sleep(0.1)  # longer than a tick: what the source sees stays so
        async with house.house.running():
            await house.told(0)
            assert await etags_of(house, "k") == (md5(latter),) * 2
            assert (await house.objects.head(BUCKET, "k")).metadata == Metadata()


async def test_a_listing_reads_so_much_and_makes_up_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etags, "READ", 10)
    monkeypatch.setattr(versions, "racy", lambda *_: False)
    async with rig(tmp_path) as house:
        for number in range(4):
            drop(house.root / str(number), b"1234")
        first, second = [[one.etag for one in (await house.objects.list_page(BUCKET)).objects] for _ in range(2)]
        assert [etag == md5(b"1234") for etag in first] == [True, True, False, False]
        assert all(etag.endswith("-1") for etag in first[2:])
        assert second == [md5(b"1234")] * 4  # what was read is known from then on
