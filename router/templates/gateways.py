"""APIs that are written out resource by resource, without SAM. Pure.

Source: CloudFormation template reference, AWS::ApiGatewayV2::*, AWS::ApiGateway::*. Only operations that a function serves
(AWS_PROXY) are served here."""

from collections.abc import Callable
from typing import Any, Final

from router.templates import failures
from router.templates.authorizers import NO_POLICY, authorized, by_function, with_key
from router.templates.cors import cors_of
from router.templates.draft import Api, Draft, Item, Route
from router.templates.guards import settled
from router.templates.http import HARMLESS, SAME, named_api, throttle_of
from router.templates.mocks import preflight
from router.templates.openapi import definition
from router.templates.props import Props
from router.templates.routes import function_in, key_source, of_function, reached, serve
from router.templates.words import Refused, shown

_GUARD: Final = ("ApiId", "RestApiId", "AuthorizationType", "AuthorizerId", "AuthorizationScopes", "ApiKeyRequired")
_UNVALIDATED: Final = "requests are not validated; the function must"
_OF_OTHERS: Final = (  # of an integration that a function does not serve as it is: AWS keeps them of one that it does, and does nothing with them
    "IntegrationHttpMethod",
    "Credentials",
    "PassthroughBehavior",
    "IntegrationResponses",
    "RequestTemplates",
    "ContentHandling",
)
_HELD: Final = frozenset({"AutoDeploy", "DeploymentId", "ClientCertificateId", "DocumentationVersion"})
_STAGE: Final = {
    key: SAME[key]
    for key in ("AccessLogSetting", "AccessLogSettings", "TracingEnabled", "CacheClusterEnabled", "CacheClusterSize", "CanarySetting")
}


def api(item: Item, draft: Draft) -> None:
    """AWS::ApiGatewayV2::Api and AWS::ApiGateway::RestApi."""
    props = draft.props(item)
    kind = "rest" if item.type == "AWS::ApiGateway::RestApi" else "http"
    if kind == "http" and props.text("ProtocolType", "HTTP") != "HTTP":
        raise Refused("WebSocket APIs are not supported")
    found = Api(kind, item.logical, events="ignored")
    cors = cors_of(props.child("CorsConfiguration"))
    if cors:
        found.shared["cors"] = cors
    if types := props.texts("BinaryMediaTypes"):
        found.shared["binary_media_types"] = [one.replace("~1", "/") for one in types]
    body, target, key = props.take("Body"), props.take("Target"), props.text("RouteKey", "$default")
    if isinstance(target, str):  # quick create: one route to one function
        draft.later(lambda: _quick(item, target, key, found, draft))
    for name in ("CredentialsArn", "Version"):
        props.take(name)
    if kind == "rest":
        key_source(props, "ApiKeySourceType", found)
    reached([props.seen("EndpointConfiguration"), props.seen("Parameters")], props.seen("Domain"))
    if "Policy" in props:
        raise Refused(NO_POLICY)
    props.done(SAME, harmless=HARMLESS)
    if body is not None:
        definition(item, body, "Body", found, draft)
    draft.apis[item.logical] = found
    item.becomes = "http triggers of its functions"


def _quick(item: Item, target: str, key: str, found: Api, draft: Draft) -> None:
    part = Item(f"{item.logical}.{key}", "route", item.name, item.raw, item.line)
    way = Route(part, found, key, {})
    draft.routes.append(way)
    draft.attempt(part, lambda: _serve(way, {"uri": target, "payload": "2.0"}, draft))


def stage(item: Item, draft: Draft) -> None:
    """A stage; an API has one here."""
    key = "ApiId" if item.type.startswith("AWS::ApiGatewayV2") else "RestApiId"
    found = draft.api(_text(item, key, draft))
    with draft.needed(found.logical, "stage"):
        settled(item)
        props = draft.props(item)
        props.take(key)
        name = props.text("StageName", "$default")
    if (served := found.stage or found.shared.get("stage", name)) != name:
        raise Refused(f"the API has the stage {served} already, and one is served here")
    with draft.needed(found.logical, "stage"):
        _stage(props, name, found)
    found.stage = name
    item.becomes = "http triggers of its functions"


