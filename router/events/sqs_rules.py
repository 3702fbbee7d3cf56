"""What SQS takes: the rules of messages, attributes, batches and FIFO queues, before anything is stored.

Pure; what is refused is raised (sqs_errors.py). Sources: Amazon SQS developer guide, "Amazon SQS message quotas" and "Amazon
SQS message metadata"; API reference, SendMessage, SendMessageBatch, ReceiveMessage, ChangeMessageVisibility."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Final

from router.events.sqs import Attribute
from router.events.sqs_errors import (
    BatchEntryIdsNotDistinct,
    BatchRequestTooLong,
    EmptyBatchRequest,
    InvalidBatchEntryId,
    InvalidMessageContents,
    InvalidParameterValue,
    MissingParameter,
    TooManyEntriesInBatchRequest,
)

BATCH: Final = 10  # entries of a batch call, and messages of one receive
LARGEST: Final = 1_048_576  # bytes of a message with its attributes, and of a batch
LONGEST_VISIBILITY: Final = 43_200  # seconds; 12 hours
LONGEST_DELAY: Final = 900  # seconds
LONGEST_WAIT: Final = 20  # seconds
DEDUPLICATION: Final = 300.0  # seconds that a deduplication id is remembered
IN_FLIGHT: Final = 120_000  # messages of a standard queue, and of a FIFO queue
ATTRIBUTES: Final = 10

_BODY: Final = re.compile("[\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")  # the characters of XML 1.0
_LATIN: Final = r"\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u017f"  # letters with accents: recorded of AWS, although its guide has A to Z alone
_ATTRIBUTE: Final = re.compile(rf"[A-Za-z0-9{_LATIN}_-]+(\.[A-Za-z0-9{_LATIN}_-]+)*")
_TYPE: Final = re.compile(r"(String|Number|Binary)(\.[A-Za-z0-9_.-]+)?")
_TOKEN: Final = re.compile(r"[!-~]{1,128}")  # of groups and deduplication: printable ASCII without the space
_ENTRY: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_NO_GROUP: Final = "The request must contain the parameter MessageGroupId."
_NO_DEDUPLICATION: Final = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
_LONGEST_NAME: Final = 256  # characters of an attribute's name, and of its type
_DIGITS: Final = 38  # of a Number
_FIRST_SEQUENCE: Final = 10**19  # makes every sequence number 20 digits long


@dataclass(frozen=True, slots=True)
class New:
    """A message to be sent."""

    body: str
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    delay: float | None = None  # seconds; None: the queue's own
    group: str = ""  # a standard queue keeps it and hands it out; only a FIFO queue orders by it
    deduplication: str = ""
    trace: str = ""  # AWSTraceHeader
    sender: str = ""  # "": the account


@dataclass(frozen=True, slots=True)
class Rules:
    """What a queue's settings say of the messages it takes."""

    fifo: bool = False
    content_based: bool = False
    largest: int = LARGEST  # bytes


def size_of(message: New) -> int:
    """Bytes that count: UTF-8 of the body; names, types and values of the attributes."""
    held = sum(
        bytes_of(name) + bytes_of(attribute.data_type) + (len(value) if isinstance(value := attribute.value, bytes) else bytes_of(value))
        for name, attribute in message.attributes.items()
    )
    return bytes_of(message.body) + held


def bytes_of(text: str) -> int:
    """How long a text is in UTF-8; half a surrogate pair, which check() refuses, counts too: nobody has to check before measuring."""
    return len(text.encode(errors="surrogatepass"))


def check(message: New, rules: Rules) -> int:
    """The message's size in bytes. Raises a QueueError for what the queue does not take."""
    if not message.body:
        raise MissingParameter("The request must contain the parameter MessageBody.")
    if not plain(message.body):
        raise InvalidMessageContents(
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
        )
    if len(message.attributes) > ATTRIBUTES:
        raise InvalidParameterValue(f"Number of message attributes [{len(message.attributes)}] exceeds the allowed maximum [{ATTRIBUTES}].")
    for name, attribute in message.attributes.items():
        check_attribute(name, attribute)
    size = size_of(message)
    if size > rules.largest:
        raise InvalidParameterValue(f"One or more parameters are invalid. Reason: Message must be shorter than {rules.largest} bytes.")
    if message.delay is not None:
        _check_delay(message.delay, rules)
    _check_fifo(message, rules)
    return size


def deduplication_id(message: New, rules: Rules) -> str:
    """What tells a FIFO queue's message from others: its own id, else the SHA-256 of its body."""
    if message.deduplication or not rules.content_based:
        return message.deduplication
    return hashlib.sha256(message.body.encode()).hexdigest()


def sequence_number(number: int) -> str:
    """20 digits that sort as text like the numbers."""
    return str(_FIRST_SEQUENCE + number)


def check_batch(ids: Sequence[str]) -> None:
    """Raise for a batch whose entries cannot be told apart, or are too many or none."""
    if not ids:
        raise EmptyBatchRequest
    if len(ids) > BATCH:
        raise TooManyEntriesInBatchRequest(len(ids))
    seen: set[str] = set()
    for entry in ids:
        if not _ENTRY.fullmatch(entry):
            raise InvalidBatchEntryId
        if entry in seen:
            raise BatchEntryIdsNotDistinct(entry)
        seen.add(entry)


