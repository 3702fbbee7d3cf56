"""Which service and operation a request is for: its target header, the smithy path, its signature's scope, its form, its path.

Pure. What is told here is only claimed: the signature must be made for the service that a request is routed to."""

import re
from collections.abc import Mapping
from typing import Final

from router.api.aws.protocol import Aimed
from router.api.aws.query import FORM, field_of
from router.events.http import Request
from router.web.heads import Head

TARGETS: Final[Mapping[str, str]] = {
    "AmazonSQS": "sqs",
    "AWSEvents": "events",
    "Logs_20140328": "logs",
    "DynamoDB_20120810": "dynamodb",
    "DynamoDBStreams_20120810": "dynamodbstreams",
    "GraniteServiceVersion20100801": "cloudwatch",
}
REST: Final = frozenset(("lambda", "scheduler"))
QUERY: Final[Mapping[str, str]] = {"sts": "sts", "sns": "sns", "sqs": "sqs", "monitoring": "cloudwatch"}  # by what signatures are made for
VERSIONS: Final[Mapping[str, str]] = {"2011-06-15": "sts", "2010-03-31": "sns", "2012-11-05": "sqs", "2010-08-01": "cloudwatch"}

_SCOPE: Final = re.compile(
    r"Credential(?:=|%3D)[^/%,&\s]{1,128}(?:/|%2F)[0-9]{8}(?:/|%2F)[^/%,&\s]{1,64}(?:/|%2F)([a-z0-9-]{1,64})(?:/|%2F)", re.IGNORECASE
)
_LAMBDA: Final = re.compile(
    r"/20[0-9]{2}-[0-9]{2}-[0-9]{2}/(functions|event-source-mappings|layers|tags|account-settings|code-signing-configs)(/|$)"
)
_SMITHY: Final = re.compile(r"/service/([A-Za-z0-9_]{1,100})/operation/([A-Za-z0-9]{1,100})")


def scope_of(request: Request) -> str:
    """The service that a signature is made for, as claimed; "" without one."""
    found = _SCOPE.search(request.header("authorization")) or _SCOPE.search(request.query)
    return found[1] if found else ""


def aimed(request: Request) -> Aimed:
    """Where a request goes."""
    if target := request.header("x-amz-target"):
        prefix, _, operation = target.rpartition(".")
        return Aimed(TARGETS.get(prefix, ""), "json", operation)
    if request.header("smithy-protocol") == "rpc-v2-cbor":
        smithy = _SMITHY.fullmatch(request.path)
        return Aimed(TARGETS.get(smithy[1], ""), "cbor", smithy[2]) if smithy else Aimed("", "cbor")
    scope = scope_of(request)
    if scope in REST:
        return Aimed(scope, "rest-json")
    if scope == "s3" or (not scope and not _is_form(request)):
        return Aimed("lambda", "rest-json") if not scope and _LAMBDA.match(request.path) else Aimed("s3", "s3")
    return _queried(request, scope)


def streamed(head: Head) -> bool:
    """Whether a body is handed over as it arrives: S3 takes objects of any size. A form that nobody signed may be another service's:
    that says its body."""
    if head.method not in ("PUT", "POST"):
        return False
    request = Request(head.method, head.target, head.headers)
    return (bool(scope_of(request)) or not _is_form(request)) and aimed(request).protocol == "s3"


def _is_form(request: Request) -> bool:
    """Whether it may be of the query protocol."""
    return request.method == "POST" and request.header("content-type").partition(";")[0].strip().lower() == FORM


def _queried(request: Request, scope: str) -> Aimed:
    """Of the query protocol, or of a service that is not here."""
    action = field_of(request, "Action") if _is_form(request) or "Action=" in request.query else ""
    if not action:
        return Aimed(QUERY[scope], "query") if scope in QUERY else Aimed("", "rest-json") if scope else Aimed("s3", "s3")
    return Aimed(QUERY[scope] if scope in QUERY else "" if scope else VERSIONS.get(field_of(request, "Version"), ""), "query", action)
