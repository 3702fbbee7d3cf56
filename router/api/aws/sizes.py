"""How large a request to the AWS endpoint may be, by what it is for: known from its head, before any of its body is kept.

On the wire a text may take three times what the service counts: SDKs spell other than ASCII as \\u escapes, forms as %XX. Sources: the
quotas of each service; Lambda's answers to larger ones; BatchWriteItem in the DynamoDB API reference, "over the network"."""

import re
import zlib
from collections.abc import Mapping
from importlib import import_module
from typing import Final

from router import names
from router.api.aws import query, routing
from router.api.aws.protocol import Aimed, Fault
from router.api.aws.values import Malformed
from router.errors import RequestTooLarge
from router.events.http import Request, Response
from router.model import SYNC_LIMIT
from router.web.heads import Head
from router.web.refused import Refused

_MB: Final = 1024 * 1024
CODE: Final = 70_167_211  # bytes: Lambda's own limit for a request with code, 50 MB in base64
LARGEST: Final = CODE
OTHER: Final = _MB  # bytes of what is for none of these, and of calls without content
SERVICES: Final[Mapping[str, int]] = {
    "cloudwatch": 2 * _MB,  # PutMetricData: 1 MB
    "dynamodb": 16 * _MB,  # BatchWriteItem
    "events": 4 * _MB,  # PutEvents: 1 MB
    "lambda": SYNC_LIMIT,
    "logs": 8 * _MB,  # PutLogEvents: 1 MB, of which any byte may be a control, which takes six
    "scheduler": _MB,
    "sqs": 4 * _MB,  # a message or a batch: 1 MB
}
APART: Final = 128 * 1024  # bytes; what is larger is believed and read beside the loop: 3 ms, with DynamoDB's values
HELD: Final = 256 * _MB  # bytes of larger bodies that are at work, all together
SLOTTED: Final = frozenset(
    ("Invoke", "InvokeAsync", "InvokeWithResponseStream")
)  # how many are at work is limited elsewhere: see dispatch/slots.py

_INVOKE: Final = re.compile(r"/20[0-9-]{8}/functions/[^/]+/(invocations|invoke-async|response-streaming-invocations)/?")
_WITH_CODE: Final[Mapping[str, tuple[str, re.Pattern[str]]]] = {  # operation → method, path
    "CreateFunction": ("POST", re.compile(r"/20[0-9-]{8}/functions/?")),
    "UpdateFunctionCode": ("PUT", re.compile(r"/20[0-9-]{8}/functions/[^/]+/code/?")),
    "PublishLayerVersion": ("POST", re.compile(r"/20[0-9-]{8}/layers/[^/]+/versions/?")),
}


def room(head: Head, _: str) -> int:
    """Bytes that the body of a request may have. Raises Refused, in the words of its service, when it says that it has more."""
    request = Request(head.method, head.target, head.headers)
    aimed = routing.aimed(request)
    operation, most = _most(aimed, request)
    if head.length is not None and head.length > most:
        raise Refused(413, f"body over {most} bytes", _told(aimed, operation, most))
    return most


def unpacked(request: Request, service: str) -> Request:
    """A request whose body is as it was before its client compressed it, which it has signed so. Raises Malformed."""
    if request.header("content-encoding").lower() != "gzip":
        return request
    most = SERVICES.get(service, OTHER)
    unpacking = zlib.decompressobj(wbits=31)
    try:
        body = unpacking.decompress(request.body, most)
    except zlib.error as error:
        raise Malformed(f"the body is not gzip: {error}") from None
    if not unpacking.eof or unpacking.unused_data:
        raise Malformed(f"the body is no whole gzip of {most} bytes at most")
    return request._replace(body=body)


def _told(aimed: Aimed, operation: str, most: int) -> Response | None:
    """In the protocol's words; None where the listener's own do."""
    codec = import_module("router.api.aws.endpoint").PROTOCOLS.get(aimed.protocol)  # which most daemons import later, or never
    return None if codec is None else codec.fault(None, _fault(aimed, operation, most), names.request_id())


def _most(aimed: Aimed, request: Request) -> tuple[str, int]:
    if aimed.service == "lambda":
        for operation, (method, path) in _WITH_CODE.items():
            if request.method == method and path.fullmatch(request.path):
                return operation, CODE
        return "InvokeFunction" if _INVOKE.fullmatch(request.path) else "", SYNC_LIMIT
    if aimed.protocol in ("query", "s3"):  # of S3's only what is no object's, or may be a form
        return aimed.operation, query.LARGEST
    return aimed.operation, SERVICES.get(aimed.service, OTHER)


def _fault(aimed: Aimed, operation: str, most: int) -> Fault:
    if operation == "InvokeFunction":
        return Fault(RequestTooLarge.code, str(RequestTooLarge(most)), 413)
    told = f"Request must be smaller than {most} bytes" + (f" for the {operation[:100]} operation" if operation else "")
    code = "RequestEntityTooLarge" if aimed.protocol == "query" else "RequestEntityTooLargeException"
    return Fault(code, told, 413, framework=aimed.protocol in ("json", "cbor"))
