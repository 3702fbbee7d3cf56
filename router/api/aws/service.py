"""What a service of the AWS endpoint is: operations by name, what a caller must be allowed for each, and errors in AWS's words.

A service knows no protocol: it takes and gives the members of AWS's own models (botocore's data), whichever of the
five protocols they came in. S3 alone speaks for itself, because its bodies are streams."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Protocol

from router.errors import RouterError
from router.events.http import NOBODY, Client
from router.iam.callers import Caller
from router.iam.policy import Policy
from router.iam.variables import Context

Members = Mapping[str, Any]
"""A structure of AWS's models: names as the model spells them, blobs as bytes, timestamps as epoch seconds (float)."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request whose sender is known, to one operation."""

    service: str  # its name in botocore's data: lambda, sqs, sns, events, scheduler, logs, sts, dynamodb, dynamodbstreams, cloudwatch
    operation: str  # CreateFunction
    parameters: Members
    caller: Caller
    request_id: str  # UUID; the answer carries it as x-amzn-RequestId
    context: Context = field(default_factory=dict)  # the condition keys that every request has
    endpoint: str = "http://127.0.0.1:4566"  # scheme, host and port as the client wrote them: queue URLs begin with it
    client: Client = NOBODY  # who waits for the answer
    trace: str = ""  # its X-Amzn-Trace-Id header: the chain of events that the caller is part of


class Need(NamedTuple):
    """What the caller must be allowed before an operation runs."""

    action: str  # lambda:InvokeFunction
    resource: str  # an ARN, or * for what has none
    context: Context = MappingProxyType({})  # condition keys of this action alone, lower-case


class Operation(NamedTuple):
    """How one operation is done. *needs* looks at nothing but the call: it runs before anything is allowed."""

    run: Callable[[Call], Awaitable[Members]]
    needs: Callable[[Call], Sequence[Need]]


class Service(Protocol):
    """One AWS service."""

    name: ClassVar[str]  # in botocore's data

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Every operation that is done here, by AWS's name. Others are answered as not implemented."""
        ...

    def policy(self, resource: str) -> Policy | None:
        """The policy of the resource under this ARN itself, where it has one."""
        ...


class AwsError(RouterError):
    """A refusal in AWS's words: its code, its text, its status, and members of its own."""

    def __init__(self, code: str, message: str, status: int = 400, **members: object) -> None:
        super().__init__(message)
        self.code, self.status, self.members = code, status, members  # type: ignore[misc]  # of one error, not of a class
