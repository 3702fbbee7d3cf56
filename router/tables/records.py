"""Records of a table's stream, version 1.1, as Lambda receives them. Pure.

Sources as in router/events/dynamodb.py; images are items already, so nothing is converted but bytes to base64."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import orjson

from router.config.types import View
from router.events.dynamodb import WITH_NEW, WITH_OLD, sequence_number
from router.items.keys import Schema, key_of
from router.items.values import Item, item_size
from router.tables.codec import encode

TTL_IDENTITY: Final = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


def number_of(seq: int) -> int:
    """The number of a record's change, as feeds count: two for each row."""
    return 2 * seq


def seq_of(sequence: int) -> int:
    """The record of a sequence number; below 1 for one from before the first."""
    return (sequence - int(sequence_number(0))) // 2


def sequence(seq: int) -> str:
    """The sequence number of a record."""
    return sequence_number(number_of(seq))


def event_id(identity: str, seq: int, mark: int) -> str:
    """32 hexadecimal digits."""
    return hashlib.blake2b(f"{identity}:{seq}:{mark}".encode(), digest_size=16).hexdigest()


def record(
    old: Item | None,
    new: Item | None,
    schema: Schema,
    *,
    view: View,
    seq: int,
    at: float,
    event: str,
    region: str,
    arn: str,
    expired: bool = False,
) -> bytes:
    """One record as JSON. *old* None: the item is new; *new* None: it is gone. *expired*: time to live removed it."""
    image = new if new is not None else old
    assert image is not None  # a change has one side at least
    keys = key_of(schema, image)
    body: dict[str, Any] = {"ApproximateCreationDateTime": int(at), "Keys": keys}
    size = item_size(keys)
    for name, side, views in (("NewImage", new, WITH_NEW), ("OldImage", old, WITH_OLD)):
        if side is not None and view in views:
            body[name] = side
            size += item_size(side)
    body |= {"SequenceNumber": sequence(seq), "SizeBytes": size, "StreamViewType": view}
    made: dict[str, Any] = {
        "eventID": event,
        "eventName": "INSERT" if old is None else "REMOVE" if new is None else "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": region,
        "dynamodb": body,
        "eventSourceARN": arn,
    }
    if expired:
        made["userIdentity"] = TTL_IDENTITY
    return encode(made)


def decoded(stored: bytes) -> Mapping[str, Any]:
    """A record as data, bytes still in base64."""
    made: Mapping[str, Any] = orjson.loads(stored)
    return made
