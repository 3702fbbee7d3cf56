"""Listings: their parameters, their continuation tokens, their documents. Pure.

Source: S3 API reference, "ListObjectsV2", "ListObjects", "ListObjectVersions", "ListMultipartUploads", "ListParts".
A token holds where the page before it ended and nothing else: it is good however the bucket has changed."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import quote

from router.api.aws.s3.documents import Element, document, moment
from router.api.aws.s3.errors import S3Error, invalid
from router.buckets.facts import Listed, Page, PartPage, UploadPage

MOST: Final = 1000  # entries of one page
_NUMBER: Final = re.compile(r"[0-9]{1,10}")
_FORM: Final = "1"  # of tokens


class Asked(NamedTuple):
    """What a listing of objects is asked for."""

    prefix: str
    delimiter: str
    limit: int  # entries: at most MOST are given
    after: str  # the key or common prefix behind which the page starts
    encoded: bool  # encoding-type=url
    owner: bool = False  # fetch-owner


def number(parameters: Mapping[str, str], name: str, otherwise: int, high: int = 2**31 - 1) -> int:
    """A count among the parameters. Raises S3Error: InvalidArgument."""
    value = parameters.get(name, "")
    if not value:
        return otherwise
    if not _NUMBER.fullmatch(value) or int(value) > high:
        raise invalid(f"Provided {name} not an integer or within integer range", name, value[:100])
    return int(value)


def encoding(parameters: Mapping[str, str]) -> bool:
    """Whether names are to be percent-encoded. Raises S3Error."""
    kind = parameters.get("encoding-type")
    if kind not in (None, "url"):
        raise invalid("Invalid Encoding Method specified in Request", "encoding-type", kind)
    return kind == "url"


def asked_v2(parameters: Mapping[str, str]) -> Asked:
    """Of ListObjectsV2. Raises S3Error."""
    if parameters.get("list-type") != "2":
        raise invalid("Invalid List Type specified in Request", "list-type", parameters.get("list-type", "")[:100])
    token = parameters.get("continuation-token")
    if token == "":
        raise invalid("The continuation token provided is incorrect", "continuation-token")
    after = opened(token) if token is not None else parameters.get("start-after", "")
    owner = parameters.get("fetch-owner", "").lower() == "true"
    return _asked(parameters, after)._replace(owner=owner)


def asked_v1(parameters: Mapping[str, str], marker: str = "marker") -> Asked:
    """Of ListObjects, and of ListObjectVersions with its *marker*. Raises S3Error."""
    return _asked(parameters, parameters.get(marker, ""))


def _asked(parameters: Mapping[str, str], after: str) -> Asked:
    limit = min(number(parameters, "max-keys", MOST), MOST)
    return Asked(parameters.get("prefix", ""), parameters.get("delimiter", ""), limit, after, encoding(parameters))


def sealed(after: str) -> str:
    """The continuation token of what comes behind *after*."""
    return base64.urlsafe_b64encode(f"{_FORM}{after}".encode()).decode()


def opened(token: str) -> str:
    """What a continuation token holds. Raises S3Error."""
    try:
        found = base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        found = ""
    if not found.startswith(_FORM):
        raise invalid("The continuation token provided is incorrect", "continuation-token")
    return found[1:]


def _speller(*, encoded: bool) -> Callable[[str], str]:
    return (lambda name: quote(name, safe="/*-._")) if encoded else (lambda name: name)


def _entry(one: Listed, spelled: Callable[[str], str], owner: Sequence[Element] | None) -> Element:
    children: list[Element] = [("Key", spelled(one.key)), ("LastModified", moment(one.modified)), ("ETag", f'"{one.etag}"')]
    children += [("ChecksumAlgorithm", name.upper()) for name in one.algorithms]
    children += [("ChecksumType", one.checksum_type or None), ("Size", one.size), ("StorageClass", one.storage_class), ("Owner", owner)]
    return "Contents", children


def _prefixes(page: Page | UploadPage, spelled: Callable[[str], str]) -> list[Element]:
    return [("CommonPrefixes", [("Prefix", spelled(prefix))]) for prefix in page.common_prefixes]


def objects_v2(bucket: str, asked: Asked, page: Page, parameters: Mapping[str, str], owner: Sequence[Element]) -> bytes:
    """The answer of ListObjectsV2."""
    spelled = _speller(encoded=asked.encoded)
    start = parameters.get("start-after")
    return document(
        "ListBucketResult",
        [
            ("Name", bucket),
            ("Prefix", spelled(asked.prefix)),
            ("StartAfter", spelled(start) if start else None),
            ("ContinuationToken", parameters.get("continuation-token")),
            ("NextContinuationToken", sealed(page.next) if page.next is not None else None),
            ("KeyCount", len(page.objects) + len(page.common_prefixes)),
            ("MaxKeys", asked.limit),
            ("Delimiter", spelled(asked.delimiter) if asked.delimiter else None),
            ("EncodingType", "url" if asked.encoded else None),
            ("IsTruncated", page.next is not None),
            *(_entry(one, spelled, owner if asked.owner else None) for one in page.objects),
            *_prefixes(page, spelled),
        ],
    )


def objects_v1(bucket: str, asked: Asked, page: Page, owner: Sequence[Element]) -> bytes:
    """The answer of ListObjects: the next marker is told only with a delimiter, else it is the last key."""
    spelled = _speller(encoded=asked.encoded)
    return document(
        "ListBucketResult",
        [
            ("Name", bucket),
            ("Prefix", spelled(asked.prefix)),
            ("Marker", spelled(asked.after)),
            ("NextMarker", spelled(page.next) if page.next is not None and asked.delimiter else None),
            ("MaxKeys", asked.limit),
            ("Delimiter", spelled(asked.delimiter) if asked.delimiter else None),
            ("EncodingType", "url" if asked.encoded else None),
            ("IsTruncated", page.next is not None),
            *(_entry(one, spelled, owner) for one in page.objects),
            *_prefixes(page, spelled),
        ],
    )


def versions(bucket: str, asked: Asked, page: Page, owner: Sequence[Element]) -> bytes:
    """The answer of ListObjectVersions for a bucket without versions."""
    spelled = _speller(encoded=asked.encoded)
    found: list[Element] = []
    for one in page.objects:
        _, children = _entry(one, spelled, owner)
        assert isinstance(children, list)
        found.append(("Version", [*children[:1], ("VersionId", "null"), ("IsLatest", True), *children[1:]]))
    return document(
        "ListVersionsResult",
        [
            ("Name", bucket),
            ("Prefix", spelled(asked.prefix)),
            ("KeyMarker", spelled(asked.after)),
            ("VersionIdMarker", ""),
            ("NextKeyMarker", spelled(page.next) if page.next is not None else None),
            ("NextVersionIdMarker", "null" if page.next is not None else None),
            ("MaxKeys", asked.limit),
            ("Delimiter", spelled(asked.delimiter) if asked.delimiter else None),
            ("EncodingType", "url" if asked.encoded else None),
            ("IsTruncated", page.next is not None),
            *found,
            *_prefixes(page, spelled),
        ],
    )


def uploads(bucket: str, page: UploadPage, parameters: Mapping[str, str], limit: int, owner: Sequence[Element]) -> bytes:
    """The answer of ListMultipartUploads. Recorded of AWS: the next markers are the last upload's on the last page too, an id without
    a key marks nothing, and without a prefix there is no Prefix."""
    spelled = _speller(encoded=encoding(parameters))
    last = [(one.key, one.upload_id) for one in page.uploads[-1:]]
    following = page.next or (last[0] if last else ("", ""))
    marker = parameters.get("key-marker", "")
    return document(
        "ListMultipartUploadsResult",
        [
            ("Bucket", bucket),
            ("KeyMarker", spelled(marker)),
            ("UploadIdMarker", parameters.get("upload-id-marker", "") if marker else ""),
            ("NextKeyMarker", spelled(following[0])),
            ("NextUploadIdMarker", following[1]),
            ("Prefix", spelled(parameters["prefix"]) if parameters.get("prefix") else None),
            ("Delimiter", spelled(parameters["delimiter"]) if parameters.get("delimiter") else None),
            ("EncodingType", "url" if encoding(parameters) else None),
            ("MaxUploads", limit),
            ("IsTruncated", page.next is not None),
            *(
                (
                    "Upload",
                    [
                        ("Key", spelled(one.key)),
                        ("UploadId", one.upload_id),
                        ("Initiator", owner),
                        ("Owner", owner),
                        ("StorageClass", one.metadata.storage_class),
                        ("Initiated", moment(one.begun)),
                        ("ChecksumAlgorithm", one.algorithm.upper() or None),
                        ("ChecksumType", one.checksum_type or None),
                    ],
                )
                for one in page.uploads
            ),
            *_prefixes(page, spelled),
        ],
    )


def parts(page: PartPage, after: int, limit: int, owner: Sequence[Element]) -> bytes:
    """The answer of ListParts. Recorded of AWS: checksums are told where the upload was begun with one."""
    upload = page.upload
    return document(
        "ListPartsResult",
        [
            ("Bucket", upload.bucket),
            ("Key", upload.key),
            ("UploadId", upload.upload_id),
            ("PartNumberMarker", after),
            ("NextPartNumberMarker", page.next if page.next is not None else page.parts[-1].number if page.parts else 0),
            ("MaxParts", limit),
            ("IsTruncated", page.next is not None),
            *(
                (
                    "Part",
                    [
                        ("PartNumber", one.number),
                        ("LastModified", moment(one.modified)),
                        ("ETag", f'"{one.etag}"'),
                        ("Size", one.size),
                        *((f"Checksum{name.upper()}", value) for name, value in one.checksums.items() if upload.algorithm),
                    ],
                )
                for one in page.parts
            ),
            ("Initiator", owner),
            ("Owner", owner),
            ("StorageClass", upload.metadata.storage_class),
            ("ChecksumAlgorithm", upload.algorithm.upper() or None),
            ("ChecksumType", upload.checksum_type or None),
        ],
    )


def check_limit(limit: int, name: str) -> int:
    """At least one entry has to fit. Raises S3Error."""
    if limit < 1:
        raise S3Error("InvalidArgument", f"Argument {name} must be an integer between 1 and {MOST}", ArgumentName=name, ArgumentValue=limit)
    return min(limit, MOST)
