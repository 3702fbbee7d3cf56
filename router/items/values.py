"""Attribute values: what is one, how large it is, which are equal, which is less.

Sources: DynamoDB API reference, "AttributeValue"; developer guide, "Item sizes and formats", "Supported data types"."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

from router.items import numbers
from router.items.errors import Refused, invalid

Value = Mapping[str, Any]  # one entry: type → what it holds
Item = dict[str, Value]

TYPES: Final = ("S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL")
SETS: Final = {"SS": "S", "NS": "N", "BS": "B"}  # and the type of their members
ORDERED: Final = ("S", "N", "B")  # types that have an order
LARGEST: Final = 400 * 1024  # bytes of an item, names included
DEEPEST: Final = 32  # levels of lists and maps
LONG_NAME: Final = "Attribute name is too large, must be less than 65536 bytes"
_LONGEST_NAME: Final = 65535  # bytes

_CONTAINER: Final = 3  # bytes that a list or map takes besides its elements
_ELEMENT: Final = 1  # bytes that each element takes besides its value


def checked(value: object, depth: int = 0) -> Value:
    """A value from outside as it is kept, numbers canonical. Raises Refused."""
    if depth > DEEPEST:
        raise Refused("Nesting Levels have exceeded supported limits")
    if not isinstance(value, Mapping):
        raise Refused("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    given = [(kind, held) for kind, held in value.items() if held is not None]
    if not given or given[0][0] not in TYPES:
        raise Refused("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    if len(given) > 1:
        raise Refused("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
    kind, held = given[0]
    return {kind: _CHECKS[kind](held, depth)}


def checked_item(item: object) -> Item:
    """The same of an item. Raises Refused."""
    if not isinstance(item, Mapping):
        raise Refused("an item is a map of attribute values", "SerializationException")
    return {attribute(name): checked(value) for name, value in item.items()}


def attribute(name: object) -> str:
    """The name of an attribute. Raises Refused."""
    found = text(name)
    if not found:
        invalid("An AttributeValue may not contain an empty attribute name")
    if is_long(found):
        invalid(LONG_NAME)
    return found


def is_long(name: str) -> bool:
    """Whether an attribute's name is longer than one can be."""
    return len(name.encode()) > _LONGEST_NAME


def text(given: object) -> str:
    """Text that can be kept: a string without lone surrogates. Raises Refused."""
    if not isinstance(given, str):
        raise Refused(f"{type(given).__name__} can not be converted to an String", "SerializationException")
    try:
        given.encode()
    except UnicodeEncodeError:
        raise Refused("text that is not valid Unicode cannot be stored", "SerializationException") from None
    return given


def _binary(held: object, _: int) -> bytes:
    if not isinstance(held, bytes | bytearray):
        raise Refused(f"{type(held).__name__} can not be converted to a Blob", "SerializationException")
    return bytes(held)


def _truth(held: object, _: int) -> bool:
    if not isinstance(held, bool):
        raise Refused(f"{type(held).__name__} can not be converted to an Boolean", "SerializationException")
    return held


def _null(held: object, _: int) -> bool:
    if held is not True:
        invalid("Null attribute value types must have the value of true")
    return True


def _number(held: object, _: int) -> str:
    return numbers.canonical(text(held))


def _list(held: object, depth: int) -> list[Value]:
    return [checked(element, depth + 1) for element in _sequence(held)]


def _map(held: object, depth: int) -> Item:
    if not isinstance(held, Mapping):
        raise Refused("Expected map or null", "SerializationException")
    return {text(name): checked(element, depth + 1) for name, element in held.items()}


def _sequence(held: object) -> Sequence[Any]:
    if not isinstance(held, list | tuple):
        raise Refused("Expected list or null", "SerializationException")
    return held


def _set(empty: str, member: Callable[[object, int], Any], refuse_doubles: Callable[[list[Any]], NoReturn]) -> Callable[..., list[Any]]:
    def check(held: object, depth: int) -> list[Any]:
        given = _sequence(held)
        if not given:
            invalid(empty)
        members = [member(one, depth) for one in given]
        if len(set(members)) < len(members):
            refuse_doubles(members)
        return members

    return check


def _double_texts(members: list[str]) -> NoReturn:
    invalid(f"Input collection [{', '.join(members)}] contains duplicates.")


def _double_numbers(_: list[str]) -> NoReturn:
    raise Refused("Input collection contains duplicates")


def _double_bytes(members: list[bytes]) -> NoReturn:
    invalid(f"Input collection [{', '.join(b64encode(one).decode() for one in members)}]of type BS contains duplicates.")


_CHECKS: Final[Mapping[str, Callable[[object, int], Any]]] = {
    "S": lambda held, _: text(held),
    "N": _number,
    "B": _binary,
    "SS": _set("An string set  may not be empty", lambda held, _: text(held), _double_texts),  # two spaces, as AWS writes it
    "NS": _set("An number set  may not be empty", _number, _double_numbers),
    "BS": _set("Binary sets should not be empty", _binary, _double_bytes),
    "M": _map,
    "L": _list,
    "NULL": _null,
    "BOOL": _truth,
}


def parts(value: Value) -> tuple[str, Any]:
    """The type of a value and what it holds."""
    ((kind, held),) = value.items()
    return kind, held


def kind_of(value: Value) -> str:
    """The type of a value."""
    return next(iter(value))


def size(value: Value) -> int:
    """Bytes of a value."""
    kind, held = parts(value)
    if kind == "S":
        return len(held.encode())
    if kind == "N":
        return numbers.size(held)
    if kind == "B":
        return len(held)
    if kind == "M":
        return _CONTAINER + item_size(held) + _ELEMENT * len(held)
    if kind == "L":
        return _CONTAINER + sum(size(element) for element in held) + _ELEMENT * len(held)
    if kind in SETS:
        return sum(size({SETS[kind]: member}) for member in held)
    return 1


def item_size(item: Mapping[str, Value]) -> int:
    """Bytes of an item: its names in UTF-8, and its values."""
    return sum(len(name.encode()) + size(value) for name, value in item.items())


def same(left: Value, right: Value) -> bool:
    """Whether two values are equal; sets have no order."""
    (kind, one), (other_kind, other) = parts(left), parts(right)
    if kind != other_kind:
        return False
    if kind in SETS:
        return set(one) == set(other)
    if kind == "L":
        return len(one) == len(other) and all(map(same, one, other))
    if kind == "M":
        return one.keys() == other.keys() and all(same(element, other[name]) for name, element in one.items())
    return bool(one == other)


def order(left: Value, right: Value) -> int | None:
    """Below, at or above 0 as *left* is less than, equal to or greater than *right*; None when they have no order."""
    (kind, one), (other_kind, other) = parts(left), parts(right)
    if kind != other_kind or kind not in ORDERED:
        return None
    if kind == "N":
        one, other = numbers.value(one), numbers.value(other)
    elif kind == "S":
        one, other = one.encode(), other.encode()  # by the bytes of UTF-8
    return int(one > other) - int(one < other)


def shown(value: Value) -> str:
    """A value as AWS's messages spell it: {N:5}."""
    kind, held = parts(value)
    return f"{{{kind}:{held}}}"
