"""A bucket's notification configuration: S3's document on one side, triggers of functions and the bucket's own setting on the other. Pure.

Source: S3 API reference, "PutBucketNotificationConfiguration"; user guide, "Event notification types and destinations"."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from router.api.aws.s3.errors import S3Error, invalid
from router.api.aws.s3.markup import Node
from router.events import s3
from router.names import base

_UNDONE: Final = {"QueueConfiguration": "queues", "TopicConfiguration": "topics"}
_FUNCTION: Final = ("CloudFunctionConfiguration", "LambdaFunctionConfiguration")
_FAMILIES: Final = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*")


class Notification(NamedTuple):
    """One function that is told."""

    id: str
    function: str  # name
    arn: str
    events: frozenset[str]  # without "s3:", families spelled out
    prefix: str = ""
    suffix: str = ""

    @property
    def does(self) -> tuple[str, frozenset[str], str, str]:
        """What of it counts: two with this in common are one."""
        return self.function, self.events, self.prefix, self.suffix


class Wanted(NamedTuple):
    """What a document asks for."""

    functions: tuple[Notification, ...]
    bridged: bool  # events go to the default bus too


def read(root: Node) -> Wanted:
    """The document of a put. Raises S3Error."""
    root.only(*_FUNCTION, *_UNDONE, "EventBridgeConfiguration")
    if kind := next((told for name, told in _UNDONE.items() if root.find(name)), ""):
        raise S3Error("NotImplemented", f"Buckets notify functions and the default event bus; {kind} are reached by a rule on that bus")
    found = [_function(node) for name in _FUNCTION for node in root.all(name)]
    if len({one.id for one in found}) < len(found):
        raise invalid("Same ID used for multiple configurations. IDs must be unique")
    for place, one in enumerate(found):
        if any(_overlap(one, other) for other in found[:place]):
            raise invalid(
                "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping"
                " for the same event type."
            )
    return Wanted(tuple(found), root.find("EventBridgeConfiguration") is not None)


def _function(node: Node) -> Notification:
    node.only("Id", "CloudFunction", "Function", "LambdaFunction", "LambdaFunctionArn", "Event", "Filter")
    arn = next(
        (value for name in ("CloudFunction", "Function", "LambdaFunction", "LambdaFunctionArn") if (value := node.value(name).strip())), ""
    )
    fields = arn.split(":")
    if len(fields) not in (7, 8) or fields[:3] != ["arn", "aws", "lambda"] or fields[5] != "function":
        raise invalid("The ARN could not be parsed", "Function", arn[:200])
    events = frozenset[str]()
    for event in node.all("Event"):
        try:
            events |= s3.event_names(event.text.strip())
        except ValueError as error:
            raise invalid(f"The event is not supported for notifications: {error}", "Event", event.text[:100]) from None
    if not events:
        raise S3Error("MalformedXML")
    prefix, suffix = _filter(node.find("Filter"))
    named = Notification("", base(":".join(fields[6:])), arn, events, prefix, suffix)
    return named._replace(id=node.value("Id").strip()[:255] or made_id(named))


def _filter(node: Node | None) -> tuple[str, str]:
    found = {"prefix": "", "suffix": ""}
    keys = node.only("S3Key").find("S3Key") if node is not None else None
    for rule in keys.only("FilterRule").children if keys is not None else []:
        name = rule.only("Name", "Value").value("Name").strip().lower()
        if name not in found:
            raise invalid("filter rule name must be either prefix or suffix", "FilterRule.Name", name[:40])
        if found[name]:
            raise invalid(f"Cannot specify more than one {name} rule in a filter.", "FilterRule.Name", name)
        found[name] = rule.value("Value")
    return found["prefix"], found["suffix"]


def _overlap(one: Notification, other: Notification) -> bool:
    """Whether one event of one key could be told twice."""
    if not one.events & other.events:
        return False
    prefixes = one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)
    return prefixes and (one.suffix.endswith(other.suffix) or other.suffix.endswith(one.suffix))


def made_id(one: Notification) -> str:
    """Where nobody gave one: always the same for what it does."""
    text = f"{one.function}\n{sorted(one.events)}\n{one.prefix}\n{one.suffix}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def trigger(bucket: str, one: Notification) -> dict[str, Any]:
    """As config.yaml would have it."""
    found: dict[str, Any] = {"bucket": bucket, "events": spelled(one.events)}
    found |= {"prefix": one.prefix} if one.prefix else {}
    found |= {"suffix": one.suffix} if one.suffix else {}
    return {"function": one.function, "trigger": {"s3": found}}


def spelled(events: Iterable[str]) -> list[str]:
    """Events with their "s3:", families as such where they are whole."""
    left, found = set(events), []
    for family in _FAMILIES:
        whole = events_of(family)
        if whole and whole <= left:
            found.append(family)
            left -= whole
    return [*found, *(f"s3:{name}" for name in sorted(left))]


def told(functions: Iterable[Notification], *, bridged: bool) -> list[tuple[str, Any]]:
    """The children of the document of a get."""
    found: list[tuple[str, Any]] = []
    for one in functions:
        rules = [
            ("FilterRule", [("Name", name), ("Value", value)]) for name, value in (("Prefix", one.prefix), ("Suffix", one.suffix)) if value
        ]
        events = [("Event", event) for event in spelled(one.events)]
        kept = [("Filter", [("S3Key", rules)])] if rules else []
        found.append(("CloudFunctionConfiguration", [("Id", one.id), ("CloudFunction", one.arn), *events, *kept]))
    return [*found, *([("EventBridgeConfiguration", "")] if bridged else [])]


def about(one: Notification) -> Mapping[str, str]:
    """What is kept with a trigger: what config does not know of it."""
    return {"bucket_notification": one.id, "arn": one.arn}


def events_of(patterns: Any) -> frozenset[str]:
    """The events that a trigger in config names; those it cannot name are none."""
    found = frozenset[str]()
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        try:
            found |= s3.event_names(pattern)
        except ValueError:
            continue
    return found
