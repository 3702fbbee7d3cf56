"""Where topics are: ARN and name of one; and what a request's members are when they are what they should be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from router import names
from router.api.aws.service import Members
from router.events.sns_errors import InvalidParameter

_ARN_FIELDS: Final = 7  # of a subscription's ARN
_LEAST: Final = 6  # of any


@dataclass(frozen=True, slots=True)
class Place:
    """The account and the region whose topics these are."""

    region: str
    account: str

    def arn(self, topic: str) -> str:
        """Of a topic."""
        return names.topic_arn(self.region, self.account, topic)

    def queue_arn(self, name: str) -> str:
        """Of a queue."""
        return names.queue_arn(self.region, self.account, name)

    def topic(self, arn: str, parameter: str = "TopicArn") -> str:
        """The topic's name in an ARN. Raises InvalidParameter."""
        _check(arn, parameter)
        return _last(arn, self.arn(""), parameter)

    def queue(self, arn: str, parameter: str = "RedrivePolicy: deadLetterTargetArn is an invalid arn") -> str:
        """The queue's name in an ARN. Raises InvalidParameter."""
        return _last(arn, self.queue_arn(""), parameter)

    def function(self, arn: str) -> str:
        """The function's name in an ARN; a version or an alias is refused. Raises InvalidParameter."""
        place = names.function_arn(self.region, self.account, "")
        name, _, qualifier = arn.removeprefix(place).partition(":")
        if not arn.startswith(place) or not name:
            raise InvalidParameter("Lambda endpoint ARN")
        if qualifier not in {"", names.LATEST}:
            raise InvalidParameter("Endpoint Reason: subscribe the function itself; an alias subscribes by a trigger in config.yaml")
        return name

    def topic_of(self, subscription: str) -> str:
        """The topic's ARN in a subscription's. Raises InvalidParameter."""
        _check(subscription, "SubscriptionArn")
        fields = subscription.split(":")
        if len(fields) == _LEAST:  # a topic's
            raise InvalidParameter("SubscriptionId")
        if len(fields) != _ARN_FIELDS or not subscription.startswith(self.arn("")):
            raise InvalidParameter("SubscriptionArn")
        return subscription.rpartition(":")[0]


def _check(arn: str, parameter: str) -> None:
    """Raise InvalidParameter for what has not the fields of an ARN."""
    fields = arn.count(":") + 1
    if fields < _LEAST:
        raise InvalidParameter(f"{parameter} Reason: An ARN must have at least {_LEAST} elements, not {fields}")


def _last(arn: str, place: str, parameter: str) -> str:
    if not arn.startswith(place) or arn == place or ":" in arn.removeprefix(place):
        raise InvalidParameter(parameter)
    return arn.removeprefix(place)


def text(members: Members, name: str, default: str | None = None) -> str:
    """A member that is text. Raises InvalidParameter, also when there is neither it nor *default*."""
    value = members.get(name)
    if value is None:
        value = default
    if not isinstance(value, str):
        raise InvalidParameter(name)
    return value


def mapping(members: Members, name: str) -> dict[str, str]:
    """A member that maps texts to texts; {} when there is none."""
    value = members.get(name) or {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) and isinstance(one, str) for key, one in value.items()):
        raise InvalidParameter(name)
    return dict(value)


def texts(members: Members, name: str) -> list[str]:
    """A member that is a list of texts; [] when there is none."""
    value = members.get(name) or []
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(one, str) for one in value):
        raise InvalidParameter(name)
    return list(value)


def structures(members: Members, name: str) -> list[Mapping[str, Any]]:
    """A member that is a list of structures; [] when there is none."""
    value = members.get(name) or []
    if not isinstance(value, Sequence) or not all(isinstance(one, Mapping) for one in value):
        raise InvalidParameter(name)
    return list(value)


def tags(members: Members) -> dict[str, str]:
    """Tags, listed as Key and Value. Raises InvalidParameter."""
    given = structures(members, "Tags")
    found = {text(one, "Key"): text(one, "Value", "") for one in given}
    if len(found) < len(given):
        raise InvalidParameter("Duplicated keys are not allowed.")
    return found
