"""What a request names."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.aws.s3.addressing import absent_of, check_owner, check_version, copy_source, operation_of, parameters_of, target_of
from router.api.aws.s3.errors import S3Error

KEYS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=60)


def code(caught: pytest.ExceptionInfo[S3Error]) -> str:
    return caught.value.code


@given(key=KEYS)
def test_a_key_comes_back_whatever_is_in_it(key: str) -> None:
    for safe in ("", "/", "/~*'()"):
        target = target_of(f"/bucket/{quote(key, safe=safe)}", "", "127.0.0.1:4566")
        assert (target.bucket, target.key, target.hosted) == ("bucket", key, False)
        hosted = target_of(f"/{quote(key, safe=safe)}", "", "bucket.localhost:4566", ("localhost",))
        assert (hosted.bucket, hosted.key, hosted.hosted) == ("bucket", key, True)
        assert copy_source(f"/bucket/{quote(key, safe=safe)}") == ("bucket", key)


@pytest.mark.parametrize(
    ("path", "host", "bucket", "key"),
    [
        ("/", "127.0.0.1", "", ""),
        ("/bkt", "127.0.0.1", "bkt", ""),
        ("/bkt/", "127.0.0.1", "bkt", ""),
        ("/bkt//a", "127.0.0.1", "bkt", "/a"),
        ("/bkt/x//y", "[::1]:4566", "bkt", "x//y"),
        ("/b/a%20k%2B1/%C3%A9.txt".replace("/b/", "/bkt/"), "localhost", "bkt", "a k+1/é.txt"),
        ("/bkt/a+b", "localhost:1", "bkt", "a+b"),
        ("/", "bkt.localhost", "bkt", ""),
        ("/a", "my.bucket.localhost:80", "my.bucket", "a"),
        ("/bkt/a", "localhost", "bkt", "a"),
    ],
)
def test_path_style_and_virtual_hosts(path: str, host: str, bucket: str, key: str) -> None:
    target = target_of(path, "", host, ("localhost",))
    assert (target.bucket, target.key) == (bucket, key)


@pytest.mark.parametrize("bucket", ["ab", "Upper", "a..b", "192.168.1.1", "-ab", "a" * 64, "a_b", "%2e%2e", "."])
def test_a_name_that_no_bucket_can_have(bucket: str) -> None:
    with pytest.raises(S3Error) as caught:
        target_of(f"/{bucket}/key", "", "127.0.0.1")
    assert code(caught) == "InvalidBucketName"


@pytest.mark.parametrize(
    ("path", "told"), [("/bkt/%FF", "InvalidURI"), ("/bkt/a%00b", "InvalidURI"), (f"/bkt/{'k' * 1025}", "KeyTooLongError")]
)
def test_a_path_that_no_object_can_have(path: str, told: str) -> None:
    with pytest.raises(S3Error) as caught:
        target_of(path, "", "127.0.0.1")
    assert code(caught) == told
    assert target_of(f"/bkt/{'k' * 1024}", "", "a").key == "k" * 1024


def test_parameters() -> None:
    assert parameters_of("uploads") == {"uploads": ""}
    assert parameters_of("prefix=a%2Fb+c&prefix=z&&delimiter=") == {"prefix": "a/b c", "delimiter": ""}
    with pytest.raises(S3Error):
        parameters_of("a=%ff")


@pytest.mark.parametrize(
    ("method", "url", "operation"),
    [
        ("GET", "/", "ListBuckets"),
        ("PUT", "/bkt", "CreateBucket"),
        ("HEAD", "/bkt/", "HeadBucket"),
        ("DELETE", "/bkt", "DeleteBucket"),
        ("GET", "/bkt?location", "GetBucketLocation"),
        ("GET", "/bkt?versioning", "GetBucketVersioning"),
        ("GET", "/bkt?notification", "GetBucketNotificationConfiguration"),
        ("PUT", "/bkt?notification", "PutBucketNotificationConfiguration"),
        ("GET", "/bkt?uploads&prefix=", "ListMultipartUploads"),
        ("GET", "/bkt/?list-type=2&prefix=", "ListObjectsV2"),
        ("GET", "/bkt?marker=a", "ListObjects"),
        ("GET", "/bkt?versions", "ListObjectVersions"),
        ("GET", "/bkt?policy", "GetAbsent"),
        ("GET", "/bkt?cors", "GetAbsent"),
        ("DELETE", "/bkt?lifecycle", "DeleteAbsent"),
        ("DELETE", "/bkt?x-id=DeleteBucket", "DeleteBucket"),
        ("POST", "/bkt?delete", "DeleteObjects"),
        ("POST", "/bkt/?delete=", "DeleteObjects"),
        ("POST", "/bkt", "PostObject"),
        ("GET", "/bkt/k?x-id=GetObject", "GetObject"),
        ("HEAD", "/bkt/k", "HeadObject"),
        ("GET", "/bkt/k?tagging", "GetObjectTagging"),
        ("PUT", "/bkt/k?tagging=", "PutObjectTagging"),
        ("DELETE", "/bkt/k?tagging", "DeleteObjectTagging"),
        ("GET", "/bkt/k?attributes", "GetObjectAttributes"),
        ("GET", "/bkt/k?acl", "GetObjectAcl"),
        ("GET", "/bkt/k?retention", "GetObjectRetention"),
        ("PUT", "/bkt/k?x-id=PutObject", "PutObject"),
        ("PUT", "/bkt/k?partNumber=1&uploadId=u", "UploadPart"),
        ("POST", "/bkt/k?uploads=", "CreateMultipartUpload"),
        ("POST", "/bkt/k?uploadId=u", "CompleteMultipartUpload"),
        ("DELETE", "/bkt/k?uploadId=u", "AbortMultipartUpload"),
        ("DELETE", "/bkt/k?x-id=DeleteObject", "DeleteObject"),
        ("GET", "/bkt/k?uploadId=u&max-parts=1", "ListParts"),
        ("GET", "/bkt/k?partNumber=1", "GetObject"),
    ],
)
def test_operations(method: str, url: str, operation: str) -> None:
    path, _, query = url.partition("?")
    assert operation_of(method, target_of(path, query, "a"), {}) == operation


def test_a_source_makes_a_copy_of_a_put() -> None:
    source = {"x-amz-copy-source": "bkt/k"}
    assert operation_of("PUT", target_of("/bkt/k", "", "a"), source) == "CopyObject"
    assert operation_of("PUT", target_of("/bkt/k", "uploadId=u&partNumber=1", "a"), source) == "UploadPartCopy"
    assert operation_of("GET", target_of("/bkt/k", "", "a"), source) == "GetObject"


@pytest.mark.parametrize(
    ("method", "url", "told"),
    [
        ("GET", "/bkt/k?torrent", "NotImplemented"),
        ("PUT", "/bkt?policy", "NotImplemented"),
        ("PUT", "/bkt?cors", "NotImplemented"),
        ("DELETE", "/bkt?object-lock", "NotImplemented"),
        ("DELETE", "/bkt?inventory", "NotImplemented"),
        ("GET", "/bkt?inventory", "NotImplemented"),
        ("POST", "/bkt/k", "MethodNotAllowed"),
        ("PUT", "/", "MethodNotAllowed"),
        ("PATCH", "/bkt/k", "MethodNotAllowed"),
    ],
)
def test_what_is_not_done(method: str, url: str, told: str) -> None:
    path, _, query = url.partition("?")
    with pytest.raises(S3Error) as caught:
        operation_of(method, target_of(path, query, "a"), {})
    assert code(caught) == told


def test_what_is_never_configured() -> None:
    assert absent_of(target_of("/bkt", "website", "a")) == "NoSuchWebsiteConfiguration"


@pytest.mark.parametrize("source", ["", "/", "bkt", "bkt/", "/bkt/", "bkt/k?x=1", "bkt/%ff"])
def test_a_malformed_source(source: str) -> None:
    with pytest.raises(S3Error) as caught:
        copy_source(source)
    assert code(caught) in {"InvalidArgument", "InvalidURI"}


def test_a_source_without_a_key_is_told_by_its_header() -> None:
    with pytest.raises(S3Error) as caught:
        copy_source("bkt")
    assert caught.value.elements == {"ArgumentName": "x-amz-copy-source", "ArgumentValue": "x-amz-copy-source"}  # as recorded of AWS


def test_versions_are_not_kept() -> None:
    assert copy_source("bkt/k?versionId=null") == ("bkt", "k")
    check_version(None)
    with pytest.raises(S3Error):
        check_version("abc")
    with pytest.raises(S3Error):
        copy_source("bkt/k?versionId=abc")


def test_whose_buckets_are_meant() -> None:
    check_owner({"x-amz-expected-bucket-owner": "123456789012"}, "123456789012")
    for owner, told in (("000000000000", "AccessDenied"), ("me", "InvalidBucketOwnerAWSAccountID")):
        with pytest.raises(S3Error) as caught:
            check_owner({"x-amz-expected-bucket-owner": owner}, "123456789012")
        assert code(caught) == told
