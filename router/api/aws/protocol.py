"""What the protocols of the AWS endpoint have in common: bytes to members, members to bytes, and how a refusal looks.

Pure. One module for each protocol: json_protocol.py, rest_json.py, query.py, cbor.py."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, NamedTuple, Protocol

from router.api.aws.shapes import OperationModel, ServiceModel
from router.events.http import Headers, Request, Response

REQUEST_ID: Final = "x-amzn-RequestId"


class Aimed(NamedTuple):
    """Where a request goes."""

    service: str  # by its name in botocore's data; "" for one that is not known at all
    protocol: str  # a word of PROTOCOLS (endpoint.py), or s3
    operation: str = ""  # as the request names it; "" where its path does


class Found(NamedTuple):
    """The operation of a request."""

    operation: OperationModel
    labels: Mapping[str, str]  # of its path, still encoded


class Fault(NamedTuple):
    """A refusal before a protocol has spelled it."""

    code: str  # AccessDeniedException
    message: str
    status: int
    members: Mapping[str, Any] = {}
    sender: bool = True  # the sender's fault
    framework: bool = False  # told by what stands before every service of AWS's


class Codec(Protocol):
    """One protocol."""

    status: ClassVar[int]  # of a refusal by IAM
    unsupported: ClassVar[str]  # media types that are taken, for people

    def found(self, model: ServiceModel, request: Request, aimed: Aimed) -> Found | None:
        """The operation; None for one that the model does not have."""
        ...

    def read(self, model: ServiceModel, found: Found, request: Request) -> dict[str, Any]:
        """The members of its input. Raises values.Malformed."""
        ...

    def answer(self, model: ServiceModel, operation: OperationModel, members: Mapping[str, Any], request_id: str) -> Response:
        """The answer. Raises KeyError for a member that the model does not have."""
        ...

    def fault(self, model: ServiceModel | None, fault: Fault, request_id: str) -> Response:
        """A refusal."""
        ...


def ids(request_id: str, *more: tuple[str, str]) -> Headers:
    """The headers of every answer."""
    return [*more, (REQUEST_ID, request_id)]
