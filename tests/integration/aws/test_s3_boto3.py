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
from datetime import UTC, datetime
from pathlib import Path
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
functions:
  note: {code: ./code, handler: app.note, environment: {RECORD: RECORD_FILE}, isolation: none}
"""
HANDLER = """
import os

def note(event, context):
    for record in event["Records"]:
        with open(os.environ["RECORD"], "a") as out:
            out.write(record["eventName"] + " " + record["s3"]["object"]["key"] + "\\n")
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
    config = CONFIG.replace("RECORD_FILE", str(directory / "record"))
    with Cloud(directory, config, {"app.py": HANDLER}).serving() as made:
        yield made


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
        ("bytes=0-99", "bytes 0-9/10", b"0123456789"),
        ("bytes=0-1,3-4", None, b"0123456789"),
        ("lines=0-1", None, b"0123456789"),
    ],
)
def test_ranges(s3: Any, asked: str, told: str | None, content: bytes) -> None:
    s3.put_object(Bucket="bkt", Key="ranged", Body=b"0123456789")
    found = got(s3, "bkt", "ranged", Range=asked)
    assert (found.get("ContentRange"), found["Body"]) == (told, content)
    assert found["ResponseMetadata"]["HTTPStatusCode"] == (206 if told else 200)
    assert ("ChecksumCRC32" in found) == (len(found["Body"]) == 10)  # recorded of AWS: also for a range that is the whole


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


def test_conditions_of_removing(s3: Any) -> None:
    ask = {"Bucket": "bkt", "Key": "leave"}
    etag = s3.put_object(**ask, Body=b"1")["ETag"]
    assert refused(s3.delete_object, **ask, IfMatch='"x"') == (412, "PreconditionFailed")
    assert refused(s3.delete_object, **ask, IfMatchSize=1) == (501, "NotImplemented")
    assert refused(s3.delete_object, **ask, IfMatchLastModifiedTime=datetime(2000, 1, 1, tzinfo=UTC)) == (501, "NotImplemented")
    assert read(s3, "leave") == b"1"
    for match in (etag, "*"):
        s3.put_object(**ask, Body=b"1")
        s3.delete_object(**ask, IfMatch=match)
        assert refused(s3.get_object, **ask) == (404, "NoSuchKey")
        assert refused(s3.delete_object, **ask, IfMatch=match) == (404, "NoSuchKey")
    s3.delete_object(**ask)


def test_conditions_of_removing_many(cloud: Cloud, s3: Any) -> None:
    etags = {
        name: s3.put_object(Bucket="bkt", Key=f"many/{name}", Body=name.encode())["ETag"] for name in ("same", "other", "any", "small")
    }
    said = [("same", {"ETag": etags["same"]}), ("other", {"ETag": '"x"'}), ("any", {"ETag": "*"}), ("missing", {"ETag": "*"}), ("gone", {})]
    asked = {"Objects": [{"Key": f"many/{name}", **match} for name, match in [*said, ("small", {"Size": 5})]]}
    blind = scoped(cloud, "blind-of-many", {"Action": ["s3:DeleteObject", "s3:ListBucket"], "Resource": "*"})
    unseen = blind.delete_objects(Bucket="bkt", Delete={"Objects": [asked["Objects"][0]]})
    assert [(one["Key"], one["Code"]) for one in unseen["Errors"]] == [("many/same", "AccessDenied")]
    done = s3.delete_objects(Bucket="bkt", Delete=asked)
    assert sorted(one["Key"] for one in done["Deleted"]) == ["many/any", "many/gone", "many/same"]
    assert {one["Key"]: one["Code"] for one in done["Errors"]} == {
        "many/other": "PreconditionFailed", "many/missing": "NoSuchKey", "many/small": "NotImplemented",
    }  # fmt: skip
    (error,) = s3.delete_objects(Bucket="bkt", Delete={"Objects": [{"Key": "many/other", "VersionId": "v"}]})["Errors"]
    assert (error["Key"], error["VersionId"], error["Code"]) == ("many/other", "v", "NoSuchVersion")  # as recorded of AWS
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="bkt", Prefix="many/")["Contents"]] == ["many/other", "many/small"]


@pytest.mark.parametrize(
    ("resource", "lets"), [("*", True), ("arn:aws:s3:::*", True), ("arn:aws:s3:::bkt", False), ("arn:aws:s3:::b*", False)]
)
def test_who_may_list_the_buckets(cloud: Cloud, resource: str, *, lets: bool) -> None:
    """As in AWS's own examples of policies, which let a user see the console's list with arn:aws:s3:::*."""
    lister = scoped(cloud, f"lister-of-{len(resource)}", {"Action": "s3:ListAllMyBuckets", "Resource": resource})
    if lets:
        assert "bkt" in [one["Name"] for one in lister.list_buckets()["Buckets"]]
    else:
        assert refused(lister.list_buckets) == (403, "AccessDenied")