def check_batch_size(messages: Sequence[New]) -> None:
    """Raise for a batch that is too large in all."""
    size = sum(map(size_of, messages))
    if size > LARGEST:
        raise BatchRequestTooLong(LARGEST, size)


def check_batch_fifo(messages: Sequence[New], rules: Rules) -> None:
    """Raise for a batch to a FIFO queue with a message that lacks a group or what deduplication needs: none of it is sent then.

    Recorded of AWS, with InvalidParameterValue for both; a message of its own without a group is told MissingParameter."""
    if rules.fifo and not all(message.group for message in messages):
        raise InvalidParameterValue(_NO_GROUP)
    if rules.fifo and not all(deduplication_id(message, rules) for message in messages):
        raise InvalidParameterValue(_NO_DEDUPLICATION)


def check_visibility(seconds: float) -> None:
    """Raise for a visibility timeout outside 0 to 12 hours."""
    _within(seconds, LONGEST_VISIBILITY, "VisibilityTimeout", "Must be between 0 and 43200, if provided.")


def check_receive(most: int, wait: float) -> None:
    """Raise for a receive that asks for more than SQS gives at once."""
    if not 1 <= most <= BATCH:
        raise InvalidParameterValue(
            f"Value {most} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and {BATCH}, if provided."
        )
    _within(wait, LONGEST_WAIT, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided.")


def _within(value: float, high: float, name: str, reason: str) -> None:
    if not 0 <= value <= high:  # false for NaN too
        raise InvalidParameterValue(f"Value {value:g} for parameter {name} is invalid. Reason: {reason}")


def _check_delay(delay: float, rules: Rules) -> None:
    _within(delay, LONGEST_DELAY, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")
    if rules.fifo and delay:
        raise InvalidParameterValue(
            f"Value {delay:g} for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type."
        )


def _check_fifo(message: New, rules: Rules) -> None:
    """FIFO queues need a group and what deduplication goes by; in a standard queue a message may have a group, and nothing else of this."""
    given = {"MessageGroupId": message.group, "MessageDeduplicationId": message.deduplication}
    for name, value in given.items():
        if value and not rules.fifo and name != "MessageGroupId":
            raise InvalidParameterValue(f"The request include parameter {name} which is not valid for this queue type.")
        if value and not _TOKEN.fullmatch(value):
            raise InvalidParameterValue(
                f"Value {value[:200]} for parameter {name} is invalid. Reason: {name} can only include alphanumeric and punctuation "
                "characters. 1 to 128 in length."
            )
    if rules.fifo and not message.group:
        raise MissingParameter(_NO_GROUP)
    if rules.fifo and not message.deduplication and not rules.content_based:
        raise InvalidParameterValue(_NO_DEDUPLICATION)


def plain(text: str) -> bool:
    """Whether a text has only characters that a message may have."""
    return _BODY.fullmatch(text) is not None


def check_attribute(name: str, attribute: Attribute) -> None:
    """Raise for a message attribute that is none."""
    if not _ATTRIBUTE.fullmatch(name) or len(name) > _LONGEST_NAME or name.lower().startswith(("aws.", "amazon.")):
        raise InvalidParameterValue(
            f"The message attribute name '{name[:200]}' is invalid. Attribute name can contain A-Z, a-z, 0-9, underscore (_), hyphen (-), "
            "and period (.), does not begin with AWS. or Amazon., and has 256 characters at most."
        )
    kind = _TYPE.fullmatch(attribute.data_type)
    if kind is None or len(attribute.data_type) > _LONGEST_NAME:
        raise InvalidParameterValue(
            f"The type of message (user) attribute '{name}' is invalid. You must use only the following supported type prefixes: Binary, Number, String."
        )
    value = attribute.value
    if not value:
        raise InvalidParameterValue(f"Message (user) attribute '{name}' must contain a non-empty value of type '{attribute.data_type}'.")
    if isinstance(value, bytes) != (kind[1] == "Binary"):
        raise InvalidParameterValue(f"Message (user) attribute '{name}' must contain a value of type '{attribute.data_type}'.")
    if isinstance(value, str) and not _BODY.fullmatch(value):
        raise InvalidParameterValue(f"Invalid characters found in the value of message (user) attribute '{name}'.")
    if kind[1] == "Number" and not _numeric(str(value)):
        raise InvalidParameterValue(f"Can't cast the value of message (user) attribute '{name}' to a number.")


def _numeric(text: str) -> bool:
    """A number of up to 38 digits between -10**128 and 10**126."""
    if not re.fullmatch(r"[-+]?[0-9]*\.?[0-9]*([eE][-+]?[0-9]{1,4})?", text):
        return False
    try:
        value = Decimal(text)
    except InvalidOperation:
        return False
    digits = "".join(map(str, value.as_tuple().digits)).strip("0")
    return len(digits) <= _DIGITS and abs(value) <= Decimal(10) ** 128
