"""Objects change once, are told once, and whoever reads sees one version."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from router.buckets import roots
from router.buckets.facts import Caller, Condition, Metadata
from router.buckets.ledger import Serving, Told
from router.buckets.notes import Notes
from router.buckets.object_errors import BadName, KeyConflict, NoSuchKey, PreconditionFailed, StorageTrouble
from router.buckets.staging import Staged
from router.buckets.versions import Seen
from router.errors import JournalError
from router.journal.base import Beside
from tests.helpers.bucket import until
from tests.helpers.objects import BUCKET, Rig, rig

SAID = Metadata(
    {"content-type": "text/x", "cache-control": "no-store"}, {"a": "b"}, {"t": "1"}, "GLACIER", {"crc32": "AAAAAA=="}, "FULL_OBJECT"
)
WHO = Caller("AWS:AIDAX", "192.0.2.7", "0123456789ABCDEF", "host")


async def test_what_is_put_is_read_back_with_all_that_was_said(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        put = await house.put("a k+1/é.txt", b"content", SAID)
        assert put == await house.objects.head(BUCKET, "a k+1/é.txt")
        assert (put.etag, put.size, put.metadata) == (hashlib.md5(b"content").hexdigest(), 7, SAID)
        assert await house.get("a k+1/é.txt") == b"content"
        assert (house.root / "a k+1/é.txt").read_bytes() == b"content"


async def test_a_file_that_is_overwritten_by_hand_loses_what_was_said(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        await house.put("x.json", b"content", SAID)
        (house.root / "x.json").write_bytes(b"another")
        found = await house.objects.head(BUCKET, "x.json")
        assert (found.metadata, found.etag, found.content_type) == (Metadata(), hashlib.md5(b"another").hexdigest(), "application/json")


async def test_put_and_dropped_are_each_told_once(tmp_path: Path) -> None:
    async with rig(tmp_path, source=True) as house:
        await house.put("put", b"1", caller=WHO)
        (house.root / "dropped").write_bytes(b"22")
        await house.put("put", b"333")
        assert await house.objects.delete(BUCKET, "put", caller=WHO)
        (house.root / "dropped").unlink()
        told = await house.told(5)
        assert told.count(("ObjectCreated:Put", "put")) == 2
        assert sorted(told) == sorted(
            [
                ("ObjectCreated:Put", "put"), ("ObjectCreated:Put", "put"), ("ObjectRemoved:Delete", "put"),
                ("ObjectCreated:Put", "dropped"), ("ObjectRemoved:Delete", "dropped"),
            ]
        )  # fmt: skip
        first = next(record for record in house.house.records() if record["s3"]["object"]["key"] == "put")
        assert first["userIdentity"] == {"principalId": "AWS:AIDAX"}
        assert first["requestParameters"] == {"sourceIPAddress": "192.0.2.7"}
        assert first["responseElements"] == {"x-amz-request-id": "0123456789ABCDEF", "x-amz-id-2": "host"}
        assert first["s3"]["object"] | {"sequencer": ""} == {
            "key": "put", "size": 1, "eTag": hashlib.md5(b"1").hexdigest(), "sequencer": "",
        }  # fmt: skip
        sequencers = [one["s3"]["object"]["sequencer"] for one in house.house.records() if one["s3"]["object"]["key"] == "put"]
        assert sequencers == sorted(set(sequencers))
        assert house.house.outlet.duplicates == []


async def test_an_event_is_told_of_each_put_however_fast_they_come(tmp_path: Path) -> None:
    async with rig(tmp_path, source=True) as house:
        await asyncio.gather(*(house.put("hot", str(number).encode()) for number in range(40)))
        assert await house.told(40) == [("ObjectCreated:Put", "hot")] * 40
        assert house.house.outlet.duplicates == []


async def test_hands_and_the_store_at_one_key(tmp_path: Path) -> None:
    """Each put is told; of what hands write, what stands when the source looks; the last one told is what is there."""
    async with rig(tmp_path, source=True) as house:
        for number in range(30):
            puts = asyncio.gather(*(house.put("hot", f"put {number} {one}".encode()) for one in range(2)))
            beside = house.root / ".beside"
            beside.write_bytes(f"by hand {number}".encode())
            beside.rename(house.root / "hot")
            await puts
        await house.told(60)
        etags = [one["s3"]["object"].get("eTag") for one in house.house.records() if one["s3"]["object"]["key"] == "hot"]
        for number in range(30):
            for one in range(2):
                assert etags.count(hashlib.md5(f"put {number} {one}".encode()).hexdigest()) == 1
        assert etags[-1] == hashlib.md5((house.root / "hot").read_bytes()).hexdigest()
        assert house.house.outlet.duplicates == []


async def test_other_ways_to_be_made_have_their_own_names(tmp_path: Path) -> None:
    async with rig(tmp_path, source=True) as house:
        await house.put("form", b"1", event="ObjectCreated:Post")
        async with await house.objects.open(BUCKET, "form") as source:
            copied = await house.objects.copy(source, BUCKET, "copy", SAID)
        assert copied.metadata == SAID
        tagged = await house.objects.tag(BUCKET, "copy", {"k": "v"})
        assert (tagged.metadata.tags, tagged.identity, tagged.metadata.user) == ({"k": "v"}, copied.identity, SAID.user)
        await house.objects.tag(BUCKET, "copy", {})
        assert (await house.objects.head(BUCKET, "copy")).metadata.tags == {}
        assert await house.told(4) == [
            ("ObjectCreated:Post", "form"), ("ObjectCreated:Copy", "copy"), ("ObjectTagging:Put", "copy"), ("ObjectTagging:Delete", "copy"),
        ]  # fmt: skip


async def test_a_file_dropped_by_hand_takes_tags(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        (house.root / "x").write_bytes(b"1")
        await house.objects.tag(BUCKET, "x", {"k": "v"})
        found = await house.objects.head(BUCKET, "x")
        assert (found.metadata.tags, found.etag) == ({"k": "v"}, hashlib.md5(b"1").hexdigest())
        with pytest.raises(NoSuchKey):
            await house.objects.tag(BUCKET, "missing", {})


async def test_conditions_are_checked_where_nobody_comes_between(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        new, there = Condition(if_none_match=True), Condition(if_match=f'"{hashlib.md5(b"1").hexdigest()}"')
        with pytest.raises(NoSuchKey):
            await house.put("k", b"1", condition=there)
        results = await asyncio.gather(*(house.put("k", b"1", condition=new) for _ in range(8)), return_exceptions=True)
        assert sum(isinstance(result, PreconditionFailed) for result in results) == 7
        with pytest.raises(PreconditionFailed, match="If-Match"):
            await house.put("k", b"2", condition=Condition(if_match="abc"))
        with pytest.raises(PreconditionFailed):
            await house.objects.delete(BUCKET, "k", condition=Condition(if_match="abc"))
        for missing in ("missing", "a//b"):
            with pytest.raises(NoSuchKey):
                await house.objects.delete(BUCKET, missing, condition=Condition(if_match="*"))
            assert await house.objects.delete(BUCKET, missing) is False
        results = await asyncio.gather(*(house.put("k", b"2", condition=there) for _ in range(8)), return_exceptions=True)
        assert sum(isinstance(result, PreconditionFailed) for result in results) == 7
        assert await house.get("k") == b"2"
        await house.put("k", b"3", condition=Condition(if_match="*"))
        assert os.listdir(house.root / ".router") == []


async def test_folder_markers_come_and_go(tmp_path: Path) -> None:
    async with rig(tmp_path, source=True) as house:
        assert (await house.put("dir/sub/", b"", SAID)).size == 0
        found = await house.objects.head(BUCKET, "dir/sub/")
        assert (found.etag, found.metadata) == ("d41d8cd98f00b204e9800998ecf8427e", SAID)
        assert await house.get("dir/sub/") == b""
        with pytest.raises(NoSuchKey):
            await house.objects.head(BUCKET, "dir/")
        with pytest.raises(BadName, match="no content"):
            await house.put("dir/", b"x")
        assert await house.keys() == ["dir/sub/"]
        await house.put("dir/sub/x", b"1")
        assert await house.keys() == ["dir/sub/", "dir/sub/x"]
        assert await house.objects.delete(BUCKET, "dir/sub/")
        assert not await house.objects.delete(BUCKET, "dir/sub/")
        assert await house.get("dir/sub/x") == b"1"
        await house.objects.delete(BUCKET, "dir/sub/x")
        await house.put("dir/sub/")
        await house.objects.delete(BUCKET, "dir/sub/")
        assert not (house.root / "dir/sub").exists()
        told = await house.told(6)
        assert told == [
            ("ObjectCreated:Put", "dir/sub/"), ("ObjectCreated:Put", "dir/sub/x"), ("ObjectRemoved:Delete", "dir/sub/"),
            ("ObjectRemoved:Delete", "dir/sub/x"), ("ObjectCreated:Put", "dir/sub/"), ("ObjectRemoved:Delete", "dir/sub/"),
        ]  # fmt: skip


async def test_a_marker_whose_directory_is_gone_is_none(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        await house.put("dir/")
        (house.root / "dir").rmdir()
        with pytest.raises(NoSuchKey):
            await house.objects.head(BUCKET, "dir/")
        assert await house.keys() == []


async def test_names_that_the_bucket_ignores_are_objects_when_they_were_put(tmp_path: Path) -> None:
    async with rig(tmp_path, source=True) as house:
        (house.root / ".by-hand").write_bytes(b"1")
        (house.root / "half.part").write_bytes(b"1")
        await house.put(".git/config", b"x", SAID)
        await house.put("a.tmp", b"y")
        assert await house.keys() == [".git/config", "a.tmp"]
        assert await house.keys(delimiter="/") == [".git/", "a.tmp"]
        assert (await house.objects.head(BUCKET, ".git/config")).metadata == SAID
        for missing in (".by-hand", "half.part", ".git/other"):
            with pytest.raises(NoSuchKey):
                await house.get(missing)
            assert not await house.objects.delete(BUCKET, missing)
        assert (house.root / ".by-hand").exists()
        (house.root / "a.tmp").write_bytes(b"by hand")
        assert await house.keys() == [".git/config"]
        assert await house.objects.delete(BUCKET, ".git/config")
        assert await house.keys() == []
        told = await house.told(3)
        assert told == [("ObjectCreated:Put", ".git/config"), ("ObjectCreated:Put", "a.tmp"), ("ObjectRemoved:Delete", ".git/config")]


@pytest.mark.parametrize("key", ["", "a//b", "../x", "a/../b", "x\0y", "\ud800", "z" * 256, ".router/x"], ids=ascii)
async def test_keys_that_no_file_can_carry(tmp_path: Path, key: str) -> None:
    async with rig(tmp_path) as house:
        with pytest.raises(BadName):
            await house.put(key, b"x")
        with pytest.raises(NoSuchKey):
            await house.get(key)
        with pytest.raises(NoSuchKey):
            await house.objects.tag(BUCKET, key, {})
        assert not await house.objects.delete(BUCKET, key)
        assert sorted(os.listdir(tmp_path)) == ["bucket", "store", "store-shm", "store-wal"]


async def test_a_caller_that_leaves_changes_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled while the file is renamed: it goes on, is told, and leaves nothing behind."""
    async with rig(tmp_path, source=True) as house:
        gate, real = asyncio.Event(), Staged.publish
        loop = asyncio.get_running_loop()

        def publish(self: Staged, parent: int, name: str) -> Seen:
            asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()
            return real(self, parent, name)

        monkeypatch.setattr(Staged, "publish", publish)
        put = asyncio.create_task(house.put("k", b"1"))
        await until(lambda: list((house.root / ".router").glob("*")) if (house.root / ".router").exists() else [])
        await asyncio.sleep(0.05)
        put.cancel()
        await asyncio.wait([put])
        gate.set()
        assert await house.told(1) == [("ObjectCreated:Put", "k")]
        assert await house.get("k") == b"1"
        assert os.listdir(house.root / ".router") == []


