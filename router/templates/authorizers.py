"""Who may call the routes of an API: authorizers, API keys and their plans. Pure.

Source: SAM developer guide, ApiAuth, HttpApiAuth, ApiFunctionAuth, HttpApiFunctionAuth."""

import re
from typing import Any, Final

from router.templates.draft import Api, Draft, Item, Route
from router.templates.props import Props
from router.templates.routes import function_in
from router.templates.words import Refused, shown

_RESERVED: Final = ("NONE", "AWS_IAM")  # words, where a route names its authorizer
_NO_IAM: Final = "IAM on routes is not supported here; use a function URL with AuthType AWS_IAM, or an authorizer"
NO_POLICY: Final = "resource policies of APIs are not supported; use authorizers"
_NO_KEYS: Final = "ApiKeyRequired: an HTTP API has no API keys; use a REST API, or an authorizer"


def read_later(item: Item, auth: Props, found: Api, draft: Draft) -> None:
    """Read the `Auth` of an API when the functions that it names are there, and before any route asks for it."""
    part = Item(f"{item.logical}.Auth", "Auth", item.name, item.raw, item.line)
    found.unread = lambda: draft.attempt(part, lambda: _auth(part, auth, found, draft))
    draft.later(lambda: draft.read(found))


def _auth(item: Item, props: Props, found: Api, draft: Draft) -> None:
    with draft.needed(found.logical, "Auth"):
        found.default = props.text("DefaultAuthorizer", "")
        found.keyed = props.truth("ApiKeyRequired")
        if found.keyed and found.kind == "http":
            raise Refused(_NO_KEYS)
        plan, authorizers = props.child("UsagePlan"), props.child("Authorizers")
        guarded = found.kind == "rest" and props.truth("AddDefaultAuthorizerToCorsPreflight", default=True)
        found.options = guarded, props.truth("AddApiKeyRequiredToCorsPreflight", default=True)
        for key in ("InvokeRole", "EnableIamAuthorizer"):
            props.take(key)
        if "ResourcePolicy" in props:
            raise Refused(NO_POLICY)
        props.done()
        if plan is not None:
            _usage_plan(item, plan, found, draft)
    for name in authorizers.names() if authorizers is not None else ():
        _one(item, name, authorizers, found, draft)  # type: ignore[arg-type]
    if found.default == "AWS_IAM":
        raise Refused(_NO_IAM)
    if found.default and found.default not in found.authorizers:
        raise Refused(f"DefaultAuthorizer: authorizer {shown(found.default)} is not here, and routes that name no other are refused")


def _one(item: Item, name: str, authorizers: Props, found: Api, draft: Draft) -> None:
    """One authorizer: refused, it takes the routes with it that are to have it, and no others."""
    part = Item(f"{item.logical}.{name}", "authorizer", item.name, item.raw, item.line)

    def work() -> None:
        each = authorizers.child(name)
        if each is None or name in _RESERVED:
            raise Refused(f"{shown(name)}: no authorizer")
        found.authorizers[name] = _authorizer(each, found.kind, draft)

    if draft.attempt(part, work) and not part.notes:
        draft.rows.pop(part.logical)  # nothing to say


def _authorizer(props: Props, kind: str, draft: Draft) -> dict[str, Any]:
    if "UserPoolArn" in props:
        raise Refused("Cognito user pools are not here; an HTTP API's JWT authorizer checks tokens of any issuer")
    jwt = props.child("JwtConfiguration")
    if jwt is not None and kind == "rest":
        raise Refused("JWT authorizers are an HTTP API's; a REST API has Lambda authorizers")
    if jwt is not None:
        value: dict[str, Any] = {"issuer": jwt.text("issuer"), "audience": jwt.texts("audience")}
        jwt.done()
        if scopes := props.texts("AuthorizationScopes"):
            value["scopes"] = scopes
        if "IdentitySource" in props:
            value["identity_source"] = props.text("IdentitySource")
        props.done()
        return {"jwt": value}
    value = {"function": draft.function(props.take("FunctionArn")).name}
    for key in ("FunctionInvokeRole", "EnableFunctionDefaultPermissions", "DisableFunctionDefaultPermissions"):
        props.take(key)
    identity = props.child("Identity")
    if kind == "rest":
        value["type"] = props.text("FunctionPayloadType", "TOKEN").lower()
    else:
        value |= _payload(props)
    if identity is not None:
        value |= _identity(identity, value.get("type", ""), kind)
    props.done()
    return value


def by_function(props: Props, kind: str, sources: list[str], draft: Draft, *, second: bool) -> dict[str, Any]:
    """A Lambda authorizer as CloudFormation spells it; *second*: an HTTP API's. Raises Refused."""
    value: dict[str, Any] = {"function": function_in(props.text("AuthorizerUri"), draft).name}
    if second:
        value["payload_format_version"] = props.text("AuthorizerPayloadFormatVersion", "2.0")
        if props.truth("EnableSimpleResponses"):
            value["simple_responses"] = True
    else:
        value["type"] = kind.lower()
        if "IdentityValidationExpression" in props:
            value["validation"] = props.text("IdentityValidationExpression")
        sources = [part.strip() for source in sources for part in source.split(",")]
    if sources:
        value["identity_source"] = sources[0] if len(sources) == 1 else sources
    if (ttl := props.whole("AuthorizerResultTtlInSeconds")) is not None:
        value["ttl"] = ttl
    return value


