"""Notifications of buckets that a template asks for: a function's is its trigger `s3`, a queue's or a topic's stands under `notifications`. Pure.

Source: CloudFormation user guide, "AWS::S3::Bucket NotificationConfiguration"."""

import re
from collections.abc import Callable
from typing import Any, Final

from router.templates.draft import Draft, Item
from router.templates.kinds import fitted
from router.templates.props import Props
from router.templates.words import Refused, shown

CAUSED: Final = re.compile(  # router/events/s3.py knows what happens to objects here; a trigger of anything else is a mistake in the config
    r"(?:s3:)?(?:ObjectCreated:(?:\*|Put|Post|Copy|CompleteMultipartUpload)|ObjectRemoved:(?:\*|Delete)|ObjectTagging:(?:\*|Put|Delete))"
)

LONGEST: Final = 128  # characters of a notification's name in the config


def notifications(props: Props, item: Item, draft: Draft, value: dict[str, Any]) -> None:
    """NotificationConfiguration of a bucket; *value*: the bucket's own in the config."""
    bridge = props.child("EventBridgeConfiguration")
    if bridge is not None and bridge.truth("EventBridgeEnabled", default=True):
        value["eventbridge"] = True
    for index, each in enumerate(props.children("LambdaConfigurations")):
        draft.later(_attempt(_part(item, f"LambdaConfigurations[{index}]"), each, draft, _to_function))
    for key, work in (("QueueConfigurations", _to_queue), ("TopicConfigurations", _to_topic)):
        for index, each in enumerate(props.children(key)):
            draft.later(_attempt(_part(item, f"{key}[{index}]"), each, draft, work))
    props.done()


def _part(item: Item, name: str) -> Item:
    return Item(f"{item.logical}.{name}", "S3 notification", item.name, item.raw, item.line)


def _attempt(item: Item, props: Props, draft: Draft, work: Callable[[Item, Props, Draft], None]) -> Callable[[], None]:
    def attempt() -> None:
        draft.attempt(item, lambda: work(item, props, draft))

    return attempt


def _to_function(item: Item, props: Props, draft: Draft) -> None:
    target = draft.function(props.text("Function"))
    trigger = s3_trigger(item.name, [props.text("Event")], props)
    props.done()
    draft.trigger(target.name, "s3", trigger, qualifier=target.qualifier)
    item.becomes = f"functions.{target.name}.triggers"


def _to_queue(item: Item, props: Props, draft: Draft) -> None:
    _tell("queue", item, props.take("Queue"), props, draft)


def _to_topic(item: Item, props: Props, draft: Draft) -> None:
    _tell("topic", item, props.take("Topic"), props, draft)


def _tell(kind: str, item: Item, arn: Any, props: Props, draft: Draft) -> None:
    target = draft.target(arn)
    if target.kind != kind:
        raise Refused(f"{shown(arn)} is no {kind}")
    if target.name.endswith(".fifo"):
        raise Refused(f"a bucket tells standard {kind}s, and {shown(target.name)} is a FIFO one")
    told = s3_trigger(item.name, [props.text("Event")], props)
    props.done()
    name = fitted(re.sub(r"[^0-9A-Za-z]+", "-", item.logical).strip("-"), LONGEST)
    draft.sections["notifications"][name] = told | {kind: target.name}
    item.becomes = f"notifications.{name}"


def s3_trigger(bucket: str, events: list[str], props: Props) -> dict[str, Any]:
    """The value under `s3:`, with the filter of a notification. Raises Refused."""
    if strange := next((event for event in events if not CAUSED.fullmatch(event)), None):
        raise Refused(f"nothing here causes {shown(strange)}")
    value: dict[str, Any] = {"bucket": bucket, "events": events[0] if len(events) == 1 else events}
    wanted = props.child("Filter")
    key = wanted.child("S3Key") if wanted is not None else None
    for rule in key.children("Rules") if key is not None else ():
        name = rule.text("Name").lower()
        if name not in {"prefix", "suffix"}:
            raise Refused(f"a filter's rule is prefix or suffix, not {shown(name)}")
        value[name] = rule.text("Value")
        rule.done()
    for each in (key, wanted):
        if each is not None:
            each.done()
    return value
