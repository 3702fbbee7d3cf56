"""Who may call a route, as config.yaml spells it: `throttle`, `authorizer`, `api_keys` of an http trigger.

AWS's words and limits: API Gateway API reference, Authorizer (REST and HTTP APIs), ThrottleSettings; defaults of types
and formats: AWS SAM. The guards that these become: http_guards.py."""

import json
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal, cast
from urllib.parse import urlsplit

from router.config import files, usage
from router.config.node import Node
from router.config.types import Names, Throttle
from router.events import jwt
from router.events.authorizer import BadIdentity, Identity, parse_identity
from router.events.gateway import LOCAL
from router.regular import Regular, Unfit

ApiKind = Literal["http", "rest", "alb"]

KEYS: Final = ("throttle", "authorizer", "api_keys")  # of an http trigger
TTL_HIGH: Final = 3600.0  # seconds; authorizerResultTtlInSeconds
TTL: Final = {"rest": 300.0, "http": 0.0}  # seconds
KEYS_LIMIT: Final = 256 * 1024  # bytes of a key set

_LAMBDA: Final = ("function", "type", "payload_format_version", "simple_responses", "identity_source", "ttl", "validation")
_JWT: Final = ("issuer", "audience", "scopes", "jwks_uri", "jwks_file", "algorithms", "identity_source")
_AUTHORIZATION: Final = Identity("header", "authorization")
_NOT_OF: Final = {
    ("throttle", "alb"): "a load balancer does not throttle; reserved_concurrency bounds the function",
    ("authorizer", "alb"): "a load balancer has no authorizers; use api: http or rest",
    ("api_keys", "alb"): "a load balancer has no API keys; use api: rest",
    ("api_keys", "http"): "an HTTP API has no API keys; use api: rest, or an authorizer",
}


@dataclass(frozen=True, slots=True)
class LambdaAuthorizer:
    """A function that decides. Routes of one API whose authorizers are equal share one, and its cache."""

    function: str
    type: Literal["token", "request"]
    sources: tuple[Identity, ...]
    ttl: float  # seconds an answer is good for
    payload: Literal["", "1.0", "2.0"] = ""  # "": a REST API's
    simple: bool = False
    validation: str = ""  # a regular expression for the whole token


@dataclass(frozen=True, slots=True)
class JwtAuthorizer:
    """Tokens of one issuer."""

    issuer: str
    audience: frozenset[str]
    scopes: tuple[str, ...] = ()  # one of them is enough; (): none is needed
    source: Identity = _AUTHORIZATION
    algorithms: tuple[str, ...] = jwt.ALGORITHMS
    jwks_uri: str = ""  # where the keys are; "" and no file: where the issuer's openid-configuration says
    jwks_file: Path | None = None


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """Whose keys open a route, and where the key comes from."""

    plans: tuple[str, ...]
    source: Literal["header", "authorizer"] = "header"  # x-api-key, or the authorizer's usageIdentifierKey


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call a route."""

    throttle: Throttle | None = None
    api_keys: ApiKeys | None = None
    authorizer: LambdaAuthorizer | JwtAuthorizer | None = None


OPEN: Final = Access()


def read_access(form: Node, api: ApiKind, names: Names) -> Access:
    """The KEYS of an http trigger's form; mistakes are noted on it."""
    refused = [key for key in KEYS if form.has(key) and (key, api) in _NOT_OF]
    for key in refused:
        form.problem(_NOT_OF[key, api], key)
    if api == "alb":
        return OPEN
    authorizer = None if (child := form.child("authorizer")) is None else _authorizer(child, api, names)
    throttle = None if (child := form.child("throttle")) is None else usage.throttle(child)
    keys = None if (child := form.child("api_keys")) is None or refused else _api_keys(child, authorizer, names)
    return Access(throttle, keys, authorizer)


