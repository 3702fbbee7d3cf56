"""Listings."""

from urllib.parse import unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.s3 import listing
from router.api.aws.s3.errors import S3Error
from router.api.aws.s3.markup import parsed
from router.buckets.facts import Identity, Listed, Page, Part, PartPage, UploadFacts, UploadPage

OWNER = [("ID", "x")]
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


def page(*keys: str, prefixes: tuple[str, ...] = (), following: str | None = None) -> Page:
    return Page(
        tuple(Listed(key, Identity(1, 3, 10**18), "e", algorithms=("crc32",), checksum_type="FULL_OBJECT") for key in keys),
        prefixes,
        following,
    )


@given(after=TEXT)
def test_a_token_holds_where_a_page_ended(after: str) -> None:
    assert listing.opened(listing.sealed(after)) == after
    asked = listing.asked_v2({"list-type": "2", "continuation-token": listing.sealed(after), "start-after": "ignored"})
    assert asked.after == after


@given(token=st.text(max_size=20))
def test_no_other_token_is_an_accident(token: str) -> None:
    try:
        listing.opened(token)
    except S3Error as error:
        assert error.message == "The continuation token provided is incorrect"  # noqa: PT017 - either way is fine, a third is not


@pytest.mark.parametrize(
    "parameters",
    [
        {"max-keys": "x"},
        {"max-keys": "-1"},
        {"max-keys": "99999999999999999999"},
        {"encoding-type": ""},
        {"encoding-type": "base64"},
        {"list-type": "3"},
        {"continuation-token": ""},
        {"continuation-token": "!"},
    ],
)
def test_parameters_that_are_none(parameters: dict[str, str]) -> None:
    with pytest.raises(S3Error) as caught:
        listing.asked_v2({"list-type": "2", **parameters})
    assert caught.value.code == "InvalidArgument"


def test_limits() -> None:
    assert listing.asked_v2({"list-type": "2"}).limit == 1000
    assert listing.asked_v2({"list-type": "2", "max-keys": "5000"}).limit == 1000
    assert listing.asked_v2({"list-type": "2", "max-keys": "0"}).limit == 0
    assert listing.asked_v1({"marker": "m", "max-keys": ""}).after == "m"
    assert listing.check_limit(5000, "max-parts") == 1000
    with pytest.raises(S3Error):
        listing.check_limit(0, "max-parts")


@given(key=TEXT.filter(bool))
def test_an_encoded_key_is_decoded_as_botocore_does(key: str) -> None:
    asked = listing.asked_v2({"list-type": "2", "encoding-type": "url", "prefix": key[:1], "delimiter": key})
    root = parsed(listing.objects_v2("bkt", asked, page(key, prefixes=(key,)), {"start-after": key}, OWNER), "ListBucketResult")
    (contents,) = root.all("Contents")
    (common,) = root.all("CommonPrefixes")
    assert [unquote_plus(text) for text in (contents.value("Key"), common.value("Prefix"), root.value("StartAfter"))] == [key] * 3
    assert unquote_plus(root.value("Delimiter")) == key
    assert root.value("EncodingType") == "url"


def test_version_2() -> None:
    parameters = {"list-type": "2", "max-keys": "2", "fetch-owner": "true", "delimiter": "/"}
    asked = listing.asked_v2(parameters)
    root = parsed(listing.objects_v2("bkt", asked, page("a", prefixes=("b/",), following="b/"), parameters, OWNER), "ListBucketResult")
    assert (root.value("KeyCount"), root.value("IsTruncated"), root.value("MaxKeys")) == ("2", "true", "2")
    assert listing.opened(root.value("NextContinuationToken")) == "b/"
    (contents,) = root.all("Contents")
    assert (contents.value("ETag"), contents.value("Size"), contents.value("ChecksumAlgorithm")) == ('"e"', "3", "CRC32")
    assert contents.find("Owner") is not None
    assert root.find("ContinuationToken") is None


def test_version_1_tells_its_marker_only_with_a_delimiter() -> None:
    for delimiter, told in (("/", "b/"), ("", "")):
        asked = listing.asked_v1({"delimiter": delimiter})
        root = parsed(listing.objects_v1("bkt", asked, page("a", following="b/"), OWNER), "ListBucketResult")
        assert (root.value("NextMarker"), root.value("IsTruncated"), root.find("KeyCount")) == (told, "true", None)


def test_of_every_object_there_is_one_version() -> None:
    root = parsed(listing.versions("bkt", listing.asked_v1({}, "key-marker"), page("a", following="a"), OWNER), "ListVersionsResult")
    (one,) = root.all("Version")
    assert (one.value("VersionId"), one.value("IsLatest"), root.value("NextKeyMarker")) == ("null", "true", "a")


def test_uploads_and_parts() -> None:
    upload = UploadFacts("bkt", "k+1", "u", 0.0, algorithm="crc32", checksum_type="COMPOSITE")
    root = parsed(
        listing.uploads("bkt", UploadPage((upload,), ("p/",), ("k+1", "u")), {"encoding-type": "url"}, 1, OWNER),
        "ListMultipartUploadsResult",
    )
    (one,) = root.all("Upload")
    assert (one.value("Key"), one.value("UploadId"), root.value("NextUploadIdMarker"), root.value("MaxUploads")) == ("k%2B1", "u", "u", "1")
    parts = PartPage(upload, (Part(3, 5, "e", {"crc32": "AAAA"}, 0.0),), None)
    root = parsed(listing.parts(parts, 2, 1000, OWNER), "ListPartsResult")
    (part,) = root.all("Part")
    assert (part.value("PartNumber"), part.value("ETag"), part.value("ChecksumCRC32"), root.value("NextPartNumberMarker")) == (
        "3",
        '"e"',
        "AAAA",
        "3",
    )


def test_the_last_page_of_uploads_has_markers_too() -> None:
    """As recorded of AWS."""
    upload = UploadFacts("bkt", "k", "u", 0.0)
    for uploads, asked, told in (
        ((upload,), {}, ("k", "u", "", None)),
        ((), {"upload-id-marker": "x", "prefix": "p/"}, ("", "", "", "p/")),
        ((), {"key-marker": "k", "upload-id-marker": "x"}, ("", "", "x", None)),
    ):
        root = parsed(listing.uploads("bkt", UploadPage(uploads, (), None), asked, 1000, OWNER), "ListMultipartUploadsResult")
        prefix = root.value("Prefix") if root.find("Prefix") else None
        assert (root.value("NextKeyMarker"), root.value("NextUploadIdMarker"), root.value("UploadIdMarker"), prefix) == told
        assert root.value("IsTruncated") == "false"


def test_parts_of_an_upload_without_a_checksum_tell_none() -> None:
    """As recorded of AWS, although the parts came with some."""
    page = PartPage(UploadFacts("bkt", "k", "u", 0.0), (Part(1, 5, "e", {"crc32": "AAAA"}, 0.0),), None)
    (part,) = parsed(listing.parts(page, 0, 1000, OWNER), "ListPartsResult").all("Part")
    assert part.find("ChecksumCRC32") is None
