"""S3 of a whole daemon, spoken to by boto3 as it comes: no setting but the endpoint."""

import base64
import hashlib
import http.client
import io
import json
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from tests.helpers.endpoint import Cloud

CONFIG = """
buckets:
  bkt: ./bkt
  other: ./other
"""
MIB = 1024 * 1024
KEYS = [
    "plain",
    "a k+1/é.txt",
    "~!*'()/x",
    "dir/sub/file",
    "k" * 200 + "/" + "l" * 200,
    "semi;colon&amp=?#%41",
    "line\nbreak",
    "日本/語",
    "a..b/...c",
]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    directory = tmp_path_factory.mktemp("s3")
    for bucket in ("bkt", "other"):
        (directory / bucket).mkdir()
    with Cloud(directory, CONFIG).serving() as made:
        yield made


@pytest.fixture(scope="module")
def key(cloud: Cloud) -> dict[str, str]:
    return cloud.key()


@pytest.fixture(scope="module")
def s3(cloud: Cloud, key: dict[str, str]) -> Any:
    return cloud.client("s3", key)


def refused(ask: Any, **parameters: Any) -> tuple[int, str]:
    """Status and code of a refusal."""
    with pytest.raises(ClientError) as caught:
        ask(**parameters)
    answer: dict[str, Any] = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def read(s3: Any, name: str, **more: Any) -> bytes:
    found: bytes = got(s3, "bkt", name, **more)["Body"]
    return found


def got(s3: Any, bucket: str, name: str, **more: Any) -> dict[str, Any]:
    """The answer of GetObject, its Body read."""
    found: dict[str, Any] = s3.get_object(Bucket=bucket, Key=name, **more)
    return found | {"Body": found["Body"].read()}


# -- objects


@pytest.mark.parametrize("name", KEYS)
def test_an_object_comes_back_under_any_key(cloud: Cloud, s3: Any, name: str) -> None:
    data = name.encode() * 3
    made = s3.put_object(Bucket="bkt", Key=name, Body=data)
    assert made["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
    assert made["ChecksumCRC32"] == base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
    found = got(s3, "bkt", name)
    assert (found["Body"], found["ETag"], found["ChecksumType"]) == (data, made["ETag"], "FULL_OBJECT")
    assert (cloud.directory / "bkt" / name).read_bytes() == data
    assert s3.head_object(Bucket="bkt", Key=name)["ContentLength"] == len(data)
    assert s3.delete_object(Bucket="bkt", Key=name)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refused(s3.get_object, Bucket="bkt", Key=name) == (404, "NoSuchKey")
    assert refused(s3.head_object, Bucket="bkt", Key=name) == (404, "404")
    assert s3.delete_object(Bucket="bkt", Key=name)["ResponseMetadata"]["HTTPStatusCode"] == 204


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/../../b", "..", "."])
def test_no_key_leads_out_of_the_bucket(cloud: Cloud, s3: Any, name: str) -> None:
    assert refused(s3.put_object, Bucket="bkt", Key=name, Body=b"x")[0] in {400, 404}
    with pytest.raises(ClientError) as caught:
        got(s3, "bkt", name)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] in {400, 404}


@pytest.mark.parametrize("size", [0, 1, 65_536, 3 * MIB + 17])
def test_objects_of_any_size(s3: Any, size: int) -> None:
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    s3.put_object(Bucket="bkt", Key="sized", Body=data)
    assert read(s3, "sized") == data


def test_what_was_said_of_an_object_comes_back(s3: Any) -> None:
    said = {
        "ContentType": "text/x-test; charset=utf-8",
        "CacheControl": "max-age=60",
        "ContentDisposition": 'attachment; filename="a b.txt"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "StorageClass": "STANDARD_IA",
        "Metadata": {"MiXed-Case": "Value with  spaces", "b": "2"},
    }
    s3.put_object(Bucket="bkt", Key="said", Body=b"x", Tagging="k=v&k2=v+2", **said)
    found = s3.head_object(Bucket="bkt", Key="said")
    assert {name: found[name] for name in said} == said | {"Metadata": {"mixed-case": "Value with  spaces", "b": "2"}}
    assert got(s3, "bkt", "said")["TagCount"] == 2
    assert s3.get_object_tagging(Bucket="bkt", Key="said")["TagSet"] == [{"Key": "k", "Value": "v"}, {"Key": "k2", "Value": "v 2"}]
    over = got(s3, "bkt", "said", ResponseContentType="a/b", ResponseCacheControl="no-cache")
    assert (over["ContentType"], over["CacheControl"], over["ContentLanguage"]) == ("a/b", "no-cache", "de")