def test_a_type_that_nobody_said_is_none(cloud: Cloud, s3: Any) -> None:
    """Of a file dropped by hand its name says one."""
    s3.put_object(Bucket="bkt", Key="said.html", Body=b"x", ContentType="text/x")
    s3.put_object(Bucket="bkt", Key="unsaid.html", Body=b"x")
    upload = s3.create_multipart_upload(Bucket="bkt", Key="parts.json")["UploadId"]
    part = s3.upload_part(Bucket="bkt", Key="parts.json", UploadId=upload, PartNumber=1, Body=b"1")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    s3.complete_multipart_upload(Bucket="bkt", Key="parts.json", UploadId=upload, MultipartUpload=parts)
    (cloud.directory / "bkt/dropped.html").write_bytes(b"x")
    s3.copy_object(Bucket="bkt", Key="copy.bin", CopySource="bkt/dropped.html")
    s3.copy_object(Bucket="bkt", Key="other.html", CopySource="bkt/dropped.html", MetadataDirective="REPLACE")
    found = {
        name: s3.head_object(Bucket="bkt", Key=name)["ContentType"]
        for name in ("said.html", "unsaid.html", "parts.json", "dropped.html", "copy.bin", "other.html")
    }
    assert found == {
        "said.html": "text/x", "unsaid.html": "binary/octet-stream", "parts.json": "binary/octet-stream",
        "dropped.html": "text/html", "copy.bin": "text/html", "other.html": "binary/octet-stream",
    }  # fmt: skip


def test_a_bucket_without_its_directory_is_in_nobodys_way(cloud: Cloud, s3: Any) -> None:
    """It is told 503, and the log says why."""
    (cloud.directory / "other").rename(cloud.directory / "away")
    try:
        assert {"bkt", "other"} <= {one["Name"] for one in s3.list_buckets()["Buckets"]}
        for _ in range(3):
            assert refused(s3.put_object, Bucket="other", Key="k", Body=b"") == (503, "ServiceUnavailable")
    finally:
        (cloud.directory / "away").rename(cloud.directory / "other")

    def said() -> list[dict[str, Any]]:
        """What the daemon's log has of it by now: it is written beside the loop."""
        return [json.loads(line) for line in cloud.log.read_text().splitlines() if "s3_request_failed" in line]

    assert cloud.until(lambda: len(said()) >= 2, 10)
    lines = said()
    assert [(one["bucket"], one["operation"], one["level"]) for one in lines] == [
        ("other", "ListBuckets", "warning"), ("other", "PutObject", "warning"),
    ]  # fmt: skip
    assert all(str(cloud.directory / "other") in one["error"] for one in lines)


# -- copies


def test_copies(s3: Any) -> None:
    s3.put_object(Bucket="bkt", Key="from é+ä/x", Body=b"copied", Metadata={"a": "1"}, ContentType="a/b", Tagging="t=1")
    made = s3.copy_object(Bucket="other", Key="to", CopySource={"Bucket": "bkt", "Key": "from é+ä/x"})
    assert made["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(b"copied").hexdigest()}"'
    found = got(s3, "other", "to")
    assert (found["Body"], found["Metadata"], found["ContentType"], found["TagCount"]) == (b"copied", {"a": "1"}, "a/b", 1)
    itself = {"Bucket": "other", "Key": "to", "CopySource": "other/to"}
    assert refused(s3.copy_object, **itself) == (400, "InvalidRequest")
    for enough in ({"StorageClass": "STANDARD"}, {"ServerSideEncryption": "AES256"}):  # recorded of AWS: although nothing changes
        s3.copy_object(**itself, **enough, MetadataDirective="COPY", Metadata={"passed": "over"})
        assert s3.head_object(Bucket="other", Key="to")["Metadata"] == {"a": "1"}
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


@pytest.mark.parametrize(
    ("text", "told", "tags"),
    [
        ("<Tagging>\n<TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>", 204, [{"Key": "a", "Value": "1"}]),
        ("not-xml", 400, None),
    ],
)
def test_a_form_may_have_tags(s3: Any, text: str, told: int, tags: list[dict[str, str]] | None) -> None:
    form = s3.generate_presigned_post("bkt", "tagged form", Fields={"tagging": text}, Conditions=[{"tagging": text}], ExpiresIn=60)
    status, body = posted(form, b"x")
    assert (status, b"MalformedXML" in body) == (told, tags is None)  # as recorded of AWS
    if tags is not None:
        assert s3.get_object_tagging(Bucket="bkt", Key="tagged form")["TagSet"] == tags


def test_a_file_that_is_a_field_like_others_has_no_name(s3: Any) -> None:
    """As recorded of AWS: the key stays as it is written."""
    form = s3.generate_presigned_post("bkt", "as-field-${filename}", ExpiresIn=60)
    assert posted(form, b"text", file="")[0] == 204
    assert got(s3, "bkt", "as-field-${filename}")["Body"] == b"text"


def posted(form: dict[str, Any], data: bytes, file: str = '; filename="f.txt"') -> tuple[int, bytes]:
    line = "boundary-of-the-test"
    parts = [f'--{line}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in form["fields"].items()]
    head = f'--{line}\r\nContent-Disposition: form-data; name="file"{file}\r\nContent-Type: text/plain\r\n\r\n'
    body = "".join(parts).encode() + head.encode() + data + f"\r\n--{line}--\r\n".encode()
    return fetched(form["url"], "POST", body, **{"Content-Type": f"multipart/form-data; boundary={line}"})


def test_a_page_may_upload_with_what_was_signed_for_it(cloud: Cloud, key: dict[str, str]) -> None:
    s3 = cloud.client("s3", key, signature_version="s3v4")
    url = s3.generate_presigned_url("put_object", {"Bucket": "bkt", "Key": "page"}, ExpiresIn=60)
    page = {"Origin": "http://localhost:3000"}
    preflight = urllib.request.Request(
        url, method="OPTIONS", headers=page | {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}
    )
    with urllib.request.urlopen(preflight, timeout=20) as answer:
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "*")
        assert "PUT" in answer.headers["access-control-allow-methods"]
        assert answer.headers["access-control-allow-headers"] == "content-type"
    with urllib.request.urlopen(urllib.request.Request(url, method="PUT", data=b"x", headers=page), timeout=20) as answer:
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "*")
        assert "ETag" in answer.headers["access-control-expose-headers"]
    assert refused(s3.get_bucket_cors, Bucket="bkt") == (404, "NoSuchCORSConfiguration")


