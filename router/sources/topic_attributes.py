"""Topics and subscriptions in SNS's words and in config.yaml's. Pure.

Source: Amazon SNS API reference, SetTopicAttributes and SetSubscriptionAttributes. What SNS has and these topics have not (keys of
KMS, logs of deliveries, archives, delivery over HTTP) is refused, unless what is asked for is how things are. What is said of a value is
what AWS says, as recorded, where one attribute is set; where several are given, it stands behind "Attributes Reason: "."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from router.config.queues import FIFO_SUFFIX
from router.config.topics import SCOPES
from router.config.types import Subscription, Topic
from router.events.sns_errors import InvalidParameter
from router.events.sns_filters import Filter

Value = dict[str, Any]
"""A topic or a subscription as config.yaml spells it."""

_FIXED: Final = {  # how things are
    "DeliveryPolicy": "",
    "KmsMasterKeyId": "",
    "SignatureVersion": "1",
    "TracingConfig": "PassThrough",
    "ArchivePolicy": "",
}
_SCOPES: Final = {long: short for short, long in SCOPES.items()}
_SUBSCRIPTION_FIXED: Final = {"DeliveryPolicy": "", "ReplayPolicy": "", "SubscriptionRoleArn": ""}


def topic_value(topic: Topic) -> Value:
    """What config.yaml would say of a topic; defaults are left out."""
    plain = Topic(topic.name, topic.fifo)
    made: Value = {
        word: getattr(topic, word)
        for word in ("content_based_deduplication", "deduplication_scope", "display_name")
        if getattr(topic, word) != getattr(plain, word)
    }
    if topic.policy:
        made["policy"] = json.loads(topic.policy)
    if topic.tags:
        made["tags"] = dict(topic.tags)
    if topic.subscriptions:
        made["subscriptions"] = {one.name: subscription_value(one) for one in topic.subscriptions}
    return made


def subscription_value(one: Subscription) -> Value:
    """The same of a subscription."""
    made: Value = {one.kind: one.target}
    if one.raw:
        made["raw"] = True
    if one.filter is not None:
        made["filter"] = one.filter
    if one.filter_scope != "MessageAttributes":
        made["filter_scope"] = _SCOPES[one.filter_scope]
    return made | ({"dead_letter": {"queue": one.dead_letter}} if one.dead_letter else {})


def topic_changed(value: Value, attributes: Mapping[str, str], *, fifo: bool, policy: Callable[[str], Any]) -> Value:
    """*value* with these attributes; *policy*: a document's text → the document. Raises InvalidParameter, and what *policy* raises."""
    made = dict(value)
    for name, text in attributes.items():
        if name in _FIXED:
            _check_fixed(name, text, _FIXED[name])
        elif name == "DisplayName":
            _put(made, "display_name", text)
        elif name == "Policy":
            _put(made, "policy", policy(text) if text else None)
        else:
            _fifo(made, name, text, fifo=fifo)
    return made


def _fifo(made: Value, name: str, text: str, *, fifo: bool) -> None:
    if name == "FifoTopic":
        if _truth(name, text) != fifo:
            raise InvalidParameter("a FIFO topic's name ends with .fifo, and no other's does")
    elif name == "ContentBasedDeduplication" and (fifo or not _truth(name, text)):
        _put(made, "content_based_deduplication", _truth(name, text))
    elif name == "FifoThroughputScope" and fifo:
        if text not in {"Topic", "MessageGroup"}:
            raise InvalidParameter(f"{name}: value is Topic or MessageGroup")
        made["deduplication_scope"] = text
    else:
        raise InvalidParameter(f"AttributeName Reason: {name[:100]} is no attribute of this topic")


def default_policy(arn: str, account: str) -> str:
    """What is shown of a topic that has no policy of its own, as AWS does: who adds a statement to it reads it first. It lets nobody in who
    is not of the account."""
    actions = ("GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic", "Subscribe", "ListSubscriptionsByTopic", "Publish")  # fmt: skip
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in actions],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
    }
    document = {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
    return json.dumps(document, separators=(",", ":"))


def topic_shown(topic: Topic) -> dict[str, str]:
    """A topic's settings as attributes."""
    made = {"DisplayName": topic.display_name}
    if topic.policy:
        made["Policy"] = topic.policy
    if topic.fifo:
        made |= {"FifoTopic": "true", "ContentBasedDeduplication": "true" if topic.content_based_deduplication else "false"}
        made["FifoThroughputScope"] = topic.deduplication_scope
    return made


def subscription_changed(value: Value, attributes: Mapping[str, str], queue: Callable[[str], str]) -> Value:
    """*value* with these attributes; *queue*: the ARN of a queue → its name. Raises InvalidParameter."""
    made = dict(value)
    for name, text in attributes.items():
        if name in _SUBSCRIPTION_FIXED:
            _check_fixed(name, text, _SUBSCRIPTION_FIXED[name])
        elif name == "RawMessageDelivery":
            if _truth(name, text) and "function" in made:
                raise InvalidParameter("Delivery protocol [lambda] does not support raw message delivery.")
            _put(made, "raw", _truth(name, text))
        elif name == "FilterPolicy":
            _put(made, "filter", _object(name, text) if text else None)
        elif name == "FilterPolicyScope":
            _put(made, "filter_scope", _scope(text))
        elif name == "RedrivePolicy":
            letters = queue(str(_object(name, text).get("deadLetterTargetArn"))) if text else ""
            if letters and made.get("queue", "").endswith(FIFO_SUFFIX) and not letters.endswith(FIFO_SUFFIX):
                raise InvalidParameter("RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.")
            _put(made, "dead_letter", {"queue": letters} if letters else None)
        else:
            raise InvalidParameter(f"AttributeName Reason: {name[:100]} is no attribute of a subscription")
    if made.get("filter") is not None:
        Filter.of(made["filter"], body=made.get("filter_scope") == "body")
    return made


def subscription_shown(one: Subscription, queue_arn: Callable[[str], str]) -> dict[str, str]:
    """A subscription's settings as attributes."""
    made = {"RawMessageDelivery": "true" if one.raw else "false"}
    if one.filter is not None:
        made |= {"FilterPolicy": json.dumps(one.filter, ensure_ascii=False), "FilterPolicyScope": one.filter_scope}
    if one.dead_letter:
        made["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": queue_arn(one.dead_letter)})
    return made


def _put(made: Value, word: str, value: Any) -> None:
    """What says nothing is left out."""
    if value in (None, "", False, {}) or (word == "filter_scope" and value == "attributes"):
        made.pop(word, None)
    else:
        made[word] = value


def _check_fixed(name: str, text: str, fixed: str) -> None:
    if text not in {"", fixed}:
        raise InvalidParameter(f"{name} is not supported here" + (f"; only {fixed} is" if fixed else ""))


def _truth(name: str, text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise InvalidParameter(f"{name}: Invalid value [{text[:100]}]. Must be true or false.")
    return text.lower() == "true"


def _scope(text: str) -> str:
    if text not in _SCOPES:
        raise InvalidParameter(f"FilterPolicyScope: Invalid value [{text[:100]}]. Please use either MessageBody or MessageAttributes")
    return _SCOPES[text]


def _object(name: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidParameter(f"{name}: failed to parse JSON.")
    return found
