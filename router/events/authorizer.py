"""Lambda authorizers: what they are told about a request, and how their answers are read.

Pure. Sources: API Gateway developer guide, "Input to an API Gateway Lambda authorizer", "Output from an API Gateway
Lambda authorizer", "Control access to HTTP APIs with AWS Lambda authorizers"; samples in
tests/golden/authorizers_*.json."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import orjson

from router.events import authorizer_policy, routes
from router.events.authorizer_policy import Policy, Ruling
from router.events.gateway import Api, Asked, domain_of, query_pairs

ApiKind = Literal["http", "rest"]

ANSWER_LIMIT: Final = 8192  # bytes; API Gateway quotas, "Lambda authorizer result size"
TIMEOUTS: Final[Mapping[ApiKind, float]] = {"http": 10.0, "rest": 29.0}  # seconds; HTTP API quotas, "Authorizer timeout"
UNAUTHORIZED: Final = "Unauthorized"  # the error message that means 401

_PREFIXES: Final[Mapping[ApiKind, tuple[tuple[str, Literal["header", "query", "context", "stage"]], ...]]] = {
    "http": (
        ("$request.header.", "header"),
        ("$request.querystring.", "query"),
        ("$context.", "context"),
        ("$stageVariables.", "stage"),
    ),
    "rest": (
        ("method.request.header.", "header"),
        ("method.request.querystring.", "query"),
        ("context.", "context"),
        ("stageVariables.", "stage"),
    ),
}
_CONTEXT: Final[Mapping[ApiKind, tuple[str, ...]]] = {  # values that differ between requests and are the same for two alike
    "http": ("domainName", "httpMethod", "identity.sourceIp", "identity.userAgent", "path", "protocol", "routeKey", "stage"),
    "rest": ("domainName", "httpMethod", "identity.sourceIp", "identity.userAgent", "path", "protocol", "resourcePath", "stage"),
}


class BadAnswer(ValueError):
    """An answer that is no authorizer's; the text says why."""


class BadIdentity(ValueError):
    """Not an identity source; the text says what would be right."""


class Identity(NamedTuple):
    """Where an authorizer finds who asks: an identity source."""

    kind: Literal["header", "query", "context", "stage"]
    name: str  # of a header: lower-case


class Grant(NamedTuple):
    """What an authorizer answered."""

    policy: Policy | None  # None: a simple response
    allowed: bool  # of a simple response
    context: Mapping[str, Any]
    principal: str | None = None
    usage_key: str = ""  # usageIdentifierKey: the API key of the caller


# -- identity sources


def parse_identity(text: str, api: ApiKind) -> Identity:
    """Read `$request.header.Authorization` (HTTP API), `method.request.header.Authorization` (REST API) and their like.

    Raises BadIdentity."""
    for prefix, kind in _PREFIXES[api]:
        name = text.removeprefix(prefix)
        if name == text or not name:
            continue
        if kind == "context" and name not in _CONTEXT[api]:
            raise BadIdentity(f"{text:.80} is no identity source here; of the context there are {', '.join(_CONTEXT[api])}")
        return Identity(kind, name.lower() if kind == "header" else name)
    forms = ", ".join(f"{prefix}NAME" for prefix, _ in _PREFIXES[api])
    raise BadIdentity(f"{text:.80} is no identity source of this API; write {forms}")


def identities(sources: Sequence[Identity], asked: Asked, api: Api) -> tuple[str, ...] | None:
    """The value of each source, those of a repeated name joined with a comma; None when one is missing or empty."""
    values = tuple(_value(source, asked, api) for source in sources)
    return values if all(values) else None


def _value(source: Identity, asked: Asked, api: Api) -> str:
    if source.kind == "header":
        return ",".join(value for name, value in asked.request.headers if name == source.name)
    if source.kind == "query":
        return ",".join(value for name, value in query_pairs(asked.request.query) if name == source.name)
    if source.kind == "stage":
        return (api.stage_variables or {}).get(source.name, "")
    return _context_value(source.name, asked, api)


def _context_value(name: str, asked: Asked, api: Api) -> str:
    request = asked.request
    match name:
        case "domainName":
            return domain_of(request.host)
        case "httpMethod":
            return request.method
        case "identity.sourceIp":
            return request.peer or "127.0.0.1"
        case "identity.userAgent":
            return request.header("user-agent")
        case "path":
            return asked.path
        case "protocol":
            return request.version
        case "resourcePath":
            return asked.key.partition(" ")[2]
        case "routeKey":
            return asked.key
    return api.stage


# -- what an authorizer is told


def method_arn(asked: Asked, api: Api) -> str:
    """The ARN of the method that is asked for: arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/path.

    The path is percent-decoded as far as routes are, so that no spelling of it slips past a policy; a slash inside a
    segment stays encoded, slashes at its beginning are one."""
    if "%" in asked.request.path:
        segments = [segment.replace("/", "%2F") for segment in routes.segments_of(asked.raw_path)]
        path = "/".join(segments)
    else:
        path = asked.path
    return f"arn:aws:execute-api:{api.region}:{api.account}:{api.api_id}/{api.stage}/{asked.request.method}/{path.lstrip('/')}"


