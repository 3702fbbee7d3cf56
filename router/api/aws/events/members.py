"""The members of EventBridge's requests, one page of an answer, and refusals in its words. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from router.api.aws.service import AwsError, Members
from router.api.declared import DeclaredInConfig
from router.errors import InvalidParameter

PAGE: Final = 100  # of one answer at most: EventBridge API reference, LimitMax100
_LONGEST: Final = 300  # characters of a request's own text in a message


def invalid(message: str) -> AwsError:
    """A request that is refused for what it says."""
    return AwsError("ValidationException", message)


def missing(message: str) -> AwsError:
    """What a request is about is not there."""
    return AwsError("ResourceNotFoundException", message)


def short(text: str) -> str:
    """A request's own text, fit for a message."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def text(members: Members, name: str, default: str | None = None) -> str:
    """A member that is text; required without *default*."""
    value = members.get(name)
    if value is None:
        if default is None:
            raise invalid(f"Parameter {name} is not valid. Reason: {name} is a required argument.")
        return default
    if not isinstance(value, str):
        raise invalid(f"Parameter {name} is not valid. Reason: {name} is text.")
    return value


def number(members: Members, name: str, default: int, *, low: int, high: int) -> int:
    """A member that is a whole number within its bounds."""
    value = members.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise invalid(f"Parameter {name} is not valid. Reason: {name} is a whole number from {low} to {high}.")
    return value


def listed(members: Members, name: str) -> list[Any]:
    """A member that is a list; [] when there is none."""
    value = members.get(name)
    if value is None:
        return []
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise invalid(f"Parameter {name} is not valid. Reason: {name} is a list.")
    return list(value)


def texts(members: Members, name: str) -> list[str]:
    """A member that is a list of texts."""
    found = listed(members, name)
    if not all(isinstance(one, str) for one in found):
        raise invalid(f"Parameter {name} is not valid. Reason: {name} is a list of texts.")
    return found


def structure(members: Members, name: str) -> Mapping[str, Any]:
    """A member that has members; {} when there is none."""
    value = members.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise invalid(f"Parameter {name} is not valid. Reason: {name} is a structure.")
    return value


def tags(members: Members) -> dict[str, str]:
    """The member Tags: [{Key, Value}, …] → {key: value}."""
    found: dict[str, str] = {}
    for one in listed(members, "Tags"):
        if not isinstance(one, Mapping):
            raise invalid("Parameter Tags is not valid. Reason: a tag is a Key and a Value.")
        key, value = text(one, "Key"), text(one, "Value")
        if key in found:
            raise invalid("Duplicate tag keys found.")
        found[key] = value
    return found


def spoken(given: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as answers have them."""
    return [{"Key": key, "Value": value} for key, value in sorted(given.items())]


def refuse(members: Members, *names: str) -> None:
    """What is not done here is refused, not ignored."""
    for name in names:
        if members.get(name):
            raise invalid(f"Parameter {name} is not valid. Reason: {name} is not supported here.")


def page(call: Members, rows: Sequence[tuple[str, Any]], key: str, *, limit: str = "Limit", most: int = PAGE) -> dict[str, Any]:
    """One page of named rows, by name; a token is the last name of the page before."""
    size, after = number(call, limit, most, low=1, high=most), text(call, "NextToken", "")
    rest = sorted((row for row in rows if row[0] > after), key=lambda row: row[0])
    made: dict[str, Any] = {key: [row for _, row in rest[:size]]}
    return made | ({"NextToken": rest[size - 1][0]} if len(rest) > size else {})


@contextmanager
def refusals(of_config: str = "ValidationException", status: int = 400, *, before: str = "") -> Iterator[None]:
    """What the config does not take is said in the service's own words; *of_config*: the code where config.yaml has the last word;
    *before*: what is said before why it does not."""
    try:
        yield
    except DeclaredInConfig as error:
        raise AwsError(of_config, str(error), status) from error
    except InvalidParameter as error:
        raise invalid(before + short(str(error))) from error
