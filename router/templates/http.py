"""APIs of a template and their routes. Pure.

Source: SAM developer guide, AWS::Serverless::Api, AWS::Serverless::HttpApi, event sources Api and HttpApi; API Gateway developer
guide, "OpenAPI extensions"."""

from contextlib import suppress
from typing import Any, Final

from router.templates import failures
from router.templates.authorizers import access, read_later
from router.templates.cors import cors_of, rest_cors_of
from router.templates.draft import Api, Draft, Item, Route, Target
from router.templates.openapi import definition
from router.templates.own import place
from router.templates.props import Props
from router.templates.resolve import IMPLICIT
from router.templates.routes import key_of, key_source, reached
from router.templates.words import Refused, shown

_IMPLICIT: Final = {"rest": "ServerlessRestApi", "http": "ServerlessHttpApi"}
_NO_HOST: Final = "all routes are on the http listener; let a proxy in front serve the domain"
SAME: Final = {  # both kinds
    "AccessLogSetting": "requests are in the daemon's own log and metrics",
    "AccessLogSettings": "requests are in the daemon's own log and metrics",
    "DisableExecuteApiEndpoint": _NO_HOST,
    "Domain": _NO_HOST,
    "EndpointConfiguration": _NO_HOST,
    "TracingEnabled": "no traces are sent to X-Ray; the trace id reaches the function",
    "CacheClusterEnabled": "answers are not cached",
    "CacheClusterSize": "answers are not cached",
    "CanarySetting": "a canary gets no traffic of its own",
    "MinimumCompressionSize": "answers are not compressed; let a proxy in front do it",
    "Models": "requests are not validated; the function must",
}
HARMLESS: Final = frozenset(
    [
        "Tags",
        "Description",
        "PropagateTags",
        "Name",
        "FailOnWarnings",
        "OpenApiVersion",
        "AlwaysDeploy",
        "Mode",
        "SecurityPolicy",
    ]
)


def api(item: Item, draft: Draft) -> None:
    """AWS::Serverless::Api and AWS::Serverless::HttpApi."""
    props = draft.props(item)
    kind = "rest" if item.type == "AWS::Serverless::Api" else "http"
    found = Api(kind, item.logical)
    _stage(props, found)
    variables = props.child("Variables" if kind == "rest" else "StageVariables")
    if variables is not None:
        found.shared["stage_variables"] = {name: variables.text(name) for name in variables.names()}
    if types := props.texts("BinaryMediaTypes"):
        found.shared["binary_media_types"] = [one.replace("~1", "/") for one in types]
    if cors := _http_cors(props) if kind == "http" else rest_cors_of(props.take("Cors"), props.note):
        found.shared["cors"] = cors
    _throttling(props, found)
    if kind == "rest":
        key_source(props, "ApiKeySourceType", found)
        failures.keep(props.take("GatewayResponses"), found, props.note)
    endpoint, domain = props.seen("EndpointConfiguration"), props.seen("Domain")
    reached(endpoint, domain)
    auth = props.child("Auth")
    body, merged = props.take("DefinitionBody"), props.truth("MergeDefinitions")
    if kind == "rest" and body:
        found.events = "merged" if merged else "ignored"
    if "DefinitionUri" in props:  # its functions are not called, and events add nothing to it
        body = body or draft.resolver.file(props.take("DefinitionUri"), "DefinitionUri")
        found.events = "ignored"
    props.done(SAME, harmless=HARMLESS)
    if body is not None:
        definition(item, body, "DefinitionBody", found, draft)
    if auth is not None:
        read_later(item, auth, found, draft)
    draft.apis[item.logical] = found
    item.becomes = "http triggers of its functions"


def implicit(kind: str, draft: Draft) -> Api:
    """The API that SAM makes of events that name none. Raises Refused."""
    logical = _IMPLICIT[kind]
    if logical not in draft.apis and logical not in draft.refused:
        given = dict(draft.globals.get("Api" if kind == "rest" else "HttpApi") or {})
        item = Item(logical, IMPLICIT[logical], logical.lower(), {"Properties": ({"StageName": "Prod"} if kind == "rest" else {}) | given})
        if draft.attempt(item, lambda: api(item, draft)) and not given:
            draft.rows.pop(logical)  # nothing to say of what the template does not name
    if logical not in draft.apis:
        raise Refused(f"{logical}, the API of events that name none, is refused")
    return draft.apis[logical]


def named_api(named: Any, draft: Draft) -> Api:
    """The API of an id, be it the one of events that name none. Raises Refused."""
    logical = draft.implicit(named)
    return implicit("rest" if logical == _IMPLICIT["rest"] else "http", draft) if logical else draft.api(named)


def _stage(props: Props, found: Api) -> None:
    stage = props.text("StageName", "prod" if found.kind == "rest" else "$default")
    if stage != "$default":
        found.shared["stage"] = stage


def _http_cors(props: Props) -> dict[str, Any]:
    raw = props.take("CorsConfiguration")
    if raw in (None, False, "false"):
        return {}
    if raw in (True, "true"):
        return {"allow_origins": "*"}
    return cors_of(Props(raw, "CorsConfiguration", props.note))