def _payload(props: Props) -> dict[str, Any]:
    version = props.text("AuthorizerPayloadFormatVersion", "2.0")
    value = {"payload_format_version": f"{float(version):.1f}" if re.fullmatch(r"[0-9.]{1,4}", version) else version}
    return value | ({"simple_responses": True} if props.truth("EnableSimpleResponses") else {})


def _identity(props: Props, type_: str, kind: str) -> dict[str, Any]:
    value: dict[str, Any] = {}
    if (ttl := props.whole("ReauthorizeEvery")) is not None:
        value["ttl"] = ttl
    if "ValidationExpression" in props:
        value["validation"] = props.text("ValidationExpression")
    if type_ == "token":
        header = props.text("Header", "Authorization")
        value["identity_source"] = f"method.request.header.{header}"
    else:
        before = "method." if kind == "rest" else "$"
        sources = [f"{before}request.header.{name}" for name in props.texts("Headers")]
        sources += [f"{before}request.querystring.{name}" for name in props.texts("QueryStrings")]
        sources += [f"{before.replace('method.', '')}context.{name}" for name in props.texts("Context")]
        sources += [f"{before.replace('method.', '')}stageVariables.{name}" for name in props.texts("StageVariables")]
        if sources:
            value["identity_source"] = sources
    props.done()
    return value


def _usage_plan(item: Item, props: Props | None, found: Api, draft: Draft) -> None:
    """A plan with one key, as SAM makes it."""
    how = props.text("CreateUsagePlan", "PER_API") if props is not None else "PER_API"
    if how == "NONE":
        return
    name = "shared" if how == "SHARED" else f"{found.logical.lower()}"
    owner = draft.plan_owners.setdefault(name, how if how == "SHARED" else found.logical)
    if name in draft.plans or owner not in {"SHARED", found.logical} or (owner == "SHARED") != (how == "SHARED"):
        raise Refused(f"another usage plan has the name {shown(name)} already: its keys would be good for this API too")
    if name not in found.plans:
        found.plans.append(name)
    if name not in draft.sections["usage_plans"]:
        key = draft.draw(name)
        draft.private = True
        draft.sections["usage_plans"][name] = {"keys": {name: key}, **(limits(props) if props is not None else {})}
        item.note(f"UsagePlan: its key was made here and stands in config.yaml under usage_plans.{name}")
    if props is not None:
        limits(props)
        props.take("UsagePlanName")
        props.done()


def limits(props: Props) -> dict[str, Any]:
    """Throttle and quota of a plan."""
    value: dict[str, Any] = {}
    throttle, quota = props.child("Throttle"), props.child("Quota")
    if throttle is not None:
        value["throttle"] = {"rate": throttle.number("RateLimit") or 10_000, "burst": throttle.whole("BurstLimit") or 5_000}
        throttle.done()
    if quota is not None:
        value["quota"] = {"limit": quota.whole("Limit"), "period": quota.text("Period").lower()}
        if quota.whole("Offset"):
            quota.note("Quota.Offset: the first period begins empty")
        quota.done()
    return value


def access(auth: Props | None, route: Route, draft: Draft) -> dict[str, Any]:
    """Authorizer and API key of one route: its own, else its API's, of which SAM spares methods OPTIONS. Raises Refused."""
    found = route.api
    draft.enter(found)
    guarded, wanted = found.options if route.key.startswith("OPTIONS ") else (True, True)
    auth = Props({}) if auth is None else auth
    own = auth.text("Authorizer", "")
    name = "" if own == "NONE" else own or (found.default if guarded else "")  # the default is never nobody
    keyed = auth.truth("ApiKeyRequired", default=found.keyed and wanted)
    scopes = auth.texts("AuthorizationScopes")
    if "ResourcePolicy" in auth:
        raise Refused(NO_POLICY)
    for key in ("InvokeRole", "OverrideApiAuth"):
        auth.take(key)
    auth.done()
    if name == "AWS_IAM":
        raise Refused(_NO_IAM)
    value = authorized(name, scopes, found)
    if keyed and found.kind == "http":
        raise Refused(_NO_KEYS)
    if keyed:
        if not found.plans:
            _usage_plan(route.item, None, found, draft)
        value["api_keys"] = with_key(found, value)
    return value


def authorized(name: str, scopes: list[str], found: Api) -> dict[str, Any]:
    """The authorizer of a route by its name; "": none. Raises Refused."""
    if name and name not in found.authorizers:
        raise Refused(f"authorizer {shown(name)} is not here")
    value: dict[str, Any] = {"authorizer": dict(found.authorizers[name])} if name else {}
    if scopes and "jwt" not in value.get("authorizer", {}):
        raise Refused("AuthorizationScopes are checked by a JWT authorizer alone, and the route has none")
    if scopes:
        value["authorizer"] = {"jwt": value["authorizer"]["jwt"] | {"scopes": scopes}}
    return value


def with_key(found: Api, guard: dict[str, Any]) -> Any:
    """A route's `api_keys`. Raises Refused when nobody could hand one over."""
    if not found.plans:
        raise Refused("an API key is required, and no usage plan has this API")
    plans = found.plans if len(found.plans) > 1 else found.plans[0]
    if not found.key_source:
        return plans
    if "authorizer" not in guard:
        raise Refused("ApiKeySourceType AUTHORIZER: the key comes from an authorizer, and the route has none")
    return {"plans": plans, "source": found.key_source}
