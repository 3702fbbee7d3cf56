"""API Gateway HTTP API: a request becomes the event (payload format 2.0 or 1.0), a function's result the answer.

Pure. Sources: API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway" and
"Quotas for configuring and running an HTTP API"; samples in tests/golden/apigw_v2_*.json. Not covered: client
certificates (their key is left out, as AWS does)."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal

import orjson

from router.events import answers, payload_v1, payload_v2
from router.events.gateway import DEFAULT_STAGE, Api, Arrival, Asked, Denied, Malformed, Passage, domain_of, phrase
from router.events.http import Headers, Response
from router.model import SYNC_LIMIT

PASSING: Final = answers.Passing(answers.HOP_BY_HOP | {"apigw-requestid"})


@dataclass(frozen=True, slots=True)
class HttpApi:
    """A Gateway; see gateway.py."""

    api: Api
    payload: Literal["2.0", "1.0"] = "2.0"
    standing: dict[str, payload_v2.Standing] = field(default_factory=dict, repr=False, compare=False)  # see Placing

    no_route: ClassVar[int] = 404
    failed: ClassVar[int] = 500
    timed_out: ClassVar[int] = 503
    payload_limit: ClassVar[int] = SYNC_LIMIT
    told = staticmethod(payload_v2.told)  # see Placing

    def event(self, asked: Asked, arrival: Arrival, passage: Passage) -> dict[str, Any]:
        """The event of a request, in the configured payload format. 2.0: absent, not null, are pathParameters and stageVariables too."""
        if self.payload == "1.0":
            return payload_v1.http_api_event(asked, self.api, arrival, passage)
        made = payload_v2.payload(self, asked, arrival, passage)
        if asked.parameters:
            made["pathParameters"] = asked.parameters
        if self.api.stage_variables:
            made["stageVariables"] = self.api.stage_variables
        return made

    def text(self, asked: Asked, arrival: Arrival, passage: Passage) -> bytes:
        """The same as JSON."""
        if self.payload == "1.0" or passage.authorizer is not None:
            return orjson.dumps(self.event(asked, arrival, passage))
        more, parameters, variables = "", asked.parameters, self.api.stage_variables
        if parameters:
            more = f',"pathParameters":{orjson.dumps(parameters).decode()}'
        if variables:
            more = f'{more},"stageVariables":{orjson.dumps(variables).decode()}'
        return payload_v2.text(self, asked, arrival, more)

    def place(self, asked: Asked) -> payload_v2.Place:
        """See Placing."""
        request, path, key, _, _, _ = asked
        account, api_id, _, stage, _ = self.api
        if stage != DEFAULT_STAGE:
            path = f"/{stage}{path}"
        return account, api_id, domain_of(request.host), stage, path, key

    def answer(self, result: bytes, asked: Asked, arrival: Arrival) -> Response:  # noqa: ARG002 - the same for all requests
        """The answer to a result (JSON text). Format 1.0 takes REST's object, and only that.

        2.0: with a statusCode it is the answer, without one it is the body of a 200. Raises Malformed when the result is no JSON
        or no answer: AWS then sends 500."""
        if self.payload == "1.0":
            return payload_v1.http_api_answer(result, arrival.request_id)
        value, ids = answers.parsed(result), (("apigw-requestid", arrival.request_id),)
        if isinstance(value, dict) and "statusCode" in value:
            return structured(value, ids, PASSING, "text/plain;charset=UTF-8")
        body = value.encode() if isinstance(value, str) else result  # a bare string goes out without its quotes
        return Response(200, (("content-type", "application/json"), *ids), body)

    def ids(self, arrival: Arrival) -> Headers:
        """One."""
        return (("apigw-requestid", arrival.request_id),)

    def failure(self, status: int, arrival: Arrival, *, retry_after: int | None = None) -> Response:
        """{"message": …}."""
        return failure(status, arrival.request_id, retry_after=retry_after)

    def denial(self, denied: Denied, arrival: Arrival) -> Response:
        """The guard's own words."""
        made = failure(denied.status, arrival.request_id, retry_after=denied.retry_after)
        challenge = [("www-authenticate", denied.challenge)] if denied.challenge else []
        return made._replace(headers=[*made.headers, *challenge], body=orjson.dumps(denied.body))


def structured(value: dict[str, Any], ids: Headers, passing: answers.Passing, default_type: str) -> Response:
    """The answer that an object with a statusCode spells out in format 2.0; keys AWS does not know are ignored.

    *ids*: the gateway's own headers. Raises Malformed."""
    status = answers.status(value["statusCode"])
    named = answers.headers(value.get("headers"), passing)
    if "content-type" not in named and status not in (204, 304):
        named["content-type"] = ("content-type", default_type)
    headers = list(named.values())
    if found := value.get("cookies"):
        headers += answers.cookies(found)
    answers.check_size(headers)
    headers += ids
    return tuple.__new__(Response, (status, headers, _body(value)))


def _body(value: dict[str, Any]) -> bytes:
    body = value.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        return answers.written(body)
    return answers.unencoded(body) if value.get("isBase64Encoded") is True else body.encode()


def failure(status: int, request_id: str, *, retry_after: int | None = None) -> Response:
    """The gateway's own answer: {"message": …}. *retry_after* in seconds."""
    message = "Request Too Long" if status == 413 else phrase(status)
    headers = [("content-type", "application/json"), ("apigw-requestid", request_id)]
    if retry_after is not None:
        headers.append(("retry-after", str(retry_after)))
    return Response(status, headers, orjson.dumps({"message": message}))


__all__ = ["HttpApi", "Malformed", "failure", "structured"]
