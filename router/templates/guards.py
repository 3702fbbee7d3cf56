"""What stands before APIs on AWS and is not here: the API is not served without it. Pure.

Source: CloudFormation template reference, AWS::WAFv2::WebACLAssociation, AWS::ApiGateway::DomainName, AWS::ApiGatewayV2::ApiMapping."""

from typing import Any, Final

from router.templates.draft import Draft, Item
from router.templates.words import Refused, shown

_DOMAINS: Final = frozenset({"AWS::ApiGateway::DomainName", "AWS::ApiGatewayV2::DomainName"})


def settled(item: Item) -> None:
    """Raises Refused when it cannot be told whether an item's condition holds."""
    if item.doubt:
        raise Refused(item.doubt)


def firewall(item: Item, draft: Draft) -> None:
    """A web ACL before an API: it is refused, and so are the API's routes."""
    _closed(_properties(item).get("ResourceArn"), "web ACL", draft)
    settled(item)
    raise Refused("web ACLs are not here; let a proxy in front filter requests")


def mapping(item: Item, draft: Draft) -> None:
    """A domain's way to an API. When a domain of the template asks clients for certificates, the API is not served without."""
    if any(resource.get("Type") in _DOMAINS and _asks(resource) for resource in draft.resolver.resources.values()):
        properties = _properties(item)
        _closed(properties.get("ApiId", properties.get("RestApiId")), "MutualTlsAuthentication", draft)
    settled(item)
    raise Refused(f"{shown(item.type)} is not supported: all routes are on the http listener; let a proxy in front serve the domain")


def _closed(named: Any, what: str, draft: Draft) -> None:
    """Serve no route of the APIs that a value names. Raises Refused when it cannot be told."""
    draft.resolver.referred.clear()
    try:
        draft.resolver.value(named)
    finally:
        for logical in draft.resolver.referred:
            draft.missing.setdefault(logical, []).append(what)


def _properties(item: Item) -> Any:
    return item.raw.get("Properties") or {}


def _asks(resource: Any) -> bool:
    return bool((resource.get("Properties") or {}).get("MutualTlsAuthentication"))
