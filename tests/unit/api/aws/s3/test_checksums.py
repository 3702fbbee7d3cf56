"""What a request says of its body."""

import base64
import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.s3.checksums import Claim, algorithm_of_copy, asked_of, claim_of, header_pairs, of_completion
from router.api.aws.s3.errors import S3Error
from router.buckets.facts import Digests, Metadata, Part


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def digests(data: bytes) -> Digests:
    sums = {"crc32": zlib.crc32(data).to_bytes(4, "big"), "sha1": hashlib.sha1(data).digest(), "sha256": hashlib.sha256(data).digest()}
    return Digests(len(data), hashlib.md5(data).digest(), sums)


@given(data=st.binary(max_size=50), other=st.binary(max_size=50), name=st.sampled_from(["crc32", "sha1", "sha256"]), trailing=st.booleans())
def test_a_body_is_what_was_said_or_is_refused(data: bytes, other: bytes, name: str, trailing: bool) -> None:
    value, trailers = base64_of(digests(data).checksums[name]), {}
    headers = {"content-md5": base64_of(digests(data).md5)}
    if trailing:
        headers["x-amz-trailer"], trailers = f"x-amz-checksum-{name}", {f"x-amz-checksum-{name}": value}
    else:
        headers[f"x-amz-checksum-{name}"] = value
    claim = claim_of(headers)
    assert claim.check(digests(data), trailers) == {name: value}
    if other != data:
        with pytest.raises(S3Error) as caught:
            claim.check(digests(other), trailers)
        assert caught.value.code == "BadDigest"


def test_nothing_said_is_nothing_kept() -> None:
    assert claim_of({}) == Claim()
    assert Claim().check(digests(b""), {}) == {}


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"content-md5": "x"}, "InvalidDigest"),
        ({"content-md5": base64_of(b"short")}, "InvalidDigest"),
        ({"content-md5": "é"}, "InvalidDigest"),
        ({"x-amz-checksum-crc32": base64_of(b"12345")}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": "@"}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-sha1": base64_of(bytes(20))}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": "AAAAAA==", "x-amz-trailer": "x-amz-checksum-crc32"}, "InvalidRequest"),
        ({"x-amz-trailer": "x-other"}, "InvalidRequest"),
        ({"x-amz-sdk-checksum-algorithm": "CRC32"}, "InvalidRequest"),
        ({"x-amz-sdk-checksum-algorithm": "SHA1", "x-amz-checksum-crc32": "AAAAAA=="}, "InvalidRequest"),
    ],
)
def test_what_cannot_be(headers: dict[str, str], told: str) -> None:
    with pytest.raises(S3Error) as caught:
        claim_of(headers)
    assert caught.value.code == told


def test_a_trailer_that_is_no_digest() -> None:
    claim = claim_of({"x-amz-trailer": "x-amz-checksum-crc32", "x-amz-sdk-checksum-algorithm": "CRC32"})
    for trailers in ({}, {"x-amz-checksum-crc32": "?"}):
        with pytest.raises(S3Error) as caught:
            claim.check(digests(b"x"), trailers)
        assert caught.value.message == "Value for x-amz-checksum-crc32 header is invalid."


@pytest.mark.parametrize(
    ("algorithm", "kind", "made"),
    [
        ("CRC32", "", "COMPOSITE"),
        ("CRC32", "FULL_OBJECT", "FULL_OBJECT"),
        ("CRC64NVME", "", "FULL_OBJECT"),
        ("SHA256", "", "COMPOSITE"),
        ("SHA256", "FULL_OBJECT", None),
        ("SHA1", "FULL_OBJECT", None),
        ("CRC64NVME", "COMPOSITE", None),
        ("MD5", "", None),
        ("CRC32", "HALF", None),
        ("", "COMPOSITE", None),
    ],
)
def test_checksums_of_uploads(algorithm: str, kind: str, made: str | None) -> None:
    headers = {name: value for name, value in (("x-amz-checksum-algorithm", algorithm), ("x-amz-checksum-type", kind)) if value}
    if made is None:
        with pytest.raises(S3Error) as caught:
            asked_of(headers)
        assert caught.value.code == "InvalidRequest"
    else:
        assert asked_of(headers) == (algorithm.lower(), made)
    assert asked_of({}) == ("", "")


def test_checksums_as_headers() -> None:
    assert header_pairs(Metadata(checksums={"crc32": "x"}, checksum_type="FULL_OBJECT")) == [
        ("x-amz-checksum-crc32", "x"),
        ("x-amz-checksum-type", "FULL_OBJECT"),
    ]
    assert header_pairs(Part(1, 1, "e", {"crc32": "x"})) == [("x-amz-checksum-crc32", "x")]
    assert of_completion({"x-amz-checksum-crc32": "x"}) == {"crc32": "x"}
    assert algorithm_of_copy({"x-amz-checksum-algorithm": "SHA1"}) == "sha1"
    with pytest.raises(S3Error):
        algorithm_of_copy({"x-amz-checksum-algorithm": "MD5"})
