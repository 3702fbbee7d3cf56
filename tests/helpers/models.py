"""Members of AWS's models drawn at random, and botocore as the client that spells and reads them."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from io import BytesIO
from typing import Any, Final

from botocore.loaders import Loader
from botocore.model import OperationModel as TheirOperation
from botocore.model import ServiceModel as TheirService
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import strategies as st

from router.api.aws import models
from router.api.aws.protocol import Aimed, Codec
from router.api.aws.routing import aimed
from router.api.aws.shapes import Member, OperationModel, ServiceModel, Shape
from router.events.http import Request, Response

TEXT: Final = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=12)
NAME: Final = st.text("abcXYZ019-_.", min_size=1, max_size=12)
MOMENT: Final = st.integers(0, 4_000_000_000).map(float)
_SCALARS: Final[dict[str, st.SearchStrategy[Any]]] = {
    "string": TEXT,
    "blob": st.binary(max_size=20),
    "boolean": st.booleans(),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**53), 2**53),
    "float": st.integers(-1000, 1000).map(lambda number: number / 8),
    "double": st.integers(-1000, 1000).map(lambda number: number / 8),
    "timestamp": MOMENT,
}


@cache
def model(name: str) -> ServiceModel:
    """Ours."""
    return models.load(name)


@cache
def theirs(name: str) -> TheirService:
    """Botocore's."""
    return TheirService(Loader().load_service_model(name, "service-2"), name)


@cache
def unions() -> frozenset[str]:
    """The names of structures with exactly one member."""
    shapes = Loader().load_service_model("logs", "service-2")["shapes"]
    return frozenset(name for name, shape in shapes.items() if shape.get("union"))


def operations(name: str) -> st.SearchStrategy[OperationModel]:
    """The operations of a service, but for those that stream."""
    return st.sampled_from(
        [one for _, one in sorted(model(name).operations.items()) if not (one.output and one.output.streams) and one.input is not None]
    )


@st.composite
def members(draw: st.DrawFn, shape: Shape, depth: int = 3) -> dict[str, Any]:
    """Members of a structure: what is required, and some of the rest."""
    found: dict[str, Any] = {}
    if shape.name in unions():
        only = draw(st.sampled_from(sorted(shape.members)))
        return {only: draw(value(shape.members[only], depth - 1))}
    for member in shape.members.values():
        deep = member.shape.kind in {"structure", "list", "map"}
        if member.location == "uri" or (member.name in shape.required and not (deep and depth <= 0)) or (depth > 0 and draw(st.booleans())):
            found[member.name] = draw(value(member, depth - 1))
    return found


def value(member: Member, depth: int) -> st.SearchStrategy[Any]:
    """A member's value. Of paths, queries and headers: what can stand there."""
    if member.location and member.shape.kind == "string":
        return NAME
    return one(member.shape, depth)


def one(shape: Shape, depth: int) -> st.SearchStrategy[Any]:
    """A value of a shape; nothing is empty that a form would not tell from what is absent."""
    if shape.kind == "structure":
        return members(shape, depth)
    if shape.kind == "list":
        assert shape.item is not None
        return st.lists(one(shape.item, depth - 1), max_size=2 if depth > 0 else 0)
    if shape.kind == "map":
        assert shape.value is not None
        return st.dictionaries(NAME, one(shape.value, depth - 1), max_size=2 if depth > 0 else 0)
    return _SCALARS[shape.kind]


def asked(name: str, operation: OperationModel, parameters: dict[str, Any]) -> Request:
    """A request as botocore makes it."""
    service = theirs(name)
    made = create_serializer(service.metadata["protocol"], include_validation=False).serialize_to_request(parameters, _of(name, operation))
    body = made["body"]
    if isinstance(body, dict):
        from urllib.parse import urlencode

        body = urlencode(body).encode()
    query = made["query_string"]
    if isinstance(query, dict):
        from botocore.awsrequest import AWSRequest

        query = AWSRequest(method="GET", url="http://x/", params=query).prepare().url.partition("?")[2]
    headers = [(key.lower(), str(told)) for key, told in made["headers"].items()]
    path, _, constant = made["url_path"].partition("?")
    query = "&".join(filter(None, (constant, query)))
    return Request(made["method"], f"{path}?{query}" if query else path, headers, body.encode() if isinstance(body, str) else body)


@st.composite
def arrivals(draw: st.DrawFn, services: Sequence[str], protocol: str, codec: Codec) -> tuple[dict[str, Any], dict[str, Any]]:
    """What botocore is asked to send to one of these services, and what is read of it here."""
    name = draw(st.sampled_from(services))
    operation = draw(operations(name))
    assert operation.input is not None
    parameters = draw(members(operation.input))
    request = asked(name, operation, parameters)
    where = aimed(request)
    assert where == Aimed(name, protocol, operation.name)
    found = codec.found(model(name), request, where)
    assert found is not None
    assert found.operation.name == operation.name
    return parameters, codec.read(model(name), found, request)


def told(name: str, operation: OperationModel, answer: Response) -> dict[str, Any]:
    """What botocore reads in an answer."""
    service = theirs(name)
    assert isinstance(answer.body, bytes)
    whole = (
        operation.output is not None
        and operation.output.payload
        and operation.output.members[operation.output.payload].shape.kind == "blob"
    )
    body = BytesIO(answer.body) if whole else answer.body  # a client streams it
    response = {"status_code": answer.status, "headers": _Headers(answer.headers), "body": body, "context": {}}
    found: dict[str, Any] = create_parser(service.metadata["protocol"]).parse(response, _of(name, operation).output_shape)
    return found


def plain(value: Any) -> Any:
    """What botocore read as we write it: timestamps as numbers; what is empty is left out, which forms and XML do not tell apart."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items() if plain(one) not in ({}, [], None, b"")}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.timestamp() if isinstance(value, datetime) else value


def _of(name: str, operation: OperationModel) -> TheirOperation:
    return theirs(name).operation_model(operation.name)


class _Headers(dict[str, str]):
    """Headers whose letter case does not matter."""

    def __init__(self, headers: Any) -> None:
        super().__init__({key.lower(): value for key, value in headers})

    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key.lower(), default)

    def __getitem__(self, key: str) -> str:
        return super().__getitem__(key.lower())

    def __contains__(self, key: object) -> bool:
        return super().__contains__(str(key).lower())
