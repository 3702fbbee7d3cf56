"""Keys of items: which attributes they are, what they may hold, and bytes that sort as DynamoDB sorts.

Sources: DynamoDB developer guide, "Core components", "Constraints": a hash key has 1 to 2048 bytes, a range key 1 to 1024."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from router.items import numbers
from router.items.errors import Refused, invalid
from router.items.values import Item, Value, checked, kind_of, parts

HASH_LIMIT: Final = 2048  # bytes
RANGE_LIMIT: Final = 1024
SPREAD: Final = 8  # bytes of the digest before a hash key: a scan goes through items in the order of it, as in DynamoDB


class Attribute(NamedTuple):
    """One attribute of a key."""

    name: str
    type: str  # S, N, B


class Schema(NamedTuple):
    """The key of a table or of an index."""

    hash: Attribute
    range: Attribute | None = None

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """One or two."""
        return (self.hash,) if self.range is None else (self.hash, self.range)

    @property
    def names(self) -> tuple[str, ...]:
        """Of its attributes."""
        return tuple(attribute.name for attribute in self.attributes)


class Place(NamedTuple):
    """Where an item lies: both sort as bytes."""

    hash: bytes
    range: bytes


def encoded(value: Value) -> bytes:
    """A value of a key as bytes that sort like such values."""
    kind, held = parts(value)
    if kind == "N":
        return numbers.sortable(held)
    return held.encode() if kind == "S" else bytes(held)


def spread(value: Value) -> bytes:
    """A hash key as bytes: a digest first."""
    key = encoded(value)
    return hashlib.blake2b(key, digest_size=SPREAD).digest() + key


def place(schema: Schema, item: Mapping[str, Value]) -> Place:
    """Where an item that has the key lies."""
    return Place(spread(item[schema.hash.name]), encoded(item[schema.range.name]) if schema.range is not None else b"")


def key_of(schema: Schema, item: Mapping[str, Value]) -> Item:
    """The key attributes of an item that has them."""
    return {name: item[name] for name in schema.names}


def segment(number: int, total: int) -> tuple[bytes, bytes | None]:
    """The first bytes of a segment of a scan, and of the next one; None: it is the last."""
    width = 1 << (8 * SPREAD)

    def edge(at: int) -> bytes:
        return (width * at // total).to_bytes(SPREAD)

    return edge(number) if number else b"", edge(number + 1) if number + 1 < total else None


def read_key(schema: Schema, given: Any) -> Item:
    """A key from outside: its attributes, all of them and no others. Raises Refused."""
    if not isinstance(given, Mapping):
        raise Refused("Expected map or null", "SerializationException")
    key = {name: checked(value) for name, value in given.items()}
    if key.keys() != set(schema.names):
        raise Refused("The provided key element does not match the schema")
    for attribute in schema.attributes:
        if kind_of(key[attribute.name]) != attribute.type:
            raise Refused("The provided key element does not match the schema")
        check_length(schema, attribute, key[attribute.name])
    return key


def check_item(schema: Schema, item: Mapping[str, Value]) -> None:
    """Raise Refused when an item has not the table's key."""
    for attribute in schema.attributes:
        if attribute.name not in item:
            invalid(f"Missing the key {attribute.name} in the item")
        found = kind_of(item[attribute.name])
        if found != attribute.type:
            invalid(f"Type mismatch for key {attribute.name} expected: {attribute.type} actual: {found}")
        check_length(schema, attribute, item[attribute.name])


def fits(schema: Schema, item: Mapping[str, Value]) -> bool:
    """Whether an item has the attributes of the table's key, and of its types."""
    return all(attribute.name in item and kind_of(item[attribute.name]) == attribute.type for attribute in schema.attributes)


def check_indexed(index: str, schema: Schema, item: Mapping[str, Value]) -> None:
    """Raise Refused when an item has a key attribute of an index that cannot be one. An item without them is not in the index."""
    for attribute in schema.attributes:
        if attribute.name not in item:
            continue
        kind, held = parts(item[attribute.name])
        if kind != attribute.type:
            invalid(f"Type mismatch for Index Key {attribute.name} Expected: {attribute.type} Actual: {kind} IndexName: {index}")
        if held in ("", b""):
            empty = "binary" if kind == "B" else "string"
            raise Refused(
                "One or more parameter values are not valid. A value specified for a secondary index key is not supported."
                f" The AttributeValue for a key attribute cannot contain an empty {empty} value."
                f" IndexName: {index}, IndexKey: {attribute.name}"
            )
        check_length(schema, attribute, item[attribute.name])


def indexed(schema: Schema, item: Mapping[str, Value]) -> bool:
    """Whether an item is in an index. One from before the index that cannot be in it stays out, as in DynamoDB."""
    return all(attribute.name in item and _keeps(attribute, item[attribute.name]) for attribute in schema.attributes)


def _keeps(attribute: Attribute, value: Value) -> bool:
    kind, held = parts(value)
    return kind == attribute.type and held not in ("", b"")


def check_length(schema: Schema, attribute: Attribute, value: Value) -> None:
    """Raise Refused for a key that is empty or too long."""
    kind, held = parts(value)
    if kind == "N":
        return
    length = len(held.encode()) if kind == "S" else len(held)
    if not length:
        empty = "binary" if kind == "B" else "string"
        raise Refused(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an"
            f" empty {empty} value. Key: {attribute.name}"
        )
    if attribute is schema.hash and length > HASH_LIMIT:
        invalid(f"Size of hashkey has exceeded the maximum size limit of{HASH_LIMIT} bytes")  # no space, as AWS writes it
    if attribute is not schema.hash and length > RANGE_LIMIT:
        invalid(f"Aggregated size of all range keys has exceeded the size limit of {RANGE_LIMIT} bytes")
