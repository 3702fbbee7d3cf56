"""What operators may ask of the queues; the control socket speaks HTTP over these calls. JSON-ready values; what cannot be done is a RouterError."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final

from router import names
from router.errors import InvalidParameter, RouterError
from router.events.http import NOBODY, Client
from router.events.sqs import Attribute, Message, md5_of_attributes, md5_of_body
from router.events.sqs_rules import LONGEST_WAIT, New, check_receive
from router.queues.moves import RATE, Moves
from router.queues.store import Queues

SENT: Final = ("body", "attributes", "delay", "group", "deduplication")


class QueueCalls:
    """Calls on the queues of a running daemon."""

    def __init__(self, queues: Queues, moves: Moves) -> None:
        self._queues, self._moves = queues, moves

    async def rows(self) -> list[dict[str, Any]]:
        """One row a queue; queues that are gone from the config but still hold messages come last."""
        rows = [await self._row(name) for name in self._queues.settings]
        gone = await self._queues.left_behind()
        nothing = {"kind": None, "in_flight": None, "delayed": None, "oldest_s": None, "dead_letter_queue": None, "arn": None}
        return rows + [{"name": name, "messages": count, **nothing} for name, count in gone.items()]

    async def _row(self, name: str) -> dict[str, Any]:
        queue, count = self._queues.of(name), await self._queues.count(name)
        return {
            "name": name,
            "kind": "fifo" if queue.fifo else "standard",
            "messages": count.messages,
            "in_flight": count.in_flight,
            "delayed": count.delayed,
            "oldest_s": None if count.oldest is None else round(count.oldest, 3),
            "dead_letter_queue": queue.redrive.queue if queue.redrive is not None else None,
            "arn": self._queues.arn(name),
        }

    async def send(self, name: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """Store one message: {"body", "attributes": {name: {"type", "value"}}, "delay", "group", "deduplication"}; its ids and digests."""
        message = message_of(value)
        (sent,) = await self._queues.send(name, [message])
        if isinstance(sent, RouterError):
            raise sent
        return {
            "id": sent.message_id,
            "sequence": sent.sequence or None,
            "md5_of_body": md5_of_body(message.body),
            "md5_of_attributes": md5_of_attributes(message.attributes) if message.attributes else None,
        }

    async def receive(
        self, name: str, *, most: int, wait: float, visibility: float | None, client: Client = NOBODY
    ) -> list[dict[str, Any]]:
        """Hand out messages, as SQS does; none to a *client* that has left."""
        check_receive(most, wait)
        found = await self._queues.receive(name, most=most, wait=min(wait, LONGEST_WAIT), visibility=visibility, client=client)
        return [shown(message) for message in found]

    async def delete(self, name: str, handles: Sequence[str]) -> int:
        """Remove received messages; how many handles were given. Raises what is wrong with the first that is wrong."""
        for answer in await self._queues.delete(name, handles):
            if answer is not None:
                raise answer
        return len(handles)

    async def purge(self, name: str) -> int:
        """Remove all messages; how many."""
        return await self._queues.purge(name)

    async def redrive(self, name: str, to: str, rate: int = RATE) -> str:
        """Begin to move a dead-letter queue's messages back, or to another queue; the task's id."""
        return await self._moves.start(name, to, rate=rate)

    async def moves(self) -> list[dict[str, Any]]:
        """Move tasks, newest first."""
        return [{**row, "started": names.iso_ms(row["started"] / 1000)} for row in await self._moves.list()]


def message_of(value: Mapping[str, Any]) -> New:
    """A message out of JSON. Raises InvalidParameter."""
    unknown = sorted(value.keys() - set(SENT))
    if unknown:
        raise InvalidParameter(f"{', '.join(unknown)}: a message has {', '.join(SENT)}")
    body, attributes, delay = value.get("body"), value.get("attributes") or {}, value.get("delay")
    texts = [value.get(key) or "" for key in ("group", "deduplication")]
    if not isinstance(body, str) or not all(isinstance(text, str) for text in texts):
        raise InvalidParameter("body, group and deduplication are texts")
    if delay is not None and (isinstance(delay, bool) or not isinstance(delay, int | float)):
        raise InvalidParameter("delay is a number of seconds")
    if not isinstance(attributes, dict):
        raise InvalidParameter('attributes is an object: {NAME: {"type": "String", "value": "..."}}')
    group, deduplication = texts
    return New(body, {name: _attribute(name, one) for name, one in attributes.items()}, delay, group, deduplication)


def _attribute(name: str, value: Any) -> Attribute:
    kind, text = (value.get("type", "String"), value.get("value")) if isinstance(value, dict) else ("", None)
    if not isinstance(kind, str) or not isinstance(text, str):
        raise InvalidParameter(f'attribute {name:.100}: {{"type": "String" or "Number", "value": text}}')
    return Attribute(kind, text)


def shown(message: Message) -> dict[str, Any]:
    """A received message."""
    fifo = message.fifo
    return {
        "id": message.id,
        "handle": message.handle,
        "body": message.body,
        "sent": names.iso_ms(message.sent / 1000),
        "receives": message.receives,
        "attributes": {name: {"type": one.data_type, "value": _text(one.value)} for name, one in message.attributes.items()},
        "group": message.group or None,
        "sequence": fifo.sequence if fifo else None,
        "dead_letter_source": message.dead_letter_source or None,
    }


def _text(value: str | bytes) -> str:
    return b64encode(value).decode() if isinstance(value, bytes) else value
