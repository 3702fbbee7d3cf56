"""The proxy event of REST APIs, and of HTTP APIs with payload format 1.0: one shape, two dialects.

Pure. Sources: API Gateway developer guide, "Lambda proxy integrations in API Gateway" and "Create AWS Lambda proxy
integrations for HTTP APIs"; recordings in tests/golden/apigw_v1_*.json. Null, not absent: whatever there is none of.
Not covered: CloudFront's headers of edge-optimised APIs, client certificates."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from router.events import answers
from router.events.gateway import (
    DEFAULT_STAGE,
    NEVER_PASSED,
    Api,
    Arrival,
    Asked,
    Malformed,
    Passage,
    body_of,
    clf,
    domain_of,
    forwarded,
    listed,
    query_pairs,
)
from router.events.http import Headers, Request, Response
from router.events.media import matches

ALLOWED: Final = frozenset(("statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"))  # any other key: 502, recorded
HTTP_PASSING: Final = answers.Passing(answers.HOP_BY_HOP | {"apigw-requestid"})
REST_REMAPPED: Final = answers.REMAPPED.union(  # recorded of integrations whose answers are mapped, and reported of functions' results
    ("authorization", "content-md5", "expect", "host", "max-forwards", "proxy-authenticate", "trailer", "upgrade", "user-agent"),
    ("www-authenticate",),  # "Known issues": a browser must not ask for a password by itself
)
REST_PASSING: Final = answers.Passing(
    answers.HOP_BY_HOP - REST_REMAPPED | {"x-amzn-requestid", "x-amz-apigw-id", "x-amzn-trace-id"}, REST_REMAPPED
)
_BOTH: Final = ("Host", "User-Agent", "X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto")
REST_NAMES: Final = {  # sent in whatever case, these arrive like this; all others as the client wrote them: recorded
    name.lower(): name for name in ("Accept", "Authorization", "Referer", "Via", *_BOTH)
}
HTTP_NAMES: Final = {name.lower(): name for name in ("Content-Length", "Content-Type", *_BOTH)}  # the same of HTTP APIs: captures
IDENTITY: Final = (  # the keys of requestContext.identity: unset ones are null
    *("accessKey", "accountId", "caller", "cognitoAuthenticationProvider", "cognitoAuthenticationType", "cognitoIdentityId"),
    *("cognitoIdentityPoolId", "principalOrgId", "sourceIp", "user", "userAgent", "userArn"),
)

_LEADING: Final = re.compile(r"^/+")


def rest_event(asked: Asked, api: Api, arrival: Arrival, passage: Passage, *, binary: Sequence[str]) -> dict[str, Any]:
    """The event of a REST API. *binary*: its binaryMediaTypes, which decide between text and base64."""
    raw = asked.raw_path
    path = asked.mounted + raw if asked.based else _LEADING.sub("/", raw)  # slashes right behind the stage are one: recorded
    resource = asked.key.partition(" ")[2] or "/{proxy+}"
    parameters = _raw_parameters(resource, raw if asked.based else path) if asked.parameters else None
    context = _context(asked, resource, api, arrival, passage)
    context["path"] = path if asked.based else f"/{api.stage}{raw}"
    context["protocol"] = asked.request.version
    context["resourceId"] = short_id(resource, 6)
    context["deploymentId"] = short_id(f"{api.api_id}/{api.stage}", 6)
    made = {"resource": resource, "path": path, **_request(asked.request, arrival, REST_NAMES), "pathParameters": parameters}
    made |= {"stageVariables": api.stage_variables or None, "requestContext": context}
    made["body"], made["isBase64Encoded"] = _rest_body(asked.request, binary)
    return made


def http_api_event(asked: Asked, api: Api, arrival: Arrival, passage: Passage) -> dict[str, Any]:
    """The event of an HTTP API, payload format 1.0, as captures of real ones have it where the guide's example differs.

    There: resourceId is the route key, requestContext has no authorizer when the route has none, identity has cognitoAmr.

    Below a base path the path is the client's, unlike 2.0's rawPath: API Gateway developer guide, "Working with AWS Lambda proxy
    integrations for HTTP APIs", which has functions that want the API mapping take 1.0."""
    path = asked.path if api.stage == DEFAULT_STAGE else f"/{api.stage}{asked.path}"
    if asked.based:
        path = asked.mounted + asked.path
    resource = asked.key.partition(" ")[2] or asked.key
    context = _context(asked, resource, api, arrival, passage)
    context |= {"path": path, "protocol": asked.request.version, "resourceId": asked.key}
    context["identity"].setdefault("cognitoAmr", None)
    request = asked.request
    made = {"version": "1.0", "resource": resource, "path": path, **_request(request, arrival, HTTP_NAMES)}
    made |= {"pathParameters": dict(asked.parameters) or None, "stageVariables": api.stage_variables or None, "requestContext": context}
    made["body"], made["isBase64Encoded"] = body_of(request.body, request.header("content-type")) if request.body else (None, False)
    return made


def _request(request: Request, arrival: Arrival, names: Mapping[str, str]) -> dict[str, Any]:
    """Method, headers and query: of a repeated name the last value alone, and all of them beside it."""
    headers = _headers(request, arrival.trace, names)
    query = listed(query_pairs(request.query))
    return {
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
    }