def _stage(props: Props, name: str, found: Api) -> None:
    variables = props.child("StageVariables" if found.kind == "http" else "Variables")
    settings = props.child("DefaultRouteSettings")
    throttle = throttle_of(settings) if settings is not None else {}
    for setting in props.children("MethodSettings"):
        if (setting.text("HttpMethod", "*"), setting.text("ResourcePath", "/*")) != ("*", "/*"):
            raise Refused("MethodSettings of single methods are not supported")
        throttle = throttle_of(setting) or throttle
    for key in _HELD:
        props.take(key)
    props.done(_STAGE)
    if name != "$default":
        found.shared["stage"] = name
    if throttle:
        found.shared["throttle"] = throttle
    if variables is not None:
        found.shared["stage_variables"] = {key: variables.text(key) for key in variables.names()}


def deployment(item: Item, draft: Draft) -> None:
    """Routes are served as they are in the config; a deployment may name the stage."""
    props = draft.props(item)
    found = draft.api(props.text("ApiId" if item.type.startswith("AWS::ApiGatewayV2") else "RestApiId"))
    name = props.text("StageName", "")
    props.done(
        {"StageDescription": "settings of a stage belong to a Stage", "DeploymentCanarySettings": "a canary gets no traffic of its own"}
    )
    if name:
        found.shared.setdefault("stage", name)


def told(item: Item, draft: Draft) -> None:
    """Models and validators: nobody is let in or kept out by them, as by those of SAM's API."""
    draft.props(item)
    item.note(SAME["Models"])


def failure(item: Item, draft: Draft) -> None:
    """AWS::ApiGateway::GatewayResponse."""
    props = draft.props(item)
    found = named_api(props.text("RestApiId"), draft)
    failures.keep({props.text("ResponseType"): {name: props.take(name) for name in props.names()}}, found, item.note)
    item.becomes = "http triggers of its functions"


def authorizer(item: Item, draft: Draft) -> None:
    """AWS::ApiGatewayV2::Authorizer and AWS::ApiGateway::Authorizer."""
    props = draft.props(item)
    second = item.type.startswith("AWS::ApiGatewayV2")
    found = draft.api(props.text("ApiId" if second else "RestApiId"))
    kind = props.text("AuthorizerType" if second else "Type")
    jwt = props.child("JwtConfiguration")
    sources = props.texts("IdentitySource")
    if kind == "JWT" and jwt is not None:
        value: dict[str, Any] = {"jwt": {"issuer": jwt.text("Issuer"), "audience": jwt.texts("Audience")}}
        jwt.done()
        if sources:
            value["jwt"]["identity_source"] = sources[0]
    elif kind in {"REQUEST", "TOKEN"}:
        value = by_function(props, kind, sources, draft, second=second)
    else:
        raise Refused(f"authorizers of type {shown(kind)} are not supported")
    for key in ("Name", "AuthorizerCredentialsArn", "AuthType"):
        props.take(key)
    props.done()
    found.authorizers[item.name] = value
    item.becomes = "authorizers of its routes"


def integration(item: Item, draft: Draft) -> None:
    """AWS::ApiGatewayV2::Integration: kept for the routes that name it."""
    props = draft.props(item)
    found = draft.api(props.text("ApiId"))
    if (kind := props.text("IntegrationType")) != "AWS_PROXY":
        raise Refused(f"integrations of type {shown(kind)} are not supported; AWS_PROXY of a function is")
    of_function(props.text("IntegrationSubtype", ""))
    value: dict[str, Any] = {"uri": props.text("IntegrationUri"), "payload": props.text("PayloadFormatVersion", "1.0")}
    if (timeout := props.whole("TimeoutInMillis")) is not None:
        value["timeout"] = f"{timeout}ms"
    for key in ("IntegrationMethod", "ConnectionType", "CredentialsArn"):
        props.take(key)
    props.done()
    function_in(value["uri"], draft, found)
    draft.integrations[item.name] = value
    item.becomes = "http triggers of its function"


