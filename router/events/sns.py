"""SNS notifications as a function that is subscribed to a topic gets them.

Pure: facts in, dict out. Sources: Lambda developer guide, "Using Lambda with Amazon SNS"; samples in tests/golden/sns_*.json.
Spelling is Lambda's own: SigningCertUrl and UnsubscribeUrl end in Url, and Subject is null when there is none, where HTTP and
SQS subscribers get …URL and no Subject."""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from router import names
from router.events import sqs


@dataclass(frozen=True, slots=True)
class Attribute:
    """One message attribute; a Binary value is base64 text."""

    type: str  # String, String.Array, Number, Binary
    value: str


@dataclass(frozen=True, slots=True)
class Notification:
    """One published message."""

    id: str  # a UUID
    topic_arn: str
    message: str
    at: float  # epoch seconds
    subject: str | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    sequence: str = ""  # of a FIFO topic's


@dataclass(frozen=True, slots=True)
class Signed:
    """What vouches for a notification. Only AWS can sign one so that it verifies."""

    signature: str  # base64
    certificate: str  # URL


def event(notification: Notification, *, subscription_arn: str, signed: Signed, endpoint: str) -> dict[str, Any]:
    """{"Records": [record]}: always one. *endpoint* is the region's, e.g. https://sns.us-east-1.amazonaws.com."""
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription_arn,
        "Sns": {
            "Type": "Notification",
            "MessageId": notification.id,
            "TopicArn": notification.topic_arn,
            "Subject": notification.subject,
            "Message": notification.message,
            "Timestamp": names.iso_ms(notification.at),
            "SignatureVersion": "1",
            "Signature": signed.signature,
            "SigningCertUrl": signed.certificate,
            "UnsubscribeUrl": f"{endpoint}/?Action=Unsubscribe&SubscriptionArn={subscription_arn}",
            "MessageAttributes": {
                name: {"Type": attribute.type, "Value": attribute.value} for name, attribute in notification.attributes.items()
            },
        },
    }
    return {"Records": [record]}


def body(notification: Notification, *, subscription_arn: str, signed: Signed, endpoint: str) -> str:
    """What a queue gets that does not want the message raw: JSON text. A FIFO topic's has a SequenceNumber and no signature."""
    made: dict[str, Any] = {"Type": "Notification", "MessageId": notification.id}
    if notification.sequence:
        made["SequenceNumber"] = notification.sequence
    made["TopicArn"] = notification.topic_arn
    if notification.subject is not None:
        made["Subject"] = notification.subject
    made |= {"Message": notification.message, "Timestamp": names.iso_ms(notification.at)}
    if not notification.sequence:
        made |= {"SignatureVersion": "1", "Signature": signed.signature, "SigningCertURL": signed.certificate}
    made["UnsubscribeURL"] = f"{endpoint}/?Action=Unsubscribe&SubscriptionArn={subscription_arn}"
    if notification.attributes:
        made["MessageAttributes"] = {name: {"Type": one.type, "Value": one.value} for name, one in notification.attributes.items()}
    return json.dumps(made, indent=2, separators=(",", " : "), ensure_ascii=False)


def attributes_of(attributes: Mapping[str, sqs.Attribute]) -> dict[str, Attribute]:
    """Message attributes as notifications spell them."""
    return {name: Attribute(one.data_type, _text(one.value)) for name, one in attributes.items()}


def _text(value: str | bytes) -> str:
    return b64encode(value).decode() if isinstance(value, bytes) else value