def _headers(request: Request, trace: str, names: Mapping[str, str]) -> dict[str, list[str]]:
    """All values by name, in the case in which the name came first, or in that of *names*; the gateway's own are added."""
    way = forwarded(request)
    ours = {"x-forwarded-for": way.address, "x-forwarded-port": way.port, "x-forwarded-proto": way.proto}
    found: dict[str, list[str]] = {}
    spelled: dict[str, str] = {}
    for name, value in request.named_as_sent():
        low = name.lower()
        if low not in NEVER_PASSED and low not in ours:
            found.setdefault(spelled.setdefault(low, names.get(low, name)), []).append(value)
    if "x-amzn-trace-id" not in spelled:
        found[names["x-amzn-trace-id"]] = [trace]
    if "content-length" in names:
        found[names["content-length"]] = [str(len(request.body))]
    return found | {names[name]: [value] for name, value in ours.items() if value}


def _context(asked: Asked, resource: str, api: Api, arrival: Arrival, passage: Passage) -> dict[str, Any]:
    """requestContext, less what the two dialects have each their own way."""
    request = asked.request
    domain = domain_of(request.host)
    identity = dict.fromkeys(IDENTITY) | {"sourceIp": request.peer or "127.0.0.1", "userAgent": request.header("user-agent") or None}
    context = {
        "accountId": api.account,
        "apiId": api.api_id,
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "extendedRequestId": arrival.extended_id or arrival.request_id,
        "httpMethod": request.method,
        "identity": identity | dict(passage.identity),
        "requestId": arrival.request_id,
        "requestTime": clf(int(arrival.at)),
        "requestTimeEpoch": int(arrival.at * 1000),
        "resourcePath": resource,
        "stage": api.stage,
    }
    if passage.authorizer is not None:
        context["authorizer"] = dict(passage.authorizer)
    return context


def _raw_parameters(resource: str, raw: str) -> dict[str, str]:
    """The variables' values as they were sent, percent-encoded; the greedy one without a slash at either end: recorded."""
    found: dict[str, str] = {}
    segments = raw.split("/")
    for index, part in enumerate(resource.split("/")):
        if part.endswith("+}"):
            found[part[1:-2]] = "/".join(segments[index:]).strip("/")
        elif part.startswith("{"):
            found[part[1:-1]] = segments[index]
    return found


def _rest_body(request: Request, binary: Sequence[str]) -> tuple[str | None, bool]:
    """Base64 when the type is one of *binary*; else text, in which bytes that are no UTF-8 become U+FFFD."""
    if not request.body:
        return None, False
    content_type = request.header("content-type")
    if matches(content_type, binary):
        return body_of(request.body, "")
    return request.body.decode(errors="replace"), False


@lru_cache(maxsize=1024)
def short_id(text: str, length: int) -> str:
    """An id like those of API Gateway: lower-case letters and digits, always the same for one text."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:12])
    return "".join("abcdefghijklmnopqrstuvwxyz0123456789"[number // 36**place % 36] for place in range(length))


# -- answers


def http_api_answer(result: bytes, request_id: str) -> Response:
    """The answer to a result in format 1.0: REST's object, its statusCode required. Raises Malformed."""
    value = answers.parsed(result)
    if not isinstance(value, dict) or "statusCode" not in value:
        raise Malformed("format 1.0 wants an object with a statusCode")
    body = value.get("body")
    if body is not None and not isinstance(body, str):
        body = answers.written(body).decode()
    sent = body or ""
    decoded = answers.unencoded(sent) if value.get("isBase64Encoded") is True else sent.encode()
    ids = (("apigw-requestid", request_id),)
    return Response(answers.status(value["statusCode"]), merged_headers(value, ids, HTTP_PASSING, "text/plain;charset=UTF-8"), decoded)


def rest_answer(result: bytes, arrival: Arrival, *, decode: bool) -> Response:
    """The answer of a REST API. *decode*: the API and the client's Accept want binary bodies as bytes. Raises Malformed: 502."""
    value = answers.parsed(result)
    if not isinstance(value, dict) or not value or not value.keys() <= ALLOWED:
        raise Malformed(f"the result is no object of {', '.join(sorted(ALLOWED))}")
    body = value.get("body")
    if body is not None and not isinstance(body, str):
        raise Malformed(f"body is a {type(body).__name__}, not text")
    sent = body or ""
    encoded = value.get("isBase64Encoded")
    if encoded is not None and not isinstance(encoded, bool):
        raise Malformed("isBase64Encoded is neither true nor false")
    status = answers.status(value.get("statusCode", 200))
    headers = merged_headers(value, rest_ids(arrival), REST_PASSING, "application/json")
    return Response(status, headers, answers.unencoded(sent) if encoded and decode else sent.encode())


def rest_ids(arrival: Arrival) -> Headers:
    """The headers that every answer of a REST API carries."""
    return (("x-amzn-RequestId", arrival.request_id), ("x-amz-apigw-id", arrival.extended_id), ("X-Amzn-Trace-Id", arrival.trace))


def merged_headers(value: dict[str, Any], ids: Headers, passing: answers.Passing, default_type: str) -> list[tuple[str, str]]:
    """MultiValueHeaders first, then a single value that is not among them; the case of multiValueHeaders wins: recorded.
    Single ones alike but for case are a line each, as adapters of before multiValueHeaders send two cookies."""
    lines = answers.multi_headers(value.get("multiValueHeaders"), passing)
    for low, (name, text) in answers.spelt_headers(value.get("headers"), passing):
        known = lines.setdefault(low, [])
        if all(text != other for _, other in known):
            known.append((known[0][0] if known else name, text))
    if not lines.get("content-type"):
        lines["content-type"] = [("Content-Type", default_type)]
    found = [line for of_name in lines.values() for line in of_name]
    answers.check_size(found)
    return [*found, *ids]
