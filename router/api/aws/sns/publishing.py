"""SNS's operations on messages: Publish and PublishBatch."""

import asyncio
from collections.abc import Mapping
from typing import Any

from router.api.aws.service import Call, Members
from router.api.aws.sns.place import Place, structures, text
from router.events.sns_errors import BatchRequestTooLong, InvalidParameter, NotFound, ParameterValueInvalid
from router.events.sns_rules import LARGEST, Message, check, check_batch, structured
from router.events.sqs import Attribute
from router.sources.base import Outlet
from router.sources.topics import Published, Topics


class Publishing:
    """What is published."""

    def __init__(self, topics: Topics, outlet: Outlet, place: Place) -> None:
        self._topics, self._outlet, self._place = topics, outlet, place

    async def publish(self, call: Call) -> Members:
        """Publish."""
        topic = self._topic(target(call.parameters))
        message = self._checked(topic, message_of(call.parameters, call.trace))
        return _told(await self._topics.publish(self._outlet, topic, message))

    async def batch(self, call: Call) -> Members:
        """PublishBatch: refused as a whole for what is wrong with one entry; those of a FIFO topic are published in their order."""
        topic, given = self._topic(text(call.parameters, "TopicArn")), structures(call.parameters, "PublishBatchRequestEntries")
        ids = [text(entry, "Id") for entry in given]
        check_batch(ids)
        messages = [self._checked(topic, message_of(entry, call.trace)) for entry in given]
        if sum(message.size for message in messages) > LARGEST:
            raise BatchRequestTooLong
        published = await asyncio.gather(*(self._topics.publish(self._outlet, topic, message) for message in messages))
        return {"Successful": [{"Id": entry, **_told(one)} for entry, one in zip(ids, published, strict=True)], "Failed": []}

    def _checked(self, topic: str, message: Message) -> Message:
        settings = self._topics.topics[topic]
        check(message, fifo=settings.fifo, content_based=settings.content_based_deduplication)
        return message

    def _topic(self, arn: str) -> str:
        name = self._place.topic(arn)
        if name not in self._topics.topics:
            raise NotFound
        return name


def target(members: Members) -> str:
    """The ARN that a message is published to. Raises InvalidParameter: there is nobody to call or to push to."""
    if members.get("PhoneNumber") is not None:
        raise InvalidParameter("PhoneNumber Reason: text messages are not sent here")
    return text(members, "TopicArn") if members.get("TopicArn") is not None else text(members, "TargetArn")


def message_of(members: Mapping[str, Any], trace: str = "") -> Message:
    """A message as a request spells it. Raises a TopicError."""
    whole = text(members, "Message")
    texts: dict[str, str] = {}
    structure = text(members, "MessageStructure", "")
    if structure not in {"", "json"}:
        raise InvalidParameter("MessageStructure")
    try:
        whole.encode()
    except UnicodeEncodeError:
        raise InvalidParameter("Message Reason: it is no Unicode text") from None
    if structure:
        whole, texts = structured(whole)
    given = members.get("MessageAttributes") or {}
    if not isinstance(given, Mapping):
        raise InvalidParameter("MessageAttributes")
    return Message(
        whole,
        text(members, "Subject") if members.get("Subject") is not None else None,
        {str(name): _attribute(str(name), one) for name, one in given.items()},
        text(members, "MessageGroupId", ""),
        text(members, "MessageDeduplicationId", ""),
        texts,
        trace,
    )


def _attribute(name: str, value: Any) -> Attribute:
    kind = value.get("DataType") if isinstance(value, Mapping) else None
    if not isinstance(kind, str) or not kind:
        raise ParameterValueInvalid(f"The message attribute '{name[:100]}' must contain a non-empty message attribute type.")
    field = "Binary" if kind.startswith("Binary") else "String"
    held, other = value.get(f"{field}Value"), value.get("StringValue" if field == "Binary" else "BinaryValue")
    if not held and other:
        raise ParameterValueInvalid(f"The message attribute '{name[:100]}' with type '{kind[:100]}' must use field '{field}'.")
    if not isinstance(held, str | bytes) or not held:
        told = f"The message attribute '{name[:100]}' must contain non-empty message attribute value for message attribute type '{kind[:100]}'."
        raise ParameterValueInvalid(told)
    return Attribute(kind, held)


def _told(published: Published) -> dict[str, Any]:
    return {"MessageId": published.message_id, **({"SequenceNumber": published.sequence} if published.sequence else {})}