def _api_keys(node: Node, authorizer: LambdaAuthorizer | JwtAuthorizer | None, names: Names) -> ApiKeys:
    """`api_keys: basic`, a list of plans, or {plans: …, source: authorizer}."""
    before = node.mistakes
    form = node.form(main="plans", known=("plans", "source")) if node.scalar or node.has("plans") or node.has("source") else None
    plans = node.strings("") if form is None else form.strings("plans")
    at, key = (node, "") if form is None else (form, "plans")
    if not plans and at.mistakes == before:
        at.problem("names no usage plan", key)
    for plan in plans:
        if plan not in names.usage_plans:
            at.problem(f"no usage plan {plan[:64]!r}{at.did_you_mean(plan, names.usage_plans)}", key)
    _told_apart(at, key, plans, names)
    source = "header" if form is None else form.choice("source", "header", ("header", "authorizer"))
    if source == "authorizer" and not isinstance(authorizer, LambdaAuthorizer):
        at.problem("the key is to come from a Lambda authorizer, and this route has none", "source")
    return ApiKeys(plans, cast('Literal["header", "authorizer"]', source))


def _told_apart(node: Node, key: str, plans: tuple[str, ...], names: Names) -> None:
    """Note a key that two plans of one route have: it would not say whose limits hold."""
    owners: dict[str, str] = {}
    for plan in dict.fromkeys(plans):
        for name, value in names.usage_plans[plan].keys.items() if plan in names.usage_plans else ():
            if value in owners:
                node.problem(f"{owners[value]} and {plan}.{name} are the same key; a route cannot tell whose limits hold", key)
            owners.setdefault(value, f"{plan}.{name}")


def _authorizer(node: Node, api: ApiKind, names: Names) -> LambdaAuthorizer | JwtAuthorizer:
    if not node.scalar and node.has("jwt"):
        form = node.form(known=("jwt",))
        child = form.child("jwt")
        assert child is not None  # it has the key
        if api == "rest":
            child.problem("JWT authorizers are not supported for api: rest yet; use api: http or a Lambda authorizer")
        return _jwt(child)
    form = node.form(main="function", known=(*_LAMBDA, "jwt"))
    return _lambda(form, api, names)


# -- a function


def _lambda(form: Node, api: ApiKind, names: Names) -> LambdaAuthorizer:
    function = form.text("function")
    if function and function not in names.functions:
        form.problem(f"no function {function[:64]!r}{form.did_you_mean(function, names.functions)}", "function")
    kind = form.choice("type", "request" if api == "http" else "token", ("token", "request"))
    if kind == "token" and api == "http":
        form.problem("an HTTP API has request authorizers only", "type")
    payload = _payload(form, api)
    sources = _sources(form, api, kind)
    ttl = form.seconds("ttl", TTL[api] if sources or kind == "token" or form.has("ttl") else 0, low=0, high=TTL_HIGH)
    if ttl and kind == "request" and not sources:
        form.problem("answers are kept by the identity sources they were given for: name some in identity_source, or write ttl: 0", "ttl")
    return LambdaAuthorizer(
        function,
        cast('Literal["token", "request"]', kind),
        sources,
        ttl,
        payload,
        simple=_simple(form, api, payload),
        validation=_validation(form, kind),
    )


def _payload(form: Node, api: ApiKind) -> Literal["", "1.0", "2.0"]:
    if api == "rest":
        if form.has("payload_format_version"):
            form.problem("a REST API's authorizers have one payload format", "payload_format_version")
        return ""
    return cast('Literal["1.0", "2.0"]', form.choice("payload_format_version", "2.0", ("2.0", "1.0")))


def _simple(form: Node, api: ApiKind, payload: str) -> bool:
    simple = form.boolean("simple_responses", default=False)
    if simple and api == "rest":
        form.problem("a REST API's authorizers answer with a policy", "simple_responses")
    elif simple and payload == "1.0":
        form.problem("simple responses need payload_format_version: 2.0", "simple_responses")
    return simple


def _validation(form: Node, kind: str) -> str:
    if not form.has("validation"):
        return ""
    pattern = form.text("validation")
    if kind != "token":
        form.problem("validates the token of a type: token authorizer; this one is of type request", "validation")
    try:
        Regular(pattern)
    except Unfit as error:
        form.problem(str(error), "validation")
        return ""
    return pattern


