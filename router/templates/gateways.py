"""APIs that are written out resource by resource, without SAM. Pure.

Source: CloudFormation template reference, AWS::ApiGatewayV2::*, AWS::ApiGateway::*. Only operations that a function serves
(AWS_PROXY) are served here."""

from typing import Any, Final

from router.templates.draft import Api, Draft, Item
from router.templates.http import HARMLESS, SAME, claim, cors_of, definition, function_in, throttle_of
from router.templates.props import Props
from router.templates.words import Refused, shown

_HELD: Final = frozenset({"AutoDeploy", "DeploymentId", "ClientCertificateId", "DocumentationVersion"})
_STAGE: Final = SAME | {
    "CanarySetting": "a canary gets no traffic of its own",
    "CacheClusterEnabled": "answers are not cached",
}


def api(item: Item, draft: Draft) -> None:
    """AWS::ApiGatewayV2::Api and AWS::ApiGateway::RestApi."""
    props = draft.props(item)
    kind = "rest" if item.type == "AWS::ApiGateway::RestApi" else "http"
    if kind == "http" and props.text("ProtocolType", "HTTP") != "HTTP":
        raise Refused("WebSocket APIs are not supported")
    found = Api(kind, item.logical)
    cors = cors_of(props.child("CorsConfiguration"))
    if cors:
        found.shared["cors"] = cors
    if types := props.texts("BinaryMediaTypes"):
        found.shared["binary_media_types"] = [one.replace("~1", "/") for one in types]
    body, target, key = props.take("Body"), props.take("Target"), props.text("RouteKey", "$default")
    if isinstance(target, str):  # quick create: one route to one function
        draft.later(lambda: _quick(item, target, key, found, draft))
    for name in ("CredentialsArn", "Version", "ApiKeySourceType"):
        props.take(name)
    props.done(SAME | {"Policy": "an API has no policy of its own here; use authorizers"}, harmless=HARMLESS)
    draft.apis[item.logical] = found
    if isinstance(body, dict):
        definition(item, body, found, draft)
    item.becomes = "http triggers of its functions"


def _quick(item: Item, target: str, key: str, found: Api, draft: Draft) -> None:
    part = Item(f"{item.logical}.{key}", "route", item.name, item.raw, item.line)
    draft.attempt(part, lambda: _serve(part, found, key, {"uri": target, "payload": "2.0"}, draft))


def stage(item: Item, draft: Draft) -> None:
    """A stage; an API has one here."""
    props = draft.props(item)
    found = _api(props.text("ApiId" if item.type.startswith("AWS::ApiGatewayV2") else "RestApiId"), draft)
    name = props.text("StageName", "$default")
    variables = props.child("StageVariables" if found.kind == "http" else "Variables")
    settings = props.child("DefaultRouteSettings")
    throttle = throttle_of(settings) if settings is not None else {}
    for setting in props.children("MethodSettings"):
        setting.take("HttpMethod")
        if setting.text("ResourcePath", "/*") != "/*":
            raise Refused("MethodSettings of single methods are not supported")
        throttle = throttle_of(setting) or throttle
    for key in _HELD:
        props.take(key)
    props.done(_STAGE)
    if found.shared.get("stage", name) != name:
        raise Refused(f"the API has the stage {found.shared['stage']} already, and one is served here")
    if name != "$default":
        found.shared["stage"] = name
    if throttle:
        found.shared["throttle"] = throttle
    if variables is not None:
        found.shared["stage_variables"] = {key: variables.text(key) for key in variables.names()}
    item.becomes = "http triggers of its functions"


def deployment(item: Item, draft: Draft) -> None:
    """Routes are served as they are in the config; a deployment may name the stage."""
    props = draft.props(item)
    found = _api(props.text("ApiId" if item.type.startswith("AWS::ApiGatewayV2") else "RestApiId"), draft)
    name = props.text("StageName", "")
    props.done(
        {"StageDescription": "settings of a stage belong to a Stage", "DeploymentCanarySettings": "a canary gets no traffic of its own"}
    )
    if name:
        found.shared.setdefault("stage", name)


def _api(named: str, draft: Draft) -> Api:
    for logical, found in draft.apis.items():
        if logical in draft.resolver.resources and draft.resolver.name(logical) == named:
            return found
    raise Refused(f"API {shown(named)} is not here")


def authorizer(item: Item, draft: Draft) -> None:
    """AWS::ApiGatewayV2::Authorizer and AWS::ApiGateway::Authorizer."""
    props = draft.props(item)
    second = item.type.startswith("AWS::ApiGatewayV2")
    found = _api(props.text("ApiId" if second else "RestApiId"), draft)
    kind = props.text("AuthorizerType" if second else "Type")
    jwt = props.child("JwtConfiguration")
    sources = props.texts("IdentitySource")
    if kind == "JWT" and jwt is not None:
        value: dict[str, Any] = {"jwt": {"issuer": jwt.text("Issuer"), "audience": jwt.texts("Audience")}}
        jwt.done()
        if sources:
            value["jwt"]["identity_source"] = sources[0]
    elif kind in {"REQUEST", "TOKEN"}:
        value = _lambda(props, kind, sources, draft, second=second)
    else:
        raise Refused(f"authorizers of type {shown(kind)} are not supported")
    for key in ("Name", "AuthorizerCredentialsArn", "AuthType"):
        props.take(key)
    props.done()
    found.authorizers[item.name] = value
    item.becomes = "authorizers of its routes"