def route(item: Item, draft: Draft) -> None:
    """AWS::ApiGatewayV2::Route."""
    way = _way(item, "ApiId", lambda: _text(item, "RouteKey", draft), draft)
    settled(item)
    props = draft.props(item)
    target = draft.integrations.get(props.text("Target").rpartition("/")[2])
    if target is None:
        raise Refused("its integration is not here")
    props.done(harmless=HARMLESS | {"OperationName", "RouteKey", *_GUARD})
    _serve(way, target, draft)


def resource(item: Item, draft: Draft) -> None:
    """AWS::ApiGateway::Resource: a segment of a path."""
    props = draft.props(item)
    draft.api(props.text("RestApiId"))
    draft.segments[item.name] = (props.text("ParentId"), props.text("PathPart"))
    props.done()
    item.becomes = "a path of its methods"


def method(item: Item, draft: Draft) -> None:
    """AWS::ApiGateway::Method."""
    way = _way(item, "RestApiId", lambda: f"{_text(item, 'HttpMethod', draft)} {_path(_text(item, 'ResourceId', draft), draft)}", draft)
    settled(item)
    props = draft.props(item)
    made = props.child("Integration")
    kind = made.text("Type") if made is not None else "none"
    if made is not None and kind == "MOCK":
        _method_done(props)
        preflight(way, made, draft)
        return
    if made is None or kind != "AWS_PROXY":
        raise Refused(f"integrations of type {shown(kind)} are not supported; AWS_PROXY of a function is")
    target: dict[str, Any] = {"uri": made.text("Uri")}
    if (timeout := made.whole("TimeoutInMillis")) is not None:
        target["timeout"] = f"{timeout}ms"
    for key in _OF_OTHERS:
        made.take(key)
    made.done({"CacheKeyParameters": "answers are not cached", "CacheNamespace": "answers are not cached"})
    _method_done(props)
    _serve(way, target, draft)


def _method_done(props: Props) -> None:
    props.take("MethodResponses")
    props.done(
        dict.fromkeys(("RequestParameters", "RequestModels", "RequestValidatorId"), _UNVALIDATED),
        harmless=HARMLESS | {"OperationName", "HttpMethod", "ResourceId", *_GUARD},
    )


def _path(named: str, draft: Draft) -> str:
    """The path of a resource of a REST API."""
    parts: list[str] = []
    while named != "root":
        if named not in draft.segments or len(parts) > 100:
            raise Refused(f"resource {shown(named)} is not here")
        named, part = draft.segments[named]
        parts.insert(0, part)
    return "/" + "/".join(parts)


def _text(item: Item, key: str, draft: Draft) -> str:
    """One property by itself: it is known also when another one cannot be told. Raises Refused."""
    return Props(draft.resolver.value({key: (item.raw.get("Properties") or {}).get(key)})).text(key)


def _way(item: Item, api: str, key: Callable[[], str], draft: Draft) -> Route:
    """A route: who may call it and what it is, each also when the other cannot be told. Raises Refused."""
    way = Route(item, draft.api(_text(item, api, draft)), "")
    draft.routes.append(way)
    raw = item.raw.get("Properties") or {}
    try:
        way.guard = _guard(Props(draft.resolver.value({name: raw[name] for name in _GUARD if name in raw})), way.api)
    finally:
        way.key = key()
    return way


def _guard(props: Props, found: Api) -> dict[str, Any]:
    """Who may call a route. Raises Refused."""
    kind, named = props.text("AuthorizationType", "NONE"), props.text("AuthorizerId", "")
    if kind not in {"NONE", "CUSTOM", "JWT"}:
        raise Refused(f"authorization of type {shown(kind)} is not supported on routes")
    if (kind == "NONE") != (not named):
        raise Refused(f"AuthorizationType {kind} and AuthorizerId {shown(named) or 'of nobody'} contradict each other")
    value = authorized(named, props.texts("AuthorizationScopes"), found)
    if props.truth("ApiKeyRequired"):
        value["api_keys"] = with_key(found, value)
    return value


def _serve(way: Route, target: dict[str, Any], draft: Draft) -> None:
    """One route to one function."""
    own: dict[str, Any] = {}
    if way.api.kind == "http" and str(target["payload"]) in {"1", "1.0"}:
        own["payload_format_version"] = "1.0"
    if "timeout" in target:
        own["timeout"] = target["timeout"]
    serve(way, function_in(target["uri"], draft, way.api), own, draft)
