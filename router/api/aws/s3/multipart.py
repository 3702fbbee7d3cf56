"""Operations on uploads in parts."""

from typing import Final
from urllib.parse import quote

from router.api.aws.s3 import checksums, conditions, listing, metadata, ranges
from router.api.aws.s3.addressing import copy_source
from router.api.aws.s3.call import S3Call
from router.api.aws.s3.condition_keys import put_context, require_put
from router.api.aws.s3.documents import moment
from router.api.aws.s3.errors import S3Error, invalid
from router.api.aws.s3.intake import check_length, document_of, fill
from router.api.aws.s3.markup import Node, parsed
from router.api.aws.s3.objects import part_number
from router.buckets.facts import ALGORITHMS, ObjectFacts, PartName
from router.buckets.object_errors import NoSuchKey
from router.buckets.objects import Store
from router.buckets.upload import LARGEST
from router.events.http import Response

MOST: Final = 10_000  # parts


class Multipart:
    """What is done with uploads in parts."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(self, call: S3Call) -> Response:
        """CreateMultipartUpload."""
        said, asked = metadata.of_upload(call.headers), checksums.asked_of(call.headers)
        require_put(call, said)
        made = await self._store.create_upload(
            call.bucket, call.key, said, algorithm=asked.algorithm, checksum_type=asked.kind, caller=call.told()
        )
        headers = [("x-amz-checksum-algorithm", asked.algorithm.upper()), ("x-amz-checksum-type", asked.kind)] if asked.algorithm else []
        children = [("Bucket", call.bucket), ("Key", call.key), ("UploadId", made.upload_id)]
        return call.xml("InitiateMultipartUploadResult", children, headers)

    async def part(self, call: S3Call) -> Response:
        """UploadPart."""
        call.require("s3:PutObject", context=put_context(call))
        metadata.check(call.headers)
        number = _numbered(call)
        claim = checksums.claim_of(call.headers)
        check_length(call)
        upload = await self._store.upload(call.bucket, call.key, call.parameters["uploadId"])
        if upload.algorithm and claim.algorithm and claim.algorithm != upload.algorithm:
            raise S3Error(
                "InvalidRequest",
                f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm}, actual checksum Type: {claim.algorithm}",
            )
        sink = await self._store.begin_part(upload, number, {claim.algorithm} if claim.algorithm else frozenset())
        try:
            part = await sink.commit(await fill(call, sink, claim))
        finally:
            await sink.abort()
        return Response(200, [("etag", f'"{part.etag}"'), *checksums.header_pairs(part)])

    async def part_copy(self, call: S3Call) -> Response:
        """UploadPartCopy."""
        source, number = copy_source(call.headers["x-amz-copy-source"]), _numbered(call)
        call.require("s3:PutObject", context=put_context(call))
        call.require("s3:GetObject", bucket=source.bucket, key=source.key)
        upload = await self._store.upload(call.bucket, call.key, call.parameters["uploadId"])
        try:
            opened = await self._store.open(*source)
        except NoSuchKey as error:
            raise call.unseen(error) from error
        async with opened:
            conditions.of_copy(call.headers, opened.facts.etag, opened.facts.modified)
            span = ranges.copied(call.headers.get("x-amz-copy-source-range", ""), opened.facts.size)
            if span.size > LARGEST:
                raise S3Error("EntityTooLarge", ProposedSize=span.size, MaxSizeAllowed=LARGEST)
            part = await self._store.copy_part(upload, number, opened, (span.start, span.end))
        sums = [(f"Checksum{name.upper()}", value) for name, value in part.checksums.items()]
        return call.xml("CopyPartResult", [("LastModified", moment(part.modified)), ("ETag", f'"{part.etag}"'), *sums])

    async def complete(self, call: S3Call) -> Response:
        """CompleteMultipartUpload."""
        call.require("s3:PutObject", context=put_context(call))
        document = await document_of(call, summed=False)  # they are of the object
        if not document:
            raise S3Error("InvalidRequest", "You must specify at least one part")
        parts = _named(parsed(document, "CompleteMultipartUpload"))
        upload_id = call.parameters["uploadId"]
        condition, sums = conditions.of_write(call.headers), checksums.of_completion(call.headers)
        size = _size(call.headers.get("x-amz-mp-object-size"))
        kind, who = call.headers.get("x-amz-checksum-type", "").upper(), call.told()
        try:
            made = await self._store.complete(
                call.bucket, call.key, upload_id, parts, condition=condition, caller=who, checksums=sums, size=size, kind=kind
            )
        except NoSuchKey as error:
            raise call.unseen(error) from error
        return call.xml("CompleteMultipartUploadResult", _completed(call, made))

    async def abort(self, call: S3Call) -> Response:
        """AbortMultipartUpload."""
        call.require("s3:AbortMultipartUpload")
        await self._store.abort_upload(call.bucket, call.key, call.parameters["uploadId"])
        return Response(204)

    async def parts(self, call: S3Call) -> Response:
        """ListParts."""
        call.require("s3:ListMultipartUploadParts")
        limit = listing.check_limit(listing.number(call.parameters, "max-parts", listing.MOST), "max-parts")
        after = listing.number(call.parameters, "part-number-marker", 0)
        upload = await self._store.upload(call.bucket, call.key, call.parameters["uploadId"])
        page = await self._store.parts(upload, after=after, limit=limit)
        return Response(200, [("content-type", "application/xml")], listing.parts(page, after, limit, call.owner()))

    async def uploads(self, call: S3Call) -> Response:
        """ListMultipartUploads."""
        call.require("s3:ListBucketMultipartUploads", key="")
        given = call.parameters
        listing.encoding(given)
        limit = listing.check_limit(listing.number(given, "max-uploads", listing.MOST), "max-uploads")
        after = given.get("key-marker", ""), given.get("upload-id-marker", "") if given.get("key-marker") else ""
        page = await self._store.uploads(call.bucket, given.get("prefix", ""), given.get("delimiter", ""), after, limit)
        return Response(200, [("content-type", "application/xml")], listing.uploads(call.bucket, page, given, limit, call.owner()))


def _numbered(call: S3Call) -> int:
    """The number of a part. Raises S3Error."""
    if "uploadId" not in call.parameters:
        raise invalid("This operation does not accept a query-string.", "ResourceType", "partNumber")
    if "partNumber" not in call.parameters:
        raise invalid("This operation does not accept a query-string.", "ResourceType", "uploadId")
    return part_number(call.parameters["partNumber"])


def _size(text: str | None) -> int | None:
    """How many bytes a client says that its object has. Raises S3Error."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise invalid("x-amz-mp-object-size must be a number of bytes", "x-amz-mp-object-size", text[:40])
    return int(text)