# -- who may


def scoped(cloud: Cloud, name: str, *statements: dict[str, Any], **settings: Any) -> Any:
    """A client whose session is allowed no more than this."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]})
    file = cloud.directory / f"{name}.json"
    file.write_text(policy)
    return cloud.client("s3", cloud.router("keys", "create", name, "--policy", str(file)), **settings)


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


def test_a_client_that_stalls_within_its_body_leaves_nothing(cloud: Cloud, key: dict[str, str], s3: Any) -> None:
    """Its time is over a few seconds after its last byte; others put the same object meanwhile."""
    client = cloud.client("s3", key, signature_version="s3v4")
    stalled = []
    for url in (
        client.generate_presigned_url("put_object", {"Bucket": "bkt", "Key": "stalled"}),
        client.generate_presigned_url(
            "upload_part",
            {
                "Bucket": "bkt",
                "Key": "stalled",
                "PartNumber": 1,
                "UploadId": s3.create_multipart_upload(Bucket="bkt", Key="stalled")["UploadId"],
            },
        ),
    ):
        connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=60)
        connection.putrequest("PUT", url.removeprefix(cloud.url))
        connection.putheader("Content-Length", str(2 * MIB))
        connection.endheaders(b"some of it")
        stalled.append(connection)
    s3.put_object(Bucket="bkt", Key="stalled", Body=b"whole")
    for connection in stalled:
        answer = connection.getresponse()
        assert (answer.status, b"<Code>RequestTimeout</Code>" in answer.read()) == (400, True)
        connection.close()
    assert read(s3, "stalled") == b"whole"
    assert not [name for name in (cloud.directory / "bkt/.router").iterdir() if name.name.startswith("put-")]
    (upload,) = [one for one in s3.list_multipart_uploads(Bucket="bkt")["Uploads"] if one["Key"] == "stalled"]
    assert "Parts" not in s3.list_parts(Bucket="bkt", Key="stalled", UploadId=upload["UploadId"])
    s3.abort_multipart_upload(Bucket="bkt", Key="stalled", UploadId=upload["UploadId"])


def test_a_copy_has_no_redirect_of_its_source(s3: Any) -> None:
    def redirect(key: str) -> Any:
        return s3.head_object(Bucket="bkt", Key=key).get("WebsiteRedirectLocation")

    s3.put_object(Bucket="bkt", Key="moved", Body=b"", WebsiteRedirectLocation="/there", ContentType="text/x")
    s3.copy_object(Bucket="bkt", Key="plain", CopySource="bkt/moved")
    s3.copy_object(Bucket="bkt", Key="own", CopySource="bkt/moved", WebsiteRedirectLocation="/elsewhere")
    s3.copy_object(Bucket="bkt", Key="new", CopySource="bkt/moved", WebsiteRedirectLocation="/new", MetadataDirective="REPLACE")
    s3.copy_object(Bucket="bkt", Key="moved", CopySource="bkt/moved", WebsiteRedirectLocation="/later")
    assert [redirect(key) for key in ("plain", "own", "new", "moved")] == [None, "/elsewhere", "/new", "/later"]
    assert s3.head_object(Bucket="bkt", Key="own")["ContentType"] == "text/x"


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


WITHOUT: list[tuple[str, str, str, dict[str, Any]]] = [  # what a Deny forbids: key, value, and the upload that brings it
    ("storage", "s3:x-amz-storage-class", "GLACIER", {"x-amz-storage-class": "GLACIER"}),
    ("acl", "s3:x-amz-acl", "private", {"x-amz-acl": "private"}),
    ("tag", "s3:RequestObjectTag/level", "secret", {"x-amz-tagging": "level=secret"}),
    ("tags", "s3:RequestObjectTagKeys", "level", {"x-amz-tagging": "other=1&level=open"}),
    ("body", "s3:x-amz-content-sha256", "UNSIGNED-PAYLOAD", {}),
    ("form", "s3:authType", "POST", {}),
]


@pytest.mark.parametrize(("name", "condition", "value", "fields"), WITHOUT)
def test_what_is_said_of_an_upload_is_forbidden_in_every_form(
    cloud: Cloud, name: str, condition: str, value: str, fields: dict[str, Any]
) -> None:
    operator = "ForAnyValue:StringEquals" if condition.endswith("Keys") else "StringEquals"
    denied = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*", "Condition": {operator: {condition: value}}}
    may = [{"Action": "s3:*", "Resource": "*"}, denied]
    bound = scoped(cloud, f"without-{name}", *may, signature_version="s3v4")
    names = {"x-amz-storage-class": "StorageClass", "x-amz-acl": "ACL", "x-amz-tagging": "Tagging"}
    said = {"Bucket": "bkt", "Key": "without", **{names[field]: text for field, text in fields.items()}}
    form = bound.generate_presigned_post("bkt", "without", fields, [{field: text} for field, text in fields.items()])
    by_form = posted(form, b"x")[0]
    assert posted(bound.generate_presigned_post("bkt", "without"), b"x")[0] == (403 if name == "form" else 204)
    if name == "form":
        return
    assert by_form == (204 if name == "body" else 403)  # nothing is said of a form's body
    if name == "body":
        assert fetched(bound.generate_presigned_url("put_object", said), "PUT", b"x")[0] == 403
        return
    assert refused(bound.put_object, **said, Body=b"x") == (403, "AccessDenied")
    assert refused(bound.create_multipart_upload, **said) == (403, "AccessDenied")
    assert bound.put_object(Bucket="bkt", Key="without", Body=b"x")


def test_conditions_that_a_policy_wants_of_writes(cloud: Cloud, s3: Any) -> None:
    put, tag = {"Action": "s3:PutObject", "Resource": "*"}, {"Action": "s3:PutObjectTagging", "Resource": "*"}
    first = scoped(cloud, "first", put | {"Condition": {"StringEquals": {"s3:if-none-match": "*"}}})
    assert refused(first.put_object, Bucket="bkt", Key="first", Body=b"x") == (403, "AccessDenied")
    assert first.put_object(Bucket="bkt", Key="first", Body=b"x", IfNoneMatch="*")
    remove, see = {"Action": "s3:DeleteObject", "Resource": "*"}, {"Action": "s3:GetObject", "Resource": "*"}
    careful = scoped(cloud, "careful", remove | {"Condition": {"Null": {"s3:if-match": "false"}}}, see)
    blind = scoped(cloud, "blind", remove)
    etag = s3.put_object(Bucket="bkt", Key="matched", Body=b"x")["ETag"]
    assert refused(careful.delete_object, Bucket="bkt", Key="matched") == (403, "AccessDenied")
    for guess in (etag, '"x"'):
        assert refused(blind.delete_object, Bucket="bkt", Key="matched", IfMatch=guess) == (403, "AccessDenied")
    careful.delete_object(Bucket="bkt", Key="matched", IfMatch=etag)
    assert refused(blind.delete_object, Bucket="bkt", Key="first-missing", IfMatch="*") == (403, "AccessDenied")
    blind.delete_object(Bucket="bkt", Key="first", IfMatch="*")
    s3.put_object(Bucket="bkt", Key="first", Body=b"x")
    tagger = scoped(cloud, "tagger", tag | {"Condition": {"StringEquals": {"s3:RequestObjectTag/kind": "open"}}})
    tags = [{"Key": "kind", "Value": "secret"}]
    assert refused(tagger.put_object_tagging, Bucket="bkt", Key="first", Tagging={"TagSet": tags}) == (403, "AccessDenied")
    tagger.put_object_tagging(Bucket="bkt", Key="first", Tagging={"TagSet": [{"Key": "kind", "Value": "open"}]})
    assert s3.get_object_tagging(Bucket="bkt", Key="first")["TagSet"] == [{"Key": "kind", "Value": "open"}]


def test_what_cannot_be_locked_is_told(s3: Any) -> None:
    """As recorded of AWS."""
    s3.put_object(Bucket="bkt", Key="unlocked", Body=b"x")
    until = {"Mode": "GOVERNANCE", "RetainUntilDate": "2099-01-01T00:00:00Z"}
    for ask, more in (
        (s3.get_object_legal_hold, {}),
        (s3.put_object_legal_hold, {"LegalHold": {"Status": "ON"}}),
        (s3.get_object_retention, {}),
        (s3.put_object_retention, {"Retention": until}),
    ):
        assert refused(ask, Bucket="bkt", Key="unlocked", **more) == (400, "InvalidRequest")
        assert refused(ask, Bucket="bkt", Key="never-there", **more) == (404, "NoSuchKey")
        assert refused(ask, Bucket="nowhere", Key="k", **more) == (404, "NoSuchBucket")


def test_a_lock_that_is_not_there_is_not_gone_past(s3: Any) -> None:
    """As recorded of AWS."""
    s3.put_object(Bucket="bkt", Key="unlocked", Body=b"x")
    ask = {"Bucket": "bkt", "BypassGovernanceRetention": True}
    assert refused(s3.delete_object, **ask, Key="unlocked") == (400, "InvalidArgument")
    assert refused(s3.delete_objects, **ask, Delete={"Objects": [{"Key": "unlocked"}]}) == (400, "InvalidArgument")
    assert read(s3, "unlocked") == b"x"


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


def test_what_is_never_set_is_told_as_of_a_new_bucket(cloud: Cloud, s3: Any) -> None:
    """As recorded of AWS."""
    answers = [s3.get_bucket_accelerate_configuration, s3.get_bucket_logging, s3.get_bucket_request_payment]
    found = [ask(Bucket="bkt") for ask in answers]
    assert [set(one) - {"ResponseMetadata"} for one in found] == [set(), set(), {"Payer"}]
    assert found[2]["Payer"] == "BucketOwner"
    for ask in answers:
        assert refused(ask, Bucket="nowhere") == (404, "NoSuchBucket")
    nothing = scoped(cloud, "asks-nothing", {"Action": "s3:GetObject", "Resource": "*"})
    assert refused(nothing.get_bucket_logging, Bucket="bkt") == (403, "AccessDenied")
    assert refused(s3.put_bucket_request_payment, Bucket="bkt", RequestPaymentConfiguration={"Payer": "Requester"})[0] == 501


def test_what_was_never_configured_is_gone(cloud: Cloud, s3: Any) -> None:
    """Tools that take a bucket down take these back first."""
    for gone in ("policy", "cors", "lifecycle", "website", "tagging", "encryption", "replication", "ownership_controls"):
        answer = getattr(s3, f"delete_bucket_{gone}")(Bucket="bkt")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert s3.delete_public_access_block(Bucket="bkt")["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refused(s3.delete_bucket_policy, Bucket="no-such-bucket") == (404, "NoSuchBucket")
    keeper = scoped(cloud, "keeper", {"Action": "s3:DeleteBucketPolicy", "Resource": "arn:aws:s3:::bkt"})
    keeper.delete_bucket_policy(Bucket="bkt")
    assert refused(keeper.delete_bucket_lifecycle, Bucket="bkt") == (403, "AccessDenied")


def test_what_is_not_done_is_said_so(s3: Any) -> None:
    assert refused(s3.get_bucket_policy, Bucket="bkt") == (404, "NoSuchBucketPolicy")
    assert refused(s3.get_bucket_lifecycle_configuration, Bucket="bkt") == (404, "NoSuchLifecycleConfiguration")
    assert refused(s3.put_bucket_policy, Bucket="bkt", Policy="{}") == (501, "NotImplemented")
    assert refused(s3.put_bucket_versioning, Bucket="bkt", VersioningConfiguration={"Status": "Enabled"}) == (501, "NotImplemented")
    assert refused(s3.put_object, Bucket="bkt", Key="k", Body=b"", ServerSideEncryption="aws:kms") == (501, "NotImplemented")
    for read_of in (s3.get_object, s3.get_object_tagging, s3.delete_object_tagging, s3.get_object_acl):
        assert refused(read_of, Bucket="bkt", Key="k", VersionId="abc") == (400, "InvalidArgument")
    assert refused(s3.list_object_versions, Bucket="bkt", VersionIdMarker="abc") == (400, "InvalidArgument")
    assert "Status" not in s3.get_bucket_versioning(Bucket="bkt")
    assert s3.get_bucket_location(Bucket="bkt")["LocationConstraint"] is None
    assert s3.head_bucket(Bucket="bkt")["BucketRegion"] == "us-east-1"
    assert refused(s3.head_bucket, Bucket="no-such-bucket") == (404, "404")
    assert refused(s3.get_object, Bucket="no-such-bucket", Key="k") == (404, "NoSuchBucket")


@pytest.mark.parametrize("size", [1, 9 * MIB])
def test_a_body_whose_length_nobody_knows(cloud: Cloud, key: dict[str, str], size: int) -> None:
    """upload_fileobj reads a stream to its end; in one request or in parts."""
    s3 = cloud.client("s3", key)
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    s3.upload_fileobj(io.BytesIO(data), "bkt", "stream", Config=TransferConfig(use_threads=False))
    assert read(s3, "stream") == data


# -- uploads in parts

PART = 5 * MIB


def begun(s3: Any, name: str, **more: Any) -> str:
    upload_id: str = s3.create_multipart_upload(Bucket="bkt", Key=name, **more)["UploadId"]
    return upload_id


def sent(s3: Any, name: str, upload_id: str, number: int, data: bytes) -> dict[str, Any]:
    """A part, as completing names it."""
    answer = s3.upload_part(Bucket="bkt", Key=name, UploadId=upload_id, PartNumber=number, Body=data)
    return {"PartNumber": number, "ETag": answer["ETag"]}


def completed(s3: Any, name: str, upload_id: str, *parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = s3.complete_multipart_upload(
        Bucket="bkt", Key=name, UploadId=upload_id, MultipartUpload={"Parts": list(parts)}, **more
    )
    return found


def test_an_object_in_parts(s3: Any) -> None:
    first, last = bytes(range(256)) * (PART // 256), b"the end"
    upload = begun(s3, "parts/ü", ContentType="a/b", Metadata={"a": "1"})
    assert refused(s3.get_object, Bucket="bkt", Key="parts/ü") == (404, "NoSuchKey")
    two, one = sent(s3, "parts/ü", upload, 7, last), sent(s3, "parts/ü", upload, 2, first)
    listed = s3.list_parts(Bucket="bkt", Key="parts/ü", UploadId=upload)
    assert [(part["PartNumber"], part["Size"]) for part in listed["Parts"]] == [(2, PART), (7, len(last))]
    page = s3.list_parts(Bucket="bkt", Key="parts/ü", UploadId=upload, MaxParts=1)
    assert (page["IsTruncated"], page["NextPartNumberMarker"]) == (True, 2)
    (running,) = s3.list_multipart_uploads(Bucket="bkt", Prefix="parts/")["Uploads"]
    assert (running["Key"], running["UploadId"]) == ("parts/ü", upload)
    made = completed(s3, "parts/ü", upload, one, two)
    etag = hashlib.md5(hashlib.md5(first).digest() + hashlib.md5(last).digest()).hexdigest()
    assert made["ETag"] == f'"{etag}-2"'
    assert completed(s3, "parts/ü", upload, one, two)["ETag"] == made["ETag"]  # said again
    found = got(s3, "bkt", "parts/ü")
    assert (found["Body"] == first + last, found["ContentType"], found["Metadata"], found["ETag"]) == (
        True,
        "a/b",
        {"a": "1"},
        made["ETag"],
    )
    part = got(s3, "bkt", "parts/ü", PartNumber=2)
    assert (part["Body"], part["PartsCount"], part["ContentRange"]) == (last, 2, f"bytes {PART}-{PART + 6}/{PART + 7}")
    assert refused(s3.get_object, Bucket="bkt", Key="parts/ü", PartNumber=3) == (416, "InvalidPartNumber")
    sizes = s3.get_object_attributes(Bucket="bkt", Key="parts/ü", ObjectAttributes=["ObjectParts"])["ObjectParts"]
    assert sizes == {"TotalPartsCount": 2}  # as recorded of AWS: the upload was begun without a checksum
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="bkt", Prefix="parts/")


def test_parts_that_do_not_make_an_object(s3: Any) -> None:
    upload = begun(s3, "broken")
    one, two = sent(s3, "broken", upload, 1, b"small"), sent(s3, "broken", upload, 2, b"x")
    ask = {"Bucket": "bkt", "Key": "broken", "UploadId": upload}

    def complete(*parts: dict[str, Any]) -> tuple[int, str]:
        return refused(s3.complete_multipart_upload, **ask, MultipartUpload={"Parts": list(parts)})

    assert complete(one, two) == (400, "EntityTooSmall")
    assert complete(two, one) == (400, "InvalidPartOrder")
    assert complete(one | {"ETag": '"x"'}) == (400, "InvalidPart")
    assert complete(one | {"PartNumber": 9}) == (400, "InvalidPart")
    assert complete() == (400, "MalformedXML")
    assert refused(s3.complete_multipart_upload, **ask) == (400, "InvalidRequest")  # without a document, as recorded of AWS
    assert refused(s3.complete_multipart_upload, **ask, MultipartUpload={"Parts": [one]}, MpuObjectSize=6) == (400, "InvalidRequest")
    assert refused(s3.head_object, Bucket="bkt", Key="broken") == (404, "404")
    for number in (0, 10_001):
        assert refused(s3.upload_part, **ask, PartNumber=number, Body=b"") == (400, "InvalidArgument")
    s3.abort_multipart_upload(**ask)
    assert refused(s3.upload_part, **ask, PartNumber=1, Body=b"") == (404, "NoSuchUpload")
    assert refused(s3.abort_multipart_upload, **ask) == (404, "NoSuchUpload")
    assert refused(s3.list_parts, **ask) == (404, "NoSuchUpload")
    assert complete(one) == (404, "NoSuchUpload")


def test_parts_out_of_an_object(s3: Any) -> None:
    s3.put_object(Bucket="bkt", Key="whole +é", Body=b"0123456789")
    upload = begun(s3, "pieced")
    source = {"Bucket": "bkt", "Key": "whole +é"}
    ask = {"Bucket": "bkt", "Key": "pieced", "UploadId": upload, "PartNumber": 1, "CopySource": source}
    assert refused(s3.upload_part_copy, **ask, CopySourceRange="bytes=0-10") == (400, "InvalidArgument")
    etag = s3.upload_part_copy(**ask, CopySourceRange="bytes=2-5")["CopyPartResult"]["ETag"]
    completed(s3, "pieced", upload, {"PartNumber": 1, "ETag": etag})
    assert read(s3, "pieced") == b"2345"


def test_conditions_of_completing(s3: Any) -> None:
    s3.put_object(Bucket="bkt", Key="there", Body=b"1")
    upload = begun(s3, "there")
    one = sent(s3, "there", upload, 1, b"2")
    with pytest.raises(ClientError) as caught:
        completed(s3, "there", upload, one, IfNoneMatch="*")
    assert caught.value.response["Error"]["Code"] in {"PreconditionFailed", "ConditionalRequestConflict"}
    assert read(s3, "there") == b"1"


def whole_of(algorithm: str, kind: str, parts: list[bytes]) -> str:
    """The checksum of an object made of these parts."""

    def digest(data: bytes) -> bytes:
        return hashlib.sha256(data).digest() if algorithm == "SHA256" else zlib.crc32(data).to_bytes(4, "big")

    composite = kind == "COMPOSITE"
    value = base64.b64encode(digest(b"".join(map(digest, parts) if composite else parts))).decode()
    return f"{value}-{len(parts)}" if composite else value


@pytest.mark.parametrize(("algorithm", "kind"), [("CRC32", "COMPOSITE"), ("CRC32", "FULL_OBJECT"), ("SHA256", "COMPOSITE")])
def test_checksums_of_objects_in_parts(s3: Any, algorithm: str, kind: str) -> None:
    upload = begun(s3, "summed", ChecksumAlgorithm=algorithm, ChecksumType=kind)
    parts, name = [], f"Checksum{algorithm}"
    for number, data in ((1, bytes(PART)), (2, b"end")):
        answer = s3.upload_part(Bucket="bkt", Key="summed", UploadId=upload, PartNumber=number, Body=data, ChecksumAlgorithm=algorithm)
        parts.append({"PartNumber": number, "ETag": answer["ETag"], name: answer[name]})
    ask = {"Bucket": "bkt", "Key": "summed", "UploadId": upload, "MultipartUpload": {"Parts": parts}}
    wrong = base64.b64encode(bytes(32 if algorithm == "SHA256" else 4)).decode()
    assert refused(s3.complete_multipart_upload, **ask, **{name: wrong}) == (400, "BadDigest")
    other = "COMPOSITE" if kind == "FULL_OBJECT" else "FULL_OBJECT"
    assert refused(s3.complete_multipart_upload, **ask, ChecksumType=other) == (400, "InvalidRequest")  # as recorded of AWS
    right = whole_of(algorithm, kind, [bytes(PART), b"end"])
    made = s3.complete_multipart_upload(**ask, ChecksumType=kind, **{name: right})  # of the object, not of the document that says so
    assert made[name] == right
    assert (made["ChecksumType"], made[name].endswith("-2")) == (kind, kind == "COMPOSITE")
    if (algorithm, kind) == ("CRC32", "FULL_OBJECT"):
        assert made[name] == base64.b64encode(zlib.crc32(bytes(PART) + b"end").to_bytes(4, "big")).decode()
    assert got(s3, "bkt", "summed", ChecksumMode="ENABLED")[name] == made[name]
    part = got(s3, "bkt", "summed", ChecksumMode="ENABLED", PartNumber=2)  # this and what follows as recorded of AWS
    each = parts[1][name] if kind == "COMPOSITE" else None
    assert (part.get(name), part.get("ChecksumType")) == (each, each and kind)
    found = s3.get_object_attributes(Bucket="bkt", Key="summed", ObjectAttributes=["Checksum", "ObjectParts"])
    assert found["Checksum"] == {name: made[name].removesuffix("-2"), "ChecksumType": kind}
    assert [one[name] for one in found["ObjectParts"].get("Parts", [])] == ([one[name] for one in parts] if each else [])


@pytest.mark.parametrize("kind", ["COMPOSITE", "FULL_OBJECT"])
def test_the_checksum_of_an_only_part(s3: Any, kind: str) -> None:
    """As recorded of AWS: asked for alone it has its checksum, and the object's kind of it."""
    upload = begun(s3, "alone", ChecksumAlgorithm="CRC32", ChecksumType=kind)
    answer = s3.upload_part(Bucket="bkt", Key="alone", UploadId=upload, PartNumber=1, Body=b"only", ChecksumAlgorithm="CRC32")
    completed(s3, "alone", upload, {"PartNumber": 1, "ETag": answer["ETag"], "ChecksumCRC32": answer["ChecksumCRC32"]})
    for part in (
        got(s3, "bkt", "alone", ChecksumMode="ENABLED", PartNumber=1),
        s3.head_object(Bucket="bkt", Key="alone", ChecksumMode="ENABLED", PartNumber=1),
    ):
        assert (part["ChecksumCRC32"], part["ChecksumType"]) == (answer["ChecksumCRC32"], kind)