def _throttling(props: Props, found: Api) -> None:
    if found.kind == "http":
        if (settings := props.child("DefaultRouteSettings")) is not None and (throttle := throttle_of(settings)):
            found.shared["throttle"] = throttle
        routes = props.child("RouteSettings")
        for key in routes.names() if routes is not None else ():
            each = routes.child(key) if routes is not None else None
            if each is not None and (throttle := throttle_of(each)):
                found.throttles[key] = throttle
        return
    for setting in props.children("MethodSettings"):
        method, written = setting.text("HttpMethod", "*"), setting.text("ResourcePath", "/*")
        path = f"/{written.removeprefix('/').replace('~1', '/').removeprefix('/')}"  # "/~1a~1b" is /a/b
        throttle = throttle_of(setting)
        if throttle and (method, path) == ("*", "/*"):
            found.shared["throttle"] = throttle
        elif throttle:
            found.throttles[f"{'ANY' if method == '*' else method} {path}"] = throttle


def throttle_of(props: Props) -> dict[str, Any]:
    """Rate and burst of a stage's or route's settings; {} when they say none."""
    rate, burst = props.number("ThrottlingRateLimit"), props.whole("ThrottlingBurstLimit")
    told = "see the daemon's log and metrics"
    props.done(
        dict.fromkeys(("LoggingLevel", "DataTraceEnabled", "MetricsEnabled", "DetailedMetricsEnabled"), told)
        | {"CachingEnabled": "answers are not cached", "CacheTtlInSeconds": "answers are not cached"}
    )
    if rate is None and burst is None:
        return {}
    return {"rate": rate if rate is not None else 10_000, "burst": burst if burst is not None else 5_000}


# -- routes


def route(item: Item, props: Props, kind: str, alias: str, draft: Draft) -> None:
    """An event of type Api or HttpApi."""
    found = route_of(item, props, kind, draft)
    auth = props.child("Auth")
    _ = draft.own_routes  # before the first event's is among them
    draft.routes.append(found)
    found.guard = access(auth, found, draft)
    own = _own(item, props, found, draft)
    props.done()
    place(found, Target("function", item.name, alias), own, props.seen("Auth") or {}, draft)


def route_of(item: Item, props: Props, kind: str, draft: Draft) -> Route:
    """The route that an event declares. Raises Refused."""
    api = _api_of(props.take("RestApiId" if kind == "rest" else "ApiId"), kind, draft)
    method, path = props.text("Method", ""), props.text("Path", "")
    if kind == "rest" or method or path:  # an HTTP API's event that has neither is for all that no other takes
        for name, said in (("Path", path), ("Method", method)):
            if not said:
                raise Refused(f"{name} is required")
    return Route(item, api, key_of(method or "ANY", path, kind))


def unserved(item: Item, draft: Draft) -> None:
    """Remember the routes of a function that is refused: their requests must not come to others."""
    events = (item.raw.get("Properties") or {}).get("Events")
    for name, written in events.items() if isinstance(events, dict) else ():
        with suppress(Refused):
            event = draft.resolver.value(written)
            kind = {"Api": "rest", "HttpApi": "http"}.get(str(event.get("Type"))) if isinstance(event, dict) else None
            if kind is not None:
                props = Props(event.get("Properties") or {})
                found = route_of(Item(f"{item.logical}.{name}", event["Type"], "", item.raw, item.line), props, kind, draft)
                draft.routes.append(found)
                found.guard = access(props.child("Auth"), found, draft)


def _own(item: Item, props: Props, route: Route, draft: Draft) -> dict[str, Any]:
    """What an event says of its route, beside who may call it."""
    value: dict[str, Any] = {}
    said = "PayloadFormatVersion" in props and (route.api.logical, route.key) in draft.own_routes
    if route.api.kind == "rest":
        if "RequestModel" in props or "RequestParameters" in props:
            props.take("RequestModel")
            props.take("RequestParameters")
            item.note("RequestModel, RequestParameters: requests are not validated; the function must")
    elif (version := props.text("PayloadFormatVersion", "2.0")) in {"1", "1.0"}:
        value["payload_format_version"] = "1.0"
    elif version not in {"2", "2.0"}:
        raise Refused(f"PayloadFormatVersion {shown(version)} is not known")
    elif said:
        value["payload_format_version"] = "2.0"  # instead of the definition's
    if (timeout := props.whole("TimeoutInMillis")) is not None:
        value["timeout"] = f"{timeout}ms"
    if (settings := props.child("RouteSettings")) is not None and (throttle := throttle_of(settings)):
        value["throttle"] = throttle
    if props.text("ResponseTransferMode", "BUFFERED") != "BUFFERED":
        raise Refused("answers of REST APIs are buffered here; a function URL streams")
    return value


def _api_of(named: Any, kind: str, draft: Draft) -> Api:
    """The API that an event names. Raises Refused."""
    found = implicit(kind, draft) if named is None else named_api(named, draft)
    if found.kind != kind:
        raise Refused(f"API {shown(named)} is not here")
    return found
