"""What is said of an object beside its bytes: attributes, tags, access control list."""

from typing import Final

from router.api.aws.s3 import metadata
from router.api.aws.s3.addressing import check_version
from router.api.aws.s3.call import S3Call
from router.api.aws.s3.condition_keys import tag_context
from router.api.aws.s3.documents import http_date
from router.api.aws.s3.errors import S3Error, invalid
from router.api.aws.s3.intake import document_of
from router.buckets.facts import Metadata, ObjectFacts, Part
from router.buckets.object_errors import NoSuchKey
from router.buckets.objects import Store
from router.events.http import Response

_ATTRIBUTES: Final = frozenset(("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"))


class About:
    """Operations on what is said of one object."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def attributes(self, call: S3Call) -> Response:
        """GetObjectAttributes."""
        call.require("s3:GetObject")
        call.require("s3:GetObjectAttributes")
        wanted = {name.strip() for name in call.headers.get("x-amz-object-attributes", "").split(",")}
        if not wanted & _ATTRIBUTES or not wanted <= _ATTRIBUTES:
            raise invalid(
                "Invalid attribute name specified.", "x-amz-object-attributes", call.headers.get("x-amz-object-attributes", "")[:200]
            )
        facts = await head_of(self._store, call)
        said = facts.metadata
        found: list[tuple[str, object]] = []
        if "ETag" in wanted:
            found.append(("ETag", facts.etag))
        if "Checksum" in wanted and said.checksums:
            sums: list[tuple[str, object]] = [(f"Checksum{name.upper()}", _bare(value)) for name, value in said.checksums.items()]
            found.append(("Checksum", [*sums, ("ChecksumType", said.checksum_type or None)]))
        if "ObjectParts" in wanted and said.parts:
            found.append(("ObjectParts", _parts(call, said)))
        if "StorageClass" in wanted:
            found.append(("StorageClass", said.storage_class))
        if "ObjectSize" in wanted:
            found.append(("ObjectSize", facts.size))
        return call.xml("GetObjectAttributesResponse", found, [("last-modified", http_date(facts.modified))])

    async def tags(self, call: S3Call) -> Response:
        """GetObjectTagging."""
        call.require("s3:GetObjectTagging")
        facts = await head_of(self._store, call)
        found = [("Tag", [("Key", key), ("Value", value)]) for key, value in facts.metadata.tags.items()]
        return call.xml("Tagging", [("TagSet", found)])

    async def tag(self, call: S3Call) -> Response:
        """PutObjectTagging."""
        tags = metadata.tags_of_document(await document_of(call))
        call.require("s3:PutObjectTagging", context=tag_context(tags))
        return await self._tagged(call, tags, 200)

    async def untag(self, call: S3Call) -> Response:
        """DeleteObjectTagging."""
        call.require("s3:DeleteObjectTagging")
        return await self._tagged(call, {}, 204)

    async def _tagged(self, call: S3Call, tags: dict[str, str], status: int) -> Response:
        check_version(call.parameters.get("versionId"))
        try:
            await self._store.tag(call.bucket, call.key, tags, caller=call.told())
        except NoSuchKey as error:
            raise call.unseen(error) from error
        return Response(status)

    async def acl(self, call: S3Call) -> Response:
        """GetObjectAcl: everything is its owner's."""
        call.require("s3:GetObjectAcl")
        await head_of(self._store, call)
        return grants(call)

    async def put_acl(self, call: S3Call) -> Response:
        """PutObjectAcl: there are no others than the owner's."""
        call.require("s3:PutObjectAcl")
        raise S3Error("AccessControlListNotSupported")

    async def lock(self, call: S3Call) -> Response:
        """GetObjectLegalHold, PutObjectRetention and the like: as recorded of AWS of a bucket whose objects cannot be locked."""
        call.require(f"s3:{call.operation}")
        await head_of(self._store, call)
        raise S3Error("InvalidRequest", "Bucket is missing Object Lock Configuration")


async def head_of(store: Store, call: S3Call) -> ObjectFacts:
    """The facts of the object that is asked for, or of its one version. Raises S3Error."""
    check_version(call.parameters.get("versionId"))
    try:
        return await store.head(call.bucket, call.key)
    except NoSuchKey as error:
        raise call.unseen(error) from error


def grants(call: S3Call) -> Response:
    """An access control list that grants the owner everything."""
    who = "".join(f"<{name}>{value}</{name}>" for name, value in call.owner())
    grantee = f'<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">{who}</Grantee>'
    given = f"<Grant>{grantee}<Permission>FULL_CONTROL</Permission></Grant>"
    answer = call.xml("AccessControlPolicy", [("Owner", call.owner()), ("AccessControlList", "@")])
    assert isinstance(answer.body, bytes)
    return answer._replace(body=answer.body.replace(b">@<", f">{given}<".encode()))


def _parts(call: S3Call, said: Metadata) -> list[tuple[str, object]]:
    """The ObjectParts of an object's attributes."""
    text = call.headers.get("x-amz-max-parts", "1000"), call.headers.get("x-amz-part-number-marker", "0")
    if not all(one.isascii() and one.isdigit() and len(one) < 9 for one in text):
        raise invalid("Provided max-parts or part-number-marker not an integer", "x-amz-max-parts")
    limit, after = min(int(text[0]), 1000), int(text[1])
    count: list[tuple[str, object]] = [("TotalPartsCount", len(said.parts)), ("PartsCount", len(said.parts))]
    if said.checksum_type != "COMPOSITE":  # recorded of AWS: the parts themselves are told where each has a checksum of its own
        return count
    behind = [(number, part) for number, part in enumerate(said.parts, 1) if number > after]
    given = behind[:limit]
    last = given[-1][0] if given else after
    page = [("PartNumberMarker", after), ("NextPartNumberMarker", last), ("MaxParts", limit), ("IsTruncated", len(behind) > len(given))]
    return [*count, *page, *(("Part", _part(number, part)) for number, part in given)]


def _bare(checksum: str) -> str:
    """Without how many parts it was made of: recorded of AWS, that is told in headers alone."""
    return checksum.partition("-")[0]


def _part(number: int, part: Part) -> list[tuple[str, object]]:
    sums = ((f"Checksum{name.upper()}", value) for name, value in part.checksums.items())
    return [("PartNumber", number), ("Size", part.size), *sums]
