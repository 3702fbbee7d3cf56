"""Operations on one object: get, head, put, copy, delete, tags, attributes."""

from dataclasses import replace
from typing import Final, Self

from router.api.aws.s3 import checksums, conditions, metadata, ranges
from router.api.aws.s3.about import head_of
from router.api.aws.s3.addressing import CopySource, check_version, copy_source
from router.api.aws.s3.call import S3Call
from router.api.aws.s3.condition_keys import match_context, require_put, tag_context
from router.api.aws.s3.documents import http_date, moment
from router.api.aws.s3.errors import S3Error, invalid
from router.api.aws.s3.intake import check_length, fill
from router.api.aws.s3.metadata import REDIRECT
from router.api.aws.s3.ranges import Span
from router.buckets.facts import Metadata, ObjectFacts
from router.buckets.object_errors import NoSuchKey
from router.buckets.objects import OpenObject, Store
from router.buckets.upload import LARGEST
from router.events.http import Response

PIECE: Final = 1024 * 1024  # bytes read at once
_ITSELF: Final = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata,"
    " storage class, website redirect location or encryption attributes."
)
_BOTH: Final = "Cannot specify both Range header and partNumber query parameter"


class Objects:
    """What is done with one object."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # -- reading

    async def get(self, call: S3Call) -> Response:
        """GetObject."""
        opened = await self._opened(call, call.bucket, call.key)
        handed = False
        try:
            status, headers, span = _answer(call, opened.facts)
            if status == 304 or not span.size:
                return Response(status, headers)
            if span.size <= PIECE:
                return Response(status, headers, await opened.read(span.start, span.size))
            handed = True
            return Response(status, [*headers, ("content-length", str(span.size))], Sent(opened, span))
        finally:
            if not handed:
                await opened.close()

    async def head(self, call: S3Call) -> Response:
        """HeadObject."""
        call.require("s3:GetObject")
        facts = await head_of(self._store, call)
        status, headers, span = _answer(call, facts)
        return Response(status, [*headers, ("content-length", str(span.size))] if status != 304 else headers)

    async def _opened(self, call: S3Call, bucket: str, key: str) -> OpenObject:
        """Raises S3Error."""
        call.require("s3:GetObject", bucket=bucket, key=key)
        check_version(call.parameters.get("versionId") if call.operation == "GetObject" else None)
        try:
            return await self._store.open(bucket, key)
        except NoSuchKey as error:
            raise call.unseen(error) from error

    # -- writing

    async def put(self, call: S3Call) -> Response:
        """PutObject."""
        said = metadata.of_upload(call.headers)
        require_put(call, said)
        condition = conditions.of_write(call.headers)
        claim = checksums.claim_of(call.headers)
        check_length(call)
        upload = await self._store.begin_put(call.bucket, call.key, {claim.algorithm} if claim.algorithm else frozenset())
        try:
            sums = await fill(call, upload, claim)
            said = replace(said, checksums=sums, checksum_type="FULL_OBJECT" if sums else "")
            facts = await upload.commit(said, condition=condition, caller=call.told())
        except NoSuchKey as error:
            raise call.unseen(error) from error
        finally:
            await upload.abort()
        return Response(200, [("etag", f'"{facts.etag}"'), *checksums.header_pairs(said)])

    async def copy(self, call: S3Call) -> Response:
        """CopyObject."""
        source = copy_source(call.headers["x-amz-copy-source"])
        replaced = _directive(call, "x-amz-metadata-directive") == "REPLACE"
        retagged = _directive(call, "x-amz-tagging-directive") == "REPLACE"
        said = metadata.of_upload(call.headers)
        algorithm = checksums.algorithm_of_copy(call.headers)
        require_put(call, said if retagged else replace(said, tags={}))
        condition = conditions.of_write(call.headers)
        async with await self._opened(call, *source) as opened:
            facts = opened.facts
            if facts.metadata.tags and not retagged:
                call.require("s3:GetObjectTagging", bucket=source.bucket, key=source.key)
                call.require("s3:PutObjectTagging", context=tag_context(facts.metadata.tags))
            conditions.of_copy(call.headers, facts.etag, facts.modified)
            if facts.size > LARGEST:
                raise S3Error(
                    "InvalidRequest", f"The specified copy source is larger than the maximum allowable size for a copy source: {LARGEST}"
                )
            wanted = _of_copy(facts, said, replaced=replaced, retagged=retagged)
            if source == CopySource(call.bucket, call.key) and not replaced and _unchanged(call, facts, wanted):
                raise S3Error("InvalidRequest", _ITSELF)
            try:
                made = await self._store.copy(
                    opened, call.bucket, call.key, wanted, condition=condition, caller=call.told(), algorithm=algorithm
                )
            except NoSuchKey as error:
                raise call.unseen(error) from error
        sums = [(f"Checksum{name.upper()}", value) for name, value in made.metadata.checksums.items()]
        return call.xml("CopyObjectResult", [("LastModified", moment(made.modified)), ("ETag", f'"{made.etag}"'), *sums])

    async def delete(self, call: S3Call) -> Response:
        """DeleteObject."""
        call.require("s3:DeleteObject", context=match_context(call))
        check_version(call.parameters.get("versionId"))
        conditions.check_unlocked(call.headers)
        condition = conditions.of_delete(call.headers)
        if condition.if_match not in ("", "*"):
            call.require("s3:GetObject")  # the answer tells whether an eTag is the object's
        await self._store.delete(call.bucket, call.key, condition=condition, caller=call.told())
        return Response(204)


def _answer(call: S3Call, facts: ObjectFacts) -> tuple[int, list[tuple[str, str]], Span]:
    """Status, headers and span of an object's answer. Raises S3Error."""
    base = [("etag", f'"{facts.etag}"'), ("last-modified", http_date(facts.modified))]
    if conditions.of_read(call.headers, facts.etag, facts.modified):
        return 304, base, Span(0, 0)
    headers = [*base, ("accept-ranges", "bytes")]
    headers += metadata.of_answer(facts.metadata, facts.content_type, call.parameters)
    span, parts = _span(call, facts)
    if parts:
        headers.append(("x-amz-mp-parts-count", str(parts)))
    if call.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
        headers += _checksums(call, facts, span)
    if span is None:
        return 200, headers, Span(0, facts.size)
    return 206, [*headers, ("content-range", span.told(facts.size))] if facts.size else headers, span


