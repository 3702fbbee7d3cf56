"""SQS's operations on messages: send, receive, delete, change visibility, and the same in batches."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from router.api.aws import tracing
from router.api.aws.service import Call, Members
from router.api.aws.sqs.attempts import Attempts
from router.api.aws.sqs.place import Place, entries, number, text, texts
from router.errors import RouterError
from router.events.sqs import Attribute, Message, md5_of_attributes, md5_of_body, system_attributes
from router.events.sqs_errors import InvalidAttributeName, InvalidParameterValue, MissingParameter, QueueError
from router.events.sqs_rules import New, check_batch, check_batch_fifo, check_receive, check_visibility
from router.queues.store import Queues, rules_of
from router.queues.units import Sent

TRACE: Final = "AWSTraceHeader"  # the one system attribute that a sender may set
SYSTEM: Final = frozenset(
    (
        *("All", "SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp", "SequenceNumber"),
        *("MessageDeduplicationId", "MessageGroupId", TRACE, "DeadLetterQueueSourceArn"),
    )
)


class Messages:
    """What is done with messages."""

    def __init__(self, queues: Queues, attempts: Attempts, place: Place) -> None:
        self._queues, self._attempts, self._place = queues, attempts, place

    # -- sending

    async def send(self, call: Call) -> Members:
        """SendMessage."""
        message = message_of(call.parameters, call)
        (sent,) = await self._queues.send(self._place.queue(call.parameters), [message])
        if isinstance(sent, RouterError):
            raise sent
        return _told(call.parameters, message, sent)

    async def send_batch(self, call: Call) -> Members:
        """SendMessageBatch: entry by entry, but for what a FIFO queue wants of every message."""
        queue, given = self._place.queue(call.parameters), entries(call.parameters)
        ids = _ids(given)
        rules = rules_of(self._queues.of(queue))
        read = [_attempted(lambda entry=entry: message_of(entry, call)) for entry in given]  # type: ignore[misc]
        right = [message for message in read if isinstance(message, New)]
        check_batch_fifo(right, rules)
        sent = iter(await self._queues.send(queue, right) if right else [])
        answers = [next(sent) if isinstance(message, New) else message for message in read]
        told = {
            entry: {"Id": entry, **_told(members, message, answer)}
            for entry, members, message, answer in zip(ids, given, read, answers, strict=True)
            if isinstance(answer, Sent) and isinstance(message, New)
        }
        return _batch(ids, answers, told)

    # -- receiving

    async def receive(self, call: Call) -> Members:
        """ReceiveMessage."""
        members = call.parameters
        name = self._place.queue(members)
        queue = self._queues.of(name)
        most, wait, visibility = (
            number(members, "MaxNumberOfMessages"),
            number(members, "WaitTimeSeconds"),
            number(members, "VisibilityTimeout"),
        )
        most, patience = 1 if most is None else most, queue.receive_wait if wait is None else wait
        check_receive(most, patience)
        hidden = queue.visibility_timeout if visibility is None else visibility
        check_visibility(hidden)
        system = _system(members)
        wanted = texts(members, "MessageAttributeNames")
        attempt = text(members, "ReceiveRequestAttemptId", "")
        if attempt and not queue.fifo:
            raise InvalidParameterValue("The request include parameter ReceiveRequestAttemptId which is not valid for this queue type.")
        found = await self._attempts.again(name, attempt, hidden) if attempt else ()
        if not found:
            found = await self._queues.receive(name, most=most, wait=patience, visibility=hidden, client=call.client)
            if attempt:
                self._attempts.keep(name, attempt, found)
        return {"Messages": [_shown(message, system, wanted) for message in found]} if found else {}

    # -- settling

    async def delete(self, call: Call) -> Members:
        """DeleteMessage."""
        _first(await self._queues.delete(self._place.queue(call.parameters), [text(call.parameters, "ReceiptHandle")]))
        return {}

    async def delete_batch(self, call: Call) -> Members:
        """DeleteMessageBatch: entry by entry."""
        given = entries(call.parameters)
        ids = _ids(given)
        answers = await self._queues.delete(self._place.queue(call.parameters), [text(entry, "ReceiptHandle") for entry in given])
        return _batch(ids, answers, {entry: {"Id": entry} for entry in ids})

    async def change(self, call: Call) -> Members:
        """ChangeMessageVisibility."""
        handle, seconds = _change(call.parameters)
        _first(await self._queues.change_visibility(self._place.queue(call.parameters), [(handle, seconds)]))
        return {}

    async def change_batch(self, call: Call) -> Members:
        """ChangeMessageVisibilityBatch: entry by entry."""
        queue, given = self._place.queue(call.parameters), entries(call.parameters)
        ids = _ids(given)
        read = [_attempted(lambda entry=entry: _change(entry)) for entry in given]  # type: ignore[misc]
        right = [change for change in read if not isinstance(change, RouterError)]
        done = iter(await self._queues.change_visibility(queue, right))
        answers = [change if isinstance(change, RouterError) else next(done) for change in read]
        return _batch(ids, answers, {entry: {"Id": entry} for entry in ids})


def message_of(members: Mapping[str, Any], call: Call) -> New:
    """A message as a request spells it; what queues take of it they say themselves. Raises a QueueError.

    Without a trace of its own it has that of the call, as on AWS."""
    system = _attributes(members, "MessageSystemAttributes")
    for name, attribute in system.items():
        if name != TRACE or attribute.data_type != "String" or not isinstance(attribute.value, str):
            raise InvalidParameterValue(f"Message system attribute name '{name[:100]}' is invalid: only {TRACE}, a String, can be sent.")
    trace = str(system[TRACE].value) if TRACE in system else call.trace
    if not tracing.valid(trace):
        raise InvalidParameterValue(f"The value of {TRACE} is no X-Ray trace header.")
    return New(
        text(members, "MessageBody"),
        _attributes(members, "MessageAttributes"),
        number(members, "DelaySeconds"),
        text(members, "MessageGroupId", ""),
        text(members, "MessageDeduplicationId", ""),
        trace,
        call.caller.principal.id,
    )


def _attributes(members: Mapping[str, Any], name: str) -> dict[str, Attribute]:
    given = members.get(name) or {}
    if not isinstance(given, Mapping):
        raise InvalidParameterValue(f"The parameter {name} must map names to values.")
    return {str(key): _attribute(str(key), value) for key, value in given.items()}


def _attribute(name: str, value: Any) -> Attribute:
    if not isinstance(value, Mapping) or not isinstance(value.get("DataType"), str) or not value["DataType"]:
        raise InvalidParameterValue(f"The message attribute '{name[:200]}' must contain a non-empty message attribute type.")
    if value.get("StringListValues") or value.get("BinaryListValues"):
        raise InvalidParameterValue("Message attribute list values in SendMessage operation are not supported.")
    held = value.get("BinaryValue") if value["DataType"].startswith("Binary") else value.get("StringValue")
    if not isinstance(held, str | bytes):
        told = f"The message attribute '{name[:200]}' must contain a non-empty message attribute value for message attribute type '{value['DataType'][:100]}'."
        raise InvalidParameterValue(told)
    return Attribute(value["DataType"], held)


def _told(members: Mapping[str, Any], message: New, sent: Sent) -> dict[str, Any]:
    made: dict[str, Any] = {"MessageId": sent.message_id, "MD5OfMessageBody": md5_of_body(message.body)}
    if message.attributes:
        made["MD5OfMessageAttributes"] = md5_of_attributes(message.attributes)
    if members.get("MessageSystemAttributes"):
        made["MD5OfMessageSystemAttributes"] = md5_of_attributes({TRACE: Attribute("String", message.trace)})
    return made | ({"SequenceNumber": sent.sequence} if sent.sequence else {})


def _system(members: Members) -> frozenset[str]:
    """The system attributes asked for, in the new member and in the old one."""
    wanted = frozenset(texts(members, "MessageSystemAttributeNames") + texts(members, "AttributeNames"))
    for name in wanted - SYSTEM:
        raise InvalidAttributeName(name)
    return wanted


def _shown(message: Message, system: frozenset[str], wanted: Sequence[str]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "MessageId": message.id,
        "ReceiptHandle": message.handle,
        "MD5OfBody": md5_of_body(message.body),
        "Body": message.body,
    }
    own = {name: value for name, value in system_attributes(message).items() if "All" in system or name in system}
    if own:
        made["Attributes"] = own
    chosen = {name: attribute for name, attribute in message.attributes.items() if _asked(name, wanted)}
    if chosen:
        made["MD5OfMessageAttributes"] = md5_of_attributes(chosen)
        made["MessageAttributes"] = {name: _spelt(attribute) for name, attribute in chosen.items()}
    return made


def _asked(name: str, wanted: Sequence[str]) -> bool:
    """Whether MessageAttributeNames ask for an attribute: by name, All, * or PREFIX.*, whose prefix need not end at a period."""
    return any(one in {"All", "*", name} or (one.endswith(".*") and name.startswith(one[:-2])) for one in wanted)


def _spelt(attribute: Attribute) -> dict[str, Any]:
    kind = "BinaryValue" if isinstance(attribute.value, bytes) else "StringValue"
    return {kind: attribute.value, "DataType": attribute.data_type}


def _change(members: Mapping[str, Any]) -> tuple[str, float]:
    seconds = number(members, "VisibilityTimeout")
    if seconds is None:
        raise MissingParameter("The request must contain the parameter VisibilityTimeout.")
    check_visibility(seconds)
    return text(members, "ReceiptHandle"), seconds


def _ids(given: Sequence[Mapping[str, Any]]) -> list[str]:
    ids = [text(entry, "Id") for entry in given]
    check_batch(ids)
    return ids


def _attempted(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except QueueError as refusal:
        return refusal


def _first(answers: Sequence[RouterError | None]) -> None:
    for answer in answers:
        if answer is not None:
            raise answer


def _batch(ids: Sequence[str], answers: Sequence[object], told: Mapping[str, Mapping[str, Any]]) -> Members:
    """Successful and Failed; either is there only when it has entries."""
    failed = [
        {"Id": entry, "SenderFault": answer.status < 500, "Code": getattr(answer, "query_code", answer.code), "Message": str(answer)}
        for entry, answer in zip(ids, answers, strict=True)
        if isinstance(answer, RouterError)
    ]
    good = [told[entry] for entry, answer in zip(ids, answers, strict=True) if not isinstance(answer, RouterError)]
    return {**({"Successful": good} if good else {}), **({"Failed": failed} if failed else {})}
