"""Event streams: events of a model's union, each a binary message, one after another.

Pure: the iterator is the service's. Source: Smithy, "Amazon event stream specification": lengths, a checksum of those,
headers, payload, a checksum of all."""

import struct
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, Final, Generic, Self, TypeVar
from zlib import crc32

import orjson

from router.api.aws import values
from router.api.aws.shapes import Shape
from router.errors import RouterError

MEDIA: Final = "application/vnd.amazon.eventstream"
INITIAL: Final = "initial-response"
_STRING: Final = 7  # the type of a header's value
_PRELUDE: Final = struct.Struct(">II")
_NUMBER: Final = struct.Struct(">I")

Encode = Callable[[Shape, Mapping[str, Any]], bytes]
Item = TypeVar("Item")


class Read(Generic[Item]):
    """What a generator gives. *close* is told when nobody reads on, also when nobody has begun: a generator's own finally is not run then."""

    def __init__(self, items: AsyncGenerator[Item, None], close: Callable[[], Awaitable[None]]) -> None:
        self._items, self._close = items, close

    def __aiter__(self) -> Self:
        """Itself."""
        return self

    async def __anext__(self) -> Item:
        """The next one."""
        return await anext(self._items)

    async def aclose(self) -> None:
        """The client has left, or has everything."""
        await self._items.aclose()
        await self._close()


Events = Read[dict[str, Any]]
"""{name: members}, one at a time."""


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message."""
    block = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", _STRING, len(text := value.encode())) + text
        for name, value in headers.items()
    )
    prelude = _PRELUDE.pack(len(block) + len(payload) + 16, len(block))
    told = prelude + _NUMBER.pack(crc32(prelude)) + block + payload
    return told + _NUMBER.pack(crc32(told))


def as_json(shape: Shape, value: Mapping[str, Any]) -> bytes:
    """A structure as JSON, what events are made of unless the protocol has another form."""
    return orjson.dumps(values.spelled(shape, value))


def messages(
    shape: Shape, events: Events, *, initial: bytes | None = None, media: str = "application/json", encode: Encode = as_json
) -> Read[bytes]:
    """The messages of *events*. *initial*: the members of the answer itself, where it has no other place for them.

    What the iterator raises is the last message, in AWS's words where it has any; what is no RouterError is raised on."""

    async def told() -> AsyncGenerator[bytes, None]:
        try:
            if initial is not None:
                yield message({":message-type": "event", ":event-type": INITIAL, ":content-type": media}, initial)
            async for one in events:
                for name, members in one.items():
                    yield _event(name, shape.members[name].shape, members, media, encode)
        except RouterError as error:
            headers = {":message-type": "exception", ":exception-type": error.code, ":content-type": "application/json"}
            yield message(headers, orjson.dumps({"message": str(error)}))

    return Read(told(), events.aclose)


def _event(name: str, shape: Shape, members: Mapping[str, Any], media: str, encode: Encode) -> bytes:
    headers = {":message-type": "event", ":event-type": name}
    whole = next((one for one in shape.members.values() if one.event_payload), None)
    if whole is None:
        return message({**headers, ":content-type": media}, encode(shape, members))
    value = members.get(whole.name, b"")
    if whole.shape.kind == "structure":
        return message({**headers, ":content-type": media}, encode(whole.shape, value))
    raw, kind = (value, "application/octet-stream") if isinstance(value, bytes) else (str(value).encode(), "text/plain")
    return message({**headers, ":content-type": kind}, raw)
