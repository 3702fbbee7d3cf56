"""Refusals of the object store in S3's words."""

from typing import Any

import pytest

from router.api.aws.s3.addressing import Target
from router.api.aws.s3.call import Ids, S3Call
from router.api.aws.s3.errors import TOLD, S3Error
from router.api.aws.s3.telling import told_of
from router.buckets import object_errors as refused
from router.errors import InvalidParameter, JournalError, RouterError
from router.events.http import Request


class Access:
    """Says whether a sender may list."""

    account = "123456789012"

    def __init__(self, *, lists: bool) -> None:
        self._lists = lists

    def may_list(self, sender: Any, bucket: str) -> bool:
        return self._lists


def call(*, lists: bool = True, **headers: str) -> S3Call:
    target = Target("bkt", "key", {"uploadId": "u"})
    access: Any = Access(lists=lists)
    sender: Any = None
    return S3Call("PutObject", target, Request("PUT", "/bkt/key", ()), headers, sender, access, Ids("r", "h"))


@pytest.mark.parametrize(
    ("error", "code", "status", "elements"),
    [
        (refused.NoSuchBucket("bkt"), "NoSuchBucket", 404, {"BucketName": "bkt"}),
        (refused.NoSuchKey("bkt", "k"), "NoSuchKey", 404, {"Key": "k"}),
        (refused.NoSuchUpload("u"), "NoSuchUpload", 404, {"UploadId": "u"}),
        (refused.BadName("a key with .."), "InvalidArgument", 400, {}),
        (refused.KeyTooLong("long"), "KeyTooLongError", 400, {}),
        (refused.KeyConflict("a and a/b"), "InvalidRequest", 409, {}),
        (refused.PreconditionFailed("If-Match"), "PreconditionFailed", 412, {"Condition": "If-Match"}),
        (refused.Conflict("changed"), "ConditionalRequestConflict", 409, {"Condition": "If-Match", "Key": "key"}),
        (refused.InvalidPart(3, "e"), "InvalidPart", 400, {"UploadId": "u", "PartNumber": "3", "ETag": "e"}),
        (refused.InvalidPartOrder("order"), "InvalidPartOrder", 400, {"UploadId": "u"}),
        (
            refused.PartTooSmall(1, "e", 5),
            "EntityTooSmall",
            400,
            {"ProposedSize": "5", "MinSizeAllowed": "5242880", "PartNumber": "1", "ETag": "e"},
        ),
        (refused.BadChecksum("crc32"), "BadDigest", 400, {}),
        (refused.BadChecksum("sha256", 1), "BadDigest", 400, {}),
        (refused.MissingChecksum("crc32", 1), "InvalidRequest", 400, {}),
        (refused.TooLarge("large"), "EntityTooLarge", 400, {}),
        (refused.BucketNotEmpty("full"), "BucketNotEmpty", 409, {"BucketName": "bkt"}),
        (refused.StorageTrouble("/srv/disk is full"), "ServiceUnavailable", 503, {}),
        (JournalError("/srv/journal.db is full"), "ServiceUnavailable", 503, {}),
        (InvalidParameter("declared:buckets.x: no"), "InvalidArgument", 400, {}),
        (RouterError("boom"), "InternalError", 500, {}),
        (ValueError("boom"), "InternalError", 500, {}),
        (S3Error("SlowDown"), "SlowDown", 503, {}),
    ],
)
def test_every_refusal_has_its_words(error: Exception, code: str, status: int, elements: dict[str, str]) -> None:
    told = told_of(error, call())
    assert (told.code, told.status, told.elements) == (code, status, elements)


def test_trouble_of_the_disk_is_nobodys_business() -> None:
    for error in (refused.StorageTrouble("/srv/disk is full"), JournalError("/srv/disk is full")):
        assert "/srv" not in told_of(error, call()).message


def test_who_may_not_list_is_not_told_what_there_is_not() -> None:
    told = told_of(refused.NoSuchKey("bkt", "k"), call(lists=False))
    assert (told.code, told.status, told.elements) == ("AccessDenied", 403, {})


def test_every_refusal_of_the_store_is_known() -> None:
    kinds = [kind for kind in vars(refused).values() if isinstance(kind, type) and issubclass(kind, refused.ObjectError)]
    assert len(kinds) > 10
    assert all(kind.code in TOLD for kind in kinds)


def test_a_checksum_that_is_another_is_told_in_awss_words() -> None:
    told = [told_of(error, call()).message for error in (refused.BadChecksum("crc32c"), refused.BadChecksum("sha256", 1))]
    assert told == [
        "The crc32c you specified did not match the calculated checksum.",
        "The sha256 you specified for part 1 did not match what we received.",
    ]
