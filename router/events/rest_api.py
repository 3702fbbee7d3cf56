"""API Gateway REST API with Lambda proxy integration: its side of the proxy event, its answers, its error bodies.

Pure. Sources: API Gateway developer guide, "Lambda proxy integrations", "Gateway response types", "Binary media types";
recordings in tests/golden/apigw_v1_*.json and responses_rest_api_proxy_cases.json."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import orjson

from router.events import payload_v1
from router.events.gateway import Api, Arrival, Asked, Denied, Passage, phrase
from router.events.http import Headers, Response
from router.events.media import matches
from router.model import SYNC_LIMIT

STAGE: Final = "prod"  # where none is configured

FAULTS: Final[Mapping[int, tuple[str, str]]] = {  # status → message and x-amzn-ErrorType
    400: ("Bad Request", "BadRequestException"),
    401: ("Unauthorized", "UnauthorizedException"),
    403: ("Missing Authentication Token", "MissingAuthenticationTokenException"),
    413: ("Request Too Long", "RequestTooLargeException"),
    429: ("Too Many Requests", "TooManyRequestsException"),
    500: ("Internal server error", "InternalServerErrorException"),
    502: ("Internal server error", "InternalServerErrorException"),
    503: ("Service Unavailable", "ServiceUnavailableException"),
    504: ("Endpoint request timed out", "InternalServerErrorException"),
}


@dataclass(frozen=True, slots=True)
class RestApi:
    """A Gateway; see gateway.py."""

    api: Api
    binary: tuple[str, ...] = ()  # binaryMediaTypes, lower-case
    failures: tuple[Headers, Headers] = ((), ())  # headers of its own answers: DEFAULT_4XX, DEFAULT_5XX

    no_route: ClassVar[int] = 403
    failed: ClassVar[int] = 502
    timed_out: ClassVar[int] = 504
    payload_limit: ClassVar[int] = SYNC_LIMIT

    def event(self, asked: Asked, arrival: Arrival, passage: Passage) -> dict[str, Any]:
        """The event of a request."""
        return payload_v1.rest_event(asked, self.api, arrival, passage, binary=self.binary)

    def text(self, asked: Asked, arrival: Arrival, passage: Passage) -> bytes:
        """The same as JSON."""
        return orjson.dumps(self.event(asked, arrival, passage))

    def answer(self, result: bytes, asked: Asked, arrival: Arrival) -> Response:
        """The answer to a result; base64 is undone for a client that accepts one of the binary types first. Raises Malformed."""
        decode = bool(self.binary) and matches(asked.request.header("accept"), self.binary)
        return payload_v1.rest_answer(result, arrival, decode=decode)

    def ids(self, arrival: Arrival) -> Headers:
        """Three."""
        return payload_v1.rest_ids(arrival)

    def failure(self, status: int, arrival: Arrival, *, retry_after: int | None = None) -> Response:
        """{"message": …} with x-amzn-ErrorType."""
        message, kind = FAULTS.get(status) or (phrase(status), FAULTS[400 if status < 500 else 500][1])
        return self._own(gateway_response(status, {"message": message}, kind, arrival, retry_after=retry_after))

    def denial(self, denied: Denied, arrival: Arrival) -> Response:
        """The guard's own words."""
        return self._own(gateway_response(denied.status, denied.body, denied.kind, arrival, retry_after=denied.retry_after))

    def _own(self, response: Response) -> Response:
        more = self.failures[response.status >= 500]
        return Response(response.status, [*response.headers, *more], response.body) if more else response


def gateway_response(status: int, body: object, kind: str, arrival: Arrival, *, retry_after: int | None = None) -> Response:
    """An answer of the gateway's own, with its ids. *kind*: x-amzn-ErrorType; "": none."""
    headers = [("Content-Type", "application/json"), *payload_v1.rest_ids(arrival)]
    if kind:
        headers.append(("x-amzn-ErrorType", kind))
    if retry_after is not None:
        headers.append(("Retry-After", str(retry_after)))
    return Response(status, headers, orjson.dumps(body))
