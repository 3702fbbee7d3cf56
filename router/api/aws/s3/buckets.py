"""Operations on buckets, and on many objects of one."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from router.api.aws.s3 import listing
from router.api.aws.s3.about import grants
from router.api.aws.s3.access import arn
from router.api.aws.s3.addressing import absent_of, unset_of
from router.api.aws.s3.call import XML, S3Call
from router.api.aws.s3.conditions import check_unlocked
from router.api.aws.s3.documents import located, moment
from router.api.aws.s3.errors import S3Error, invalid
from router.api.aws.s3.intake import document_of, has_body
from router.api.aws.s3.listing import Asked
from router.api.aws.s3.markup import Node, parsed
from router.api.aws.s3.notifications import Notifications
from router.api.aws.s3.troubles import Troubles
from router.api.aws.service import Need
from router.api.declared import Change, Declared
from router.buckets.facts import Condition, Page
from router.buckets.keys import LIMIT
from router.buckets.object_errors import StorageTrouble
from router.buckets.objects import Store
from router.events.http import Response

MOST: Final = 1000  # keys of one DeleteObjects
_SAID: Final = frozenset(("prefix", "bucket-region", "max-buckets", "continuation-token"))  # parameters of ListBuckets
_PLACE: Final = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]|EU")  # what may be one of AWS's
_ALL: Final = "arn:aws:s3:::*"  # what ListBuckets is asked of: the user guide's policies name it so, others say *
_FIRST: Final = "us-east-1"  # where S3 began: what is said of a place is otherwise there


class Buckets:
    """What is done with buckets."""

    def __init__(self, store: Store, declared: Declared, notifications: Notifications, troubles: Troubles) -> None:
        self._store, self._declared, self._notifications, self._troubles = store, declared, notifications, troubles

    # -- which there are

    async def all(self, call: S3Call) -> Response:
        """ListBuckets."""
        call.access.require(call.sender, Need("s3:ListAllMyBuckets", _ALL))
        given, limit = call.parameters, listing.number(call.parameters, "max-buckets", 10_000)
        if not 1 <= limit <= 10_000:
            raise invalid("Argument max-buckets must be an integer between 1 and 10000", "max-buckets", limit)
        after = listing.opened(given["continuation-token"]) if given.get("continuation-token") else ""
        region = given.get("bucket-region", call.access.region)
        names = sorted(name for name in self._store.buckets() if name.startswith(given.get("prefix", "")) and region == call.access.region)
        behind = [name for name in names if name > after]
        shown = behind[:limit]
        where = [("BucketRegion", region)] if _SAID.intersection(given) else []  # as recorded of AWS
        children = [("Bucket", [("Name", name), ("CreationDate", moment(await self._made(name, call))), *where]) for name in shown]
        token = listing.sealed(shown[-1]) if len(behind) > len(shown) else None
        told = [("Owner", call.owner()), ("Buckets", children), ("Prefix", given.get("prefix")), ("ContinuationToken", token)]
        return call.xml("ListAllMyBucketsResult", told)

    async def _made(self, bucket: str, call: S3Call) -> float:
        """When a bucket was made, epoch seconds; 0 when its directory is not there to tell: the others are listed all the same."""
        try:
            return await self._store.created(bucket)
        except StorageTrouble as trouble:
            self._troubles.note(trouble, bucket, call.operation, call.ids.request)
            return 0.0

    async def create(self, call: S3Call) -> Response:
        """CreateBucket: a directory of the daemon's own."""
        call.require("s3:CreateBucket", key="")
        if call.headers.get("x-amz-acl", "private") != "private" or any(name.startswith("x-amz-grant-") for name in call.headers):
            raise S3Error("AccessControlListNotSupported")
        if call.headers.get("x-amz-bucket-object-lock-enabled", "").lower() == "true":
            raise S3Error("NotImplemented", Header="x-amz-bucket-object-lock-enabled")
        if call.headers.get("x-amz-object-ownership", "BucketOwnerEnforced") != "BucketOwnerEnforced":
            raise S3Error("NotImplemented", Header="x-amz-object-ownership")
        check_place(await document_of(call) if has_body(call.request) else b"", call.access.region)
        if call.bucket in self._store.buckets():
            if call.access.region != _FIRST:
                raise S3Error("BucketAlreadyOwnedByYou", BucketName=call.bucket)
        else:
            await self._declared.put("buckets", call.bucket, {"path": f"buckets/{call.bucket}"})
        return Response(200, [("location", f"/{call.bucket}")])

    async def remove(self, call: S3Call) -> Response:
        """DeleteBucket."""
        call.require("s3:DeleteBucket", key="")
        self._there(call)
        if self._declared.owner("buckets", call.bucket) != "api":
            raise S3Error("AccessDenied", f"{call.bucket} is declared in config.yaml, which the API does not change")
        if not await self._store.empty(call.bucket):
            raise S3Error("BucketNotEmpty", BucketName=call.bucket)
        gone = self._notifications.gone(call.bucket)
        await self._store.remove_bucket(call.bucket)
        await self._declared.change(Change(removes=(*gone, ("buckets", call.bucket))))
        return Response(204)

    async def head(self, call: S3Call) -> Response:
        """HeadBucket."""
        call.require("s3:ListBucket", key="")
        self._there(call)
        return Response(200, [("x-amz-bucket-region", call.access.region), ("x-amz-access-point-alias", "false"), *XML])

    def _there(self, call: S3Call) -> None:
        if call.bucket not in self._store.buckets():
            raise S3Error("NoSuchBucket", BucketName=call.bucket)

    # -- what is said of one

    async def location(self, call: S3Call) -> Response:
        """GetBucketLocation."""
        call.require("s3:GetBucketLocation", key="")
        self._there(call)
        return Response(200, XML, located(call.access.region))

    async def versioning(self, call: S3Call) -> Response:
        """GetBucketVersioning: never enabled."""
        call.require("s3:GetBucketVersioning", key="")
        self._there(call)
        return call.xml("VersioningConfiguration", [])

    async def put_versioning(self, call: S3Call) -> Response:
        """PutBucketVersioning: versions are not kept; Suspended asks for what is so anyhow."""
        call.require("s3:PutBucketVersioning", key="")
        self._there(call)
        root = parsed(await document_of(call), "VersioningConfiguration")
        if root.value("Status") == "Suspended" and not root.value("MfaDelete"):
            return Response(200)
        raise S3Error("NotImplemented", "Versions of objects are not kept here", Header="Status")

    async def acl(self, call: S3Call) -> Response:
        """GetBucketAcl."""
        call.require("s3:GetBucketAcl", key="")
        self._there(call)
        return grants(call)

    async def put_acl(self, call: S3Call) -> Response:
        """PutBucketAcl."""
        call.require("s3:PutBucketAcl", key="")
        self._there(call)
        raise S3Error("AccessControlListNotSupported")

    async def absent(self, call: S3Call) -> Response:
        """What is never configured here, as AWS says it of a new bucket."""
        code = absent_of(call.target)
        call.require(_ASKED.get(code, "s3:GetBucketPolicy"), key="")
        self._there(call)
        raise S3Error(code, BucketName=call.bucket)

    async def unset(self, call: S3Call) -> Response:
        """How things are that are never set here, as AWS says it of a new bucket."""
        action, root, told = _UNSET[unset_of(call.target)]
        call.require(action, key="")
        self._there(call)
        return call.xml(root, told)

    async def delete_absent(self, call: S3Call) -> Response:
        """What was never configured is gone, as AWS says it of every bucket."""
        call.require(_TAKEN_BACK[absent_of(call.target)], key="")
        self._there(call)
        return Response(204)

    # -- listings

    async def objects_v2(self, call: S3Call) -> Response:
        """ListObjectsV2."""
        asked = listing.asked_v2(call.parameters)
        page = await self._page(call, asked)
        return Response(200, XML, listing.objects_v2(call.bucket, asked, page, call.parameters, call.owner()))

    async def objects_v1(self, call: S3Call) -> Response:
        """ListObjects."""
        asked = listing.asked_v1(call.parameters)
        page = await self._page(call, asked)
        return Response(200, XML, listing.objects_v1(call.bucket, asked, page, call.owner()))

    async def versions(self, call: S3Call) -> Response:
        """ListObjectVersions: of each object the one there is."""
        if (version := call.parameters.get("version-id-marker", "")) and not call.parameters.get("key-marker"):
            raise invalid("A version-id marker cannot be specified without a key marker.", "version-id-marker", version[:100])
        asked = listing.asked_v1(call.parameters, "key-marker")
        page = await self._page(call, asked, "s3:ListBucketVersions")
        return Response(200, XML, listing.versions(call.bucket, asked, page, call.owner()))

    async def _page(self, call: S3Call, asked: Asked, action: str = "s3:ListBucket") -> Page:
        given = call.parameters
        keys = {f"s3:{name}": (given[name],) for name in ("prefix", "delimiter", "max-keys") if name in given}
        call.require(action, key="", context=keys)
        self._there(call)
        if not asked.limit or len(asked.prefix.encode()) > LIMIT:
            return Page((), (), None)
        return await self._store.list_page(call.bucket, asked.prefix, asked.delimiter, asked.after, asked.limit)

    # -- many at once

    async def delete_many(self, call: S3Call) -> Response:
        """DeleteObjects: each key is allowed, or not, by itself."""
        wanted, quiet = _wanted(parsed(await document_of(call, claimed=True), "Delete"))
        self._there(call)
        check_unlocked(call.headers)
        errors: dict[str, S3Error] = {}
        for key, asked in wanted.items():
            if why := _forbidden(call, key, asked.match):
                errors[key] = S3Error("AccessDenied", why)
            elif asked.refused is not None:
                errors[key] = asked.refused
        conditions = {key: Condition(asked.match) for key, asked in wanted.items() if key not in errors}
        found = await self._store.delete_many(call.bucket, conditions, caller=call.told())
        errors |= {key: self._troubles.told_of(error, call) for key, error in found.items() if error is not None}
        gone = [] if quiet else [("Deleted", [("Key", key)]) for key in wanted if key not in errors]
        failed = [("Error", _failed(key, asked, errors[key])) for key, asked in wanted.items() if key in errors]
        return call.xml("DeleteResult", [*gone, *failed])


