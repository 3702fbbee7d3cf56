"""AWS's service models, compiled: what an operation takes and gives, and how each protocol names it.

Pure: a model as botocore ships it (service-2.json) in, shapes out; documentation is dropped. Source: botocore's models."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

LABEL: Final = re.compile(r"\{([A-Za-z0-9_]+)(\+?)\}")


class Member(NamedTuple):
    """One member of a structure."""

    name: str  # as services see it
    shape: "Shape"
    wire: str  # as protocols spell it
    location: str = ""  # uri, querystring, header, headers, statusCode; "": the body
    flattened: bool = False
    timestamp: str = ""  # iso8601, unixTimestamp, rfc822; "": the protocol's own
    event_payload: bool = False


@dataclass(slots=True, eq=False, repr=False)
class Shape:
    """A type. Filled after it was made: shapes refer to each other in circles."""

    name: str
    kind: str  # structure, list, map, string, blob, timestamp, boolean, integer, long, float, double
    members: dict[str, Member] = field(default_factory=dict)  # by name
    wires: dict[str, Member] = field(default_factory=dict)  # those of the body, by their spelling
    required: tuple[str, ...] = ()
    item: "Shape | None" = None  # of a list
    item_wire: str = "member"
    key: "Shape | None" = None  # of a map
    value: "Shape | None" = None
    key_wire: str = "key"
    value_wire: str = "value"
    flattened: bool = False
    timestamp: str = ""
    payload: str = ""  # the member that is the whole body
    stream: bool = False  # events, one after another
    streams: bool = False  # one of its members is such a stream
    error_code: str = ""  # of an exception, where it is not its name
    error_status: int = 400


@dataclass(frozen=True, slots=True, eq=False)
class OperationModel:
    """One operation."""

    name: str
    method: str
    path: tuple[str, ...]  # segments of its requestUri, as written
    status: int
    input: Shape | None
    output: Shape | None
    wrapper: str = ""  # the element around the output in the query protocol
    query: str = ""  # NAME=VALUE that its requestUri ends with: of two with one path it tells them apart


@dataclass(frozen=True, slots=True, eq=False)
class ServiceModel:
    """One service."""

    name: str  # lambda
    version: str  # 2015-03-31
    protocol: str  # json, rest-json, query
    json_version: str  # 1.0, 1.1
    target_prefix: str
    signing_name: str
    namespace: str  # of XML
    query_compatible: bool
    operations: Mapping[str, OperationModel]
    errors: Mapping[str, Shape]  # by code and by name
    routes: Mapping[tuple[str, int], list[OperationModel]]  # by method and number of segments; literal ones first

    def found(self, method: str, path: str, query: str = "") -> tuple[OperationModel, dict[str, str]] | None:
        """The operation of a path and query, as sent, and the path's labels, still encoded."""
        segments = _segments(path)
        for operation in self.routes.get((method, len(segments)), ()):
            if operation.query and operation.query not in query.split("&"):
                continue
            if (labels := _labels(operation.path, segments)) is not None:
                return operation, labels
        for operation in self.routes.get((method, -1), ()):
            if (labels := _labels(operation.path, segments)) is not None:
                return operation, labels
        return None


def compiled(name: str, document: Mapping[str, Any]) -> ServiceModel:
    """A model. *name*: its directory's in botocore's data."""
    about, raw = document["metadata"], document["shapes"]
    shapes = {key: Shape(key, one["type"]) for key, one in raw.items()}
    for key, one in raw.items():
        _fill(shapes[key], one, shapes)
    for shape in shapes.values():
        shape.streams = any(member.shape.stream for member in shape.members.values())
    operations = {key: _operation(one, shapes) for key, one in document["operations"].items()}
    prefix = about.get("targetPrefix", "")
    return ServiceModel(
        name,
        about["apiVersion"],
        about["protocol"],
        about.get("jsonVersion", "1.0"),
        prefix,
        about.get("signingName", about["endpointPrefix"]),
        about.get("xmlNamespace", ""),
        "awsQueryCompatible" in about,
        operations,
        {code: shapes[key] for key, one in raw.items() if one.get("exception") for code in (key, one.get("error", {}).get("code", key))},
        _routes(operations.values()) if about["protocol"].startswith("rest") else {},
    )


def _fill(shape: Shape, raw: Mapping[str, Any], shapes: Mapping[str, Shape]) -> None:
    for name, one in raw.get("members", {}).items():
        target = shapes[one["shape"]]
        flattened = one.get("flattened", False)
        stamp = one.get("timestampFormat", "")
        made = Member(
            name, target, one.get("locationName", name), one.get("location", ""), flattened, stamp, one.get("eventpayload", False)
        )
        shape.members[name] = made
        if not made.location:
            shape.wires[made.wire] = made
    shape.required = tuple(raw.get("required", ()))
    shape.flattened, shape.timestamp = raw.get("flattened", False), raw.get("timestampFormat", "")
    shape.payload, shape.stream = raw.get("payload", ""), raw.get("eventstream", False)
    error = raw.get("error", {})
    shape.error_code, shape.error_status = error.get("code", ""), error.get("httpStatusCode", 500 if raw.get("fault") else 400)
    if shape.kind == "list":
        shape.item, shape.item_wire = shapes[raw["member"]["shape"]], raw["member"].get("locationName", "member")
    elif shape.kind == "map":
        shape.key, shape.value = shapes[raw["key"]["shape"]], shapes[raw["value"]["shape"]]
        shape.key_wire, shape.value_wire = raw["key"].get("locationName", "key"), raw["value"].get("locationName", "value")


def _operation(raw: Mapping[str, Any], shapes: Mapping[str, Shape]) -> OperationModel:
    http = raw["http"]
    taken, given = raw.get("input"), raw.get("output")
    path, _, query = http["requestUri"].partition("?")
    return OperationModel(
        raw["name"],
        http["method"],
        _segments(path),
        http.get("responseCode", 200),
        shapes[taken["shape"]] if taken else None,
        shapes[given["shape"]] if given else None,
        given.get("resultWrapper", "") if given else "",
        query,
    )


def _segments(path: str) -> tuple[str, ...]:
    """The segments of a path; a slash at its end is none."""
    return tuple(path.strip("/").split("/"))


def _routes(operations: Iterable[OperationModel]) -> dict[tuple[str, int], list[OperationModel]]:
    found: dict[tuple[str, int], list[OperationModel]] = {}
    for one in operations:
        greedy = any(segment.endswith("+}") for segment in one.path)
        found.setdefault((one.method, -1 if greedy else len(one.path)), []).append(one)
    for row in found.values():
        row.sort(key=lambda one: ([segment.startswith("{") for segment in one.path], not one.query))
    return found


def _labels(template: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    """The labels of a path; None when it is another. A greedy label ends its template."""
    if len(segments) < len(template):
        return None
    found: dict[str, str] = {}
    for index, (part, segment) in enumerate(zip(template, segments, strict=False)):
        label = LABEL.fullmatch(part)
        if label is None:
            if part != segment:
                return None
        elif label[2]:
            found[label[1]] = "/".join(segments[index:])
        elif not segment:
            return None
        else:
            found[label[1]] = segment
    return found
