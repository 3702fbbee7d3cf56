"""Headers of the answers that a REST API gives itself: gateway responses. Pure.

Source: SAM developer guide, AWS::Serverless::Api `GatewayResponses`; CloudFormation template reference, AWS::ApiGateway::GatewayResponse;
API Gateway developer guide, "x-amazon-apigateway-gateway-responses". Fixed headers of DEFAULT_4XX and DEFAULT_5XX are kept."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from router.templates.draft import Api

_KEPT: Final = ("DEFAULT_4XX", "DEFAULT_5XX")
_FIXED: Final = re.compile(r"'([ -~]*)'")
_NAME: Final = re.compile(
    r"(?!(?i:connection|date|retry-after|transfer-encoding|content-(length|type)|x-amz-apigw-id|x-amzn-.*)$)[A-Za-z0-9-]+"
)
_BEFORE: Final = "gatewayresponse.header."
_REST: Final = "answers that come from no function have AWS's own texts, and the headers that DEFAULT_4XX and DEFAULT_5XX give them"


def keep(written: Any, found: Api, note: Callable[[str], None]) -> None:
    """Take over the headers of gateway responses by type, however a template spells them; all else is said."""
    if not isinstance(written, Mapping):
        return
    for type_, response in written.items():
        kind = str(type_).upper()
        parameters = _part(response, "ResponseParameters")
        headers = dict(_headers(parameters)) if kind in _KEPT else {}
        if headers:
            found.shared.setdefault("gateway_responses", {}).setdefault(kind.lower(), {}).update(headers)
        if (
            kind not in _KEPT
            or len(headers) < _count(parameters)
            or any(_part(response, key) for key in ("StatusCode", "ResponseTemplates"))
        ):
            note(f"GatewayResponses: {_REST}")


def _part(response: Any, key: str) -> Any:
    """One of its keys, as CloudFormation spells it or as OpenAPI does."""
    return response.get(key, response.get(f"{key[:1].lower()}{key[1:]}")) if isinstance(response, Mapping) else None


def _headers(parameters: Any) -> Iterator[tuple[str, str]]:
    """SAM has them below Headers, by their names; the others by gatewayresponse.header.NAME."""
    plain = parameters.get("Headers") if isinstance(parameters, Mapping) else None
    spelt = {name.removeprefix(_BEFORE): value for name, value in (parameters or {}).items() if str(name).startswith(_BEFORE)}
    for name, value in {**spelt, **(plain if isinstance(plain, Mapping) else {})}.items():
        fixed = _FIXED.fullmatch(str(value))
        if fixed is not None and _NAME.fullmatch(str(name)):
            yield str(name), fixed[1]


def _count(parameters: Any) -> int:
    """How many parameters there are, headers and others."""
    if not isinstance(parameters, Mapping):
        return 0
    return sum(len(value) if isinstance(value, Mapping) else 1 for value in parameters.values())