def _checksums(call: S3Call, facts: ObjectFacts, span: Span | None) -> list[tuple[str, str]]:
    """The headers of what is kept of exactly the bytes that are asked for, as recorded of AWS: of the object, or of its part."""
    said = facts.metadata
    if span is None or (span == Span(0, facts.size) and not said.parts):
        return checksums.header_pairs(facts)
    if "partNumber" not in call.parameters or not said.parts:
        return []
    if said.checksum_type == "COMPOSITE":
        return checksums.header_pairs(said.parts[part_number(call.parameters["partNumber"]) - 1], said.checksum_type)
    return checksums.header_pairs(facts) if len(said.parts) == 1 else []


def _span(call: S3Call, facts: ObjectFacts) -> tuple[Span | None, int]:
    """Which bytes are asked for, None: all; and of how many parts, where one is asked for. Raises S3Error."""
    header, number = call.headers.get("range", ""), call.parameters.get("partNumber")
    if number is None:
        return (ranges.wanted(header, facts.size) if header else None), 0
    if header:
        raise S3Error("InvalidRequest", _BOTH)
    wanted = part_number(number)
    parts = facts.metadata.parts
    if not parts:
        if wanted > 1:
            raise S3Error("InvalidPartNumber", ActualPartCount=1, PartNumberRequested=wanted)
        return Span(0, facts.size), 0
    if wanted > len(parts):
        raise S3Error("InvalidPartNumber", ActualPartCount=len(parts), PartNumberRequested=wanted)
    start = sum(part.size for part in parts[: wanted - 1])
    return Span(start, start + parts[wanted - 1].size), len(parts)


def part_number(text: str) -> int:
    """1 to 10,000. Raises S3Error."""
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= 10_000):
        raise invalid("Part number must be an integer between 1 and 10000, inclusive", "partNumber", text[:40])
    return int(text)


class Sent:
    """The bytes of a span, in pieces; aclose() closes the object, whether any were asked for or not."""

    def __init__(self, opened: OpenObject, span: Span) -> None:
        self._opened, self._at, self._end = opened, span.start, span.end

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._at >= self._end:
            raise StopAsyncIteration
        piece = await self._opened.read(self._at, min(PIECE, self._end - self._at))
        if not piece:
            raise StopAsyncIteration  # cut short: the answer's length does not come true, and the client sees it
        self._at += len(piece)
        return piece

    async def aclose(self) -> None:
        """The end, whichever way it came."""
        await self._opened.close()


def _directive(call: S3Call, name: str) -> str:
    found = call.headers.get(name, "COPY").upper()
    if found not in ("COPY", "REPLACE"):
        kind = "metadata" if "metadata" in name else "tagging"
        raise invalid(f"Unknown {kind} directive.", name, found[:40])
    return found


def _unchanged(call: S3Call, facts: ObjectFacts, wanted: Metadata) -> bool:
    """Whether a copy of an object to itself would leave all as it is. Recorded of AWS: to say its class or its encryption is enough
    of a change, although they are what they were."""
    said = any(call.headers.get(name) for name in ("x-amz-storage-class", "x-amz-server-side-encryption", REDIRECT))
    return not said and wanted.storage_class == facts.metadata.storage_class


def _of_copy(facts: ObjectFacts, said: Metadata, *, replaced: bool, retagged: bool) -> Metadata:
    """What the copy says of itself: the source's words or the request's; its class is never the source's."""
    source = replace(facts.metadata, headers={**facts.metadata.headers, "content-type": facts.content_type})
    base = said if replaced else replace(source, storage_class=said.storage_class)
    redirect = {name: value for name, value in said.headers.items() if name == REDIRECT}
    base = replace(base, headers={name: value for name, value in base.headers.items() if name != REDIRECT} | redirect)
    base = replace(base, tags=said.tags if retagged else source.tags)
    return replace(base, checksums=source.checksums, checksum_type=source.checksum_type, parts=())
