"""Uploads in parts: joined, told once, surviving restarts and deaths, swept in the end."""

import asyncio
import hashlib
import os
import resource
from pathlib import Path

import pytest

from router.buckets import assembly, checksums
from router.buckets.facts import Condition, Metadata, PartName
from router.buckets.ledger import Recorder
from router.buckets.multipart import KEPT, PART
from router.buckets.object_errors import (
    BadChecksum,
    BadName,
    BadSize,
    Conflict,
    InvalidPart,
    InvalidPartOrder,
    MissingChecksum,
    NoSuchUpload,
    OtherChecksumType,
    PartTooSmall,
    PreconditionFailed,
    TooLarge,
)
from router.buckets.upload import LARGEST
from router.errors import JournalError
from tests.helpers.objects import BUCKET, rig

FIVE = assembly.SMALLEST
SAID = Metadata({"content-type": "a/b"}, {"u": "v"}, {"t": "1"})


async def test_parts_in_any_order_become_one_object(tmp_path: Path) -> None:
    async with rig(tmp_path, source=True) as house:
        upload = await house.objects.create_upload(BUCKET, "big/one", SAID)
        pieces = [os.urandom(FIVE), bytes(FIVE + 3), b"tail"]
        names = dict(
            zip("123", await asyncio.gather(*(house.part(upload, number, pieces[number - 1]) for number in (3, 1, 2))), strict=True)
        )
        named = sorted(names.values())
        assert await house.keys() == []
        made = await house.objects.complete(BUCKET, "big/one", upload.upload_id, named)
        md5s = b"".join(hashlib.md5(piece).digest() for piece in pieces)
        assert made.etag == f"{hashlib.md5(md5s).hexdigest()}-3"
        assert (house.root / "big/one").read_bytes() == b"".join(pieces)
        assert [(part.number, part.size) for part in made.metadata.parts] == [(1, FIVE), (2, FIVE + 3), (3, 4)]
        assert (made.metadata.headers, made.metadata.tags) == (SAID.headers, SAID.tags)
        assert await house.objects.head(BUCKET, "big/one") == made
        assert (await house.objects.list_page(BUCKET)).objects[0].etag == made.etag
        assert await house.told(1) == [("ObjectCreated:CompleteMultipartUpload", "big/one")]
        assert os.listdir(house.root / ".router") == []
        assert await house.objects.complete(BUCKET, "big/one", upload.upload_id, named) == made
        await house.put("big/one", b"another")
        assert (await house.objects.complete(BUCKET, "big/one", upload.upload_id, named)).etag == made.etag
        assert await house.get("big/one") == b"another"
        assert len(await house.told(2)) == 2
        with pytest.raises(NoSuchUpload):
            await house.objects.upload(BUCKET, "big/one", upload.upload_id)
        with pytest.raises(NoSuchUpload):
            await house.part(upload, 1, b"late")
        assert os.listdir(house.root / ".router") == []


async def test_an_etag_of_parts_is_not_taken_for_another_content(tmp_path: Path) -> None:
    """However often the source looks, and reads what it holds."""
    async with rig(tmp_path, source=True, scan=0.05) as house:
        upload = await house.objects.create_upload(BUCKET, "small", SAID)
        await house.objects.complete(BUCKET, "small", upload.upload_id, [await house.part(upload, 1, b"few bytes")])
        for _ in range(20):
            os.close(os.open(house.root / "small", os.O_WRONLY))  # a sign that it was written to, and nothing was
            await asyncio.sleep(0.01)
        assert await house.told(1) == [("ObjectCreated:CompleteMultipartUpload", "small")]
        assert (await house.objects.head(BUCKET, "small")).etag.endswith("-1")