_TAKEN_BACK: Final[Mapping[str, str]] = {  # what DELETE of such a one needs
    "NoSuchBucketPolicy": "s3:DeleteBucketPolicy",
    "NoSuchCORSConfiguration": "s3:PutBucketCORS",
    "NoSuchLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "NoSuchWebsiteConfiguration": "s3:DeleteBucketWebsite",
    "NoSuchTagSet": "s3:PutBucketTagging",
    "ServerSideEncryptionConfigurationNotFoundError": "s3:PutEncryptionConfiguration",
    "ReplicationConfigurationNotFoundError": "s3:PutReplicationConfiguration",
    "NoSuchPublicAccessBlockConfiguration": "s3:PutBucketPublicAccessBlock",
    "OwnershipControlsNotFoundError": "s3:PutBucketOwnershipControls",
}
_ASKED: Final[Mapping[str, str]] = {  # what GET of a sub-resource that is never configured needs
    "NoSuchBucketPolicy": "s3:GetBucketPolicy",
    "NoSuchCORSConfiguration": "s3:GetBucketCORS",
    "NoSuchLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "NoSuchWebsiteConfiguration": "s3:GetBucketWebsite",
    "NoSuchTagSet": "s3:GetBucketTagging",
    "ServerSideEncryptionConfigurationNotFoundError": "s3:GetEncryptionConfiguration",
    "ReplicationConfigurationNotFoundError": "s3:GetReplicationConfiguration",
    "NoSuchPublicAccessBlockConfiguration": "s3:GetBucketPublicAccessBlock",
    "OwnershipControlsNotFoundError": "s3:GetBucketOwnershipControls",
    "ObjectLockConfigurationNotFoundError": "s3:GetBucketObjectLockConfiguration",
}


