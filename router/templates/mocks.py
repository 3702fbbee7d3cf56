"""Methods OPTIONS that answer preflights in place of a function, as the console, CDK and definitions spell CORS of a REST API. Pure.

Source: API Gateway developer guide, "Enabling CORS for a REST API resource" and "Mock integrations for REST APIs"."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, cast

from router.templates.cors import rest_cors_of
from router.templates.draft import Draft, Route
from router.templates.props import Props
from router.templates.words import Refused, shown

_HEADER: Final = "method.response.header."
_SAID: Final = {  # header → the word of SAM's Cors
    "access-control-allow-origin": "AllowOrigin",
    "access-control-allow-methods": "AllowMethods",
    "access-control-allow-headers": "AllowHeaders",
    "access-control-max-age": "MaxAge",
    "access-control-allow-credentials": "AllowCredentials",
}
_IDLE: Final = frozenset({"vary", "access-control-expose-headers"})  # say nothing to who reads an answer that is always the same
_ASKED: Final = frozenset(  # how a request becomes the one answer there is
    [
        "Type",
        "RequestTemplates",
        "PassthroughBehavior",
        "IntegrationHttpMethod",
        "HttpMethod",
        "ContentHandling",
        "CacheNamespace",
        "TimeoutInMillis",
    ]
)
_ONLY: Final = "mock integrations are supported where they answer preflights: a REST API's method OPTIONS with fixed access-control headers"


def preflight(route: Route, mock: Props, draft: Draft) -> None:
    """Keep what a mock integration answers for the routes of its path; *mock*: as CloudFormation has it. Raises Refused."""
    responses = mock.items("IntegrationResponses")
    mock.done(harmless=_ASKED)
    if route.api.kind != "rest" or not route.key.startswith("OPTIONS ") or len(responses) != 1:
        raise Refused(_ONLY)
    props = Props(responses[0], "IntegrationResponses", route.item.note)
    status, bodies = props.text("StatusCode", "200"), props.take("ResponseTemplates", {})
    parameters = props.child("ResponseParameters")
    props.take("SelectionPattern")
    props.take("ContentHandling")
    props.done()
    if (
        status not in {"200", "204"}
        or not isinstance(bodies, Mapping)
        or any(str(one).strip() not in {"", "{}"} for one in bodies.values())
    ):
        raise Refused(_ONLY)
    draft.preflights.append((route, _cors(parameters, route)))
    if route.guard:
        route.item.note("preflights are answered to everybody: browsers send no credentials with them")


def close(draft: Draft) -> None:
    """Give the routes of each path what its mock answers."""
    for route, cors in draft.preflights:
        draft.attempt(route.item, partial(_apply, route, cors, draft))


def _apply(route: Route, cors: Mapping[str, Any], draft: Draft) -> None:
    path = route.key.partition(" ")[2]
    beside = [one for one in draft.routes if one.api is route.api and one.trigger is not None and one.key.partition(" ")[2] == path]
    for one in beside:
        cast("dict[str, Any]", cast("Mapping[str, Any]", one.trigger)["http"])["cors"] = cors
        route.item.becomes = f"functions.{one.function}.triggers"
    if beside:
        draft.routes.remove(route)  # it is served: none takes its requests
    else:
        route.item.note(f"no function serves {path}, so there are no preflights to answer")


def _cors(parameters: Props | None, route: Route) -> dict[str, Any]:
    """The headers as the config has them. Raises Refused."""
    if parameters is None:
        raise Refused(_ONLY)
    said: dict[str, Any] = {}
    for name in parameters.names():
        header = name.removeprefix(_HEADER).lower()
        if header not in _SAID.keys() | _IDLE:
            raise Refused(f"{_ONLY}; {shown(name)} is none")
        if header in _SAID:
            said[_SAID[header]] = parameters.text(name)
    if "AllowOrigin" not in said:
        raise Refused(_ONLY)
    if "AllowCredentials" in said:
        said["AllowCredentials"] = said["AllowCredentials"].strip("'")
    return rest_cors_of(said, route.item.note)