def test_a_file_dropped_by_hand_is_an_object(cloud: Cloud, s3: Any) -> None:
    (cloud.directory / "bkt/dropped.json").write_text("{}")
    found = got(s3, "bkt", "dropped.json")
    assert (found["Body"], found["ContentType"], found["ETag"]) == (b"{}", "application/json", f'"{hashlib.md5(b"{}").hexdigest()}"')


def test_tags(s3: Any) -> None:
    s3.put_object(Bucket="bkt", Key="tagged", Body=b"x")
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
    s3.put_object_tagging(Bucket="bkt", Key="tagged", Tagging={"TagSet": tags})
    assert s3.get_object_tagging(Bucket="bkt", Key="tagged")["TagSet"] == tags
    s3.delete_object_tagging(Bucket="bkt", Key="tagged")
    assert s3.get_object_tagging(Bucket="bkt", Key="tagged")["TagSet"] == []
    twice = {"TagSet": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}
    assert refused(s3.put_object_tagging, Bucket="bkt", Key="tagged", Tagging=twice) == (400, "InvalidTag")
    assert refused(s3.get_object_tagging, Bucket="bkt", Key="missing") == (404, "NoSuchKey")


def test_attributes_and_access_control_lists(s3: Any) -> None:
    s3.put_object(Bucket="bkt", Key="attributes", Body=b"hello", ChecksumAlgorithm="SHA256")
    wanted = ["ETag", "Checksum", "ObjectSize", "StorageClass"]
    found = s3.get_object_attributes(Bucket="bkt", Key="attributes", ObjectAttributes=wanted)
    assert (found["ETag"], found["ObjectSize"], found["StorageClass"]) == (hashlib.md5(b"hello").hexdigest(), 5, "STANDARD")
    assert found["Checksum"]["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(b"hello").digest()).decode()
    (grant,) = s3.get_object_acl(Bucket="bkt", Key="attributes")["Grants"]
    assert (grant["Permission"], grant["Grantee"]["Type"]) == ("FULL_CONTROL", "CanonicalUser")
    assert refused(s3.put_object_acl, Bucket="bkt", Key="attributes", ACL="public-read") == (400, "AccessControlListNotSupported")
    assert refused(s3.put_object, Bucket="bkt", Key="attributes", Body=b"", ACL="public-read") == (400, "AccessControlListNotSupported")


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums_are_verified_and_given_back(s3: Any, algorithm: str) -> None:
    if algorithm in {"CRC32C", "CRC64NVME"}:
        given = {"CRC32C": {"ChecksumCRC32C": "4waSgw=="}, "CRC64NVME": {"ChecksumCRC64NVME": "rosUhgp5mIg="}}[algorithm]  # of 123456789
        s3.put_object(Bucket="bkt", Key="sums", Body=b"123456789", **given)
        assert refused(s3.put_object, Bucket="bkt", Key="sums", Body=b"12345678X", **given) == (400, "BadDigest")
        found = got(s3, "bkt", "sums", ChecksumMode="ENABLED")
        assert {name: found[name] for name in given} == given
    else:
        s3.put_object(Bucket="bkt", Key="sums", Body=b"123456789", ChecksumAlgorithm=algorithm)
        assert read(s3, "sums", ChecksumMode="ENABLED") == b"123456789"
    assert read(s3, "sums") == b"123456789"


def test_a_wrong_digest_changes_nothing(s3: Any) -> None:
    s3.put_object(Bucket="bkt", Key="kept", Body=b"before")
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    assert refused(s3.put_object, Bucket="bkt", Key="kept", Body=b"after", ContentMD5=wrong) == (400, "BadDigest")
    assert refused(s3.put_object, Bucket="bkt", Key="kept", Body=b"after", ContentMD5="short") == (400, "InvalidDigest")
    assert refused(s3.put_object, Bucket="bkt", Key="kept", Body=b"after", ChecksumCRC32="AAAAAA==") == (400, "BadDigest")
    assert read(s3, "kept") == b"before"


# -- ranges and conditions


@pytest.mark.parametrize(
    ("asked", "told", "content"),
    [
        ("bytes=0-0", "bytes 0-0/10", b"0"),
        ("bytes=3-", "bytes 3-9/10", b"3456789"),
        ("bytes=-2", "bytes 8-9/10", b"89"),
        ("bytes=8-99", "bytes 8-9/10", b"89"),
        ("bytes=0-1,3-4", None, b"0123456789"),
        ("lines=0-1", None, b"0123456789"),
    ],
)
def test_ranges(s3: Any, asked: str, told: str | None, content: bytes) -> None:
    s3.put_object(Bucket="bkt", Key="ranged", Body=b"0123456789")
    found = got(s3, "bkt", "ranged", Range=asked)
    assert (found.get("ContentRange"), found["Body"]) == (told, content)
    assert found["ResponseMetadata"]["HTTPStatusCode"] == (206 if told else 200)
    assert ("ChecksumCRC32" in found) == (told is None)


def test_ranges_that_cannot_be_met(s3: Any) -> None:
    s3.put_object(Bucket="bkt", Key="ranged", Body=b"0123456789")
    for asked in ("bytes=10-", "bytes=-0"):
        assert refused(s3.get_object, Bucket="bkt", Key="ranged", Range=asked) == (416, "InvalidRange")
    assert refused(s3.get_object, Bucket="bkt", Key="ranged", Range="bytes=0-1", PartNumber=1) == (400, "InvalidRequest")


def test_conditions(s3: Any) -> None:
    etag = s3.put_object(Bucket="bkt", Key="cond", Body=b"1")["ETag"]
    modified = s3.head_object(Bucket="bkt", Key="cond")["LastModified"]
    assert read(s3, "cond", IfMatch=etag) == b"1"
    assert refused(s3.get_object, Bucket="bkt", Key="cond", IfMatch='"x"') == (412, "PreconditionFailed")
    assert refused(s3.head_object, Bucket="bkt", Key="cond", IfMatch='"x"') == (412, "412")
    assert refused(s3.get_object, Bucket="bkt", Key="cond", IfNoneMatch=etag) == (304, "304")
    assert refused(s3.get_object, Bucket="bkt", Key="cond", IfModifiedSince=modified) == (304, "304")
    assert refused(s3.put_object, Bucket="bkt", Key="cond", Body=b"2", IfNoneMatch="*") == (412, "PreconditionFailed")
    assert refused(s3.put_object, Bucket="bkt", Key="cond", Body=b"2", IfMatch='"x"') == (412, "PreconditionFailed")
    assert refused(s3.put_object, Bucket="bkt", Key="cond-missing", Body=b"2", IfMatch='"x"') == (404, "NoSuchKey")
    s3.put_object(Bucket="bkt", Key="cond", Body=b"2", IfMatch=etag)
    s3.put_object(Bucket="bkt", Key="cond-new", Body=b"2", IfNoneMatch="*")
    assert (read(s3, "cond"), read(s3, "cond-new")) == (b"2", b"2")


# -- copies


def test_copies(s3: Any) -> None:
    s3.put_object(Bucket="bkt", Key="from é+ä/x", Body=b"copied", Metadata={"a": "1"}, ContentType="a/b", Tagging="t=1")
    made = s3.copy_object(Bucket="other", Key="to", CopySource={"Bucket": "bkt", "Key": "from é+ä/x"})
    assert made["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(b"copied").hexdigest()}"'
    found = got(s3, "other", "to")
    assert (found["Body"], found["Metadata"], found["ContentType"], found["TagCount"]) == (b"copied", {"a": "1"}, "a/b", 1)
    itself = {"Bucket": "other", "Key": "to", "CopySource": "other/to"}
    assert refused(s3.copy_object, **itself) == (400, "InvalidRequest")
    s3.copy_object(**itself, MetadataDirective="REPLACE", Metadata={"b": "2"}, TaggingDirective="REPLACE", Tagging="u=2")
    found = got(s3, "other", "to")
    assert (found["Body"], found["Metadata"]) == (b"copied", {"b": "2"})
    assert s3.get_object_tagging(Bucket="other", Key="to")["TagSet"] == [{"Key": "u", "Value": "2"}]


def test_copies_that_are_refused(s3: Any) -> None:
    s3.put_object(Bucket="bkt", Key="source", Body=b"x")
    ask = {"Bucket": "bkt", "Key": "target"}
    assert refused(s3.copy_object, **ask, CopySource="bkt/missing") == (404, "NoSuchKey")
    assert refused(s3.copy_object, **ask, CopySource="nowhere/source") == (404, "NoSuchBucket")
    assert refused(s3.copy_object, **ask, CopySource="source") == (400, "InvalidArgument")
    assert refused(s3.copy_object, **ask, CopySource="bkt/source", CopySourceIfMatch='"x"') == (412, "PreconditionFailed")
    assert refused(s3.get_object, **ask) == (404, "NoSuchKey")


# -- presigned


def fetched(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    asked = urllib.request.Request(url, method=method, data=body, headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.parametrize("version", ["s3", "s3v4", None])
def test_presigned_urls(cloud: Cloud, key: dict[str, str], version: str | None) -> None:
    s3 = cloud.client("s3", key, **({"signature_version": version} if version else {}))
    put = s3.generate_presigned_url("put_object", {"Bucket": "bkt", "Key": "pre signed/ü+1"}, ExpiresIn=60)
    assert fetched(put, "PUT", b"hello", **{"Content-Type": ""})[0] == 200
    get = s3.generate_presigned_url("get_object", {"Bucket": "bkt", "Key": "pre signed/ü+1", "ResponseContentType": "a/b"}, ExpiresIn=60)
    assert fetched(get) == (200, b"hello")
    assert fetched(get.replace("a%2Fb", "a%2Fc"))[0] == 403
    assert fetched(get, "DELETE")[0] == 403
    gone = s3.generate_presigned_url("get_object", {"Bucket": "bkt", "Key": "pre signed/ü+1"}, ExpiresIn=-5 if version != "s3v4" else 0)
    status, body = fetched(gone) if version != "s3v4" else (403, b"Request has expired")
    assert (status, b"expired" in body) == (403, True)


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_forms(cloud: Cloud, key: dict[str, str], s3: Any, version: str) -> None:
    form = cloud.client("s3", key, signature_version=version).generate_presigned_post(
        "bkt",
        "posted/${filename}",
        Fields={"success_action_status": "201", "Content-Type": "a/b"},
        Conditions=[{"success_action_status": "201"}, ["starts-with", "$Content-Type", "a/"], ["content-length-range", 1, 3 * MIB]],
        ExpiresIn=60,
    )
    large = bytes(range(256)) * (2 * MIB // 256)
    for data, expected in ((b"hello", 201), (large, 201), (b"", 400), (bytes(3 * MIB + 1), 400)):
        status, body = posted(form, data)
        assert status == expected, body
        if expected == 201:
            assert b"<Key>posted/f.txt</Key>" in body
            found = got(s3, "bkt", "posted/f.txt")
            assert (found["Body"], found["ContentType"]) == (data, "a/b")
    assert posted({**form, "fields": form["fields"] | {"key": "elsewhere/${filename}"}}, b"x")[0] == 403
    assert posted({**form, "fields": form["fields"] | {"x-amz-meta-extra": "1"}}, b"x")[0] == 403


def posted(form: dict[str, Any], data: bytes) -> tuple[int, bytes]:
    line = "boundary-of-the-test"
    parts = [f'--{line}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in form["fields"].items()]
    head = f'--{line}\r\nContent-Disposition: form-data; name="file"; filename="f.txt"\r\nContent-Type: text/plain\r\n\r\n'
    body = "".join(parts).encode() + head.encode() + data + f"\r\n--{line}--\r\n".encode()
    return fetched(form["url"], "POST", body, **{"Content-Type": f"multipart/form-data; boundary={line}"})


# -- who may


def scoped(cloud: Cloud, name: str, *statements: dict[str, Any]) -> Any:
    """A client whose session is allowed no more than this."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]})
    file = cloud.directory / f"{name}.json"
    file.write_text(policy)
    return cloud.client("s3", cloud.router("keys", "create", name, "--policy", str(file)))


def test_who_is_not_believed(cloud: Cloud, key: dict[str, str]) -> None:
    wrong = cloud.client("s3", key | {"SecretAccessKey": "x" * 40})
    assert refused(wrong.put_object, Bucket="bkt", Key="never", Body=b"x") == (403, "SignatureDoesNotMatch")
    nobody = cloud.client("s3", {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "x" * 40})
    assert refused(nobody.list_buckets) == (403, "InvalidAccessKeyId")
    elsewhere = cloud.client("s3", key, region="eu-west-1", signature_version="s3v4")
    status, body = fetched(elsewhere.generate_presigned_url("put_object", {"Bucket": "bkt", "Key": "never"}), "PUT", b"x")
    assert (status, b"<Region>us-east-1</Region>" in body) == (400, True)
    assert fetched(f"{cloud.url}/bkt/never")[0] == 403
    assert not (cloud.directory / "bkt/never").exists()


def test_a_refused_upload_is_not_asked_for_its_body(cloud: Cloud, key: dict[str, str]) -> None:
    s3 = cloud.client("s3", key)
    url = urlsplit(s3.generate_presigned_url("put_object", {"Bucket": "nowhere-else", "Key": "k"}, ExpiresIn=60))
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=20)
    connection.putrequest("PUT", f"{url.path}?{url.query}")
    connection.putheader("Expect", "100-continue")
    connection.putheader("Content-Length", str(10 * MIB))
    connection.endheaders()
    answer = connection.getresponse()  # without a byte of the body
    assert (answer.status, b"NoSuchBucket" in answer.read()) == (404, True)
    connection.close()


def test_what_a_policy_does_not_allow(cloud: Cloud, s3: Any) -> None:
    s3.put_object(Bucket="bkt", Key="in/a", Body=b"a")
    s3.put_object(Bucket="bkt", Key="out/a", Body=b"a")
    reader = scoped(cloud, "reader", {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::bkt/in/*"})
    assert read(reader, "in/a") == b"a"
    assert refused(reader.get_object, Bucket="bkt", Key="out/a") == (403, "AccessDenied")
    assert refused(reader.get_object, Bucket="bkt", Key="in/missing") == (403, "AccessDenied")
    assert refused(reader.head_object, Bucket="bkt", Key="in/missing") == (403, "403")
    assert refused(reader.put_object, Bucket="bkt", Key="in/a", Body=b"b") == (403, "AccessDenied")
    assert refused(reader.list_objects_v2, Bucket="bkt") == (403, "AccessDenied")
    assert refused(reader.copy_object, Bucket="bkt", Key="in/b", CopySource="bkt/in/a") == (403, "AccessDenied")
    writer = scoped(cloud, "writer", {"Action": "s3:PutObject", "Resource": "arn:aws:s3:::bkt/in/*"})
    assert refused(writer.copy_object, Bucket="bkt", Key="in/b", CopySource="bkt/out/a") == (403, "AccessDenied")
    assert refused(writer.put_object, Bucket="bkt", Key="in/b", Body=b"", Tagging="a=b") == (403, "AccessDenied")
    assert refused(s3.get_object, Bucket="bkt", Key="in/b") == (404, "NoSuchKey")


def test_each_key_is_deleted_by_its_own_right(cloud: Cloud, s3: Any) -> None:
    for name in ("may/1", "may/2", "not/1"):
        s3.put_object(Bucket="bkt", Key=name, Body=b"x")
    deleter = scoped(cloud, "deleter", {"Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::bkt/may/*"})
    names = [{"Key": name} for name in ("may/1", "not/1", "may/missing")]
    done = deleter.delete_objects(Bucket="bkt", Delete={"Objects": names})
    assert sorted(one["Key"] for one in done["Deleted"]) == ["may/1", "may/missing"]
    assert [(one["Key"], one["Code"]) for one in done["Errors"]] == [("not/1", "AccessDenied")]
    quiet = s3.delete_objects(Bucket="bkt", Delete={"Objects": [{"Key": "may/2"}, {"Key": "not/1"}], "Quiet": True})
    assert ("Deleted" in quiet, "Errors" in quiet) == (False, False)
    assert refused(s3.head_object, Bucket="bkt", Key="not/1") == (404, "404")


# -- what is not done


def test_what_is_not_done_is_said_so(s3: Any) -> None:
    assert refused(s3.get_bucket_policy, Bucket="bkt") == (404, "NoSuchBucketPolicy")
    assert refused(s3.get_bucket_lifecycle_configuration, Bucket="bkt") == (404, "NoSuchLifecycleConfiguration")
    assert refused(s3.put_bucket_policy, Bucket="bkt", Policy="{}") == (501, "NotImplemented")
    assert refused(s3.put_bucket_versioning, Bucket="bkt", VersioningConfiguration={"Status": "Enabled"}) == (501, "NotImplemented")
    assert refused(s3.get_object_retention, Bucket="bkt", Key="k") == (501, "NotImplemented")
    assert refused(s3.put_object, Bucket="bkt", Key="k", Body=b"", ServerSideEncryption="aws:kms") == (501, "NotImplemented")
    assert refused(s3.get_object, Bucket="bkt", Key="k", VersionId="abc") == (400, "InvalidArgument")
    assert "Status" not in s3.get_bucket_versioning(Bucket="bkt")
    assert s3.get_bucket_location(Bucket="bkt")["LocationConstraint"] is None
    assert s3.head_bucket(Bucket="bkt")["BucketRegion"] == "us-east-1"
    assert refused(s3.head_bucket, Bucket="no-such-bucket") == (404, "404")
    assert refused(s3.get_object, Bucket="no-such-bucket", Key="k") == (404, "NoSuchBucket")


@pytest.mark.parametrize("size", [1])
def test_a_body_whose_length_nobody_knows(cloud: Cloud, key: dict[str, str], size: int) -> None:
    """upload_fileobj reads a stream to its end; in one request or in parts."""
    s3 = cloud.client("s3", key)
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    s3.upload_fileobj(io.BytesIO(data), "bkt", "stream", Config=TransferConfig(use_threads=False))
    assert read(s3, "stream") == data