def _named(root: Node) -> list[PartName]:
    """The parts that a document names, in its order. Raises S3Error: MalformedXML."""
    found: list[PartName] = []
    fields = ("PartNumber", "ETag", *(f"Checksum{name.upper()}" for name in ALGORITHMS))
    for node in root.only("Part").children:
        number = node.only(*fields).value("PartNumber").strip()
        if not (number.isascii() and number.isdigit() and len(number) < 6) or not 1 <= int(number) <= MOST:
            raise S3Error("MalformedXML")
        sums: dict[str, str] = {name: value for name in ALGORITHMS if (value := node.value(f"Checksum{name.upper()}").strip())}
        found.append(PartName(int(number), node.value("ETag").strip(), sums))
    if not found or len(found) > MOST:
        raise S3Error("MalformedXML")
    return found


def _completed(call: S3Call, made: ObjectFacts) -> list[tuple[str, object]]:
    host = call.request.host or "localhost"
    path = quote(call.key if call.target.hosted else f"{call.bucket}/{call.key}")
    return [
        ("Location", f"{call.request.scheme}://{host}/{path}"),
        ("Bucket", call.bucket),
        ("Key", call.key),
        ("ETag", f'"{made.etag}"'),
        *((f"Checksum{name.upper()}", value) for name, value in made.metadata.checksums.items()),
        ("ChecksumType", made.metadata.checksum_type or None),
    ]
