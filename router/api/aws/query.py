"""The query protocol: a form with Action and Version in, XML out.

Pure. Source: Smithy, "AWS query protocol"; botocore's query serializer and parser."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl, unquote_plus

from router.api.aws import values
from router.api.aws.protocol import Aimed, Fault, Found, ids
from router.api.aws.shapes import Member, OperationModel, ServiceModel, Shape
from router.api.aws.values import Malformed
from router.api.aws.xml_text import said
from router.events.http import Request, Response

FORM: Final = "application/x-www-form-urlencoded"
FIELDS: Final = 10_000  # of one form
LARGEST: Final = 4 * 1024 * 1024  # bytes of one form: a batch of SQS's has 1 MB, each byte of it three characters at most
FIELD: Final = 128  # bytes that field_of() looks at
LONGEST: Final = 10_000  # elements of one list

_INDEX: Final = re.compile(r"[1-9][0-9]{0,4}")


def field_of(request: Request, name: str) -> str:
    """The beginning of one field's value; "" without it. Nothing else of the form is decoded: who sent it is not known yet."""
    form, mark = _form(request), f"{name}=".encode()
    start = 0 if form.startswith(mark) else form.find(b"&" + mark) + 1
    if not form.startswith(mark, start):
        return ""
    start += len(mark)
    return unquote_plus(form[start : start + FIELD].partition(b"&")[0].decode("ascii", "replace"))


def fields_of(request: Request) -> list[tuple[str, str]]:
    """The form: of the body, or of the query string of a GET. Raises Malformed."""
    text = _form(request)
    if len(text) > LARGEST:
        raise Malformed(f"the form is longer than {LARGEST} bytes")
    try:
        return parse_qsl(text.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS)
    except ValueError:
        raise Malformed("the form is not UTF-8, or has too many fields") from None


def _form(request: Request) -> bytes:
    return request.body if request.method == "POST" and request.body else request.query.encode(errors="replace")


class QueryProtocol:
    """See protocol.Codec."""

    status: ClassVar[int] = 403
    unsupported: ClassVar[str] = FORM

    def found(self, model: ServiceModel, request: Request, aimed: Aimed) -> Found | None:  # noqa: ARG002 - as all protocols
        """The operation that Action names."""
        operation = model.operations.get(aimed.operation)
        return Found(operation, {}) if operation is not None else None

    def read(self, model: ServiceModel, found: Found, request: Request) -> dict[str, Any]:  # noqa: ARG002 - as all protocols
        """The members of the form."""
        shape = found.operation.input
        if shape is None:
            return {}
        return _structure(shape, _tree(fields_of(request)))

    def answer(self, model: ServiceModel, operation: OperationModel, members: Mapping[str, Any], request_id: str) -> Response:
        """<XResponse><XResult>…</XResult><ResponseMetadata>…"""
        inside = ""
        if operation.output is not None:
            inside = _members(operation.output, members)
            wrapper = operation.wrapper or f"{operation.name}Result"
            inside = f"<{wrapper}>{inside}</{wrapper}>"
        meta = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
        name = f"{operation.name}Response"
        body = f'<{name} xmlns="{model.namespace}">{inside}{meta}</{name}>'
        return Response(operation.status, ids(request_id, ("content-type", "text/xml")), body.encode())

    def fault(self, model: ServiceModel | None, fault: Fault, request_id: str) -> Response:
        """<ErrorResponse><Error>…"""
        shape = model.errors.get(fault.code) if model is not None else None
        code = (shape.error_code or shape.name) if shape is not None else fault.code
        side = "Sender" if fault.sender else "Receiver"
        told = f"<Type>{side}</Type><Code>{said(code)}</Code><Message>{said(fault.message)}</Message>"
        space = f' xmlns="{model.namespace}"' if model is not None and model.namespace else ""
        body = f"<ErrorResponse{space}><Error>{told}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        return Response(fault.status, ids(request_id, ("content-type", "text/xml")), body.encode())


# -- in

Tree = dict[str, Any]
"""Names of a form taken apart at their dots; the leaf of a name is under ""."""


