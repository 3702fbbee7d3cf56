"""Which parts make an object, and what its eTag and checksums are."""

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.buckets import assembly, checksums
from router.buckets.assembly import check_claimed, chosen, unproven, whole
from router.buckets.facts import ChecksumType, Part, PartName, UploadFacts
from router.buckets.object_errors import BadChecksum, InvalidPart, InvalidPartOrder, MissingChecksum, PartTooSmall, TooLarge
from router.buckets.upload_table import Kept

LARGE = assembly.SMALLEST
UPLOAD = UploadFacts("b", "k", "id", 0.0)


def kept(number: int, size: int = LARGE, data: bytes = b"", algorithm: str = "") -> Kept:
    sums = {algorithm: checksums.text(checksums.of(algorithm, data))} if algorithm else {}
    return Kept(Part(number, size, hashlib.md5(data).hexdigest(), sums, 1.0), f"file-{number}")


def named(*parts: Kept) -> list[PartName]:
    return [PartName(one.part.number, f'"{one.part.etag}"', one.part.checksums) for one in parts]


def test_a_subset_in_ascending_order_will_do() -> None:
    parts = [kept(1), kept(2), kept(5), kept(9, 1)]
    assert chosen(UPLOAD, named(parts[0], parts[2], parts[3]), parts) == [parts[0], parts[2], parts[3]]


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=6))
def test_any_other_order_is_refused(numbers: list[int]) -> None:
    parts = [kept(number) for number in set(numbers)]
    ascending = all(one < other for one, other in pairwise(numbers))
    names = [PartName(number, kept(number).part.etag) for number in numbers]
    if ascending:
        assert [one.part.number for one in chosen(UPLOAD, names, parts)] == numbers
    else:
        with pytest.raises(InvalidPartOrder):
            chosen(UPLOAD, names, parts)


def test_a_part_that_is_another_or_none_is_refused() -> None:
    with pytest.raises(InvalidPart) as refused:
        chosen(UPLOAD, [PartName(3, "abc")], [kept(1)])
    assert (refused.value.number, refused.value.etag) == (3, "abc")
    with pytest.raises(InvalidPart):
        chosen(UPLOAD, [PartName(1, "abc")], [kept(1)])
    with pytest.raises(InvalidPart):
        chosen(UPLOAD, [PartName(1, kept(1).part.etag, {"crc32": "AAAAAA=="})], [kept(1, algorithm="crc32", data=b"")._replace(
            part=kept(1).part._replace(checksums={"crc32": "AAAAAQ=="}))])  # fmt: skip


def test_only_the_last_may_be_small() -> None:
    parts = [kept(1, LARGE), kept(2, LARGE - 1), kept(3, 0)]
    with pytest.raises(PartTooSmall) as refused:
        chosen(UPLOAD, named(*parts), parts)
    assert (refused.value.number, refused.value.size) == (2, LARGE - 1)
    assert chosen(UPLOAD, named(parts[0], parts[2]), parts)


def test_an_object_has_its_limit() -> None:
    parts = [kept(number, assembly.LARGEST // 2 + 1) for number in (1, 2)]
    with pytest.raises(TooLarge):
        chosen(UPLOAD, named(*parts), parts)


def test_composite_checksums_have_to_be_named() -> None:
    upload = UploadFacts("b", "k", "id", 0.0, algorithm="crc32", checksum_type="COMPOSITE")
    part = kept(1, algorithm="crc32", data=b"x")
    with pytest.raises(MissingChecksum) as missing:
        chosen(upload, [PartName(1, part.part.etag)], [part])
    assert (missing.value.algorithm, missing.value.number) == ("crc32", 1)


def test_checksums_of_parts_are_of_the_uploads_algorithm() -> None:
    """As recorded of AWS: where the upload has none, right ones are refused too."""
    part = kept(1, algorithm="crc32", data=b"x")
    with pytest.raises(InvalidPart):
        chosen(UPLOAD, named(part), [part])
    for kind in ("COMPOSITE", "FULL_OBJECT"):
        upload = UploadFacts("b", "k", "id", 0.0, algorithm="crc32", checksum_type=kind)
        assert chosen(upload, named(part), [part]) == [part]
        with pytest.raises(BadChecksum) as caught:
            chosen(upload, [PartName(1, part.part.etag, {"sha256": "x"})], [part])
        assert (caught.value.algorithm, caught.value.part) == ("sha256", 1)


@pytest.mark.parametrize(
    ("kind", "claimed", "said", "refused"),
    [
        ("FULL_OBJECT", "crc32", "FULL_OBJECT", False),
        ("FULL_OBJECT", "crc32", "", True),  # of composites is meant
        ("FULL_OBJECT", "sha256", "FULL_OBJECT", True),
        ("FULL_OBJECT", "crc64nvme", "", True),
        ("COMPOSITE", "crc32", "", False),
        ("COMPOSITE", "crc32", "COMPOSITE", False),
    ],
)
def test_a_checksum_of_the_whole_is_of_the_uploads_algorithm_and_kind(kind: ChecksumType, claimed: str, said: str, refused: bool) -> None:
    upload = UploadFacts("b", "k", "id", 0.0, algorithm="crc32", checksum_type=kind)
    check_claimed(UPLOAD, {claimed: "x"}, said)
    if refused:
        with pytest.raises(BadChecksum, match="crc32"):
            check_claimed(upload, {claimed: "x"}, said)
    else:
        check_claimed(upload, {claimed: "x"}, said)


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=5), st.sampled_from(sorted(checksums.SIZES)), st.booleans())
def test_the_whole_is_told_from_the_parts(pieces: list[bytes], algorithm: str, composite: bool) -> None:
    composite = (composite and algorithm in checksums.COMPOSITE) or algorithm not in checksums.LINEAR
    upload = UploadFacts("b", "k", "id", 0.0, algorithm=algorithm, checksum_type="COMPOSITE" if composite else "FULL_OBJECT")
    parts = [kept(number, len(piece), piece, algorithm).part for number, piece in enumerate(pieces, 1)]
    etag, metadata = whole(upload, parts, {})
    md5s = b"".join(hashlib.md5(piece).digest() for piece in pieces)
    assert etag == f"{hashlib.md5(md5s).hexdigest()}-{len(pieces)}"
    digests = [checksums.of(algorithm, piece) for piece in pieces]
    bytes_of = checksums.text(checksums.of(algorithm, b"".join(pieces)))
    assert metadata.checksums == {algorithm: checksums.composite(algorithm, digests) if composite else bytes_of}
    assert [(part.number, part.size) for part in metadata.parts] == [(number, len(piece)) for number, piece in enumerate(pieces, 1)]
    assert whole(upload, parts, metadata.checksums) == (etag, metadata)
    with pytest.raises(BadChecksum):
        whole(upload, parts, {algorithm: checksums.text(b"\x01" * checksums.SIZES[algorithm])})


def test_what_parts_do_not_tell_the_bytes_have_to() -> None:
    etag, metadata = whole(UPLOAD, [kept(1).part], {"sha256": "x"})
    assert (metadata.checksums, metadata.checksum_type) == ({}, "")
    assert unproven({"sha256": "x"}, metadata) == {"sha256": "x"}
    assert etag.endswith("-1")
