"""CORS as HTTP APIs and function URLs have it. Pure.

Source: SAM developer guide, HttpApiCorsConfiguration; API Gateway developer guide, "x-amazon-apigateway-cors object"."""

from typing import Any

from router.templates.props import Props
from router.templates.words import Refused


def cors_of(props: Props | None) -> dict[str, Any]:
    """As config.yaml has it; {} for None. Raises Refused."""
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
