"""Application Load Balancer with a Lambda target: the event, the answer, the load balancer's own error pages.

Pure. Source: Application Load Balancers guide, "Lambda functions as targets"; samples in tests/golden/alb_*.json.
Not covered: statusDescription's text (HTTP/1.1 clients get the standard reason phrase), health checks, which an ALB
sends itself."""

import base64
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import orjson

from router.events import answers
from router.events.gateway import NEVER_PASSED, Arrival, Asked, Denied, Malformed, Passage, body_of, forwarded, listed, phrase, query_pairs
from router.events.http import Headers, Request, Response

LIMIT: Final = 1024 * 1024  # bytes of the event and of the answer, as JSON
PASSING: Final = answers.Passing(
    answers.HOP_BY_HOP | {"connection", "content-length", "date", "server"},  # the last four: its own, whatever the function says
    remapped=frozenset(),
)
_SERVER: Final = ("server", "awselb/2.0")


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """A Gateway; see gateway.py."""

    target_group: str  # ARN
    multi_value: bool = False  # the target group's lambda.multi_value_headers.enabled

    no_route: ClassVar[int] = 404
    failed: ClassVar[int] = 502
    timed_out: ClassVar[int] = 502
    payload_limit: ClassVar[int] = LIMIT

    def event(self, asked: Asked, arrival: Arrival, passage: Passage) -> dict[str, Any]:  # noqa: ARG002 - an ALB has no guards here
        """The event: of the single and the multi-value maps only the pair of the target group's mode."""
        request = asked.request
        headers = _headers(request, arrival.trace)
        query = listed(query_pairs(request.query, decode=False))
        made: dict[str, Any] = {
            "requestContext": {"elb": {"targetGroupArn": self.target_group}},
            "httpMethod": request.method,
            "path": request.path,
        }
        if self.multi_value:
            made |= {"multiValueQueryStringParameters": query, "multiValueHeaders": headers}
        else:
            made["queryStringParameters"] = {name: values[-1] for name, values in query.items()}
            made["headers"] = {name: values[-1] for name, values in headers.items()}
        made["body"], made["isBase64Encoded"] = _body(request)
        return made

    def text(self, asked: Asked, arrival: Arrival, passage: Passage) -> bytes:
        """The same as JSON."""
        return orjson.dumps(self.event(asked, arrival, passage))

    def answer(self, result: bytes, asked: Asked, arrival: Arrival) -> Response:  # noqa: ARG002 - the same for all requests
        """The answer to a result: an object with a statusCode. Raises Malformed: 502."""
        if len(result) > LIMIT:
            raise Malformed(f"the answer is larger than {LIMIT} bytes")
        value = answers.parsed(result)
        if not isinstance(value, dict) or "statusCode" not in value:
            raise Malformed("an ALB wants an object with a statusCode")
        status = answers.status_number(value["statusCode"])
        body = value.get("body")
        if body is not None and not isinstance(body, str):
            raise Malformed(f"body is a {type(body).__name__}, not text")
        if not isinstance(value.get("statusDescription", ""), str):
            raise Malformed("statusDescription is no text")
        found = self._answer_headers(value)
        answers.check_size(found)
        sent = body or ""
        return Response(status, found, answers.unencoded(sent) if value.get("isBase64Encoded") is True else sent.encode())

    def _answer_headers(self, value: dict[str, Any]) -> list[tuple[str, str]]:
        """The header lines; names alike but for case are a line each, as adapters send two cookies. Raises Malformed."""
        if self.multi_value:
            given = value.get("multiValueHeaders")
            _check_text(given)
            return [_SERVER, *(line for lines in answers.multi_headers(given, PASSING).values() for line in lines)]
        _check_text(value.get("headers"))
        return [_SERVER, *(line for _, line in answers.spelt_headers(value.get("headers"), PASSING))]

    def ids(self, arrival: Arrival) -> Headers:  # noqa: ARG002 - load balancers name no ids
        """None."""
        return ()

    def failure(self, status: int, arrival: Arrival, *, retry_after: int | None = None) -> Response:  # noqa: ARG002 - ALBs name no ids
        """A small HTML page, as load balancers send."""
        title = f"{status} {phrase(status)}"
        page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
        headers = [_SERVER, ("content-type", "text/html")]
        if retry_after is not None:
            headers.append(("retry-after", str(retry_after)))
        return Response(status, headers, page.encode())

    def denial(self, denied: Denied, arrival: Arrival) -> Response:
        """A page; load balancers say no more."""
        return self.failure(denied.status, arrival, retry_after=denied.retry_after)


def _check_text(headers: Any) -> None:
    """Raise Malformed when a value is no text: a load balancer converts nothing, a number for content-length is a 502."""
    for name, given in headers.items() if isinstance(headers, dict) else ():
        for value in given if isinstance(given, list) else (given,):
            if not isinstance(value, str):
                raise Malformed(f"{name!r:.40} holds a {type(value).__name__}, and a load balancer takes text only")


def _headers(request: Request, trace: str) -> dict[str, list[str]]:
    """All values by lower-case name; the load balancer's own are set or added."""
    way = forwarded(request)
    ours = {"x-forwarded-for": way.address, "x-forwarded-port": way.port, "x-forwarded-proto": way.proto}
    found: dict[str, list[str]] = {}
    for name, value in request.headers:
        if name not in ours and (name not in NEVER_PASSED or name == "content-length"):
            found.setdefault(name, []).append(value)
    found.setdefault("x-amzn-trace-id", [trace])
    return found | {name: [value] for name, value in ours.items() if value}


def _body(request: Request) -> tuple[str, bool]:
    """Text for text types that are not compressed, else base64; "" when there is none."""
    if not request.body:
        return "", False
    if request.header("content-encoding"):
        return base64.b64encode(request.body).decode(), True
    return body_of(request.body, request.header("content-type"))
