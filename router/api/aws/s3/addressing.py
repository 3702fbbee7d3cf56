"""Which bucket, key and operation a request is for. Pure.

Path style `/bucket/key`, or the bucket in the Host before one of the endpoint's own names. Operations have AWS's names;
parameters that name none (x-id) are not looked at. Source: S3 user guide, "Virtual hosting of buckets"; API reference."""

import re
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote_plus, unquote_to_bytes

from router.api.aws.s3.errors import S3Error, invalid
from router.buckets.keys import LIMIT
from router.config.resources import misnamed_bucket

_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_SYNTAX: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")


class Target(NamedTuple):
    """What a request names."""

    bucket: str  # "": the endpoint itself
    key: str  # "": the bucket
    parameters: Mapping[str, str]  # of the query, decoded; the first of each name
    hosted: bool = False  # the bucket stands in the Host


def target_of(path: str, query: str, host: str, names: Collection[str] = ()) -> Target:
    """What a request names. *path*, *query*: as sent; *names*: of the endpoint, in front of which a bucket may stand in the Host.

    Raises S3Error: a path or a query that is not UTF-8, a bucket's name that none can have, a key that is too long."""
    hosted = _hosted(host, names)
    if hosted:
        bucket, raw = hosted, path[1:]
    else:
        bucket, _, raw = path[1:].partition("/")
        bucket = _decoded(bucket)
    key = _decoded(raw)
    if bucket and (not _SYNTAX.fullmatch(bucket) or misnamed_bucket(bucket)):
        raise S3Error("InvalidBucketName", BucketName=bucket)
    if (size := len(key.encode())) > LIMIT:
        raise S3Error("KeyTooLongError", Size=size, MaxSizeAllowed=LIMIT)
    return Target(bucket, key, parameters_of(query), bool(hosted))