def token_event(token: str, arn: str) -> dict[str, Any]:
    """The event of a TOKEN authorizer. *token*: the header's value as sent."""
    return {"type": "TOKEN", "methodArn": arn, "authorizationToken": token}


def request_event(event: Mapping[str, Any], arn: str, values: Sequence[str], version: Literal["", "1.0", "2.0"]) -> dict[str, Any]:
    """The event of a REQUEST authorizer: that of the function, less the body.

    *values*: of the identity sources; *version*: payload format of an HTTP API's authorizer, "" for a REST API's."""
    rest = {key: value for key, value in event.items() if key not in {"version", "body", "isBase64Encoded"}}
    if not version:
        return {"type": "REQUEST", "methodArn": arn, **rest}
    if version == "2.0":
        return {"version": "2.0", "type": "REQUEST", "routeArn": arn, "identitySource": list(values) or None, **rest}
    joined = ",".join(values) or None
    return {
        "version": "1.0",
        "type": "REQUEST",
        "methodArn": arn,
        "identitySource": joined,
        "authorizationToken": joined,
        **rest,
    }


# -- how it answers


def read_policy(answer: bytes, *, any_context: bool) -> Grant:
    """An IAM answer: {principalId, policyDocument, context?, usageIdentifierKey?}.

    *any_context*: its values may be any JSON (format 2.0), else text, numbers and booleans. Raises BadAnswer."""
    value = _object(answer)
    try:
        policy = authorizer_policy.read(value.get("policyDocument"))
    except authorizer_policy.BadPolicy as error:
        raise BadAnswer(str(error)) from None
    principal, usage_key = value.get("principalId"), value.get("usageIdentifierKey")
    if principal is not None and not isinstance(principal, str):
        raise BadAnswer("principalId is no text")
    if usage_key is not None and not isinstance(usage_key, str):
        raise BadAnswer("usageIdentifierKey is no text")
    return Grant(policy, False, _context_of(value, any_context=any_context), principal, usage_key or "")


def read_simple(answer: bytes) -> Grant:
    """A simple response: {isAuthorized, context?}. Raises BadAnswer."""
    value = _object(answer)
    allowed = value.get("isAuthorized")
    if not isinstance(allowed, bool):
        raise BadAnswer("isAuthorized is neither true nor false")
    return Grant(None, allowed, _context_of(value, any_context=True))


def ruling(grant: Grant, arn: str) -> Ruling:
    """What an answer, a cached one too, says about one method."""
    if grant.policy is None:
        return "allow" if grant.allowed else "deny"
    return authorizer_policy.evaluate(grant.policy, arn)


def conditional(policy: Policy) -> bool:
    """Whether some statement has a condition, which is not looked at: its Allow never applies, its Deny always does."""
    return any(statement.conditional for statement in policy)


def is_unauthorized(error: bytes) -> bool:
    """Whether a function error (Lambda's error object) means 401: its message is exactly Unauthorized."""
    try:
        value = orjson.loads(error)
    except orjson.JSONDecodeError:
        return False
    return isinstance(value, dict) and value.get("errorMessage") == UNAUTHORIZED


def rest_context(grant: Grant, latency_ms: int) -> dict[str, Any]:
    """requestContext.authorizer of the proxy event (REST API, HTTP API with format 1.0): values as text."""
    found: dict[str, Any] = {name: _text(value) for name, value in grant.context.items()}
    if grant.principal is not None:
        found["principalId"] = grant.principal
    return found | {"integrationLatency": latency_ms}


def http_context(grant: Grant) -> dict[str, Any]:
    """requestContext.authorizer of an HTTP API, format 2.0: values keep their types."""
    return {"lambda": dict(grant.context)}


def _object(answer: bytes) -> dict[str, Any]:
    if len(answer) > ANSWER_LIMIT:
        raise BadAnswer(f"the answer has {len(answer)} bytes, {ANSWER_LIMIT} at most are taken")
    try:
        value = orjson.loads(answer)
    except orjson.JSONDecodeError:
        raise BadAnswer("the answer is no JSON") from None
    if not isinstance(value, dict):
        raise BadAnswer("the answer is no object")
    return value


def _context_of(value: Mapping[str, Any], *, any_context: bool) -> Mapping[str, Any]:
    context = value.get("context")
    if context is None:
        return {}
    if not isinstance(context, dict):
        raise BadAnswer("context is no object")
    if not any_context and (wrong := [name for name, one in context.items() if not isinstance(one, str | int | float)]):
        raise BadAnswer(f"context.{wrong[0]:.40} is neither text nor a number nor a boolean")
    try:
        orjson.dumps(context)  # it becomes part of events: what can be read cannot always be written
    except orjson.JSONEncodeError:
        raise BadAnswer("context is nested too deep") from None
    return context


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