async def test_what_does_not_fit_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        upload = await house.objects.create_upload(BUCKET, "k", SAID)
        one, two = await house.part(upload, 1, bytes(FIVE)), await house.part(upload, 2, b"2")
        refusals = {
            InvalidPartOrder: [two, one],
            InvalidPart: [one, PartName(2, "abc")],
            PartTooSmall: [two, await house.part(upload, 3, b"3")],
        }
        for error, named in refusals.items():
            with pytest.raises(error):
                await house.objects.complete(BUCKET, "k", upload.upload_id, named)
        with pytest.raises(NoSuchUpload):
            await house.objects.complete(BUCKET, "k", "other", [one])
        with pytest.raises(NoSuchUpload):
            await house.objects.complete(BUCKET, "other", upload.upload_id, [one])
        with pytest.raises(
            BadSize, match=f"^The provided 'x-amz-mp-object-size' header value 7 does not match what was computed: {FIVE + 1}$"
        ):
            await house.objects.complete(BUCKET, "k", upload.upload_id, [one, two], size=7)
        for number in (0, 10_001, -1):
            with pytest.raises(BadName, match="1 to 10000"):
                await house.part(upload, number, b"")
        with pytest.raises(BadName):
            await house.objects.create_upload(BUCKET, "dir/", SAID)
        assert (await house.objects.complete(BUCKET, "k", upload.upload_id, [one, two])).size == FIVE + 1


async def test_a_checksum_of_another_kind_than_the_uploads_is_refused(tmp_path: Path) -> None:
    """In AWS's words, as recorded."""
    told = "The upload was created using the {} checksum mode. The complete request must use the same checksum mode."
    async with rig(tmp_path) as house:
        for algorithm, begun, other in (("", "null", "FULL_OBJECT"), ("crc32", "FULL_OBJECT", "COMPOSITE"), ("sha256", "COMPOSITE", "X")):
            own = begun if algorithm else ""
            upload = await house.objects.create_upload(BUCKET, "k", SAID, algorithm=algorithm, checksum_type=own)
            part = await house.part(upload, 1, b"1")
            with pytest.raises(OtherChecksumType) as caught:
                await house.objects.complete(BUCKET, "k", upload.upload_id, [part], kind=other)
            assert str(caught.value) == told.format(begun)
            if own == "FULL_OBJECT":
                assert (await house.objects.complete(BUCKET, "k", upload.upload_id, [part], kind=own)).size == 1


