"""Where queues are: URL, ARN and name of one; and what a request's members are when they are what they should be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from router import names
from router.api.aws.service import Call, Members
from router.events.sqs_errors import InvalidAddress, InvalidParameterValue, MissingParameter, QueueDoesNotExist


@dataclass(frozen=True, slots=True)
class Place:
    """The account and the region whose queues these are."""

    region: str
    account: str

    def arn(self, name: str) -> str:
        """Of a queue."""
        return names.queue_arn(self.region, self.account, name)

    def url(self, call: Call, name: str) -> str:
        """Of a queue, at the address that the client used."""
        return f"{call.endpoint}/{self.account}/{name}"

    def queue(self, members: Members) -> str:
        """The queue's name in QueueUrl, whose host does not count; a bare name will do. Raises InvalidAddress, QueueDoesNotExist."""
        url = text(members, "QueueUrl")
        try:
            steps = [unquote(step) for step in urlsplit(url).path.split("/") if step]
        except ValueError:
            raise InvalidAddress(url) from None
        if len(steps) == 1:
            return steps[0]
        if len(steps) != 2:
            raise InvalidAddress(url)
        account, name = steps
        if account != self.account:
            raise QueueDoesNotExist(name)
        return name

    def named(self, arn: str) -> str:
        """The queue's name in an ARN. Raises InvalidParameterValue."""
        place = self.arn("")
        if not arn.startswith(place) or arn == place or ":" in arn.removeprefix(place):
            raise InvalidParameterValue(f"{arn[:300]} is no ARN of a queue here: those are {place}NAME.")
        return arn.removeprefix(place)


def text(members: Members, name: str, default: str | None = None) -> str:
    """A member that is text. Raises MissingParameter when there is neither it nor *default*, InvalidParameterValue."""
    value = members.get(name)
    if value is None:
        value = default
    if value is None:
        raise MissingParameter(f"The request must contain the parameter {name}.")
    if not isinstance(value, str):
        raise InvalidParameterValue(f"The parameter {name} must be text.")
    return value


def number(members: Members, name: str) -> int | None:
    """A member that is a whole number of 32 bits; None when there is none."""
    value = members.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**31):
        raise InvalidParameterValue(f"The parameter {name} must be a whole number.")
    return value


def texts(members: Members, name: str) -> list[str]:
    """A member that is a list of texts; [] when there is none."""
    value = members.get(name) or []
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(one, str) for one in value):
        raise InvalidParameterValue(f"The parameter {name} must be a list of texts.")
    return list(value)


def mapping(members: Members, name: str) -> dict[str, str]:
    """A member that maps texts to texts; {} when there is none."""
    value = members.get(name) or {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) and isinstance(one, str) for key, one in value.items()):
        raise InvalidParameterValue(f"The parameter {name} must map texts to texts.")
    return dict(value)


def entries(members: Members) -> list[Mapping[str, Any]]:
    """The entries of a batch."""
    value = members.get("Entries") or []
    if not isinstance(value, Sequence) or not all(isinstance(one, Mapping) for one in value):
        raise InvalidParameterValue("The parameter Entries must be a list of entries.")
    return list(value)
