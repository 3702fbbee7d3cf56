"""What stands in the queues' rows and in receipt handles. Pure."""

from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from zlib import crc32

import orjson

from router.events.sqs import Attribute, Fifo, Message
from router.events.sqs_errors import ReceiptHandleIsInvalid
from router.events.sqs_rules import sequence_number

DAMAGED: Final = "!damaged"  # queue of messages whose body is not what was stored; no config can have a queue of this name
_VERSION: Final = "1"


class Handle(NamedTuple):
    """A receipt handle, taken apart."""

    queue: str
    id: int
    token: str

    def __str__(self) -> str:
        text = f"{_VERSION}\n{self.queue}\n{self.id}\n{self.token}"
        return urlsafe_b64encode(text.encode()).decode()

    @classmethod
    def of(cls, text: str, queue: str) -> "Handle":
        """Take one apart. Raises ReceiptHandleIsInvalid, also for a handle of another queue."""
        try:
            version, owner, number, token = urlsafe_b64decode(text.encode("ascii")).decode().split("\n")
            handle = cls(owner, int(number), token)
        except (ValueError, TypeError):
            raise ReceiptHandleIsInvalid(text) from None
        if version != _VERSION or owner != queue or not 0 < handle.id < 2**63 or str(handle) != text:
            raise ReceiptHandleIsInvalid(text)
        return handle


class Place(NamedTuple):
    """Where a message stands."""

    id: int
    queue: str
    lane: str
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of the statement "message"."""

    id: int
    queue: str
    lane: str
    message_id: str
    receives: int
    carried: int
    first_received: int | None  # epoch milliseconds
    source: str
    size: int
    arrived: float  # the queues' time
    sent: int  # epoch milliseconds
    sender: str
    deduplication: str
    trace: str
    attributes: str
    body: str | None  # None: there is none
    checksum: int
    tenant: str  # message group in a standard queue

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.id, self.queue, self.lane, self.size)

    @property
    def whole(self) -> bool:
        """Whether body and attributes are what was stored."""
        return self.body is not None and checksum(self.body, self.attributes) == self.checksum

    def received(self, token: str, wall: int, source_arn: str) -> Message:
        """The message of the receive that gave it *token* at *wall* (epoch milliseconds)."""
        assert self.body is not None  # whole
        return Message(
            id=self.message_id,
            handle=str(Handle(self.queue, self.id, token)),
            body=self.body,
            sent=self.sent,
            first_received=self.first_received if self.first_received is not None else wall,
            sender=self.sender,
            receives=self.receives + 1,
            attributes=attributes_of(self.attributes),
            group=self.lane or self.tenant,
            fifo=Fifo(self.deduplication, sequence_number(self.id)) if self.lane else None,
            dead_letter_source=source_arn,
            trace=self.trace,
        )


def checksum(body: str, attributes: str) -> int:
    """What is stored beside them."""
    return crc32(attributes.encode(), crc32(body.encode()))


def attributes_text(attributes: Mapping[str, Attribute]) -> str:
    """Attributes as they are stored."""
    return orjson.dumps({name: _spelt(attribute) for name, attribute in attributes.items()}).decode()


def attributes_of(text: str) -> dict[str, Attribute]:
    """Attributes as they were before they were stored."""
    found: dict[str, Sequence[Any]] = orjson.loads(text)
    return {name: Attribute(kind, b64decode(value) if binary else value) for name, (kind, value, binary) in found.items()}


def _spelt(attribute: Attribute) -> list[Any]:
    value = attribute.value
    return [attribute.data_type, b64encode(value).decode() if isinstance(value, bytes) else value, isinstance(value, bytes)]