async def test_a_part_that_comes_again_replaces_the_former(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        upload = await house.objects.create_upload(BUCKET, "k", SAID)
        former = await house.part(upload, 1, b"former")
        latter = await house.part(upload, 1, b"latter")
        assert [part.size for part in (await house.objects.parts(upload)).parts] == [6]
        assert len(os.listdir(house.root / ".router")) == 1
        with pytest.raises(InvalidPart):
            await house.objects.complete(BUCKET, "k", upload.upload_id, [former])
        await house.objects.complete(BUCKET, "k", upload.upload_id, [latter])
        assert await house.get("k") == b"latter"


@pytest.mark.parametrize("algorithm", sorted(checksums.SIZES))
async def test_checksums_of_the_whole(tmp_path: Path, algorithm: str) -> None:
    async with rig(tmp_path) as house:
        upload = await house.objects.create_upload(BUCKET, "k", SAID, algorithm=algorithm)
        pieces = [os.urandom(FIVE), b"tail"]
        names = [await house.part(upload, number, piece) for number, piece in enumerate(pieces, 1)]
        assert all(algorithm in name.checksums for name in names)
        whole = checksums.text(checksums.of(algorithm, b"".join(pieces)))
        wrong = checksums.text(bytes(checksums.SIZES[algorithm]))
        with pytest.raises(BadChecksum):
            await house.objects.complete(BUCKET, "k", upload.upload_id, names, checksums={algorithm: wrong})
        if upload.checksum_type == "COMPOSITE":
            with pytest.raises(MissingChecksum):
                await house.objects.complete(BUCKET, "k", upload.upload_id, [name._replace(checksums={}) for name in names])
        made = await house.objects.complete(BUCKET, "k", upload.upload_id, names)
        assert (upload.checksum_type == "FULL_OBJECT") == (algorithm == "crc64nvme")
        assert (made.metadata.checksums[algorithm] == whole) == (algorithm == "crc64nvme")


async def test_a_checksum_that_parts_do_not_tell_is_computed(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        upload = await house.objects.create_upload(BUCKET, "k", SAID)
        names = [await house.part(upload, 1, b"content")]
        with pytest.raises(BadChecksum):
            await house.objects.complete(BUCKET, "k", upload.upload_id, names, checksums={"sha256": checksums.text(bytes(32))})
        right = checksums.text(hashlib.sha256(b"content").digest())
        await house.objects.complete(BUCKET, "k", upload.upload_id, names, checksums={"sha256": right})


async def test_a_part_may_be_a_span_of_another_object(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        content = os.urandom(FIVE + 100)
        await house.put("source", content)
        upload = await house.objects.create_upload(BUCKET, "k", SAID, algorithm="crc32")
        async with await house.objects.open(BUCKET, "source") as source:
            parts = [
                await house.objects.copy_part(upload, 1, source, (10, 10 + FIVE)),
                await house.objects.copy_part(upload, 2, source, (0, 10)),
            ]
        assert parts[1].etag == hashlib.md5(content[:10]).hexdigest()
        named = [PartName(part.number, part.etag, part.checksums) for part in parts]
        await house.objects.complete(BUCKET, "k", upload.upload_id, named)
        assert await house.get("k") == content[10 : 10 + FIVE] + content[:10]


async def test_a_span_that_is_no_part_is_refused(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        await house.put("source", b"content")
        upload = await house.objects.create_upload(BUCKET, "k", SAID)
        async with await house.objects.open(BUCKET, "source") as source:
            for number in (0, 10_001):
                with pytest.raises(BadName):
                    await house.objects.copy_part(upload, number, source, (0, 7))
            with pytest.raises(TooLarge):
                await house.objects.copy_part(upload, 1, source, (0, LARGEST + 1))
        assert (await house.objects.parts(upload)).parts == ()


async def test_while_only_the_reserve_is_left_an_upload_may_end_and_none_begins_or_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path) as house:
        upload, other = [await house.objects.create_upload(BUCKET, key, SAID) for key in ("k", "other")]
        await house.part(upload, 1, b"x")
        files = os.listdir(house.root / ".router")
        monkeypatch.setattr(type(house.house.database), "short_of_space", True)
        with pytest.raises(JournalError, match="the device is full but for a reserve"):
            await house.objects.create_upload(BUCKET, "late", SAID)
        with pytest.raises(JournalError, match="the device is full but for a reserve"):
            await house.part(upload, 2, b"y")
        assert os.listdir(house.root / ".router") == files
        await house.objects.abort_upload(BUCKET, "other", other.upload_id)
        assert len((await house.objects.parts(upload)).parts) == 1


async def test_conditions_hold_at_the_end(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        upload = await house.objects.create_upload(BUCKET, "k", SAID)
        names = [await house.part(upload, 1, b"x")]
        there = await house.put("k", b"meanwhile")
        with pytest.raises(PreconditionFailed):
            await house.objects.complete(BUCKET, "k", upload.upload_id, names, condition=Condition(if_none_match=True))
        with pytest.raises(Conflict):
            await house.objects.complete(BUCKET, "k", upload.upload_id, names, condition=Condition(if_match=there.etag))
        assert await house.get("k") == b"meanwhile"
        await house.objects.complete(BUCKET, "k", upload.upload_id, names)


async def test_parts_and_uploads_come_in_pages(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        upload = await house.objects.create_upload(BUCKET, "b", SAID)
        for number in (5, 1, 9):
            await house.part(upload, number, b"x")
        page = await house.objects.parts(upload, limit=2)
        assert ([part.number for part in page.parts], page.next) == ([1, 5], 5)
        page = await house.objects.parts(upload, after=5, limit=2)
        assert ([part.number for part in page.parts], page.next) == ([9], None)
        later = await house.objects.create_upload(BUCKET, "b", SAID)
        for key in ("a/1", "a/2", "c"):
            await house.objects.create_upload(BUCKET, key, SAID)

        async def all_of(**how: str) -> list[str]:
            found, after = list[str](), ("", "")
            for _ in range(10):
                got = await house.objects.uploads(BUCKET, after=after, limit=1, **how)
                found += [*(f"{one.key} {one.upload_id}" for one in got.uploads), *got.common_prefixes]
                if got.next is None:
                    return [one.replace(f" {upload.upload_id}", " first").replace(f" {later.upload_id}", " second") for one in found]
                after = got.next
            raise AssertionError(found)

        assert [one.split()[0] for one in await all_of()] == ["a/1", "a/2", "b", "b", "c"]
        assert (await all_of(delimiter="/"))[:3] == ["a/", "b first", "b second"]
        assert len(await all_of(prefix="a/")) == 2
        behind = await house.objects.uploads(BUCKET, after=("b", ""))
        assert [one.key for one in behind.uploads] == ["c"]


async def test_an_upload_survives_a_restart_and_is_swept_in_the_end(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        upload = await house.objects.create_upload(BUCKET, "k", SAID, algorithm="crc32")
        old = await house.objects.create_upload(BUCKET, "old", SAID)
        await house.part(old, 1, b"x")
        name = await house.part(upload, 1, b"x")
        again = await house.house.objects()
        assert await again.upload(BUCKET, "k", upload.upload_id) == upload
        await again.complete(BUCKET, "k", upload.upload_id, [name])
        await again.sweep()
        assert await again.upload(BUCKET, "old", old.upload_id) == old
        uploads = again._desk(BUCKET).uploads
        assert await uploads.sweep(old.begun + KEPT) == 1
        with pytest.raises(NoSuchUpload):
            await again.upload(BUCKET, "old", old.upload_id)
        with pytest.raises(NoSuchUpload):  # nor is what was completed remembered any longer
            await again.complete(BUCKET, "k", upload.upload_id, [name])
        assert os.listdir(house.root / ".router") == []
        await again.close()


async def test_aborted_it_leaves_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path) as house:
        upload = await house.objects.create_upload(BUCKET, "k", SAID)
        await house.part(upload, 1, b"x")
        assert os.listdir(house.root / ".router")[0].startswith(PART)
        await house.objects.abort_upload(BUCKET, "k", upload.upload_id)
        with pytest.raises(NoSuchUpload):
            await house.objects.abort_upload(BUCKET, "k", upload.upload_id)
        assert os.listdir(house.root / ".router") == []


async def test_completing_again_after_its_answer_was_lost_makes_nothing_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the daemon dies between the rename and the record: the object is in place, the upload looks unfinished."""
    async with rig(tmp_path, source=True) as house:
        upload = await house.objects.create_upload(BUCKET, "k", SAID)
        names = [await house.part(upload, 1, b"x")]

        async def lost(*_: object) -> None:
            raise JournalError("gone")

        with monkeypatch.context() as patch:
            patch.setattr(Recorder, "created", lost)
            with pytest.raises(JournalError):
                await house.objects.complete(BUCKET, "k", upload.upload_id, names)
        again = await house.objects.complete(BUCKET, "k", upload.upload_id, names)
        assert again == await house.objects.head(BUCKET, "k")
        assert await house.told(1) == [("ObjectCreated:CompleteMultipartUpload", "k")]
        assert os.listdir(house.root / ".router") == []


async def test_memory_stays_flat_however_large_it_is(tmp_path: Path) -> None:
    """Zeros: they take no room on the disk either, neither as parts nor joined."""
    async with rig(tmp_path) as house:
        upload = await house.objects.create_upload(BUCKET, "huge", SAID)
        piece, names = bytes(1024**2), list[PartName]()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(1, 5):
            part = await house.objects.begin_part(upload, number)
            for _ in range(64):
                await part.write(piece)
            names.append(PartName(number, (await part.commit({})).etag))
        made = await house.objects.complete(BUCKET, "huge", upload.upload_id, names)
        assert made.size == 256 * 1024**2
        assert (house.root / "huge").stat().st_blocks == 0
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024
