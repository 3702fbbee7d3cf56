"""What headers say of an object."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.s3 import metadata
from router.api.aws.s3.errors import S3Error
from router.buckets.facts import Metadata


def test_what_is_kept() -> None:
    said = metadata.of_upload(
        {
            "content-type": "a/b",
            "content-encoding": "aws-chunked, gzip",
            "cache-control": "no-cache",
            "x-amz-meta-a": "1",
            "x-amz-meta-": "nothing",
            "x-amz-storage-class": "GLACIER_IR",
            "x-amz-tagging": "k=v+w&empty=",
            "authorization": "x",
            "x-amz-acl": "bucket-owner-full-control",
        }
    )
    assert said.headers == {"content-type": "a/b", "content-encoding": "gzip", "cache-control": "no-cache"}
    assert (said.user, said.storage_class, said.tags) == ({"a": "1"}, "GLACIER_IR", {"k": "v w", "empty": ""})
    assert metadata.of_upload({"content-encoding": "aws-chunked"}).headers == {"content-type": "binary/octet-stream"}


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"x-amz-storage-class": "COLD"}, "InvalidStorageClass"),
        ({"x-amz-storage-class": "OUTPOSTS"}, "InvalidStorageClass"),  # as recorded of AWS
        ({"x-amz-storage-class": "EXPRESS_ONEZONE"}, "InvalidStorageClass"),
        ({"x-amz-acl": "public-read"}, "AccessControlListNotSupported"),
        ({"x-amz-grant-read": "id=1"}, "AccessControlListNotSupported"),
        ({"x-amz-server-side-encryption": "aws:kms"}, "NotImplemented"),
        ({"x-amz-server-side-encryption-customer-algorithm": "AES256"}, "NotImplemented"),
        ({"x-amz-object-lock-mode": "GOVERNANCE"}, "NotImplemented"),
        ({"x-amz-meta-a": "x" * 2048}, "MetadataTooLarge"),
        ({"x-amz-tagging": "=v"}, "InvalidTag"),
        ({"x-amz-tagging": "aws:k=v"}, "InvalidTag"),
        ({"x-amz-tagging": "k=%3C"}, "InvalidTag"),
        ({"x-amz-tagging": "k=1&k=2"}, "InvalidArgument"),
        ({"x-amz-tagging": "%ff=1"}, "InvalidArgument"),
        ({"x-amz-tagging": "&".join(f"k{n}=v" for n in range(11))}, "BadRequest"),
        ({"x-amz-tagging": "&".join(f"k{n}=v" for n in range(100))}, "InvalidArgument"),
    ],
)
def test_what_is_refused(headers: dict[str, str], told: str) -> None:
    with pytest.raises(S3Error) as caught:
        metadata.of_upload(headers)
    assert caught.value.code == told


TAG = st.text("abcXYZ09 .:/=+-@_é", min_size=1, max_size=10)


@given(tags=st.dictionaries(TAG, TAG, max_size=10))
def test_tags_of_a_header(tags: dict[str, str]) -> None:
    assert metadata.tags_of_header(urlencode(tags)) == tags


def test_answers() -> None:
    said = Metadata(headers={"content-type": "a/b", "expires": "x"}, user={"a": "1"}, tags={"k": "v"}, storage_class="GLACIER")
    pairs = metadata.of_answer(said, "a/b", {"response-content-type": "c/d", "response-expires": "y", "other": "z"})
    assert pairs == [
        ("content-type", "c/d"),
        ("expires", "y"),
        ("x-amz-meta-a", "1"),
        ("x-amz-storage-class", "GLACIER"),
        ("x-amz-tagging-count", "1"),
    ]
    with pytest.raises(S3Error):
        metadata.of_answer(said, "a/b", {"response-content-type": "a\r\nSet-Cookie: b"})