def _sources(form: Node, api: ApiKind, kind: str) -> tuple[Identity, ...]:
    """The identity sources. A token comes in one header, by default Authorization."""
    if not form.has("identity_source"):
        return (_AUTHORIZATION,) if kind == "token" else ()
    sources = tuple(source for text in form.strings("identity_source") if (source := _source(form, text, api)) is not None)
    if kind == "token" and (len(sources) != 1 or sources[0].kind != "header"):
        form.problem("the token comes in one header, as method.request.header.Authorization", "identity_source")
    return tuple(dict.fromkeys(sources))


def _source(form: Node, text: str, api: ApiKind) -> Identity | None:
    try:
        return parse_identity(text, "rest" if api == "rest" else "http")
    except BadIdentity as error:
        form.problem(str(error), "identity_source")
        return None


# -- tokens


def _jwt(node: Node) -> JwtAuthorizer:
    form = node.form(known=_JWT)
    if find_spec("joserfc") is None:
        node.problem("needs the extra jwt: pip install 'event-router[jwt]'")
    audience = form.strings("audience")
    if not all(audience) or not audience:
        form.problem("is required: the audiences (aud, client_id) of the tokens that are taken, none of them empty", "audience")
    return JwtAuthorizer(
        issuer=_url(form, "issuer", required=True),
        audience=frozenset(audience),
        scopes=_scopes(form),
        source=_token_source(form),
        algorithms=_algorithms(form),
        jwks_uri=_url(form, "jwks_uri"),
        jwks_file=_jwks_file(form),
    )


def _scopes(form: Node) -> tuple[str, ...]:
    scopes = form.strings("scopes")
    if wrong := [scope for scope in scopes if not re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]+", scope)]:
        form.problem(f"{wrong[0][:40]!r} is no scope: visible ASCII without spaces, quotes and backslashes", "scopes")
    return scopes


def _token_source(form: Node) -> Identity:
    if not form.has("identity_source"):
        return _AUTHORIZATION
    source = _source(form, form.text("identity_source"), "http")
    if source is not None and source.kind not in {"header", "query"}:
        form.problem("a token comes in a header or a query parameter", "identity_source")
    return source or _AUTHORIZATION


def _algorithms(form: Node) -> tuple[str, ...]:
    algorithms = form.strings("algorithms", jwt.ALGORITHMS)
    if wrong := [one for one in algorithms if one not in jwt.ALGORITHMS]:
        form.problem(f"{wrong[0][:40]!r} is not taken; of {', '.join(jwt.ALGORITHMS)}", "algorithms")
    elif not algorithms:
        form.problem("none is left; name some or leave the key out", "algorithms")
    return algorithms


def _url(form: Node, key: str, *, required: bool = False) -> str:
    """A URL whose answer is to be trusted: https, or http on this machine."""
    if not required and not form.has(key):
        return ""
    text = form.text(key)
    if text and (wrong := wrong_with_url(text)):
        form.problem(wrong, key)
    return text


def wrong_with_url(text: str) -> str:
    """Why keys are not to be fetched from this URL; "" when nothing is wrong with it."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "no URL"
    if parts.scheme == "file":
        return "a file of keys is named by jwks_file: PATH"
    if parts.scheme not in {"https", "http"} or not host or parts.username is not None or parts.fragment:
        return "no URL such as https://login.example.com/tenant"
    if parts.scheme == "http" and host not in {*LOCAL, "localhost"}:
        return "http is taken on this machine only: who answers in the issuer's place would make the keys; write https"
    return ""


def _jwks_file(form: Node) -> Path | None:
    if not form.has("jwks_file"):
        return None
    if form.has("jwks_uri"):
        form.problem("the keys come from jwks_uri or from jwks_file, not from both", "jwks_file")
    path = form.file("jwks_file")
    if wrong := _wrong_with_keys(path):
        form.problem(f"{path}: {wrong}", "jwks_file")
    return path


def _wrong_with_keys(path: Path) -> str:
    try:
        value: Any = json.loads(files.content(path, KEYS_LIMIT))
    except OSError as error:
        return error.strerror or "cannot be read"
    except files.NotRegular:
        return "not a regular file"
    except ValueError:
        return f"no JSON of {KEYS_LIMIT // 1024} KB at most"
    return "" if isinstance(value, dict) and isinstance(value.get("keys"), list) else 'no key set: {"keys": […]} is missing'