def _tree(fields: list[tuple[str, str]]) -> Tree:
    root: Tree = {}
    for name, value in fields:
        node = root
        parts = name.split(".")
        if len(parts) > 2 * values.DEPTH:
            raise Malformed("Nesting level too deep")
        if "" in parts:  # where the leaves are
            raise Malformed(f"{name[:100]!r} is no name of a parameter")
        for part in parts:
            node = node.setdefault(part, {})
        if "" in node:
            raise Malformed(f"Duplicate parameter: {name[:100]}")
        node[""] = value
    return root


def _structure(shape: Shape, tree: Tree) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for member in shape.members.values():
        flat = member.flattened or member.shape.flattened
        wire = member.wire
        if flat and member.shape.kind == "list" and member.shape.item_wire != "member":
            wire = member.shape.item_wire
        if (node := tree.get(wire)) is not None:
            found[member.name] = _value(member.shape, node, flat=flat)
    return found


def _value(shape: Shape, node: Tree, *, flat: bool = False) -> Any:
    if shape.kind == "structure":
        return _structure(shape, node)
    if shape.kind == "list":
        assert shape.item is not None
        item = shape.item
        rows: Tree = node if flat or shape.flattened else node.get(shape.item_wire) or node.get("member") or {}
        return [] if node.get("") == "" else [_value(item, one) for one in _rows(rows)]
    if shape.kind == "map":
        return _map(shape, node if flat or shape.flattened else node.get("entry", {}))
    if "" not in node:
        raise Malformed("Unexpected complex element")
    text = node[""]
    return text if shape.kind == "string" else _scalar(shape.kind, text)


def _map(shape: Shape, node: Tree) -> dict[str, Any]:
    assert shape.value is not None
    found = {}
    for row in _rows(node):
        key, value = row.get(shape.key_wire, {}).get(""), row.get(shape.value_wire)
        if key is None or value is None:
            raise Malformed("An entry of a map needs a key and a value")
        found[key] = _value(shape.value, value)
    return found


def _rows(node: Tree) -> list[Tree]:
    """The elements in order of their numbers, which may have gaps."""
    if any(key and not _INDEX.fullmatch(key) for key in node):
        raise Malformed("The elements of a list are numbered from 1")
    return [node[key] for key in sorted((key for key in node if key), key=int)][:LONGEST]


def _scalar(kind: str, text: str) -> Any:
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind in ("integer", "long", "float", "double"):
        try:
            return values.scalar(kind, int(text) if kind in ("integer", "long") else float(text))
        except ValueError:
            raise Malformed(f"{text[:40]!r} can not be converted to a number") from None
    return values.scalar(kind, text)


# -- out


def _members(shape: Shape, value: Mapping[str, Any]) -> str:
    return "".join(_member(shape.members[name], one) for name, one in value.items() if one is not None)


def _member(member: Member, value: Any) -> str:
    shape, wire = member.shape, member.wire
    flat = member.flattened or shape.flattened
    if shape.kind == "list" and flat:
        assert shape.item is not None
        wire = shape.item_wire if shape.item_wire != "member" else wire
        return "".join(f"<{wire}>{_inside(shape.item, one)}</{wire}>" for one in value)
    if shape.kind == "map" and flat:
        return "".join(f"<{wire}>{_entry(shape, key, one)}</{wire}>" for key, one in value.items())
    return f"<{wire}>{_inside(shape, value, member.timestamp)}</{wire}>"


def _inside(shape: Shape, value: Any, stamp: str = "") -> str:
    if shape.kind == "structure":
        return _members(shape, value)
    if shape.kind == "list":
        assert shape.item is not None
        return "".join(f"<{shape.item_wire}>{_inside(shape.item, one)}</{shape.item_wire}>" for one in value)
    if shape.kind == "map":
        return "".join(f"<entry>{_entry(shape, key, one)}</entry>" for key, one in value.items())
    if shape.kind == "boolean":
        return "true" if value else "false"
    if shape.kind == "timestamp":
        return str(values.stamped(value, stamp or shape.timestamp or "iso8601"))
    return said(str(values.spelled_one(shape, value)))


def _entry(shape: Shape, key: str, value: Any) -> str:
    assert shape.value is not None
    return f"<{shape.key_wire}>{said(key)}</{shape.key_wire}><{shape.value_wire}>{_inside(shape.value, value)}</{shape.value_wire}>"
