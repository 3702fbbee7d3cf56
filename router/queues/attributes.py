"""A queue's settings in SQS's words and in config.yaml's: Attributes of CreateQueue, SetQueueAttributes, GetQueueAttributes. Pure.

Source: Amazon SQS API reference, SetQueueAttributes. What SQS has and these queues have not (keys of KMS, encryption that SQS
manages) is refused, unless what is asked for is how things are."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from router.config.types import Queue
from router.events.sqs_errors import InvalidAttributeName, InvalidAttributeValue, InvalidParameterValue

_NUMBERS: Final = {  # attribute → word of config.yaml, least, most
    "VisibilityTimeout": ("visibility_timeout", 0, 43_200),
    "DelaySeconds": ("delay", 0, 900),
    "MessageRetentionPeriod": ("retention", 60, 1_209_600),
    "MaximumMessageSize": ("max_message_size", 1024, 1_048_576),
    "ReceiveMessageWaitTimeSeconds": ("receive_wait", 0, 20),
}
_FIFO: Final = ("FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")
_OTHERS: Final = ("RedrivePolicy", "RedriveAllowPolicy", "Policy")
_ENCRYPTION: Final = {"KmsMasterKeyId": "", "KmsDataKeyReusePeriodSeconds": "300", "SqsManagedSseEnabled": "false"}  # how things are
SETTABLE: Final = frozenset((*_NUMBERS, *_FIFO, *_OTHERS, *_ENCRYPTION))
COUNTS: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")
KNOWN: Final = SETTABLE | {*COUNTS, "CreatedTimestamp", "LastModifiedTimestamp", "QueueArn"}

Value = dict[str, Any]
"""A queue as config.yaml spells it."""


def value_of(queue: Queue) -> Value:
    """What config.yaml would say of a queue; defaults are left out."""
    plain = Queue(queue.name, fifo=queue.fifo)
    fields = (*(word for word, _, _ in _NUMBERS.values()), "content_based_deduplication", "deduplication_scope")
    made: Value = {word: _whole(getattr(queue, word)) for word in fields if getattr(queue, word) != getattr(plain, word)}
    if queue.redrive is not None:
        made["redrive"] = {"queue": queue.redrive.queue, "max_receive_count": queue.redrive.max_receive_count}
    if queue.redrive_allow is not None:
        made["redrive_allow"] = list(queue.redrive_allow) or "none"
    if queue.policy:
        made["policy"] = json.loads(queue.policy)
    return made | ({"tags": dict(queue.tags)} if queue.tags else {})


def changed(value: Value, attributes: Mapping[str, str], *, fifo: bool, arn: str, policy: Callable[[str], Any]) -> Value:
    """*value* with these attributes. *arn*: the queue's own; *policy*: a document's text → the document.

    Raises InvalidAttributeName, InvalidAttributeValue, InvalidParameterValue, and what *policy* raises. Whether queues it names are
    there is for who declares it."""
    made = dict(value)
    documents: dict[str, tuple[str, Callable[[str], Any]]] = {
        "RedrivePolicy": ("redrive", lambda text: _redrive(text, arn)),
        "RedriveAllowPolicy": ("redrive_allow", lambda text: _redrive_allow(text, arn)),
        "Policy": ("policy", policy),
    }
    for name, text in attributes.items():
        if name not in SETTABLE or (name in _FIFO and not fifo):
            raise InvalidAttributeName(name)
        if name in documents:
            word, read = documents[name]
            _put(made, word, read(text) if text else None)
        else:
            _simple(made, name, text)
    if fifo:
        _scope(made, attributes)
    return made


def _simple(made: Value, name: str, text: str) -> None:
    if name in _NUMBERS:
        made[_NUMBERS[name][0]] = _number(name, text)
    elif name in _ENCRYPTION:
        _check_encryption(name, text)
    elif name == "ContentBasedDeduplication":
        made["content_based_deduplication"] = _truth(name, text)
    elif name == "FifoQueue" and not _truth(name, text):
        raise InvalidAttributeValue(name, "Modifying queue type is not supported.")


def _put(made: Value, word: str, value: Any) -> None:
    if value is None:
        made.pop(word, None)
    else:
        made[word] = value


def _scope(made: Value, attributes: Mapping[str, str]) -> None:
    """Deduplication's scope; the limit of throughput goes with it, as there is none."""
    scope = attributes.get("DeduplicationScope", made.get("deduplication_scope", "queue"))
    limit = attributes.get("FifoThroughputLimit", _limit(scope))
    if scope not in {"queue", "messageGroup"}:
        raise InvalidAttributeValue("DeduplicationScope")
    if limit != _limit(scope):
        reason = "perMessageGroupId goes with the DeduplicationScope messageGroup, and perQueue with queue: throughput itself is not limited here."
        raise InvalidAttributeValue("FifoThroughputLimit", reason)
    made["deduplication_scope"] = scope


def _limit(scope: str) -> str:
    return "perMessageGroupId" if scope == "messageGroup" else "perQueue"


