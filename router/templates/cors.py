"""CORS as HTTP APIs, function URLs and REST APIs have it. Pure.

Source: SAM developer guide, HttpApiCorsConfiguration and CorsConfiguration; API Gateway developer guide, "x-amazon-apigateway-cors
object"."""

from collections.abc import Callable, Mapping
from typing import Any

from router.templates.props import Props
from router.templates.words import Refused, shown


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


def rest_cors_of(written: Any, note: Callable[[str], None]) -> dict[str, Any]:
    """`Cors` of a REST API, whose texts are headers' values in single quotes: an origin alone, or a mapping. Raises Refused."""
    if written in (None, False, ""):
        return {}
    props = Props(written if isinstance(written, Mapping) else {"AllowOrigin": written}, "Cors", note)
    value: dict[str, Any] = {"allow_origins": _unquoted("AllowOrigin", props.text("AllowOrigin", "'*'"))}
    for theirs, ours in (("AllowMethods", "allow_methods"), ("AllowHeaders", "allow_headers")):
        if listed := [one.strip() for one in _unquoted(theirs, props.text(theirs, "''")).split(",") if one.strip()]:
            value[ours] = listed
    if age := props.text("MaxAge", ""):
        value["max_age"] = _seconds(_unquoted("MaxAge", age))
    if props.truth("AllowCredentials"):
        value["allow_credentials"] = True
    props.done()
    return value


def _unquoted(key: str, text: str) -> str:
    """A value between its quotes. Raises Refused: without them API Gateway would take it for the name of something in the request."""
    if len(text) < 2 or (text[0], text[-1]) != ("'", "'"):
        raise Refused(f"Cors.{key} wants single quotes within the text, as API Gateway does: write {key}: \"'{shown(text)}'\"")
    return text[1:-1]


def _seconds(text: str) -> int:
    if not text.isdecimal():
        raise Refused(f"Cors.MaxAge: {shown(text)} is no number of seconds")
    return int(text)
