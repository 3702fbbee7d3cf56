"""PostObject: a browser's form, signed by its policy."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from router.api.aws.s3 import checksums, metadata
from router.api.aws.s3.access import Access
from router.api.aws.s3.addressing import Target, check_owner
from router.api.aws.s3.call import Ids, S3Call, pieces_of
from router.api.aws.s3.condition_keys import require_put
from router.api.aws.s3.errors import S3Error, of_signature
from router.api.aws.s3.forms import Form, boundary_of
from router.api.aws.s3.intake import of_wire
from router.api.aws.s3.troubles import Troubles
from router.buckets.keys import LIMIT
from router.buckets.objects import Store, Upload
from router.errors import RouterError
from router.events.http import Request, Response
from router.iam import post_policy
from router.iam.auth_errors import AuthFailure
from router.web import BodyBroken

_FILENAME: Final = "${filename}"
_TAGGING: Final = "tagging"  # the one field that is a document
_STATUSES: Final = {"200": 200, "201": 201, "204": 204}


class Posting:
    """Forms that are posted to a bucket."""

    def __init__(self, store: Store, troubles: Troubles) -> None:
        self._store, self._troubles = store, troubles

    async def post(self, target: Target, request: Request, access: Access, ids: Ids) -> Response:
        """Take a form's file in. Raises S3Error."""
        try:
            return await self._post(target, request, access, ids)
        except AuthFailure as failure:
            raise of_signature(failure) from failure
        except BodyBroken as broken:
            raise of_wire(broken) from broken

    async def _post(self, target: Target, request: Request, access: Access, ids: Ids) -> Response:
        form = Form(boundary_of(request.header("content-type")))
        pieces = pieces_of(request)
        first = b""
        while not form.begun:
            if (piece := await anext(pieces, None)) is None:
                raise S3Error("MalformedPOSTRequest")
            first = form.feed(piece)
        fields = {name: value if name == _TAGGING else metadata.sound(value, name) for name, value in form.fields.items()}
        sender, policy = access.identify_form(request, fields, target.bucket)
        if not fields.get("key"):
            raise S3Error("UserKeyMustBeSpecified")
        key = fields["key"] if form.filename is None else fields["key"].replace(_FILENAME, form.filename)
        if len(key.encode()) > LIMIT:
            raise S3Error("KeyTooLongError")
        headers = _headers(fields)
        check_owner(headers, access.account)
        call = S3Call("PostObject", target._replace(key=key), request, headers, sender, access, ids)
        answer = _answered(call, fields)
        said, claim = metadata.of_upload(headers), checksums.claim_of(headers)
        if _TAGGING in fields:
            said = replace(said, tags=metadata.tags_of_document(fields[_TAGGING].encode()))
        require_put(call, said)
        upload = None
        try:
            upload = await self._store.begin_put(call.bucket, key, {claim.algorithm} if claim.algorithm else frozenset())
            await _fill(upload, form, first, pieces, policy)
            sums = claim.check(await upload.digests(), {})
            said = replace(said, checksums=sums, checksum_type="FULL_OBJECT" if sums else "")
            made = await upload.commit(said, caller=call.told(), event="ObjectCreated:Post")
        except RouterError as error:
            raise self._troubles.told_of(error, call) from error
        finally:
            if upload is not None:
                await upload.abort()
        return answer(made.etag)


async def _fill(upload: Upload, form: Form, first: bytes, pieces: AsyncIterator[bytes], policy: post_policy.Policy) -> None:
    """The file, as large as the policy allows. Raises AuthFailure, S3Error."""
    size, piece = 0, first
    while True:
        size += len(piece)
        if policy.high is not None and size > policy.high:
            post_policy.check_size(policy, size)
        if piece:
            await upload.write(piece)
        if (more := await anext(pieces, None)) is None:
            break
        piece = form.feed(more)
    if not form.ended:
        raise S3Error("MalformedPOSTRequest")
    post_policy.check_size(policy, size)


def _headers(fields: dict[str, str]) -> dict[str, str]:
    """What a form says in fields and other requests say in headers."""
    kept = {name: value for name, value in fields.items() if name in metadata.KEPT or name == "content-md5"}
    kept |= {name: value for name, value in fields.items() if name.startswith("x-amz-") and not name.startswith(_SIGNING)}
    if "acl" in fields:
        kept["x-amz-acl"] = fields["acl"]
    return kept


_SIGNING: Final = ("x-amz-signature", "x-amz-credential", "x-amz-date", "x-amz-algorithm", "x-amz-security-token")


def _answered(call: S3Call, fields: dict[str, str]) -> "Callable[[str], Response]":
    """How success is told: by a redirect, or with the status that was asked for; 204 where it was not."""
    where = fields.get("success_action_redirect") or fields.get("redirect", "")
    host = call.request.host or "localhost"
    path = quote(call.key if call.target.hosted else f"{call.bucket}/{call.key}")
    location = f"{call.request.scheme}://{host}/{path}"

    def answer(etag: str) -> Response:
        base = [("etag", f'"{etag}"'), ("location", location)]
        if where and urlsplit(where).scheme in ("http", "https"):
            more = urlencode({"bucket": call.bucket, "key": call.key, "etag": f'"{etag}"'})
            target = f"{where}{'&' if urlsplit(where).query else '?'}{more}"
            return Response(303, [("etag", f'"{etag}"'), ("location", target)])
        status = _STATUSES.get(fields.get("success_action_status", ""), 204)
        if status != 201:
            return Response(status, base)
        told = [("Location", location), ("Bucket", call.bucket), ("Key", call.key), ("ETag", f'"{etag}"')]
        return call.xml("PostResponse", told, base)._replace(status=201)

    return answer
