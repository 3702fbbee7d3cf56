"""What SNS takes: the rules of messages, before anything is stored. Pure; what is refused is raised (sns_errors.py).

Sources: Amazon SNS API reference, Publish and PublishBatch; developer guide, "Amazon SNS message attributes"."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from router.events import sqs_rules
from router.events.sns_errors import (
    BatchEntryIdsNotDistinct,
    EmptyBatchRequest,
    InvalidBatchEntryId,
    InvalidParameter,
    ParameterValueInvalid,
    TooManyEntriesInBatchRequest,
)
from router.events.sqs import Attribute
from router.events.sqs_errors import QueueError

LARGEST: Final = 262_144  # bytes of a message with its attributes, and of a batch
BATCH: Final = 10
LONGEST_SUBJECT: Final = 100
LONGEST_NAME: Final = 256  # bytes of an attribute's name
_SUBJECT: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]+")  # "UTF-8 text with no line breaks or control characters"
_TOKEN: Final = re.compile(r"[!-~]{1,128}")
_ODD: Final = re.compile(r"[^A-Za-z0-9_.-]")  # in an attribute's name
_KINDS: Final = ("Binary", "Number", "String")
_ENTRY: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")


@dataclass(frozen=True, slots=True)
class Message:
    """A message to be published."""

    text: str
    subject: str | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)  # String, String.Array, Number, Binary
    group: str = ""
    deduplication: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)  # of single protocols: MessageStructure json
    trace: str = ""
    sender: str = ""  # who published it; "": the account

    def text_for(self, protocol: str) -> str:
        """What subscribers of a protocol get."""
        return self.texts.get(protocol, self.text)

    @property
    def size(self) -> int:
        """Bytes that count."""
        return sqs_rules.size_of(sqs_rules.New(self.text, self.attributes)) + sum(map(sqs_rules.bytes_of, self.texts.values()))


def structured(text: str) -> tuple[str, dict[str, str]]:
    """The default text and those of single protocols, in a message whose MessageStructure is json. Raises InvalidParameter."""
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidParameter("Message Structure - JSON message body failed to parse")
    if not isinstance(found.get("default"), str):
        raise InvalidParameter("Message Structure - No default entry in JSON message body")
    return found["default"], {name: one for name, one in found.items() if name != "default" and isinstance(one, str)}


def check(message: Message, *, fifo: bool, content_based: bool) -> None:
    """Raise for a message that a topic does not take."""
    if not message.text:
        raise InvalidParameter("Empty message")
    for text in (message.text, *message.texts.values()):
        if not sqs_rules.plain(text):
            raise InvalidParameter("Message Reason: it holds characters that no XML document may")
    for name, attribute in message.attributes.items():
        _check_attribute(name, attribute)
    if message.size > LARGEST:
        raise InvalidParameter("Message too long")
    subject = message.subject
    if subject is not None and not (_SUBJECT.fullmatch(subject) and sqs_rules.plain(subject) and len(subject) <= LONGEST_SUBJECT):
        raise InvalidParameter("Subject")
    _check_fifo(message, fifo=fifo, content_based=content_based)


def _check_fifo(message: Message, *, fifo: bool, content_based: bool) -> None:
    for name, value in {"MessageGroupId": message.group, "MessageDeduplicationId": message.deduplication}.items():
        if value and not fifo and name != "MessageGroupId":
            raise InvalidParameter(f"{name} Reason: The request includes {name} parameter that is not valid for this topic type")
        if value and not _TOKEN.fullmatch(value):
            raise InvalidParameter(f"{name} Reason: it is 1 to 128 alphanumeric and punctuation characters")
    if fifo and not message.group:
        raise InvalidParameter("The MessageGroupId parameter is required for FIFO topics")
    if fifo and not message.deduplication and not content_based:
        raise InvalidParameter(
            "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
        )


def deduplication_id(message: Message) -> str:
    """What tells a FIFO topic's message from others: its own id, else the SHA-256 of its text."""
    return message.deduplication or hashlib.sha256(message.text.encode()).hexdigest()


def check_batch(ids: Sequence[str]) -> None:
    """Raise for a batch whose entries cannot be told apart, or are too many or none."""
    if not ids:
        raise EmptyBatchRequest
    if len(ids) > BATCH:
        raise TooManyEntriesInBatchRequest
    if not all(map(_ENTRY.fullmatch, ids)):
        raise InvalidBatchEntryId
    if len(set(ids)) != len(ids):
        raise BatchEntryIdsNotDistinct


def _check_attribute(name: str, attribute: Attribute) -> None:
    """In SNS's words, which are others than SQS's; the rest is by SQS's rules, which are the same. An array is JSON."""
    if (wrong := _misnamed(name)) is not None:
        raise ParameterValueInvalid(wrong)
    kind = attribute.data_type.partition(".")[0]
    if kind not in _KINDS:
        told = f"has an invalid message attribute type, the set of supported type prefixes is {', '.join(_KINDS[:-1])}, and {_KINDS[-1]}."
        raise ParameterValueInvalid(f"The message attribute '{name}' {told}")
    try:
        sqs_rules.check_attribute(name, attribute)
    except QueueError as error:
        raise ParameterValueInvalid(str(error).replace("message (user) attribute", "message attribute")) from None
    if attribute.data_type == "String.Array" and not isinstance(array_of(str(attribute.value)), list):
        raise ParameterValueInvalid(f"The message attribute '{name}' is no JSON array of texts, numbers, true, false and null.")


def _misnamed(name: str) -> str | None:
    """Why this can be no attribute's name."""
    if len(name.encode(errors="replace")) > LONGEST_NAME:
        return f"Length of message attribute name must be less than {LONGEST_NAME} bytes."
    if (odd := _ODD.search(name)) is not None:
        return (
            f"Invalid non-alphanumeric character '#x{ord(odd[0]):X}' was found in the message attribute name. Can only include alphanumeric "
            "characters, hyphens, underscores, or dots."
        )
    for place, found in (("starting", name.startswith(".")), ("ending", name.endswith("."))):
        if found:
            return f"Invalid message attribute name {place} with character '.' was found."
    return "Message attribute name can not have successive '.' character." if ".." in name else None


def array_of(text: str) -> list[Any] | None:
    """The elements of a String.Array; None when it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    plain = isinstance(found, list) and all(one is None or isinstance(one, str | int | float) for one in found)
    return found if plain else None
