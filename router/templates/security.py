"""Who may call the operations of an OpenAPI definition, by its security schemes. Pure.

Source: API Gateway developer guide, "x-amazon-apigateway-authorizer object", "x-amazon-apigateway-authtype"; OpenAPI 3.0, "Security
Requirement Object". All that is named anywhere in a `security` is demanded, be it written as a choice, and a scheme that is no
authorizer of ours and no API key is refused: a route must not be open to more callers than on AWS."""

from collections.abc import Mapping
from typing import Any, Final

from router.templates.authorizers import by_function, with_key
from router.templates.draft import Api, Draft
from router.templates.props import Props
from router.templates.words import Refused, shown

_MARK: Final = "x-amazon-apigateway-"
_KEY: Final = ("apikey", "header", "x-api-key")


def schemes_of(body: Props) -> Mapping[str, Any]:
    """The schemes of a definition, of Swagger 2.0 or OpenAPI 3; {} when there is no mapping of them."""
    components = body.seen("components")
    found = components.get("securitySchemes") if isinstance(components, dict) else None
    return next((one for one in (body.seen("securityDefinitions"), found) if isinstance(one, dict)), {})


def demanded(security: Any, schemes: Mapping[str, Any], found: Api, draft: Draft) -> dict[str, Any]:
    """Authorizer and API key that a `security` demands, as config.yaml has them. Raises Refused."""
    named = _named(security)
    keyed = [name for name in named if _is_key(schemes.get(name))]
    others = [name for name in named if name not in keyed]
    if len(others) > 1:
        raise Refused(f"security: {' and '.join(map(shown, others))}: a route has one authorizer")
    value: dict[str, Any] = {}
    for one in others:
        value["authorizer"] = _authorizer(one, schemes.get(one), named[one], found, draft)
    if keyed:
        value["api_keys"] = with_key(found, value)
    return value


def _named(security: Any) -> dict[str, list[str]]:
    """Scheme → scopes of all requirements. Raises Refused, also for one that is met by nobody in particular: {}."""
    named: dict[str, list[str]] = {}
    for requirement in security if isinstance(security, list) else [None]:
        if not isinstance(requirement, dict) or not requirement:
            raise Refused(f"security: {shown(security)} is no list of what callers need")
        for name, scopes in requirement.items():
            if not isinstance(scopes, list) or not all(isinstance(one, str) for one in scopes):
                raise Refused(f"security: the scopes of {shown(name)} are no list of texts")
            named.setdefault(name, []).extend(scopes)
    return named


def _is_key(scheme: Any) -> bool:
    """Whether it is the header with the key of a usage plan, and nothing else."""
    if not isinstance(scheme, dict) or any(name.startswith("x-") for name in scheme):
        return False
    return tuple(str(scheme.get(part)).lower() for part in ("type", "in", "name")) == _KEY


def _authorizer(name: str, scheme: Any, scopes: list[str], found: Api, draft: Draft) -> dict[str, Any]:
    """The authorizer of a scheme. Raises Refused."""
    written = scheme.get(f"{_MARK}authorizer") if isinstance(scheme, dict) else None
    if not isinstance(written, dict) or scheme.get(f"{_MARK}authtype", "custom") not in {"custom", "oauth2"}:
        raise Refused(f"security: scheme {shown(name)} is no Lambda or JWT authorizer and no API key of the header x-api-key")
    props = Props({f"{key[:1].upper()}{key[1:]}": each for key, each in written.items()}, f"{shown(name)}.{_MARK}authorizer")
    kind, second = props.text("Type").upper(), found.kind == "http"
    sources, jwt = props.texts("IdentitySource"), props.child("JwtConfiguration")
    if kind == "JWT" and second and jwt is not None:
        value: dict[str, Any] = {"issuer": jwt.text("issuer"), "audience": jwt.texts("audience")}
        jwt.done()
        props.done()
        return {"jwt": value | ({"scopes": scopes} if scopes else {}) | ({"identity_source": sources[0]} if sources else {})}
    if kind not in ({"REQUEST"} if second else {"REQUEST", "TOKEN"}) or scopes:
        raise Refused(
            f"security: scheme {shown(name)} has an authorizer of type {shown(kind)}{' with scopes' if scopes else ''}, which is not here"
        )
    if kind == "TOKEN" and not sources:
        sources = [f"method.request.header.{_header(name, scheme)}"]
    props.take("AuthorizerCredentials")
    value = by_function(props, kind, sources, draft, second=second)
    props.done()
    return value


def _header(name: str, scheme: Mapping[str, Any]) -> str:
    if scheme.get("in") != "header" or not isinstance(scheme.get("name"), str):
        raise Refused(f"security: scheme {shown(name)} names no header")
    return str(scheme["name"])
