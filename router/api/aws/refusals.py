"""What stands before every service says no to, in each service's words.

Pure. Sources: "Common errors" of the API references of Lambda, SQS, SNS, EventBridge, CloudWatch Logs, DynamoDB, STS."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from router.api.aws.protocol import Aimed, Fault
from router.api.aws.service import AwsError
from router.errors import RouterError
from router.iam.auth_errors import AuthFailure, Flaw

NOT_FOUND: Final[Mapping[str, Callable[[str], Fault]]] = {  # by protocol; what was asked for → the refusal
    "json": lambda _: Fault("UnknownOperationException", "", 400, framework=True),
    "cbor": lambda _: Fault("UnknownOperationException", "", 404, framework=True),
    "rest-json": lambda _: Fault("UnknownOperationException", "", 404),
    "query": lambda name: Fault("InvalidAction", f"Could not find operation {name[:100]}", 400),
}

_QUERY_CODES: Final[Mapping[Flaw, tuple[int, str]]] = {
    Flaw.UNSIGNED: (403, "MissingAuthenticationToken"),
    Flaw.UNKNOWN_TYPE: (400, "IncompleteSignature"),
    Flaw.MALFORMED: (400, "IncompleteSignature"),
    Flaw.AMBIGUOUS: (400, "IncompleteSignature"),
    Flaw.BAD_QUERY: (400, "IncompleteSignature"),
    Flaw.UNKNOWN_KEY: (403, "InvalidClientTokenId"),
    Flaw.BAD_TOKEN: (403, "InvalidClientTokenId"),
    Flaw.EXPIRED_TOKEN: (403, "ExpiredToken"),
}
_INTERNAL: Final = "The request processing has failed because of an unknown error, exception or failure."


def unbelieved(failure: AuthFailure, protocol: str) -> Fault:
    """The refusal of who is not who they claim to be."""
    told = failure.told("json")
    if protocol == "query":
        status, code = _QUERY_CODES.get(failure.flaw, (403, "SignatureDoesNotMatch"))
        return Fault(code, told.message, status, framework=True)
    return Fault(told.code, told.message, told.status if protocol == "rest-json" else 400, framework=True)


def nowhere(aimed: Aimed, *, signed: bool) -> Fault:
    """The refusal of what is for no service of these. Who asks in the older protocol without a signature hears of that: which service is
    asked for its signature says, or its form."""
    if aimed.protocol == "query" and not signed:
        return unbelieved(AuthFailure(Flaw.UNSIGNED), aimed.protocol)
    return NOT_FOUND[aimed.protocol](aimed.operation)


def unauthorised(why: str, service: str, status: int) -> Fault:
    """The refusal of who may not."""
    if service in ("sts", "sns", "cloudwatch"):
        return Fault("AuthorizationError" if service == "sns" else "AccessDenied", why, 403)
    if service == "sqs":
        return Fault("AccessDeniedException", why, 403, framework=True)
    return Fault("AccessDeniedException", why, status, framework=service.startswith("dynamodb"))


def missing(operation: str) -> Fault:
    """An operation of AWS's that is not done here."""
    return Fault("NotImplementedException", f"{operation} is not implemented here", 501, sender=False)


def malformed(why: str, service: str) -> Fault:
    """A request whose types are not those of the model."""
    code = {"lambda": "InvalidRequestContentException", "sts": "MalformedInput", "sns": "MalformedInput"}
    return Fault(code.get(service, "SerializationException"), why, 400, framework=service not in code)


def incomplete(places: Sequence[str], service: str) -> Fault:
    """A request that lacks what is required."""
    if service == "sqs":
        name = places[0].rpartition(".")[2]
        return Fault("MissingParameter", f"The request must contain the parameter {name[:1].upper()}{name[1:]}.", 400)
    if service == "cloudwatch":
        name = ".".join(part[:1].upper() + part[1:] if part != "member" else part for part in places[0].split("."))
        return Fault("MissingParameter", f"The parameter {name} is required.", 400)
    told = "; ".join(f"Value null at '{place}' failed to satisfy constraint: Member must not be null" for place in places)
    count = f"{len(places)} validation error{'s' if len(places) > 1 else ''} detected"
    return Fault("ValidationError" if service in ("sts", "sns") else "ValidationException", f"{count}: {told}", 400)


def failed(error: RouterError, service: str) -> Fault:
    """What a service refused, or could not do."""
    members = error.members if isinstance(error, AwsError) else {}
    status, code = error.status, error.code
    if status >= 500 and service != "lambda" and not isinstance(error, AwsError):
        code = "ServiceUnavailable" if status == 503 else "InternalFailure"
    return Fault(code, str(error), status, members, sender=status < 500)


def broken(service: str) -> Fault:
    """A request that failed for no fault of its sender's; why is in the log."""
    code = "ServiceException" if service == "lambda" else "InternalServerError" if service.startswith("dynamodb") else "InternalFailure"
    return Fault(code, _INTERNAL, 500, sender=False)


def busy(service: str) -> Fault:
    """A large request while others are at work that are as large; SDKs try again."""
    code = "TooManyRequestsException" if service == "lambda" else "ThrottlingException"
    return Fault(code, "Rate exceeded", 429 if service == "lambda" else 503, sender=False)