class _Wanted(NamedTuple):
    """What a Delete says of one key."""

    match: str = ""  # the eTag that it must have, or *; "": whatever
    refused: S3Error | None = None
    version: str = ""


def _failed(key: str, asked: _Wanted, error: S3Error) -> list[tuple[str, object]]:
    """What DeleteObjects says of a key that stays; the version only where one was asked for."""
    return [("Key", key), ("VersionId", asked.version or None), ("Code", error.code), ("Message", error.message)]


def _forbidden(call: S3Call, key: str, match: str) -> str:
    """Why the sender may not delete this key; "" when they may. Whether an eTag is the object's is told to who may read it."""
    resource, context = arn(call.bucket, key), {"s3:if-match": (match,)} if match else {}
    why = call.access.denied(call.sender, Need("s3:DeleteObject", resource, context))
    return why or (call.access.denied(call.sender, Need("s3:GetObject", resource)) if match not in ("", "*") else "")


def _wanted(root: Node) -> tuple[dict[str, _Wanted], bool]:
    """The keys that a Delete names, and whether it wants to hear of failures only. Raises S3Error."""
    named = list(root.only("Object", "Quiet").all("Object"))
    if not 1 <= len(named) <= MOST:
        raise S3Error("MalformedXML")
    found: dict[str, _Wanted] = {}
    for node in named:
        key = node.only("Key", "VersionId", "ETag", "LastModifiedTime", "Size").value("Key")
        if not key:
            raise S3Error("UserKeyMustBeSpecified", "You must specify a key")
        if len(key.encode()) > LIMIT:
            found[key] = _Wanted(refused=S3Error("KeyTooLongError"))
        elif node.value("VersionId") not in ("", "null"):
            found[key] = _Wanted(refused=S3Error("NoSuchVersion"), version=node.value("VersionId"))
        elif any(node.find(name) for name in ("LastModifiedTime", "Size")):
            found[key] = _Wanted(refused=S3Error("NotImplemented", "Conditions on size and time are not done here"))
        else:
            found.setdefault(key, _Wanted(node.value("ETag").strip()))
    return found, root.value("Quiet").strip().lower() == "true"


