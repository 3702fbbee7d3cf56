"""What a request brings for IAM to judge by: the condition keys of uploads, removals and tags."""

from collections.abc import Iterable, Mapping
from typing import Final

from router.api.aws.s3.call import S3Call
from router.buckets.facts import Metadata

_MATCHES: Final = ("if-match", "if-none-match")


def require_put(call: S3Call, said: Metadata) -> None:
    """What whoever begins an object must be allowed, however its bytes come. Raises S3Error: AccessDenied."""
    tags = tag_context(said.tags)
    call.require("s3:PutObject", context=put_context(call) | tags)
    if said.tags:
        call.require("s3:PutObjectTagging", context=tags)
    if "x-amz-acl" in call.headers:
        call.require("s3:PutObjectAcl")


def put_context(call: S3Call) -> dict[str, tuple[str, ...]]:
    """The condition keys of an upload."""
    names = (
        *("x-amz-acl", "x-amz-copy-source", "x-amz-metadata-directive", "x-amz-server-side-encryption", "x-amz-storage-class"),
        *_MATCHES,
    )
    return _said(call, names)


def match_context(call: S3Call) -> dict[str, tuple[str, ...]]:
    """The condition keys of a removal."""
    return _said(call, _MATCHES)


def _said(call: S3Call, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    return {f"s3:{name}": (call.headers[name],) for name in names if name in call.headers}


def tag_context(tags: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The condition keys of the tags that a request brings."""
    found = {f"s3:requestobjecttag/{key}".lower(): (value,) for key, value in tags.items()}
    return found | ({"s3:requestobjecttagkeys": tuple(tags)} if tags else {})
