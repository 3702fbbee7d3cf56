"""S3's side of the listener: a request in, an answer out, whatever happens in between.

The order is S3's: what is asked for, who asks, whether they may, then the body. A refused upload is never asked for its body."""

import secrets
from base64 import b64encode
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

import structlog

from router.api.aws.gate import Gate
from router.api.aws.s3 import cors, documents
from router.api.aws.s3.about import About
from router.api.aws.s3.access import Access
from router.api.aws.s3.addressing import Target, check_owner, operation_of, target_of
from router.api.aws.s3.buckets import Buckets
from router.api.aws.s3.call import XML, Ids, S3Call
from router.api.aws.s3.destinations import Destinations
from router.api.aws.s3.errors import S3Error
from router.api.aws.s3.multipart import Multipart
from router.api.aws.s3.notifications import Notifications
from router.api.aws.s3.objects import Objects
from router.api.aws.s3.patience import OPERATIONS as PATIENT
from router.api.aws.s3.patience import patiently
from router.api.aws.s3.posting import Posting
from router.api.aws.s3.troubles import Troubles
from router.api.declared import Declared
from router.buckets.objects import Store
from router.errors import RouterError
from router.events.http import Request, Response

log: Final = structlog.get_logger("router.aws.s3")

Do = Callable[[S3Call], Awaitable[Response]]
NAMES: Final = ("s3.localhost.localdomain", "s3.localhost", "localhost.localdomain", "localhost")  # before which a bucket may stand


class Front:
    """Answers every request to S3."""

    def __init__(self, store: Store, declared: Declared, destinations: Destinations, names: Collection[str] = NAMES) -> None:
        """*names*: of the endpoint, in front of which a bucket may stand in the Host."""
        self._names = names
        self._troubles = Troubles()
        self._posting = Posting(store, self._troubles)
        objects, about, multipart = Objects(store), About(store), Multipart(store)
        notifications = Notifications(declared, destinations)
        buckets = Buckets(store, declared, notifications, self._troubles)
        self._operations: Mapping[str, Do] = {
            "ListBuckets": buckets.all,
            "CreateBucket": buckets.create,
            "DeleteBucket": buckets.remove,
            "HeadBucket": buckets.head,
            "GetBucketLocation": buckets.location,
            "GetBucketVersioning": buckets.versioning,
            "PutBucketVersioning": buckets.put_versioning,
            "GetBucketAcl": buckets.acl,
            "PutBucketAcl": buckets.put_acl,
            "GetAbsent": buckets.absent,
            "GetUnset": buckets.unset,
            "DeleteAbsent": buckets.delete_absent,
            "GetBucketNotificationConfiguration": notifications.get,
            "PutBucketNotificationConfiguration": notifications.put,
            "ListObjectsV2": buckets.objects_v2,
            "ListObjects": buckets.objects_v1,
            "ListObjectVersions": buckets.versions,
            "ListMultipartUploads": multipart.uploads,
            "DeleteObjects": buckets.delete_many,
            "GetObject": objects.get,
            "HeadObject": objects.head,
            "GetObjectAttributes": about.attributes,
            "PutObject": objects.put,
            "CopyObject": objects.copy,
            "DeleteObject": objects.delete,
            "GetObjectTagging": about.tags,
            "PutObjectTagging": about.tag,
            "DeleteObjectTagging": about.untag,
            "GetObjectAcl": about.acl,
            "PutObjectAcl": about.put_acl,
            **dict.fromkeys(("GetObjectLegalHold", "PutObjectLegalHold", "GetObjectRetention", "PutObjectRetention"), about.lock),
            "CreateMultipartUpload": multipart.create,
            "UploadPart": multipart.part,
            "UploadPartCopy": multipart.part_copy,
            "CompleteMultipartUpload": multipart.complete,
            "AbortMultipartUpload": multipart.abort,
            "ListParts": multipart.parts,
        }

    async def serve(self, request: Request, gate: Gate, request_id: str) -> Response:
        """Answer a request, whoever sent it. *request_id*: UUID; S3's own is its first half."""
        access = Access(gate)
        ids = Ids(request_id.replace("-", "")[:16].upper(), b64encode(secrets.token_bytes(42)).decode())
        response = await self._answered(request, access, ids)
        return response._replace(headers=[*ids.pairs(), ("server", "AmazonS3"), *cors.opened(request), *response.headers])

    async def _answered(self, request: Request, access: Access, ids: Ids) -> Response:
        """The answer, whatever happens."""
        try:
            if request.method == "OPTIONS":
                return cors.preflight(request)
            headers = _joined(request)
            target = target_of(request.path, request.query, request.host, self._names)
            operation = self._operation(request, target, headers)
            if operation == "PostObject":
                return await self._posting.post(target, request, access, ids)
            sender = access.identify(request, target.bucket if target.hosted else "")
            check_owner(headers, access.account)
        except S3Error as error:
            return _refusal(error, request, ids)
        except Exception:  # as below
            log.exception("s3_request_crashed", request_id=ids.request, method=request.method)
            return _refusal(S3Error("InternalError"), request, ids)
        call = S3Call(operation, target, request, headers, sender, access, ids)
        return await (patiently(self._done(call)) if operation in PATIENT else self._done(call))

    async def _done(self, call: S3Call) -> Response:
        """The answer of an operation."""
        try:
            return await self._operations[call.operation](call)
        except RouterError as error:
            return _refusal(self._troubles.told_of(error, call), call.request, call.ids)
        except Exception:  # the bulkhead around a single request: S3's clients read S3's errors, and try again
            log.exception("s3_request_crashed", request_id=call.ids.request, method=call.request.method)
            return _refusal(S3Error("InternalError"), call.request, call.ids)

    def _operation(self, request: Request, target: Target, headers: Mapping[str, str]) -> str:
        operation = operation_of(request.method, target, headers)
        if operation not in self._operations and operation != "PostObject":
            raise S3Error("NotImplemented", f"{operation} is not done here")
        return operation


def _refusal(error: S3Error, request: Request, ids: Ids) -> Response:
    """The error document; HEAD and 304 have none."""
    if request.method == "HEAD":
        return Response(error.status, XML)
    body = documents.error(error.code, error.message, error.elements, request_id=ids.request, host_id=ids.host)
    return Response(error.status, XML, body)


def _joined(request: Request) -> dict[str, str]:
    """Headers by name; several of one name as one, with commas."""
    found: dict[str, str] = {}
    for name, value in request.headers:
        found[name] = f"{found[name]},{value}" if name in found else value
    return found
