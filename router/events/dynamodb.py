"""DynamoDB stream records, version 1.1, as Lambda receives them; and how a row of a SQLite table becomes one.

Pure: facts in, dict out. Sources: DynamoDB API reference, "Record" and "AttributeValue"; developer guide, "Item sizes and
formats" and "DynamoDB Streams and Time to Live"; samples in tests/golden/dynamodb_streams_*.json.

All ten types of attribute values are known. SQLite's values become four of them without loss, but for what DynamoDB has no number for:
INTEGER → N; REAL → N, the shortest decimal text that reads back as the same double, never with an exponent, without
trailing zeros (1.0 is "1", -0.0 is "0", 1e100 is a 1 and 100 zeros, also beyond DynamoDB's own range);
±Infinity → S, "Infinity" or "-Infinity" (SQLite stores NaN as NULL); TEXT → S, NUL characters included;
TEXT whose bytes are not valid in the database's encoding → B, those bytes; BLOB → B; NULL → {"NULL": true}."""

import hashlib
import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, Literal


class StringSet(tuple[str, ...]):
    """SS."""

    __slots__ = ()


class NumberSet(tuple[int | float | Decimal, ...]):
    """NS."""

    __slots__ = ()


class BinarySet(tuple[bytes, ...]):
    """BS."""

    __slots__ = ()


Column = int | float | str | bytes | None  # what SQLite stores; bytes stand for BLOB and for TEXT that cannot be decoded
Value = Column | Decimal | bool | StringSet | NumberSet | BinarySet | Sequence["Value"] | Mapping[str, "Value"]
Row = Mapping[str, Value]  # name → value
View = Literal["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"]

VIEWS: Final[Mapping[str, View]] = {
    "KEYS_ONLY": "KEYS_ONLY",
    "NEW_IMAGE": "NEW_IMAGE",
    "OLD_IMAGE": "OLD_IMAGE",
    "NEW_AND_OLD_IMAGES": "NEW_AND_OLD_IMAGES",
}
WITH_NEW: Final = frozenset({"NEW_IMAGE", "NEW_AND_OLD_IMAGES"})  # views whose records carry NewImage
WITH_OLD: Final = frozenset({"OLD_IMAGE", "NEW_AND_OLD_IMAGES"})  # views whose records carry OldImage

_CONTAINER: Final = 3  # bytes that a list or map takes besides its elements
_ELEMENT: Final = 1  # bytes that each element takes besides its value
_FIRST_NUMBER: Final = 10**20  # makes every sequence number 21 digits long: the fewest DynamoDB allows


@dataclass(frozen=True, slots=True)
class Stream:
    """What all records of one stream share."""

    identity: str  # of the stream: another one after the stream was made anew
    arn: str
    region: str
    view: View
    keys: tuple[str, ...]  # names of the key columns


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one row. Images hold at least the key columns, and all columns when the view shows that image."""

    number: int  # orders the changes of a stream; 0 to 2**64
    mark: int  # drawn at random when the change was noted: tells it from another one that has the same number
    at: float  # epoch seconds
    old: Row | None  # None: the row is new
    new: Row | None  # None: the row is gone


def record(change: Change, stream: Stream) -> dict[str, Any]:
    """One element of Records. Building it again gives the same record, eventID included."""
    return built(change, stream, event=event_id(change, stream), sequence=sequence_number(change.number))


def built(change: Change, stream: Stream, *, event: str, sequence: str, expired: bool = False) -> dict[str, Any]:
    """The record under these ids: *event* 32 hex digits, *sequence* 21 to 40 decimal ones. *expired*: time to live removed the item."""
    image = change.old if change.new is None else change.new
    assert image is not None  # a change has one side at least
    keys, size = typed({name: image[name] for name in stream.keys})
    body: dict[str, Any] = {"ApproximateCreationDateTime": int(change.at), "Keys": keys}
    if change.new is not None and stream.view in WITH_NEW:
        body["NewImage"], more = typed(change.new)
        size += more
    if change.old is not None and stream.view in WITH_OLD:
        body["OldImage"], more = typed(change.old)
        size += more
    body |= {"SequenceNumber": sequence, "SizeBytes": size, "StreamViewType": stream.view}
    made = {
        "eventID": event,
        "eventName": "INSERT" if change.old is None else "REMOVE" if change.new is None else "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": stream.region,
        "dynamodb": body,
        "eventSourceARN": stream.arn,
    }
    return made | {"userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"}} if expired else made


def split(change: Change, keys: tuple[str, ...]) -> tuple[Change, ...]:
    """A change of the key as the two it is in DynamoDB, whose keys never change: REMOVE, then INSERT under the next number."""
    old, new = change.old, change.new
    if old is None or new is None or all(attribute(old[name]) == attribute(new[name]) for name in keys):
        return (change,)
    return replace(change, new=None), replace(change, number=change.number + 1, old=None)


def sequence_number(number: int) -> str:
    """21 digits that sort as text like the numbers."""
    return str(_FIRST_NUMBER + number)


def event_id(change: Change, stream: Stream) -> str:
    """32 hexadecimal digits, the same whenever this change is delivered."""
    return hashlib.blake2b(f"{stream.identity}:{change.number}:{change.mark}".encode(), digest_size=16).hexdigest()


def typed(row: Row) -> tuple[dict[str, dict[str, Any]], int]:
    """A row as attribute values, and its size in bytes by DynamoDB's rules: UTF-8 of the names plus the values."""
    values, size = {}, 0
    for name, value in row.items():
        values[name], more = attribute(value)
        size += more + len(name.encode())
    return values, size


def attribute(value: Value) -> tuple[dict[str, Any], int]:
    """One value as an attribute value, and its size in bytes."""
    match value:
        case None:
            return {"NULL": True}, 1
        case bool():
            return {"BOOL": value}, 1
        case str():
            return {"S": value}, len(value.encode())
        case bytes():
            return {"B": b64encode(value).decode()}, len(value)
        case float() if math.isinf(value):
            text = "Infinity" if value > 0 else "-Infinity"
            return {"S": text}, len(text)
        case int() | float() | Decimal():
            text = number_text(value)
            return {"N": text}, number_size(text)
        case _:
            return _many(value)


def _many(value: StringSet | NumberSet | BinarySet | Sequence[Value] | Mapping[str, Value]) -> tuple[dict[str, Any], int]:
    """A set, list or map."""
    match value:
        case StringSet():
            return {"SS": list(value)}, sum(len(member.encode()) for member in value)
        case NumberSet():
            texts = [number_text(member) for member in value]
            return {"NS": texts}, sum(map(number_size, texts))
        case BinarySet():
            return {"BS": [b64encode(member).decode() for member in value]}, sum(map(len, value))
        case Mapping():
            fields, size = typed(value)
            return {"M": fields}, size + _CONTAINER + _ELEMENT * len(fields)
    elements = [attribute(element) for element in value]
    return {"L": [made for made, _ in elements]}, sum(size for _, size in elements) + _CONTAINER + _ELEMENT * len(elements)


def number_text(value: float | Decimal) -> str:
    """A finite number in decimal digits alone; reads back as the same number."""
    if isinstance(value, int):
        return str(value)
    text = format(Decimal(repr(value)) if isinstance(value, float) else value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def number_size(text: str) -> int:
    """Bytes of a number: one for two significant digits, one more, and one for a minus sign."""
    digits = text.lstrip("-").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")
