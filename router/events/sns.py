"""SNS notifications as a function that is subscribed to a topic gets them.

Pure: facts in, dict out. Sources: Lambda developer guide, "Using Lambda with Amazon SNS"; samples in tests/golden/sns_*.json.
Spelling is Lambda's own: SigningCertUrl and UnsubscribeUrl end in Url, and Subject is null when there is none, where HTTP and
SQS subscribers get …URL and no Subject."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from router import names


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
