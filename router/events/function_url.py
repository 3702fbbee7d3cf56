"""Lambda function URLs: payload format 2.0 as URLs send it, their answers, their error bodies.

Pure. Sources: Lambda developer guide, "Invoking Lambda function URLs"; recordings in tests/golden/function_url_*.json
and responses_function_url_cases.json."""

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import orjson

from router.events import answers, payload_v2
from router.events.gateway import DEFAULT_STAGE, Arrival, Asked, Denied, Malformed, Passage, phrase
from router.events.http import Headers, Request, Response
from router.events.http_api import structured
from router.model import SYNC_LIMIT

PASSING: Final = answers.Passing(
    answers.HOP_BY_HOP | {"x-amzn-requestid", "x-amzn-trace-id"},
    answers.REMAPPED | {"www-authenticate"},  # seen at real URLs: their clients get x-amzn-Remapped-www-authenticate
)
URL_PREFIX: Final = "/_url"  # where function URLs are found without their host names
ANONYMOUS: Final = "anonymous"  # the account of who did not have to sign
PRELUDE_LIMIT: Final = 64 * 1024  # bytes of a streamed answer's head, as JSON

_LONG_NUMBER: Final = re.compile(rb"[0-9]{17}")
_TEXT: Final = {502: "Internal Server Error"}
_KINDS: Final = {  # x-amzn-ErrorType
    403: "AccessDeniedException",
    413: "RequestEntityTooLargeException",
    429: "TooManyRequestsException",
    500: "InternalServerErrorException",
    502: "InternalServerErrorException",
    503: "ServiceUnavailableException",
}


@dataclass(frozen=True, slots=True)
class FunctionUrl:
    """A Gateway; see gateway.py."""

    domain: str  # resize.lambda-url.us-east-1.localhost
    account: str = ANONYMOUS  # without authentication; the owner's number with AWS_IAM
    standing: dict[str, payload_v2.Standing] = field(default_factory=dict, repr=False, compare=False)  # see Placing

    no_route: ClassVar[int] = 403
    failed: ClassVar[int] = 502
    timed_out: ClassVar[int] = 502
    payload_limit: ClassVar[int] = SYNC_LIMIT

    def event(self, asked: Asked, arrival: Arrival, passage: Passage) -> dict[str, Any]:
        """The event of a request; the path with its percent-encoding as sent: recorded."""
        made = payload_v2.payload(self, asked, arrival, passage)
        if passage.authorizer is not None:
            made["headers"].pop(
                "authorization", None
            )  # the signature stays at the door, its date and token do not: seen in events of real URLs
        return made

    def text(self, asked: Asked, arrival: Arrival, passage: Passage) -> bytes:
        """The same as JSON."""
        if passage.authorizer is not None:
            return orjson.dumps(self.event(asked, arrival, passage))
        return payload_v2.text(self, asked, arrival)

    def place(self, asked: Asked) -> payload_v2.Place:
        """See Placing."""
        return self.account, self.domain.partition(".")[0], self.domain, DEFAULT_STAGE, asked.raw_path, DEFAULT_STAGE

    @staticmethod
    def told(request: Request, trace: str) -> tuple[dict[str, str], list[str]]:
        """See Placing. Cookies stay among the headers too; HTTP APIs say 0 where there is no length, URLs say nothing: recorded."""
        headers, cookies = payload_v2.told(request, trace)
        if cookies:
            headers["cookie"] = "; ".join(cookies)
        if not request.body and not request.header("content-length"):
            del headers["content-length"]
        return headers, cookies

    def answer(self, result: bytes, asked: Asked, arrival: Arrival) -> Response:  # noqa: ARG002 - the same for all requests
        """The answer to a result: without a statusCode it is the body of a 200. Raises Malformed: 502."""
        value = answers.parsed(result)
        if isinstance(value, dict) and "statusCode" in value:
            return structured(value, self.ids(arrival), PASSING, "application/json")
        body = value.encode() if isinstance(value, str) else _compact(value, result)  # a bare string goes out without its quotes: recorded
        return Response(200, (("content-type", "application/json"), *self.ids(arrival)), body)

    def ids(self, arrival: Arrival) -> Headers:
        """That of the invocation, and the trace's."""
        return (("x-amzn-requestid", arrival.request_id), ("x-amzn-trace-id", arrival.trace))

    def failure(self, status: int, arrival: Arrival, *, retry_after: int | None = None) -> Response:
        """Text for what the function failed at, {"Message": …} for all else."""
        text = _TEXT.get(status)
        body = text.encode() if text else orjson.dumps({"Message": phrase(status)})
        headers = [("content-type", "text/plain" if text else "application/json"), *self.ids(arrival)]
        return _told(Response(status, headers, body), _KINDS.get(status, ""), retry_after)

    def denial(self, denied: Denied, arrival: Arrival) -> Response:
        """The guard's own words."""
        headers = [("content-type", "application/json"), *self.ids(arrival)]
        return _told(Response(denied.status, headers, orjson.dumps(denied.body)), denied.kind, denied.retry_after)

    def streamed(self, prelude: bytes, content_type: str, arrival: Arrival) -> Response:
        """The head of a streamed answer; *prelude*: JSON of statusCode, headers, cookies; b"" when the stream has none,
        and then *content_type* is the answer's. Raises Malformed."""
        if not prelude:
            return Response(200, (("content-type", content_type), *self.ids(arrival)))
        value = answers.parsed(prelude)
        if not isinstance(value, dict):
            raise Malformed("the prelude of the stream is no object")
        head = {"statusCode": value.get("statusCode", 200), "headers": value.get("headers"), "cookies": value.get("cookies")}
        return structured(head, self.ids(arrival), PASSING, "application/octet-stream")


def url_domain(function: str, region: str) -> str:
    """The host of a function's URL, with no port."""
    return f"{function.lower()}.lambda-url.{region}.localhost"


def _told(response: Response, kind: str, retry_after: int | None) -> Response:
    """An answer of the URL's own with its kind (x-amzn-ErrorType; "": none) and the seconds to wait."""
    told = [("x-amzn-ErrorType", kind)] if kind else []
    if retry_after is not None:
        told.append(("retry-after", str(retry_after)))
    return response._replace(headers=[*response.headers, *told])


def _compact(value: Any, result: bytes) -> bytes:
    """The result without spaces between its tokens: recorded of Python functions, whose runtime writes them with spaces.

    As it came when a number has more digits than a float keeps. Raises Malformed."""
    return result if _LONG_NUMBER.search(result) else answers.written(value)