_UNSET: Final[Mapping[str, tuple[str, str, tuple[tuple[str, str], ...]]]] = {  # what GET needs, and says
    "accelerate": ("s3:GetAccelerateConfiguration", "AccelerateConfiguration", ()),
    "logging": ("s3:GetBucketLogging", "BucketLoggingStatus", ()),
    "requestPayment": ("s3:GetBucketRequestPayment", "RequestPaymentConfiguration", (("Payer", "BucketOwner"),)),
}


def check_place(body: bytes, region: str) -> None:
    """Whether a bucket is wanted where we are, as recorded of AWS: us-east-1 must not be named, every other region must. Raises S3Error."""
    place = ""
    if body.strip():
        root = parsed(body, "CreateBucketConfiguration").only("LocationConstraint", "Tags")
        if root.find("Tags"):
            raise S3Error("NotImplemented", "Buckets have no tags here", Header="Tags")
        place = root.value("LocationConstraint").strip()
        if not place:
            raise S3Error("MalformedXML")
    if region == _FIRST and place and (place == _FIRST or not _PLACE.fullmatch(place)):
        raise S3Error("InvalidLocationConstraint", LocationConstraint=place[:40])
    if place != ("" if region == _FIRST else region) and (region, place) != ("eu-west-1", "EU"):
        told = f"The {place[:40] or 'unspecified'} location constraint is incompatible for the region specific endpoint this request was sent to."
        raise S3Error("IllegalLocationConstraintException", told)
