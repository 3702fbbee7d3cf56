"""Who may call the routes of an API: authorizers, API keys and their plans. Pure.

Source: SAM developer guide, ApiAuth, HttpApiAuth, ApiFunctionAuth, HttpApiFunctionAuth."""

import re
from typing import Any

from router.templates.draft import Api, Draft, Item
from router.templates.props import Props
from router.templates.words import Refused, shown


def authorizers_later(item: Item, auth: Props, found: Api, draft: Draft) -> None:
    """Read the `Auth` of an API when the functions that it names are there."""
    part = Item(f"{item.logical}.Auth", "Auth", item.name, item.raw, item.line)
    draft.attempt(part, lambda: _auth(part, auth, found, draft))


def _auth(item: Item, props: Props, found: Api, draft: Draft) -> None:
    authorizers = props.child("Authorizers")
    for name in authorizers.names() if authorizers is not None else ():
        each = authorizers.child(name) if authorizers is not None else None
        if each is not None:
            found.authorizers[name] = _authorizer(each, found.kind, draft)
    found.default = props.text("DefaultAuthorizer", "")
    if found.default == "AWS_IAM":
        raise Refused("IAM on routes is not supported here; use a function URL with AuthType AWS_IAM, or an authorizer")
    if found.default and found.default not in found.authorizers:
        raise Refused(f"DefaultAuthorizer: no authorizer has the name {shown(found.default)}")
    found.keyed = props.truth("ApiKeyRequired")
    plan = props.child("UsagePlan")
    if plan is not None:
        _usage_plan(item, plan, found, draft)
    for key in ("InvokeRole", "AddDefaultAuthorizerToCorsPreflight", "AddApiKeyRequiredToCorsPreflight", "EnableIamAuthorizer"):
        props.take(key)
    props.done()


def _authorizer(props: Props, kind: str, draft: Draft) -> dict[str, Any]:
    if "UserPoolArn" in props:
        raise Refused("Cognito user pools are not here; an HTTP API's JWT authorizer checks tokens of any issuer")
    jwt = props.child("JwtConfiguration")
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
    for key in ("FunctionInvokeRole", "EnableFunctionDefaultPermissions", "DisableFunctionDefaultPermissions", "AuthorizationScopes"):
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
    found.plan = name
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


def access(auth: Props | None, found: Api, item: Item, draft: Draft) -> dict[str, Any]:
    """Authorizer and API key of one route."""
    name = auth.text("Authorizer", found.default) if auth is not None else found.default
    keyed = auth.truth("ApiKeyRequired", default=found.keyed) if auth is not None else found.keyed
    value: dict[str, Any] = {}
    if name == "AWS_IAM":
        raise Refused("IAM on routes is not supported here; use a function URL with AuthType AWS_IAM, or an authorizer")
    if name and name != "NONE":
        if name not in found.authorizers:
            raise Refused(f"authorizer {shown(name)} is not here")
        value["authorizer"] = dict(found.authorizers[name])
    if auth is not None:
        scopes = auth.texts("AuthorizationScopes")
        if scopes and "jwt" in value.get("authorizer", {}):
            value["authorizer"] = {"jwt": value["authorizer"]["jwt"] | {"scopes": scopes}}
        if "ResourcePolicy" in auth:
            raise Refused("resource policies of APIs are not supported")
        for key in ("InvokeRole", "OverrideApiAuth"):
            auth.take(key)
        auth.done()
    if keyed:
        if not found.plan:
            _usage_plan(item, None, found, draft)
        value["api_keys"] = found.plan
    return value