def shown(queue: Queue, arn: Callable[[str], str]) -> dict[str, str]:
    """The settings of a queue as attributes; those that it has not are left out. *arn*: of a queue's name."""
    made = {name: str(_whole(getattr(queue, word))) for name, (word, _, _) in _NUMBERS.items()}
    made |= {"QueueArn": arn(queue.name), "SqsManagedSseEnabled": "false"}
    if queue.redrive is not None:
        made["RedrivePolicy"] = _compact(
            {"deadLetterTargetArn": arn(queue.redrive.queue), "maxReceiveCount": queue.redrive.max_receive_count}
        )
    if queue.redrive_allow is not None:
        listed = {"redrivePermission": "byQueue", "sourceQueueArns": list(map(arn, queue.redrive_allow))}
        made["RedriveAllowPolicy"] = _compact(listed if queue.redrive_allow else {"redrivePermission": "denyAll"})
    if queue.policy:
        made["Policy"] = queue.policy
    if queue.fifo:
        made |= {"FifoQueue": "true", "ContentBasedDeduplication": "true" if queue.content_based_deduplication else "false"}
        made |= {"DeduplicationScope": queue.deduplication_scope, "FifoThroughputLimit": _limit(queue.deduplication_scope)}
    return made


def different(queue: Queue, value: Value, attributes: Mapping[str, str]) -> str:
    """The first of *attributes* in which a queue is not as *value* says; "" when there is none."""
    now = value_of(queue)
    words = {**{name: word for name, (word, _, _) in _NUMBERS.items()}, "RedrivePolicy": "redrive", "RedriveAllowPolicy": "redrive_allow"}
    words |= {"Policy": "policy", "ContentBasedDeduplication": "content_based_deduplication", "DeduplicationScope": "deduplication_scope"}
    plain = {word: _whole(getattr(Queue(""), word, None)) for word in words.values()} | {"redrive": None, "policy": None}
    for name in attributes:
        word = words.get(name, "")
        if word and now.get(word, plain[word]) != value.get(word, plain[word]):
            return name
    return ""


def _number(name: str, text: str) -> int:
    _, low, high = _NUMBERS[name]
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and low <= int(text) <= high):
        raise InvalidAttributeValue(name)
    return int(text)


def _truth(name: str, text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise InvalidAttributeValue(name)
    return text.lower() == "true"


def _check_encryption(name: str, text: str) -> None:
    if text.lower() not in {"", _ENCRYPTION[name]}:
        raise InvalidAttributeValue(name, "messages lie on this machine's disk as they are; encrypt the disk.")


def _object(name: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidAttributeValue(name, "Amazon SQS can't create the policy, as it is not in JSON format.")
    return found


def _redrive(text: str, arn: str) -> Value:
    found, count = _policy(text), 0
    for key in ("deadLetterTargetArn", "maxReceiveCount"):
        if key not in found:
            raise _no_redrive(text, f"Redrive policy does not contain mandatory attribute: {key}.")
    if unknown := found.keys() - {"deadLetterTargetArn", "maxReceiveCount"}:
        raise _no_redrive(text, f"Redrive policy has an attribute that is not known: {min(unknown)[:100]}.")
    most = found["maxReceiveCount"]
    if isinstance(most, int) and not isinstance(most, bool):
        count = most
    elif isinstance(most, str) and most.isascii() and most.isdecimal() and len(most) < 10:
        count = int(most)
    if not 1 <= count <= 1000:
        raise _no_redrive(text, f"Invalid value for maxReceiveCount: {str(most)[:100]}, valid values are from 1 to 1000 both inclusive.")
    try:
        return {"queue": _name("RedrivePolicy", found["deadLetterTargetArn"], arn), "max_receive_count": count}
    except InvalidAttributeValue:
        raise _no_redrive(text, "Invalid value for deadLetterTargetArn.") from None


def _policy(text: str) -> dict[str, Any]:
    try:
        return _object("RedrivePolicy", text)
    except InvalidAttributeValue:
        raise _no_redrive(text, "Redrive policy is not a valid JSON map.") from None


def _no_redrive(text: str, reason: str) -> InvalidParameterValue:
    """Recorded of AWS: this one attribute's value is told as a parameter's."""
    return InvalidParameterValue(f"Value {text[:500]} for parameter RedrivePolicy is invalid. Reason: {reason}")


def _redrive_allow(text: str, arn: str) -> Any:
    found = _object("RedriveAllowPolicy", text)
    kind, sources = found.get("redrivePermission"), found.get("sourceQueueArns")
    if kind == "allowAll" and sources is None:
        return None
    if kind == "denyAll" and sources is None:
        return "none"
    if kind == "byQueue" and isinstance(sources, list) and 1 <= len(sources) <= 10:
        return [_name("RedriveAllowPolicy", source, arn) for source in sources]
    raise InvalidAttributeValue("RedriveAllowPolicy", "redrivePermission is allowAll, denyAll, or byQueue with 1 to 10 sourceQueueArns.")


def _name(attribute: str, text: Any, arn: str) -> str:
    """The name in the ARN of a queue of this account and region."""
    place = arn.rpartition(":")[0] + ":"
    if not isinstance(text, str) or not text.startswith(place) or not text.removeprefix(place):
        raise InvalidAttributeValue(attribute, f"a queue's ARN here is {place}NAME.")
    return text.removeprefix(place)


def _compact(value: Value) -> str:
    return json.dumps(value, separators=(",", ":"))


def _whole(number: Any) -> Any:
    return int(number) if isinstance(number, float) else number