def parameters_of(query: str) -> dict[str, str]:
    """The query's parameters, decoded. Raises S3Error."""
    found: dict[str, str] = {}
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            try:
                found.setdefault(unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict"))
            except UnicodeDecodeError:
                raise S3Error("InvalidURI", URI=query[:200]) from None
    return found


def _hosted(host: str, names: Collection[str]) -> str:
    """The bucket before one of the endpoint's names; "" for path style."""
    bare = host.lower().rpartition(":")[0] if re.search(r":[0-9]*$", host) else host.lower()
    return next((bare[: -len(name) - 1] for name in names if bare.endswith(f".{name}") and len(bare) > len(name) + 1), "")


def _decoded(text: str) -> str:
    """Percent-encoding off, once. Raises S3Error: InvalidURI."""
    try:
        found = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise S3Error("InvalidURI", URI=text[:200]) from None
    if "\0" in found:
        raise S3Error("InvalidURI", URI=text[:200])
    return found


# -- operations

_OBJECT: Final[Mapping[str, Mapping[str, str]]] = {  # method: sub-resource, in order of precedence: operation; "" is without one
    "GET": {
        "uploadId": "ListParts",
        "acl": "GetObjectAcl",
        "tagging": "GetObjectTagging",
        "attributes": "GetObjectAttributes",
        "legal-hold": "GetObjectLegalHold",
        "retention": "GetObjectRetention",
        "torrent": "",
        "*": "GetObject",
    },
    "HEAD": {"*": "HeadObject"},
    "PUT": {
        "uploadId": "UploadPart",
        "partNumber": "UploadPart",
        "tagging": "PutObjectTagging",
        "acl": "PutObjectAcl",
        "legal-hold": "PutObjectLegalHold",
        "retention": "PutObjectRetention",
        "renameObject": "",
        "encryption": "",
        "*": "PutObject",
    },
    "POST": {
        "uploads": "CreateMultipartUpload",
        "uploadId": "CompleteMultipartUpload",
        "restore": "",
        "select": "",
        "*": "MethodNotAllowed",
    },
    "DELETE": {"uploadId": "AbortMultipartUpload", "tagging": "DeleteObjectTagging", "*": "DeleteObject"},
}
_ABSENT: Final = {  # sub-resources of buckets that are never configured here: what GET says of each
    "cors": "NoSuchCORSConfiguration",
    "policy": "NoSuchBucketPolicy",
    "lifecycle": "NoSuchLifecycleConfiguration",
    "website": "NoSuchWebsiteConfiguration",
    "tagging": "NoSuchTagSet",
    "encryption": "ServerSideEncryptionConfigurationNotFoundError",
    "replication": "ReplicationConfigurationNotFoundError",
    "publicAccessBlock": "NoSuchPublicAccessBlockConfiguration",
    "ownershipControls": "OwnershipControlsNotFoundError",
    "object-lock": "ObjectLockConfigurationNotFoundError",
}
_UNSET: Final = ("accelerate", "logging", "requestPayment")  # as those, but GET tells how things are
_UNDONE: Final = (
    *("analytics", "intelligent-tiering", "inventory", "metrics", "policyStatus"),
    *("session", "metadataConfiguration", "metadataTable", "metadataInventoryTable", "metadataJournalTable", "abac"),
)
_SUB: Final = dict.fromkeys((*_ABSENT, *_UNSET, *_UNDONE), "")
_KEPT: Final = "object-lock"  # cannot be taken back
_BUCKET: Final[Mapping[str, Mapping[str, str]]] = {
    "GET": {
        "location": "GetBucketLocation",
        "versioning": "GetBucketVersioning",
        "notification": "GetBucketNotificationConfiguration",
        "uploads": "ListMultipartUploads",
        "versions": "ListObjectVersions",
        "acl": "GetBucketAcl",
        **dict.fromkeys(_ABSENT, "GetAbsent"),
        **dict.fromkeys(_UNSET, "GetUnset"),
        **dict.fromkeys(_UNDONE, ""),
        "list-type": "ListObjectsV2",
        "*": "ListObjects",
    },
    "HEAD": {"*": "HeadBucket"},
    "PUT": {
        "notification": "PutBucketNotificationConfiguration",
        "acl": "PutBucketAcl",
        "versioning": "PutBucketVersioning",
        **_SUB,
        "*": "CreateBucket",
    },
    "POST": {"delete": "DeleteObjects", "*": "PostObject"},
    "DELETE": {**_SUB, **dict.fromkeys((name for name in _ABSENT if name != _KEPT), "DeleteAbsent"), "*": "DeleteBucket"},
}
_SERVICE: Final[Mapping[str, Mapping[str, str]]] = {"GET": {"*": "ListBuckets"}}


def operation_of(method: str, target: Target, headers: Mapping[str, str]) -> str:
    """AWS's name of the operation. Raises S3Error: MethodNotAllowed, NotImplemented."""
    table = (_OBJECT if target.key else _BUCKET if target.bucket else _SERVICE).get(method, {"*": "MethodNotAllowed"})
    named = next((name for name in table if name in target.parameters), "*")
    operation = table[named]
    if not operation:
        raise S3Error("NotImplemented", "This is not done here", Header=named)
    if operation == "MethodNotAllowed":
        kind = "OBJECT" if target.key else "BUCKET" if target.bucket else "SERVICE"
        raise S3Error("MethodNotAllowed", Method=method, ResourceType=kind)
    if "x-amz-copy-source" in headers:
        return {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}.get(operation, operation)
    return operation


def absent_of(target: Target) -> str:
    """The code that says of this sub-resource of a bucket that it was never configured."""
    return next(code for name, code in _ABSENT.items() if name in target.parameters)


def unset_of(target: Target) -> str:
    """The sub-resource of a bucket that is as it is for every bucket."""
    return next(name for name in _UNSET if name in target.parameters)


def check_owner(headers: Mapping[str, str], account: str) -> None:
    """Whether a request is for buckets of ours, where it says whose they should be. Raises S3Error."""
    for name in ("x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"):
        if (owner := headers.get(name)) is not None:
            if not _ACCOUNT.fullmatch(owner):
                raise S3Error("InvalidBucketOwnerAWSAccountID", BucketOwner=owner[:100])
            if owner != account:
                raise S3Error("AccessDenied")


def check_version(version: str | None) -> None:
    """Versions are not kept: the one there is has the id null. Raises S3Error."""
    if version not in (None, "null"):
        raise invalid("Invalid version id specified", "versionId", version[:100] if version else version)


class CopySource(NamedTuple):
    """What x-amz-copy-source names."""

    bucket: str
    key: str


def copy_source(header: str) -> CopySource:
    """bucket/key, percent-encoded, perhaps with a slash before it and ?versionId= behind. Raises S3Error."""
    path, _, query = header.partition("?")
    bucket, _, key = path.removeprefix("/").partition("/")
    bucket, key = _decoded(bucket), _decoded(key)
    if not bucket or not key:
        raise invalid("Invalid copy source object key", "x-amz-copy-source", "x-amz-copy-source")
    if bucket.startswith("arn:"):
        raise S3Error("NotImplemented", "Access points are not done here", Header="x-amz-copy-source")
    if misnamed_bucket(bucket):
        raise S3Error("InvalidBucketName", BucketName=bucket)
    if query and not query.startswith("versionId="):
        raise invalid("Invalid copy source object key", "x-amz-copy-source", "x-amz-copy-source")
    check_version(query.partition("=")[2] or None)
    return CopySource(bucket, key)