def test_large_files_go_through_in_parallel_parts(s3: Any, tmp_path: Path) -> None:
    data = bytes(range(256)) * (20 * MIB // 256) + b"and a bit"
    (tmp_path / "up").write_bytes(data)
    s3.upload_file(str(tmp_path / "up"), "bkt", "large")
    s3.download_file("bkt", "large", str(tmp_path / "down"))
    assert (tmp_path / "down").read_bytes() == data
    s3.copy({"Bucket": "bkt", "Key": "large"}, "other", "large")
    assert got(s3, "other", "large")["Body"] == data


# -- listings


@pytest.fixture(scope="module")
def many(cloud: Cloud, s3: Any) -> list[str]:
    """2,500 keys in a bucket of their own."""
    s3.create_bucket(Bucket="many")
    names = [f"d{number % 7}/k{number:04}" for number in range(2400)] + [f"top-{number}" for number in range(97)] + ["a-b", "a/b", "a0"]
    for name in names:
        path = cloud.directory / "state/buckets/many" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return sorted(names, key=str.encode)


def test_pages_of_a_listing(s3: Any, many: list[str]) -> None:
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket="many"))
    assert [page["KeyCount"] for page in pages] == [1000, 1000, 500]
    assert [one["Key"] for page in pages for one in page["Contents"]] == many
    older = list(s3.get_paginator("list_objects").paginate(Bucket="many", PaginationConfig={"PageSize": 900}))
    assert [one["Key"] for page in older for one in page["Contents"]] == many
    versions = list(s3.get_paginator("list_object_versions").paginate(Bucket="many"))
    assert [one["Key"] for page in versions for one in page["Versions"]] == many


