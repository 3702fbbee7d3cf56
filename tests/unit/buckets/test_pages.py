"""A listing of a real directory against a model, and whatever changes meanwhile."""

import asyncio
import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.buckets import paging, tree, versions
from router.buckets.facts import Metadata
from router.buckets.keys import Ignored
from router.buckets.object_keys import fits
from router.buckets.tree import Directories, Tree
from tests.helpers.objects import BUCKET, rig

SEGMENT = st.text(st.sampled_from("ab-.0é"), min_size=1, max_size=3).filter(lambda text: text not in {".", ".."})
KEY = st.lists(SEGMENT, min_size=1, max_size=4).map("/".join)


def fill(root: Path, keys: set[str]) -> set[str]:
    """Files for as many of *keys* as can be together."""
    made = set()
    for key in sorted(keys):
        try:
            (root / key).parent.mkdir(parents=True, exist_ok=True)
            (root / key).write_bytes(b"")
        except OSError:
            continue
        made.add(key)
    return made


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.sets(KEY, max_size=25), st.text(st.sampled_from("ab-./0"), max_size=4), st.sampled_from(["", "/", "-", "a/"]), KEY | st.just(""))
def test_a_page_is_that_of_a_sorted_list(keys: set[str], prefix: str, delimiter: str, after: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        made = [key.encode() for key in fill(Path(place), keys)]
        Path(place, "empty/below").mkdir(parents=True)
        Path(place, "link").symlink_to(place)
        root, directories = os.open(place, os.O_RDONLY), Directories()
        try:

            def seek(bound: bytes):
                return Tree(root, Ignored(()), directories).keys(prefix.encode(), bound)

            def model(bound: bytes):
                return iter(sorted(key for key in made if key.startswith(prefix.encode()) and key >= bound))

            given_ = prefix.encode(), delimiter.encode(), after.encode(), 5
            assert paging.page(seek, *given_) == paging.page(model, *given_)
            assert list(seek(b"")) == list(model(b""))
        finally:
            os.close(root)


async def test_a_file_dropped_a_moment_ago_is_there(tmp_path: Path) -> None:
    """Whatever is remembered of its directory, and however coarse the clock of the file system is."""
    async with rig(tmp_path) as house:
        (house.root / "d").mkdir()
        for number in range(120):
            (house.root / f"d/{number}").write_bytes(b"")
            assert f"d/{number}" in await house.keys(prefix="d/")
            if number % 3 == 0:
                (house.root / f"d/{number}").unlink()
                assert f"d/{number}" not in await house.keys()


async def test_a_directory_that_did_not_change_is_read_once(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(versions, "racy", lambda *_: False)
    reads, listed = list[str](), Tree._listed

    def counted(self: Tree, opened: int, directory: str) -> list[bytes]:
        reads.append(directory)
        return listed(self, opened, directory)

    monkeypatch.setattr(Tree, "_listed", counted)
    async with rig(tmp_path) as house:
        for key in ("a/1", "a/2", "b/1"):
            (house.root / key).parent.mkdir(exist_ok=True)
            (house.root / key).write_bytes(b"")
        for _ in range(3):
            assert await house.keys() == ["a/1", "a/2", "b/1"]
        assert reads == ["", "a/", "b/"]
        (house.root / "a/3").write_bytes(b"")
        assert await house.keys() == ["a/1", "a/2", "a/3", "b/1"]
        assert reads == ["", "a/", "b/", "a/"]


async def test_a_directory_that_did_not_change_is_read_again_when_other_names_are_ignored(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(versions, "racy", lambda *_: False)
    async with rig(tmp_path) as house:
        for name in ("a.bak", "a.tmp"):
            (house.root / name).write_bytes(b"")
        for ignored, keys in ((("*.bak",), ["a.tmp"]), (("*.tmp",), ["a.bak"]), ((), ["a.bak", "a.tmp"])):
            house.house.ignore = ignored
            house.objects.adopt(house.house.buckets())
            assert await house.keys() == keys


async def test_below_a_directory_with_a_longer_name_other_keys_are_too_long(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(versions, "racy", lambda *_: False)
    async with rig(tmp_path) as house:
        below = "/".join(["d" * 200] * 4)
        (house.root / "a" / below).mkdir(parents=True)
        for name in ("x", "y" * 200):
            (house.root / "a" / below / name).write_bytes(b"")
        for here, names in (("a", ["x", "y" * 200]), ("b" * 100, ["x"]), ("c", ["x", "y" * 200])):
            next(path for path in house.root.iterdir() if path.name[0] in "ab").rename(house.root / here)
            assert await house.keys() == [f"{here}/{below}/{name}" for name in names]


async def test_names_are_forgotten_when_there_are_too_many(tmp_path: Path) -> None:
    directories = Directories(limit=1000)
    for number in range(20):
        proof = (1, number, 0, 0, 0, ())
        directories.put(tree.Read(proof, paging.Names([b"x" * 100]), settled=True))
        assert directories.get(proof) is not None
    assert len(directories._read) < 5
    directories.put(tree.Read((1, 1, 0, 0, 0, ()), paging.Names([b"x"]), settled=False))
    assert directories.get((1, 1, 0, 0, 0, ())) is None
    assert not list(tmp_path.iterdir())


async def test_listings_while_everything_changes(tmp_path: Path) -> None:
    """What stays is in every listing, once; what comes and goes is there or not; order never breaks."""
    async with rig(tmp_path) as house:
        stay = [f"s{number:03d}/{name}" for number in range(0, 60, 3) for name in ("a", "b")]
        for key in stay:
            await house.put(key, b"1")

        async def change() -> None:
            for number in range(50):
                await house.put(f"s{number % 60:03d}/x{number}", b"")
                if number > 5:
                    await house.objects.delete(BUCKET, f"s{(number - 5) % 60:03d}/x{number - 5}")

        changing = asyncio.create_task(change())
        listings = 0
        while not changing.done() or listings < 3:
            found = await house.keys(limit=17)
            assert found == sorted(set(found))
            assert [key for key in found if not key.partition("/")[2].startswith("x")] == stay
            listings += 1
        await changing


async def test_order_is_that_of_bytes_and_a_page_says_what_is_known(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        said = Metadata(storage_class="GLACIER", checksums={"crc32": "AAAAAA=="}, checksum_type="FULL_OBJECT")
        keys = ["a-b", "a/b", "a0", "a/é", "a/\U00010000", "a/\uffff", "B", "z\n", "+ %"]
        for key in keys:
            await house.put(key, b"1", said)
        page = await house.objects.list_page(BUCKET)
        assert [one.key for one in page.objects] == sorted(keys, key=str.encode)
        only = page.objects[0]
        assert (only.storage_class, only.algorithms, only.checksum_type, only.size) == ("GLACIER", ("crc32",), "FULL_OBJECT", 1)
        assert page.next is None
        head = await house.objects.head(BUCKET, "a/b")
        listed = next(one for one in page.objects if one.key == "a/b")
        assert (listed.etag, listed.identity, listed.modified) == (head.etag, head.identity, head.modified)


async def test_common_prefixes_come_once_over_all_pages(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        fill(house.root, {f"d{number}/{name}" for number in range(9) for name in "abc"} | {"e", "f"})
        (house.root / "empty/x").mkdir(parents=True)
        assert await house.keys(delimiter="/", limit=2) == [*(f"d{number}/" for number in range(9)), "e", "f"]
        assert await house.keys(delimiter="/", prefix="d1", limit=1) == ["d1/"]
        assert await house.keys(delimiter="/", prefix="d1/", limit=2) == ["d1/a", "d1/b", "d1/c"]


@settings(max_examples=20)
@given(st.text(max_size=12))
def test_no_prefix_opens_anything_outside(prefix: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        Path(place, "root").mkdir()
        Path(place, "secret").write_bytes(b"")
        root = os.open(Path(place, "root"), os.O_RDONLY)
        try:
            for hostile in (f"../{prefix}", f"{prefix}/../", "/etc/", "../", f"./{prefix}"):
                bytes_ = hostile.encode(errors="surrogatepass")
                assert list(Tree(root, Ignored(()), Directories()).keys(bytes_, b"")) == []
        finally:
            os.close(root)
    assert not fits("../")
