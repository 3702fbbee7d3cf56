"""Notifications of buckets that a template asks for: a function's is its trigger `s3`, a queue's or a topic's stands under `notifications`. Pure.

Source: CloudFormation user guide, "AWS::S3::Bucket NotificationConfiguration"; S3 API reference, PutBucketNotificationConfiguration."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from router.templates.draft import Draft, Item
from router.templates.kinds import fitted
from router.templates.props import Props
from router.templates.words import Refused, shown

CAUSED: Final = re.compile(  # router/events/s3.py knows what happens to objects here; a trigger of anything else is a mistake in the config
    r"(?:s3:)?(?:ObjectCreated:(?:\*|Put|Post|Copy|CompleteMultipartUpload)|ObjectRemoved:(?:\*|Delete)|ObjectTagging:(?:\*|Put|Delete))"
)

LONGEST: Final = 128  # characters of a notification's name in the config


@dataclass(frozen=True, slots=True)
class Form:
    """How a configuration spells its keys."""

    functions: str
    function: str
    queue: str
    topic: str
    events: str
    key: str
    rules: str


_Work = Callable[[Item, Props, Draft, Form], None]
CLOUDFORMATION: Final = Form("LambdaConfigurations", "Function", "Queue", "Topic", "Event", "S3Key", "Rules")
API: Final = Form("LambdaFunctionConfigurations", "LambdaFunctionArn", "QueueArn", "TopicArn", "Events", "Key", "FilterRules")


def notifications(props: Props, item: Item, draft: Draft, value: dict[str, Any], form: Form = CLOUDFORMATION) -> None:
    """NotificationConfiguration of a bucket, which an item has the name of; *value*: the bucket's own in the config."""
    bridge = props.child("EventBridgeConfiguration")
    if bridge is not None and bridge.truth("EventBridgeEnabled", default=True):
        value["eventbridge"] = True
    ends: tuple[tuple[str, _Work], ...] = (
        (form.functions, _to_function),
        ("QueueConfigurations", partial(_tell, "queue")),
        ("TopicConfigurations", partial(_tell, "topic")),
    )
    for key, work in ends:
        for index, each in enumerate(props.children(key)):
            draft.later(_attempt(_part(item, f"{key}[{index}]"), each, draft, work, form))
    props.done()


def _part(item: Item, name: str) -> Item:
    return Item(f"{item.logical}.{name}", "S3 notification", item.name, item.raw, item.line)


def _attempt(item: Item, props: Props, draft: Draft, work: _Work, form: Form) -> Callable[[], None]:
    def attempt() -> None:
        draft.attempt(item, lambda: work(item, props, draft, form))

    return attempt


def _to_function(item: Item, props: Props, draft: Draft, form: Form) -> None:
    target = draft.function(props.text(form.function))
    trigger = s3_trigger(item.name, props.texts(form.events), props, form)
    props.take("Id")
    props.done()
    draft.trigger(target.name, "s3", trigger, qualifier=target.qualifier)
    item.becomes = f"functions.{target.name}.triggers"


def _tell(kind: str, item: Item, props: Props, draft: Draft, form: Form) -> None:
    """To a queue or a topic."""
    arn = props.take(form.queue if kind == "queue" else form.topic)
    target = draft.target(arn)
    if target.kind != kind:
        raise Refused(f"{shown(arn)} is no {kind}")
    if target.name.endswith(".fifo"):
        raise Refused(f"a bucket tells standard {kind}s, and {shown(target.name)} is a FIFO one")
    told = s3_trigger(item.name, props.texts(form.events), props, form)
    props.take("Id")
    props.done()
    name = fitted(re.sub(r"[^0-9A-Za-z]+", "-", item.logical).strip("-"), LONGEST)
    draft.sections["notifications"][name] = told | {kind: target.name}
    item.becomes = f"notifications.{name}"


def s3_trigger(bucket: str, events: list[str], props: Props, form: Form = CLOUDFORMATION) -> dict[str, Any]:
    """The value under `s3:`, with the filter of a notification. Raises Refused."""
    if not events:
        raise Refused(f"{form.events} is required")
    if strange := next((event for event in events if not CAUSED.fullmatch(event)), None):
        raise Refused(f"nothing here causes {shown(strange)}")
    value: dict[str, Any] = {"bucket": bucket, "events": events[0] if len(events) == 1 else events}
    wanted = props.child("Filter")
    key = wanted.child(form.key) if wanted is not None else None
    for rule in key.children(form.rules) if key is not None else ():
        name = rule.text("Name").lower()
        if name not in {"prefix", "suffix"}:
            raise Refused(f"a filter's rule is prefix or suffix, not {shown(name)}")
        value[name] = rule.text("Value")
        rule.done()
    for each in (key, wanted):
        if each is not None:
            each.done()
    return value
