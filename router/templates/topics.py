"""Topics of a template and who gets what is published to them. Pure.

Source: CloudFormation template reference, AWS::SNS::Topic, AWS::SNS::Subscription; SAM developer guide, event source SNS."""

from typing import Any, Final

from router.templates import managed_policies
from router.templates.draft import Draft, Item
from router.templates.escaping import Verbatim
from router.templates.kinds import fitted
from router.templates.mappings import queue_mapping
from router.templates.props import Props
from router.templates.words import Refused, shown

_NAME: Final = r"[A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo"
_DISK: Final = "messages lie in the journal on this machine's disk; encrypt that"
_DIFFERENT: Final = {
    "KmsMasterKeyId": _DISK,
    "TracingConfig": "no traces are sent to X-Ray",
    "DeliveryStatusLogging": "see the daemon's log",
    "SignatureVersion": "notifications for functions and queues are not signed with AWS's keys",
}


def topic(item: Item, draft: Draft) -> None:
    """A topic, with the subscriptions that it names itself."""
    props = draft.props(item)
    props.take("TopicName")
    value: dict[str, Any] = {}
    if props.truth("FifoTopic") != item.name.endswith(".fifo"):
        raise Refused(f"the name of a FIFO topic, and of no other, ends with .fifo; this one is {shown(item.name)}")
    if props.truth("ContentBasedDeduplication"):
        value["content_based_deduplication"] = True
    if props.text("FifoThroughputScope", "Topic") == "MessageGroup":
        value["deduplication_scope"] = "MessageGroup"
    if "DisplayName" in props:
        value["display_name"] = props.text("DisplayName")
    if found := props.tags():
        value["tags"] = found
    listed = list(props.children("Subscription"))
    props.done(_DIFFERENT)
    draft.add("topics", item, value, _NAME, "a topic")
    for index, each in enumerate(listed):
        part = Item(f"{item.logical}.Subscription[{index}]", "SNS subscription", f"{item.logical}-{index}", item.raw, item.line)
        draft.later(_own(part, each, item.name, draft))


def _own(part: Item, props: Props, name: str, draft: Draft) -> Any:
    return lambda: draft.attempt(part, lambda: _subscribe(part, props, name, draft))


def subscription(item: Item, draft: Draft) -> None:
    """AWS::SNS::Subscription."""
    props = draft.props(item)
    found = draft.target(props.take("TopicArn"))
    if found.kind != "topic":
        raise Refused("TopicArn names no topic")
    _subscribe(item, props, found.name, draft)


def _subscribe(item: Item, props: Props, name: str, draft: Draft) -> None:
    protocol, endpoint = props.text("Protocol"), props.take("Endpoint")
    if protocol not in {"sqs", "lambda"}:
        raise Refused(f"subscriptions by {shown(protocol)} are not supported; a function or a queue may subscribe")
    target = draft.target(endpoint)
    terms = _terms(props, draft)
    raw = props.truth("RawMessageDelivery")
    for key in ("SubscriptionRoleArn", "Region"):
        props.take(key)
    props.done({"DeliveryPolicy": "deliveries are tried again as for queues and functions on AWS", "ReplayPolicy": "nothing is archived"})
    if target.kind == "function":
        draft.trigger(target.name, "sns", {"topic": name, **terms} if terms else name, qualifier=target.qualifier)
        item.becomes = f"functions.{target.name}.triggers"
        return
    value = {"queue": target.name, **({"raw": True} if raw else {}), **terms}
    draft.sections["topics"][name].setdefault("subscriptions", {})[item.name[:100]] = value
    item.becomes = f"topics.{name}.subscriptions.{item.name[:100]}"


def _terms(props: Props, draft: Draft) -> dict[str, Any]:
    """Filter and dead-letter queue."""
    value: dict[str, Any] = {}
    scope = props.text("FilterPolicyScope", "MessageAttributes")
    if (wanted := props.json("FilterPolicy")) is not None:
        value["filter"] = Verbatim(wanted) if isinstance(wanted, dict) else wanted
        if scope == "MessageBody":
            value["filter_scope"] = "body"
    redrive = props.json("RedrivePolicy")
    if redrive is not None:
        dead = Props(redrive, "RedrivePolicy", props.note)
        value["dead_letter"] = {"queue": draft.target(dead.take("deadLetterTargetArn")).name}
        dead.done()
    return value


def event(item: Item, props: Props, name: str, alias: str, draft: Draft) -> None:
    """An event of type SNS."""
    found = draft.target(props.take("Topic"))
    if found.kind != "topic":
        raise Refused("Topic names no topic")
    terms = _terms(props, draft)
    between = props.take("SqsSubscription")
    props.take("Region")
    props.done()
    if between in (None, False, "false"):
        draft.trigger(item.name, "sns", {"topic": found.name, **terms} if terms else found.name, qualifier=alias)
        return
    own = Props(between if isinstance(between, dict) else {}, "SqsSubscription", item.note)
    end = ".fifo" if found.name.endswith(".fifo") else ""
    queue = fitted(f"{item.logical.partition('.')[0]}{name}Queue", 80 - len(end)) + end
    if "QueueArn" in own:
        queue = draft.target(own.take("QueueArn")).name
    else:
        draft.sections["queues"].setdefault(queue, {})
    for key in ("QueueUrl", "QueuePolicyLogicalId"):
        own.take(key)
    draft.sections["topics"][found.name].setdefault("subscriptions", {})[f"{item.name}-{name}"[:100]] = {"queue": queue, **terms}
    queue_mapping(own, queue, item.name, alias, draft)
    draft.allow(item.name, managed_policies.statements("AWSLambdaSQSQueueExecutionRole"))
