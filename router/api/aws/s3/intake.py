"""Bodies on their way in: taken off the wire as they were signed, written where they belong, compared with what was said of them."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from router.api.aws.s3 import checksums
from router.api.aws.s3.call import S3Call, pieces_of
from router.api.aws.s3.errors import S3Error, of_signature
from router.buckets.checksums import Running
from router.buckets.facts import Digests
from router.buckets.upload import LARGEST
from router.events.http import Request
from router.iam.auth_errors import AuthFailure
from router.web import BodyBroken

DOCUMENT: Final = 4 * 1024 * 1024  # bytes of a document
OFF_LOOP: Final = 64 * 1024  # bytes; hashing as many takes longer than handing them to a thread


class Sink(Protocol):
    """Where a body goes; router.buckets.objects.Upload and PartUpload are two."""

    decode: Callable[[bytes], bytes] | None  # see there

    async def write(self, data: bytes) -> None:
        """Append."""
        ...

    async def digests(self) -> Digests:
        """Of all that was written."""
        ...


async def fill(call: S3Call, sink: Sink, claim: checksums.Claim) -> dict[str, str]:
    """Write the request's body to *sink* and compare it; its checksums, as they are kept.

    Raises S3Error: then it must not count; and what *sink* raises."""
    check_length(call)
    return claim.check(*await _through(call, sink))


def check_length(call: S3Call) -> None:
    """Refuse a body of no known length, or of too much, before any of it is asked for. Raises S3Error."""
    length = call.headers.get("x-amz-decoded-content-length") or call.headers.get("content-length", "")
    if not length:
        raise S3Error("MissingContentLength")
    if not (length.isascii() and length.isdigit() and len(length) <= 18):
        raise S3Error("InvalidArgument", "x-amz-decoded-content-length is no number")
    if int(length) > LARGEST:
        raise S3Error("EntityTooLarge", ProposedSize=int(length), MaxSizeAllowed=LARGEST)


async def document_of(call: S3Call, *, claimed: bool = False, summed: bool = True) -> bytes:
    """A body that is a document, whole. *claimed*: it must say what its digest is; *summed*: the checksums in its headers are its own.

    Raises S3Error."""
    claim = checksums.claim_of(call.headers if summed else checksums.without(call.headers))
    if claimed and not claim.md5 and not claim.algorithm:
        raise S3Error("InvalidRequest", "Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
    sink = _Memory({claim.algorithm} if claim.algorithm else set())
    claim.check(*await _through(call, sink))
    return bytes(sink.data)


async def _through(call: S3Call, sink: Sink) -> tuple[Digests, Mapping[str, str]]:
    """Every byte of the body: its digests and its trailers. Raises S3Error."""
    try:
        body = call.sender.body(call.request.headers)
        sink.decode = None if call.sender.plain else body.feed
        async for piece in pieces_of(call.request):
            await sink.write(piece)
        digests = await sink.digests()
        return digests, body.finish()
    except AuthFailure as failure:
        raise of_signature(failure) from failure
    except BodyBroken as broken:
        raise of_wire(broken) from broken


def of_wire(broken: BodyBroken) -> S3Error:
    """A body that did not come to its end."""
    return S3Error("RequestTimeout" if broken.trouble == "slow" else "IncompleteBody")


def has_body(request: Request) -> bool:
    """Whether anything was sent."""
    return request.stream is not None or bool(request.body)


class _Memory:
    """A sink for documents."""

    def __init__(self, algorithms: set[str]) -> None:
        self.decode: Callable[[bytes], bytes] | None = None
        self.data = bytearray()
        self._running = Running(algorithms)

    async def write(self, data: bytes) -> None:
        """Append. Raises S3Error when it is no document any more, AuthFailure."""
        if self.decode is not None:
            data = await asyncio.to_thread(self.decode, data) if len(data) > OFF_LOOP else self.decode(data)
        self.data += data
        if len(self.data) > DOCUMENT:
            raise S3Error("MalformedXML")
        self._running.update(data)

    async def digests(self) -> Digests:
        """Of all of it."""
        return self._running.digests()
