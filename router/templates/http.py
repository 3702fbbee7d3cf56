"""APIs of a template and their routes. Pure.

Source: SAM developer guide, AWS::Serverless::Api, AWS::Serverless::HttpApi, event sources Api and HttpApi; API Gateway developer
guide, "OpenAPI extensions". All APIs share one listener here: the host names of AWS do not tell them apart."""

import re
from collections.abc import Mapping
from typing import Any, Final

from router.templates.authorizers import access, authorizers_later
from router.templates.draft import Api, Draft, Item, Target
from router.templates.props import Props
from router.templates.words import Refused, shown

REST_TIMEOUT: Final = 29_000  # milliseconds
LONGEST_URI: Final = 2048  # characters of an integration's
METHODS: Final = frozenset(["ANY", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
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
    "MinimumCompressionSize": "answers are not compressed; let a proxy in front do it",
    "Models": "requests are not validated; the function must",
    "Cors": "REST APIs leave CORS to the function here: answer OPTIONS there",
    "GatewayResponses": "answers that come from no function have AWS's own texts",
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
        "MergeDefinitions",
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
    if kind == "http" and (cors := _http_cors(props)):
        found.shared["cors"] = cors
    _throttling(props, found)
    auth = props.child("Auth")
    body = props.take("DefinitionBody")
    if "DefinitionUri" in props:
        raise Refused("DefinitionUri: write the definition as DefinitionBody, or the routes as events of functions")
    if auth is not None:
        draft.later(lambda: authorizers_later(item, auth, found, draft))
    props.done(SAME, harmless=HARMLESS)
    draft.apis[item.logical] = found
    if isinstance(body, dict):
        definition(item, body, found, draft)
    elif body is not None:
        raise Refused("DefinitionBody is no OpenAPI definition")
    item.becomes = "http triggers of its functions"


def implicit(kind: str, draft: Draft) -> Api:
    """The API that SAM makes of events that name none."""
    logical = "ServerlessRestApi" if kind == "rest" else "ServerlessHttpApi"
    if logical not in draft.apis:
        found = Api(kind, logical)
        given = draft.globals.get("Api" if kind == "rest" else "HttpApi") or {}
        item = Item(logical, f"AWS::Serverless::{'Api' if kind == 'rest' else 'HttpApi'}", logical.lower(), {"Properties": given})
        if kind == "rest":
            given.setdefault("StageName", "Prod")
        if not draft.attempt(item, lambda: api(item, draft)):
            draft.apis[logical] = found
        elif not given or set(given) == {"StageName"}:
            draft.rows.pop(logical)  # nothing to say of what the template does not name
    return draft.apis[logical]


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


def cors_of(props: Props | None) -> dict[str, Any]:
    """CORS as HTTP APIs and function URLs have it; {} for None."""
    if props is None:
        return {}
    names = {
        "AllowOrigins": "allow_origins",
        "AllowMethods": "allow_methods",
        "AllowHeaders": "allow_headers",
        "ExposeHeaders": "expose_headers",
    }
    value: dict[str, Any] = {ours: found for theirs, ours in names.items() if (found := props.texts(theirs))}
    if (age := props.whole("MaxAge")) is not None:
        value["max_age"] = age
    if props.truth("AllowCredentials"):
        value["allow_credentials"] = True
    props.done()
    if value and "allow_origins" not in value:
        raise Refused("CORS without AllowOrigins allows nobody: name the origins")
    return value


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
        method, path = setting.text("HttpMethod", "*"), setting.text("ResourcePath", "/*").replace("~1", "/")
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
    named = props.take("RestApiId" if kind == "rest" else "ApiId")
    found = _api_of(named, kind, draft)
    method, path = props.text("Method", "ANY").upper(), props.text("Path", "")
    key = _key("ANY" if method in {"*", "X-AMAZON-APIGATEWAY-ANY-METHOD"} else method, path, kind)
    value: dict[str, Any] = {"route": key}
    if kind == "rest":
        value["api"] = "rest"
        if "RequestModel" in props or "RequestParameters" in props:
            props.take("RequestModel")
            props.take("RequestParameters")
            item.note("RequestModel, RequestParameters: requests are not validated; the function must")
    elif (version := props.text("PayloadFormatVersion", "2.0")) in {"1", "1.0"}:
        value["payload_format_version"] = "1.0"
    elif version not in {"2", "2.0"}:
        raise Refused(f"PayloadFormatVersion {shown(version)} is not known")
    value |= found.shared
    if (timeout := props.whole("TimeoutInMillis")) is not None:
        value["timeout"] = f"{timeout}ms"
    if (settings := props.child("RouteSettings")) is not None and (throttle := throttle_of(settings)):
        value["throttle"] = throttle
    elif key in found.throttles:
        value["throttle"] = found.throttles[key]
    if props.text("ResponseTransferMode", "BUFFERED") != "BUFFERED":
        raise Refused("answers of REST APIs are buffered here; a function URL streams")
    value |= access(props.child("Auth"), found, item, draft)
    props.done()
    claim(key, found, draft)
    short = set(value) == {"route"}
    draft.trigger(item.name, "http", key if short else value, qualifier=alias)
    item.becomes = f"functions.{item.name}.triggers"


def _api_of(named: Any, kind: str, draft: Draft) -> Api:
    if named is None:
        return implicit(kind, draft)
    by_id = {
        str(draft.resolver.name(logical)) if logical in draft.resolver.resources else logical.lower(): each
        for logical, each in draft.apis.items()
    }
    found = by_id.get(str(named))
    if found is None or found.kind != kind:
        raise Refused(f"API {shown(named)} is not here")
    return found


def _key(method: str, path: str, kind: str) -> str:
    """The route as config.yaml spells it."""
    if not path or path == "$default":
        if kind == "rest":
            raise Refused("Path is required")
        return "$default"
    if method not in METHODS:
        raise Refused(f"{shown(method)} is no method")
    if not path.startswith("/"):
        raise Refused(f"path {shown(path)} does not begin with /")
    return f"{method} {path}"


def claim(key: str, found: Api, draft: Draft) -> None:
    """Take a route; all APIs share one table. Raises Refused when another API has it."""
    shape = re.sub(r"\{[^{}+]*(\+?)\}", r"{\1}", key)
    owner = draft.routes.setdefault(shape, found.logical)
    if owner != found.logical:
        raise Refused(f"{owner} has the route {shown(key)} already, and all APIs share one listener here")


# -- OpenAPI


def definition(item: Item, body: Mapping[str, Any], found: Api, draft: Draft) -> None:
    """The routes of an OpenAPI definition that functions serve."""
    paths = body.get("paths")
    for path, operations in paths.items() if isinstance(paths, dict) else ():
        for method, operation in operations.items() if isinstance(operations, dict) else ():
            spelt = "ANY" if method.lower() == "x-amazon-apigateway-any-method" else method.upper()
            if spelt in METHODS and isinstance(operation, dict):
                part = Item(f"{item.logical}.{spelt} {path}", "OpenAPI operation", item.name, item.raw, item.line)
                draft.later(_operation(part, f"{spelt} {path}" if path != "/$default" else "$default", operation, found, draft))


def function_in(uri: str, draft: Draft) -> Target:
    """The function of an integration: an ARN of its own, or API Gateway's path to it. Raises Refused."""
    if len(uri) > LONGEST_URI:
        raise Refused(f"{shown(uri)} is no function's ARN")
    arn = re.search(r"arn:aws[a-z-]*:lambda:[^/]*:function:[^/]+", uri.rpartition("/functions/")[2] or uri)
    return draft.function(arn[0] if arn else uri)


def _operation(item: Item, key: str, operation: Mapping[str, Any], found: Api, draft: Draft) -> Any:
    def work() -> None:
        integration = operation.get("x-amazon-apigateway-integration")
        uri = str(integration.get("uri", "")) if isinstance(integration, dict) else ""
        kind = str(integration.get("type", "")).lower() if isinstance(integration, dict) else ""
        if kind != "aws_proxy":
            raise Refused("only operations that a function serves (x-amazon-apigateway-integration of type aws_proxy) are supported")
        if operation.get("security"):
            raise Refused("security of OpenAPI definitions is not supported; write the routes as events with Auth")
        target = function_in(uri, draft)
        value = {"route": key, **({"api": "rest"} if found.kind == "rest" else {}), **found.shared}
        if found.kind == "http" and str(integration.get("payloadFormatVersion", "1.0")) in {"1", "1.0"}:  # type: ignore[union-attr]
            value["payload_format_version"] = "1.0"
        claim(key, found, draft)
        draft.trigger(target.name, "http", value, qualifier=target.qualifier)
        item.becomes = f"functions.{target.name}.triggers"

    return lambda: draft.attempt(item, work)
