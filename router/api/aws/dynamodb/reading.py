"""What a request's members are when they are what they should be; texts of refusals are DynamoDB's."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from router.api.aws.service import Members
from router.items.errors import Refused

RETURN_VALUES: Final = ("ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW")
CAPACITY: Final = ("INDEXES", "TOTAL", "NONE")


def text(members: Members, name: str, default: str | None = None) -> str:
    """A member that is text. Raises Refused when there is neither it nor *default*."""
    value = members.get(name)
    if value is None:
        value = default
    if value is None:
        raise Refused(f"The parameter '{_lower(name)}' is required but was not present in the request")
    if not isinstance(value, str):
        raise Refused(f"{type(value).__name__} can not be converted to an String", "SerializationException")
    return value


def choice(members: Members, name: str, options: Sequence[str], default: str) -> str:
    """A member that is one of some words."""
    value = text(members, name, default)
    if value not in options:
        raise Refused(
            f"1 validation error detected: Value '{value}' at '{_lower(name)}' failed to satisfy constraint:"
            f" Member must satisfy enum value set: [{', '.join(options)}]"
        )
    return value


def number(members: Members, name: str, *, low: int, high: int = 2**31 - 1) -> int | None:
    """A member that is a whole number; None when there is none."""
    value = members.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused(f"{type(value).__name__} can not be converted to an Integer", "SerializationException")
    if not low <= value <= high:
        side, bound = ("greater", low) if value < low else ("less", high)
        raise Refused(
            f"1 validation error detected: Value '{value}' at '{_lower(name)}' failed to satisfy constraint:"
            f" Member must have value {side} than or equal to {bound}"
        )
    return value


def truth(members: Members, name: str, *, default: bool = False) -> bool:
    """A member that is true or false."""
    value = members.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise Refused(f"{type(value).__name__} can not be converted to an Boolean", "SerializationException")
    return value


def mapping(members: Members, name: str) -> Mapping[str, Any]:
    """A member that is a map or a structure; empty when there is none."""
    value = members.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Refused("Expected map or null", "SerializationException")
    return value


def structures(members: Members, name: str) -> list[Mapping[str, Any]]:
    """A member that is a list of structures; empty when there is none."""
    value = members.get(name)
    if value is None:
        return []
    if not isinstance(value, list | tuple) or not all(isinstance(one, Mapping) for one in value):
        raise Refused("Expected list or null", "SerializationException")
    return list(value)


def texts(members: Members, name: str) -> list[str]:
    """A member that is a list of texts; empty when there is none."""
    value = members.get(name)
    if value is None:
        return []
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise Refused("Expected list or null", "SerializationException")
    return list(value)


def table_name(members: Members, name: str = "TableName") -> str:
    """The table's name in a member that is a name or an ARN. Raises Refused."""
    return named(text(members, name))


def named(given: str) -> str:
    """The table's name in a name or an ARN; checked. Raises Refused."""
    name = given.partition(":table/")[2].partition("/")[0] if given.startswith("arn:") else given
    if not 3 <= len(name) <= 255:
        raise Refused("TableName must be at least 3 characters long and at most 255 characters long")
    if not all(letter.isascii() and (letter.isalnum() or letter in "_.-") for letter in name):
        raise Refused(
            f"1 validation error detected: Value '{name}' at 'tableName' failed to satisfy constraint:"
            " Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
        )
    return name


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]
