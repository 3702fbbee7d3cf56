"""What an ARN of ours names: a queue, a function, a bus, a bucket, a topic, a table's stream, a role. Pure.

Sources: IAM user guide, "Amazon Resource Names"; Lambda API reference, DestinationConfig."""

import re
from typing import Final

_ARN: Final = re.compile(r"arn:aws:([a-z0-9-]+):([a-z0-9-]*):([0-9]{12}|):(.+)", re.ASCII | re.DOTALL)
_ROLE: Final = re.compile(r"arn:aws:iam::([0-9]{12}):role/(?:[!-~]+/)?([A-Za-z0-9_+=,.@-]{1,64})")
_KINDS: Final = {"sqs": ("queue", ""), "lambda": ("function", "function:"), "events": ("bus", "event-bus/"), "sns": ("topic", "")}


def destination(arn: str, *, region: str, account: str) -> tuple[str, str] | None:
    """Kind and name of what records can be sent to: ("queue", "done"); None when it is no such thing, or not here."""
    found = _ARN.fullmatch(arn)
    if found is None:
        return None
    service, there, owner, rest = found.groups()
    if service == "s3":
        return ("bucket", rest) if not there and not owner and "/" not in rest else None
    kind, prefix = _KINDS.get(service, ("", ""))
    if not kind or (there, owner) != (region, account) or not rest.startswith(prefix) or rest == prefix:
        return None
    return kind, rest.removeprefix(prefix)


def event_source(arn: str, *, region: str, account: str) -> tuple[str, str] | None:
    """Kind and name of what can be polled: ("queue", "jobs"), ("table", "orders"); None when it is no such thing, or not here."""
    found = _ARN.fullmatch(arn)
    if found is None or (found[2], found[3]) != (region, account):
        return None
    if found[1] == "sqs":
        return "queue", found[4]
    kind, _, rest = found[4].partition("/")
    name, _, stream = rest.partition("/")
    return ("table", name) if found[1] == "dynamodb" and kind == "table" and name and stream.startswith("stream/") else None


def role(arn: str, *, account: str) -> str:
    """The name of a role; "" when it is none of the account's. What stands before the name as its path is not looked at: roles have none."""
    found = _ROLE.fullmatch(arn)
    return found[2] if found is not None and found[1] == account else ""


def passed(arn: str) -> str:
    """What to allow who passes a role: the ARN of the one that role() finds, so that no path before its name makes another of it."""
    found = _ROLE.fullmatch(arn)
    return f"arn:aws:iam::{found[1]}:role/{found[2]}" if found is not None else arn


def spelled(kind: str, name: str, *, region: str, account: str) -> str:
    """The ARN of a destination."""
    if kind == "bucket":
        return f"arn:aws:s3:::{name}"
    service, prefix = next((service, prefix) for service, (one, prefix) in _KINDS.items() if one == kind)
    return f"arn:aws:{service}:{region}:{account}:{prefix}{name}"
