"""Where log groups are: ARN and name of one; and what a request's members are when they are what they should be."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from router.api.aws.service import AwsError, Members
from router.names import LOG_GROUP

_GROUP: Final = re.compile(LOG_GROUP)
_STREAM: Final = re.compile(r"[^:*]{1,512}")


def invalid(message: str) -> AwsError:
    """InvalidParameterException."""
    return AwsError("InvalidParameterException", message)


def no_group() -> AwsError:
    """ResourceNotFoundException of a group."""
    return AwsError("ResourceNotFoundException", "The specified log group does not exist.")


def no_stream() -> AwsError:
    """ResourceNotFoundException of a stream."""
    return AwsError("ResourceNotFoundException", "The specified log stream does not exist.")


class Place(NamedTuple):
    """The account and the region whose groups these are."""

    region: str
    account: str

    def arn(self, group: str) -> str:
        """Of a group, without :*."""
        return f"arn:aws:logs:{self.region}:{self.account}:log-group:{group}"

    def resource(self, group: str, stream: str = "") -> str:
        """What a policy must allow; of a whole group it ends as if a stream had no name, as on AWS."""
        return f"{self.arn(group)}:log-stream:{stream}"

    def group(self, members: Members) -> str:
        """The group's name, in logGroupName or logGroupIdentifier. Raises AwsError."""
        name, identifier = members.get("logGroupName"), members.get("logGroupIdentifier")
        if name is not None and identifier is not None:
            raise AwsError("ValidationException", "LogGroup name and LogGroup ARN are mutually exclusive parameters.")
        return self.named(text(members, "logGroupIdentifier" if name is None and identifier is not None else "logGroupName"))

    def named(self, identifier: str) -> str:
        """The group's name in a name or an ARN. Raises AwsError."""
        name = identifier.removesuffix(":*")
        if name.startswith("arn:"):
            if not name.startswith(self.arn("")):
                raise no_group()
            name = name.removeprefix(self.arn(""))
        return group_name(name)


def group_name(name: str) -> str:
    """A group's name that may be one. Raises AwsError."""
    if not _GROUP.fullmatch(name):
        told = "Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+"
        raise invalid(f"1 validation error detected: Value '{shown(name)}' at 'logGroupName' failed to satisfy constraint: {told}")
    return name


def stream_name(members: Members) -> str:
    """A stream's name that may be one. Raises AwsError."""
    name = text(members, "logStreamName")
    try:
        name.encode()
    except UnicodeEncodeError:
        name = ":"
    if not _STREAM.fullmatch(name):
        told = "Member must satisfy regular expression pattern: [^:*]*"
        raise invalid(f"1 validation error detected: Value '{shown(name)}' at 'logStreamName' failed to satisfy constraint: {told}")
    return name


def text(members: Members, name: str, default: str | None = None) -> str:
    """A member that is text. Raises AwsError, also when there is neither it nor *default*."""
    value = members.get(name)
    if value is None:
        value = default
    if not isinstance(value, str):
        told = f"Value null at '{name}' failed to satisfy constraint: Member must not be null" if value is None else f"'{name}' is no text"
        raise invalid(f"1 validation error detected: {told}")
    return value


def number(members: Members, name: str, default: int, *, low: int, high: int) -> int:
    """A member that is a whole number within low and high. Raises AwsError."""
    value = members.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int):
        raise invalid(f"1 validation error detected: '{name}' is no whole number")
    if not low <= value <= high:
        bound = f"less than or equal to {high}" if value > high else f"greater than or equal to {low}"
        given = value if abs(value) < 2**63 else "…"
        raise invalid(
            f"1 validation error detected: Value '{given}' at '{name}' failed to satisfy constraint: Member must have value {bound}"
        )
    return value


def texts(members: Members, name: str) -> list[str]:
    """A member that is a list of texts; [] when there is none. Raises AwsError."""
    value = members.get(name) or []
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(one, str) for one in value):
        raise invalid(f"1 validation error detected: '{name}' is no list of texts")
    return list(value)


def mapping(members: Members, name: str) -> dict[str, str]:
    """A member that maps texts to texts; {} when there is none. Raises AwsError."""
    value = members.get(name) or {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) and isinstance(one, str) for key, one in value.items()):
        raise invalid(f"1 validation error detected: '{name}' maps no texts to texts")
    return dict(value)


def shown(value: str) -> str:
    """For a message."""
    return value[:100].encode(errors="replace").decode()