def _lambda(props: Props, kind: str, sources: list[str], draft: Draft, *, second: bool) -> dict[str, Any]:
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


def integration(item: Item, draft: Draft) -> None:
    """AWS::ApiGatewayV2::Integration: kept for the routes that name it."""
    props = draft.props(item)
    _api(props.text("ApiId"), draft)
    if (kind := props.text("IntegrationType")) != "AWS_PROXY":
        raise Refused(f"integrations of type {shown(kind)} are not supported; AWS_PROXY of a function is")
    value: dict[str, Any] = {"uri": props.text("IntegrationUri"), "payload": props.text("PayloadFormatVersion", "1.0")}
    if (timeout := props.whole("TimeoutInMillis")) is not None:
        value["timeout"] = f"{timeout}ms"
    for key in ("IntegrationMethod", "ConnectionType", "CredentialsArn"):
        props.take(key)
    props.done()
    function_in(value["uri"], draft)
    draft.integrations[item.name] = value
    item.becomes = "http triggers of its function"


def route(item: Item, draft: Draft) -> None:
    """AWS::ApiGatewayV2::Route."""
    props = draft.props(item)
    found, key = _api(props.text("ApiId"), draft), props.text("RouteKey")
    target = draft.integrations.get(props.text("Target").rpartition("/")[2])
    if target is None:
        raise Refused("its integration is not here")
    access = _access(props, found)
    props.take("OperationName")
    props.done()
    _serve(item, found, key, {**target, "access": access}, draft)


def resource(item: Item, draft: Draft) -> None:
    """AWS::ApiGateway::Resource: a segment of a path."""
    props = draft.props(item)
    _api(props.text("RestApiId"), draft)
    draft.segments[item.name] = (props.text("ParentId"), props.text("PathPart"))
    props.done()
    item.becomes = "a path of its methods"


def method(item: Item, draft: Draft) -> None:
    """AWS::ApiGateway::Method."""
    props = draft.props(item)
    found, verb = _api(props.text("RestApiId"), draft), props.text("HttpMethod")
    path = _path(props.text("ResourceId"), draft)
    made = props.child("Integration")
    kind = made.text("Type") if made is not None else "none"
    if made is None or kind != "AWS_PROXY":
        raise Refused(f"integrations of type {shown(kind)} are not supported; AWS_PROXY of a function is")
    target: dict[str, Any] = {"uri": made.text("Uri"), "access": _access(props, found)}
    if (timeout := made.whole("TimeoutInMillis")) is not None:
        target["timeout"] = f"{timeout}ms"
    for key in ("IntegrationHttpMethod", "Credentials", "PassthroughBehavior", "IntegrationResponses", "ContentHandling"):
        made.take(key)
    made.done({"CacheKeyParameters": "answers are not cached", "CacheNamespace": "answers are not cached"})
    validated = "requests are not validated; the function must"
    props.take("MethodResponses")
    props.done(
        dict.fromkeys(("RequestParameters", "RequestModels", "RequestValidatorId"), validated), harmless=HARMLESS | {"OperationName"}
    )
    _serve(item, found, f"{verb} {path}", target, draft)


def _path(named: str, draft: Draft) -> str:
    """The path of a resource of a REST API."""
    parts: list[str] = []
    while named != "root":
        if named not in draft.segments or len(parts) > 100:
            raise Refused(f"resource {shown(named)} is not here")
        named, part = draft.segments[named]
        parts.insert(0, part)
    return "/" + "/".join(parts)


def _access(props: Props, found: Api) -> dict[str, Any]:
    kind, named, scopes = props.text("AuthorizationType", "NONE"), props.text("AuthorizerId", ""), props.texts("AuthorizationScopes")
    value: dict[str, Any] = {}
    if kind not in {"NONE", "CUSTOM", "JWT"}:
        raise Refused(f"authorization of type {shown(kind)} is not supported on routes")
    if kind != "NONE":
        if named not in found.authorizers:
            raise Refused(f"authorizer {shown(named)} is not here")
        value["authorizer"] = dict(found.authorizers[named])
        if scopes and "jwt" in value["authorizer"]:
            value["authorizer"] = {"jwt": value["authorizer"]["jwt"] | {"scopes": scopes}}
    if props.truth("ApiKeyRequired"):
        if not found.plan:
            raise Refused("an API key is required, and no usage plan has this API")
        value["api_keys"] = found.plan
    return value


def _serve(item: Item, found: Api, key: str, target: dict[str, Any], draft: Draft) -> None:
    """One route to one function."""
    function = function_in(target["uri"], draft)
    value: dict[str, Any] = {"route": key, **({"api": "rest"} if found.kind == "rest" else {}), **found.shared}
    if found.kind == "http" and str(target["payload"]) in {"1", "1.0"}:
        value["payload_format_version"] = "1.0"
    if "timeout" in target:
        value["timeout"] = target["timeout"]
    claim(key, found, draft)
    draft.trigger(function.name, "http", value | target.get("access", {}), qualifier=function.qualifier)
    item.becomes = f"functions.{function.name}.triggers"
