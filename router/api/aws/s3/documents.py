"""XML out: S3's answers and its error document. Pure.

A document is made of nested pairs: `("ListPartsResult", [("Bucket", "b"), ("Part", […])])`; None leaves an element out."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Final

from router.api.aws.xml_text import said

NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
DECLARATION: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_HEAD: Final = DECLARATION.decode()
Element = tuple[str, "str | int | bool | Iterable[Element] | None"]


def document(root: str, children: Iterable[Element]) -> bytes:
    """An answer in S3's namespace."""
    return f'{_HEAD}<{root} xmlns="{NAMESPACE}">{_inner(children)}</{root}>'.encode()


def located(region: str) -> bytes:
    """The answer of GetBucketLocation: its root is its value; us-east-1 is spelled as nothing."""
    value = "" if region == "us-east-1" else text(region)
    return f'{_HEAD}<LocationConstraint xmlns="{NAMESPACE}">{value}</LocationConstraint>'.encode()


def error(code: str, message: str, elements: Mapping[str, str], *, request_id: str, host_id: str) -> bytes:
    """The error document, which has no namespace."""
    children = [("Code", code), ("Message", message), *elements.items(), ("RequestId", request_id), ("HostId", host_id)]
    return f"{_HEAD}<Error>{_inner(children)}</Error>".encode()


def text(value: str) -> str:
    """As text of an element. Where XML has no character AWS sends the reference, which no parser takes."""
    return said(value).replace('"', "&quot;")


def moment(at: float) -> str:
    """2015-10-21T07:28:00.000Z; S3 keeps whole seconds only."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def http_date(at: float) -> str:
    """Wed, 21 Oct 2015 07:28:00 GMT."""
    return formatdate(int(at), usegmt=True)


def _inner(children: "Iterable[Element]") -> str:
    return "".join(_element(name, value) for name, value in children if value is not None)


def _element(name: str, value: "str | int | bool | Iterable[Element] | None") -> str:
    if isinstance(value, str):
        inner = text(value)
    elif isinstance(value, bool):
        inner = "true" if value else "false"
    elif isinstance(value, int):
        inner = str(value)
    else:
        inner = _inner(value or ())
    return f"<{name}>{inner}</{name}>"