async def test_a_store_that_takes_nothing_refuses_before_anything_is_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with rig(tmp_path) as house:

        async def full(*_: object, **__: object) -> None:
            raise JournalError("disk full")

        monkeypatch.setattr(Notes, "put", full)
        with pytest.raises(JournalError):
            await house.put("k", b"1")
        assert os.listdir(house.root) == [".router"]
        assert os.listdir(house.root / ".router") == []


async def test_an_event_that_is_not_taken_is_told_by_the_source(tmp_path: Path) -> None:
    """The put is refused though its file is in place; the source tells of it, with its name, as soon as the journal takes events."""
    async with rig(tmp_path, source=True) as house:
        house.house.outlet.refuse = 2
        with pytest.raises(JournalError):
            await house.put("k", b"1", event="ObjectCreated:Post", caller=WHO)
        assert await house.told(1) == [("ObjectCreated:Post", "k")]
        assert house.house.records()[0]["userIdentity"] == {"principalId": "AWS:AIDAX"}


async def test_what_is_put_while_no_source_runs_is_told_when_one_does(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        house.house.ledgers.expect([BUCKET])  # as while sources are built anew
        await house.put("later", b"1", event="ObjectCreated:Post")
        await house.put(".hidden", b"2", event="ObjectCreated:Post")
        with pytest.raises(StorageTrouble):
            await house.put("marker/")
        async with house.house.running():
            assert sorted(await house.told(2)) == [("ObjectCreated:Post", ".hidden"), ("ObjectCreated:Post", "later")]


async def test_what_was_put_is_told_before_it_is_replaced_or_removed(tmp_path: Path) -> None:
    """Its version is left to the source, which would find the next one, or none."""
    async with rig(tmp_path) as house:
        ledger = house.house.ledgers.of(BUCKET)
        house.house.ledgers.expect([BUCKET])
        for key in ("again", "gone", ".hidden"):
            await house.put(key, b"1", event="ObjectCreated:Post", caller=WHO)
            with pytest.raises(StorageTrouble):
                await house.put(key, b"22", SAID)
            assert await house.get(key) == b"1"
            with pytest.raises(StorageTrouble):
                await house.objects.delete(BUCKET, key)
        told = list[tuple[str, str]]()

        async def tell(one: Told, beside: Beside) -> None:
            told.append((one.name, one.key))
            await house.house.database.transact(beside)

        ledger.serving = Serving(tell, roots.find(house.root, required=False))  # attached, and its scan has not come here
        assert (await house.put("again", b"22", SAID)).metadata == SAID
        assert (await house.objects.head(BUCKET, "again")).metadata == SAID
        await house.objects.delete(BUCKET, "gone")
        await house.objects.delete(BUCKET, ".hidden")
        ledger.serving = None
        posted, removed = "ObjectCreated:Post", "ObjectRemoved:Delete"
        assert told == [
            *((posted, "again"), ("ObjectCreated:Put", "again"), (posted, "gone"), (removed, "gone")),
            *((posted, ".hidden"), (removed, ".hidden")),
        ]
        async with house.house.running():
            assert await house.told(0) == []


async def test_what_was_removed_is_told_before_its_key_is_taken_again(tmp_path: Path) -> None:
    """The removal is left to the source, which would find the next version and nothing gone."""
    async with rig(tmp_path) as house:
        async with house.house.running():
            await house.put("k", b"1")
            await house.put("other", b"1")
            await house.told(2)
        house.house.ledgers.expect([BUCKET])  # the source is built anew
        assert await house.objects.delete(BUCKET, "k")
        assert await house.objects.delete(BUCKET, "other")
        with pytest.raises(StorageTrouble):
            await house.put("k", b"22", SAID)
        assert await house.keys() == [one for one in await house.keys() if one.startswith("mark")]
        told = list[tuple[str, str, str]]()

        async def tell(one: Told, beside: Beside) -> None:
            told.append((one.name, one.key, one.sequencer))
            await house.house.database.transact(beside)

        ledger = house.house.ledgers.of(BUCKET)
        ledger.serving = Serving(tell, roots.find(house.root, required=False))  # attached, and its scan has not come here
        await house.put("k", b"22", SAID)
        ledger.serving = None
        assert [one[:2] for one in told] == [("ObjectRemoved:Delete", "k"), ("ObjectCreated:Put", "k")]
        assert told[0][2] < told[1][2]
        fresh = await house.house.objects()
        assert (await fresh.head(BUCKET, "k")).metadata == SAID
        await fresh.close()
        async with house.house.running():
            (removed,) = [one for one in await house.told(4) if one[0] == "ObjectRemoved:Delete"]
            assert removed == ("ObjectRemoved:Delete", "other")


async def test_what_no_source_would_find_is_refused_while_none_is_there(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        async with house.house.running():
            await house.put("k", b"1", SAID)
            await house.put("folder/")
        house.house.ledgers.expect([BUCKET])  # it is built anew
        with pytest.raises(StorageTrouble):
            await house.objects.tag(BUCKET, "k", {"t": "2"})
        with pytest.raises(StorageTrouble):
            await house.objects.delete(BUCKET, "folder/")
        assert (await house.objects.head(BUCKET, "k")).metadata == SAID
        assert await house.keys() == ["folder/", "k"]
        async with house.house.running():
            await house.objects.tag(BUCKET, "k", {"t": "2"})
            await house.objects.delete(BUCKET, "folder/")
            assert (await house.told(4))[2:] == [("ObjectTagging:Put", "k"), ("ObjectRemoved:Delete", "folder/")]


async def test_what_is_put_where_nobody_listens_is_never_told(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        await house.put("before", b"1")
        async with house.house.running():
            await house.put("after", b"1")
            assert await house.told(1) == [("ObjectCreated:Put", "after")]


async def test_one_of_two_keys_that_exclude_each_other(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        await house.put("a", b"1")
        with pytest.raises(KeyConflict):
            await house.put("a/b", b"1")
        await house.put("d/e", b"1")
        with pytest.raises(KeyConflict):
            await house.put("d", b"1")
        await house.objects.delete(BUCKET, "d/e")
        await house.put("d", b"now")
        assert await house.keys() == ["a", "d"]


async def test_a_listing_makes_no_object_of_a_name_that_the_bucket_ignores(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        async with house.house.running():
            await house.put("x.tmp", b"1")
            (house.root / "x.tmp").write_bytes(b"by hand")  # no object any more
            await asyncio.sleep(0.1)  # longer than a tick: what is read now stays so
            for _ in range(2):
                assert await house.keys() == []
                with pytest.raises(NoSuchKey):
                    await house.objects.head(BUCKET, "x.tmp")
            assert await house.told(1) == [("ObjectCreated:Put", "x.tmp")]
        async with house.house.running():  # it looks at what stands in notes
            assert await house.told(1) == [("ObjectCreated:Put", "x.tmp")]


@pytest.mark.parametrize("folder", ["a/", "a/b/"])
async def test_a_file_never_takes_the_place_of_a_folder_that_is_an_object(tmp_path: Path, folder: str) -> None:
    async with rig(tmp_path) as house:
        await house.put(folder, b"", SAID)
        with pytest.raises(KeyConflict):
            await house.put("a", b"1")
        assert await house.keys() == [folder]
        await house.objects.delete(BUCKET, folder)
        (house.root / "a/left").mkdir(parents=True)
        await house.put("a", b"1")
        assert await house.keys() == ["a"]


async def test_a_folder_and_a_file_of_its_name_exclude_each_other_whenever_they_come(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        for number in range(30):
            found = await asyncio.gather(house.put(f"{number}/"), house.put(str(number), b"1"), return_exceptions=True)
            taken = [one for one in found if not isinstance(one, BaseException)]
            assert len(taken) == 1
            assert taken[0].key in await house.keys()


def left(house: Rig) -> list[str]:
    """The directories of the bucket, the store's own aside."""
    found = (path.relative_to(house.root) for path in house.root.rglob("*") if path.is_dir())
    return sorted(str(path) for path in found if path.parts[0] != ".router")


async def test_directories_that_the_store_made_go_with_their_last_object(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        for key in ("jobs/1/result", "jobs/1/log", "kept/x/y", "hands/x/y"):
            if key.startswith("hands"):
                (house.root / "hands").mkdir()
            await house.put(key, b"1")
        await house.put("kept/")
        await house.objects.delete(BUCKET, "jobs/1/result")
        assert left(house) == ["hands", "hands/x", "jobs", "jobs/1", "kept", "kept/x"]
        (house.root / "jobs/by-hand").mkdir()
        for key in ("jobs/1/log", "kept/x/y", "hands/x/y"):
            await house.objects.delete(BUCKET, key)
        assert left(house) == ["hands", "jobs", "jobs/by-hand", "kept"]
        assert await house.keys() == ["kept/"]
        await house.put("top/a/b/", b"")
        await house.objects.delete(BUCKET, "top/a/b/")
        assert left(house) == ["hands", "jobs", "jobs/by-hand", "kept"]


async def test_nothing_is_lost_where_directories_come_and_go(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:

        async def work(name: str) -> None:
            for number in range(25):
                await house.put(f"d/e/{name}", str(number).encode())
                assert await house.get(f"d/e/{name}") == str(number).encode()
                await house.objects.delete(BUCKET, f"d/e/{name}")

        async def mark() -> None:
            for _ in range(25):
                await house.put("d/e/", b"", SAID)
                assert (await house.objects.head(BUCKET, "d/e/")).metadata == SAID
                await house.objects.delete(BUCKET, "d/e/")

        await asyncio.gather(*(work(str(one)) for one in range(6)), mark())
        assert (await house.keys(), left(house)) == ([], [])


async def test_a_directory_that_is_removed_before_the_file_is_in_place_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Staged.publish

    def publish(self: Staged, parent: int, name: str) -> Seen:
        monkeypatch.setattr(Staged, "publish", real)
        (tmp_path / "bucket/a/b").rmdir()
        return real(self, parent, name)

    monkeypatch.setattr(Staged, "publish", publish)
    async with rig(tmp_path) as house:
        await house.put("a/b/c", b"1")
        assert await house.get("a/b/c") == b"1"


async def test_nothing_is_below_a_link(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        (tmp_path / "out/a").mkdir(parents=True)
        (tmp_path / "out/a/b").write_bytes(b"1")
        (house.root / "ln").symlink_to("../out")
        (house.root / "file").write_bytes(b"1")
        for key in ("ln/a/b", "ln/a", "ln/a/b/c", "file/x/y"):
            assert not await house.objects.delete(BUCKET, key)
        assert (tmp_path / "out/a/b").exists()
