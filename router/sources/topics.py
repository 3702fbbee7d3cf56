"""The topics of the house: who gets what is published, and all of it durable at once.

Whoever has a message for a topic (the AWS endpoint) hands it to Topics.publish(). What it comes to — an event for each function, a
message for each queue, a dead letter for what cannot be delivered — is in the store in one transaction. Where that would be too much for
one, the message is, and its subscribers get it right behind: batch by batch, each in a transaction with the note of how far it is."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import apsw
import orjson
import structlog

from router import names
from router.clock import Clock
from router.config.types import Config, Topic
from router.errors import JournalError
from router.events import sns
from router.events.sns_filters import Seen
from router.events.sns_rules import Message, deduplication_id
from router.events.sqs import Attribute
from router.events.sqs_rules import ATTRIBUTES, New, size_of
from router.journal.base import Beside
from router.journal.database import Database
from router.model import ASYNC_LIMIT, Envelope
from router.queues.store import Queues
from router.sources import topic_store
from router.sources.room import Room
from router.sources.topic_subscribers import Drawn, Subscriber
from router.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from router.sources.base import Outlet

log = structlog.get_logger("router.sources.topic")

AT_ONCE: Final = 8 * 1024 * 1024  # bytes that go to subscribers of a standard topic in one transaction
SUBSCRIBERS: Final = 500  # that get a message of a standard topic in one transaction: others wait for it
AROUND: Final = 1024  # bytes of a notification beside the message
HELD: Final = 64 * 1024 * 1024  # bytes of what is on its way to subscribers, of all calls together
CERTIFICATE: Final = "SimpleNotificationService-0000000000000000000000.pem"  # there is none: only AWS could sign


class Published(NamedTuple):
    """A message that is durable with all that it came to."""

    message_id: str
    sequence: str = ""  # of a FIFO topic's


@dataclass(frozen=True, slots=True)
class Letter:
    """A message for a queue."""

    queue: str
    message: New
    size: int


class Topics:
    """All topics. Empty until the config's are laid."""

    def __init__(self) -> None:
        self.laid = False
        self.topics: Mapping[str, Topic] = {}
        self._subscribers: Mapping[str, Sequence[Subscriber]] = {}
        self._prepared = False
        self._publishing = 0  # calls under way
        self.still = asyncio.Event()  # set while there are none
        self.still.set()
        self.behind = asyncio.Event()  # set when a message was kept for later
        self._room = Room(HELD)

    def lay(self, drawn: Drawn, config: Config, house: "Grounds") -> None:
        """Take up the topics of a config."""
        self.topics, self._subscribers, self.laid = drawn.topics, drawn.subscribers, True
        self._region, self._account = config.region, config.account
        self._database, self._queues, self._clock = house.database, house.queues, house.clock
        self._count = house.metrics.counter("router_topic_messages_total", "Messages published to a topic.", "topic")
        self._handed = house.metrics.counter("router_topic_deliveries_total", "Messages of topics handed to subscribers.", "topic", "kind")
        self._lost = house.metrics.counter("router_topic_undeliverable_total", "Messages of topics that a subscriber cannot get.", "topic")

    def arn(self, topic: str) -> str:
        """A topic's ARN."""
        return names.topic_arn(self._region, self._account, topic)

    def subscribers(self, topic: str | None = None) -> list[Subscriber]:
        """Those of a topic, or of all."""
        return [one for name in ([topic] if topic is not None else self._subscribers) for one in self._subscribers.get(name, ())]

    async def publish(self, outlet: "Outlet", topic: str, message: Message, beside: Beside | None = None) -> Published:
        """Hand a message, which was checked, to all who want it; durable on return. Raises JournalError: nothing was accepted.

        *beside*: what else is done in the transaction, of a standard topic."""
        settings = self.topics[topic]
        wanted, rest = _some(self._wanting(topic, message), message, fifo=settings.fifo)
        self._publishing += 1
        self.still.clear()
        try:
            async with self._room.holding(_weight(message) * (1 if rest else len(wanted))):
                if settings.fifo:
                    published = await self._in_order(outlet, settings, message, wanted)
                elif rest:
                    published = await self._put_off(outlet, settings, message, beside)
                else:
                    published = await self._fan_out(outlet, settings, message, wanted, beside)
        finally:
            self._publishing -= 1
            if not self._publishing:
                self.still.set()
        self._count.add(topic)
        return published

    def _wanting(self, topic: str, message: Message, after: str = "") -> Iterator[Subscriber]:
        """Who is to get a message, in the order of ids; only those behind *after*."""
        seen = Seen(message.text, message.attributes)
        found = sorted((one for one in self._subscribers[topic] if one.id > after), key=lambda one: one.id)
        return (one for one in found if one.filter is None or one.filter.lets(seen))

    async def forgetting(self, topic: str) -> Callable[[apsw.Connection], None]:
        """What makes a topic's messages unknown to the next of its name, in the transaction that ends its declaration. Raises JournalError."""
        await self._prepare()
        return topic_store.forgetting(topic)

    async def forget(self, topic: str) -> None:
        """The same of one that is no more. Raises JournalError."""
        await self._database.land(await self.forgetting(topic))

    # -- standard topics

    async def _fan_out(
        self, outlet: "Outlet", topic: Topic, message: Message, wanted: Sequence[Subscriber], beside: Beside | None
    ) -> Published:
        told = self._notification(topic.name, message, names.request_id())
        await self._hand_out(outlet, told, message, wanted, beside)
        return Published(told.id)

    async def _hand_out(
        self, outlet: "Outlet", told: sns.Notification, message: Message, wanted: Sequence[Subscriber], beside: Beside | None
    ) -> None:
        letters: list[Letter] = []
        envelopes: list[Envelope] = []
        for one in wanted:
            if one.settings.kind == "function":
                envelope = self._envelope(one, told, message)
                if envelope is not None:
                    envelopes.append(envelope)
                    continue
                letters += self._dead(one, told, message, f"the event has more than {ASYNC_LIMIT} bytes")
            else:
                letters += self._letters(one, told, message)

        def unit(connection: apsw.Connection) -> None:
            self._store(connection, letters=letters)
            if beside is not None:
                beside(connection)

        await outlet.emit_all(envelopes, unit if letters or beside is not None else None)
        self._delivered(told.topic_arn.rpartition(":")[2], letters, len(envelopes))

    # -- standard topics with many subscribers

    async def _prepare(self) -> None:
        if not self._prepared:
            await topic_store.prepare(self._database)
            self._prepared = True

    async def _put_off(self, outlet: "Outlet", topic: Topic, message: Message, beside: Beside | None) -> Published:
        await self._prepare()
        message_id, now = names.request_id(), self._clock.now()

        def unit(connection: apsw.Connection) -> None:
            topic_store.put_off(connection, topic.name, message_id, now, message)
            if beside is not None:
                beside(connection)

        await outlet.emit_all([], unit)
        self.behind.set()
        return Published(message_id)

    async def hand_on(self, outlet: "Outlet") -> bool:
        """Hand the first message that was kept for later to some more of those who want it; whether there was one.

        Who subscribes while it is handed out may get it. Raises JournalError: nobody more has it."""
        await self._prepare()
        kept = await topic_store.oldest(self._database)
        if kept is None:
            return False
        message, last = kept.message, ""
        wanted: list[Subscriber] = []
        if message is None or kept.topic not in self.topics:
            error = "it is damaged" if message is None else "the config has the topic no more"
            log.error("notification_lost", topic=kept.topic, message_id=kept.message_id, error=error)
            message = Message("")
        else:
            wanted, rest = _some(self._wanting(kept.topic, message, kept.last), message)
            last = wanted[-1].id if rest else ""
        told = self._notification(kept.topic, message, kept.message_id, at=kept.at)
        async with self._room.holding(len(wanted) * _weight(message)):
            await self._hand_out(outlet, told, message, wanted, lambda connection: topic_store.handed(connection, kept.id, last))
        return True

    def _envelope(self, one: Subscriber, told: sns.Notification, message: Message) -> Envelope | None:
        """None: it comes to more than a function can get."""
        mine = replace(told, message=message.text_for("lambda"))
        event = sns.event(mine, subscription_arn=one.arn, signed=self._signed(), endpoint=self._endpoint())
        payload = orjson.dumps(event)
        if len(payload) > ASYNC_LIMIT:
            return None
        return Envelope(one.settings.target, payload, f"sns:{one.topic}", f"{told.id}:{one.id}", trace=message.trace)

    # -- FIFO topics: to queues only

    async def _in_order(self, outlet: "Outlet", topic: Topic, message: Message, wanted: Sequence[Subscriber]) -> Published:
        await self._prepare()
        deduplication = deduplication_id(message)
        unlike = f"{message.group}\n{deduplication}" if topic.deduplication_scope == "MessageGroup" else deduplication
        fresh_id, now = names.request_id(), self._queues.time()
        done: list[tuple[topic_store.Numbered, list[Letter]]] = []

        def unit(connection: apsw.Connection) -> None:
            numbered = topic_store.number(connection, topic.name, unlike, fresh_id, now)
            letters: list[Letter] = []
            if numbered.fresh:
                told = self._notification(topic.name, message, numbered.message_id, numbered.sequence)
                letters = [letter for one in wanted for letter in self._letters(one, told, message, deduplication)]
                self._store(connection, letters=letters)
            done[:] = [(numbered, letters)]

        await outlet.emit_all([], unit)
        if not done:
            raise JournalError("the store did not say what became of the message")
        numbered, letters = done[0]
        self._delivered(topic.name, letters, 0)
        return Published(numbered.message_id, numbered.sequence)

    # -- queues

    def _letters(self, one: Subscriber, told: sns.Notification, message: Message, deduplication: str = "") -> list[Letter]:
        """The message for a subscriber's queue, or what becomes of one that the queue cannot take."""
        queue = self._queues.known(one.settings.target)
        made = self._letter(one, told, message)
        if len(made.attributes) > ATTRIBUTES:
            return self._dead(one, told, message, f"a raw message has more than {ATTRIBUTES} attributes")
        size = size_of(made)
        if size > queue.max_message_size:
            return self._dead(one, told, message, f"it has {size} bytes, and the queue takes {queue.max_message_size}")
        if queue.fifo or not self.topics[one.topic].fifo:  # a FIFO topic's groups are nothing to a standard queue: SNS developer guide
            made = replace(made, group=message.group, deduplication=deduplication if queue.fifo else "")
        return [Letter(queue.name, made, size)]

    def _letter(self, one: Subscriber, told: sns.Notification, message: Message) -> New:
        text = message.text_for("sqs")
        if one.settings.raw:
            return New(text, message.attributes, trace=message.trace, sender=message.sender)
        body = sns.body(replace(told, message=text), subscription_arn=one.arn, signed=self._signed(), endpoint=self._endpoint())
        return New(body, trace=message.trace, sender=message.sender)

    def _dead(self, one: Subscriber, told: sns.Notification, message: Message, why: str) -> list[Letter]:
        """What cannot be delivered goes to the subscription's dead-letter queue, or is lost and said to be."""
        self._lost.add(one.topic)
        to = one.settings.dead_letter
        about = {"topic": one.topic, "subscription": one.settings.name, "message_id": told.id, "error": why}
        if not to:
            log.error("notification_lost", **about)
            return []
        log.warning("notification_undeliverable", **about, dead_letter_queue=to)
        body = sns.body(told, subscription_arn=one.arn, signed=self._signed(), endpoint=self._endpoint())
        facts = {"RequestID": told.id, "ErrorCode": "400", "ErrorMessage": why}
        attributes = {name: Attribute("Number" if name == "ErrorCode" else "String", text) for name, text in facts.items()}
        same = f"{told.id}:{one.id}"  # two subscriptions may share the queue
        group, deduplication = (message.group, same) if self._queues.known(to).fifo else ("", "")
        made = New(body, attributes, None, group, deduplication, trace=message.trace)
        return [Letter(to, made, size_of(made))]

    def _store(self, connection: apsw.Connection, *, letters: Sequence[Letter]) -> None:
        for letter in letters:
            self._queues.put(connection, letter.queue, letter.message, letter.size)

    def _delivered(self, topic: str, letters: Sequence[Letter], functions: int) -> None:
        for name in {letter.queue for letter in letters}:
            self._queues.ring(name)
        if letters:
            self._handed.add(topic, "queue", amount=len(letters))
        if functions:
            self._handed.add(topic, "function", amount=functions)

    # -- notifications

    def _notification(self, topic: str, message: Message, message_id: str, sequence: str = "", at: float | None = None) -> sns.Notification:
        attributes, when = sns.attributes_of(message.attributes), self._clock.now() if at is None else at
        return sns.Notification(message_id, self.arn(topic), message.text, when, message.subject, attributes, sequence)

    def _signed(self) -> sns.Signed:
        return sns.Signed("", f"{self._endpoint()}/{CERTIFICATE}")

    def _endpoint(self) -> str:
        return f"https://sns.{self._region}.amazonaws.com"


def _weight(message: Message) -> int:
    """Bytes that a message comes to for one subscriber, about."""
    return message.size + AROUND


def _some(wanting: Iterable[Subscriber], message: Message, *, fifo: bool = False) -> tuple[list[Subscriber], bool]:
    """Those who get a message in one transaction, and whether there are more; of a FIFO topic, which has few, all."""
    found: list[Subscriber] = []
    most = max(1, min(SUBSCRIBERS, AT_ONCE // _weight(message)))
    for one in wanting:
        if len(found) == most and not fifo:
            return found, True
        found.append(one)
    return found, False


class Grounds(NamedTuple):
    """What topics stand on."""

    database: Database
    queues: Queues
    clock: Clock
    metrics: Metrics
