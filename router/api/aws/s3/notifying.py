"""A bucket's notification configuration: S3's document on one side, triggers, notifications and the bucket's own setting on the other. Pure.

Source: S3 API reference, "PutBucketNotificationConfiguration"; user guide, "Event notification types and destinations"."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from router import names
from router.api.aws.s3.errors import S3Error, invalid
from router.api.aws.s3.markup import Node
from router.config.fragments import TRIGGERS
from router.events import s3

NOTIFICATIONS: Final = "notifications"  # the section of the config
MOST: Final = 100  # configurations of one bucket
LONGEST_ID: Final = 255
LONGEST_VALUE: Final = 1024  # bytes of a prefix or a suffix
_FAMILIES: Final = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*")
_OVERLAP: Final = "Configurations overlap. Configurations on the same bucket cannot share a common event type."
_AMBIGUOUS: Final = (
    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping"
    " for the same event type."
)


class _Kind(NamedTuple):
    """A kind of destination, as the document has it."""

    elements: tuple[str, ...]  # of a configuration; the first is what a get shows
    targets: tuple[str, ...]  # that hold its ARN; the same
    service: str  # in the ARN


KINDS: Final[Mapping[str, _Kind]] = {  # in the order of a get
    "topic": _Kind(("TopicConfiguration",), ("Topic", "TopicArn"), "sns"),
    "queue": _Kind(("QueueConfiguration",), ("Queue", "QueueArn"), "sqs"),
    "function": _Kind(
        ("CloudFunctionConfiguration", "LambdaFunctionConfiguration"),
        ("CloudFunction", "Function", "LambdaFunction", "LambdaFunctionArn"),
        "lambda",
    ),
}


class Notification(NamedTuple):
    """Who is told, and of what."""

    id: str
    kind: str  # function, queue, topic
    target: str  # name; of a function with its qualifier where there is one
    arn: str
    events: frozenset[str]  # without "s3:", families spelled out
    prefix: str = ""
    suffix: str = ""
    written: tuple[str, ...] = ()  # the events as they were given; (): as spelled() has them

    @property
    def does(self) -> tuple[str, str, frozenset[str], str, str]:
        """What of it counts: two with this in common are one."""
        return self.kind, self.target, self.events, self.prefix, self.suffix


class Wanted(NamedTuple):
    """What a document asks for."""

    notifications: tuple[Notification, ...]
    bridged: bool  # events go to the default bus too


def read(root: Node, region: str) -> Wanted:
    """The document of a put. Raises S3Error."""
    root.only(*(name for kind in KINDS.values() for name in kind.elements), "EventBridgeConfiguration")
    nodes = [(kind, node) for kind, form in KINDS.items() for name in form.elements for node in root.all(name)]
    if len(nodes) > MOST:
        raise S3Error("InvalidRequest", f"Too many configurations submitted. The maximum number of configurations is {MOST}")
    found = [_notification(kind, node, region) for kind, node in nodes]
    if len({one.id for one in found}) < len(found):
        raise invalid("Same ID used for multiple configurations. IDs must be unique")
    return Wanted(tuple(found), root.find("EventBridgeConfiguration") is not None)


def check_overlaps(found: Sequence[Notification], fixed: Collection[tuple[Any, ...]] = ()) -> None:
    """Refuse two that would tell one event of one key twice. *fixed*: what config.yaml has done, which may. Raises S3Error."""
    for place, one in enumerate(found):
        for other in found[:place]:
            if _overlap(one, other) and not (one.does in fixed and other.does in fixed):
                filtered = one.prefix or one.suffix or other.prefix or other.suffix
                raise invalid(_AMBIGUOUS if filtered else _OVERLAP)


def _notification(kind: str, node: Node, region: str) -> Notification:
    form = KINDS[kind]
    node.only("Id", *form.targets, "Event", "Filter")
    arn = next((value for name in form.targets if (value := node.value(name).strip())), "")
    target = _target(kind, arn, region)
    events = frozenset[str]()
    for event in node.all("Event"):
        try:
            events |= s3.event_names(event.text.strip())
        except ValueError as error:
            raise invalid(f"The event is not supported for notifications: {error}", "Event", event.text[:100]) from None
    if not events:
        raise S3Error("MalformedXML")
    if len(identity := node.value("Id").strip()) > LONGEST_ID:
        raise invalid(f"ID length exceeded allowed limit of {LONGEST_ID}", "Id", identity[:LONGEST_ID])
    written = tuple(f"s3:{event.text.strip().removeprefix('s3:')}" for event in node.all("Event"))
    made = Notification(identity, kind, target, arn, events, *_filter(node.find("Filter")), written)
    return made if identity else made._replace(id=made_id(made))


def _target(kind: str, arn: str, region: str) -> str:
    """The name in an ARN, of a function with its qualifier. Raises S3Error."""
    form, fields = KINDS[kind], arn.split(":")
    function = kind == "function"
    places = (7, 8) if function else (6,)
    if fields[:3] != ["arn", "aws", form.service] or len(fields) not in places or (function and fields[5] != "function"):
        raise invalid("The ARN could not be parsed", form.targets[0], arn[:200])
    if fields[-1].endswith(".fifo") and not function:
        raise invalid(f"FIFO {form.service.upper()} {kind}s are not supported.", form.targets[0], arn[:200])
    if fields[3] != region:
        told = "The notification destination service region is not valid for the bucket location constraint"
        raise invalid(told, form.targets[0], arn[:200])
    return ":".join(fields[6:]).removesuffix(f":{names.LATEST}") if function else fields[5]


def _filter(node: Node | None) -> tuple[str, str]:
    found = {"prefix": "", "suffix": ""}
    keys = node.only("S3Key").find("S3Key") if node is not None else None
    for rule in keys.only("FilterRule").children if keys is not None else []:
        said = rule.only("Name", "Value").value("Name")
        name = said.strip().lower()
        if name not in found:
            raise invalid("filter rule name must be either prefix or suffix", "FilterRule.Name", said[:40])
        if found[name]:
            raise invalid(f"Cannot specify more than one {name} rule in a filter.", "FilterRule.Name", name)
        found[name] = rule.value("Value")
        if len(found[name].encode()) > LONGEST_VALUE:
            raise invalid(f"Size of filter rule value cannot exceed {LONGEST_VALUE} bytes in UTF-8 representation", "FilterRule.Value")
    return found["prefix"], found["suffix"]


def _overlap(one: Notification, other: Notification) -> bool:
    """Whether one event of one key could be told twice."""
    if not one.events & other.events:
        return False
    prefixes = one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)
    return prefixes and (one.suffix.endswith(other.suffix) or other.suffix.endswith(one.suffix))


def made_id(one: Notification) -> str:
    """Where nobody gave one: always the same for what it does."""
    text = f"{one.target}\n{sorted(one.events)}\n{one.prefix}\n{one.suffix}"
    return hashlib.sha256((text if one.kind == "function" else f"{one.kind}:{text}").encode()).hexdigest()[:32]


def section_of(kind: str) -> str:
    """Where the config has what tells a kind of destination."""
    return TRIGGERS if kind == "function" else NOTIFICATIONS


def declared(bucket: str, one: Notification) -> dict[str, Any]:
    """As config.yaml would have it."""
    found: dict[str, Any] = {"bucket": bucket, "events": [*one.written] or spelled(one.events)}
    found |= {"prefix": one.prefix} if one.prefix else {}
    found |= {"suffix": one.suffix} if one.suffix else {}
    found["id"] = one.id
    if one.kind != "function":
        return found | {one.kind: one.target}
    name, _, qualifier = one.target.partition(":")
    return {"function": name, "trigger": {"s3": found | ({"qualifier": qualifier} if qualifier else {})}}


def spelled(events: Iterable[str]) -> list[str]:
    """Events with their "s3:", families as such where they are whole."""
    left, found = set(events), []
    for family in _FAMILIES:
        whole = events_of(family)
        if whole and whole <= left:
            found.append(family)
            left -= whole
    return [*found, *(f"s3:{name}" for name in sorted(left))]


def told(notifications: Iterable[Notification], *, bridged: bool) -> list[tuple[str, Any]]:
    """The children of the document of a get."""
    found: list[tuple[str, Any]] = []
    for one in sorted(notifications, key=lambda one: [*KINDS].index(one.kind)):
        rules = [
            ("FilterRule", [("Name", name), ("Value", value)]) for name, value in (("Prefix", one.prefix), ("Suffix", one.suffix)) if value
        ]
        events = [("Event", event) for event in one.written or spelled(one.events)]
        kept = [("Filter", [("S3Key", rules)])] if rules else []
        form = KINDS[one.kind]
        found.append((form.elements[0], [("Id", one.id), (form.targets[0], one.arn), *events, *kept]))
    return [*found, *([("EventBridgeConfiguration", "")] if bridged else [])]


def events_of(patterns: Any) -> frozenset[str]:
    """The events that a trigger in config names; those it cannot name are none."""
    found = frozenset[str]()
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        try:
            found |= s3.event_names(pattern)
        except ValueError:
            continue
    return found
