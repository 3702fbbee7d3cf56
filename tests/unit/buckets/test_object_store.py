"""The store finds buckets as the config has them, and tidies up."""

import asyncio
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from router.buckets import checksums, object_store
from router.buckets.facts import ANYWAY, Metadata, PartName
from router.buckets.object_errors import BucketNotEmpty, KeyConflict, NoSuchBucket
from tests.helpers.objects import BUCKET, rig


async def test_buckets_come_and_go_with_the_config(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        with pytest.raises(NoSuchBucket):
            await house.objects.head("results", "k")
        bucket = house.objects.buckets()[BUCKET]
        house.objects.adopt({"results": replace(bucket, name="results", path=tmp_path / "results")})
        (tmp_path / "results").mkdir()
        upload = await house.objects.begin_put("results", "k")
        await upload.write(b"1")
        await upload.commit(Metadata())
        assert (tmp_path / "results/k").read_bytes() == b"1"
        with pytest.raises(NoSuchBucket):
            await house.put("k", b"1")
        assert abs(await house.objects.created("results") - (tmp_path / "results").stat().st_ctime) < 5


async def test_an_empty_bucket_is_removed_and_forgotten(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        await house.put("a/k", b"1")
        assert not await house.objects.empty(BUCKET)
        with pytest.raises(BucketNotEmpty):
            await house.objects.remove_bucket(BUCKET)
        await house.objects.delete(BUCKET, "a/k")
        await house.objects.create_upload(BUCKET, "k", Metadata())
        (house.root / ".hidden").write_bytes(b"by hand")
        assert await house.objects.empty(BUCKET)
        with pytest.raises(BucketNotEmpty):
            await house.objects.remove_bucket(BUCKET)
        (house.root / ".hidden").unlink()
        await house.objects.remove_bucket(BUCKET)
        assert not house.root.exists()
        house.root.mkdir()
        assert (await house.objects.uploads(BUCKET)).uploads == ()
        await house.put("a/k", b"1")
        assert await house.keys() == ["a/k"]


async def test_many_are_deleted_and_told_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with rig(tmp_path) as house:
        for number in range(50):
            await house.put(f"k{number}", b"1")
        results = await house.objects.delete_many(
            BUCKET, dict.fromkeys([*(f"k{number}" for number in range(40)), "missing", "a//b"], ANYWAY)
        )
        assert set(results.values()) == {None}
        assert await house.keys() == sorted(f"k{number}" for number in range(40, 50))
        with pytest.raises(NoSuchBucket):
            await house.objects.delete_many("other", {"k": ANYWAY})
        desk = house.objects._desk(BUCKET)

        async def refuse(*_: object) -> bool:
            raise KeyConflict("no")

        monkeypatch.setattr(desk.changes, "delete", refuse)
        assert isinstance((await house.objects.delete_many(BUCKET, {"k45": ANYWAY}))["k45"], KeyConflict)


async def test_a_copy_has_the_bytes_and_an_etag_of_its_own(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        upload = await house.objects.create_upload(BUCKET, "parts", Metadata(), algorithm="sha256")
        body = await house.objects.begin_part(upload, 1)
        await body.write(b"content")
        part = await body.commit({})
        await house.objects.complete(BUCKET, "parts", upload.upload_id, [PartName(1, part.etag, part.checksums)])
        async with await house.objects.open(BUCKET, "parts") as source:
            assert source.facts.metadata.checksum_type == "COMPOSITE"
            copy = await house.objects.copy(source, BUCKET, "d/copy", source.facts.metadata)
            marked = await house.objects.copy(source, BUCKET, "crc", Metadata(), algorithm="crc64nvme")
        assert copy.etag == hashlib.md5(b"content").hexdigest()
        assert (copy.metadata.parts, copy.metadata.checksum_type) == ((), "FULL_OBJECT")
        assert copy.metadata.checksums == {"sha256": checksums.text(hashlib.sha256(b"content").digest())}
        assert marked.metadata.checksums == {"crc64nvme": checksums.text(checksums.of("crc64nvme", b"content"))}
        async with await house.objects.open(BUCKET, "d/copy") as itself:
            again = await house.objects.copy(itself, BUCKET, "d/copy", Metadata({"content-type": "x/y"}))
        assert (again.content_type, await house.get("d/copy")) == ("x/y", b"content")


async def test_notes_of_files_that_are_gone_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with rig(tmp_path) as house:
        for key in ("stays", "goes", "changes", "dir/", "gone/", ".hidden"):
            await house.put(key, b"" if key.endswith("/") else b"1")
        (house.root / "goes").unlink()
        (house.root / "changes").write_bytes(b"22")
        (house.root / "gone").rmdir()
        notes = house.objects._desk(BUCKET).shelf.notes
        await house.objects.sweep()
        assert len(await notes.page(None, 100)) == 6, "a note may be waiting for its file"
        monkeypatch.setattr(object_store, "WAITING", -1.0)
        await house.objects.sweep()
        assert sorted(note.key for note in await notes.page(None, 100)) == [".hidden", "dir/", "stays"]
        assert await house.keys() == [".hidden", "changes", "dir/", "stays"]


async def test_what_an_earlier_daemon_left_is_swept(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        await house.put("k", b"1")
        (house.root / ".router/put-dead").write_bytes(b"x")
        await house.objects.sweep()
        assert os.listdir(house.root / ".router") == []
        house.root.rename(tmp_path / "aside")
        await house.objects.sweep()  # a bucket that is not there waits


async def test_what_was_put_stays_an_object_when_its_name_is_ignored_later(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        stop = asyncio.Event()
        running = asyncio.create_task(house.objects.run(stop))
        await house.put("x.bak", b"1")
        await house.put("x.tmp", b"1")
        (house.root / "by-hand.bak").write_bytes(b"1")
        for ignored, keys in ((("*.bak",), ["x.bak", "x.tmp"]), (("*.tmp",), ["by-hand.bak", "x.bak", "x.tmp"])):
            house.house.ignore = ignored
            house.objects.adopt(house.house.buckets())
            async with asyncio.timeout(10):
                while await house.keys() != keys:
                    await asyncio.sleep(0.01)
            assert await house.get("x.bak") == b"1"
        stop.set()
        await running
        house.house.ignore = ("*.bak",)
        fresh = await house.house.objects()  # as after a restart
        await fresh.sweep()
        assert [one.key for one in (await fresh.list_page(BUCKET)).objects] == ["x.bak", "x.tmp"]
        await fresh.close()