@pytest.mark.parametrize("size", [3, 1000])
def test_prefixes_of_a_listing(s3: Any, many: list[str], size: int) -> None:
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket="many", Delimiter="/", PaginationConfig={"PageSize": size}))
    common = [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", [])]
    assert common == ["a/", *(f"d{number}/" for number in range(7))]
    assert [one["Key"] for page in pages for one in page.get("Contents", [])] == [name for name in many if "/" not in name]
    assert all(page["KeyCount"] <= size for page in pages)
    below = s3.list_objects_v2(Bucket="many", Prefix="d3/", Delimiter="/", StartAfter="d3/k2000")
    assert [one["Key"] for one in below["Contents"]] == [name for name in many if name.startswith("d3/") and name > "d3/k2000"]


def test_what_is_asked_of_a_listing(s3: Any, many: list[str]) -> None:
    none = s3.list_objects_v2(Bucket="many", MaxKeys=0)
    assert (none["KeyCount"], none["IsTruncated"]) == (0, False)
    assert "Owner" in s3.list_objects_v2(Bucket="many", MaxKeys=1, FetchOwner=True)["Contents"][0]
    assert refused(s3.list_objects_v2, Bucket="many", ContinuationToken="!") == (400, "InvalidArgument")
    assert refused(s3.list_objects_v2, Bucket="no-such-bucket") == (404, "NoSuchBucket")


def test_odd_keys_are_listed_as_they_are(s3: Any) -> None:
    for name in KEYS:
        s3.put_object(Bucket="other", Key=f"odd/{name}", Body=b"")
    found = s3.list_objects_v2(Bucket="other", Prefix="odd/")
    assert [one["Key"] for one in found["Contents"]] == sorted((f"odd/{name}" for name in KEYS), key=str.encode)


# -- buckets


def test_a_bucket_comes_and_goes(cloud: Cloud, s3: Any) -> None:
    assert s3.create_bucket(Bucket="fresh")["Location"] == "/fresh"
    s3.create_bucket(Bucket="fresh")  # us-east-1 says nothing of it
    assert "fresh" in [one["Name"] for one in s3.list_buckets()["Buckets"]]
    assert "BucketRegion" not in s3.list_buckets()["Buckets"][0]  # told to who asks for some of them, as recorded of AWS
    assert [(one["Name"], one["BucketRegion"]) for one in s3.list_buckets(Prefix="fre")["Buckets"]] == [("fresh", "us-east-1")]
    s3.put_object(Bucket="fresh", Key="k", Body=b"x")
    assert refused(s3.delete_bucket, Bucket="fresh") == (409, "BucketNotEmpty")
    s3.delete_object(Bucket="fresh", Key="k")
    s3.delete_bucket(Bucket="fresh")
    assert refused(s3.head_bucket, Bucket="fresh") == (404, "404")
    assert refused(s3.delete_bucket, Bucket="fresh") == (404, "NoSuchBucket")
    assert refused(s3.delete_bucket, Bucket="bkt") == (403, "AccessDenied")  # config.yaml's
    abroad = {"LocationConstraint": "eu-west-1"}
    assert refused(s3.create_bucket, Bucket="abroad", CreateBucketConfiguration=abroad) == (400, "IllegalLocationConstraintException")


def test_notifications(cloud: Cloud, s3: Any, key: dict[str, str]) -> None:
    s3.create_bucket(Bucket="noisy")
    arn = "arn:aws:lambda:us-east-1:123456789012:function:note"
    permission = {"FunctionName": "note", "StatementId": "s3", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    cloud.client("lambda", key).add_permission(**permission, SourceArn="arn:aws:s3:::noisy")
    wanted = [
        {
            "Id": "one",
            "LambdaFunctionArn": arn,
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "in/"}]}},
        }
    ]
    put = {"Bucket": "noisy", "NotificationConfiguration": {"LambdaFunctionConfigurations": wanted, "EventBridgeConfiguration": {}}}
    s3.put_bucket_notification_configuration(**put)
    found = s3.get_bucket_notification_configuration(Bucket="noisy")
    assert (found["LambdaFunctionConfigurations"], "EventBridgeConfiguration" in found) == (wanted, True)
    s3.put_object(Bucket="noisy", Key="in/a b", Body=b"x")
    upload = s3.create_multipart_upload(Bucket="noisy", Key="in/parts")["UploadId"]
    etag = s3.upload_part(Bucket="noisy", Key="in/parts", UploadId=upload, PartNumber=1, Body=b"y")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    s3.complete_multipart_upload(Bucket="noisy", Key="in/parts", UploadId=upload, MultipartUpload=parts)
    s3.put_object(Bucket="noisy", Key="out/a", Body=b"x")
    (cloud.directory / "state/buckets/noisy/in/dropped").write_bytes(b"z")
    record = cloud.directory / "record"
    expected = ["ObjectCreated:CompleteMultipartUpload in/parts", "ObjectCreated:Put in/a+b", "ObjectCreated:Put in/dropped"]
    assert cloud.until(lambda: record.exists() and len(record.read_text().splitlines()) >= 3, 30)
    assert sorted(record.read_text().splitlines()) == expected
    s3.put_bucket_notification_configuration(Bucket="noisy", NotificationConfiguration={})
    assert "LambdaFunctionConfigurations" not in s3.get_bucket_notification_configuration(Bucket="noisy")
    wrong = {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": f"{arn}s", "Events": ["s3:ObjectCreated:*"]}]}
    assert refused(s3.put_bucket_notification_configuration, Bucket="noisy", NotificationConfiguration=wrong) == (400, "InvalidArgument")
