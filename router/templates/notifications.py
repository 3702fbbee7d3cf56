"""Notifications of buckets that a template asks for. Pure.

A function is told by its trigger `s3`. A queue is told by a rule on the default bus that makes an S3 notification of the bucket's
event. Source: S3 user guide, "Event message structure"; EventBridge user guide, "Amazon S3 events"."""

import re
from collections.abc import Callable
from typing import Any, Final

from router.templates.draft import Draft, Item
from router.templates.props import Props
from router.templates.words import Refused, shown

# event of a notification → detail-type and reason of EventBridge's, and the name that the notification gets
_CREATED: Final = ("Object Created", "PutObject", "ObjectCreated:Put")
_COPIED: Final = ("Object Created", "CopyObject", "ObjectCreated:Copy")
_POSTED: Final = ("Object Created", "POST Object", "ObjectCreated:Post")
_MULTIPART: Final = ("Object Created", "CompleteMultipartUpload", "ObjectCreated:CompleteMultipartUpload")
_REMOVED: Final = ("Object Deleted", "DeleteObject", "ObjectRemoved:Delete")
_EVENTS: Final = {
    "ObjectCreated:*": (_CREATED, _COPIED, _POSTED, _MULTIPART),
    "ObjectCreated:Put": (_CREATED,),
    "ObjectCreated:Copy": (_COPIED,),
    "ObjectCreated:Post": (_POSTED,),
    "ObjectCreated:CompleteMultipartUpload": (_MULTIPART,),
    "ObjectRemoved:*": (_REMOVED,),
    "ObjectRemoved:Delete": (_REMOVED,),
}
_PATHS: Final = {
    "bucket": "$.detail.bucket.name",
    "key": "$.detail.object.key",
    "size": "$.detail.object.size",
    "etag": "$.detail.object.etag",
    "sequencer": "$.detail.object.sequencer",
    "request": "$.detail.request-id",
    "requester": "$.detail.requester",
    "region": "$.region",
    "time": "$.time",
}
_TEMPLATE: Final = (
    '{{"Records": [{{"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": <region>, "eventTime": <time>, "eventName": "{name}",'
    ' "userIdentity": {{"principalId": <requester>}}, "responseElements": {{"x-amz-request-id": <request>}}, "s3": {{"s3SchemaVersion": "1.0",'
    ' "configurationId": "{rule}", "bucket": {{"name": <bucket>, "arn": "arn:aws:s3:::{bucket}"}}, "object": {{"key": <key>{facts},'
    ' "sequencer": <sequencer>}}}}}}]}}'
)


def notifications(props: Props, item: Item, draft: Draft, value: dict[str, Any]) -> None:
    """NotificationConfiguration of a bucket; *value*: the bucket's own in the config."""
    bridge = props.child("EventBridgeConfiguration")
    if bridge is not None and bridge.truth("EventBridgeEnabled", default=True):
        value["eventbridge"] = True
    for index, each in enumerate(props.children("LambdaConfigurations")):
        draft.later(_attempt(_part(item, f"LambdaConfigurations[{index}]"), each, draft, _to_function))
    for index, each in enumerate(props.children("QueueConfigurations")):
        value["eventbridge"] = True
        draft.later(_attempt(_part(item, f"QueueConfigurations[{index}]"), each, draft, _to_queue))
    for index, each in enumerate(props.children("TopicConfigurations")):
        draft.later(_attempt(_part(item, f"TopicConfigurations[{index}]"), each, draft, _to_topic))
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


def _to_topic(item: Item, props: Props, draft: Draft) -> None:
    del item, props, draft
    raise Refused("a bucket tells functions and queues; subscribe a queue, or a function that publishes, instead of a topic")


def _to_queue(item: Item, props: Props, draft: Draft) -> None:
    target = draft.target(props.take("Queue"))
    event = props.text("Event").removeprefix("s3:")
    if target.kind != "queue" or event not in _EVENTS:
        raise Refused(f"{shown(event)} for a {target.kind} is not supported")
    key = _key(s3_trigger(item.name, [event], props))
    props.done()
    item.note("delivered by rules on the default bus; keys in the messages are not percent-encoded")
    for place, (detail_type, reason, name) in enumerate(_EVENTS[event]):
        rule = re.sub(r"[^0-9A-Za-z-]+", "-", f"{item.logical}-{place}").strip("-")[-64:]
        detail = {"bucket": {"name": [item.name]}, "reason": [reason], **({"object": {"key": [key]}} if key else {})}
        facts = "" if detail_type == "Object Deleted" else ', "size": <size>, "eTag": <etag>'
        paths = {word: path for word, path in _PATHS.items() if facts or word not in {"size", "etag"}}
        template = _TEMPLATE.format(name=name, rule=rule, bucket=item.name, facts=facts)
        draft.sections["rules"][rule] = {
            "pattern": {"source": ["aws.s3"], "detail-type": [detail_type], "detail": detail},
            "targets": [{"queue": target.name, "input_transformer": {"template": template, "paths": paths}}],
        }
        item.becomes = f"rules.{rule}"


def _key(filters: dict[str, Any]) -> Any:
    """What a pattern says of the key; None: nothing."""
    prefix, suffix = filters.get("prefix", ""), filters.get("suffix", "")
    if prefix and suffix:
        return {"wildcard": f"{_literal(prefix)}*{_literal(suffix)}"}
    return {"prefix": prefix} if prefix else {"suffix": suffix} if suffix else None


def _literal(text: str) -> str:
    return re.sub(r"([*\\])", r"\\\1", text)


def s3_trigger(bucket: str, events: list[str], props: Props) -> dict[str, Any]:
    """The value under `s3:`, with the filter of a notification."""
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
