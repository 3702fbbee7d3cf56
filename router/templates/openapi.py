"""Routes that an OpenAPI definition declares and functions serve. Pure.

Source: API Gateway developer guide, "x-amazon-apigateway extensions to OpenAPI"; OpenAPI 3.0, "Security Requirement Object": what
stands at the top holds for every operation that says nothing. The `Auth` of a SAM API holds for operations too. An extension that
is not known is refused: it could say who may call."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from router.templates import failures, security
from router.templates.authorizers import NO_POLICY, access
from router.templates.cors import cors_of
from router.templates.draft import Api, Draft, Item, Route
from router.templates.mocks import preflight
from router.templates.props import Props
from router.templates.routes import METHODS, function_in, key_source, of_function, reached, serve
from router.templates.words import Refused, shown

_ANY: Final = "x-amazon-apigateway-any-method"
_MARK: Final = "x-amazon-apigateway-"
_UNCHECKED: Final = "requests are not validated; the function must"
_TOP: Final = frozenset(["openapi", "swagger", "info", "host", "basePath", "schemes", "servers", "tags", "externalDocs", "consumes", "produces"]) | {
    *("components", "definitions", "parameters", "responses", "securityDefinitions", "jsonSchemaDialect", "webhooks"),
    *(f"{_MARK}documentation", f"{_MARK}importexport-version"),
}  # fmt: skip
_TOP_DIFFERENT: Final = {
    f"{_MARK}minimum-compression-size": "answers are not compressed; let a proxy in front do it",
    f"{_MARK}request-validators": _UNCHECKED,
    f"{_MARK}request-validator": _UNCHECKED,
}
_PATH: Final = frozenset({"parameters", "summary", "description", "servers"})
_OPERATION: Final = frozenset(["tags", "summary", "description", "externalDocs", "operationId", "parameters", "requestBody", "responses"]) | {
    *("callbacks", "deprecated", "servers", "consumes", "produces", "schemes", "isDefaultRoute"),
}  # fmt: skip
_INTEGRATION: Final = frozenset(["httpMethod", "credentials", "passthroughBehavior", "contentHandling", "responses", "requestTemplates"])
_NOT_CACHED: Final = dict.fromkeys(("cacheKeyParameters", "cacheNamespace"), "answers are not cached")


@dataclass(frozen=True, slots=True)
class _Definition:
    """Where an operation stands."""

    item: Item
    api: Api
    security: Any  # of all operations
    schemes: Mapping[str, Any]
    draft: Draft

    def part(self, name: str, type_: str) -> Item:
        return Item(f"{self.item.logical}.{name}", type_, self.item.name, self.item.raw, self.item.line)


def definition(item: Item, written: Any, key: str, found: Api, draft: Draft) -> None:
    """The routes of a definition, when functions are there. Raises Refused for what concerns them all."""
    body = Props(written, key, item.note)
    schemes = security.schemes_of(body)
    paths, demanded = body.child("paths"), body.take("security")
    key_source(body, f"{_MARK}api-key-source", found)
    failures.keep(body.take(f"{_MARK}gateway-responses"), found, item.note)
    if found.kind == "rest" and (types := body.texts(f"{_MARK}binary-media-types")):
        found.shared["binary_media_types"] = types
    if found.kind == "http" and isinstance(cors := body.take(f"{_MARK}cors"), dict):
        found.shared["cors"] = cors_of(Props(_capital(cors), f"{_MARK}cors", item.note))
    endpoint = body.take(f"{_MARK}endpoint-configuration")
    reached(endpoint)
    if endpoint:
        item.note("endpoint-configuration: all routes are on the http listener; let a proxy in front serve the domain")
    if f"{_MARK}policy" in body:
        raise Refused(NO_POLICY)
    body.done(_TOP_DIFFERENT, harmless=_TOP | _foreign(body))
    if paths is None:
        return
    found_paths = {path: paths.take(path) for path in paths.names() if path.startswith("/") or path == "$default"}
    paths.done(harmless=_foreign(paths))
    for path, operations in found_paths.items():
        draft.later(partial(_path, path, operations, _Definition(item, found, demanded, schemes, draft)))


def _foreign(props: Props) -> frozenset[str]:
    """Extensions of others, which say nothing to AWS."""
    return frozenset(name for name in props.names() if name.startswith("x-") and not name.startswith("x-amazon-"))


def _path(path: str, written: Any, of: _Definition) -> None:
    """The operations of a path; one that is not understood is refused as a whole."""
    part = of.part(path, "OpenAPI path")
    operations: list[tuple[Route, Any]] = []

    def read() -> None:
        props = Props(written, "", part.note)
        for name in props.names():
            if name == _ANY or name.upper() in METHODS:
                method = "ANY" if name == _ANY else name.upper()
                key = "$default" if path in {"$default", "/$default"} else f"{method} {path}"
                operations.append((Route(of.part(f"{method} {path}", "OpenAPI operation"), of.api, key), props.take(name, {})))
        of.draft.routes += [route for route, _ in operations]
        props.done(harmless=_PATH | _foreign(props))

    if of.draft.attempt(part, read):
        of.draft.rows.pop(part.logical)
        for route, operation in operations:
            of.draft.attempt(route.item, partial(_operation, route, operation, of))


def _operation(route: Route, written: Any, of: _Definition) -> None:
    props = Props(written, "", route.item.note)
    route.guard = _guard(props, route, of)
    integration = props.child(f"{_MARK}integration")
    if integration is not None and integration.text("type", "").lower() == "mock":
        props.done(harmless=_OPERATION | _foreign(props))
        preflight(route, _mocked(integration, route), of.draft)
        return
    if integration is None and of.api.kind == "http":
        props.done(harmless=_OPERATION | _foreign(props))
        route.vacant = True
        raise Refused("it has no integration, and no event of a function is for it")
    if integration is None or integration.text("type", "").lower() != "aws_proxy":
        raise Refused("only operations that a function serves (x-amazon-apigateway-integration of type aws_proxy) are supported")
    of_function(integration.text("integrationSubtype", ""))
    if props.take(f"{_MARK}request-validator") is not None:
        route.item.note(f"request-validator: {_UNCHECKED}")
    props.done(harmless=_OPERATION | _foreign(props))
    serve(route, function_in(integration.text("uri", ""), of.draft, of.api), _own(integration, of.api), of.draft)


def _mocked(integration: Props, route: Route) -> Props:
    """A mock as CloudFormation spells it, its answers in a list."""
    made = {name: integration.take(name) for name in integration.names()}
    responses = made.pop("responses", {})
    answers = [_capital(one) for one in responses.values()] if isinstance(responses, dict) else responses
    return Props({**_capital(made), "IntegrationResponses": answers}, f"{_MARK}integration", route.item.note)


def _capital(written: Any) -> Any:
    """A mapping with its keys as CloudFormation spells them; anything else as it is."""
    return {f"{key[:1].upper()}{key[1:]}": value for key, value in written.items()} if isinstance(written, dict) else written


def _guard(props: Props, route: Route, of: _Definition) -> Mapping[str, Any]:
    """Who may call an operation. `security: []` takes back what stands at the top, and nothing of what SAM's Auth says."""
    demanded = props.take("security", of.security)
    iam = props.take(f"{_MARK}auth")
    if iam is not None and iam != {"type": "NONE"}:
        raise Refused(f"{_MARK}auth: {shown(iam)} is not supported on routes")
    value = access(None, route, of.draft)
    if demanded is None or demanded == []:
        return value
    if value:
        raise Refused("security beside what the Auth of its API demands: write one of them")
    return security.demanded(demanded, of.schemes, of.api, of.draft)


def _own(integration: Props, found: Api) -> dict[str, Any]:
    """What an integration says beside its function."""
    value: dict[str, Any] = {}
    if integration.text("payloadFormatVersion", "1.0") in {"1", "1.0"} and found.kind == "http":
        value["payload_format_version"] = "1.0"
    if (timeout := integration.whole("timeoutInMillis")) is not None:
        value["timeout"] = f"{timeout}ms"
    for key, only in (("connectionType", "INTERNET"), ("responseTransferMode", "BUFFERED")):
        if (said := integration.text(key, only)) != only:
            raise Refused(f"{key} {shown(said)} is not supported")
    integration.done(_NOT_CACHED, harmless=_INTEGRATION)
    return value
