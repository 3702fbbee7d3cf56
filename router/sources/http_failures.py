"""Headers of the answers that a REST API gives itself, as config.yaml spells them: `gateway_responses`.

Source: API Gateway developer guide, "Gateway responses": DEFAULT_4XX and DEFAULT_5XX, their header parameters."""

from typing import Final

from router.config.node import Node
from router.events.http import FIELD_NAME, Headers

CLASSES: Final = ("default_4xx", "default_5xx")
_OWN: Final = frozenset(
    [
        "connection",
        "content-length",
        "content-type",
        "date",
        "retry-after",
        "transfer-encoding",
        "x-amz-apigw-id",
        "x-amzn-errortype",
        "x-amzn-requestid",
        "x-amzn-trace-id",
    ]
)


def read_failures(form: Node) -> tuple[Headers, Headers]:
    """The headers of 4xx and of 5xx answers; mistakes are noted on the node."""
    child = form.child("gateway_responses")
    if child is None:
        return (), ()
    known = child.form(known=CLASSES)
    first, second = (_headers(known, key) for key in CLASSES)
    return first, second


def _headers(form: Node, key: str) -> Headers:
    child = form.child(key)
    found = [(name, each.text("")) for name, each in child.items()] if child is not None else []
    for name, value in found:
        if not FIELD_NAME.fullmatch(name):
            form.problem(f"{name!r:.40} is no header name", key)
        elif name.lower() in _OWN:
            form.problem(f"{name} is the answer's own", key)
        elif not value.isprintable():
            form.problem(f"{name} holds a control character", key)
    return tuple(found)
