"""One request to S3 whose sender is known, and the answers that operations give."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from router.api.aws.s3.access import Access, Sender, arn
from router.api.aws.s3.addressing import Target
from router.api.aws.s3.documents import document
from router.api.aws.s3.errors import S3Error
from router.api.aws.service import Need
from router.api.aws.tracing import trace_of
from router.buckets.object_errors import NoSuchKey
from router.events.http import Headers, Request, Response
from router.events.s3 import Caller
from router.iam.variables import Context

Pairs = list[tuple[str, str]]
XML: Pairs = [("content-type", "application/xml")]


class Ids(NamedTuple):
    """Of one answer."""

    request: str  # 16 characters
    host: str

    def pairs(self) -> Pairs:
        """As headers."""
        return [("x-amz-request-id", self.request), ("x-amz-id-2", self.host)]


@dataclass(frozen=True, slots=True)
class S3Call:
    """What an operation gets."""

    operation: str
    target: Target
    request: Request
    headers: Mapping[str, str]  # lower-case names; of several with one name all, with commas
    sender: Sender
    access: Access
    ids: Ids

    @property
    def bucket(self) -> str:
        """Its name."""
        return self.target.bucket

    @property
    def key(self) -> str:
        """Of the object."""
        return self.target.key

    @property
    def parameters(self) -> Mapping[str, str]:
        """Of the query."""
        return self.target.parameters

    def require(self, action: str, *, bucket: str = "", key: str | None = None, context: Context | None = None) -> None:
        """What the sender must be allowed: on the object, or with *key* "" on the bucket. Raises S3Error: AccessDenied."""
        resource = arn(bucket or self.bucket, self.key if key is None else key)
        self.access.require(self.sender, Need(action, resource, context or {}))

    def unseen(self, error: NoSuchKey) -> S3Error:
        """A key that is not there: only who may list the bucket is told so."""
        if self.access.may_list(self.sender, error.bucket):
            return S3Error("NoSuchKey", Key=error.key)
        return S3Error("AccessDenied")

    def told(self) -> Caller:
        """The sender, as the event of a change names them, and the trace that it continues."""
        who, account = self.sender.caller.principal, self.access.account
        ids, trace = self.ids, trace_of(self.request)
        return Caller(f"AWS:{who.id}", self.request.peer or "127.0.0.1", ids.request, ids.host, account, trace)

    def owner(self) -> list[tuple[str, str]]:
        """The account, as listings name an owner."""
        return owner_of(self.access.account)

    def xml(self, root: str, children: "Iterable[tuple[str, object]]", headers: Headers = ()) -> Response:
        """An answer with a document."""
        return Response(200, [*XML, *headers], document(root, children))  # type: ignore[arg-type]  # pairs all the way down


def owner_of(account: str) -> list[tuple[str, str]]:
    """An account as S3 names one: a canonical id, always the same for it."""
    return [("ID", canonical_id(account)), ("DisplayName", account)]


def canonical_id(account: str) -> str:
    """64 hex digits."""
    return sha256(f"canonical id of {account}".encode()).hexdigest()


async def pieces_of(request: Request) -> AsyncIterator[bytes]:
    """A body, however it comes."""
    if request.stream is None:
        if request.body:
            yield request.body
        return
    async for piece in request.stream:
        yield piece
