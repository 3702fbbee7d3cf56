"""SQS messages as an event source mapping hands them to a function, and the two digests that go with them.

Pure: facts in, dict out. Sources: Lambda developer guide, "Using Lambda with Amazon SQS"; SQS developer guide, "Calculating
the MD5 message digest for message attributes"; samples in tests/golden/sqs_*.json."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_TEXT: Final = b"\x01"  # transport type of String and Number values in the digest
_BYTES: Final = b"\x02"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One message attribute."""

    data_type: str  # String, Number, Binary, each with an optional .LABEL
    value: str | bytes  # bytes for Binary, text for the others


@dataclass(frozen=True, slots=True)
class Fifo:
    """What a message of a FIFO queue has beside the rest."""

    deduplication: str
    sequence: str  # 20 digits


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it was received."""

    id: str  # a UUID
    handle: str  # receipt handle of this receipt
    body: str
    sent: int  # epoch milliseconds
    first_received: int  # epoch milliseconds; stays over later receipts
    sender: str  # AIDA…, AROA…:session
    receives: int = 1  # this one included
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    group: str = ""  # message group: every message's in a FIFO queue, in a standard queue the tenant that it is of, if any
    fifo: Fifo | None = None
    dead_letter_source: str = ""  # ARN of the queue that gave up on it
    trace: str = ""  # AWSTraceHeader


def event(messages: Sequence[Message], *, queue_arn: str, region: str) -> dict[str, Any]:
    """One batch: {"Records": [...]}."""
    return {"Records": [record(message, queue_arn=queue_arn, region=region) for message in messages]}


def record(message: Message, *, queue_arn: str, region: str) -> dict[str, Any]:
    """One element of Records. md5OfMessageAttributes is absent, not null, when there are none."""
    made: dict[str, Any] = {
        "messageId": message.id,
        "receiptHandle": message.handle,
        "body": message.body,
        "attributes": system_attributes(message),
        "messageAttributes": {name: _spelt(attribute) for name, attribute in message.attributes.items()},
    }
    if message.attributes:
        made["md5OfMessageAttributes"] = md5_of_attributes(message.attributes)
    return made | {
        "md5OfBody": md5_of_body(message.body),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": region,
    }


def system_attributes(message: Message) -> dict[str, str]:
    """The queue's own attributes of a message, all of them text."""
    made = {
        "ApproximateReceiveCount": str(message.receives),
        "SentTimestamp": str(message.sent),
        "SenderId": message.sender,
        "ApproximateFirstReceiveTimestamp": str(message.first_received),
    }
    if message.fifo is not None:
        made["SequenceNumber"] = message.fifo.sequence
    if message.group:
        made["MessageGroupId"] = message.group
    if message.fifo is not None:
        made["MessageDeduplicationId"] = message.fifo.deduplication
    if message.dead_letter_source:
        made["DeadLetterQueueSourceArn"] = message.dead_letter_source
    if message.trace:
        made["AWSTraceHeader"] = message.trace
    return made


def _spelt(attribute: Attribute) -> dict[str, Any]:
    value = attribute.value
    held = {"binaryValue": b64encode(value).decode()} if isinstance(value, bytes) else {"stringValue": value}
    return {**held, "stringListValues": [], "binaryListValues": [], "dataType": attribute.data_type}


def md5_of_body(body: str) -> str:
    """Lower-case hex MD5 of the body's UTF-8."""
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def md5_of_attributes(attributes: Mapping[str, Attribute]) -> str:
    """Lower-case hex MD5 of the attributes in the order of their names.

    Of each: length (4 bytes, big-endian) and UTF-8 of its name, the same of its type, one byte for how the value travels,
    length and bytes of the value."""
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        value = attribute.value
        digest.update(_counted(name.encode()) + _counted(attribute.data_type.encode()))
        digest.update(_BYTES + _counted(value) if isinstance(value, bytes) else _TEXT + _counted(value.encode()))
    return digest.hexdigest()


def _counted(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data
