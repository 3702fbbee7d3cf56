"""Routes of APIs, however a template spells them: one door into the config. Pure.

All APIs share one listener here: the host names of AWS do not tell them apart."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from router.templates.draft import Api, Draft, Route, Target
from router.templates.props import Props
from router.templates.words import Refused, shown

METHODS: Final = frozenset(["ANY", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
LONGEST_URI: Final = 2048  # characters of an integration's
_PUT_IN: Final = re.compile(r"\$\{([A-Za-z0-9_:.]+)\}")
_ANY: Final = frozenset({"*", "X-AMAZON-APIGATEWAY-ANY-METHOD"})


def serve(route: Route, target: Target, own: Mapping[str, Any], draft: Draft) -> None:
    """Serve a route whose guard is known: what its API has in common, and *own*: what is said of it alone. Raises Refused."""
    draft.enter(route.api)
    if route.guard is None:
        raise Refused("it is not known who may call it")
    common = {"route": route.key, **({"api": "rest"} if route.api.kind == "rest" else {}), **route.api.shared}
    value = {**common, **_throttle(route), **own, **route.guard}
    _claim(route, draft)
    short = set(value) == {"route"}
    route.trigger = draft.trigger(target.name, "http", route.key if short else value, qualifier=target.qualifier)
    route.function, route.qualifier, route.own = target.name, target.qualifier, own
    route.item.becomes = f"functions.{target.name}.triggers"


def _throttle(route: Route) -> dict[str, Any]:
    """What the settings of its stage say of a route, the most particular first: its own, those of its path, those of its method."""
    method, _, path = route.key.partition(" ")
    named = (route.key, f"ANY {path}", f"{method} /*") if route.api.kind == "rest" else (route.key,)
    return next(({"throttle": route.api.throttles[key]} for key in named if key in route.api.throttles), {})


def _claim(route: Route, draft: Draft) -> None:
    """Take a route; all APIs share one table. Raises Refused when another API has it."""
    shape = re.sub(r"\{[^{}+]*(\+?)\}", r"{\1}", route.key)
    owner = draft.claimed.setdefault(shape, route.api.logical)
    if owner != route.api.logical:
        raise Refused(f"{owner} has the route {shown(route.key)} already, and all APIs share one listener here")


def key_of(method: str, path: str, kind: str) -> str:
    """The route as config.yaml spells it. Raises Refused."""
    if not path or path == "$default":
        if kind == "rest":
            raise Refused("Path is required")
        return "$default"
    method = "ANY" if method.upper() in _ANY else method.upper()
    if method not in METHODS:
        raise Refused(f"{shown(method)} is no method")
    if not path.startswith("/"):
        raise Refused(f"path {shown(path)} does not begin with /")
    return f"{method} {path}"


def function_in(uri: str, draft: Draft, found: Api | None = None) -> Target:
    """The function of an integration: an ARN of its own, or API Gateway's path to it; *found*: the API whose stage variables may stand
    in it. Raises Refused."""
    if len(uri) > LONGEST_URI:
        raise Refused(f"{shown(uri)} is no function's ARN")
    uri = _imported(uri, draft, found.shared.get("stage_variables", {}) if found is not None else {})
    arn = re.search(r"arn:aws[a-z-]*:lambda:[^/]*:function:[^/]+", uri.rpartition("/functions/")[2] or uri)
    return draft.function(arn[0] if arn else uri)


def _imported(uri: str, draft: Draft, variables: Mapping[str, str]) -> str:
    """With what API Gateway itself puts in where no Fn::Sub has: "AWS variables for OpenAPI import", and variables of the stage."""
    place = draft.resolver.place
    known = {"AWS::AccountId": place.account, "AWS::Partition": "aws", "AWS::Region": place.region}
    known |= {f"stageVariables.{name}": value for name, value in variables.items()}
    return _PUT_IN.sub(lambda found: known.get(found[1], found[0]), uri)


def of_function(subtype: str) -> None:
    """Raises Refused for an integration of another service, as its subtype says: SQS-SendMessage."""
    if subtype:
        raise Refused(f"{shown(subtype)}: integrations of other services are not supported; AWS_PROXY of a function is")


# -- what guards an API as a whole


def reached(endpoint: Any, domain: Any = None) -> None:
    """Raises Refused for an API that is not for whoever reaches the listener: a private one, or one that asks for certificates."""
    if '"PRIVATE"' in json.dumps(endpoint).upper():
        raise Refused("a PRIVATE API is reached from a VPC alone; here all APIs are on one listener")
    if isinstance(domain, dict) and domain.get("MutualTlsAuthentication"):
        raise Refused("MutualTlsAuthentication: certificates of clients are not asked for here")


def key_source(props: Props, key: str, found: Api) -> None:
    """Where an API takes the keys of usage plans from. Raises Refused."""
    source = props.text(key, "HEADER").upper()
    if source not in {"HEADER", "AUTHORIZER"}:
        raise Refused(f"{key} is HEADER or AUTHORIZER")
    if source == "AUTHORIZER":
        found.key_source = "authorizer"
