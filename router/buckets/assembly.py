"""What completing a multipart upload makes of its parts: which ones, in order, and the eTag and checksums of the whole. Pure.

Source: Amazon S3 user guide, "Uploading and copying objects using multipart upload", and its quotas."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from router.buckets import checksums
from router.buckets.facts import ChecksumType, Metadata, Part, PartName, UploadFacts
from router.buckets.object_errors import BadChecksum, InvalidPart, InvalidPartOrder, MissingChecksum, PartTooSmall, TooLarge
from router.buckets.upload_table import Kept

SMALLEST: Final = 5 * 1024**2  # bytes of a part that is not the last
LARGEST: Final = 5 * 1024**4  # bytes of an object
PARTS: Final = 10_000  # the greatest number of a part


def chosen(upload: UploadFacts, named: Sequence[PartName], kept: Sequence[Kept]) -> list[Kept]:
    """The parts that are named. Raises InvalidPartOrder, InvalidPart, PartTooSmall, MissingChecksum, BadChecksum, TooLarge."""
    if any(one.number >= other.number for one, other in pairwise(named)):
        raise InvalidPartOrder("the parts are not named in ascending order")
    there = {one.part.number: one for one in kept}
    found = [_found(upload, name, there.get(name.number)) for name in named]
    for one in found[:-1]:
        if one.part.size < SMALLEST:
            raise PartTooSmall(one.part.number, one.part.etag, one.part.size)
    if sum(one.part.size for one in found) > LARGEST:
        raise TooLarge(f"more than {LARGEST} bytes")
    return found


def check_claimed(upload: UploadFacts, claimed: Mapping[str, str], kind: str) -> None:
    """Whether the checksums that the client has of the whole may be those of this upload. Raises BadChecksum.

    As recorded of AWS: one of another algorithm is not looked at, and one whose *kind* is not said is of its algorithm's usual kind."""
    for algorithm in claimed if upload.algorithm else ():
        if algorithm != upload.algorithm or (kind or usual(algorithm)) != upload.checksum_type:
            raise BadChecksum(upload.algorithm)


def usual(algorithm: str) -> ChecksumType:
    """The kind of checksum where none is said."""
    return "COMPOSITE" if algorithm in checksums.COMPOSITE else "FULL_OBJECT"


def whole(upload: UploadFacts, parts: Sequence[Part], claimed: Mapping[str, str]) -> tuple[str, Metadata]:
    """The eTag and the metadata of the whole. *claimed*: the checksum that the client has of it. Raises BadChecksum."""
    etag = checksums.multipart_etag([bytes.fromhex(part.etag) for part in parts])
    sums, kind = dict[str, str](), upload.checksum_type
    if upload.algorithm and all(upload.algorithm in part.checksums for part in parts):
        sums[upload.algorithm] = _sum(upload, parts)
    else:
        kind = ""
    for algorithm, value in claimed.items():
        if algorithm in sums and value.partition("-")[0] != sums[algorithm].partition("-")[0]:
            raise BadChecksum(algorithm)
    kept = tuple(part._replace(etag="", modified=0.0) for part in parts)
    return etag, replace(upload.metadata, checksums=sums, checksum_type=kind, parts=kept)


def unproven(claimed: Mapping[str, str], metadata: Metadata) -> dict[str, str]:
    """The checksums that the client has of the whole and that its parts' do not tell: the bytes have to."""
    return {algorithm: value for algorithm, value in claimed.items() if algorithm not in metadata.checksums}


def _found(upload: UploadFacts, name: PartName, kept: Kept | None) -> Kept:
    etag = name.etag.strip('"')
    if kept is None or kept.part.etag != etag:
        raise InvalidPart(name.number, etag)
    if upload.algorithm and (other := next((one for one in name.checksums if one != upload.algorithm), "")):
        raise BadChecksum(other, name.number)
    if upload.checksum_type == "COMPOSITE" and upload.algorithm and upload.algorithm not in name.checksums:
        raise MissingChecksum(upload.algorithm, name.number)
    if name.checksums and not upload.algorithm:  # as recorded of AWS, right ones too
        raise InvalidPart(name.number, etag)
    for algorithm, value in name.checksums.items():
        if kept.part.checksums.get(algorithm, value) != value:
            raise InvalidPart(name.number, etag)
    return kept


def _sum(upload: UploadFacts, parts: Sequence[Part]) -> str:
    algorithm = upload.algorithm
    digests = [checksums.read(algorithm, part.checksums[algorithm]) or b"" for part in parts]
    if upload.checksum_type == "COMPOSITE":
        return checksums.composite(algorithm, digests)
    return checksums.text(checksums.joined(algorithm, ((digest, part.size) for digest, part in zip(digests, parts, strict=True))))
